//! The publisher: COMMITTED transactions become VISIBLE, in version order for each partition.

use std::collections::BTreeSet;

use super::{Txn, TxnState, TxnWrite};
use crate::model::{Model, ids::*};

/// After this a quorum is enough (`publish_version_timeout_second`).
const PUBLISH_TIMEOUT_MS: i64 = 30_000;
/// Between two attempts to publish a transaction that could not be published yet.
const RETRY_MS: i64 = 100;

impl Model {
    /// Holds back (or lets go) every publish, as the debug point of Doris does.
    pub fn hold_publish(&mut self, hold: bool) {
        self.publish_held = hold;
    }

    /// When the publisher has something to do.
    pub(crate) fn next_publish_ms(&self) -> Option<i64> {
        if self.publish_held {
            return None;
        }
        self.committed_txns().map(|txn| txn.publish_at_ms.max(txn.retry_at_ms)).min()
    }

    fn committed_txns(&self) -> impl Iterator<Item = &Txn> {
        self.unfinished_txns().filter(|txn| txn.state == TxnState::Committed)
    }

    /// One round: every transaction that is due, in the order of commit.
    pub(crate) fn publish_due(&mut self) {
        if self.publish_held {
            return;
        }
        loop {
            let now = self.now_ms;
            let mut due: Vec<(Option<i64>, TxnId)> = self
                .committed_txns()
                .filter(|txn| txn.publish_at_ms.max(txn.retry_at_ms) <= now)
                .map(|txn| (txn.committed_ms, txn.id))
                .collect();
            due.sort_unstable();
            let mut progress = false;
            for (_, id) in due {
                if let Some(txn) = self.publishable(id) {
                    self.finish_txn(txn);
                    progress = true;
                } else if let Some(txn) = self.txns.get_mut(&id) {
                    txn.retry_at_ms = now.saturating_add(RETRY_MS);
                }
            }
            if !progress {
                return;
            }
            // What waited for an earlier version of the same partition may go now.
            for id in self.active_txns.clone() {
                if let Some(txn) = self.txns.get_mut(&id) {
                    txn.retry_at_ms = 0;
                }
            }
        }
    }

    /// The transaction with the replicas that failed it, if all of its versions may become visible now: it is the next
    /// version of each partition, and of each tablet a quorum of replicas has the data (all that can have it, within
    /// the publish timeout).
    fn publishable(&self, id: TxnId) -> Option<Txn> {
        let txn = self.txns.get(&id)?;
        let waited_out = txn.committed_ms.is_some_and(|at| self.now_ms.saturating_sub(at) >= PUBLISH_TIMEOUT_MS);
        let mut failed: BTreeSet<ReplicaId> = BTreeSet::new();
        for (n, write) in txn.writes.iter().enumerate() {
            let Some(table) = self.databases.get(&txn.db).and_then(|db| db.table_by_id(write.table)) else { continue };
            let Some(partition) = table.partition_by_id(write.partition) else { continue };
            let earlier = txn.writes[..n].iter().filter(|w| w.partition == write.partition).count();
            let base = Version(write.version.0 - 1 - i64::try_from(earlier).unwrap_or(0));
            if partition.visible_version != base {
                return None;
            }
            let required = usize::try_from(table.required_replicas(partition)).unwrap_or(usize::MAX);
            for (_, tablet) in partition.tablets() {
                let mut good = 0;
                let mut may_come = false;
                for replica in &tablet.replicas {
                    let be = self.backends.get(&replica.backend).filter(|be| be.alive);
                    let has = be
                        .and_then(|be| be.tablets.get(&tablet.id))
                        .is_some_and(|t| t.pending.contains_key(&write.stid) && t.version() == base);
                    if has && replica.last_failed_version.is_none() {
                        good += 1;
                    } else {
                        failed.insert(replica.id);
                        may_come |= be.is_some() && !txn.error_replicas.contains(&replica.id);
                    }
                }
                if good < required || (may_come && !waited_out) {
                    return None;
                }
            }
        }
        let mut txn = txn.clone();
        txn.error_replicas.extend(failed);
        Some(txn)
    }

    /// Makes the versions of a transaction visible and records it.
    fn finish_txn(&mut self, mut txn: Txn) {
        for write in &txn.writes {
            self.apply_write(&txn, write);
        }
        let seq = self.journal();
        txn.state = TxnState::Visible;
        txn.published_ms = Some(self.now_ms);
        txn.finished_ms = Some(self.now_ms);
        self.record_upsert(&txn, seq);
        self.active_txns.remove(&txn.id);
        self.txns.insert(txn.id, txn);
    }

    fn apply_write(&mut self, txn: &Txn, write: &TxnWrite) {
        let now = self.now_ms;
        let Some(table) = self.databases.get_mut(&txn.db).and_then(|db| db.table_by_id_mut(write.table)) else {
            return;
        };
        table.updated_ms = now;
        let Some(partition) = table.partition_by_id_mut(write.partition) else { return };
        partition.visible_version = write.version;
        partition.visible_ms = now;
        for tablet in partition.indexes.values_mut().flatten() {
            for replica in &mut tablet.replicas {
                let be = self.backends.get_mut(&replica.backend);
                let Some((be_tablet, keeps_binlogs)) = be.and_then(|be| {
                    let keeps = be.flag("enable_feature_binlog");
                    be.tablets.get_mut(&tablet.id).map(|t| (t, keeps))
                }) else {
                    replica.last_failed_version.get_or_insert(write.version);
                    continue;
                };
                match be_tablet.pending.remove(&write.stid) {
                    Some(rowset) if !txn.error_replicas.contains(&replica.id) => {
                        be_tablet.publish(write.stid, write.version, rowset, keeps_binlogs);
                        replica.version = write.version;
                    }
                    _ => {
                        replica.last_failed_version.get_or_insert(write.version);
                    }
                }
            }
        }
    }
}
