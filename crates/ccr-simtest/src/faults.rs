//! The network between the syncer and the clusters. Each call may be lost before or after it was executed, delayed, or
//! executed after its caller has given up or died.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use doris::net::{Endpoint, HttpReply, Net, NetError, SqlLogin, SqlReply};
use futures::{FutureExt, future::BoxFuture};

use crate::{host::SeededRng, trace::Trace};

/// How often faults happen, per thousand calls.
#[derive(Clone, Copy, Debug)]
pub struct FaultRates {
    /// No connection: nothing is sent.
    pub unreachable: u64,
    /// The request is lost on its way: the caller waits in vain.
    pub lost_request: u64,
    /// Executed, and the connection breaks before the reply.
    pub lost_reply: u64,
    /// Executed only after a while; the caller may have given up by then.
    pub late: u64,
}

/// A network with faults on top of another one.
pub struct FaultyNet {
    inner: Arc<dyn Net>,
    rates: FaultRates,
    rng: SeededRng,
    trace: Arc<Trace>,
    enabled: AtomicBool,
    counts: Mutex<BTreeMap<&'static str, u64>>,
}

impl std::fmt::Debug for FaultyNet {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FaultyNet").field("rates", &self.rates).finish_non_exhaustive()
    }
}

enum Fault {
    Unreachable,
    LostRequest,
    LostReply,
    Late(Duration),
}

impl FaultyNet {
    pub fn new(inner: Arc<dyn Net>, rates: FaultRates, rng: SeededRng, trace: Arc<Trace>) -> Self {
        Self { inner, rates, rng, trace, enabled: AtomicBool::new(true), counts: Mutex::default() }
    }

    /// Ends all faults: what is asked from now on is answered.
    pub fn heal(&self) {
        self.enabled.store(false, Ordering::Relaxed);
    }

    /// How often each fault happened.
    pub fn counts(&self) -> BTreeMap<&'static str, u64> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn draw(&self) -> Option<Fault> {
        if !self.enabled.load(Ordering::Relaxed) {
            return None;
        }
        let FaultRates { unreachable, lost_request, lost_reply, late } = self.rates;
        let roll = self.rng.below(1000);
        let (name, fault) = if roll < unreachable {
            ("unreachable", Fault::Unreachable)
        } else if roll < unreachable + lost_request {
            ("lost request", Fault::LostRequest)
        } else if roll < unreachable + lost_request + lost_reply {
            ("lost reply", Fault::LostReply)
        } else if roll < unreachable + lost_request + lost_reply + late {
            ("late", Fault::Late(Duration::from_millis(10 + self.rng.below(3000))))
        } else {
            return None;
        };
        *self.counts.lock().unwrap_or_else(PoisonError::into_inner).entry(name).or_default() += 1;
        Some(fault)
    }

    /// Carries one call out, with whatever befalls it. The call runs in a task of its own: once sent, it is executed even
    /// if the caller is gone.
    async fn carry<T: Send + 'static>(
        &self,
        what: String,
        to: String,
        call: BoxFuture<'static, Result<T, NetError>>,
    ) -> Result<T, NetError> {
        let lost = |why: &str| NetError::Lost { to: to.clone(), why: why.to_owned() };
        let fault = self.draw();
        let latency = Duration::from_micros(200 + self.rng.below(800));
        let outcome = match fault {
            Some(Fault::Unreachable) => {
                self.trace.add(&format!("{what} at {to}: unreachable"));
                return Err(NetError::Unreachable { to, why: "connection refused".to_owned() });
            }
            Some(Fault::LostRequest) => {
                self.trace.add(&format!("{what} at {to}: request lost"));
                tokio::time::sleep(Duration::from_millis(1 + self.rng.below(50))).await;
                return Err(lost("connection reset by peer"));
            }
            Some(Fault::Late(after)) => {
                self.trace.add(&format!("{what} at {to}: late by {} ms", after.as_millis()));
                tokio::spawn(async move {
                    tokio::time::sleep(after).await;
                    call.await
                })
                .await
            }
            None | Some(Fault::LostReply) => {
                tokio::spawn(async move {
                    tokio::time::sleep(latency).await;
                    call.await
                })
                .await
            }
        };
        let outcome = outcome.map_err(|_| lost("the server's task ended"))?;
        if let Some(Fault::LostReply) = fault {
            self.trace.add(&format!("{what} at {to}: reply lost"));
            return Err(lost("connection reset by peer"));
        }
        self.trace.add(&format!("{what} at {to}: {}", if outcome.is_ok() { "ok" } else { "failed" }));
        outcome
    }
}

impl Net for FaultyNet {
    fn thrift<'a>(&'a self, to: &'a Endpoint, call: Bytes) -> BoxFuture<'a, Result<Bytes, NetError>> {
        let (inner, endpoint) = (Arc::clone(&self.inner), to.clone());
        let what = doris::thrift::decode_call(&call).map_or_else(|_| "?".to_owned(), |call| call.name.to_string());
        self.carry(what, to.to_string(), async move { inner.thrift(&endpoint, call).await }.boxed()).boxed()
    }

    fn sql<'a>(&'a self, login: &'a SqlLogin, sql: &'a str) -> BoxFuture<'a, Result<SqlReply, NetError>> {
        let (inner, login, sql) = (Arc::clone(&self.inner), login.clone(), sql.to_owned());
        let (what, to) = (sql.chars().take(60).collect(), login.endpoint.to_string());
        self.carry(what, to, async move { inner.sql(&login, &sql).await }.boxed()).boxed()
    }

    fn http_get<'a>(&'a self, to: &'a Endpoint, path_and_query: &'a str) -> BoxFuture<'a, Result<HttpReply, NetError>> {
        let (inner, endpoint, path) = (Arc::clone(&self.inner), to.clone(), path_and_query.to_owned());
        let what = path.split('?').next().unwrap_or_default().to_owned();
        self.carry(what, to.to_string(), async move { inner.http_get(&endpoint, &path).await }.boxed()).boxed()
    }
}
