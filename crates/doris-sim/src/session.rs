//! The boundary to the SQL language: a session, and who answers its statements.

use std::fmt;

use doris::net::SqlReply;
use futures::future::BoxFuture;

use crate::exec::Reply;

/// The state of one SQL connection.
#[derive(Clone, Debug, Default)]
pub struct Session {
    pub user: String,
    /// The current database (`USE db`).
    pub db: Option<String>,
    /// The frontend that the connection belongs to: an index into [`crate::Model::frontends`].
    pub fe: usize,
    /// `SELECT connection_id()`.
    pub connection_id: u32,
    /// `SET name = value` of this session.
    pub variables: std::collections::BTreeMap<String, String>,
}

/// Executes SQL text.
pub trait SqlService: Send + Sync + fmt::Debug + 'static {
    /// Executes one statement; a refusal is an answer, too ([`SqlReply::Error`]).
    fn execute<'a>(&'a self, session: &'a mut Session, sql: &'a str) -> BoxFuture<'a, SqlReply>;

    /// Executes all statements of a text: one answer each, with types, until one is refused.
    fn execute_all<'a>(&'a self, session: &'a mut Session, sql: &'a str) -> BoxFuture<'a, Vec<Reply>> {
        Box::pin(async move { vec![self.execute(session, sql).await.into()] })
    }
}
