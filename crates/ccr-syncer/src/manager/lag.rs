//! How far the jobs of this process are behind, asked of their sources every few seconds for the metrics.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use ccr_engine::{Failure, JobStatus, Run, lag::Probe};
use ccr_store::{StoreError, documents::JobDocument};
use doris::{cluster::BinlogLag, ids::CommitSeq};
use futures::{StreamExt, stream};
use tokio::time::{Instant, MissedTickBehavior};
use tokio_util::sync::CancellationToken;
use tracing::debug;

use super::Manager;
use crate::host::SystemClock;

/// The Go program's collector period.
const PERIOD: Duration = Duration::from_secs(10);

/// Jobs that are asked about at a time: a thousand of them must not fall upon one FE.
const AT_ONCE: usize = 16;

/// How often the source is asked how long it keeps its binlog.
const RETENTION_PERIOD: Duration = Duration::from_secs(300);

/// The lag of one job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LagSample {
    /// Records after the job's position.
    pub records: i64,
    /// Age of the oldest of them, 0 when there is none. `None`: this version of Doris does not say.
    pub age: Option<Duration>,
    /// Time until the source may collect it. `None`: not known.
    pub retention_left: Option<Duration>,
}

impl LagSample {
    /// What an answer means at a time. Times are by the source FE's clock and ours: a clock that is behind gives 0.
    fn new(lag: &BinlogLag, now_ms: i64, retention: Option<Duration>) -> Self {
        let age = match (lag.lag, lag.next_commit_seq, lag.next_timestamp_ms) {
            (0, ..) => Some(Duration::ZERO),
            (_, Some(seq), Some(next)) if seq > 0 && next > 0 => {
                Some(Duration::from_millis(now_ms.saturating_sub(next).try_into().unwrap_or_default()))
            }
            _ => None,
        };
        let retention_left = retention.zip(age).map(|(kept, age)| kept.saturating_sub(age));
        Self { records: lag.lag, age, retention_left }
    }
}

/// The latest samples. A job whose source did not answer, or that does not run, has none.
#[derive(Clone, Debug, Default)]
pub struct LagWatch(Arc<Mutex<BTreeMap<String, LagSample>>>);

/// How one job's source is asked.
#[derive(Debug)]
struct Source {
    /// The stored document that says so.
    document: String,
    probe: Probe,
    retention: Option<Duration>,
    retention_at: Option<Instant>,
}

impl LagWatch {
    /// The samples by job name.
    pub fn samples(&self) -> BTreeMap<String, LagSample> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Takes samples until cancelled.
    pub async fn run(self, manager: Arc<Manager>, cancel: CancellationToken) {
        let mut ticks = tokio::time::interval(PERIOD);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut sources: BTreeMap<String, Source> = BTreeMap::new();
        loop {
            tokio::select! {
                biased;
                () = cancel.cancelled() => return,
                _ = ticks.tick() => {}
            }
            let running = manager.statuses().into_iter().filter(|status| status.run == Run::Running);
            let asked = running.map(|status| {
                let (source, manager) = (sources.remove(&status.name), Arc::clone(&manager));
                async move {
                    let asked = tokio::time::timeout(PERIOD, sample(&manager, &status, source)).await;
                    let why = match asked {
                        Ok(Ok((source, sample))) => return Some((status.name, source, sample)),
                        Ok(Err(failure)) => failure.to_string(),
                        Err(_) => "the source did not answer in time".to_owned(),
                    };
                    debug!(job = status.name, why, "no lag");
                    None
                }
            });
            let asked: Vec<_> = asked.collect();
            let round = stream::iter(asked).buffer_unordered(AT_ONCE).collect::<Vec<_>>();
            let round = tokio::select! {
                biased;
                () = cancel.cancelled() => return,
                round = round => round,
            };
            let mut samples = BTreeMap::new();
            // Jobs that are gone, and those without an answer, are asked afresh next time.
            sources.clear();
            for (name, source, sample) in round.into_iter().flatten() {
                samples.insert(name.clone(), sample);
                sources.insert(name, source);
            }
            *self.0.lock().unwrap_or_else(PoisonError::into_inner) = samples;
        }
    }
}

/// Asks the source of one job.
async fn sample(manager: &Manager, status: &JobStatus, source: Option<Source>) -> Result<(Source, LagSample), Failure> {
    let row = manager.env().store.job(&status.name).await?.map(|row| row.document).unwrap_or_default();
    let mut source = match source.filter(|source| source.document == row) {
        Some(source) => source,
        None => {
            let document = JobDocument::parse(&row).map_err(StoreError::from)?;
            let probe = Probe::new(manager.env(), &document)?;
            Source { document: row, probe, retention: None, retention_at: None }
        }
    };
    if source.retention_at.is_none_or(|at| at.elapsed() > RETENTION_PERIOD) {
        source.retention = source.probe.retention().await?;
        source.retention_at = Some(Instant::now());
    }
    let lag = source.probe.lag(CommitSeq(status.commit_seq)).await?;
    let sample = LagSample::new(&lag, SystemClock.now_ns() / 1_000_000, source.retention);
    Ok((source, sample))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_age_is_that_of_what_is_not_done() {
        let hour = Some(Duration::from_secs(3600));
        let lag = BinlogLag {
            lag: 3,
            first_timestamp_ms: Some(1_000),
            last_timestamp_ms: Some(90_000),
            next_commit_seq: Some(7),
            next_timestamp_ms: Some(80_500),
            ..BinlogLag::default()
        };
        let ms = |ms| Some(Duration::from_millis(ms));
        let behind = LagSample { records: 3, age: ms(19_500), retention_left: ms(3_580_500) };
        assert_eq!(LagSample::new(&lag, 100_000, hour), behind);
        // Older than what is kept; and a clock that is behind the source's.
        assert_eq!(LagSample::new(&lag, 10_000_000, hour).retention_left, ms(0));
        assert_eq!(LagSample::new(&lag, 1, None), LagSample { records: 3, age: ms(0), retention_left: None });
        // 2.1 and 3.0 do not name the next record.
        let old = BinlogLag { lag: 3, ..BinlogLag::default() };
        assert_eq!(LagSample::new(&old, 1, hour), LagSample { records: 3, age: None, retention_left: None });
        let caught_up = BinlogLag { lag: 0, next_commit_seq: Some(0), next_timestamp_ms: Some(0), ..lag };
        assert_eq!(LagSample::new(&caught_up, 1, hour), LagSample { records: 0, age: ms(0), retention_left: hour });
    }
}
