//! Replays recordings of real Doris frontends against the simulator and compares every answer.

#![allow(clippy::print_stdout)] // Printing is what this program is for.

mod ahead;
mod atoms;
mod backends;
mod binding;
mod compare;
mod document;
mod excuse;
mod kinds;
mod moments;
mod names;
mod recording;
mod replay;
mod report;
mod results;
mod translate;
mod watch;
mod world;

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::{Context as _, Result};
use clap::Parser;

use crate::{excuse::Excuses, recording::Recording, report::Report};

/// Replays recordings of real Doris frontends against the simulator and compares every answer. Fails if a script has
/// more differences than the table of results says (none, for a script that is not in it).
#[derive(Debug, Parser)]
struct Options {
    /// The folder of recordings.
    #[arg(long, env = "DORIS_CAPTURES", default_value = "../shared/captures")]
    captures: PathBuf,
    /// One JSON object on stdout instead of a table.
    #[arg(long)]
    json: bool,
    /// How many differences of a script are shown.
    #[arg(long, default_value_t = 5)]
    show: usize,
    /// Shows the excused differences, too.
    #[arg(long)]
    excused: bool,
    /// Writes the table of results that later runs are held against.
    #[arg(long)]
    keep: bool,
    /// Only scripts whose names contain one of these (`03_ddl`, `2.1/`).
    scripts: Vec<String>,
}

fn main() -> ExitCode {
    match run(&Options::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("conformance: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(options: &Options) -> Result<bool> {
    if !options.captures.is_dir() {
        eprintln!("conformance: skipped, no recordings at {}", options.captures.display());
        if options.json {
            println!("{}", Report::default().json());
        }
        return Ok(true);
    }
    let excuses = Excuses::read()?;
    let mut report = Report::default();
    for (path, name) in files(&options.captures)? {
        if options.scripts.is_empty() || options.scripts.iter().any(|part| name.contains(part)) {
            let recording = Recording::read(&path, name)?;
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build()?;
            let replayed = runtime
                .block_on(replay::replay(&recording, &excuses))
                .with_context(|| format!("replay {}", recording.name))?;
            report.add(&recording, replayed, &excuses);
        }
    }
    if options.json {
        println!("{}", report.json());
    } else {
        report.print(options.show, options.excused);
    }
    if options.keep {
        results::keep(&report.table())?;
        return Ok(true);
    }
    let worse = report.worse_than(&results::known());
    for script in &worse {
        eprintln!("conformance: {script} has more differences than its line in the table of results allows");
    }
    Ok(worse.is_empty())
}

/// All recordings of a folder with their names.
fn files(folder: &Path) -> Result<Vec<(PathBuf, String)>> {
    let mut found = Vec::new();
    collect(folder, "", &mut found)?;
    found.sort_by(|(_, a), (_, b)| (a.contains('/'), a).cmp(&(b.contains('/'), b)));
    Ok(found)
}

fn collect(folder: &Path, prefix: &str, found: &mut Vec<(PathBuf, String)>) -> Result<()> {
    for entry in std::fs::read_dir(folder).with_context(|| format!("list {}", folder.display()))? {
        let path = entry?.path();
        let name = path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
        if path.is_dir() {
            let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            collect(&path, &format!("{prefix}{name}/"), found)?;
        } else if path.extension().is_some_and(|ending| ending == "json") {
            found.push((path, format!("{prefix}{name}")));
        }
    }
    Ok(())
}
