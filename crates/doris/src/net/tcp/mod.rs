//! The TCP implementation of [`Net`]: sessions, pools and sockets. Thrift in [`rpc`], MySQL in [`sql`], HTTP in [`http`].
//!
//! A future that is dropped takes its connection with it, so a late reply never reaches another call.

use std::{io, time::Duration};

use bytes::Bytes;
use futures::future::BoxFuture;
use tokio::net::TcpStream;

use super::{Endpoint, HttpReply, Net, NetError, SqlLogin, SqlReply};

mod http;
mod rpc;
mod sql;

/// Limits of [`TcpNet`].
#[derive(Clone, Copy, Debug)]
pub struct TcpOptions {
    /// How long a connection may take to be made (MySQL: with the handshake).
    pub connect_timeout: Duration,
    /// How long an unused connection is kept. An FE pins a thread of its 4096 to each and never closes one itself.
    pub idle_timeout: Duration,
    /// How many unused Thrift connections are kept per endpoint.
    pub max_idle_per_endpoint: usize,
    /// How many MySQL connections are open per login; more callers wait.
    pub max_sql_sessions: usize,
    /// The largest Thrift reply. Plain snapshots and getMeta of large databases pass 100 MiB.
    pub max_reply_bytes: usize,
    /// The largest body of an HTTP reply.
    pub max_http_bytes: usize,
}

impl Default for TcpOptions {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_secs(60),
            max_idle_per_endpoint: 4,
            max_sql_sessions: 8,
            max_reply_bytes: 1 << 30,
            max_http_bytes: 64 << 20,
        }
    }
}

/// [`Net`] over TCP.
#[derive(Debug)]
pub struct TcpNet {
    options: TcpOptions,
    rpc: rpc::Pool,
    sql: sql::Pools,
}

impl TcpNet {
    /// A net without any connection.
    pub fn new(options: TcpOptions) -> Self {
        Self { options, rpc: rpc::Pool::new(options), sql: sql::Pools::new(options) }
    }
}

impl Default for TcpNet {
    fn default() -> Self {
        Self::new(TcpOptions::default())
    }
}

impl Net for TcpNet {
    fn thrift<'a>(&'a self, to: &'a Endpoint, call: Bytes) -> BoxFuture<'a, Result<Bytes, NetError>> {
        Box::pin(self.rpc.call(to, call))
    }

    fn sql<'a>(&'a self, login: &'a SqlLogin, sql: &'a str) -> BoxFuture<'a, Result<SqlReply, NetError>> {
        Box::pin(self.sql.execute(login, sql))
    }

    fn http_get<'a>(&'a self, to: &'a Endpoint, path_and_query: &'a str) -> BoxFuture<'a, Result<HttpReply, NetError>> {
        Box::pin(http::get(&self.options, to, path_and_query))
    }
}

/// A new connection, without Nagle's delay.
async fn connect(to: &Endpoint, timeout: Duration) -> Result<TcpStream, NetError> {
    let unreachable = |why: io::Error| NetError::Unreachable { to: to.to_string(), why: why.to_string() };
    match tokio::time::timeout(timeout, TcpStream::connect((to.host.as_str(), to.port))).await {
        Ok(Ok(stream)) => {
            stream.set_nodelay(true).map_err(unreachable)?;
            Ok(stream)
        }
        Ok(Err(error)) => Err(unreachable(error)),
        Err(_) => Err(NetError::Unreachable { to: to.to_string(), why: format!("no connection within {timeout:?}") }),
    }
}
