//! The PENDING step of a restore: what may be restored how.

use super::{
    JobError,
    document::{SnapshotPartition, SnapshotTable},
    restore::{ATOMIC_PREFIX, RestoreFlags, RestoreJob, TablePlan},
    signature::same_signature,
};
use crate::model::{
    IndexSchema, Model, Partition, PartitionItem, PartitionState, Relation, Table, TableState, View,
    create_table::PartitionPlan, ids::*, properties::allocation_text,
};

impl Model {
    /// Checks every object against what the database has, then builds what is missing and marks what is overwritten.
    pub(super) fn plan_restore(&mut self, job: &mut RestoreJob) -> Result<(), JobError> {
        for table in &job.tables {
            self.check_restore_table(job, &table.source, &table.target)?;
        }
        for (_, view) in &job.views {
            self.check_restore_view(job, view)?;
        }
        for n in 0..job.tables.len() {
            let (source, target) = (job.tables[n].source.clone(), job.tables[n].target.clone());
            let local = self.databases.get(&job.head.db).and_then(|db| db.table(&target)).map(|t| t.id);
            let plan = match local {
                None => {
                    let built = self.build_restored(&source, &target, &job.flags)?;
                    TablePlan::New { id: built.id, built: Some(Box::new(built)) }
                }
                Some(replaces) if job.flags.atomic => {
                    let hidden = format!("{ATOMIC_PREFIX}{target}");
                    let mut built = self.build_restored(&source, &hidden, &job.flags)?;
                    for partition in built.partitions.iter_mut().filter(|p| p.item == PartitionItem::All) {
                        hidden.clone_into(&mut partition.name);
                    }
                    if let Some(table) = self.table_mut(job.head.db, replaces) {
                        table.in_atomic_restore = true;
                    }
                    TablePlan::Atomic { id: built.id, built: Some(Box::new(built)), replaces }
                }
                Some(id) => {
                    TablePlan::Existing { id, added: self.mark_existing(job.head.db, id, &source, &job.flags)? }
                }
            };
            job.tables[n].plan = plan;
        }
        Ok(())
    }

    fn check_restore_table(&self, job: &RestoreJob, source: &SnapshotTable, target: &str) -> Result<(), JobError> {
        let local = self.databases.get(&job.head.db).and_then(|db| db.relation(target));
        let local = match local {
            None => return self.check_restore_replicas(source, &job.flags),
            Some(Relation::View(_)) => {
                return Err(JobError::common(format!("Only support restore OLAP table: {target}")));
            }
            Some(Relation::Table(table)) => table,
        };
        if local.state != TableState::Normal {
            let state = local.state.name();
            return Err(JobError::common(format!("Table {target}'s state is not NORMAL: {state}")));
        }
        if !local.temp_partitions.is_empty() {
            return Err(JobError::common("Do not support restoring table with temp partitions"));
        }
        if local.properties.contains_key("colocate_with") {
            let text = format!("Not support to restore to local table {target} with colocate group.");
            return Err(JobError::common(text));
        }
        self.check_restore_replicas(source, &job.flags)?;
        if job.flags.atomic && job.flags.force_replace {
            return Ok(());
        }
        if local.scheme.kind != source.scheme.kind {
            return Err(JobError::common(format!(
                "Table's partition type is different. local table: {target}, local type: {}, another table: {}, another \
                 type: {}",
                local.scheme.kind.name(),
                source.name,
                source.scheme.kind.name()
            )));
        }
        if !same_signature(&SnapshotTable::of(local), source) {
            return Err(JobError::common(format!("Table {target} already exist but with different schema")));
        }
        if job.flags.atomic {
            return Ok(());
        }
        source.partitions.iter().try_for_each(|partition| check_restore_partition(local, partition, &job.flags))
    }

    fn check_restore_replicas(&self, source: &SnapshotTable, flags: &RestoreFlags) -> Result<(), JobError> {
        for partition in &source.partitions {
            let replication = if flags.reserve_replica { partition.replication } else { flags.replication };
            self.check_backends(replication).map_err(|refusal| JobError::common(refusal.text))?;
        }
        Ok(())
    }

    fn check_restore_view(&self, job: &RestoreJob, view: &View) -> Result<(), JobError> {
        let name = &view.name;
        match self.databases.get(&job.head.db).and_then(|db| db.relation(name)) {
            None => Ok(()),
            Some(Relation::Table(_)) => Err(JobError::common(format!(
                "The local table {name} with the same name but a different type of backup meta."
            ))),
            Some(Relation::View(local)) => {
                let same = local.definition == view.definition || local.definition == job.view_definition(view);
                if same || (job.flags.atomic && job.flags.force_replace) {
                    return Ok(());
                }
                Err(JobError::common(format!("View {name} already exist but with different schema")))
            }
        }
    }

    /// A table as in the snapshot, with new ids and empty tablets.
    fn build_restored(&mut self, source: &SnapshotTable, name: &str, flags: &RestoreFlags) -> Result<Table, JobError> {
        let id = TableId::new(self.ids.next_raw());
        let mut indexes = std::collections::BTreeMap::new();
        let mut new_ids = std::collections::BTreeMap::new();
        for index in source.indexes.values() {
            let new_id = IndexId::new(self.ids.next_raw());
            let name = if index.id == source.base_index { name } else { index.name.as_str() };
            indexes.insert(new_id, IndexSchema { id: new_id, name: name.to_owned(), ..index.clone() });
            new_ids.insert(index.id, new_id);
        }
        let base_index = new_ids
            .get(&source.base_index)
            .copied()
            .ok_or_else(|| JobError::common(format!("table {} has no base index", source.name)))?;
        let mut properties = source.properties.clone();
        properties.remove("storage_policy");
        if !flags.reserve_colocate {
            properties.remove("colocate_with");
        }
        properties.remove("dynamic_partition.storage_policy");
        if !flags.reserve_dynamic_partition && properties.contains_key("dynamic_partition.enable") {
            properties.insert("dynamic_partition.enable".into(), "false".into());
        }
        properties.insert("storage_medium".into(), "hdd".into());
        properties.insert("is_being_synced".into(), "true".into());
        if !flags.reserve_replica {
            properties.insert("replication_allocation".into(), allocation_text(flags.replication));
        }
        let mut table = Table {
            id,
            name: name.to_owned(),
            state: TableState::Restore,
            in_atomic_restore: false,
            created_by_restore: true,
            keys: source.keys,
            columns: source.columns.clone(),
            hidden_columns: source.hidden_columns.clone(),
            max_unique_id: source.max_unique_id,
            scheme: source.scheme.clone(),
            distribution: source.distribution.clone(),
            secondary_indexes: source.secondary_indexes.clone(),
            comment: source.comment.clone(),
            properties,
            base_index,
            indexes,
            partitions: Vec::new(),
            temp_partitions: Vec::new(),
            created_ms: self.now_ms,
            updated_ms: self.now_ms,
            version: Version(1),
            version_ms: self.now_ms,
        };
        for partition in &source.partitions {
            let mut built = self.build_restored_partition(&table, partition, flags);
            if built.item == PartitionItem::All {
                name.clone_into(&mut built.name);
            }
            table.partitions.push(built);
        }
        Ok(table)
    }

    fn build_restored_partition(
        &mut self,
        table: &Table,
        source: &SnapshotPartition,
        flags: &RestoreFlags,
    ) -> Partition {
        let id = PartitionId::new(self.ids.next_raw());
        let index_ids: Vec<IndexId> = table.indexes.keys().copied().collect();
        let plan = PartitionPlan {
            keys: table.keys,
            binlog_enabled: table.flag("binlog.enable"),
            indexes: &index_ids,
            buckets: source.buckets,
            replication: if flags.reserve_replica { source.replication } else { flags.replication },
            hash_columns: &table.distribution.hash_columns,
        };
        self.build_partition(id, source.name.clone(), source.item.clone(), &plan)
    }

    /// Existing table: it and the partitions that are overwritten go to RESTORE, missing partitions are added.
    fn mark_existing(
        &mut self,
        db: DbId,
        id: TableId,
        source: &SnapshotTable,
        flags: &RestoreFlags,
    ) -> Result<Vec<PartitionId>, JobError> {
        let gone = || JobError::not_found(format!("table {id} has been dropped"));
        let table = self.table_mut(db, id).ok_or_else(gone)?;
        table.state = TableState::Restore;
        let mut missing = Vec::new();
        for partition in &source.partitions {
            let local = table
                .partitions
                .iter_mut()
                .find(|p| p.name.eq_ignore_ascii_case(&partition.name) || partition.item == PartitionItem::All);
            match local {
                Some(local) => local.state = PartitionState::Restore,
                None => missing.push(partition.clone()),
            }
        }
        let shape = table.clone();
        let mut added = Vec::new();
        for partition in missing {
            let mut built = self.build_restored_partition(&shape, &partition, flags);
            built.state = PartitionState::Restore;
            added.push(built.id);
            self.table_mut(db, id).ok_or_else(gone)?.partitions.push(built);
        }
        Ok(added)
    }
}

/// A partition against the table that exists: same name with another item, or an item that overlaps another's.
fn check_restore_partition(local: &Table, partition: &SnapshotPartition, flags: &RestoreFlags) -> Result<(), JobError> {
    let (name, table) = (&partition.name, &local.name);
    match local.partition(name, false) {
        Some(existing) if existing.item != partition.item => Err(JobError::common(format!(
            "Partition {name} in table {table} has different partition item with partition in repository"
        ))),
        Some(existing) if flags.reserve_replica && existing.replication != partition.replication => {
            Err(JobError::common(format!(
                "Partition {name} in table {table} has different replication num '{}' with partition in repository, \
                 which is {}",
                existing.replication, partition.replication
            )))
        }
        Some(_) => Ok(()),
        None if partition.item != PartitionItem::All
            && local.partitions.iter().any(|p| p.item.overlaps(&partition.item)) =>
        {
            Err(JobError::common(format!(
                "Partition {name} in table {table} has conflict partition item with existing items"
            )))
        }
        None => Ok(()),
    }
}
