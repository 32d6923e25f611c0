//! The steps of schema change and rollup jobs: PENDING, WAITING_TXN, RUNNING, FINISHED.

use std::collections::BTreeMap;

use super::{AlterJob, AlterKind, AlterState, JobIndex, SHADOW_PREFIX};
use crate::model::{
    Answer, BeTablet, IndexSchema, Model, Partition, Refusal, Replica, Table, TableState, Tablet, TabletShape,
    TxnState, ids::*,
};

/// What becomes of a job at a step.
enum Step {
    Stay,
    Next(AlterState),
    Cancel(String),
}

impl Model {
    /// Holds back (or lets go) every schema change, rollup and index job (`forbid_running_alter_job`).
    pub fn hold_alter_jobs(&mut self, hold: bool) {
        self.config.insert("forbid_running_alter_job".into(), hold.to_string());
    }

    fn alter_jobs_held(&self) -> bool {
        self.config_flag("forbid_running_alter_job")
    }

    /// When the next job has something to do.
    pub(crate) fn next_alter_step_ms(&self) -> Option<i64> {
        if self.alter_jobs_held() || self.master.is_none() {
            return None;
        }
        let step = |id: &i64| {
            let job = self.alter_jobs.get(id).map(|job| job.next_step_ms);
            job.or_else(|| self.index_jobs.get(id).map(|job| job.next_step_ms))
        };
        self.active_alter_jobs.iter().filter_map(step).min()
    }

    /// Keeps a schema change or rollup as it is now.
    pub(super) fn store_alter_job(&mut self, job: AlterJob) {
        match job.state.is_done() {
            true => self.active_alter_jobs.remove(&job.id),
            false => self.active_alter_jobs.insert(job.id),
        };
        self.alter_jobs.insert(job.id, job);
    }

    /// Unfinished schema changes and rollups.
    fn active_jobs(&self) -> impl Iterator<Item = &AlterJob> {
        self.active_alter_jobs.iter().filter_map(|id| self.alter_jobs.get(id))
    }

    /// One round of the schedulers.
    pub(crate) fn step_alter_jobs(&mut self) {
        if self.alter_jobs_held() || self.master.is_none() {
            return;
        }
        let now = self.now_ms;
        let due: Vec<i64> = self.active_jobs().filter(|job| job.next_step_ms <= now).map(|job| job.id).collect();
        for id in due {
            let Some(mut job) = self.alter_jobs.get(&id).cloned() else { continue };
            job.next_step_ms = now.saturating_add(self.options.alter_tick_ms.max(1));
            if !job.is_rollup() || self.may_run(&job) {
                self.step_alter_job(&mut job);
            }
            self.store_alter_job(job);
        }
        self.step_index_jobs();
    }

    /// `max_running_rollup_job_num_per_table` is 1: of several rollups the newest goes first (the order is not the one of
    /// the statement; seen).
    fn may_run(&self, job: &AlterJob) -> bool {
        let others = || self.active_jobs().filter(|o| o.table == job.table && o.id != job.id);
        let running = others().any(|other| other.state != AlterState::Pending);
        let newer = others().any(|other| other.id > job.id);
        job.state != AlterState::Pending || (!running && !newer)
    }

    fn step_alter_job(&mut self, job: &mut AlterJob) {
        let step = match self.job_table(job) {
            Err(why) => Step::Cancel(why),
            Ok(()) => match job.state {
                AlterState::Pending => self.register_indexes(job),
                AlterState::WaitingTxn if self.earlier_txns_ended(job.db, job.table, job.watershed) => {
                    Step::Next(AlterState::Running)
                }
                AlterState::Running => match self.convert_all(job) {
                    Ok(()) => Step::Next(AlterState::Finished),
                    Err(why) => Step::Cancel(why),
                },
                _ => Step::Stay,
            },
        };
        match step {
            Step::Stay => {}
            // RUNNING is not journaled.
            Step::Next(AlterState::Running) => job.state = AlterState::Running,
            Step::Next(AlterState::Finished) => self.finish_job(job),
            Step::Next(state) => {
                job.state = state;
                self.record_job(job);
            }
            Step::Cancel(why) => self.cancel_alter_job(job, &why),
        }
    }

    fn job_table(&self, job: &AlterJob) -> Result<(), String> {
        let db = self.databases.get(&job.db).ok_or_else(|| format!("Database {} does not exist", job.db))?;
        match db.table_by_id(job.table) {
            Some(_) => Ok(()),
            None => Err(format!("Table {} does not exist", job.table)),
        }
    }

    /// Tablets of a new index, one for each of another's, with replicas on the same backends.
    pub(super) fn plan_tablets(&mut self, partition: &Partition, origin: IndexId) -> Answer<Vec<Tablet>> {
        let mut planned = Vec::new();
        for tablet in partition.indexes.get(&origin).into_iter().flatten() {
            let healthy: Vec<&Replica> = tablet.replicas.iter().filter(|r| r.last_failed_version.is_none()).collect();
            if healthy.len() < usize::try_from(partition.replication / 2 + 1).unwrap_or(usize::MAX) {
                let text = format!("tablet {} has few healthy replica: {}", tablet.id, healthy.len());
                return Err(Refusal::analysis(text));
            }
            let id = TabletId::new(self.ids.next_raw());
            let replicas = healthy.into_iter().map(|origin| Replica {
                id: ReplicaId::new(self.ids.next_raw()),
                version: Version(1),
                last_failed_version: None,
                ..origin.clone()
            });
            planned.push(Tablet { id, replicas: replicas.collect() });
        }
        Ok(planned)
    }

    /// The end of PENDING: the backends make the tablets, and from now on every load writes into the new indexes, too.
    fn register_indexes(&mut self, job: &mut AlterJob) -> Step {
        let watershed = self.next_txn_id();
        let rollup = job.is_rollup();
        let tablets = std::mem::take(&mut job.tablets);
        for ((partition, index), tablets) in &tablets {
            let Some(origin) = job.indexes.iter().find(|i| i.id == *index).map(|i| i.origin) else { continue };
            self.build_on_backends(job, *partition, origin, *index, tablets);
        }
        let Some(table) = self.table_mut(job.db, job.table) else { return Step::Stay };
        for index in &job.indexes {
            let schema = IndexSchema {
                id: index.id,
                name: if rollup { index.name.clone() } else { format!("{SHADOW_PREFIX}{}", index.name) },
                max_unique_id: index.columns.iter().map(|c| c.unique_id).max().unwrap_or(-1),
                columns: index.columns.clone(),
                keys: index.keys,
                schema_version: index.schema_version,
                schema_hash: index.schema_hash,
                shadow: true,
                watershed: Some(watershed),
            };
            table.indexes.insert(index.id, schema);
        }
        for ((partition, index), tablets) in tablets {
            if let Some(partition) = table.partition_by_id_mut(partition) {
                partition.indexes.insert(index, tablets);
            }
        }
        job.watershed = Some(watershed);
        Step::Next(AlterState::WaitingTxn)
    }

    fn build_on_backends(
        &mut self,
        job: &AlterJob,
        partition_id: PartitionId,
        origin: IndexId,
        index: IndexId,
        tablets: &[Tablet],
    ) {
        let Some(table) = self.databases.get(&job.db).and_then(|db| db.table_by_id(job.table)) else { return };
        let Some(partition) = table.partition_by_id(partition_id) else { return };
        let keys = job.indexes.iter().find(|i| i.id == index).map_or(table.keys, |i| i.keys);
        let binlog = table.flag("binlog.enable");
        let origins: Vec<TabletId> = partition.indexes.get(&origin).into_iter().flatten().map(|t| t.id).collect();
        for (tablet, origin) in tablets.iter().zip(origins) {
            for replica in &tablet.replicas {
                let Some(be) = self.backends.get_mut(&replica.backend) else { continue };
                let shape = be.tablets.get(&origin).map_or_else(TabletShape::default, |t| t.shape.clone());
                be.tablets.insert(tablet.id, BeTablet::new(tablet.id, partition_id, keys, binlog, shape, self.now_ms));
            }
        }
    }

    /// Whether every transaction of a table that began before the watershed has ended. Those whose coordinator is a
    /// backend that nobody knows are aborted (seen for beginTxn without `backend_id`).
    pub(super) fn earlier_txns_ended(&mut self, db: DbId, table: TableId, watershed: Option<TxnId>) -> bool {
        let earlier = |model: &Self| -> Vec<TxnId> {
            let txns = model.active_txns.iter().filter_map(|id| model.txns.get(id));
            txns.filter(|txn| txn.db == db && txn.tables.contains(&table) && watershed.is_none_or(|w| txn.id < w))
                .map(|txn| txn.id)
                .collect()
        };
        for id in earlier(self) {
            let lost = self.txns.get(&id).is_some_and(|txn| {
                let alive = self.backends.get(&BackendId::new(txn.backend_id)).is_some_and(|be| be.alive);
                txn.state == TxnState::Prepare && txn.coordinator.starts_with("BE") && !alive
            });
            if lost {
                self.abort(id, "Cancel by schema change");
            }
        }
        earlier(self).is_empty()
    }

    /// The new indexes take the place of the old ones, or join them.
    fn finish_job(&mut self, job: &mut AlterJob) {
        job.state = AlterState::Finished;
        job.finished_ms = Some(self.now_ms);
        let others = self.active_jobs().any(|o| o.table == job.table && o.id != job.id);
        let mut gone = Vec::new();
        if let Some(table) = self.table_mut(job.db, job.table) {
            for index in &job.indexes {
                table.take_over(index, &mut gone);
            }
            if let AlterKind::SchemaChange { secondary_indexes, properties } = &job.kind {
                table.secondary_indexes.clone_from(secondary_indexes);
                table.properties.extend(properties.clone());
            }
            if !others {
                table.state = TableState::Normal;
            }
        }
        self.forget_tablets(&gone);
        self.record_job(job);
    }

    fn forget_tablets(&mut self, gone: &[TabletId]) {
        for be in self.backends.values_mut() {
            gone.iter().for_each(|id| {
                be.tablets.remove(id);
            });
        }
    }

    /// Ends a job before its time: what it built goes.
    pub(super) fn cancel_alter_job(&mut self, job: &mut AlterJob, why: &str) {
        job.state = AlterState::Cancelled;
        job.finished_ms = Some(self.now_ms);
        why.clone_into(&mut job.message);
        job.tablets = BTreeMap::new();
        let others = self.active_jobs().any(|o| o.table == job.table && o.id != job.id);
        let mut gone = Vec::new();
        if let Some(table) = self.table_mut(job.db, job.table) {
            for index in &job.indexes {
                table.indexes.remove(&index.id);
                for partition in table.all_partitions_mut() {
                    gone.extend(partition.indexes.remove(&index.id).into_iter().flatten().map(|tablet| tablet.id));
                }
            }
            if !others {
                table.state = TableState::Normal;
            }
        }
        self.forget_tablets(&gone);
        self.record_job(job);
    }

    /// A new master begins RUNNING jobs again from WAITING_TXN.
    pub(crate) fn resume_alter_jobs(&mut self) {
        for job in self.alter_jobs.values_mut().filter(|job| job.state == AlterState::Running) {
            job.state = AlterState::WaitingTxn;
        }
        for job in self.index_jobs.values_mut().filter(|job| job.state == AlterState::Running) {
            job.state = AlterState::WaitingTxn;
        }
    }

    /// CANCEL ALTER TABLE COLUMN or ROLLUP. `jobs`: the list in parentheses.
    pub fn cancel_alter(&mut self, db: &str, name: &str, rollup: bool, jobs: &[i64]) -> Answer<()> {
        let table = self.table(db, name)?;
        let (id, state) = (table.id, table.state);
        let wanted = if rollup { TableState::Rollup } else { TableState::SchemaChange };
        if state != wanted {
            return Err(Refusal::analysis(match rollup {
                true => format!("Table[{name}] is not under ROLLUP. Use 'ALTER TABLE DROP ROLLUP' if you want to."),
                false => format!("Table[{name}] is not under SCHEMA_CHANGE."),
            }));
        }
        // Without a list a rollup is not found: the list is empty then, not absent (seen).
        let chosen: Vec<i64> = self
            .active_jobs()
            .filter(|job| job.table == id && (!rollup || jobs.contains(&job.id)))
            .map(|job| job.id)
            .collect();
        if chosen.is_empty() {
            return Err(Refusal::analysis(match rollup {
                true => format!("Table[{name}] is not under ROLLUP. Maybe it has old alter job"),
                false => format!("Table[{name}] is under schema change state but could not find related job"),
            }));
        }
        for id in chosen {
            let Some(mut job) = self.alter_jobs.get(&id).cloned() else { continue };
            self.cancel_alter_job(&mut job, "user cancelled");
            self.store_alter_job(job);
        }
        Ok(())
    }
}

impl Table {
    /// An index that is complete: under its name, in the place of its origin if it has another id.
    fn take_over(&mut self, built: &JobIndex, gone: &mut Vec<TabletId>) {
        let replaces = built.replaces;
        for partition in self.all_partitions_mut() {
            if replaces {
                gone.extend(partition.indexes.remove(&built.origin).into_iter().flatten().map(|tablet| tablet.id));
            }
        }
        if replaces {
            self.indexes.remove(&built.origin);
        }
        if let Some(index) = self.indexes.get_mut(&built.id) {
            index.name.clone_from(&built.name);
            index.shadow = false;
            index.watershed = None;
        }
        if replaces && self.base_index == built.origin {
            self.base_index = built.id;
            if let Some(index) = self.indexes.get_mut(&built.id) {
                index.columns.clear();
            }
            self.set_schema(built.id, built.columns.clone());
        }
    }
}
