//! How far the jobs of this process are behind, asked of their sources every few seconds for the metrics.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use ccr_engine::Run;
use doris::cluster::BinlogLag;
use futures::future::join_all;
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;
use tracing::debug;

use super::Manager;

/// The Go program's collector period.
const PERIOD: Duration = Duration::from_secs(10);

/// The lag of one job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LagSample {
    /// Records after the job's position.
    pub records: i64,
    /// Age of the oldest of them against the newest record; 0 when caught up.
    pub seconds: i64,
}

impl From<&BinlogLag> for LagSample {
    fn from(lag: &BinlogLag) -> Self {
        let seconds = match (lag.next_commit_seq, lag.next_timestamp_ms, lag.last_timestamp_ms) {
            (Some(seq), Some(next), Some(last)) if seq > 0 && next > 0 && last > 0 => (last - next).max(0) / 1000,
            _ => 0,
        };
        Self { records: lag.lag, seconds }
    }
}

/// The latest samples. A job whose source did not answer, or that does not run, has none.
#[derive(Clone, Debug, Default)]
pub struct LagWatch(Arc<Mutex<BTreeMap<String, LagSample>>>);

impl LagWatch {
    /// The samples by job name.
    pub fn samples(&self) -> BTreeMap<String, LagSample> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Takes samples until cancelled.
    pub async fn run(self, manager: Arc<Manager>, cancel: CancellationToken) {
        let mut ticks = tokio::time::interval(PERIOD);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                biased;
                () = cancel.cancelled() => return,
                _ = ticks.tick() => {}
            }
            let asked = manager.statuses().into_iter().filter(|status| status.run == Run::Running).map(|status| {
                let manager = Arc::clone(&manager);
                async move {
                    match tokio::time::timeout(PERIOD, manager.lag(&status.name)).await {
                        Ok(Ok(lag)) => Some((status.name, LagSample::from(&lag))),
                        Ok(Err(failure)) => {
                            debug!(job = status.name, %failure, "no lag");
                            None
                        }
                        Err(_) => {
                            debug!(job = status.name, "no lag: the source did not answer in time");
                            None
                        }
                    }
                }
            });
            let samples = join_all(asked).await.into_iter().flatten().collect();
            *self.0.lock().unwrap_or_else(PoisonError::into_inner) = samples;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_are_those_of_what_is_not_done() {
        let lag = BinlogLag {
            lag: 3,
            first_timestamp_ms: Some(1_000),
            last_timestamp_ms: Some(90_000),
            next_commit_seq: Some(7),
            next_timestamp_ms: Some(80_500),
            ..BinlogLag::default()
        };
        assert_eq!(LagSample::from(&lag), LagSample { records: 3, seconds: 9 });
        let caught_up = BinlogLag { lag: 0, next_commit_seq: Some(0), next_timestamp_ms: Some(0), ..lag };
        assert_eq!(LagSample::from(&caught_up), LagSample { records: 0, seconds: 0 });
    }
}
