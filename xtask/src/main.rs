//! `cargo xtask`: every command that a person or CI needs, each in a file of its own.
//!
//! A command's data goes to stdout, everything else to stderr. The exit code is 0 for success, 1 for a failure and 2 for a
//! command line that is not understood.

#![allow(clippy::print_stdout)] // Printing is what this program is for.

mod check;
mod conformance;
mod defects;
mod dist;
mod help;
mod simulation;
mod step;
mod test;
mod tools;

use std::process::ExitCode;

/// A subcommand.
struct Command {
    name: &'static str,
    /// Its options as `help` shows them.
    options: &'static str,
    about: &'static str,
    run: fn(&[String]) -> ExitCode,
}

const COMMANDS: [Command; 8] = [
    check::COMMAND,
    test::COMMAND,
    conformance::COMMAND,
    defects::COMMAND,
    simulation::SIM,
    simulation::SCENARIOS,
    dist::COMMAND,
    help::COMMAND,
];

/// The exit code of a command line that is not understood.
const USAGE: u8 = 2;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let Some((name, rest)) = arguments.split_first() else { return help::run(&[]) };
    match COMMANDS.iter().find(|command| command.name == name) {
        Some(command) => (command.run)(rest),
        None if matches!(name.as_str(), "-h" | "--help") => help::run(&[]),
        None => {
            eprintln!("xtask: no command {name:?}; run: cargo xtask help");
            ExitCode::from(USAGE)
        }
    }
}

/// For commands whose only option may be `flag`: whether it is there, or the answer to a command line with anything else.
fn only_flag(command: &str, flag: Option<&str>, arguments: &[String]) -> Result<bool, ExitCode> {
    match arguments.iter().find(|argument| Some(argument.as_str()) != flag) {
        Some(unknown) => {
            eprintln!("xtask {command}: no option {unknown:?}; run: cargo xtask help");
            Err(ExitCode::from(USAGE))
        }
        None => Ok(!arguments.is_empty()),
    }
}
