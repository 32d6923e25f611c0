//! Syncers on one database in memory, on virtual time.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;

use ccr_engine::{Env, Settings, create::NewJob, incremental::IngestWindows};
use ccr_store::{
    Metastore,
    documents::{ProgressDocument, Spec},
    memory::MemoryStore,
};
use doris::net::{Net, SqlLogin, SqlReply};
use doris_sim::{ClusterBuilder, SimCluster, SimNet};
use tokio::time::{Instant, sleep, timeout};

use super::*;
use crate::{
    host::{SystemClock, SystemRng},
    manager::FencedNet,
};

const JOBS: [&str; 6] = ["j0", "j1", "j2", "j3", "j4", "j5"];
/// More than any takeover takes.
const TAKEOVER: Duration = Duration::from_secs(5);

/// One syncer.
struct Node {
    store: MemoryStore,
    tenure: Tenure,
    manager: Arc<Manager>,
    membership: Membership,
}

fn tenure() -> Tenure {
    let start = Instant::now();
    Tenure::with_clock(move || start.elapsed())
}

fn manager(net: Arc<dyn Net>, store: &MemoryStore, owner: &str) -> Arc<Manager> {
    Manager::new(Env {
        net,
        store: Arc::new(store.clone()),
        clock: Arc::new(SystemClock),
        rng: Arc::new(SystemRng),
        owner: owner.into(),
        settings: Arc::new(Settings::default()),
        windows: Arc::new(IngestWindows::new(48)),
    })
}

async fn join(net: &SimNet, database: &MemoryStore, owner: &str) -> Result<Node, StoreError> {
    let (store, tenure) = (database.reopen(), tenure());
    let fenced = FencedNet::new(Arc::new(net.clone()), tenure.clone());
    let manager = manager(Arc::new(fenced), &store, owner);
    let membership = Membership::join(Arc::clone(&manager), tenure.clone()).await?;
    manager.reconcile().await?;
    membership.coordinate();
    Ok(Node { store, tenure, manager, membership })
}

impl Node {
    /// Jobs that run here: neither cut off nor halted.
    fn running(&self) -> Vec<String> {
        let statuses = self.manager.statuses().into_iter();
        statuses.filter(|status| status.error.is_none()).map(|status| status.name).collect()
    }
}

/// Two clusters with a table for each job.
struct World {
    net: SimNet,
    clusters: [SimCluster; 2],
    database: MemoryStore,
}

impl World {
    async fn new() -> Self {
        let net = SimNet::new();
        let source = ClusterBuilder::new("source").seed(1).in_process(&net).start().await.unwrap();
        let dest = ClusterBuilder::new("dest").seed(2).in_process(&net).start().await.unwrap();
        let world = Self { net, clusters: [source, dest], database: MemoryStore::new() };
        world.source("CREATE DATABASE shop").await;
        for job in JOBS {
            world
                .source(&format!(
                    "CREATE TABLE shop.{job} (id BIGINT NOT NULL) DUPLICATE KEY (id) DISTRIBUTED BY HASH(id) BUCKETS 1 \
                     PROPERTIES (\"replication_num\" = \"1\", \"binlog.enable\" = \"true\")"
                ))
                .await;
        }
        world
    }

    async fn sql(&self, cluster: usize, sql: &str) -> SqlReply {
        let endpoint = self.clusters[cluster].frontends()[0].query.clone();
        let login = SqlLogin { endpoint, user: "root".to_owned(), password: Default::default() };
        self.net.sql(&login, sql).await.unwrap()
    }

    async fn source(&self, sql: &str) {
        let reply = self.sql(0, sql).await;
        assert!(!matches!(reply, SqlReply::Error { .. }), "{sql}: {reply:?}");
    }

    async fn insert(&self, id: u32) {
        for job in JOBS {
            self.source(&format!("INSERT INTO shop.{job} VALUES ({id})")).await;
        }
    }

    async fn create(&self, node: &Node) {
        let spec = |cluster: &SimCluster, table: &str| {
            let fe = &cluster.frontends()[0];
            Spec {
                host: fe.query.host.clone(),
                port: fe.query.port.to_string(),
                thrift_port: fe.rpc.port.to_string(),
                user: "root".to_owned(),
                database: "shop".to_owned(),
                table: table.to_owned(),
                ..Spec::default()
            }
        };
        for job in JOBS {
            let request = NewJob {
                name: job.to_owned(),
                src: spec(&self.clusters[0], job),
                dest: spec(&self.clusters[1], job),
                allow_table_exists: false,
                reuse_binlog_label: false,
                skip_error: false,
            };
            node.manager.create(request).await.unwrap();
        }
    }

    async fn rows(&self, cluster: usize, job: &str) -> Option<Vec<Vec<Option<String>>>> {
        match self.sql(cluster, &format!("SELECT id FROM shop.{job} ORDER BY id")).await {
            SqlReply::Rows(found) => Some(found.rows),
            _ => None,
        }
    }

    /// Waits until every table has the same rows on both sides, each once.
    async fn equal(&self) {
        for job in JOBS {
            let source = self.rows(0, job).await;
            until(&format!("{job} is equal"), async || self.rows(1, job).await == source).await;
        }
    }

    /// Waits until the database says that the syncers have so many jobs.
    async fn owners(&self, expected: &[(&str, usize)]) {
        let expected: BTreeMap<&str, usize> = expected.iter().copied().collect();
        until(&format!("{expected:?}"), async || {
            let view = self.database.view().await.unwrap();
            let mut found = BTreeMap::new();
            for owner in view.owners.values() {
                *found.entry(owner.as_str()).or_insert(0) += 1;
            }
            found == expected
        })
        .await;
    }

    /// No job was copied anew since it was created.
    async fn copied_once(&self) {
        for job in JOBS {
            let text = self.database.progress(job).await.unwrap().unwrap();
            let progress = ProgressDocument::parse(&text).unwrap();
            assert!(progress.full_sync_info.info.starts_with("new job"), "{job}: {}", progress.full_sync_info.info);
        }
    }
}

async fn until(what: &str, mut ask: impl AsyncFnMut() -> bool) {
    let waiting = async {
        while !ask().await {
            sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(Duration::from_secs(120), waiting).await.unwrap_or_else(|_| panic!("not within two minutes: {what}"));
}

#[tokio::test(start_paused = true)]
async fn jobs_are_shared_handed_over_and_taken_over() {
    let world = World::new().await;
    let a = join(&world.net, &world.database, "a:1").await.unwrap();
    world.create(&a).await;
    world.insert(1).await;
    world.owners(&[("a:1", 6)]).await;

    // Who joins gets its share; nothing is moved without need.
    let b = join(&world.net, &world.database, "b:1").await.unwrap();
    let c = join(&world.net, &world.database, "c:1").await.unwrap();
    world.owners(&[("a:1", 2), ("b:1", 2), ("c:1", 2)]).await;
    world.insert(2).await;
    world.equal().await;
    for node in [&a, &b, &c] {
        until("two jobs run here", async || node.running().len() == 2).await;
    }

    // A clean stop hands the jobs over before it ends.
    let began = Instant::now();
    b.membership.leave().await;
    let view = world.database.view().await.unwrap();
    assert!(view.owners.values().all(|owner| owner != "b:1"), "{view:?}");
    assert!(view.syncers.get("b:1").is_none_or(|stamp| *stamp == 0), "{view:?}");
    world.insert(3).await;
    world.owners(&[("a:1", 3), ("c:1", 3)]).await;
    world.equal().await;
    assert!(began.elapsed() < TAKEOVER, "{:?}", began.elapsed());
    until("its row is gone", async || world.database.view().await.unwrap().syncers.len() == 2).await;

    // A syncer that does not reach the database any more stops by itself, and the other one takes over.
    let began = Instant::now();
    c.store.close().await;
    world.insert(4).await;
    world.owners(&[("a:1", 6)]).await;
    assert!(began.elapsed() < TAKEOVER, "{:?}", began.elapsed());
    assert!(!c.tenure.holds() && c.running().is_empty(), "it stopped before the others took over");
    world.equal().await;
    world.copied_once().await;
    a.membership.leave().await;
    assert_eq!(world.database.syncers().get("a:1"), Some(&0), "for Go peers");
}

/// Ten minutes without a metadata database: nothing is claimed, jobs come back by themselves, nothing is lost.
#[tokio::test(start_paused = true)]
async fn a_database_that_is_away_for_ten_minutes_costs_nothing() {
    let world = World::new().await;
    let a = join(&world.net, &world.database, "a:1").await.unwrap();
    world.create(&a).await;
    world.insert(1).await;
    world.equal().await;

    let away = || StoreError { kind: StoreErrorKind::Unavailable, text: "memory: away".to_owned() };
    world.database.set_fault_hook(move |_| Some(away()));
    let began = Instant::now();
    until("the jobs are cut off", async || !a.tenure.holds() && a.running().is_empty()).await;
    assert!(began.elapsed() <= LEASE, "{:?}", began.elapsed());
    world.insert(2).await;
    sleep(Duration::from_secs(600)).await;
    assert_eq!(a.manager.statuses().len(), JOBS.len(), "they are still shown");
    assert!(a.running().is_empty());
    for job in JOBS {
        assert_eq!(world.rows(1, job).await.map(|rows| rows.len()), Some(1), "nothing is sent without a lease");
    }

    world.database.clear_fault_hook();
    let back = Instant::now();
    world.equal().await;
    until("all jobs run", async || a.running().len() == JOBS.len()).await;
    assert!(back.elapsed() < TAKEOVER, "{:?}", back.elapsed());
    world.copied_once().await;
}

/// Whatever the clock of the database does, and whatever Go peers wrote, jobs go on.
#[tokio::test(start_paused = true)]
async fn clocks_that_are_wrong_by_an_hour_change_nothing() {
    let world = World::new().await;
    world.database.set_syncer("ahead:1", i64::MAX);
    let a = join(&world.net, &world.database, "a:1").await.unwrap();
    world.create(&a).await;
    for (id, jump_ms) in [(1, 3_600_000), (2, -3_600_000), (3, -3_600_000)] {
        world.database.skew_clock_ms(jump_ms);
        world.insert(id).await;
        world.equal().await;
        until("all jobs run", async || a.running().len() == JOBS.len()).await;
    }
    world.owners(&[("a:1", 6)]).await;
    world.copied_once().await;
}

#[tokio::test(start_paused = true)]
async fn an_identity_belongs_to_one_process() {
    let (net, database) = (SimNet::new(), MemoryStore::new());
    let other = database.reopen();
    other.acquire_lease("a:1", "elsewhere", None, LEASE).await.unwrap();
    let keeping = async {
        loop {
            sleep(TICK).await;
            other.renew_lease(LEASE).await.unwrap();
        }
    };
    let refused = tokio::select! {
        joined = join(&net, &database, "a:1") => joined.map(drop).unwrap_err(),
        () = keeping => unreachable!("it is never done"),
    };
    assert_eq!(
        refused.text,
        "process elsewhere runs as a:1 on this database: give every syncer a -host and -port of its own"
    );
    // Nobody keeps it any more: it is waited for.
    let began = Instant::now();
    let node = join(&net, &database, "a:1").await.unwrap();
    assert!(began.elapsed() <= LEASE + TICK, "{:?}", began.elapsed());
    node.membership.leave().await;
    // After a clean stop there is nothing to wait for.
    let began = Instant::now();
    join(&net, &database, "a:1").await.unwrap();
    assert_eq!(began.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn a_go_program_of_the_same_identity_is_noticed() {
    let (net, database) = (SimNet::new(), MemoryStore::new());
    let now_ns = database.view().await.unwrap().now_ms * 1_000_000;
    database.set_syncer("a:1", now_ns);
    let running = async {
        for tick in 1.. {
            sleep(Duration::from_secs(5)).await;
            database.set_syncer("a:1", now_ns + tick * 5_000_000_000);
        }
    };
    let refused = tokio::select! {
        joined = join(&net, &database, "a:1") => joined.map(drop).unwrap_err(),
        () = running => unreachable!("it is never done"),
    };
    assert!(refused.text.starts_with("a Go syncer runs as a:1 on this database"), "{refused}");
    // It was killed a moment ago.
    let began = Instant::now();
    let node = join(&net, &database, "a:1").await.unwrap();
    assert!((GO_TICK..GO_TICK + TICK).contains(&began.elapsed()), "{:?}", began.elapsed());
    node.membership.leave().await;
    // It was stopped a while ago.
    database.set_syncer("b:1", now_ns);
    sleep(Duration::from_secs(30)).await;
    let began = Instant::now();
    join(&net, &database, "b:1").await.unwrap();
    assert_eq!(began.elapsed(), Duration::ZERO);
}

/// A Go peer keeps its jobs while it lives, and this syncer gives it no reason to take it for dead.
#[tokio::test(start_paused = true)]
async fn a_go_peer_is_tolerated() {
    let world = World::new().await;
    let a = join(&world.net, &world.database, "a:1").await.unwrap();
    world.create(&a).await;
    world.database.set_owner("j0", "go:1");
    // Its clock is a day ahead.
    let stamp = SystemClock.now_ns() + 86_400_000_000_000;
    for tick in 0..6 {
        world.database.set_syncer("go:1", stamp + tick * 5_000_000_000);
        sleep(Duration::from_secs(5)).await;
        let syncers = world.database.syncers();
        assert!(syncers["a:1"] >= syncers["go:1"] - 12_000_000_000, "it would be taken for dead: {syncers:?}");
    }
    world.owners(&[("a:1", 5), ("go:1", 1)]).await;
    assert!(!a.manager.statuses().iter().any(|status| status.name == "j0"));
    // It dies: its job is taken over by its own rule, and its row removed.
    let began = Instant::now();
    world.owners(&[("a:1", 6)]).await;
    assert!(began.elapsed() > Duration::from_secs(5) && began.elapsed() < Duration::from_secs(13));
    until("its row is gone", async || !world.database.syncers().contains_key("go:1")).await;
}
