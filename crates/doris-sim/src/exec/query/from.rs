//! FROM: tables, views, table functions, subqueries and joins.

use std::collections::BTreeMap;

use sqlparser::ast::{
    BinaryOperator, Expr, Join, JoinConstraint, JoinOperator, ObjectName, Query, Spanned, TableAlias, TableFactor,
    TableWithJoins,
};

use super::{
    super::scalar::{Binder, Scalar, ScopeColumn, at, unquoted},
    Context, Relation, run, virtual_table,
};
use crate::{
    model::{Answer, Refusal, Relation as Stored, Value},
    sql::{Statement, parse},
};

/// The rows of a FROM clause; without one, a single empty row.
pub(in crate::exec) fn relation(context: &Context<'_>, from: &[TableWithJoins]) -> Answer<Relation> {
    let mut result = Relation { columns: Vec::new(), rows: vec![Vec::new()] };
    for item in from {
        let mut joined = factor(context, &item.relation)?;
        for join in &item.joins {
            joined = self::join(context, joined, join)?;
        }
        result = product(result, joined);
    }
    Ok(result)
}

fn product(left: Relation, right: Relation) -> Relation {
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
        other => return Err(Refusal::analysis(format!("{other} is not supported"))),
    };
    if let Some(alias) = alias {
        rename(&mut relation, alias);
    }
    Ok(relation)
}

fn rename(relation: &mut Relation, alias: &TableAlias) {
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
    let (db, table) = match &parts[..] {
        [table] => (context.current_db()?, table),
        [db, table] | [_, db, table] => (db.as_str(), table),
        _ => return Err(Refusal::analysis(format!("{name} is not supported"))),
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
    match database.relation(table) {
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
            let mut rows = run(context, &query)?;
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

fn join(context: &Context<'_>, left: Relation, join: &Join) -> Answer<Relation> {
    let right = factor(context, &join.relation)?;
    let (constraint, keeps_left) = match &join.join_operator {
        JoinOperator::Join(constraint) | JoinOperator::Inner(constraint) => (constraint, false),
        JoinOperator::Left(constraint) | JoinOperator::LeftOuter(constraint) => (constraint, true),
        JoinOperator::CrossJoin(JoinConstraint::None) => return Ok(product(left, right)),
        _ => return Err(Refusal::analysis("this kind of join is not supported")),
    };
    let columns: Vec<ScopeColumn> = left.columns.iter().chain(&right.columns).cloned().collect();
    let binder = Binder { context, scope: &columns, grouped: None, clause: "JOIN" };
    let mut conditions = Vec::new();
    match constraint {
        JoinConstraint::None => {}
        JoinConstraint::On(condition) => {
            for part in conjuncts(condition) {
                conditions.push(binder.bind(part)?.scalar);
            }
        }
        JoinConstraint::Using(names) => {
            for name in names {
                let name = name.0.last().and_then(|part| part.as_ident()).map(unquoted).unwrap_or_default();
                let at = |columns: &[ScopeColumn]| columns.iter().position(|c| c.name.eq_ignore_ascii_case(&name));
                let (Some(a), Some(b)) = (at(&left.columns), at(&right.columns)) else {
                    return Err(Refusal::analysis(format!("Unknown column '{name}' in 'table list' in JOIN clause")));
                };
                let b = Scalar::Column(left.columns.len() + b);
                let equal = super::super::scalar::Compare::Eq;
                conditions.push(Scalar::Compare(equal, Box::new(Scalar::Column(a)), Box::new(b)));
            }
        }
        _ => return Err(Refusal::analysis("this kind of join is not supported")),
    }
    Ok(Relation { rows: matching_rows(&left, &right, &conditions, keeps_left), columns })
}

/// The parts of a condition that must all hold.
fn conjuncts(expr: &Expr) -> Vec<&Expr> {
    match expr {
        Expr::BinaryOp { left, op: BinaryOperator::And, right } => [conjuncts(left), conjuncts(right)].concat(),
        Expr::Nested(inner) => conjuncts(inner),
        other => vec![other],
    }
}

/// Pairs of rows that satisfy all conditions; pairs are found through the equalities between both sides.
fn matching_rows(left: &Relation, right: &Relation, conditions: &[Scalar], keeps_left: bool) -> Vec<Vec<Value>> {
    let width = left.columns.len();
    let equalities: Vec<(usize, usize)> =
        conditions.iter().filter_map(|condition| equality(condition, width)).collect();
    let mut by_key: BTreeMap<Vec<&Value>, Vec<&Vec<Value>>> = BTreeMap::new();
    for row in &right.rows {
        let key = equalities.iter().filter_map(|(_, at)| row.get(*at)).collect();
        by_key.entry(key).or_default().push(row);
    }
    let mut rows = Vec::new();
    for row in &left.rows {
        let key: Vec<&Value> = equalities.iter().filter_map(|(at, _)| row.get(*at)).collect();
        let before = rows.len();
        for candidate in by_key.get(&key).into_iter().flatten() {
            let pair = [row.as_slice(), candidate.as_slice()].concat();
            if conditions.iter().all(|condition| condition.truth(&pair) == Some(true)) {
                rows.push(pair);
            }
        }
        if keeps_left && rows.len() == before {
            let mut alone = row.clone();
            alone.resize(width + right.columns.len(), Value::Null);
            rows.push(alone);
        }
    }
    rows
}

/// Positions of an equality between a column of the left and one of the right side.
fn equality(condition: &Scalar, width: usize) -> Option<(usize, usize)> {
    let Scalar::Compare(super::super::scalar::Compare::Eq, a, b) = condition else { return None };
    match (a.as_ref(), b.as_ref()) {
        (Scalar::Column(a), Scalar::Column(b)) if *a < width && *b >= width => Some((*a, b - width)),
        (Scalar::Column(b), Scalar::Column(a)) if *a < width && *b >= width => Some((*a, b - width)),
        _ => None,
    }
}
