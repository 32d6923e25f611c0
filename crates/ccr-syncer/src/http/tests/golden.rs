//! One test a route: the replies of the Go program to the letter, minus its defects.

use ccr_engine::failpoints::HANDLE_BINLOG_FAILED;

use super::*;

const OK: &str = r#"{"success":true}"#;

/// Routes that belong to the owner of a job, with a body that it would act on.
const OWNED: [(&str, &str); 14] = [
    ("/pause", r#"{"name":"theirs"}"#),
    ("/resume", r#"{"name":"theirs"}"#),
    ("/delete", r#"{"name":"theirs"}"#),
    ("/job_status", r#"{"name":"theirs"}"#),
    ("/job_detail", r#"{"name":"theirs"}"#),
    ("/job_progress", r#"{"name":"theirs"}"#),
    ("/desync", r#"{"name":"theirs"}"#),
    ("/sync", r#"{"name":"theirs"}"#),
    ("/force_fullsync", r#"{"name":"theirs"}"#),
    ("/update_job", r#"{"name":"theirs","skip_error":false}"#),
    ("/job_skip_binlog", r#"{"name":"theirs","skip_by":"silence","skip_commit_seq":5}"#),
    ("/update_host_mapping", r#"{"name":"theirs","src_host_mapping":{"a":"b"}}"#),
    ("/add_host_mapping", r#"{"name":"theirs","dest_host_mapping":{"a":"b"}}"#),
    ("/invalidate_backends_cache", r#"{"name":"theirs"}"#),
];

async fn server() -> Server {
    Server::start(&[row("j1", OWNER)], &[progress("j1")]).await
}

impl Server {
    async fn stored(&self, name: &str) -> JobDocument {
        JobDocument::parse(&self.store.job(name).await.unwrap().unwrap().document).unwrap()
    }

    async fn assert_golden(&self, route: &str, cases: &[(&str, &str)]) {
        for (body, expected) in cases {
            assert_eq!(self.ok(route, body).await, *expected, "{route} {body}");
        }
    }
}

fn refused(why: &str) -> String {
    format!(r#"{{"success":false,"error_msg":"{why}"}}"#)
}

/// Defects: SVC-A8, SVC-A15.
#[tokio::test]
async fn job_routes_send_the_client_to_the_owner() {
    let server = Server::start(&[row("theirs", "10.9.9.9:9190"), row("v6", "fd00::9:9190")], &[]).await;
    for (route, body) in OWNED {
        let answer = server.post(&format!("{route}?x=1&y=%20z"), body).await;
        assert_eq!((answer.status, answer.body.as_str()), (303, ""), "{route}");
        let location = format!("location: http://10.9.9.9:9190{route}?x=1&y=%20z\r\n");
        assert!(answer.head.contains(&location), "{answer:?}");
        assert!(answer.head.contains("content-length: 0"), "{answer:?}");
        let page = server.send("GET", &format!("{route}?x=1&y=2"), "", body.as_bytes()).await;
        assert_eq!(page.status, 303);
        assert_eq!(page.body, format!("<a href=\"http://10.9.9.9:9190{route}?x=1&amp;y=2\">See Other</a>.\n\n"));
        assert!(page.head.contains("content-type: text/html; charset=utf-8"), "{page:?}");
        let six = server.post(route, &body.replace("theirs", "v6")).await;
        assert!(six.head.contains(&format!("location: http://[fd00::9]:9190{route}\r\n")), "{six:?}");
        // Unknown here is unknown everywhere.
        let unknown = server.ok(route, &body.replace("theirs", "nobody")).await;
        assert_eq!(unknown, refused("job nobody not exist"), "{route}");
    }
    assert_eq!(server.stored("theirs").await, document("theirs", JobState::Paused));
}

#[tokio::test]
async fn garbage_is_an_error_of_the_request_on_every_route_and_has_no_effect() {
    let server = server().await;
    let before = server.store.job("j1").await.unwrap();
    let routes = || OWNED.into_iter().map(|(route, _)| route).chain(["/get_lag", "/failpoint", "/create_ccr"]);
    let deep = "{\"name\":".repeat(100_000);
    let garbage: [&[u8]; 9] = [
        b"abc",
        b"[]",
        b"\"j1\"",
        b"{\"name\":\"j1\"",
        b"{\"name\":1}",
        b"{\"name\":[\"j1\"]}",
        &[0xff, 0xfe, 0, 1],
        b"{\"name\":\"\\ud800\"}",
        deep.as_bytes(),
    ];
    for route in routes() {
        for body in garbage {
            let answer = server.send("POST", route, "", body).await;
            assert!(matches!(answer.status, 200 | 400), "{route}: {answer:?}");
            assert!(answer.body.starts_with("{\"success\":false,\"error_msg\":\""), "{route}: {answer:?}");
        }
        let large = format!("{{\"name\":\"j1\",\"filler\":\"{}\"}}", "x".repeat(2 << 20));
        assert_eq!(server.post(route, &large).await.status, 413, "{route}");
    }
    // Routes that need no body do not look at one.
    for route in ["/version", "/list_jobs", "/features", "/view", "/metrics", "/node_info"] {
        assert_eq!(server.post(route, "abc").await.status, 200, "{route}");
    }
    assert_eq!(server.store.job("j1").await.unwrap(), before);
}

/// Defects: SVC-A4, ENG-C-4.
#[tokio::test]
async fn job_skip_binlog() {
    let server = server().await;
    let unknown = r#"; use \"skip_by\": \"silence\" with \"skip_commit_seq\", \"fullsync\", or \"partialsync\" with \"skip_table\" and \"skip_table_id\""#;
    let no_seq = r#"; give \"skip_commit_seq\", the last_commit_seq of /job_progress, or have everything copied anew with \"skip_by\": \"fullsync\""#;
    let cases = [
        ("{}", refused("name is empty")),
        (r#"{"name":"j1"}"#, refused(&format!("unknown skip way: {unknown}"))),
        (r#"{"name":"j1","skip_by":"Somehow"}"#, refused(&format!("unknown skip way: Somehow{unknown}"))),
        (
            r#"{"name":"j1","skip_by":"Silence"}"#,
            refused(&format!("commit seq is not specified for Silence, commit seq: 0{no_seq}")),
        ),
        (
            r#"{"name":"j1","skip_by":"silence","skip_commit_seq":-1}"#,
            refused(&format!("commit seq is not specified for silence, commit seq: -1{no_seq}")),
        ),
        (
            r#"{"name":"j1","skip_by":"silence","skip_commit_seq":"5"}"#,
            refused("field skip_commit_seq is a string: a 64-bit integer is expected"),
        ),
        (
            r#"{"name":"j1","skip_by":"partialsync","skip_table":"t1"}"#,
            refused(
                r"CCR-1001 [normal] invalid skip table: t1, table id: 0; give skip_table and skip_table_id, name and id of a table of the source",
            ),
        ),
        (
            r#"{"name":"j1","skip_by":"partialsync","skip_table":"t9","skip_table_id":9}"#,
            refused("CCR-1001 [normal] invalid skip table: t9, table id: 9; the job copies table t1 with id 10143"),
        ),
    ];
    for (body, expected) in cases {
        assert_eq!(server.ok("/job_skip_binlog", body).await, expected, "{body}");
        assert_eq!(server.stored("j1").await, document("j1", JobState::Paused));
    }
    // What is asked for is stored in the Go program's words, in small letters; the last one counts.
    for (body, expected) in [
        (r#"{"name":"j1","skip_by":"SILENCE","skip_commit_seq":1001}"#, (true, 1001, "silence", "", 0)),
        (
            r#"{"name":"j1","skip_by":"partialsync","skip_table":"t1","skip_table_id":10143}"#,
            (true, 0, "partialsync", "t1", 10143),
        ),
        (r#"{"name":"j1","skip_by":"fullsync"}"#, (true, 0, "fullsync", "", 0)),
    ] {
        assert_eq!(server.ok("/job_skip_binlog", body).await, OK);
        let extra = server.stored("j1").await.extra;
        let found =
            (extra.skip_binlog, extra.skip_commit_seq, &*extra.skip_by, &*extra.skip_table, extra.skip_table_id);
        assert_eq!(found, expected, "{body}");
    }
}

#[tokio::test]
async fn force_fullsync() {
    let server = server().await;
    assert_eq!(server.ok("/force_fullsync", "{}").await, refused("job name is empty"));
    assert_eq!(server.ok("/force_fullsync", r#"{"name":"j1","src":{},"dest":{}}"#).await, OK);
    let extra = server.stored("j1").await.extra;
    assert_eq!((extra.skip_binlog, extra.skip_commit_seq, extra.skip_by.as_str()), (true, 0, "fullsync"));
}

#[tokio::test]
async fn update_host_mapping_and_its_alias() {
    let server = server().await;
    for route in ["/update_host_mapping", "/add_host_mapping"] {
        for (body, why) in [
            ("{}", "name is empty"),
            (r#"{"name":"j1"}"#, "host_mapping is empty"),
            (r#"{"name":"j1","src_host_mapping":{},"dest_host_mapping":null}"#, "host_mapping is empty"),
            (
                r#"{"name":"j1","src_host_mapping":{"a":1}}"#,
                "field src_host_mapping is an object: an object of strings is expected",
            ),
            (
                r#"{"name":"j1","dest_host_mapping":["a"]}"#,
                "field dest_host_mapping is an array: an object of strings is expected",
            ),
        ] {
            assert_eq!(server.ok(route, body).await, refused(why), "{body}");
        }
    }
    let shown = async || server.ok("/job_detail", r#"{"name":"j1"}"#).await;
    let add = r#"{"name":"j1","src_host_mapping":{"172.16.0.1":"10.0.0.1","172.16.0.2":"10.0.0.2"},"dest_host_mapping":{"fd00::1":"2001:db8::1"}}"#;
    assert_eq!(server.ok("/add_host_mapping", add).await, OK);
    let detail = shown().await;
    assert!(detail.contains(r#""host_mapping":{"172.16.0.1":"10.0.0.1","172.16.0.2":"10.0.0.2"}"#), "{detail}");
    assert!(detail.contains(r#""host_mapping":{"fd00::1":"2001:db8::1"}"#), "{detail}");
    // Other keys stay, an empty address takes one out, a side that is not named is left alone.
    let change = r#"{"name":"j1","src_host_mapping":{"172.16.0.1":"","172.16.0.2":"10.0.0.9","no":""}}"#;
    assert_eq!(server.ok("/update_host_mapping", change).await, OK);
    let detail = shown().await;
    assert!(detail.contains(r#""host_mapping":{"172.16.0.2":"10.0.0.9"}"#), "{detail}");
    assert!(detail.contains(r#""host_mapping":{"fd00::1":"2001:db8::1"}"#), "{detail}");
    // An emptied mapping is none.
    let empty = r#"{"name":"j1","src_host_mapping":{"172.16.0.2":""},"dest_host_mapping":{"fd00::1":""}}"#;
    assert_eq!(server.ok("/update_host_mapping", empty).await, OK);
    assert!(!shown().await.contains("host_mapping"));
    let mut expected = document("j1", JobState::Paused);
    // An FE that was learned under an address that is none any more.
    "172.16.0.1".clone_into(&mut expected.src.frontends.as_mut().unwrap()[0].host);
    assert_eq!(server.stored("j1").await, expected);
}

#[tokio::test]
async fn features() {
    let server = server().await;
    let reply = server.send("GET", "/features", "", b"").await.body;
    assert!(reply.starts_with(
        r#"{"success":true,"flags":[{"feature":"feature_atomic_restore","value":true,"default":"true"},"#
    ));
    assert!(reply.contains(r#"{"feature":"feature_clean_table_and_partitions","value":false,"default":"false"}"#));
    let reply: serde_json::Value = serde_json::from_str(&reply).unwrap();
    let names: Vec<&str> = reply["flags"].as_array().unwrap().iter().map(|f| f["feature"].as_str().unwrap()).collect();
    assert!(names.is_sorted());
    for known in [
        "feature_schema_change_partial_sync",
        "feature_create_view_drop_exists",
        "feature_replace_not_matched_with_alias",
        "feature_filter_shadow_indexes_upsert",
        "feature_reuse_running_backup_restore_job",
        "feature_compressed_snapshot",
        "feature_skip_rollup_binlogs",
        "feature_txn_insert",
        "feature_filter_storage_medium",
    ] {
        assert!(names.contains(&known), "{known}");
    }
    let flags = Flags { feature_txn_insert: false, ..Flags::default() };
    let shown = super::features(&flags).into_iter().find(|f| f.feature == "feature_txn_insert").unwrap();
    assert_eq!((shown.value, shown.default.as_str()), (false, "true"));
}

#[tokio::test]
async fn failpoint() {
    let server = server().await;
    let set = |job: &str| server.manager.env().settings.failpoints.is_set(job, HANDLE_BINLOG_FAILED);
    let on = r#"{"name":"later","failpoint":"handle_binlog_failed","value":false}"#;
    server
        .assert_golden(
            "/failpoint",
            &[(r#"{"failpoint":"handle_binlog_failed","value":true}"#, &refused("job name is empty")), (on, OK)],
        )
        .await;
    assert!(set("later") && !set("j1"), "its presence counts, not its value, and the job need not exist");
    server.assert_golden("/failpoint", &[(r#"{"name":"j1","failpoint":""}"#, OK)]).await;
    assert!(!set("later"), "all are off");
    server.assert_golden("/failpoint", &[(r#"{"name":"j1","failpoint":"another","value":"x"}"#, OK)]).await;
    assert!(set("later"), "and back with the next one");
    server
        .assert_golden("/failpoint", &[(r#"{"name":"later","failpoint":"handle_binlog_failed","value":null}"#, OK)])
        .await;
    assert!(!set("later"));
}

#[tokio::test]
async fn update_job() {
    let server = server().await;
    server
        .assert_golden(
            "/update_job",
            &[
                ("{}", &refused("name is empty")),
                (r#"{"name":"j1"}"#, OK),
                (r#"{"name":"j1","skip_error":false}"#, OK),
                (r#"{"name":"j1","skip_error":1}"#, &refused("field skip_error is a number: a bool is expected")),
            ],
        )
        .await;
    let on = server.ok("/update_job", r#"{"name":"j1","skip_error":true}"#).await;
    assert!(on.contains("skip_error is not supported") && on.contains("/job_skip_binlog"), "{on}");
}

#[tokio::test]
async fn desync_and_sync_say_why_they_could_not() {
    let server = server().await;
    for route in ["/desync", "/sync"] {
        assert_eq!(server.ok(route, "{}").await, refused("name is empty"));
        let answer = server.ok(route, r#"{"name":"j1"}"#).await;
        assert!(answer.starts_with(r#"{"success":false,"error_msg":"CCR-2001 "#), "{answer}");
    }
}

/// Defects: SVC-A17.
#[tokio::test]
async fn view() {
    let broken = JobRow { name: "<b>".to_owned(), document: "{".to_owned(), owner: OWNER.to_owned() };
    let server = Server::start(&[row("j1", OWNER), broken], &[progress("j1")]).await;
    let raw = server.send("GET", "/view?type=raw", "", b"").await;
    assert!(raw.head.contains("content-type: text/plain; charset=utf-8"));
    assert_eq!(
        raw.body,
        "Job Name\tType\tLag\tLag(Secs)\tSync State\tSub Sync State\tLast Fullsync Time\tLast Fullsync Reason\tIs Hostmapping\tOther Args\n\
         <b>\tunknown\tunknown\tunknown\tunknown\tunknown\tunknown\t\tunknown\t\n\
         j1\ttable_sync_with_alias\tunknown\tunknown\tTableIncrementalSync\tDone\t0\t\tfalse\t\n"
    );
    for target in ["/view", "/view?type=html"] {
        let page = server.send("GET", target, "", b"").await;
        assert!(page.head.contains("content-type: text/html; charset=utf-8"));
        assert!(page.body.contains("<td>&lt;b&gt;</td>") && page.body.contains("<td>j1</td>"), "{page:?}");
    }
    let table = server.ok("/view?type=table", "").await;
    assert!(table.contains("| j1       | table_sync_with_alias | unknown | "), "{table}");
    assert_eq!(server.ok("/view?type=xml", "").await, "show job state with unknow type: type=xml");
}

#[tokio::test]
async fn node_info_and_invalidate_backends_cache() {
    let server = Server::start(&[row("j1", OWNER), row("theirs", "10.9.9.9:9190")], &[progress("j1")]).await;
    let info: serde_json::Value = serde_json::from_str(&server.ok("/node_info", "").await).unwrap();
    assert_eq!((&info["success"], &info["version"]), (&true.into(), &crate::VERSION.into()));
    assert_eq!((&info["host"], &info["port"]), (&"127.0.0.1".into(), &9190.into()));
    assert_eq!(info["config"], serde_json::json!({"db_type": "sqlite3"}));
    assert_eq!(info["tasks"], serde_json::json!({"total": 1, "running": 0, "paused": 1}));
    assert!(info["resources"]["memory_used_mb"].is_u64() && info["uptime_seconds"].is_u64());
    for body in ["", "{}", r#"{"name":"j1"}"#] {
        let answer = server.ok("/invalidate_backends_cache", body).await;
        assert_eq!(answer, r#"{"success":true,"invalidated_count":1}"#, "{body}");
    }
}

#[tokio::test]
async fn commands_that_the_database_refuses_change_nothing() {
    let server = server().await;
    server.store.set_fault_hook(|operation| {
        operation.kind.is_write().then(|| StoreError {
            kind: StoreErrorKind::Unavailable,
            text: "sqlite: update job name j1 failed: [db] disk I/O error".to_owned(),
        })
    });
    for (route, body) in [
        ("/job_skip_binlog", r#"{"name":"j1","skip_by":"fullsync"}"#),
        ("/force_fullsync", r#"{"name":"j1"}"#),
        ("/update_host_mapping", r#"{"name":"j1","src_host_mapping":{"a":"b"}}"#),
        ("/pause", r#"{"name":"j1"}"#),
        ("/resume", r#"{"name":"j1"}"#),
    ] {
        let answer = server.ok(route, body).await;
        assert!(answer.starts_with(r#"{"success":false,"#) && answer.contains("disk I/O error"), "{route}: {answer}");
    }
    server.store.clear_fault_hook();
    assert_eq!(server.ok("/pause", r#"{"name":"j1"}"#).await, OK);
    assert_eq!(server.stored("j1").await, document("j1", JobState::Paused), "nothing of it is left in memory");
}

/// Defects: ENG-L-2, SVC-A6.
#[tokio::test]
async fn a_delete_that_the_database_refused_can_be_repeated() {
    let server = server().await;
    server.store.set_fault_hook(|operation| {
        (operation.kind == ccr_store::memory::OperationKind::RemoveJob).then(|| StoreError {
            kind: StoreErrorKind::Unavailable,
            text: "sqlite: remove job failed, name: j1: [db] disk I/O error".to_owned(),
        })
    });
    for _ in 0..3 {
        let answer = server.ok("/delete", r#"{"name":"j1"}"#).await;
        assert!(answer.contains("remove job failed, name: j1"), "{answer}");
        assert_eq!(server.names().await, ["j1"]);
    }
    let status = server.ok("/job_status", r#"{"name":"j1"}"#).await;
    assert!(status.contains(r#""state":"paused""#) && status.contains("disk I/O error"), "{status}");
    server.store.clear_fault_hook();
    assert_eq!(server.ok("/delete", r#"{"name":"j1"}"#).await, OK);
    server.manager.stop().await;
    assert!(server.names().await.is_empty());
}

/// Defects: SVC-A10.
#[tokio::test]
async fn list_jobs_has_names_as_they_are() {
    let names = [" a", "a", "a, b", "a,b", "\"", "it's", "ä"];
    let rows: Vec<JobRow> = names.iter().map(|name| row(name, OWNER)).collect();
    let server = Server::start(&rows, &[]).await;
    let listed: serde_json::Value = serde_json::from_str(&server.ok("/list_jobs", "").await).unwrap();
    let mut listed: Vec<&str> = listed["jobs"].as_array().unwrap().iter().map(|name| name.as_str().unwrap()).collect();
    listed.sort_unstable();
    let mut expected = names.to_vec();
    expected.sort_unstable();
    assert_eq!(listed, expected);
    for name in names {
        let body = serde_json::json!({"name": name}).to_string();
        assert_eq!(server.ok("/pause", &body).await, OK, "{name}");
        assert!(server.ok("/job_status", &body).await.starts_with(r#"{"success":true"#), "{name}");
    }
}

/// Defects: SVC-A16, ENG-L-5.
#[tokio::test]
async fn a_job_whose_progress_cannot_be_read_says_so_and_goes_on_when_it_can() {
    let mut running = row("j1", OWNER);
    running.document = document("j1", JobState::Running).to_json();
    let server = Server::start(&[], &[]).await;
    server.store.add_job(&running).await.unwrap();
    server.store.add_job(&row("j2", OWNER)).await.unwrap();
    server.store.save_progress("j1", OWNER, r#"{"sync_state":"five""#).await.unwrap();
    server.manager.reconcile().await.unwrap();
    let job = server.manager.job("j1").unwrap();
    assert!(job.wait_for(|status| status.run == ccr_engine::Run::Halted).await);
    let status = server.ok("/job_status", r#"{"name":"j1"}"#).await;
    assert!(status.contains(r#""state":"paused""#) && status.contains("CCR-1102"), "{status}");
    let progress = server.ok("/job_progress", r#"{"name":"j1"}"#).await;
    assert!(
        progress.starts_with(r#"{"success":false,"error_msg":""#) && progress.contains("job_progress"),
        "{progress}"
    );
    assert_eq!(server.ok("/pause", r#"{"name":"j2"}"#).await, OK);
    server.store.save_progress("j1", OWNER, &super::progress("j1").to_json()).await.unwrap();
    assert_eq!(server.ok("/resume", r#"{"name":"j1"}"#).await, OK);
    assert!(job.wait_for(|status| status.run == ccr_engine::Run::Running && status.attempt > 0).await);
    let status = server.ok("/job_status", r#"{"name":"j1"}"#).await;
    assert!(status.contains(r#""state":"running""#) && status.contains("nobody listens"), "{status}");
}
