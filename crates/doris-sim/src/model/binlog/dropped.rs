//! What getMeta says of dropped objects: filled by the records that are written, emptied by the collection
//! (`DBBinlog.recordDroppedOrRecoveredResources`). Nothing that is not recorded is remembered.

use serde_json::Value;

use super::{DbBinlogs, kind};
use crate::model::{Model, ids::*};

/// Ids with the seq of their drop, oldest first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DroppedIds<T>(Vec<(T, CommitSeq)>);

impl<T> Default for DroppedIds<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T: Copy + PartialEq> DroppedIds<T> {
    pub fn iter(&self) -> impl Iterator<Item = (T, CommitSeq)> + '_ {
        self.0.iter().copied()
    }

    pub fn contains(&self, id: T) -> bool {
        self.0.iter().any(|(known, _)| *known == id)
    }

    fn push(&mut self, id: T, seq: CommitSeq) {
        self.0.push((id, seq));
    }

    fn remove(&mut self, id: T) {
        self.0.retain(|(known, _)| *known != id);
    }

    /// Forgets what was dropped before `seq`; what was dropped at it stays (seen in the source, `<`).
    fn collect(&mut self, seq: CommitSeq) {
        let gone = self.0.iter().take_while(|(_, dropped)| *dropped < seq).count();
        self.0.drain(..gone);
    }
}

/// Dropped objects of one database (getMeta `dropped_*`).
#[derive(Clone, Debug, Default)]
pub struct Dropped {
    pub tables: DroppedIds<TableId>,
    pub partitions: DroppedIds<PartitionId>,
    pub indexes: DroppedIds<IndexId>,
}

impl Dropped {
    pub(super) fn collect(&mut self, seq: CommitSeq) {
        self.tables.collect(seq);
        self.partitions.collect(seq);
        self.indexes.collect(seq);
    }

    fn note(&mut self, kind: i32, seq: CommitSeq, data: &Value) {
        let id = |key: &str| data.get(key).and_then(Value::as_i64).filter(|id| *id > 0);
        match kind {
            kind::DROP_PARTITION => {
                if let Some(id) = id("pid") {
                    self.partitions.push(PartitionId::new(id), seq);
                }
            }
            kind::DROP_TABLE => {
                if let Some(id) = id("tableId") {
                    self.tables.push(TableId::new(id), seq);
                }
            }
            kind::TRUNCATE_TABLE => {
                for id in keys(data.get("op")) {
                    self.partitions.push(PartitionId::new(id), seq);
                }
            }
            kind::REPLACE_PARTITIONS => {
                let ids = data.get("partitionIds").and_then(Value::as_array).into_iter().flatten();
                for id in ids.filter_map(Value::as_i64) {
                    self.partitions.push(PartitionId::new(id), seq);
                }
            }
            kind::REPLACE_TABLE if data.get("swapTable") == Some(&Value::Bool(false)) => {
                if let Some(id) = id("origTblId") {
                    self.tables.push(TableId::new(id), seq);
                }
            }
            kind::DROP_ROLLUP => {
                if let Some(id) = id("indexId") {
                    self.indexes.push(IndexId::new(id), seq);
                }
            }
            kind::ALTER_JOB => self.note_job(seq, data),
            kind::RECOVER_INFO => match (id("partitionId"), id("tableId")) {
                (Some(id), _) => self.partitions.remove(PartitionId::new(id)),
                (None, Some(id)) => self.tables.remove(TableId::new(id)),
                (None, None) => {}
            },
            _ => {}
        }
    }

    /// A finished schema change drops the indexes that it replaced.
    fn note_job(&mut self, seq: CommitSeq, data: &Value) {
        let is = |key: &str, value: &str| data.get(key).and_then(Value::as_str) == Some(value);
        if !is("type", "SCHEMA_CHANGE") || !is("jobState", "FINISHED") {
            return;
        }
        let origins = data.get("iim").and_then(Value::as_object).into_iter().flatten();
        for id in origins.filter_map(|(_, origin)| origin.as_i64()) {
            self.indexes.push(IndexId::new(id), seq);
        }
    }
}

fn keys(map: Option<&Value>) -> impl Iterator<Item = i64> + '_ {
    map.and_then(Value::as_object).into_iter().flatten().filter_map(|(id, _)| id.parse().ok())
}

impl DbBinlogs {
    /// Remembers what a record says of dropped and recovered objects.
    pub(super) fn note_dropped(&mut self, kind: i32, seq: CommitSeq, data: &str) {
        // The most frequent record says nothing of the kind.
        if kind == kind::UPSERT {
            return;
        }
        if let Ok(data) = serde_json::from_str(data) {
            self.dropped.note(kind, seq, &data);
        }
    }
}

impl Model {
    /// The dropped objects of a database that are still remembered.
    pub fn dropped(&self, db: DbId) -> Dropped {
        self.binlogs.get(&db).map(|store| store.dropped.clone()).unwrap_or_default()
    }
}
