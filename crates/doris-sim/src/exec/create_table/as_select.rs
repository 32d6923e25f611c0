//! CREATE TABLE AS SELECT: a table in the form of a query, then an INSERT of its rows.

use sqlparser::ast::{Expr, Query, SelectItem, SetExpr};

use super::super::{
    insert, query,
    reply::Reply,
    scalar::{ScopeColumn, unquoted},
    session::Context,
};
use crate::{
    Session, Sim,
    model::{Answer, ColumnType, Refusal},
    sql::statement::{Buckets, ColumnDef, CreateTable, DefaultDef, DistributionDef, Insert, InsertSource, ObjectName},
};

/// The longest VARCHAR.
const LONGEST: u32 = 65_533;

pub(in crate::exec) async fn create(sim: &Sim, session: &mut Session, mut statement: CreateTable) -> Answer<Reply> {
    let Some(source) = statement.query.take() else { return Ok(Reply::done()) };
    let table = statement.name.clone();
    let exists = sim.with(|model| {
        let (db, name) = super::super::target(session, &table)?;
        if model.database(db)?.relation(name).is_some() {
            return if statement.if_not_exists { Ok(true) } else { Err(Refusal::analysis(exists_text(name))) };
        }
        let context = Context { without_rows: true, ..Context::new(model, session) };
        let output = with_sources(&context, &source, query::run(&context, &source)?.columns)?;
        statement.columns = columns(&context, &statement, &output)?;
        if statement.distribution.is_none() {
            let hash_columns = statement.columns.first().map(|column| column.name.clone()).into_iter().collect();
            statement.distribution = Some(DistributionDef { hash_columns, buckets: Some(Buckets::Number(10)) });
        }
        super::create(model, session, statement.clone())?;
        Ok(false)
    })?;
    if exists {
        return Ok(Reply::done());
    }
    insert::insert(sim, session, insert_of(table, source)).await
}

/// Names the table behind each output that is a plain column: such a column keeps its type and whether it may be NULL.
pub(super) fn with_sources(context: &Context<'_>, query: &Query, output: Vec<ScopeColumn>) -> Answer<Vec<ScopeColumn>> {
    let SetExpr::Select(select) = query.body.as_ref() else { return Ok(output) };
    let scope = query::from::relation(context, &select.from)?.columns;
    if let [SelectItem::Wildcard(_)] = select.projection[..] {
        return Ok(scope);
    }
    let source = |(n, column): (usize, ScopeColumn)| {
        let ident = match select.projection.get(n) {
            Some(SelectItem::UnnamedExpr(Expr::Identifier(ident))) => Some(ident),
            Some(SelectItem::UnnamedExpr(Expr::CompoundIdentifier(parts))) => parts.last(),
            _ => None,
        };
        let name = ident.map(unquoted);
        let found = scope.iter().find(|c| name.as_deref().is_some_and(|name| name.eq_ignore_ascii_case(&c.name)));
        found.map_or(column, ScopeColumn::clone)
    };
    Ok(output.into_iter().enumerate().map(source).collect())
}

pub(super) fn exists_text(name: &str) -> String {
    format!("Table '{name}' already exists")
}

pub(super) fn insert_of(table: ObjectName, source: Box<Query>) -> Insert {
    Insert {
        table,
        columns: Vec::new(),
        label: None,
        source: InsertSource::Query(source),
        overwrite: Default::default(),
        partitions: Default::default(),
    }
}

pub(super) fn columns(
    context: &Context<'_>,
    statement: &CreateTable,
    output: &[ScopeColumn],
) -> Answer<Vec<ColumnDef>> {
    let names = &statement.query_columns;
    if !names.is_empty() && names.len() != output.len() {
        return Err(Refusal::analysis("ctas column size is not equal to the query's"));
    }
    let column = |(n, output): (usize, &ScopeColumn)| {
        let stored = output
            .db
            .as_deref()
            .zip(output.table.as_deref())
            .and_then(|(db, table)| context.model.find_database(db)?.table(table)?.column(&output.name));
        let text = matches!(output.ty, ColumnType::String | ColumnType::Varchar { .. } | ColumnType::Char { .. });
        let ty = match (n, &output.ty) {
            (0, ColumnType::String) => ColumnType::Varchar { length: LONGEST },
            (_, ty) if stored.is_none() && text && *ty != ColumnType::String => ColumnType::Varchar { length: LONGEST },
            (_, ty) => ty.clone(),
        };
        ColumnDef {
            name: names.get(n).unwrap_or(&output.name).clone(),
            ty,
            key: false,
            aggregation: None,
            generated: None,
            nullable: Some(stored.is_none_or(|column| column.nullable)),
            auto_increment: None,
            default: DefaultDef::None,
            on_update: None,
            comment: None,
        }
    };
    Ok(output.iter().enumerate().map(column).collect())
}
