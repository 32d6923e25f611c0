//! `ccr-sim scenarios`.

use std::{path::PathBuf, time::Instant};

use anyhow::ensure;
use ccr_simtest::scenario::{self, Scenario, play::play, results};

use super::on_threads;

/// Plays scenarios; fails if one fails that passed when the table of results was kept.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Only scenarios whose names contain one of these.
    names: Vec<String>,
    /// One JSON object on stdout instead of a table.
    #[arg(long)]
    json: bool,
    /// Keeps the results as what later runs are held against.
    #[arg(long)]
    keep: bool,
    /// Does not say why scenarios fail.
    #[arg(long)]
    quiet: bool,
    /// Threads.
    #[arg(long, default_value_t = 2)]
    jobs: usize,
    /// The folder of scenarios.
    #[arg(long, default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/scenarios"))]
    folder: PathBuf,
}

pub(crate) fn run(options: &Options) -> anyhow::Result<bool> {
    let begun = Instant::now();
    let all = scenario::load(&options.folder)?;
    let wanted = |scenario: &&Scenario| {
        options.names.is_empty() || options.names.iter().any(|part| scenario.name.contains(part.as_str()))
    };
    let chosen: Vec<&Scenario> = all.iter().filter(wanted).collect();
    ensure!(!chosen.is_empty(), "no scenario is called so");
    let work = |scenario: &&Scenario| {
        let begun = Instant::now();
        results::Result::new(scenario, play(scenario), begun.elapsed())
    };
    let say = |result: &results::Result| {
        for played in result.played.iter().filter(|_| !options.quiet) {
            if let Some(failure) = &played.failure {
                eprintln!("{} ({}): {failure}", result.name, played.kind);
            }
        }
    };
    let results = on_threads(options.jobs, &chosen, work, say);
    let summary = results::summary(&results, begun.elapsed());
    if options.json {
        println!("{summary}");
    } else {
        print!("{}", results::table(&results));
        println!(
            "{} scenarios, {} passed, {} failed, {} s",
            summary["scenarios"], summary["passed"], summary["failed"], summary["seconds"]
        );
    }
    let file = options.folder.join("RESULTS.md");
    if options.keep {
        ensure!(chosen.len() == all.len(), "only the results of all scenarios can be kept");
        std::fs::write(&file, results::kept(&results))?;
        return Ok(true);
    }
    let worse = results::worse(&results, &std::fs::read_to_string(&file).unwrap_or_default());
    for name in &worse {
        eprintln!("ccr-sim: {name} passed when the results were kept, and fails");
    }
    Ok(worse.is_empty())
}
