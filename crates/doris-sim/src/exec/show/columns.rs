//! Columns of SHOW statements that older versions do not have, or spell otherwise.

use crate::{exec::Rows, model::Profile};

/// Whether a profile has something.
type Switch = fn(&Profile) -> bool;

/// A column that tells which statement was answered, and a column that not every version has there.
const NEWER: &[(&str, &str, Switch)] = &[
    ("EditLogPort", "LiveSince", |p| p.show_live_since),
    ("HeartbeatPort", "LiveSince", |p| p.show_live_since),
    ("HeartbeatPort", "RunningTasks", |p| p.show_running_tasks),
    ("HeartbeatPort", "CpuCores", |p| p.show_backend_hardware),
    ("HeartbeatPort", "Memory", |p| p.show_backend_hardware),
    ("PartitionId", "CommittedVersion", |p| p.show_partition_rows),
    ("PartitionId", "RowCount", |p| p.show_partition_rows),
    ("TransactionQuota", "RunningTransactionNum", |p| p.show_running_txns),
    ("TableId", "RunningTransactionNum", |p| p.show_running_txns),
];

/// The result of a SHOW statement as a cluster of this profile gives it.
pub(in crate::exec) fn as_shown(profile: &Profile, mut rows: Rows) -> Rows {
    for (statement, column, has) in NEWER {
        if has(profile) || rows.position(statement).is_none() {
            continue;
        }
        if let Some(at) = rows.position(column) {
            rows.columns.remove(at);
            rows.rows.iter_mut().filter(|row| at < row.len()).for_each(|row| drop(row.remove(at)));
        }
    }
    if profile.trash_column_misspelt {
        for column in rows.columns.iter_mut().filter(|column| column.name == "TrashUsedCapacity") {
            column.name = "TrashUsedCapcacity".into();
        }
    }
    rows
}
