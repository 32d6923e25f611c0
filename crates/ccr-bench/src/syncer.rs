//! The measured program, in a process of its own, used through its HTTP operations.

use std::{
    net::{Ipv4Addr, SocketAddr, TcpListener},
    path::Path,
    process::Stdio,
    time::Duration,
};

use anyhow::{Context, ensure};
use ccr_syncer::api::Api;
use serde_json::{Value, json};
use tokio::{
    process::{Child, Command},
    time::{Instant, sleep},
};

use crate::clusters::{Clusters, DB, TABLE};

const JOB: &str = "bench";
const PATIENCE: Duration = Duration::from_secs(120);

pub(crate) struct Syncer {
    child: Child,
    api: Api,
    /// Holds the metadata database.
    _folder: tempfile::TempDir,
}

impl Syncer {
    pub(crate) async fn start(program: &Path) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port();
        let child = Command::new(program)
            .args(["-host", "127.0.0.1", "-log_level", "error", "-port", &port.to_string(), "-db_dir"])
            .arg(folder.path().join("ccr.db"))
            .stdout(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("starting {}", program.display()))?;
        let syncer = Self { child, api: Api(SocketAddr::from((Ipv4Addr::LOCALHOST, port))), _folder: folder };
        syncer.until("the syncer to answer", "/list_jobs", |_| true).await?;
        Ok(syncer)
    }

    /// Its HTTP operations.
    pub(crate) fn api(&self) -> Api {
        self.api
    }

    /// CPU time of the process so far, user and system, seconds.
    pub(crate) fn cpu_seconds(&self) -> anyhow::Result<f64> {
        let pid = self.child.id().context("the syncer has ended")?;
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).context("reading /proc")?;
        // Fields 14 and 15, in ticks of 1/100 s; the second one is the program's name in parentheses.
        let rest = stat.rsplit_once(')').context("/proc has no name")?.1;
        let ticks = rest.split_ascii_whitespace().skip(11).take(2).map(str::parse::<u64>);
        let ticks = ticks.collect::<Result<Vec<u64>, _>>()?;
        Ok(ticks.iter().sum::<u64>() as f64 / 100.0)
    }

    /// Asks a route until the answer is as wanted.
    async fn until(&self, what: &str, path: &str, wanted: impl Fn(&Value) -> bool) -> anyhow::Result<()> {
        let end = Instant::now() + PATIENCE;
        loop {
            let answer = self.api.post(path, &json!({"name": JOB})).await;
            if answer.as_ref().is_ok_and(&wanted) {
                return Ok(());
            }
            ensure!(Instant::now() < end, "waited in vain for {what}: {answer:?}");
            sleep(Duration::from_millis(5)).await;
        }
    }

    pub(crate) async fn create_job(&self, clusters: &Clusters) -> anyhow::Result<()> {
        let body =
            json!({"name": JOB, "src": clusters.source.job_spec(DB, TABLE), "dest": clusters.dest.job_spec(DB, TABLE)});
        self.api.post("/create_ccr", &body).await?;
        Ok(())
    }

    /// Waits until the full copy is complete.
    pub(crate) async fn wait_incremental(&self) -> anyhow::Result<()> {
        let incremental = |answer: &Value| answer["status"]["progress_state"] == "TableIncrementalSync";
        self.until("the full copy", "/job_status", incremental).await
    }

    pub(crate) async fn pause(&self) -> anyhow::Result<()> {
        self.api.post("/pause", &json!({"name": JOB})).await.map(drop)
    }

    pub(crate) async fn resume(&self) -> anyhow::Result<()> {
        self.api.post("/resume", &json!({"name": JOB})).await.map(drop)
    }

    /// Resident memory of the process, MiB.
    pub(crate) fn resident_mib(&self) -> anyhow::Result<f64> {
        let pid = self.child.id().context("the syncer has ended")?;
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).context("reading /proc")?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("no VmRSS in /proc")?;
        let kib: f64 = line.trim().trim_end_matches("kB").trim().parse()?;
        Ok(kib / 1024.0)
    }
}
