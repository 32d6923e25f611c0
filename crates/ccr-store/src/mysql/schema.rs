//! The tables: the Go program's as they are, our own beside them.

use sqlx::mysql::MySqlConnection;
use sqlx::{AssertSqlSafe, Connection, Row};

use super::open::Refused;
use crate::StoreErrorKind;
use crate::sql::Meaning;

/// Of our own tables. The Go program's have no version and never change.
const VERSION: i64 = 2;

/// Columns of each table: what creates it, and what proves that it is the right one.
const TABLES: [(&str, &str, &str); 5] = [
    (
        "jobs",
        "job_name VARCHAR(512) PRIMARY KEY, job_info TEXT, belong_to VARCHAR(96)",
        "job_name, job_info, belong_to",
    ),
    ("progresses", "job_name VARCHAR(512) PRIMARY KEY, progress LONGTEXT", "job_name, progress"),
    ("syncers", "host_info VARCHAR(96) PRIMARY KEY, timestamp BIGINT", "host_info, timestamp"),
    (
        "ccr_leases",
        "host_info VARCHAR(96) PRIMARY KEY, epoch BIGINT NOT NULL, process VARCHAR(255) NOT NULL, expires_at BIGINT NOT NULL, \
         stamp BIGINT NOT NULL",
        "host_info, epoch, process, expires_at, stamp",
    ),
    ("ccr_schema", "version BIGINT PRIMARY KEY", "version"),
];

/// Collations that compare bytes, the best first: MariaDB's, MySQL 8's, and one that takes `a` and `a ` for the same.
const COLLATIONS: [&str; 3] = ["utf8mb4_nopad_bin", "utf8mb4_0900_bin", "utf8mb4_bin"];

/// Creates what is missing and checks what is there. An account without the right to create tables can use those that exist.
pub(super) async fn prepare(connection: &mut MySqlConnection) -> Result<(), Refused> {
    let failed = |what: &str| {
        let what = what.to_owned();
        move |error: sqlx::Error| Refused::because(&what, &super::open::meaning(&error))
    };
    let known = sqlx::query(
        "SELECT COLLATION_NAME FROM information_schema.COLLATIONS \
         WHERE COLLATION_NAME IN ('utf8mb4_nopad_bin', 'utf8mb4_0900_bin', 'utf8mb4_bin')",
    )
    .fetch_all(&mut *connection)
    .await
    .map_err(failed("read the collations"))?;
    let known: Vec<Vec<u8>> = known.iter().filter_map(|row| row.try_get_unchecked(0).ok()).collect();
    let collation = COLLATIONS.into_iter().find(|name| known.iter().any(|known| known == name.as_bytes()));
    let collation = collation.unwrap_or("utf8mb4_bin");
    for (table, columns, proof) in TABLES {
        let there = sqlx::query(
            "SELECT COUNT(*) FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = ?",
        )
        .bind(table)
        .fetch_one(&mut *connection)
        .await
        .and_then(|row| row.try_get::<i64, _>(0))
        .map_err(failed(&format!("look for table {table}")))?;
        if there == 0 {
            let create = format!(
                "CREATE TABLE IF NOT EXISTS {table} ({columns}) ENGINE = InnoDB CHARACTER SET utf8mb4 COLLATE {collation}"
            );
            sqlx::query(AssertSqlSafe(create))
                .execute(&mut *connection)
                .await
                .map_err(failed(&format!("create table {table}")))?;
        }
        let prove = format!("SELECT {proof} FROM {table} LIMIT 0");
        if let Err(error) = sqlx::query(AssertSqlSafe(prove)).execute(&mut *connection).await {
            let reason = format!("table {table} is not a syncer's: {}", super::open::meaning(&error).reason);
            return Err(Refused(Meaning::new(StoreErrorKind::Corrupt, reason)));
        }
    }
    let mut transaction = connection.begin().await.map_err(failed("begin"))?;
    let found = sqlx::query("SELECT MAX(version) FROM ccr_schema")
        .fetch_one(&mut *transaction)
        .await
        .and_then(|row| row.try_get::<Option<i64>, _>(0))
        .map_err(failed("read the schema version"))?;
    match found {
        Some(version) if version > VERSION => return Err(Refused::newer(version, VERSION)),
        Some(VERSION) => {}
        _ => {
            sqlx::query("INSERT IGNORE INTO ccr_schema (version) VALUES (?)")
                .bind(VERSION)
                .execute(&mut *transaction)
                .await
                .map_err(failed("write the schema version"))?;
        }
    }
    transaction.commit().await.map_err(failed("commit"))
}

/// Most bytes that each column takes: job documents, progress.
pub(super) async fn column_limits(connection: &mut MySqlConnection) -> Result<(usize, usize), sqlx::Error> {
    let mut limits = (65_535, u32::MAX as usize);
    let rows = sqlx::query(
        "SELECT TABLE_NAME, CAST(CHARACTER_OCTET_LENGTH AS SIGNED) FROM information_schema.COLUMNS \
         WHERE TABLE_SCHEMA = DATABASE() AND CONCAT(TABLE_NAME, '.', COLUMN_NAME) IN ('jobs.job_info', 'progresses.progress')",
    )
    .fetch_all(&mut *connection)
    .await?;
    for row in rows {
        let table: Vec<u8> = row.try_get_unchecked(0)?;
        let Some(length) = row.try_get_unchecked::<Option<i64>, _>(1)? else { continue };
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        if table == b"jobs" { limits.0 = length } else { limits.1 = length }
    }
    Ok(limits)
}
