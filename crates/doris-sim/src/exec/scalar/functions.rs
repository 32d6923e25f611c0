//! Functions of one row.

use super::super::{
    coerce::{boolean, coerce, double, moment, number, rescale},
    datetime::{Moment, date_of},
};
use super::builtin::Builtin;
use crate::model::{ColumnType, Value};

/// A function whose value depends on its arguments only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::exec) enum Function {
    Concat,
    Lower,
    Upper,
    Length,
    CharLength,
    Substring,
    Trim,
    Abs,
    Round,
    Floor,
    Ceil,
    If,
    IfNull,
    NullIf,
    Coalesce,
    Year,
    Month,
    Day,
    DateOf,
    Repeat,
    AddSeconds,
    AddMonths,
    /// One of the table.
    Builtin(&'static Builtin),
}

impl Function {
    pub(super) fn by_name(name: &str) -> Option<Self> {
        Some(match name {
            "concat" => Self::Concat,
            "lower" | "lcase" => Self::Lower,
            "upper" | "ucase" => Self::Upper,
            "length" => Self::Length,
            "char_length" | "character_length" => Self::CharLength,
            "substring" | "substr" => Self::Substring,
            "trim" => Self::Trim,
            "abs" => Self::Abs,
            "round" => Self::Round,
            "floor" => Self::Floor,
            "ceil" | "ceiling" => Self::Ceil,
            "if" => Self::If,
            "ifnull" | "nvl" => Self::IfNull,
            "nullif" => Self::NullIf,
            "coalesce" => Self::Coalesce,
            "year" => Self::Year,
            "month" => Self::Month,
            "day" | "dayofmonth" => Self::Day,
            "date" | "to_date" => Self::DateOf,
            "repeat" => Self::Repeat,
            _ => return Builtin::by_name(name).map(Self::Builtin),
        })
    }

    /// As refusals name it.
    pub(super) fn name(self) -> String {
        match self {
            Self::Builtin(builtin) => format!("{builtin:?}"),
            other => format!("{other:?}").to_lowercase(),
        }
    }

    /// How many arguments it takes, at least and at most.
    pub(super) fn arity(self) -> (usize, usize) {
        match self {
            Self::Builtin(builtin) => builtin.arity(),
            Self::Concat | Self::Coalesce => (1, usize::MAX),
            Self::Substring => (2, 3),
            Self::Round => (1, 2),
            Self::If => (3, 3),
            Self::IfNull | Self::NullIf | Self::Repeat | Self::AddSeconds | Self::AddMonths => (2, 2),
            _ => (1, 1),
        }
    }

    /// The type of the result for arguments of these types.
    pub(super) fn result_type(self, arguments: &[ColumnType]) -> ColumnType {
        let nth = |n: usize| arguments.get(n).cloned().unwrap_or(ColumnType::String);
        match self {
            Self::Builtin(builtin) => builtin.result_type(arguments),
            Self::Length | Self::CharLength => ColumnType::Int,
            Self::Year => ColumnType::SmallInt,
            Self::Month | Self::Day => ColumnType::TinyInt,
            Self::DateOf => ColumnType::Date,
            Self::Abs | Self::NullIf => nth(0),
            Self::If => nth(1),
            Self::IfNull | Self::Coalesce => nth(0),
            Self::Round | Self::Floor | Self::Ceil => match nth(0) {
                decimal @ ColumnType::Decimal { .. } => decimal,
                ColumnType::Float | ColumnType::Double | ColumnType::String => ColumnType::Double,
                _ => ColumnType::BigInt,
            },
            Self::AddSeconds => match nth(0) {
                time @ ColumnType::DateTime { .. } => time,
                _ => ColumnType::DateTime { scale: 0 },
            },
            Self::AddMonths => match nth(0) {
                time @ ColumnType::DateTime { .. } => time,
                _ => ColumnType::Date,
            },
            Self::Concat | Self::Lower | Self::Upper | Self::Substring | Self::Trim | Self::Repeat => {
                ColumnType::String
            }
        }
    }

    pub(super) fn call(self, arguments: &[Value]) -> Value {
        const NULL: Value = Value::Null;
        let nth = |n: usize| arguments.get(n).unwrap_or(&NULL);
        match self {
            Self::If => return if boolean(nth(0)) == Some(true) { nth(1).clone() } else { nth(2).clone() },
            Self::IfNull | Self::Coalesce => {
                return arguments.iter().find(|v| !v.is_null()).cloned().unwrap_or(Value::Null);
            }
            Self::Builtin(builtin) => return builtin.call(arguments).unwrap_or(Value::Null),
            Self::NullIf => return if nth(0) == nth(1) { Value::Null } else { nth(0).clone() },
            _ => {}
        }
        if arguments.iter().any(Value::is_null) {
            return Value::Null;
        }
        self.call_known(arguments).unwrap_or(Value::Null)
    }

    /// Of arguments that are not NULL.
    fn call_known(self, arguments: &[Value]) -> Option<Value> {
        let first = arguments.first()?;
        let text = || first.to_string();
        Some(match self {
            Self::Concat => Value::Text(arguments.iter().map(Value::to_string).collect()),
            Self::Lower => Value::Text(text().to_lowercase()),
            Self::Upper => Value::Text(text().to_uppercase()),
            Self::Length => Value::Int(i128::try_from(text().len()).ok()?),
            Self::CharLength => Value::Int(i128::try_from(text().chars().count()).ok()?),
            Self::Trim => Value::Text(text().trim_matches(' ').to_owned()),
            Self::Repeat => {
                let times = count(arguments.get(1)?)?;
                let length = text().len().checked_mul(times)?;
                (length <= MAX_REPEATED).then(|| Value::Text(text().repeat(times)))?
            }
            Self::Substring => Value::Text(substring(&text(), arguments.get(1)?, arguments.get(2))?),
            Self::Abs => match number(first)? {
                Value::Int(v) => Value::Int(v.wrapping_abs()),
                Value::Decimal { unscaled, scale } => Value::Decimal { unscaled: unscaled.wrapping_abs(), scale },
                other => Value::Double(double(&other)?.abs()),
            },
            Self::Round => round(first, arguments.get(1))?,
            Self::Floor => whole(first, f64::floor, |v, unit| v.checked_div_euclid(unit))?,
            Self::Ceil => whole(first, f64::ceil, |v, unit| v.checked_neg()?.checked_div_euclid(unit)?.checked_neg())?,
            Self::Year => Value::Int(date_of(moment(first)?.days).0.into()),
            Self::Month => Value::Int(date_of(moment(first)?.days).1.into()),
            Self::Day => Value::Int(date_of(moment(first)?.days).2.into()),
            Self::DateOf => coerce(first, &ColumnType::Date).ok()?,
            Self::AddSeconds => moved(first, arguments.get(1)?, Moment::plus_seconds)?,
            Self::AddMonths => moved(first, arguments.get(1)?, Moment::plus_months)?,
            Self::If | Self::IfNull | Self::Coalesce | Self::NullIf | Self::Builtin(_) => return None,
        })
    }
}

/// The longest text that `repeat` makes; NULL beyond.
const MAX_REPEATED: usize = 64 << 20;

fn count(value: &Value) -> Option<usize> {
    match number(value)? {
        Value::Int(v) => usize::try_from(v.max(0)).ok(),
        _ => None,
    }
}

/// From a position that counts from 1, or from the end if it is negative.
fn substring(text: &str, from: &Value, length: Option<&Value>) -> Option<String> {
    let Value::Int(from) = number(from)? else { return None };
    let chars: Vec<char> = text.chars().collect();
    let start = match from {
        0 => return Some(String::new()),
        1.. => usize::try_from(from - 1).ok()?,
        _ => chars.len().checked_sub(usize::try_from(from.unsigned_abs()).ok()?)?,
    };
    let length = length.map_or(Some(usize::MAX), count)?;
    Some(chars.into_iter().skip(start).take(length).collect())
}

fn round(value: &Value, digits: Option<&Value>) -> Option<Value> {
    let digits = digits.map_or(Some(0), count)?;
    Some(match number(value)? {
        Value::Decimal { unscaled, scale } => {
            let kept = u8::try_from(digits).ok()?.min(scale);
            Value::Decimal { unscaled: rescale(unscaled, scale, kept)?, scale: kept }
        }
        Value::Double(v) => {
            let unit = 10_f64.powi(i32::try_from(digits).ok()?);
            Value::Double((v * unit).round() / unit)
        }
        integer => integer,
    })
}

fn whole(value: &Value, of_double: fn(f64) -> f64, of_decimal: fn(i128, i128) -> Option<i128>) -> Option<Value> {
    Some(match number(value)? {
        Value::Decimal { unscaled, scale } => {
            let unit = 10_i128.checked_pow(u32::from(scale))?;
            Value::Decimal { unscaled: of_decimal(unscaled, unit)?, scale: 0 }
        }
        Value::Double(v) => Value::Double(of_double(v)),
        integer => integer,
    })
}

/// No date can be moved as far: ten thousand years in seconds.
const MAX_MOVE: i64 = 10_000 * 366 * 86_400;

/// A date or time moved by a number of seconds or months; a date that stays at midnight stays a date.
fn moved(value: &Value, by: &Value, by_unit: fn(Moment, i64) -> Moment) -> Option<Value> {
    let Value::Int(by) = number(by)? else { return None };
    let by = i64::try_from(by).ok().filter(|by| by.abs() <= MAX_MOVE)?;
    let moment = by_unit(moment(value)?, by);
    Some(match value {
        Value::DateTime(text) => {
            let scale = text.split_once('.').map_or(0, |(_, fraction)| fraction.len());
            Value::DateTime(moment.text(u8::try_from(scale).ok()?))
        }
        _ if moment.micros == 0 => Value::Date(moment.date_text()),
        _ => Value::DateTime(moment.text(0)),
    })
}
