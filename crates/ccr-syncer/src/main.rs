//! The command line of `ccr_syncer`.

use std::{io::Write, process::ExitCode};

use ccr_store::documents::Password;
use ccr_syncer::{
    VERSION, demo,
    flags::{self, Asked, Flags},
    logs,
    serve::{StartError, Syncer},
};
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tracing::{error, info};

fn main() -> ExitCode {
    let arguments: Vec<String> =
        std::env::args_os().skip(1).map(|argument| argument.to_string_lossy().into_owned()).collect();
    if arguments.first().is_some_and(|first| first == "demo") {
        return demo::main(&arguments);
    }
    match flags::parse(&arguments) {
        Ok(Asked::Version) => say(&format!("{VERSION}\n")),
        Ok(Asked::Help) => say(&flags::usage()),
        Ok(Asked::Serve(flags)) => match run(*flags) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                eprintln!("{error}");
                ExitCode::FAILURE
            }
        },
        Err(error) => {
            eprint!("{error}\n\n{}", flags::usage());
            ExitCode::from(2)
        }
    }
}

/// Writes what was asked for to stdout. A reader that has gone (`| head -1`) is no error.
fn say(text: &str) -> ExitCode {
    std::io::stdout().write_all(text.as_bytes()).unwrap_or_default();
    ExitCode::SUCCESS
}

/// The variable that has the password of the metadata database, for whoever does not want it in a list of processes.
const PASSWORD_VARIABLE: &str = "CCR_DB_PASSWORD";

fn run(mut flags: Flags) -> Result<(), StartError> {
    if flags.db_password.expose().is_empty()
        && let Ok(password) = std::env::var(PASSWORD_VARIABLE)
    {
        flags.db_password = Password::new(password);
    }
    let forced = if flags.config_file.is_empty() {
        Vec::new()
    } else {
        let file = flags.config_file.clone();
        let text = std::fs::read_to_string(&file).map_err(|e| StartError(format!("open config file {file}: {e}")))?;
        flags::apply_file(&mut flags, &text).map_err(|e| StartError(format!("config file {file}: {e}")))?
    };
    logs::init(&flags).map_err(StartError)?;
    for name in forced {
        info!("force set config {name}");
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.map_err(|error| StartError(format!("the program cannot start its threads: {error}")))?;
    runtime.block_on(async {
        let stop = CancellationToken::new();
        watch_signals(&stop)?;
        let syncer = Syncer::open(&flags).await.inspect_err(|why| error!("{why}"))?;
        syncer.run(stop).await;
        Ok(())
    })
}

/// The first SIGINT, SIGTERM or SIGQUIT cancels `stop`, the second ends the process at once. SIGHUP is ignored: the Go
/// program's start script runs it with nohup.
fn watch_signals(stop: &CancellationToken) -> Result<(), StartError> {
    let on = |kind| signal(kind).map_err(|error| StartError(format!("signals cannot be watched: {error}")));
    let mut interrupt = on(SignalKind::interrupt())?;
    let mut terminate = on(SignalKind::terminate())?;
    let mut quit = on(SignalKind::quit())?;
    let mut hangup = on(SignalKind::hangup())?;
    let stop = stop.clone();
    tokio::spawn(async move {
        loop {
            let (name, number) = tokio::select! {
                biased;
                _ = interrupt.recv() => ("interrupt", 2),
                _ = terminate.recv() => ("terminated", 15),
                _ = quit.recv() => ("quit", 3),
                _ = hangup.recv() => {
                    info!("receive signal: hangup, ignored");
                    continue;
                }
            };
            info!("receive signal: {name}");
            if stop.is_cancelled() {
                error!("second signal: the process ends at once");
                std::process::exit(128 + number);
            }
            info!("handle signal: {name}");
            stop.cancel();
        }
    });
    Ok(())
}
