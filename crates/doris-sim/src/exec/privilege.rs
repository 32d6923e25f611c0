//! Which privileges a statement needs, and how it is refused without them.
//!
//! Tables that queries read are checked where they are read ([`super::query`]).

use std::collections::BTreeSet;

use crate::{
    Session,
    model::{Answer, Model, Privilege, Privileges, Refusal},
    sql::{
        Statement,
        statement::{AccountStatement, ObjectName, Show, ShowGrants},
    },
};

/// Where a privilege is needed, which decides on the words of the refusal.
enum Need<'a> {
    Nothing,
    /// Everywhere; the words for it.
    Global(&'static [Privilege], &'static str),
    Database(Privilege, &'a str),
    /// CREATE, DROP and ALTER DATABASE.
    WholeDatabase(Privilege, &'a str),
    Table(Privilege, &'a ObjectName),
    /// Writing rows.
    Rows(&'a ObjectName),
}

const ADMIN: Need<'static> = Need::Global(&[Privilege::Admin], "ADMIN");
const GRANT: Need<'static> = Need::Global(&[Privilege::Admin, Privilege::Grant], "GRANT");

/// Refuses a statement that the session's user may not execute.
pub(super) fn check(model: &Model, session: &Session, statement: &Statement) -> Answer<()> {
    // The owner of the simulator, and those who may do everything.
    if session.user.is_empty() || session.user == "root" {
        return Ok(());
    }
    let access = Access { model, session };
    match need(statement) {
        Need::Nothing => Ok(()),
        Need::Global(one_of, words) => match access.may(one_of, None, None) {
            true => Ok(()),
            false => Err(Refusal::analysis(format!(
                "Access denied; you need (at least one of) the ({words}) privilege(s) for this operation"
            ))),
        },
        Need::WholeDatabase(privilege, db) => access.database(privilege, db, false),
        Need::Database(privilege, db) => access.database(privilege, db, true),
        Need::Table(privilege, table) => access.table(privilege, table),
        Need::Rows(table) => access.rows(table),
    }
}

fn need(statement: &Statement) -> Need<'_> {
    match statement {
        Statement::CreateDatabase { name, .. } => Need::WholeDatabase(Privilege::Create, name),
        Statement::DropDatabase { name, .. } => Need::WholeDatabase(Privilege::Drop, name),
        Statement::AlterDatabase { name, .. } => Need::WholeDatabase(Privilege::Alter, name),
        Statement::CreateTable(table) => Need::Table(Privilege::Create, &table.name),
        Statement::CreateMaterializedView(view) => Need::Table(Privilege::Create, &view.table.name),
        Statement::CreateTemporaryTable(table) => Need::Table(Privilege::Create, &table.name),
        Statement::DropMaterializedView { name, .. } => Need::Table(Privilege::Drop, name),
        Statement::CreateTableLike { name, .. } => Need::Table(Privilege::Create, name),
        Statement::CreateView(view) => Need::Table(Privilege::Create, &view.name),
        Statement::DropTable { name, .. } | Statement::DropView { name, .. } => Need::Table(Privilege::Drop, name),
        Statement::AlterTable { table, .. }
        | Statement::CreateIndex { table, .. }
        | Statement::DropIndex { table, .. }
        | Statement::BuildIndex { table, .. }
        | Statement::DropRollupView { table, .. }
        | Statement::CancelAlter { table, .. } => Need::Table(Privilege::Alter, table),
        Statement::AlterView { name, .. } => Need::Table(Privilege::Alter, name),
        Statement::Truncate { table, .. } => Need::Table(Privilege::Load, table),
        Statement::Insert(insert) => Need::Rows(&insert.table),
        Statement::Delete(delete) => Need::Rows(&delete.table),
        Statement::Update(update) => Need::Rows(&update.table),
        Statement::Backup(backup) | Statement::Restore(backup) => {
            backup.label.db.as_deref().map_or(Need::Nothing, |db| Need::Database(Privilege::Load, db))
        }
        Statement::CancelBackup { db: Some(db) } | Statement::CancelRestore { db: Some(db) } => {
            Need::Database(Privilege::Load, db)
        }
        Statement::CleanLabel { db, .. } => Need::Database(Privilege::Load, db),
        Statement::AdminSetTableStatus { .. }
        | Statement::AdminSetReplicaStatus(_)
        | Statement::AdminSetFrontendConfig(_)
        | Statement::EraseRecycled { .. } => ADMIN,
        Statement::Account(AccountStatement::SetPassword { user: None, .. }) => Need::Nothing,
        Statement::Account(_) => GRANT,
        Statement::Show(show) => need_of_show(show),
        _ => Need::Nothing,
    }
}

fn need_of_show(show: &Show) -> Need<'_> {
    match show {
        Show::Proc(_) => Need::Global(&[Privilege::Admin, Privilege::Node], "ADMIN/NODE"),
        Show::FrontendConfig { .. } | Show::TableId(_) | Show::RecycleBin(_) => ADMIN,
        Show::Grants(ShowGrants::Own) => Need::Nothing,
        Show::Grants(_) | Show::Roles => GRANT,
        Show::Backup { db: Some(db), .. }
        | Show::Restore { db: Some(db), .. }
        | Show::Transaction { db: Some(db), .. } => Need::Database(Privilege::Load, db),
        Show::CreateTable(table)
        | Show::CreateView(table)
        | Show::CreateMaterializedView(table)
        | Show::Partitions { table, .. }
        | Show::Tablets { table, .. }
        | Show::Columns { table, .. }
        | Show::Index { table } => Need::Table(Privilege::ShowView, table),
        _ => Need::Nothing,
    }
}

/// One session's privileges.
pub(super) struct Access<'a> {
    pub(super) model: &'a Model,
    pub(super) session: &'a Session,
}

impl Access<'_> {
    fn may(&self, one_of: &[Privilege], db: Option<&str>, table: Option<&str>) -> bool {
        self.model.may(&self.session.user, Some(&self.session.host), one_of, db, table)
    }

    /// Whether a name is shown in a list.
    pub(super) fn sees(&self, db: &str, table: Option<&str>) -> bool {
        match table {
            None => self.model.sees_database(&self.session.user, Some(&self.session.host), db),
            Some(table) => self.may(&crate::model::SHOW, Some(db), Some(table)),
        }
    }

    fn database(&self, privilege: Privilege, db: &str, inside: bool) -> Answer<()> {
        let one_of = [Privilege::Admin, privilege];
        if self.may(&one_of, Some(db), None) {
            return Ok(());
        }
        Err(Refusal::analysis(if inside {
            format!(
                "Access denied; you need (at least one of) the ({}) privilege(s) on database {db} for this operation",
                names(&one_of)
            )
        } else {
            format!("Access denied for user '{}' to database '{db}'", self.session.user)
        }))
    }

    fn table(&self, privilege: Privilege, table: &ObjectName) -> Answer<()> {
        // Without a database the statement itself is refused.
        let Some(db) = table.db.as_deref().or(self.session.db.as_deref()) else { return Ok(()) };
        let pair = [Privilege::Admin, privilege];
        // Looking at an object needs any privilege on it.
        let one_of: &[Privilege] = if privilege == Privilege::ShowView { &crate::model::SHOW } else { &pair };
        if self.may(one_of, Some(db), Some(&table.name)) {
            return Ok(());
        }
        Err(Refusal::analysis(format!(
            "Access denied; you need (at least one of) the ({}) privilege(s) on table {} for this operation",
            names(one_of),
            table.name
        )))
    }

    fn rows(&self, table: &ObjectName) -> Answer<()> {
        let Some(db) = table.db.as_deref().or(self.session.db.as_deref()) else { return Ok(()) };
        if self.may(&[Privilege::Admin, Privilege::Load], Some(db), Some(&table.name)) {
            return Ok(());
        }
        let Session { user, host, .. } = self.session;
        Err(Refusal::analysis(format!("LOAD command denied to user '{user}'@'{host}' for table '{db}.{}'", table.name)))
    }

    /// Refuses reading a table or view; `column` is the first that is read.
    pub(super) fn read(&self, db: &str, table: &str, column: &str) -> Answer<()> {
        let one_of = [Privilege::Admin, Privilege::Select];
        if self.may(&one_of, Some(db), Some(table)) {
            return Ok(());
        }
        let identity = self.model.identity(&self.session.user, Some(&self.session.host));
        let identity = identity.map_or_else(|| self.session.user.clone(), |(identity, _)| identity.to_string());
        Err(Refusal::analysis(format!(
            "Permission denied: user [{identity}] does not have privilege for [priv predicate: OR, {}] command on \
             [internal].[{db}].[{table}].[{column}]",
            names(&one_of)
        )))
    }
}

fn names(privileges: &[Privilege]) -> Privileges {
    Privileges(privileges.iter().copied().collect::<BTreeSet<_>>())
}
