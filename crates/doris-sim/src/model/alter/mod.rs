//! Schema changes in time: ALTER TABLE of columns, indexes, rollups and comments, and the jobs behind it.
//!
//! | file | subject |
//! |---|---|
//! | `validate.rs` | what a clause is refused for before the table's state is looked at |
//! | `draft.rs`, `modify.rs` | the schemas of all indexes while clauses are applied to them |
//! | `check.rs`, `types.rs` | what a heavy change may do |
//! | `text.rs` | `rawSql` |
//! | `change.rs` | ALTER TABLE: light changes at once, heavy ones as jobs |
//! | `job.rs`, `convert.rs` | the steps of schema change and rollup jobs; rows in another schema |
//! | `rollup.rs` | ADD and DROP ROLLUP, synchronous materialized views |
//! | `index_job.rs` | BUILD INDEX, and removing what an inverted index left behind |
//! | `names.rs` | RENAME COLUMN, comments |
//! | `records.rs` | what is written of all this into the binlog |
//! | `show.rs` | SHOW ALTER TABLE, SHOW BUILD INDEX |

mod change;
mod check;
mod convert;
mod draft;
mod index_job;
mod job;
mod modify;
mod names;
mod records;
mod rollup;
mod show;
mod text;
mod types;
mod validate;

use std::collections::BTreeMap;

use super::{Answer, Column, KeysType, Refusal, SecondaryIndex, Tablet, ids::*};

pub use index_job::IndexJob;
pub use rollup::{MaterializedViewSpec, MvColumn};
pub use show::{BUILD_INDEX_COLUMNS, COLUMN_JOB_COLUMNS, ROLLUP_JOB_COLUMNS};

/// The prefix of an index's name while a schema change builds it.
pub(crate) const SHADOW_PREFIX: &str = "__doris_shadow_";
/// `alter_table_timeout_second`.
const TIMEOUT_S: i64 = 2_592_000;

fn refuse<T>(text: impl std::fmt::Display) -> Answer<T> {
    Err(Refusal::analysis(text))
}

/// Where a column goes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Position {
    /// Keys after the last key, values at the end.
    #[default]
    Unsaid,
    First,
    After(String),
}

/// One clause of ALTER TABLE that changes columns or indexes. `rollup`: IN, TO or FROM an index.
#[derive(Clone, Debug, PartialEq)]
pub enum SchemaClause {
    /// ADD COLUMN, or `ADD COLUMN (..)` if `list`.
    AddColumns {
        columns: Vec<Column>,
        list: bool,
        position: Position,
        rollup: Option<String>,
    },
    DropColumn {
        name: String,
        rollup: Option<String>,
    },
    ModifyColumn {
        column: Column,
        position: Position,
        rollup: Option<String>,
    },
    /// ORDER BY.
    Reorder {
        names: Vec<String>,
        rollup: Option<String>,
    },
    AddIndex(AddIndex),
    /// `statement`: DROP INDEX .. ON ..
    DropIndex {
        name: String,
        if_exists: bool,
        statement: bool,
    },
    /// SET of a property that changes how rows are stored.
    Storage(BTreeMap<String, String>),
    /// `ENABLE FEATURE "name" [WITH PROPERTIES (..)]`.
    EnableFeature {
        name: String,
        properties: BTreeMap<String, String>,
    },
}

/// ADD INDEX, or CREATE INDEX if `statement`.
#[derive(Clone, Debug, PartialEq)]
pub struct AddIndex {
    pub index: SecondaryIndex,
    /// The properties as they stand in the statement.
    pub written: BTreeMap<String, String>,
    pub if_not_exists: bool,
    pub statement: bool,
}

/// `AlterJobV2.JobState`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AlterState {
    Pending,
    WaitingTxn,
    Running,
    Finished,
    Cancelled,
}

impl AlterState {
    /// Doris's word.
    pub fn name(self) -> &'static str {
        match self {
            Self::Pending => "PENDING",
            Self::WaitingTxn => "WAITING_TXN",
            Self::Running => "RUNNING",
            Self::Finished => "FINISHED",
            Self::Cancelled => "CANCELLED",
        }
    }

    /// Whether nothing changes any more.
    pub fn is_done(self) -> bool {
        matches!(self, Self::Finished | Self::Cancelled)
    }
}

/// What a job is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AlterKind {
    /// With what the table has at the end besides columns.
    SchemaChange {
        secondary_indexes: Vec<SecondaryIndex>,
        properties: BTreeMap<String, String>,
    },
    Rollup {
        base: IndexId,
        base_name: String,
    },
}

/// A schema change or a rollup. A light change leaves a finished one behind.
#[derive(Clone, Debug)]
pub struct AlterJob {
    pub id: i64,
    pub db: DbId,
    pub table: TableId,
    /// At the creation of the job.
    pub table_name: String,
    pub kind: AlterKind,
    pub state: AlterState,
    pub created_ms: i64,
    pub finished_ms: Option<i64>,
    /// Transactions below end before rows are converted; from WAITING_TXN on.
    pub watershed: Option<TxnId>,
    pub message: String,
    pub timeout_s: i64,
    /// `None`: the record has no such key.
    pub raw_sql: Option<String>,
    pub indexes: Vec<JobIndex>,
    /// The tablets of the new indexes, until they are registered with the table.
    pub(crate) tablets: BTreeMap<(PartitionId, IndexId), Vec<Tablet>>,
    pub(crate) next_step_ms: i64,
}

/// An index that a job builds (or changed, if it is its own origin).
#[derive(Clone, Debug)]
pub struct JobIndex {
    pub id: IndexId,
    pub origin: IndexId,
    /// Without prefix.
    pub name: String,
    pub schema_version: i32,
    pub schema_hash: i64,
    /// Hidden ones included.
    pub columns: Vec<Column>,
    pub keys: KeysType,
    /// Whether the origin goes when the job ends.
    pub replaces: bool,
}

impl AlterJob {
    /// Whether it is an ADD ROLLUP or a materialized view.
    pub fn is_rollup(&self) -> bool {
        matches!(self.kind, AlterKind::Rollup { .. })
    }
}
