//! Backends and what they hold.

use std::collections::BTreeMap;

use super::{ids::*, rowset::SharedRowset, schema::KeysType};

/// A backend (BE).
#[derive(Clone, Debug)]
pub struct Backend {
    pub id: BackendId,
    pub host: String,
    pub heartbeat_port: u16,
    pub be_port: u16,
    pub http_port: u16,
    pub brpc_port: u16,
    pub alive: bool,
    pub last_heartbeat_ms: i64,
    pub started_ms: i64,
    /// `enable_feature_binlog` and others: what `/api/show_config` knows.
    pub config: BTreeMap<String, String>,
    pub tablets: BTreeMap<TabletId, BeTablet>,
    /// The `is_async` answer of ingest_binlog: work goes on after the reply.
    pub async_ingest: bool,
}

/// A tablet on a backend.
#[derive(Clone, Debug)]
pub struct BeTablet {
    pub id: TabletId,
    pub partition: PartitionId,
    pub keys: KeysType,
    /// `binlog.enable` as the backend knows it.
    pub binlog_enabled: bool,
    /// By version; a version without rows is present, too. The largest is the replica's version.
    pub rowsets: BTreeMap<Version, SharedRowset>,
    /// Written, not yet published.
    pub pending: BTreeMap<TxnId, SharedRowset>,
    /// Rowset binlogs: what a reader of the binlog can download.
    pub binlogs: BTreeMap<Version, SharedRowset>,
    /// Why reading fails: two ingests of one transaction overlapped on a merge-on-write tablet.
    pub corrupt: Option<String>,
}
