use std::time::Duration;

use ccr_engine::{Code, Counters, JobStatus};

use super::*;

fn status(name: &str, records: u64, unanswered: u64) -> JobStatus {
    let mut counters = Counters { records, ..Counters::default() };
    if unanswered > 0 {
        counters.retries_by.insert(Code::UNANSWERED, unanswered);
        counters.halts_by.insert(Code::GAP, 1);
    }
    counters.handling.observe(Duration::from_millis(7));
    JobStatus { counters, ..JobStatus::new(name, Run::Running) }
}

/// Sums over jobs never go down: not when a job is deleted, nor when one of its name is created again.
///
/// Defects: SVC-E4, SVC-E5.
#[test]
fn sums_outlive_jobs() {
    let mut totals = Totals::default();
    let retried = ("rpc", "recoverable");
    totals.add(&[status("a", 10, 2), status("b", 5, 0)]);
    assert_eq!((totals.records, totals.errors[&retried]), (15, 2));
    assert_eq!(totals.errors[&("normal", "panic")], 1);
    totals.add(&[status("a", 12, 3)]);
    assert_eq!((totals.records, totals.errors[&retried]), (17, 3));
    // Deleted, and created again under its name.
    totals.add(&[]);
    totals.add(&[status("a", 4, 1)]);
    assert_eq!((totals.records, totals.errors[&retried]), (21, 4));
    // Started again between two looks.
    totals.add(&[status("a", 1, 1)]);
    assert_eq!((totals.records, totals.errors[&retried]), (22, 5));
}

/// Numbers are as exact as a commit seq needs.
///
/// Defects: SVC-E3.
#[test]
fn large_numbers_are_not_rounded() {
    let mut job = status("a", 1, 0);
    job.commit_seq = 16_777_217 * 1_000_003;
    let families = jobs::families(&[job], &BTreeMap::new(), crate::manager::Counts::default());
    let families: Vec<_> = families.into_iter().filter_map(Family::into_proto).collect();
    let text = TextEncoder::new().encode_to_string(&families).unwrap_or_default();
    assert!(text.contains("\nccr_job_applied_seq{name=\"a\"} 16777267331651\n"), "{text}");
    for line in [
        "ccr_handle_binlog_duration_seconds_bucket{name=\"a\",le=\"0.005\"} 0",
        "ccr_handle_binlog_duration_seconds_bucket{name=\"a\",le=\"0.01\"} 1",
        "ccr_handle_binlog_duration_seconds_bucket{name=\"a\",le=\"50\"} 1",
        "ccr_handle_binlog_duration_seconds_bucket{name=\"a\",le=\"+Inf\"} 1",
        "ccr_handle_binlog_duration_seconds_sum{name=\"a\"} 0.007",
        "ccr_handle_binlog_duration_seconds_count{name=\"a\"} 1",
    ] {
        assert!(text.lines().any(|found| found == line), "{line} is missing in\n{text}");
    }
}
