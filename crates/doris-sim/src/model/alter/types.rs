//! Which types a column may change to.

use super::refuse;
use crate::model::{Answer, Column, ColumnType, KeysType};

/// Whether values can be converted: widening numbers, anything plain to text, text to most things, dates among each
/// other.
fn convertible(from: &ColumnType, to: &ColumnType) -> bool {
    use ColumnType as T;
    let rank = |ty: &T| match ty {
        T::TinyInt => Some(0),
        T::SmallInt => Some(1),
        T::Int => Some(2),
        T::BigInt => Some(3),
        T::LargeInt => Some(4),
        T::Float => Some(5),
        T::Double => Some(6),
        _ => None,
    };
    if let (Some(from), Some(to)) = (rank(from), rank(to)) {
        return from <= to;
    }
    let text = matches!(to, T::Varchar { .. } | T::String);
    match (from, to) {
        (a, b) if a.primitive_name() == b.primitive_name() => true,
        (from, _) if text && rank(from).is_some() => true,
        (T::Int, T::Date) => true,
        (T::Varchar { .. } | T::Char { .. }, to) if rank(to).is_some() => true,
        (T::Varchar { .. } | T::Char { .. }, T::Date | T::String) => true,
        (T::Char { .. }, T::Varchar { .. }) => true,
        (T::Varchar { .. } | T::String, T::Json) => true,
        (T::Json, T::Varchar { .. } | T::String) => true,
        (T::Decimal { .. }, T::Varchar { .. } | T::String | T::Decimal { .. }) => true,
        (T::Date | T::DateTime { .. }, T::Date | T::DateTime { .. }) => true,
        _ => false,
    }
}

/// Letters that a value of the type may take.
fn width(ty: &ColumnType) -> Option<u64> {
    Some(match ty {
        ColumnType::TinyInt => 4,
        ColumnType::SmallInt => 6,
        ColumnType::Int => 11,
        ColumnType::BigInt => 20,
        ColumnType::LargeInt => 40,
        ColumnType::Float | ColumnType::Double => 24,
        ColumnType::Decimal { precision, .. } => u64::from(*precision) + 2,
        ColumnType::Char { length } | ColumnType::Varchar { length } => u64::from(*length),
        ColumnType::String => u64::MAX,
        _ => return None,
    })
}

fn is_text(ty: &ColumnType) -> bool {
    matches!(ty, ColumnType::Char { .. } | ColumnType::Varchar { .. } | ColumnType::String)
}

/// A text must not become shorter.
pub(super) fn check_length(old: &ColumnType, new: &ColumnType) -> Answer<()> {
    if width(old) > width(new) {
        return refuse(format!("Shorten type length is prohibited, srcType={old}, dstType={new}"));
    }
    Ok(())
}

/// Column.checkSchemaChangeAllowed.
pub(super) fn check_change(old: &Column, new: &Column, keys: KeysType) -> Answer<()> {
    if !convertible(&old.ty, &new.ty) {
        return refuse(format!("Can not change {} to {}", old.ty.primitive_name(), new.ty.primitive_name()));
    }
    if is_text(&new.ty) && !is_text(&old.ty) && width(&new.ty) < width(&old.ty) {
        return refuse(format!("Can not change from wider type {} to narrower type {}", old.ty, new.ty));
    }
    if old.aggregation_word(keys) != new.aggregation_word(keys) {
        return refuse("Can not change aggregation type");
    }
    if old.nullable && !new.nullable {
        return refuse("Can not change from nullable to non-nullable");
    }
    if old.default_text() != new.default_text() {
        return refuse("Can not change default value");
    }
    if is_text(&old.ty) && is_text(&new.ty) {
        check_length(&old.ty, &new.ty)?;
    }
    Ok(())
}
