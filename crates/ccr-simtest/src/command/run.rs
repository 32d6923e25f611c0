//! `ccr-sim run`.

use ccr_simtest::world::{self, Plan};

/// Runs the simulation of one or more seeds.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
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

pub(crate) fn run(arguments: &Options) -> anyhow::Result<bool> {
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
                println!("seed {seed} FAILED {error:#}; again: cargo xtask sim --seed {seed}");
            }
        }
    }
    Ok(failed == 0)
}
