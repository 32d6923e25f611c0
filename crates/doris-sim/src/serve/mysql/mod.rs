//! The MySQL port of a frontend, as Doris speaks the protocol: version 5.7.99, `mysql_native_password`, text results.
//!
//! Several statements in one query are all answered, although no client is told to expect it: it is then out of step, as
//! with Doris (seen).

mod handshake;
mod packet;
mod result;

use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};

use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpListener,
    task::JoinSet,
};

use super::{
    faults::{Arrival, CallInfo, Channel, Departure, Faults, Substitute},
    net::mysql_refusal,
};
use crate::{
    Session, Sim, SqlService,
    exec::{Reply, close_txn, use_database},
    model::Refusal,
};
use doris::net::Endpoint;
use packet::{Packets, ProtocolError};

/// Commands of the protocol that are served.
mod command {
    pub(super) const QUIT: u8 = 0x01;
    pub(super) const INIT_DB: u8 = 0x02;
    pub(super) const QUERY: u8 = 0x03;
    pub(super) const FIELD_LIST: u8 = 0x04;
    pub(super) const PING: u8 = 0x0e;
    pub(super) const RESET_CONNECTION: u8 = 0x1f;
}

/// The MySQL port of one frontend.
#[derive(Clone, Debug)]
pub struct MysqlPort {
    pub sim: Arc<Sim>,
    /// Index into [`crate::Model::frontends`].
    pub frontend: usize,
    pub endpoint: Endpoint,
    pub sql: Arc<dyn SqlService>,
    pub faults: Faults,
}

impl MysqlPort {
    fn is_open(&self) -> bool {
        self.sim.look(|model| model.serves_sql(self.frontend))
    }

    async fn closed(&self) {
        self.sim.wait_death(|model| model.serves_sql(self.frontend)).await;
    }
}

/// Answers connections until the future is dropped; that closes them all.
pub async fn serve(listener: TcpListener, port: MysqlPort) {
    let (ids, port) = (AtomicU32::new(1), Arc::new(port));
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            biased;
            accepted = listener.accept() => match accepted {
                Ok((stream, peer)) => {
                    if let Err(error) = stream.set_nodelay(true) {
                        tracing::debug!(%peer, %error, "TCP_NODELAY cannot be set");
                    }
                    let id = ids.fetch_add(1, Ordering::Relaxed);
                    let port = Arc::clone(&port);
                    connections.spawn(async move {
                        let peer_host = peer.ip().to_string();
                        if let Err(error) = serve_connection(stream, &port, id, &peer_host).await {
                            tracing::debug!(%peer, %error, "a MySQL connection ended");
                        }
                    });
                }
                Err(error) => tracing::warn!(%error, "a MySQL connection could not be accepted"),
            },
            Some(_) = connections.join_next(), if !connections.is_empty() => {}
        }
    }
}

/// Serves one connection to its end.
async fn serve_connection<S: AsyncRead + AsyncWrite + Unpin>(
    stream: S,
    port: &MysqlPort,
    connection_id: u32,
    peer_host: &str,
) -> Result<(), ProtocolError> {
    let mut packets = Packets::new(stream);
    if !port.is_open() {
        return Ok(());
    }
    let sim = &*port.sim;
    let mut session = Session { fe: port.frontend, connection_id, host: peer_host.to_owned(), ..Session::default() };
    // A killed frontend answers nothing: its connections break.
    let ended = tokio::select! {
        biased;
        () = port.closed() => Ok(()),
        ended = async {
            match handshake::log_in(&mut packets, sim, &mut session, peer_host).await? {
                true => serve_requests(&mut packets, port, &mut session).await,
                false => Ok(()),
            }
        } => ended,
    };
    sim.with(|model| close_txn(model, &mut session));
    ended
}

/// Answers requests until the connection ends.
async fn serve_requests<S: AsyncRead + AsyncWrite + Unpin>(
    packets: &mut Packets<S>,
    port: &MysqlPort,
    session: &mut Session,
) -> Result<(), ProtocolError> {
    let sim = &*port.sim;
    while let Some(request) = packets.read_request().await? {
        if !port.is_open() {
            return Ok(());
        }
        let Some((command, body)) = request.split_first() else {
            result::write_refusal(packets, &unsupported(0));
            packets.flush().await?;
            continue;
        };
        match *command {
            command::QUIT => return Ok(()),
            command::PING => result::write_ok(packets, 0, ""),
            command::RESET_CONNECTION => {
                session.variables.clear();
                sim.with(|model| close_txn(model, session));
                result::write_ok(packets, 0, "");
            }
            command::INIT_DB => {
                let db = String::from_utf8_lossy(body);
                let reply = sim.look(|model| use_database(model, session, &db));
                result::write_reply(packets, &reply.into()).await?;
            }
            command::QUERY => match std::str::from_utf8(body) {
                Ok(text) => match query(packets, port, session, text).await? {
                    Departure::Send | Departure::Answer(_) => {}
                    Departure::Cut(bytes) => return Ok(packets.flush_part(bytes).await?),
                    Departure::Lost => return Ok(()),
                },
                Err(_) => result::write_refusal(packets, &Refusal::analysis("the statement is not UTF-8")),
            },
            command::FIELD_LIST => {
                let table = body.split(|byte| *byte == 0).next().unwrap_or_default();
                let table = String::from_utf8_lossy(table).replace('`', "``");
                let replies = port.sql.execute_all(session, &format!("SELECT * FROM `{table}` LIMIT 0")).await;
                match replies.into_iter().next() {
                    Some(Reply::Rows(rows)) => result::write_field_list(packets, &rows),
                    Some(Reply::Refused(refusal)) => result::write_refusal(packets, &refusal),
                    Some(Reply::Done { .. }) | None => result::write_refusal(packets, &unsupported(*command)),
                }
            }
            other => result::write_refusal(packets, &unsupported(other)),
        }
        packets.flush().await?;
    }
    Ok(())
}

/// Executes a text and gathers its answers. What has to happen to them is the answer.
async fn query<S: AsyncRead + AsyncWrite + Unpin>(
    packets: &mut Packets<S>,
    port: &MysqlPort,
    session: &mut Session,
    text: &str,
) -> Result<Departure, ProtocolError> {
    let call = CallInfo { to: &port.endpoint, channel: Channel::Sql, what: text };
    let mut repetitions = 0;
    match port.faults.arrive(call).await {
        Arrival::Execute | Arrival::Answer(Substitute::NotMaster(_)) => {}
        Arrival::ExecuteTwice => repetitions = 1,
        Arrival::Unreachable | Arrival::Lost => return Ok(Departure::Lost),
        Arrival::Answer(Substitute::Refusal { status, text }) => {
            result::write_refusal(packets, &mysql_refusal(status, &text));
            return Ok(Departure::Send);
        }
    }
    let replies = port.sql.execute_all(session, text).await;
    for _ in 0..repetitions {
        let _answer_of_the_copy = port.sql.execute_all(session, text).await;
    }
    let departure = port.faults.depart(call).await;
    match &departure {
        Departure::Answer(Substitute::Refusal { status, text }) => {
            result::write_refusal(packets, &mysql_refusal(*status, text));
        }
        Departure::Lost => {}
        // Of a reply that is cut, nothing may be written before it is.
        Departure::Cut(_) => {
            packets.hold();
            for reply in replies {
                result::write_reply(packets, &reply).await?;
            }
        }
        Departure::Send | Departure::Answer(Substitute::NotMaster(_)) => {
            for reply in replies {
                result::write_reply(packets, &reply).await?;
            }
        }
    }
    Ok(departure)
}

fn unsupported(command: u8) -> Refusal {
    let mut refusal = Refusal::analysis("").with_mysql(1047, "08S01");
    refusal.text = format!("Unsupported command({command})");
    refusal
}
