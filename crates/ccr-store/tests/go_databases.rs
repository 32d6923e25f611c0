//! Databases of a Go program, in every persisted state of a job, on each kind of server: taken over in place, and readable by
//! the Go program after a clean stop.
#![allow(clippy::unwrap_used)]

use std::time::Duration;

use ccr_store::documents::{JobDocument, Password, ProgressDocument, SyncState};
use ccr_store::mysql::MysqlStore;
use ccr_store::postgres::PostgresStore;
use ccr_store::sqlite::SqliteStore;
use ccr_store::{LeaseAnswer, Metastore, ServerAddress};
use ccr_testdb::go::{GoDatabase, GoJob};
use ccr_testdb::{Kind, PASSWORD, Server, USER};
use sqlx::mysql::MySqlConnectOptions;
use sqlx::postgres::PgConnectOptions;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, Row};

const OWNER: &str = "127.0.0.1:9190";

macro_rules! golden {
    ($name:literal) => {
        ($name, include_str!(concat!("golden/", $name, ".json")))
    };
}

const DATABASE_JOB: &str = include_str!("golden/job_database.json");
const TABLE_JOB: &str = include_str!("golden/job_table_with_mapping_and_skip.json");

/// Every sub state that the Go program persists, of a database sync.
const PROGRESSES: [(&str, &str); 11] = [
    golden!("progress_full_sync_backup"),
    golden!("progress_full_sync_restoring"),
    golden!("progress_full_sync_restored"),
    golden!("progress_tables_incremental"),
    golden!("progress_incremental_done"),
    golden!("progress_interrupted_ddl"),
    golden!("progress_txn_ingest"),
    golden!("progress_txn_commit"),
    golden!("progress_txn_rollback"),
    golden!("progress_partial_sync_table"),
    golden!("progress_partial_sync_partitions"),
];

/// Before 2024-10-29 the restore itself was a persisted state, with the snapshot in `data`.
const OLD_RESTORING: &str = r#"{"job_name":"old","sync_state":0,"sub_sync_state":{"state":3,"binlog_type":-1},"prev_commit_seq":0,"commit_seq":1200,"table_mapping":null,"table_commit_seq_map":{"10143":1200},"data":"{\"snapshot_name\":\"ccrs_old_1\",\"snapshot_resp\":{\"status\":{\"status_code\":0,\"error_msgs\":null},\"meta\":\"bWV0YQ==\",\"job_info\":\"e30=\"},\"table_commit_seq_map\":{\"10143\":1200}}","created_at":1716800000}"#;

/// One job for each state: of database syncs, of table syncs, one without progress, and one of an old version.
fn jobs() -> Vec<GoJob> {
    let job = |name: &str, table: bool, progress: Option<String>| {
        let mut document = JobDocument::parse(if table { TABLE_JOB } else { DATABASE_JOB }).unwrap();
        document.name = name.to_owned();
        GoJob { name: name.to_owned(), job: document.to_json(), progress, owner: OWNER.to_owned() }
    };
    let mut jobs = vec![job("new", false, None), job("old", false, Some(OLD_RESTORING.to_owned()))];
    for (state, text) in PROGRESSES {
        let mut progress = ProgressDocument::parse(text).unwrap();
        progress.job_name = state.to_owned();
        jobs.push(job(state, false, Some(progress.to_json())));
        let name = format!("{state}_of_a_table");
        progress.job_name.clone_from(&name);
        progress.table_mapping = None;
        progress.sync_state = match progress.sync_state {
            SyncState::DBFullSync => SyncState::TableFullSync,
            SyncState::DBPartialSync => SyncState::TablePartialSync,
            // A table sync has no phase of tables that catch up.
            SyncState::DBTablesIncrementalSync => continue,
            _ => SyncState::TableIncrementalSync,
        };
        jobs.push(job(&name, true, Some(progress.to_json())));
    }
    jobs
}

fn address(server: &Server, database: &str) -> ServerAddress {
    ServerAddress {
        host: "127.0.0.1".to_owned(),
        port: server.port(),
        user: USER.to_owned(),
        password: Password::new(PASSWORD),
        database: database.to_owned(),
        max_connections: 4,
    }
}

/// Takes the database over, writes everything once, and stops cleanly.
async fn take_over(store: &dyn Metastore, jobs: &[GoJob]) {
    let answer = store.acquire_lease(OWNER, "p", None, Duration::from_secs(60)).await.unwrap();
    assert!(matches!(answer, LeaseAnswer::Granted { .. }), "{answer:?}");
    assert_eq!(store.jobs().await.unwrap().len(), jobs.len());
    for GoJob { name, job, progress, .. } in jobs {
        let row = store.job(name).await.unwrap().unwrap();
        assert_eq!((&row.document, row.owner.as_str()), (job, OWNER), "{name}");
        let document = JobDocument::parse(&row.document).unwrap();
        store.update_job(name, OWNER, &document.to_json()).await.unwrap();
        let found = store.progress(name).await.unwrap();
        assert_eq!(&found, progress, "{name}");
        if let Some(text) = found {
            let parsed = ProgressDocument::parse(&text).unwrap();
            assert_eq!(&parsed.job_name, name);
            store.save_progress(name, OWNER, &parsed.to_json()).await.unwrap();
        }
    }
    store.stamp(1).await.unwrap();
    store.release_lease().await.unwrap();
    store.close().await;
}

/// What the Go program finds in the column: what it wrote itself. Of an old document: the same with the keys of today.
fn expected(database: GoDatabase<'_>, job: &GoJob) -> Option<String> {
    let progress = job.progress.as_ref()?;
    let today = ProgressDocument::parse(progress).unwrap().to_json();
    assert!(today == *progress || job.name == "old", "{}", job.name);
    Some(database.encode(&today))
}

/// Fills, takes over, and reads again by the Go program's statements.
macro_rules! round_trip {
    ($database:expr, $connection:expr, $store:expr, $syncers:literal) => {{
        let (database, jobs) = ($database, jobs());
        for statement in database.statements(&jobs, 1_737_700_000_000_000_000) {
            sqlx::raw_sql(AssertSqlSafe(statement)).execute(&mut $connection).await.unwrap();
        }
        take_over(&$store, &jobs).await;
        for job in &jobs {
            let query = AssertSqlSafe(database.progress_query(&job.name));
            let row = sqlx::raw_sql(query).fetch_optional(&mut $connection).await.unwrap();
            let found = row.map(|row| row.get_unchecked::<String, _>(0));
            assert_eq!(found, expected(database, job), "{}", job.name);
        }
        let syncers = sqlx::raw_sql($syncers).fetch_all(&mut $connection).await.unwrap();
        assert_eq!((syncers.len(), syncers[0].len()), (1, 2), "the Go program scans two columns");
        assert_eq!(syncers[0].get_unchecked::<i64, _>(1), 0, "its peers take it for dead at once");
    }};
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sqlite() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ccr.db");
    let mut go = SqliteConnectOptions::new().filename(&path).create_if_missing(true).connect().await.unwrap();
    round_trip!(GoDatabase::Sqlite, go, SqliteStore::open(&path).await.unwrap(), "SELECT * FROM syncers");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mysql() {
    let server = Server::shared(Kind::MariaDb);
    let options = MySqlConnectOptions::new().host("127.0.0.1").port(server.port()).username(USER).password(PASSWORD);
    let mut go = options.clone().connect().await.unwrap();
    sqlx::raw_sql("CREATE DATABASE go").execute(&mut go).await.unwrap();
    let mut go = options.database("go").connect().await.unwrap();
    let address = address(server, "go");
    let store = MysqlStore::open(&address, usize::MAX);
    round_trip!(GoDatabase::MySql, go, store.await.unwrap(), "SELECT * FROM syncers");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgresql() {
    let server = Server::shared(Kind::Postgres);
    let options = PgConnectOptions::new_without_pgpass().host("127.0.0.1").port(server.port()).username(USER);
    let mut go = options.password(PASSWORD).database("postgres").connect().await.unwrap();
    let address = address(server, "go");
    let store = PostgresStore::open(&address);
    round_trip!(GoDatabase::Postgres("go"), go, store.await.unwrap(), "SELECT * FROM go.syncers");
}
