//! What is durably known of each table that a job copies, by its id on the source.

use std::collections::{BTreeMap, BTreeSet};

use doris::{
    Dest, Source,
    ids::{CommitSeq, IndexId, PartitionId, TableId},
};
use serde::{Deserialize, Serialize};

use crate::{
    ledger::Ledger,
    policy::{Code, Failure},
};

/// All tables of a job.
pub type Tables = BTreeMap<TableId<Source>, TableState>;

/// The indexes that a copy has, by the source's ids.
pub type CopiedIndexes = BTreeMap<IndexId<Source>, CopiedIndex>;

/// One table of the source and its copy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableState {
    /// The copy. Its name is looked up by this id.
    pub dest: TableId<Dest>,
    /// The source table's name when it was last seen: for people and for the Go program.
    #[serde(default)]
    pub name: String,
    /// The copy holds every record of the table up to here.
    #[serde(default)]
    pub floor: CommitSeq,
    /// The source's indexes that the copy has. What loads put into others is not copied: it belongs to a schema change or
    /// rollup that is not finished, and after which the table is copied again. Empty in documents of older versions: then
    /// all indexes are paired by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub indexes: CopiedIndexes,
    /// Empty destination partitions whose source partition is not known before its first load.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub fresh: BTreeSet<PartitionId<Dest>>,
    /// Versions of replicated partitions.
    #[serde(default)]
    pub ledger: Ledger,
    #[serde(default, skip_serializing_if = "Standing::is_in_step")]
    pub standing: Standing,
}

/// Whether records of a table are applied.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// They are.
    #[default]
    InStep,
    /// Something is wrong with this table that a new copy would not, or must not, put right by itself. Its records are passed
    /// over until an operator has it copied again; the other tables go on.
    Quarantined(Quarantine),
}

impl Standing {
    pub fn is_in_step(&self) -> bool {
        *self == Self::InStep
    }
}

/// Why a table's records are passed over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quarantine {
    /// The number of a [`Code`].
    pub code: u16,
    pub reason: String,
    pub hint: String,
    /// The record at which it began; 0 where it was none.
    #[serde(default)]
    pub since: CommitSeq,
}

impl Quarantine {
    pub fn new(failure: &Failure, since: CommitSeq) -> Self {
        Self { code: failure.code.0, reason: failure.message.clone(), hint: failure.hint.clone(), since }
    }

    /// As a person reads it.
    pub fn failure(&self) -> Failure {
        Failure::new(Code(self.code), self.reason.clone(), self.hint.clone())
    }
}

/// An index of the destination table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CopiedIndex {
    /// The base index, which is called as its table.
    Base,
    /// A rollup of this name.
    Rollup(String),
}
