//! The tables: the Go program's as they are, our own beside them.

use std::path::Path;

use sqlx::Row;
use sqlx::sqlite::SqlitePool;

use super::open::{classify, open_failed};
use super::{Result, StoreErrorKind};

/// Of our own tables. The Go program's have no version and never change.
const VERSION: i64 = 2;

/// What creates each table, and what proves that it is the right one: a table of that name may be somebody else's.
const TABLES: [(&str, &str, &str); 5] = [
    (
        "jobs",
        "CREATE TABLE IF NOT EXISTS jobs (job_name TEXT PRIMARY KEY, job_info TEXT, belong_to TEXT)",
        "SELECT job_name, job_info, belong_to FROM jobs LIMIT 0",
    ),
    (
        "progresses",
        "CREATE TABLE IF NOT EXISTS progresses (job_name TEXT PRIMARY KEY, progress TEXT)",
        "SELECT job_name, progress FROM progresses LIMIT 0",
    ),
    (
        "syncers",
        "CREATE TABLE IF NOT EXISTS syncers (host_info TEXT PRIMARY KEY, timestamp INTEGER)",
        "SELECT host_info, timestamp FROM syncers LIMIT 0",
    ),
    (
        "ccr_leases",
        "CREATE TABLE IF NOT EXISTS ccr_leases (host_info TEXT PRIMARY KEY, epoch INTEGER NOT NULL, process TEXT NOT NULL, \
         expires_at INTEGER NOT NULL, stamp INTEGER NOT NULL)",
        "SELECT host_info, epoch, process, expires_at, stamp FROM ccr_leases LIMIT 0",
    ),
    (
        "ccr_schema",
        "CREATE TABLE IF NOT EXISTS ccr_schema (version INTEGER NOT NULL)",
        "SELECT version FROM ccr_schema LIMIT 0",
    ),
];

/// Creates what is missing and checks what is there.
pub(super) async fn prepare(pool: &SqlitePool, path: &Path) -> Result<()> {
    let failed = |what: &str, error: sqlx::Error| {
        let (kind, reason) = classify(&error);
        open_failed(path, kind, &format!("{what}: {reason}"))
    };
    let mut transaction = pool.begin_with("BEGIN IMMEDIATE").await.map_err(|error| failed("begin", error))?;
    for (table, create, prove) in TABLES {
        sqlx::query(create)
            .execute(&mut *transaction)
            .await
            .map_err(|error| failed(&format!("create table {table}"), error))?;
        if let Err(error) = sqlx::query(prove).execute(&mut *transaction).await {
            let (_, reason) = classify(&error);
            let reason = format!("table {table} is not a syncer's: {reason}");
            return Err(open_failed(path, StoreErrorKind::Corrupt, &reason));
        }
    }
    let found = sqlx::query("SELECT MAX(version) FROM ccr_schema")
        .fetch_one(&mut *transaction)
        .await
        .and_then(|row| row.try_get::<Option<i64>, _>(0))
        .map_err(|error| failed("read the schema version", error))?;
    match found {
        Some(version) if version > VERSION => {
            let reason = format!("it was written by a newer version (schema {version}, this one knows {VERSION})");
            return Err(open_failed(path, StoreErrorKind::Corrupt, &reason));
        }
        Some(VERSION) => {}
        // An older version lacked tables that are there by now.
        _ => {
            sqlx::query("INSERT INTO ccr_schema (version) VALUES (?)")
                .bind(VERSION)
                .execute(&mut *transaction)
                .await
                .map_err(|error| failed("write the schema version", error))?;
        }
    }
    transaction.commit().await.map_err(|error| failed("commit", error))
}
