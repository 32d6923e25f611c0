//! The states of a job, as types, and the steps between them. Their durable form is in `document.rs`.

use std::collections::BTreeMap;

use ccr_store::documents::{FullSyncInfo, SubState, SyncState, SyncType};
use doris::{
    Dest, Source,
    ids::{CommitSeq, PartitionId, TableId, Version},
};
use serde::{Deserialize, Serialize};

use crate::{
    copy::{CopyScope, Copying, Held},
    env::{Clock, Rng},
    incremental::Change,
    label::{self, Incarnation},
    tables::Tables,
};

mod document;

use document::{LegacyTable, StoredOwn};

/// How many names of earlier copies are remembered, at least.
const ALIASES_KEPT: usize = 8;

/// How many skipped records are remembered one by one.
const HOLES_KEPT: usize = 100;

/// What a job is doing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Everything is copied. Entered by a new job, and when the binlog alone cannot go on.
    FullSync(SnapshotStage),
    /// Some tables are copied again, the others wait. Entered when records of a table cannot be applied one by one.
    PartialSync(SnapshotStage),
    /// Records of the binlog become transactions. Entered when a copy is complete.
    Incremental,
}

impl Phase {
    /// The stage of a copy.
    pub fn stage(&self) -> Option<&SnapshotStage> {
        match self {
            Self::FullSync(stage) | Self::PartialSync(stage) => Some(stage),
            Self::Incremental => None,
        }
    }
}

/// Where a copy stands. Every stage is durable; waiting for a backup or restore is memory only, since both are found again
/// by their labels.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SnapshotStage {
    /// The backup of [`Progress::snapshot_label`] is to be found or begun. Waits until it is finished.
    Backup,
    /// The backup is finished. The snapshot is fetched, and its restore found or begun. Waits until that is finished.
    Restore {
        /// Label of the backup. Not always the one that would be derived now: the Go program chose others.
        snapshot: String,
    },
    /// The restore is finished: aliases are to be swapped in, the mapping and the ledgers to be opened.
    Finish { restore: String },
}

/// Everything durable about a job but its definition.
#[derive(Clone, Debug, PartialEq)]
pub struct Progress {
    /// Whether a database or a table is copied.
    pub kind: SyncType,
    pub phase: Phase,
    /// Number of the current snapshot; part of its labels.
    pub sync_id: i64,
    /// Every record up to here is on the destination, and was seen there.
    pub commit_seq: CommitSeq,
    /// Highest record whose handling began. Information only.
    pub last_commit_seq: CommitSeq,
    /// What the Go program does not know.
    pub own: Own,
    created_at: i64,
    full_sync_start_at: i64,
    partial_sync_start_at: i64,
    incremental_sync_start_at: i64,
    ingest_binlog_at: i64,
    full_sync_info: FullSyncInfo,
}

/// Our own part of the progress document, under the key `ccr`, which the Go program ignores and drops.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(from = "StoredOwn")]
pub struct Own {
    pub incarnation: Incarnation,
    /// Part of the labels of transactions: the number of the last full copy. A partial one changes no label, since
    /// transactions of other tables may still be on their way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label_id: Option<i64>,
    /// Names that copies were made under, the latest last. A restore that Doris executes late makes a table of such a name
    /// again; it is dropped when it is seen.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub aliases: Vec<String>,
    /// The copy that is being made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub copy: Option<Copying>,
    /// A change of the destination whose outcome is not on record yet: it is finished before anything else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub change: Option<Change>,
    #[serde(default)]
    pub tables: Tables,
    /// Names of the source's views whose ids are known.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub views: BTreeMap<TableId<Source>, String>,
    /// Why tables were copied again the last time.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub partial_reason: String,
    /// The last request of an operator that was fulfilled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answered: Option<i64>,
    /// Records that were skipped on request since the last full copy, the latest last: their rows are missing on the
    /// destination.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub holes: Vec<Hole>,
    /// What documents of older versions say of their one table; adopted when they are read.
    #[serde(skip)]
    legacy: Option<LegacyTable>,
}

/// A record that was skipped on request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hole {
    pub seq: CommitSeq,
    /// The versions that it gave to partitions of the source, as far as they are replicated.
    pub versions: BTreeMap<PartitionId<Source>, Version>,
}

impl Own {
    fn new(rng: &dyn Rng) -> Self {
        Self {
            incarnation: Incarnation::draw(rng),
            label_id: None,
            aliases: Vec::new(),
            copy: None,
            change: None,
            tables: Tables::new(),
            views: BTreeMap::new(),
            partial_reason: String::new(),
            answered: None,
            holes: Vec::new(),
            legacy: None,
        }
    }
}

/// What a job's own document says of its table; zeros in a database job.
#[derive(Clone, Copy, Debug)]
pub struct JobTable {
    pub source: TableId<Source>,
    pub dest: TableId<Dest>,
}

impl Progress {
    /// The progress of a new job: a full copy comes first.
    pub fn new(kind: SyncType, clock: &dyn Clock, rng: &dyn Rng, reason: &str) -> Self {
        let now = clock.now_s();
        let mut progress = Self {
            kind,
            phase: Phase::FullSync(SnapshotStage::Backup),
            sync_id: now,
            commit_seq: CommitSeq(0),
            last_commit_seq: CommitSeq(0),
            own: Own::new(rng),
            created_at: now,
            full_sync_start_at: now,
            partial_sync_start_at: 0,
            incremental_sync_start_at: 0,
            ingest_binlog_at: 0,
            full_sync_info: FullSyncInfo::default(),
        };
        progress.start_full_sync(clock, reason);
        progress
    }

    /// Begins a new full copy. `reason` is for people and stays in the document.
    pub fn start_full_sync(&mut self, clock: &dyn Clock, reason: &str) {
        self.full_sync_info = FullSyncInfo {
            prev_commit_seq: self.commit_seq.0,
            commit_seq: self.commit_seq.0,
            sub_sync_state: self.sub_state(),
            info: reason.to_owned(),
        };
        self.phase = Phase::FullSync(SnapshotStage::Backup);
        self.own.copy = Some(Copying::of(CopyScope::All));
        self.own.change = None;
        self.own.holes.clear();
        self.own.partial_reason.clear();
        self.restart_snapshot();
        self.full_sync_start_at = clock.now_s();
        self.incremental_sync_start_at = 0;
        self.ingest_binlog_at = 0;
    }

    /// Begins to copy some tables again. `stands_for`: a record that counts as applied when that is done; everything before
    /// it must have been.
    pub fn start_partial_sync(
        &mut self,
        clock: &dyn Clock,
        tables: BTreeMap<TableId<Source>, String>,
        stands_for: Option<CommitSeq>,
    ) {
        self.own.label_id = Some(self.label_id());
        self.phase = Phase::PartialSync(SnapshotStage::Backup);
        // A change of another table waits until the copy is complete.
        if self.own.change.as_ref().and_then(Change::table).is_none_or(|table| tables.contains_key(&table)) {
            self.own.change = None;
        }
        // In order of their ids, each reason once.
        let mut reasons: Vec<&str> = tables.values().map(String::as_str).collect();
        reasons.dedup();
        self.own.partial_reason = reasons.join("; ");
        self.own.copy = Some(Copying { stands_for, ..Copying::of(CopyScope::Tables(tables)) });
        self.restart_snapshot();
        self.partial_sync_start_at = clock.now_s();
        self.incremental_sync_start_at = 0;
        self.ingest_binlog_at = 0;
    }

    /// Begins the copy again with a new snapshot: the current one failed, expired or holds something else.
    pub fn restart_snapshot(&mut self) {
        self.sync_id += 1;
        match &mut self.phase {
            Phase::FullSync(stage) => {
                *stage = SnapshotStage::Backup;
                self.own.label_id = Some(self.sync_id);
            }
            Phase::PartialSync(stage) => *stage = SnapshotStage::Backup,
            Phase::Incremental => {}
        }
        if let Some(copy) = &mut self.own.copy {
            copy.restore_attempt = 0;
            copy.held = None;
        }
    }

    /// Enters another stage of the copy.
    pub fn enter(&mut self, next: SnapshotStage) {
        if let Phase::FullSync(stage) | Phase::PartialSync(stage) = &mut self.phase {
            *stage = next;
        }
    }

    /// Writes down what the snapshot holds and the names that it is restored under.
    pub fn hold(&mut self, held: Held) {
        let keep = ALIASES_KEPT.max(held.tables.len() * 3);
        self.own.aliases.extend(held.tables.values().map(|table| table.alias.clone()));
        let forgotten = self.own.aliases.len().saturating_sub(keep);
        self.own.aliases.drain(..forgotten);
        if let Some(copy) = &mut self.own.copy {
            copy.held = Some(held);
        }
    }

    /// Gives the current restore up; the next one has another label and other aliases.
    pub fn next_restore(&mut self) {
        if let Some(copy) = &mut self.own.copy {
            copy.restore_attempt += 1;
            copy.held = None;
        }
    }

    /// Enters the incremental phase. After a full copy: `tables` are all there are, and the destination holds everything up
    /// to `start`. After a partial one: they take the place of their predecessors.
    pub fn finish_copy(&mut self, clock: &dyn Clock, start: CommitSeq, tables: Tables) {
        let copy = self.own.copy.take();
        match self.phase {
            Phase::FullSync(_) => {
                self.own.tables = tables;
                self.commit_seq = start;
            }
            Phase::PartialSync(_) | Phase::Incremental => {
                self.own.tables.extend(tables);
                if let Some(seq) = copy.and_then(|copy| copy.stands_for) {
                    self.commit_seq = self.commit_seq.max(seq);
                }
            }
        }
        self.last_commit_seq = self.last_commit_seq.max(self.commit_seq);
        self.phase = Phase::Incremental;
        self.incremental_sync_start_at = clock.now_s();
        self.ingest_binlog_at = 0;
    }

    /// Moves the position: every record up to `to` was seen on the destination.
    pub fn advance(&mut self, clock: &dyn Clock, to: CommitSeq, attempted: CommitSeq) {
        self.commit_seq = to;
        self.last_commit_seq = self.last_commit_seq.max(attempted).max(to);
        self.ingest_binlog_at = clock.now_s();
    }

    /// Passes over a record that the destination does not have, as an operator asked. Everything before it was seen there.
    /// From now on the destination's versions stand for others of the source.
    pub fn skip(&mut self, clock: &dyn Clock, hole: Hole, request: i64) {
        for table in self.own.tables.values_mut() {
            for (partition, version) in &hole.versions {
                table.ledger.leave_out(*partition, *version);
            }
        }
        let forgotten = (self.own.holes.len() + 1).saturating_sub(HOLES_KEPT);
        self.own.holes.drain(..forgotten);
        self.own.answered = Some(request);
        let seq = hole.seq;
        self.own.holes.push(hole);
        self.advance(clock, seq, seq);
    }

    /// Label of the backup of the current copy.
    pub fn snapshot_label(&self, job: &str) -> String {
        match self.phase {
            Phase::PartialSync(_) => label::partial_snapshot_label(job, self.sync_id, &self.own.incarnation),
            _ => label::snapshot_label(job, self.sync_id, &self.own.incarnation),
        }
    }

    /// The number in the labels of transactions.
    pub fn label_id(&self) -> i64 {
        self.own.label_id.unwrap_or(self.sync_id)
    }

    /// Why the last full copy was made.
    pub fn full_sync_reason(&self) -> &str {
        &self.full_sync_info.info
    }

    /// Why tables were copied again the last time; empty if none were since the last full copy.
    pub fn partial_sync_reason(&self) -> &str {
        &self.own.partial_reason
    }

    /// Whether some table's copy is ahead of the position.
    fn above(&self) -> bool {
        self.own.tables.values().any(|table| table.standing.is_in_step() && table.floor > self.commit_seq)
    }

    pub fn sync_state(&self) -> SyncState {
        match (self.kind, &self.phase) {
            (SyncType::Database, Phase::FullSync(_)) => SyncState::DBFullSync,
            (SyncType::Database, Phase::PartialSync(_)) => SyncState::DBPartialSync,
            (SyncType::Database, Phase::Incremental) if self.above() => SyncState::DBTablesIncrementalSync,
            (SyncType::Database, Phase::Incremental) => SyncState::DBIncrementalSync,
            (SyncType::Table, Phase::FullSync(_)) => SyncState::TableFullSync,
            (SyncType::Table, Phase::PartialSync(_)) => SyncState::TablePartialSync,
            (SyncType::Table, Phase::Incremental) => SyncState::TableIncrementalSync,
        }
    }

    pub fn sub_state(&self) -> SubState {
        match self.phase.stage() {
            Some(SnapshotStage::Backup) => SubState::BeginCreateSnapshot,
            Some(SnapshotStage::Restore { .. }) => SubState::GetSnapshotInfo,
            Some(SnapshotStage::Finish { .. }) => SubState::PersistRestoreInfo,
            None => SubState::Done,
        }
    }
}
