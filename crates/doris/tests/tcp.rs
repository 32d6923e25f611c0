//! The TCP implementation of the seam, against servers that cut, delay, garble, restart and lie.

#![allow(clippy::unwrap_used)]

use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use doris::{
    net::{
        Endpoint, Net, NetError,
        tcp::{TcpNet, TcpOptions},
    },
    rpc::{self, Status, StatusCode},
    thrift::{Limits, Scanner, decode_call, decode_reply, encode_call, encode_exception, encode_reply},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

/// What the server does with one call.
#[derive(Clone, Debug)]
enum Act {
    Reply,
    /// In pieces of one byte.
    Trickle,
    Delay(Duration),
    /// Half of the reply, then the end.
    Truncate,
    /// Nothing, then the end.
    Close,
    Bytes(&'static [u8]),
    /// A reply with this sequence id.
    OtherSequence(i32),
    /// The reply, and some bytes nobody asked for.
    ReplyAndMore,
    Exception,
}

/// A Thrift server that follows a script, then replies as it should.
struct Server {
    endpoint: Endpoint,
    connections: Arc<AtomicUsize>,
    open: Arc<AtomicUsize>,
    task: JoinHandle<()>,
}

impl Server {
    async fn start(script: Vec<Act>) -> Self {
        Self::listen(TcpListener::bind("127.0.0.1:0").await.unwrap(), script)
    }

    fn listen(listener: TcpListener, script: Vec<Act>) -> Self {
        let endpoint = Endpoint::new("127.0.0.1", listener.local_addr().unwrap().port());
        let script = Arc::new(Mutex::new(VecDeque::from(script)));
        let (connections, open) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let (accepted, opened) = (Arc::clone(&connections), Arc::clone(&open));
        let task = tokio::spawn(async move {
            // Connections end with the server.
            let mut sessions = tokio::task::JoinSet::new();
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                accepted.fetch_add(1, Ordering::SeqCst);
                let (script, opened) = (Arc::clone(&script), Arc::clone(&opened));
                sessions.spawn(async move {
                    opened.fetch_add(1, Ordering::SeqCst);
                    serve(stream, &script).await;
                    opened.fetch_sub(1, Ordering::SeqCst);
                });
            }
        });
        Self { endpoint, connections, open, task }
    }

    fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    async fn stop(self) -> u16 {
        self.task.abort();
        let _ = self.task.await;
        self.endpoint.port
    }
}

async fn serve(mut stream: TcpStream, script: &Mutex<VecDeque<Act>>) {
    loop {
        let Some(message) = read_message(&mut stream).await else { return };
        let call = decode_call(&message).unwrap();
        let reply = |seq| {
            // The reply names its call, so that a stale one is seen.
            let status = Status::with_text(StatusCode::OK, call.seq.to_string());
            encode_reply(&call.name, seq, &rpc::GetBinlogResult { status: Some(status), ..Default::default() }).unwrap()
        };
        let act = script.lock().unwrap().pop_front().unwrap_or(Act::Reply);
        let bytes = match act {
            Act::Reply => reply(call.seq),
            Act::Delay(time) => {
                tokio::time::sleep(time).await;
                reply(call.seq)
            }
            Act::Trickle => {
                for byte in reply(call.seq) {
                    stream.write_all(&[byte]).await.unwrap();
                    tokio::task::yield_now().await;
                }
                continue;
            }
            Act::Truncate => {
                let whole = reply(call.seq);
                stream.write_all(&whole[..whole.len() / 2]).await.unwrap();
                return;
            }
            Act::Close => return,
            Act::Bytes(bytes) => Bytes::from_static(bytes),
            Act::OtherSequence(seq) => reply(seq),
            Act::ReplyAndMore => [&reply(call.seq)[..], b"more"].concat().into(),
            Act::Exception => encode_exception(&call.name, call.seq, 7, "Required field missing").unwrap(),
        };
        if stream.write_all(&bytes).await.is_err() {
            return;
        }
    }
}

async fn read_message(stream: &mut TcpStream) -> Option<Bytes> {
    let mut scanner = Scanner::new(Limits::default());
    let mut buffer = Vec::new();
    loop {
        if let Some(end) = scanner.scan(&buffer).unwrap() {
            assert_eq!(end, buffer.len(), "calls are not pipelined");
            return Some(buffer.into());
        }
        if stream.read_buf(&mut buffer).await.ok()? == 0 {
            return None;
        }
    }
}

/// One call; the reply must be to this very call.
async fn call(net: &TcpNet, to: &Endpoint, seq: i32) -> Result<(), NetError> {
    let request = rpc::GetBinlogRequest { user: Some("root".to_owned()), ..Default::default() };
    let reply = net.thrift(to, encode_call("getBinlog", seq, &request).unwrap()).await?;
    match decode_reply::<rpc::GetBinlogResult>(&reply, "getBinlog", seq) {
        Ok(result) => {
            assert_eq!(result.status.unwrap().text(), seq.to_string());
            Ok(())
        }
        Err(error) => Err(NetError::Garbled { to: to.to_string(), why: error.to_string() }),
    }
}

#[tokio::test]
async fn connections_are_used_again() {
    let server = Server::start(vec![Act::Reply, Act::Trickle]).await;
    let net = TcpNet::default();
    for seq in 0..20 {
        call(&net, &server.endpoint, seq).await.unwrap();
    }
    assert_eq!(server.connections(), 1);
    // Calls at the same time need their own.
    futures::future::join_all((20..28).map(|seq| call(&net, &server.endpoint, seq)))
        .await
        .into_iter()
        .for_each(|reply| reply.unwrap());
    assert!(server.connections() > 1);
}

#[tokio::test]
async fn a_broken_reply_is_an_error_of_that_call_only() {
    // A string that claims 2 GiB - 1, one that claims a negative length, a list that claims 2^31 - 1 structs, plain junk.
    const HUGE: &[u8] =
        b"\x80\x01\x00\x02\x00\x00\x00\x09getBinlog\x00\x00\x00\x01\x0c\x00\x00\x0b\x00\x04\x7f\xff\xff\xff";
    const NEGATIVE: &[u8] =
        b"\x80\x01\x00\x02\x00\x00\x00\x09getBinlog\x00\x00\x00\x01\x0c\x00\x00\x0b\x00\x04\xff\xff\xff\xff";
    const JUNK: &[u8] = b"HTTP/1.1 400 Bad Request\r\n\r\n";
    for (act, is_garbled) in [
        (Act::Truncate, false),
        (Act::Close, false),
        (Act::Bytes(HUGE), true),
        (Act::Bytes(NEGATIVE), true),
        (Act::Bytes(JUNK), true),
        (Act::OtherSequence(99), true),
        (Act::ReplyAndMore, true),
        (Act::Exception, true),
    ] {
        let server = Server::start(vec![Act::Reply, act.clone()]).await;
        let net = TcpNet::default();
        call(&net, &server.endpoint, 1).await.unwrap();
        let error = call(&net, &server.endpoint, 2).await.unwrap_err();
        assert_eq!(matches!(error, NetError::Garbled { .. }), is_garbled, "{act:?}: {error}");
        assert_eq!(matches!(error, NetError::Lost { .. }), !is_garbled, "{act:?}: {error}");
        call(&net, &server.endpoint, 3).await.unwrap();
        assert_eq!(server.connections(), 2, "{act:?}: that connection is not used again");
    }
}

#[tokio::test]
async fn a_reply_is_limited() {
    let server = Server::start(vec![]).await;
    let net = TcpNet::new(TcpOptions { max_reply_bytes: 32, ..TcpOptions::default() });
    let error = call(&net, &server.endpoint, 1).await.unwrap_err();
    assert!(matches!(error, NetError::Garbled { .. }), "{error}");
}

/// Defects: WIRE-20.
#[tokio::test]
async fn a_dropped_call_leaves_nothing_behind() {
    let server = Server::start(vec![Act::Reply, Act::Delay(Duration::from_millis(200))]).await;
    let net = TcpNet::default();
    call(&net, &server.endpoint, 1).await.unwrap();
    let late = tokio::time::timeout(Duration::from_millis(20), call(&net, &server.endpoint, 2)).await;
    assert!(late.is_err());
    for seq in 3..6 {
        call(&net, &server.endpoint, seq).await.unwrap();
    }
    assert_eq!(server.connections(), 2);
}

#[tokio::test]
async fn a_server_may_restart_between_calls() {
    let server = Server::start(vec![]).await;
    let endpoint = server.endpoint.clone();
    let net = TcpNet::default();
    call(&net, &endpoint, 1).await.unwrap();
    let port = server.stop().await;
    let error = call(&net, &endpoint, 2).await.unwrap_err();
    assert!(matches!(error, NetError::Unreachable { .. }), "{error}");
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.set_reuseaddr(true).unwrap();
    socket.bind(([127, 0, 0, 1], port).into()).unwrap();
    let server = Server::listen(socket.listen(16).unwrap(), vec![]);
    call(&net, &endpoint, 3).await.unwrap();
    assert_eq!(server.connections(), 1);
}

#[tokio::test]
async fn idle_connections_are_closed() {
    let server = Server::start(vec![]).await;
    let net = TcpNet::new(TcpOptions { idle_timeout: Duration::from_millis(50), ..TcpOptions::default() });
    call(&net, &server.endpoint, 1).await.unwrap();
    assert_eq!(server.open.load(Ordering::SeqCst), 1);
    // The server sees the end of it, though nothing else is called.
    let closed = async {
        while server.open.load(Ordering::SeqCst) > 0 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), closed).await.unwrap();
    call(&net, &server.endpoint, 2).await.unwrap();
    assert_eq!(server.connections(), 2);
}

#[tokio::test]
async fn nobody_listens() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = Endpoint::new("127.0.0.1", listener.local_addr().unwrap().port());
    drop(listener);
    let net = TcpNet::default();
    assert!(matches!(call(&net, &endpoint, 1).await, Err(NetError::Unreachable { .. })));
    assert!(matches!(net.http_get(&endpoint, "/").await, Err(NetError::Unreachable { .. })));
}

/// A server that answers one HTTP request with these bytes.
async fn http_server(reply: Vec<u8>) -> (Endpoint, JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = Endpoint::new("127.0.0.1", listener.local_addr().unwrap().port());
    let task = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut request = Vec::new();
        while !request.ends_with(b"\r\n\r\n") {
            assert_ne!(stream.read_buf(&mut request).await.unwrap(), 0);
        }
        stream.write_all(&reply).await.unwrap();
        String::from_utf8(request).unwrap()
    });
    (endpoint, task)
}

/// Defects: SQL-6.
#[tokio::test]
async fn http_replies() {
    let net = TcpNet::new(TcpOptions { max_http_bytes: 1000, ..TcpOptions::default() });
    let (to, server) = http_server(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nbody".to_vec()).await;
    let reply = net.http_get(&to, "/api/show_config?conf_item=x").await.unwrap();
    assert_eq!((reply.status, &reply.body[..]), (200, &b"body"[..]));
    let request = server.await.unwrap();
    assert!(request.starts_with("GET /api/show_config?conf_item=x HTTP/1.1\r\n"), "{request}");
    assert!(request.to_ascii_lowercase().contains(&format!("host: {to}\r\n")), "{request}");

    let chunked = b"HTTP/1.1 404 Not Found\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n".to_vec();
    let reply = net.http_get(&http_server(chunked).await.0, "/").await.unwrap();
    assert_eq!((reply.status, &reply.body[..]), (404, &b"abc"[..]));

    let cut = b"HTTP/1.1 200 OK\r\nContent-Length: 400\r\n\r\nbody".to_vec();
    assert!(matches!(net.http_get(&http_server(cut).await.0, "/").await, Err(NetError::Lost { .. })));
    let large = [&b"HTTP/1.1 200 OK\r\nContent-Length: 1001\r\n\r\n"[..], &[b'x'; 1001]].concat();
    assert!(matches!(net.http_get(&http_server(large).await.0, "/").await, Err(NetError::Garbled { .. })));
    let junk = b"\x80\x01\x00\x02 this is not HTTP\r\n\r\n".to_vec();
    assert!(matches!(net.http_get(&http_server(junk).await.0, "/").await, Err(NetError::Garbled { .. })));
}
