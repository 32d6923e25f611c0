//! The tables: the Go program's as they are, our own beside them.

use sqlx::postgres::PgConnection;
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
    ("progresses", "job_name VARCHAR(512) PRIMARY KEY, progress TEXT", "job_name, progress"),
    ("syncers", "host_info VARCHAR(96) PRIMARY KEY, timestamp BIGINT", "host_info, timestamp"),
    (
        "ccr_leases",
        "host_info VARCHAR(96) PRIMARY KEY, epoch BIGINT NOT NULL, process VARCHAR(255) NOT NULL, expires_at BIGINT NOT NULL, \
         stamp BIGINT NOT NULL",
        "host_info, epoch, process, expires_at, stamp",
    ),
    ("ccr_schema", "version BIGINT PRIMARY KEY", "version"),
];

/// Creates what is missing and checks what is there. The search path is the schema. An account without the right to create
/// can use what exists.
pub(super) async fn prepare(connection: &mut PgConnection, schema: &str) -> Result<(), Refused> {
    let failed = |what: &str| {
        let what = what.to_owned();
        move |error: sqlx::Error| Refused::because(&what, &super::open::meaning(&error))
    };
    let mut transaction = connection.begin().await.map_err(failed("begin"))?;
    // Two that start at the same time would both create the same.
    sqlx::query("SELECT pg_advisory_xact_lock(hashtext($1))")
        .bind(format!("ccr_syncer {schema}"))
        .execute(&mut *transaction)
        .await
        .map_err(failed("lock the schema"))?;
    let there = sqlx::query("SELECT COUNT(*) FROM pg_namespace WHERE nspname = $1")
        .bind(schema)
        .fetch_one(&mut *transaction)
        .await
        .and_then(|row| row.try_get::<i64, _>(0))
        .map_err(failed("look for the schema"))?;
    if there == 0 {
        let name = schema.replace('"', "\"\"");
        sqlx::query(AssertSqlSafe(format!("CREATE SCHEMA IF NOT EXISTS \"{name}\"")))
            .execute(&mut *transaction)
            .await
            .map_err(failed(&format!("create schema {schema}")))?;
    }
    for (table, columns, proof) in TABLES {
        let there = sqlx::query("SELECT COUNT(*) FROM pg_tables WHERE schemaname = $1 AND tablename = $2")
            .bind(schema)
            .bind(table)
            .fetch_one(&mut *transaction)
            .await
            .and_then(|row| row.try_get::<i64, _>(0))
            .map_err(failed(&format!("look for table {table}")))?;
        if there == 0 {
            sqlx::query(AssertSqlSafe(format!("CREATE TABLE IF NOT EXISTS {table} ({columns})")))
                .execute(&mut *transaction)
                .await
                .map_err(failed(&format!("create table {table}")))?;
        }
        let prove = format!("SELECT {proof} FROM {table} LIMIT 0");
        if let Err(error) = sqlx::query(AssertSqlSafe(prove)).execute(&mut *transaction).await {
            let reason = format!("table {table} is not a syncer's: {}", super::open::meaning(&error).reason);
            return Err(Refused(Meaning::new(StoreErrorKind::Corrupt, reason)));
        }
    }
    let found = sqlx::query("SELECT MAX(version) FROM ccr_schema")
        .fetch_one(&mut *transaction)
        .await
        .and_then(|row| row.try_get::<Option<i64>, _>(0))
        .map_err(failed("read the schema version"))?;
    match found {
        Some(version) if version > VERSION => return Err(Refused::newer(version, VERSION)),
        Some(VERSION) => {}
        _ => {
            sqlx::query("INSERT INTO ccr_schema (version) VALUES ($1) ON CONFLICT (version) DO NOTHING")
                .bind(VERSION)
                .execute(&mut *transaction)
                .await
                .map_err(failed("write the schema version"))?;
        }
    }
    transaction.commit().await.map_err(failed("commit"))
}
