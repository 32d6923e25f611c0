//! `ccr-bench`: what one table job of a syncer reaches on two simulated clusters over real sockets, and beside it what the
//! sockets and the clusters themselves allow. Any program with the same HTTP operations can be measured (`--syncer`).

mod clusters;
mod control;
mod floor;
mod syncer;

use std::{path::PathBuf, time::Duration};

use anyhow::Context;
use clap::Parser;
use serde::Serialize;
use tokio::time::Instant;

use clusters::Clusters;
use syncer::Syncer;

/// Measures a syncer: full copy of a small table, lag of single transactions, throughput of a backlog, memory when idle.
#[derive(Debug, Parser)]
struct Arguments {
    /// The program to measure; by default the `ccr_syncer` beside this one.
    #[arg(long, value_name = "PATH")]
    syncer: Option<PathBuf>,
    /// Single transactions whose lag is measured.
    #[arg(long, default_value_t = 300)]
    singles: u32,
    /// Transactions of the backlog.
    #[arg(long, default_value_t = 3000)]
    backlog: u32,
    /// Milliseconds from commit to visible on both clusters.
    #[arg(long, default_value_t = 10)]
    publish_delay: i64,
    /// Measure control calls while so many jobs run, and nothing else.
    #[arg(long, value_name = "JOBS")]
    control: Option<u32>,
    /// Print one JSON object on stdout.
    #[arg(long)]
    json: bool,
}

/// The figures of one run.
#[derive(Debug, Serialize)]
struct Figures {
    full_sync_ms: u64,
    lag_ms_p50: f64,
    lag_ms_p99: f64,
    transactions_per_second: f64,
    /// One transaction after the other, begun and committed without any rows, by the same client on the same sockets.
    floor_transactions_per_second: f64,
    /// One `SHOW DATABASES` over the same sockets.
    round_trip_ms: f64,
    /// Resident memory of the syncer before its first job.
    idle_mib: f64,
    /// Resident memory after the backlog.
    busy_mib: f64,
    publish_delay_ms: i64,
    rows: u64,
    equal: bool,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let program = match &arguments.syncer {
        Some(path) => path.clone(),
        None => std::env::current_exe()?.with_file_name("ccr_syncer"),
    };
    anyhow::ensure!(program.is_file(), "{} is not there: build it, or name another with --syncer", program.display());
    if let Some(jobs) = arguments.control {
        return control::measure(&program, jobs).await?.print(arguments.json);
    }
    let figures = measure(&arguments, &program).await?;
    print(&figures, arguments.json)
}

async fn measure(arguments: &Arguments, program: &std::path::Path) -> anyhow::Result<Figures> {
    let clusters = Clusters::start(arguments.publish_delay).await?;
    let syncer = Syncer::start(program).await?;
    let idle_mib = syncer.resident_mib()?;

    let begun = Instant::now();
    syncer.create_job(&clusters).await?;
    syncer.wait_incremental().await?;
    clusters.wait_equal_versions().await?;
    let full_sync_ms = u64::try_from(begun.elapsed().as_millis())?;

    let mut lags = Vec::new();
    for _ in 0..arguments.singles {
        clusters.write_one().await?;
        let visible = Instant::now();
        clusters.wait_equal_versions().await?;
        lags.push(visible.elapsed());
        // Transactions that are not back to back, as users write them.
        tokio::time::sleep(Duration::from_millis(7)).await;
    }
    lags.sort();

    syncer.pause().await?;
    clusters.write_backlog(arguments.backlog).await?;
    let begun = Instant::now();
    syncer.resume().await?;
    clusters.wait_equal_versions().await?;
    let seconds = begun.elapsed().as_secs_f64();
    let busy_mib = syncer.resident_mib()?;

    let round_trip_ms = floor::round_trip(&clusters).await?.as_secs_f64() * 1000.0;
    let floor = floor::empty_transactions(&clusters).await?;
    let (rows, equal) = clusters.compare()?;
    Ok(Figures {
        full_sync_ms,
        lag_ms_p50: percentile(&lags, 50).context("no transaction was measured")?,
        lag_ms_p99: percentile(&lags, 99).context("no transaction was measured")?,
        transactions_per_second: f64::from(arguments.backlog) / seconds,
        floor_transactions_per_second: floor,
        round_trip_ms,
        idle_mib,
        busy_mib,
        publish_delay_ms: arguments.publish_delay,
        rows,
        equal,
    })
}

/// Milliseconds at a percentile of sorted durations.
fn percentile(sorted: &[Duration], percent: usize) -> Option<f64> {
    let last = sorted.len().checked_sub(1)?;
    Some(sorted.get(last * percent / 100)?.as_secs_f64() * 1000.0)
}

#[expect(clippy::print_stdout, reason = "the figures are what the program is for")]
fn print(figures: &Figures, json: bool) -> anyhow::Result<()> {
    if json {
        println!("{}", serde_json::to_string(figures)?);
        return Ok(());
    }
    println!("full copy of a small table    {:>9} ms", figures.full_sync_ms);
    println!("lag of a transaction, p50     {:>9.1} ms", figures.lag_ms_p50);
    println!("lag of a transaction, p99     {:>9.1} ms", figures.lag_ms_p99);
    println!("  of which publish delay      {:>9} ms", figures.publish_delay_ms);
    println!("  one round trip              {:>9.2} ms", figures.round_trip_ms);
    println!("backlog                       {:>9.0} transactions/s", figures.transactions_per_second);
    println!("  empty ones, one by one      {:>9.0} transactions/s", figures.floor_transactions_per_second);
    println!("memory, idle                  {:>9.1} MiB", figures.idle_mib);
    println!("memory, after the backlog     {:>9.1} MiB", figures.busy_mib);
    println!("{} rows, {}", figures.rows, if figures.equal { "equal" } else { "DIFFERENT" });
    Ok(())
}
