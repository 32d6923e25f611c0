//! DELETE and UPDATE.

use sqlparser::ast::{BinaryOperator, Expr, InTarget, UnaryOperator};

use super::{
    coerce::coerce,
    reply::Reply,
    scalar::{Binder, Scalar, ScopeColumn, unquoted},
    session::Context,
    target, write,
};
use crate::{
    Session, Sim,
    model::{Answer, Comparison, Condition, KeysType, LoadWrite, Model, Refusal, Relation, Row, Table, Value},
    sql::statement::ObjectName,
};

pub(super) async fn delete(
    sim: &Sim,
    session: &Session,
    table: &ObjectName,
    partitions: Vec<String>,
    condition: Option<&Expr>,
) -> Answer<Reply> {
    let (db, name) = target(session, table)?;
    let condition = condition.ok_or_else(|| Refusal::analysis("delete all rows is forbidden temporary."))?;
    let written = sim.with(|model| {
        let table = base_table(model, db, name)?;
        let partitions = (!partitions.is_empty()).then_some(partitions);
        let conditions = conditions(&Context::new(model, session), table, condition);
        let (write, affected) = match (table.keys, conditions) {
            (KeysType::Unique { .. }, refused @ Err(_)) | (KeysType::Unique { merge_on_write: true }, refused) => {
                // An unknown column is refused in both ways; anything else can be found by reading.
                let (table, rows) = matching(model, session, db, name, partitions.as_deref(), Some(condition))
                    .map_err(|refusal| {
                        refused.err().filter(|first| first.text.contains("Unknown column")).unwrap_or(refusal)
                    })?;
                let rows: Vec<Row> = rows.into_iter().map(Row::delete).collect();
                let affected = rows.len();
                (LoadWrite { table: table.name.clone(), rows, ..LoadWrite::default() }, affected)
            }
            (_, conditions) => {
                let delete = Some(conditions?);
                (LoadWrite { table: name.to_owned(), delete, partitions, ..LoadWrite::default() }, 0)
            }
        };
        if write.rows.is_empty() && write.delete.is_none() {
            return Ok(None);
        }
        write::load(model, db, None, write, affected).map(Some)
    })?;
    Ok(write::answer(sim, session, written).await)
}

pub(super) async fn update(
    sim: &Sim,
    session: &Session,
    table: &ObjectName,
    assignments: &[(String, Expr)],
    condition: Option<&Expr>,
) -> Answer<Reply> {
    let (db, name) = target(session, table)?;
    let written = sim.with(|model| {
        let (table, mut rows) = matching(model, session, db, name, None, condition)?;
        if !matches!(table.keys, KeysType::Unique { .. }) {
            return Err(Refusal::analysis("Only unique table could be updated."));
        }
        let context = Context::new(model, session);
        let scope = scope_of(db, table);
        let binder = Binder { context: &context, scope: &scope, grouped: None, clause: "PROJECT" };
        let mut changes = Vec::new();
        for (column, expr) in assignments {
            let at = table.columns.iter().position(|c| c.name.eq_ignore_ascii_case(column));
            let at = at.ok_or_else(|| Refusal::analysis(format!("unknown column {column}")))?;
            if table.columns[at].is_key {
                return Err(Refusal::analysis("Only value columns of unique table could be updated"));
            }
            changes.push((at, binder.bind(expr)?.scalar));
        }
        for row in &mut rows {
            let old = row.clone();
            for (at, scalar) in &changes {
                let column = &table.columns[*at];
                row[*at] = coerce(&scalar.eval(&old), &column.ty)
                    .map_err(|misfit| Refusal::analysis(format!("column({}): {}", column.name, misfit.0)))?;
            }
        }
        if rows.is_empty() {
            return Ok(None);
        }
        let affected = rows.len();
        let rows = rows.into_iter().map(Row::new).collect();
        let write = LoadWrite { table: name.to_owned(), rows, ..LoadWrite::default() };
        write::load(model, db, None, write, affected).map(Some)
    })?;
    Ok(write::answer(sim, session, written).await)
}

fn base_table<'m>(model: &'m Model, db: &str, name: &str) -> Answer<&'m Table> {
    let Some(database) = model.find_database(db) else {
        return Err(Refusal::analysis(format!("Database [{db}] does not exist.")));
    };
    match database.relation(name) {
        Some(Relation::Table(table)) => Ok(table),
        Some(Relation::View(_)) => Err(Refusal::analysis(format!("{name} is a view"))),
        None => Err(Refusal::analysis(format!("Table [{name}] does not exist in database [{db}]."))),
    }
}

fn scope_of(db: &str, table: &Table) -> Vec<ScopeColumn> {
    let column = |column: &crate::model::Column| ScopeColumn {
        db: Some(db.to_owned()),
        table: Some(table.name.clone()),
        name: column.name.clone(),
        ty: column.ty.clone(),
    };
    table.columns.iter().map(column).collect()
}

/// A table and its rows that satisfy a condition.
fn matching<'m>(
    model: &'m Model,
    session: &Session,
    db: &str,
    name: &str,
    partitions: Option<&[String]>,
    condition: Option<&Expr>,
) -> Answer<(&'m Table, Vec<Vec<Value>>)> {
    let table = base_table(model, db, name)?;
    let mut rows = model.rows_in(db, name, partitions)?;
    if let Some(condition) = condition {
        let context = Context::new(model, session);
        let scope = scope_of(db, table);
        let binder = Binder { context: &context, scope: &scope, grouped: None, clause: "FILTER" };
        let condition = binder.bind(condition)?.scalar;
        rows.retain(|row| condition.truth(row) == Some(true));
    }
    Ok((table, rows))
}

/// A condition as a delete predicate: comparisons of columns with constants, all of which must hold.
fn conditions(context: &Context<'_>, table: &Table, expr: &Expr) -> Answer<Vec<Condition>> {
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

fn column_name(expr: &Expr) -> Option<String> {
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
    if table.keys == KeysType::Aggregate && !column.is_key {
        return Err(Refusal::analysis(format!(
            "delete predicate on value column only supports Unique table with merge-on-write enabled and Duplicate table, but Table[{}] is an Aggregate table.",
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
