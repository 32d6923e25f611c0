//! Connecting, and the meaning of the server's error codes.

use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgConnection, PgPool, PgPoolOptions};
use sqlx::{ConnectOptions, Connection};

use super::schema;
use crate::sql::Meaning;
use crate::{ServerAddress, StoreError, StoreErrorKind};

/// The Go program's tables are in a schema of this database.
const DATABASE: &str = "postgres";
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

/// Connects, creates schema and tables where they are missing, and makes the pools: for jobs, for leases.
pub(super) async fn open(address: &ServerAddress) -> Result<(PgPool, PgPool), StoreError> {
    let refused = |Refused(meaning): Refused| StoreError {
        kind: meaning.kind,
        text: format!("postgresql: open schema {} failed: {}", address.shown(), meaning.reason),
    };
    match tokio::time::timeout(CONNECT_LIMIT, prepare(address)).await {
        Ok(prepared) => prepared.map_err(refused)?,
        Err(_) => {
            let reason = format!("no answer within {} s", CONNECT_LIMIT.as_secs());
            return Err(refused(Refused(Meaning::new(StoreErrorKind::Unavailable, reason))));
        }
    }
    let pool = |connections: u32| {
        let schema = address.database.clone();
        PgPoolOptions::new()
            .max_connections(connections)
            .acquire_timeout(ACQUIRE_LIMIT)
            .after_connect(move |connection, _| {
                let schema = schema.clone();
                Box::pin(async move { set_up(connection, &schema).await })
            })
            .connect_lazy_with(options(address))
    };
    let (jobs, leases) = address.pool_sizes();
    let jobs = pool(jobs);
    let leases = leases.map_or_else(|| jobs.clone(), pool);
    Ok((jobs, leases))
}

/// Settings of the environment (`PGHOST` and the like) and `~/.pgpass` play no part: the flags say everything.
fn options(address: &ServerAddress) -> PgConnectOptions {
    PgConnectOptions::new_without_pgpass()
        .host(&address.host)
        .port(address.port)
        .username(&address.user)
        .password(address.password.expose())
        .database(DATABASE)
        .application_name("ccr_syncer")
        .disable_statement_logging()
}

/// Names of tables are looked up in the schema and nowhere else.
async fn set_up(connection: &mut PgConnection, schema: &str) -> Result<(), sqlx::Error> {
    sqlx::query("SELECT set_config('search_path', quote_ident($1), false), set_config('default_transaction_isolation', 'read committed', false)")
        .bind(schema)
        .execute(connection)
        .await
        .map(|_| ())
}

async fn prepare(address: &ServerAddress) -> Result<(), Refused> {
    let failed = |error: sqlx::Error| {
        let hint = match code(&error).as_deref() {
            Some("28P01" | "28000") => "; check -db_user and -db_password",
            _ => "",
        };
        let meaning = meaning(&error);
        Refused(Meaning::new(meaning.kind, format!("{}{hint}", meaning.reason)))
    };
    let mut connection = options(address).connect().await.map_err(failed)?;
    set_up(&mut connection, &address.database).await.map_err(failed)?;
    schema::prepare(&mut connection, &address.database).await?;
    connection.close().await.map_err(failed)
}

fn code(error: &sqlx::Error) -> Option<String> {
    Some(error.as_database_error()?.code()?.into_owned())
}

/// What an error means (SQLSTATE). The server's own texts name users, tables and columns.
pub(super) fn meaning(error: &sqlx::Error) -> Meaning {
    use StoreErrorKind::{Corrupt, Exists, TooLarge, Unavailable};
    let reason = || match error {
        sqlx::Error::Database(database) => database.message().to_owned(),
        sqlx::Error::Io(error) => error.to_string(),
        other => other.to_string(),
    };
    match (error, code(error).as_deref()) {
        (_, Some("23505")) => Meaning::new(Exists, "a row of that name exists"),
        // A serialization failure or a deadlock.
        (_, Some("40001" | "40P01")) => Meaning { again: true, ..Meaning::new(Unavailable, reason()) },
        (_, Some("22001" | "54000")) => Meaning::new(TooLarge, reason()),
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
