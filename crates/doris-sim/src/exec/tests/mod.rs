//! Statements against a cluster in memory, compared with what Doris answers.
#![allow(clippy::unwrap_used)]

mod account;
mod alter;
mod catalog;
mod create_table;
mod data;
mod partition;
mod query;
mod show;
mod txn;

use doris::net::{ResultSet, SqlReply};

use crate::{Model, Options, Session, Sim, SimClock, model::BackendPorts};

/// A cluster of one frontend and one backend with one session.
struct Cluster {
    sim: Sim,
    session: Session,
}

impl Cluster {
    fn new() -> Self {
        let clock = SimClock::starting_at(1_795_450_014_000);
        let mut model = Model::new(Options::default(), clock.now_ms());
        model.add_frontend("127.0.0.1", 9030, 9020);
        model.add_backend("127.0.0.1", BackendPorts::default());
        let session = Session { user: "root".into(), connection_id: 7, ..Session::default() };
        Self { sim: Sim::new(model, clock), session }
    }

    /// With the current database `d`.
    async fn with_database() -> Self {
        let mut cluster = Self::new();
        cluster.ok("CREATE DATABASE d").await;
        cluster.ok("USE d").await;
        cluster
    }

    async fn run(&mut self, sql: &str) -> SqlReply {
        super::execute(&self.sim, &mut self.session, sql).await
    }

    /// Affected rows of a statement that must succeed.
    async fn ok(&mut self, sql: &str) -> u64 {
        match self.run(sql).await {
            SqlReply::Ok { affected, .. } => affected,
            other => panic!("{sql}: {other:?}"),
        }
    }

    async fn result(&mut self, sql: &str) -> ResultSet {
        match self.run(sql).await {
            SqlReply::Rows(rows) => rows,
            other => panic!("{sql}: {other:?}"),
        }
    }

    /// Cells as texts, NULL as `NULL`.
    async fn rows(&mut self, sql: &str) -> Vec<Vec<String>> {
        let cell = |cell: Option<String>| cell.unwrap_or_else(|| "NULL".into());
        self.result(sql).await.rows.into_iter().map(|row| row.into_iter().map(cell).collect()).collect()
    }

    /// Rows with their cells joined by `|`.
    async fn lines(&mut self, sql: &str) -> Vec<String> {
        self.rows(sql).await.into_iter().map(|row| row.join("|")).collect()
    }

    /// The text of a refusal with the code 1105, without the prefix that nearly all have.
    async fn refusal(&mut self, sql: &str) -> String {
        match self.run(sql).await {
            SqlReply::Error { code: 1105, state, message } => {
                assert_eq!(state, "HY000", "{sql}");
                message.strip_prefix("errCode = 2, detailMessage = ").unwrap_or_else(|| panic!("{message}")).to_owned()
            }
            other => panic!("{sql}: {other:?}"),
        }
    }

    /// Each statement must be refused with its text.
    async fn refusals(&mut self, cases: &[(&str, &str)]) {
        for (sql, expected) in cases {
            assert_eq!(self.refusal(sql).await, *expected, "{sql}");
        }
    }
}
