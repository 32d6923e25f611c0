//! The value of one cell.

use std::{cmp::Ordering, collections::BTreeSet, fmt};

use serde::{Deserialize, Serialize};

/// The value of one cell, already of its column's type (see [`super::ColumnType`]).
///
/// Totally ordered and comparable for equality: NULL first, then by kind, numbers of all kinds by value. `Display` is the
/// text that a client of Doris sees (NULL as `\N`).
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Value {
    Null,
    Bool(bool),
    /// TINYINT to LARGEINT.
    Int(#[serde(with = "int_as_text")] i128),
    /// `unscaled / 10^scale`.
    Decimal {
        #[serde(with = "int_as_text")]
        unscaled: i128,
        scale: u8,
    },
    /// FLOAT and DOUBLE.
    Double(f64),
    /// CHAR, VARCHAR, STRING, JSON and every type without rules of its own.
    Text(String),
    /// `YYYY-MM-DD`.
    Date(String),
    /// `YYYY-MM-DD hh:mm:ss[.ffffff]`, with as many digits as the column has.
    DateTime(String),
}

impl Value {
    pub fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }

    /// The text of a cell in a result set; `None` is NULL.
    pub fn to_cell(&self) -> Option<String> {
        (!self.is_null()).then(|| self.to_string())
    }

    /// A place for each kind, for values of different kinds. Numbers share one.
    fn rank(&self) -> u8 {
        match self {
            Self::Null => 0,
            Self::Bool(_) => 1,
            Self::Int(_) | Self::Decimal { .. } | Self::Double(_) => 2,
            Self::Text(_) => 3,
            Self::Date(_) => 4,
            Self::DateTime(_) => 5,
        }
    }

    /// The number as a float, for comparing exact with inexact ones.
    fn as_f64(&self) -> f64 {
        match self {
            Self::Int(v) => *v as f64,
            Self::Decimal { unscaled, scale } => *unscaled as f64 / 10f64.powi(i32::from(*scale)),
            Self::Double(v) => *v,
            _ => f64::NAN,
        }
    }

    /// The exact number as (unscaled, scale).
    fn as_exact(&self) -> Option<(i128, u8)> {
        match self {
            Self::Int(v) => Some((*v, 0)),
            Self::Decimal { unscaled, scale } => Some((*unscaled, *scale)),
            _ => None,
        }
    }

    /// The members of a BITMAP or HLL: its text is `1,2,3`, sorted (a HLL is exact here).
    pub(crate) fn members(&self) -> BTreeSet<u64> {
        match self {
            Self::Text(text) => text.split(',').filter_map(|member| member.trim().parse().ok()).collect(),
            _ => BTreeSet::new(),
        }
    }

    /// A BITMAP or HLL of these members.
    pub(crate) fn of_members(members: impl IntoIterator<Item = u64>) -> Self {
        let members: BTreeSet<u64> = members.into_iter().collect();
        Self::Text(members.iter().map(u64::to_string).collect::<Vec<_>>().join(","))
    }

    /// `self + other`, as SUM does it: NULL is neutral, and an overflow wraps as Doris's does.
    pub fn sum(&self, other: &Self) -> Self {
        match (self, other) {
            (Self::Null, v) | (v, Self::Null) => v.clone(),
            (Self::Int(a), Self::Int(b)) => Self::Int(a.wrapping_add(*b)),
            (Self::Decimal { unscaled: a, scale }, Self::Decimal { unscaled: b, scale: other }) if scale == other => {
                Self::Decimal { unscaled: a.wrapping_add(*b), scale: *scale }
            }
            (a, b) => Self::Double(a.as_f64() + b.as_f64()),
        }
    }
}

impl PartialEq for Value {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}
impl Eq for Value {}
impl PartialOrd for Value {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Value {
    fn cmp(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Bool(a), Self::Bool(b)) => a.cmp(b),
            (Self::Text(a), Self::Text(b))
            | (Self::Date(a), Self::Date(b))
            | (Self::DateTime(a), Self::DateTime(b)) => a.cmp(b),
            (a, b) if a.rank() == 2 && b.rank() == 2 => compare_numbers(a, b),
            (a, b) => a.rank().cmp(&b.rank()),
        }
    }
}

fn compare_numbers(a: &Value, b: &Value) -> Ordering {
    if let (Some((a, a_scale)), Some((b, b_scale))) = (a.as_exact(), b.as_exact()) {
        let scale = a_scale.max(b_scale);
        let lift = |v: i128, from: u8| 10i128.checked_pow(u32::from(scale - from)).and_then(|f| v.checked_mul(f));
        if let (Some(a), Some(b)) = (lift(a, a_scale), lift(b, b_scale)) {
            return a.cmp(&b);
        }
    }
    a.as_f64().total_cmp(&b.as_f64())
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("\\N"),
            Self::Bool(v) => f.write_str(if *v { "1" } else { "0" }),
            Self::Int(v) => v.fmt(f),
            Self::Decimal { unscaled, scale: 0 } => unscaled.fmt(f),
            Self::Decimal { unscaled, scale } => {
                let width = usize::from(*scale);
                let digits = format!("{:0>1$}", unscaled.unsigned_abs(), width + 1);
                let (whole, fraction) = digits.split_at(digits.len() - width);
                let sign = if *unscaled < 0 { "-" } else { "" };
                write!(f, "{sign}{whole}.{fraction}")
            }
            Self::Double(v) => write_double(f, *v),
            Self::Text(v) | Self::Date(v) | Self::DateTime(v) => f.write_str(v),
        }
    }
}

/// The shortest digits that read back as the same number; with an exponent of at least two digits outside of 1e-4 to 1e16
/// (as the backends' formatter writes it).
fn write_double(f: &mut fmt::Formatter<'_>, v: f64) -> fmt::Result {
    let scientific = format!("{v:e}");
    let Some((mantissa, exponent)) = scientific.split_once('e') else {
        return f.write_str(&scientific.to_lowercase());
    };
    match exponent.parse::<i32>() {
        Ok(exponent) if !(-4..16).contains(&exponent) => {
            let sign = if exponent < 0 { '-' } else { '+' };
            write!(f, "{mantissa}e{sign}{:02}", exponent.unsigned_abs())
        }
        _ => write!(f, "{v}"),
    }
}

/// JSON has no integers of 128 bits that every reader understands.
mod int_as_text {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(super) fn serialize<S: Serializer>(value: &i128, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(value)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<i128, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_compare_by_value_across_kinds() {
        let cases = [
            (Value::Int(1), Value::Decimal { unscaled: 100, scale: 2 }, Ordering::Equal),
            (Value::Int(2), Value::Decimal { unscaled: 199, scale: 2 }, Ordering::Greater),
            (Value::Double(1.5), Value::Int(2), Ordering::Less),
            (Value::Null, Value::Int(i128::MIN), Ordering::Less),
            (Value::Text("a".into()), Value::Int(9), Ordering::Greater),
        ];
        for (a, b, expected) in cases {
            assert_eq!(a.cmp(&b), expected, "{a} ? {b}");
            assert_eq!(b.cmp(&a), expected.reverse(), "{b} ? {a}");
        }
    }

    #[test]
    fn decimals_print_all_digits() {
        let text = |unscaled, scale| Value::Decimal { unscaled, scale }.to_string();
        assert_eq!(text(5, 2), "0.05");
        assert_eq!(text(-12345, 4), "-1.2345");
        assert_eq!(text(7, 0), "7");
    }
}
