//! `FrontendService` and `BackendService` on sockets: strict binary protocol, not framed, as Doris's servers.

use std::{net::SocketAddr, sync::Arc};

use bytes::{Bytes, BytesMut};
use doris::{
    net::Endpoint,
    thrift::{Limits, Scanner, ThriftError, decode_call},
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    task::JoinSet,
};

use super::{
    be::BackendService,
    faults::{Arrival, CallInfo, Channel, Departure, Faults, Substitute},
    fe::FrontendService,
};

/// What answers the calls of a port.
#[derive(Clone, Debug)]
pub enum ThriftService {
    Frontend(FrontendService),
    Backend(BackendService),
}

impl ThriftService {
    async fn call(&self, message: Bytes, peer: &str) -> Result<Bytes, ThriftError> {
        match self {
            Self::Frontend(fe) => fe.call(message, peer).await,
            Self::Backend(be) => be.call(message).await,
        }
    }

    fn substitute(&self, message: &Bytes, answer: &Substitute) -> Option<Bytes> {
        match self {
            Self::Frontend(fe) => fe.substitute(message, answer),
            Self::Backend(be) => be.substitute(message, answer),
        }
    }

    async fn died(&self) {
        match self {
            Self::Frontend(fe) => fe.died().await,
            Self::Backend(be) => be.died().await,
        }
    }

    fn is_alive(&self) -> bool {
        match self {
            Self::Frontend(fe) => fe.is_alive(),
            Self::Backend(be) => be.is_alive(),
        }
    }
}

/// Answers connections for as long as it is polled. Each connection has a task, its calls are answered in order.
pub async fn serve(listener: TcpListener, endpoint: Endpoint, service: ThriftService, faults: Faults) {
    let port = Arc::new(Port { service, endpoint, faults });
    let mut connections = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            biased;
            Some(_) = connections.join_next() => continue,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, peer)) if port.service.is_alive() => {
                connections.spawn(connection(stream, peer, Arc::clone(&port)));
            }
            Ok(_) => {}
            Err(error) => tracing::warn!(%error, "a connection could not be accepted"),
        }
    }
}

/// What every connection of a port needs.
struct Port {
    service: ThriftService,
    endpoint: Endpoint,
    faults: Faults,
}

async fn connection(mut stream: TcpStream, peer: SocketAddr, port: Arc<Port>) {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%peer, %error, "no TCP_NODELAY");
    }
    let peer_ip = peer.ip().to_string();
    let served = tokio::select! {
        biased;
        () = port.service.died() => Ok(()),
        served = answer_all(&mut stream, &peer_ip, &port) => served,
    };
    if let Err(error) = served {
        tracing::debug!(%peer, %error, "connection closed");
    }
}

/// Answers call after call until the client closes.
async fn answer_all(stream: &mut TcpStream, peer: &str, port: &Port) -> std::io::Result<()> {
    let mut buffer = BytesMut::new();
    let mut scanner = Scanner::new(Limits::default());
    loop {
        match scanner.take(&mut buffer).map_err(std::io::Error::other)? {
            Some(message) => match answer(message, peer, port).await.map_err(std::io::Error::other)? {
                Some((reply, true)) => stream.write_all(&reply).await?,
                Some((reply, false)) => return stream.write_all(&reply).await,
                None => return Ok(()),
            },
            None if stream.read_buf(&mut buffer).await? == 0 => return Ok(()),
            None => {}
        }
    }
}

/// What to send, and whether the connection goes on after it; `None`: the connection breaks.
async fn answer(message: Bytes, peer: &str, port: &Port) -> Result<Option<(Bytes, bool)>, ThriftError> {
    let Port { service, endpoint, faults } = port;
    let head = decode_call(&message)?;
    let call = CallInfo { to: endpoint, channel: Channel::Thrift, what: &head.name };
    let mut repetitions = 0;
    match faults.arrive(call).await {
        Arrival::Execute => {}
        Arrival::ExecuteTwice => repetitions = 1,
        Arrival::Unreachable | Arrival::Lost => return Ok(None),
        Arrival::Answer(answer) => {
            if let Some(reply) = service.substitute(&message, &answer) {
                return Ok(Some((reply, true)));
            }
        }
    }
    let mut reply = service.call(message.clone(), peer).await?;
    for _ in 0..repetitions {
        let _answer_of_the_copy = service.call(message.clone(), peer).await;
    }
    if !service.is_alive() {
        return Ok(None);
    }
    Ok(match faults.depart(call).await {
        Departure::Send => Some((reply, true)),
        Departure::Answer(answer) => Some((service.substitute(&message, &answer).unwrap_or(reply), true)),
        Departure::Cut(bytes) => Some((reply.split_to(bytes.min(reply.len())), false)),
        Departure::Lost => None,
    })
}
