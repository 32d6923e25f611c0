//! Timeouts of unfinished transactions, and forgetting finished ones.

use std::collections::BTreeMap;

use super::{Txn, TxnState};
use crate::model::{Model, ids::*};

/// Rounds of the timeout check: an expired transaction is aborted up to this late (seen).
pub(crate) const TIMEOUT_CHECK_MS: i64 = 10_000;
/// Rounds of the cleaner.
pub(crate) const CLEAN_INTERVAL_MS: i64 = 30_000;

impl Model {
    /// Transactions that may still change.
    pub(super) fn unfinished_txns(&self) -> impl Iterator<Item = &Txn> {
        self.active_txns.iter().filter_map(|id| self.txns.get(id))
    }

    /// When the next unfinished transaction is aborted for its timeout: at the first round after its end.
    pub(crate) fn next_timeout_ms(&self) -> Option<i64> {
        self.unfinished_txns().filter(|txn| txn.state == TxnState::Prepare).map(timeout_round_ms).min()
    }

    /// Aborts what is over.
    pub(crate) fn abort_expired(&mut self) {
        let expired: Vec<TxnId> = self
            .unfinished_txns()
            .filter(|txn| txn.state == TxnState::Prepare && timeout_round_ms(txn) <= self.now_ms)
            .map(|txn| txn.id)
            .collect();
        for id in expired {
            self.abort(id, "timeout by txn manager");
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
            if *count > most || now.saturating_sub(txn.finished_ms.unwrap_or(now)) > keep {
                forget.push(txn.id);
            }
        }
        for id in forget {
            self.forget_txn(id);
        }
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

fn timeout_round_ms(txn: &Txn) -> i64 {
    let end = txn.expires_ms();
    end.saturating_add(TIMEOUT_CHECK_MS - end.rem_euclid(TIMEOUT_CHECK_MS))
}
