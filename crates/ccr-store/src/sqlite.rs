//! The embedded default: one SQLite file, in the Go program's tables.
//!
//! The file of a Go program is taken over in place, and can be handed back after [`Metastore::close`]. The journal is WAL with
//! `synchronous = FULL`: a write that returned survives a power cut. Writing transactions are `BEGIN IMMEDIATE`: deferred ones
//! fail with "database is locked" under concurrency in spite of the busy timeout.

mod open;
mod schema;

use std::path::{Path, PathBuf};

use futures::FutureExt;
use futures::future::BoxFuture;
use sqlx::sqlite::{SqlitePool, SqliteRow};
use sqlx::{Row, Sqlite, Transaction};

use crate::rules::{self, Backend};
use crate::{JobRow, Metastore, Result, StoreError, StoreErrorKind};

const SQLITE: Backend = Backend("sqlite");

/// A metadata database in a file.
#[derive(Clone, Debug)]
pub struct SqliteStore {
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
        Ok(Self { pool, path: path.to_owned() })
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    async fn begin(&self, doing: &str) -> Result<Transaction<'static, Sqlite>> {
        self.pool.begin_with("BEGIN IMMEDIATE").await.map_err(|error| failure(doing, error))
    }
}

/// The Go-like sentence `sqlite: <doing> failed: <reason>`, and the kind.
fn failure(doing: &str, error: sqlx::Error) -> StoreError {
    let (kind, reason) = open::classify(&error);
    StoreError { kind, text: format!("sqlite: {doing} failed: {reason}") }
}

/// A text column, whatever is stored in it: NULL is empty, broken UTF-8 is replaced as Go's decoder does.
fn text(row: &SqliteRow, index: usize, doing: &str) -> Result<String> {
    let bytes: Option<Vec<u8>> = row.try_get(index).map_err(|error| failure(doing, error))?;
    Ok(String::from_utf8_lossy(&bytes.unwrap_or_default()).into_owned())
}

async fn owner_of(transaction: &mut Transaction<'static, Sqlite>, name: &str, doing: &str) -> Result<Option<String>> {
    let row = sqlx::query("SELECT CAST(belong_to AS BLOB) FROM jobs WHERE job_name = ?")
        .bind(name)
        .fetch_optional(&mut **transaction)
        .await
        .map_err(|error| failure(doing, error))?;
    row.map(|row| text(&row, 0, doing)).transpose()
}

impl Metastore for SqliteStore {
    fn add_job<'a>(&'a self, row: &'a JobRow) -> BoxFuture<'a, Result<()>> {
        async move {
            let doing = format!("insert job name {}", row.name);
            let failed = |error| failure(&doing, error);
            let mut transaction = self.begin(&doing).await?;
            if owner_of(&mut transaction, &row.name, &doing).await?.is_some() {
                return Err(SQLITE.exists(&row.name));
            }
            sqlx::query("INSERT INTO jobs (job_name, job_info, belong_to) VALUES (?, ?, ?)")
                .bind(&row.name)
                .bind(&row.document)
                .bind(&row.owner)
                .execute(&mut *transaction)
                .await
                .map_err(failed)?;
            sqlx::query("DELETE FROM progresses WHERE job_name = ?")
                .bind(&row.name)
                .execute(&mut *transaction)
                .await
                .map_err(failed)?;
            transaction.commit().await.map_err(failed)
        }
        .boxed()
    }

    fn update_job<'a>(&'a self, name: &'a str, owner: &'a str, document: &'a str) -> BoxFuture<'a, Result<()>> {
        async move {
            let doing = format!("update job name {name}");
            let failed = |error| failure(&doing, error);
            let mut transaction = self.begin(&doing).await?;
            let found = owner_of(&mut transaction, name, &doing).await?;
            SQLITE.check_owner(&doing, found.as_deref(), owner)?;
            sqlx::query("UPDATE jobs SET job_info = ? WHERE job_name = ?")
                .bind(document)
                .bind(name)
                .execute(&mut *transaction)
                .await
                .map_err(failed)?;
            transaction.commit().await.map_err(failed)
        }
        .boxed()
    }

    fn remove_job<'a>(&'a self, name: &'a str, owner: Option<&'a str>) -> BoxFuture<'a, Result<()>> {
        async move {
            let doing = format!("remove job, name: {name}");
            let failed = |error| failure(&doing, error);
            let mut transaction = self.begin(&doing).await?;
            if let (Some(owner), Some(found)) = (owner, owner_of(&mut transaction, name, &doing).await?) {
                SQLITE.check_owner(&doing, Some(&found), owner)?;
            }
            sqlx::query("DELETE FROM jobs WHERE job_name = ?")
                .bind(name)
                .execute(&mut *transaction)
                .await
                .map_err(failed)?;
            sqlx::query("DELETE FROM progresses WHERE job_name = ?")
                .bind(name)
                .execute(&mut *transaction)
                .await
                .map_err(failed)?;
            transaction.commit().await.map_err(failed)
        }
        .boxed()
    }

    fn job<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Option<JobRow>>> {
        async move {
            let doing = format!("get job, name: {name}");
            let row = sqlx::query(
                "SELECT CAST(job_name AS BLOB), CAST(job_info AS BLOB), CAST(belong_to AS BLOB) FROM jobs WHERE job_name = ?",
            )
            .bind(name)
            .fetch_optional(&self.pool)
            .await
            .map_err(|error| failure(&doing, error))?;
            row.map(|row| job_row(&row, &doing)).transpose()
        }
        .boxed()
    }

    fn jobs(&self) -> BoxFuture<'_, Result<Vec<JobRow>>> {
        async move {
            let doing = "get jobs data";
            let rows = sqlx::query(
                "SELECT CAST(job_name AS BLOB), CAST(job_info AS BLOB), CAST(belong_to AS BLOB) FROM jobs ORDER BY job_name",
            )
            .fetch_all(&self.pool)
            .await
            .map_err(|error| failure(doing, error))?;
            rows.iter().map(|row| job_row(row, doing)).collect()
        }
        .boxed()
    }

    fn progress<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Option<String>>> {
        async move {
            let doing = format!("query progress of job {name}");
            let row = sqlx::query("SELECT CAST(progress AS BLOB) FROM progresses WHERE job_name = ?")
                .bind(name)
                .fetch_optional(&self.pool)
                .await
                .map_err(|error| failure(&doing, error))?;
            let Some(row) = row else { return Ok(None) };
            rules::decode_progress(SQLITE, name, text(&row, 0, &doing)?).map(Some)
        }
        .boxed()
    }

    fn save_progress<'a>(&'a self, name: &'a str, owner: &'a str, document: &'a str) -> BoxFuture<'a, Result<()>> {
        async move {
            let doing = format!("update progress of job {name}");
            let failed = |error| failure(&doing, error);
            let mut transaction = self.begin(&doing).await?;
            let found = owner_of(&mut transaction, name, &doing).await?;
            SQLITE.check_owner(&doing, found.as_deref(), owner)?;
            sqlx::query(
                "INSERT INTO progresses (job_name, progress) VALUES (?1, ?2) \
                 ON CONFLICT (job_name) DO UPDATE SET progress = ?2",
            )
            .bind(name)
            .bind(document)
            .execute(&mut *transaction)
            .await
            .map_err(failed)?;
            transaction.commit().await.map_err(failed)
        }
        .boxed()
    }

    fn heartbeat<'a>(&'a self, owner: &'a str, now_ns: i64) -> BoxFuture<'a, Result<()>> {
        async move {
            let doing = "refresh syncer";
            let mut transaction = self.begin(doing).await?;
            sqlx::query(
                "INSERT INTO syncers (host_info, timestamp) VALUES (?1, ?2) \
                 ON CONFLICT (host_info) DO UPDATE SET timestamp = ?2",
            )
            .bind(owner)
            .bind(now_ns)
            .execute(&mut *transaction)
            .await
            .map_err(|error| failure(doing, error))?;
            transaction.commit().await.map_err(|error| failure(doing, error))
        }
        .boxed()
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

fn job_row(row: &SqliteRow, doing: &str) -> Result<JobRow> {
    Ok(JobRow { name: text(row, 0, doing)?, document: text(row, 1, doing)?, owner: text(row, 2, doing)? })
}

#[cfg(test)]
mod tests;
