//! Every Thrift answer that real FEs of 2.1, 3.0 and 4.1 were recorded to give goes through the typed client. The recordings
//! are no part of the repository; without them there is nothing to check.

#![allow(clippy::unwrap_used, clippy::print_stdout)]

use std::{
    collections::BTreeMap,
    fs,
    path::PathBuf,
    sync::{Arc, Mutex},
    time::Duration,
};

use bytes::Bytes;
use doris::{
    Cluster, Dest, ErrorKind, Result,
    cluster::{BeginTxn, Begun, BinlogScope, ClusterSpec, Committed, RequestId, RestoreSnapshot, Timeouts, TxnStatus},
    ids::{CommitSeq, DbId, TxnId},
    net::{Endpoint, HttpReply, Net, NetError, SqlLogin, SqlReply},
    secret::Secret,
};
use futures::future::{BoxFuture, FutureExt};
use serde_json::Value;

/// One FE that gives one answer.
#[derive(Debug, Default)]
struct Recorded(Mutex<Vec<u8>>);

impl Net for Recorded {
    fn thrift<'a>(&'a self, _: &'a Endpoint, call: Bytes) -> BoxFuture<'a, std::result::Result<Bytes, NetError>> {
        let mut answer = self.0.lock().unwrap().clone();
        // The recorder's sequence ids were its own.
        let sequence = |message: &[u8]| 8 + u32::from_be_bytes(message[4..8].try_into().unwrap()) as usize;
        let (from, to) = (sequence(&call), sequence(&answer));
        answer[to..to + 4].copy_from_slice(&call[from..from + 4]);
        async move { Ok(answer.into()) }.boxed()
    }

    fn sql<'a>(&'a self, login: &'a SqlLogin, _: &'a str) -> BoxFuture<'a, std::result::Result<SqlReply, NetError>> {
        let to = login.endpoint.to_string();
        async move { Err(NetError::Unreachable { to, why: "not recorded".to_owned() }) }.boxed()
    }

    fn http_get<'a>(&'a self, to: &'a Endpoint, _: &'a str) -> BoxFuture<'a, std::result::Result<HttpReply, NetError>> {
        let to = to.to_string();
        async move { Err(NetError::Unreachable { to, why: "not recorded".to_owned() }) }.boxed()
    }
}

fn steps() -> Vec<Value> {
    let default = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/captures");
    let root = std::env::var_os("DORIS_CAPTURES").map_or(default, PathBuf::from);
    let mut steps = Vec::new();
    for folder in [root.clone(), root.join("2.1"), root.join("3.0")] {
        let Ok(files) = fs::read_dir(&folder) else { continue };
        for file in files.map(|file| file.unwrap().path()).filter(|path| path.extension().is_some_and(|e| e == "json"))
        {
            let recorded: Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
            steps.extend(recorded["steps"].as_array().unwrap().iter().cloned());
        }
    }
    if steps.is_empty() {
        println!("skipped: no recordings in {}", root.display());
    }
    steps
}

fn hex(text: &str) -> Vec<u8> {
    text.as_bytes().chunks(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
}

/// Gives the answer to the client; what comes out in a word. `None`: not a call of ours.
async fn outcome(cluster: &Cluster<Dest>, method: &str) -> Option<Result<&'static str>> {
    let scope = BinlogScope::Database { db: "d".to_owned() };
    let before_all = CommitSeq(i64::MIN);
    Some(match method {
        "getBinlog" => cluster.get_binlog(&scope, before_all, 255).await.map(|page| match page {
            doris::cluster::BinlogPage::Records(_) => "records",
            doris::cluster::BinlogPage::CaughtUp => "caught up",
            doris::cluster::BinlogPage::TooOld { .. } => "too old",
            doris::cluster::BinlogPage::NoStream => "no stream",
        }),
        "getBinlogLag" => {
            cluster.get_binlog_lag(&scope, before_all).await.map(|lag| lag.map_or("no stream", |_| "lag"))
        }
        "lockBinlog" => cluster.lock_binlog(&scope, "j", CommitSeq(1)).await.map(|_| "locked"),
        "getMeta" => cluster.get_meta(DbId::new(1), None).await.map(|db| match db {
            None => "no database",
            Some(db) if db.tables.is_empty() => "no tables",
            Some(_) => "tables",
        }),
        "getBackendMeta" => {
            cluster.backends().await.map(|list| if list.is_empty() { "no backends" } else { "backends" })
        }
        "getMasterToken" => cluster.get_master_token().await.map(|_| "token"),
        "getSnapshot" => cluster.get_snapshot("d", None, "l").await.map(|_| "snapshot"),
        "restoreSnapshot" => {
            let request = RestoreSnapshot {
                db: "d".to_owned(),
                label: "l".to_owned(),
                tables: vec![],
                properties: BTreeMap::new(),
                meta: Bytes::new(),
                job_info: Bytes::new(),
                compressed: false,
                clean_tables: false,
                clean_partitions: false,
                atomic_restore: false,
                force_replace: false,
            };
            cluster.restore_snapshot(&request).await.map(|()| "submitted")
        }
        "beginTxn" => {
            let request = BeginTxn {
                label: "l".to_owned(),
                tables: vec![],
                request_id: RequestId { hi: 1, lo: 1 },
                backend: None,
                timeout: Duration::from_secs(60),
                sub_txns: 0,
            };
            cluster.begin_txn("d", &request).await.map(|begun| match begun {
                Begun::New { .. } => "begun",
                Begun::LabelTaken { txn: Some(_), status } if status != TxnStatus::Unknown => "label taken",
                Begun::LabelTaken { .. } => "label taken by something unclear",
            })
        }
        "commitTxn" => cluster.commit_txn("d", TxnId::new(1), &[], false).await.map(|committed| match committed {
            Committed::Accepted => "committed",
            Committed::PublishPending => "visible later",
        }),
        "rollbackTxn" => cluster.rollback_txn("d", TxnId::new(1), "test").await.map(|()| "rolled back"),
        _ => return None,
    })
}

#[tokio::test(start_paused = true)]
async fn every_recorded_answer_has_a_meaning() {
    let mut seen = BTreeMap::<String, usize>::new();
    let net = Arc::new(Recorded::default());
    for step in steps() {
        let (Some(method), Some(answer)) = (step["rpc"].as_str(), step["answer_hex"].as_str()) else { continue };
        if answer.is_empty() {
            continue;
        }
        *net.0.lock().unwrap() = hex(answer);
        let spec = ClusterSpec {
            host: "fe".to_owned(),
            query_port: 9030,
            rpc_port: 9020,
            user: "root".to_owned(),
            password: Secret::default(),
            frontends: vec![],
            host_mapping: BTreeMap::new(),
            timeouts: Timeouts::default(),
        };
        let cluster: Cluster<Dest> = Cluster::new(Arc::clone(&net) as Arc<dyn Net>, spec);
        let Some(outcome) = outcome(&cluster, method).await else { continue };
        let code = step["answer"]["status"]["status_code"].as_i64();
        let word = match outcome {
            Ok(word) => {
                assert!(matches!(code, Some(0 | 14 | 15 | 61..=64)), "{method} {code:?}: {word}");
                assert_ne!(word, "label taken by something unclear", "{}", step["answer"]);
                word.to_owned()
            }
            Err(error) => {
                // Status OK is an error only where 2.1 has lost a snapshot.
                assert!(code != Some(0) || error.kind == ErrorKind::SnapshotNotFound, "{method}: {error}");
                assert_ne!(error.kind, ErrorKind::Garbled, "{error}: {}", step["answer"]);
                assert_eq!(code == Some(73), error.kind == ErrorKind::NoMaster, "{error}");
                format!("{:?}", error.kind)
            }
        };
        *seen.entry(format!("{method}: {word}")).or_default() += 1;
    }
    for (outcome, count) in &seen {
        println!("{count:>5} {outcome}");
    }
    if !seen.is_empty() {
        for needed in [
            "getBinlog: records",
            "getBinlog: caught up",
            "getBinlog: too old",
            "getBinlog: no stream",
            "getBinlog: NoMaster",
            "getMeta: tables",
            "getMeta: no database",
            "beginTxn: label taken",
            "commitTxn: visible later",
            "commitTxn: Quorum",
            "commitTxn: InRestore",
            "rollbackTxn: TxnCommitted",
            "rollbackTxn: TxnNotFound",
            "getSnapshot: SnapshotNotFound",
            "getSnapshot: SnapshotExpired",
            "lockBinlog: UnknownMethod",
        ] {
            assert!(seen.contains_key(needed), "{needed}");
        }
    }
}
