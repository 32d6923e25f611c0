//! The Go program's command line (Go `flag` package rules) and configuration file. Every flag of every version since
//! January 2025 is accepted, so that scripts keep working; [`Flags`] says which ones act.

use std::fmt;

mod config_file;
mod parser;
mod table;
mod value;

pub use config_file::apply_file;
pub use parser::parse;
pub use table::{FLAGS, Flags, Known};
pub use value::FlagValue;

/// What the command line asks for.
#[derive(Clone, Debug)]
pub enum Asked {
    /// Run a syncer.
    Serve(Box<Flags>),
    /// Print the version.
    Version,
    /// Print the usage.
    Help,
}

/// A command line or a line of the configuration file that cannot be followed. One sentence, no secrets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FlagError(pub String);

impl fmt::Display for FlagError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for FlagError {}

/// A flag that switches a feature, as `/features` shows it.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Feature {
    pub feature: &'static str,
    pub value: bool,
    /// As text.
    pub default: String,
}

/// All features by name.
pub fn features(flags: &Flags) -> Vec<Feature> {
    let unset = Flags::default();
    let mut features: Vec<Feature> = FLAGS
        .iter()
        .filter(|flag| flag.name.starts_with("feature"))
        .filter_map(|flag| {
            let default = (flag.switch)(&unset)?.to_string();
            Some(Feature { feature: flag.name, value: (flag.switch)(flags)?, default })
        })
        .collect();
    features.sort_by_key(|feature| feature.feature);
    features
}

/// The text of `-help`.
pub fn usage() -> String {
    let mut text = String::from(
        "ccr_syncer keeps a table of one Apache Doris cluster a live copy of a table of another.\n\n\
         Usage: ccr_syncer [flags]        runs a syncer; jobs are created over its HTTP API\n\
         \x20      ccr_syncer demo [options] shows it on two simulated clusters, see ccr_syncer demo --help\n\nFlags:\n",
    );
    for flag in FLAGS {
        let space = if flag.kind.is_empty() { "" } else { " " };
        text.push_str(&format!("  -{}{space}{}\n    \t{}", flag.name, flag.kind, flag.help));
        if let Some(shown) = (flag.default)() {
            text.push_str(&format!(" (default {shown})"));
        }
        text.push('\n');
    }
    text
}
