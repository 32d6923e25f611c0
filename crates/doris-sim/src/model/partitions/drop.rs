//! DROP PARTITION.

use serde_json::json;

use super::check_partitioned;
use crate::model::{
    Answer, Model, Partition, Refusal, Version,
    binlog::{NewRecord, kind},
    catalog::still_committed,
    ids::*,
};

impl Model {
    /// ALTER TABLE DROP [TEMPORARY] PARTITION [FORCE]. Into the recycle bin, unless with FORCE; a temporary partition is
    /// always erased.
    pub fn drop_partition(
        &mut self,
        db: &str,
        name: &str,
        partition: &str,
        temp: bool,
        if_exists: bool,
        force: bool,
    ) -> Answer<()> {
        check_partitioned(self.alterable(db, name)?.1, temp)?;
        self.drop_any_partition(db, name, partition, temp, if_exists, force)
    }

    /// What the scheduler of dynamic partitions drops.
    pub(in crate::model) fn drop_dynamic_partition(&mut self, db: &str, name: &str, partition: &str) -> Answer<()> {
        self.drop_any_partition(db, name, partition, false, true, false)
    }

    fn drop_any_partition(
        &mut self,
        db: &str,
        name: &str,
        partition: &str,
        temp: bool,
        if_exists: bool,
        force: bool,
    ) -> Answer<()> {
        let (db_id, table) = self.alterable(db, name)?;
        let table_id = table.id;
        let Some(id) = table.partition(partition, temp).map(|p| p.id) else {
            if if_exists {
                return Ok(());
            }
            return Err(Refusal::analysis(format!("Error in list of partitions to {partition}")));
        };
        let force = force || temp;
        if !force && self.has_committed_txns(db_id, Some(table_id)) {
            return Err(still_committed("partition", partition));
        }
        self.drop_partition_unchecked(db_id, table_id, id, partition, temp, force);
        Ok(())
    }

    /// Takes a partition out of its table, and records it under this name.
    pub(in crate::model) fn drop_partition_unchecked(
        &mut self,
        db_id: DbId,
        table_id: TableId,
        id: PartitionId,
        partition: &str,
        temp: bool,
        force: bool,
    ) {
        let now = self.now_ms;
        let seq = self.journal();
        let mut removed = None;
        if let Some(table) = self.table_mut(db_id, table_id) {
            let list = if temp { &mut table.temp_partitions } else { &mut table.partitions };
            removed = list.iter().position(|p| p.id == id).map(|at| list.remove(at));
        }
        // In newer versions only a partition that ever held something changes the table's version (seen).
        let always = self.profile().drop_of_empty_partition_counts;
        let tells = self.profile().drop_of_empty_partition_tells_version;
        let forced_recycle_ms = self.profile().forced_drop_recycle_ms;
        let had_rows =
            removed.as_ref().is_some_and(|partition: &Partition| always || partition.visible_version > Version(1));
        let (version, version_ms) = match self.table_mut(db_id, table_id) {
            Some(table) if had_rows && !temp => (table.raise_version(now).0, now),
            Some(table) if tells => (table.version.0, table.version_ms),
            Some(table) => (0, table.version_ms),
            None => (0, now),
        };
        if let Some(partition) = removed {
            self.recycle_partition(db_id, table_id, partition, force, seq);
        }
        // Doris does not look a temporary partition up before it drops it.
        let pid = if temp { -1 } else { id.get() };
        let (kind_word, force_word) = (if temp { "TEMPORARY " } else { "" }, if force { " FORCE" } else { "" });
        let data = json!({
            "dbId": db_id, "tableId": table_id, "pid": pid, "partitionName": partition, "isTempPartition": temp,
            "forceDrop": force, "recycleTime": if force { forced_recycle_ms } else { now },
            "sql": format!("DROP {kind_word}PARTITION `{partition}`{force_word}"), "version": version,
            "versionTime": version_ms,
        });
        self.record(NewRecord {
            seq,
            kind: kind::DROP_PARTITION,
            db: db_id,
            table_ids: &[table_id],
            data: data.to_string(),
        });
    }
}
