//! SELECT: rows of a query over the visible rows of the cluster.

mod aggregate;
pub(super) mod from;
mod join;
mod select;
mod virtual_table;

use std::collections::BTreeSet;

use sqlparser::ast::{
    Expr, LimitClause, OrderByKind, OrderBySort, Query, SelectItem, SetExpr, SetOperator, SetQuantifier,
};

use super::{
    coerce::{coerce, number},
    reply::{ResultColumn, Rows},
    scalar::{Binder, ScopeColumn, unquoted},
    session::Context,
};
use crate::model::{Answer, ColumnType, Refusal, Value};

/// Rows with named, typed columns.
#[derive(Clone, Debug, Default)]
pub(super) struct Relation {
    pub(super) columns: Vec<ScopeColumn>,
    pub(super) rows: Vec<Vec<Value>>,
}

/// The rows of a query, and how to sort them.
struct Sortable {
    relation: Relation,
    /// One sort key for each row; empty without ORDER BY.
    keys: Vec<Vec<Value>>,
}

/// One key of ORDER BY, as written.
struct OrderKey<'a> {
    expr: &'a Expr,
    descending: bool,
    nulls_first: bool,
}

/// Runs a query.
pub(super) fn run(context: &Context<'_>, query: &Query) -> Answer<Relation> {
    let mut named = context.named.to_vec();
    for cte in query.with.iter().flat_map(|with| &with.cte_tables) {
        let mut relation = run(&Context { named: &named, ..*context }, &cte.query)?;
        from::rename(&mut relation, &cte.alias);
        named.push((unquoted(&cte.alias.name), relation));
    }
    if query.with.as_ref().is_some_and(|with| with.recursive) {
        return Err(Refusal::analysis("doris-sim does not model WITH RECURSIVE"));
    }
    let context = &Context { named: &named, ..*context };
    let order = order_keys(query)?;
    let Sortable { mut relation, keys } = body(context, &query.body, &order)?;
    if !order.is_empty() {
        relation.rows = sorted(relation.rows, keys, &order);
    }
    limit(context, &mut relation.rows, query.limit_clause.as_ref())?;
    Ok(relation)
}

/// The answer to a query as a statement.
pub(super) fn reply(context: &Context<'_>, query: &Query) -> Answer<Rows> {
    let relation = run(context, query)?;
    // Values of these types have no text.
    let is_opaque = |ty: &ColumnType| {
        let ColumnType::Other(name) = ty else { return false };
        ["bitmap", "hll", "quantile_state", "agg_state"].iter().any(|opaque| name.to_lowercase().starts_with(opaque))
    };
    let opaque: Vec<bool> = relation.columns.iter().map(|column| is_opaque(&column.ty)).collect();
    let cell = |(value, opaque): (&Value, &bool)| if *opaque { None } else { value.to_cell() };
    Ok(Rows {
        columns: relation.columns.into_iter().map(|column| ResultColumn { name: column.name, ty: column.ty }).collect(),
        rows: relation.rows.iter().map(|row| row.iter().zip(&opaque).map(cell).collect()).collect(),
    })
}

fn order_keys(query: &Query) -> Answer<Vec<OrderKey<'_>>> {
    let Some(order) = &query.order_by else { return Ok(Vec::new()) };
    let OrderByKind::Expressions(expressions) = &order.kind else {
        return Err(Refusal::analysis("doris-sim does not model ORDER BY ALL"));
    };
    Ok(expressions
        .iter()
        .map(|key| {
            let descending = matches!(key.options.sort, Some(OrderBySort::Desc));
            OrderKey { expr: &key.expr, descending, nulls_first: key.options.nulls_first.unwrap_or(!descending) }
        })
        .collect())
}

fn body(context: &Context<'_>, body: &SetExpr, order: &[OrderKey<'_>]) -> Answer<Sortable> {
    match body {
        SetExpr::Select(select) => select::select(context, select, order),
        SetExpr::Query(query) => with_output_keys(context, run(context, query)?, order),
        SetExpr::SetOperation { left, op, set_quantifier, right } => {
            let relation = combined(context, left, *op, right, *set_quantifier)?;
            with_output_keys(context, relation, order)
        }
        SetExpr::Values(values) => {
            let mut relation = Relation::default();
            for row in &values.rows {
                let items: Vec<SelectItem> = row.content.iter().cloned().map(SelectItem::UnnamedExpr).collect();
                let one = select::constants(context, &items)?;
                relation.columns = one.columns;
                relation.rows.extend(one.rows);
            }
            with_output_keys(context, relation, order)
        }
        other => Err(Refusal::analysis(format!("doris-sim does not model {other}"))),
    }
}

/// UNION, INTERSECT, EXCEPT: the columns are those of the left side.
fn combined(
    context: &Context<'_>,
    left: &SetExpr,
    op: SetOperator,
    right: &SetExpr,
    quantifier: SetQuantifier,
) -> Answer<Relation> {
    let mut relation = body(context, left, &[])?.relation;
    let more = body(context, right, &[])?.relation;
    if more.columns.len() != relation.columns.len() {
        return Err(Refusal::analysis("Operands have unequal number of columns"));
    }
    let cast = |row: Vec<Value>| -> Vec<Value> {
        row.iter().zip(&relation.columns).map(|(v, column)| coerce(v, &column.ty).unwrap_or(Value::Null)).collect()
    };
    let others: Vec<Vec<Value>> = more.rows.into_iter().map(cast).collect();
    let all = matches!(quantifier, SetQuantifier::All | SetQuantifier::AllByName);
    match op {
        SetOperator::Union => relation.rows.extend(others),
        SetOperator::Intersect | SetOperator::Except | SetOperator::Minus if !all => {
            let others: BTreeSet<Vec<Value>> = others.into_iter().collect();
            relation.rows.retain(|row| others.contains(row) == (op == SetOperator::Intersect));
        }
        other => return Err(Refusal::analysis(format!("doris-sim does not model {other} ALL"))),
    }
    if !all {
        let mut seen = BTreeSet::new();
        relation.rows.retain(|row| seen.insert(row.clone()));
    }
    Ok(relation)
}

/// Sort keys that can only name the output.
fn with_output_keys(context: &Context<'_>, relation: Relation, order: &[OrderKey<'_>]) -> Answer<Sortable> {
    let binder = Binder { context, scope: &relation.columns, grouped: None, clause: "SORT" };
    let mut bound = Vec::new();
    for key in order {
        bound.push(match output_column(key.expr, &relation.columns)? {
            Some(column) => super::scalar::Scalar::Column(column),
            None => binder.bind(key.expr)?.scalar,
        });
    }
    let keys = match bound.is_empty() {
        true => Vec::new(),
        false => relation.rows.iter().map(|row| bound.iter().map(|key| key.eval(row)).collect()).collect(),
    };
    Ok(Sortable { relation, keys })
}

/// The output column that an ORDER BY or GROUP BY expression names by its alias or its number.
fn output_column(expr: &Expr, columns: &[ScopeColumn]) -> Answer<Option<usize>> {
    match expr {
        Expr::Identifier(name) => {
            let name = super::scalar::unquoted(name);
            Ok(columns.iter().position(|column| column.name.eq_ignore_ascii_case(&name)))
        }
        Expr::Value(value) => match value.value.to_string().parse::<usize>() {
            Ok(n) if (1..=columns.len()).contains(&n) => Ok(Some(n - 1)),
            Ok(n) => Err(Refusal::analysis(format!("ORDER BY position {n} is not in select list"))),
            Err(_) => Ok(None),
        },
        _ => Ok(None),
    }
}

fn sorted(rows: Vec<Vec<Value>>, keys: Vec<Vec<Value>>, order: &[OrderKey<'_>]) -> Vec<Vec<Value>> {
    let mut pairs: Vec<(Vec<Value>, Vec<Value>)> = keys.into_iter().zip(rows).collect();
    pairs.sort_by(|(a, _), (b, _)| {
        let mut by_key = a.iter().zip(b).zip(order).map(|((a, b), key)| match (a.is_null(), b.is_null()) {
            (true, true) => std::cmp::Ordering::Equal,
            (a_null, b_null) if a_null != b_null => (a_null != key.nulls_first).cmp(&(b_null != key.nulls_first)),
            _ if key.descending => b.cmp(a),
            _ => a.cmp(b),
        });
        by_key.find(|order| order.is_ne()).unwrap_or(std::cmp::Ordering::Equal)
    });
    pairs.into_iter().map(|(_, row)| row).collect()
}

fn limit(context: &Context<'_>, rows: &mut Vec<Vec<Value>>, clause: Option<&LimitClause>) -> Answer<()> {
    let (limit, offset) = match clause {
        None => return Ok(()),
        Some(LimitClause::LimitOffset { limit, offset, limit_by }) if limit_by.is_empty() => {
            (limit.as_ref(), offset.as_ref().map(|offset| &offset.value))
        }
        Some(LimitClause::OffsetCommaLimit { offset, limit }) => (Some(limit), Some(offset)),
        Some(other) => return Err(Refusal::analysis(format!("doris-sim does not model {other}"))),
    };
    let count = |expr: Option<&Expr>, absent: usize| -> Answer<usize> {
        let Some(expr) = expr else { return Ok(absent) };
        let binder = Binder { context, scope: &[], grouped: None, clause: "LIMIT" };
        match number(&binder.bind(expr)?.scalar.eval(&[])) {
            Some(Value::Int(n)) if n >= 0 => Ok(usize::try_from(n).unwrap_or(usize::MAX)),
            _ => Err(Refusal::analysis("LIMIT and OFFSET must be a non-negative number")),
        }
    };
    let (limit, offset) = (count(limit, usize::MAX)?, count(offset, 0)?);
    rows.drain(..offset.min(rows.len()));
    rows.truncate(limit);
    Ok(())
}
