//! The record store: one stream per database, one per table.

mod collect;
mod dropped;
mod form;
mod late;
mod read;
mod records;

use std::{collections::BTreeMap, sync::Arc};

use super::{Model, ids::*};

pub use collect::BinlogLimits;
pub use dropped::{Dropped, DroppedIds};
pub(crate) use late::LateRecord;
pub use read::{BinlogLagAnswer, BinlogPageAnswer};

/// `TBinlogType` of the records that the simulator writes.
pub(crate) mod kind {
    pub(crate) const UPSERT: i32 = 0;
    pub(crate) const ADD_PARTITION: i32 = 1;
    pub(crate) const CREATE_TABLE: i32 = 2;
    pub(crate) const DROP_PARTITION: i32 = 3;
    pub(crate) const DROP_TABLE: i32 = 4;
    pub(crate) const ALTER_JOB: i32 = 5;
    pub(crate) const MODIFY_TABLE_ADD_OR_DROP_COLUMNS: i32 = 6;
    pub(crate) const DUMMY: i32 = 7;
    pub(crate) const ALTER_DATABASE_PROPERTY: i32 = 8;
    pub(crate) const MODIFY_TABLE_PROPERTY: i32 = 9;
    pub(crate) const BARRIER: i32 = 10;
    pub(crate) const MODIFY_PARTITIONS: i32 = 11;
    pub(crate) const REPLACE_PARTITIONS: i32 = 12;
    pub(crate) const TRUNCATE_TABLE: i32 = 13;
    pub(crate) const RENAME_TABLE: i32 = 14;
    pub(crate) const MODIFY_VIEW_DEF: i32 = 17;
    pub(crate) const REPLACE_TABLE: i32 = 18;
    pub(crate) const RENAME_ROLLUP: i32 = 21;
    pub(crate) const RENAME_PARTITION: i32 = 22;
    pub(crate) const DROP_ROLLUP: i32 = 23;
    pub(crate) const RECOVER_INFO: i32 = 24;
    pub(crate) const MODIFY_DISTRIBUTION_BUCKET_NUM: i32 = 25;
    pub(crate) const MODIFY_DISTRIBUTION_TYPE: i32 = 26;
    pub(crate) const RENAME_COLUMN: i32 = 15;
    pub(crate) const MODIFY_COMMENT: i32 = 16;
    pub(crate) const MODIFY_TABLE_ADD_OR_DROP_INVERTED_INDICES: i32 = 19;
    pub(crate) const INDEX_CHANGE_JOB: i32 = 20;
}

/// One record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Binlog {
    pub commit_seq: CommitSeq,
    pub timestamp_ms: i64,
    /// `TBinlogType`.
    pub kind: i32,
    pub db: DbId,
    /// Empty = unset on the wire.
    pub table_ids: Vec<TableId>,
    /// JSON; `None` in a DUMMY only.
    pub data: Option<String>,
    /// DUMMY only: -1 or the table.
    pub belong: Option<i64>,
    /// Number of table streams that hold the record (internal to Doris, but visible).
    pub table_ref: i64,
    pub remove_enable_cache: bool,
    /// UPSERT only: the versions it made, for telling backends what was collected.
    pub(crate) versions: Vec<(TableId, PartitionId, Version)>,
}

/// An ordered set of records behind a DUMMY.
#[derive(Clone, Debug)]
pub struct BinlogStream {
    /// -1 for a database, else the table.
    pub(crate) belong: i64,
    /// Seq of the last collected record; -1 at first.
    pub(crate) dummy_seq: CommitSeq,
    pub(crate) dummy_ms: i64,
    pub(crate) records: BTreeMap<CommitSeq, Arc<Binlog>>,
    /// `lockBinlog`: job to seq. In memory of the master only.
    pub(crate) locks: BTreeMap<String, CommitSeq>,
}

impl BinlogStream {
    fn new(belong: i64, now_ms: i64) -> Self {
        Self { belong, dummy_seq: CommitSeq(-1), dummy_ms: now_ms, records: BTreeMap::new(), locks: BTreeMap::new() }
    }

    /// Seq of the newest record, of the DUMMY if there is none.
    pub fn head(&self) -> CommitSeq {
        self.records.last_key_value().map_or(self.dummy_seq, |(seq, _)| *seq)
    }

    /// The time of the DUMMY: of the first record, or of the last collected one.
    pub fn dummy_ms(&self) -> i64 {
        self.dummy_ms
    }

    /// Records in order, without the DUMMY.
    pub fn records(&self) -> impl Iterator<Item = &Binlog> {
        self.records.values().map(AsRef::as_ref)
    }
}

/// Everything recorded of one database. Created with the first record, lives on when the database is dropped.
#[derive(Clone, Debug)]
pub struct DbBinlogs {
    pub stream: BinlogStream,
    pub tables: BTreeMap<TableId, BinlogStream>,
    pub dropped: Dropped,
}

/// A record to be written.
pub(crate) struct NewRecord<'a> {
    pub(crate) seq: CommitSeq,
    pub(crate) kind: i32,
    pub(crate) db: DbId,
    pub(crate) table_ids: &'a [TableId],
    pub(crate) data: String,
}

impl Model {
    /// Whether the database's own switch is on, as the recorder has it cached.
    fn db_records(&mut self, db: DbId) -> bool {
        let now = self.databases.get(&db).is_some_and(super::Database::binlog_enabled);
        *self.binlog_switch_cache.entry((db, None)).or_insert(now)
    }

    /// Whether the table's own switch is on, as the recorder has it cached.
    fn table_records(&mut self, db: DbId, table: TableId) -> bool {
        let table_now = self.databases.get(&db).and_then(|d| d.table_by_id(table));
        let now = table_now.is_some_and(|t| t.flag("binlog.enable"));
        *self.binlog_switch_cache.entry((db, Some(table))).or_insert(now)
    }

    /// Writes a record if the switches say so (BinlogManager.addBinlog).
    ///
    /// The switches are cached until a property record passes: the ALTER DATABASE that switches on is recorded only if
    /// nothing was asked before, and the one that switches off always is (seen).
    pub(crate) fn record(&mut self, new: NewRecord<'_>) {
        self.record_full(new, Vec::new());
    }

    /// As [`Self::record`], for an UPSERT: with the versions it made.
    pub(crate) fn record_full(&mut self, new: NewRecord<'_>, versions: Vec<(TableId, PartitionId, Version)>) {
        let is_materialized = |id: &TableId| {
            let table = self.databases.get(&new.db).and_then(|db| db.table_by_id(*id));
            table.is_some_and(|table| table.materialized.is_some())
        };
        if new.table_ids.iter().any(is_materialized) {
            return;
        }
        let remove_enable_cache = matches!(new.kind, kind::ALTER_DATABASE_PROPERTY | kind::MODIFY_TABLE_PROPERTY);
        let exists = new.kind <= self.profile().newest_binlog_kind;
        if exists && self.config_flag("experimental_enable_feature_binlog") {
            let by_db = self.db_records(new.db);
            let by_table: Vec<TableId> =
                new.table_ids.iter().copied().filter(|table| self.table_records(new.db, *table)).collect();
            if by_db || !by_table.is_empty() {
                let in_table_streams = !matches!(new.kind, kind::CREATE_TABLE | kind::DROP_TABLE);
                let streams = match (in_table_streams, by_db) {
                    (false, _) => Vec::new(),
                    (true, true) => new.table_ids.to_vec(),
                    (true, false) => by_table,
                };
                self.insert_late_records(new.table_ids);
                let new = NewRecord { data: form::as_written(self.profile(), new.kind, new.data), ..new };
                if !self.hold_back(&new, &streams, &versions) {
                    self.insert_record(&new, &streams, versions, remove_enable_cache);
                }
            }
        }
        if remove_enable_cache {
            self.binlog_switch_cache.retain(|(db, _), _| *db != new.db);
        }
    }

    /// The time that a record of anything but a transaction bears: -1 where such records have none.
    fn record_ms(&self) -> i64 {
        if self.profile().timed_records { self.now_ms } else { -1 }
    }

    fn insert_record(
        &mut self,
        new: &NewRecord<'_>,
        streams: &[TableId],
        versions: Vec<(TableId, PartitionId, Version)>,
        remove_enable_cache: bool,
    ) {
        let data = gson_escaped(&new.data);
        let record = Arc::new(Binlog {
            commit_seq: new.seq,
            timestamp_ms: if new.kind == kind::UPSERT { self.now_ms } else { self.record_ms() },
            kind: new.kind,
            db: new.db,
            table_ids: new.table_ids.to_vec(),
            data: Some(data),
            belong: None,
            table_ref: i64::try_from(streams.len()).unwrap_or(0),
            remove_enable_cache,
            versions,
        });
        let now = self.record_ms();
        let store = self.binlogs.entry(new.db).or_insert_with(|| DbBinlogs {
            stream: BinlogStream::new(-1, now),
            tables: BTreeMap::new(),
            dropped: Dropped::default(),
        });
        store.note_dropped(new.kind, new.seq, &new.data);
        // A second event with the same seq is dropped, as Doris does.
        store.stream.records.entry(new.seq).or_insert_with(|| Arc::clone(&record));
        for table in streams {
            let stream = store.tables.entry(*table).or_insert_with(|| BinlogStream::new(table.get(), now));
            stream.records.entry(new.seq).or_insert_with(|| Arc::clone(&record));
        }
    }
}

/// JSON as Gson writes it: these characters occur in strings only, and never bare.
fn gson_escaped(json: &str) -> String {
    if !json.contains(['=', '\'', '<', '>', '&']) {
        return json.to_owned();
    }
    let mut escaped = String::with_capacity(json.len() + 64);
    for c in json.chars() {
        match c {
            '=' | '\'' | '<' | '>' | '&' => escaped.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => escaped.push(c),
        }
    }
    escaped
}
