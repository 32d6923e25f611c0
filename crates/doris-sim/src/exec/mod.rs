//! Statements executed on the model of a cluster, answered in Doris's columns, formats and words.
//!
//! [`execute`] is the one entry: the MySQL server ([`crate::serve`]) and in-process clients both use it. A statement takes
//! effect at once, under one lock; INSERT, DELETE and UPDATE then wait until their transaction is visible, as Doris does.

mod account;
mod alter;
mod alter_partition;
mod alter_schema;
mod analyze;
mod constraint;
mod create_table;
mod database;
mod forward;
mod insert;
mod modify;
mod older;
mod overwrite;
mod partition;
mod partition_step;
mod predicate;
mod privilege;
mod qualify;
mod query;
mod recover;
mod reply;
mod scalar;
mod session;
mod show;
mod snapshot;
mod txn;
mod variables;
mod view;
mod write;

use std::sync::Arc;

use doris::net::SqlReply;
use futures::{FutureExt as _, future::BoxFuture};

pub use reply::{Reply, ResultColumn, Rows};
use session::Context;
pub(crate) use session::use_db as use_database;
pub(crate) use txn::close as close_txn;

use crate::{
    Session, Sim, SqlService,
    model::{Answer, Model, Refusal, Refused, TableState, TabletId, coerce, datetime},
    sql::{
        Statement, parse_marked,
        statement::{ObjectName, Properties},
    },
};

/// Executes a text of one statement. Of several, all are executed, and the first answer is given (as a client sees it
/// that reads one answer for one text).
pub async fn execute(sim: &Sim, session: &mut Session, sql: &str) -> SqlReply {
    let mut replies = execute_all(sim, session, sql).await;
    if replies.is_empty() { Reply::done() } else { replies.swap_remove(0) }.into()
}

/// Executes every statement of a text until one is refused; one answer for each that was executed, at least one.
pub async fn execute_all(sim: &Sim, session: &mut Session, sql: &str) -> Vec<Reply> {
    let profile = sim.look(|model| model.profile().clone());
    let statements = match parse_marked(sql) {
        Ok(statements) => statements,
        Err(error) => return vec![older::syntax_refusal(&profile, sql, &error).into()],
    };
    if let Err(refusal) = older::check_syntax(&profile, sql, &statements) {
        return vec![refusal.into()];
    }
    let mut replies = Vec::new();
    for (statement, _) in statements {
        let what = refused_as(&statement);
        let answer = run(sim, session, statement).await;
        let reply = Reply::from(answer.map_err(|refusal| refusal.answered_by(&profile, what)));
        let refused = matches!(reply, Reply::Refused(_));
        replies.push(reply);
        if refused {
            break;
        }
    }
    replies
}

/// [`execute`] for those who hold a cluster behind [`SqlService`].
#[derive(Clone, Debug)]
pub struct Sql {
    sim: Arc<Sim>,
}

impl Sql {
    pub fn new(sim: Arc<Sim>) -> Self {
        Self { sim }
    }
}

impl SqlService for Sql {
    fn execute<'a>(&'a self, session: &'a mut Session, sql: &'a str) -> BoxFuture<'a, SqlReply> {
        execute(&self.sim, session, sql).boxed()
    }

    fn execute_all<'a>(&'a self, session: &'a mut Session, sql: &'a str) -> BoxFuture<'a, Vec<Reply>> {
        execute_all(&self.sim, session, sql).boxed()
    }
}

/// How the statement's refusal is told.
fn refused_as(statement: &Statement) -> Refused {
    match statement {
        Statement::DropTable { .. } | Statement::DropView { .. } => Refused::Drop,
        Statement::CreateTable(_)
        | Statement::CreateTableLike { .. }
        | Statement::CreateView(_)
        | Statement::AlterView { .. } => Refused::Create,
        Statement::Query(_) => Refused::Query,
        _ => Refused::Other,
    }
}

async fn run(sim: &Sim, session: &mut Session, statement: Statement) -> Answer<Reply> {
    sim.look(|model| forward::check(model, session, &statement))?;
    sim.look(|model| privilege::check(model, session, &statement))?;
    txn::check_allowed(session, &statement)?;
    match statement {
        Statement::Insert(insert) => insert::insert(sim, session, insert).await,
        Statement::CreateTable(table) if table.query.is_some() => {
            create_table::as_select::create(sim, session, *table).await
        }
        Statement::CreateMaterializedView(view) => create_table::materialized::create(sim, session, *view).await,
        Statement::Delete(delete) => modify::delete(sim, session, delete).await,
        Statement::Update(update) => modify::update(sim, session, update).await,
        Statement::Begin { label } => Ok(sim.with(|model| txn::begin(model, session, label))),
        Statement::Commit => txn::commit(sim, session).await,
        Statement::Rollback => sim.with(|model| txn::rollback(model, session)),
        Statement::Use(db) => sim.look(|model| session::use_db(model, session, &db)),
        Statement::Set(assignments) => sim.with(|model| variables::set(model, session, &assignments)),
        Statement::Query(query) => {
            sim.look(|model| query::reply(&Context::new(model, session), &query).map(Reply::Rows))
        }
        Statement::Show(show) => sim.look(|model| {
            let rows = show::show(&Context::new(model, session), &show)?;
            Ok(Reply::Rows(show::columns::as_shown(model.profile(), rows)))
        }),
        Statement::Describe { table, all } => {
            sim.look(|model| show::table::describe(&Context::new(model, session), &table, all).map(Reply::Rows))
        }
        Statement::Backup(backup) => {
            sim.wait(|model| (!model.backups_are_blocked()).then_some(())).await;
            sim.with(|model| snapshot::backup(model, session, backup)).map(|()| Reply::done())
        }
        Statement::Empty | Statement::Sync => Ok(Reply::done()),
        Statement::Kill(id) => Err(Refusal::analysis(format!("Unknown thread id: {id}"))),
        definition => sim.with(|model| define(model, session, definition)),
    }
}

/// Statements that change the catalog.
fn define(model: &mut Model, session: &Session, statement: Statement) -> Answer<Reply> {
    match statement {
        Statement::CreateDatabase { name, if_not_exists, properties } => {
            database::create(model, &name, &properties, if_not_exists)?;
        }
        Statement::DropDatabase { name, if_exists, force } => model.drop_database(&name, if_exists, force)?,
        Statement::AlterDatabase { name, change } => database::alter(model, &name, change)?,
        Statement::CreateTable(table) => {
            older::check_names(model.profile(), &table)?;
            create_table::create(model, session, *table)?;
        }
        Statement::CreateTableLike { name, like, if_not_exists, rollups } => {
            create_table::like(model, session, &name, &like, if_not_exists, &rollups)?;
        }
        Statement::CreateView(view) => view::create(model, session, view)?,
        Statement::AlterView { name, change } => view::alter(model, session, &name, change)?,
        Statement::DropTable { name, if_exists, force } => {
            let (db, table) = target(session, &name)?;
            model.drop_table(db, table, if_exists, force)?;
        }
        Statement::DropMaterializedView { name, if_exists } => {
            let (db, view) = target(session, &name)?;
            model.drop_materialized_table(db, view, if_exists)?;
        }
        Statement::CreateTemporaryTable(table) => {
            let (db, _) = target(session, &table.name)?;
            return Err(Refusal::analysis(match model.database(db)?.binlog_enabled() {
                true => "Cannot create temporary table with binlog enable",
                false => "doris-sim does not model temporary tables",
            }));
        }
        Statement::DropView { name, if_exists } => {
            let (db, view) = target(session, &name)?;
            model.drop_view(db, view, if_exists)?;
        }
        Statement::AlterTable { table, clauses } => alter::alter(model, session, &table, clauses)?,
        Statement::Truncate { table, partitions, force } => {
            let (db, name) = target(session, &table)?;
            model.truncate_table(db, name, (!partitions.is_empty()).then_some(&partitions[..]), force)?;
        }
        Statement::AdminSetTableStatus { table, properties } => {
            let (db, name) = target(session, &table)?;
            set_table_status(model, db, name, &properties)?;
        }
        Statement::Analyze { table, columns, sync } => {
            return analyze::analyze(model, session, &table, &columns, sync);
        }
        Statement::EraseRecycled { kind, id } => model.erase_recycled(&kind, id)?,
        Statement::CreateIndex { table, index, if_not_exists } => {
            alter_schema::create_index(model, session, &table, index, if_not_exists)?;
        }
        Statement::DropIndex { table, name, if_exists } => {
            let (db, table) = target(session, &table)?;
            model.drop_index(db, table, &name, if_exists)?;
        }
        Statement::BuildIndex { table, name, partitions } => {
            let (db, table) = target(session, &table)?;
            model.build_index(db, table, &name, &partitions)?;
        }
        Statement::CreateRollupView { name, query } => alter_schema::create_view(model, session, name, &query)?,
        Statement::DropRollupView { name, table, if_exists } => {
            let (db, table) = target(session, &table)?;
            model.drop_materialized_view(db, table, &name, if_exists)?;
        }
        Statement::CancelAlter { table, what, jobs } => alter_schema::cancel(model, session, &table, what, &jobs)?,
        Statement::Recover(recover) => recover::recover(model, session, &recover)?,
        Statement::CleanLabel { db, label } => {
            let db = model.database(&db)?.id;
            model.clean_label(db, label.as_deref());
        }
        Statement::AdminSetFrontendConfig(config) => session::set_frontend_config(model, &config)?,
        Statement::CancelBackup { db } => {
            model.cancel_snapshot_job(session::db_of(session, db.as_deref())?, false)?;
        }
        Statement::CancelRestore { db } => {
            model.cancel_snapshot_job(session::db_of(session, db.as_deref())?, true)?;
        }
        Statement::Restore(restore) => snapshot::restore(model, session, restore)?,
        Statement::Account(statement) => account::execute(model, session, statement)?,
        Statement::AdminSetReplicaStatus(properties) => set_replica_status(model, &properties)?,
        other => return Err(Refusal::analysis(format!("doris-sim does not model this statement: {other:?}"))),
    }
    Ok(Reply::done())
}

/// ADMIN SET TABLE STATUS.
fn set_table_status(model: &mut Model, db: &str, name: &str, properties: &Properties) -> Answer<()> {
    let Some(word) = properties.get("state") else {
        return Err(Refusal::analysis("Should add properties: STATE."));
    };
    let state = TableState::of_name(word);
    let state = state.ok_or_else(|| Refusal::analysis(format!("doris-sim does not model the table state {word}")))?;
    model.set_table_state(db, name, state)
}

/// ADMIN SET REPLICA STATUS.
fn set_replica_status(model: &Model, properties: &Properties) -> Answer<()> {
    let number = |key: &str| {
        let text =
            properties.get(key).ok_or_else(|| Refusal::analysis(format!("Should add following properties: {key}")))?;
        text.parse::<i64>().map_err(|_| Refusal::analysis(format!("Invalid {key}: {text}")))
    };
    let (tablet, backend) = (TabletId::new(number("tablet_id")?), number("backend_id")?);
    let held = model.backends.values().any(|be| be.id.get() == backend && be.tablets.contains_key(&tablet));
    Err(Refusal::analysis(match held {
        true => "doris-sim does not model replicas that are set bad".to_owned(),
        false => format!("set replica status failed, tabletId={tablet}"),
    }))
}

/// Database and name of an object.
fn target<'a>(session: &'a Session, name: &'a ObjectName) -> Answer<(&'a str, &'a str)> {
    Ok((session::db_of(session, name.db.as_deref())?, &name.name))
}

#[cfg(test)]
mod tests;
