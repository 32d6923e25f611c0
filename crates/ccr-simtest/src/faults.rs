//! The network between a syncer's processes and the clusters. Each call may be lost before or after it was executed, be
//! executed late, twice, or never be answered.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use doris::net::{Endpoint, HttpReply, Net, NetError, SqlLogin, SqlReply};
use futures::{FutureExt, future::BoxFuture};

use crate::{host::SeededRng, trace::Trace};

/// How often faults happen, per thousand calls.
#[derive(Clone, Copy, Debug, Default)]
pub struct FaultRates {
    /// No connection: nothing is sent.
    pub unreachable: u64,
    /// The request is lost on its way; the connection breaks.
    pub lost_request: u64,
    /// Executed, and the connection breaks before the reply.
    pub lost_reply: u64,
    /// Executed only after a while; the caller may have given up by then.
    pub late: u64,
    /// Executed at once, answered after a while.
    pub slow_reply: u64,
    /// Executed twice.
    pub duplicate: u64,
    /// Executed or not, and never answered.
    pub hang: u64,
}

/// A network with faults on top of another one.
pub struct FaultyNet {
    inner: Arc<dyn Net>,
    rates: Mutex<FaultRates>,
    rng: SeededRng,
    trace: Arc<Trace>,
    counts: Mutex<BTreeMap<&'static str, u64>>,
}

impl std::fmt::Debug for FaultyNet {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FaultyNet").field("rates", &self.rates).finish_non_exhaustive()
    }
}

#[derive(Clone, Copy)]
enum Fault {
    Unreachable,
    LostRequest,
    LostReply,
    Late(Duration),
    SlowReply(Duration),
    Duplicate,
    Hang { executed: bool },
}

impl FaultyNet {
    pub fn new(inner: Arc<dyn Net>, rates: FaultRates, rng: SeededRng, trace: Arc<Trace>) -> Self {
        Self { inner, rates: Mutex::new(rates), rng, trace, counts: Mutex::default() }
    }

    /// Ends all faults: what is asked from now on is answered.
    pub fn heal(&self) {
        *self.rates.lock().unwrap_or_else(PoisonError::into_inner) = FaultRates::default();
    }

    /// How often each fault happened.
    pub fn counts(&self) -> BTreeMap<&'static str, u64> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn draw(&self) -> Option<Fault> {
        let rates = *self.rates.lock().unwrap_or_else(PoisonError::into_inner);
        let mut roll = self.rng.below(1000);
        let after = |most: u64| Duration::from_millis(10 + self.rng.below(most));
        for (rate, name) in [
            (rates.unreachable, "unreachable"),
            (rates.lost_request, "lost request"),
            (rates.lost_reply, "lost reply"),
            (rates.late, "late request"),
            (rates.slow_reply, "slow reply"),
            (rates.duplicate, "duplicate"),
            (rates.hang, "hang"),
        ] {
            if roll >= rate {
                roll -= rate;
                continue;
            }
            *self.counts.lock().unwrap_or_else(PoisonError::into_inner).entry(name).or_default() += 1;
            return Some(match name {
                "unreachable" => Fault::Unreachable,
                "lost request" => Fault::LostRequest,
                "lost reply" => Fault::LostReply,
                "late request" => Fault::Late(after(3000)),
                "slow reply" => Fault::SlowReply(after(3000)),
                "duplicate" => Fault::Duplicate,
                _ => Fault::Hang { executed: self.rng.chance(500) },
            });
        }
        None
    }

    /// Carries one call out, with whatever befalls it. The call runs in a task of its own: once sent, it is executed even
    /// if the caller is gone.
    async fn carry<T: Send + 'static>(
        &self,
        what: String,
        to: String,
        call: impl Fn() -> BoxFuture<'static, Result<T, NetError>>,
    ) -> Result<T, NetError> {
        let lost = |why: &str| NetError::Lost { to: to.clone(), why: why.to_owned() };
        let fault = self.draw();
        let latency = Duration::from_micros(200 + self.rng.below(800));
        let say = |how: &str| self.trace.add_parts(&[&what, " at ", &to, ": ", how]);
        let after = match fault {
            Some(Fault::Unreachable) => {
                say("unreachable");
                return Err(NetError::Unreachable { to, why: "connection refused".to_owned() });
            }
            Some(Fault::LostRequest) => {
                say("request lost");
                tokio::time::sleep(Duration::from_millis(1 + self.rng.below(50))).await;
                return Err(lost("connection reset by peer"));
            }
            Some(Fault::Hang { executed: false }) => {
                say("never arrives");
                return std::future::pending().await;
            }
            Some(Fault::Late(after)) => {
                say("late");
                after
            }
            _ => latency,
        };
        let first = call();
        let second = matches!(fault, Some(Fault::Duplicate)).then(call);
        let outcome = tokio::spawn(async move {
            tokio::time::sleep(after).await;
            let outcome = first.await;
            if let Some(second) = second {
                // Nobody reads the answer of the copy.
                let _answer = second.await;
            }
            outcome
        })
        .await;
        let outcome = outcome.map_err(|_| lost("the server's task ended"))?;
        match fault {
            Some(Fault::LostReply) => {
                say("reply lost");
                return Err(lost("connection reset by peer"));
            }
            Some(Fault::Hang { .. }) => {
                say("executed, never answered");
                return std::future::pending().await;
            }
            Some(Fault::SlowReply(after)) => {
                say("answered late");
                tokio::time::sleep(after).await;
            }
            Some(Fault::Duplicate) => say("executed twice"),
            _ => {}
        }
        say(if outcome.is_ok() { "ok" } else { "failed" });
        outcome
    }
}

impl Net for FaultyNet {
    fn thrift<'a>(&'a self, to: &'a Endpoint, call: Bytes) -> BoxFuture<'a, Result<Bytes, NetError>> {
        let (inner, endpoint) = (Arc::clone(&self.inner), to.clone());
        let what = doris::thrift::decode_call(&call).map_or_else(|_| "?".to_owned(), |call| call.name.to_string());
        let again = move || {
            let (inner, endpoint, call) = (Arc::clone(&inner), endpoint.clone(), call.clone());
            async move { inner.thrift(&endpoint, call).await }.boxed()
        };
        async move { self.carry(what, to.to_string(), again).await }.boxed()
    }

    fn sql<'a>(&'a self, login: &'a SqlLogin, sql: &'a str) -> BoxFuture<'a, Result<SqlReply, NetError>> {
        let (inner, copy, text) = (Arc::clone(&self.inner), login.clone(), sql.to_owned());
        let what = sql.chars().take(60).collect();
        let again = move || {
            let (inner, login, sql) = (Arc::clone(&inner), copy.clone(), text.clone());
            async move { inner.sql(&login, &sql).await }.boxed()
        };
        async move { self.carry(what, login.endpoint.to_string(), again).await }.boxed()
    }

    fn http_get<'a>(&'a self, to: &'a Endpoint, path_and_query: &'a str) -> BoxFuture<'a, Result<HttpReply, NetError>> {
        let (inner, endpoint, path) = (Arc::clone(&self.inner), to.clone(), path_and_query.to_owned());
        let what = path.split('?').next().unwrap_or_default().to_owned();
        let again = move || {
            let (inner, endpoint, path) = (Arc::clone(&inner), endpoint.clone(), path.clone());
            async move { inner.http_get(&endpoint, &path).await }.boxed()
        };
        async move { self.carry(what, to.to_string(), again).await }.boxed()
    }
}
