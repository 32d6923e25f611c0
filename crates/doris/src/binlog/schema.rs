//! Columns, indexes and distributions, as several kinds of records hold them.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use crate::ids::{IndexId, Source};

/// A column of an index. Equality is that of everything that is known of it.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Column {
    pub name: String,
    #[serde(default, rename = "type")]
    pub column_type: ColumnType,
    /// `SUM`, `REPLACE`, ...; `NONE` for value columns of duplicate and unique tables; absent for keys.
    #[serde(default)]
    pub aggregation_type: Option<String>,
    #[serde(default)]
    pub is_aggregation_type_implicit: bool,
    #[serde(default)]
    pub is_key: bool,
    #[serde(default)]
    pub is_allow_null: bool,
    #[serde(default)]
    pub is_auto_inc: bool,
    #[serde(default)]
    pub default_value: Option<String>,
    /// Its presence means that the default is an expression and not a text.
    #[serde(default)]
    pub default_value_expr_def: Option<Value>,
    #[serde(default)]
    pub has_on_update_default_value: bool,
    #[serde(default)]
    pub on_update_default_value_expr_def: Option<Value>,
    #[serde(default)]
    pub comment: Option<String>,
    /// `false`: a hidden column (delete sign, sequence, ...).
    #[serde(default = "yes")]
    pub visible: bool,
    /// How a generated column is computed.
    #[serde(default, rename = "gci")]
    pub generated: Option<Value>,
    /// The number that files know the column by.
    #[serde(default = "none")]
    pub unique_id: i64,
}

fn yes() -> bool {
    true
}

fn none() -> i64 {
    -1
}

impl Column {
    /// Digits of the fraction of a second in `ON UPDATE CURRENT_TIMESTAMP(n)`; 0 where there are none.
    pub fn on_update_precision(&self) -> i64 {
        let definition = self.on_update_default_value_expr_def.as_ref();
        definition.and_then(|definition| definition.get("precision")?.as_i64()).unwrap_or(0)
    }
}

/// The type of a column, whole.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(transparent)]
pub struct ColumnType(Value);

impl ColumnType {
    /// Doris's word for a scalar type, as `DATETIMEV2`; `None` for nested types.
    pub fn scalar(&self) -> Option<&str> {
        self.0.get("type")?.as_str()
    }
}

/// An index over columns: inverted, bitmap, n-gram, ...
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct IndexInfo {
    #[serde(rename = "i", alias = "indexId", default = "no_index")]
    pub id: IndexId<Source>,
    #[serde(rename = "in", alias = "indexName")]
    pub name: String,
    #[serde(rename = "c", alias = "columns", default)]
    pub columns: Vec<String>,
    /// `INVERTED`, `BITMAP`, `BLOOMFILTER`, `NGRAM_BF`, `ANN`, ...
    #[serde(rename = "it", alias = "indexType", default)]
    pub kind: String,
    #[serde(rename = "pt", alias = "properties", default)]
    pub properties: Option<BTreeMap<String, String>>,
    #[serde(rename = "ct", alias = "comment", default)]
    pub comment: Option<String>,
}

fn no_index() -> IndexId<Source> {
    IndexId::new(-1)
}

/// How the rows of one partition are spread.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartitionDistribution {
    /// Columns of HASH; empty = RANDOM.
    pub hash_columns: Vec<String>,
    pub buckets: u32,
}

impl<'de> Deserialize<'de> for PartitionDistribution {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Written {
            #[serde(rename = "type")]
            kind: String,
            bucket_num: u32,
            #[serde(default)]
            distribution_columns: Vec<Name>,
        }
        #[derive(Deserialize)]
        struct Name {
            name: String,
        }
        let written = Written::deserialize(deserializer)?;
        let hash_columns: Vec<_> = written.distribution_columns.into_iter().map(|column| column.name).collect();
        match (written.kind.as_str(), hash_columns.is_empty()) {
            ("HASH", false) | ("RANDOM", true) => Ok(Self { hash_columns, buckets: written.bucket_num }),
            (kind, _) => Err(serde::de::Error::custom(format_args!("a distribution of type {kind:?}"))),
        }
    }
}
