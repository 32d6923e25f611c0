#![allow(clippy::unwrap_used)]

use std::sync::Arc;
use std::time::{Duration, Instant};

use ccr_testdb::{Kind, PASSWORD, Server, USER};
use sqlx::mysql::{MySqlConnectOptions, MySqlConnection};
use sqlx::{ConnectOptions, Connection, Executor};

use super::*;
use crate::documents::Password;
use crate::{JobRow, Metastore, StoreError, StoreErrorKind};

const OWNER: &str = "10.0.0.1:9190";
const PACKET: usize = 1 << 30;

fn address(server: &Server, database: &str) -> ServerAddress {
    ServerAddress {
        host: "127.0.0.1".to_owned(),
        port: server.port(),
        user: USER.to_owned(),
        password: Password::new(PASSWORD),
        database: database.to_owned(),
        max_connections: 8,
    }
}

fn job() -> JobRow {
    JobRow { name: "j".to_owned(), document: "{\"name\":\"j\"}".to_owned(), owner: OWNER.to_owned() }
}

/// A connection of another program.
async fn foreign(server: &Server, database: &str) -> MySqlConnection {
    let options = MySqlConnectOptions::new().host("127.0.0.1").port(server.port()).username(USER).password(PASSWORD);
    let mut connection = options.connect().await.unwrap();
    connection.execute(AssertSqlSafe(format!("CREATE DATABASE IF NOT EXISTS `{database}`"))).await.unwrap();
    connection.close().await.unwrap();
    MySqlConnectOptions::new()
        .host("127.0.0.1")
        .port(server.port())
        .username(USER)
        .password(PASSWORD)
        .database(database)
        .connect()
        .await
        .unwrap()
}

async fn refused(address: &ServerAddress) -> StoreError {
    MysqlStore::open(address, PACKET).await.expect_err("the database must be refused")
}

/// As the Go program does, in the server's default collation.
const GO_TABLES: [&str; 3] = [
    "CREATE TABLE IF NOT EXISTS jobs (job_name VARCHAR(512) PRIMARY KEY, job_info TEXT, belong_to VARCHAR(96))",
    "CREATE TABLE IF NOT EXISTS progresses (job_name VARCHAR(512) PRIMARY KEY, progress LONGTEXT)",
    "CREATE TABLE IF NOT EXISTS syncers (host_info VARCHAR(96) PRIMARY KEY, timestamp BIGINT)",
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn passes_the_contract() {
    let server = Server::shared(Kind::MariaDb);
    crate::contract::run(async |n: usize| {
        let store = MysqlStore::open(&address(server, &format!("contract_{n}")), PACKET).await.unwrap();
        Arc::new(store) as Arc<dyn Metastore>
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_go_database_is_taken_over_in_place() {
    let server = Server::shared(Kind::MariaDb);
    let mut go = foreign(server, "go").await;
    for statement in GO_TABLES.into_iter().chain([
        "INSERT INTO jobs VALUES ('j', '{\"name\":\"j\"}', '10.0.0.1:9190'), ('bare', NULL, NULL)",
        "INSERT INTO progresses VALUES ('j', 'eyJwIjoxfQ=='), ('plain', '{\"p\":2}'), ('bad', '?!')",
        "INSERT INTO syncers VALUES ('10.0.0.1:9190', 42), ('gone', NULL)",
    ]) {
        go.execute(statement).await.unwrap();
    }
    let store = MysqlStore::open(&address(server, "go"), PACKET).await.unwrap();
    let bare = JobRow { name: "bare".to_owned(), document: String::new(), owner: String::new() };
    assert_eq!(store.jobs().await.unwrap(), [bare, job()], "a damaged row does not hide the others");
    assert_eq!(store.progress("j").await.unwrap().as_deref(), Some("{\"p\":1}"));
    assert_eq!(store.progress("plain").await.unwrap().as_deref(), Some("{\"p\":2}"));
    assert_eq!(store.progress("bad").await.unwrap_err().kind, StoreErrorKind::Corrupt);
    let view = store.view().await.unwrap();
    assert_eq!((view.syncers["10.0.0.1:9190"], view.syncers["gone"], view.leases.len()), (42, 0, 0));
    store.save_progress("j", OWNER, "{\"p\":3}").await.unwrap();

    // The server's default collation takes these for the same: neither is mistaken for the other.
    let shouted = JobRow { name: "J".to_owned(), ..job() };
    assert_eq!(store.add_job(&shouted).await.unwrap_err().kind, StoreErrorKind::Exists);
    assert_eq!(store.job("J").await.unwrap(), None);
    assert_eq!(store.progress("j ").await.unwrap(), None);
    assert_eq!(store.save_progress("J", OWNER, "{}").await.unwrap_err().kind, StoreErrorKind::NotFound);
    store.remove_job("J", None).await.unwrap();
    assert_eq!(store.job("j").await.unwrap(), Some(job()));
    store.close().await;

    let row = go.fetch_one("SELECT CAST(progress AS BINARY) FROM progresses WHERE job_name = 'j'").await.unwrap();
    assert_eq!(row.get::<Vec<u8>, _>(0), b"eyJwIjozfQ==", "base64, as the Go program reads it");
    let columns = go.fetch_all("SHOW COLUMNS FROM syncers").await.unwrap();
    assert_eq!(columns.len(), 2, "SELECT * FROM syncers of the Go program expects two columns");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_used_is_refused_in_one_sentence() {
    let server = Server::shared(Kind::MariaDb);
    let right = address(server, "refusals");
    let shown = format!("mysql: open refusals at 127.0.0.1:{} as user ", server.port());
    for (user, password) in [(USER, "wrong"), ("nobody", PASSWORD), (USER, "")] {
        let wrong =
            ServerAddress { user: user.to_owned(), password: Password::new(password), ..address(server, "refusals") };
        let error = refused(&wrong).await;
        assert_eq!(error.kind, StoreErrorKind::Unavailable);
        assert!(error.text.starts_with(&format!("{shown}{user} failed: Access denied for user '{user}'@")), "{error}");
        assert!(error.text.ends_with("; check -db_user and -db_password") && !error.text.contains(PASSWORD), "{error}");
    }
    let nowhere = ServerAddress { port: 1, ..right.clone() };
    assert!(refused(&nowhere).await.text.contains("failed: Connection refused"), "{}", refused(&nowhere).await);

    let mut other = foreign(server, "foreign").await;
    other.execute("CREATE TABLE jobs (id INT, title TEXT)").await.unwrap();
    let error = refused(&address(server, "foreign")).await;
    assert_eq!(error.kind, StoreErrorKind::Corrupt);
    assert!(error.text.contains("failed: table jobs is not a syncer's: Unknown column 'job_name'"), "{error}");

    let store = MysqlStore::open(&right, PACKET).await.unwrap();
    sqlx::query("INSERT INTO ccr_schema VALUES (99)").execute(&store.database.jobs).await.unwrap();
    let error = refused(&right).await;
    assert_eq!(error.kind, StoreErrorKind::Corrupt);
    assert!(error.text.ends_with("it was written by a newer version (schema 99, this one knows 2)"), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn several_can_start_at_the_same_time_and_names_of_databases_are_only_names() {
    let server = Server::shared(Kind::MariaDb);
    for name in ["starts", "it's a `name`"] {
        let address = address(server, name);
        let opens = (0..4).map(|_| MysqlStore::open(&address, PACKET));
        for store in futures::future::join_all(opens).await {
            let _: Vec<JobRow> = store.unwrap().jobs().await.unwrap();
        }
    }
    // One connection for everything.
    let one =
        MysqlStore::open(&ServerAddress { max_connections: 1, ..address(server, "starts") }, PACKET).await.unwrap();
    one.add_job(&job()).await.unwrap();
    one.acquire_lease(OWNER, "p", None, Duration::from_secs(30)).await.unwrap();
    one.save_progress("j", OWNER, "{}").await.unwrap();
}

/// An account that may only read and write, as a careful administrator makes it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_account_that_creates_nothing_uses_what_exists() {
    let server = Server::shared(Kind::MariaDb);
    MysqlStore::open(&address(server, "prepared"), PACKET).await.unwrap();
    let mut admin = foreign(server, "prepared").await;
    admin.execute("CREATE USER 'worker'@'%' IDENTIFIED BY 'w'").await.unwrap();
    admin.execute("GRANT SELECT, INSERT, UPDATE, DELETE ON prepared.* TO 'worker'@'%'").await.unwrap();
    let worker =
        ServerAddress { user: "worker".to_owned(), password: Password::new("w"), ..address(server, "prepared") };
    let store = MysqlStore::open(&worker, PACKET).await.unwrap();
    store.add_job(&job()).await.unwrap();
    store.acquire_lease(OWNER, "p", None, Duration::from_secs(30)).await.unwrap();
    store.save_progress("j", OWNER, "{}").await.unwrap();
    store.remove_job("j", Some(OWNER)).await.unwrap();
}

/// 20 MB are 28 MB in base64: too much for MariaDB's default of 16 MiB.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_large_progress_is_stored_where_the_server_takes_it_and_refused_where_not() {
    let document = format!("{{\"data\":\"{}\"}}", "0123456789abcde\u{8868}".repeat(20_000_000 >> 4));
    let server = Server::shared(Kind::MariaDb);
    let small = MysqlStore::open(&address(server, "small"), PACKET).await.unwrap();
    small.add_job(&job()).await.unwrap();
    small.save_progress("j", OWNER, "{\"p\":1}").await.unwrap();
    let error = small.save_progress("j", OWNER, &document).await.unwrap_err();
    assert_eq!(error.kind, StoreErrorKind::TooLarge);
    assert!(error.text.ends_with("bytes here, the database takes 16769024"), "{error}");
    assert_eq!(small.progress("j").await.unwrap().as_deref(), Some("{\"p\":1}"), "refused before any effect");

    let server = Server::start(Kind::MariaDb, &["--max-allowed-packet=64M"]);
    let store = MysqlStore::open(&address(&server, "large"), PACKET).await.unwrap();
    store.add_job(&job()).await.unwrap();
    store.save_progress("j", OWNER, &document).await.unwrap();
    assert!(store.progress("j").await.unwrap().is_some_and(|found| found == document));
    // The flag is a limit of its own.
    let flagged = MysqlStore::open(&address(&server, "large"), 1 << 20).await.unwrap();
    assert_eq!(flagged.save_progress("j", OWNER, &document).await.unwrap_err().kind, StoreErrorKind::TooLarge);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_was_away_is_found_again() {
    let server = Server::start(Kind::MariaDb, &[]);
    let store = MysqlStore::open(&address(&server, "away"), PACKET).await.unwrap();
    store.add_job(&job()).await.unwrap();
    store.save_progress("j", OWNER, "{\"p\":1}").await.unwrap();
    server.stop();
    let saved = store.save_progress("j", OWNER, "{\"p\":2}");
    // How long it waits for a server is another matter.
    if let Ok(result) = tokio::time::timeout(Duration::from_secs(1), saved).await {
        assert_eq!(result.unwrap_err().kind, StoreErrorKind::Unavailable);
    }
    server.start_again();
    assert_eq!(store.progress("j").await.unwrap().as_deref(), Some("{\"p\":1}"));
    store.save_progress("j", OWNER, "{\"p\":3}").await.unwrap();
    assert_eq!(store.progress("j").await.unwrap().as_deref(), Some("{\"p\":3}"));
}

/// Waits until that many sessions of the server wait for locks.
async fn waiters(connection: &mut MySqlConnection, expected: i64) {
    let query = "SELECT COUNT(*) FROM information_schema.INNODB_TRX WHERE trx_state = 'LOCK WAIT'";
    let end = Instant::now() + Duration::from_secs(30);
    while connection.fetch_one(query).await.unwrap().get::<i64, _>(0) < expected {
        assert!(Instant::now() < end, "{expected} sessions should wait for locks");
        // The server looks anew only at what nobody has looked at for 100 ms.
        tokio::time::sleep(Duration::from_millis(150)).await;
    }
}

/// A write that began under a living lease and is held up until after its end comes before the taking of the job.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_is_taken_after_the_write_that_is_under_way() {
    let server = Server::start(Kind::MariaDb, &[]);
    let open = async || MysqlStore::open(&address(&server, "order"), PACKET).await.unwrap();
    let (a, b) = (open().await, open().await);
    let (second, minute) = (Duration::from_secs(1), Duration::from_secs(60));
    a.acquire_lease(OWNER, "p1", None, minute).await.unwrap();
    b.acquire_lease("b", "p2", None, minute).await.unwrap();
    a.add_job(&job()).await.unwrap();
    a.save_progress("j", OWNER, "{\"p\":1}").await.unwrap();

    let mut holder = foreign(&server, "order").await;
    let mut observer = foreign(&server, "order").await;
    holder.execute("BEGIN").await.unwrap();
    holder.execute("SELECT * FROM progresses FOR UPDATE").await.unwrap();
    a.renew_lease(second).await.unwrap();
    let writer = tokio::spawn({
        let a = a.clone();
        async move { a.save_progress("j", OWNER, "{\"p\":2}").await }
    });
    waiters(&mut observer, 1).await;
    while b.view().await.unwrap().leases[OWNER].is_alive() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let taker = tokio::spawn({
        let b = b.clone();
        async move {
            let taken = b.take_job("j", OWNER, "b").await.unwrap();
            (taken, b.progress("j").await.unwrap())
        }
    });
    waiters(&mut observer, 2).await;
    holder.execute("COMMIT").await.unwrap();
    writer.await.unwrap().unwrap();
    assert_eq!(taker.await.unwrap(), (true, Some("{\"p\":2}".to_owned())));
    assert_eq!(a.save_progress("j", OWNER, "{\"p\":3}").await.unwrap_err().kind, StoreErrorKind::NotOwner);
}

/// A write that was held up while the lease was given to another process is refused.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_write_that_waited_for_its_lease_looks_at_it_again() {
    let server = Server::start(Kind::MariaDb, &[]);
    let store = MysqlStore::open(&address(&server, "again"), PACKET).await.unwrap();
    store.acquire_lease(OWNER, "p1", None, Duration::from_secs(60)).await.unwrap();
    store.add_job(&job()).await.unwrap();
    let mut holder = foreign(&server, "again").await;
    let mut observer = foreign(&server, "again").await;
    for (change, expected) in [
        ("UPDATE ccr_leases SET stamp = 1", None),
        ("UPDATE ccr_leases SET expires_at = 1", Some(StoreErrorKind::NotOwner)),
    ] {
        holder.execute("BEGIN").await.unwrap();
        holder.execute("SELECT * FROM ccr_leases FOR UPDATE").await.unwrap();
        holder.execute(change).await.unwrap();
        let writer = tokio::spawn({
            let store = store.clone();
            async move { store.save_progress("j", OWNER, "{\"p\":1}").await }
        });
        waiters(&mut observer, 1).await;
        holder.execute("COMMIT").await.unwrap();
        assert_eq!(writer.await.unwrap().err().map(|error| error.kind), expected, "{change}");
    }
}
