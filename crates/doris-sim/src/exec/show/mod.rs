//! SHOW statements: columns, order and formats of Doris 4.1.

mod alter_jobs;
mod binlogs;
pub(super) mod catalog;
pub(super) mod cluster;
pub(in crate::exec) mod columns;
mod config;
mod grants;
mod partitions;
mod proc;
mod recycle_bin;
mod snapshot;
pub(super) mod table;
mod transaction;

use sqlparser::ast::{BinaryOperator, Expr};

use super::{
    reply::Rows,
    scalar::{LikePattern, label_of},
    session::{Context, literal_text},
};
use crate::{
    model::{Answer, Refusal},
    sql::statement::{Filter, Show},
};

/// The answer to a SHOW statement.
pub(super) fn show(context: &Context<'_>, show: &Show) -> Answer<Rows> {
    match show {
        Show::Frontends => Ok(cluster::frontends(context)),
        Show::Backends => Ok(cluster::backends(context)),
        Show::Databases(filter) => catalog::databases(context, filter),
        Show::Tables { full, views, db, filter } => catalog::tables(context, db.as_deref(), *full, *views, filter),
        Show::TableStatus { db, filter } => catalog::table_status(context, db.as_deref(), filter),
        Show::TableId(id) => Ok(catalog::table_by_id(context, *id)),
        Show::CreateDatabase(db) => catalog::create_database(context, db),
        Show::CreateTable(name) => table::create_table(context, name),
        Show::CreateView(name) => table::create_view(context, name),
        Show::CreateMaterializedView(name) => table::create_materialized_view(context, name),
        Show::Partitions { table, temp, filter } => partitions::partitions(context, table, *temp, filter),
        Show::Tablets { table, partitions } => partitions::tablets(context, table, partitions),
        Show::Columns { table, full } => table::columns(context, table, *full),
        Show::Index { table } => table::index(context, table),
        Show::Transaction { db, filter } => transaction::transaction(context, db.as_deref(), filter),
        Show::FrontendConfig { pattern } => config::frontend_config(context, pattern.as_deref()),
        Show::Variables(filter) => config::variables(context, filter),
        Show::Grants(whose) => grants::grants(context, whose),
        Show::Roles => Ok(grants::roles(context)),
        Show::Engines => Ok(config::engines()),
        Show::Charset => Ok(config::charset()),
        Show::LastInsert => Ok(config::last_insert(context)),
        Show::ViewsOf(table) => table::views_of(context, table),
        Show::Constraints(table) => super::constraint::show(context, table),
        Show::RecycleBin(filter) => recycle_bin::recycle_bin(context, filter),
        Show::AlterJobs { jobs, db, filter } => alter_jobs::alter_jobs(context, *jobs, db.as_deref(), filter),
        Show::Proc(path) => proc::proc(context, path),
        Show::Nothing(columns) => Ok(Rows::of_texts(columns, Vec::new())),
        Show::Backup { db, filter } => snapshot::backup(context, db.as_deref(), filter),
        Show::Snapshot { repository } => snapshot::snapshots(repository),
        Show::Restore { db, brief, filter } => snapshot::restore(context, db.as_deref(), *brief, filter),
    }
}

/// A text cell.
fn cell(value: impl ToString) -> Option<String> {
    Some(value.to_string())
}

/// `column = 'x'` or `column LIKE 'x'` in WHERE, as SHOW statements accept it.
enum Simple {
    Eq(String, String),
    Like(String, String),
}

/// The condition, with the column in lower case; `None`: of another form.
fn simple(context: &Context<'_>, expr: &Expr) -> Option<Simple> {
    match expr {
        Expr::BinaryOp { left, op: BinaryOperator::Eq, right } => {
            Some(Simple::Eq(label_of(left).to_lowercase(), literal_text(context, right)?))
        }
        Expr::Like { negated: false, expr, pattern, .. } => {
            Some(Simple::Like(label_of(expr).to_lowercase(), literal_text(context, pattern)?))
        }
        _ => None,
    }
}

/// A LIKE pattern of SHOW TABLES and SHOW DATABASES, which Doris turns into a regular expression.
fn name_pattern(pattern: &str) -> Answer<LikePattern> {
    match pattern.chars().find(|c| "<([{^=$!|]})?*+>@".contains(*c)) {
        Some(c) => Err(Refusal::analysis(format!("Forbidden charactor: '{c}'"))),
        None => Ok(LikePattern::new(pattern, false)),
    }
}

/// Whether a cell passes.
type Test = Box<dyn Fn(&str) -> bool>;

/// Keeps the rows whose first column passes the filter; WHERE may compare any column.
fn filtered(context: &Context<'_>, mut rows: Rows, filter: &Filter) -> Answer<Rows> {
    match filter {
        Filter::None => {}
        Filter::Like(pattern) => {
            let pattern = name_pattern(pattern)?;
            rows.rows.retain(|row| row.first().and_then(Option::as_ref).is_some_and(|name| pattern.matches(name)));
        }
        Filter::Where(expr) => {
            let refusal = || Refusal::analysis(format!("Unsupported condition of SHOW: {expr}"));
            let (column, test): (String, Test) = match simple(context, expr).ok_or_else(refusal)? {
                Simple::Eq(column, value) => (column, Box::new(move |cell| cell == value)),
                Simple::Like(column, pattern) => {
                    let pattern = LikePattern::new(&pattern, false);
                    (column, Box::new(move |cell| pattern.matches(cell)))
                }
            };
            let at = rows.position(&column).ok_or_else(refusal)?;
            rows.rows.retain(|row| row.get(at).and_then(Option::as_ref).is_some_and(|cell| test(cell)));
        }
    }
    Ok(rows)
}
