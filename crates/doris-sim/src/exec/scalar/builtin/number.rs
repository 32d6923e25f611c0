//! Functions of numbers.

use super::{
    super::{
        arithmetic::Arithmetic,
        coerce::{double as to_double, number},
    },
    Builtin, MANY, double, first, strict,
};
use crate::model::{ColumnType, Value};

pub(super) const TABLE: &[Builtin] = &[
    strict("mod", (2, 2), remainder_type, |a| known(Arithmetic::Modulo.apply(&a[0], &a[1]))),
    strict("power", (2, 2), double, power),
    strict("pow", (2, 2), double, power),
    strict("sqrt", (1, 1), double, |a| finite(to_double(&a[0])?.sqrt())),
    strict("exp", (1, 1), double, |a| finite(to_double(&a[0])?.exp())),
    strict("pi", (0, 0), double, |_| Some(Value::Double(std::f64::consts::PI))),
    strict("sign", (1, 1), small, sign),
    strict("greatest", (1, MANY), first, |a| a.iter().max().cloned()),
    strict("least", (1, MANY), first, |a| a.iter().min().cloned()),
];

fn small(_: &[ColumnType]) -> ColumnType {
    ColumnType::TinyInt
}

fn remainder_type(arguments: &[ColumnType]) -> ColumnType {
    match arguments {
        [left, right] => Arithmetic::Modulo.result_type(left, right),
        _ => ColumnType::BigInt,
    }
}

fn known(value: Value) -> Option<Value> {
    (!value.is_null()).then_some(value)
}

fn finite(value: f64) -> Option<Value> {
    value.is_finite().then_some(Value::Double(value))
}

fn power(arguments: &[Value]) -> Option<Value> {
    finite(to_double(&arguments[0])?.powf(to_double(&arguments[1])?))
}

fn sign(arguments: &[Value]) -> Option<Value> {
    let order = number(&arguments[0])?.cmp(&Value::Int(0));
    Some(Value::Int(order as i8 as i128))
}
