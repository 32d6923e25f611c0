//! The states of a job, as types, and their durable form: the progress document of the Go program plus our own key.

use std::collections::{BTreeMap, BTreeSet};

use ccr_store::documents::{FullSyncInfo, PartialSyncData, ProgressDocument, SubState, SyncState, SyncType};
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
    ledger::Ledger,
    policy::{Code, Failure},
    tables::{CopiedIndexes, Standing, TableState, Tables},
};

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

/// [`Own`] as any version wrote it.
#[derive(Deserialize)]
struct StoredOwn {
    incarnation: Incarnation,
    label_id: Option<i64>,
    #[serde(default)]
    aliases: Vec<String>,
    copy: Option<Copying>,
    change: Option<Change>,
    #[serde(default)]
    tables: Tables,
    #[serde(default)]
    views: BTreeMap<TableId<Source>, String>,
    #[serde(default)]
    partial_reason: String,
    answered: Option<i64>,
    #[serde(default)]
    holes: Vec<Hole>,
    // The form before database jobs: one table, whose ids the job's document has.
    #[serde(default)]
    fresh: BTreeSet<PartitionId<Dest>>,
    source_table: Option<TableId<Source>>,
    #[serde(default)]
    indexes: CopiedIndexes,
    ledger: Option<Ledger>,
}

#[derive(Clone, Debug, PartialEq)]
struct LegacyTable {
    source: Option<TableId<Source>>,
    fresh: BTreeSet<PartitionId<Dest>>,
    indexes: CopiedIndexes,
    ledger: Ledger,
}

impl From<StoredOwn> for Own {
    fn from(stored: StoredOwn) -> Self {
        let StoredOwn { source_table, fresh, indexes, ledger, .. } = stored;
        Self {
            incarnation: stored.incarnation,
            label_id: stored.label_id,
            aliases: stored.aliases,
            copy: stored.copy,
            change: stored.change,
            tables: stored.tables,
            views: stored.views,
            partial_reason: stored.partial_reason,
            answered: stored.answered,
            holes: stored.holes,
            legacy: ledger.map(|ledger| LegacyTable { source: source_table, fresh, indexes, ledger }),
        }
    }
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

    /// The durable form.
    pub fn to_document(&self, job: &str) -> Result<ProgressDocument, Failure> {
        let own = serde_json::to_value(&self.own)
            .map_err(|e| Failure::new(Code::DOCUMENT, format!("progress of {job} cannot be written: {e}"), ""))?;
        let mut document = ProgressDocument::new(job, self.kind, self.created_at);
        document.sync_state = self.sync_state();
        document.sub_sync_state = self.sub_state();
        document.job_sync_id = self.sync_id;
        document.prev_commit_seq = self.commit_seq.0;
        document.commit_seq = self.commit_seq.0;
        document.last_commit_seq = self.last_commit_seq.0;
        document.data = match self.phase.stage() {
            Some(SnapshotStage::Restore { snapshot }) => snapshot.clone(),
            Some(SnapshotStage::Finish { restore }) => restore.clone(),
            Some(SnapshotStage::Backup) | None => String::new(),
        };
        if self.kind == SyncType::Database {
            let tables = &self.own.tables;
            document.table_mapping = Some(tables.iter().map(|(id, table)| (id.get(), table.dest.get())).collect());
            document.table_name_mapping = tables.iter().map(|(id, table)| (id.get(), table.name.clone())).collect();
            if self.above() || matches!(self.phase, Phase::PartialSync(_)) {
                document.table_commit_seq_map =
                    Some(tables.iter().map(|(id, table)| (id.get(), table.floor.0)).collect());
            }
        }
        if let Some(copy) = &self.own.copy {
            if let CopyScope::Tables(tables) = &copy.scope {
                let named = |id: &TableId<Source>| self.own.tables.get(id).map(|table| table.name.clone());
                document.partial_sync_data = tables.keys().next().map(|id| PartialSyncData {
                    table_id: id.get(),
                    table: named(id).unwrap_or_default(),
                    ..PartialSyncData::default()
                });
            }
            let held = copy.held.iter().flat_map(|held| held.tables.values());
            document.table_aliases = held.map(|table| (table.target.clone(), table.alias.clone())).collect();
        }
        document.full_sync_start_at = self.full_sync_start_at;
        document.partial_sync_start_at = self.partial_sync_start_at;
        document.incremental_sync_start_at = self.incremental_sync_start_at;
        document.ingest_binlog_at = self.ingest_binlog_at;
        document.full_sync_info = self.full_sync_info.clone();
        document.ccr = Some(own);
        Ok(document)
    }

    /// Reads the durable form. A document without our own part (the Go program wrote it) gets a new incarnation; where it
    /// cannot be continued without knowing partition versions, the copy is made anew and the reason says so.
    pub fn from_document(
        document: &ProgressDocument,
        (kind, job_table): (SyncType, JobTable),
        clock: &dyn Clock,
        rng: &dyn Rng,
    ) -> Result<Self, Failure> {
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
        let mut progress = Self {
            kind,
            phase: Phase::FullSync(SnapshotStage::Backup),
            sync_id: document.job_sync_id,
            commit_seq: CommitSeq(document.prev_commit_seq),
            last_commit_seq: CommitSeq(document.last_commit_seq),
            own,
            created_at: document.created_at,
            full_sync_start_at: document.full_sync_start_at,
            partial_sync_start_at: document.partial_sync_start_at,
            incremental_sync_start_at: document.incremental_sync_start_at,
            ingest_binlog_at: document.ingest_binlog_at,
            full_sync_info: document.full_sync_info.clone(),
        };
        progress.adopt(document, job_table);
        match progress.stored_phase(document) {
            Some(phase) => {
                progress.phase = phase;
                if progress.phase.stage().is_some() && progress.own.copy.is_none() {
                    progress.own.copy = Some(Copying::of(CopyScope::All));
                }
            }
            None => {
                let reason = format!(
                    "taken over in {} / {} without partition versions",
                    document.sync_state.name(),
                    document.sub_sync_state.name()
                );
                progress.start_full_sync(clock, &reason);
            }
        }
        Ok(progress)
    }

    /// Takes over what an older version knew of its one table.
    fn adopt(&mut self, document: &ProgressDocument, job_table: JobTable) {
        let Some(legacy) = self.own.legacy.take() else { return };
        let source = legacy.source.unwrap_or(job_table.source);
        let state = TableState {
            dest: job_table.dest,
            name: String::new(),
            floor: CommitSeq(document.prev_commit_seq),
            indexes: legacy.indexes,
            fresh: legacy.fresh,
            ledger: legacy.ledger,
            standing: Standing::InStep,
        };
        self.own.tables.insert(source, state);
        if let Some(change) = &mut self.own.change {
            change.of_table(source);
        }
    }

    /// The phase of a document; `None`: it cannot be continued.
    fn stored_phase(&self, document: &ProgressDocument) -> Option<Phase> {
        let ours = document.ccr.is_some();
        let stage = || match document.sub_sync_state {
            SubState::BeginCreateSnapshot => Some(SnapshotStage::Backup),
            SubState::GetSnapshotInfo => Some(SnapshotStage::Restore { snapshot: document.data.clone() }),
            // Without our part nothing says what was restored.
            SubState::PersistRestoreInfo if ours => Some(SnapshotStage::Finish { restore: document.data.clone() }),
            _ => None,
        };
        let state = document.sync_state;
        let of_database =
            !matches!(state, SyncState::TableFullSync | SyncState::TablePartialSync | SyncState::TableIncrementalSync);
        if of_database != (self.kind == SyncType::Database) {
            return None;
        }
        if state.is_full() {
            return stage().map(Phase::FullSync);
        }
        if state.is_partial() {
            return stage().filter(|_| ours).map(Phase::PartialSync);
        }
        // A database may be empty; a table job without its table cannot go on.
        let known = ours && (of_database || !self.own.tables.is_empty());
        (state.is_incremental() && document.sub_sync_state == SubState::Done && known).then_some(Phase::Incremental)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::copy::HeldTable;

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

    const JOB_TABLE: JobTable = JobTable { source: TableId::new(77), dest: TableId::new(78) };

    fn new(kind: SyncType) -> Progress {
        Progress::new(kind, &At(1_737_700_000), &Counting(5.into()), "new job, job: j")
    }

    fn read(text: &str, kind: SyncType) -> Progress {
        let document = ProgressDocument::parse(text).unwrap();
        Progress::from_document(&document, (kind, JOB_TABLE), &At(9), &Counting(77.into())).unwrap()
    }

    fn reread(progress: &Progress) -> Progress {
        read(&progress.to_document("j").unwrap().to_json(), progress.kind)
    }

    fn ledger() -> Ledger {
        Ledger::open([(PartitionId::new(1), PartitionId::new(2), Version(5), Version(4))])
    }

    fn table(dest: i64, floor: i64) -> TableState {
        TableState {
            dest: TableId::new(dest),
            name: format!("t{dest}"),
            floor: CommitSeq(floor),
            indexes: CopiedIndexes::new(),
            fresh: BTreeSet::new(),
            ledger: ledger(),
            standing: Standing::InStep,
        }
    }

    /// Defects: ENG-D-4.
    #[test]
    fn every_stage_survives_a_restart() {
        for kind in [SyncType::Table, SyncType::Database] {
            let mut progress = new(kind);
            assert_eq!(progress.sync_id, 1_737_700_001);
            assert_eq!(reread(&progress), progress);
            progress.enter(SnapshotStage::Restore { snapshot: "ccrs_j_1_x".to_owned() });
            progress.next_restore();
            progress.hold(Held {
                start: CommitSeq(3),
                tables: BTreeMap::from([(
                    TableId::new(1),
                    HeldTable {
                        name: "t".to_owned(),
                        alias: "__ccr_t_1".to_owned(),
                        target: "t".to_owned(),
                        dest: Some(TableId::new(7)),
                        floor: CommitSeq(3),
                        versions: BTreeMap::new(),
                        names: BTreeMap::new(),
                        indexes: CopiedIndexes::new(),
                    },
                )]),
                views: BTreeMap::from([(TableId::new(2), "v".to_owned())]),
            });
            assert_eq!(reread(&progress), progress);
            progress.enter(SnapshotStage::Finish { restore: "ccrs_j_1_x_r_2".to_owned() });
            assert_eq!(reread(&progress), progress);
            let tables = Tables::from([(TableId::new(1), table(7, 1200)), (TableId::new(3), table(8, 1207))]);
            progress.finish_copy(&At(1_737_700_100), CommitSeq(1200), tables);
            assert_eq!(reread(&progress), progress);
            progress.advance(&At(1_737_700_200), CommitSeq(1210), CommitSeq(1215));
            assert_eq!(reread(&progress), progress);
            let labels = progress.label_id();
            progress.start_partial_sync(
                &At(1_737_700_300),
                BTreeMap::from([(TableId::new(3), "why".to_owned())]),
                Some(CommitSeq(1220)),
            );
            assert_eq!(reread(&progress), progress);
            assert!(progress.snapshot_label("j").starts_with("ccrp_j_1737700002_"));
            progress.finish_copy(&At(1_737_700_400), CommitSeq(1), Tables::from([(TableId::new(3), table(9, 1230))]));
            assert_eq!((progress.label_id(), progress.commit_seq), (labels, CommitSeq(1220)));
            assert_eq!(reread(&progress), progress);
        }
    }

    #[test]
    fn the_go_program_finds_its_numbers_and_maps() {
        let mut progress = new(SyncType::Database);
        let mut states = vec![progress.sync_state()];
        let tables = Tables::from([(TableId::new(1), table(7, 1200)), (TableId::new(3), table(8, 1207))]);
        progress.finish_copy(&At(1), CommitSeq(1200), tables);
        states.push(progress.sync_state());
        let document = progress.to_document("j").unwrap();
        assert_eq!(document.table_mapping, Some(BTreeMap::from([(1, 7), (3, 8)])));
        assert_eq!(document.table_commit_seq_map, Some(BTreeMap::from([(1, 1200), (3, 1207)])));
        progress.advance(&At(1), CommitSeq(1207), CommitSeq(1207));
        states.push(progress.sync_state());
        assert_eq!(progress.to_document("j").unwrap().table_commit_seq_map, None);
        progress.start_partial_sync(&At(1), BTreeMap::from([(TableId::new(3), String::new())]), None);
        states.push(progress.sync_state());
        assert_eq!(progress.to_document("j").unwrap().partial_sync_data.unwrap().table, "t8");
        assert_eq!(states.into_iter().map(SyncState::value).collect::<Vec<_>>(), [0, 1, 3, 4]);
    }

    #[test]
    fn a_document_from_before_database_jobs_is_continued() {
        let text = r#"{"job_name":"j","sync_state":501,"sub_sync_state":{"state":-1,"binlog_type":-1},"job_sync_id":5,
            "prev_commit_seq":1500,"commit_seq":1500,"last_commit_seq":1500,"data":"","ccr":{"incarnation":"00c0ffee00c0ffee",
            "fresh":[31],"source_table":20,"indexes":{"40":"base"},"ledger":{"1":{"dest":2,"offset":1,"verified":5}}}}"#;
        let progress = read(text, SyncType::Table);
        assert_eq!(progress.phase, Phase::Incremental);
        let state = &progress.own.tables[&TableId::new(20)];
        assert_eq!((state.dest, state.floor), (JOB_TABLE.dest, CommitSeq(1500)));
        assert_eq!((state.ledger.entries().count(), state.fresh.len(), state.indexes.len()), (1, 1, 1));
        assert_eq!(reread(&progress), progress);
    }

    #[test]
    fn a_document_of_the_go_program_in_mid_transaction_is_copied_anew_with_the_reason() {
        let text = r#"{"job_name":"j","sync_state":501,"sub_sync_state":{"state":12,"binlog_type":0},"job_sync_id":1737700001,"prev_commit_seq":1500,"commit_seq":1501,"last_commit_seq":1501,"data":"{}"}"#;
        let progress = read(text, SyncType::Table);
        assert_eq!(progress.phase, Phase::FullSync(SnapshotStage::Backup));
        assert_eq!(progress.sync_id, 1_737_700_002);
        assert_eq!(
            progress.full_sync_reason(),
            "taken over in TableIncrementalSync / IngestBinlog without partition versions"
        );
    }
}
