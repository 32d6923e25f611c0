//! `FrontendService` and `BackendService` on sockets: strict binary protocol, not framed, as Doris's servers.

use std::{net::SocketAddr, sync::Arc};

use bytes::{Bytes, BytesMut};
use doris::thrift::{Limits, Scanner, ThriftError};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    task::JoinSet,
};

use super::{be::BackendService, fe::FrontendService};

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

    fn is_alive(&self) -> bool {
        match self {
            Self::Frontend(fe) => fe.is_alive(),
            Self::Backend(be) => be.is_alive(),
        }
    }
}

/// Answers connections for as long as it is polled. Each connection has a task, its calls are answered in order.
pub async fn serve(listener: TcpListener, service: ThriftService) {
    let service = Arc::new(service);
    let mut connections = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            biased;
            Some(_) = connections.join_next() => continue,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, peer)) if service.is_alive() => {
                connections.spawn(connection(stream, peer, Arc::clone(&service)));
            }
            Ok(_) => {}
            Err(error) => tracing::warn!(%error, "a connection could not be accepted"),
        }
    }
}

async fn connection(mut stream: TcpStream, peer: SocketAddr, service: Arc<ThriftService>) {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%peer, %error, "no TCP_NODELAY");
    }
    let peer_ip = peer.ip().to_string();
    if let Err(error) = answer_all(&mut stream, &peer_ip, &service).await {
        tracing::debug!(%peer, %error, "connection closed");
    }
}

/// Answers call after call until the client closes.
async fn answer_all(stream: &mut TcpStream, peer: &str, service: &ThriftService) -> std::io::Result<()> {
    let mut buffer = BytesMut::new();
    let mut scanner = Scanner::new(Limits::default());
    loop {
        match scanner.take(&mut buffer).map_err(std::io::Error::other)? {
            Some(message) => {
                let reply = service.call(message, peer).await.map_err(std::io::Error::other)?;
                if !service.is_alive() {
                    return Ok(());
                }
                stream.write_all(&reply).await?;
            }
            None if stream.read_buf(&mut buffer).await? == 0 => return Ok(()),
            None => {}
        }
    }
}
