//! Casts, and both sides of a comparison as values of one kind.

use super::{super::coerce::parse_number, Scalar, Typed};
use crate::model::{ColumnType, Value};

/// Casts, and does so at once if the value is known.
pub(super) fn cast(inner: Typed, ty: ColumnType) -> Typed {
    let scalar = Scalar::Cast(Box::new(inner.scalar), ty.clone());
    let known = matches!(&scalar, Scalar::Cast(inner, _) if matches!(**inner, Scalar::Const(_)));
    Typed { scalar: if known { Scalar::Const(scalar.eval(&[])) } else { scalar }, ty }
}

/// Both sides of a comparison as values of one kind: a text is read as what it is compared with.
pub(super) fn alike(left: Typed, right: Typed) -> (Scalar, Scalar) {
    let common = match (kind(&left.ty), kind(&right.ty)) {
        (Kind::Text, Kind::Text) | (Kind::Number, Kind::Number) => None,
        (Kind::Time, _) | (_, Kind::Time) => {
            let scale = |ty: &ColumnType| if let ColumnType::DateTime { scale } = ty { *scale } else { 0 };
            let dates = left.ty == ColumnType::Date && right.ty == ColumnType::Date;
            (!dates).then(|| ColumnType::DateTime {
                // A text may have more digits than the column: they must not be rounded away.
                scale: if kind(&left.ty) == kind(&right.ty) { scale(&left.ty).max(scale(&right.ty)) } else { 6 },
            })
        }
        (Kind::Number, Kind::Text) | (Kind::Text, Kind::Number) => {
            Some(ColumnType::Decimal { precision: 38, scale: 9 })
        }
    };
    // Truth values compare as numbers.
    let as_number = |side: Typed| match side.ty {
        ColumnType::Boolean => cast(side, ColumnType::TinyInt).scalar,
        _ => side.scalar,
    };
    match common {
        None => (as_number(left), as_number(right)),
        Some(ty @ ColumnType::Decimal { .. }) => {
            let of = |side: Typed| match kind(&side.ty) {
                Kind::Text => number_of_text(side, &ty),
                _ => as_number(side),
            };
            (of(left), of(right))
        }
        Some(ty) => (cast(left, ty.clone()).scalar, cast(right, ty).scalar),
    }
}

/// Exact where the text is known, otherwise as a decimal.
fn number_of_text(side: Typed, ty: &ColumnType) -> Scalar {
    match &side.scalar {
        Scalar::Const(value) => Scalar::Const(parse_number(&value.to_string()).unwrap_or(Value::Null)),
        _ => cast(side, ty.clone()).scalar,
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Number,
    Text,
    Time,
}

fn kind(ty: &ColumnType) -> Kind {
    match ty {
        ColumnType::Date | ColumnType::DateTime { .. } => Kind::Time,
        ColumnType::Char { .. } | ColumnType::Varchar { .. } | ColumnType::String => Kind::Text,
        ColumnType::Json | ColumnType::Other(_) => Kind::Text,
        _ => Kind::Number,
    }
}
