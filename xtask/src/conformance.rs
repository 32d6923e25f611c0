//! `cargo xtask conformance`: the simulator against recordings of real frontends.

use std::process::ExitCode;

use crate::Command;
use crate::step::{Output, Step};

pub(crate) const COMMAND: Command = Command {
    name: "conformance",
    options: "[..]",
    about: "Replays recordings of real frontends against the simulator (its own --help tells the options)",
    run,
};

/// Without recordings it says so and passes.
pub(crate) const REPLAY: Step<'static> =
    Step { name: "conformance", arguments: &["run", "--quiet", "-p", "doris-conformance", "--", "--show", "1"] };

const RUN: &[&str] = &["run", "--quiet", "-p", "doris-conformance", "--"];

fn run(arguments: &[String]) -> ExitCode {
    let mut all: Vec<&str> = RUN.to_vec();
    all.extend(arguments.iter().map(String::as_str));
    let outcome = Step { name: "conformance", arguments: &all }.run(Output::Stdout, |_| {});
    if outcome.ok { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
