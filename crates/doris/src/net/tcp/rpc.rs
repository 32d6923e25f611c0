//! Thrift over unframed TCP: one call at a time on a connection, a few idle connections per endpoint.

use std::{
    collections::BTreeMap,
    io,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
};

use bytes::{Bytes, BytesMut};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::Instant,
};

use super::{TcpOptions, connect};
use crate::{
    net::{Endpoint, NetError},
    thrift::{Limits, Scanner},
};

/// The message type in the fourth byte of a strict binary message.
const MESSAGE_REPLY: u8 = 2;

/// Idle connections by endpoint. A connection belongs to its call until the reply is complete; a call that fails or is
/// dropped drops the connection.
#[derive(Debug)]
pub(super) struct Pool {
    options: TcpOptions,
    idle: Arc<Mutex<Idle>>,
}

#[derive(Debug, Default)]
struct Idle {
    connections: BTreeMap<Endpoint, Vec<(TcpStream, Instant)>>,
    /// Whether a task watches over the idle times.
    reaping: bool,
}

/// How far a call came before it failed.
enum Failed {
    /// Not a byte was sent.
    Unsent(io::Error),
    Lost(String),
    Garbled(String),
}

impl Pool {
    pub(super) fn new(options: TcpOptions) -> Self {
        Self { options, idle: Arc::default() }
    }

    pub(super) async fn call(&self, to: &Endpoint, call: Bytes) -> Result<Bytes, NetError> {
        let lost = |why: String| NetError::Lost { to: to.to_string(), why };
        if let Some(mut stream) = self.take_idle(to) {
            match self.exchange(&mut stream, &call).await {
                Ok(reply) => return Ok(self.finish(to, stream, &call, reply)),
                // The peer closed it while it was idle: as if it had never been there.
                Err(Failed::Unsent(_)) => {}
                Err(Failed::Lost(why)) => return Err(lost(why)),
                Err(Failed::Garbled(why)) => return Err(NetError::Garbled { to: to.to_string(), why }),
            }
        }
        let mut stream = connect(to, self.options.connect_timeout).await?;
        match self.exchange(&mut stream, &call).await {
            Ok(reply) => Ok(self.finish(to, stream, &call, reply)),
            Err(Failed::Unsent(why)) => Err(NetError::Unreachable { to: to.to_string(), why: why.to_string() }),
            Err(Failed::Lost(why)) => Err(lost(why)),
            Err(Failed::Garbled(why)) => Err(NetError::Garbled { to: to.to_string(), why }),
        }
    }

    /// Sends the call and reads exactly one message. Bytes behind it stay unread or are an error.
    async fn exchange(&self, stream: &mut TcpStream, call: &Bytes) -> Result<Bytes, Failed> {
        let mut sent = 0;
        while sent < call.len() {
            match stream.write(&call[sent..]).await {
                Ok(0) => return Err(not_sent(sent, io::ErrorKind::WriteZero.into())),
                Ok(written) => sent += written,
                Err(error) => return Err(not_sent(sent, error)),
            }
        }
        let mut scanner = Scanner::new(Limits { max_message: self.options.max_reply_bytes, ..Limits::default() });
        let mut buffer = BytesMut::new();
        loop {
            match scanner.scan(&buffer) {
                Ok(Some(end)) if end == buffer.len() => return Ok(buffer.freeze()),
                Ok(Some(end)) => return Err(Failed::Garbled(format!("{} bytes follow the reply", buffer.len() - end))),
                Ok(None) => {}
                Err(error) => return Err(Failed::Garbled(error.to_string())),
            }
            // Grows with what has arrived: a length that a peer claims is never trusted with memory.
            buffer.reserve(buffer.len().clamp(8 << 10, 1 << 20));
            match stream.read_buf(&mut buffer).await {
                Ok(0) if buffer.is_empty() => return Err(Failed::Lost("closed by the server".to_owned())),
                Ok(0) => return Err(Failed::Lost(format!("closed by the server after {} bytes", buffer.len()))),
                Ok(_) => {}
                Err(error) => return Err(Failed::Lost(error.to_string())),
            }
        }
    }

    /// Keeps the connection after an ordinary reply to this call. After another's the next one would be another's too; an FE
    /// that could not decode a request leaves the rest of it in the stream (seen in 4.1).
    fn finish(&self, to: &Endpoint, stream: TcpStream, call: &[u8], reply: Bytes) -> Bytes {
        let is_reply = reply.get(3) == Some(&MESSAGE_REPLY);
        if is_reply && sequence_id(call).is_some() && sequence_id(call) == sequence_id(&reply) {
            self.put_idle(to, stream);
        }
        reply
    }

    /// The idle connection that was used last, if it is still good: silent and open.
    fn take_idle(&self, to: &Endpoint) -> Option<TcpStream> {
        let mut idle = lock(&self.idle);
        let connections = idle.connections.get_mut(to)?;
        while let Some((stream, since)) = connections.pop() {
            let silent = matches!(stream.try_read(&mut [0]), Err(error) if error.kind() == io::ErrorKind::WouldBlock);
            if silent && since.elapsed() < self.options.idle_timeout {
                return Some(stream);
            }
        }
        None
    }

    fn put_idle(&self, to: &Endpoint, stream: TcpStream) {
        let mut idle = lock(&self.idle);
        let connections = idle.connections.entry(to.clone()).or_default();
        if connections.len() < self.options.max_idle_per_endpoint {
            connections.push((stream, Instant::now()));
        }
        if !idle.reaping {
            idle.reaping = true;
            tokio::spawn(reap(Arc::downgrade(&self.idle), self.options.idle_timeout));
        }
    }
}

/// Closes connections that were idle too long; ends when there are none.
async fn reap(idle: Weak<Mutex<Idle>>, timeout: std::time::Duration) {
    loop {
        let next = {
            let Some(idle) = idle.upgrade() else { return };
            let mut idle = lock(&idle);
            idle.connections.retain(|_, connections| {
                connections.retain(|(_, since)| since.elapsed() < timeout);
                !connections.is_empty()
            });
            let oldest = idle.connections.values().flatten().map(|(_, since)| *since).min();
            match oldest {
                Some(since) => since + timeout,
                None => {
                    idle.reaping = false;
                    return;
                }
            }
        };
        tokio::time::sleep_until(next).await;
    }
}

fn not_sent(sent: usize, error: io::Error) -> Failed {
    if sent == 0 { Failed::Unsent(error) } else { Failed::Lost(error.to_string()) }
}

/// The sequence id of a strict binary message: behind 4 bytes of version and type, and the name.
fn sequence_id(message: &[u8]) -> Option<[u8; 4]> {
    let length = u32::from_be_bytes(message.get(4..8)?.try_into().ok()?);
    let at = usize::try_from(length).ok()?.checked_add(8)?;
    message.get(at..at.checked_add(4)?)?.try_into().ok()
}

/// Nothing that holds the lock can panic half-way through a change.
fn lock(idle: &Mutex<Idle>) -> MutexGuard<'_, Idle> {
    idle.lock().unwrap_or_else(PoisonError::into_inner)
}
