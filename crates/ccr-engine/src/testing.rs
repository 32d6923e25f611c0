//! Parts of a job for unit tests: no cluster answers here.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use bytes::Bytes;
use ccr_store::{
    documents::{JobDocument, Spec, SubState, SyncState},
    memory::MemoryStore,
};
use doris::net::{Endpoint, HttpReply, Net, NetError, SqlLogin, SqlReply};
use futures::future::{BoxFuture, ready};
use tokio::sync::watch;

use crate::{
    env::{Clock, Env, Rng, Settings},
    incremental::{IngestWindows, Shared},
    job::{Context, JobStatus, Run, StatusCell},
    ledger::Ledger,
    mapping::TableMapping,
    phase::Progress,
};

struct Nobody;

fn unreachable<'a, T: Send + 'a>(to: &Endpoint) -> BoxFuture<'a, Result<T, NetError>> {
    Box::pin(ready(Err(NetError::Unreachable { to: to.to_string(), why: "nobody is there".to_owned() })))
}

impl Net for Nobody {
    fn thrift<'a>(&'a self, to: &'a Endpoint, _: Bytes) -> BoxFuture<'a, Result<Bytes, NetError>> {
        unreachable(to)
    }
    fn sql<'a>(&'a self, login: &'a SqlLogin, _: &'a str) -> BoxFuture<'a, Result<SqlReply, NetError>> {
        unreachable(&login.endpoint)
    }
    fn http_get<'a>(&'a self, to: &'a Endpoint, _: &'a str) -> BoxFuture<'a, Result<HttpReply, NetError>> {
        unreachable(to)
    }
}

struct Still;

impl Clock for Still {
    fn now_ms(&self) -> i64 {
        1_767_225_600_000
    }
}

struct Counting(AtomicU64);

impl Rng for Counting {
    fn next_u64(&self) -> u64 {
        self.0.fetch_add(1, Ordering::Relaxed)
    }
}

/// What transactions of a pipeline share, around a mapping and a ledger.
pub(crate) fn shared(mapping: Arc<TableMapping>, ledger: Ledger) -> Shared {
    let env = Env {
        net: Arc::new(Nobody),
        store: Arc::new(MemoryStore::new()),
        clock: Arc::new(Still),
        rng: Arc::new(Counting(AtomicU64::new(1))),
        owner: "127.0.0.1:9190".into(),
        settings: Arc::new(Settings::default()),
        windows: Arc::new(IngestWindows::new(1)),
    };
    let spec = Spec {
        host: "127.0.0.1".to_owned(),
        port: "9030".to_owned(),
        thrift_port: "9020".to_owned(),
        user: "root".to_owned(),
        database: "d".to_owned(),
        table: "t".to_owned(),
        ..Spec::default()
    };
    let document = JobDocument { name: "j".to_owned(), src: spec.clone(), dest: spec, ..JobDocument::default() };
    let (sender, _) = watch::channel(JobStatus {
        sync_state: SyncState::TableIncrementalSync,
        sub_state: SubState::Done,
        ..JobStatus::new("j", Run::Running)
    });
    let context = Context::new(env, &document, StatusCell::new(sender)).expect("a document that can be run");
    let progress = Progress::new(&*context.env.clock, &*context.env.rng, "test");
    Shared::new(Arc::new(context), (mapping, "t".to_owned()), &progress.own, 1, ledger)
}
