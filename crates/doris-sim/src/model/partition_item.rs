//! What a partition holds: everything, a range, or a list of values.

use serde::{Deserialize, Serialize};

use super::{
    rowset::{Comparison, Condition},
    schema::ColumnType,
    value::Value,
};

/// One bound of a range, per partition column.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum BoundValue {
    Value(Value),
    MaxValue,
}

/// The rows that belong to a partition.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum PartitionItem {
    /// The only partition of an unpartitioned table.
    All,
    /// `[lower, upper)`, one value per partition column.
    Range { lower: Vec<BoundValue>, upper: Vec<BoundValue> },
    /// One tuple per value, one value per partition column. An empty list is the default partition.
    List(Vec<Vec<Value>>),
}

/// Whether and how a table is partitioned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum PartitionKind {
    Unpartitioned,
    Range,
    List,
}

impl PartitionKind {
    /// Doris's word in error texts.
    pub fn name(self) -> &'static str {
        match self {
            Self::Unpartitioned => "UNPARTITIONED",
            Self::Range => "RANGE",
            Self::List => "LIST",
        }
    }
}

impl PartitionItem {
    /// Whether a row with these values in the partition columns belongs here.
    pub fn contains(&self, key: &[Value]) -> bool {
        match self {
            Self::All => true,
            Self::Range { lower, upper } => {
                let key: Vec<BoundValue> = key.iter().cloned().map(BoundValue::Value).collect();
                *lower <= key && key < *upper
            }
            Self::List(tuples) => tuples.iter().any(|tuple| tuple == key),
        }
    }

    /// The partition of a list that takes what no other one takes.
    pub fn is_default(&self) -> bool {
        matches!(self, Self::List(tuples) if tuples.is_empty())
    }

    /// Whether rows that satisfy a condition on the partition column at a position may be here, as far as a planner sees
    /// it: ranges are looked at by their first column.
    pub fn may_hold(&self, at: usize, condition: &Condition) -> bool {
        match self {
            Self::All => true,
            Self::List(tuples) => {
                let matches = |tuple: &Vec<Value>| tuple.get(at).is_none_or(|value| condition.matches(value));
                tuples.is_empty() || tuples.iter().any(matches)
            }
            Self::Range { lower, upper } if at == 0 => match (lower.first(), upper.first()) {
                (Some(lower), Some(upper_bound)) => range_may_hold(lower, upper_bound, upper.len() > 1, condition),
                _ => true,
            },
            Self::Range { .. } => true,
        }
    }

    /// Whether two partitions of one table would share rows.
    pub fn overlaps(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Range { lower: a, upper: b }, Self::Range { lower: c, upper: d }) => a < d && c < b,
            (Self::List(a), Self::List(b)) => (a.is_empty() && b.is_empty()) || a.iter().any(|tuple| b.contains(tuple)),
            _ => true,
        }
    }

    /// A bound as statements write it: dates in single quotes, everything else in double quotes.
    pub(crate) fn bound_sql(bound: &[BoundValue]) -> String {
        let values: Vec<String> = bound
            .iter()
            .map(|value| match value {
                BoundValue::Value(value) => value_sql(value),
                BoundValue::MaxValue => "MAXVALUE".into(),
            })
            .collect();
        format!("({})", values.join(", "))
    }

    /// A value of a list, as [`Self::bound_sql`].
    pub(crate) fn tuple_sql(tuple: &[Value]) -> String {
        format!("({})", tuple.iter().map(value_sql).collect::<Vec<_>>().join(", "))
    }

    /// One bound as it stands in the text of a range.
    pub(crate) fn key_text(bound: &[BoundValue], types: &[ColumnType]) -> String {
        let names = types.iter().map(ColumnType::range_name).collect::<Vec<_>>().join(", ");
        format!("types: [{names}]; keys: [{}]; ", bound_texts(bound).join(", "))
    }

    /// The order of SHOW PARTITIONS and SHOW CREATE TABLE: by the beginnings of ranges, by the values of lists as they were
    /// written (seen).
    pub fn listing_order(&self, other: &Self) -> std::cmp::Ordering {
        match (self, other) {
            (Self::Range { lower: a, .. }, Self::Range { lower: b, .. }) => a.cmp(b),
            (Self::List(a), Self::List(b)) => a.cmp(b),
            _ => std::cmp::Ordering::Equal,
        }
    }

    /// The text of binlog records, getMeta and SHOW PARTITIONS. Empty for an unpartitioned table.
    pub fn range_text(&self, types: &[ColumnType]) -> String {
        let names = types.iter().map(ColumnType::range_name).collect::<Vec<_>>().join(", ");
        let keys = |values: Vec<String>| format!("types: [{names}]; keys: [{}]; ", values.join(", "));
        match self {
            Self::All => String::new(),
            Self::Range { lower, upper } => {
                format!("[{}..{})", keys(bound_texts(lower)), keys(bound_texts(upper)))
            }
            Self::List(tuples) => {
                let tuples: Vec<_> = tuples.iter().map(|tuple| keys(tuple.iter().map(list_text).collect())).collect();
                format!("[{}]", tuples.join(", "))
            }
        }
    }
}

/// Whether a range of first columns, whose end belongs to it or not, meets a condition.
fn range_may_hold(lower: &BoundValue, upper: &BoundValue, with_end: bool, condition: &Condition) -> bool {
    let below_end = |value: &BoundValue| if with_end { value <= upper } else { value < upper };
    let holds = |value: &Value| {
        let value = BoundValue::Value(value.clone());
        *lower <= value && below_end(&value)
    };
    let first = condition.values.first();
    match condition.op {
        Comparison::Eq | Comparison::In => condition.values.iter().any(holds),
        Comparison::Lt => first.is_none_or(|value| *lower < BoundValue::Value(value.clone())),
        Comparison::Le => first.is_none_or(|value| *lower <= BoundValue::Value(value.clone())),
        Comparison::Gt | Comparison::Ge => first.is_none_or(|value| below_end(&BoundValue::Value(value.clone()))),
        // NULL is less than everything: it lies in a range that begins with the least value.
        Comparison::IsNull => *lower <= BoundValue::Value(Value::Null),
        Comparison::Ne | Comparison::NotIn | Comparison::IsNotNull => true,
    }
}

fn value_sql(value: &Value) -> String {
    match value {
        Value::Null => "NULL".into(),
        Value::Date(_) | Value::DateTime(_) => format!("'{value}'"),
        value => format!("\"{value}\""),
    }
}

fn bound_texts(bound: &[BoundValue]) -> Vec<String> {
    bound
        .iter()
        .map(|value| match value {
            BoundValue::Value(value) => value.to_string(),
            BoundValue::MaxValue => "MAXVALUE".to_owned(),
        })
        .collect()
}

fn list_text(value: &Value) -> String {
    value.to_cell().unwrap_or_else(|| "NULL".into())
}
