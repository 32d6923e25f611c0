//! What backends keep besides their rowsets: rowset binlogs, and rows of transactions that nobody finishes.

use std::collections::BTreeSet;

use super::{Model, ids::*};

/// Backends that learn a table's binlog switch late.
#[derive(Clone, Debug)]
pub(crate) struct BinlogSwitch {
    at_ms: i64,
    tablets: Vec<TabletId>,
    on: bool,
}

impl Model {
    /// The meta update task: backends learn the switch after a while; switched off, they throw away what they have.
    /// A version that is published before has no rowset binlog, though it has a record.
    pub(crate) fn tell_backends_binlog(&mut self, tablets: &[TabletId], on: bool) {
        let at_ms = self.now_ms.saturating_add(self.options.binlog_switch_delay_ms);
        self.binlog_switches.push(BinlogSwitch { at_ms, tablets: tablets.to_vec(), on });
        self.switch_binlogs();
    }

    pub(crate) fn next_binlog_switch_ms(&self) -> Option<i64> {
        self.binlog_switches.iter().map(|switch| switch.at_ms).min()
    }

    pub(crate) fn switch_binlogs(&mut self) {
        let now = self.now_ms;
        for BinlogSwitch { tablets, on, .. } in self.binlog_switches.extract_if(.., |switch| switch.at_ms <= now) {
            for be in self.backends.values_mut() {
                for tablet in &tablets {
                    let Some(tablet) = be.tablets.get_mut(tablet) else { continue };
                    tablet.binlog_enabled = on;
                    if !on {
                        tablet.binlogs.clear();
                    }
                }
            }
        }
    }

    /// A fault: backends lose the rowset binlogs of a tablet, whose records stay.
    pub fn lose_rowset_binlogs(&mut self, tablet: TabletId) {
        for on_be in self.backends.values_mut().filter_map(|be| be.tablets.get_mut(&tablet)) {
            on_be.binlogs.clear();
        }
    }

    /// Backends report rows that have waited for long; what belongs to no unfinished transaction is thrown away
    /// (`pending_data_expire_time_sec`).
    pub(crate) fn expire_pending_rows(&mut self) {
        let live: BTreeSet<TxnId> = self
            .active_txns
            .iter()
            .filter_map(|id| self.txns.get(id))
            .flat_map(|txn| std::iter::once(&txn.id).chain(&txn.sub_txns).chain(&txn.begun_sub_txns))
            .copied()
            .collect();
        let now = self.now_ms;
        let tablets = self.backends.values().flat_map(|be| be.tablets.values());
        let orphans: BTreeSet<TxnId> =
            tablets.flat_map(|tablet| tablet.pending.keys()).filter(|id| !live.contains(id)).copied().collect();
        self.orphaned_since_ms.retain(|id, _| orphans.contains(id));
        for id in orphans {
            self.orphaned_since_ms.entry(id).or_insert(now);
        }
        for be in self.backends.values_mut() {
            let keep = be.config.get("pending_data_expire_time_sec").and_then(|v| v.parse::<i64>().ok());
            let keep = keep.unwrap_or(1800).saturating_mul(1000);
            let over =
                |id: &TxnId| self.orphaned_since_ms.get(id).is_some_and(|since| now.saturating_sub(*since) >= keep);
            be.tablets.values_mut().for_each(|tablet| tablet.pending.retain(|id, _| !over(id)));
        }
    }
}
