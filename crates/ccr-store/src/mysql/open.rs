//! Connecting, and the meaning of the server's error codes.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use sqlx::mysql::{MySqlConnectOptions, MySqlConnection, MySqlDatabaseError, MySqlPool, MySqlPoolOptions};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, Executor, Row};

use super::schema;
use crate::sql::{Limits, Meaning};
use crate::{ServerAddress, StoreError, StoreErrorKind};

/// What every packet holds beside a document: names, ids, headers.
const PACKET_REST: usize = 8 << 10;
/// A connection is replaced after so long: it keeps the packet limit that the server had when it was made.
const CONNECTION_AGE: Duration = Duration::from_secs(120);
const CONNECT_LIMIT: Duration = Duration::from_secs(10);
/// How long a caller waits for a free connection, or for a server that is away.
const ACQUIRE_LIMIT: Duration = Duration::from_secs(5);

/// Why a database cannot be used.
pub(super) struct Refused(pub(super) Meaning);

impl Refused {
    pub(super) fn because(what: &str, meaning: &Meaning) -> Self {
        Self(Meaning::new(meaning.kind, format!("{what}: {}", meaning.reason)))
    }

    pub(super) fn newer(found: i64, known: i64) -> Self {
        let reason = format!("it was written by a newer version (schema {found}, this one knows {known})");
        Self(Meaning::new(StoreErrorKind::Corrupt, reason))
    }
}

impl From<sqlx::Error> for Refused {
    fn from(error: sqlx::Error) -> Self {
        Self(meaning(&error))
    }
}

/// The pools of an opened database.
pub(super) struct Opened {
    pub(super) jobs: MySqlPool,
    pub(super) leases: MySqlPool,
    pub(super) limits: PacketLimits,
}

/// What the server's packets and columns take.
#[derive(Clone, Debug)]
pub(super) struct PacketLimits {
    columns: (usize, usize),
    /// `max_allowed_packet` of the newest connection, and not more than the flag says.
    packet: Arc<AtomicUsize>,
}

impl PacketLimits {
    pub(super) fn get(&self) -> Limits {
        let packet = self.packet.load(Ordering::Relaxed).saturating_sub(PACKET_REST);
        Limits { job: self.columns.0.min(packet), progress: self.columns.1.min(packet) }
    }
}

/// Connects, creates database and tables where they are missing, and makes the pools.
pub(super) async fn open(address: &ServerAddress, max_allowed_packet: usize) -> Result<Opened, StoreError> {
    let refused = |Refused(meaning): Refused| StoreError {
        kind: meaning.kind,
        text: format!("mysql: open {} failed: {}{}", address.shown(), meaning.reason, hint(&meaning)),
    };
    let prepared = tokio::time::timeout(CONNECT_LIMIT, prepare(address));
    let columns = match prepared.await {
        Ok(prepared) => prepared.map_err(refused)?,
        Err(_) => {
            let reason = format!("no answer within {} s", CONNECT_LIMIT.as_secs());
            return Err(refused(Refused(Meaning::new(StoreErrorKind::Unavailable, reason))));
        }
    };
    let packet = Arc::new(AtomicUsize::new(max_allowed_packet));
    let pool = |connections: u32| {
        let packet = Arc::clone(&packet);
        MySqlPoolOptions::new()
            .max_connections(connections)
            .max_lifetime(CONNECTION_AGE)
            .acquire_timeout(ACQUIRE_LIMIT)
            .after_connect(move |connection, _| {
                let packet = Arc::clone(&packet);
                Box::pin(async move {
                    set_up(connection).await?;
                    let row = connection.fetch_one("SELECT CAST(@@max_allowed_packet AS SIGNED)").await?;
                    let server = usize::try_from(row.try_get_unchecked::<i64, _>(0)?).unwrap_or(usize::MAX);
                    packet.store(server.min(max_allowed_packet), Ordering::Relaxed);
                    Ok(())
                })
            })
            .connect_lazy_with(options(address).database(&address.database))
    };
    let (jobs, leases) = address.pool_sizes();
    let jobs = pool(jobs);
    let leases = leases.map_or_else(|| jobs.clone(), pool);
    let opened = Opened { jobs, leases, limits: PacketLimits { columns, packet } };
    // The first connection says how large a packet may be.
    opened.jobs.acquire().await.map_err(|error| refused(error.into()))?;
    Ok(opened)
}

fn options(address: &ServerAddress) -> MySqlConnectOptions {
    MySqlConnectOptions::new()
        .host(&address.host)
        .port(address.port)
        .username(&address.user)
        .password(address.password.expose())
        .disable_statement_logging()
}

/// What every session needs: a value that does not fit is an error, and locks last until a statement's transaction ends.
async fn set_up(connection: &mut MySqlConnection) -> Result<(), sqlx::Error> {
    connection.execute("SET SESSION sql_mode = 'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION'").await?;
    connection.execute("SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ").await?;
    Ok(())
}

async fn prepare(address: &ServerAddress) -> Result<(usize, usize), Refused> {
    let mut connection = match options(address).database(&address.database).connect().await {
        Err(error) if code(&error) == Some(UNKNOWN_DATABASE) => {
            let mut connection = options(address).connect().await?;
            let name = address.database.replace('`', "``");
            connection.execute(AssertSqlSafe(format!("CREATE DATABASE IF NOT EXISTS `{name}`"))).await.map_err(
                |error| Refused::because(&format!("create database {}", address.database), &meaning(&error)),
            )?;
            connection.close().await?;
            options(address).database(&address.database).connect().await?
        }
        connected => connected?,
    };
    set_up(&mut connection).await?;
    schema::prepare(&mut connection).await?;
    let limits = schema::column_limits(&mut connection).await?;
    connection.close().await?;
    Ok(limits)
}

fn hint(meaning: &Meaning) -> &'static str {
    if meaning.reason.starts_with("Access denied") { "; check -db_user and -db_password" } else { "" }
}

const DUPLICATE: u16 = 1062;
const UNKNOWN_DATABASE: u16 = 1049;
const PACKET_TOO_LARGE: u16 = 1153;
const LOCK_WAIT: u16 = 1205;
const DEADLOCK: u16 = 1213;
const DATA_TOO_LONG: u16 = 1406;

fn code(error: &sqlx::Error) -> Option<u16> {
    Some(error.as_database_error()?.try_downcast_ref::<MySqlDatabaseError>()?.number())
}

/// What an error means. The server's own texts name users, tables and columns; that of a duplicate names the key, too.
pub(super) fn meaning(error: &sqlx::Error) -> Meaning {
    use StoreErrorKind::{Corrupt, Exists, TooLarge, Unavailable};
    let reason = || match error {
        sqlx::Error::Database(database) => database.message().to_owned(),
        sqlx::Error::Io(error) => error.to_string(),
        other => other.to_string(),
    };
    match (error, code(error)) {
        (_, Some(DUPLICATE)) => Meaning::new(Exists, "a row of that name exists"),
        (_, Some(DEADLOCK)) => Meaning { again: true, ..Meaning::new(Unavailable, reason()) },
        (_, Some(LOCK_WAIT)) => Meaning::new(Unavailable, "another transaction holds the row locked"),
        (_, Some(PACKET_TOO_LARGE | DATA_TOO_LONG)) => Meaning::new(TooLarge, reason()),
        (sqlx::Error::PoolClosed, _) => Meaning::new(Unavailable, "the database is closed"),
        (sqlx::Error::PoolTimedOut, _) => {
            Meaning::new(Unavailable, "the server cannot be reached, or no connection became free in time")
        }
        (sqlx::Error::ColumnDecode { index, .. }, _) => {
            Meaning::new(Corrupt, format!("column {index} holds another type"))
        }
        _ => Meaning::new(Unavailable, reason()),
    }
}
