//! SHOW GRANTS, SHOW ROLES.

use super::{
    super::{reply::Rows, session::Context},
    cell,
};
use crate::{
    model::{Account, Answer, GrantScope, Grants, Refusal, UserIdentity},
    sql::statement::ShowGrants,
};

const COLUMNS: [&str; 15] = [
    "UserIdentity",
    "Comment",
    "Password",
    "Roles",
    "GlobalPrivs",
    "CatalogPrivs",
    "DatabasePrivs",
    "TablePrivs",
    "ColPrivs",
    "ResourcePrivs",
    "CloudClusterPrivs",
    "CloudStagePrivs",
    "StorageVaultPrivs",
    "WorkloadGroupPrivs",
    "ComputeGroupPrivs",
];

pub(super) fn grants(context: &Context<'_>, whose: &ShowGrants) -> Answer<Rows> {
    let (model, session) = (context.model, context.session);
    let missing = |identity: &dyn std::fmt::Display| Refusal::analysis(format!("User: {identity} does not exist"));
    let accounts: Vec<(&UserIdentity, &Account)> = match whose {
        ShowGrants::All => model.users.iter().collect(),
        ShowGrants::Own => {
            vec![model.identity(&session.user, Some(&session.host)).ok_or_else(|| missing(&session.user))?]
        }
        ShowGrants::Of(identity) => vec![model.users.get_key_value(identity).ok_or_else(|| missing(identity))?],
    };
    let rows = accounts.into_iter().map(|(identity, account)| {
        let grants = model.all_grants(account);
        let password = if account.password.is_empty() { "No" } else { "Yes" };
        let roles: Vec<&str> = account.roles.iter().map(String::as_str).collect();
        let mut row = vec![cell(identity), cell(&account.comment), cell(password), cell(roles.join(","))];
        row.extend(of_tables(&grants));
        row.extend([None, None, None, None, None, cell("normal: Usage_priv"), None]);
        row
    });
    Ok(Rows::of_texts(&COLUMNS, rows.collect()))
}

/// Global, catalog, database and table privileges.
fn of_tables(grants: &Grants) -> [Option<String>; 4] {
    let mut texts: [Vec<String>; 4] = Default::default();
    let [global, catalogs, databases, tables] = &mut texts;
    for (scope, held) in grants {
        match scope {
            GrantScope::Global => global.push(held.to_string()),
            GrantScope::Catalog => catalogs.push(format!("internal: {held}")),
            GrantScope::Database(db) => databases.push(format!("internal.{db}: {held}")),
            GrantScope::Table(db, table) => tables.push(format!("internal.{db}.{table}: {held}")),
        }
    }
    // Everybody has these.
    databases.extend(["information_schema", "mysql"].map(|db| format!("internal.{db}: Select_priv")));
    databases.sort();
    texts.map(|list| (!list.is_empty()).then(|| list.join("; ")))
}

pub(super) fn roles(context: &Context<'_>) -> Rows {
    let rows = context.model.roles.iter().map(|(name, role)| {
        let users = context.model.users.iter().filter(|(_, account)| account.roles.contains(name));
        let users: Vec<String> = users.map(|(identity, _)| identity.to_string()).collect();
        let mut row = vec![cell(name), cell(&role.comment), cell(users.join(", "))];
        row.extend(of_tables(&role.grants));
        row.extend([None, None, None, None, cell("normal: Usage_priv"), None]);
        row
    });
    let columns = [
        "Name",
        "Comment",
        "Users",
        "GlobalPrivs",
        "CatalogPrivs",
        "DatabasePrivs",
        "TablePrivs",
        "ResourcePrivs",
        "CloudClusterPrivs",
        "CloudStagePrivs",
        "StorageVaultPrivs",
        "WorkloadGroupPrivs",
        "ComputeGroupPrivs",
    ];
    Rows::of_texts(&columns, rows.collect())
}
