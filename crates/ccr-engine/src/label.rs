//! Names that the syncer gives to things in Doris: labels of snapshots, restores and transactions, aliases of tables, and
//! request ids. All of them are functions of durable state, so that a restarted process finds what its predecessor began.

use std::fmt;

use doris::{cluster::RequestId, ids::CommitSeq};
use serde::{Deserialize, Serialize};

use crate::env::Rng;

/// Longest job name that goes into a label as it is; the longest derived label then stays below Doris's 128.
const NAME_LIMIT: usize = 64;

/// The random identity of a job's progress. Deleting a job and creating one of the same name gives another incarnation, so
/// no label of the old one is ever taken for one of the new.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Incarnation(String);

impl Incarnation {
    /// Draws a new incarnation.
    pub fn draw(rng: &dyn Rng) -> Self {
        Self(format!("{:016x}", rng.next_u64()))
    }
}

impl fmt::Display for Incarnation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Label of the backup of a full sync. It begins as the Go program's do and is unique for ever: Doris finds snapshots by
/// label alone, across databases.
pub fn snapshot_label(job: &str, sync_id: i64, incarnation: &Incarnation) -> String {
    format!("ccrs_{}_{sync_id}_{incarnation}", label_part(job))
}

/// The same of a partial sync.
pub fn partial_snapshot_label(job: &str, sync_id: i64, incarnation: &Incarnation) -> String {
    format!("ccrp_{}_{sync_id}_{incarnation}", label_part(job))
}

/// Label of the n-th restore of a snapshot.
pub fn restore_label(snapshot: &str, attempt: u32) -> String {
    format!("{snapshot}_r_{attempt}")
}

/// Name under which a table is restored before it takes the place of `table`.
pub fn alias(table: &str, sync_id: i64) -> String {
    // Doris limits table names to 64 characters.
    if table.chars().count() <= 40 {
        return format!("__ccr_{table}_{sync_id}");
    }
    let head: String = table.chars().take(36).collect();
    format!("__ccr_{head}{:08x}_{sync_id}", fnv(table) as u32)
}

/// Whether a table of this name is a copy that is being made.
pub fn is_alias(name: &str) -> bool {
    name.strip_prefix("__ccr_").and_then(|rest| rest.rsplit_once('_')).is_some_and(|(table, unique)| {
        !table.is_empty() && unique.len() > 8 && unique.bytes().all(|byte| byte.is_ascii_digit())
    })
}

/// Label of the destination transaction of one source transaction. No attempt number: whoever comes later finds what was
/// begun before.
pub fn txn_label(incarnation: &Incarnation, sync_id: i64, seq: CommitSeq) -> String {
    format!("ccrj_{incarnation}_{sync_id}_{seq}")
}

/// Request id of beginTxn: equal for repetitions of one attempt, different for every other attempt, so that a transaction
/// into which an abandoned ingest may still write is never taken up again.
pub fn request_id(label: &str, attempt: u64) -> RequestId {
    RequestId { hi: fnv(label) as i64, lo: attempt as i64 }
}

fn label_part(job: &str) -> String {
    let fits = !job.is_empty()
        && job.len() <= NAME_LIMIT
        && job.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | ':'));
    if fits { job.to_owned() } else { format!("h{:016x}", fnv(job)) }
}

/// FNV-1a, 64 bits: stable for ever, on every platform.
fn fnv(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn incarnation() -> Incarnation {
        Incarnation("00c0ffee00c0ffee".to_owned())
    }

    /// Defects: SEEN-3, ENG-P-5.
    #[test]
    fn labels_fit_doris_and_begin_as_those_of_go() {
        let long = "x".repeat(200);
        for job in ["orders", "a-b:c_d", "订单", "with space", "", long.as_str()] {
            let label = restore_label(&snapshot_label(job, 1_737_700_001, &incarnation()), 12);
            assert!(label.len() <= 128, "{label}");
            assert!(label.chars().all(|c| c.is_ascii_alphanumeric() || "-_:".contains(c)), "{label}");
            assert!(label.starts_with("ccrs_"));
        }
        assert_eq!(snapshot_label("orders", 7, &incarnation()), "ccrs_orders_7_00c0ffee00c0ffee");
        assert_ne!(snapshot_label("a b", 7, &incarnation()), snapshot_label("a  b", 7, &incarnation()));
    }

    #[test]
    fn aliases_stay_short_and_apart() {
        let (a, b) = ("t".repeat(60) + "a", "t".repeat(60) + "b");
        assert_ne!(alias(&a, 1), alias(&b, 1));
        assert!(alias(&a, 1_737_700_001).chars().count() <= 64);
        assert_eq!(alias("t", 5), "__ccr_t_5");
    }

    #[test]
    fn a_transaction_label_is_a_function_of_the_record() {
        assert_eq!(txn_label(&incarnation(), 3, CommitSeq(9)), "ccrj_00c0ffee00c0ffee_3_9");
        assert_ne!(request_id("l", 1), request_id("l", 2));
        assert_eq!(request_id("l", 1), request_id("l", 1));
    }
}
