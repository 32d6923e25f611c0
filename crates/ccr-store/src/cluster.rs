//! Who shares the metadata database: leases of the syncers of this program, and the rows of the Go program's.
//!
//! A lease says that one process may act as one identity (`host:port`). It has an epoch, different for every grant, and ends
//! by the database's clock alone: clocks of syncers are never compared. Every write in the name of an owner is made only
//! while the lease that its handle acquired is alive; the check and the write are one statement that locks the lease's row, so
//! that nobody can take the lease, or a job, in between. No database transaction is ever open across two statements: a
//! process that is frozen holds no lock.

use std::collections::BTreeMap;

/// A lease that ends later than this from now was given by a clock that has been set back since: it has ended.
pub const LONGEST_LEASE_MS: i64 = 60_000;

/// The longest identity that the Go program's tables hold.
pub const LONGEST_OWNER: usize = 96;

/// What [`acquire_lease`](crate::Metastore::acquire_lease) brought.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LeaseAnswer {
    /// The handle owns the identity. Epochs of one identity grow.
    Granted { epoch: i64 },
    /// Another process does.
    Held(Lease),
}

/// A row of table `ccr_leases`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lease {
    pub epoch: i64,
    /// The process that holds it, in that process's own words.
    pub process: String,
    /// Milliseconds until it ends, by the database's clock; 0 or less: it has ended.
    pub remaining_ms: i64,
    /// What its holder last wrote to `syncers.timestamp`. Another value there was written by a Go program.
    pub stamp_ns: i64,
}

impl Lease {
    /// Whether it holds at the time of the reading.
    pub fn is_alive(&self) -> bool {
        (1..=LONGEST_LEASE_MS).contains(&self.remaining_ms)
    }
}

/// Who is there and who has which job. Read in several statements: a plan made of it is carried out by operations that
/// check again.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClusterView {
    /// The database's clock, milliseconds since the epoch.
    pub now_ms: i64,
    /// Owner by job; empty where none is named.
    pub owners: BTreeMap<String, String>,
    /// Table `syncers`: nanoseconds since the epoch of some clock, by identity.
    pub syncers: BTreeMap<String, i64>,
    /// By identity.
    pub leases: BTreeMap<String, Lease>,
}
