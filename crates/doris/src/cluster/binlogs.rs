//! Reading binlogs: getBinlog, getBinlogLag, lockBinlog.

use super::{Cluster, pool::Repeat};
use crate::{
    error::{ErrorKind, Result},
    ids::{CommitSeq, DbId, Side, Source, TableId},
    rpc::{self, StatusCode},
};

/// Which stream of binlogs is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BinlogScope {
    Database { db: String },
    Table { db: String, table: String, table_id: TableId<Source> },
}

/// One record of a binlog stream, payload undecoded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Binlog {
    pub seq: CommitSeq,
    /// Milliseconds since the epoch, the source FE's clock; -1 in some records.
    pub timestamp_ms: i64,
    pub kind: rpc::BinlogType,
    pub db_id: DbId<Source>,
    pub table_ids: Vec<TableId<Source>>,
    /// JSON; empty in DUMMY.
    pub data: String,
}

/// The answer of getBinlog.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BinlogPage {
    /// At least one record after the position, ascending.
    Records(Vec<Binlog>),
    /// Nothing after the position (BINLOG_TOO_NEW): caught up.
    CaughtUp,
    /// Records after the position were collected (BINLOG_TOO_OLD); `last_collected` is the DUMMY's seq.
    TooOld { last_collected: CommitSeq },
    /// No stream for the database or table (63, 64): nothing was ever recorded since the FE knows it.
    NoStream,
}

/// The answer of getBinlogLag. Timestamps in milliseconds; fields that an older FE does not send are `None`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BinlogLag {
    pub lag: i64,
    pub first_commit_seq: Option<i64>,
    pub last_commit_seq: Option<i64>,
    pub first_timestamp_ms: Option<i64>,
    pub last_timestamp_ms: Option<i64>,
    pub next_commit_seq: Option<i64>,
    pub next_timestamp_ms: Option<i64>,
}

impl BinlogScope {
    fn db(&self) -> &str {
        match self {
            Self::Database { db } | Self::Table { db, .. } => db,
        }
    }

    /// The name is for the privilege check, the id chooses the stream. A database stream leaves the name unset: `""` would
    /// be a table of that name.
    fn table(&self) -> Option<(&str, TableId<Source>)> {
        match self {
            Self::Database { .. } => None,
            Self::Table { table, table_id, .. } => Some((table, *table_id)),
        }
    }
}

impl<S: Side> Cluster<S> {
    /// The records after a position, ascending, at most `max` (older FEs: one).
    pub async fn get_binlog(&self, scope: &BinlogScope, after: CommitSeq, max: u8) -> Result<BinlogPage> {
        let what = "getBinlog";
        let request = rpc::GetBinlogRequest { num_acquired: Some(i64::from(max)), ..self.binlog_request(scope, after) };
        let reply = self.pool.call_master::<rpc::GetBinlog>(&request, self.pool.timeouts.rpc, Repeat::Safe).await?;
        let garbled = |text: &str| self.pool.error(ErrorKind::Garbled, what, text);
        match self.pool.status_code(what, &reply)? {
            StatusCode::OK => {}
            StatusCode::BINLOG_TOO_NEW_COMMIT_SEQ => return Ok(BinlogPage::CaughtUp),
            StatusCode::BINLOG_TOO_OLD_COMMIT_SEQ => {
                // The DUMMY at the head of the stream stands at the last record that was collected.
                let head = reply.binlogs.as_ref().and_then(|records| records.first()?.commit_seq);
                let head =
                    head.ok_or_else(|| garbled("the position is too old, but nothing says what was collected"))?;
                return Ok(BinlogPage::TooOld { last_collected: CommitSeq(head) });
            }
            StatusCode::BINLOG_NOT_FOUND_DB | StatusCode::BINLOG_NOT_FOUND_TABLE => return Ok(BinlogPage::NoStream),
            _ => return Err(self.pool.refused(what, &reply)),
        }
        let mut last = after;
        let mut records = Vec::new();
        for record in reply.binlogs.unwrap_or_default() {
            let record = Binlog::parse(record).map_err(garbled)?;
            if record.seq <= last {
                return Err(garbled(&format!("record {} follows position {last}", record.seq)));
            }
            last = record.seq;
            records.push(record);
        }
        if records.is_empty() {
            return Err(garbled("status OK without a record"));
        }
        Ok(BinlogPage::Records(records))
    }

    /// `None`: no stream (63, 64).
    pub async fn get_binlog_lag(&self, scope: &BinlogScope, after: CommitSeq) -> Result<Option<BinlogLag>> {
        let what = "getBinlogLag";
        let request = self.binlog_request(scope, after);
        let reply = self.pool.call_master::<rpc::GetBinlogLag>(&request, self.pool.timeouts.rpc, Repeat::Safe).await?;
        match self.pool.status_code(what, &reply)? {
            StatusCode::OK => {}
            StatusCode::BINLOG_NOT_FOUND_DB | StatusCode::BINLOG_NOT_FOUND_TABLE => return Ok(None),
            _ => return Err(self.pool.refused(what, &reply)),
        }
        let lag = reply.lag.ok_or_else(|| self.pool.error(ErrorKind::Garbled, what, "status OK without a lag"))?;
        Ok(Some(BinlogLag {
            lag,
            first_commit_seq: reply.first_commit_seq,
            last_commit_seq: reply.last_commit_seq,
            first_timestamp_ms: reply.first_binlog_timestamp,
            last_timestamp_ms: reply.last_binlog_timestamp,
            next_commit_seq: reply.next_commit_seq,
            next_timestamp_ms: reply.next_binlog_timestamp,
        }))
    }

    /// Tells the source that this job has read up to `at`. A lock only lets the records below **all** locks be collected
    /// earlier; -1 would lock the head and, alone, have all history removed. `UnknownMethod` before 2025.
    pub async fn lock_binlog(&self, scope: &BinlogScope, job_unique_id: &str, at: CommitSeq) -> Result<CommitSeq> {
        let what = "lockBinlog";
        let table = scope.table();
        let request = rpc::LockBinlogRequest {
            user: Some(self.pool.user()),
            passwd: Some(self.pool.password()),
            db: Some(scope.db().to_owned()),
            table: table.map(|(name, _)| name.to_owned()),
            table_id: Some(table.map_or(-1, |(_, id)| id.get())),
            job_unique_id: Some(job_unique_id.to_owned()),
            lock_commit_seq: Some(at.0),
            ..Default::default()
        };
        let reply = self.pool.call_master::<rpc::LockBinlog>(&request, self.pool.timeouts.rpc, Repeat::Safe).await?;
        self.pool.check(what, &reply)?;
        let locked = reply.locked_commit_seq;
        locked.map(CommitSeq).ok_or_else(|| self.pool.error(ErrorKind::Garbled, what, "status OK without a lock"))
    }

    fn binlog_request(&self, scope: &BinlogScope, after: CommitSeq) -> rpc::GetBinlogRequest {
        let table = scope.table();
        rpc::GetBinlogRequest {
            user: Some(self.pool.user()),
            passwd: Some(self.pool.password()),
            db: Some(scope.db().to_owned()),
            table: table.map(|(name, _)| name.to_owned()),
            table_id: table.map(|(_, id)| id.get()),
            prev_commit_seq: Some(after.0),
            ..Default::default()
        }
    }
}

impl Binlog {
    fn parse(record: rpc::Binlog) -> std::result::Result<Self, &'static str> {
        Ok(Self {
            seq: CommitSeq(record.commit_seq.ok_or("a record without commit_seq")?),
            timestamp_ms: record.timestamp.unwrap_or(-1),
            kind: record.kind.ok_or("a record without type")?,
            db_id: DbId::new(record.db_id.ok_or("a record without db_id")?),
            table_ids: record.table_ids.unwrap_or_default().into_iter().map(TableId::new).collect(),
            data: record.data.unwrap_or_default(),
        })
    }
}
