//! `+ - * / % div`, and the types of their results.

use super::super::coerce::{double, number, rescale};
use crate::model::{ColumnType, Value};

/// An operation on two numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::exec) enum Arithmetic {
    Add,
    Subtract,
    Multiply,
    Divide,
    Modulo,
    /// `DIV`
    IntegerDivide,
}

/// Digits that a division of decimals adds.
const DIVISION_SCALE: u8 = 4;

impl Arithmetic {
    /// NULL where an operand is NULL, no number, or the divisor is zero.
    pub(super) fn apply(self, left: &Value, right: &Value) -> Value {
        let (Some(left), Some(right)) = (number(left), number(right)) else { return Value::Null };
        self.exact(&left, &right).unwrap_or_else(|| self.inexact(&left, &right))
    }

    /// `None`: not exact numbers, or the result has too many digits.
    fn exact(self, left: &Value, right: &Value) -> Option<Value> {
        let ((a, a_scale), (b, b_scale)) = (exact_number(left)?, exact_number(right)?);
        let integers = matches!((left, right), (Value::Int(_), Value::Int(_)));
        let of = |unscaled: i128, scale: u8| {
            Some(if integers { Value::Int(unscaled) } else { Value::Decimal { unscaled, scale } })
        };
        let scale = a_scale.max(b_scale);
        match self {
            Self::Add => of(rescale(a, a_scale, scale)?.checked_add(rescale(b, b_scale, scale)?)?, scale),
            Self::Subtract => of(rescale(a, a_scale, scale)?.checked_sub(rescale(b, b_scale, scale)?)?, scale),
            Self::Multiply => of(a.checked_mul(b)?, a_scale.checked_add(b_scale)?),
            Self::Modulo if b == 0 => Some(Value::Null),
            Self::Modulo => of(rescale(a, a_scale, scale)?.checked_rem(rescale(b, b_scale, scale)?)?, scale),
            Self::IntegerDivide if b == 0 => Some(Value::Null),
            Self::IntegerDivide => {
                Some(Value::Int(rescale(a, a_scale, scale)?.checked_div(rescale(b, b_scale, scale)?)?))
            }
            Self::Divide if integers => None,
            Self::Divide if b == 0 => Some(Value::Null),
            Self::Divide => {
                let scale = a_scale.checked_add(DIVISION_SCALE)?;
                let dividend = rescale(a, a_scale, scale.checked_add(b_scale)?)?;
                Some(Value::Decimal { unscaled: dividend.checked_div(b)?, scale })
            }
        }
    }

    fn inexact(self, left: &Value, right: &Value) -> Value {
        let (Some(a), Some(b)) = (double(left), double(right)) else { return Value::Null };
        if b == 0.0 && matches!(self, Self::Divide | Self::Modulo | Self::IntegerDivide) {
            return Value::Null;
        }
        Value::Double(match self {
            Self::Add => a + b,
            Self::Subtract => a - b,
            Self::Multiply => a * b,
            Self::Divide => a / b,
            Self::Modulo => a % b,
            Self::IntegerDivide => (a / b).trunc(),
        })
    }

    /// The type of the result (Doris: integers widen by one step, integers divide to DOUBLE).
    pub(super) fn result_type(self, left: &ColumnType, right: &ColumnType) -> ColumnType {
        use ColumnType::*;
        if let (Some((p1, s1)), Some((p2, s2))) = (decimal_of(left), decimal_of(right))
            && (matches!(left, Decimal { .. }) || matches!(right, Decimal { .. }))
        {
            let (whole, scale) = match self {
                Self::Add | Self::Subtract => ((p1 - s1).max(p2 - s2) + 1, s1.max(s2)),
                Self::Multiply => (p1 - s1 + p2 - s2, s1 + s2),
                Self::Divide => (p1 - s1 + s2, s1 + DIVISION_SCALE),
                Self::Modulo => ((p1 - s1).max(p2 - s2), s1.max(s2)),
                Self::IntegerDivide => return BigInt,
            };
            return Decimal { precision: (whole + scale).clamp(1, 38), scale: scale.min(38) };
        }
        let rank = integer_rank(left).zip(integer_rank(right)).map(|(a, b)| a.max(b));
        match (self, rank) {
            (Self::Divide, _) | (_, None) => Double,
            (Self::IntegerDivide | Self::Modulo, Some(rank)) => integer_of(rank),
            (_, Some(rank)) => integer_of((rank + 1).min(if rank == 4 { 4 } else { 3 })),
        }
    }
}

fn exact_number(value: &Value) -> Option<(i128, u8)> {
    match value {
        Value::Int(v) => Some((*v, 0)),
        Value::Decimal { unscaled, scale } => Some((*unscaled, *scale)),
        _ => None,
    }
}

/// Precision and scale of an exact type.
fn decimal_of(ty: &ColumnType) -> Option<(u8, u8)> {
    Some(match ty {
        ColumnType::Boolean => (1, 0),
        ColumnType::TinyInt => (3, 0),
        ColumnType::SmallInt => (5, 0),
        ColumnType::Int => (10, 0),
        ColumnType::BigInt => (20, 0),
        ColumnType::LargeInt => (38, 0),
        ColumnType::Decimal { precision, scale } => (*precision, *scale),
        _ => return None,
    })
}

fn integer_rank(ty: &ColumnType) -> Option<u8> {
    Some(match ty {
        ColumnType::Boolean | ColumnType::TinyInt => 0,
        ColumnType::SmallInt => 1,
        ColumnType::Int => 2,
        ColumnType::BigInt => 3,
        ColumnType::LargeInt => 4,
        _ => return None,
    })
}

fn integer_of(rank: u8) -> ColumnType {
    match rank {
        0 => ColumnType::TinyInt,
        1 => ColumnType::SmallInt,
        2 => ColumnType::Int,
        3 => ColumnType::BigInt,
        _ => ColumnType::LargeInt,
    }
}

pub(super) fn negate(value: &Value) -> Value {
    match number(value) {
        Some(Value::Int(v)) => Value::Int(v.wrapping_neg()),
        Some(Value::Decimal { unscaled, scale }) => Value::Decimal { unscaled: unscaled.wrapping_neg(), scale },
        Some(Value::Double(v)) => Value::Double(-v),
        _ => Value::Null,
    }
}
