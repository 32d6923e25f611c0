//! What a statement says of a partition, as values of the partition columns' types.

use super::coerce::coerce;
use crate::{
    model::{Answer, BoundValue, ColumnType, PartitionItem, PartitionKind, Refusal, Value},
    sql::statement::{PartitionValue, PartitionValues},
};

/// The item of a partition. `existing` are the items that the table has already: LESS THAN begins where the nearest of
/// them ends.
pub(super) fn item(
    values: &PartitionValues,
    kind: PartitionKind,
    types: &[ColumnType],
    existing: &[&PartitionItem],
) -> Answer<PartitionItem> {
    match (values, kind) {
        (PartitionValues::LessThan(bound), PartitionKind::Range) => {
            let upper = self::bound(bound, types)?;
            let ends = existing.iter().filter_map(|item| match item {
                PartitionItem::Range { upper, .. } => Some(upper),
                _ => None,
            });
            let lower = match ends.filter(|end| **end < upper).max() {
                Some(end) => end.clone(),
                None => self::bound(&[], types)?,
            };
            Ok(PartitionItem::Range { lower, upper })
        }
        (PartitionValues::Fixed { lower, upper }, PartitionKind::Range) => {
            let (lower, upper) = (bound(lower, types)?, bound(upper, types)?);
            if lower >= upper {
                return Err(Refusal::analysis("the lower bound of a partition must be less than its upper bound"));
            }
            Ok(PartitionItem::Range { lower, upper })
        }
        (PartitionValues::In(tuples), PartitionKind::List) => {
            let tuples = tuples.iter().map(|tuple| list_tuple(tuple, types)).collect::<Answer<_>>()?;
            Ok(PartitionItem::List(tuples))
        }
        (PartitionValues::Default, PartitionKind::List) => {
            // The key of a default partition is made of the least values (seen).
            self::bound(&[], types)
                .map_err(|refusal| Refusal::analysis(format!("Invalid list value format: {}", refusal.text)))?;
            Ok(PartitionItem::List(Vec::new()))
        }
        _ => Err(Refusal::analysis(format!("the values of the partition do not fit to {} partitioning", kind.name()))),
    }
}

/// One value for each partition column; missing ones are the type's least.
pub(super) fn bound(values: &[PartitionValue], types: &[ColumnType]) -> Answer<Vec<BoundValue>> {
    if values.len() > types.len() {
        return Err(Refusal::analysis("partition values number is more than partition column number"));
    }
    types
        .iter()
        .enumerate()
        .map(|(n, ty)| match values.get(n) {
            Some(PartitionValue::MaxValue) => Ok(BoundValue::MaxValue),
            Some(PartitionValue::Null) => Ok(BoundValue::Value(Value::Null)),
            Some(PartitionValue::Text(text)) => parse(text, ty).map(BoundValue::Value),
            None => {
                let least = ty.min_value();
                least
                    .map(BoundValue::Value)
                    .ok_or_else(|| Refusal::analysis(format!("Invalid data type for creating infinity: {ty}")))
            }
        })
        .collect()
}

fn list_tuple(tuple: &[PartitionValue], types: &[ColumnType]) -> Answer<Vec<Value>> {
    if tuple.len() != types.len() {
        return Err(Refusal::analysis("partition values number is not equal to partition column number"));
    }
    tuple
        .iter()
        .zip(types)
        .map(|(value, ty)| match value {
            PartitionValue::Text(text) => parse(text, ty),
            PartitionValue::Null => Ok(Value::Null),
            PartitionValue::MaxValue => Err(Refusal::analysis("Invalid list value format: MAXVALUE")),
        })
        .collect()
}

fn parse(text: &str, ty: &ColumnType) -> Answer<Value> {
    coerce(&Value::Text(text.to_owned()), ty)
        .map_err(|_| Refusal::analysis(format!("Invalid partition value '{text}' for type {ty}")))
}
