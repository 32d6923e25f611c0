//! Scenarios: what a person does to two clusters and a syncer, and what must come of it, one step a line.
//!
//! * [`language`]: the text format, described for those who write scenarios in `scenarios/README.md`;
//! * [`step`]: what the lines mean;
//! * [`play`]: one scenario on two simulated clusters on virtual time; [`bench`](mod@bench): the clusters and the syncer it plays on;
//! * [`check`](mod@check): what is looked at on the clusters;
//! * [`results`]: the table of results, and the one that later runs are held against.

pub mod bench;
pub mod check;
pub mod language;
pub mod play;
pub mod results;
pub mod step;

use std::{collections::BTreeMap, path::Path};

use anyhow::{Context as _, ensure};

pub use step::{Kind, Scenario};

/// All scenarios of a folder, in the order of the files' names and of their lines.
///
/// # Errors
/// A file that cannot be read or understood; two scenarios of one name.
pub fn load(folder: &Path) -> anyhow::Result<Vec<Scenario>> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).with_context(|| format!("list {}", folder.display()))? {
        let path = entry?.path();
        if path.extension().is_some_and(|ending| ending == "scenario") {
            files.push(path);
        }
    }
    files.sort();
    let mut texts = Vec::new();
    for file in files {
        let name = file.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let text = std::fs::read_to_string(&file).with_context(|| format!("read {}", file.display()))?;
        texts.push((name, text));
    }
    let shapes = std::fs::read_to_string(folder.join("shapes.txt")).context("read shapes.txt")?;
    let scenarios = language::parse(&shapes, &texts)?;
    let mut names = BTreeMap::new();
    for scenario in &scenarios {
        let before = names.insert(scenario.name.clone(), scenario.place.clone());
        ensure!(before.is_none(), "scenario {} is there twice: {before:?} and {}", scenario.name, scenario.place);
    }
    Ok(scenarios)
}
