//! Changes of the source table that rows survive, or that take rows with them in a way that is known.

use std::collections::BTreeSet;

use crate::host::SeededRng;

/// Ids of the base partition end here; each added partition has the next thousand.
const BASE: u64 = 1_000_000;

/// What the table has by now.
#[derive(Debug, Default)]
pub(crate) struct Changes {
    /// Numbers never come back, so that no change repeats another one.
    next: u64,
    columns: Vec<String>,
    partitions: Vec<u64>,
}

impl Changes {
    /// An id in one of the partitions.
    pub(crate) fn place(&self, id: u64, rng: &SeededRng) -> u64 {
        let at = rng.below(self.partitions.len() as u64 + 1);
        match self.partitions.get(at as usize) {
            Some(partition) => BASE + partition * 10_000 + id,
            None => id,
        }
    }

    /// The next change; `ids` are the rows of the table.
    pub(crate) fn next(&mut self, rng: &SeededRng, ids: &mut BTreeSet<u64>) -> String {
        self.next += 1;
        let number = self.next;
        let alter = |clause: String| format!("ALTER TABLE shop.orders {clause}");
        match rng.below(9) {
            0 if !self.columns.is_empty() => {
                let column = self.columns.remove(rng.below(self.columns.len() as u64) as usize);
                alter(format!("DROP COLUMN {column}"))
            }
            1 if !self.columns.is_empty() => {
                let at = rng.below(self.columns.len() as u64) as usize;
                let old = std::mem::replace(&mut self.columns[at], format!("r{number}"));
                alter(format!("RENAME COLUMN {old} r{number}"))
            }
            2 if !self.partitions.is_empty() => {
                let partition = self.partitions.remove(rng.below(self.partitions.len() as u64) as usize);
                remove(ids, partition);
                alter(format!("DROP PARTITION p{partition}"))
            }
            3 if !self.partitions.is_empty() => {
                let partition = self.partitions[rng.below(self.partitions.len() as u64) as usize];
                remove(ids, partition);
                format!("TRUNCATE TABLE shop.orders PARTITION (p{partition})")
            }
            4 => {
                ids.clear();
                "TRUNCATE TABLE shop.orders".to_owned()
            }
            5 => alter(format!("MODIFY COMMENT 'comment {number}'")),
            6 | 7 => {
                self.partitions.push(number);
                let low = BASE + number * 10_000;
                alter(format!(
                    "ADD PARTITION p{number} VALUES [(\"{low}\"), (\"{}\")) DISTRIBUTED BY HASH(id) BUCKETS {}",
                    low + 10_000,
                    1 + rng.below(4)
                ))
            }
            _ => {
                self.columns.push(format!("c{number}"));
                alter(format!("ADD COLUMN c{number} INT NULL DEFAULT \"{number}\""))
            }
        }
    }
}

fn remove(ids: &mut BTreeSet<u64>, partition: u64) {
    let low = BASE + partition * 10_000;
    ids.retain(|id| !(low..low + 10_000).contains(id));
}
