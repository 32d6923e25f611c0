//! The MySQL port of a cluster on sockets, used through a client library and, where one would not do it, by hand.
#![allow(clippy::unwrap_used)]

use std::net::{IpAddr, Ipv4Addr};

use doris::{net::Endpoint, secret::Secret};
use doris_sim::{ClusterBuilder, SimCluster};
use mysql_async::{Conn, Error, OptsBuilder, ServerError, Value, consts::ColumnType, prelude::Queryable as _};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

async fn cluster(password: &str) -> SimCluster {
    let builder = ClusterBuilder::new("mysql").root_password(Secret::new(password));
    builder.sockets(IpAddr::V4(Ipv4Addr::LOCALHOST)).start().await.unwrap()
}

fn options(endpoint: &Endpoint, password: &str) -> OptsBuilder {
    OptsBuilder::default()
        .ip_or_hostname(endpoint.host.clone())
        .tcp_port(endpoint.port)
        .user(Some("root"))
        .pass(Some(password))
        .prefer_socket(false)
        .max_allowed_packet(Some(64 << 20))
        .wait_timeout(Some(28_800))
        .stmt_cache_size(0)
}

async fn connect(cluster: &SimCluster) -> Conn {
    Conn::new(options(&cluster.frontends()[0].query, "")).await.unwrap()
}

fn server_error<T: std::fmt::Debug>(result: Result<T, Error>) -> ServerError {
    match result {
        Err(Error::Server(error)) => error,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn statements_are_answered_with_types_and_codes() {
    let cluster = cluster("").await;
    let mut conn = connect(&cluster).await;
    assert_eq!(conn.server_version(), (5, 7, 99));
    conn.query_drop("CREATE DATABASE d").await.unwrap();
    conn.query_drop("USE d").await.unwrap();
    let create = "CREATE TABLE t (k INT, b BIGINT, n LARGEINT, x DOUBLE, p DECIMAL(10,2), s STRING, d DATE, ts DATETIME(3), f \
                  BOOLEAN) DUPLICATE KEY(k) DISTRIBUTED BY HASH(k) BUCKETS 1 PROPERTIES ('replication_num'='1')";
    conn.query_drop(create).await.unwrap();
    assert_eq!(conn.affected_rows(), 0);
    conn.query_drop("INSERT INTO t (k, s) VALUES (1, 'x'), (2, NULL)").await.unwrap();
    assert_eq!(conn.affected_rows(), 2);
    let result = conn.query_iter("SELECT * FROM t ORDER BY k").await.unwrap();
    let types: Vec<ColumnType> = result.columns_ref().iter().map(|column| column.column_type()).collect();
    assert_eq!(
        types,
        [
            ColumnType::MYSQL_TYPE_LONG,
            ColumnType::MYSQL_TYPE_LONGLONG,
            ColumnType::MYSQL_TYPE_STRING,
            ColumnType::MYSQL_TYPE_DOUBLE,
            ColumnType::MYSQL_TYPE_NEWDECIMAL,
            ColumnType::MYSQL_TYPE_STRING,
            ColumnType::MYSQL_TYPE_DATE,
            ColumnType::MYSQL_TYPE_DATETIME,
            ColumnType::MYSQL_TYPE_TINY,
        ]
    );
    drop(result);
    let rows: Vec<(i64, Option<String>)> = conn.query("SELECT k, s FROM t ORDER BY k").await.unwrap();
    assert_eq!(rows, [(1, Some("x".into())), (2, None)]);
    let shown: Vec<(String, String)> = conn.query("SHOW CREATE TABLE t").await.unwrap();
    assert!(shown[0].1.starts_with("CREATE TABLE `t` (\n  `k` int NULL,\n"));
    conn.ping().await.unwrap();
    let error = server_error(conn.query_drop("SELECT * FROM zz").await);
    assert_eq!((error.code, error.state.as_str()), (1105, "HY000"));
    assert_eq!(
        error.message,
        "errCode = 2, detailMessage = Table [zz] does not exist in database [d].(line 1, pos 14)"
    );
    assert_eq!(server_error(conn.query_drop("USE nope").await).code, 1049);
    let prepared = server_error(conn.prep("SELECT 1").await);
    assert_eq!((prepared.code, prepared.state.as_str()), (1047, "08S01"));
    // A refused command leaves the connection usable.
    let one: Option<i64> = conn.query_first("SELECT 1").await.unwrap();
    assert_eq!(one, Some(1));
    conn.disconnect().await.unwrap();
}

#[tokio::test]
async fn results_and_requests_may_be_longer_than_a_packet() {
    let cluster = cluster("").await;
    let mut conn = connect(&cluster).await;
    let long = "x".repeat(17 << 20);
    let answer: Option<String> = conn.query_first(format!("SELECT '{long}'")).await.unwrap();
    assert!(answer.is_some_and(|answer| answer == long), "a row of 17 MiB");
    // Exactly full packets are followed by an empty one: 0x03 + the text = 2^24 - 1 bytes.
    let exact = "y".repeat((1 << 24) - 2 - "SELECT length('')".len());
    let length: Option<usize> = conn.query_first(format!("SELECT length('{exact}')")).await.unwrap();
    assert_eq!(length, Some(exact.len()));
    let numbers: Vec<i64> = conn.query("SELECT number FROM numbers('number' = '200000')").await.unwrap();
    assert_eq!((numbers.len(), numbers.last()), (200_000, Some(&199_999)));
}

#[tokio::test]
async fn logins_are_checked() {
    let cluster = cluster("s3cr%t").await;
    let endpoint = &cluster.frontends()[0].query;
    let mut conn = Conn::new(options(endpoint, "s3cr%t").db_name(Some("information_schema"))).await.unwrap();
    let db: Option<String> = conn.query_first("SELECT DATABASE()").await.unwrap();
    assert_eq!(db.as_deref(), Some("information_schema"));
    for (options, using) in [
        (options(endpoint, "wrong"), "YES"),
        (options(endpoint, ""), "NO"),
        (options(endpoint, "s3cr%t").user(Some("nobody")), "YES"),
    ] {
        let error = server_error(Conn::new(options).await);
        assert_eq!((error.code, error.state.as_str()), (1045, "28000"));
        assert!(error.message.starts_with("Access denied for user '"), "{}", error.message);
        assert!(error.message.ends_with(&format!("@127.0.0.1' (using password: {using})")), "{}", error.message);
    }
    let error = server_error(Conn::new(options(endpoint, "s3cr%t").db_name(Some("zz"))).await);
    assert_eq!((error.code, error.message.as_str()), (1049, "errCode = 2, detailMessage = Unknown database 'zz'"));
}

#[tokio::test]
async fn null_and_text_differ() {
    let cluster = cluster("").await;
    let mut conn = connect(&cluster).await;
    let row: Vec<Value> =
        conn.query_first("SELECT NULL, '', 'NULL'").await.unwrap().map(mysql_async::Row::unwrap).unwrap();
    assert_eq!(row, [Value::NULL, Value::Bytes(Vec::new()), Value::Bytes(b"NULL".to_vec())]);
}

#[tokio::test]
async fn a_killed_frontend_breaks_its_connections() {
    let cluster = cluster("").await;
    let mut conn = connect(&cluster).await;
    cluster.with(|model| model.frontends[0].alive = false);
    assert!(matches!(conn.query_drop("SELECT 1").await, Err(Error::Io(_))));
    assert!(matches!(Conn::new(options(&cluster.frontends()[0].query, "")).await, Err(Error::Io(_))));
}

/// One packet from the server: its sequence number and payload.
async fn read_packet(stream: &mut TcpStream) -> (u8, Vec<u8>) {
    let mut head = [0; 4];
    stream.read_exact(&mut head).await.unwrap();
    let mut payload = vec![0; usize::from(head[0]) + (usize::from(head[1]) << 8)];
    stream.read_exact(&mut payload).await.unwrap();
    (head[3], payload)
}

async fn write_packet(stream: &mut TcpStream, sequence: u8, payload: &[u8]) {
    let length = u8::try_from(payload.len()).unwrap();
    stream.write_all(&[&[length, 0, 0, sequence], payload].concat()).await.unwrap();
}

/// Logs in as a client whose default plugin is another one.
async fn log_in_by_hand(cluster: &SimCluster) -> TcpStream {
    let endpoint = &cluster.frontends()[0].query;
    let mut stream = TcpStream::connect((endpoint.host.as_str(), endpoint.port)).await.unwrap();
    let (_, greeting) = read_packet(&mut stream).await;
    assert!(greeting.starts_with(b"\x0a5.7.99\0") && greeting.ends_with(b"mysql_native_password\0"));
    let mut answer = 0x8_8200_u32.to_le_bytes().to_vec();
    answer.resize(32, 0);
    answer.extend_from_slice(b"root\0\0caching_sha2_password\0");
    write_packet(&mut stream, 1, &answer).await;
    let (sequence, switch) = read_packet(&mut stream).await;
    assert!(switch.starts_with(b"\xfemysql_native_password\0"));
    write_packet(&mut stream, sequence + 1, &[]).await;
    assert_eq!(read_packet(&mut stream).await.1[0], 0, "OK");
    stream
}

#[tokio::test]
async fn other_plugins_are_switched_and_unknown_commands_refused() {
    let cluster = cluster("").await;
    let mut stream = log_in_by_hand(&cluster).await;
    write_packet(&mut stream, 0, &[0x16, b'S']).await;
    let (sequence, refusal) = read_packet(&mut stream).await;
    assert_eq!((sequence, &refusal[..]), (1, &b"\xff\x17\x04#08S01Unsupported command(22)"[..]));
    write_packet(&mut stream, 0, b"\x02zz").await;
    assert!(
        read_packet(&mut stream)
            .await
            .1
            .starts_with(b"\xff\x19\x04#42000errCode = 2, detailMessage = Unknown database")
    );
    write_packet(&mut stream, 0, b"\x02mysql").await;
    assert_eq!(read_packet(&mut stream).await.1, [0; 7]);
    // Two statements in one text have two answers, although nothing announces the second.
    write_packet(&mut stream, 0, b"\x03CREATE DATABASE a; DROP DATABASE a").await;
    assert_eq!(read_packet(&mut stream).await, (1, vec![0; 7]));
    assert_eq!(read_packet(&mut stream).await, (2, vec![0; 7]));
    write_packet(&mut stream, 0, &[0x01]).await;
    assert_eq!(stream.read(&mut [0; 1]).await.unwrap(), 0, "closed");
}
