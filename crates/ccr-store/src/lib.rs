//! The metadata database: jobs, progress and syncers, in the Go program's tables and documents.
//!
//! [`Metastore`] is the seam; [`memory`] serves simulations (sqlx cannot run on virtual time), [`sqlite`] is the embedded
//! default, [`mysql`] (MariaDB too) and [`postgres`] are for several syncers that share their jobs; [`cluster`] says how. One
//! contract suite (`contract`, behind the feature of that name) runs on every store. Stores know documents as text;
//! [`documents`] gives the text its types. No policy lives here.

use std::fmt;
use std::time::Duration;

use futures::future::BoxFuture;

pub mod cluster;
#[cfg(any(test, feature = "contract"))]
pub mod contract;
pub mod documents;
pub mod memory;
pub mod mysql;
pub mod postgres;
mod rules;
mod sql;
pub mod sqlite;

pub use cluster::{ClusterView, Lease, LeaseAnswer};
pub use sql::ServerAddress;

/// The result of a store operation.
pub type Result<T> = std::result::Result<T, StoreError>;

/// Why a store operation failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoreError {
    pub kind: StoreErrorKind,
    /// One sentence, beginning as the Go program's texts do (`sqlite: get job failed, name: x: ..`). No secrets.
    pub text: String,
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl std::error::Error for StoreError {}

/// Kinds of failure of a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StoreErrorKind {
    /// The row is not there.
    NotFound,
    /// The row is there already.
    Exists,
    /// The job belongs to another syncer: the caller must stop running it.
    NotOwner,
    /// The document is larger than the database takes; nothing was written.
    TooLarge,
    /// The database did not answer, is locked, full or away. The write may or may not have happened.
    Unavailable,
    /// What is stored cannot be understood.
    Corrupt,
}

/// A row of table `jobs`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobRow {
    pub name: String,
    /// The job document, JSON.
    pub document: String,
    /// Host info of the owning syncer.
    pub owner: String,
}

/// The metadata database.
///
/// Writes that claim progress name the `owner` in whose name they are made and fail with [`StoreErrorKind::NotOwner`] -
/// checked in the same database transaction - when the job's row names another one, and with `NotFound` when the job's row
/// is gone: a worker that outlived its job can never bring rows back. A handle that has acquired a lease writes in its
/// owner's name only while that lease is alive: `NotOwner` otherwise. A handle that never acquired one (a tool, a simulation of
/// one process) is not fenced.
pub trait Metastore: Send + Sync + 'static {
    /// Inserts a job. `Exists` if the name is taken. A progress row left behind under that name is removed.
    fn add_job<'a>(&'a self, row: &'a JobRow) -> BoxFuture<'a, Result<()>>;

    /// Replaces the document of a job that `owner` owns.
    fn update_job<'a>(&'a self, name: &'a str, owner: &'a str, document: &'a str) -> BoxFuture<'a, Result<()>>;

    /// Deletes job and progress. Absent rows are fine. With `owner`: only if the job belongs to it (`NotOwner` otherwise).
    fn remove_job<'a>(&'a self, name: &'a str, owner: Option<&'a str>) -> BoxFuture<'a, Result<()>>;

    /// One job; `None` if there is no such row.
    fn job<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Option<JobRow>>>;

    /// All jobs of the deployment, by name.
    fn jobs(&self) -> BoxFuture<'_, Result<Vec<JobRow>>>;

    /// The progress document; `None` if there is no such row.
    fn progress<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Option<String>>>;

    /// Inserts or replaces the progress document of a job that `owner` owns. Durable when it returns.
    fn save_progress<'a>(&'a self, name: &'a str, owner: &'a str, document: &'a str) -> BoxFuture<'a, Result<()>>;

    /// Makes this handle, used by `process`, the one that acts as `owner` for `ttl` from now - unless another one does: then its
    /// lease is returned. `ended` names a process that is known to be gone: its lease counts as ended. The lease is kept by
    /// [`renew_lease`](Self::renew_lease).
    ///
    /// # Errors
    /// `TooLarge` for an identity that the Go program's columns cannot hold; `Unavailable`.
    fn acquire_lease<'a>(
        &'a self,
        owner: &'a str,
        process: &'a str,
        ended: Option<&'a str>,
        ttl: Duration,
    ) -> BoxFuture<'a, Result<LeaseAnswer>>;

    /// Lets the lease of this handle end `ttl` from now. `NotOwner` if it has ended: then it must be acquired again.
    fn renew_lease(&self, ttl: Duration) -> BoxFuture<'_, Result<()>>;

    /// Writes the row of this handle's identity in table `syncers`, for Go peers. `NotOwner` if its lease has ended.
    fn stamp(&self, stamp_ns: i64) -> BoxFuture<'_, Result<()>>;

    /// Ends the lease of this handle and sets its row in table `syncers` to 0. Fine without a lease.
    fn release_lease(&self) -> BoxFuture<'_, Result<()>>;

    /// Who is there and who has which job.
    fn view(&self) -> BoxFuture<'_, Result<ClusterView>>;

    /// Moves a job of `from`, whose lease has ended or never was, to `to`, whose lease is alive. `false` if that is not how
    /// things are (any more). Whether a `from` without a lease is gone is for the caller to know.
    fn take_job<'a>(&'a self, name: &'a str, from: &'a str, to: &'a str) -> BoxFuture<'a, Result<bool>>;

    /// Moves a job of this handle's identity to `to`, whose lease is alive. `false` if that is not how things are (any more).
    fn give_job<'a>(&'a self, name: &'a str, to: &'a str) -> BoxFuture<'a, Result<bool>>;

    /// Deletes a row of table `syncers` that still says `stamp_ns`, whose identity has no living lease. `false`: it is not so.
    fn forget_syncer<'a>(&'a self, host: &'a str, stamp_ns: i64) -> BoxFuture<'a, Result<bool>>;

    /// Closes connections; later calls are `Unavailable`.
    fn close(&self) -> BoxFuture<'_, ()>;
}
