//! What the engine needs from outside. Nothing in this crate reads the system clock or a global random source.

use std::{fmt, sync::Arc, time::Duration};

use ccr_store::Metastore;
use doris::{cluster::Timeouts, net::Net};

use crate::failpoints::Failpoints;

/// Wall-clock time. Only for what people and documents see; waits and deadlines use tokio's clock.
pub trait Clock: Send + Sync + 'static {
    /// Milliseconds since the epoch.
    fn now_ms(&self) -> i64;

    /// Seconds since the epoch, as the Go documents hold them.
    fn now_s(&self) -> i64 {
        self.now_ms().div_euclid(1000)
    }
}

/// A source of random numbers.
pub trait Rng: Send + Sync + 'static {
    /// 64 random bits.
    fn next_u64(&self) -> u64;
}

/// Tunables of the engine.
#[derive(Clone, Debug)]
pub struct Settings {
    pub timeouts: Timeouts,
    /// Transactions in flight per job.
    pub max_in_flight: usize,
    /// Concurrent `ingest_binlog` calls per destination BE, shared by all jobs of the process.
    pub max_ingest_per_backend: usize,
    /// Records asked for in one getBinlog (1 to 255).
    pub binlog_batch: u8,
    /// Bytes of undone records that may be held ahead of the planner.
    pub prefetch_bytes: usize,
    /// First wait when caught up; doubles up to `poll_idle`.
    pub poll_active: Duration,
    /// Longest wait between two polls of an idle source.
    pub poll_idle: Duration,
    /// Progress is written at least this often while it moves.
    pub checkpoint_interval: Duration,
    /// Timeout of a destination transaction: an orphan dies after it.
    pub txn_timeout: Duration,
    /// Set by tests of a running program.
    pub failpoints: Failpoints,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            timeouts: Timeouts::default(),
            max_in_flight: 16,
            max_ingest_per_backend: 48,
            binlog_batch: 255,
            prefetch_bytes: 32 << 20,
            poll_active: Duration::from_millis(20),
            poll_idle: Duration::from_millis(1000),
            checkpoint_interval: Duration::from_millis(500),
            txn_timeout: Duration::from_secs(3600),
            failpoints: Failpoints::default(),
        }
    }
}

/// Everything a job gets from its process. Cheap to clone.
#[derive(Clone)]
pub struct Env {
    pub net: Arc<dyn Net>,
    pub store: Arc<dyn Metastore>,
    pub clock: Arc<dyn Clock>,
    pub rng: Arc<dyn Rng>,
    /// Host info of this syncer, `host:port`: the owner in whose name documents are written.
    pub owner: Arc<str>,
    pub settings: Arc<Settings>,
    /// Windows of concurrent ingests per destination BE.
    pub windows: Arc<crate::incremental::IngestWindows>,
}

impl fmt::Debug for Env {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Env").field("owner", &self.owner).field("settings", &self.settings).finish_non_exhaustive()
    }
}
