//! TPC-H orders, and the statements that create the table and fill it.

use std::fmt::Write;

use rand::{RngExt, SeedableRng, rngs::StdRng};
use tpchgen::{
    distribution::Distributions,
    generators::{OrderGenerator, OrderGeneratorIterator},
    text::TextPool,
};

/// The database and the table, on both sides.
pub(super) const DATABASE: &str = "tpch";
pub(super) const TABLE: &str = "orders";

/// Orders never end at this scale (15 million at 10).
const SCALE: f64 = 10.0;
/// Bytes of text that comments are cut from. TPC-H has 300 MB, which take seconds to make.
const TEXT_BYTES: i32 = 1 << 20;
/// One order in so many that were inserted is changed again by the transaction that follows.
const CHANGED_ONE_IN: usize = 10;

pub(super) const CREATE_DATABASE: &str = "CREATE DATABASE IF NOT EXISTS tpch PROPERTIES (\"binlog.enable\" = \"true\")";

/// Table `orders` in TPC-H form; a later row of the same key replaces the earlier one.
pub(super) const CREATE_TABLE: &str = "CREATE TABLE tpch.orders (
  o_orderkey BIGINT NOT NULL,
  o_custkey BIGINT NOT NULL,
  o_orderstatus CHAR(1) NOT NULL,
  o_totalprice DECIMAL(15, 2) NOT NULL,
  o_orderdate DATE NOT NULL,
  o_orderpriority VARCHAR(15) NOT NULL,
  o_clerk VARCHAR(15) NOT NULL,
  o_shippriority INT NOT NULL,
  o_comment VARCHAR(79) NOT NULL
)
UNIQUE KEY (o_orderkey)
DISTRIBUTED BY HASH(o_orderkey) BUCKETS 8
PROPERTIES (
  \"replication_num\" = \"1\",
  \"light_schema_change\" = \"true\",
  \"enable_unique_key_merge_on_write\" = \"true\",
  \"binlog.enable\" = \"true\"
)";

/// The stream of orders.
pub(super) struct Orders {
    iterator: OrderGeneratorIterator<'static>,
    random: StdRng,
    /// Rows of the last batch as value lists, to be changed again.
    last: Vec<String>,
}

impl Orders {
    pub(super) fn new(seed: u64) -> Self {
        let distributions = Distributions::static_default();
        // One pool for the life of the process: the iterator borrows it.
        let text: &'static TextPool = Box::leak(Box::new(TextPool::new(TEXT_BYTES, distributions)));
        let generator = OrderGenerator::new_with_distributions_and_text_pool(SCALE, 1, 1, distributions, text);
        Self { iterator: generator.iter(), random: StdRng::seed_from_u64(seed), last: Vec::new() }
    }

    /// An INSERT of `count` new orders; with `changes` also of some orders of the batch before, now finished.
    /// `None` when there are no more orders.
    pub(super) fn insert(&mut self, count: u32, changes: bool) -> Option<String> {
        let mut changed = std::mem::take(&mut self.last);
        if changes {
            changed.retain(|_| self.random.random_range(0..CHANGED_ONE_IN) == 0);
        } else {
            changed.clear();
        }
        let mut sql = format!("INSERT INTO {DATABASE}.{TABLE} VALUES ");
        for _ in 0..count {
            let order = self.iterator.next()?;
            let tail = format!(
                "{}, '{}', '{}', '{}', {}, '{}'",
                order.o_totalprice,
                order.o_orderdate,
                order.o_orderpriority,
                order.o_clerk,
                order.o_shippriority,
                order.o_comment.replace('\\', "\\\\").replace('\'', "''"),
            );
            let head = format!("({}, {}, ", order.o_orderkey, order.o_custkey);
            // Writing to a string does not fail.
            write!(sql, "{head}'{}', {tail}), ", order.o_orderstatus).unwrap_or_default();
            self.last.push(format!("{head}'F', {tail})"));
        }
        sql.push_str(&changed.join(", "));
        sql.truncate(sql.trim_end_matches(", ").len());
        Some(sql)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_statements() {
        let (mut one, mut two) = (Orders::new(7), Orders::new(7));
        let first = one.insert(100, true).unwrap();
        assert_eq!(first, two.insert(100, true).unwrap());
        assert!(first.starts_with("INSERT INTO tpch.orders VALUES (1, "), "{first}");
        assert!(first.ends_with("')"), "{first}");
        assert_eq!(first.matches("Clerk#").count(), 100);
        // About one in ten of the first hundred comes again.
        let second = one.insert(100, true).unwrap();
        let again = second.matches("Clerk#").count() - 100;
        assert!((1..40).contains(&again), "{again}");
        assert_eq!(one.insert(100, false).unwrap().matches("Clerk#").count(), 100);
    }
}
