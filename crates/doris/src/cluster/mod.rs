//! The typed client of one cluster. It finds the master, follows redirects, sets deadlines, encodes and classifies; what
//! comes out is a typed value or an [`Error`] with its kind.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use bytes::Bytes;

mod statements;

pub use crate::sql::{BackupRow, PartitionRow, RestoreRow, SnapshotJobState, TableRow, TxnRow, TxnStatus};

use crate::{
    error::Result,
    ids::*,
    net::{Endpoint, Net},
    secret::Secret,
};

/// How to reach one cluster, and as whom.
#[derive(Clone, Debug)]
pub struct ClusterSpec {
    /// The FE the user named: host, query port (MySQL) and rpc port (Thrift). First candidate, never the only one.
    pub host: String,
    pub query_port: u16,
    pub rpc_port: u16,
    pub user: String,
    pub password: Secret,
    /// Other FEs learned earlier (job document); may be empty.
    pub frontends: Vec<Frontend>,
    /// Private host (as Doris reports it) to the address that is reachable from here and from the other cluster.
    /// Empty: no mapping. A host that is missing from a non-empty map is an error that names `/update_host_mapping`.
    pub host_mapping: BTreeMap<String, String>,
    pub timeouts: Timeouts,
}

/// Deadlines per class of call.
#[derive(Clone, Copy, Debug)]
pub struct Timeouts {
    pub rpc: Duration,
    pub commit: Duration,
    pub sql: Duration,
    /// One `ingest_binlog`; long, since the BE copies data meanwhile.
    pub ingest: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            rpc: Duration::from_secs(30),
            commit: Duration::from_secs(33),
            sql: Duration::from_secs(60),
            ingest: Duration::from_secs(3600),
        }
    }
}

/// One FE, as `SHOW FRONTENDS` lists it (hosts are mapped).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frontend {
    pub host: String,
    pub query_port: u16,
    pub rpc_port: u16,
    pub is_master: bool,
    pub alive: bool,
}

/// One BE (getBackendMeta); hosts are mapped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Backend<S> {
    pub id: BackendId<S>,
    pub host: String,
    pub be_port: u16,
    pub http_port: u16,
    pub alive: bool,
}

/// Which stream of binlogs is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BinlogScope {
    Database { db: String },
    Table { db: String, table: String, table_id: TableId<crate::Source> },
}

/// One record of a binlog stream, payload undecoded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Binlog {
    pub seq: CommitSeq,
    /// Milliseconds since the epoch, the source FE's clock; -1 in some records.
    pub timestamp_ms: i64,
    pub kind: crate::rpc::BinlogType,
    pub db_id: DbId<crate::Source>,
    pub table_ids: Vec<TableId<crate::Source>>,
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

/// A 128-bit idempotency key of beginTxn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RequestId {
    pub hi: i64,
    pub lo: i64,
}

#[derive(Clone, Debug)]
pub struct BeginTxn {
    pub label: String,
    pub tables: Vec<TableId<Dest>>,
    pub request_id: RequestId,
    /// A live BE: with it a BE restart or a schema change does not abort the transaction for a wrong coordinator.
    pub backend: Option<BackendId<Dest>>,
    pub timeout: Duration,
    /// Number of sub transactions; 0 = a plain transaction.
    pub sub_txns: usize,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Begun {
    /// A transaction in PREPARE. `sub_txns` is empty without sub transactions **and when the call was a repetition**.
    New { txn: TxnId<Dest>, sub_txns: Vec<TxnId<Dest>> },
    /// The label belongs to a transaction that is not aborted. `txn` is `None` where the text did not name it.
    LabelTaken { txn: Option<TxnId<Dest>>, status: TxnStatus },
}

/// One replica that holds the rows of a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct CommitInfo {
    pub tablet: TabletId<Dest>,
    pub backend: BackendId<Dest>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Committed {
    /// OK. With `only_commit` (or an FE that ignores it) visible or soon visible.
    Accepted,
    /// PUBLISH_TIMEOUT (14): committed, visible later.
    PublishPending,
}

#[derive(Clone, Debug)]
pub struct Snapshot {
    /// Opaque; passed on unchanged. Gzip if `compressed`.
    pub meta: Bytes,
    pub job_info: Bytes,
    pub compressed: bool,
    /// Milliseconds since the epoch (source FE's clock); `None` where the FE does not say.
    pub expires_at_ms: Option<i64>,
    pub commit_seq: Option<CommitSeq>,
}

#[derive(Clone, Debug)]
pub struct RestoreSnapshot {
    pub db: String,
    pub label: String,
    /// (table in the snapshot, name to restore it as); empty = everything.
    pub tables: Vec<(String, Option<String>)>,
    pub properties: BTreeMap<String, String>,
    pub meta: Bytes,
    /// With `extra_info` (see [`crate::snapshot`]).
    pub job_info: Bytes,
    pub compressed: bool,
    pub clean_tables: bool,
    pub clean_partitions: bool,
    pub atomic_restore: bool,
    pub force_replace: bool,
}

/// getMeta of one database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DbMeta<S> {
    pub id: DbId<S>,
    pub name: String,
    pub tables: Vec<TableMeta<S>>,
    /// Dropped objects whose drop is still in the binlog; the seq where the FE tells it.
    pub dropped_tables: BTreeMap<TableId<S>, Option<CommitSeq>>,
    pub dropped_partitions: BTreeMap<PartitionId<S>, Option<CommitSeq>>,
    pub dropped_indexes: BTreeMap<IndexId<S>, Option<CommitSeq>>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableMeta<S> {
    pub id: TableId<S>,
    pub name: String,
    /// Formal partitions first, then temporary ones, which are not marked: the first of a `range` is the formal one.
    pub partitions: Vec<PartitionMeta<S>>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartitionMeta<S> {
    pub id: PartitionId<S>,
    pub name: String,
    pub range: String,
    pub visible_version: Version,
    pub indexes: Vec<IndexMeta<S>>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IndexMeta<S> {
    pub id: IndexId<S>,
    pub name: String,
    /// In bucket order: tablets of source and destination are paired by position.
    pub tablets: Vec<TabletMeta<S>>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TabletMeta<S> {
    pub id: TabletId<S>,
    pub replicas: Vec<ReplicaMeta<S>>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReplicaMeta<S> {
    pub id: ReplicaId<S>,
    pub backend: BackendId<S>,
    pub version: Version,
}

/// One `ingest_binlog`.
#[derive(Clone, Debug)]
pub struct IngestBinlog {
    /// The transaction, or the sub transaction.
    pub txn: TxnId<Dest>,
    pub source_tablet: TabletId<Source>,
    pub version: Version,
    /// The source BE's HTTP address as the destination BE reaches it.
    pub source_http: Endpoint,
    pub dest_partition: PartitionId<Dest>,
    pub dest_tablet: TabletId<Dest>,
}

/// What a BE says of an asynchronous ingest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum IngestStatus {
    Done,
    Doing,
    NotFound,
    Failed(String),
    Unknown,
}

/// The client of one cluster. Cheap to clone; clones share frontends, master and connections.
#[derive(Debug)]
pub struct Cluster<S> {
    inner: Arc<Inner>,
    side: std::marker::PhantomData<fn() -> S>,
}

#[derive(Debug)]
struct Inner;

impl<S> Clone for Cluster<S> {
    fn clone(&self) -> Self {
        Self { inner: Arc::clone(&self.inner), side: std::marker::PhantomData }
    }
}

impl<S: Side> Cluster<S> {
    /// A client that has asked nothing yet.
    pub fn new(net: Arc<dyn Net>, spec: ClusterSpec) -> Self {
        todo!()
    }

    // ---- frontends (pool.rs) ----
    /// Reads `SHOW FRONTENDS` of the first FE that answers and replaces the known list. Never empties it.
    pub async fn refresh_frontends(&self) -> Result<Vec<Frontend>> {
        todo!()
    }
    /// Replaces the host mapping; effective for the next call.
    pub fn set_host_mapping(&self, mapping: BTreeMap<String, String>) {
        todo!()
    }

    // ---- Thrift, all at the master (calls.rs) ----
    pub async fn get_binlog(&self, scope: &BinlogScope, after: CommitSeq, max: u8) -> Result<BinlogPage> {
        todo!()
    }
    /// `None`: no stream (63, 64).
    pub async fn get_binlog_lag(&self, scope: &BinlogScope, after: CommitSeq) -> Result<Option<BinlogLag>> {
        todo!()
    }
    pub async fn lock_binlog(&self, scope: &BinlogScope, job_unique_id: &str, at: CommitSeq) -> Result<CommitSeq> {
        todo!()
    }
    pub async fn get_master_token(&self) -> Result<Secret> {
        todo!()
    }
    /// `table`: for the privilege check. SnapshotNotFound and SnapshotExpired are errors of these kinds.
    pub async fn get_snapshot(&self, db: &str, table: Option<&str>, label: &str) -> Result<Snapshot> {
        todo!()
    }
    pub async fn restore_snapshot(&self, request: &RestoreSnapshot) -> Result<()> {
        todo!()
    }
    /// `None`: the FE says OK without a database. `tables: None` = all tables.
    pub async fn get_meta(&self, db: DbId<S>, tables: Option<&[TableId<S>]>) -> Result<Option<DbMeta<S>>> {
        todo!()
    }
    pub async fn get_meta_by_name(&self, db: &str, tables: Option<&[&str]>) -> Result<Option<DbMeta<S>>> {
        todo!()
    }
    /// All backends, dead ones included.
    pub async fn backends(&self) -> Result<Vec<Backend<S>>> {
        todo!()
    }

    // ---- SQL: typed helpers in statements.rs ----
    /// Executes one statement that returns rows at any FE (`at_master`: at the master only).
    pub async fn query(&self, statement: &crate::sql::Statement, at_master: bool) -> Result<crate::net::ResultSet> {
        todo!()
    }
    /// Executes one statement at the master (DDL). `Unanswered` = look before you repeat.
    pub async fn execute(&self, statement: &crate::sql::Statement) -> Result<()> {
        todo!()
    }
}

impl Cluster<Dest> {
    pub async fn begin_txn(&self, db: &str, request: &BeginTxn) -> Result<Begun> {
        todo!()
    }
    pub async fn commit_txn(
        &self,
        db: &str,
        txn: TxnId<Dest>,
        infos: &[CommitInfo],
        only_commit: bool,
    ) -> Result<Committed> {
        todo!()
    }
    /// `TxnCommitted`, `TxnNotFound` are errors of these kinds.
    pub async fn rollback_txn(&self, db: &str, txn: TxnId<Dest>, reason: &str) -> Result<()> {
        todo!()
    }
    /// `is_async`: true = the outcome is only known from [`Self::query_ingest_binlog`].
    pub async fn ingest_binlog(&self, to: &Backend<Dest>, request: &IngestBinlog) -> Result<bool> {
        todo!()
    }
    pub async fn query_ingest_binlog(&self, to: &Backend<Dest>, request: &IngestBinlog) -> Result<IngestStatus> {
        todo!()
    }
}
