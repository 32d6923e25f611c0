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

use crate::{
    Session, Sim, SqlService,
    exec::{Reply, close_txn, use_database},
    model::Refusal,
};
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

/// Answers connections to the frontend with this index until the future is dropped; that closes them all.
pub async fn serve(listener: TcpListener, sim: Arc<Sim>, frontend: usize, sql: Arc<dyn SqlService>) {
    let ids = AtomicU32::new(1);
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
                    let (sim, sql) = (Arc::clone(&sim), Arc::clone(&sql));
                    connections.spawn(async move {
                        let peer_host = peer.ip().to_string();
                        if let Err(error) = serve_connection(stream, &sim, frontend, &*sql, id, &peer_host).await {
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
    sim: &Sim,
    frontend: usize,
    sql: &dyn SqlService,
    connection_id: u32,
    peer_host: &str,
) -> Result<(), ProtocolError> {
    let mut packets = Packets::new(stream);
    let alive = || sim.look(|model| model.frontends.get(frontend).is_some_and(|fe| fe.alive));
    if !alive() {
        return Ok(());
    }
    let mut session = Session { fe: frontend, connection_id, ..Session::default() };
    if !handshake::log_in(&mut packets, sim, &mut session, peer_host).await? {
        return Ok(());
    }
    let ended = serve_requests(&mut packets, sim, &mut session, sql, alive).await;
    sim.with(|model| close_txn(model, &mut session));
    ended
}

/// Answers requests until the connection ends.
async fn serve_requests<S: AsyncRead + AsyncWrite + Unpin>(
    packets: &mut Packets<S>,
    sim: &Sim,
    session: &mut Session,
    sql: &dyn SqlService,
    alive: impl Fn() -> bool,
) -> Result<(), ProtocolError> {
    while let Some(request) = packets.read_request().await? {
        // A killed frontend answers nothing: its connections break.
        if !alive() {
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
                Ok(text) => {
                    for reply in sql.execute_all(session, text).await {
                        result::write_reply(packets, &reply).await?;
                    }
                }
                Err(_) => result::write_refusal(packets, &Refusal::analysis("the statement is not UTF-8")),
            },
            command::FIELD_LIST => {
                let table = body.split(|byte| *byte == 0).next().unwrap_or_default();
                let table = String::from_utf8_lossy(table).replace('`', "``");
                let replies = sql.execute_all(session, &format!("SELECT * FROM `{table}` LIMIT 0")).await;
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

fn unsupported(command: u8) -> Refusal {
    let mut refusal = Refusal::analysis("").with_mysql(1047, "08S01");
    refusal.text = format!("Unsupported command({command})");
    refusal
}
