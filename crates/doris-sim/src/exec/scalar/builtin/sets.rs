//! BITMAP and HLL as sets of texts, sorted: `1,2,3`. A HLL is exact here.

use super::{Builtin, MANY, big_int, boolean, integer, of_count, strict, string};
use crate::model::{ColumnType, Value};

pub(super) const TABLE: &[Builtin] = &[
    strict("to_bitmap", (1, 1), bitmap, to_bitmap),
    strict("bitmap_hash", (1, 1), bitmap, |a| Some(Value::Text(hash(&a[0]).to_string()))),
    strict("bitmap_empty", (0, 0), bitmap, |_| Some(Value::Text(String::new()))),
    strict("bitmap_from_string", (1, 1), bitmap, from_string),
    strict("bitmap_to_string", (1, 1), string, |a| Some(a[0].clone())),
    strict("bitmap_or", (2, MANY), bitmap, |a| Some(union(a))),
    strict("bitmap_and", (2, 2), bitmap, |a| {
        Some(Value::of_members(a[0].members().intersection(&a[1].members()).copied()))
    }),
    strict("bitmap_not", (2, 2), bitmap, |a| {
        Some(Value::of_members(a[0].members().difference(&a[1].members()).copied()))
    }),
    strict("bitmap_count", (1, 1), big_int, |a| of_count(a[0].members().len())),
    strict("bitmap_contains", (2, 2), boolean, contains),
    strict("hll_hash", (1, 1), hll, |a| Some(Value::Text(hash(&a[0]).to_string()))),
    strict("hll_empty", (0, 0), hll, |_| Some(Value::Text(String::new()))),
    strict("hll_cardinality", (1, 1), big_int, |a| of_count(a[0].members().len())),
];

fn bitmap(_: &[ColumnType]) -> ColumnType {
    ColumnType::Other("bitmap".into())
}

fn hll(_: &[ColumnType]) -> ColumnType {
    ColumnType::Other("hll".into())
}

/// All members of some sets.
pub(in crate::exec) fn union(sets: &[Value]) -> Value {
    Value::of_members(sets.iter().flat_map(Value::members))
}

fn to_bitmap(arguments: &[Value]) -> Option<Value> {
    let member = u64::try_from(integer(&arguments[0])?).ok()?;
    Some(Value::Text(member.to_string()))
}

/// NULL unless all of it are numbers.
fn from_string(arguments: &[Value]) -> Option<Value> {
    let text = arguments[0].to_string();
    let valid = text.split(',').all(|member| member.trim().parse::<u64>().is_ok());
    (text.trim().is_empty() || valid).then(|| Value::of_members(arguments[0].members()))
}

fn contains(arguments: &[Value]) -> Option<Value> {
    let member = u64::try_from(integer(&arguments[1])?).ok()?;
    Some(Value::Bool(arguments[0].members().contains(&member)))
}

fn hash(value: &Value) -> u64 {
    crate::model::bucket_hash(std::slice::from_ref(value))
}
