//! Calls of Doris, measured where they leave the program: a [`Net`] around another one.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use bytes::Bytes;
use ccr_engine::Histogram;
use doris::{
    net::{Endpoint, HttpReply, Net, NetError, SqlLogin, SqlReply},
    rpc::GetMetaRequest,
    thrift,
};
use futures::{FutureExt, future::BoxFuture};

use super::{family::Family, jobs::SHORT_BOUNDS};

/// An endpoint that was not called for so long is not shown any more: it may have left its cluster.
const FORGOTTEN: Duration = Duration::from_secs(3600);

/// A caller that has waited so long and goes away did so because there was no answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// Passes calls on and measures them. Clones share what they measured.
#[derive(Clone)]
pub struct MeasuredNet {
    inner: Arc<dyn Net>,
    seen: Arc<Mutex<BTreeMap<Endpoint, Seen>>>,
}

impl fmt::Debug for MeasuredNet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MeasuredNet").finish_non_exhaustive()
    }
}

/// What is known of one endpoint.
#[derive(Debug)]
struct Seen {
    last: Instant,
    /// Whether it answered the last call that showed it.
    up: Option<bool>,
    role: Role,
    calls: BTreeMap<&'static str, Calls>,
}

/// Calls of one method.
#[derive(Debug, Default)]
struct Calls {
    durations: Histogram,
    /// Calls without an answer, by what became of them.
    failed: BTreeMap<&'static str, u64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Role {
    FeRpc,
    BeRpc,
    Sql,
    Http,
}

impl Role {
    fn label(self) -> &'static str {
        match self {
            Self::FeRpc => "fe_rpc",
            Self::BeRpc => "be_rpc",
            Self::Sql => "fe_sql",
            Self::Http => "http",
        }
    }
}

/// What a Thrift call is named in metrics - as in the Go program - and who is asked.
fn method(call: &Bytes) -> (&'static str, Role) {
    // Strict binary protocol: version and kind, length of the name, name.
    let name = call.get(4..8).and_then(|length| Some(u32::from_be_bytes(length.try_into().ok()?) as usize));
    let name = name.and_then(|length| call.get(8..8_usize.checked_add(length)?)).unwrap_or_default();
    let label = match name {
        b"getBinlog" => "GetBinlog",
        b"getBinlogLag" => "GetBinlogLag",
        b"lockBinlog" => "LockBinlog",
        b"beginTxn" => "BeginTransaction",
        b"commitTxn" => "CommitTransaction",
        b"rollbackTxn" => "RollbackTransaction",
        b"waitingTxnStatus" => "WaitTransactionStatus",
        b"getMasterToken" => "GetMasterToken",
        b"getSnapshot" => "GetSnapshot",
        b"restoreSnapshot" => "RestoreSnapshot",
        b"getMeta" if of_tables(call) => "GetTableMeta",
        b"getMeta" => "GetDbMeta",
        b"getBackendMeta" => "GetBackends",
        b"ingest_binlog" => return ("IngestBinlog", Role::BeRpc),
        b"query_ingest_binlog" => return ("QueryIngestBinlog", Role::BeRpc),
        _ => "Other",
    };
    (label, Role::FeRpc)
}

/// Whether a getMeta asks for single tables.
fn of_tables(call: &Bytes) -> bool {
    let request = thrift::decode_call(call).and_then(|call| thrift::decode_args::<GetMetaRequest>(&call));
    matches!(request, Ok(Some(request)) if request.db.as_ref().is_some_and(|db| db.tables.is_some()))
}

impl MeasuredNet {
    /// Measures the calls that go through `inner`.
    pub fn new(inner: Arc<dyn Net>) -> Self {
        Self { inner, seen: Arc::default() }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<Endpoint, Seen>> {
        // Each change is one count: a panic leaves the map whole.
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn record(&self, to: &Endpoint, role: Role, method: &'static str, took: Duration, failed: Option<&'static str>) {
        let up = match failed {
            // An answer, even if it is a refusal.
            None | Some("login") => Some(true),
            Some("abandoned") if took < PATIENCE => None,
            Some(_) => Some(false),
        };
        let now = Instant::now();
        let mut all = self.lock();
        if !all.contains_key(to) {
            all.insert(to.clone(), Seen { last: now, up: None, role, calls: BTreeMap::new() });
        }
        let Some(seen) = all.get_mut(to) else { return };
        seen.last = now;
        seen.up = up.or(seen.up);
        let calls = seen.calls.entry(method).or_default();
        calls.durations.observe(took);
        if let Some(failed) = failed {
            *calls.failed.entry(failed).or_default() += 1;
        }
    }

    async fn measured<T>(
        &self,
        to: &Endpoint,
        (method, role): (&'static str, Role),
        call: BoxFuture<'_, Result<T, NetError>>,
    ) -> Result<T, NetError> {
        let mut under_way = UnderWay { net: self, to, role, method, begun: Instant::now(), failed: Some("abandoned") };
        let answer = call.await;
        under_way.failed = match &answer {
            Ok(_) => None,
            Err(NetError::Unreachable { .. }) => Some("unreachable"),
            Err(NetError::Login { .. }) => Some("login"),
            Err(NetError::Lost { .. }) => Some("lost"),
            Err(NetError::Garbled { .. }) => Some("garbled"),
        };
        answer
    }

    /// Everything that was measured.
    pub(super) fn families(&self) -> Vec<Family> {
        let mut shown = Shown::new();
        let mut all = self.lock();
        let now = Instant::now();
        all.retain(|_, seen| now.duration_since(seen.last) < FORGOTTEN);
        for (endpoint, seen) in &*all {
            shown.add(&endpoint.to_string(), seen);
        }
        shown.into()
    }
}

/// A call that has no answer yet. Measured when it ends, also by its caller's going away.
struct UnderWay<'a> {
    net: &'a MeasuredNet,
    to: &'a Endpoint,
    role: Role,
    method: &'static str,
    begun: Instant,
    failed: Option<&'static str>,
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        self.net.record(self.to, self.role, self.method, self.begun.elapsed(), self.failed);
    }
}

impl Net for MeasuredNet {
    fn thrift<'a>(&'a self, to: &'a Endpoint, call: Bytes) -> BoxFuture<'a, Result<Bytes, NetError>> {
        let what = method(&call);
        self.measured(to, what, self.inner.thrift(to, call)).boxed()
    }

    fn sql<'a>(&'a self, login: &'a SqlLogin, sql: &'a str) -> BoxFuture<'a, Result<SqlReply, NetError>> {
        self.measured(&login.endpoint, ("sql", Role::Sql), self.inner.sql(login, sql)).boxed()
    }

    fn http_get<'a>(&'a self, to: &'a Endpoint, path_and_query: &'a str) -> BoxFuture<'a, Result<HttpReply, NetError>> {
        self.measured(to, ("http_get", Role::Http), self.inner.http_get(to, path_and_query)).boxed()
    }
}

/// The metrics on their way to the page.
struct Shown {
    fe: [Family; 2],
    be: [Family; 2],
    sql: [Family; 2],
    failed: Family,
    up: Family,
}

impl Shown {
    fn new() -> Self {
        let pair = |name: &str, what: &str| {
            [
                Family::counter(&format!("{name}_total"), what),
                Family::histogram(&format!("{name}_duration_seconds"), &format!("{what}: how long each took")),
            ]
        };
        Self {
            fe: pair("ccr_fe_rpc", "Thrift calls of frontends"),
            be: pair("ccr_be_rpc", "Thrift calls of backends"),
            sql: pair("ccr_sql_exec", "SQL statements sent to frontends"),
            failed: Family::counter(
                "ccr_call_failures_total",
                "Calls of Doris without an answer: unreachable, lost, garbled, login, or abandoned by the caller",
            ),
            up: Family::gauge(
                "ccr_endpoint_up",
                "1 if the endpoint of a cluster answered the last call, 0 if it did not",
            ),
        }
    }

    fn add(&mut self, addr: &str, seen: &Seen) {
        if let Some(up) = seen.up {
            self.up.add([("addr", addr), ("kind", seen.role.label())], up);
        }
        for (method, calls) in &seen.calls {
            let count = calls.durations.count();
            let by_method = [("method", *method), ("addr", addr)];
            // A statement names its database itself.
            let by_host = [("host", addr), ("db", "")];
            let (pair, bounds, labels) = match seen.role {
                Role::FeRpc => (Some(&mut self.fe), SHORT_BOUNDS, by_method),
                Role::BeRpc => (Some(&mut self.be), usize::MAX, by_method),
                Role::Sql => (Some(&mut self.sql), SHORT_BOUNDS, by_host),
                Role::Http => (None, SHORT_BOUNDS, by_method),
            };
            if let Some([total, durations]) = pair {
                total.add(labels, count);
                durations.observe(labels, &calls.durations, bounds);
            }
            for (why, count) in &calls.failed {
                self.failed.add([("method", *method), ("addr", addr), ("failure", *why)], *count);
            }
        }
    }
}

impl From<Shown> for Vec<Family> {
    fn from(shown: Shown) -> Self {
        let Shown { fe, be, sql, failed, up } = shown;
        fe.into_iter().chain(be).chain(sql).chain([failed, up]).collect()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::future::{pending, ready};

    use super::*;

    /// Refuses, except that a login is refused by an answer and SQL never answers.
    struct Moody;

    impl Net for Moody {
        fn thrift<'a>(&'a self, to: &'a Endpoint, _: Bytes) -> BoxFuture<'a, Result<Bytes, NetError>> {
            ready(Err(NetError::Unreachable { to: to.to_string(), why: "nobody listens".to_owned() })).boxed()
        }

        fn sql<'a>(&'a self, _: &'a SqlLogin, _: &'a str) -> BoxFuture<'a, Result<SqlReply, NetError>> {
            pending().boxed()
        }

        fn http_get<'a>(&'a self, _: &'a Endpoint, _: &'a str) -> BoxFuture<'a, Result<HttpReply, NetError>> {
            ready(Ok(HttpReply { status: 404, body: Bytes::new() })).boxed()
        }
    }

    #[tokio::test]
    async fn what_became_of_calls_is_told() {
        let net = MeasuredNet::new(Arc::new(Moody));
        let endpoint = |port| Endpoint::new("h", port);
        net.thrift(&endpoint(1), Bytes::new()).await.unwrap_err();
        net.http_get(&endpoint(2), "/").await.unwrap();
        let login = SqlLogin { endpoint: endpoint(3), user: "u".to_owned(), password: Default::default() };
        assert!(net.sql(&login, "SELECT 1").now_or_never().is_none());
        let families: Vec<_> = net.families().into_iter().filter_map(Family::into_proto).collect();
        let text = prometheus::TextEncoder::new().encode_to_string(&families).unwrap();
        for line in [
            "ccr_endpoint_up{addr=\"h:1\",kind=\"fe_rpc\"} 0",
            "ccr_endpoint_up{addr=\"h:2\",kind=\"http\"} 1",
            "ccr_fe_rpc_total{method=\"Other\",addr=\"h:1\"} 1",
            "ccr_call_failures_total{method=\"Other\",addr=\"h:1\",failure=\"unreachable\"} 1",
            "ccr_call_failures_total{method=\"sql\",addr=\"h:3\",failure=\"abandoned\"} 1",
            "ccr_sql_exec_duration_seconds_count{host=\"h:3\",db=\"\"} 1",
        ] {
            assert!(text.lines().any(|found| found == line), "{line} is missing in\n{text}");
        }
        // Whoever went away at once did not show that the endpoint is down.
        assert!(!text.contains("ccr_endpoint_up{addr=\"h:3\""), "{text}");
    }

    #[test]
    fn methods_have_the_go_names() {
        let call = |name: &str| {
            thrift::encode_call(name, 1, &GetMetaRequest { db: Some(Default::default()), ..Default::default() })
                .unwrap()
        };
        assert_eq!(method(&call("beginTxn")), ("BeginTransaction", Role::FeRpc));
        assert_eq!(method(&call("ingest_binlog")), ("IngestBinlog", Role::BeRpc));
        assert_eq!(method(&call("getMeta")), ("GetDbMeta", Role::FeRpc));
        let mut tables = GetMetaRequest { db: Some(Default::default()), ..Default::default() };
        if let Some(db) = &mut tables.db {
            db.tables = Some(Vec::new());
        }
        let tables = thrift::encode_call("getMeta", 1, &tables).unwrap();
        assert_eq!(method(&tables), ("GetTableMeta", Role::FeRpc));
        for broken in [&b""[..], b"\x80\x01\0\x01\xff\xff\xff\xff", b"\x80\x01\0\x01\0\0\0\x09getB"] {
            assert_eq!(method(&Bytes::from_static(broken)), ("Other", Role::FeRpc));
        }
    }
}
