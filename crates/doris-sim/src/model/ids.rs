//! Ids of one simulated cluster: the newtypes of the client, on a side of their own.

/// The cluster itself: its ids are neither the source's nor the destination's.
#[derive(Clone, Copy, Debug)]
pub enum Local {}

impl doris::Side for Local {
    const NAME: &'static str = "simulated";
}

pub type DbId = doris::ids::DbId<Local>;
pub type TableId = doris::ids::TableId<Local>;
pub type PartitionId = doris::ids::PartitionId<Local>;
pub type IndexId = doris::ids::IndexId<Local>;
pub type TabletId = doris::ids::TabletId<Local>;
pub type ReplicaId = doris::ids::ReplicaId<Local>;
pub type BackendId = doris::ids::BackendId<Local>;
pub type TxnId = doris::ids::TxnId<Local>;
pub use doris::ids::{CommitSeq, Version};

/// The one counter of all catalog ids (databases to replicas, backends, jobs). Never repeats, survives restarts.
#[derive(Clone, Debug)]
pub struct IdCounter(pub(super) i64);

impl IdCounter {
    /// The next number, whatever it is for.
    pub fn next_raw(&mut self) -> i64 {
        let id = self.0;
        self.0 += 1;
        id
    }

    /// A new master goes on after the last journaled batch.
    pub(super) fn jump(&mut self) {
        let batch = super::election::ID_BATCH;
        self.0 += batch - self.0 % batch;
    }
}
