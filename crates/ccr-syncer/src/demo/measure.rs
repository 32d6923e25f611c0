//! The lag: from the commit of a transaction on the source to its rows being visible on the destination.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::{sync::mpsc, time::Instant};
use tokio_util::sync::CancellationToken;

use super::{load::Commit, table};
use crate::side::Side;

/// How often the destination is looked at: the resolution of the lag.
const LOOK: Duration = Duration::from_millis(5);

/// The destination has caught up when nothing waits for longer than this.
const CAUGHT_UP: Duration = Duration::from_millis(250);

/// What was seen so far.
#[derive(Clone, Debug, Default)]
pub(super) struct Seen {
    /// Transactions that the source committed.
    pub(super) committed: u64,
    /// Of these, visible on the destination.
    pub(super) visible: u64,
    /// When the destination had caught up for the first time with what was committed during the full sync.
    pub(super) caught_up: Option<Instant>,
    /// Lags of transactions that were committed after that.
    pub(super) lags: Vec<Duration>,
}

/// The numbers of a running measurement.
#[derive(Clone, Debug, Default)]
pub(super) struct Measure(Arc<Mutex<Seen>>);

impl Measure {
    /// The numbers now.
    pub(super) fn seen(&self) -> Seen {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Looks at the destination until cancelled.
    pub(super) async fn run(self, dest: Side, mut commits: mpsc::UnboundedReceiver<Commit>, stop: CancellationToken) {
        let mut waiting: VecDeque<Commit> = VecDeque::new();
        let mut ticks = tokio::time::interval(LOOK);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                biased;
                () = stop.cancelled() => return,
                _ = ticks.tick() => {}
            }
            // No table yet, or it is being replaced: then nothing is visible.
            let visible = table::version(&dest).await.ok();
            let now = Instant::now();
            let mut committed = 0;
            while let Ok(commit) = commits.try_recv() {
                waiting.push_back(commit);
                committed += 1;
            }
            let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            seen.committed += committed;
            let Some(visible) = visible else { continue };
            while let Some(commit) = waiting.pop_front_if(|commit| commit.version <= visible) {
                seen.visible += 1;
                if seen.caught_up.is_some_and(|since| commit.at > since) {
                    seen.lags.push(now.saturating_duration_since(commit.at));
                }
            }
            if waiting.front().is_none_or(|oldest| oldest.at + CAUGHT_UP > now) {
                seen.caught_up.get_or_insert(now);
            }
        }
    }
}

/// The smallest value that so many per cent of all do not exceed; `None` without values.
pub(super) fn percentile(values: &[Duration], percent: usize) -> Option<Duration> {
    let mut sorted = values.to_vec();
    sorted.sort_unstable();
    let rank = (sorted.len() * percent).div_ceil(100).max(1);
    sorted.get(rank - 1).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_values_that_were_seen() {
        let values: Vec<_> = (1..=200).rev().map(Duration::from_millis).collect();
        assert_eq!(percentile(&values, 50), Some(Duration::from_millis(100)));
        assert_eq!(percentile(&values, 99), Some(Duration::from_millis(198)));
        assert_eq!(percentile(&values, 100), Some(Duration::from_millis(200)));
        assert_eq!(percentile(&values[..1], 99), Some(Duration::from_millis(200)));
        assert_eq!(percentile(&[], 50), None);
    }
}
