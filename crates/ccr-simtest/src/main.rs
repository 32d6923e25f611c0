//! `ccr-sim`: hostile days from seeds, and scenarios.

use std::process::ExitCode;

use clap::{Parser, Subcommand};

mod command;

/// Proof by simulation: engine, client and store as shipped, on simulated clusters and virtual time.
#[derive(Debug, Parser)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Days from seeds: random work, faults and kills, and what must hold at the end.
    Run(command::run::Options),
    /// The scenarios of a folder, by their names.
    Scenarios(command::scenarios::Options),
}

fn main() -> ExitCode {
    let done = match Arguments::parse().command {
        Command::Run(options) => command::run::run(&options),
        Command::Scenarios(options) => command::scenarios::run(&options),
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("ccr-sim: {error:#}");
            ExitCode::FAILURE
        }
    }
}
