//! BUILD INDEX, and what DROP INDEX leaves to the backends: one job for each partition.

use super::{AlterState, SchemaClause, refuse};
use crate::model::{Answer, Column, KeysType, Model, PartitionKind, SecondaryIndex, ids::*};

/// A job that builds or removes the files of inverted indexes in one partition.
#[derive(Clone, Debug)]
pub struct IndexJob {
    pub id: i64,
    pub db: DbId,
    pub table: TableId,
    pub table_name: String,
    pub partition: PartitionId,
    pub partition_name: String,
    pub state: AlterState,
    pub created_ms: i64,
    pub finished_ms: Option<i64>,
    pub watershed: TxnId,
    pub drop: bool,
    pub altered: Vec<SecondaryIndex>,
    /// The base index.
    pub origin: IndexId,
    pub message: String,
    /// The table as the job found it.
    pub schema_version: i32,
    pub columns: Vec<Column>,
    pub keys: KeysType,
    pub secondary_indexes: Vec<SecondaryIndex>,
    /// For SHOW: replicas with something to do.
    pub tasks: usize,
    pub(crate) next_step_ms: i64,
}

impl Model {
    /// BUILD INDEX name ON table [PARTITION (..)]. Names of partitions that do not exist are not looked at (seen).
    pub fn build_index(&mut self, db: &str, name: &str, index: &str, partitions: &[String]) -> Answer<()> {
        let found = |table: &crate::model::Table| {
            table.secondary_indexes.iter().find(|i| i.name.eq_ignore_ascii_case(index)).cloned()
        };
        let database = self.database(db)?;
        if let Some(table) = database.table(name)
            && found(table).is_none()
        {
            return refuse(format!("Index[{index}] is not exist in table[{name}]"));
        }
        let (db_id, table) = self.alterable(db, name)?;
        let Some(index) = found(table) else {
            return refuse(format!("Index[{index}] is not exist in table[{name}]"));
        };
        if !table.temp_partitions.is_empty() {
            return refuse("Can not alter table when there are temp partitions in table");
        }
        if table.scheme.kind == PartitionKind::Unpartitioned && !partitions.is_empty() {
            return refuse(format!("table {name} is not partitioned, cannot build index with partitions."));
        }
        if index.kind != "INVERTED" {
            return refuse(format!(
                "BUILD INDEX operation failed: The index {} of type {} does not support lightweight index changes.",
                index.name, index.kind
            ));
        }
        let id = table.id;
        self.start_index_jobs(db_id, id, &[index], (!partitions.is_empty()).then_some(partitions), false)
    }

    /// One job for each partition (of these names).
    pub(super) fn start_index_jobs(
        &mut self,
        db: DbId,
        table_id: TableId,
        altered: &[SecondaryIndex],
        partitions: Option<&[String]>,
        drop: bool,
    ) -> Answer<()> {
        let Some(table) = self.databases.get(&db).and_then(|db| db.table_by_id(table_id)).cloned() else {
            return Ok(());
        };
        let Some(base) = table.indexes.get(&table.base_index) else { return Ok(()) };
        let ids: Vec<i64> = altered.iter().map(|index| index.id).collect();
        for partition in &table.partitions {
            let id = self.ids.next_raw();
            if partitions.is_some_and(|names| !names.contains(&partition.name)) {
                continue;
            }
            let same = self.active_index_jobs().any(|job| {
                let of: Vec<i64> = job.altered.iter().map(|index| index.id).collect();
                job.table == table_id && job.partition == partition.id && job.drop == drop && of == ids
            });
            if same {
                return refuse(format!(
                    "partition {} has been built specified index. please check your build stmt.",
                    partition.name
                ));
            }
            let replicas = partition.indexes.get(&base.id).into_iter().flatten().map(|tablet| tablet.replicas.len());
            let job = IndexJob {
                id,
                db,
                table: table_id,
                table_name: table.name.clone(),
                partition: partition.id,
                partition_name: partition.name.clone(),
                state: AlterState::WaitingTxn,
                created_ms: self.now_ms,
                finished_ms: None,
                watershed: self.next_txn_id(),
                drop,
                altered: altered.to_vec(),
                origin: base.id,
                message: String::new(),
                schema_version: base.schema_version,
                columns: table.index_columns(base).into_iter().cloned().collect(),
                keys: base.keys,
                secondary_indexes: table.secondary_indexes.clone(),
                tasks: replicas.sum(),
                next_step_ms: self.now_ms.saturating_add(self.options.alter_tick_ms),
            };
            self.record_index_job(&job);
            self.store_index_job(job);
        }
        Ok(())
    }

    fn store_index_job(&mut self, job: IndexJob) {
        match job.state.is_done() {
            true => self.active_alter_jobs.remove(&job.id),
            false => self.active_alter_jobs.insert(job.id),
        };
        self.index_jobs.insert(job.id, job);
    }

    fn active_index_jobs(&self) -> impl Iterator<Item = &IndexJob> {
        self.active_alter_jobs.iter().filter_map(|id| self.index_jobs.get(id))
    }

    /// Whether index jobs of a table are under way.
    pub(super) fn has_index_jobs(&self, table: TableId) -> bool {
        self.active_index_jobs().any(|job| job.table == table)
    }

    pub(super) fn step_index_jobs(&mut self) {
        let now = self.now_ms;
        let due: Vec<i64> = self.active_index_jobs().filter(|job| job.next_step_ms <= now).map(|job| job.id).collect();
        for id in due {
            let Some(mut job) = self.index_jobs.get(&id).cloned() else { continue };
            job.next_step_ms = now.saturating_add(self.options.alter_tick_ms.max(1));
            let table = self.databases.get(&job.db).and_then(|db| db.table_by_id(job.table));
            let gone = table.is_none_or(|table| table.partition_by_id(job.partition).is_none());
            if gone {
                let what = if table.is_none() {
                    format!("Table {}", job.table)
                } else {
                    format!("partition {}", job.partition)
                };
                self.end_index_job(&mut job, AlterState::Cancelled, &format!("{what} does not exist"));
            } else if job.state == AlterState::Running {
                self.end_index_job(&mut job, AlterState::Finished, "");
            } else if self.earlier_txns_ended(job.db, job.table, Some(job.watershed)) {
                job.state = AlterState::Running;
            }
            self.store_index_job(job);
        }
    }

    fn end_index_job(&mut self, job: &mut IndexJob, state: AlterState, message: &str) {
        job.state = state;
        job.finished_ms = Some(self.now_ms);
        message.clone_into(&mut job.message);
        self.record_index_job(job);
    }

    /// CANCEL BUILD INDEX ON table [(job, ..)].
    pub fn cancel_build_index(&mut self, db: &str, name: &str, jobs: &[i64]) -> Answer<()> {
        let table = self.table(db, name)?.id;
        let chosen: Vec<i64> = self
            .index_jobs
            .values()
            .filter(|job| match jobs.is_empty() {
                true => job.table == table && !job.state.is_done(),
                false => jobs.contains(&job.id),
            })
            .map(|job| job.id)
            .collect();
        if chosen.is_empty() {
            return refuse(format!("No job to cancel for Table[{name}]"));
        }
        for id in chosen {
            let Some(mut job) = self.index_jobs.get(&id).cloned() else { continue };
            if job.state.is_done() {
                return refuse(format!("Job can not be cancelled. State: {}", job.state.name()));
            }
            self.end_index_job(&mut job, AlterState::Cancelled, "user cancelled");
            self.store_index_job(job);
        }
        Ok(())
    }

    /// DROP INDEX [IF EXISTS] name ON table.
    pub fn drop_index(&mut self, db: &str, name: &str, index: &str, if_exists: bool) -> Answer<()> {
        let clause = SchemaClause::DropIndex { name: index.to_owned(), if_exists, statement: true };
        self.alter_schema(db, name, vec![clause])
    }
}
