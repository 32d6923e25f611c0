//! The seam: one request to one endpoint, one reply.
//!
//! Everything above [`Net`] (encoding, redirects, classification, the engine) is the same in a simulation; everything
//! below (pools, sessions, sockets) is [`tcp`]. There are no deadlines in the trait: a caller that has waited long enough
//! drops the future, and the implementation must then never let the late reply reach another call.

use std::fmt;

use bytes::Bytes;
use futures::future::BoxFuture;
use serde::{Deserialize, Serialize};

use crate::secret::Secret;

pub mod tcp;

/// A host name or address and a port. IPv6 addresses are held without brackets and printed with them.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Endpoint {
    pub host: String,
    pub port: u16,
}

impl Endpoint {
    pub fn new(host: impl Into<String>, port: u16) -> Self {
        Self { host: host.into(), port }
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

/// Where and as whom SQL is sent.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SqlLogin {
    pub endpoint: Endpoint,
    pub user: String,
    pub password: Secret,
}

/// What a server answered to one SQL statement.
#[derive(Clone, Debug, PartialEq)]
pub enum SqlReply {
    /// A statement without a result set.
    Ok { affected: u64, info: String },
    /// A result set.
    Rows(ResultSet),
    /// The server refused the statement. Match texts by substring: codes differ between Doris versions.
    Error { code: u16, state: String, message: String },
}

/// A result set as text; `None` is NULL.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ResultSet {
    pub columns: Vec<String>,
    pub rows: Vec<Vec<Option<String>>>,
}

/// What a server answered to an HTTP GET.
#[derive(Clone, Debug, PartialEq)]
pub struct HttpReply {
    pub status: u16,
    pub body: Bytes,
}

/// Why there is no reply. The distinction decides whether a request may be sent again.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NetError {
    /// Nothing was sent: no connection could be made.
    #[error("cannot connect to {to}: {why}")]
    Unreachable { to: String, why: String },
    /// The server refused the login; nothing was executed.
    #[error("{to} refused the login of user {user}: {why}")]
    Login { to: String, user: String, why: String },
    /// The request may have been executed: the connection broke after (part of) it was sent.
    #[error("connection to {to} was lost before the reply: {why}")]
    Lost { to: String, why: String },
    /// The request may have been executed: the reply is not one.
    #[error("{to} sent an unusable reply: {why}")]
    Garbled { to: String, why: String },
}

/// One request, one reply. Dropping a returned future abandons the call: it may still be executed by the server.
pub trait Net: Send + Sync + 'static {
    /// Sends one complete Thrift CALL message (strict binary protocol) and returns the complete reply message,
    /// REPLY or EXCEPTION, whatever its sequence id.
    fn thrift<'a>(&'a self, to: &'a Endpoint, call: Bytes) -> BoxFuture<'a, Result<Bytes, NetError>>;

    /// Sends one statement in some session of that login and returns its one answer.
    fn sql<'a>(&'a self, login: &'a SqlLogin, sql: &'a str) -> BoxFuture<'a, Result<SqlReply, NetError>>;

    /// Sends `GET path_and_query` and returns the reply (at most 64 MiB of body).
    fn http_get<'a>(&'a self, to: &'a Endpoint, path_and_query: &'a str) -> BoxFuture<'a, Result<HttpReply, NetError>>;
}
