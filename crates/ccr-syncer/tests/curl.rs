//! The helper calls of the Go program's regression suites, sent by curl to the program as they send them: to the owner of the
//! job, and through the redirect of a syncer that does not own it.
#![allow(clippy::unwrap_used)]

mod support;

use std::{path::PathBuf, process::Command};

use doris_sim::FaultRule;
use doris_sim::serve::faults::Effect;
use serde_json::{Value, json};
use support::{Clusters, Syncer, tool, until};

/// curl, as the documents tell operators to call it.
struct Curl {
    curl: PathBuf,
    port: u16,
    /// The body of `/create_ccr`: the suites send it with every call.
    job: Value,
}

impl Curl {
    fn send(&self, method: &str, path: &str, body: Option<&Value>) -> Value {
        let mut command = Command::new(&self.curl);
        command.args(["-sS", "--max-time", "30", "-X", method, "-L", "--post303", "-w", "\n%{http_code}"]);
        if let Some(body) = body {
            command.args(["-H", "Content-Type: application/json", "-d", &body.to_string()]);
        }
        let output = command.arg(format!("http://127.0.0.1:{}{path}", self.port)).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(output.status.success(), "{path}: {text}{}", String::from_utf8_lossy(&output.stderr));
        let (reply, status) = text.rsplit_once('\n').unwrap();
        assert_eq!(status, "200", "{path}: {reply}");
        serde_json::from_str(reply).unwrap_or_else(|error| panic!("{path}: {error}: {reply}"))
    }

    /// A call whose body is that of the creation.
    fn post(&self, path: &str) -> Value {
        self.send("POST", path, Some(&self.job))
    }

    fn ok(&self, path: &str) -> Value {
        let reply = self.post(path);
        assert_eq!(reply["success"], true, "{path}: {reply}");
        reply
    }

    /// A call with the job's name and these fields.
    fn with(&self, path: &str, mut fields: Value) -> Value {
        fields["name"] = self.job["name"].clone();
        self.send("POST", path, Some(&fields))
    }

    fn with_ok(&self, path: &str, fields: Value) {
        let reply = self.with(path, fields);
        assert_eq!(reply["success"], true, "{path}: {reply}");
    }

    fn progress(&self, field: &str) -> i64 {
        self.ok("/job_progress")["job_progress"][field].as_i64().unwrap()
    }

    fn state(&self) -> String {
        let reply = self.ok("/job_status");
        for field in ["name", "state", "progress_state"] {
            assert_eq!(reply[field], reply["status"][field], "{reply}");
        }
        reply["progress_state"].as_str().unwrap().to_owned()
    }

    async fn until_state(&self, expected: &str) {
        until(expected, async || self.state() == expected).await;
    }

    async fn until_incremental(&self) {
        // As the suites do: by the number.
        until("incremental sync", async || self.progress("sync_state") == 501).await;
    }
}

async fn insert(clusters: &Clusters, id: u32) {
    clusters.source.execute(&format!("INSERT INTO shop.orders VALUES ({id}, 'x')")).await.unwrap();
}

async fn ids(clusters: &Clusters) -> Vec<String> {
    let rows = clusters.dest.rows("SELECT id FROM shop.orders ORDER BY id").await;
    rows.map(|set| set.rows.into_iter().filter_map(|mut row| row.remove(0)).collect()).unwrap_or_default()
}

async fn until_ids(clusters: &Clusters, expected: &[&str]) {
    until(&format!("rows {expected:?}"), async || ids(clusters).await == expected).await;
}

/// Two syncers on one database; the first owns the job.
struct Setting {
    clusters: Clusters,
    owner: Syncer,
    other: Syncer,
    job: Value,
}

impl Setting {
    async fn new() -> Self {
        let clusters = Clusters::start().await;
        clusters.create("shop", "orders").await;
        let owner = Syncer::start(&["-db_dir", "ccr.db"]).await;
        let db = owner.folder.path().join("ccr.db");
        let other = Syncer::start(&["-db_dir", db.to_str().unwrap()]).await;
        let job = clusters.job("copy", "shop", "orders");
        Self { clusters, owner, other, job }
    }

    fn curl(&self, syncer: &Syncer) -> Option<Curl> {
        Some(Curl { curl: tool("curl")?, port: syncer.port, job: self.job.clone() })
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_calls_of_the_suites_work_at_the_owner_and_through_a_redirect() {
    let setting = Setting::new().await;
    let Some(owner) = setting.curl(&setting.owner) else { return };
    let clusters = &setting.clusters;
    insert(clusters, 1).await;
    for through in [&setting.owner, &setting.other] {
        let curl = setting.curl(through).unwrap();
        // Whoever creates a job owns it; the other is asked from now on.
        assert_eq!(owner.post("/create_ccr")["success"], true);
        curl.until_incremental().await;
        until_ids(clusters, &["1"]).await;
        assert!(curl.ok("/list_jobs")["jobs"].as_array().unwrap().contains(&json!("copy")));
        assert_eq!(curl.ok("/job_detail")["job_detail"]["src"]["table"], "orders");
        assert_eq!(curl.state(), "TableIncrementalSync");
        let full_sync_start_at = curl.progress("full_sync_start_at");

        // A barrier: what is done while the job is paused is one backlog.
        curl.ok("/pause");
        assert_eq!(curl.ok("/job_status")["state"], "paused");
        insert(clusters, 2).await;
        curl.ok("/pause");
        curl.ok("/resume");
        curl.ok("/resume");
        until_ids(clusters, &["1", "2"]).await;
        until("no lag", async || curl.ok("/get_lag")["lag"] == 0).await;
        let lag = curl.ok("/get_lag");
        for key in ["time_interval", "time_interval_secs", "next_commit_seq", "first_commit_seq", "last_commit_seq"] {
            assert!(lag[key].is_i64(), "{lag}");
        }

        // A record that fails is seen, and skipped.
        curl.ok("/pause");
        curl.with_ok("/failpoint", json!({"failpoint": "handle_binlog_failed", "value": "true"}));
        // Failpoints are switches of one process.
        owner.with_ok("/failpoint", json!({"failpoint": "handle_binlog_failed", "value": "true"}));
        insert(clusters, 3).await;
        curl.ok("/resume");
        until("it is blocked", async || curl.progress("last_commit_seq") > curl.progress("prev_commit_seq")).await;
        let blocked = curl.progress("last_commit_seq");
        assert_eq!(curl.progress("commit_seq"), blocked);
        assert!(curl.ok("/job_status")["error"].as_str().unwrap().contains("by failpoint"));
        let refused = curl.with("/job_skip_binlog", json!({"skip_by": "silence"}));
        assert!(refused["error_msg"].as_str().unwrap().contains("\"skip_by\": \"fullsync\""), "{refused}");
        let refused = curl.with("/job_skip_binlog", json!({"skip_by": "nothing"}));
        assert!(refused["error_msg"].as_str().unwrap().starts_with("unknown skip way: nothing"), "{refused}");
        curl.with_ok("/job_skip_binlog", json!({"skip_by": "silence", "skip_commit_seq": blocked}));
        until("it was skipped", async || curl.progress("prev_commit_seq") >= blocked).await;
        owner.with_ok("/failpoint", json!({"failpoint": "handle_binlog_failed"}));
        insert(clusters, 4).await;
        until_ids(clusters, &["1", "2", "4"]).await;
        assert_eq!(curl.progress("full_sync_start_at"), full_sync_start_at, "no full sync");

        // A full sync brings the row back.
        owner.with_ok("/failpoint", json!({"failpoint": "handle_binlog_failed", "value": "true"}));
        insert(clusters, 5).await;
        curl.with_ok("/job_skip_binlog", json!({"skip_by": "fullsync"}));
        until_ids(clusters, &["1", "2", "3", "4", "5"]).await;
        owner.with_ok("/failpoint", json!({"failpoint": ""}));
        curl.until_incremental().await;

        // Asked for by itself. It is held up so that it can be seen.
        let faults = clusters.running[0].control().faults();
        faults.add(FaultRule::new(Effect::Delay(300)).of("SHOW BACKUP*")).unwrap();
        curl.ok("/force_fullsync");
        curl.until_state("TableFullSync").await;
        assert_eq!(curl.progress("sync_state"), 500);
        faults.clear();
        curl.until_state("TableIncrementalSync").await;

        curl.with_ok("/update_host_mapping", json!({"src_host_mapping": {"127.0.0.1": "127.0.0.1"}}));
        assert_eq!(curl.ok("/job_detail")["job_detail"]["src"]["host_mapping"], json!({"127.0.0.1": "127.0.0.1"}));
        curl.with_ok("/add_host_mapping", json!({"src_host_mapping": {"127.0.0.1": ""}}));
        insert(clusters, 6).await;
        until_ids(clusters, &["1", "2", "3", "4", "5", "6"]).await;

        let shown = async || format!("{:?}", clusters.dest.rows("SHOW CREATE TABLE shop.orders").await.unwrap().rows);
        for (path, value) in [("/desync", "false"), ("/sync", "true"), ("/desync", "false")] {
            curl.ok(path);
            assert!(shown().await.contains(&format!(r#"\"is_being_synced\" = \"{value}\""#)), "{}", shown().await);
        }
        let features = curl.send("GET", "/features", None);
        assert!(features["flags"].as_array().unwrap().iter().any(|f| f["feature"] == "feature_txn_insert"));

        curl.ok("/delete");
        insert(clusters, 7).await;
        // A job that is not there: no call breaks anything.
        for path in ["/delete", "/pause", "/resume", "/desync", "/force_fullsync", "/job_progress"] {
            let reply = curl.post(path);
            assert_eq!(reply, json!({"success": false, "error_msg": "job copy not exist"}), "{path}");
        }
        assert_eq!(ids(clusters).await, ["1", "2", "3", "4", "5", "6"]);
        clusters.dest.execute("DROP TABLE shop.orders FORCE").await.unwrap();
        clusters.source.execute("TRUNCATE TABLE shop.orders").await.unwrap();
        insert(clusters, 1).await;
    }
}
