//! The boundary to the SQL language: a session, and who answers its statements.

use std::fmt;

use doris::net::SqlReply;
use futures::future::BoxFuture;

use crate::{
    exec::Reply,
    model::{CommitPart, DbId, TableId, TxnId},
};

/// The state of one SQL connection.
#[derive(Clone, Debug, Default)]
pub struct Session {
    pub user: String,
    /// Address of the client.
    pub host: String,
    /// The current database (`USE db`).
    pub db: Option<String>,
    /// The frontend that the connection belongs to: an index into [`crate::Model::frontends`].
    pub fe: usize,
    /// `SELECT connection_id()`.
    pub connection_id: u32,
    /// `SET name = value` of this session.
    pub variables: std::collections::BTreeMap<String, String>,
    /// From BEGIN to COMMIT or ROLLBACK.
    pub txn: Option<SqlTxn>,
    /// For SHOW LAST INSERT.
    pub last_insert: Option<LastInsert>,
}

/// The last INSERT of a session.
#[derive(Clone, Debug)]
pub struct LastInsert {
    pub txn: TxnId,
    pub label: String,
    pub db: String,
    pub table: String,
    pub rows: usize,
}

/// What a session has between BEGIN and COMMIT.
#[derive(Clone, Debug)]
pub struct SqlTxn {
    /// As the last BEGIN named it.
    pub label: String,
    /// From the first statement that writes on.
    pub begun: Option<BegunSqlTxn>,
}

/// A transaction that statements of one session fill.
#[derive(Clone, Debug)]
pub struct BegunSqlTxn {
    pub id: TxnId,
    pub db: DbId,
    /// INSERT ... VALUES writes this one table and has no sub transactions; `None`: each statement is one.
    pub only_table: Option<TableId>,
    pub parts: Vec<CommitPart>,
}

impl Session {
    /// The sub transactions whose rows statements of this session see before the commit.
    pub(crate) fn own_sub_txns(&self) -> Vec<TxnId> {
        let begun = self.txn.as_ref().and_then(|txn| txn.begun.as_ref()).filter(|begun| begun.only_table.is_none());
        begun.map(|begun| begun.parts.iter().map(|part| part.stid).collect()).unwrap_or_default()
    }
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
