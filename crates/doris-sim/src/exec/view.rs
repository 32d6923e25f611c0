//! CREATE VIEW, ALTER VIEW. The stored definition is the written one with every name qualified, at its place.

use std::collections::BTreeSet;

use sqlparser::ast::{Query, SelectItem, SetExpr, Spanned as _};

use super::{qualify::Edits, query, session::Context, target};
use crate::{
    Session,
    model::{Answer, Model, Refusal, Relation, ViewSpec},
    sql::{
        Literal, Statement, parse,
        statement::{AlterView, CreateView, ObjectName},
    },
};

pub(super) fn create(model: &mut Model, session: &Session, view: CreateView) -> Answer<()> {
    let (db, name) = target(session, &view.name)?;
    let relation = model.database(db)?.relation(name);
    if relation.is_some() && view.if_not_exists {
        return Ok(());
    }
    if relation.is_some() && !view.or_replace {
        return Err(Refusal::analysis(format!("Table '{name}' already exists")));
    }
    let comment = view.comment.map_or_else(String::new, |comment| comment.table_comment());
    let spec = spec(model, session, name, &view.columns, &view.text, comment)?;
    model.create_view(db, spec, view.if_not_exists, view.or_replace)?;
    Ok(())
}

pub(super) fn alter(model: &mut Model, session: &Session, view: &ObjectName, change: AlterView) -> Answer<()> {
    let (db, name) = target(session, view)?;
    let stored = match model.database(db)?.relation(name) {
        Some(Relation::View(view)) => view,
        Some(Relation::Table(_)) => {
            return Err(Refusal::analysis(format!("ALTER VIEW not allowed on a table:{db}.{name}")));
        }
        None => return Err(Refusal::analysis(format!("Unknown table '{name}'"))),
    };
    let spec = match change {
        AlterView::Definition { columns, text, .. } => {
            let comment = stored.comment.clone();
            spec(model, session, name, &columns, &text, comment)?
        }
        AlterView::Comment(comment) => return model.alter_view_comment(db, name, comment.verbatim()),
    };
    model.alter_view(db, name, spec)
}

fn spec(
    model: &Model,
    session: &Session,
    name: &str,
    columns: &[(String, Option<Literal>)],
    text: &str,
    comment: String,
) -> Answer<ViewSpec> {
    let context = Context { without_rows: true, ..Context::new(model, session) };
    let named = !columns.is_empty();
    // Parsed again, so that places count from the beginning of the definition.
    let query = definition(text)?;
    let output = query::run(&context, &query)?.columns;
    if !columns.is_empty() && columns.len() != output.len() {
        return Err(Refusal::analysis("View's SELECT and view's field list have different column counts"));
    }
    let mut seen = BTreeSet::new();
    let columns: Vec<(String, String)> = output
        .iter()
        .enumerate()
        .map(|(n, column)| match columns.get(n) {
            Some((name, comment)) => (name.clone(), comment.as_ref().map_or_else(String::new, Literal::table_comment)),
            None => (column.name.clone(), String::new()),
        })
        .collect();
    if let Some((name, _)) = columns.iter().find(|(name, _)| !seen.insert(name.to_lowercase())) {
        return Err(Refusal::analysis(format!("Duplicate column name '{name}'")));
    }
    let types = output.into_iter().map(|column| column.ty).collect();
    let definition = qualified(&context, &query, text, if named { &columns } else { &[] })?;
    Ok(ViewSpec { name: name.to_owned(), columns, types, definition, comment })
}

/// The text with every name qualified; `columns`: what the outputs are called, if the statement names them.
pub(super) fn qualified(
    context: &Context<'_>,
    query: &Query,
    text: &str,
    columns: &[(String, String)],
) -> Answer<String> {
    let mut edits = Edits::new(text, context.model.profile().view_columns_qualified);
    edits.query(context, query)?;
    if let SetExpr::Select(select) = query.body.as_ref() {
        for (item, (name, _)) in select.projection.iter().zip(columns) {
            match item {
                SelectItem::UnnamedExpr(expr) => edits.insert_after(expr.span(), &format!(" AS `{name}`")),
                SelectItem::ExprWithAlias { alias, .. } => edits.replace(alias.span, format!("`{name}`")),
                _ => {}
            }
        }
    }
    Ok(edits.apply())
}

pub(super) fn definition(text: &str) -> Answer<Box<Query>> {
    match parse(text).map_err(Refusal::analysis)?.pop() {
        Some(Statement::Query(query)) => Ok(query),
        _ => Err(Refusal::analysis("the definition of a view must be a query")),
    }
}
