//! MySQL and MariaDB, in the Go program's tables.
//!
//! Run against MariaDB 10.11. For Oracle MySQL 8: `caching_sha2_password` is spoken (over TLS, or with the server's RSA key
//! where there is none); its default `max_allowed_packet` is 64 MiB, MariaDB's 16 MiB: larger documents are refused before they are
//! sent.

mod open;
mod schema;
mod texts;

use futures::FutureExt;
use futures::future::BoxFuture;
use sqlx::mysql::{MySqlArguments, MySqlPool, MySqlRow};
use sqlx::query::Query;
use sqlx::{AssertSqlSafe, MySql, Row};

use crate::sql::{Arg, Column, Database, Lane, Limits, Meaning, SqlStore, Texts, Value, bind};
use crate::{Result, ServerAddress};

/// A metadata database on a server.
pub type MysqlStore = SqlStore<MysqlDatabase>;

/// The server.
#[derive(Clone, Debug)]
pub struct MysqlDatabase {
    jobs: MySqlPool,
    leases: MySqlPool,
    limits: open::PacketLimits,
}

impl MysqlStore {
    /// Connects, and creates the database and its tables if they are missing. Packets are not larger than
    /// `max_allowed_packet` bytes, and not larger than the server takes.
    ///
    /// # Errors
    /// `Unavailable` if the server cannot be reached or refuses the login, `Corrupt` if the database holds other tables under
    /// our names or was written by a newer version. The text names server, database and user, and the reason.
    pub async fn open(address: &ServerAddress, max_allowed_packet: usize) -> Result<Self> {
        let open::Opened { jobs, leases, limits } = open::open(address, max_allowed_packet).await?;
        Ok(Self::over(MysqlDatabase { jobs, leases, limits }))
    }
}

impl MysqlDatabase {
    fn pool(&self, lane: Lane) -> &MySqlPool {
        match lane {
            Lane::Jobs => &self.jobs,
            Lane::Leases => &self.leases,
        }
    }
}

/// A statement with its values bound in the order of its text.
fn query<'a>(statement: &str, args: &[Arg<'a>]) -> Query<'a, MySql, MySqlArguments> {
    let (text, order) = bind::positional(statement);
    let values = order.into_iter().filter_map(|index| args.get(index));
    values.fold(sqlx::query(AssertSqlSafe(text)), |query, arg| match arg {
        Arg::Text(text) => query.bind(*text),
        Arg::Int(number) => query.bind(*number),
    })
}

/// A column, whatever its charset: NULL is empty, broken UTF-8 is replaced as Go's decoder does.
fn value(row: &MySqlRow, index: usize, column: Column) -> std::result::Result<Value, sqlx::Error> {
    Ok(match column {
        Column::Text => {
            let bytes: Option<Vec<u8>> = row.try_get_unchecked(index)?;
            Value::Text(String::from_utf8_lossy(&bytes.unwrap_or_default()).into_owned())
        }
        Column::Int => Value::Int(row.try_get_unchecked::<Option<i64>, _>(index)?.unwrap_or_default()),
    })
}

impl Database for MysqlDatabase {
    const NAME: &'static str = "mysql";
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
        self.limits.get()
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
