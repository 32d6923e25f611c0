//! The typed client of one cluster. It finds the master, follows redirects, sets deadlines, encodes and classifies; what
//! comes out is a typed value or an [`Error`] with its kind.

//!
//! [`pool`] finds the FE to ask; one file a family of calls: [`binlogs`], [`txns`], [`snapshots`], [`meta`], [`ingest`]
//! over Thrift, [`statements`] over SQL.

use std::{collections::BTreeMap, marker::PhantomData, sync::Arc, time::Duration};

mod binlogs;
mod frontends;
mod ingest;
mod meta;
mod pool;
mod reply;
mod snapshots;
mod statements;
mod txns;

pub use binlogs::{Binlog, BinlogLag, BinlogPage, BinlogScope};
pub use ingest::{IngestBinlog, IngestStatus};
pub use meta::{Backend, DbMeta, IndexMeta, PartitionMeta, ReplicaMeta, TableMeta, TabletMeta};
pub use snapshots::{RestoreSnapshot, Snapshot};
pub use txns::{BeginTxn, Begun, CommitInfo, Committed, RequestId, SubTxn};

pub use crate::sql::{BackupRow, PartitionRow, RestoreRow, SnapshotJobState, TableRow, TxnRow, TxnStatus};

use self::pool::Pool;
use crate::{error::Result, ids::Side, net::Net, secret::Secret};

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

/// The client of one cluster. Cheap to clone; clones share frontends, master and connections.
#[derive(Debug)]
pub struct Cluster<S> {
    pool: Arc<Pool>,
    side: PhantomData<fn() -> S>,
}

impl<S> Clone for Cluster<S> {
    fn clone(&self) -> Self {
        Self { pool: Arc::clone(&self.pool), side: PhantomData }
    }
}

impl<S: Side> Cluster<S> {
    /// A client that has asked nothing yet.
    pub fn new(net: Arc<dyn Net>, spec: ClusterSpec) -> Self {
        Self { pool: Arc::new(Pool::new(net, S::NAME, spec)), side: PhantomData }
    }

    /// Reads `SHOW FRONTENDS` of the first FE that answers and replaces the known list. Never empties it.
    pub async fn refresh_frontends(&self) -> Result<Vec<Frontend>> {
        self.pool.refresh().await
    }

    /// Replaces the host mapping; effective for the next call.
    pub fn set_host_mapping(&self, mapping: BTreeMap<String, String>) {
        self.pool.set_host_mapping(mapping);
    }
}
