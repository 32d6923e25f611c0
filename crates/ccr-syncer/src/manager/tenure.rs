//! How long this process may act: until its lease can have ended, by a clock that runs while the machine sleeps.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use doris::net::{Endpoint, HttpReply, Net, NetError, SqlLogin, SqlReply};
use futures::future::{BoxFuture, ready};

use crate::host::since_boot;

/// The time until which the lease holds. Clones are the same.
#[derive(Clone)]
pub struct Tenure {
    now: Arc<dyn Fn() -> Duration + Send + Sync>,
    until_ns: Arc<AtomicU64>,
}

impl fmt::Debug for Tenure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tenure").field("remaining", &self.remaining()).finish_non_exhaustive()
    }
}

impl Default for Tenure {
    fn default() -> Self {
        Self::with_clock(since_boot)
    }
}

impl Tenure {
    /// Not held. `now` never goes back.
    pub fn with_clock(now: impl Fn() -> Duration + Send + Sync + 'static) -> Self {
        Self { now: Arc::new(now), until_ns: Arc::default() }
    }

    /// Time of its clock.
    pub fn now(&self) -> Duration {
        (self.now)()
    }

    /// Holds until that time, not sooner.
    pub fn extend(&self, until: Duration) {
        let until_ns = u64::try_from(until.as_nanos()).unwrap_or(u64::MAX);
        self.until_ns.fetch_max(until_ns, Ordering::SeqCst);
    }

    /// Ends now.
    pub fn end(&self) {
        self.until_ns.store(0, Ordering::SeqCst);
    }

    /// How long it still holds.
    pub fn remaining(&self) -> Duration {
        Duration::from_nanos(self.until_ns.load(Ordering::SeqCst)).saturating_sub(self.now())
    }

    /// Whether it holds at this instant.
    pub fn holds(&self) -> bool {
        !self.remaining().is_zero()
    }
}

/// Sends nothing when the lease may have ended: a process that was frozen and goes on is stopped here, before anything else in it
/// has noticed.
#[derive(Clone)]
pub struct FencedNet {
    inner: Arc<dyn Net>,
    tenure: Tenure,
}

impl fmt::Debug for FencedNet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FencedNet").field("tenure", &self.tenure).finish_non_exhaustive()
    }
}

impl FencedNet {
    pub fn new(inner: Arc<dyn Net>, tenure: Tenure) -> Self {
        Self { inner, tenure }
    }

    fn guard<'a, T: Send + 'a>(
        &'a self,
        to: &Endpoint,
        call: impl FnOnce() -> BoxFuture<'a, Result<T, NetError>>,
    ) -> BoxFuture<'a, Result<T, NetError>> {
        if self.tenure.holds() {
            return call();
        }
        let why = "the lease of this syncer in its metadata database has ended";
        Box::pin(ready(Err(NetError::Unreachable { to: to.to_string(), why: why.to_owned() })))
    }
}

impl Net for FencedNet {
    fn thrift<'a>(&'a self, to: &'a Endpoint, call: Bytes) -> BoxFuture<'a, Result<Bytes, NetError>> {
        self.guard(to, || self.inner.thrift(to, call))
    }

    fn sql<'a>(&'a self, login: &'a SqlLogin, sql: &'a str) -> BoxFuture<'a, Result<SqlReply, NetError>> {
        self.guard(&login.endpoint, || self.inner.sql(login, sql))
    }

    fn http_get<'a>(&'a self, to: &'a Endpoint, path: &'a str) -> BoxFuture<'a, Result<HttpReply, NetError>> {
        self.guard(to, || self.inner.http_get(to, path))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_ends_by_its_clock_and_at_once() {
        let clock = Arc::new(AtomicU64::new(100));
        let tenure = Tenure::with_clock({
            let clock = Arc::clone(&clock);
            move || Duration::from_millis(clock.load(Ordering::SeqCst))
        });
        assert!(!tenure.holds());
        tenure.extend(Duration::from_millis(110));
        tenure.extend(Duration::from_millis(105));
        assert_eq!(tenure.remaining(), Duration::from_millis(10));
        clock.store(109, Ordering::SeqCst);
        assert!(tenure.holds());
        clock.store(110, Ordering::SeqCst);
        assert!(!tenure.holds());
        tenure.extend(Duration::from_millis(200));
        tenure.end();
        assert!(!tenure.holds());
    }
}
