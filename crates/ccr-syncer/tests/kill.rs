//! SIGKILL at random moments: whatever the syncer was doing, each row of the source is on the destination exactly once.
#![allow(clippy::unwrap_used)]

use std::{
    net::{Ipv4Addr, SocketAddr, TcpListener},
    path::Path,
    process::Stdio,
    sync::Arc,
    time::{Duration, Instant},
};

use ccr_syncer::{api::Api, side::Side};
use doris::net::tcp::TcpNet;
use doris_sim::{ClusterBuilder, SimCluster};
use rand::{RngExt, SeedableRng, rngs::StdRng};
use serde_json::json;
use tokio::process::{Child, Command};

const KILLS: u32 = 10;
const PATIENCE: Duration = Duration::from_secs(60);

/// A syncer in a process of its own.
struct Process {
    child: Child,
    api: Api,
}

impl Process {
    async fn start(port: u16, db: &Path) -> Self {
        let child = Command::new(env!("CARGO_BIN_EXE_ccr_syncer"))
            .args(["-host", "127.0.0.1", "-log_level", "warn", "-port", &port.to_string(), "-db_dir"])
            .arg(db)
            .stdout(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let process = Self { child, api: Api(SocketAddr::from((Ipv4Addr::LOCALHOST, port))) };
        until("the syncer answers", async || process.api.post("/list_jobs", &json!({})).await.is_ok()).await;
        process
    }

    async fn kill(mut self) {
        self.child.kill().await.unwrap();
    }
}

/// Asks until the answer is yes.
async fn until(what: &str, mut ask: impl AsyncFnMut() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !ask().await {
        assert!(Instant::now() < end, "{what}: not within {} s", PATIENCE.as_secs());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn ids(side: &Side) -> Option<Vec<Option<String>>> {
    let found = side.rows("SELECT id FROM shop.orders ORDER BY id").await.ok()?;
    Some(found.rows.into_iter().map(|mut row| row.remove(0)).collect())
}

async fn start(name: &str, seed: u64) -> (SimCluster, Side) {
    let cluster = ClusterBuilder::new(name).seed(seed).sockets(Ipv4Addr::LOCALHOST.into()).start().await.unwrap();
    let side = Side::of(Arc::new(TcpNet::default()), &cluster);
    (cluster, side)
}

/// Defects: WIRE-5, ENG-E-4.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_kills_lose_nothing_and_double_nothing() {
    let mut rng = StdRng::seed_from_u64(20);
    let (_source, source) = start("source", 1).await;
    let (_dest, dest) = start("dest", 2).await;
    source.execute("CREATE DATABASE shop").await.unwrap();
    // Without a unique key a transaction that is applied twice shows.
    source
        .execute(
            "CREATE TABLE shop.orders (id BIGINT NOT NULL, note VARCHAR(64)) DUPLICATE KEY (id) \
             DISTRIBUTED BY HASH(id) BUCKETS 3 \
             PROPERTIES (\"replication_num\" = \"1\", \"binlog.enable\" = \"true\")",
        )
        .await
        .unwrap();

    let folder = tempfile::tempdir().unwrap();
    let db = folder.path().join("ccr.db");
    // Freed at once; nobody else on this machine is handed it so soon.
    let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port();
    let mut process = Process::start(port, &db).await;
    let job =
        json!({"name": "kill", "src": source.job_spec("shop", "orders"), "dest": dest.job_spec("shop", "orders")});
    process.api.post("/create_ccr", &job).await.unwrap();

    let mut next = 0u64;
    for _ in 0..KILLS {
        let life = Instant::now() + Duration::from_millis(rng.random_range(50..1500));
        while Instant::now() < life {
            let values: Vec<String> = (0..rng.random_range(1..5))
                .map(|_| {
                    next += 1;
                    format!("({next}, 'row {next}')")
                })
                .collect();
            source.execute(&format!("INSERT INTO shop.orders VALUES {}", values.join(", "))).await.unwrap();
        }
        process.kill().await;
        process = Process::start(port, &db).await;
    }

    let written = ids(&source).await.unwrap();
    assert_eq!(written.len() as u64, next);
    until("the destination has every row once", async || ids(&dest).await.as_ref() == Some(&written)).await;
    let status = process.api.post("/job_status", &json!({"name": "kill"})).await.unwrap();
    assert_eq!(status["status"]["state"], "running", "{status}");
    // One full copy at the beginning, and no other: every kill was survived by the binlog.
    let progress = process.api.post("/job_progress", &json!({"name": "kill"})).await.unwrap();
    let reason = progress["job_progress"]["full_sync_info"]["info"].as_str().unwrap_or_default();
    assert!(reason.starts_with("new job"), "{progress}");
}
