//! A copy that is being made, by backup and restore: what it is of, and what its snapshot holds.

use std::collections::BTreeMap;

use doris::{
    Dest, Source,
    ids::{CommitSeq, PartitionId, TableId, Version},
};
use serde::{Deserialize, Serialize};

use crate::tables::CopiedIndexes;

/// A copy, from its decision until its tables stand in their places. Durable.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Copying {
    pub scope: CopyScope,
    /// Number of the current restore of the snapshot.
    #[serde(default)]
    pub restore_attempt: u32,
    /// What the snapshot that is restored holds, from before the restore.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held: Option<Held>,
    /// The record that the copy stands for: it counts as applied when the copy is complete.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stands_for: Option<CommitSeq>,
}

/// What is copied.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CopyScope {
    /// Everything that the job is about: its database, or its table.
    All,
    /// These tables, each with the reason.
    Tables(BTreeMap<TableId<Source>, String>),
}

/// What a snapshot holds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Held {
    /// The lowest of the floors: a copy of everything continues after this record.
    pub start: CommitSeq,
    pub tables: BTreeMap<TableId<Source>, HeldTable>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub views: BTreeMap<TableId<Source>, String>,
}

/// One table of a snapshot, and where its copy goes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeldTable {
    /// Its name in the snapshot.
    pub name: String,
    /// It is restored under this name ...
    pub alias: String,
    /// ... and takes this one afterwards.
    pub target: String,
    /// The restored table's id, written before it takes its place: the table of the target's name has this id exactly if
    /// that was done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dest: Option<TableId<Dest>>,
    /// The snapshot holds every record of the table up to here.
    pub floor: CommitSeq,
    /// Visible version of each partition in the snapshot.
    pub versions: BTreeMap<PartitionId<Source>, Version>,
    /// Names of the partitions there.
    pub names: BTreeMap<PartitionId<Source>, String>,
    pub indexes: CopiedIndexes,
}

impl Copying {
    pub fn of(scope: CopyScope) -> Self {
        Self { scope, restore_attempt: 0, held: None, stands_for: None }
    }
}
