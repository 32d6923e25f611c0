//! Payloads of the records that belong to no statement: UPSERT and BARRIER.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{NewRecord, kind};
use crate::model::{Model, Txn, ids::*};

impl Model {
    /// The UPSERT of a transaction that became visible. Partitions and tables that went away meanwhile are missing; a
    /// transaction that changed nothing still has one, without tables, in the database's stream only (seen).
    pub(crate) fn record_upsert(&mut self, txn: &Txn, seq: CommitSeq) {
        let mut tables: BTreeMap<TableId, Vec<Value>> = BTreeMap::new();
        let mut versions = Vec::new();
        for write in &txn.writes {
            let Some(table) = self.databases.get(&txn.db).and_then(|db| db.table_by_id(write.table)) else { continue };
            let records = tables.entry(write.table).or_default();
            let Some(partition) = table.partition_by_id(write.partition) else { continue };
            records.push(json!({
                "partitionId": write.partition, "range": table.range_text(partition), "version": write.version,
                "isTempPartition": table.is_temp_partition(write.partition),
                "stid": if txn.with_sub_txns { write.stid.get() } else { -1 },
            }));
            versions.push((write.table, write.partition, write.version));
        }
        let table_ids: Vec<TableId> = tables.keys().copied().collect();
        let mut records = serde_json::Map::new();
        for (table, partitions) in tables {
            let mut record = json!({ "partitionRecords": partitions });
            // Only the FE that planned a load knows its indexes (seen: absent for every replicated transaction).
            if let (Some(indexes), Some(fields)) = (txn.planned_indexes.get(&table), record.as_object_mut()) {
                fields.insert("indexIds".into(), json!(indexes));
            }
            records.insert(table.to_string(), record);
        }
        let mut data = json!({
            "commitSeq": seq, "txnId": txn.id, "timeStamp": self.now_ms, "label": txn.label, "dbId": txn.db,
            "tableRecords": records,
        });
        if let (true, Some(fields)) = (txn.with_sub_txns, data.as_object_mut()) {
            let db = self.databases.get(&txn.db);
            let gone = |stid: &&TxnId| {
                let mut writes = txn.writes.iter().filter(|write| write.stid == **stid);
                writes.any(|write| db.is_none_or(|db| db.table_by_id(write.table).is_none()))
            };
            let stids: Vec<&TxnId> = txn.sub_txns.iter().filter(|stid| !gone(stid)).collect();
            fields.insert("stids".into(), json!(stids));
        }
        let new = NewRecord { seq, kind: kind::UPSERT, db: txn.db, table_ids: &table_ids, data: data.to_string() };
        self.record_full(new, versions);
    }

    /// The BARRIER of one table of a backup: its seq is the table's position in the snapshot.
    pub(crate) fn record_barrier(&mut self, db: DbId, db_name: &str, table: TableId, table_name: &str) -> CommitSeq {
        let seq = self.journal();
        let data = json!({
            "dbId": db, "dbName": db_name, "tableId": table, "tableName": table_name, "binlogType": 0,
        });
        self.record(NewRecord { seq, kind: kind::BARRIER, db, table_ids: &[table], data: data.to_string() });
        seq
    }
}
