//! The always-on simulation: a few seeds, and the same seed twice in two processes.
#![allow(clippy::unwrap_used)]

use std::process::Command;

use ccr_simtest::world::{self, Plan};

/// Defects: WIRE-1, ENG-E-1, ENG-E-2, ENG-E-4, ENG-I-1.
#[test]
fn seeds_end_equal_whatever_is_lost_or_killed() {
    check((1..=20).map(Plan::smoke));
}

/// Defects: WIRE-3, WIRE-5, WIRE-7, ENG-P-1, ENG-R-8.
#[test]
fn a_table_that_changes_is_followed_without_a_copy_whatever_is_lost_or_killed() {
    check((1..=4).chain([21, 79]).map(Plan::changing));
}

fn check(plans: impl Iterator<Item = Plan>) {
    for plan in plans {
        let seed = plan.seed;
        let (outcome, trace) = world::run(plan);
        let tail = trace[trace.len().saturating_sub(60)..].join("\n");
        let outcome = outcome.unwrap_or_else(|error| panic!("seed {seed}: {error:#}\n{tail}"));
        assert!(outcome.faults.values().sum::<u64>() > 0, "seed {seed}: no fault happened");
        assert!(outcome.transactions > 0, "seed {seed}: nothing was replicated");
    }
}

/// Defects: SQL-27.
#[test]
fn a_seed_is_the_same_run_in_two_processes() {
    let run = || {
        let output =
            Command::new(env!("CARGO_BIN_EXE_ccr-sim")).args(["run", "--seed", "7", "--trace"]).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
        String::from_utf8(output.stdout).unwrap()
    };
    let (first, second) = (run(), run());
    let different = first.lines().zip(second.lines()).find(|(a, b)| a != b);
    assert_eq!(different, None, "the first line that differs");
    assert_eq!(first.len(), second.len());
}
