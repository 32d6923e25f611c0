//! What the tests of the whole program share: simulated clusters on sockets, the program as a process, and tools of others.

// Each test program uses some of it.
#![allow(dead_code, unreachable_pub, clippy::unwrap_used)]

use std::{
    env, fs,
    net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::Arc,
    time::{Duration, Instant},
};

use ccr_engine::Clock;
use ccr_syncer::{api::Api, host::SystemClock, side::Side};
use doris::{
    net::{Net, tcp::TcpNet},
    secret::Secret,
};
use doris_sim::{ClusterBuilder, SimCluster};
use serde_json::{Value, json};

/// Longest wait for anything.
pub const PATIENCE: Duration = Duration::from_secs(60);

pub const TABLE: &str = "(id BIGINT NOT NULL, note VARCHAR(64)) DUPLICATE KEY (id) DISTRIBUTED BY HASH(id) BUCKETS 2 \
    PROPERTIES (\"replication_num\" = \"1\", \"binlog.enable\" = \"true\", \"binlog.ttl_seconds\" = \"86400\")";

/// Two clusters on sockets, with the time of this machine.
pub struct Clusters {
    pub source: Side,
    pub dest: Side,
    pub running: [SimCluster; 2],
}

impl Clusters {
    pub async fn start() -> Self {
        Self::with(|builder| builder).await
    }

    /// Clusters whose roots have these passwords.
    pub async fn with_passwords(source: &str, dest: &str) -> Self {
        let mut passwords = [source, dest].into_iter();
        let clusters = Self::with(|builder| builder.root_password(Secret::new(passwords.next().unwrap()))).await;
        let Self { source: source_side, dest: dest_side, running } = clusters;
        Self {
            source: source_side.with_password(Secret::new(source)),
            dest: dest_side.with_password(Secret::new(dest)),
            running,
        }
    }

    /// With whatever `change` does to each of them.
    pub async fn with(mut change: impl FnMut(ClusterBuilder) -> ClusterBuilder) -> Self {
        let net = Arc::new(TcpNet::default());
        let mut builder = |name: &str, seed| {
            let builder = ClusterBuilder::new(name)
                .seed(seed)
                .snapshot_tick_ms(20)
                .base_ms(SystemClock.now_ms())
                .backend_net(Arc::clone(&net) as Arc<dyn Net>)
                .sockets(IpAddr::V4(Ipv4Addr::LOCALHOST));
            change(builder)
        };
        let source = builder("source", 1).start().await.unwrap();
        let dest = builder("dest", 2).start().await.unwrap();
        Self { source: Side::of(Arc::clone(&net), &source), dest: Side::of(net, &dest), running: [source, dest] }
    }

    /// Creates a database with a table on the source.
    pub async fn create(&self, db: &str, table: &str) {
        self.source.execute(&format!("CREATE DATABASE IF NOT EXISTS {db}")).await.unwrap();
        self.source.execute(&format!("CREATE TABLE {db}.{table} {TABLE}")).await.unwrap();
    }

    /// The request that creates a job for a table.
    pub fn job(&self, name: &str, db: &str, table: &str) -> Value {
        json!({"name": name, "src": self.source.job_spec(db, table), "dest": self.dest.job_spec(db, table)})
    }

    /// Waits until both sides of a table have the same rows.
    pub async fn equal(&self, table: &str) {
        let query = format!("SELECT * FROM {table} ORDER BY id");
        let source = self.source.rows(&query).await.unwrap();
        until(&format!("{table} is equal on both sides"), async || {
            self.dest.rows(&query).await.is_ok_and(|dest| dest.rows == source.rows)
        })
        .await;
    }
}

/// Asks until the answer is yes.
pub async fn until(what: &str, mut ask: impl AsyncFnMut() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !ask().await {
        assert!(Instant::now() < end, "{what}: not within {} s", PATIENCE.as_secs());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// A port that nobody else is handed so soon.
pub fn free_port() -> u16 {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port()
}

/// The program, as cargo built it.
pub fn program() -> &'static str {
    env!("CARGO_BIN_EXE_ccr_syncer")
}

/// A running syncer with its files in a folder of its own; killed when dropped.
pub struct Syncer {
    pub child: Child,
    pub port: u16,
    pub folder: tempfile::TempDir,
}

impl Syncer {
    /// Starts one with these flags beside port, database and log file, and waits until it answers.
    pub async fn start(flags: &[&str]) -> Self {
        Self::start_with(flags, &[]).await
    }

    /// The same with environment variables.
    pub async fn start_with(flags: &[&str], environment: &[(&str, &str)]) -> Self {
        Self::start_on(free_port(), flags, environment).await
    }

    /// The same on a port of one's choice: who has the port of another one is that one.
    pub async fn start_on(port: u16, flags: &[&str], environment: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let child = Command::new(program())
            .args(["-host", "127.0.0.1", "-port", &port.to_string(), "-log_filename", "ccr.log"])
            .args(flags)
            .envs(environment.iter().copied())
            .current_dir(folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(fs::File::create(folder.path().join("stderr")).unwrap())
            .spawn()
            .unwrap();
        let syncer = Self { child, port, folder };
        until("the syncer answers", async || syncer.api().post("/list_jobs", &json!({})).await.is_ok()).await;
        syncer
    }

    pub fn api(&self) -> Api {
        Api(SocketAddr::from((Ipv4Addr::LOCALHOST, self.port)))
    }

    /// The body of the answer to a GET.
    pub async fn get(&self, path: &str) -> String {
        get(self.port, path).await
    }

    /// Waits until a job replicates incrementally.
    pub async fn incremental(&self, job: &str) {
        until(&format!("{job} is incremental"), async || {
            let status = self.api().post("/job_status", &json!({"name": job})).await.unwrap();
            status["status"]["progress_state"].as_str().is_some_and(|state| state.ends_with("IncrementalSync"))
        })
        .await;
    }

    pub fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("ccr.log")).unwrap_or_default()
    }
}

impl Drop for Syncer {
    fn drop(&mut self) {
        // It may have ended already.
        self.child.kill().unwrap_or_default();
        self.child.wait().map(drop).unwrap_or_default();
    }
}

/// The body of the answer to a GET on this machine.
pub async fn get(port: u16, path: &str) -> String {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let mut stream = tokio::net::TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut reply = String::new();
    stream.read_to_string(&mut reply).await.unwrap();
    reply.split_once("\r\n\r\n").unwrap().1.to_owned()
}

/// The root of the repository.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap().to_owned()
}

/// A program of others: on the path, or where `cargo xtask test` puts what is missing. Without it the test that needs it
/// says so on stderr and passes.
pub fn tool(name: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    // target/debug/deps/this-program
    let target = env::current_exe().ok().and_then(|exe| Some(exe.ancestors().nth(3)?.join("tools/usr/bin")));
    let found = env::split_paths(&path).chain(target).map(|folder| folder.join(name)).find(|file| file.is_file());
    if found.is_none() {
        eprintln!("skipped: {name} is not installed (cargo xtask test installs it)");
    }
    found
}
