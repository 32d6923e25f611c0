//! Creating jobs between two simulated clusters.

use doris_sim::{ClusterBuilder, SimCluster, SimNet};
use serde_json::{Value, json};

use super::*;

const TABLE: &str = "CREATE TABLE demo.t1 (id BIGINT NOT NULL, v VARCHAR(20)) DUPLICATE KEY (id) DISTRIBUTED BY HASH(id) \
    BUCKETS 2 PROPERTIES (\"replication_num\" = \"1\", \"binlog.enable\" = \"true\")";
const PLAIN: &str = "CREATE TABLE demo.plain (id BIGINT NOT NULL) DUPLICATE KEY (id) DISTRIBUTED BY HASH(id) BUCKETS 1 \
    PROPERTIES (\"replication_num\" = \"1\")";

/// A source with a table to copy, an empty destination, and a syncer.
struct Setting {
    net: SimNet,
    source: SimCluster,
    dest: SimCluster,
    server: Server,
}

impl Setting {
    async fn new() -> Self {
        let net = SimNet::new();
        let source = ClusterBuilder::new("source").seed(1).in_process(&net).start().await.unwrap();
        let dest = ClusterBuilder::new("dest").seed(2).in_process(&net).start().await.unwrap();
        let server = Server::with(Arc::new(net.clone()), &[], &[]).await;
        let setting = Self { net, source, dest, server };
        for sql in ["CREATE DATABASE demo", TABLE, PLAIN] {
            setting.run(&setting.source, sql).await;
        }
        setting
    }

    async fn sql(&self, cluster: &SimCluster, sql: &str) -> SqlReply {
        let endpoint = cluster.frontends()[0].query.clone();
        let login = SqlLogin { endpoint, user: "root".to_owned(), password: Default::default() };
        self.net.sql(&login, sql).await.unwrap()
    }

    async fn run(&self, cluster: &SimCluster, sql: &str) {
        let reply = self.sql(cluster, sql).await;
        assert!(!matches!(reply, SqlReply::Error { .. }), "{sql}: {reply:?}");
    }

    fn request(&self, change: impl FnOnce(&mut Value)) -> String {
        let side = |cluster: &SimCluster, table: &str| {
            let fe = &cluster.frontends()[0];
            json!({"host": fe.query.host, "port": fe.query.port.to_string(), "thrift_port": fe.rpc.port.to_string(),
                "user": "root", "password": "", "database": "demo", "table": table})
        };
        let mut body = json!({"name": "new", "src": side(&self.source, "t1"), "dest": side(&self.dest, "t1")});
        change(&mut body);
        body.to_string()
    }

    async fn databases(&self, cluster: &SimCluster) -> Vec<String> {
        let SqlReply::Rows(found) = self.sql(cluster, "SHOW DATABASES").await else { panic!("no rows") };
        found.rows.into_iter().filter_map(|row| row.into_iter().next().flatten()).collect()
    }
}

#[tokio::test]
async fn a_created_job_is_stored_and_runs() {
    let setting = Setting::new().await;
    let created = setting.server.ok("/create_ccr", &setting.request(|_| {})).await;
    assert_eq!(created, r#"{"success":true}"#);
    let row = setting.server.store.job("new").await.unwrap().unwrap();
    assert_eq!(row.owner, OWNER);
    let document = JobDocument::parse(&row.document).unwrap();
    assert!(document.src.db_id > 0 && document.src.table_id > 0 && document.dest.db_id > 0, "{document:?}");
    assert_eq!(document.src.frontends.as_ref().map(Vec::len), Some(1));
    assert!(setting.databases(&setting.dest).await.contains(&"demo".to_owned()));
    let Some(crate::manager::Held::Job(job)) = setting.server.manager.held("new") else { panic!("it is not held") };
    let incremental = job.wait_for(|status| status.sync_state == SyncState::TableIncrementalSync);
    assert!(tokio::time::timeout(Duration::from_secs(30), incremental).await.unwrap());
    let status = setting.server.ok("/job_status", r#"{"name":"new"}"#).await;
    assert!(status.contains(r#""state":"running","progress_state":"TableIncrementalSync""#), "{status}");
    let lag = setting.server.ok("/get_lag", r#"{"name":"new"}"#).await;
    assert!(lag.starts_with(r#"{"success":true,"lag":"#), "{lag}");
    assert_eq!(setting.server.ok("/delete", r#"{"name":"new"}"#).await, r#"{"success":true}"#);
    assert!(setting.server.names().await.is_empty());
}

#[tokio::test]
async fn of_two_concurrent_creates_of_one_name_one_wins() {
    let setting = Setting::new().await;
    let body = setting.request(|_| {});
    let answers = futures::future::join_all((0..8).map(|_| setting.server.ok("/create_ccr", &body))).await;
    let won = answers.iter().filter(|answer| *answer == r#"{"success":true}"#).count();
    assert_eq!(won, 1, "{answers:?}");
    for answer in answers.iter().filter(|answer| *answer != r#"{"success":true}"#) {
        assert!(answer.contains("CCR-1002 "), "{answer}");
    }
    assert_eq!(setting.server.names().await, ["new"]);
}

#[tokio::test]
async fn each_check_against_the_clusters_says_what_to_do() {
    let setting = Setting::new().await;
    let cases = [
        (setting.request(|b| b["src"]["database"] = "nowhere".into()), "src database nowhere not exists"),
        (setting.request(|b| b["src"]["table"] = "nothing".into()), "src table demo.nothing not exists"),
        (
            setting.request(|b| b["src"]["table"] = "plain".into()),
            r#"ALTER TABLE `demo`.`plain` SET (\"binlog.enable\" = \"true\")"#,
        ),
        (setting.request(|b| b["src"]["user"] = "stranger".into()), "stranger"),
        (setting.request(|b| b["src"]["host"] = "unheard-of".into()), "unheard-of"),
        (setting.request(|b| b["dest"]["host"] = "unheard-of".into()), "unheard-of"),
    ];
    for (body, expected) in cases {
        let answer = setting.server.ok("/create_ccr", &body).await;
        assert!(answer.starts_with("{\"success\":false,") && answer.contains(expected), "{body}: {answer}");
        assert!(setting.server.names().await.is_empty());
        assert!(!setting.databases(&setting.dest).await.contains(&"demo".to_owned()), "the destination was changed");
    }
    setting.run(&setting.dest, "CREATE DATABASE demo").await;
    setting.run(&setting.dest, TABLE).await;
    let exists = setting.server.ok("/create_ccr", &setting.request(|_| {})).await;
    assert!(exists.contains("dest table demo.t1 already exists") && exists.contains("allow_table_exists"), "{exists}");
    let allowed = setting.request(|body| body["allow_table_exists"] = true.into());
    assert_eq!(setting.server.ok("/create_ccr", &allowed).await, r#"{"success":true}"#);
}

/// Defects: SEEN-3.
#[tokio::test]
async fn a_job_is_created_in_rest_form() {
    let setting = Setting::new().await;
    let side = |cluster: &SimCluster, table: &str| {
        let fe = &cluster.frontends()[0];
        json!({"host": fe.query.host, "port": fe.query.port, "thrift_port": fe.rpc.port, "user": "root", "database": "demo",
            "table": table, "host_mapping": {"of nobody": ""}})
    };
    let body =
        json!({"name": "new job", "source": side(&setting.source, "t1"), "destination": side(&setting.dest, "t2")});
    let answer = setting.server.send("POST", "/api/v1/jobs", "", body.to_string().as_bytes()).await;
    assert_eq!(answer.status, 201, "{answer:?}");
    assert!(answer.head.contains("location: /api/v1/jobs/new%20job\r\n"), "{answer:?}");
    let job: Value = serde_json::from_str(&answer.body).unwrap();
    assert_eq!((&job["name"], &job["state"]), (&json!("new job"), &json!("running")));
    assert_eq!(job["definition"]["destination"]["host_mapping"], json!({}));
    let held = setting.server.manager.job("new job").unwrap();
    let incremental = held.wait_for(|status| status.sync_state == SyncState::TableIncrementalSync);
    assert!(tokio::time::timeout(Duration::from_secs(30), incremental).await.unwrap());
    let lag = setting.server.send("GET", "/api/v1/jobs/new%20job/lag", "", b"").await;
    assert!(lag.status == 200 && lag.body.contains("\"records\":"), "{lag:?}");
    for (path, value) in [("desync", "false"), ("sync", "true")] {
        let answer = setting.server.send("POST", &format!("/api/v1/jobs/new%20job/{path}"), "", b"").await;
        assert_eq!(answer.status, 204, "{answer:?}");
        let shown = format!("{:?}", setting.sql(&setting.dest, "SHOW CREATE TABLE demo.t2").await);
        assert!(shown.contains(&format!(r#"\"is_being_synced\" = \"{value}\""#)), "{shown}");
    }
    let again = setting.server.send("POST", "/api/v1/jobs", "", body.to_string().as_bytes()).await;
    assert_eq!(again.status, 409, "{again:?}");
}

/// Defects: SVC-A9, SVC-A17, ENG-L-12.
#[tokio::test]
async fn lag_is_what_the_source_says_or_why_it_says_nothing() {
    let setting = Setting::new().await;
    assert_eq!(setting.server.ok("/create_ccr", &setting.request(|_| {})).await, r#"{"success":true}"#);
    let held = setting.server.manager.job("new").unwrap();
    assert!(held.wait_for(|status| status.sync_state == SyncState::TableIncrementalSync).await);
    held.pause().await.unwrap();
    let lag =
        async || -> Value { serde_json::from_str(&setting.server.ok("/get_lag", r#"{"name":"new"}"#).await).unwrap() };
    let before = lag().await;
    assert_eq!((&before["success"], &before["lag"]), (&json!(true), &json!(0)));
    setting.run(&setting.source, "INSERT INTO demo.t1 VALUES (1, 'x')").await;
    let after = lag().await;
    assert!(after["lag"].as_i64().unwrap() > 0 && after["next_commit_seq"].as_i64().unwrap() > 0, "{after}");
    // The single record and the caught up job: nothing is divided by their time.
    let view = setting.server.ok("/view?type=raw", "").await;
    let cells: Vec<&str> = view.lines().nth(1).unwrap().split('\t').collect();
    assert_eq!(
        (cells[0], cells[1], cells[2], cells[4]),
        ("new", "table_sync", &*after["lag"].to_string(), "TableIncrementalSync")
    );
    held.resume().await.unwrap();
    let seq = after["last_commit_seq"].as_i64().unwrap();
    assert!(held.wait_for(|status| status.commit_seq >= seq).await);
    let view = setting.server.ok("/view?type=raw", "").await;
    assert!(view.lines().nth(1).unwrap().starts_with("new\ttable_sync\t0\t0\tTableIncrementalSync\tDone\t"), "{view}");
    // What the FE refuses is no success.
    let row = setting.server.store.job("new").await.unwrap().unwrap();
    let mut document = JobDocument::parse(&row.document).unwrap();
    "stranger".clone_into(&mut document.src.user);
    setting.server.store.update_job("new", OWNER, &document.to_json()).await.unwrap();
    let refused = lag().await;
    assert_eq!((&refused["success"], &refused["lag"]), (&json!(false), &json!(0)), "{refused}");
    assert!(refused["error_msg"].as_str().unwrap().contains("CCR-"), "{refused}");
    "root".clone_into(&mut document.src.user);
    "nowhere".clone_into(&mut document.src.database);
    setting.server.store.update_job("new", OWNER, &document.to_json()).await.unwrap();
    assert_eq!(lag().await["success"], false);
}
