//! Values of one type as values of another.

use super::datetime::Moment;
use crate::model::{ColumnType, Value};

/// Why a value does not fit into a type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Misfit(pub(crate) String);

/// The value as one of type `ty`; NULL stays NULL.
pub(crate) fn coerce(value: &Value, ty: &ColumnType) -> Result<Value, Misfit> {
    if value.is_null() {
        return Ok(Value::Null);
    }
    let misfit = || Misfit(format!("the value '{value}' is no {ty}"));
    match ty {
        ColumnType::Boolean => boolean(value).map(Value::Bool).ok_or_else(misfit),
        ColumnType::TinyInt => integer(value, i8::MIN.into(), i8::MAX.into()).ok_or_else(misfit),
        ColumnType::SmallInt => integer(value, i16::MIN.into(), i16::MAX.into()).ok_or_else(misfit),
        ColumnType::Int => integer(value, i32::MIN.into(), i32::MAX.into()).ok_or_else(misfit),
        ColumnType::BigInt => integer(value, i64::MIN.into(), i64::MAX.into()).ok_or_else(misfit),
        ColumnType::LargeInt => integer(value, i128::MIN, i128::MAX).ok_or_else(misfit),
        ColumnType::Float => double(value).map(shortest_float).map(Value::Double).ok_or_else(misfit),
        ColumnType::Double => double(value).map(Value::Double).ok_or_else(misfit),
        ColumnType::Decimal { precision, scale } => decimal(value, *precision, *scale).ok_or_else(misfit),
        ColumnType::Date => moment(value).map(|m| Value::Date(m.date_text())).ok_or_else(misfit),
        ColumnType::DateTime { scale } => moment(value).map(|m| Value::DateTime(m.text(*scale))).ok_or_else(misfit),
        ColumnType::Char { length } | ColumnType::Varchar { length } => {
            let text = value.to_string();
            let fits = u32::try_from(text.len()).is_ok_and(|bytes| bytes <= *length);
            fits.then_some(Value::Text(text)).ok_or_else(misfit)
        }
        ColumnType::Json => {
            let text = value.to_string();
            serde_json::from_str::<&serde_json::value::RawValue>(&text).map_err(|_| misfit())?;
            Ok(Value::Text(text))
        }
        ColumnType::String | ColumnType::Other(_) => Ok(Value::Text(value.to_string())),
    }
}

/// The most digits of a DECIMAL.
const MAX_DIGITS: u8 = 38;

/// A number as it is written in SQL; `None`: not one.
pub(crate) fn parse_number(text: &str) -> Option<Value> {
    let text = text.trim();
    if let Ok(value) = text.parse::<i128>() {
        return Some(Value::Int(value));
    }
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => ("-", digits),
        None => ("", text.strip_prefix('+').unwrap_or(text)),
    };
    let numeric = digits.bytes().any(|b| b.is_ascii_digit())
        && digits.bytes().all(|b| b.is_ascii_digit() || b".eE+-".contains(&b));
    if !numeric {
        return None;
    }
    if let Some((whole, fraction)) = digits.split_once('.')
        && fraction.bytes().all(|b| b.is_ascii_digit())
        && let Some(scale) = u8::try_from(fraction.len()).ok().filter(|scale| *scale <= MAX_DIGITS)
        && let Ok(unscaled) = format!("{sign}{whole}{fraction}").parse()
    {
        return Some(Value::Decimal { unscaled, scale });
    }
    text.parse().ok().map(Value::Double)
}

/// A FLOAT is shown with its own shortest digits, not with those of the DOUBLE of the same value.
#[allow(clippy::cast_possible_truncation)]
fn shortest_float(value: f64) -> f64 {
    (value as f32).to_string().parse().unwrap_or(value)
}

pub(crate) fn boolean(value: &Value) -> Option<bool> {
    match value {
        Value::Bool(v) => Some(*v),
        Value::Int(v) => Some(*v != 0),
        Value::Decimal { unscaled, .. } => Some(*unscaled != 0),
        Value::Double(v) => Some(*v != 0.0),
        Value::Text(text) => match text.trim().to_ascii_lowercase().as_str() {
            "true" | "1" | "t" | "yes" | "on" => Some(true),
            "false" | "0" | "f" | "no" | "off" => Some(false),
            _ => None,
        },
        Value::Null | Value::Date(_) | Value::DateTime(_) => None,
    }
}

/// The value as a number of some kind.
pub(crate) fn number(value: &Value) -> Option<Value> {
    match value {
        Value::Bool(v) => Some(Value::Int(i128::from(*v))),
        Value::Int(_) | Value::Decimal { .. } | Value::Double(_) => Some(value.clone()),
        Value::Text(text) => parse_number(text),
        Value::Date(text) | Value::DateTime(text) => {
            let whole = text.split('.').next().unwrap_or_default();
            whole.chars().filter(char::is_ascii_digit).collect::<String>().parse().ok().map(Value::Int)
        }
        Value::Null => None,
    }
}

fn integer(value: &Value, min: i128, max: i128) -> Option<Value> {
    let integer = match number(value)? {
        Value::Int(v) => v,
        // Doris cuts the fraction when a number becomes an integer.
        Value::Decimal { unscaled, scale } => unscaled / 10_i128.checked_pow(u32::from(scale))?,
        Value::Double(v) if v.is_finite() && v.abs() < 1e38 => float_to_integer(v),
        _ => return None,
    };
    (min..=max).contains(&integer).then_some(Value::Int(integer))
}

#[allow(clippy::cast_possible_truncation)]
fn float_to_integer(value: f64) -> i128 {
    value.trunc() as i128
}

pub(crate) fn double(value: &Value) -> Option<f64> {
    match number(value)? {
        Value::Int(v) => v.to_string().parse().ok(),
        Value::Double(v) => Some(v),
        decimal => decimal.to_string().parse().ok(),
    }
}

fn decimal(value: &Value, precision: u8, scale: u8) -> Option<Value> {
    let (unscaled, from) = match number(value)? {
        Value::Int(v) => (v, 0),
        Value::Decimal { unscaled, scale } => (unscaled, scale),
        Value::Double(v) => match parse_number(&format!("{v:.*}", usize::from(scale)))? {
            Value::Int(v) => (v, 0),
            Value::Decimal { unscaled, scale } => (unscaled, scale),
            _ => return None,
        },
        _ => return None,
    };
    let unscaled = rescale(unscaled, from, scale)?;
    let limit = 10_i128.checked_pow(u32::from(precision))?;
    (unscaled.unsigned_abs() < limit.unsigned_abs()).then_some(Value::Decimal { unscaled, scale })
}

/// The digits with another scale, rounded half away from zero.
pub(crate) fn rescale(unscaled: i128, from: u8, to: u8) -> Option<i128> {
    if from <= to {
        return unscaled.checked_mul(10_i128.checked_pow(u32::from(to - from))?);
    }
    let unit = 10_i128.checked_pow(u32::from(from - to))?;
    let half = if unscaled < 0 { -(unit / 2) } else { unit / 2 };
    Some(unscaled.checked_add(half)? / unit)
}

pub(crate) fn moment(value: &Value) -> Option<Moment> {
    match value {
        Value::Text(text) | Value::Date(text) | Value::DateTime(text) => Moment::parse(text),
        Value::Int(v) => Moment::parse(&v.to_string()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_become_values() {
        let decimal = ColumnType::Decimal { precision: 5, scale: 2 };
        let time = ColumnType::DateTime { scale: 3 };
        let cases: [(&str, &ColumnType, Option<&str>); 19] = [
            ("12", &ColumnType::Int, Some("12")),
            ("-128", &ColumnType::TinyInt, Some("-128")),
            ("128", &ColumnType::TinyInt, None),
            (
                "170141183460469231731687303715884105727",
                &ColumnType::LargeInt,
                Some("170141183460469231731687303715884105727"),
            ),
            ("x", &ColumnType::Int, None),
            ("1.005", &decimal, Some("1.01")),
            ("-1.005", &decimal, Some("-1.01")),
            ("1000", &decimal, None),
            ("1e2", &decimal, Some("100.00")),
            (".5", &ColumnType::Double, Some("0.5")),
            ("1.1", &ColumnType::Float, Some("1.1")),
            ("true", &ColumnType::Boolean, Some("1")),
            ("2024-02-30", &ColumnType::Date, None),
            ("20240201", &ColumnType::Date, Some("2024-02-01")),
            ("2024-02-01", &time, Some("2024-02-01 00:00:00.000")),
            ("abc", &ColumnType::Varchar { length: 3 }, Some("abc")),
            ("中", &ColumnType::Varchar { length: 2 }, None),
            ("{\"a\": 1}", &ColumnType::Json, Some("{\"a\": 1}")),
            ("{", &ColumnType::Json, None),
        ];
        for (text, ty, expected) in cases {
            let got = coerce(&Value::Text(text.into()), ty).ok().map(|v| v.to_string());
            assert_eq!(got.as_deref(), expected, "{text} as {ty}");
        }
        assert_eq!(coerce(&Value::Null, &ColumnType::Int), Ok(Value::Null));
    }
}
