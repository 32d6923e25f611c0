#![allow(clippy::unwrap_used)]

use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;
use std::time::Duration;

use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteJournalMode};
use sqlx::{ConnectOptions, Connection};
use tempfile::TempDir;

use super::*;
use crate::{JobRow, Metastore};

const OWNER: &str = "10.0.0.1:9190";

fn job() -> JobRow {
    JobRow { name: "j".to_owned(), document: "{\"name\":\"j\"}".to_owned(), owner: OWNER.to_owned() }
}

/// A connection of another program, with SQLite's defaults.
async fn foreign(path: &Path) -> SqliteConnection {
    SqliteConnectOptions::new().filename(path).create_if_missing(true).connect().await.unwrap()
}

async fn refused(path: &Path) -> StoreError {
    SqliteStore::open(path).await.expect_err("the file must be refused")
}

#[tokio::test]
async fn passes_the_contract() {
    let directory = TempDir::new().unwrap();
    crate::contract::run(async |n: usize| {
        let store = SqliteStore::open(&directory.path().join(format!("{n}.db"))).await.unwrap();
        Arc::new(store) as Arc<dyn Metastore>
    })
    .await;
}

#[tokio::test]
async fn what_was_written_is_there_after_reopening_even_without_a_close() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("ccr.db");
    let killed = SqliteStore::open(&path).await.unwrap();
    killed.add_job(&job()).await.unwrap();
    killed.save_progress("j", OWNER, "{\"p\":1}").await.unwrap();
    killed.acquire_lease(OWNER, "p", None, Duration::from_secs(30)).await.unwrap();
    killed.stamp(42).await.unwrap();

    // The files as a killed process leaves them: the log is not merged.
    let copy = directory.path().join("copy.db");
    for suffix in ["", "-wal"] {
        let name = |path: &Path| format!("{}{suffix}", path.display());
        std::fs::copy(name(&path), name(&copy)).unwrap();
    }
    let store = SqliteStore::open(&copy).await.unwrap();
    assert_eq!(store.jobs().await.unwrap(), [job()]);
    assert_eq!(store.progress("j").await.unwrap().as_deref(), Some("{\"p\":1}"));
    let stamp = sqlx::query("SELECT timestamp FROM syncers WHERE host_info = ?").bind(OWNER);
    assert_eq!(stamp.fetch_one(&store.database.pool).await.unwrap().get::<i64, _>(0), 42);
    assert_eq!(store.path(), copy);
}

#[tokio::test]
async fn the_file_alone_is_complete_after_a_close() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("ccr.db");
    let store = SqliteStore::open(&path).await.unwrap();
    store.add_job(&job()).await.unwrap();
    store.close().await;
    let moved = directory.path().join("moved.db");
    std::fs::copy(&path, &moved).unwrap();
    assert!(!directory.path().join("ccr.db-wal").exists());
    let mut other = foreign(&moved).await;
    let rows = sqlx::query("SELECT * FROM jobs").fetch_all(&mut other).await.unwrap();
    let columns: Vec<String> = rows.iter().flat_map(|row| (0..row.len()).map(|at| row.get(at))).collect();
    assert_eq!(columns, ["j", "{\"name\":\"j\"}", OWNER]);
    let syncers = sqlx::query("SELECT COUNT(*) FROM pragma_table_info('syncers')").fetch_one(&mut other).await.unwrap();
    assert_eq!(syncers.get::<i64, _>(0), 2);
}

#[tokio::test]
async fn a_go_database_is_taken_over_in_place() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("ccr.db");
    let mut go = SqliteConnectOptions::new()
        .filename(&path)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Delete)
        .connect()
        .await
        .unwrap();
    for statement in [
        "CREATE TABLE IF NOT EXISTS jobs (job_name TEXT PRIMARY KEY, job_info TEXT, belong_to TEXT)",
        "CREATE TABLE IF NOT EXISTS progresses (job_name TEXT PRIMARY KEY, progress TEXT)",
        "CREATE TABLE IF NOT EXISTS syncers (host_info TEXT PRIMARY KEY, timestamp INTEGER)",
        "INSERT INTO jobs VALUES ('j', '{\"name\":\"j\"}', '10.0.0.1:9190'), ('bare', NULL, NULL)",
        "INSERT INTO progresses VALUES ('j', '{\"p\":1}'), ('b64', 'eyJwIjoyfQ=='), ('blob', x'7b7d'), ('bad', '?!')",
    ] {
        sqlx::query(statement).execute(&mut go).await.unwrap();
    }
    go.close().await.unwrap();

    let store = SqliteStore::open(&path).await.unwrap();
    let bare = JobRow { name: "bare".to_owned(), document: String::new(), owner: String::new() };
    assert_eq!(store.jobs().await.unwrap(), [bare, job()], "a damaged row does not hide the others");
    assert_eq!(store.progress("j").await.unwrap().as_deref(), Some("{\"p\":1}"));
    assert_eq!(store.progress("b64").await.unwrap().as_deref(), Some("{\"p\":2}"));
    assert_eq!(store.progress("blob").await.unwrap().as_deref(), Some("{}"));
    let bad = store.progress("bad").await.unwrap_err();
    assert_eq!(bad.kind, StoreErrorKind::Corrupt);
    assert_eq!(bad.text, "sqlite: progress of job bad is neither JSON nor base64: base64 decode error");
    store.save_progress("j", OWNER, "{\"p\":3}").await.unwrap();
    store.close().await;

    let mut go = foreign(&path).await;
    let row = sqlx::query("SELECT progress FROM progresses WHERE job_name = 'j'").fetch_one(&mut go).await.unwrap();
    assert_eq!(row.get::<String, _>(0), "{\"p\":3}");
}

/// Defects: SVC-B4, SVC-B9.
#[tokio::test]
async fn two_processes_lose_no_increment() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("ccr.db");
    let stores = [SqliteStore::open(&path).await.unwrap(), SqliteStore::open(&path).await.unwrap()];
    stores[0].acquire_lease(OWNER, "p", None, Duration::from_secs(30)).await.unwrap();
    stores[0].stamp(0).await.unwrap();
    let mut tasks = Vec::new();
    for store in stores.iter().flat_map(|store| [store.clone(), store.clone()]) {
        tasks.push(tokio::spawn(async move {
            for _ in 0..50 {
                let mut transaction = store.database.pool.begin_with("BEGIN IMMEDIATE").await.unwrap();
                let row = sqlx::query("SELECT timestamp FROM syncers").fetch_one(&mut *transaction).await.unwrap();
                sqlx::query("UPDATE syncers SET timestamp = ?")
                    .bind(row.get::<i64, _>(0) + 1)
                    .execute(&mut *transaction)
                    .await
                    .unwrap();
                transaction.commit().await.unwrap();
            }
        }));
    }
    for task in tasks {
        task.await.unwrap();
    }
    let row = sqlx::query("SELECT timestamp FROM syncers").fetch_one(&stores[1].database.pool).await.unwrap();
    assert_eq!(row.get::<i64, _>(0), 200);
}

/// Defects: SVC-B9.
#[tokio::test]
async fn paths_are_taken_as_they_are() {
    let directory = TempDir::new().unwrap();
    for name in ["a?mode=ro", "a#b", "a%20b", "file:x.db", "数 据.db"] {
        let path = directory.path().join(name);
        let store = SqliteStore::open(&path).await.unwrap();
        store.add_job(&job()).await.unwrap();
        store.close().await;
        assert!(path.is_file(), "{name}");
    }
    assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 5, "no file under another name");
    // A relative name is a file too, never a URI or a database in memory.
    assert_eq!(open::plain_file_name(Path::new("file:x")), Path::new("./file:x"));
    assert_eq!(open::plain_file_name(Path::new(":memory:")), Path::new("./:memory:"));
}

#[tokio::test]
async fn what_is_no_database_is_refused_in_one_sentence() {
    let directory = TempDir::new().unwrap();
    let at = |name: &str| directory.path().join(name);
    for (name, bytes) in [("short", b"garbage".to_vec()), ("long", b"garbage ".repeat(1000))] {
        std::fs::write(at(name), &bytes).unwrap();
        let error = refused(&at(name)).await;
        assert_eq!(error.kind, StoreErrorKind::Corrupt);
        let expected = format!("sqlite: open {} failed: the file is not an SQLite database", at(name).display());
        assert_eq!(error.text, expected);
        assert_eq!(std::fs::read(at(name)).unwrap(), bytes, "the file is left alone");
    }
    std::fs::create_dir(at("directory")).unwrap();
    std::fs::write(at("read-only"), "").unwrap();
    std::fs::set_permissions(at("read-only"), std::fs::Permissions::from_mode(0o444)).unwrap();
    for (path, reason) in [
        (at("directory"), "it is a directory, not a file".to_owned()),
        (at("read-only"), "the file is read-only".to_owned()),
        (at("missing/ccr.db"), format!("the directory {} does not exist", at("missing").display())),
        (at("short/ccr.db"), "Not a directory (os error 20)".to_owned()),
    ] {
        let error = refused(&path).await;
        assert_eq!(error.kind, StoreErrorKind::Unavailable);
        assert_eq!(error.text, format!("sqlite: open {} failed: {reason}", path.display()));
    }
}

#[tokio::test]
async fn a_directory_that_cannot_be_entered_is_named() {
    let directory = TempDir::new().unwrap();
    let closed = directory.path().join("closed");
    std::fs::create_dir(&closed).unwrap();
    std::fs::set_permissions(&closed, std::fs::Permissions::from_mode(0o000)).unwrap();
    // The superuser enters every directory.
    let entered = std::fs::read_dir(&closed).is_ok();
    match SqliteStore::open(&closed.join("ccr.db")).await {
        Ok(store) => {
            assert!(entered, "opened in a directory that cannot be entered");
            store.close().await;
        }
        Err(error) => {
            assert!(!entered && error.text.ends_with("Permission denied (os error 13)"), "{error}");
            assert_eq!(error.kind, StoreErrorKind::Unavailable);
        }
    }
    std::fs::set_permissions(&closed, std::fs::Permissions::from_mode(0o700)).unwrap();
}

/// Defects: SVC-B10.
#[tokio::test]
async fn foreign_tables_and_newer_versions_are_refused() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("other.db");
    let mut other = foreign(&path).await;
    sqlx::query("CREATE TABLE jobs (id INTEGER, title TEXT)").execute(&mut other).await.unwrap();
    other.close().await.unwrap();
    let error = refused(&path).await;
    assert_eq!(error.kind, StoreErrorKind::Corrupt);
    assert!(error.text.ends_with("failed: table jobs is not a syncer's: no such column: job_name"), "{error}");

    let path = directory.path().join("newer.db");
    let store = SqliteStore::open(&path).await.unwrap();
    sqlx::query("UPDATE ccr_schema SET version = 99").execute(&store.database.pool).await.unwrap();
    store.close().await;
    let error = refused(&path).await;
    assert_eq!(error.kind, StoreErrorKind::Corrupt);
    assert!(error.text.ends_with("it was written by a newer version (schema 99, this one knows 2)"), "{error}");
}

/// Defects: SVC-B5.
#[tokio::test]
async fn a_lock_that_is_not_released_is_unavailable() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("ccr.db");
    let store = SqliteStore::open(&path).await.unwrap();
    store.add_job(&job()).await.unwrap();
    let mut other = foreign(&path).await;
    let transaction = other.begin_with("BEGIN IMMEDIATE").await.unwrap();
    let error = store.save_progress("j", OWNER, "{}").await.unwrap_err();
    assert_eq!(error.kind, StoreErrorKind::Unavailable);
    let expected = "sqlite: update progress of job j failed: another process holds the database locked";
    assert_eq!(error.text, expected);
    assert_eq!(store.progress("j").await.unwrap(), None, "readers are not blocked by a writer");
    transaction.rollback().await.unwrap();
    store.save_progress("j", OWNER, "{}").await.unwrap();
}
