//! What Prometheus reads: the newer Go program's names, so that its dashboard works. Jobs are a label, never part of a name,
//! and are read when asked: a deleted job is gone from the next answer.

use std::{fmt, sync::Arc};

use ccr_engine::{JobStatus, Run};
use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeMetric, text::encode},
    metrics::{counter::ConstCounter, gauge::ConstGauge},
    registry::Registry,
};

use crate::{
    host::{self, ProcessUsage},
    manager::{LagWatch, Manager},
};

/// The metrics of one syncer.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
}

impl Metrics {
    /// Metrics over the jobs of a manager.
    pub fn new(manager: Arc<Manager>, lags: LagWatch) -> Self {
        let mut registry = Registry::default();
        registry.register_collector(Box::new(Jobs { manager, lags }));
        registry.register_collector(Box::new(Process));
        Self { registry }
    }

    /// OpenMetrics text.
    ///
    /// # Errors
    /// The text cannot be written; happens only out of memory.
    pub fn text(&self) -> Result<String, fmt::Error> {
        let mut text = String::new();
        encode(&mut text, &self.registry)?;
        Ok(text)
    }
}

#[derive(Debug)]
struct Jobs {
    manager: Arc<Manager>,
    lags: LagWatch,
}

/// Name, help and value of a metric that every job has.
type PerJob<T> = (&'static str, &'static str, fn(&JobStatus) -> T);

const GAUGES: &[PerJob<i64>] = &[
    (
        "ccr_job_running_sync_state",
        "Number of the sync state: 500 full, 501 incremental, 502 partial sync of a table",
        |s| i64::from(s.sync_state.value()),
    ),
    ("ccr_job_running_sub_sync_state", "Number of the step within the sync state, -1 when there is none", |s| {
        i64::from(s.sub_state.pair().0)
    }),
    ("ccr_binlog_commit_seq", "Commit seq of the newest binlog whose handling began", |s| s.last_commit_seq),
    ("ccr_job_commit_seq", "Commit seq up to which the destination has everything", |s| s.commit_seq),
    ("ccr_job_halted", "1 if the job stopped by itself and waits for an operator", |s| i64::from(s.run == Run::Halted)),
    ("ccr_job_paused", "1 if an operator paused the job", |s| i64::from(s.run == Run::Paused)),
];

const COUNTERS: &[PerJob<u64>] = &[
    ("ccr_handle_binlog", "Binlogs handled", |s| s.counters.records),
    ("ccr_job_transactions", "Transactions committed on the destination", |s| s.counters.transactions),
    ("ccr_job_progress_persist", "Progress documents written while incremental", |s| s.counters.checkpoints),
    ("ccr_job_full_syncs", "Full syncs begun", |s| s.counters.full_syncs),
    ("ccr_job_failures", "Failures that were tried again", |s| s.counters.failures),
];

impl Collector for Jobs {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let statuses = self.manager.statuses();
        let running = statuses.iter().filter(|status| status.run == Run::Running).count();
        gauge(
            &mut encoder,
            "ccr_job_running_total",
            "Jobs of this syncer that run",
            i64::try_from(running).unwrap_or(i64::MAX),
        )?;
        for (name, help, value) in GAUGES {
            family(&mut encoder, name, help, &statuses, |status| {
                (status.name.as_str(), ConstGauge::new(value(status)))
            })?;
        }
        for (name, help, value) in COUNTERS {
            family(&mut encoder, name, help, &statuses, |status| {
                (status.name.as_str(), ConstCounter::new(value(status)))
            })?;
        }
        let lags: Vec<_> = self.lags.samples().into_iter().collect();
        let total = "Binlogs of the source that are not handled yet";
        family(&mut encoder, "ccr_job_running_lag_total", total, &lags, |(name, lag)| {
            (name, ConstGauge::new(lag.records))
        })?;
        let seconds = "Age of the oldest binlog that is not handled yet against the newest, seconds";
        family(&mut encoder, "ccr_job_running_lag_seconds", seconds, &lags, |(name, lag)| {
            (name, ConstGauge::new(lag.seconds))
        })
    }
}

#[derive(Debug)]
struct Process;

impl Collector for Process {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let ProcessUsage { resident_bytes, cpu_seconds, open_fds } = host::process_usage();
        let whole = |value: u64| i64::try_from(value).unwrap_or(i64::MAX);
        if let Some(bytes) = resident_bytes {
            gauge(&mut encoder, "process_resident_memory_bytes", "Resident memory size in bytes", whole(bytes))?;
        }
        if let Some(seconds) = cpu_seconds {
            let counter = ConstCounter::new(seconds);
            let help = "User and system CPU time spent in seconds";
            counter.encode(encoder.encode_descriptor(
                "process_cpu_seconds",
                help,
                None,
                prometheus_client::metrics::MetricType::Counter,
            )?)?;
        }
        if let Some(fds) = open_fds {
            gauge(&mut encoder, "process_open_fds", "Number of open file descriptors", whole(fds))?;
        }
        Ok(())
    }
}

fn gauge(encoder: &mut DescriptorEncoder<'_>, name: &str, help: &str, value: i64) -> fmt::Result {
    let gauge = ConstGauge::new(value);
    gauge.encode(encoder.encode_descriptor(name, help, None, prometheus_client::metrics::MetricType::Gauge)?)
}

/// One metric of many jobs, labelled with their names. No jobs, no metric.
fn family<'a, T, M: EncodeMetric>(
    encoder: &mut DescriptorEncoder<'_>,
    name: &str,
    help: &str,
    items: &'a [T],
    read: impl Fn(&'a T) -> (&'a str, M),
) -> fmt::Result {
    let Some(first) = items.first() else { return Ok(()) };
    let mut metrics = encoder.encode_descriptor(name, help, None, read(first).1.metric_type())?;
    for item in items {
        let (job, metric) = read(item);
        metric.encode(metrics.encode_family(&[("name", job)])?)?;
    }
    Ok(())
}
