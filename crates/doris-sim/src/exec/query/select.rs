//! One SELECT: filter, group, project, DISTINCT.

use std::collections::BTreeSet;

use sqlparser::ast::{Distinct, Expr, GroupByExpr, Select, SelectItem, SelectItemQualifiedWildcardKind};

use super::{
    super::scalar::{Binder, Grouped, Scalar, ScopeColumn, Typed, label_of, unquoted},
    Context, OrderKey, Relation, Sortable, aggregate, from, output_column,
};
use crate::model::{Answer, Refusal, Value};

/// An output column: its name and value. `table` is kept for columns that are passed through.
struct Output {
    column: ScopeColumn,
    scalar: Scalar,
}

/// Runs a SELECT; the sort keys may use columns that are not in the output.
pub(super) fn select(context: &Context<'_>, select: &Select, order: &[OrderKey<'_>]) -> Answer<Sortable> {
    let mut source = from::relation(context, &select.from)?;
    if let Some(condition) = &select.selection {
        let binder = Binder { context, scope: &source.columns, grouped: None, clause: "FILTER" };
        let condition = binder.bind(condition)?.scalar;
        source.rows.retain(|row| condition.truth(row) == Some(true));
    }
    let mut having = select.having.clone();
    let aliases = aliases(&select.projection);
    if let Some(condition) = &mut having {
        *condition = resolve_alias(condition, &aliases);
    }
    let group_by = group_by(select, &aliases)?;
    let looked_at: Vec<&Expr> =
        projected(&select.projection).chain(having.iter()).chain(order.iter().map(|key| key.expr)).collect();
    let calls = aggregate::calls_in(&looked_at);
    let columns = source.columns.clone();
    let grouped = if group_by.is_empty() && calls.is_empty() {
        None
    } else {
        Some(aggregate::group(context, &mut source, &group_by, calls)?)
    };
    let binder = Binder { context, scope: &columns, grouped: grouped.as_ref(), clause: "PROJECT" };
    if let Some(condition) = &having {
        let condition = binder.bind(condition)?.scalar;
        source.rows.retain(|row| condition.truth(row) == Some(true));
    }
    let outputs = outputs(&binder, &select.projection, &columns)?;
    let output_columns: Vec<ScopeColumn> = outputs.iter().map(|output| output.column.clone()).collect();
    let keys = sort_keys(context, order, &outputs, &output_columns, &columns, grouped.as_ref())?;
    let mut seen = BTreeSet::new();
    let distinct = match &select.distinct {
        None | Some(Distinct::All) => false,
        Some(Distinct::Distinct) => true,
        Some(Distinct::On(_)) => return Err(Refusal::analysis("doris-sim does not model DISTINCT ON")),
    };
    let mut sortable = Sortable { relation: Relation { columns: output_columns, rows: Vec::new() }, keys: Vec::new() };
    for row in &source.rows {
        let values: Vec<Value> = outputs.iter().map(|output| output.scalar.eval(row)).collect();
        if distinct && !seen.insert(values.clone()) {
            continue;
        }
        if !keys.is_empty() {
            sortable.keys.push(keys.iter().map(|key| key.eval(row)).collect());
        }
        sortable.relation.rows.push(values);
    }
    Ok(sortable)
}

/// One row of expressions without a table.
pub(super) fn constants(context: &Context<'_>, items: &[SelectItem]) -> Answer<Relation> {
    let binder = Binder { context, scope: &[], grouped: None, clause: "PROJECT" };
    let outputs = outputs(&binder, items, &[])?;
    let row = outputs.iter().map(|output| output.scalar.eval(&[])).collect();
    Ok(Relation { columns: outputs.into_iter().map(|output| output.column).collect(), rows: vec![row] })
}

fn projected(items: &[SelectItem]) -> impl Iterator<Item = &Expr> {
    items.iter().filter_map(|item| match item {
        SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. } => Some(expr),
        _ => None,
    })
}

/// Aliases of the projection with what they stand for.
fn aliases(items: &[SelectItem]) -> Vec<(String, &Expr)> {
    items
        .iter()
        .filter_map(|item| match item {
            SelectItem::ExprWithAlias { expr, alias } => Some((unquoted(alias), expr)),
            _ => None,
        })
        .collect()
}

/// An alias alone, or as one side of a comparison, is replaced by what it stands for.
fn resolve_alias(expr: &Expr, aliases: &[(String, &Expr)]) -> Expr {
    match expr {
        Expr::Identifier(name) => {
            let name = unquoted(name);
            let meant = aliases.iter().find(|(alias, _)| alias.eq_ignore_ascii_case(&name));
            meant.map_or_else(|| expr.clone(), |(_, meant)| (*meant).clone())
        }
        Expr::BinaryOp { left, op, right } => Expr::BinaryOp {
            left: Box::new(resolve_alias(left, aliases)),
            op: op.clone(),
            right: Box::new(resolve_alias(right, aliases)),
        },
        Expr::Nested(inner) => Expr::Nested(Box::new(resolve_alias(inner, aliases))),
        other => other.clone(),
    }
}

/// GROUP BY expressions; an alias or a number stands for the expression of the projection.
fn group_by(select: &Select, aliases: &[(String, &Expr)]) -> Answer<Vec<Expr>> {
    let GroupByExpr::Expressions(expressions, modifiers) = &select.group_by else {
        return Err(Refusal::analysis("doris-sim does not model GROUP BY ALL"));
    };
    if !modifiers.is_empty() {
        return Err(Refusal::analysis("doris-sim does not model GROUP BY with modifiers"));
    }
    let projection: Vec<&Expr> = projected(&select.projection).collect();
    expressions
        .iter()
        .map(|expr| match expr {
            Expr::Value(value) => {
                let number: Option<usize> = value.value.to_string().parse().ok();
                let meant = number.and_then(|n| n.checked_sub(1)).and_then(|n| projection.get(n));
                meant.map(|expr| (*expr).clone()).ok_or_else(|| {
                    Refusal::analysis(format!("GROUP BY expression must be in select list: {}", value.value))
                })
            }
            other => Ok(resolve_alias(other, aliases)),
        })
        .collect()
}

fn outputs(binder: &Binder<'_>, items: &[SelectItem], source: &[ScopeColumn]) -> Answer<Vec<Output>> {
    let mut outputs = Vec::new();
    let one = |expr: &Expr, name: String| -> Answer<Output> {
        let Typed { scalar, ty } = binder.bind(expr)?;
        let table = match &scalar {
            Scalar::Column(at) if binder.grouped.is_none() => source.get(*at).and_then(|column| column.table.clone()),
            _ => None,
        };
        Ok(Output { column: ScopeColumn { db: None, table, name, ty }, scalar })
    };
    for item in items {
        match item {
            SelectItem::UnnamedExpr(expr) => outputs.push(one(expr, label_of(expr))?),
            SelectItem::ExprWithAlias { expr, alias } => outputs.push(one(expr, unquoted(alias))?),
            SelectItem::Wildcard(_) => outputs.extend(all_columns(binder, source, |_| true)?),
            SelectItem::QualifiedWildcard(SelectItemQualifiedWildcardKind::ObjectName(name), _) => {
                let table = name.0.last().and_then(|part| part.as_ident()).map(unquoted).unwrap_or_default();
                let found = all_columns(binder, source, |column| column.table.as_deref() == Some(table.as_str()))?;
                if found.is_empty() {
                    return Err(Refusal::analysis(format!("unknown qualifier: {table}.*")));
                }
                outputs.extend(found);
            }
            other => return Err(Refusal::analysis(format!("doris-sim does not model {other}"))),
        }
    }
    Ok(outputs)
}

fn all_columns(
    binder: &Binder<'_>,
    source: &[ScopeColumn],
    wanted: impl Fn(&ScopeColumn) -> bool,
) -> Answer<Vec<Output>> {
    if binder.grouped.is_some() {
        return Err(Refusal::analysis("SELECT * must not be used with GROUP BY"));
    }
    let columns = source.iter().enumerate().filter(|(_, column)| wanted(column));
    Ok(columns.map(|(at, column)| Output { column: column.clone(), scalar: Scalar::Column(at) }).collect())
}

fn sort_keys(
    context: &Context<'_>,
    order: &[OrderKey<'_>],
    outputs: &[Output],
    output_columns: &[ScopeColumn],
    source: &[ScopeColumn],
    grouped: Option<&Grouped>,
) -> Answer<Vec<Scalar>> {
    let binder = Binder { context, scope: source, grouped, clause: "SORT" };
    order
        .iter()
        .map(|key| match output_column(key.expr, output_columns)? {
            Some(at) => Ok(outputs.get(at).map_or(Scalar::Const(Value::Null), |output| output.scalar.clone())),
            None => Ok(binder.bind(key.expr)?.scalar),
        })
        .collect()
}
