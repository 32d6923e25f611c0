//! The always-on simulation: a few seeds of every profile, and the same seeds twice in two processes.
#![allow(clippy::unwrap_used)]

use std::process::Command;

use ccr_simtest::day::{
    self,
    plan::{Plan, Profile},
};

/// Calls are lost, late and refused, and masters change.
///
/// Defects: WIRE-1, WIRE-3, WIRE-5, WIRE-7, ENG-R-8.
#[test]
fn days_of_every_profile_end_well() {
    days(1..=6);
}

/// Processes die at every moment, and stores fail before and after a write.
///
/// Defects: ENG-E-1, ENG-E-2, ENG-E-4, ENG-I-1, ENG-P-1.
#[test]
fn more_days_of_every_profile_end_well() {
    days(7..=12);
}

fn days(seeds: std::ops::RangeInclusive<u64>) {
    let mut looks = 0;
    for seed in seeds {
        let profile = Profile::of_seed(seed);
        let (outcome, trace) = day::run(&Plan::new(seed, profile), true);
        let tail = trace[trace.len().saturating_sub(60)..].join("\n");
        let outcome = outcome.unwrap_or_else(|error| panic!("seed {seed} of {}: {error:#}\n{tail}", profile.name()));
        assert!(outcome.transactions > 0, "seed {seed} of {}", profile.name());
        // A reader proves nothing on a day that hides states of the source from its beginning.
        assert!(outcome.looks > 0 || outcome.blind, "seed {seed} of {}", profile.name());
        looks += outcome.looks;
    }
    assert!(looks > 100, "{looks} looks");
}

/// Defects: SQL-27.
#[test]
fn a_seed_is_the_same_day_in_two_processes() {
    let run = || {
        let options = ["run", "--seeds", "6", "--jobs", "2", "--json"];
        let output = Command::new(env!("CARGO_BIN_EXE_ccr-sim")).args(options).output().unwrap();
        let summary: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        (summary["hash"].clone(), summary["transactions"].clone())
    };
    assert_eq!(run(), run());
}

#[test]
fn steps_can_be_left_out() {
    let plan = Plan::new(3, Profile::Steady);
    let kept: Vec<usize> = (0..20).collect();
    let (outcome, _) = day::run(&plan.only(&kept), false);
    assert!(outcome.unwrap().transactions > 0);
}
