//! The metadata database: jobs, progress and syncers, in the Go program's tables and documents.
//!
//! [`Metastore`] is the seam; [`memory`] serves simulations (sqlx cannot run on virtual time), [`sqlite`] is the embedded
//! default. One contract suite (`contract`, behind the feature of that name) runs on every store. Stores know documents as text; [`documents`] gives the
//! text its types. No policy lives here.

use std::fmt;

use futures::future::BoxFuture;

#[cfg(any(test, feature = "contract"))]
pub mod contract;
pub mod documents;
pub mod memory;
mod rules;
pub mod sqlite;

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

/// The metadata database. Every method is one database transaction.
///
/// Writes that claim progress name the `owner` in whose name they are made and fail with [`StoreErrorKind::NotOwner`] -
/// checked in the same database transaction - when the job's row names another one, and with `NotFound` when the job's row
/// is gone: a worker that outlived its job can never bring rows back.
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

    /// Inserts or refreshes the own row of table `syncers` (nanoseconds since the epoch).
    fn heartbeat<'a>(&'a self, owner: &'a str, now_ns: i64) -> BoxFuture<'a, Result<()>>;

    /// Closes connections; later calls are `Unavailable`.
    fn close(&self) -> BoxFuture<'_, ()>;
}
