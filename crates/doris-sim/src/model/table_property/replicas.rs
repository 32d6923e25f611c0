//! `replication_num` and `default.replication_num` of a table.

use std::collections::BTreeMap;

use crate::model::{
    Answer, Model, PartitionKind, Refusal,
    ids::*,
    partitions::PartitionChange,
    properties::{allocation_text, replication},
};

impl Model {
    /// Of an unpartitioned table: its one partition, and those to come. Recorded as a change of partitions (seen).
    pub(super) fn set_replicas(&mut self, db: DbId, id: TableId, written: &BTreeMap<String, String>) -> Answer<()> {
        let replicas = replication(written)?;
        let Some(table) = self.table_mut(db, id) else { return Ok(()) };
        if table.scheme.kind != PartitionKind::Unpartitioned {
            return Err(Refusal::analysis(
                "This is a partitioned table, you should specify partitions with MODIFY PARTITION clause. If you want to \
                 set default replication number, please use 'default.replication_num' instead of 'replication_num' to \
                 escape misleading.",
            ));
        }
        let partitions: Vec<PartitionId> = table.partitions.iter().map(|partition| partition.id).collect();
        self.check_hosts(replicas)?;
        let change = PartitionChange::parse(written)?;
        let allocation = allocation_text(replicas);
        let of_table = BTreeMap::from([("default.replication_allocation".to_owned(), allocation.clone())]);
        if let Some(table) = self.table_mut(db, id) {
            table.properties.insert("replication_allocation".into(), allocation);
        }
        self.change_partitions(db, id, &partitions, &change, &of_table);
        Ok(())
    }

    /// Of partitions to come.
    pub(super) fn set_default_replicas(
        &mut self,
        db: DbId,
        id: TableId,
        written: &BTreeMap<String, String>,
    ) -> Answer<()> {
        let plain: BTreeMap<String, String> =
            written.iter().map(|(k, v)| (k.trim_start_matches("default.").to_owned(), v.clone())).collect();
        let replicas = replication(&plain)?;
        self.check_hosts(replicas)?;
        let allocation = allocation_text(replicas);
        let stored = BTreeMap::from([("replication_allocation".to_owned(), allocation.clone())]);
        let recorded = BTreeMap::from([("default.replication_allocation".to_owned(), allocation)]);
        self.store_properties(db, id, &stored, &recorded);
        Ok(())
    }

    /// Whether there are backends enough, alive or not.
    pub(in crate::model) fn check_hosts(&self, replicas: u32) -> Answer<()> {
        if usize::try_from(replicas).is_ok_and(|n| n <= self.backends.len()) {
            return Ok(());
        }
        Err(Refusal::analysis(format!(
            "Failed to find enough host with tag({{\"location\" : \"default\"}}) in all backends. need: {replicas}"
        )))
    }
}
