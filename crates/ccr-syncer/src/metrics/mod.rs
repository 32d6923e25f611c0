//! What Prometheus reads, in text format 0.0.4: the names of the newer Go program, so that its dashboard works, and our own.
//! Jobs are a label, never part of a name, and are read when asked: a deleted job is gone from the next answer.
//!
//! * [`family`]: a metric with its samples; [`jobs`]: what jobs did and where they stand; [`calls`]: calls of Doris, measured
//!   at the seam to the network; [`process`]: this process; [`legacy`]: the names of older Go programs, on demand.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use ccr_engine::Run;
use prometheus::TextEncoder;

use crate::manager::{LagWatch, Manager};

mod calls;
mod errors;
mod family;
mod jobs;
mod legacy;
mod process;

pub use calls::MeasuredNet;
use family::Family;

/// Two gauges of the Go program end in `_total`, which is reserved for counters. A metric without a type may have any name.
const UNTYPED: [&str; 2] = [jobs::RUNNING, jobs::LAG];

/// What is counted over all jobs, of deleted ones too, so that no sum ever goes down.
#[derive(Debug, Default)]
struct Totals {
    /// What was counted of each job at the last look.
    seen: BTreeMap<String, jobs::Counted>,
    /// By category and kind of error.
    errors: BTreeMap<(&'static str, &'static str), u64>,
    records: u64,
}

/// The metrics of one syncer.
#[derive(Debug)]
pub struct Metrics {
    manager: Arc<Manager>,
    lags: LagWatch,
    calls: MeasuredNet,
    /// The names of older Go programs are shown as well.
    legacy: bool,
    totals: Mutex<Totals>,
    unwritten: AtomicU64,
}

impl Metrics {
    /// Metrics over the jobs of a manager and the calls that went through a net.
    pub fn new(manager: Arc<Manager>, lags: LagWatch, calls: MeasuredNet, legacy: bool) -> Self {
        Self { manager, lags, calls, legacy, totals: Mutex::default(), unwritten: AtomicU64::new(0) }
    }

    /// The text.
    ///
    /// # Errors
    /// The text cannot be written; happens only out of memory.
    pub fn text(&self) -> Result<String, prometheus::Error> {
        let families: Vec<_> = self.families().into_iter().filter_map(Family::into_proto).collect();
        let mut text = TextEncoder::new().encode_to_string(&families).inspect_err(|_| {
            self.unwritten.fetch_add(1, Ordering::Relaxed);
        })?;
        for name in UNTYPED {
            text = text.replacen(&format!("# TYPE {name} gauge\n"), &format!("# TYPE {name} untyped\n"), 1);
        }
        Ok(text)
    }

    /// Everything, sorted by nothing but its subject. No two have one name.
    fn families(&self) -> Vec<Family> {
        let statuses = self.manager.statuses();
        let counts = self.manager.counts();
        let (errors, records) = {
            // Only sums are kept: a panic leaves them whole.
            let mut totals = self.totals.lock().unwrap_or_else(PoisonError::into_inner);
            totals.add(&statuses);
            (totals.errors.clone(), totals.records)
        };
        let lags = self.lags.samples();
        let mut all = jobs::families(&statuses, &lags, counts);
        all.push(errors::family(&errors));
        all.extend(self.calls.families());
        all.extend(process::families());
        all.push(
            Family::counter("promhttp_metric_handler_errors_total", "Answers of this page that could not be made")
                .with([("cause", "encoding")], self.unwritten.load(Ordering::Relaxed))
                .with([("cause", "gathering")], 0_u64),
        );
        all.push(
            Family::gauge("ccr_build_info", "1, labelled with the version of the program")
                .with([("version", crate::VERSION)], 1_u64),
        );
        if self.legacy {
            all.extend(legacy::families(&statuses, &errors, records, counts.created));
        }
        all
    }

    /// Names of all metrics, of those without a sample too.
    pub fn names(&self) -> Vec<String> {
        self.families().into_iter().map(|family| family.name).collect()
    }
}

impl Totals {
    /// Adds what jobs did since the last look. A job that did less than before was started again, or is another one.
    fn add(&mut self, statuses: &[ccr_engine::JobStatus]) {
        let now: BTreeMap<_, _> =
            statuses.iter().map(|status| (status.name.clone(), jobs::Counted::of(&status.counters))).collect();
        for (name, counted) in &now {
            let before = self.seen.get(name).filter(|before| before.records <= counted.records);
            let before = before.cloned().unwrap_or_default();
            self.records += counted.records - before.records;
            for (kind, count) in &counted.errors {
                let known = before.errors.get(kind).copied().unwrap_or_default();
                // Fewer than before: counted from the start.
                let added = count.checked_sub(known).unwrap_or(*count);
                *self.errors.entry(*kind).or_default() += added;
            }
        }
        self.seen = now;
    }
}

/// Word for a state, as labels have it.
fn state_label(run: Run) -> &'static str {
    match run {
        Run::Running => "running",
        Run::Paused => "paused",
        Run::Halted => "halted",
    }
}

#[cfg(test)]
mod tests;
