//! What requests ask for, and how long each is waited for.
#![allow(clippy::unwrap_used)]

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use bytes::Bytes;
use doris::{
    Cluster, Dest, ErrorKind, Source,
    cluster::{Backend, ClusterSpec, IngestBinlog, Timeouts},
    ids::{BackendId, PartitionId, TabletId, TxnId, Version},
    net::{Endpoint, HttpReply, Net, NetError, SqlLogin, SqlReply},
    rpc,
    thrift::{decode_args, decode_call},
};
use futures::future::{BoxFuture, pending, ready};

/// Takes every request and never answers one; statements are refused.
#[derive(Default)]
struct Silent(Mutex<Vec<Bytes>>);

impl Net for Silent {
    fn thrift<'a>(&'a self, _: &'a Endpoint, call: Bytes) -> BoxFuture<'a, Result<Bytes, NetError>> {
        self.0.lock().unwrap().push(call);
        Box::pin(pending())
    }

    fn sql<'a>(&'a self, _: &'a SqlLogin, _: &'a str) -> BoxFuture<'a, Result<SqlReply, NetError>> {
        let error = SqlReply::Error { code: 1105, state: "HY000".to_owned(), message: "Access denied".to_owned() };
        Box::pin(ready(Ok(error)))
    }

    fn http_get<'a>(&'a self, _: &'a Endpoint, _: &'a str) -> BoxFuture<'a, Result<HttpReply, NetError>> {
        Box::pin(pending())
    }
}

fn spec() -> ClusterSpec {
    ClusterSpec {
        host: "fe".to_owned(),
        query_port: 9030,
        rpc_port: 9020,
        user: "root".to_owned(),
        password: Default::default(),
        frontends: Vec::new(),
        host_mapping: Default::default(),
        timeouts: Timeouts::default(),
    }
}

/// A snapshot is asked for in its compressed form, which has no limit of 2 GiB.
///
/// Defects: WIRE-21, ENG-P-14.
#[tokio::test(start_paused = true)]
async fn snapshots_are_asked_for_compressed() {
    let net = Arc::new(Silent::default());
    let source: Cluster<Source> = Cluster::new(Arc::clone(&net) as Arc<dyn Net>, spec());
    source.get_snapshot("db", Some("t"), "label").await.unwrap_err();
    let calls = net.0.lock().unwrap();
    let snapshot = calls.iter().map(|call| decode_call(call).unwrap()).find(|call| call.name == "getSnapshot").unwrap();
    let request: rpc::GetSnapshotRequest = decode_args(&snapshot).unwrap().unwrap();
    assert_eq!(request.enable_compress, Some(true));
}

/// A BE may copy rows for long, an FE has to answer soon.
///
/// Defects: WIRE-17, ENG-R-5.
#[tokio::test(start_paused = true)]
async fn each_kind_of_call_is_waited_for_as_long_as_it_may_take() {
    let net = Arc::new(Silent::default());
    let dest: Cluster<Dest> = Cluster::new(Arc::clone(&net) as Arc<dyn Net>, spec());
    let to = Backend { id: BackendId::new(1), host: "be".to_owned(), be_port: 9060, http_port: 8040, alive: true };
    let request = IngestBinlog {
        txn: TxnId::new(1),
        source_tablet: TabletId::new(2),
        version: Version(3),
        source_http: Endpoint::new("be", 8040),
        dest_partition: PartitionId::new(4),
        dest_tablet: TabletId::new(5),
    };
    let begun = tokio::time::Instant::now();
    assert_eq!(dest.ingest_binlog(&to, &request).await.unwrap_err().kind, ErrorKind::Unanswered);
    assert_eq!(begun.elapsed().as_secs(), 3600);
    let begun = tokio::time::Instant::now();
    dest.get_meta_by_name("db", None).await.unwrap_err();
    assert!(begun.elapsed() < Duration::from_secs(120), "{:?}", begun.elapsed());
}
