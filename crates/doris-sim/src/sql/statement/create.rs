//! CREATE TABLE and CREATE VIEW, as data.

use sqlparser::ast::Query;

use super::{ObjectName, PartitionStep, Properties};
use crate::{
    model::{Aggregation, ColumnType},
    sql::literal::Literal,
};

/// CREATE MATERIALIZED VIEW, of the kind that is a table.
#[derive(Clone, Debug, PartialEq)]
pub struct CreateMaterializedView {
    /// With its query.
    pub table: CreateTable,
    /// Of the query.
    pub text: String,
    /// `BUILD DEFERRED REFRESH COMPLETE ON MANUAL`.
    pub refresh: String,
    /// It is filled at once.
    pub immediate: bool,
}

/// What CREATE TABLE LIKE takes along besides the table itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LikeRollups {
    None,
    All,
    Some(Vec<String>),
}

/// CREATE TABLE with columns.
#[derive(Clone, Debug, PartialEq)]
pub struct CreateTable {
    pub name: ObjectName,
    pub if_not_exists: bool,
    pub columns: Vec<ColumnDef>,
    pub indexes: Vec<IndexDef>,
    /// In upper case; `olap` where it is not written.
    pub engine: Option<String>,
    pub keys: Option<KeysDef>,
    /// Columns of CLUSTER BY.
    pub cluster_by: Vec<String>,
    pub comment: Option<Literal>,
    pub partition_by: Option<PartitionBy>,
    pub distribution: Option<DistributionDef>,
    pub rollups: Vec<RollupDef>,
    pub properties: Properties,
    /// CREATE TABLE AS SELECT; its columns may be named without types.
    pub query: Option<Box<Query>>,
    /// Names of the columns of [`Self::query`]; empty = its own.
    pub query_columns: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeysKind {
    Duplicate,
    Unique,
    Aggregate,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeysDef {
    pub kind: KeysKind,
    pub columns: Vec<String>,
}

/// One column as a statement describes it.
#[derive(Clone, Debug, PartialEq)]
pub struct ColumnDef {
    pub name: String,
    pub ty: ColumnType,
    /// KEY in the column clause.
    pub key: bool,
    pub aggregation: Option<Aggregation>,
    /// The expression of a generated column, as written.
    pub generated: Option<String>,
    /// `None`: neither NULL nor NOT NULL.
    pub nullable: Option<bool>,
    pub auto_increment: Option<i64>,
    pub default: DefaultDef,
    pub on_update: Option<OnUpdate>,
    pub comment: Option<Literal>,
}

/// `ON UPDATE CURRENT_TIMESTAMP[(n)]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OnUpdate {
    pub precision: Option<u32>,
}

/// The DEFAULT clause of a column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DefaultDef {
    None,
    Null,
    /// `DEFAULT "x"` or `DEFAULT 1`: the text as written between the quotes.
    Text(String),
    /// `CURRENT_TIMESTAMP[(n)]`, `CURRENT_DATE`, `BITMAP_EMPTY`, `PI`, `E`.
    Expression(String),
}

/// `INDEX name (columns) USING kind PROPERTIES (..) COMMENT '..'`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IndexDef {
    pub name: String,
    pub columns: Vec<String>,
    /// In upper case.
    pub kind: String,
    pub properties: Properties,
    pub comment: Option<Literal>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RollupDef {
    pub name: String,
    pub columns: Vec<String>,
    /// `DUPLICATE KEY (..)`.
    pub duplicate_keys: Vec<String>,
    /// `FROM index`.
    pub base: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DistributionDef {
    /// Empty = RANDOM.
    pub hash_columns: Vec<String>,
    /// `None` where the clause is absent.
    pub buckets: Option<Buckets>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Buckets {
    Auto,
    Number(u32),
}

/// `[AUTO] PARTITION BY RANGE | LIST (...) (...)`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartitionBy {
    pub list: bool,
    pub columns: Vec<String>,
    /// AUTO PARTITION: the text between the parentheses.
    pub auto: Option<String>,
    pub partitions: Vec<PartitionEntry>,
}

/// One entry of the partitions of CREATE TABLE.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PartitionEntry {
    One(PartitionDef),
    Steps(PartitionStep, Properties),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartitionDef {
    pub name: String,
    pub if_not_exists: bool,
    pub values: PartitionValues,
    pub properties: Properties,
}

/// What a partition is to hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PartitionValues {
    /// `VALUES LESS THAN (..)`; missing trailing columns = the type's minimum.
    LessThan(Vec<PartitionValue>),
    /// `VALUES [(..), (..))`.
    Fixed { lower: Vec<PartitionValue>, upper: Vec<PartitionValue> },
    /// `VALUES IN (..)`: one tuple per value.
    In(Vec<Vec<PartitionValue>>),
    /// No VALUES: the default partition of a list.
    Default,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PartitionValue {
    MaxValue,
    Null,
    /// The text between the quotes as written, or a number.
    Text(String),
}

#[derive(Clone, Debug, PartialEq)]
pub struct CreateView {
    pub name: ObjectName,
    pub if_not_exists: bool,
    pub or_replace: bool,
    /// Name and comment; empty = the columns of the query.
    pub columns: Vec<(String, Option<Literal>)>,
    pub comment: Option<Literal>,
    pub query: Box<Query>,
    /// The query as written.
    pub text: String,
}
