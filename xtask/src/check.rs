//! `cargo xtask check`: format and lints, without running a test.

use std::process::ExitCode;

use crate::step::{Output, Step};
use crate::{Command, only_flag, tools};

pub(crate) const COMMAND: Command =
    Command { name: "check", options: "", about: "Format and lints of the whole workspace", run };

/// Code that is not formatted fails; nothing is changed.
pub(crate) const FORMAT: Step<'static> = Step { name: "fmt", arguments: &["fmt", "--all", "--check"] };

/// A warning fails.
pub(crate) const LINT: Step<'static> =
    Step { name: "clippy", arguments: &["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"] };

fn run(arguments: &[String]) -> ExitCode {
    if let Err(usage) = only_flag("check", None, arguments) {
        return usage;
    }
    if let Err(reason) = tools::provide() {
        eprintln!("xtask check: {reason}");
        return ExitCode::FAILURE;
    }
    let mut ok = true;
    for step in [FORMAT, LINT] {
        let outcome = step.run(Output::Stderr, |_| {});
        ok &= outcome.ok;
    }
    if ok { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
