//! The states of a job, as types, and their durable form: the progress document of the Go program plus our own key.

use std::collections::{BTreeMap, BTreeSet};

use ccr_store::documents::{FullSyncInfo, ProgressDocument, SubState, SyncState, SyncType};
use doris::{
    Dest, Source,
    ids::{CommitSeq, IndexId, PartitionId, TableId, Version},
};
use serde::{Deserialize, Serialize};

use crate::{
    env::{Clock, Rng},
    incremental::Change,
    label::{self, Incarnation},
    ledger::Ledger,
    policy::{Code, Failure},
};

/// How many names of earlier copies are remembered.
const ALIASES_KEPT: usize = 8;

/// How many skipped records are remembered one by one.
const HOLES_KEPT: usize = 100;

/// What a job is doing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Phase {
    /// A full copy of the table is being made. Entered by a new job, and when the binlog alone cannot go on.
    FullSync(SnapshotStage),
    /// Records of the binlog become transactions. Entered when a copy is complete.
    Incremental,
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
    /// The restore is finished: aliases are to be swapped in, the mapping and the ledger to be opened.
    Finish { restore: String },
}

/// Everything durable about a job but its definition.
#[derive(Clone, Debug, PartialEq)]
pub struct Progress {
    pub phase: Phase,
    /// Number of the current snapshot; part of all labels.
    pub sync_id: i64,
    /// Every record up to here is on the destination, and was seen there.
    pub commit_seq: CommitSeq,
    /// Highest record whose handling began. Information only.
    pub last_commit_seq: CommitSeq,
    /// What the Go program does not know.
    pub own: Own,
    created_at: i64,
    full_sync_start_at: i64,
    incremental_sync_start_at: i64,
    ingest_binlog_at: i64,
    full_sync_info: FullSyncInfo,
}

/// Our own part of the progress document, under the key `ccr`, which the Go program ignores and drops.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Own {
    pub incarnation: Incarnation,
    /// Number of the current restore of the snapshot.
    #[serde(default)]
    pub restore_attempt: u32,
    /// The table is restored under this name and takes the destination table's place afterwards.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alias: Option<Alias>,
    /// Names that copies were made under, the latest last. A restore that Doris executes late makes a table of such a name
    /// again; it is dropped when it is seen.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub aliases: Vec<String>,
    /// What the snapshot that is restored holds, from before the restore until the ledger is opened on it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub copied: Option<Copied>,
    /// A change of the table whose outcome is not on record yet: it is finished before anything else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub change: Option<Change>,
    /// Empty destination partitions whose source partition is not known before its first load.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub fresh: BTreeSet<PartitionId<Dest>>,
    /// The source table that the ledger is of: a table that was replaced is another one. Absent in documents of older versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_table: Option<TableId<Source>>,
    /// The source's indexes that the destination has. What loads put into others is not copied: it belongs to a schema
    /// change or rollup that is not finished, and after which the table is copied again. Empty in documents of older
    /// versions: then all indexes are paired by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub indexes: CopiedIndexes,
    /// The last request of an operator that was fulfilled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answered: Option<i64>,
    /// Records that were skipped on request, the latest last: their rows are missing on the destination.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub holes: Vec<Hole>,
    /// Versions of replicated partitions; absent until a copy is complete, and after the Go program ran the job.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ledger: Option<Ledger>,
}

/// A record that was skipped on request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hole {
    pub seq: CommitSeq,
    /// The versions that it gave to partitions of the source, as far as they are replicated.
    pub versions: BTreeMap<PartitionId<Source>, Version>,
}

/// What a snapshot holds of the table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Copied {
    /// The binlog continues after this record.
    pub start: CommitSeq,
    /// Visible version of each partition in the snapshot.
    pub versions: BTreeMap<PartitionId<Source>, Version>,
    /// Its name there; empty in documents of older versions.
    #[serde(default)]
    pub names: BTreeMap<PartitionId<Source>, String>,
    #[serde(default)]
    pub indexes: CopiedIndexes,
}

/// The indexes that a copy has, by the source's ids.
pub type CopiedIndexes = BTreeMap<IndexId<Source>, CopiedIndex>;

/// An index of the destination table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CopiedIndex {
    /// The base index, which is called as its table.
    Base,
    /// A rollup of this name.
    Rollup(String),
}

/// A table that waits to take the place of the destination table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Alias {
    pub name: String,
    /// Its id, written before the swap: the destination table has this id exactly if the swap was done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<TableId<Dest>>,
}

impl Own {
    fn new(rng: &dyn Rng) -> Self {
        Self {
            incarnation: Incarnation::draw(rng),
            restore_attempt: 0,
            alias: None,
            aliases: Vec::new(),
            copied: None,
            change: None,
            fresh: BTreeSet::new(),
            source_table: None,
            indexes: CopiedIndexes::new(),
            answered: None,
            holes: Vec::new(),
            ledger: None,
        }
    }

    /// Forgets everything that is true of one copy only.
    fn forget_copy(&mut self) {
        self.restore_attempt = 0;
        self.alias = None;
        self.copied = None;
        self.change = None;
        self.fresh.clear();
        self.source_table = None;
        self.indexes.clear();
        self.holes.clear();
        self.ledger = None;
    }
}

impl Progress {
    /// The progress of a new job: a full copy comes first.
    pub fn new(clock: &dyn Clock, rng: &dyn Rng, reason: &str) -> Self {
        let now = clock.now_s();
        let mut progress = Self {
            phase: Phase::FullSync(SnapshotStage::Backup),
            sync_id: now,
            commit_seq: CommitSeq(0),
            last_commit_seq: CommitSeq(0),
            own: Own::new(rng),
            created_at: now,
            full_sync_start_at: now,
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
        self.restart_snapshot();
        self.full_sync_start_at = clock.now_s();
        self.incremental_sync_start_at = 0;
        self.ingest_binlog_at = 0;
    }

    /// Begins the copy again with a new snapshot: the current one failed, expired or is of another table.
    pub fn restart_snapshot(&mut self) {
        self.sync_id += 1;
        self.phase = Phase::FullSync(SnapshotStage::Backup);
        self.own.forget_copy();
    }

    /// Chooses the name that the copy is made under; `copied` is what the snapshot holds.
    pub fn choose_target(&mut self, alias: String, copied: Copied) {
        let forgotten = (self.own.aliases.len() + 1).saturating_sub(ALIASES_KEPT);
        self.own.aliases.drain(..forgotten);
        self.own.aliases.push(alias.clone());
        self.own.alias = Some(Alias { name: alias, id: None });
        self.own.copied = Some(copied);
    }

    /// Gives the current restore up; the next one has another label and another alias.
    pub fn next_restore(&mut self) {
        self.own.restore_attempt += 1;
        self.own.alias = None;
        self.own.copied = None;
    }

    /// Enters the incremental phase: the destination holds everything up to `at`.
    pub fn start_incremental(&mut self, clock: &dyn Clock, at: CommitSeq, indexes: CopiedIndexes, ledger: Ledger) {
        self.phase = Phase::Incremental;
        self.commit_seq = at;
        self.last_commit_seq = self.last_commit_seq.max(at);
        self.own.forget_copy();
        self.own.indexes = indexes;
        self.own.ledger = Some(ledger);
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
        if let Some(ledger) = &mut self.own.ledger {
            for (partition, version) in &hole.versions {
                ledger.leave_out(*partition, *version);
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
        label::snapshot_label(job, self.sync_id, &self.own.incarnation)
    }

    /// Why the last full copy was made.
    pub fn full_sync_reason(&self) -> &str {
        &self.full_sync_info.info
    }

    pub fn sync_state(&self) -> SyncState {
        match self.phase {
            Phase::FullSync(_) => SyncState::TableFullSync,
            Phase::Incremental => SyncState::TableIncrementalSync,
        }
    }

    pub fn sub_state(&self) -> SubState {
        match &self.phase {
            Phase::FullSync(SnapshotStage::Backup) => SubState::BeginCreateSnapshot,
            Phase::FullSync(SnapshotStage::Restore { .. }) => SubState::GetSnapshotInfo,
            Phase::FullSync(SnapshotStage::Finish { .. }) => SubState::PersistRestoreInfo,
            Phase::Incremental => SubState::Done,
        }
    }

    /// The durable form.
    pub fn to_document(&self, job: &str) -> Result<ProgressDocument, Failure> {
        let own = serde_json::to_value(&self.own)
            .map_err(|e| Failure::new(Code::DOCUMENT, format!("progress of {job} cannot be written: {e}"), ""))?;
        let data = match &self.phase {
            Phase::FullSync(SnapshotStage::Restore { snapshot }) => snapshot.clone(),
            Phase::FullSync(SnapshotStage::Finish { restore }) => restore.clone(),
            Phase::FullSync(SnapshotStage::Backup) | Phase::Incremental => String::new(),
        };
        let mut document = ProgressDocument::new(job, SyncType::Table, self.created_at);
        document.sync_state = self.sync_state();
        document.sub_sync_state = self.sub_state();
        document.job_sync_id = self.sync_id;
        document.prev_commit_seq = self.commit_seq.0;
        document.commit_seq = self.commit_seq.0;
        document.last_commit_seq = self.last_commit_seq.0;
        document.data = data;
        document.full_sync_start_at = self.full_sync_start_at;
        document.incremental_sync_start_at = self.incremental_sync_start_at;
        document.ingest_binlog_at = self.ingest_binlog_at;
        document.full_sync_info = self.full_sync_info.clone();
        document.ccr = Some(own);
        Ok(document)
    }

    /// Reads the durable form. A document without our own part (the Go program wrote it) gets a new incarnation; where it
    /// cannot be continued without knowing partition versions, the copy is made anew and the reason says so.
    pub fn from_document(document: &ProgressDocument, clock: &dyn Clock, rng: &dyn Rng) -> Result<Self, Failure> {
        let own = match &document.ccr {
            Some(value) => serde_json::from_value(value.clone()).map_err(|e| {
                Failure::new(
                    Code::DOCUMENT,
                    format!("the stored progress of {} cannot be understood: {e}", document.job_name),
                    "restore the metadata database from a backup, or delete the job and create it again",
                )
            })?,
            None => Own::new(rng),
        };
        let stage = match (document.sync_state, document.sub_sync_state) {
            (SyncState::TableFullSync, SubState::BeginCreateSnapshot) => Some(Phase::FullSync(SnapshotStage::Backup)),
            (SyncState::TableFullSync, SubState::GetSnapshotInfo) => {
                Some(Phase::FullSync(SnapshotStage::Restore { snapshot: document.data.clone() }))
            }
            (SyncState::TableFullSync, SubState::PersistRestoreInfo) if document.ccr.is_some() => {
                Some(Phase::FullSync(SnapshotStage::Finish { restore: document.data.clone() }))
            }
            (SyncState::TableIncrementalSync, SubState::Done) if own.ledger.is_some() => Some(Phase::Incremental),
            _ => None,
        };
        let mut progress = Self {
            phase: stage.clone().unwrap_or(Phase::FullSync(SnapshotStage::Backup)),
            sync_id: document.job_sync_id,
            commit_seq: CommitSeq(document.prev_commit_seq),
            last_commit_seq: CommitSeq(document.last_commit_seq),
            own,
            created_at: document.created_at,
            full_sync_start_at: document.full_sync_start_at,
            incremental_sync_start_at: document.incremental_sync_start_at,
            ingest_binlog_at: document.ingest_binlog_at,
            full_sync_info: document.full_sync_info.clone(),
        };
        if stage.is_none() {
            let reason = format!(
                "taken over in {} / {} without partition versions",
                document.sync_state.name(),
                document.sub_sync_state.name()
            );
            progress.start_full_sync(clock, &reason);
        }
        Ok(progress)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    struct At(i64);
    impl Clock for At {
        fn now_ms(&self) -> i64 {
            self.0 * 1000
        }
    }
    struct Counting(std::sync::atomic::AtomicU64);
    impl Rng for Counting {
        fn next_u64(&self) -> u64 {
            self.0.fetch_add(1, std::sync::atomic::Ordering::Relaxed)
        }
    }

    fn new() -> Progress {
        Progress::new(&At(1_737_700_000), &Counting(5.into()), "new job, job: j, sync type: table_sync")
    }

    fn reread(progress: &Progress) -> Progress {
        let text = progress.to_document("j").unwrap().to_json();
        Progress::from_document(&ProgressDocument::parse(&text).unwrap(), &At(9), &Counting(77.into())).unwrap()
    }

    /// Defects: ENG-D-4.
    #[test]
    fn every_stage_survives_a_restart() {
        let mut progress = new();
        assert_eq!(progress.sync_id, 1_737_700_001);
        assert_eq!(reread(&progress), progress);
        progress.phase = Phase::FullSync(SnapshotStage::Restore { snapshot: "ccrs_j_1_x".to_owned() });
        progress.own.restore_attempt = 2;
        progress.own.alias = Some(Alias { name: "__ccr_t_1".to_owned(), id: None });
        assert_eq!(reread(&progress), progress);
        progress.phase = Phase::FullSync(SnapshotStage::Finish { restore: "ccrs_j_1_x_r_2".to_owned() });
        progress.own.alias = Some(Alias { name: "__ccr_t_1".to_owned(), id: Some(TableId::new(7)) });
        assert_eq!(reread(&progress), progress);
        let ledger = Ledger::open([(PartitionId::new(1), PartitionId::new(2), Version(5), Version(4))]);
        progress.start_incremental(&At(1_737_700_100), CommitSeq(1200), CopiedIndexes::new(), ledger);
        assert_eq!(reread(&progress), progress);
        progress.advance(&At(1_737_700_200), CommitSeq(1210), CommitSeq(1215));
        assert_eq!(reread(&progress), progress);
    }

    #[test]
    fn a_document_of_the_go_program_in_mid_transaction_is_copied_anew_with_the_reason() {
        let text = r#"{"job_name":"j","sync_state":501,"sub_sync_state":{"state":12,"binlog_type":0},"job_sync_id":1737700001,"prev_commit_seq":1500,"commit_seq":1501,"last_commit_seq":1501,"data":"{}"}"#;
        let document = ProgressDocument::parse(text).unwrap();
        let progress = Progress::from_document(&document, &At(9), &Counting(1.into())).unwrap();
        assert_eq!(progress.phase, Phase::FullSync(SnapshotStage::Backup));
        assert_eq!(progress.sync_id, 1_737_700_002);
        assert_eq!(
            progress.full_sync_reason(),
            "taken over in TableIncrementalSync / IngestBinlog without partition versions"
        );
    }
}
