//! Backends and what they hold.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use serde::{Deserialize, Serialize};

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
    /// Whether the process answers.
    pub running: bool,
    /// Whether it was started again since the last heartbeat.
    pub(crate) restarted: bool,
    /// Whether the FE takes it for alive: it answered the last heartbeat.
    pub alive: bool,
    /// Heartbeats without an answer since the last one with.
    pub heartbeat_failures: u32,
    /// `ErrMsg` of SHOW BACKENDS.
    pub error: String,
    /// ALTER SYSTEM DECOMMISSION: its tablets move to other BEs.
    pub decommissioned: bool,
    /// How long it takes for each answer (a slow disk).
    pub response_delay_ms: i64,
    pub last_heartbeat_ms: i64,
    pub started_ms: i64,
    /// `enable_feature_binlog` and others: what `/api/show_config` knows.
    pub config: BTreeMap<String, String>,
    pub tablets: BTreeMap<TabletId, BeTablet>,
    /// Local snapshots by path.
    pub(crate) snapshots: BTreeMap<String, BeSnapshot>,
    /// The `is_async` answer of ingest_binlog: work goes on after the reply.
    pub async_ingest: bool,
}

/// A hard-linked copy of a tablet at one version.
#[derive(Clone, Debug)]
pub(crate) struct BeSnapshot {
    pub(crate) tablet: TabletId,
    pub(crate) rowsets: BTreeMap<Version, SharedRowset>,
    pub(crate) expires_ms: i64,
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
    pub(crate) made_ms: i64,
    /// Position of the tablet in its partition, number of buckets and hash columns: rows copied between tablets that
    /// differ in this would be in the wrong bucket.
    pub shape: TabletShape,
    /// Ingests that are being downloaded: how many at once for each transaction.
    pub(crate) ingesting: BTreeMap<TxnId, u32>,
    /// Transactions whose ingests overlapped on this merge-on-write tablet.
    pub(crate) overlapped: BTreeSet<TxnId>,
    /// Why the last ingest of a transaction failed, for query_ingest_binlog.
    pub(crate) ingest_failures: BTreeMap<TxnId, String>,
    /// Why reading fails: two ingests of one transaction overlapped on a merge-on-write tablet.
    pub corrupt: Option<String>,
}

/// Where a tablet's rows come from.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TabletShape {
    pub bucket: u32,
    pub buckets: u32,
    /// Empty = RANDOM.
    pub hash_columns: Vec<String>,
}

impl Backend {
    /// Whether the FE gives it work and it does it.
    pub fn works(&self) -> bool {
        self.alive && self.running
    }

    /// A configuration item as a boolean.
    pub fn flag(&self, key: &str) -> bool {
        self.config.get(key).is_some_and(|v| v == "true")
    }
}

impl BeTablet {
    /// An empty tablet: version 1 is the rowset without rows.
    pub(crate) fn new(
        id: TabletId,
        partition: PartitionId,
        keys: KeysType,
        binlog_enabled: bool,
        shape: TabletShape,
        made_ms: i64,
    ) -> Self {
        let mut rowsets = BTreeMap::new();
        rowsets.insert(Version(1), SharedRowset::default());
        Self {
            id,
            partition,
            keys,
            binlog_enabled,
            rowsets,
            pending: BTreeMap::new(),
            binlogs: BTreeMap::new(),
            made_ms,
            shape,
            ingesting: BTreeMap::new(),
            overlapped: BTreeSet::new(),
            ingest_failures: BTreeMap::new(),
            corrupt: None,
        }
    }

    /// The newest version.
    pub fn version(&self) -> Version {
        self.rowsets.last_key_value().map_or(Version(0), |(version, _)| *version)
    }

    /// Adds rows to the pending rowset of a transaction: several statements of one write it together.
    pub(crate) fn write(&mut self, txn: TxnId, rowset: &SharedRowset) {
        match self.pending.get_mut(&txn) {
            Some(pending) => Arc::make_mut(pending).rows.extend(rowset.rows.iter().cloned()),
            None => {
                self.pending.insert(txn, SharedRowset::clone(rowset));
            }
        }
    }

    /// The pending rowset of a transaction becomes a version, and a rowset binlog where they are kept. A stand-in
    /// publishes without one, too. Answers whether there is such a version now.
    pub(crate) fn publish_pending(
        &mut self,
        txn: TxnId,
        version: Version,
        keeps_binlogs: bool,
        stand_in: bool,
    ) -> bool {
        let rowset = self.pending.remove(&txn).or_else(|| stand_in.then(SharedRowset::default));
        let Some(rowset) = rowset else { return false };
        if keeps_binlogs && self.binlog_enabled {
            self.binlogs.insert(version, SharedRowset::clone(&rowset));
        }
        self.rowsets.insert(version, rowset);
        if self.overlapped.remove(&txn) {
            self.corrupt = Some(format!("delete bitmap of version {version} was computed for another rowset"));
        }
        true
    }
}
