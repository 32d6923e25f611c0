//! GROUP BY and aggregate functions.

use std::collections::{BTreeMap, BTreeSet};

use sqlparser::ast::{
    DuplicateTreatment, Expr, Function as FunctionCall, FunctionArg, FunctionArgExpr, FunctionArguments,
};

use super::{
    super::{
        coerce::{double, rescale},
        scalar::{Binder, Grouped, Scalar, Typed, arguments_of, children, union_of_sets},
    },
    Context, Relation,
};
use crate::model::{Answer, ColumnType, Refusal, Value};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Count,
    Sum,
    Min,
    Max,
    Avg,
    GroupConcat,
    /// Union of sets, and its size.
    Union,
    UnionCount,
    /// Of any row.
    Any,
}

/// An aggregate call, bound.
struct Call {
    kind: Kind,
    distinct: bool,
    /// `None`: `COUNT(*)`.
    argument: Option<Typed>,
    /// The separator of GROUP_CONCAT, further columns of COUNT(DISTINCT ..).
    more: Vec<Typed>,
}

fn kind_of(call: &FunctionCall) -> Option<Kind> {
    Some(match call.name.to_string().to_ascii_lowercase().as_str() {
        "count" => Kind::Count,
        "sum" => Kind::Sum,
        "min" => Kind::Min,
        "max" => Kind::Max,
        "avg" => Kind::Avg,
        "group_concat" => Kind::GroupConcat,
        "ndv" | "approx_count_distinct" => Kind::Count,
        "bitmap_union" | "hll_union" | "hll_raw_agg" => Kind::Union,
        "bitmap_union_count" | "hll_union_agg" => Kind::UnionCount,
        "any_value" | "any" => Kind::Any,
        _ => return None,
    })
}

/// The different aggregate calls in some expressions.
pub(super) fn calls_in(expressions: &[&Expr]) -> Vec<Expr> {
    let mut found = Vec::new();
    expressions.iter().for_each(|expr| collect(expr, &mut found));
    found
}

fn collect(expr: &Expr, found: &mut Vec<Expr>) {
    match expr {
        Expr::Function(call) if kind_of(call).is_some() => {
            if !found.contains(expr) {
                found.push(expr.clone());
            }
        }
        other => children(other).into_iter().for_each(|child| collect(child, found)),
    }
}

/// Replaces the rows by one row for each group: the group's keys, then the aggregates.
pub(super) fn group(
    context: &Context<'_>,
    source: &mut Relation,
    group_by: &[Expr],
    calls: Vec<Expr>,
) -> Answer<Grouped> {
    let binder = Binder { context, scope: &source.columns, grouped: None, clause: "AGGREGATE" };
    let mut grouped = Grouped::default();
    let mut keys = Vec::new();
    for (at, expr) in group_by.iter().enumerate() {
        let key = binder.bind(expr)?;
        if let Scalar::Column(before) = key.scalar {
            grouped.columns.push((before, at));
        }
        grouped.expressions.push((expr.clone(), at, key.ty));
        keys.push(key.scalar);
    }
    let mut bound = Vec::new();
    for (n, written) in calls.into_iter().enumerate() {
        let call = bind_call(&binder, &written)?;
        grouped.expressions.push((written, keys.len() + n, call.result_type()));
        bound.push(call);
    }
    let mut groups: BTreeMap<Vec<Value>, Vec<State>> = BTreeMap::new();
    if keys.is_empty() {
        groups.insert(Vec::new(), vec![State::default(); bound.len()]);
    }
    for row in &source.rows {
        let key: Vec<Value> = keys.iter().map(|key| key.eval(row)).collect();
        let states = groups.entry(key).or_insert_with(|| vec![State::default(); bound.len()]);
        for (call, state) in bound.iter().zip(states) {
            call.add(state, row);
        }
    }
    source.rows = groups
        .into_iter()
        .map(|(mut key, states)| {
            key.extend(bound.iter().zip(states).map(|(call, state)| call.finish(state)));
            key
        })
        .collect();
    Ok(grouped)
}

fn bind_call(binder: &Binder<'_>, written: &Expr) -> Answer<Call> {
    let Expr::Function(call) = written else { return Err(Refusal::analysis(format!("{written} is no aggregate"))) };
    let kind = kind_of(call).ok_or_else(|| Refusal::analysis(format!("{written} is no aggregate")))?;
    let unmodelled = || Refusal::analysis(format!("doris-sim does not model {written}"));
    let FunctionArguments::List(list) = &call.args else { return Err(unmodelled()) };
    if !list.clauses.is_empty() || call.over.is_some() {
        return Err(unmodelled());
    }
    if let (Kind::Count, [FunctionArg::Unnamed(FunctionArgExpr::Wildcard)]) = (kind, &list.args[..]) {
        return Ok(Call { kind, distinct: false, argument: None, more: Vec::new() });
    }
    let mut bound =
        arguments_of(call)?.into_iter().map(|argument| binder.bind(argument)).collect::<Answer<Vec<_>>>()?;
    let counted = matches!(call.name.to_string().to_ascii_lowercase().as_str(), "ndv" | "approx_count_distinct");
    let distinct = counted || list.duplicate_treatment == Some(DuplicateTreatment::Distinct);
    let most = match kind {
        Kind::Count if distinct => usize::MAX,
        Kind::GroupConcat => 2,
        _ => 1,
    };
    if bound.is_empty() || bound.len() > most {
        return Err(unmodelled());
    }
    let more = bound.split_off(1);
    Ok(Call { kind, distinct, argument: bound.pop(), more })
}

/// What one aggregate knows of one group.
#[derive(Clone, Debug, Default)]
struct State {
    count: i128,
    /// Sum, least or greatest value so far.
    value: Option<Value>,
    texts: Vec<String>,
    seen: BTreeSet<Vec<Value>>,
}

impl Call {
    fn result_type(&self) -> ColumnType {
        let argument = self.argument.as_ref().map_or(ColumnType::BigInt, |argument| argument.ty.clone());
        match (self.kind, argument) {
            (Kind::Count, _) => ColumnType::BigInt,
            (Kind::UnionCount, _) => ColumnType::BigInt,
            (Kind::Min | Kind::Max | Kind::Any | Kind::Union, ty) => ty,
            (Kind::GroupConcat, _) => ColumnType::String,
            (Kind::Sum, ColumnType::Decimal { scale, .. }) => ColumnType::Decimal { precision: 38, scale },
            (Kind::Sum, ColumnType::LargeInt) => ColumnType::LargeInt,
            (Kind::Avg, ColumnType::Decimal { scale, .. }) => {
                ColumnType::Decimal { precision: 38, scale: scale.max(4) }
            }
            (Kind::Sum, ty) if is_integer(&ty) => ColumnType::BigInt,
            (Kind::Sum | Kind::Avg, _) => ColumnType::Double,
        }
    }

    fn add(&self, state: &mut State, row: &[Value]) {
        let Some(argument) = &self.argument else {
            state.count += 1;
            return;
        };
        let value = argument.scalar.eval(row);
        let more: Vec<Value> = self.more.iter().map(|argument| argument.scalar.eval(row)).collect();
        if value.is_null() || (self.kind == Kind::Count && more.iter().any(Value::is_null)) {
            return;
        }
        let separator = more.first().map(Value::to_string);
        if self.distinct && !state.seen.insert([vec![value.clone()], more].concat()) {
            return;
        }
        state.count += 1;
        let value = match (self.kind, value) {
            // Truth values and texts are summed as numbers.
            (Kind::Sum | Kind::Avg, Value::Bool(v)) => Value::Int(i128::from(v)),
            (Kind::Sum | Kind::Avg, text @ Value::Text(_)) => double(&text).map_or(Value::Null, Value::Double),
            (_, value) => value,
        };
        let better = match (&state.value, self.kind) {
            (None, _) => value,
            (Some(old), Kind::Sum | Kind::Avg) => old.sum(&value),
            (Some(old), Kind::Min) => old.min(&value).clone(),
            (Some(old), Kind::Any) => old.clone(),
            (Some(old), Kind::Union | Kind::UnionCount) => union_of_sets(&[old.clone(), value]),
            (Some(old), _) => old.max(&value).clone(),
        };
        if self.kind == Kind::GroupConcat {
            if !state.texts.is_empty() {
                state.texts.push(separator.unwrap_or_else(|| ", ".into()));
            }
            state.texts.push(argument.scalar.eval(row).to_string());
        }
        state.value = Some(better);
    }

    fn finish(&self, state: State) -> Value {
        match self.kind {
            Kind::Count => Value::Int(state.count),
            Kind::GroupConcat if state.texts.is_empty() => Value::Null,
            Kind::GroupConcat => Value::Text(state.texts.concat()),
            Kind::UnionCount => {
                let members = state.value.map_or(0, |set| set.to_string().split(',').filter(|m| !m.is_empty()).count());
                Value::Int(i128::try_from(members).unwrap_or(i128::MAX))
            }
            Kind::Avg => average(state.value, state.count),
            Kind::Sum | Kind::Min | Kind::Max | Kind::Any | Kind::Union => state.value.unwrap_or(Value::Null),
        }
    }
}

fn average(sum: Option<Value>, count: i128) -> Value {
    match sum {
        Some(Value::Decimal { unscaled, scale }) => {
            let wide = scale.max(4);
            rescale(unscaled, scale, wide)
                .and_then(|unscaled| unscaled.checked_div(count))
                .map_or(Value::Null, |unscaled| Value::Decimal { unscaled, scale: wide })
        }
        Some(value) => match (double(&value), double(&Value::Int(count))) {
            (Some(sum), Some(count)) => Value::Double(sum / count),
            _ => Value::Null,
        },
        None => Value::Null,
    }
}

fn is_integer(ty: &ColumnType) -> bool {
    matches!(
        ty,
        ColumnType::Boolean | ColumnType::TinyInt | ColumnType::SmallInt | ColumnType::Int | ColumnType::BigInt
    )
}
