//! Parts of a job for unit tests: no cluster answers here.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use bytes::Bytes;
use ccr_store::{
    documents::{JobDocument, Spec, SubState, SyncState, SyncType},
    memory::MemoryStore,
};
use doris::ids::CommitSeq;
use doris::net::{Endpoint, HttpReply, Net, NetError, SqlLogin, SqlReply};
use futures::future::{BoxFuture, ready};
use tokio::sync::watch;

use crate::{
    env::{Clock, Env, Rng, Settings},
    incremental::IngestWindows,
    job::{Context, JobStatus, Run, StatusCell, Writer},
    phase::Progress,
    tables::Tables,
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

/// A job's worker that nobody answers.
pub(crate) fn context(kind: SyncType) -> Arc<Context> {
    let env = Env {
        net: Arc::new(Nobody),
        store: Arc::new(MemoryStore::new()),
        clock: Arc::new(Still),
        rng: Arc::new(Counting(AtomicU64::new(1))),
        owner: "127.0.0.1:9190".into(),
        settings: Arc::new(Settings::default()),
        windows: Arc::new(IngestWindows::new(1)),
    };
    let table = if kind == SyncType::Table { "t" } else { "" };
    let spec = Spec {
        host: "127.0.0.1".to_owned(),
        port: "9030".to_owned(),
        thrift_port: "9020".to_owned(),
        user: "root".to_owned(),
        database: "d".to_owned(),
        table: table.to_owned(),
        table_id: 100,
        ..Spec::default()
    };
    let document = JobDocument { name: "j".to_owned(), src: spec.clone(), dest: spec, ..JobDocument::default() };
    let (sender, _) = watch::channel(JobStatus {
        sync_state: SyncState::TableIncrementalSync,
        sub_state: SubState::Done,
        ..JobStatus::new("j", Run::Running)
    });
    let (writer, _) = Writer::new(env.clone(), "j".to_owned());
    let context = Context::new(env, &document, StatusCell::new(sender), writer);
    Arc::new(context.expect("a document that can be run"))
}

/// The progress of such a job, incremental, with these tables.
pub(crate) fn progress(context: &Context, tables: Tables) -> Progress {
    let mut progress = Progress::new(context.kind, &*context.env.clock, &*context.env.rng, "test");
    progress.finish_copy(&*context.env.clock, CommitSeq(1), tables);
    progress
}
