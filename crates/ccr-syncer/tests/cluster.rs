//! Three syncers in processes of their own on one real database server, between two simulated clusters on sockets: killed,
//! frozen, restarted, and with the database away.

#![allow(clippy::unwrap_used)]

mod support;

use std::{
    collections::BTreeMap,
    process::Command,
    time::{Duration, Instant},
};

use ccr_store::{Metastore, ServerAddress, documents::Password, mysql::MysqlStore, postgres::PostgresStore};
use ccr_testdb::{Kind, PASSWORD, Server, USER};
use serde_json::json;
use support::{Clusters, Syncer, until};

const JOBS: [&str; 6] = ["j0", "j1", "j2", "j3", "j4", "j5"];
/// What a takeover after a kill may take.
const TAKEOVER: Duration = Duration::from_secs(5);

/// The server, the clusters, and a look at the database.
struct World {
    kind: Kind,
    server: Server,
    clusters: Clusters,
    store: Box<dyn Metastore>,
    written: u32,
}

impl World {
    async fn start(kind: Kind) -> Self {
        let server = tokio::task::spawn_blocking(move || Server::start(kind, &[])).await.unwrap();
        let clusters = Clusters::start().await;
        for job in JOBS {
            clusters.create("shop", job).await;
        }
        let address = ServerAddress {
            host: "127.0.0.1".to_owned(),
            port: server.port(),
            user: USER.to_owned(),
            password: Password::new(PASSWORD),
            database: "ccr".to_owned(),
            max_connections: 4,
        };
        let store: Box<dyn Metastore> = match kind {
            Kind::MariaDb => Box::new(MysqlStore::open(&address, 1 << 24).await.unwrap()),
            Kind::Postgres => Box::new(PostgresStore::open(&address).await.unwrap()),
        };
        Self { kind, server, clusters, store, written: 0 }
    }

    async fn syncer(&self) -> Syncer {
        let port = self.server.port().to_string();
        let db_type = match self.kind {
            Kind::MariaDb => "mysql",
            Kind::Postgres => "postgresql",
        };
        let server = ["-db_type", db_type, "-db_host", "127.0.0.1", "-db_port", &port];
        let account = ["-db_user", USER, "-db_password", PASSWORD, "-log_level", "info"];
        Syncer::start(&[&server[..], &account[..]].concat()).await
    }

    /// One more row in every table. Without a unique key a transaction that is applied twice shows.
    async fn insert(&mut self) {
        self.written += 1;
        for job in JOBS {
            let insert = format!("INSERT INTO shop.{job} VALUES ({}, 'row')", self.written);
            self.clusters.source.execute(&insert).await.unwrap();
        }
    }

    async fn equal(&self) {
        for job in JOBS {
            self.clusters.equal(&format!("shop.{job}")).await;
        }
    }

    /// How many jobs each identity has, as far as the database answers.
    async fn owners(&self) -> BTreeMap<String, usize> {
        let mut owners = BTreeMap::new();
        for owner in self.store.view().await.map(|view| view.owners).unwrap_or_default().into_values() {
            *owners.entry(owner).or_insert(0) += 1;
        }
        owners
    }

    /// Waits until these syncers have so many jobs each, and nobody else has any.
    async fn shared(&self, syncers: &[&Syncer], each: usize) {
        let expected: BTreeMap<String, usize> = syncers.iter().map(|syncer| (identity(syncer), each)).collect();
        until(&format!("jobs are shared as {expected:?}"), async || self.owners().await == expected).await;
    }

    /// Every job was copied once, at its creation: whatever happened was survived by the binlog.
    async fn copied_once(&self) {
        for job in JOBS {
            let progress = self.store.progress(job).await.unwrap().unwrap();
            let progress: serde_json::Value = serde_json::from_str(&progress).unwrap();
            let reason = progress["full_sync_info"]["info"].as_str().unwrap_or_default();
            assert!(reason.starts_with("new job"), "{job}: {progress}");
        }
    }
}

fn identity(syncer: &Syncer) -> String {
    format!("127.0.0.1:{}", syncer.port)
}

fn signal(syncer: &Syncer, signal: &str) {
    assert!(Command::new("kill").args([signal, &syncer.child.id().to_string()]).status().unwrap().success());
}

async fn kills_freezes_restarts_and_an_outage(kind: Kind, outage: Duration) {
    let mut world = World::start(kind).await;
    let first = world.syncer().await;
    for job in JOBS {
        first.api().post("/create_ccr", &world.clusters.job(job, "shop", job)).await.unwrap();
    }
    world.insert().await;
    let (mut second, third) = (world.syncer().await, world.syncer().await);
    world.shared(&[&first, &second, &third], 2).await;
    world.insert().await;
    world.equal().await;

    // Killed: its jobs run elsewhere.
    let mut victim = first;
    let killed = Instant::now();
    victim.child.kill().unwrap();
    victim.child.wait().unwrap();
    world.insert().await;
    let gone = identity(&victim);
    until("nothing belongs to the killed syncer", async || !world.owners().await.contains_key(&gone)).await;
    let took = killed.elapsed();
    assert!(took < TAKEOVER, "the takeover took {took:?}");
    world.equal().await;
    eprintln!("{kind:?}: taken over after {took:?}, caught up after {:?}", killed.elapsed());
    world.shared(&[&second, &third], 3).await;

    // Frozen: its jobs run elsewhere, and when it goes on it does nothing twice.
    signal(&second, "-STOP");
    let gone = identity(&second);
    until("nothing belongs to the frozen syncer", async || {
        let owners = world.owners().await;
        !owners.is_empty() && !owners.contains_key(&gone)
    })
    .await;
    world.insert().await;
    world.equal().await;
    world.insert().await;
    signal(&second, "-CONT");
    world.shared(&[&second, &third], 3).await;
    world.insert().await;
    world.equal().await;

    // The database is away: jobs are cut off, and go on by themselves.
    let stopped = Instant::now();
    world.server.stop();
    for syncer in [&second, &third] {
        until("jobs are cut off", async || syncer.log().contains("jobs are cut off")).await;
    }
    world.insert().await;
    tokio::time::sleep(outage.saturating_sub(stopped.elapsed())).await;
    tokio::task::block_in_place(|| world.server.start_again());
    world.insert().await;
    world.equal().await;
    world.shared(&[&second, &third], 3).await;

    // Restarted: a clean stop hands over before it ends.
    signal(&second, "-TERM");
    assert!(second.child.wait().unwrap().success());
    let gone = identity(&second);
    let view = world.store.view().await.unwrap();
    assert!(
        view.owners.values().all(|owner| *owner != gone),
        "{view:?}\nsecond: {}\nthird: {}",
        second.log(),
        third.log()
    );
    assert!(view.syncers.get(&gone).is_none_or(|stamp| *stamp == 0), "{view:?}");
    let fourth = world.syncer().await;
    world.insert().await;
    world.shared(&[&third, &fourth], 3).await;
    world.equal().await;
    world.copied_once().await;

    let asked = third.api().post("/list_jobs", &json!({})).await.unwrap();
    assert_eq!(asked["jobs"].as_array().map(Vec::len), Some(JOBS.len()), "{asked}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_syncers_on_mariadb() {
    kills_freezes_restarts_and_an_outage(Kind::MariaDb, Duration::from_secs(5)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_syncers_on_postgresql() {
    kills_freezes_restarts_and_an_outage(Kind::Postgres, Duration::from_secs(20)).await;
}
