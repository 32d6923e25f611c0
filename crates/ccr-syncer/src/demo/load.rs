//! The load: one client that commits a transaction every so often.

use std::time::Duration;

use anyhow::Context;
use tokio::{
    sync::mpsc,
    time::{Instant, MissedTickBehavior},
};
use tokio_util::sync::CancellationToken;

use super::{orders::Orders, table};
use crate::side::Side;

/// Rows per statement of the first fill.
const FILL: u32 = 500;

/// A transaction that the source has committed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Commit {
    /// Version of the partition that holds its rows.
    pub(super) version: i64,
    pub(super) at: Instant,
}

/// Fills the table before the copy begins.
pub(super) async fn fill(source: &Side, orders: &mut Orders, rows: u32) -> anyhow::Result<()> {
    let mut left = rows;
    while left > 0 {
        let count = left.min(FILL);
        let insert = orders.insert(count, false).context("there are not so many orders")?;
        source.execute(&insert).await?;
        left -= count;
    }
    Ok(())
}

/// Commits `rate` transactions per second until cancelled, and tells of each. Returns how many there were.
pub(super) async fn keep_loading(
    source: Side,
    mut orders: Orders,
    (rate, batch): (u32, u32),
    commits: mpsc::UnboundedSender<Commit>,
    stop: CancellationToken,
) -> anyhow::Result<u64> {
    // Nobody else writes: every transaction is the next version.
    let mut version = table::version(&source).await?;
    let mut count = 0;
    let mut ticks = tokio::time::interval(Duration::from_secs(1) / rate);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    loop {
        tokio::select! {
            biased;
            () = stop.cancelled() => return Ok(count),
            _ = ticks.tick() => {}
        }
        let Some(insert) = orders.insert(batch, true) else { return Ok(count) };
        source.execute(&insert).await?;
        version += 1;
        count += 1;
        if commits.send(Commit { version, at: Instant::now() }).is_err() {
            // Nobody measures any more: the demo is over.
            return Ok(count);
        }
    }
}
