//! No password and no token shows anywhere: not in logs, replies, metrics, the last words of a process, or a list of processes.
#![allow(clippy::unwrap_used)]

mod support;

use std::{fs, sync::Arc};

use doris::{
    Cluster, Source,
    cluster::{ClusterSpec, Timeouts},
    net::tcp::TcpNet,
    secret::Secret,
};
use serde_json::{Value, json};
use support::{Clusters, Syncer, until};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

const SOURCE: &str = "quelle-74c1'\"\\&<>é";
const DEST: &str = "ziel-93fe";
const WRONG: &str = "falsch-5d2a";
const DATABASE: &str = "datenbank-e80b";
const FILE: &str = "datei-61d7";

/// What is looked for: the part of each secret that no encoding changes.
const TRACES: [&str; 5] = ["74c1", "93fe", "5d2a", "e80b", "61d7"];

/// Sends a request and returns the whole answer, head included.
async fn exchange(port: u16, method: &str, target: &str, body: &str) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    let length = body.len();
    let head =
        format!("{method} {target} HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n");
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(body.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

/// The master token of a cluster, which the destination is handed for its downloads.
async fn token(clusters: &Clusters) -> String {
    let side = &clusters.source;
    let spec = ClusterSpec {
        host: side.query().host.clone(),
        query_port: side.query().port,
        rpc_port: side.rpc_port(),
        user: "root".to_owned(),
        password: Secret::new(SOURCE),
        frontends: Vec::new(),
        host_mapping: Default::default(),
        timeouts: Timeouts::default(),
    };
    let cluster = Cluster::<Source>::new(Arc::new(TcpNet::default()), spec);
    cluster.get_master_token().await.unwrap().expose().to_owned()
}

/// Everything that others can see of a process.
fn seen_of_process(pid: u32) -> String {
    let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap();
    let comm = fs::read_to_string(format!("/proc/{pid}/comm")).unwrap();
    format!("{} {comm}", String::from_utf8_lossy(&line))
}

/// Defects: SVC-A7, WIRE-24.
#[tokio::test(flavor = "multi_thread")]
async fn no_secret_shows_anywhere() {
    let clusters = Clusters::with_passwords(SOURCE, DEST).await;
    clusters.create("shop", "orders").await;
    let token = token(&clusters).await;
    let folder = tempfile::tempdir().unwrap();
    let conf = folder.path().join("db.conf");
    fs::write(&conf, format!("db_password={FILE}\nlegacy_metrics=true\n")).unwrap();
    let syncer = Syncer::start_with(
        &["-log_level", "trace", "-config_file", conf.to_str().unwrap()],
        &[("CCR_DB_PASSWORD", DATABASE), ("RUST_BACKTRACE", "full")],
    )
    .await;
    let mut replies = Vec::new();
    let mut send = async |method: &str, target: &str, body: &str| {
        replies.push(format!("{method} {target}\n{}", exchange(syncer.port, method, target, body).await));
    };

    // Refused: wrong passwords on either side, passwords of a wrong type, a body that is cut off or no JSON at all.
    let job = clusters.job("orders", "shop", "orders");
    let mut wrong_source = job.clone();
    wrong_source["src"]["password"] = WRONG.into();
    wrong_source["src"]["user"] = "stranger".into();
    let mut wrong_dest = job.clone();
    wrong_dest["dest"]["password"] = WRONG.into();
    wrong_dest["dest"]["user"] = "stranger".into();
    let mut listed = job.clone();
    listed["src"]["password"] = json!([WRONG]);
    let text = job.to_string();
    for body in [
        wrong_source.to_string(),
        wrong_dest.to_string(),
        listed.to_string(),
        text[..text.len() - 2].to_owned(),
        format!("password={WRONG}"),
        format!("{{\"name\": \"x\", \"src\": \"{WRONG}\"}}"),
    ] {
        send("POST", "/create_ccr", &body).await;
        send("POST", "/api/v1/jobs", &body).await;
        send("POST", "/job_status", &body).await;
    }
    send("POST", "/create_ccr", &text).await;
    syncer.incremental("orders").await;
    clusters.source.execute("INSERT INTO shop.orders VALUES (1, 'x')").await.unwrap();
    clusters.equal("shop.orders").await;

    let name = r#"{"name":"orders"}"#;
    let routes = [
        "/pause",
        "/resume",
        "/job_status",
        "/job_detail",
        "/job_progress",
        "/get_lag",
        "/desync",
        "/sync",
        "/list_jobs",
        "/features",
        "/node_info",
        "/view?type=html",
        "/view?type=table",
        "/view?type=raw",
        "/metrics",
        "/version",
        "/create_ccr",
    ];
    for route in routes {
        send("POST", route, if route == "/create_ccr" { &text } else { name }).await;
    }
    for route in ["", "/orders", "/orders/progress", "/orders/lag"] {
        send("GET", &format!("/api/v1/jobs{route}"), "").await;
    }
    send("POST", "/update_host_mapping", r#"{"name":"orders","src_host_mapping":{"127.0.0.1":"127.0.0.1"}}"#).await;
    send("POST", "/force_fullsync", name).await;
    // Clusters that go away leave errors of every kind in the log.
    let [source, dest] = clusters.running;
    source.shutdown().await;
    dest.shutdown().await;
    until("the job fails", async || {
        let status = syncer.api().post("/job_status", &json!({"name": "orders"})).await.unwrap();
        status["error"].is_string()
    })
    .await;
    for route in ["/job_status", "/get_lag", "/desync", "/create_ccr", "/metrics", "/view?type=raw"] {
        send("POST", route, if route == "/create_ccr" { &text } else { name }).await;
    }
    let processes = seen_of_process(syncer.child.id());

    let log = syncer.log();
    let said = fs::read_to_string(syncer.folder.path().join("stderr")).unwrap();
    assert!(log.contains("force set config db_password"), "{log}");
    assert!(log.lines().count() > 20 && replies.len() > 40);
    assert!(replies.iter().any(|reply| reply.contains("/job_detail") && reply.contains("***")), "{replies:?}");
    for (place, text) in [("log", &log), ("replies", &replies.join("\n")), ("stderr", &said), ("processes", &processes)]
    {
        for trace in TRACES.iter().copied().chain([token.as_str()]) {
            // Not printed as a whole: it would be in the log of the test.
            let line = text.lines().find(|line| line.contains(trace));
            assert_eq!(line, None, "{place}");
        }
    }
}

/// A panic says where, and no more than what its author wrote: types that hold secrets hide them.
#[test]
fn what_is_printed_in_a_panic_hides_secrets() {
    let document = ccr_store::documents::JobDocument {
        src: ccr_store::documents::Spec { password: ccr_store::documents::Password::new(SOURCE), ..Default::default() },
        ..Default::default()
    };
    let login = doris::net::SqlLogin {
        endpoint: doris::net::Endpoint::new("h", 1),
        user: "root".to_owned(),
        password: Secret::new(DEST),
    };
    let flags =
        ccr_syncer::flags::Flags { db_password: ccr_store::documents::Password::new(DATABASE), ..Default::default() };
    let request = doris::rpc::GetMetaRequest {
        passwd: Some(Secret::new(WRONG)),
        token: Some(Secret::new(FILE)),
        ..Default::default()
    };
    let caught = std::panic::catch_unwind(|| panic!("{document:?} {login:?} {flags:?} {request:?}"));
    let said = caught.unwrap_err().downcast::<String>().unwrap();
    assert!(said.contains("JobDocument") && said.len() > 500, "{said}");
    for trace in TRACES {
        assert!(!said.contains(trace), "{trace}");
    }
    let shown: Value = serde_json::from_str(&document.redacted().to_json()).unwrap();
    assert_eq!(shown["src"]["password"], "******");
}
