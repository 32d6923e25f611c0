//! Timeouts of unfinished transactions, and forgetting finished ones.

use std::collections::BTreeMap;

use super::{Txn, TxnState};
use crate::model::{Model, ids::*};

/// When a round of the cleaner takes place within its interval (seen: at second 1 and 31 of a minute).
const ROUND_PHASE_MS: i64 = 1000;

impl Model {
    /// Transactions that may still change.
    pub(super) fn unfinished_txns(&self) -> impl Iterator<Item = &Txn> {
        self.active_txns.iter().filter_map(|id| self.txns.get(id))
    }

    /// When the cleaner takes its next round: expired transactions are aborted up to an interval late.
    pub(crate) fn next_clean_round_ms(&self) -> i64 {
        let interval = self.config_number("transaction_clean_interval_second", 30).max(1).saturating_mul(1000);
        let since_round = (self.now_ms - ROUND_PHASE_MS).rem_euclid(interval);
        self.now_ms.saturating_add(interval - since_round)
    }

    /// One round of the cleaner: forgets, then aborts what is over. A transaction of a dropped table is aborted, too.
    pub(crate) fn clean_round(&mut self) {
        self.clean_txns();
        let lost = self.config_number("abort_txn_after_lost_heartbeat_time_second", 300).saturating_mul(1000);
        let gone: Vec<(BackendId, String)> = self
            .backends
            .values()
            .filter(|be| !be.alive && self.now_ms.saturating_sub(be.last_heartbeat_ms) > lost)
            .map(|be| (be.id, be.host.clone()))
            .collect();
        for (id, host) in gone {
            self.abort_coordinated_by(id, &host, "coordinate BE is down");
        }
        let expired: Vec<TxnId> = self
            .unfinished_txns()
            .filter(|txn| txn.state == TxnState::Prepare && txn.expires_ms() < self.now_ms)
            .map(|txn| txn.id)
            .collect();
        for id in expired {
            self.abort(id, "timeout by txn manager");
        }
    }

    /// Aborts the unfinished transactions that a backend coordinates: by its host, and by its id where one was given.
    pub(crate) fn abort_coordinated_by(&mut self, backend: BackendId, host: &str, reason: &str) {
        let coordinator = format!("BE: {host}");
        let ids: Vec<TxnId> = self
            .unfinished_txns()
            .filter(|txn| txn.state == TxnState::Prepare && txn.coordinator == coordinator)
            .filter(|txn| txn.backend_id == 0 || txn.backend_id == backend.get())
            .map(|txn| txn.id)
            .collect();
        for id in ids {
            self.abort(id, reason);
        }
    }

    /// Forgets finished transactions: by age, and beyond `label_num_threshold` for each database and kind. A forgotten
    /// transaction is unknown by id and by label (seen).
    pub fn clean_txns(&mut self) {
        let now = self.now_ms;
        let streaming_keep = self.config_number("streaming_label_keep_max_second", 43_200).saturating_mul(1000);
        let other_keep = self.config_number("label_keep_max_second", 259_200).saturating_mul(1000);
        let most = self.config_number("label_num_threshold", 2000);
        let mut kept: BTreeMap<(DbId, bool), i64> = BTreeMap::new();
        let mut forget = Vec::new();
        let mut finished: Vec<&Txn> = self.txns.values().filter(|txn| txn.state.is_final()).collect();
        finished.sort_by_key(|txn| std::cmp::Reverse((txn.finished_ms, txn.id)));
        for txn in finished {
            let streaming = txn.source_type == "BACKEND_STREAMING";
            let keep = if streaming { streaming_keep } else { other_keep };
            let count = kept.entry((txn.db, streaming)).or_insert(0);
            *count += 1;
            let beyond = most > 0 && *count > most;
            // Doris counts in whole seconds.
            let age = now.saturating_sub(txn.finished_ms.unwrap_or(now)) / 1000 * 1000;
            if beyond || age > keep {
                forget.push(txn.id);
            }
        }
        for id in forget {
            self.forget_txn(id);
        }
    }

    /// CLEAN LABEL: forgets the finished transactions of a label, or of all labels of a database.
    pub fn clean_label(&mut self, db: DbId, label: Option<&str>) {
        let of_label = |txn: &&Txn| label.is_none_or(|label| txn.label == label);
        let finished: Vec<TxnId> =
            self.txns_of(db).filter(of_label).filter(|txn| txn.state.is_final()).map(|txn| txn.id).collect();
        for id in finished {
            self.forget_txn(id);
        }
        self.journal();
    }

    /// A master that did not begin it does not know a PREPARE transaction.
    pub(crate) fn lose_prepared(&mut self, id: TxnId) {
        if self.txns.get(&id).is_some_and(|txn| txn.state == TxnState::Prepare) {
            self.active_txns.remove(&id);
            self.forget_txn(id);
        }
    }

    fn forget_txn(&mut self, id: TxnId) {
        let Some(txn) = self.txns.remove(&id) else { return };
        let key = (txn.db, txn.label);
        if let Some(ids) = self.labels.get_mut(&key) {
            ids.retain(|other| *other != id);
            if ids.is_empty() {
                self.labels.remove(&key);
            }
        }
    }
}
