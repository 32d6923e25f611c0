//! How long control calls take while many jobs run and rows are written.

use std::{
    collections::BTreeMap,
    net::{IpAddr, Ipv4Addr},
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use anyhow::{anyhow, ensure};
use ccr_syncer::{api::Api, side::Side};
use doris::net::tcp::TcpNet;
use doris_sim::{ClusterBuilder, SimCluster, model::Value as Cell};
use futures::{StreamExt, TryStreamExt, stream};
use serde::Serialize;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use crate::{percentile, syncer::Syncer};

/// Clients that call at the same time, and how often each does.
const CLIENTS: u32 = 8;
const CALLS: u32 = 450;
/// Jobs whose tables are written to.
const WRITTEN: usize = 20;
const PATIENCE: Duration = Duration::from_secs(900);

/// What is called, in turn. None of it changes what a job comes to.
/// `/features` asks nobody: it is what sockets and the machine take.
const ROUTES: [&str; 9] = [
    "/pause",
    "/job_status",
    "/resume",
    "/job_progress",
    "/job_skip_binlog",
    "/job_detail",
    "/update_host_mapping",
    "/list_jobs",
    "/features",
];

/// The figures of one run.
#[derive(Debug, Serialize)]
pub(crate) struct Figures {
    jobs: u32,
    /// From the first creation until all replicate incrementally.
    ready_seconds: f64,
    clients: u32,
    calls: usize,
    written_rows_per_second: f64,
    p50_ms: f64,
    p99_ms: f64,
    max_ms: f64,
    /// By route: median and 99th percentile, milliseconds.
    routes: BTreeMap<&'static str, [f64; 2]>,
    /// CPU of the syncer while it was called, in cores.
    syncer_cores: f64,
    resident_mib: f64,
}

impl Figures {
    #[expect(clippy::print_stdout, reason = "the figures are what the program is for")]
    pub(crate) fn print(&self, json: bool) -> anyhow::Result<()> {
        if json {
            println!("{}", serde_json::to_string(self)?);
            return Ok(());
        }
        println!("{} jobs, all incremental after  {:>9.1} s", self.jobs, self.ready_seconds);
        println!("rows written meanwhile         {:>9.0} /s", self.written_rows_per_second);
        println!("{} calls of {} clients, p50   {:>9.1} ms", self.calls, self.clients, self.p50_ms);
        println!("  p99                          {:>9.1} ms", self.p99_ms);
        println!("  longest                      {:>9.1} ms", self.max_ms);
        for (route, [p50, p99]) in &self.routes {
            println!("  {route:<22} p50 {p50:>6.1} ms   p99 {p99:>6.1} ms");
        }
        println!("CPU of the syncer              {:>9.2} cores", self.syncer_cores);
        println!("memory                         {:>9.1} MiB", self.resident_mib);
        Ok(())
    }
}

struct Setting {
    source: SimCluster,
    /// Keeps the destination alive.
    _dest: SimCluster,
    sides: [Side; 2],
}

/// Measures a program with so many jobs.
pub(crate) async fn measure(program: &Path, jobs: u32) -> anyhow::Result<Figures> {
    ensure!(jobs > 0, "at least one job is needed");
    let setting = start(jobs).await?;
    let syncer = Syncer::start(program).await?;
    let begun = Instant::now();
    create(&setting, syncer.api(), jobs).await?;
    let ready_seconds = begun.elapsed().as_secs_f64();

    let (stop, written) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let writing = write(&setting.source, jobs, Arc::clone(&stop), Arc::clone(&written));
    let (begun, cpu) = (Instant::now(), syncer.cpu_seconds()?);
    let calling = async {
        let calls = stream::iter(0..CLIENTS).map(|client| call(syncer.api(), client, jobs));
        let taken = calls.buffer_unordered(CLIENTS as usize).try_collect::<Vec<_>>().await;
        stop.store(true, Ordering::Relaxed);
        taken
    };
    let (taken, wrote) = tokio::join!(calling, writing);
    wrote?;
    let seconds = begun.elapsed().as_secs_f64();
    let mut by_route: BTreeMap<&'static str, Vec<Duration>> = BTreeMap::new();
    for (route, took) in taken?.into_iter().flatten() {
        by_route.entry(route).or_default().push(took);
    }
    let mut all: Vec<Duration> = by_route.values().flatten().copied().collect();
    all.sort();
    let none = || anyhow!("nothing was called");
    let routes = by_route
        .into_iter()
        .map(|(route, mut times)| {
            times.sort();
            Ok((route, [percentile(&times, 50).ok_or_else(none)?, percentile(&times, 99).ok_or_else(none)?]))
        })
        .collect::<anyhow::Result<_>>()?;
    Ok(Figures {
        jobs,
        ready_seconds,
        clients: CLIENTS,
        calls: all.len(),
        written_rows_per_second: written.load(Ordering::Relaxed) as f64 / seconds,
        p50_ms: percentile(&all, 50).ok_or_else(none)?,
        p99_ms: percentile(&all, 99).ok_or_else(none)?,
        max_ms: percentile(&all, 100).ok_or_else(none)?,
        routes,
        syncer_cores: (syncer.cpu_seconds()? - cpu) / seconds,
        resident_mib: syncer.resident_mib()?,
    })
}

fn name(job: u32) -> String {
    format!("job{job}")
}

/// Two clusters; on the source a database with one table for each job, so that no copy waits for another one's.
async fn start(jobs: u32) -> anyhow::Result<Setting> {
    let cluster = async |name: &str, seed| {
        let builder = ClusterBuilder::new(name).seed(seed).sockets(IpAddr::V4(Ipv4Addr::LOCALHOST));
        builder.snapshot_tick_ms(0).start().await
    };
    let (source, dest) = (cluster("source", 1).await?, cluster("dest", 2).await?);
    let net = Arc::new(TcpNet::default());
    let sides = [Side::of(Arc::clone(&net), &source), Side::of(net, &dest)];
    for job in 0..jobs {
        let db = name(job);
        sides[0].execute(&format!("CREATE DATABASE {db}")).await?;
        let table = "t (id BIGINT NOT NULL) DUPLICATE KEY (id) DISTRIBUTED BY HASH(id) BUCKETS 1";
        let properties = r#"PROPERTIES ("replication_num" = "1", "binlog.enable" = "true")"#;
        sides[0].execute(&format!("CREATE TABLE {db}.{table} {properties}")).await?;
    }
    Ok(Setting { source, _dest: dest, sides })
}

/// Creates all jobs and waits until each replicates incrementally.
async fn create(setting: &Setting, api: Api, jobs: u32) -> anyhow::Result<()> {
    let created = stream::iter(0..jobs).map(|job| async move {
        let name = name(job);
        let [src, dest] = setting.sides.each_ref().map(|side| side.job_spec(&name, "t"));
        api.post("/create_ccr", &json!({"name": name, "src": src, "dest": dest})).await.map(drop)
    });
    created.buffer_unordered(CLIENTS as usize).try_collect::<()>().await?;
    let end = Instant::now() + PATIENCE;
    let mut waiting: Vec<u32> = (0..jobs).collect();
    while let Some(job) = waiting.last() {
        let status = api.post("/job_status", &json!({"name": name(*job)})).await?;
        if status["status"]["progress_state"] == "TableIncrementalSync" {
            waiting.pop();
            continue;
        }
        ensure!(Instant::now() < end, "{} jobs are still copied, one of them: {status}", waiting.len());
        sleep(Duration::from_millis(20)).await;
    }
    Ok(())
}

/// Writes single rows to some of the tables until told to stop.
async fn write(source: &SimCluster, jobs: u32, stop: Arc<AtomicBool>, written: Arc<AtomicU64>) -> anyhow::Result<()> {
    for id in 0.. {
        if stop.load(Ordering::Relaxed) {
            break;
        }
        for job in (0..jobs).take(WRITTEN) {
            let row = vec![Cell::Int(id)];
            source.with(|model| model.load(&name(job), "t", vec![row])).map_err(|refusal| anyhow!("{refusal:?}"))?;
            written.fetch_add(1, Ordering::Relaxed);
        }
        sleep(Duration::from_millis(100)).await;
    }
    Ok(())
}

/// One client: each call on a connection of its own, as curl does.
async fn call(api: Api, client: u32, jobs: u32) -> anyhow::Result<Vec<(&'static str, Duration)>> {
    let mut taken = Vec::new();
    for number in 0..CALLS {
        // Neighbouring calls go to jobs far apart, so that those that are written to are among them.
        let job = (client * CALLS + number / ROUTES.len() as u32).wrapping_mul(2_654_435_761) % jobs;
        let route = ROUTES[number as usize % ROUTES.len()];
        let mut body: Value = json!({"name": name(job)});
        match route {
            // Passed long ago.
            "/job_skip_binlog" => (body["skip_by"], body["skip_commit_seq"]) = (json!("silence"), json!(1)),
            "/update_host_mapping" => body["src_host_mapping"] = json!({"nobody": ""}),
            _ => {}
        }
        let begun = Instant::now();
        api.post(route, &body).await?;
        taken.push((route, begun.elapsed()));
        sleep(Duration::from_millis(5)).await;
    }
    Ok(taken)
}
