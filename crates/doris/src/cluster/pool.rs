//! Sends a call to the FE that can answer it: finds the master, follows it when it moves, gives up in time. What may be
//! sent twice, and what not, is decided here.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    sync::{
        Arc,
        atomic::{AtomicI32, Ordering},
    },
    time::Duration,
};

use super::{
    ClusterSpec, Frontend, Timeouts,
    frontends::{Frontends, Port, Unmapped},
};
use crate::{
    error::{Effect, Error, ErrorKind, Result},
    net::{Endpoint, Net, NetError, ResultSet, SqlLogin, SqlReply},
    rpc::{FeReply, NetworkAddress, StatusCode},
    secret::Secret,
    sql::{FrontendRow, RowError, Statement},
    thrift::{Method, ThriftError, application, decode_reply, encode_call},
};

/// How old the list of FEs may be before it is read again on use.
const LIST_AGE: Duration = Duration::from_secs(60);
/// How young a list answers evidence against it: several calls that fail together read it once.
const FRESH_LIST: Duration = Duration::from_millis(500);
/// Reading the list must not take longer than this: it is on the way of a call.
const LIST_DEADLINE: Duration = Duration::from_secs(10);
/// How many times a call follows a refusal that names the master.
const MOST_REDIRECTS: u32 = 3;

/// Whether a call whose outcome is unknown may be sent again to another FE.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Repeat {
    /// It only reads, and only the master answers it.
    Safe,
    /// It only reads, and followers may answer it too (4.1): an answer does not tell who the master is.
    SafeAnywhere,
    /// It changes something.
    Never,
}

/// One cluster: who is asked, and as whom.
pub(super) struct Pool {
    net: Arc<dyn Net>,
    side: &'static str,
    user: String,
    password: Secret,
    pub(super) timeouts: Timeouts,
    pub(super) frontends: Frontends,
    sequence: AtomicI32,
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool").field("side", &self.side).field("user", &self.user).finish_non_exhaustive()
    }
}

impl Pool {
    pub(super) fn new(net: Arc<dyn Net>, side: &'static str, spec: ClusterSpec) -> Self {
        let frontends = Frontends::new(&spec);
        let ClusterSpec { user, password, timeouts, .. } = spec;
        Self { net, side, user, password, timeouts, frontends, sequence: AtomicI32::new(1) }
    }

    pub(super) fn user(&self) -> String {
        self.user.clone()
    }

    /// For a request's password field.
    pub(super) fn password(&self) -> Secret {
        self.password.clone()
    }

    pub(super) fn set_host_mapping(&self, mapping: BTreeMap<String, String>) {
        self.frontends.set_mapping(mapping);
    }

    /// A host that Doris reported, as it is reached from here.
    pub(super) fn map_host(&self, call: &str, reported: &str) -> Result<String> {
        self.frontends.map_host(reported).map_err(|unmapped| self.unmapped(call, &unmapped))
    }

    /// `what on source 10.0.0.1:9020`.
    pub(super) fn call_name(&self, what: &str, to: &Endpoint) -> String {
        format!("{what} on {} {to}", self.side)
    }

    /// An error of a call that reached nobody in particular.
    pub(super) fn error(&self, kind: ErrorKind, what: &str, text: impl Into<String>) -> Error {
        Error::new(kind, format!("{what} on {}", self.side), text)
    }

    fn unmapped(&self, what: &str, unmapped: &Unmapped) -> Error {
        self.error(ErrorKind::Refused, what, unmapped.to_string())
    }

    // ---- Thrift ----

    /// Calls a method of one server, whoever it is.
    pub(super) async fn call<M: Method>(
        &self,
        to: &Endpoint,
        request: &M::Request,
        deadline: Duration,
    ) -> Result<M::Reply> {
        let error = |kind, text: String| Error::new(kind, self.call_name(M::NAME, to), text);
        let sequence = self.sequence.fetch_add(1, Ordering::Relaxed);
        let message = encode_call(M::NAME, sequence, request)
            .map_err(|why| error(ErrorKind::Refused, format!("the request cannot be encoded: {why}")))?;
        let answer = match tokio::time::timeout(deadline, self.net.thrift(to, message)).await {
            Err(_) => return Err(error(ErrorKind::Unanswered, format!("no reply within {deadline:?}"))),
            Ok(Err(why)) => return Err(error(net_kind(&why), why.to_string())),
            Ok(Ok(answer)) => answer,
        };
        decode_reply::<M::Reply>(&answer, M::NAME, sequence).map_err(|why| {
            let kind = match &why {
                ThriftError::Application { kind: application::UNKNOWN_METHOD, .. } => ErrorKind::UnknownMethod,
                // It could not read the request.
                ThriftError::Application { kind: application::PROTOCOL_ERROR, .. } => ErrorKind::Refused,
                // It failed on the way: it answered, but how far did it act?
                ThriftError::Application { .. } => ErrorKind::Unanswered,
                _ => ErrorKind::Garbled,
            };
            error(kind, why.to_string())
        })
    }

    /// Calls a method that only the master answers, wherever the master is.
    pub(super) async fn call_master<M: Method>(
        &self,
        request: &M::Request,
        deadline: Duration,
        repeat: Repeat,
    ) -> Result<M::Reply>
    where
        M::Reply: FeReply,
    {
        let mut search = Search::default();
        self.refresh_if_older(LIST_AGE).await;
        let mut next = self.known_master(M::NAME, Port::Rpc)?;
        loop {
            let to = match next.take() {
                Some(to) => to,
                None => match self.untried(&search.tried) {
                    Some(to) => to,
                    None => break,
                },
            };
            search.tried.insert(to.clone());
            match self.call::<M>(&to, request, deadline).await {
                Ok(reply) if reply.status().is_some_and(|status| status.status_code == StatusCode::NOT_MASTER) => {
                    self.frontends.not_master(&to, Port::Rpc);
                    search.refused = true;
                    next = self.follow(M::NAME, reply.master_address(), &mut search).await?;
                }
                Ok(reply) => {
                    if repeat != Repeat::SafeAnywhere {
                        self.frontends.answered_as_master(&to);
                    }
                    return Ok(reply);
                }
                Err(error) if error.kind == ErrorKind::Unreachable => {
                    self.frontends.unreachable(&to, Port::Rpc);
                    search.unreachable.get_or_insert(error);
                    next = self.master_of_new_list(M::NAME, &mut search).await?;
                }
                Err(error) if error.kind.effect() == Effect::Unknown => {
                    // Perhaps it hangs, perhaps it is cut off: the next call should look around.
                    self.frontends.not_master(&to, Port::Rpc);
                    if repeat == Repeat::Never {
                        return Err(error);
                    }
                    search.unknown.get_or_insert(error);
                }
                Err(error) => return Err(error),
            }
        }
        Err(search.outcome(|text| self.error(ErrorKind::NoMaster, M::NAME, text)))
    }

    /// Where to go after an FE said that it is not the master.
    async fn follow(
        &self,
        what: &str,
        named: Option<&NetworkAddress>,
        search: &mut Search,
    ) -> Result<Option<Endpoint>> {
        if let Some(address) = named.filter(|_| search.redirects < MOST_REDIRECTS) {
            let named = self
                .frontends
                .redirected(&address.hostname, address.port)
                .map_err(|unmapped| self.unmapped(what, &unmapped))?;
            match named {
                Some(named) if !search.tried.contains(&named) => {
                    search.redirects += 1;
                    return Ok(Some(named));
                }
                // It names one that said no: an election is running.
                Some(named) => self.frontends.not_master(&named, Port::Rpc),
                None => {}
            }
        }
        self.master_of_new_list(what, search).await
    }

    /// The master by a new list, once a call, if it was not tried.
    async fn master_of_new_list(&self, what: &str, search: &mut Search) -> Result<Option<Endpoint>> {
        if search.listed {
            return Ok(None);
        }
        search.listed = true;
        self.refresh_if_older(FRESH_LIST).await;
        let master = self.known_master(what, Port::Rpc)?;
        Ok(master.filter(|master| !search.tried.contains(master)))
    }

    fn known_master(&self, what: &str, port: Port) -> Result<Option<Endpoint>> {
        self.frontends.master(port).map_err(|unmapped| self.unmapped(what, &unmapped))
    }

    fn untried(&self, tried: &BTreeSet<Endpoint>) -> Option<Endpoint> {
        self.frontends.candidates(Port::Rpc).into_iter().find(|candidate| !tried.contains(candidate))
    }

    // ---- the list of FEs ----

    /// Reads the list of the first FE that answers with one.
    pub(super) async fn refresh(&self) -> Result<Vec<Frontend>> {
        let rows = self.read_list().await?;
        self.frontends.take_list(&rows);
        let what = Statement::ShowFrontends.name();
        self.frontends.mapped(&rows).map_err(|unmapped| self.unmapped(what, &unmapped))
    }

    /// Reads the list if it is due; what is known stays in use if that fails.
    async fn refresh_if_older(&self, age: Duration) {
        if !self.frontends.claim_reading(age) {
            return;
        }
        match self.read_list().await {
            Ok(rows) => self.frontends.take_list(&rows),
            Err(error) => {
                tracing::debug!(%error, "the list of FEs could not be read");
                self.frontends.list_failed(error);
            }
        }
    }

    async fn read_list(&self) -> Result<Vec<FrontendRow>> {
        let set = match self.ask_any(&Statement::ShowFrontends, LIST_DEADLINE).await {
            // Not every account may; the table function asks for less, but needs a live BE.
            Err(error) if error.kind == ErrorKind::AccessDenied => {
                match self.ask_any(&Statement::SelectFrontends, LIST_DEADLINE).await {
                    Ok(set) => set,
                    Err(_) => return Err(error),
                }
            }
            answer => answer?,
        };
        let rows = self.parsed(&Statement::ShowFrontends, FrontendRow::parse(&set))?;
        if rows.is_empty() {
            let text = "the list of FEs is empty";
            return Err(self.error(ErrorKind::NoMaster, Statement::ShowFrontends.name(), text));
        }
        Ok(rows)
    }

    /// Rows, or an answer that cannot be read.
    pub(super) fn parsed<T>(&self, statement: &Statement, rows: std::result::Result<T, RowError>) -> Result<T> {
        rows.map_err(|error| self.error(ErrorKind::Garbled, statement.name(), error.to_string()))
    }

    // ---- SQL ----

    /// Asks any FE, after a look at which there are.
    pub(super) async fn ask(&self, statement: &Statement, deadline: Duration) -> Result<ResultSet> {
        self.refresh_if_older(LIST_AGE).await;
        self.ask_any(statement, deadline).await
    }

    /// Asks the configured FE, and the others where that does not answer or knows no master. For questions only.
    async fn ask_any(&self, statement: &Statement, deadline: Duration) -> Result<ResultSet> {
        let mut failed = None;
        for to in self.frontends.candidates(Port::Query) {
            match self.statement(&to, statement, deadline).await {
                Ok(SqlReply::Rows(set)) => return Ok(set),
                Ok(_) => return Err(self.no_rows(statement, &to)),
                // A question may be asked again, whatever became of it.
                Err(error)
                    if matches!(error.kind, ErrorKind::Unreachable | ErrorKind::NoMaster | ErrorKind::Unanswered) =>
                {
                    failed = failed.or(Some(error));
                }
                Err(error) => return Err(error),
            }
        }
        Err(failed.unwrap_or_else(|| {
            self.error(ErrorKind::Unreachable, statement.name(), "no FE has a query port that is known here")
        }))
    }

    /// Sends a statement to the master. It goes to another FE only if nothing was sent and a new list names another master.
    pub(super) async fn sql_master(&self, statement: &Statement, deadline: Duration) -> Result<SqlReply> {
        self.refresh_if_older(LIST_AGE).await;
        let mut failed: Option<(Endpoint, Error)> = None;
        for _ in 0..MOST_REDIRECTS {
            let mut master = self.known_master(statement.name(), Port::Query)?;
            if master.is_none() {
                self.refresh_if_older(FRESH_LIST).await;
                master = self.known_master(statement.name(), Port::Query)?;
            }
            let Some(to) = master else { break };
            if failed.as_ref().is_some_and(|(before, _)| *before == to) {
                break;
            }
            match self.statement(&to, statement, deadline).await {
                Err(error) if matches!(error.kind, ErrorKind::Unreachable | ErrorKind::NoMaster) => {
                    self.frontends.not_master(&to, Port::Query);
                    failed = Some((to, error));
                }
                answer => return answer,
            }
        }
        // Nobody knows the master: because no FE answers, or because those that do have none.
        let none = || match self.frontends.unlisted() {
            Some(error) if error.kind == ErrorKind::Unreachable => self.error(error.kind, statement.name(), error.text),
            _ => self.error(ErrorKind::NoMaster, statement.name(), "no FE is known as the master"),
        };
        Err(failed.map_or_else(none, |(_, error)| error))
    }

    /// Sends a statement to one FE; a refusal is an error of its kind.
    async fn statement(&self, to: &Endpoint, statement: &Statement, deadline: Duration) -> Result<SqlReply> {
        let error = |kind, text: String| Error::new(kind, self.call_name(statement.name(), to), text);
        let login = SqlLogin { endpoint: to.clone(), user: self.user.clone(), password: self.password.clone() };
        let text = statement.to_string();
        match tokio::time::timeout(deadline, self.net.sql(&login, &text)).await {
            Err(_) => {
                self.frontends.avoid(to);
                Err(error(ErrorKind::Unanswered, format!("no reply within {deadline:?}")))
            }
            Ok(Err(why)) => {
                let kind = net_kind(&why);
                if kind == ErrorKind::Unreachable {
                    self.frontends.unreachable(to, Port::Query);
                }
                Err(error(kind, why.to_string()))
            }
            Ok(Ok(SqlReply::Error { code, message, .. })) => {
                self.frontends.reached(to);
                let kind = match ErrorKind::classify(&message) {
                    // The FE passed it on to the master and lost the answer.
                    ErrorKind::NoMaster if !statement.is_read() && message.contains("ForwardToMasterException") => {
                        ErrorKind::Unanswered
                    }
                    kind => kind,
                };
                Err(error(kind, format!("{message} (code {code})")))
            }
            Ok(Ok(reply)) => {
                self.frontends.reached(to);
                Ok(reply)
            }
        }
    }

    fn no_rows(&self, statement: &Statement, to: &Endpoint) -> Error {
        Error::new(ErrorKind::Garbled, self.call_name(statement.name(), to), "an answer without rows")
    }

    /// Rows of a question to the master.
    pub(super) async fn ask_master(&self, statement: &Statement, deadline: Duration) -> Result<ResultSet> {
        match self.sql_master(statement, deadline).await? {
            SqlReply::Rows(set) => Ok(set),
            _ => Err(self.error(ErrorKind::Garbled, statement.name(), "an answer without rows")),
        }
    }

    // ---- HTTP ----

    pub(super) async fn http_get(
        &self,
        to: &Endpoint,
        path: &str,
        deadline: Duration,
    ) -> Result<crate::net::HttpReply> {
        let error = |kind, text: String| Error::new(kind, self.call_name("GET", to), text);
        match tokio::time::timeout(deadline, self.net.http_get(to, path)).await {
            Err(_) => Err(error(ErrorKind::Unanswered, format!("no reply within {deadline:?}"))),
            Ok(Err(why)) => Err(error(net_kind(&why), why.to_string())),
            Ok(Ok(reply)) => Ok(reply),
        }
    }
}

/// What one search for the master has found so far.
#[derive(Debug, Default)]
struct Search {
    tried: BTreeSet<Endpoint>,
    redirects: u32,
    /// Whether the list of FEs was read on evidence.
    listed: bool,
    /// Whether an FE said that it is not the master.
    refused: bool,
    unreachable: Option<Error>,
    unknown: Option<Error>,
}

impl Search {
    /// Why the search ended without an answer: something may have been done, an election, nobody there.
    fn outcome(self, no_master: impl FnOnce(String) -> Error) -> Error {
        const NOBODY: &str = "no FE says that it is the master";
        match (self.unknown, self.refused, self.unreachable) {
            (Some(unknown), _, _) => unknown,
            (None, false, Some(unreachable)) => unreachable,
            (None, true, Some(unreachable)) => no_master(format!("{NOBODY}; {}", unreachable.text)),
            (None, _, None) => no_master(NOBODY.to_owned()),
        }
    }
}

fn net_kind(error: &NetError) -> ErrorKind {
    match error {
        NetError::Unreachable { .. } => ErrorKind::Unreachable,
        NetError::Login { .. } => ErrorKind::AccessDenied,
        NetError::Lost { .. } => ErrorKind::Unanswered,
        NetError::Garbled { .. } => ErrorKind::Garbled,
    }
}
