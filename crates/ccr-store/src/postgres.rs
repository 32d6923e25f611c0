//! PostgreSQL, in the Go program's tables: a schema of the database `postgres`.

mod open;
mod schema;
mod texts;

use futures::FutureExt;
use futures::future::BoxFuture;
use sqlx::postgres::{PgArguments, PgPool, PgRow};
use sqlx::query::Query;
use sqlx::{Postgres, Row};

use crate::sql::{Arg, Column, Database, Lane, Limits, Meaning, SqlStore, Texts, Value, bind};
use crate::{Result, ServerAddress};

/// Most bytes of a value: a field takes 1 GB, and a message has to hold it.
const LARGEST: usize = 1_000_000_000;

/// A metadata database on a server.
pub type PostgresStore = SqlStore<PostgresDatabase>;

/// The server.
#[derive(Clone, Debug)]
pub struct PostgresDatabase {
    jobs: PgPool,
    leases: PgPool,
}

impl PostgresStore {
    /// Connects, and creates the schema and its tables if they are missing.
    ///
    /// # Errors
    /// `Unavailable` if the server cannot be reached or refuses the login, `Corrupt` if the schema holds other tables under
    /// our names or was written by a newer version. The text names server, schema and user, and the reason.
    pub async fn open(address: &ServerAddress) -> Result<Self> {
        let (jobs, leases) = open::open(address).await?;
        Ok(Self::over(PostgresDatabase { jobs, leases }))
    }
}

impl PostgresDatabase {
    fn pool(&self, lane: Lane) -> &PgPool {
        match lane {
            Lane::Jobs => &self.jobs,
            Lane::Leases => &self.leases,
        }
    }
}

/// Binds as many arguments as the statement has.
fn query<'a>(statement: &'static str, args: &[Arg<'a>]) -> Query<'a, Postgres, PgArguments> {
    args.iter().take(bind::arguments(statement)).fold(sqlx::query(statement), |query, arg| match arg {
        Arg::Text(text) => query.bind(*text),
        Arg::Int(number) => query.bind(*number),
    })
}

/// A column: NULL is empty.
fn value(row: &PgRow, index: usize, column: Column) -> std::result::Result<Value, sqlx::Error> {
    Ok(match column {
        Column::Text => Value::Text(row.try_get_unchecked::<Option<String>, _>(index)?.unwrap_or_default()),
        Column::Int => Value::Int(row.try_get_unchecked::<Option<i64>, _>(index)?.unwrap_or_default()),
    })
}

impl Database for PostgresDatabase {
    const NAME: &'static str = "postgresql";
    const BASE64: bool = true;

    fn texts(&self) -> &'static Texts {
        &texts::TEXTS
    }

    fn execute<'a>(
        &'a self,
        lane: Lane,
        statements: &'a [&'static str],
        args: &'a [Arg<'a>],
    ) -> BoxFuture<'a, std::result::Result<u64, sqlx::Error>> {
        async move {
            // No transaction around them: each is complete by itself, and a client that freezes holds no lock.
            let mut changed = None;
            for statement in statements {
                let done = query(statement, args).execute(self.pool(lane)).await?;
                changed.get_or_insert(done.rows_affected());
            }
            Ok(changed.unwrap_or_default())
        }
        .boxed()
    }

    fn rows<'a>(
        &'a self,
        lane: Lane,
        statement: &'static str,
        args: &'a [Arg<'a>],
        columns: &'a [Column],
    ) -> BoxFuture<'a, std::result::Result<Vec<Vec<Value>>, sqlx::Error>> {
        async move {
            let rows = query(statement, args).fetch_all(self.pool(lane)).await?;
            let read = |row| columns.iter().enumerate().map(|(index, column)| value(row, index, *column)).collect();
            rows.iter().map(read).collect()
        }
        .boxed()
    }

    fn meaning(&self, error: &sqlx::Error) -> Meaning {
        open::meaning(error)
    }

    fn limits(&self) -> Limits {
        Limits { job: LARGEST, progress: LARGEST }
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        async move {
            self.leases.close().await;
            self.jobs.close().await;
        }
        .boxed()
    }
}

#[cfg(test)]
mod tests;
