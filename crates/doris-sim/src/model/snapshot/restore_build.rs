//! Tables and partitions as a restore makes them: those of the snapshot under new ids, without their data.

use std::collections::BTreeMap;

use super::{
    JobError,
    document::{SnapshotPartition, SnapshotTable},
    restore::RestoreJob,
};
use crate::model::{
    IndexSchema, Model, Partition, PartitionItem, Table, TableState, Version, create_table::PartitionPlan,
    fe_json::JavaMap, ids::*, properties::allocation_text,
};

impl Model {
    /// A table of the snapshot under this name. `base`: the table whose place it will take and whose disks it shares.
    pub(super) fn build_restored(
        &mut self,
        job: &RestoreJob,
        source: &SnapshotTable,
        name: &str,
        base: Option<&Table>,
    ) -> Result<Table, JobError> {
        let id = TableId::new(self.ids.next_raw());
        let mut indexes = BTreeMap::new();
        let mut base_index = None;
        for index in source.indexes.values() {
            let new_id = IndexId::new(self.ids.next_raw());
            let is_base = index.id == source.base_index;
            if is_base {
                base_index = Some(new_id);
            }
            let name = if is_base { name } else { index.name.as_str() };
            indexes.insert(new_id, IndexSchema { id: new_id, name: name.to_owned(), ..index.clone() });
        }
        let base_index = base_index.ok_or_else(|| JobError::common(format!("table {} has no base", source.name)))?;
        let mut secondary_indexes = source.secondary_indexes.clone();
        if self.config_flag("restore_reset_index_id") {
            for index in &mut secondary_indexes {
                index.id = self.ids.next_raw();
            }
        }
        let medium = base.and_then(|table| table.properties.get("storage_medium")).map_or("hdd", String::as_str);
        let mut table = Table {
            id,
            name: name.to_owned(),
            state: TableState::Restore,
            in_atomic_restore: false,
            created_by_restore: true,
            materialized: None,
            keys: source.keys,
            columns: source.columns.clone(),
            hidden_columns: source.hidden_columns.clone(),
            max_unique_id: source.max_unique_id,
            scheme: source.scheme.clone(),
            distribution: source.distribution.clone(),
            secondary_indexes,
            comment: source.comment.clone(),
            properties: job.restored_properties(source, medium),
            base_index,
            indexes,
            partitions: Vec::new(),
            temp_partitions: Vec::new(),
            created_ms: source.created_ms,
            updated_ms: source.version_ms,
            version: source.version,
            version_ms: source.version_ms,
        };
        // First the ids of all partitions, then what is in them, as Doris draws them.
        let named = JavaMap::of_strings(source.partitions.iter().map(|partition| (partition.name.clone(), partition)));
        let ids: Vec<(i64, &SnapshotPartition)> =
            named.values().map(|partition| (self.ids.next_raw(), *partition)).collect();
        for (id, partition) in JavaMap::of_longs(ids).iter() {
            let id = PartitionId::new(id.parse().unwrap_or_default());
            let mut built = self.build_restored_partition(job, &table, partition, id)?;
            if built.item == PartitionItem::All {
                name.clone_into(&mut built.name);
            }
            if let Some(local) = base.and_then(|base| base.partition(&partition.name, false)) {
                local.data_property.medium.clone_into(&mut built.data_property.medium);
            }
            table.partitions.push(built);
        }
        table.partitions.sort_by_key(|partition| partition.id);
        Ok(table)
    }

    /// A partition of the snapshot, at the snapshot's version.
    pub(super) fn build_restored_partition(
        &mut self,
        job: &RestoreJob,
        table: &Table,
        source: &SnapshotPartition,
        id: PartitionId,
    ) -> Result<Partition, JobError> {
        let replication = job.replication_of(source);
        self.check_backends(replication).map_err(|refusal| JobError::common(refusal.text))?;
        let index_ids: Vec<IndexId> = table.indexes.values().filter(|i| !i.shadow).map(|index| index.id).collect();
        let plan = PartitionPlan {
            keys: table.keys,
            binlog_enabled: table.flag("binlog.enable"),
            indexes: &index_ids,
            buckets: source.buckets,
            replication,
            hash_columns: &table.distribution.hash_columns,
        };
        let mut built = self.build_partition(id, source.name.clone(), source.item.clone(), &plan);
        built.data_property = source.data_property.clone();
        built.visible_version = source.version;
        built.next_version = Version(source.version.0 + 1);
        built.visible_ms = source.visible_ms;
        for replica in built.indexes.values_mut().flatten().flat_map(|tablet| &mut tablet.replicas) {
            replica.version = source.version;
        }
        Ok(built)
    }
}

impl RestoreJob {
    /// The properties of a restored table: without what belongs to the source's cluster.
    fn restored_properties(&self, source: &SnapshotTable, medium: &str) -> BTreeMap<String, String> {
        let mut properties = source.properties.clone();
        properties.insert("storage_medium".into(), medium.to_owned());
        if !self.flags.reserve_dynamic_partition && properties.contains_key("dynamic_partition.enable") {
            properties.insert("dynamic_partition.enable".into(), "false".into());
        }
        if !self.flags.reserve_replica {
            properties.insert("replication_allocation".into(), allocation_text(self.flags.replication));
        }
        if !self.flags.reserve_colocate {
            properties.remove("colocate_with");
        }
        if self.flags.is_being_synced {
            set_being_synced(&mut properties);
        }
        properties
    }
}

/// The mark of a table that is replicated into, and what it does not go together with.
pub(super) fn set_being_synced(properties: &mut BTreeMap<String, String>) {
    properties.insert("is_being_synced".into(), "true".into());
    properties.remove("storage_policy");
    properties.remove("colocate_with");
    properties.remove("dynamic_partition.storage_policy");
}
