//! The control port and the HTTP port of a frontend, on sockets.
#![allow(clippy::unwrap_used)]

use std::net::{IpAddr, Ipv4Addr};

use bytes::Bytes;
use doris::{
    net::{Endpoint, Net as _, NetError, SqlLogin, SqlReply, tcp::TcpNet},
    rpc::{FeReply as _, GetBinlogRequest, GetBinlogResult, StatusCode},
    secret::Secret,
    thrift::{decode_reply, encode_call},
};
use doris_sim::{ClusterBuilder, SimCluster};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

async fn cluster(frontends: usize) -> SimCluster {
    let builder = ClusterBuilder::new("c").frontends(frontends).sockets(IpAddr::V4(Ipv4Addr::LOCALHOST));
    builder.control_port(0).frontend_start_ms(50).heartbeat_interval_ms(20).start().await.unwrap()
}

/// One HTTP request; status and body.
async fn http(to: &Endpoint, method: &str, path: &str, body: &str) -> (u16, String) {
    let mut stream = TcpStream::connect((to.host.as_str(), to.port)).await.unwrap();
    let request = format!(
        "{method} {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut reply = String::new();
    stream.read_to_string(&mut reply).await.unwrap();
    let (head, body) = reply.split_once("\r\n\r\n").unwrap();
    (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
}

/// A POST to the control port that must be accepted.
async fn post(cluster: &SimCluster, path: &str, body: &str) -> Value {
    let (status, answer) = http(cluster.control_endpoint().unwrap(), "POST", path, body).await;
    assert_eq!(status, 200, "{path}: {answer}");
    serde_json::from_str(&answer).unwrap()
}

async fn get_binlog(net: &TcpNet, to: &Endpoint) -> Result<GetBinlogResult, NetError> {
    let request = GetBinlogRequest {
        user: Some("root".into()),
        passwd: Some(Secret::default()),
        db: Some("d".into()),
        prev_commit_seq: Some(-1),
        ..GetBinlogRequest::default()
    };
    let reply: Bytes = net.thrift(to, encode_call("getBinlog", 1, &request).unwrap()).await?;
    Ok(decode_reply(&reply, "getBinlog", 1).unwrap())
}

async fn sql(net: &TcpNet, to: &Endpoint, sql: &str) -> Result<SqlReply, NetError> {
    let login = SqlLogin { endpoint: to.clone(), user: "root".into(), password: Secret::default() };
    net.sql(&login, sql).await
}

#[tokio::test]
async fn rules_of_the_control_port_meet_thrift_and_sql_calls() {
    let cluster = cluster(1).await;
    let (net, fe) = (TcpNet::default(), cluster.frontends()[0].clone());
    let not_master = json!({"call": "getBinlog", "count": 1, "effect": {"not_master": "empty"}});
    let added = post(&cluster, "/faults", &not_master.to_string()).await;
    assert_eq!(added, json!({"ok": true, "id": 1}));
    let reply = get_binlog(&net, &fe.rpc).await.unwrap();
    assert_eq!(reply.status().unwrap().status_code, StatusCode::NOT_MASTER);
    assert_eq!(reply.master_address().unwrap().port, 0);
    assert_eq!(get_binlog(&net, &fe.rpc).await.unwrap().status().unwrap().status_code, StatusCode::ANALYSIS_ERROR);
    let cut = json!({"channel": "thrift", "when": "after", "count": 1, "effect": {"cut": 5}});
    post(&cluster, "/faults", &cut.to_string()).await;
    assert!(matches!(get_binlog(&net, &fe.rpc).await, Err(NetError::Lost { .. })));
    let fail = json!({"call": "create database *", "effect": {"fail": {"status": 1234, "text": "not today"}}});
    post(&cluster, "/faults", &fail.to_string()).await;
    let refused = sql(&net, &fe.query, "CREATE DATABASE d").await.unwrap();
    assert!(matches!(refused, SqlReply::Error { code: 1234, message, .. } if message == "not today"));
    let lose = json!({"call": "create table *", "when": "after", "effect": {"cut": 2}});
    post(&cluster, "/faults", &lose.to_string()).await;
    let (status, _) = http(cluster.control_endpoint().unwrap(), "DELETE", "/faults/3", "").await;
    assert_eq!(status, 200);
    sql(&net, &fe.query, "CREATE DATABASE d").await.unwrap();
    let create = "CREATE TABLE d.t (k INT) DUPLICATE KEY (k) DISTRIBUTED BY HASH(k) BUCKETS 1 PROPERTIES ('replication_num'='1')";
    assert!(matches!(sql(&net, &fe.query, create).await, Err(NetError::Lost { .. })));
    assert!(cluster.with(|model| model.table("d", "t").is_ok()), "executed, the answer was cut");
    let (_, rules) = http(cluster.control_endpoint().unwrap(), "GET", "/faults", "").await;
    let rules: Value = serde_json::from_str(&rules).unwrap();
    assert_eq!(rules.as_array().unwrap().iter().map(|rule| rule["done"].as_u64().unwrap()).sum::<u64>(), 3);
}

#[tokio::test]
async fn a_request_that_is_no_command_is_refused_with_a_reason() {
    let cluster = cluster(1).await;
    let control = cluster.control_endpoint().unwrap();
    for (path, body, status, reason) in [
        ("/faults", "{\"effect\": \"explode\"}", 400, "unknown variant"),
        ("/faults", "{\"efect\": \"lose\"}", 400, "unknown field"),
        ("/faults", "{\"effect\": {\"cut\": 3}}", 400, "cannot happen"),
        ("/frontends/9/kill", "", 400, "does not exist"),
        ("/frontends/1/fly", "", 404, "kill, start"),
        ("/backends/1/slow", "", 400, "ms is missing"),
        ("/jobs/fail?kind=backup&state=NONSENSE", "", 400, "no state"),
        ("/labels/evict?db=nope", "", 400, "nope"),
        ("/nothing", "", 404, "no such path"),
    ] {
        let (answered, text) = http(control, "POST", path, body).await;
        assert!(answered == status && text.contains(reason), "{path}: {answered} {text}");
    }
    let (status, help) = http(control, "GET", "/", "").await;
    assert!(status == 200 && help.contains("POST   /publish/hold"));
}

#[tokio::test]
async fn killing_the_master_breaks_its_connections_and_another_one_takes_over() {
    let cluster = cluster(3).await;
    let net = TcpNet::default();
    let old = cluster.frontends()[0].clone();
    sql(&net, &old.query, "CREATE DATABASE d").await.unwrap();
    let mut idle = TcpStream::connect((old.query.host.as_str(), old.query.port)).await.unwrap();
    let _greeting = idle.read_u8().await.unwrap();
    post(&cluster, "/frontends/1/kill", "").await;
    let mut rest = Vec::new();
    // Closed, or reset: an idle connection does not survive.
    let _ended = idle.read_to_end(&mut rest).await;
    assert!(sql(&net, &old.query, "SHOW DATABASES").await.is_err());
    let deadline = cluster.sim().clock().now_ms() + 10_000;
    let master = cluster.sim().wait_until(deadline, |model| model.master).await.unwrap();
    assert_ne!(master, 0);
    sql(&net, &cluster.frontends()[master].query, "CREATE DATABASE e").await.unwrap();
    post(&cluster, "/frontends/1/start", "").await;
    let open = cluster.sim().wait_until(deadline, |model| model.serves_sql(0).then_some(())).await;
    assert!(open.is_some());
    assert!(sql(&net, &old.query, "DROP DATABASE e").await.is_ok(), "forwarded by a follower");
}

#[tokio::test]
async fn debug_points_are_set_over_the_http_port_of_a_frontend() {
    let cluster = cluster(1).await;
    let fe = cluster.frontends()[0].http.clone();
    let add = "/api/debug_point/add/FE.PAUSE_PENDING_BACKUP_JOB?value=ccrs_";
    let (_, off) = http(&fe, "POST", add, "").await;
    assert!(off.contains("Disable debug points"), "{off}");
    cluster.with(|model| model.config.insert("enable_debug_points".into(), "true".into()));
    assert_eq!(http(&fe, "GET", add, "").await.0, 405);
    assert!(http(&fe, "POST", add, "").await.1.contains("\"success\""));
    let (_, unknown) = http(&fe, "POST", "/api/debug_point/add/Unheard.of", "").await;
    assert!(unknown.contains("doris-sim does not model the debug point Unheard.of"), "{unknown}");
    let net = TcpNet::default();
    let query = cluster.frontends()[0].query.clone();
    for text in [
        "CREATE DATABASE d",
        "CREATE TABLE d.t (k INT) DUPLICATE KEY (k) DISTRIBUTED BY HASH(k) BUCKETS 1 PROPERTIES ('replication_num'='1')",
        "BACKUP SNAPSHOT d.ccrs_1 TO `__keep_on_local__`",
    ] {
        assert!(matches!(sql(&net, &query, text).await.unwrap(), SqlReply::Ok { .. }), "{text}");
    }
    let state = |model: &mut doris_sim::Model| {
        let db = model.db_id("d").unwrap();
        model.snapshot_jobs(db).next_back().unwrap().head().state.name().to_owned()
    };
    let deadline = cluster.sim().clock().now_ms() + 10_000;
    let left = cluster.sim().wait_until(deadline - 9_500, |model| (state(model) != "PENDING").then_some(())).await;
    assert!(left.is_none(), "it stays PENDING");
    http(&fe, "POST", "/api/debug_point/clear", "").await;
    let finished = cluster.sim().wait_until(deadline, |model| (state(model) == "FINISHED").then_some(())).await;
    assert!(finished.is_some());
    let (status, health) = http(&fe, "GET", "/api/health", "").await;
    assert!(status == 200 && health.contains("\"online_backend_num\":1"), "{health}");
    assert!(http(&fe, "GET", "/api/bootstrap", "").await.1.contains("\"success\""));
}
