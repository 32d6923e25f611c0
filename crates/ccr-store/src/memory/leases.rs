//! Leases and syncers of the store in memory. Its clock is tokio's, so that leases end on virtual time, too.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::cluster::LONGEST_LEASE_MS;
use crate::rules::Backend;
use crate::{ClusterView, Lease, LeaseAnswer, Result};

use super::Tables;

/// A row of `ccr_leases`.
#[derive(Clone, Debug)]
pub(super) struct Row {
    epoch: i64,
    process: String,
    expires_at_ms: i64,
    stamp_ns: i64,
}

impl Row {
    fn read(&self, now_ms: i64) -> Lease {
        Lease {
            epoch: self.epoch,
            process: self.process.clone(),
            remaining_ms: self.expires_at_ms - now_ms,
            stamp_ns: self.stamp_ns,
        }
    }
}

fn end(now_ms: i64, ttl: Duration) -> i64 {
    now_ms + i64::try_from(ttl.as_millis()).unwrap_or(i64::MAX).min(LONGEST_LEASE_MS)
}

impl Tables {
    pub(super) fn lease_is_alive(&self, owner: &str, now_ms: i64) -> bool {
        self.leases.get(owner).is_some_and(|row| row.read(now_ms).is_alive())
    }

    /// Whether a handle that needs `epoch` (0: none) may write in the name of `owner`.
    pub(super) fn check_lease(
        &self,
        backend: Backend,
        doing: &str,
        owner: &str,
        epoch: i64,
        now_ms: i64,
    ) -> Result<()> {
        let held = self.leases.get(owner).filter(|row| row.epoch == epoch);
        if epoch == 0 || held.is_some_and(|row| row.read(now_ms).is_alive()) {
            return Ok(());
        }
        Err(backend.lease_ended(doing, owner))
    }

    pub(super) fn acquire(
        &mut self,
        owner: &str,
        process: &str,
        ended: Option<&str>,
        ttl: Duration,
        now_ms: i64,
    ) -> LeaseAnswer {
        let found = self.leases.get(owner);
        if let Some(row) = found.filter(|row| row.read(now_ms).is_alive() && Some(row.process.as_str()) != ended) {
            if row.process == process {
                return LeaseAnswer::Granted { epoch: row.epoch };
            }
            return LeaseAnswer::Held(row.read(now_ms));
        }
        let epoch = found.map_or(now_ms, |row| now_ms.max(row.epoch + 1));
        let stamp_ns = found.map_or(0, |row| row.stamp_ns);
        let row = Row { epoch, process: process.to_owned(), expires_at_ms: end(now_ms, ttl), stamp_ns };
        self.leases.insert(owner.to_owned(), row);
        LeaseAnswer::Granted { epoch }
    }

    pub(super) fn renew(&mut self, owner: &str, ttl: Duration, now_ms: i64) {
        if let Some(row) = self.leases.get_mut(owner) {
            row.expires_at_ms = end(now_ms, ttl);
        }
    }

    pub(super) fn stamp(&mut self, owner: &str, stamp_ns: i64) {
        if let Some(row) = self.leases.get_mut(owner) {
            row.stamp_ns = stamp_ns;
        }
        self.syncers.insert(owner.to_owned(), stamp_ns);
    }

    pub(super) fn release(&mut self, owner: &str, epoch: i64) {
        let Some(row) = self.leases.get_mut(owner).filter(|row| row.epoch == epoch) else { return };
        (row.expires_at_ms, row.stamp_ns) = (0, 0);
        if let Some(stamp) = self.syncers.get_mut(owner) {
            *stamp = 0;
        }
    }

    pub(super) fn view(&self, now_ms: i64) -> ClusterView {
        ClusterView {
            now_ms,
            owners: self.jobs.iter().map(|(name, (_, owner))| (name.clone(), owner.clone())).collect(),
            syncers: self.syncers.clone(),
            leases: self
                .leases
                .iter()
                .map(|(owner, row)| (owner.clone(), row.read(now_ms)))
                .collect::<BTreeMap<_, _>>(),
        }
    }

    /// `alive`: whether the lease of `from` must be, or must not be.
    pub(super) fn move_job(&mut self, name: &str, from: &str, to: &str, alive: bool, now_ms: i64) -> bool {
        if self.lease_is_alive(from, now_ms) != alive || !self.lease_is_alive(to, now_ms) {
            return false;
        }
        match self.jobs.get_mut(name) {
            Some((_, owner)) if owner == from => {
                to.clone_into(owner);
                true
            }
            _ => false,
        }
    }

    pub(super) fn forget(&mut self, host: &str, stamp_ns: i64, now_ms: i64) -> bool {
        let gone = self.syncers.get(host) == Some(&stamp_ns) && !self.lease_is_alive(host, now_ms);
        if gone {
            self.syncers.remove(host);
        }
        gone
    }
}
