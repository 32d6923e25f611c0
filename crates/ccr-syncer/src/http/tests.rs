//! The API over a real socket, with a database in memory and clusters that are not there.

#![allow(clippy::unwrap_used)]

use std::{net::SocketAddr, sync::Arc, time::Duration};

use axum::body::Bytes;
use ccr_engine::{Env, Settings, incremental::IngestWindows};
use ccr_store::{
    JobRow, Metastore, StoreError, StoreErrorKind,
    documents::{
        Frontend, JobDocument, JobExtra, JobState, Password, ProgressDocument, Spec, SubState, SyncState, SyncType,
    },
    memory::MemoryStore,
};
use doris::net::{Endpoint, HttpReply, Net, NetError, SqlLogin, SqlReply};
use futures::future::{BoxFuture, pending, ready};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

use super::{Api, clean_path, router};
use crate::{
    flags::{Flags, features},
    host::{SystemClock, SystemRng},
    manager::{LagWatch, Manager},
    metrics::{MeasuredNet, Metrics},
};

const OWNER: &str = "127.0.0.1:9190";
const JOB_ROUTES: [&str; 7] =
    ["/pause", "/resume", "/delete", "/job_status", "/job_detail", "/job_progress", "/get_lag"];

/// A network without anybody: refuses every connection, or lets it hang.
struct Nobody {
    hangs: bool,
}

impl Nobody {
    fn answer<T: Send + 'static>(&self, to: &Endpoint) -> BoxFuture<'static, Result<T, NetError>> {
        if self.hangs {
            return Box::pin(pending());
        }
        Box::pin(ready(Err(NetError::Unreachable { to: to.to_string(), why: "nobody listens".to_owned() })))
    }
}

impl Net for Nobody {
    fn thrift<'a>(&'a self, to: &'a Endpoint, _: Bytes) -> BoxFuture<'a, Result<Bytes, NetError>> {
        self.answer(to)
    }

    fn sql<'a>(&'a self, login: &'a SqlLogin, _: &'a str) -> BoxFuture<'a, Result<SqlReply, NetError>> {
        self.answer(&login.endpoint)
    }

    fn http_get<'a>(&'a self, to: &'a Endpoint, _: &'a str) -> BoxFuture<'a, Result<HttpReply, NetError>> {
        self.answer(to)
    }
}

struct Server {
    address: SocketAddr,
    store: MemoryStore,
    manager: Arc<Manager>,
}

/// What a client got.
#[derive(Debug)]
struct Answer {
    status: u16,
    head: String,
    body: String,
}

impl Server {
    async fn start(rows: &[JobRow], progress: &[ProgressDocument]) -> Self {
        Self::with(Arc::new(Nobody { hangs: false }), rows, progress).await
    }

    async fn with(net: Arc<dyn Net>, rows: &[JobRow], progress: &[ProgressDocument]) -> Self {
        let store = MemoryStore::new();
        for row in rows {
            store.add_job(row).await.unwrap();
        }
        for document in progress {
            store.save_progress(&document.job_name, OWNER, &document.to_json()).await.unwrap();
        }
        let calls = MeasuredNet::new(net);
        let env = Env {
            net: Arc::new(calls.clone()),
            store: Arc::new(store.clone()),
            clock: Arc::new(SystemClock),
            rng: Arc::new(SystemRng),
            owner: OWNER.into(),
            settings: Arc::new(Settings::default()),
            windows: Arc::new(IngestWindows::new(48)),
        };
        let manager = Manager::new(env);
        manager.reconcile().await.unwrap();
        let metrics = Arc::new(Metrics::new(Arc::clone(&manager), LagWatch::default(), calls, true));
        let service = router(Api {
            manager: Arc::clone(&manager),
            metrics,
            features: features(&Flags::default()).into(),
            db_type: "sqlite3".into(),
            started: std::time::Instant::now(),
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move { axum::serve(listener, service).await });
        Self { address, store, manager }
    }

    async fn send(&self, method: &str, target: &str, headers: &str, body: &[u8]) -> Answer {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        let length = body.len();
        let head = format!(
            "{method} {target} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n{headers}content-length: {length}\r\n\r\n"
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        stream.write_all(body).await.unwrap();
        let mut reply = String::new();
        stream.read_to_string(&mut reply).await.unwrap();
        let (head, body) = reply.split_once("\r\n\r\n").unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        Answer { status, head: head.to_lowercase(), body: body.to_owned() }
    }

    async fn post(&self, target: &str, body: &str) -> Answer {
        self.send("POST", target, "", body.as_bytes()).await
    }

    /// The body of a POST that was answered with 200.
    async fn ok(&self, target: &str, body: &str) -> String {
        let answer = self.post(target, body).await;
        assert_eq!(answer.status, 200, "{target} {body}: {answer:?}");
        answer.body
    }

    async fn names(&self) -> Vec<String> {
        self.store.jobs().await.unwrap().into_iter().map(|row| row.name).collect()
    }
}

fn spec(host: &str, table: &str, password: &str) -> Spec {
    let frontend =
        Frontend { host: host.to_owned(), port: "9030".to_owned(), thrift_port: "9020".to_owned(), is_master: true };
    Spec {
        host: host.to_owned(),
        port: "9030".to_owned(),
        thrift_port: "9020".to_owned(),
        frontends: Some(vec![frontend]),
        user: "root".to_owned(),
        password: Password::new(password),
        database: "demo".to_owned(),
        db_id: 10116,
        table: table.to_owned(),
        table_id: 10143,
        ..Spec::default()
    }
}

fn document(name: &str, state: JobState) -> JobDocument {
    JobDocument {
        name: name.to_owned(),
        id: None,
        sync_type: SyncType::Table,
        src: spec("10.0.0.1", "t1", "sesame"),
        dest: spec("10.1.0.1", "t1_copy", "open"),
        state,
        extra: JobExtra::default(),
        replication_num: None,
    }
}

fn row(name: &str, owner: &str) -> JobRow {
    let document = document(name, JobState::Paused).to_json();
    JobRow { name: name.to_owned(), document, owner: owner.to_owned() }
}

fn progress(name: &str) -> ProgressDocument {
    ProgressDocument {
        sync_state: SyncState::TableIncrementalSync,
        sub_sync_state: SubState::Done,
        prev_commit_seq: 103,
        commit_seq: 103,
        last_commit_seq: 103,
        data: "a secret of the engine".to_owned(),
        ..ProgressDocument::new(name, SyncType::Table, 1_737_700_000)
    }
}

/// Defects: SVC-A1, SVC-A7.
#[tokio::test]
async fn routes_answer_as_the_go_program_does() {
    let server = Server::start(&[row("j1", OWNER)], &[progress("j1")]).await;
    let name = r#"{"name":"j1"}"#;
    assert_eq!(server.ok("/version", "").await, format!("{{\"version\":\"{}\"}}", crate::VERSION));
    assert_eq!(server.ok("/list_jobs", "").await, r#"{"success":true,"jobs":["j1"]}"#);
    assert_eq!(
        server.ok("/job_status", name).await,
        r#"{"success":true,"status":{"name":"j1","state":"paused","progress_state":"TableIncrementalSync","commit_seq":103},"name":"j1","state":"paused","progress_state":"TableIncrementalSync"}"#
    );
    assert_eq!(
        server.ok("/job_detail", name).await,
        concat!(
            r#"{"success":true,"job_detail":{"name":"j1","sync_type":1,"src":{"host":"10.0.0.1","port":"9030","thrift_port":"9020","is_master":false,"#,
            r#""frontends":[{"host":"10.0.0.1","port":"9030","thrift_port":"9020","is_master":true}],"user":"root","password":"******","cluster":"","#,
            r#""database":"demo","db_id":10116,"table":"t1","table_id":10143},"dest":{"host":"10.1.0.1","port":"9030","thrift_port":"9020","is_master":false,"#,
            r#""frontends":[{"host":"10.1.0.1","port":"9030","thrift_port":"9020","is_master":true}],"user":"root","password":"******","cluster":"","#,
            r#""database":"demo","db_id":10116,"table":"t1_copy","table_id":10143},"state":1,"extra":{}}}"#
        )
    );
    let shown = ProgressDocument { data: String::new(), ..progress("j1") };
    assert_eq!(
        server.ok("/job_progress", name).await,
        format!(r#"{{"success":true,"job_progress":{}}}"#, shown.to_json())
    );
    assert_eq!(server.ok("/pause", name).await, r#"{"success":true}"#);
    let lag = server.ok("/get_lag", name).await;
    assert!(lag.starts_with(r#"{"success":false,"error_msg":"CCR-2001 "#) && lag.contains("nobody listens"), "{lag}");
    assert!(
        lag.ends_with(
            r#","lag":0,"first_commit_seq":0,"last_commit_seq":0,"first_binlog_timestamp":"","last_binlog_timestamp":"","time_interval":0,"time_interval_secs":0,"next_commit_seq":0,"next_binlog_timestamp":""}"#
        ),
        "{lag}"
    );
    assert_eq!(server.ok("/resume", name).await, r#"{"success":true}"#);
    let stored = server.store.job("j1").await.unwrap().unwrap().document;
    assert_eq!(JobDocument::parse(&stored).unwrap(), document("j1", JobState::Running));
    let status = server.ok("/job_status", name).await;
    assert!(status.contains(r#""state":"running""#), "{status}");
    assert_eq!(server.ok("/delete", name).await, r#"{"success":true}"#);
    assert_eq!(server.ok("/list_jobs", "").await, r#"{"success":true}"#);
    assert_eq!(server.store.progress("j1").await.unwrap(), None);
    assert_eq!(server.ok("/delete", name).await, r#"{"success":false,"error_msg":"job j1 not exist"}"#);
}

#[tokio::test]
async fn a_bad_body_is_a_clear_error_and_has_no_effect() {
    let server = Server::start(&[row("j1", OWNER)], &[progress("j1")]).await;
    let before = server.store.job("j1").await.unwrap();
    for (body, expected) in [
        ("", "the request body is empty"),
        ("abc", "the request body is not JSON"),
        ("{\"name\":\"j1\"", "the request body is not JSON"),
        ("[]", "the request body is an array"),
        ("\"j1\"", "the request body is a string"),
        ("{\"name\":1}", "field name is a number: a string is expected"),
        ("{\"name\":{\"a\":1}}", "field name is an object: a string is expected"),
        ("{}", "name is empty"),
        ("null", "name is empty"),
        ("{\"name\":\"\"}", "name is empty"),
        ("{\"name\":null}", "name is empty"),
        ("{\"name\":\"nobody's\"}", "job nobody's not exist"),
        ("{\"name\":\"<&>\"}", r"job \u003c\u0026\u003e not exist"),
    ] {
        for route in JOB_ROUTES {
            let answer = server.ok(route, body).await;
            assert!(answer.starts_with("{\"success\":false,\"error_msg\":\""), "{route} {body}: {answer}");
            assert!(answer.contains(expected), "{route} {body}: {answer}");
        }
    }
    assert_eq!(server.store.job("j1").await.unwrap(), before);
    assert_eq!(server.store.progress("j1").await.unwrap(), Some(progress("j1").to_json()));
}

#[tokio::test]
async fn a_body_of_ten_megabytes_is_refused_on_every_route() {
    let server = Server::start(&[row("j1", OWNER)], &[]).await;
    let large = format!("{{\"name\":\"j1\",\"filler\":\"{}\"}}", "x".repeat(10 << 20));
    for route in JOB_ROUTES.into_iter().chain(["/create_ccr"]) {
        let answer = server.post(route, &large).await;
        assert_eq!(answer.status, 413, "{route}");
        assert_eq!(answer.body, r#"{"success":false,"error_msg":"the request body is larger than 1 MiB"}"#);
    }
    assert_eq!(server.names().await, ["j1"]);
    // Just below the limit all is well.
    let fits = format!("{{\"name\":\"j1\",\"filler\":\"{}\"}}", "x".repeat(1_000_000));
    assert_eq!(server.ok("/pause", &fits).await, r#"{"success":true}"#);
}

#[tokio::test]
async fn method_content_type_query_and_case_do_not_matter() {
    let server = Server::start(&[row("j1", OWNER)], &[]).await;
    for method in ["GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "BREW"] {
        for headers in ["", "content-type: application/x-www-form-urlencoded\r\n", "content-type: text/html\r\n"] {
            let answer = server.send(method, "/pause?x=1", headers, br#"{"NAME":"j1","other":5} trailing"#).await;
            assert_eq!((answer.status, answer.body.as_str()), (200, r#"{"success":true}"#), "{method}");
            assert!(answer.head.contains("content-type: application/json"), "{answer:?}");
        }
    }
    let head = server.send("HEAD", "/version", "", b"").await;
    assert_eq!((head.status, head.body.as_str()), (200, ""));
}

#[tokio::test]
async fn a_job_of_another_syncer_is_found_there() {
    let server = Server::start(&[row("theirs", "10.9.9.9:9190")], &[]).await;
    for route in JOB_ROUTES.into_iter().filter(|route| *route != "/get_lag") {
        let answer = server.post(&format!("{route}?x=1&y=%20z"), r#"{"name":"theirs"}"#).await;
        assert_eq!((answer.status, answer.body.as_str()), (303, ""), "{route}");
        assert!(answer.head.contains(&format!("location: http://10.9.9.9:9190{route}?x=1&y=%20z\r\n")), "{answer:?}");
    }
    assert_eq!(server.ok("/list_jobs", "").await, r#"{"success":true,"jobs":["theirs"]}"#);
    assert!(server.manager.held("theirs").is_none());
    // No answer can point to this owner, and nothing breaks.
    server.store.set_owner("theirs", "a\r\nb");
    assert!(server.ok("/pause", r#"{"name":"theirs"}"#).await.contains("cannot be an address"));
}

#[tokio::test]
async fn unknown_paths_are_answered_as_go_answers_them() {
    let server = Server::start(&[], &[]).await;
    for path in ["/", "/nothing", "/version/", "/Version", "/job_status/x"] {
        let answer = server.send("GET", path, "", b"").await;
        assert_eq!((answer.status, answer.body.as_str()), (404, "404 page not found\n"), "{path}");
        assert!(answer.head.contains("x-content-type-options: nosniff"));
    }
    let answer = server.send("GET", "//version?a=b", "", b"").await;
    assert_eq!(answer.status, 301);
    assert!(answer.head.contains("location: /version?a=b\r\n"), "{answer:?}");
    for (path, clean) in [("/a/../version", "/version"), ("/../..", "/"), ("/a//b/./c/", "/a/b/c/"), ("/", "/")] {
        assert_eq!(clean_path(path), clean);
    }
}

/// A request that fails no check that needs no cluster.
fn create(change: impl FnOnce(&mut serde_json::Value)) -> String {
    let side = |table: &str| {
        serde_json::json!({"host": "10.0.0.1", "port": "9030", "thrift_port": "9020", "user": "root",
            "password": "sesame", "database": "demo", "table": table})
    };
    let mut body = serde_json::json!({"name": "new", "src": side("t1"), "dest": side("t2")});
    change(&mut body);
    body.to_string()
}

#[tokio::test]
async fn a_malformed_create_is_answered_with_400_and_json() {
    let server = Server::start(&[], &[]).await;
    let cases = [
        (String::new(), "the request body is empty"),
        ("{".to_owned(), "the request body is not JSON"),
        ("[]".to_owned(), "the request body is an array"),
        (create(|b| b["name"] = 1.into()), "field name is a number"),
        (create(|b| b["src"] = "x".into()), "field src is a string: an object is expected"),
        (create(|b| b["src"]["port"] = 9030.into()), "field src.port is a number: a string is expected"),
        (create(|b| b["dest"]["thrift_port"] = 9020.into()), "field dest.thrift_port is a number"),
        (create(|b| b["src"]["table_id"] = "5".into()), "field src.table_id is a string: a 64-bit integer is expected"),
        (create(|b| b["src"]["host_mapping"] = serde_json::json!({"a": 1})), "field src.host_mapping"),
        (create(|b| b["src"]["frontends"] = serde_json::json!([{"port": 1}])), "field src.frontends.port is a number"),
        (
            create(|b| b["allow_table_exists"] = "yes".into()),
            "field allow_table_exists is a string: a bool is expected",
        ),
        (create(|b| b["src"]["password"] = 4711.into()), "field src.password is a number"),
    ];
    for (body, expected) in cases {
        let answer = server.post("/create_ccr", &body).await;
        assert_eq!(answer.status, 400, "{body}: {answer:?}");
        assert!(answer.body.starts_with("{\"success\":false,\"error_msg\":\""), "{answer:?}");
        assert!(answer.body.contains(expected), "{body}: {answer:?}");
        assert!(!answer.body.contains("4711") && !answer.body.contains("sesame"), "{answer:?}");
    }
    assert!(server.names().await.is_empty());
}

#[tokio::test]
async fn a_create_that_fails_a_check_says_which_and_leaves_nothing() {
    let server = Server::start(&[row("taken", "10.9.9.9:9190")], &[]).await;
    let cases = [
        ("null".to_owned(), "[normal] name is empty"),
        (create(|b| b["name"] = "".into()), "[normal] name is empty"),
        (create(|b| b["name"] = "taken".into()), "job is invalid: [normal] job taken already exist"),
        (create(|b| b["src"]["host"] = "".into()), "src spec is invalid: [normal] host is empty"),
        (create(|b| b["dest"]["port"] = "x".into()), "dest spec is invalid: [normal] port is invalid: x"),
        (create(|b| b["src"]["thrift_port"] = "70000".into()), "thrift_port is invalid: 70000"),
        (create(|b| b["src"]["user"] = serde_json::Value::Null), "user is empty"),
        (create(|b| b["dest"]["database"] = "".into()), "dest spec is invalid: [normal] database is empty"),
        (create(|b| b["dest"]["table"] = "".into()), "src/dest are not both db or table sync"),
        (create(|b| b["cluster_sync"] = true.into()), "cluster_sync is not supported"),
        (create(|_| {}), "nobody listens"),
    ];
    for (body, expected) in cases {
        let answer = server.ok("/create_ccr", &body).await;
        assert!(answer.starts_with("{\"success\":false,\"error_msg\":\""), "{answer}");
        assert!(answer.contains(expected), "{body}: {answer}");
        assert!(!answer.contains("sesame"), "{answer}");
    }
    assert_eq!(server.names().await, ["taken"]);
    assert!(server.manager.held("new").is_none(), "the name is free again");
}

/// Defects: SVC-A3, ENG-C-5.
#[tokio::test]
async fn a_create_that_waits_for_a_cluster_blocks_nobody_but_its_own_name() {
    let server = Server::with(Arc::new(Nobody { hangs: true }), &[row("j1", OWNER)], &[progress("j1")]).await;
    let body = create(|_| {});
    let first = server.post("/create_ccr", &body);
    let others = async {
        while server.manager.held("new").is_none() {
            tokio::task::yield_now().await;
        }
        let second = server.ok("/create_ccr", &create(|_| {})).await;
        assert!(second.contains("job: new: [normal] job exist"), "{second}");
        let status = server.ok("/job_status", r#"{"name":"new"}"#).await;
        assert!(status.contains("job new not exist"), "{status}");
        assert_eq!(server.ok("/pause", r#"{"name":"j1"}"#).await, r#"{"success":true}"#);
        assert_eq!(server.ok("/list_jobs", "").await, r#"{"success":true,"jobs":["j1"]}"#);
    };
    tokio::select! {
        biased;
        () = async { tokio::time::timeout(Duration::from_secs(20), others).await.unwrap() } => {}
        answer = first => panic!("{answer:?}"),
    }
}

/// Defects: SVC-C2.
#[tokio::test]
async fn one_bad_document_concerns_no_other_job() {
    let bad = JobRow { name: "bad".to_owned(), document: "{\"name\":\"bad\"".to_owned(), owner: OWNER.to_owned() };
    let swapped = JobRow { name: "swapped".to_owned(), ..row("j1", OWNER) };
    let server = Server::start(&[bad, row("j1", OWNER), swapped], &[progress("j1")]).await;
    assert_eq!(server.ok("/list_jobs", "").await, r#"{"success":true,"jobs":["bad","j1","swapped"]}"#);
    assert_eq!(server.ok("/pause", r#"{"name":"j1"}"#).await, r#"{"success":true}"#);
    for (name, why) in [("bad", "the job document cannot be read"), ("swapped", "is that of another job")] {
        let body = format!("{{\"name\":\"{name}\"}}");
        let status = server.ok("/job_status", &body).await;
        assert!(
            status.starts_with("{\"success\":true,")
                && status.contains(r#""state":"paused","progress_state":"unknown""#)
        );
        assert!(status.contains("\"error\":\"CCR-1102 ") && status.contains(why), "{status}");
        for route in ["/pause", "/resume"] {
            let answer = server.ok(route, &body).await;
            assert!(answer.contains(why), "{route}: {answer}");
        }
    }
    let detail = server.ok("/job_detail", r#"{"name":"bad"}"#).await;
    assert!(detail.starts_with("{\"success\":false,") && detail.ends_with("\"job_detail\":null}"), "{detail}");
    // Repaired in the database, the job goes on; unrepaired it can be deleted.
    server.store.update_job("swapped", OWNER, &document("swapped", JobState::Paused).to_json()).await.unwrap();
    assert_eq!(server.ok("/resume", r#"{"name":"swapped"}"#).await, r#"{"success":true}"#);
    assert_eq!(server.ok("/delete", r#"{"name":"bad"}"#).await, r#"{"success":true}"#);
    assert_eq!(server.names().await, ["j1", "swapped"]);
}

#[tokio::test]
async fn a_job_without_progress_says_so() {
    let server = Server::start(&[row("j1", OWNER)], &[]).await;
    let progress = server.ok("/job_progress", r#"{"name":"j1"}"#).await;
    assert!(
        progress.starts_with(concat!(
            r#"{"success":false,"error_msg":"job j1 has no progress yet","job_progress":{"job_name":"","sync_state":0,"#,
            r#""sub_sync_state":{"state":0,"binlog_type":0},"job_sync_id":0,"#
        )),
        "{progress}"
    );
    let lag = server.ok("/get_lag", r#"{"name":"j1"}"#).await;
    assert!(lag.contains("job j1 has no progress yet") && lag.contains("\"lag\":0"), "{lag}");
}

#[tokio::test]
async fn an_error_of_the_database_is_an_error_of_the_request() {
    let server = Server::start(&[row("j1", OWNER)], &[]).await;
    server.store.set_fault_hook(|_| {
        Some(StoreError {
            kind: StoreErrorKind::Unavailable,
            text: "sqlite: get jobs data failed.: [db] disk I/O error".to_owned(),
        })
    });
    for route in JOB_ROUTES.into_iter().chain(["/list_jobs"]) {
        let answer = server.ok(route, r#"{"name":"j1"}"#).await;
        assert!(answer.starts_with("{\"success\":false,") && answer.contains("disk I/O error"), "{route}: {answer}");
    }
    let answer = server.ok("/create_ccr", &create(|_| {})).await;
    assert!(answer.contains("disk I/O error"), "{answer}");
    assert!(server.manager.held("new").is_none());
}

#[tokio::test]
async fn jobs_follow_the_database() {
    let server = Server::start(&[], &[]).await;
    server.store.add_job(&row("late", OWNER)).await.unwrap();
    server.store.add_job(&row("theirs", "10.9.9.9:9190")).await.unwrap();
    server.manager.reconcile().await.unwrap();
    assert!(server.manager.held("late").is_some() && server.manager.held("theirs").is_none());
    server.store.set_owner("theirs", OWNER);
    server.store.set_owner("late", "10.9.9.9:9190");
    server.manager.reconcile().await.unwrap();
    assert!(server.manager.held("late").is_none() && server.manager.held("theirs").is_some());
    server.store.remove_job("theirs", None).await.unwrap();
    server.manager.reconcile().await.unwrap();
    assert!(server.manager.held("theirs").is_none());
}

#[tokio::test]
async fn a_manager_that_stops_starts_nothing() {
    let server = Server::start(&[row("j1", OWNER)], &[]).await;
    server.manager.stop().await;
    assert!(server.manager.held("j1").is_none());
    let answer = server.ok("/create_ccr", &create(|_| {})).await;
    assert!(answer.contains("shutting down"), "{answer}");
    server.manager.reconcile().await.unwrap();
    assert!(server.manager.held("j1").is_none());
    assert_eq!(server.names().await, ["j1"]);
}

#[tokio::test]
async fn a_create_that_waits_does_not_hold_up_a_stop() {
    let server = Server::with(Arc::new(Nobody { hangs: true }), &[], &[]).await;
    let body = create(|_| {});
    let stop = async {
        while server.manager.held("new").is_none() {
            tokio::task::yield_now().await;
        }
        tokio::time::timeout(Duration::from_secs(10), server.manager.stop()).await.unwrap();
    };
    let (answer, ()) = tokio::join!(server.ok("/create_ccr", &body), stop);
    assert!(answer.contains("shutting down"), "{answer}");
    assert!(server.names().await.is_empty());
}

#[tokio::test]
async fn metrics_carry_jobs_as_labels() {
    let odd = "ö\"a\\b\nc";
    let server = Server::start(&[row("j1", OWNER), row("j-1", OWNER), row(odd, OWNER)], &[]).await;
    let answer = server.send("GET", "/metrics", "", b"").await;
    assert_eq!(answer.status, 200);
    assert!(answer.head.contains("content-type: text/plain; version=0.0.4; charset=utf-8"), "{answer:?}");
    let odd_legacy = format!("ccr_metrics_{}_job_handlingCommitSeq___a_b_c -1", legacy_host());
    for line in [
        "# TYPE ccr_job_running_total untyped",
        "ccr_job_running_total 0",
        "ccr_job_running_sync_state{name=\"j1\"} 500",
        "ccr_job_running_sub_sync_state{name=\"j1\"} 0",
        "ccr_binlog_commit_seq{name=\"j1\"} 0",
        "ccr_handle_binlog_total{name=\"j1\"} 0",
        "ccr_job_progress_persist_total{name=\"j1\"} 0",
        "ccr_job_state{name=\"j1\",state=\"paused\"} 1",
        "ccr_job_state{name=\"j1\",state=\"running\"} 0",
        "ccr_job_state{name=\"ö\\\"a\\\\b\\nc\",state=\"paused\"} 1",
        "ccr_jobs{state=\"paused\"} 3",
        "ccr_jobs{state=\"broken\"} 0",
        "# TYPE ccr_handle_binlog_total counter",
        "ccr_metrics_job_handledBinlogNum_j1 0",
        "ccr_metrics_dashboard_jobNum 0",
        "ccr_metrics_runtime_gc_pause_ns_count 0",
        odd_legacy.as_str(),
    ] {
        assert!(answer.body.lines().any(|found| found == line), "{line} is missing in\n{}", answer.body);
    }
    for name in ["process_resident_memory_bytes", "process_cpu_seconds_total", "go_memstats_heap_alloc_bytes"] {
        assert!(answer.body.contains(&format!("\n{name} ")), "{name} is missing in\n{}", answer.body);
    }
    let delete = format!("{{\"name\":{}}}", serde_json::json!(odd));
    assert_eq!(server.ok("/delete", &delete).await, r#"{"success":true}"#);
    assert!(!server.ok("/metrics", "").await.contains('ö'), "a deleted job leaves no series");
}

mod golden;
mod mapping;
mod on_clusters;
mod v1;

fn legacy_host() -> String {
    crate::host::name().chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect()
}
