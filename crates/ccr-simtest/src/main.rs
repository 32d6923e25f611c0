//! `ccr-sim`: runs seeds of the simulation and prints one line a seed.

use ccr_simtest::world::{self, Plan};
use clap::Parser;

/// Runs the simulation of one or more seeds.
#[derive(Debug, Parser)]
struct Arguments {
    /// First seed.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// How many seeds, one after the other.
    #[arg(long, default_value_t = 1)]
    count: u64,
    /// The table changes too: columns, partitions, comments, TRUNCATE.
    #[arg(long)]
    changes: bool,
    /// Print the trace of every run, not only of one that fails.
    #[arg(long)]
    trace: bool,
}

#[expect(clippy::print_stdout, reason = "the lines are what the program is for")]
fn main() -> std::process::ExitCode {
    let arguments = Arguments::parse();
    let mut failed = 0;
    for seed in arguments.seed..arguments.seed.saturating_add(arguments.count) {
        let (outcome, trace) = world::run(if arguments.changes { Plan::changing(seed) } else { Plan::smoke(seed) });
        if arguments.trace || outcome.is_err() {
            for line in &trace {
                println!("{line}");
            }
        }
        match outcome {
            Ok(outcome) => println!(
                "seed {seed} ok hash {:016x} rows {} transactions {} kills {} faults {:?} virtual {} s",
                outcome.hash,
                outcome.rows,
                outcome.transactions,
                outcome.kills,
                outcome.faults,
                outcome.virtual_ms / 1000
            ),
            Err(error) => {
                failed += 1;
                println!("seed {seed} FAILED {error:#}; again: cargo run -p ccr-simtest -- --seed {seed}");
            }
        }
    }
    if failed == 0 { std::process::ExitCode::SUCCESS } else { std::process::ExitCode::FAILURE }
}
