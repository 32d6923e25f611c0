//! More of what the Go program is known to get wrong: copies, calls, and ends.
#![allow(clippy::unwrap_used)]

mod support;

use std::time::{Duration, Instant};

use doris_sim::control::Command;
use serde_json::{Value, json};
use support::{Clusters, Syncer, until};

/// Creates the job `orders` for the table `shop.orders` and waits until it follows its source.
async fn follow(syncer: &Syncer, clusters: &Clusters) {
    syncer.api().post("/create_ccr", &clusters.job("orders", "shop", "orders")).await.unwrap();
    syncer.incremental("orders").await;
}

async fn insert(clusters: &Clusters, ids: impl Iterator<Item = u32>) {
    for id in ids {
        clusters.source.execute(&format!("INSERT INTO shop.orders VALUES ({id}, 'x')")).await.unwrap();
    }
}

/// The sum of a metric over the series that contain a text.
async fn sum(syncer: &Syncer, metric: &str, with: &str) -> f64 {
    let page = syncer.get("/metrics").await;
    let series = page.lines().filter(|line| line.starts_with(&format!("{metric}{{")) && line.contains(with));
    series.map(|line| line.rsplit(' ').next().unwrap().parse::<f64>().unwrap()).sum()
}

/// A table of the name with another schema, and one with other partitions: one copy takes its place, whatever the words in
/// which Doris would refuse to restore over it.
///
/// Defects: SQL-16, SQL-19, MODEL-3, MODEL-4, ENG-P-3.
#[tokio::test(flavor = "multi_thread")]
async fn a_table_of_another_schema_is_replaced_by_one_copy() {
    let clusters = Clusters::start().await;
    clusters.create("shop", "orders").await;
    insert(&clusters, 0..3).await;
    for sql in [
        "CREATE DATABASE shop",
        "CREATE TABLE shop.orders (k VARCHAR(10), v INT SUM) AGGREGATE KEY (k) PARTITION BY LIST (k) \
         (PARTITION p VALUES IN ('a')) DISTRIBUTED BY HASH(k) BUCKETS 5 PROPERTIES (\"replication_num\" = \"1\")",
    ] {
        clusters.dest.execute(sql).await.unwrap();
    }
    let syncer = Syncer::start(&[]).await;
    let mut job = clusters.job("orders", "shop", "orders");
    job["allow_table_exists"] = true.into();
    syncer.api().post("/create_ccr", &job).await.unwrap();
    syncer.incremental("orders").await;
    insert(&clusters, 3..5).await;
    clusters.equal("shop.orders").await;
    assert_eq!(sum(&syncer, "ccr_job_full_syncs_total", "orders").await, 1.0);
    assert_eq!(sum(&syncer, "ccr_fe_rpc_total", "RestoreSnapshot").await, 1.0);
}

/// What a backlog of a hundred transactions costs beside beginning, copying and committing each.
///
/// Defects: ENG-T-1, ENG-T-2, ENG-T-4.
#[tokio::test(flavor = "multi_thread")]
async fn a_backlog_needs_few_calls() {
    let clusters = Clusters::start().await;
    clusters.create("shop", "orders").await;
    let syncer = Syncer::start(&[]).await;
    follow(&syncer, &clusters).await;
    syncer.api().post("/pause", &json!({"name": "orders"})).await.unwrap();
    insert(&clusters, 0..100).await;
    let metrics = [
        ("ccr_fe_rpc_total", "GetTableMeta", 20.0),
        ("ccr_fe_rpc_total", "GetBackends", 20.0),
        ("ccr_fe_rpc_total", "\"GetBinlog\"", 30.0),
        ("ccr_job_progress_persist_total", "orders", 50.0),
    ];
    let mut before = Vec::new();
    for (metric, with, _) in metrics {
        before.push(sum(&syncer, metric, with).await);
    }
    syncer.api().post("/resume", &json!({"name": "orders"})).await.unwrap();
    clusters.equal("shop.orders").await;
    for ((metric, with, most), before) in metrics.into_iter().zip(before) {
        let calls = sum(&syncer, metric, with).await - before;
        assert!(calls <= most, "{metric} {with}: {calls}");
    }
    let committed = sum(&syncer, "ccr_fe_rpc_total", "CommitTransaction").await;
    assert_eq!(committed, 100.0);
}

/// Records that need nothing move the job's position all the same.
///
/// Defects: ENG-I-4.
#[tokio::test(flavor = "multi_thread")]
async fn records_that_need_nothing_are_passed() {
    let clusters = Clusters::start().await;
    clusters.create("shop", "orders").await;
    insert(&clusters, 0..1).await;
    let syncer = Syncer::start(&[]).await;
    follow(&syncer, &clusters).await;
    let seq = async || {
        let progress = syncer.api().post("/job_progress", &json!({"name": "orders"})).await.unwrap();
        progress["job_progress"]["prev_commit_seq"].as_i64().unwrap()
    };
    let before = seq().await;
    // A backup leaves a mark in the binlog of each table.
    clusters.source.execute("BACKUP SNAPSHOT shop.mine TO `__keep_on_local__` ON (orders)").await.unwrap();
    until("the mark is passed", async || seq().await > before).await;
    until("nothing is behind", async || {
        syncer.api().post("/get_lag", &json!({"name": "orders"})).await.is_ok_and(|lag| lag["lag"] == 0)
    })
    .await;
}

/// The copy is dropped under a job that has transactions open: it says so, and can be deleted.
///
/// Defects: ENG-R-6.
#[tokio::test(flavor = "multi_thread")]
async fn a_copy_that_is_dropped_with_open_transactions_is_an_error_and_no_trap() {
    let clusters = Clusters::with(|builder| builder.ingest_delay_ms(300)).await;
    clusters.create("shop", "orders").await;
    let syncer = Syncer::start(&[]).await;
    follow(&syncer, &clusters).await;
    insert(&clusters, 0..5).await;
    clusters.dest.execute("DROP TABLE shop.orders FORCE").await.unwrap();
    let status = async || syncer.api().post("/job_status", &json!({"name": "orders"})).await.unwrap();
    until("the job says so", async || status().await["error"].as_str().is_some_and(|why| why.contains("CCR-"))).await;
    syncer.api().post("/delete", &json!({"name": "orders"})).await.unwrap();
    follow(&syncer, &clusters).await;
    clusters.equal("shop.orders").await;
    assert_eq!(status().await["error"], Value::Null);
}

/// The end does not wait for a destination that publishes nothing, nor for one that is gone.
///
/// Defects: ENG-L-3, SVC-D1.
#[tokio::test(flavor = "multi_thread")]
async fn a_stop_is_not_held_up_by_clusters() {
    for gone in [false, true] {
        let clusters = Clusters::start().await;
        clusters.create("shop", "orders").await;
        let mut syncer = Syncer::start(&[]).await;
        follow(&syncer, &clusters).await;
        clusters.running[1].control().run(&Command::HoldPublish).unwrap();
        insert(&clusters, 0..3).await;
        until("commits wait", async || sum(&syncer, "ccr_job_transactions_total", "orders").await >= 3.0).await;
        if gone {
            let [_source, dest] = clusters.running;
            dest.shutdown().await;
        }
        let asked = Instant::now();
        let pid = syncer.child.id().to_string();
        assert!(std::process::Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
        let status = tokio::task::spawn_blocking(move || syncer.child.wait().unwrap()).await.unwrap();
        assert_eq!(status.code(), Some(0));
        assert!(asked.elapsed() < Duration::from_secs(30), "{:?}", asked.elapsed());
    }
}
