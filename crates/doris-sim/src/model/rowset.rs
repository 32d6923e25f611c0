//! Rows at rest: what one transaction wrote into one tablet.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{schema::ColumnType, value::Value};

/// A row in the order of its rowset's columns.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Row {
    pub values: Vec<Value>,
    /// `__DORIS_DELETE_SIGN__`: in a UNIQUE table, this key is gone.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub deleted: bool,
    /// `__DORIS_SEQUENCE_COL__` of a table with `function_column.sequence_type`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sequence: Option<Value>,
}

impl Row {
    pub fn new(values: Vec<Value>) -> Self {
        Self { values, deleted: false, sequence: None }
    }

    pub fn delete(values: Vec<Value>) -> Self {
        Self { deleted: true, ..Self::new(values) }
    }

    /// The hidden columns alone.
    pub(crate) fn without_values(&self) -> Self {
        Self { values: Vec::new(), deleted: self.deleted, sequence: self.sequence.clone() }
    }
}

/// A column as the writer of a rowset knew it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RowsetColumn {
    pub unique_id: i32,
    pub name: String,
    pub ty: ColumnType,
    pub is_key: bool,
}

/// A comparison of a delete predicate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Comparison {
    Eq,
    Ne,
    Lt,
    Le,
    Gt,
    Ge,
    In,
    NotIn,
    IsNull,
    IsNotNull,
}

/// One condition of a delete predicate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Condition {
    /// Unique id of the column.
    pub column: i32,
    pub op: Comparison,
    /// One value; several for IN; none for IS NULL.
    pub values: Vec<Value>,
}

impl Condition {
    /// Whether the value satisfies the condition (NULL satisfies only IS NULL).
    pub fn matches(&self, value: &Value) -> bool {
        if value.is_null() {
            return self.op == Comparison::IsNull;
        }
        let first = self.values.first();
        match self.op {
            Comparison::Eq => Some(value) == first,
            Comparison::Ne => first.is_some_and(|v| value != v),
            Comparison::Lt => first.is_some_and(|v| value < v),
            Comparison::Le => first.is_some_and(|v| value <= v),
            Comparison::Gt => first.is_some_and(|v| value > v),
            Comparison::Ge => first.is_some_and(|v| value >= v),
            Comparison::In => self.values.contains(value),
            Comparison::NotIn => !self.values.contains(value),
            Comparison::IsNull => false,
            Comparison::IsNotNull => true,
        }
    }
}

/// What one transaction wrote into one tablet. Immutable and shared: snapshots and binlogs are links to it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rowset {
    pub columns: Vec<RowsetColumn>,
    pub rows: Vec<Row>,
    /// All conditions must hold for a row of an earlier version to be removed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delete_predicate: Option<Vec<Condition>>,
}

/// A shared rowset.
pub type SharedRowset = Arc<Rowset>;
