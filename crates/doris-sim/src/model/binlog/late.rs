//! Records that are inserted late: the journal id is taken first and the record inserted afterwards, without a lock over
//! all writers. A reader of a database's stream that has advanced past the id meanwhile never sees the record.

use super::NewRecord;
use crate::model::{Model, ids::*};

/// A record on its way into the store.
#[derive(Clone, Debug)]
pub(crate) struct LateRecord {
    due_ms: i64,
    seq: CommitSeq,
    kind: i32,
    db: DbId,
    table_ids: Vec<TableId>,
    data: String,
    streams: Vec<TableId>,
    versions: Vec<(TableId, PartitionId, Version)>,
}

impl Model {
    /// The next UPSERT gets its position as always, but is inserted this much later. Records of the same table stay in
    /// order: its writers hold its lock.
    pub fn insert_next_upsert_late(&mut self, ms: i64) {
        self.late_by_ms = Some(ms);
    }

    /// Holds a record back if it is to be late. `false`: it is not.
    pub(super) fn hold_back(
        &mut self,
        new: &NewRecord<'_>,
        streams: &[TableId],
        versions: &[(TableId, PartitionId, Version)],
    ) -> bool {
        let Some(ms) = self.late_by_ms.take_if(|_| new.kind == super::kind::UPSERT) else { return false };
        self.late_records.push(LateRecord {
            due_ms: self.now_ms.saturating_add(ms),
            seq: new.seq,
            kind: new.kind,
            db: new.db,
            table_ids: new.table_ids.to_vec(),
            data: new.data.clone(),
            streams: streams.to_vec(),
            versions: versions.to_vec(),
        });
        true
    }

    /// When the next late record is inserted.
    pub(crate) fn next_late_record_ms(&self) -> Option<i64> {
        self.late_records.iter().map(|record| record.due_ms).min()
    }

    /// Inserts what is due, or concerns one of these tables.
    pub(crate) fn insert_late_records(&mut self, before: &[TableId]) {
        let now = self.now_ms;
        let (due, waiting) = std::mem::take(&mut self.late_records)
            .into_iter()
            .partition(|r: &LateRecord| r.due_ms <= now || r.table_ids.iter().any(|id| before.contains(id)));
        self.late_records = waiting;
        let due: Vec<LateRecord> = due;
        for record in due {
            let new = NewRecord {
                seq: record.seq,
                kind: record.kind,
                db: record.db,
                table_ids: &record.table_ids,
                data: record.data,
            };
            self.insert_record(&new, &record.streams, record.versions, false);
        }
    }
}
