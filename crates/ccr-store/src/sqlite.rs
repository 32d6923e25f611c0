//! The embedded default: one SQLite file, in the Go program's tables.
//!
//! The file of a Go program is taken over in place, and can be handed back after [`Metastore::close`](crate::Metastore::close).
//! The journal is WAL with `synchronous = FULL`: a write that returned survives a power cut. Writing transactions are
//! `BEGIN IMMEDIATE`: deferred ones fail with "database is locked" under concurrency in spite of the busy timeout.

mod open;
mod schema;
mod texts;

use std::path::{Path, PathBuf};

use futures::FutureExt;
use futures::future::BoxFuture;
use sqlx::query::Query;
use sqlx::sqlite::{SqliteArguments, SqlitePool, SqliteRow};
use sqlx::{Row, Sqlite};

use crate::sql::{Arg, Column, Database, Lane, Limits, Meaning, SqlStore, Texts, Value, bind};
use crate::{Result, StoreError, StoreErrorKind};

/// A metadata database in a file.
pub type SqliteStore = SqlStore<SqliteDatabase>;

/// The file.
#[derive(Clone, Debug)]
pub struct SqliteDatabase {
    pool: SqlitePool,
    path: PathBuf,
}

impl SqliteStore {
    /// Opens the file, creating it and the tables if they are missing (the directory must exist). The path is taken as it is,
    /// `?` and `file:` included.
    ///
    /// # Errors
    /// `Unavailable` if the file cannot be opened for writing or is locked, `Corrupt` if it is no SQLite database, holds other
    /// tables under our names or was written by a newer version. The text names the path and the reason.
    pub async fn open(path: &Path) -> Result<Self> {
        let pool = open::connect(path).await?;
        if let Err(error) = schema::prepare(&pool, path).await {
            pool.close().await;
            return Err(error);
        }
        Ok(Self::over(SqliteDatabase { pool, path: path.to_owned() }))
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.database.path
    }
}

/// Binds as many arguments as the statement has.
fn query<'a>(statement: &'static str, args: &[Arg<'a>]) -> Query<'a, Sqlite, SqliteArguments> {
    args.iter().take(bind::arguments(statement)).fold(sqlx::query(statement), |query, arg| match arg {
        Arg::Text(text) => query.bind(*text),
        Arg::Int(number) => query.bind(*number),
    })
}

/// A column, whatever is stored in it: NULL is empty, a blob is text, broken UTF-8 is replaced as Go's decoder does.
fn value(row: &SqliteRow, index: usize, column: Column) -> std::result::Result<Value, sqlx::Error> {
    Ok(match column {
        Column::Text => {
            let bytes: Option<Vec<u8>> = row.try_get_unchecked(index)?;
            Value::Text(String::from_utf8_lossy(&bytes.unwrap_or_default()).into_owned())
        }
        Column::Int => Value::Int(row.try_get_unchecked::<Option<i64>, _>(index)?.unwrap_or_default()),
    })
}

impl Database for SqliteDatabase {
    const NAME: &'static str = "sqlite";
    const BASE64: bool = false;

    fn texts(&self) -> &'static Texts {
        &texts::TEXTS
    }

    fn execute<'a>(
        &'a self,
        _: Lane,
        statements: &'a [&'static str],
        args: &'a [Arg<'a>],
    ) -> BoxFuture<'a, std::result::Result<u64, sqlx::Error>> {
        async move {
            let mut transaction = self.pool.begin_with("BEGIN IMMEDIATE").await?;
            let mut changed = None;
            for statement in statements {
                let done = query(statement, args).execute(&mut *transaction).await?;
                changed.get_or_insert(done.rows_affected());
            }
            transaction.commit().await?;
            Ok(changed.unwrap_or_default())
        }
        .boxed()
    }

    fn rows<'a>(
        &'a self,
        _: Lane,
        statement: &'static str,
        args: &'a [Arg<'a>],
        columns: &'a [Column],
    ) -> BoxFuture<'a, std::result::Result<Vec<Vec<Value>>, sqlx::Error>> {
        async move {
            let rows = query(statement, args).fetch_all(&self.pool).await?;
            let read = |row| columns.iter().enumerate().map(|(index, column)| value(row, index, *column)).collect();
            rows.iter().map(read).collect()
        }
        .boxed()
    }

    fn meaning(&self, error: &sqlx::Error) -> Meaning {
        if error.as_database_error().is_some_and(|error| error.is_unique_violation()) {
            return Meaning::new(StoreErrorKind::Exists, "a row of that name exists");
        }
        let (kind, reason) = open::classify(error);
        Meaning::new(kind, reason)
    }

    fn limits(&self) -> Limits {
        // SQLite's own; it counts by itself, this keeps what cannot fit from being copied.
        Limits { job: 1_000_000_000, progress: 1_000_000_000 }
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        async move {
            // A reader of the file alone (a copy of it, a Go program) finds everything in it.
            if !self.pool.is_closed()
                && let Err(error) = sqlx::query("PRAGMA wal_checkpoint(TRUNCATE)").execute(&self.pool).await
            {
                tracing::warn!(path = %self.path.display(), "sqlite: the log could not be merged into the file: {error}");
            }
            self.pool.close().await;
        }
        .boxed()
    }
}

#[cfg(test)]
mod tests;
