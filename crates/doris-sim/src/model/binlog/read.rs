//! getBinlog, getBinlogLag and lockBinlog: the answers by position.

use super::{Binlog, BinlogStream, DbBinlogs, kind};
use crate::model::{Answer, Database, Model, Refusal, Relation, ids::*};

/// `TStatusCode` of the binlog answers; they carry no text.
pub(crate) mod status {
    pub(crate) const OK: i32 = 0;
    pub(crate) const TOO_OLD: i32 = 61;
    pub(crate) const TOO_NEW: i32 = 62;
    pub(crate) const NOT_FOUND_DB: i32 = 63;
    pub(crate) const NOT_FOUND_TABLE: i32 = 64;
}

/// Most records of one answer.
const MAX_ACQUIRED: i64 = 255;

/// The answer to getBinlog: a status code of the binlog family and the records.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BinlogPageAnswer {
    pub status: i32,
    pub records: Vec<Binlog>,
}

/// The answer to getBinlogLag; the numbers are unset unless the status is 0.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BinlogLagAnswer {
    pub status: i32,
    pub lag: i64,
    pub first: (i64, i64),
    pub last: (i64, i64),
    pub next: (i64, i64),
}

/// Which stream a request means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct StreamKey {
    db: DbId,
    table: Option<TableId>,
}

impl Model {
    /// Finds the stream that a request names: the id wins over the table's name (whose existence is checked only when
    /// there is no id), a negative or missing id without name is the database's stream.
    pub(crate) fn stream_key(&self, db: &str, table: Option<&str>, table_id: Option<i64>) -> Answer<StreamKey> {
        let database = self.thrift_database(db)?;
        let id = match (table_id, table) {
            (Some(id), _) if id >= 0 => Some(TableId::new(id)),
            (_, None) => None,
            (_, Some(name)) => Some(named_table(database, name)?),
        };
        Ok(StreamKey { db: database.id, table: id })
    }

    /// A database as the Thrift services look it up: `unknown database, database=d`.
    pub(crate) fn thrift_database(&self, name: &str) -> Answer<&Database> {
        self.find_database(name).ok_or_else(|| Refusal::analysis(format!("unknown database, database={name}")))
    }

    fn stream(&self, key: &StreamKey) -> Result<&BinlogStream, i32> {
        let db = self.binlogs.get(&key.db).ok_or(status::NOT_FOUND_DB)?;
        match key.table {
            None => Ok(&db.stream),
            Some(table) => db.tables.get(&table).ok_or(status::NOT_FOUND_TABLE),
        }
    }

    /// getBinlog.
    pub(crate) fn read_binlogs(&self, key: &StreamKey, after: i64, num_acquired: Option<i64>) -> BinlogPageAnswer {
        let stream = match self.stream(key) {
            Ok(stream) => stream,
            Err(status) => return BinlogPageAnswer { status, records: Vec::new() },
        };
        if stream.dummy_seq.0 > after {
            return BinlogPageAnswer { status: status::TOO_OLD, records: vec![self.timed(stream.dummy(key.db))] };
        }
        let max = usize::try_from(num_acquired.unwrap_or(1).clamp(1, MAX_ACQUIRED)).unwrap_or(1);
        let records: Vec<Binlog> = stream.after(CommitSeq(after)).take(max).map(|(_, record)| record.clone()).collect();
        let status = if records.is_empty() { status::TOO_NEW } else { status::OK };
        BinlogPageAnswer { status, records }
    }

    /// A DUMMY as this version gives it out.
    fn timed(&self, dummy: Binlog) -> Binlog {
        let timestamp_ms = if self.profile().timed_records { dummy.timestamp_ms } else { -1 };
        Binlog { timestamp_ms, ..dummy }
    }

    /// getBinlogLag.
    pub(crate) fn binlog_lag(&self, key: &StreamKey, after: i64) -> BinlogLagAnswer {
        let stream = match self.stream(key) {
            Ok(stream) => stream,
            Err(status) => return BinlogLagAnswer { status, ..BinlogLagAnswer::default() },
        };
        let first = (stream.dummy_seq.0, stream.dummy_ms);
        let last = stream.records.last_key_value().map_or(first, |(seq, r)| (seq.0, r.timestamp_ms));
        let count = |n: usize| i64::try_from(n).unwrap_or(i64::MAX);
        let (lag, next) = if stream.dummy_seq.0 > after {
            (count(stream.records.len() + 1), first)
        } else {
            let next = stream.after(CommitSeq(after)).next().map_or((0, 0), |(seq, r)| (seq.0, r.timestamp_ms));
            (count(stream.after(CommitSeq(after)).count()), next)
        };
        BinlogLagAnswer { status: status::OK, lag, first, last, next }
    }

    /// lockBinlog: the status and the locked seq.
    pub(crate) fn lock_binlog(&mut self, key: &StreamKey, job: &str, at: Option<i64>) -> (i32, i64) {
        let stream = match self.binlogs.get_mut(&key.db) {
            None => return (status::NOT_FOUND_DB, -1),
            Some(DbBinlogs { stream, tables, .. }) => match key.table {
                None => stream,
                Some(table) => match tables.get_mut(&table) {
                    None => return (status::NOT_FOUND_TABLE, -1),
                    Some(stream) => stream,
                },
            },
        };
        let head = stream.head();
        let wanted = match at.unwrap_or(-1) {
            at if at < 0 => head,
            at if at > head.0 => return (status::TOO_NEW, -1),
            at => CommitSeq(at).max(stream.dummy_seq),
        };
        let held = stream.locks.entry(job.to_owned()).or_insert(wanted);
        *held = (*held).max(wanted);
        (status::OK, held.0)
    }
}

impl BinlogStream {
    fn after(&self, seq: CommitSeq) -> impl Iterator<Item = (&CommitSeq, &Binlog)> {
        use std::ops::Bound::{Excluded, Unbounded};
        self.records.range((Excluded(seq), Unbounded)).map(|(seq, record)| (seq, record.as_ref()))
    }

    /// The first entry of the stream.
    fn dummy(&self, db: DbId) -> Binlog {
        Binlog {
            commit_seq: self.dummy_seq,
            timestamp_ms: self.dummy_ms,
            kind: kind::DUMMY,
            db,
            table_ids: Vec::new(),
            data: None,
            belong: Some(self.belong),
            table_ref: 0,
            remove_enable_cache: false,
            versions: Vec::new(),
        }
    }
}

fn named_table(db: &Database, name: &str) -> Answer<TableId> {
    match db.relation(name) {
        Some(Relation::Table(table)) => Ok(table.id),
        Some(Relation::View(_)) => {
            Err(Refusal::analysis(format!("table type is not OLAP, tableName={name}, type=VIEW")))
        }
        None => Err(Refusal::not_found(format!("table not found, tableName={name}"))),
    }
}
