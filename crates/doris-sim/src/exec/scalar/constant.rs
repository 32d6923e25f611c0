//! Literals, and the types that are written in expressions.

use sqlparser::ast::{DataType, Value as Literal};

use super::{super::coerce::parse_number, Scalar, Typed};
use crate::{
    model::{Answer, ColumnType, Refusal, Value},
    sql::{literal, parse_type},
};

/// A value that is known.
pub(super) fn constant(value: Value, ty: ColumnType) -> Typed {
    Typed { scalar: Scalar::Const(value), ty }
}

/// The type of a literal is the smallest one that holds it.
pub(super) fn literal_value(value: &Literal) -> Answer<Typed> {
    Ok(match value {
        Literal::Null => constant(Value::Null, ColumnType::Boolean),
        Literal::Boolean(v) => constant(Value::Bool(*v), ColumnType::Boolean),
        Literal::SingleQuotedString(text) => constant(Value::Text(literal::decode(text, '\'')), ColumnType::String),
        Literal::DoubleQuotedString(text) => constant(Value::Text(literal::decode(text, '"')), ColumnType::String),
        Literal::Number(text, _) => match parse_number(text) {
            Some(value) => {
                let ty = type_of_number(&value);
                constant(value, ty)
            }
            None => return Err(Refusal::analysis(format!("{text} is no number"))),
        },
        other => return Err(Refusal::analysis(format!("doris-sim does not model {other}"))),
    })
}

fn type_of_number(value: &Value) -> ColumnType {
    match value {
        Value::Int(v) if i8::try_from(*v).is_ok() => ColumnType::TinyInt,
        Value::Int(v) if i16::try_from(*v).is_ok() => ColumnType::SmallInt,
        Value::Int(v) if i32::try_from(*v).is_ok() => ColumnType::Int,
        Value::Int(v) if i64::try_from(*v).is_ok() => ColumnType::BigInt,
        Value::Int(_) => ColumnType::LargeInt,
        Value::Decimal { unscaled, scale } => {
            let digits = unscaled.unsigned_abs().to_string().len();
            let precision = u8::try_from(digits).unwrap_or(38).max(*scale).clamp(1, 38);
            ColumnType::Decimal { precision, scale: *scale }
        }
        _ => ColumnType::Double,
    }
}

/// The type of a CAST.
pub(super) fn scalar_type(ty: &DataType) -> Answer<ColumnType> {
    let text = ty.to_string();
    match parse_type(&text) {
        Ok(ty) => Ok(ty),
        Err(_) if text.to_ascii_uppercase().starts_with("SIGNED") => Ok(ColumnType::BigInt),
        Err(error) => Err(Refusal::analysis(error)),
    }
}
