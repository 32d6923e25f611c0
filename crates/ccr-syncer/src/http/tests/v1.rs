//! The REST form, and the document that describes every route.

use std::path::Path;

use serde_json::{Value, json};

use super::*;
use crate::http::document as openapi;

/// Operations on a job, with a body that is understood.
const OPERATIONS: [(&str, &str, &str); 11] = [
    ("GET", "", ""),
    ("DELETE", "", ""),
    ("GET", "/progress", ""),
    ("POST", "/pause", ""),
    ("POST", "/resume", ""),
    ("POST", "/skip", r#"{"by":"silence","commit_seq":5}"#),
    ("POST", "/skip", r#"{"by":"partial_sync","table":"t1","table_id":10143}"#),
    ("POST", "/full-sync", ""),
    ("PATCH", "/host-mapping", r#"{"source":{"a":"b"}}"#),
    ("POST", "/desync", ""),
    ("POST", "/sync", ""),
];

impl Answer {
    fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// The one shape of errors, and nothing else.
    fn problem(&self) -> (u16, String, String, String) {
        let problem = self.json();
        let text = |key: &str| problem[key].as_str().unwrap_or_else(|| panic!("{self:?}")).to_owned();
        assert_eq!(problem.as_object().unwrap().len(), 3, "{self:?}");
        assert!(self.head.contains("content-type: application/json"), "{self:?}");
        (self.status, text("code"), text("message"), text("hint"))
    }
}

impl Server {
    async fn v1(&self, method: &str, path: &str, body: &str) -> Answer {
        self.send(method, &format!("/api/v1{path}"), "", body.as_bytes()).await
    }
}

#[test]
fn the_document_in_the_repository_is_that_of_the_program() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/openapi.json");
    let text = serde_json::to_string_pretty(&openapi().unwrap()).unwrap() + "\n";
    if std::env::var_os("UPDATE_OPENAPI").is_some() {
        std::fs::write(&file, &text).unwrap();
    }
    assert!(
        std::fs::read_to_string(&file).unwrap() == text,
        "docs/openapi.json is not what the program serves; to write it anew: UPDATE_OPENAPI=1 cargo test -p ccr-syncer document"
    );
}

#[tokio::test]
async fn every_operation_of_the_document_is_served_and_every_error_has_the_one_shape() {
    let server = Server::start(&[row("j1", OWNER)], &[progress("j1")]).await;
    assert_eq!(server.v1("GET", "/openapi.json", "").await.json(), openapi().unwrap());
    let document = openapi().unwrap();
    assert_eq!(document["openapi"], "3.1.0");
    let mut operations = 0;
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            operations += 1;
            assert!(operation["summary"].as_str().is_some_and(|text| !text.is_empty()), "{method} {path}");
            let target = path.replace("{name}", "nobody");
            let answer = server.send(&method.to_uppercase(), &target, "", b"{}").await;
            assert!(
                !matches!(answer.status, 404 | 405) || answer.body.contains("nobody"),
                "{method} {path}: {answer:?}"
            );
            assert!(answer.status < 500, "{method} {path}: {answer:?}");
            if path.starts_with("/api/v1") && answer.status != 200 {
                let (status, code, message, _) = answer.problem();
                assert!(
                    operation["responses"].get(status.to_string()).is_some()
                        || operation["responses"].get("default").is_some()
                );
                assert!(code.starts_with("CCR-1") && !message.is_empty(), "{answer:?}");
            }
        }
    }
    assert!(operations >= 37, "{operations}");
    // References lead somewhere.
    let text = document.to_string();
    for reference in text.split("\"#/components/schemas/").skip(1) {
        let name = reference.split('"').next().unwrap();
        assert!(document["components"]["schemas"].get(name).is_some(), "{name}");
    }
}

#[tokio::test]
async fn unknown_routes_and_methods_are_problems() {
    let server = Server::start(&[], &[]).await;
    for (method, path, status) in [
        ("GET", "/nothing", 404),
        ("GET", "/jobs/a/b/c", 404),
        ("PUT", "/jobs", 405),
        ("GET", "/jobs/a/pause", 405),
        ("POST", "/jobs/a", 405),
        ("DELETE", "/openapi.json", 405),
    ] {
        let (found, code, _, hint) = server.v1(method, path, "").await.problem();
        assert_eq!((found, code.as_str()), (status, "CCR-1001"), "{method} {path}");
        assert!(hint.contains("openapi.json"));
    }
}

#[tokio::test]
async fn jobs_of_another_syncer_are_redirected_with_their_method() {
    let server = Server::start(&[row("the irs/é", "10.9.9.9:9190")], &[]).await;
    for (method, path, body) in OPERATIONS {
        let target = format!("/jobs/the%20irs%2F%C3%A9{path}?x=1");
        let answer = server.v1(method, &target, body).await;
        assert_eq!((answer.status, answer.body.as_str()), (307, ""), "{method} {path}: {answer:?}");
        let location = format!("location: http://10.9.9.9:9190/api/v1{target}\r\n").to_lowercase();
        assert!(answer.head.contains(&location), "{answer:?}");
        let (status, code, message, _) = server.v1(method, &format!("/jobs/nobody{path}"), body).await.problem();
        assert_eq!((status, code.as_str(), message.as_str()), (404, "CCR-1003", "there is no job nobody"));
    }
    let jobs = server.v1("GET", "/jobs", "").await.json();
    assert_eq!(jobs, json!({"jobs": [{"name": "the irs/é", "owner": "10.9.9.9:9190", "state": "paused"}]}));
}

#[tokio::test]
async fn a_job_is_shown_and_controlled() {
    let server = Server::start(&[row("j1", OWNER)], &[progress("j1")]).await;
    let show = async || server.v1("GET", "/jobs/j1", "").await.json();
    let job = show().await;
    assert_eq!(
        (&job["state"], &job["progress_state"], &job["commit_seq"]),
        (&json!("paused"), &json!("TableIncrementalSync"), &json!(103))
    );
    assert_eq!(job["definition"]["source"]["frontends"], json!(["10.0.0.1:9030"]));
    assert!(!job.to_string().contains("sesame") && !job.to_string().contains("password"), "{job}");
    assert_eq!(
        server.v1("GET", "/jobs", "").await.json(),
        json!({"jobs": [{"name": "j1", "owner": OWNER, "state": "paused", "progress_state": "TableIncrementalSync", "commit_seq": 103}]})
    );
    let progress = server.v1("GET", "/jobs/j1/progress", "").await.json();
    assert_eq!((&progress["prev_commit_seq"], &progress["data"]), (&json!(103), &json!("")));
    let answer = server.v1("POST", "/jobs/j1/skip", r#"{"by":"silence","commit_seq":104}"#).await;
    assert_eq!((answer.status, answer.body.as_str()), (202, ""));
    assert_eq!(show().await["definition"]["pending_skip"], "silence");
    assert_eq!(server.v1("POST", "/jobs/j1/full-sync", "").await.status, 202);
    assert_eq!(show().await["definition"]["pending_skip"], "fullsync");
    let mapping = r#"{"source":{"172.16.0.1":"10.0.0.7","no":null},"destination":{"fd00::1":"2001:db8::1"}}"#;
    assert_eq!(server.v1("PATCH", "/jobs/j1/host-mapping", mapping).await.status, 204);
    assert_eq!(show().await["definition"]["source"]["host_mapping"], json!({"172.16.0.1": "10.0.0.7"}));
    let mapping = r#"{"source":{"172.16.0.1":null},"destination":{"fd00::1":""}}"#;
    assert_eq!(server.v1("PATCH", "/jobs/j1/host-mapping", mapping).await.status, 204);
    assert_eq!(show().await["definition"]["destination"]["host_mapping"], json!({}));
    for (path, code) in [("/desync", "CCR-2001"), ("/sync", "CCR-2001")] {
        let problem = server.v1("POST", &format!("/jobs/j1{path}"), "").await.problem();
        assert_eq!((problem.0, problem.1.as_str()), (502, code));
    }
    assert_eq!(server.v1("GET", "/jobs/j1/lag", "").await.problem().0, 502);
    assert_eq!(server.v1("POST", "/jobs/j1/resume", "").await.status, 204);
    assert_eq!(show().await["state"], "running");
    assert_eq!(server.v1("POST", "/jobs/j1/pause", "").await.status, 204);
    assert_eq!(show().await["state"], "paused");
    assert_eq!(server.v1("DELETE", "/jobs/j1", "").await.status, 204);
    assert_eq!(server.v1("DELETE", "/jobs/j1", "").await.problem().0, 404);
    assert_eq!(server.v1("GET", "/jobs", "").await.json(), json!({"jobs": []}));
    assert_eq!(server.v1("GET", "/version", "").await.json(), json!({"version": crate::VERSION}));
    let features = server.v1("GET", "/features", "").await.json();
    assert_eq!(features["features"][0], json!({"name": "feature_atomic_restore", "value": true, "default": "true"}));
}

#[tokio::test]
async fn bad_requests_say_what_is_wrong_and_change_nothing() {
    let broken = JobRow { name: "broken".to_owned(), document: "{".to_owned(), owner: OWNER.to_owned() };
    let server = Server::start(&[row("j1", OWNER), broken], &[progress("j1")]).await;
    let before = server.store.job("j1").await.unwrap();
    let side = json!({"host": "h", "port": 9030, "thrift_port": 9020, "user": "root", "password": "sesame", "database": "d", "table": "t"});
    let create = |change: &dyn Fn(&mut Value)| {
        let mut body = json!({"name": "new", "source": side, "destination": side});
        change(&mut body);
        body.to_string()
    };
    let cases = [
        ("POST", "/jobs", String::new(), 400, "the request body is empty"),
        ("POST", "/jobs", "[]".to_owned(), 400, "the request body is a list"),
        ("POST", "/jobs", create(&|b| b["source"]["port"] = json!("9030")), 400, "field source.port: expected u16"),
        ("POST", "/jobs", create(&|b| b["source"]["port"] = json!(90300)), 400, "field source.port: expected u16"),
        ("POST", "/jobs", create(&|b| b["destination"]["pasword"] = json!("x")), 400, "unknown field `pasword`"),
        (
            "POST",
            "/jobs",
            create(&|b| b["destination"]["password"] = json!(4711)),
            400,
            "field destination.password: expected a string",
        ),
        ("POST", "/jobs", create(&|b| b["source"]["table"] = json!("")), 400, "src/dest are not both db or table sync"),
        ("POST", "/jobs", create(&|b| b["name"] = json!("j1")), 409, "job j1 already exist"),
        ("POST", "/jobs", create(&|_| {}), 502, "nobody listens"),
        ("POST", "/jobs/j1/skip", r#"{"by":"silence"}"#.to_owned(), 400, "commit_seq is missing"),
        ("POST", "/jobs/j1/skip", r#"{"by":"silence","commit_seq":0}"#.to_owned(), 400, "commit_seq is missing"),
        ("POST", "/jobs/j1/skip", r#"{"by":"somehow"}"#.to_owned(), 400, "unknown variant `somehow`"),
        (
            "POST",
            "/jobs/j1/skip",
            r#"{"by":"partial_sync","table":"t9","table_id":9}"#.to_owned(),
            400,
            "invalid skip table",
        ),
        ("PATCH", "/jobs/j1/host-mapping", "{}".to_owned(), 400, "no host is named"),
        (
            "PATCH",
            "/jobs/j1/host-mapping",
            r#"{"source":{"a":5}}"#.to_owned(),
            400,
            "field source.a: expected a string",
        ),
        ("POST", "/jobs/broken/pause", String::new(), 409, "the job document cannot be read"),
        ("POST", "/jobs/broken/desync", String::new(), 409, "the job document cannot be read"),
        ("GET", "/jobs/broken/progress", String::new(), 404, "job broken has no progress yet"),
    ];
    for (method, path, body, expected_status, expected) in cases {
        let (status, _, message, hint) = server.v1(method, path, &body).await.problem();
        assert!(status == expected_status && message.contains(expected), "{method} {path} {body}: {status} {message}");
        assert!(!message.contains("4711") && !message.contains("sesame"), "{message}");
        assert!(!expected.contains("commit_seq is missing") || hint.contains(r#"{"by": "full_sync"}"#), "{hint}");
    }
    let large = format!("{{\"by\":\"{}\"}}", "x".repeat(2 << 20));
    assert_eq!(server.v1("POST", "/jobs/j1/skip", &large).await.problem().0, 413);
    assert_eq!(server.store.job("j1").await.unwrap(), before);
    let shown = server.v1("GET", "/jobs/broken", "").await.json();
    assert_eq!((&shown["state"], &shown["error"]["code"]), (&json!("broken"), &json!("CCR-1102")));
    // The database is away.
    server
        .store
        .set_fault_hook(|_| Some(StoreError { kind: StoreErrorKind::Unavailable, text: "disk I/O error".to_owned() }));
    for (method, path, body) in OPERATIONS {
        let (status, code, message, _) = server.v1(method, &format!("/jobs/j1{path}"), body).await.problem();
        assert_eq!((status, code.as_str()), (503, "CCR-1101"), "{path}");
        assert!(message.contains("disk I/O error"));
    }
}
