//! TRUNCATE TABLE.

use serde_json::json;

use super::{
    Answer, Model, Refusal, Version,
    binlog::{NewRecord, kind},
    catalog::olap_table,
    create_table::PartitionPlan,
    drop_rename::check_alterable,
    ids::*,
};

impl Model {
    /// TRUNCATE TABLE [PARTITION (..)] [FORCE]: each partition gets a new id, new tablets and version 1, the old ones go to
    /// the recycle bin. With FORCE they are erased, and partitions that never held anything are skipped (seen).
    pub fn truncate_table(&mut self, db: &str, name: &str, partitions: Option<&[String]>, force: bool) -> Answer<()> {
        let database = self.database(db)?;
        let (db_id, table) = (database.id, olap_table(database, name)?);
        check_alterable(table)?;
        let id = table.id;
        for partition in partitions.unwrap_or_default() {
            if table.partition(partition, false).is_none() {
                return Err(Refusal::analysis(format!("Partition {partition} does not exist")));
            }
        }
        let wanted = |name: &str| partitions.is_none_or(|list| list.iter().any(|p| p.eq_ignore_ascii_case(name)));
        let chosen: Vec<_> = table
            .partitions
            .iter()
            .filter(|p| wanted(&p.name) && !(force && p.visible_version == Version(1)))
            .cloned()
            .collect();
        if chosen.is_empty() {
            return Ok(());
        }
        let indexes: Vec<IndexId> = table.indexes.keys().copied().collect();
        let (keys, binlog_enabled) = (table.keys, table.flag("binlog.enable"));
        let hash_columns = table.distribution.hash_columns.clone();
        let mut old_ids = serde_json::Map::new();
        let seq = self.journal();
        // All partitions get their ids before the first tablet does (seen).
        let new_ids: Vec<PartitionId> = chosen.iter().map(|_| PartitionId::new(self.ids.next_raw())).collect();
        for (old, new_id) in chosen.into_iter().zip(new_ids) {
            let plan = PartitionPlan {
                keys,
                binlog_enabled,
                indexes: &indexes,
                buckets: old.buckets,
                replication: old.replication,
                hash_columns: &hash_columns,
            };
            let mut new = self.build_partition(new_id, old.name.clone(), old.item.clone(), &plan);
            new.data_property = old.data_property.clone();
            if let Some(slot) = self.table_mut(db_id, id).and_then(|t| t.partition_by_id_mut(old.id)) {
                *slot = new;
            }
            old_ids.insert(old.id.to_string(), old.name.clone().into());
            self.recycle_partition(db_id, id, old, force, seq);
        }
        let now = self.now_ms;
        if let Some(table) = self.table_mut(db_id, id) {
            table.raise_version(now);
        }
        let raw = partitions.map_or_else(String::new, |list| format!("PARTITIONS ({})", list.join(", ")));
        let data = json!({
            "dbId": db_id, "db": db, "tblId": id, "table": name, "isEntireTable": partitions.is_none(), "rawSql": raw,
            "op": old_ids,
        });
        self.record(NewRecord { seq, kind: kind::TRUNCATE_TABLE, db: db_id, table_ids: &[id], data: data.to_string() });
        Ok(())
    }
}
