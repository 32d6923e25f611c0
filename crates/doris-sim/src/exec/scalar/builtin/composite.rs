//! ARRAY, MAP and STRUCT: values that are only carried around, as the text that Doris prints.

use super::{Builtin, MANY};
use crate::model::{ColumnType, Value};

pub(super) const TABLE: &[Builtin] = &[
    Builtin { name: "array", arity: (0, MANY), ty: |_| other("array"), takes_null: true, call: array },
    Builtin { name: "map", arity: (0, MANY), ty: |_| other("map"), takes_null: true, call: map },
    Builtin { name: "named_struct", arity: (2, MANY), ty: |_| other("struct"), takes_null: true, call: named_struct },
    Builtin { name: "struct", arity: (1, MANY), ty: |_| other("struct"), takes_null: true, call: plain_struct },
];

fn other(name: &str) -> ColumnType {
    ColumnType::Other(name.into())
}

/// An element inside: texts are quoted, unless they are composite themselves.
fn element(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Text(text) if text.starts_with(['[', '{']) => text.clone(),
        Value::Text(_) | Value::Date(_) | Value::DateTime(_) => format!("\"{value}\""),
        other => other.to_string(),
    }
}

fn array(arguments: &[Value]) -> Option<Value> {
    let elements: Vec<String> = arguments.iter().map(element).collect();
    Some(Value::Text(format!("[{}]", elements.join(", "))))
}

fn map(arguments: &[Value]) -> Option<Value> {
    let pairs: Vec<String> =
        arguments.chunks(2).map(|pair| pair.iter().map(element).collect::<Vec<_>>().join(":")).collect();
    Some(Value::Text(format!("{{{}}}", pairs.join(", "))))
}

fn named_struct(arguments: &[Value]) -> Option<Value> {
    let pair = |pair: &[Value]| match pair {
        [name, value] => format!("\"{name}\":{}", element(value)),
        _ => String::new(),
    };
    let pairs: Vec<String> = arguments.chunks(2).map(pair).collect();
    Some(Value::Text(format!("{{{}}}", pairs.join(", "))))
}

fn plain_struct(arguments: &[Value]) -> Option<Value> {
    let numbered = arguments.iter().enumerate();
    let pairs: Vec<String> = numbered.map(|(n, value)| format!("\"col{}\":{}", n + 1, element(value))).collect();
    Some(Value::Text(format!("{{{}}}", pairs.join(", "))))
}
