//! ALTER TABLE of columns, indexes and rollups; CREATE, DROP and BUILD INDEX; synchronous materialized views.

use sqlparser::ast::{
    Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments, GroupByExpr, Query, SelectItem, SetExpr,
    TableFactor,
};

use super::{
    create_table::{column, secondary_index},
    session, target,
};
use crate::{
    Session,
    model::{
        AddIndex, Aggregation, Answer, Column, KeysType, MaterializedViewSpec, Model, MvColumn, Refusal, Relation,
        RollupSpec, SchemaClause, Table,
    },
    sql::statement::{CancelAlter, ColumnDef, IndexDef, KeysKind, ObjectName, RollupDef, SchemaAlteration},
};

/// The clauses of one statement, all of this family.
pub(super) fn alter(model: &mut Model, db: &str, name: &str, clauses: Vec<SchemaAlteration>) -> Answer<()> {
    let comments: Vec<(String, String)> = clauses
        .iter()
        .filter_map(|clause| match clause {
            SchemaAlteration::ColumnComment { name, comment } => Some((name.clone(), comment.clone().verbatim())),
            _ => None,
        })
        .collect();
    if comments.len() == clauses.len() {
        return model.modify_column_comments(db, name, &comments);
    }
    let table = table_of(model, db, name)?;
    let clauses = clauses.into_iter().map(|clause| schema_clause(clause, table)).collect::<Answer<Vec<_>>>()?;
    model.alter_schema(db, name, clauses)
}

fn table_of<'m>(model: &'m Model, db: &str, name: &str) -> Answer<&'m Table> {
    match model.database(db)?.relation(name) {
        Some(Relation::Table(table)) => Ok(table),
        Some(Relation::View(_)) => Err(Refusal::analysis(format!("Do not support alter VIEW table[{name}]"))),
        None => Err(Refusal::analysis(format!("Unknown table '{name}'"))),
    }
}

fn schema_clause(clause: SchemaAlteration, table: &Table) -> Answer<SchemaClause> {
    Ok(match clause {
        SchemaAlteration::AddColumns { columns, list, position, rollup } => {
            let columns = columns.into_iter().map(|column| added(column, table)).collect::<Answer<_>>()?;
            SchemaClause::AddColumns { columns, list, position, rollup }
        }
        SchemaAlteration::DropColumn { name, rollup } => SchemaClause::DropColumn { name, rollup },
        SchemaAlteration::ModifyColumn { column, position, rollup } => {
            SchemaClause::ModifyColumn { column: modified(column, table)?, position, rollup }
        }
        SchemaAlteration::Reorder { names, rollup } => SchemaClause::Reorder { names, rollup },
        SchemaAlteration::AddIndex { index, if_not_exists } => {
            SchemaClause::AddIndex(add_index(index, if_not_exists, false)?)
        }
        SchemaAlteration::DropIndex { name, if_exists } => {
            SchemaClause::DropIndex { name, if_exists, statement: false }
        }
        SchemaAlteration::EnableFeature { name, properties } => SchemaClause::EnableFeature { name, properties },
        SchemaAlteration::ColumnComment { .. } => {
            let text = "Alter operation MODIFY_COLUMN_COMMENT conflicts with operation SCHEMA_CHANGE";
            return Err(Refusal::analysis(text));
        }
    })
}

fn kind_of(table: &Table) -> KeysKind {
    match table.keys {
        KeysType::Duplicate => KeysKind::Duplicate,
        KeysType::Unique { .. } => KeysKind::Unique,
        KeysType::Aggregate => KeysKind::Aggregate,
    }
}

/// A value column may say an aggregation where it means nothing: it is looked at later.
fn column_of(definition: ColumnDef, is_key: bool, table: &Table) -> Answer<Column> {
    let aggregation = definition.aggregation;
    let kept = if kind_of(table) == KeysKind::Aggregate && !is_key { aggregation } else { None };
    let made = column(ColumnDef { aggregation: kept, ..definition }, is_key, kind_of(table))?;
    Ok(Column { aggregation, ..made })
}

fn added(definition: ColumnDef, table: &Table) -> Answer<Column> {
    let unsaid = definition.aggregation.is_none();
    if let (KeysType::Unique { .. }, Some(aggregation)) = (table.keys, definition.aggregation)
        && !matches!(aggregation, Aggregation::Replace | Aggregation::ReplaceIfNotNull)
    {
        return Err(Refusal::analysis(format!(
            "Can not assign aggregation method on column in Unique data model table: {}",
            definition.name
        )));
    }
    let is_key = definition.key || (table.keys == KeysType::Aggregate && unsaid);
    column_of(definition, is_key, table)
}

/// A key column stays one, whether or not the clause says so.
fn modified(definition: ColumnDef, table: &Table) -> Answer<Column> {
    let was_key = table.column(&definition.name).is_some_and(|column| column.is_key);
    let implied = table.keys == KeysType::Aggregate && definition.aggregation.is_none();
    let is_key = definition.key || was_key || implied;
    column_of(definition, is_key, table)
}

fn add_index(definition: IndexDef, if_not_exists: bool, statement: bool) -> Answer<AddIndex> {
    let (kind, columns) = (definition.kind.clone(), definition.columns.len());
    match kind.as_str() {
        "INVERTED" | "BITMAP" if columns != 1 => {
            return Err(Refusal::analysis(format!("{kind} index can only apply to a single column.")));
        }
        "INVERTED" | "BITMAP" | "NGRAM_BF" | "ANN" => {}
        _ => return Err(Refusal::analysis(format!("unknown index type {kind}"))),
    }
    let mut written = definition.properties.clone();
    if kind == "NGRAM_BF" {
        written.entry("gram_size".into()).or_insert_with(|| "3".into());
        written.entry("bf_size".into()).or_insert_with(|| "1024".into());
    }
    let index = secondary_index(IndexDef { properties: written.clone(), ..definition });
    Ok(AddIndex { index, written, if_not_exists, statement })
}

/// CREATE INDEX.
pub(super) fn create_index(
    model: &mut Model,
    session: &Session,
    table: &ObjectName,
    index: IndexDef,
    if_not_exists: bool,
) -> Answer<()> {
    let (db, name) = target(session, table)?;
    model.alter_schema(db, name, vec![SchemaClause::AddIndex(add_index(index, if_not_exists, true)?)])
}

/// ADD ROLLUP.
pub(super) fn add_rollups(model: &mut Model, db: &str, name: &str, rollups: Vec<RollupDef>) -> Answer<()> {
    let table = table_of(model, db, name)?;
    let mut specs = Vec::new();
    for rollup in rollups {
        if let Some(base) = rollup.base.filter(|base| *base != table.name) {
            let known = table.indexes.values().any(|index| index.name == base);
            return Err(Refusal::analysis(match known {
                true => "doris-sim does not model a rollup of a rollup".to_owned(),
                false => format!("Base index[{base}] does not exist"),
            }));
        }
        specs.push(RollupSpec { name: rollup.name, columns: rollup.columns, duplicate_keys: rollup.duplicate_keys });
    }
    model.add_rollups(db, name, &specs)
}

/// CANCEL ALTER TABLE, CANCEL BUILD INDEX.
pub(super) fn cancel(
    model: &mut Model,
    session: &Session,
    table: &ObjectName,
    what: CancelAlter,
    jobs: &[i64],
) -> Answer<()> {
    let (db, name) = target(session, table)?;
    match what {
        CancelAlter::Column => model.cancel_alter(db, name, false, jobs),
        CancelAlter::Rollup => model.cancel_alter(db, name, true, jobs),
        CancelAlter::BuildIndex => model.cancel_build_index(db, name, jobs),
    }
}

/// CREATE MATERIALIZED VIEW name AS SELECT columns and aggregates FROM one table [GROUP BY columns].
pub(super) fn create_view(model: &mut Model, session: &Session, name: String, query: &Query) -> Answer<()> {
    let unsupported =
        || Refusal::analysis(format!("doris-sim does not model a materialized view of this query: {query}"));
    let SetExpr::Select(select) = query.body.as_ref() else { return Err(unsupported()) };
    let [from] = select.from.as_slice() else { return Err(unsupported()) };
    let TableFactor::Table { name: of, .. } = &from.relation else { return Err(unsupported()) };
    if !from.joins.is_empty() || select.selection.is_some() || select.having.is_some() {
        return Err(unsupported());
    }
    let mut parts: Vec<String> =
        of.0.iter().filter_map(|part| part.as_ident()).map(|part| part.value.clone()).collect();
    let table = parts.pop().ok_or_else(unsupported)?;
    let db = session::db_of(session, parts.last().map(String::as_str))?.to_owned();
    let columns =
        select.projection.iter().map(|item| view_column(item).ok_or_else(unsupported)).collect::<Answer<_>>()?;
    let grouped = matches!(&select.group_by, GroupByExpr::Expressions(list, _) if !list.is_empty());
    model.create_materialized_view(&db, &table, &MaterializedViewSpec { name, columns, grouped })
}

fn view_column(item: &SelectItem) -> Option<MvColumn> {
    let (expr, alias) = match item {
        SelectItem::UnnamedExpr(expr) => (expr, None),
        SelectItem::ExprWithAlias { expr, alias } => (expr, Some(alias.value.clone())),
        _ => return None,
    };
    let (source, aggregation) = match expr {
        Expr::Function(function) => aggregate(function)?,
        expr => (super::predicate::column_name(expr)?, None),
    };
    let name = alias.unwrap_or_else(|| match aggregation {
        None => source.clone(),
        Some(_) => format!("mva_{}__{source}", aggregation.map_or_else(String::new, |a| a.to_string())),
    });
    Some(MvColumn { name, source, aggregation })
}

fn aggregate(function: &Function) -> Option<(String, Option<Aggregation>)> {
    let FunctionArguments::List(arguments) = &function.args else { return None };
    let [FunctionArg::Unnamed(FunctionArgExpr::Expr(argument))] = arguments.args.as_slice() else { return None };
    let aggregation = match function.name.to_string().to_lowercase().as_str() {
        "sum" => Aggregation::Sum,
        "min" => Aggregation::Min,
        "max" => Aggregation::Max,
        "hll_union" => Aggregation::HllUnion,
        "bitmap_union" => Aggregation::BitmapUnion,
        _ => return None,
    };
    Some((super::predicate::column_name(argument)?, Some(aggregation)))
}
