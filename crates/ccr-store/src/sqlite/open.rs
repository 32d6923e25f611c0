//! Opening the file, and the meaning of SQLite's error codes.

use std::borrow::Cow;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::Duration;

use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous};

use super::{Result, StoreError, StoreErrorKind};

/// How long a statement waits for another process's lock; the Go program's value.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a caller waits for a free connection: longer than one holder may wait for a lock.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(15);
/// There is one writer at a time; the others read.
const CONNECTIONS: u32 = 4;

/// A pool with one connection opened.
pub(super) async fn connect(path: &Path) -> Result<SqlitePool> {
    if let Some(reason) = refusal(path) {
        return Err(open_failed(path, StoreErrorKind::Unavailable, &reason));
    }
    let options = SqliteConnectOptions::new()
        .filename(plain_file_name(path))
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .busy_timeout(BUSY_TIMEOUT);
    SqlitePoolOptions::new()
        .max_connections(CONNECTIONS)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        .connect_with(options)
        .await
        .map_err(|error| {
            let (kind, reason) = classify(&error);
            open_failed(path, kind, &with_system_reason(path, &error, reason))
        })
}

/// The Go-like sentence of a failed start.
pub(super) fn open_failed(path: &Path, kind: StoreErrorKind, reason: &str) -> StoreError {
    StoreError { kind, text: format!("sqlite: open {} failed: {reason}", path.display()) }
}

/// SQLite reads a name that begins with `file:` as a URI and `:memory:` as no file; a path with a directory is always a file.
pub(super) fn plain_file_name(path: &Path) -> PathBuf {
    if path.is_absolute() { path.to_owned() } else { Path::new(".").join(path) }
}

/// Why the path cannot be a database, where that can be said before SQLite is asked, in clearer words than SQLite's.
fn refusal(path: &Path) -> Option<String> {
    match std::fs::metadata(path) {
        Ok(found) if found.is_dir() => Some("it is a directory, not a file".to_owned()),
        Ok(found) if found.permissions().readonly() => Some("the file is read-only".to_owned()),
        Ok(_) => None,
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty())?;
            (!directory.is_dir()).then(|| format!("the directory {} does not exist", directory.display()))
        }
        Err(error) => Some(error.to_string()),
    }
}

/// SQLite says only "unable to open database file"; the system knows why.
fn with_system_reason(path: &Path, error: &sqlx::Error, reason: Cow<'static, str>) -> String {
    if base_code(error) != Some(CANTOPEN) {
        return reason.into_owned();
    }
    match std::fs::OpenOptions::new().read(true).write(true).open(path) {
        Ok(_) => "the directory must be writable too: SQLite keeps its log beside the file".to_owned(),
        Err(system) => format!("{reason}: {system}"),
    }
}

const BUSY: i32 = 5;
const LOCKED: i32 = 6;
const READONLY: i32 = 8;
const CORRUPT: i32 = 11;
const FULL: i32 = 13;
const CANTOPEN: i32 = 14;
const TOOBIG: i32 = 18;
const NOTADB: i32 = 26;

/// The primary result code, without the extension bits.
fn base_code(error: &sqlx::Error) -> Option<i32> {
    let code: i32 = error.as_database_error()?.code()?.parse().ok()?;
    Some(code & 0xff)
}

/// Kind and reason of an error. SQLite's own texts name tables and columns, never values.
pub(super) fn classify(error: &sqlx::Error) -> (StoreErrorKind, Cow<'static, str>) {
    use StoreErrorKind::{Corrupt, TooLarge, Unavailable};
    match error {
        sqlx::Error::Database(database) => match base_code(error) {
            Some(BUSY | LOCKED) => (Unavailable, "another process holds the database locked".into()),
            Some(READONLY) => (Unavailable, "the file is read-only".into()),
            Some(FULL) => (Unavailable, "the disk is full".into()),
            Some(TOOBIG) => (TooLarge, "the document is larger than SQLite takes (1 GB)".into()),
            Some(NOTADB) => (Corrupt, "the file is not an SQLite database".into()),
            Some(CORRUPT) => (Corrupt, "the file is damaged".into()),
            _ => (Unavailable, database.message().to_owned().into()),
        },
        sqlx::Error::PoolClosed => (Unavailable, "the database is closed".into()),
        sqlx::Error::PoolTimedOut => (Unavailable, "no connection became free in time".into()),
        sqlx::Error::ColumnDecode { index, .. } => (Corrupt, format!("column {index} holds another type").into()),
        other => (Unavailable, other.to_string().into()),
    }
}
