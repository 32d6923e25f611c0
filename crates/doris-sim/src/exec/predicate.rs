//! The condition of a DELETE as a predicate that travels as a rowset without rows.

use sqlparser::ast::{BinaryOperator, Expr, InTarget, UnaryOperator};

use super::{
    coerce::coerce,
    scalar::{Binder, Scalar, unquoted},
    session::Context,
};
use crate::model::{Answer, Comparison, Condition, KeysType, PartitionItem, Refusal, Table, Value};

/// The partitions that rows which satisfy all conditions can be in, of those that were named.
pub(super) fn partitions_of(table: &Table, conditions: &[Condition], named: &[String]) -> Vec<String> {
    let position = |condition: &Condition| {
        let column = table.column_by_unique_id(condition.column)?;
        table.scheme.columns.iter().position(|name| name.eq_ignore_ascii_case(&column.name))
    };
    let on_key: Vec<(usize, &Condition)> =
        conditions.iter().filter_map(|condition| position(condition).map(|at| (at, condition))).collect();
    let may_hold = |item: &PartitionItem| on_key.iter().all(|(at, condition)| item.may_hold(*at, condition));
    let is_named = |name: &str| named.is_empty() || named.iter().any(|n| n.eq_ignore_ascii_case(name));
    let found = table.partitions.iter().filter(|p| is_named(&p.name) && may_hold(&p.item));
    found.map(|partition| partition.name.clone()).collect()
}

/// A condition as a delete predicate: comparisons of columns with constants, all of which must hold.
pub(super) fn conditions(context: &Context<'_>, table: &Table, expr: &Expr) -> Answer<Vec<Condition>> {
    match expr {
        Expr::Nested(inner) => conditions(context, table, inner),
        Expr::BinaryOp { left, op: BinaryOperator::And, right } => {
            let mut all = conditions(context, table, left)?;
            all.extend(conditions(context, table, right)?);
            Ok(all)
        }
        Expr::BinaryOp { left, op, right } => {
            let (column, constant, op) = match (column_name(left), column_name(right)) {
                (Some(column), _) => (column, right, comparison(op, false)?),
                (None, Some(column)) => (column, left, comparison(op, true)?),
                (None, None) => return unsupported(expr),
            };
            Ok(vec![condition(context, table, &column, op, &[constant])?])
        }
        Expr::Between { expr: inner, negated: false, low, high } => {
            let Some(column) = column_name(inner) else { return unsupported(expr) };
            Ok(vec![
                condition(context, table, &column, Comparison::Ge, &[low])?,
                condition(context, table, &column, Comparison::Le, &[high])?,
            ])
        }
        Expr::In { expr: inner, target: InTarget::List(items), negated, .. } => {
            let Some(column) = column_name(inner) else { return unsupported(expr) };
            let op = if *negated { Comparison::NotIn } else { Comparison::In };
            Ok(vec![condition(context, table, &column, op, &items.iter().collect::<Vec<_>>())?])
        }
        Expr::IsNull(inner) | Expr::IsNotNull(inner) => {
            let Some(column) = column_name(inner) else { return unsupported(expr) };
            let op = if matches!(expr, Expr::IsNull(_)) { Comparison::IsNull } else { Comparison::IsNotNull };
            Ok(vec![condition(context, table, &column, op, &[])?])
        }
        _ => unsupported(expr),
    }
}

fn unsupported<T>(expr: &Expr) -> Answer<T> {
    Err(Refusal::analysis(format!("delete conditions must be comparisons of columns with constants: {expr}")))
}

pub(super) fn column_name(expr: &Expr) -> Option<String> {
    match expr {
        Expr::Identifier(name) => Some(unquoted(name)),
        Expr::CompoundIdentifier(parts) => parts.last().map(unquoted),
        Expr::Nested(inner) => column_name(inner),
        _ => None,
    }
}

fn comparison(op: &BinaryOperator, swapped: bool) -> Answer<Comparison> {
    Ok(match (op, swapped) {
        (BinaryOperator::Eq, _) => Comparison::Eq,
        (BinaryOperator::NotEq, _) => Comparison::Ne,
        (BinaryOperator::Lt, false) | (BinaryOperator::Gt, true) => Comparison::Lt,
        (BinaryOperator::LtEq, false) | (BinaryOperator::GtEq, true) => Comparison::Le,
        (BinaryOperator::Gt, false) | (BinaryOperator::Lt, true) => Comparison::Gt,
        (BinaryOperator::GtEq, false) | (BinaryOperator::LtEq, true) => Comparison::Ge,
        (other, _) => return Err(Refusal::analysis(format!("{other} is not supported in a delete condition"))),
    })
}

fn condition(
    context: &Context<'_>,
    table: &Table,
    name: &str,
    op: Comparison,
    constants: &[&Expr],
) -> Answer<Condition> {
    let Some(column) = table.column(name) else {
        return Err(Refusal::analysis(format!("Unknown column '{name}' in 'table list' in FILTER clause")));
    };
    let kind = match table.keys {
        KeysType::Aggregate => Some("Aggregate table"),
        KeysType::Unique { merge_on_write: false } => Some("unique table without merge-on-write"),
        KeysType::Unique { merge_on_write: true } | KeysType::Duplicate => None,
    };
    if let Some(kind) = kind.filter(|_| !column.is_key) {
        return Err(Refusal::analysis(format!(
            "delete predicate on value column only supports Unique table with merge-on-write enabled and Duplicate \
             table, but Table[{}] is an {kind}.",
            table.name
        )));
    }
    let binder = Binder { context, scope: &[], grouped: None, clause: "FILTER" };
    let values = constants
        .iter()
        .map(|expr| {
            let value = match expr {
                // A constant only: a column is refused by the empty scope.
                Expr::UnaryOp { op: UnaryOperator::Not, .. } => return unsupported(expr),
                expr => binder.bind(expr)?.scalar,
            };
            let Scalar::Const(value) = &value else { return coerced(&value.eval(&[]), column) };
            coerced(value, column)
        })
        .collect::<Answer<_>>()?;
    Ok(Condition { column: column.unique_id, op, values })
}

fn coerced(value: &Value, column: &crate::model::Column) -> Answer<Value> {
    coerce(value, &column.ty)
        .map_err(|_| Refusal::analysis(format!("Invalid column value[{value}] for column {}", column.name)))
}
