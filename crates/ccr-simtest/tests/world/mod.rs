//! One job between two simulated clusters, driven by hand.
// Each test program uses its own part of it.
#![allow(dead_code, unreachable_pub)]

use std::{sync::Arc, time::Duration};

use ccr_engine::{
    Env, Job, Settings,
    create::{self, NewJob},
    failpoints::Failpoints,
    incremental::IngestWindows,
};
use ccr_simtest::{
    clusters::{Clusters, login, rpc_port},
    host::{SeededRng, VirtualClock},
};
use ccr_store::{
    JobRow, Metastore,
    documents::{JobDocument, Spec},
    memory::MemoryStore,
};
use doris::net::SqlReply;
use doris_sim::SimCluster;
use tokio::task::JoinSet;

pub const JOB: &str = "copy";
pub const OWNER: &str = "127.0.0.1:9190";

pub struct World {
    pub clusters: Clusters,
    pub store: MemoryStore,
    clock: VirtualClock,
    pub rows: u64,
    /// The source table as it is called now.
    pub source_table: String,
    processes: u64,
    /// Of all processes.
    pub failpoints: Failpoints,
}

const ORDERS: &str = "CREATE TABLE shop.orders (id BIGINT NOT NULL) DUPLICATE KEY (id) DISTRIBUTED BY HASH(id) BUCKETS 3 \
     PROPERTIES (\"replication_num\" = \"1\", \"binlog.enable\" = \"true\")";

/// One process of the syncer: dropping the set is a kill.
pub type Process = (Job, JoinSet<()>);

impl World {
    /// Two clusters, a table with three rows on the source, and a job that has not been started.
    pub async fn new() -> Self {
        let mut world = Self::with_table(ORDERS).await;
        world.write(3).await;
        world
    }

    /// Two clusters, an empty table `shop.orders` whose first column is a BIGINT, and a job that has not been started.
    pub async fn with_table(create: &str) -> Self {
        let mut world = Self::empty().await;
        world.source("CREATE DATABASE shop").await;
        world.source(create).await;
        let (src, dest) = (spec(&world.clusters.source), spec(&world.clusters.dest));
        world.add_job(src, dest).await;
        world
    }

    /// Two clusters, a database `shop` on the source that records everything, made by the statements, and a job of the
    /// whole database, whose copy is called `store`. The job has not been started.
    pub async fn with_database(statements: &[&str]) -> Self {
        let mut world = Self::empty().await;
        world.source("CREATE DATABASE shop").await;
        world.source("ALTER DATABASE shop SET PROPERTIES (\"binlog.enable\" = \"true\")").await;
        for statement in statements {
            world.source(statement).await;
        }
        let src = Spec { table: String::new(), ..spec(&world.clusters.source) };
        let dest = Spec { table: String::new(), database: "store".to_owned(), ..spec(&world.clusters.dest) };
        world.add_job(src, dest).await;
        world
    }

    async fn empty() -> Self {
        Self {
            clusters: Clusters::start(5).await.unwrap(),
            store: MemoryStore::new(),
            clock: VirtualClock::new(),
            rows: 0,
            source_table: "orders".to_owned(),
            processes: 0,
            failpoints: Failpoints::default(),
        }
    }

    async fn add_job(&mut self, src: Spec, dest: Spec) {
        let request = NewJob {
            name: JOB.to_owned(),
            src,
            dest,
            allow_table_exists: false,
            reuse_binlog_label: false,
            skip_error: false,
        };
        let document = create::check(&self.env(), request).await.unwrap().to_json();
        let row = JobRow { name: JOB.to_owned(), document, owner: OWNER.to_owned() };
        self.store.add_job(&row).await.unwrap();
    }

    pub async fn create_table(&self) {
        self.source(ORDERS).await;
    }

    pub async fn sql(&self, cluster: &SimCluster, sql: &str) -> SqlReply {
        self.clusters.net().sql(&login(cluster).unwrap(), sql).await.unwrap()
    }

    pub async fn source(&self, sql: &str) {
        let reply = self.sql(&self.clusters.source, sql).await;
        assert!(!matches!(reply, SqlReply::Error { .. }), "{sql}: {reply:?}");
    }

    /// Transactions of one row each.
    pub async fn write(&mut self, transactions: u64) {
        for _ in 0..transactions {
            self.rows += 1;
            self.source(&format!("INSERT INTO shop.orders VALUES ({})", self.rows)).await;
        }
    }

    pub async fn ids(&self, cluster: &SimCluster) -> Vec<String> {
        match self.sql(cluster, "SELECT id FROM shop.orders ORDER BY id").await {
            SqlReply::Rows(set) => set.rows.into_iter().map(|mut row| row.remove(0).unwrap()).collect(),
            other => panic!("{other:?}"),
        }
    }

    pub async fn assert_equal(&self) {
        assert_eq!(self.ids(&self.clusters.dest).await, self.ids(&self.clusters.source).await);
    }

    pub fn env(&mut self) -> Env {
        self.processes += 1;
        Env {
            net: self.clusters.net(),
            store: Arc::new(self.store.clone()),
            clock: Arc::new(self.clock),
            rng: Arc::new(SeededRng::new(5, self.processes)),
            owner: OWNER.into(),
            settings: Arc::new(Settings { failpoints: self.failpoints.clone(), ..Settings::default() }),
            windows: Arc::new(IngestWindows::new(48)),
        }
    }

    pub async fn start(&mut self) -> Process {
        let row = self.store.job(JOB).await.unwrap().unwrap();
        let (job, actor) = Job::prepare(self.env(), JobDocument::parse(&row.document).unwrap());
        let mut tasks = JoinSet::new();
        tasks.spawn(actor);
        (job, tasks)
    }

    /// A process whose job is past its full copy.
    pub async fn start_incremental(&mut self) -> Process {
        let process = self.start().await;
        assert!(process.0.wait_for(|s| s.sync_state.is_incremental()).await);
        seconds(5).await;
        process
    }

    /// The stored job document.
    pub async fn document(&self) -> JobDocument {
        JobDocument::parse(&self.store.job(JOB).await.unwrap().unwrap().document).unwrap()
    }

    pub async fn progress(&self) -> String {
        self.store.progress(JOB).await.unwrap().unwrap_or_default()
    }
}

pub fn spec(cluster: &SimCluster) -> Spec {
    let login = login(cluster).unwrap();
    Spec {
        host: login.endpoint.host,
        port: login.endpoint.port.to_string(),
        thrift_port: rpc_port(cluster).unwrap().to_string(),
        user: login.user,
        database: "shop".to_owned(),
        table: "orders".to_owned(),
        ..Spec::default()
    }
}

/// Virtual time.
pub async fn seconds(seconds: u64) {
    tokio::time::sleep(Duration::from_secs(seconds)).await;
}
