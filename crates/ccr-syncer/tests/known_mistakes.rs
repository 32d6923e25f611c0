//! What the Go program is known to get wrong, tried on the real program and simulated clusters on sockets.
#![allow(clippy::unwrap_used)]

mod support;

use std::{
    net::{IpAddr, Ipv6Addr, TcpListener},
    time::{Duration, Instant},
};

use doris_sim::control::Command;
use serde_json::{Value, json};
use support::{Clusters, Syncer, free_port, until};

/// Creates a job and waits until it follows its source.
async fn follow(syncer: &Syncer, clusters: &Clusters, name: &str, db: &str, table: &str) {
    syncer.api().post("/create_ccr", &clusters.job(name, db, table)).await.unwrap();
    syncer.incremental(name).await;
}

async fn insert(clusters: &Clusters, table: &str, ids: impl Iterator<Item = u32>) {
    for id in ids {
        clusters.source.execute(&format!("INSERT INTO {table} VALUES ({id}, 'x')")).await.unwrap();
    }
}

async fn status(syncer: &Syncer, name: &str) -> Value {
    syncer.api().post("/job_status", &json!({"name": name})).await.unwrap()
}

/// How many full copies a job began.
async fn copies(syncer: &Syncer, name: &str) -> usize {
    let page = syncer.get("/metrics").await;
    let of_job = format!("ccr_job_full_syncs_total{{name=\"{name}\"");
    let counts = page.lines().filter(|line| line.starts_with(&of_job));
    counts.map(|line| line.rsplit(' ').next().unwrap().parse::<f64>().unwrap() as usize).sum()
}

/// `_` and `%` in a name are no wildcards: what merely looks like it neither exists nor stands in the way.
///
/// Defects: SQL-9, BIN-26, ENG-P-6, SVC-A12.
#[tokio::test(flavor = "multi_thread")]
async fn names_with_wildcards_are_names() {
    let clusters = Clusters::start().await;
    let syncer = Syncer::start(&[]).await;
    clusters.create("axb", "tx1").await;
    let refused = async |db: &str, table: &str| {
        let answer = syncer.api().post("/create_ccr", &clusters.job("j", db, table)).await;
        answer.unwrap_err().to_string()
    };
    let error = refused("a_b", "tx1").await;
    assert!(error.contains("a_b") && error.contains("not exist"), "{error}");
    let error = refused("axb", "t_1").await;
    assert!(error.contains("t_1") && error.contains("not exist"), "{error}");
    // The destination has things that look like it.
    clusters.create("s_p", "o_1").await;
    clusters.dest.execute("CREATE DATABASE sxp").await.unwrap();
    follow(&syncer, &clusters, "j", "s_p", "o_1").await;
    clusters.dest.execute(&format!("CREATE TABLE s_p.ox2 {}", support::TABLE)).await.unwrap();
    clusters.create("s_p", "o_2").await;
    follow(&syncer, &clusters, "k", "s_p", "o_2").await;
    insert(&clusters, "s_p.o_2", 0..3).await;
    clusters.equal("s_p.o_2").await;
}

/// A job may be called whatever one likes, also if names differ in one character only; their snapshots do not mix, and of
/// one database they are made one after the other.
///
/// Defects: SEEN-3, SVC-A10, SQL-10, MODEL-5, SQL-17.
#[tokio::test(flavor = "multi_thread")]
async fn odd_names_of_jobs_work_at_the_same_time() {
    let clusters = Clusters::start().await;
    let syncer = Syncer::start(&[]).await;
    let names = ["100%", "with space", "a,b", "订单", "a-b", "a_b", "A_B"];
    for (number, name) in names.iter().enumerate() {
        clusters.create("shop", &format!("t{number}")).await;
        let ids = (number as u32 * 10)..(number as u32 * 10 + 2);
        insert(&clusters, &format!("shop.t{number}"), ids).await;
        syncer.api().post("/create_ccr", &clusters.job(name, "shop", &format!("t{number}"))).await.unwrap();
    }
    for (number, name) in names.iter().enumerate() {
        syncer.incremental(name).await;
        insert(&clusters, &format!("shop.t{number}"), 100..102).await;
        clusters.equal(&format!("shop.t{number}")).await;
        assert_eq!(copies(&syncer, name).await, 1, "{name}");
    }
    let listed = syncer.api().post("/list_jobs", &json!({})).await.unwrap();
    let mut listed: Vec<&str> = listed["jobs"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    listed.sort_unstable();
    let mut expected = names;
    expected.sort_unstable();
    assert_eq!(listed, expected);
}

/// `/get_lag` says when it cannot say, and may be asked as often as one likes.
///
/// Defects: SVC-A9, WIRE-23, ENG-L-12.
#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_lag_is_no_lag_of_zero() {
    let clusters = Clusters::start().await;
    clusters.create("shop", "orders").await;
    let syncer = Syncer::start(&[]).await;
    follow(&syncer, &clusters, "orders", "shop", "orders").await;
    let ask = async || syncer.api().post("/get_lag", &json!({"name": "orders"})).await;
    let fds = async || {
        let page = syncer.get("/metrics").await;
        let line = page.lines().find_map(|line| line.strip_prefix("process_open_fds ")).unwrap().to_owned();
        line.parse::<f64>().unwrap() as usize
    };
    assert_eq!(ask().await.unwrap()["lag"], 0);
    let before = fds().await;
    for _ in 0..100 {
        ask().await.unwrap();
    }
    assert!(fds().await < before + 20, "clients of /get_lag are kept");
    clusters.source.execute("DROP DATABASE shop FORCE").await.unwrap();
    let error = ask().await.unwrap_err().to_string();
    assert!(error.contains("shop"), "{error}");
}

/// The ids of a second copy outlive the process, which answers for its jobs from its first answer on.
///
/// Defects: BIN-44, ENG-R-7, SVC-B6, SVC-A13.
#[tokio::test(flavor = "multi_thread")]
async fn a_killed_process_goes_on_with_the_table_of_the_last_copy() {
    let clusters = Clusters::start().await;
    clusters.create("shop", "orders").await;
    let folder = tempfile::tempdir().unwrap();
    let db = folder.path().join("ccr.db");
    let port = free_port();
    let start = async || Syncer::start_on(port, &["-db_dir", db.to_str().unwrap()], &[]).await;
    let syncer = start().await;
    follow(&syncer, &clusters, "orders", "shop", "orders").await;
    let detail = async |syncer: &Syncer| {
        let detail = syncer.api().post("/job_detail", &json!({"name": "orders"})).await.unwrap();
        detail["job_detail"]["dest"]["table_id"].as_i64().unwrap()
    };
    let first = detail(&syncer).await;
    syncer.api().post("/force_fullsync", &json!({"name": "orders"})).await.unwrap();
    until("the second copy took its place", async || detail(&syncer).await != first).await;
    syncer.incremental("orders").await;
    insert(&clusters, "shop.orders", 0..3).await;
    drop(syncer);
    let syncer = start().await;
    assert_eq!(status(&syncer, "orders").await["state"], "running");
    insert(&clusters, "shop.orders", 3..6).await;
    clusters.equal("shop.orders").await;
    assert_eq!(copies(&syncer, "orders").await, 0, "nothing was copied again");
}

/// Clusters with IPv6 addresses, and a job between them.
///
/// Defects: SQL-5, WIRE-18.
#[tokio::test(flavor = "multi_thread")]
async fn ipv6_is_an_address() {
    if TcpListener::bind((Ipv6Addr::LOCALHOST, 0)).is_err() {
        eprintln!("skipped: this machine has no IPv6");
        return;
    }
    let clusters = Clusters::with(|builder| builder.sockets(IpAddr::V6(Ipv6Addr::LOCALHOST))).await;
    assert_eq!(clusters.source.query().host, "::1");
    clusters.create("shop", "orders").await;
    insert(&clusters, "shop.orders", 0..2).await;
    let syncer = Syncer::start(&[]).await;
    follow(&syncer, &clusters, "orders", "shop", "orders").await;
    insert(&clusters, "shop.orders", 2..5).await;
    clusters.equal("shop.orders").await;
}

/// One dead BE on each side: rows come from another replica, and two of three replicas are enough.
///
/// Defects: ENG-R-3, ENG-R-4, WIRE-16.
#[tokio::test(flavor = "multi_thread")]
async fn a_dead_backend_on_either_side_stops_nothing() {
    let clusters = Clusters::with(|builder| builder.backends(3).heartbeat_interval_ms(200)).await;
    clusters.source.execute("CREATE DATABASE shop").await.unwrap();
    let table = support::TABLE.replace("\"replication_num\" = \"1\"", "\"replication_num\" = \"3\"");
    clusters.source.execute(&format!("CREATE TABLE shop.orders {table}")).await.unwrap();
    insert(&clusters, "shop.orders", 0..2).await;
    let syncer = Syncer::start(&[]).await;
    follow(&syncer, &clusters, "orders", "shop", "orders").await;
    for cluster in &clusters.running {
        cluster.control().run(&Command::KillBackend(cluster.backends()[0].get())).unwrap();
    }
    insert(&clusters, "shop.orders", 2..12).await;
    clusters.equal("shop.orders").await;
    assert_eq!(copies(&syncer, "orders").await, 1);
}

/// Backends that answer before they have the rows.
///
/// Defects: WIRE-2, ENG-E-7.
#[tokio::test(flavor = "multi_thread")]
async fn a_commit_waits_for_ingests_that_go_on_after_their_answer() {
    let clusters = Clusters::with(|builder| builder.ingest_delay_ms(150)).await;
    clusters.running[1].with(|model| model.backends.values_mut().for_each(|backend| backend.async_ingest = true));
    clusters.create("shop", "orders").await;
    let syncer = Syncer::start(&[]).await;
    follow(&syncer, &clusters, "orders", "shop", "orders").await;
    insert(&clusters, "shop.orders", 0..5).await;
    clusters.equal("shop.orders").await;
    let page = syncer.get("/metrics").await;
    assert!(page.contains("ccr_be_rpc_total{method=\"QueryIngestBinlog\""), "{page}");
}

/// A copy of a copy, back to another database of the first cluster: its records say less than others.
///
/// Defects: SEEN-2.
#[tokio::test(flavor = "multi_thread")]
async fn a_copy_is_copied_on() {
    let clusters = Clusters::start().await;
    clusters.create("shop", "orders").await;
    let syncer = Syncer::start(&[]).await;
    follow(&syncer, &clusters, "there", "shop", "orders").await;
    let back = json!({"name": "back", "src": clusters.dest.job_spec("shop", "orders"),
        "dest": clusters.source.job_spec("back", "orders")});
    syncer.api().post("/create_ccr", &back).await.unwrap();
    syncer.incremental("back").await;
    insert(&clusters, "shop.orders", 0..10).await;
    clusters.equal("shop.orders").await;
    let ids = "SELECT id FROM {}.orders ORDER BY id";
    let written = clusters.source.rows(&ids.replace("{}", "shop")).await.unwrap();
    until("the rows are back", async || {
        clusters.source.rows(&ids.replace("{}", "back")).await.is_ok_and(|back| back.rows == written.rows)
    })
    .await;
    assert_eq!(copies(&syncer, "back").await, 1, "no loop of full copies");
}

/// Doris forgets finished transactions. The process dies after a commit, and when it is back nobody remembers that commit.
///
/// Defects: SQL-20, ENG-R-12, WIRE-4, MODEL-11, ENG-E-3.
#[tokio::test(flavor = "multi_thread")]
async fn a_commit_that_doris_has_forgotten_is_neither_lost_nor_repeated() {
    let clusters = Clusters::start().await;
    clusters.create("shop", "orders").await;
    let folder = tempfile::tempdir().unwrap();
    let db = folder.path().join("ccr.db");
    let port = free_port();
    let start = async || Syncer::start_on(port, &["-db_dir", db.to_str().unwrap()], &[]).await;
    let syncer = start().await;
    follow(&syncer, &clusters, "orders", "shop", "orders").await;
    let dest = clusters.running[1].control();
    dest.run(&Command::HoldPublish).unwrap();
    insert(&clusters, "shop.orders", 0..3).await;
    let committed = async |least: f64| {
        let page = syncer.get("/metrics").await;
        let line = page.lines().find_map(|line| line.strip_prefix("ccr_job_transactions_total{name=\"orders\"} "));
        line.is_some_and(|count| count.parse::<f64>().unwrap() >= least)
    };
    until("everything is committed and not visible", async || committed(3.0).await).await;
    // Control does not wait for what is not published.
    let asked = Instant::now();
    syncer.api().post("/pause", &json!({"name": "orders"})).await.unwrap();
    syncer.api().post("/resume", &json!({"name": "orders"})).await.unwrap();
    assert!(asked.elapsed() < Duration::from_secs(2), "{:?}", asked.elapsed());
    drop(syncer);
    dest.run(&Command::ReleasePublish).unwrap();
    clusters.equal("shop.orders").await;
    dest.run(&Command::EvictLabels("shop".to_owned())).unwrap();
    let syncer = start().await;
    insert(&clusters, "shop.orders", 3..6).await;
    clusters.equal("shop.orders").await;
    assert_eq!(copies(&syncer, "orders").await, 0);
}

/// Elections on both sides while rows are written, one of them long: nothing stops, nothing is copied again.
///
/// Defects: ENG-R-9, WIRE-9, BIN-21.
#[tokio::test(flavor = "multi_thread")]
async fn elections_cost_no_copy() {
    let clusters = Clusters::with(|builder| builder.frontends(3)).await;
    clusters.create("shop", "orders").await;
    let syncer = Syncer::start(&[]).await;
    follow(&syncer, &clusters, "orders", "shop", "orders").await;
    insert(&clusters, "shop.orders", 0..3).await;
    for cluster in &clusters.running {
        cluster.control().run(&Command::LoseMaster).unwrap();
    }
    until("the job notices", async || status(&syncer, "orders").await["error"].is_string()).await;
    for cluster in &clusters.running {
        cluster.control().run(&Command::SwitchMaster(2)).unwrap();
    }
    until("the source takes rows", async || {
        clusters.source.execute("INSERT INTO shop.orders VALUES (3, 'x')").await.is_ok()
    })
    .await;
    insert(&clusters, "shop.orders", 4..8).await;
    clusters.equal("shop.orders").await;
    assert_eq!(copies(&syncer, "orders").await, 1);
    assert_eq!(status(&syncer, "orders").await["error"], Value::Null);
}

/// Records that were collected before they were read make one copy, with the reason.
///
/// Defects: WIRE-25.
#[tokio::test(flavor = "multi_thread")]
async fn collected_records_make_one_copy() {
    let clusters = Clusters::start().await;
    clusters.create("shop", "orders").await;
    let syncer = Syncer::start(&[]).await;
    follow(&syncer, &clusters, "orders", "shop", "orders").await;
    syncer.api().post("/pause", &json!({"name": "orders"})).await.unwrap();
    insert(&clusters, "shop.orders", 0..5).await;
    clusters.running[0].control().run(&Command::DiscardBinlogs("shop".to_owned())).unwrap();
    syncer.api().post("/resume", &json!({"name": "orders"})).await.unwrap();
    clusters.equal("shop.orders").await;
    syncer.incremental("orders").await;
    insert(&clusters, "shop.orders", 5..8).await;
    clusters.equal("shop.orders").await;
    let page = syncer.get("/metrics").await;
    assert!(page.contains("ccr_job_full_syncs_total{name=\"orders\",reason=\"binlog_collected\"} 1"), "{page}");
}

/// A database that was dropped and made again under its name is another one, though it takes the old position.
///
/// Defects: WIRE-6.
#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_was_made_again_is_another_one() {
    let clusters = Clusters::start().await;
    clusters.create("shop", "orders").await;
    let syncer = Syncer::start(&[]).await;
    follow(&syncer, &clusters, "orders", "shop", "orders").await;
    insert(&clusters, "shop.orders", 0..2).await;
    clusters.equal("shop.orders").await;
    clusters.source.execute("DROP DATABASE shop FORCE").await.unwrap();
    clusters.create("shop", "orders").await;
    insert(&clusters, "shop.orders", 10..12).await;
    until("the job says so", async || status(&syncer, "orders").await["error"].is_string()).await;
    let rows = clusters.dest.rows("SELECT id FROM shop.orders ORDER BY id").await.unwrap();
    assert_eq!(rows.rows, [[Some("0".to_owned())], [Some("1".to_owned())]], "nothing was mixed");
}
