//! The publisher: COMMITTED transactions become VISIBLE, in version order for each partition.

use std::collections::BTreeSet;

use super::{Txn, TxnState, TxnWrite};
use crate::model::{Model, ids::*};

/// After this a quorum of replicas is enough, even where more of them live (`publish_version_timeout_second`).
const PUBLISH_TIMEOUT_MS: i64 = 30_000;
/// Between two attempts to publish a transaction that could not be published yet.
const RETRY_MS: i64 = 100;

impl Model {
    /// Holds back (or lets go) every publish, as the debug point of Doris does.
    pub fn hold_publish(&mut self, hold: bool) {
        self.publish_held = hold;
        // The publisher takes its time again.
        let at = self.now_ms.saturating_add(self.options.publish_delay_ms);
        for id in self.active_txns.iter().filter(|_| !hold) {
            if let Some(txn) = self.txns.get_mut(id) {
                txn.retry_at_ms = at;
            }
        }
    }

    pub fn publish_is_held(&self) -> bool {
        self.publish_held
    }

    /// When the publisher has something to do.
    pub(crate) fn next_publish_ms(&self) -> Option<i64> {
        if self.publish_held || self.publisher_fails {
            return None;
        }
        self.committed_txns().map(|txn| txn.publish_at_ms.max(txn.retry_at_ms)).min()
    }

    fn committed_txns(&self) -> impl Iterator<Item = &Txn> {
        self.unfinished_txns().filter(|txn| txn.state == TxnState::Committed)
    }

    /// One round: every transaction that is due, in the order of commit.
    pub(crate) fn publish_due(&mut self) {
        if self.publish_held || self.publisher_fails {
            return;
        }
        let newest_round = self.profile().publish_time_of_last_round;
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
                if let Some(txn) = self.txns.get_mut(&id) {
                    if newest_round {
                        txn.published_ms = Some(now);
                    }
                    txn.published_ms.get_or_insert(now);
                    txn.retry_at_ms = now.saturating_add(RETRY_MS);
                }
                match self.publishable(id) {
                    Ok(Some(txn)) => {
                        self.finish_txn(txn);
                        progress = true;
                    }
                    Ok(None) => {}
                    Err(reason) => {
                        if let Some(txn) = self.txns.get_mut(&id) {
                            txn.wait_reason = reason;
                        }
                    }
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
    /// version of each partition, and of each tablet enough replicas have the data. `None`: more replicas may come.
    ///
    /// # Errors
    /// Why it must wait, in Doris's words.
    fn publishable(&self, id: TxnId) -> Result<Option<Txn>, String> {
        let Some(txn) = self.txns.get(&id) else { return Ok(None) };
        let waited = self.now_ms.saturating_sub(txn.committed_ms.unwrap_or(self.now_ms));
        let mut outcome = Outcome { failed: txn.error_replicas.clone(), may_come: false };
        for (n, write) in txn.writes.iter().enumerate() {
            let Some(table) = self.databases.get(&txn.db).and_then(|db| db.table_by_id(write.table)) else { continue };
            let Some(partition) = table.partition_by_id(write.partition) else { continue };
            let earlier = txn.writes[..n].iter().filter(|w| w.partition == write.partition).count();
            let base = Version(write.version.0 - 1 - i64::try_from(earlier).unwrap_or(0));
            if partition.visible_version != base {
                return Err(wait_text(txn, write, partition.visible_version, earlier));
            }
            self.check_published(txn, write, base, waited, &mut outcome)?;
        }
        if outcome.may_come && waited < PUBLISH_TIMEOUT_MS {
            return Ok(None);
        }
        let mut txn = txn.clone();
        txn.error_replicas = outcome.failed;
        Ok(Some(txn))
    }

    /// Whether enough replicas of each tablet of a partition can publish one write.
    fn check_published(
        &self,
        txn: &Txn,
        write: &TxnWrite,
        base: Version,
        waited_ms: i64,
        outcome: &mut Outcome,
    ) -> Result<(), String> {
        let Some(table) = self.databases.get(&txn.db).and_then(|db| db.table_by_id(write.table)) else { return Ok(()) };
        let Some(partition) = table.partition_by_id(write.partition) else { return Ok(()) };
        let required = usize::try_from(table.required_replicas(partition)).unwrap_or(usize::MAX);
        let one_will_do = waited_ms >= self.config_number("publish_wait_time_second", 300).saturating_mul(1000);
        for (index, tablet) in txn.loaded_tablets(table.id, partition) {
            let shadow = table.indexes.get(&index).filter(|index| index.shadow);
            if table.converted_for(txn.id).contains(&index) {
                continue;
            }
            let mut good = 0;
            for replica in &tablet.replicas {
                let be = self.backends.get(&replica.backend).filter(|be| be.works());
                let on_be = be.and_then(|be| be.tablets.get(&tablet.id));
                let has = on_be.is_some_and(|on_be| {
                    self.options.stand_in_backends
                        || (on_be.pending.contains_key(&write.stid) && (on_be.version() == base || shadow.is_some()))
                });
                if has && (replica.version >= base || shadow.is_some()) {
                    good += 1;
                    outcome.failed.remove(&replica.id);
                } else {
                    outcome.failed.insert(replica.id);
                    outcome.may_come |= be.is_some() && !txn.error_replicas.contains(&replica.id);
                }
            }
            if good < required && !(one_will_do && good > 0) {
                return Err(format!(
                    "publish on tablet {} failed. succeed replica num {good} < load required replica num {required}. \
                     table: {}, partition: {}, publish version: {}",
                    tablet.id, table.id, partition.id, write.version
                ));
            }
        }
        Ok(())
    }

    /// Makes the versions of a transaction visible and records it.
    fn finish_txn(&mut self, mut txn: Txn) {
        for write in &txn.writes {
            self.apply_write(&txn, write);
        }
        self.raise_table_versions(&txn);
        let seq = self.journal();
        txn.state = TxnState::Visible;
        txn.wait_reason.clear();
        txn.finished_ms = Some(self.now_ms);
        self.record_upsert(&txn, seq);
        self.active_txns.remove(&txn.id);
        self.txns.insert(txn.id, txn);
    }

    /// Every table that was written gets one new version, however many sub transactions wrote it (seen).
    fn raise_table_versions(&mut self, txn: &Txn) {
        let now = self.now_ms;
        let tables: BTreeSet<TableId> = txn.writes.iter().map(|write| write.table).collect();
        for table in tables {
            if let Some(table) = self.table_mut(txn.db, table) {
                table.raise_version(now);
            }
        }
    }

    fn apply_write(&mut self, txn: &Txn, write: &TxnWrite) {
        let now = self.now_ms;
        let Some(table) = self.databases.get_mut(&txn.db).and_then(|db| db.table_by_id_mut(write.table)) else {
            return;
        };
        let converted = table.converted_for(txn.id);
        let Some(partition) = table.partition_by_id_mut(write.partition) else { return };
        partition.visible_version = write.version;
        partition.visible_ms = now;
        let stand_in = self.options.stand_in_backends;
        for (index, tablet) in partition.indexes.iter_mut().flat_map(|(id, list)| list.iter_mut().map(|t| (*id, t))) {
            for replica in &mut tablet.replicas {
                let be = self.backends.get_mut(&replica.backend).filter(|be| be.alive);
                let published = !txn.error_replicas.contains(&replica.id)
                    && be.is_some_and(|be| {
                        let keeps = be.flag("enable_feature_binlog");
                        let on_be = be.tablets.get_mut(&tablet.id);
                        on_be.is_some_and(|on_be| on_be.publish_pending(write.stid, write.version, keeps, stand_in))
                    });
                if published {
                    replica.version = write.version;
                    replica.last_failed_version = replica.last_failed_version.filter(|failed| *failed > write.version);
                } else if !converted.contains(&index) {
                    replica.last_failed_version =
                        Some(replica.last_failed_version.map_or(write.version, |failed| failed.max(write.version)));
                }
            }
        }
    }
}

/// What the replicas of all tablets of a transaction do.
struct Outcome {
    /// Those that miss a version.
    failed: BTreeSet<ReplicaId>,
    /// A replica that was reported and lives is not there yet.
    may_come: bool,
}

/// `wait for publishing partition ..`
fn wait_text(txn: &Txn, write: &TxnWrite, visible: Version, earlier: usize) -> String {
    let TxnWrite { stid, table, partition, version } = write;
    let expected = visible.0 + 1 + i64::try_from(earlier).unwrap_or(0);
    if txn.with_sub_txns {
        return format!(
            "wait for publishing partition {partition} version {expected}, visible version {visible}. self version: \
             {version}. table {table}, transactionId {}, subTransactionId {stid}",
            txn.id
        );
    }
    format!("wait for publishing partition {partition} version {expected}. self version: {version}. table {table}")
}
