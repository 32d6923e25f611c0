//! Each state that `/job_status` can name, seen from outside.
#![allow(clippy::unwrap_used)]

mod support;

use doris_sim::{FaultRule, serve::faults::Effect};
use serde_json::json;
use support::{Clusters, Syncer, until};

/// Calls to the source are answered late, so that a state lasts long enough to be seen.
fn slow(clusters: &Clusters, call: &str) {
    clusters.running[0].control().faults().add(FaultRule::new(Effect::Delay(1500)).of(call)).unwrap();
}

fn fast(clusters: &Clusters) {
    clusters.running[0].control().faults().clear();
}

/// Waits until the job says that it is in a state; the number in the progress document is that of the state.
async fn seen(syncer: &Syncer, job: &str, state: &str, number: i64) {
    until(&format!("{job} in {state}"), async || {
        let reply = syncer.api().post("/job_status", &json!({"name": job})).await.unwrap();
        assert_eq!(reply["progress_state"], reply["status"]["progress_state"]);
        if reply["progress_state"] != state {
            return false;
        }
        // Written before it is shown, and perhaps over by now.
        let progress = syncer.api().post("/job_progress", &json!({"name": job})).await;
        progress.is_ok_and(|reply| reply["job_progress"]["sync_state"] == number)
    })
    .await;
}

async fn partial_sync(syncer: &Syncer, job: &str, table: &str, table_id: i64) {
    let body = json!({"name": job, "skip_by": "partialsync", "skip_table": table, "skip_table_id": table_id});
    syncer.api().post("/job_skip_binlog", &body).await.unwrap();
}

#[tokio::test]
async fn a_table_job_is_seen_in_each_of_its_states() {
    let clusters = Clusters::start().await;
    clusters.create("shop", "orders").await;
    let syncer = Syncer::start(&[]).await;
    slow(&clusters, "SHOW BACKUP*");
    syncer.api().post("/create_ccr", &clusters.job("copy", "shop", "orders")).await.unwrap();
    seen(&syncer, "copy", "TableFullSync", 500).await;
    fast(&clusters);
    seen(&syncer, "copy", "TableIncrementalSync", 501).await;
    let detail = syncer.api().post("/job_detail", &json!({"name": "copy"})).await.unwrap();
    slow(&clusters, "SHOW BACKUP*");
    partial_sync(&syncer, "copy", "orders", detail["job_detail"]["src"]["table_id"].as_i64().unwrap()).await;
    seen(&syncer, "copy", "TablePartialSync", 502).await;
    fast(&clusters);
    seen(&syncer, "copy", "TableIncrementalSync", 501).await;
    clusters.equal("shop.orders").await;
}

#[tokio::test]
async fn a_database_job_is_seen_in_each_of_its_states() {
    let clusters = Clusters::start().await;
    clusters.create("shop", "orders").await;
    clusters.create("shop", "items").await;
    clusters.source.execute("ALTER DATABASE shop SET PROPERTIES (\"binlog.enable\" = \"true\")").await.unwrap();
    // The tables are copied at different commit seqs: the younger ones are waited for.
    for id in 0..5 {
        clusters.source.execute(&format!("INSERT INTO shop.items VALUES ({id}, 'x')")).await.unwrap();
    }
    clusters.source.execute("INSERT INTO shop.orders VALUES (1, 'x')").await.unwrap();
    clusters.source.execute("INSERT INTO shop.items VALUES (9, 'x')").await.unwrap();
    let syncer = Syncer::start(&[]).await;
    slow(&clusters, "SHOW BACKUP*");
    slow(&clusters, "getBinlog");
    syncer.api().post("/create_ccr", &clusters.job("copy", "shop", "")).await.unwrap();
    seen(&syncer, "copy", "DBFullSync", 0).await;
    seen(&syncer, "copy", "DBTablesIncrementalSync", 1).await;
    fast(&clusters);
    seen(&syncer, "copy", "DBIncrementalSync", 3).await;
    let reply = syncer.api().post("/job_progress", &json!({"name": "copy"})).await.unwrap();
    let names = reply["job_progress"]["table_name_mapping"].as_object().unwrap();
    let id = names.iter().find(|(_, name)| name.as_str() == Some("orders")).unwrap().0.parse().unwrap();
    slow(&clusters, "SHOW BACKUP*");
    partial_sync(&syncer, "copy", "orders", id).await;
    seen(&syncer, "copy", "DBPartialSync", 4).await;
    fast(&clusters);
    seen(&syncer, "copy", "DBIncrementalSync", 3).await;
    clusters.equal("shop.orders").await;
    clusters.equal("shop.items").await;
}
