//! The names that Go programs of January 2025 and before had: host and job are part of them. Shown on demand only, for
//! dashboards that were made by hand. Characters that names cannot have become `_`; of two jobs whose names become one, the
//! first is shown.

use std::collections::{BTreeMap, BTreeSet};

use ccr_engine::JobStatus;

use super::family::Family;
use crate::host;

/// All of them. `created` is how many jobs were created on this process.
pub(super) fn families(
    statuses: &[JobStatus],
    errors: &BTreeMap<(&'static str, &'static str), u64>,
    records: u64,
    created: u64,
) -> Vec<Family> {
    let here = part(&host::name());
    let mut all = Vec::new();
    let mut used = BTreeSet::new();
    for status in statuses {
        let job = part(&status.name);
        if !used.insert(job.clone()) {
            continue;
        }
        let handling = if status.counters.records == 0 { -1 } else { status.last_commit_seq };
        all.push(gauge(format!("ccr_metrics_{here}_job_handlingCommitSeq_{job}"), handling as f64));
        all.push(gauge(format!("ccr_metrics_{here}_job_prevCommitSeq_{job}"), status.commit_seq as f64));
        all.push(counter(format!("ccr_metrics_job_handledBinlogNum_{job}"), status.counters.records));
    }
    all.push(counter("ccr_metrics_dashboard_jobNum".to_owned(), created));
    all.push(counter("ccr_metrics_dashboard_binlogNum".to_owned(), records));
    for ((category, kind), count) in errors {
        all.push(counter(format!("ccr_metrics_error_{category}_{kind}"), *count));
    }
    let usage = host::process_usage();
    let bytes = |value: Option<u64>| value.map_or(f64::NAN, |value| value as f64);
    let tasks = tokio::runtime::Handle::try_current().map(|handle| handle.metrics().num_alive_tasks());
    let runtime = [
        ("num_goroutines", tasks.map_or(f64::NAN, |tasks| tasks as f64)),
        ("alloc_bytes", bytes(usage.anonymous_bytes)),
        ("sys_bytes", bytes(usage.virtual_bytes)),
        // The allocator does not count.
        ("malloc_count", f64::NAN),
        ("free_count", f64::NAN),
        ("heap_objects", f64::NAN),
        // There is no garbage collector: it never paused the program.
        ("total_gc_pause_ns", 0.0),
        ("total_gc_runs", 0.0),
    ];
    for (name, value) in runtime {
        all.push(gauge(format!("ccr_metrics_{here}_runtime_{name}"), value));
    }
    let pauses = "ccr_metrics_runtime_gc_pause_ns";
    all.push(Family::empty_summary(pauses, pauses));
    all
}

fn gauge(name: String, value: f64) -> Family {
    Family::gauge(&name, &name).with([], value)
}

fn counter(name: String, value: u64) -> Family {
    Family::counter(&name, &name).with([], value)
}

/// A text as a part of a metric's name.
fn part(text: &str) -> String {
    text.chars().map(|c| if c.is_ascii_alphanumeric() || c == '_' { c } else { '_' }).collect()
}
