//! SQL sessions, against a server that shakes hands as Doris does and then breaks in every way.

#![allow(clippy::unwrap_used)]

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use doris::{
    net::{
        Endpoint, Net, NetError, ResultSet, SqlLogin, SqlReply,
        tcp::{TcpNet, TcpOptions},
    },
    secret::Secret,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::{JoinHandle, JoinSet},
};

/// PROTOCOL_41, CONNECT_WITH_DB, SECURE_CONNECTION, PLUGIN_AUTH, LOCAL_FILES, LONG_FLAG: what Doris offers.
const CAPABILITIES: u32 = 0x200 | 0x8 | 0x8000 | 0x8_0000 | 0x80 | 0x4;

/// A server whose answer is told by the statement itself (see [`answer`]).
struct Server {
    endpoint: Endpoint,
    connections: Arc<AtomicUsize>,
    open: Arc<AtomicUsize>,
    /// Everything that was asked, in order.
    log: Arc<Mutex<Vec<String>>>,
    task: JoinHandle<()>,
}

impl Server {
    async fn start() -> Self {
        Self::listen(TcpListener::bind("127.0.0.1:0").await.unwrap())
    }

    fn listen(listener: TcpListener) -> Self {
        let endpoint = Endpoint::new("127.0.0.1", listener.local_addr().unwrap().port());
        let (connections, open) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let log = Arc::new(Mutex::new(Vec::new()));
        let (accepted, opened, logged) = (Arc::clone(&connections), Arc::clone(&open), Arc::clone(&log));
        let task = tokio::spawn(async move {
            let mut sessions = JoinSet::new();
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                accepted.fetch_add(1, Ordering::SeqCst);
                let (opened, logged) = (Arc::clone(&opened), Arc::clone(&logged));
                sessions.spawn(async move {
                    opened.fetch_add(1, Ordering::SeqCst);
                    let _ended = session(stream, &logged).await;
                    opened.fetch_sub(1, Ordering::SeqCst);
                });
            }
        });
        Self { endpoint, connections, open, log, task }
    }

    fn login(&self, user: &str) -> SqlLogin {
        SqlLogin { endpoint: self.endpoint.clone(), user: user.to_owned(), password: Secret::new("s3cret") }
    }

    fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    fn asked(&self) -> Vec<String> {
        std::mem::take(&mut *self.log.lock().unwrap())
    }
}

async fn read_packet(stream: &mut TcpStream) -> std::io::Result<(u8, Vec<u8>)> {
    let mut head = [0; 4];
    stream.read_exact(&mut head).await?;
    let mut body = vec![0; u32::from_le_bytes([head[0], head[1], head[2], 0]) as usize];
    stream.read_exact(&mut body).await?;
    Ok((head[3], body))
}

fn packet(sequence: u8, body: &[u8]) -> Vec<u8> {
    let mut packet = u32::try_from(body.len()).unwrap().to_le_bytes().to_vec();
    packet[3] = sequence;
    packet.extend_from_slice(body);
    packet
}

fn error(code: u16, message: &str) -> Vec<u8> {
    [&[0xff][..], &code.to_le_bytes(), b"#HY000", message.as_bytes()].concat()
}

const OK: &[u8] = &[0, 0, 0, 2, 0, 0, 0];
const EOF: &[u8] = &[0xfe, 0, 0, 2, 0];

async fn session(mut stream: TcpStream, log: &Mutex<Vec<String>>) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let capabilities = CAPABILITIES.to_le_bytes();
    let handshake = [
        &[10][..],
        b"5.7.99\0",
        &[7, 0, 0, 0],
        b"12345678\0",
        &capabilities[..2],
        &[33, 2, 0],
        &capabilities[2..],
        &[21],
        &[0; 10],
        b"123456789012\0mysql_native_password\0",
    ]
    .concat();
    stream.write_all(&packet(0, &handshake)).await?;
    let (sequence, login) = read_packet(&mut stream).await?;
    if login.windows(7).any(|part| part == b"nobody\0") {
        let text = "Access denied for user 'nobody@127.0.0.1' (using password: YES)";
        return stream.write_all(&packet(sequence + 1, &error(1045, text))).await;
    }
    if login.windows(6).any(|part| part == b"crowd\0") {
        return stream.write_all(&packet(sequence + 1, &error(1203, "Reach limit of connections"))).await;
    }
    stream.write_all(&packet(sequence + 1, OK)).await?;
    loop {
        let (_, command) = read_packet(&mut stream).await?;
        match command.split_first() {
            Some((3, statement)) => {
                let statement = String::from_utf8(statement.to_vec()).unwrap();
                log.lock().unwrap().push(statement.clone());
                let Some(packets) = answer(&statement) else {
                    if statement.contains("hang") {
                        std::future::pending::<()>().await;
                    }
                    return Ok(());
                };
                for (number, body) in packets.iter().enumerate() {
                    stream.write_all(&packet(u8::try_from(number).unwrap() + 1, body)).await?;
                }
                if statement.contains("middle") {
                    return Ok(());
                }
            }
            Some((1, _)) | None => return Ok(()),
            Some((other, _)) => {
                log.lock().unwrap().push(format!("command {other}"));
                stream.write_all(&packet(1, &error(1047, "Unsupported command"))).await?;
            }
        }
    }
}

/// Packets of the answer; `None`: the connection is closed, or nothing ever comes.
fn answer(statement: &str) -> Option<Vec<Vec<u8>>> {
    if statement.contains("cut") || statement.contains("hang") {
        return None;
    }
    if statement.contains("refused") {
        return Some(vec![error(1105, "errCode = 2, detailMessage = Unknown table 't'")]);
    }
    if !statement.starts_with("SHOW") {
        return Some(vec![OK.to_vec()]);
    }
    let text = |text: &str| [&[u8::try_from(text.len()).unwrap()], text.as_bytes()].concat();
    let column = |name: &str| {
        let names = [text("def"), text(""), text(""), text(""), text(name), text("")].concat();
        [&names[..], &[0x0c, 33, 0, 0xff, 0, 0, 0, 253, 0, 0, 0, 0, 0]].concat()
    };
    let row = [text(statement), vec![0xfb], vec![3, b'a', 0xff, b'b']].concat();
    let mut packets = vec![vec![3], column("Statement"), column("Null"), column("Bytes"), EOF.to_vec(), row];
    if !statement.contains("middle") {
        packets.push(EOF.to_vec());
    }
    Some(packets)
}

async fn show(net: &TcpNet, login: &SqlLogin, statement: &str) -> Result<(), NetError> {
    let reply = net.sql(login, statement).await?;
    let row = vec![Some(statement.to_owned()), None, Some("a\u{fffd}b".to_owned())];
    let columns = ["Statement", "Null", "Bytes"].map(String::from).to_vec();
    assert_eq!(reply, SqlReply::Rows(ResultSet { columns, rows: vec![row] }));
    Ok(())
}

#[tokio::test]
async fn a_session_asks_only_what_it_is_told_to() {
    let server = Server::start().await;
    let (net, login) = (TcpNet::default(), server.login("root"));
    for number in 0..5 {
        show(&net, &login, &format!("SHOW {number}")).await.unwrap();
    }
    assert_eq!(net.sql(&login, "DROP TABLE t").await.unwrap(), SqlReply::Ok { affected: 0, info: String::new() });
    let refused = SqlReply::Error {
        code: 1105,
        state: "HY000".to_owned(),
        message: "errCode = 2, detailMessage = Unknown table 't'".to_owned(),
    };
    assert_eq!(net.sql(&login, "DROP refused").await.unwrap(), refused);
    show(&net, &login, "SHOW 5").await.unwrap();
    let asked = ["SHOW 0", "SHOW 1", "SHOW 2", "SHOW 3", "SHOW 4", "DROP TABLE t", "DROP refused", "SHOW 5"];
    assert_eq!(server.asked(), asked);
    // A session comes back to the pool a moment after its answer.
    assert!(server.connections() <= 2);
}

#[tokio::test]
async fn a_refused_login_executes_nothing() {
    let server = Server::start().await;
    let net = TcpNet::default();
    let error = net.sql(&server.login("nobody"), "DROP TABLE t").await.unwrap_err();
    assert!(matches!(&error, NetError::Login { user, .. } if user == "nobody"), "{error}");
    assert!(!format!("{error} {error:?} {net:?}").contains("s3cret"), "{error}");
    let error = net.sql(&server.login("crowd"), "DROP TABLE t").await.unwrap_err();
    assert!(matches!(error, NetError::Unreachable { .. }), "{error}");
    assert!(server.asked().is_empty());
}

#[tokio::test]
async fn a_lost_answer_is_repeated_for_questions_only() {
    let server = Server::start().await;
    let (net, login) = (TcpNet::default(), server.login("root"));
    let error = net.sql(&login, "DROP TABLE cut").await.unwrap_err();
    assert!(matches!(error, NetError::Lost { .. }), "{error}");
    assert_eq!(server.asked(), ["DROP TABLE cut"]);
    for statement in ["SHOW cut", "SHOW middle"] {
        let error = net.sql(&login, statement).await.unwrap_err();
        assert!(matches!(error, NetError::Lost { .. }), "{error}");
        assert_eq!(server.asked(), [statement, statement]);
    }
    show(&net, &login, "SHOW 1").await.unwrap();
}

#[tokio::test]
async fn a_dropped_statement_leaves_nothing_behind() {
    let server = Server::start().await;
    let net = TcpNet::new(TcpOptions { max_sql_sessions: 1, ..TcpOptions::default() });
    let login = server.login("root");
    for number in 0..5 {
        let hung = tokio::time::timeout(Duration::from_millis(30), net.sql(&login, "SHOW hang")).await;
        assert!(hung.is_err());
        // The one session that is allowed is free again, and it is a new one.
        show(&net, &login, &format!("SHOW {number}")).await.unwrap();
    }
    assert_eq!(server.connections(), 6);
}

#[tokio::test]
async fn a_server_may_restart_between_statements() {
    let server = Server::start().await;
    let (net, login) = (TcpNet::default(), server.login("root"));
    show(&net, &login, "SHOW 1").await.unwrap();
    server.task.abort();
    let _ = server.task.await;
    let error = net.sql(&login, "DROP TABLE t").await.unwrap_err();
    assert!(matches!(error, NetError::Unreachable { .. }), "{error}");
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.set_reuseaddr(true).unwrap();
    socket.bind(([127, 0, 0, 1], login.endpoint.port).into()).unwrap();
    let server = Server::listen(socket.listen(16).unwrap());
    assert!(matches!(net.sql(&login, "DROP TABLE t").await.unwrap(), SqlReply::Ok { .. }));
    assert_eq!(server.asked(), ["DROP TABLE t"]);
}

/// Defects: SQL-4.
#[tokio::test]
async fn sessions_are_limited() {
    let server = Server::start().await;
    let net = TcpNet::new(TcpOptions { max_sql_sessions: 3, ..TcpOptions::default() });
    let login = server.login("root");
    let statements: Vec<_> = (0..50).map(|number| format!("SHOW {number}")).collect();
    let replies = futures::future::join_all(statements.iter().map(|statement| show(&net, &login, statement))).await;
    assert!(replies.iter().all(Result::is_ok), "{replies:?}");
    assert!(server.connections() <= 3);
    assert!(server.open.load(Ordering::SeqCst) <= 3);
}
