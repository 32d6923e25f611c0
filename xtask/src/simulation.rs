//! `cargo xtask sim` and `cargo xtask scenarios`: proof by simulation. Both pass their options on to `ccr-sim`.

use std::process::ExitCode;

use crate::Command;
use crate::step::{Output, Step};

pub(crate) const SIM: Command = Command {
    name: "sim",
    options: "[..]",
    about: "Days from seeds on simulated clusters, with faults and kills (its own --help tells the options)",
    // Optimised: days pass by the thousand.
    run: |arguments| run(&["run", "--quiet", "--profile", "sim", "-p", "ccr-simtest", "--", "run"], arguments),
};

pub(crate) const SCENARIOS: Command = Command {
    name: "scenarios",
    options: "[NAME..]",
    about: "What a person does to two clusters and a syncer, step by step (its own --help tells the options)",
    run: |arguments| run(&["run", "--quiet", "-p", "ccr-simtest", "--", "scenarios"], arguments),
};

/// A part of `cargo xtask test`: fails if a scenario fails that passed when the results were kept.
pub(crate) const PLAY: Step<'static> =
    Step { name: "scenarios", arguments: &["run", "--quiet", "-p", "ccr-simtest", "--", "scenarios", "--quiet"] };

fn run(command: &[&'static str], arguments: &[String]) -> ExitCode {
    let mut all: Vec<&str> = command.to_vec();
    all.extend(arguments.iter().map(String::as_str));
    let outcome = Step { name: "ccr-sim", arguments: &all }.run(Output::Stdout, |_| {});
    if outcome.ok { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
