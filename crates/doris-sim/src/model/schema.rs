//! Columns and their types.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::value::Value;

/// The type of a column. `Display` is the text of SHOW CREATE TABLE (Doris 4.1: lower case).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ColumnType {
    Boolean,
    TinyInt,
    SmallInt,
    Int,
    BigInt,
    LargeInt,
    Float,
    Double,
    Decimal {
        precision: u8,
        scale: u8,
    },
    Date,
    /// Digits after the second: 0 to 6.
    DateTime {
        scale: u8,
    },
    Char {
        length: u32,
    },
    Varchar {
        length: u32,
    },
    /// STRING, printed as `text`.
    String,
    Json,
    /// Any other type, by its text (`hll`, `array<int>`): its values are texts without rules.
    Other(String),
}

impl ColumnType {
    /// The name inside the text of a range (`types: [INT]`).
    pub fn range_name(&self) -> String {
        match self {
            Self::Date => "DATEV2".into(),
            Self::DateTime { .. } => "DATETIMEV2".into(),
            Self::Char { .. } => "CHAR".into(),
            Self::Varchar { .. } => "VARCHAR".into(),
            Self::String => "STRING".into(),
            other => other.to_string().to_uppercase(),
        }
    }

    /// The smallest value of the type: the lower bound of a first `VALUES LESS THAN` partition.
    pub fn min_value(&self) -> Option<Value> {
        Some(match self {
            Self::TinyInt => Value::Int(i8::MIN.into()),
            Self::SmallInt => Value::Int(i16::MIN.into()),
            Self::Int => Value::Int(i32::MIN.into()),
            Self::BigInt => Value::Int(i64::MIN.into()),
            Self::LargeInt => Value::Int(i128::MIN),
            Self::Date => Value::Date("0000-01-01".into()),
            Self::DateTime { .. } => Value::DateTime("0000-01-01 00:00:00".into()),
            _ => return None,
        })
    }
}

impl fmt::Display for ColumnType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Boolean => f.write_str("boolean"),
            Self::TinyInt => f.write_str("tinyint"),
            Self::SmallInt => f.write_str("smallint"),
            Self::Int => f.write_str("int"),
            Self::BigInt => f.write_str("bigint"),
            Self::LargeInt => f.write_str("largeint"),
            Self::Float => f.write_str("float"),
            Self::Double => f.write_str("double"),
            Self::Decimal { precision, scale } => write!(f, "decimal({precision},{scale})"),
            Self::Date => f.write_str("date"),
            Self::DateTime { scale: 0 } => f.write_str("datetime"),
            Self::DateTime { scale } => write!(f, "datetime({scale})"),
            Self::Char { length } => write!(f, "char({length})"),
            Self::Varchar { length } => write!(f, "varchar({length})"),
            Self::String => f.write_str("text"),
            Self::Json => f.write_str("json"),
            Self::Other(text) => f.write_str(text),
        }
    }
}

/// How the values of one key are combined in an AGGREGATE table. `Display` is Doris's keyword.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Aggregation {
    Sum,
    Min,
    Max,
    Replace,
    ReplaceIfNotNull,
    /// Sets, see [`Value::members`].
    HllUnion,
    BitmapUnion,
    /// Combined by functions that the simulator does not have: the last value wins.
    QuantileUnion,
    /// Of AGG_STATE: combined by the function in the type, which the simulator does not have: the last value wins.
    Generic,
}

impl Aggregation {
    pub const ALL: [Self; 9] = [
        Self::Sum,
        Self::Min,
        Self::Max,
        Self::Replace,
        Self::ReplaceIfNotNull,
        Self::HllUnion,
        Self::BitmapUnion,
        Self::QuantileUnion,
        Self::Generic,
    ];
}

impl fmt::Display for Aggregation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Sum => "SUM",
            Self::Min => "MIN",
            Self::Max => "MAX",
            Self::Replace => "REPLACE",
            Self::ReplaceIfNotNull => "REPLACE_IF_NOT_NULL",
            Self::HllUnion => "HLL_UNION",
            Self::BitmapUnion => "BITMAP_UNION",
            Self::QuantileUnion => "QUANTILE_UNION",
            Self::Generic => "GENERIC",
        })
    }
}

/// The DEFAULT clause of a column.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ColumnDefault {
    /// No clause: NULL where the column allows it.
    None,
    /// `DEFAULT NULL`.
    Null,
    /// `DEFAULT "x"`, with its value in the column's type.
    Literal { text: String, value: Value },
    /// `DEFAULT CURRENT_TIMESTAMP[(n)]`, `BITMAP_EMPTY`, ...: printed as it stands.
    Expression(String),
}

/// The expression of a generated column.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GeneratedColumn {
    /// As it was written.
    pub written: String,
    /// As SHOW CREATE TABLE prints it: with every cast that Doris added.
    pub analyzed: String,
}

/// One column of a table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Column {
    pub name: String,
    pub ty: ColumnType,
    pub is_key: bool,
    /// Value columns of AGGREGATE tables only.
    pub aggregation: Option<Aggregation>,
    pub nullable: bool,
    /// The number behind AUTO_INCREMENT.
    pub auto_increment: Option<i64>,
    /// `AS (expression)`: computed from the other columns of the row.
    pub generated: Option<GeneratedColumn>,
    /// Position in CLUSTER BY.
    pub cluster_key: Option<i32>,
    pub default: ColumnDefault,
    pub comment: String,
    /// Names the column in rowsets: survives a rename, is never used twice. Assigned by the model, by each index on its
    /// own.
    pub unique_id: i32,
    /// `false` for the columns that the FE adds by itself (`__DORIS_DELETE_SIGN__`).
    pub visible: bool,
    /// `isAggregationTypeImplicit`: changed by MODIFY COLUMN, which counts as a change of the column.
    pub implicit_aggregation: bool,
    /// Made by the FE's copy constructor, which shows in records: added later, or part of a rollup.
    pub copied: bool,
    /// The text of a default when the column was made; rows that are older have it.
    pub real_default: Option<String>,
    /// Of a materialized view: the column of the table that it comes from; empty = more than a column.
    pub source: Option<String>,
}

impl Column {
    /// A nullable value column without default; the other fields are set by the caller.
    pub fn new(name: impl Into<String>, ty: ColumnType) -> Self {
        Self {
            name: name.into(),
            ty,
            is_key: false,
            aggregation: None,
            nullable: true,
            auto_increment: None,
            generated: None,
            cluster_key: None,
            default: ColumnDefault::None,
            comment: String::new(),
            unique_id: -1,
            visible: true,
            implicit_aggregation: false,
            copied: false,
            real_default: None,
            source: None,
        }
    }

    /// As [`Self::new`], part of the key.
    pub fn key(name: impl Into<String>, ty: ColumnType) -> Self {
        Self { is_key: true, ..Self::new(name, ty) }
    }

    /// What rows have that were written before the column existed.
    pub fn value_of_old_rows(&self) -> Value {
        match &self.default {
            ColumnDefault::Literal { value, .. } => value.clone(),
            ColumnDefault::Expression(_) => {
                let text = self.real_default.clone().map_or(Value::Null, Value::Text);
                super::coerce::coerce(&text, &self.ty).unwrap_or(Value::Null)
            }
            _ => Value::Null,
        }
    }
}

/// The data model of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum KeysType {
    Duplicate,
    Unique { merge_on_write: bool },
    Aggregate,
}

impl KeysType {
    /// The keyword of SHOW CREATE TABLE (`UNIQUE KEY`).
    pub fn keyword(self) -> &'static str {
        match self {
            Self::Duplicate => "DUPLICATE KEY",
            Self::Unique { .. } => "UNIQUE KEY",
            Self::Aggregate => "AGGREGATE KEY",
        }
    }

    pub fn is_merge_on_write(self) -> bool {
        matches!(self, Self::Unique { merge_on_write: true })
    }
}

/// How rows are spread over the buckets of a partition.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Distribution {
    /// The hash columns; empty = RANDOM.
    pub hash_columns: Vec<String>,
    pub buckets: u32,
    /// `BUCKETS AUTO`; `buckets` is then what the FE chose.
    pub auto: bool,
}

/// A secondary index over columns (inverted, bloom filter, ...): kept and printed, without effect on rows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SecondaryIndex {
    pub id: i64,
    pub name: String,
    pub columns: Vec<String>,
    /// `INVERTED`, `NGRAM_BF`, `BITMAP`, `ANN`.
    pub kind: String,
    pub properties: std::collections::BTreeMap<String, String>,
    pub comment: String,
}
