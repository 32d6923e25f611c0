//! Points at which a process can die: each call that it makes and each write to its metadata database.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use ccr_store::{
    StoreError, StoreErrorKind,
    memory::{Moment, Operation},
};
use doris::net::{Endpoint, HttpReply, Net, NetError, SqlLogin, SqlReply};
use futures::{FutureExt, future::BoxFuture};
use tokio_util::sync::CancellationToken;

use crate::trace::Trace;

/// How a process dies at one of its points.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Death {
    /// The call is not sent, the write is not made.
    Before,
    /// It is done, and the process never learns it.
    After,
    /// The call is executed only when the next process has been running for a while. For a write the same as
    /// [`Death::Before`]: a metadata database forgets the session of a dead client.
    Late,
}

/// One death of a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kill {
    /// Number of the point, from 0.
    pub point: usize,
    pub death: Death,
}

/// A point that a process passed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Point {
    /// What was called or written.
    pub what: String,
    /// A write to the metadata database.
    pub write: bool,
}

/// How long after its sender's death a [`Death::Late`] call is executed.
const LATE: Duration = Duration::from_millis(1500);

/// A call under way, one way.
const LATENCY: Duration = Duration::from_micros(300);

/// The points of one process.
#[derive(Debug)]
pub(super) struct Points {
    kill: Option<Kill>,
    passed: Mutex<Vec<Point>>,
    dead: AtomicBool,
    /// Cancelled when the process dies.
    pub(super) died: CancellationToken,
    trace: Arc<Trace>,
}

impl Points {
    pub(super) fn new(kill: Option<Kill>, trace: Arc<Trace>) -> Arc<Self> {
        Arc::new(Self {
            kill,
            passed: Mutex::default(),
            dead: AtomicBool::new(false),
            died: CancellationToken::new(),
            trace,
        })
    }

    /// All points that were passed so far.
    pub(super) fn passed(&self) -> Vec<Point> {
        self.passed.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn is_dead(&self) -> bool {
        self.dead.load(Ordering::SeqCst)
    }

    /// Passes a point; says how the process dies there.
    fn pass(&self, what: String, write: bool) -> Option<Death> {
        let mut passed = self.passed.lock().unwrap_or_else(PoisonError::into_inner);
        let number = passed.len();
        self.trace.add(&format!("point {number}: {what}"));
        passed.push(Point { what, write });
        self.kill.filter(|kill| kill.point == number).map(|kill| kill.death)
    }

    fn die(&self, death: Death) {
        self.trace.add(&format!("dies here: {death:?}"));
        self.dead.store(true, Ordering::SeqCst);
        self.died.cancel();
    }

    /// What befalls an operation of the metadata database. Nothing is written once the process is dead.
    pub(super) fn store_hook(&self, operation: Operation<'_>) -> Option<StoreError> {
        let dead = || Some(StoreError { kind: StoreErrorKind::Unavailable, text: "the process is dead".to_owned() });
        if self.is_dead() {
            return dead();
        }
        if !operation.kind.is_write() {
            return None;
        }
        if operation.moment == Moment::After {
            // The write that is done: only its own death can be meant.
            let last = self.passed.lock().unwrap_or_else(PoisonError::into_inner).len().checked_sub(1);
            let meant = self.kill.filter(|kill| Some(kill.point) == last && kill.death == Death::After);
            return meant.and_then(|kill| {
                self.die(kill.death);
                dead()
            });
        }
        match self.pass(format!("write {:?} of {}", operation.kind, operation.name), true) {
            Some(death @ (Death::Before | Death::Late)) => {
                self.die(death);
                dead()
            }
            Some(Death::After) | None => None,
        }
    }
}

/// The network of one process: a call that was sent is executed whatever becomes of its sender, and a dead process never
/// gets an answer.
pub(super) struct MortalNet {
    inner: Arc<dyn Net>,
    points: Arc<Points>,
}

impl std::fmt::Debug for MortalNet {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MortalNet").field("points", &self.points).finish_non_exhaustive()
    }
}

impl MortalNet {
    pub(super) fn new(inner: Arc<dyn Net>, points: Arc<Points>) -> Self {
        Self { inner, points }
    }

    async fn carry<T: Send + 'static>(
        &self,
        what: String,
        to: String,
        call: BoxFuture<'static, Result<T, NetError>>,
    ) -> Result<T, NetError> {
        if self.points.is_dead() {
            return std::future::pending().await;
        }
        let death = self.points.pass(what, false);
        match death {
            Some(Death::Before) => {
                self.points.die(Death::Before);
                return std::future::pending().await;
            }
            Some(Death::Late) => {
                self.points.die(Death::Late);
                tokio::spawn(async move {
                    tokio::time::sleep(LATE).await;
                    call.await
                });
                return std::future::pending().await;
            }
            Some(Death::After) | None => {}
        }
        let outcome = tokio::spawn(async move {
            tokio::time::sleep(LATENCY).await;
            let outcome = call.await;
            tokio::time::sleep(LATENCY).await;
            outcome
        })
        .await;
        if death.is_some() {
            self.points.die(Death::After);
        }
        if self.points.is_dead() {
            return std::future::pending().await;
        }
        outcome.map_err(|_| NetError::Lost { to, why: "the server's task ended".to_owned() })?
    }
}

impl Net for MortalNet {
    fn thrift<'a>(&'a self, to: &'a Endpoint, call: Bytes) -> BoxFuture<'a, Result<Bytes, NetError>> {
        let (inner, endpoint) = (Arc::clone(&self.inner), to.clone());
        let what = doris::thrift::decode_call(&call).map_or_else(|_| "?".to_owned(), |call| call.name.to_string());
        self.carry(what, to.to_string(), async move { inner.thrift(&endpoint, call).await }.boxed()).boxed()
    }

    fn sql<'a>(&'a self, login: &'a SqlLogin, sql: &'a str) -> BoxFuture<'a, Result<SqlReply, NetError>> {
        let (inner, login, sql) = (Arc::clone(&self.inner), login.clone(), sql.to_owned());
        let (what, to) = (sql.chars().take(80).collect(), login.endpoint.to_string());
        self.carry(what, to, async move { inner.sql(&login, &sql).await }.boxed()).boxed()
    }

    fn http_get<'a>(&'a self, to: &'a Endpoint, path_and_query: &'a str) -> BoxFuture<'a, Result<HttpReply, NetError>> {
        let (inner, endpoint, path) = (Arc::clone(&self.inner), to.clone(), path_and_query.to_owned());
        let what = path.split('?').next().unwrap_or_default().to_owned();
        self.carry(what, to.to_string(), async move { inner.http_get(&endpoint, &path).await }.boxed()).boxed()
    }
}
