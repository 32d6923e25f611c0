//! Users, roles and grants.

use std::collections::BTreeSet;

use crate::{
    Session,
    model::{Account, Answer, Grants, Model, Refusal},
    sql::statement::{AccountStatement, NewUser},
};

pub(super) fn execute(model: &mut Model, session: &Session, statement: AccountStatement) -> Answer<()> {
    match statement {
        AccountStatement::CreateUser(NewUser { user, if_not_exists, password, role, comment }) => {
            let roles: BTreeSet<String> = role.into_iter().collect();
            model.create_user(user, Account { password, comment, roles, grants: Grants::new() }, if_not_exists)
        }
        AccountStatement::DropUser { user, if_exists } => model.drop_user(&user, if_exists),
        AccountStatement::SetPassword { user, password } => {
            let own = || model.identity(&session.user, Some(&session.host)).map(|(identity, _)| identity.clone());
            let user = user
                .or_else(own)
                .ok_or_else(|| Refusal::analysis("doris-sim does not model a session without a user"))?;
            model.set_user_password(&user, password)
        }
        AccountStatement::CreateRole { name, comment, if_not_exists } => {
            model.create_role(&name, &comment, if_not_exists)
        }
        AccountStatement::DropRole { name, if_exists } => model.drop_role(&name, if_exists),
        AccountStatement::Privileges { granted: true, privileges, scope, grantee } => {
            model.grant(&grantee, scope, &privileges)
        }
        AccountStatement::Privileges { granted: false, privileges, scope, grantee } => {
            model.revoke(&grantee, &scope, &privileges)
        }
        AccountStatement::Roles { granted, roles, user } => model.set_roles(&user, &roles, granted),
    }
}
