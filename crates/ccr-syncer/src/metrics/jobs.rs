//! What the jobs of this process did and where they stand.

use std::collections::BTreeMap;

use ccr_engine::{Counters, Histogram, JobStatus, Run};

use super::{errors, family::Family, state_label};
use crate::manager::{Counts, LagSample};

/// Gauges of the Go program whose names end as those of counters do.
pub(super) const RUNNING: &str = "ccr_job_running_total";
pub(super) const LAG: &str = "ccr_job_running_lag_total";

const ALL_BOUNDS: usize = Histogram::BOUNDS_MS.len();
/// Up to 10 s: the default buckets of the Go client.
pub(super) const SHORT_BOUNDS: usize = 11;

/// What is summed over all jobs.
#[derive(Clone, Debug, Default)]
pub(super) struct Counted {
    pub(super) records: u64,
    /// By category and kind.
    pub(super) errors: BTreeMap<(&'static str, &'static str), u64>,
}

impl Counted {
    pub(super) fn of(counters: &Counters) -> Self {
        let mut errors = BTreeMap::new();
        for (by_code, kind) in [(&counters.retries_by, "recoverable"), (&counters.halts_by, "panic")] {
            for (code, count) in by_code {
                *errors.entry((errors::category(*code), kind)).or_default() += count;
            }
        }
        Self { records: counters.records, errors }
    }
}

/// Name, help and value of a metric that every job has.
type PerJob<T> = (&'static str, &'static str, fn(&JobStatus) -> T);

const GAUGES: &[PerJob<i64>] = &[
    (
        "ccr_job_running_sync_state",
        "Number of the sync state: 0 full, 1 tables incremental, 3 incremental, 4 partial sync of a database; 500 full, \
         501 incremental, 502 partial sync of a table",
        |s| i64::from(s.sync_state.value()),
    ),
    ("ccr_job_running_sub_sync_state", "Number of the step within the sync state, -1 when there is none", |s| {
        i64::from(s.sub_state.pair().0)
    }),
    ("ccr_binlog_commit_seq", "Commit seq of the newest binlog whose handling began", |s| s.last_commit_seq),
    ("ccr_job_committed_seq", "Commit seq up to which the destination accepted everything", |s| s.committed_seq),
    (
        "ccr_job_applied_seq",
        "Commit seq up to which everything was seen on the destination and is stored as done",
        |s| s.commit_seq,
    ),
    ("ccr_job_retry_attempts", "Tries in a row that failed; 0 while the job moves", |s| i64::from(s.attempt)),
];

const COUNTERS: &[PerJob<u64>] = &[
    ("ccr_handle_binlog_total", "Binlogs handled", |s| s.counters.records),
    ("ccr_job_transactions_total", "Transactions committed on the destination", |s| s.counters.transactions),
    ("ccr_job_progress_persist_total", "Writes of the progress", |s| s.counters.persisting.count()),
];

/// All metrics about jobs.
pub(super) fn families(statuses: &[JobStatus], lags: &BTreeMap<String, LagSample>, counts: Counts) -> Vec<Family> {
    let mut all = Vec::new();
    let with_run = |run: Run| statuses.iter().filter(|status| status.run == run).count() as u64;
    all.push(Family::gauge(RUNNING, "Jobs of this syncer that run").with([], with_run(Run::Running)));
    let mut jobs = Family::gauge("ccr_jobs", "Jobs of this syncer by state");
    for run in [Run::Running, Run::Paused, Run::Halted] {
        jobs.add([("state", state_label(run))], with_run(run));
    }
    jobs.add([("state", "broken")], counts.broken);
    all.push(jobs);

    for (name, help, value) in GAUGES {
        let mut family = Family::gauge(name, help);
        for status in statuses {
            family.add([("name", status.name.as_str())], value(status));
        }
        all.push(family);
    }
    let mut state = Family::gauge("ccr_job_state", "1 for the state that the job is in");
    for status in statuses {
        for run in [Run::Running, Run::Paused, Run::Halted] {
            state.add([("name", status.name.as_str()), ("state", state_label(run))], status.run == run);
        }
    }
    all.push(state);
    for (name, help, value) in COUNTERS {
        let mut family = Family::counter(name, help);
        for status in statuses {
            family.add([("name", status.name.as_str())], value(status));
        }
        all.push(family);
    }
    all.extend(by_reason(statuses));
    all.extend(durations(statuses));
    all.extend(behind(lags));
    all
}

/// Retries, stops and full copies, each by its reason.
fn by_reason(statuses: &[JobStatus]) -> [Family; 3] {
    let mut retries =
        Family::counter("ccr_job_retries_total", "Failures after which the job tries again, by their code");
    let mut halts = Family::counter("ccr_job_halts_total", "Failures that stopped the job, by their code");
    let mut copies = Family::counter("ccr_job_full_syncs_total", "Full syncs begun, by what they are made for");
    for status in statuses {
        let name = ("name", status.name.as_str());
        for (code, count) in &status.counters.retries_by {
            retries.add([name, ("code", code.to_string().as_str())], *count);
        }
        for (code, count) in &status.counters.halts_by {
            halts.add([name, ("code", code.to_string().as_str())], *count);
        }
        for (cause, count) in &status.counters.full_syncs_by {
            copies.add([name, ("reason", cause.label())], *count);
        }
    }
    [retries, halts, copies]
}

/// A job that measured nothing yet has no samples: a thousand idle jobs are a thousand lines less.
fn durations(statuses: &[JobStatus]) -> [Family; 3] {
    let help = "From planning a binlog until it is on the destination";
    let mut handling = Family::histogram("ccr_handle_binlog_duration_seconds", help);
    let mut persisting = Family::histogram("ccr_job_progress_persist_duration_seconds", "Writing the progress");
    let help = "Parts of transactions: begin, ingest, commit, and visible: from the commit until it was seen";
    let mut phases = Family::histogram("ccr_job_txn_phase_duration_seconds", help);
    for status in statuses {
        let name = ("name", status.name.as_str());
        if status.counters.handling.count() > 0 {
            handling.observe([name], &status.counters.handling, ALL_BOUNDS);
        }
        if status.counters.persisting.count() > 0 {
            persisting.observe([name], &status.counters.persisting, SHORT_BOUNDS);
        }
        for (phase, histogram) in &status.counters.phases {
            phases.observe([name, ("phase", phase.label())], histogram, ALL_BOUNDS);
        }
    }
    [handling, persisting, phases]
}

/// How far jobs are behind, as their sources said when last asked.
fn behind(lags: &BTreeMap<String, LagSample>) -> Vec<Family> {
    let records = "Binlogs of the source that are not on the destination yet";
    let seconds = "Age of the oldest binlog that is not on the destination yet, 0 when there is none";
    let kept = "Time until the source may collect the oldest binlog that is not on the destination yet";
    let mut families = [
        Family::gauge(LAG, records),
        Family::gauge("ccr_job_lag_commits", records),
        Family::gauge("ccr_job_running_lag_seconds", seconds),
        Family::gauge("ccr_job_lag_seconds", seconds),
        Family::gauge("ccr_job_retention_left_seconds", kept),
    ];
    for (name, lag) in lags {
        let values = [
            Some(lag.records as f64),
            Some(lag.records as f64),
            lag.age.map(|age| age.as_secs_f64()),
            lag.age.map(|age| age.as_secs_f64()),
            lag.retention_left.map(|left| left.as_secs_f64()),
        ];
        for (family, value) in families.iter_mut().zip(values) {
            if let Some(value) = value {
                family.add([("name", name.as_str())], value);
            }
        }
    }
    families.into()
}
