//! `ccr_syncer demo`: a simulated source, a simulated destination and a syncer between them, all on free ports of
//! 127.0.0.1, with TPC-H orders flowing. Everything a user would do - SQL, HTTP - is done over real sockets.

use std::{process::ExitCode, sync::Arc};

use clap::Parser;
use tokio_util::sync::CancellationToken;

mod clusters;
mod load;
mod measure;
mod orders;
mod play;
mod screen;
mod summary;
mod table;

use crate::{flags::FlagValue, flags::Flags, logs};
use play::Stopped;
use screen::Screen;

/// Shows a live copy: two simulated Doris clusters, a syncer between them, TPC-H orders flowing from one to the other.
///
/// At the end all rows of both sides are compared; the exit code is 1 if they differ. Progress goes to stderr, the summary to
/// stdout. Ctrl-C ends the load early and compares what there is; a second Ctrl-C leaves at once.
#[derive(Clone, Debug, Parser)]
#[command(name = "ccr_syncer demo", bin_name = "ccr_syncer demo")]
struct Options {
    /// How long rows flow.
    #[arg(long = "for", value_name = "TIME", default_value = "30s", value_parser = time)]
    duration: std::time::Duration,
    /// Print the summary as one JSON object.
    #[arg(long)]
    json: bool,
    /// Seed of the rows that are changed again, and of the clusters.
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// Rows in the table before the copy begins.
    #[arg(long, value_name = "N", default_value_t = 5_000)]
    rows: u32,
    /// Transactions per second.
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=1000))]
    rate: u32,
    /// New rows in each transaction.
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    batch: u32,
    /// How often the simulated clusters look at their backups and restores (Doris: 3s).
    #[arg(long, value_name = "TIME", default_value = "50ms", value_parser = time)]
    tick: std::time::Duration,
}

fn time(text: &str) -> Result<std::time::Duration, &'static str> {
    match std::time::Duration::parse(text) {
        Ok(time) if !time.is_zero() => Ok(time),
        _ => Err("expected a time like 30s, 1m30s or 50ms"),
    }
}

/// Runs the demo; the first argument is `demo`.
pub fn main(arguments: &[String]) -> ExitCode {
    let options = match Options::try_parse_from(arguments) {
        Ok(options) => options,
        Err(error) => {
            // Nobody may listen.
            error.print().unwrap_or_default();
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
        }
    };
    match run(&options) {
        Ok(equal) => {
            if equal {
                ExitCode::SUCCESS
            } else {
                ExitCode::FAILURE
            }
        }
        Err(error) => {
            eprintln!("the demo failed: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(options: &Options) -> anyhow::Result<bool> {
    let folder = tempfile::Builder::new().prefix("ccr-demo-").tempdir()?;
    let log = folder.path().join("ccr.log");
    let flags = Flags {
        host: "127.0.0.1".to_owned(),
        port: 0,
        db_dir: folder.path().join("ccr.db").to_string_lossy().into_owned(),
        log_level: "info".to_owned(),
        log_filename: log.to_string_lossy().into_owned(),
        ..Flags::default()
    };
    logs::init(&flags).map_err(anyhow::Error::msg)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let screen = Arc::new(Screen::new());
    let result = runtime.block_on(async {
        let (enough, leave) = (CancellationToken::new(), CancellationToken::new());
        tokio::spawn(watch_ctrl_c(Arc::clone(&screen), enough.clone(), leave.clone()));
        play::play(options, &flags, &screen, &enough, &leave).await
    });
    screen.clear();
    match result {
        Ok(summary) => {
            summary.print(options.json)?;
            if !summary.equal {
                eprintln!("the syncer's log: {}", folder.keep().join("ccr.log").display());
            }
            Ok(summary.equal)
        }
        Err(Stopped::Left) => {
            eprintln!("left before the rows were compared");
            Ok(false)
        }
        Err(Stopped::Failed(error)) => {
            Err(error.context(format!("the syncer's log is {}", folder.keep().join("ccr.log").display())))
        }
    }
}

async fn watch_ctrl_c(screen: Arc<Screen>, enough: CancellationToken, leave: CancellationToken) {
    // Without a signal handler Ctrl-C ends the process, which is no worse.
    while tokio::signal::ctrl_c().await.is_ok() {
        if enough.is_cancelled() {
            leave.cancel();
            return;
        }
        enough.cancel();
        screen.note("Ctrl-C: no more rows, comparing; once more leaves at once");
    }
}
