//! MySQL: one pool of sessions per login, text protocol only.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use futures::FutureExt;
use mysql_async::{
    Conn, DriverError, OptsBuilder, Pool, PoolConstraints, PoolOpts, Row, ServerError, Value, prelude::Queryable,
};
use tokio::sync::Semaphore;

use super::TcpOptions;
use crate::net::{NetError, ResultSet, SqlLogin, SqlReply};

/// The largest result set. SHOW answers of a large cluster are a few megabytes.
const MAX_RESULT_BYTES: usize = 256 << 20;

/// Errors of the handshake that say "not this user", for ever: access denied to a database (1044), to the server (1045),
/// by the plugin (1698), unknown database (1049).
const LOGIN_REFUSALS: [u16; 4] = [1044, 1045, 1049, 1698];

/// The pools of all logins.
#[derive(Debug)]
pub(super) struct Pools {
    options: TcpOptions,
    pools: Mutex<BTreeMap<SqlLogin, Sessions>>,
}

/// The sessions of one login. The permits keep the wait for a free session apart from the time a connection takes.
#[derive(Clone)]
struct Sessions {
    pool: Pool,
    permits: Arc<Semaphore>,
}

/// The pool would print its options, the password among them.
impl fmt::Debug for Sessions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sessions").field("free", &self.permits.available_permits()).finish_non_exhaustive()
    }
}

/// A session in use. Dropped without [`Session::release`], the connection is closed: its answer may still be on the way.
struct Session(Option<Conn>);

impl Session {
    fn release(mut self) {
        // Dropping a pooled connection returns it.
        drop(self.0.take());
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        if let Some(conn) = self.0.take() {
            // One poll marks it as disconnected, whatever is still to be read; the pool then discards it.
            let _closed_or_abandoned = conn.disconnect().now_or_never();
        }
    }
}

impl Pools {
    pub(super) fn new(options: TcpOptions) -> Self {
        Self { options, pools: Mutex::default() }
    }

    pub(super) async fn execute(&self, login: &SqlLogin, sql: &str) -> Result<SqlReply, NetError> {
        let sessions = self.sessions(login);
        let reply = self.once(&sessions, login, sql).await;
        match reply {
            // A session that died in the pool. A question may be asked again, anything else may have been done.
            Err(NetError::Lost { .. }) if is_question(sql) => self.once(&sessions, login, sql).await,
            reply => reply,
        }
    }

    async fn once(&self, sessions: &Sessions, login: &SqlLogin, sql: &str) -> Result<SqlReply, NetError> {
        let to = || login.endpoint.to_string();
        let unreachable = |why: String| NetError::Unreachable { to: to(), why };
        let permit = sessions.permits.acquire().await;
        let _permit = permit.map_err(|closed| unreachable(closed.to_string()))?;
        let timeout = self.options.connect_timeout;
        let conn = match tokio::time::timeout(timeout, sessions.pool.get_conn()).await {
            Ok(Ok(conn)) => conn,
            Ok(Err(error)) => return Err(connect_error(login, error)),
            Err(_) => return Err(unreachable(format!("no connection within {timeout:?}"))),
        };
        let mut session = Session(Some(conn));
        let Some(conn) = session.0.as_mut() else { return Err(unreachable("no session".to_owned())) };
        let reply = read_reply(conn, sql).await.map_err(|error| match error {
            ReplyError::Lost(why) => NetError::Lost { to: to(), why },
            ReplyError::Garbled(why) => NetError::Garbled { to: to(), why },
        })?;
        session.release();
        Ok(reply)
    }

    fn sessions(&self, login: &SqlLogin) -> Sessions {
        let mut pools = self.pools.lock().unwrap_or_else(PoisonError::into_inner);
        pools.entry(login.clone()).or_insert_with(|| open(login, &self.options)).clone()
    }
}

/// The options that Doris needs: nothing is asked or set on connecting, nothing is prepared, nothing is reset.
fn open(login: &SqlLogin, options: &TcpOptions) -> Sessions {
    let most = options.max_sql_sessions.max(1);
    let pool = PoolOpts::default()
        .with_reset_connection(false)
        .with_constraints(PoolConstraints::new(0, most).unwrap_or_default())
        .with_inactive_connection_ttl(options.idle_timeout)
        .with_ttl_check_interval((options.idle_timeout / 4).max(Duration::from_secs(1)));
    let password = (!login.password.is_empty()).then(|| login.password.expose());
    let options = OptsBuilder::default()
        .ip_or_hostname(login.endpoint.host.clone())
        .tcp_port(login.endpoint.port)
        .user(Some(login.user.clone()))
        .pass(password)
        .prefer_socket(false)
        .max_allowed_packet(Some(64 << 20))
        .wait_timeout(Some(28_800))
        .stmt_cache_size(0)
        .tcp_nodelay(true)
        .pool_opts(pool);
    Sessions { pool: Pool::new(options), permits: Arc::new(Semaphore::new(most)) }
}

/// Nothing was executed: the handshake did not end.
fn connect_error(login: &SqlLogin, error: mysql_async::Error) -> NetError {
    let to = login.endpoint.to_string();
    let refused = |why: String| NetError::Login { to: login.endpoint.to_string(), user: login.user.clone(), why };
    match error {
        mysql_async::Error::Server(ServerError { code, message, .. }) if LOGIN_REFUSALS.contains(&code) => {
            refused(message)
        }
        mysql_async::Error::Server(ServerError { code, message, .. }) => {
            NetError::Unreachable { to, why: format!("{message} ({code})") }
        }
        mysql_async::Error::Driver(
            error @ (DriverError::UnknownAuthPlugin { .. }
            | DriverError::CleartextPluginDisabled
            | DriverError::MysqlOldPasswordDisabled),
        ) => refused(error.to_string()),
        error => NetError::Unreachable { to, why: error.to_string() },
    }
}

enum ReplyError {
    Lost(String),
    Garbled(String),
}

impl From<mysql_async::Error> for ReplyError {
    fn from(error: mysql_async::Error) -> Self {
        match error {
            mysql_async::Error::Io(error) => Self::Lost(error.to_string()),
            error => Self::Garbled(error.to_string()),
        }
    }
}

async fn read_reply(conn: &mut Conn, sql: &str) -> Result<SqlReply, ReplyError> {
    let mut result = match conn.query_iter(sql).await {
        Ok(result) => result,
        Err(mysql_async::Error::Server(error)) => return Ok(refusal(error)),
        Err(error) => return Err(error.into()),
    };
    // An OK packet has no columns.
    let Some(columns) = result.columns().filter(|columns| !columns.is_empty()) else {
        return Ok(SqlReply::Ok { affected: result.affected_rows(), info: result.info().into_owned() });
    };
    let mut set =
        ResultSet { columns: columns.iter().map(|column| column.name_str().into_owned()).collect(), rows: Vec::new() };
    let mut bytes = 0;
    loop {
        match result.next().await {
            Ok(Some(row)) => {
                let row = cells(row);
                bytes += row.iter().flatten().map(String::len).sum::<usize>();
                if bytes > MAX_RESULT_BYTES {
                    return Err(ReplyError::Garbled(format!("the result is larger than {MAX_RESULT_BYTES} bytes")));
                }
                set.rows.push(row);
            }
            Ok(None) => break,
            Err(mysql_async::Error::Server(error)) => return Ok(refusal(error)),
            Err(error) => return Err(error.into()),
        }
    }
    if !result.is_empty() {
        return Err(ReplyError::Garbled("more than one answer to one statement".to_owned()));
    }
    Ok(SqlReply::Rows(set))
}

fn refusal(error: ServerError) -> SqlReply {
    SqlReply::Error { code: error.code, state: error.state, message: error.message }
}

/// Text protocol: every value is bytes or NULL.
fn cells(row: Row) -> Vec<Option<String>> {
    let cell = |value| match value {
        Value::NULL => None,
        Value::Bytes(bytes) => Some(match String::from_utf8(bytes) {
            Ok(text) => text,
            Err(error) => String::from_utf8_lossy(error.as_bytes()).into_owned(),
        }),
        other => Some(other.as_sql(true).trim_matches('\'').to_owned()),
    };
    row.unwrap().into_iter().map(cell).collect()
}

/// Whether a statement only asks.
fn is_question(sql: &str) -> bool {
    let word = sql.split_whitespace().next().unwrap_or_default();
    ["SHOW", "SELECT", "DESC", "DESCRIBE"].iter().any(|question| word.eq_ignore_ascii_case(question))
}
