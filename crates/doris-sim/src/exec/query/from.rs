//! FROM: tables, views, table functions, subqueries and joins.

use sqlparser::ast::{ObjectName, Query, Spanned, TableAlias, TableFactor, TableWithJoins};

use super::{
    super::{
        privilege::Access,
        scalar::{ScopeColumn, at, unquoted},
    },
    Context, Relation, join, run, virtual_table,
};
use crate::{
    model::{Answer, Refusal, Relation as Stored},
    sql::{Statement, parse},
};

/// The rows of a FROM clause; without one, a single empty row.
pub(in crate::exec) fn relation(context: &Context<'_>, from: &[TableWithJoins]) -> Answer<Relation> {
    let mut result = Relation { columns: Vec::new(), rows: vec![Vec::new()] };
    for item in from {
        let mut joined = factor(context, &item.relation)?;
        for join in &item.joins {
            let right = factor(context, &join.relation)?;
            joined = join::join(context, joined, right, &join.join_operator)?;
        }
        result = product(result, joined);
    }
    Ok(result)
}

pub(super) fn product(left: Relation, right: Relation) -> Relation {
    if left.columns.is_empty() {
        return right;
    }
    let columns = left.columns.into_iter().chain(right.columns).collect();
    let rows =
        left.rows.iter().flat_map(|a| right.rows.iter().map(|b| [a.as_slice(), b.as_slice()].concat())).collect();
    Relation { columns, rows }
}

fn factor(context: &Context<'_>, factor: &TableFactor) -> Answer<Relation> {
    let (mut relation, alias) = match factor {
        TableFactor::Table { name, alias, args: Some(args), .. } => {
            (virtual_table::function(context, &name.to_string().to_ascii_lowercase(), &args.args)?, alias)
        }
        TableFactor::Table { name, alias, partitions, .. } => {
            let partitions: Vec<String> = partitions.iter().map(unquoted).collect();
            (table(context, name, &partitions)?, alias)
        }
        TableFactor::Derived { lateral: false, subquery, alias, .. } => {
            let mut relation = run(context, subquery)?;
            for column in &mut relation.columns {
                (column.db, column.table) = (None, None);
            }
            (relation, alias)
        }
        TableFactor::NestedJoin { table_with_joins, alias: None } => {
            return self::relation(context, std::slice::from_ref(table_with_joins));
        }
        other => return Err(Refusal::analysis(format!("doris-sim does not model {other}"))),
    };
    if let Some(alias) = alias {
        rename(&mut relation, alias);
    }
    Ok(relation)
}

pub(super) fn rename(relation: &mut Relation, alias: &TableAlias) {
    // The database stays: Doris qualifies aliases with it, too.
    for column in &mut relation.columns {
        column.table = Some(unquoted(&alias.name));
    }
    for (column, name) in relation.columns.iter_mut().zip(&alias.columns) {
        column.name = unquoted(&name.name);
    }
}

fn table(context: &Context<'_>, name: &ObjectName, partitions: &[String]) -> Answer<Relation> {
    let parts: Vec<String> = name.0.iter().filter_map(|part| part.as_ident()).map(unquoted).collect();
    if let [one] = &parts[..]
        && let Some((_, relation)) = context.named.iter().rev().find(|(name, _)| name.eq_ignore_ascii_case(one))
    {
        return Ok(relation.clone());
    }
    let (db, table) = match &parts[..] {
        [table] => (context.current_db()?, table),
        [db, table] | [_, db, table] => (db.as_str(), table),
        _ => return Err(Refusal::analysis(format!("doris-sim does not model {name}"))),
    };
    if let Some(found) = virtual_table::information_schema(context, db, table) {
        return Ok(found);
    }
    let place = at(name.span().start);
    let Some(database) = context.model.find_database(db) else {
        return Err(Refusal::analysis(format!("Database [{db}] does not exist.{place}")));
    };
    let column = |name: &str, ty: &crate::model::ColumnType| ScopeColumn {
        db: Some(db.to_owned()),
        table: Some(table.clone()),
        name: name.to_owned(),
        ty: ty.clone(),
    };
    let found = database.relation(table);
    if let (Some(stored), false) = (found, context.inside_view) {
        let first = match stored {
            Stored::Table(table) => table.columns.first().map(|column| column.name.as_str()),
            Stored::View(view) => view.columns.first().map(|(name, _)| name.as_str()),
        };
        Access { model: context.model, session: context.session }.read(db, table, first.unwrap_or_default())?;
    }
    match found {
        None => Err(Refusal::analysis(format!("Table [{table}] does not exist in database [{db}].{place}"))),
        Some(Stored::Table(stored)) => Ok(Relation {
            columns: stored.columns.iter().map(|c| column(&c.name, &c.ty)).collect(),
            rows: match context.without_rows {
                true => Vec::new(),
                false => {
                    let partitions = (!partitions.is_empty()).then_some(partitions);
                    context.model.rows_seen_by(db, table, partitions, &context.session.own_sub_txns())?
                }
            },
        }),
        Some(Stored::View(view)) => {
            let query = definition(&view.definition)?;
            let mut rows = run(&Context { named: &[], inside_view: true, ..*context }, &query)?;
            for (n, output) in rows.columns.iter_mut().enumerate() {
                let name = view.columns.get(n).map_or(output.name.as_str(), |(name, _)| name);
                *output = column(name, &output.ty.clone());
            }
            Ok(rows)
        }
    }
}

fn definition(text: &str) -> Answer<Box<Query>> {
    match parse(text).map_err(Refusal::analysis)?.pop() {
        Some(Statement::Query(query)) => Ok(query),
        _ => Err(Refusal::analysis(format!("the view's definition is no query: {text}"))),
    }
}
