//! The durable form of a progress: the document of the Go program, plus our own key in it.

use std::collections::{BTreeMap, BTreeSet};

use ccr_store::documents::{PartialSyncData, ProgressDocument, SubState, SyncState, SyncType};
use doris::{
    Dest, Source,
    ids::{CommitSeq, PartitionId, TableId},
};
use serde::Deserialize;

use super::{Hole, JobTable, Own, Phase, Progress, SnapshotStage};
use crate::{
    copy::{CopyScope, Copying},
    env::{Clock, Rng},
    incremental::Change,
    label::Incarnation,
    ledger::Ledger,
    policy::{Code, Failure},
    tables::{CopiedIndexes, Standing, TableState, Tables},
};

/// [`Own`] as any version wrote it.
#[derive(Deserialize)]
pub(super) struct StoredOwn {
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
pub(super) struct LegacyTable {
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

impl Progress {
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
    use crate::copy::{Held, HeldTable};
    use doris::ids::Version;

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
