//! ADD PARTITION.

use std::collections::BTreeMap;

use super::{check_partitioned, modify::PartitionChange};
use crate::model::{
    Answer, DataProperty, Model, PartitionSpec, Refusal,
    binlog::{NewRecord, kind},
    create_table::{PartitionPlan, check_against},
    fe_json,
    ids::*,
    properties,
};

/// Properties of a partition that ADD PARTITION knows.
const KNOWN: [&str; 10] = [
    "version_info",
    "replication_num",
    "replication_allocation",
    "storage_medium",
    "storage_cooldown_time",
    "storage_policy",
    "in_memory",
    "mutable",
    "medium_allocation_mode",
    "tablet_type",
];

impl Model {
    /// ALTER TABLE ADD [TEMPORARY] PARTITION.
    pub fn add_partition(
        &mut self,
        db: &str,
        name: &str,
        spec: PartitionSpec,
        temp: bool,
        if_not_exists: bool,
    ) -> Answer<PartitionId> {
        check_partitioned(self.alterable(db, name)?.1, temp)?;
        self.add_any_partition(db, name, spec, temp, if_not_exists)
    }

    /// What the scheduler of dynamic partitions adds.
    pub(in crate::model) fn add_dynamic_partition(&mut self, db: &str, name: &str, spec: PartitionSpec) -> Answer<()> {
        self.add_any_partition(db, name, spec, false, true).map(|_| ())
    }

    fn add_any_partition(
        &mut self,
        db: &str,
        name: &str,
        spec: PartitionSpec,
        temp: bool,
        if_not_exists: bool,
    ) -> Answer<PartitionId> {
        let (db_id, table) = self.alterable(db, name)?;
        if let Some(existing) = table.all_partitions().find(|p| p.name.eq_ignore_ascii_case(&spec.name)) {
            if if_not_exists {
                return Ok(existing.id);
            }
            return Err(Refusal::analysis(format!("Duplicate partition name {}", spec.name)));
        }
        let (table_id, medium) = (table.id, table.properties.get("storage_medium").cloned());
        let types = table.partition_types();
        for other in if temp { &table.temp_partitions } else { &table.partitions } {
            check_against(&spec, &other.name, &other.item, &types)?;
        }
        check_known(&spec.properties)?;
        let change = PartitionChange::parse(&spec.properties)?;
        let mut property = DataProperty::default();
        if let Some(medium) = medium {
            property.medium = medium.to_uppercase();
        }
        change.apply(&mut property);
        let replication = match change.replication() {
            Some(own) => own,
            None => properties::replication(&table.properties)?,
        };
        self.put_partition(db_id, table_id, spec, temp, replication, property)
    }

    /// A partition like a formal one, empty, among the temporary ones (INSERT OVERWRITE).
    pub(crate) fn add_temp_partition_like(
        &mut self,
        db: &str,
        name: &str,
        like: &str,
        temp_name: &str,
    ) -> Answer<PartitionId> {
        let (db_id, table) = self.alterable(db, name)?;
        let table_id = table.id;
        let Some(model) = table.partition(like, false) else {
            return Err(Refusal::analysis(format!(
                "Failed to ADD PARTITION {temp_name} LIKE {like}. Reason: no such \
                                                  partition"
            )));
        };
        if table.all_partitions().any(|p| p.name.eq_ignore_ascii_case(temp_name)) {
            return Err(Refusal::analysis(format!("Duplicate partition name {temp_name}")));
        }
        let spec = PartitionSpec {
            name: temp_name.to_owned(),
            item: model.item.clone(),
            buckets: Some(model.buckets),
            properties: BTreeMap::new(),
        };
        let (replication, property) = (model.replication, model.data_property.clone());
        self.put_partition(db_id, table_id, spec, true, replication, property)
    }

    /// Makes a partition whose description has been checked, and records it.
    fn put_partition(
        &mut self,
        db: DbId,
        table_id: TableId,
        spec: PartitionSpec,
        temp: bool,
        replication: u32,
        property: DataProperty,
    ) -> Answer<PartitionId> {
        self.check_backends(replication)?;
        let Some(table) = self.table_mut(db, table_id) else {
            return Err(Refusal::not_found(format!("table not found, tableId={table_id}")));
        };
        let indexes: Vec<IndexId> = table.indexes.keys().copied().collect();
        let hash_columns = table.distribution.hash_columns.clone();
        let plan = PartitionPlan {
            keys: table.keys,
            binlog_enabled: table.flag("binlog.enable"),
            indexes: &indexes,
            buckets: spec.buckets.unwrap_or(table.distribution.buckets),
            replication,
            hash_columns: &hash_columns,
        };
        let id = PartitionId::new(self.ids.next_raw());
        let mut partition = self.build_partition(id, spec.name, spec.item, &plan);
        partition.data_property = property;
        let seq = self.journal();
        let Some(table) = self.table_mut(db, table_id) else { return Ok(id) };
        let data = fe_json::text(&table.add_partition_record(db, seq, &partition, temp));
        if temp {
            table.temp_partitions.push(partition)
        } else {
            table.partitions.push(partition)
        }
        self.record(NewRecord { seq, kind: kind::ADD_PARTITION, db, table_ids: &[table_id], data });
        Ok(id)
    }
}

fn check_known(written: &BTreeMap<String, String>) -> Answer<()> {
    let unknown: Vec<String> = written
        .iter()
        .filter(|(key, _)| !KNOWN.contains(&key.as_str()))
        .map(|(key, value)| format!("{key}={value}"))
        .collect();
    if unknown.is_empty() {
        return Ok(());
    }
    Err(Refusal::analysis(format!("Unknown properties: {{{}}}", unknown.join(", "))))
}
