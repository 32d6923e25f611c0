//! Users, roles and grants, as data.

use std::collections::BTreeSet;

use doris::secret::Secret;

use crate::model::{GrantScope, Grantee, Privilege, UserIdentity};

/// A statement about users and roles.
#[derive(Clone, Debug, PartialEq)]
pub enum AccountStatement {
    CreateUser(NewUser),
    DropUser {
        user: UserIdentity,
        if_exists: bool,
    },
    /// SET PASSWORD; without a user, of the session's own.
    SetPassword {
        user: Option<UserIdentity>,
        password: Secret,
    },
    CreateRole {
        name: String,
        comment: String,
        if_not_exists: bool,
    },
    DropRole {
        name: String,
        if_exists: bool,
    },
    /// GRANT or REVOKE of privileges.
    Privileges {
        granted: bool,
        privileges: BTreeSet<Privilege>,
        scope: GrantScope,
        grantee: Grantee,
    },
    /// GRANT or REVOKE of roles.
    Roles {
        granted: bool,
        roles: Vec<String>,
        user: UserIdentity,
    },
}

/// CREATE USER.
#[derive(Clone, Debug, PartialEq)]
pub struct NewUser {
    pub user: UserIdentity,
    pub if_not_exists: bool,
    pub password: Secret,
    pub role: Option<String>,
    pub comment: String,
}

/// SHOW GRANTS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ShowGrants {
    Own,
    Of(UserIdentity),
    All,
}
