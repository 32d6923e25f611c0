//! Logs in the Go program's form, so that people and log collectors find what they are used to.

use std::path::Path;

use tracing::level_filters::LevelFilter;
use tracing_subscriber::{
    filter::Targets,
    fmt::writer::{BoxMakeWriter, MakeWriterExt},
    layer::SubscriberExt,
    util::SubscriberInitExt,
};

mod file;
mod line;

pub use file::{Retention, RotatingFile};
pub use line::GoLine;

use crate::{flags::Flags, host};

/// The level with one of logrus's names, in any case. There is nothing at `panic` and `fatal` here but the last words of
/// the program, which go to stderr: these two levels log nothing.
pub fn level(name: &str) -> Option<LevelFilter> {
    Some(match name.to_ascii_lowercase().as_str() {
        "panic" | "fatal" => LevelFilter::OFF,
        "error" => LevelFilter::ERROR,
        "warn" | "warning" => LevelFilter::WARN,
        "info" => LevelFilter::INFO,
        "debug" => LevelFilter::DEBUG,
        "trace" => LevelFilter::TRACE,
        _ => return None,
    })
}

/// Sends this process's logs where the flags say.
///
/// # Errors
/// One sentence: the file cannot be opened, or logs were set up before.
pub fn init(flags: &Flags) -> Result<(), String> {
    let writer = if flags.log_filename.is_empty() {
        BoxMakeWriter::new(std::io::stdout)
    } else {
        let retention = Retention { files: flags.log_retain_num, days: flags.log_retain_days };
        let file = RotatingFile::open(Path::new(&flags.log_filename), retention, host::local_now)
            .map_err(|error| format!("cannot open the log file {}: {error}", flags.log_filename))?;
        if flags.log_also_to_stderr { BoxMakeWriter::new(file.and(std::io::stderr)) } else { BoxMakeWriter::new(file) }
    };
    let level = level(&flags.log_level).unwrap_or(LevelFilter::DEBUG);
    let lines = tracing_subscriber::fmt::layer().with_ansi(false).event_format(GoLine).with_writer(writer);
    tracing_subscriber::registry()
        .with(targets(level))
        .with(lines)
        .try_init()
        .map_err(|error| format!("logs cannot be set up: {error}"))
}

/// Our crates at the level asked for; libraries only when something is wrong.
fn targets(level: LevelFilter) -> Targets {
    let ours = ["ccr_syncer", "ccr_engine", "ccr_store", "doris", "doris_sim"];
    Targets::new().with_default(level.min(LevelFilter::WARN)).with_targets(ours.map(|target| (target, level)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_have_the_names_of_logrus() {
        for (name, expected) in [
            ("panic", Some(LevelFilter::OFF)),
            ("fatal", Some(LevelFilter::OFF)),
            ("Error", Some(LevelFilter::ERROR)),
            ("warn", Some(LevelFilter::WARN)),
            ("WARNING", Some(LevelFilter::WARN)),
            ("info", Some(LevelFilter::INFO)),
            ("debug", Some(LevelFilter::DEBUG)),
            ("trace", Some(LevelFilter::TRACE)),
            ("", None),
            ("loud", None),
        ] {
            assert_eq!(level(name), expected, "{name}");
        }
    }

    #[test]
    fn libraries_are_quiet() {
        let targets = targets(LevelFilter::DEBUG);
        assert!(targets.would_enable("ccr_engine::job", &tracing::Level::DEBUG));
        assert!(!targets.would_enable("sqlx::query", &tracing::Level::INFO));
        assert!(targets.would_enable("sqlx::query", &tracing::Level::WARN));
    }
}
