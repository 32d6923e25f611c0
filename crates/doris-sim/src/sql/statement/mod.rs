//! The statements of Doris that the simulator understands, as data.

mod account;
mod alter;
mod create;

use std::collections::BTreeMap;

use sqlparser::ast::{Expr, Query, TableWithJoins};

pub use account::*;
pub use alter::*;
pub use create::*;

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
    /// Empty for SET NAMES and the like.
    Set(Vec<Assignment>),
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
    CreateMaterializedView(Box<CreateMaterializedView>),
    CreateTemporaryTable(Box<CreateTable>),
    CreateView(CreateView),
    DropTable {
        name: ObjectName,
        if_exists: bool,
        force: bool,
    },
    DropMaterializedView {
        name: ObjectName,
        if_exists: bool,
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
    /// ADMIN SET REPLICA STATUS PROPERTIES (..).
    AdminSetReplicaStatus(Properties),
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
    Account(AccountStatement),
}

/// `name = value` of SET.
#[derive(Clone, Debug, PartialEq)]
pub struct Assignment {
    /// In lower case, without `@@session.`; with its `@` if it is a user's variable.
    pub name: String,
    /// For all sessions.
    pub global: bool,
    pub value: Expr,
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
    CreateMaterializedView(ObjectName),
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
    Grants(ShowGrants),
    Roles,
    Engines,
    Charset,
    /// The last INSERT of the session.
    LastInsert,
    /// SHOW VIEW FROM table: the views that read it.
    ViewsOf(ObjectName),
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
