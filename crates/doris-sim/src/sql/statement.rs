//! The statements of Doris that the simulator understands, as data.

use std::collections::BTreeMap;

use sqlparser::ast::{Expr, Query, TableWithJoins};

use super::literal::Literal;
use crate::model::{Aggregation, ColumnType, Position};

/// `PROPERTIES (...)`.
pub type Properties = BTreeMap<String, String>;

/// A table or view, perhaps with its database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectName {
    /// `None`: the session's database.
    pub db: Option<String>,
    pub name: String,
}

/// One statement.
#[derive(Clone, Debug, PartialEq)]
pub enum Statement {
    /// Blanks and comments only.
    Empty,
    Use(String),
    /// `SET name = value, ...`; names in lower case, without `@@session.`. Empty for SET NAMES and the like.
    Set(Vec<(String, Expr)>),
    Kill(u64),
    /// `SYNC`: waits until all frontends know everything.
    Sync,
    Query(Box<Query>),
    CreateDatabase {
        name: String,
        if_not_exists: bool,
        properties: Properties,
    },
    DropDatabase {
        name: String,
        if_exists: bool,
        force: bool,
    },
    AlterDatabase {
        name: String,
        change: AlterDatabase,
    },
    CreateTable(Box<CreateTable>),
    CreateTableLike {
        name: ObjectName,
        like: ObjectName,
        if_not_exists: bool,
        rollups: LikeRollups,
    },
    CreateView(CreateView),
    DropTable {
        name: ObjectName,
        if_exists: bool,
        force: bool,
    },
    DropView {
        name: ObjectName,
        if_exists: bool,
    },
    AlterTable {
        table: ObjectName,
        clauses: Vec<AlterClause>,
    },
    AlterView {
        name: ObjectName,
        change: AlterView,
    },
    Truncate {
        table: ObjectName,
        /// Empty = all of them.
        partitions: Vec<String>,
        force: bool,
    },
    CreateIndex {
        table: ObjectName,
        index: IndexDef,
        if_not_exists: bool,
    },
    DropIndex {
        table: ObjectName,
        name: String,
        if_exists: bool,
    },
    BuildIndex {
        table: ObjectName,
        name: String,
        /// Empty = all of them.
        partitions: Vec<String>,
    },
    /// A synchronous materialized view: an index of the table that the query names.
    CreateRollupView {
        name: String,
        query: Box<Query>,
    },
    DropRollupView {
        name: String,
        table: ObjectName,
        if_exists: bool,
    },
    CancelAlter {
        table: ObjectName,
        what: CancelAlter,
        /// Empty = all of them.
        jobs: Vec<i64>,
    },
    Recover(Recover),
    /// ADMIN SET TABLE name STATUS PROPERTIES (..).
    AdminSetTableStatus {
        table: ObjectName,
        properties: Properties,
    },
    /// ANALYZE TABLE name [(columns)] [WITH SYNC].
    Analyze {
        table: ObjectName,
        columns: Vec<String>,
        sync: bool,
    },
    /// DROP CATALOG RECYCLE BIN WHERE 'DbId' = n and the like.
    EraseRecycled {
        kind: String,
        id: i64,
    },
    Backup(Backup),
    Restore(Backup),
    CancelBackup {
        db: Option<String>,
    },
    CancelRestore {
        db: Option<String>,
    },
    /// BEGIN.
    Begin {
        label: Option<String>,
    },
    Commit,
    Rollback,
    /// CLEAN LABEL; without a label, all of the database.
    CleanLabel {
        db: String,
        label: Option<String>,
    },
    Insert(Insert),
    Delete(Delete),
    Update(Update),
    Describe {
        table: ObjectName,
        all: bool,
    },
    Show(Show),
    AdminSetFrontendConfig(Properties),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AlterDatabase {
    SetProperties(Properties),
    Rename(String),
    /// As written: `10G`.
    DataQuota(String),
    ReplicaQuota(i64),
    TransactionQuota(i64),
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

#[derive(Clone, Debug, PartialEq)]
pub enum AlterView {
    Definition { columns: Vec<(String, Option<Literal>)>, query: Box<Query>, text: String },
    Comment(Literal),
}

/// One clause of ALTER TABLE.
#[derive(Clone, Debug, PartialEq)]
pub enum AlterClause {
    Rename(String),
    Replace { with: String, properties: Properties, force: bool },
    Set(Properties),
    RenameRollup { old: String, new: String },
    RenameColumn { old: String, new: String },
    TableComment(Literal),
    Schema(SchemaAlteration),
    AddRollups(Vec<RollupDef>),
    DropRollups(Vec<String>),
    ModifyDistribution(DistributionDef),
    AddConstraint { name: String, kind: ConstraintDef },
    DropConstraint(String),
    Partition(PartitionClause),
}

/// What a constraint says. Doris believes it and never checks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ConstraintDef {
    Primary(Vec<String>),
    Unique(Vec<String>),
    Foreign { columns: Vec<String>, table: ObjectName, references: Vec<String> },
}

/// A clause of ALTER TABLE on columns and indexes. `rollup`: IN, TO or FROM an index.
#[derive(Clone, Debug, PartialEq)]
pub enum SchemaAlteration {
    /// `list`: in parentheses.
    AddColumns {
        columns: Vec<ColumnDef>,
        list: bool,
        position: Position,
        rollup: Option<String>,
    },
    DropColumn {
        name: String,
        rollup: Option<String>,
    },
    ModifyColumn {
        column: ColumnDef,
        position: Position,
        rollup: Option<String>,
    },
    /// `MODIFY COLUMN name COMMENT '..'`
    ColumnComment {
        name: String,
        comment: Literal,
    },
    /// ORDER BY.
    Reorder {
        names: Vec<String>,
        rollup: Option<String>,
    },
    AddIndex {
        index: IndexDef,
        if_not_exists: bool,
    },
    DropIndex {
        name: String,
        if_exists: bool,
    },
    EnableFeature {
        name: String,
        properties: Properties,
    },
}

/// Which jobs CANCEL ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CancelAlter {
    Column,
    Rollup,
    BuildIndex,
}

/// A list of jobs in SHOW.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AlterJobs {
    Column,
    /// And of materialized views.
    Rollup,
    BuildIndex,
}

/// WHERE, ORDER BY and LIMIT of a list of jobs.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct JobFilter {
    pub condition: Option<Box<Expr>>,
    /// Columns, and whether descending.
    pub order_by: Vec<(String, bool)>,
    /// Offset and number of rows.
    pub limit: Option<(usize, usize)>,
}

/// A clause of ALTER TABLE on partitions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PartitionClause {
    Add {
        partition: PartitionDef,
        temp: bool,
        distribution: Option<DistributionDef>,
        properties: Properties,
    },
    /// `ADD PARTITIONS FROM .. TO .. INTERVAL ..`
    AddBatch {
        step: PartitionStep,
        temp: bool,
        distribution: Option<DistributionDef>,
        properties: Properties,
    },
    Drop {
        name: String,
        temp: bool,
        if_exists: bool,
        force: bool,
    },
    /// No names = `(*)`.
    Modify {
        names: Option<Vec<String>>,
        temp: bool,
        properties: Properties,
    },
    Replace {
        partitions: TargetPartitions,
        with: TargetPartitions,
        force: bool,
        properties: Properties,
    },
    Rename {
        old: String,
        new: String,
    },
}

/// Partitions that follow each other: `FROM (a) TO (b) INTERVAL n [unit]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartitionStep {
    pub from: Vec<PartitionValue>,
    pub to: Vec<PartitionValue>,
    pub interval: i64,
    /// `None` for numbers.
    pub unit: Option<String>,
}

/// `RECOVER .. name [id] [AS new]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Recover {
    Database { name: String, id: Option<i64>, new_name: Option<String> },
    Table { table: ObjectName, id: Option<i64>, new_name: Option<String> },
    Partition { name: String, id: Option<i64>, new_name: Option<String>, table: ObjectName },
}

/// `BACKUP SNAPSHOT [db.]label TO repository [ON (..)] [PROPERTIES (..)]`, or RESTORE.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Backup {
    pub label: ObjectName,
    pub repository: String,
    /// `None` = the whole database.
    pub tables: Option<Vec<BackupTable>>,
    /// EXCLUDE in place of ON.
    pub exclude: bool,
    pub properties: Properties,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BackupTable {
    pub name: ObjectName,
    /// Empty = all of them.
    pub partitions: Vec<String>,
    pub alias: Option<String>,
}

/// `DELETE FROM table [PARTITION ..] [alias] [USING ..] WHERE ..`
#[derive(Clone, Debug, PartialEq)]
pub struct Delete {
    pub table: ObjectName,
    pub partitions: TargetPartitions,
    pub alias: Option<String>,
    pub using: Vec<TableWithJoins>,
    pub condition: Option<Expr>,
}

/// `UPDATE table [alias] SET .. [FROM ..] [WHERE ..]`
#[derive(Clone, Debug, PartialEq)]
pub struct Update {
    pub table: ObjectName,
    pub alias: Option<String>,
    /// Column and value; `None` is DEFAULT.
    pub assignments: Vec<(String, Option<Expr>)>,
    pub from: Vec<TableWithJoins>,
    pub condition: Option<Expr>,
}

/// `[TEMPORARY] PARTITION (a, b)` behind the name of a table that is written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TargetPartitions {
    /// Empty = all of them.
    pub names: Vec<String>,
    pub temp: bool,
}

/// What INSERT OVERWRITE replaces.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Overwrite {
    /// INSERT INTO.
    #[default]
    No,
    /// The whole table, or the partitions that are named.
    Named,
    /// `PARTITION (*)`: the partitions that get rows.
    Detected,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Insert {
    pub table: ObjectName,
    pub overwrite: Overwrite,
    pub partitions: TargetPartitions,
    /// Empty = all columns, in order.
    pub columns: Vec<String>,
    pub label: Option<String>,
    pub source: InsertSource,
}

#[derive(Clone, Debug, PartialEq)]
pub enum InsertSource {
    /// VALUES with nothing but literals: the fast way.
    Literals(Vec<Vec<InsertLiteral>>),
    Values(Vec<Vec<Option<Expr>>>),
    Query(Box<Query>),
}

/// A literal of an INSERT.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum InsertLiteral {
    Null,
    /// The keyword DEFAULT.
    Default,
    Bool(bool),
    /// With its sign.
    Number(String),
    /// Decoded.
    Text(String),
    /// An ARRAY or MAP: `[..]`, `{..}`, as Doris prints it.
    Composite(String),
}

/// LIKE or WHERE of a SHOW statement.
#[derive(Clone, Debug, PartialEq)]
pub enum Filter {
    None,
    /// The decoded pattern.
    Like(String),
    Where(Box<Expr>),
}

/// SHOW ...
#[derive(Clone, Debug, PartialEq)]
pub enum Show {
    Frontends,
    Backends,
    Databases(Filter),
    Tables {
        full: bool,
        views: bool,
        db: Option<String>,
        filter: Filter,
    },
    TableStatus {
        db: Option<String>,
        filter: Filter,
    },
    TableId(i64),
    CreateDatabase(String),
    /// SHOW CREATE TABLE, which also shows views.
    CreateTable(ObjectName),
    CreateView(ObjectName),
    Partitions {
        table: ObjectName,
        temp: bool,
        filter: Filter,
    },
    Tablets {
        table: ObjectName,
        partitions: TargetPartitions,
    },
    Columns {
        table: ObjectName,
        full: bool,
    },
    Index {
        table: ObjectName,
    },
    Backup {
        db: Option<String>,
        filter: Filter,
    },
    /// Snapshots in a repository.
    Snapshot {
        repository: String,
    },
    Restore {
        db: Option<String>,
        brief: bool,
        filter: Filter,
    },
    Transaction {
        db: Option<String>,
        filter: Filter,
    },
    FrontendConfig {
        pattern: Option<String>,
    },
    Variables(Filter),
    RecycleBin(Filter),
    Constraints(ObjectName),
    Proc(String),
    AlterJobs {
        jobs: AlterJobs,
        db: Option<String>,
        filter: JobFilter,
    },
    /// A list that is always empty here: its columns.
    Nothing(&'static [&'static str]),
}
