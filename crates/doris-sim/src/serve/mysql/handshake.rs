//! Login: greeting, the client's answer, the switch to `mysql_native_password`, the check.

use bytes::BufMut as _;
use sha1::{Digest as _, Sha1};
use tokio::io::{AsyncRead, AsyncWrite};

use super::{
    packet::{Packets, ProtocolError},
    result::{write_ok, write_refusal},
};
use crate::{Session, Sim, exec::use_database, model::Refusal};

const VERSION: &[u8] = b"5.7.99\0";
const PLUGIN: &[u8] = b"mysql_native_password";
/// utf8_general_ci.
const CHARSET: u8 = 33;

const LONG_FLAG: u32 = 0x4;
const CONNECT_WITH_DB: u32 = 0x8;
const LOCAL_FILES: u32 = 0x80;
const PROTOCOL_41: u32 = 0x200;
const SECURE_CONNECTION: u32 = 0x8000;
const PLUGIN_AUTH: u32 = 0x8_0000;
const PLUGIN_AUTH_LENGTH: u32 = 0x20_0000;
/// What Doris offers: neither DEPRECATE_EOF nor MULTI_STATEMENTS, no TLS.
const CAPABILITIES: u32 = LONG_FLAG | CONNECT_WITH_DB | LOCAL_FILES | PROTOCOL_41 | SECURE_CONNECTION | PLUGIN_AUTH;

/// Random bytes of a greeting.
pub(super) type Salt = [u8; 20];

/// Whether the login was accepted; the refusal has been written otherwise.
pub(super) async fn log_in<S: AsyncRead + AsyncWrite + Unpin>(
    packets: &mut Packets<S>,
    sim: &Sim,
    session: &mut Session,
    peer_host: &str,
) -> Result<bool, ProtocolError> {
    let salt = sim.look(|model| model.login_salt());
    packets.push(&greeting(session.connection_id, &salt));
    packets.flush().await?;
    let Some(answer) = packets.read_request().await? else { return Ok(false) };
    let Some(login) = Login::parse(&answer) else {
        let refusal = plain("Bad handshake").with_mysql(1043, "08S01");
        write_refusal(packets, &refusal);
        packets.flush().await?;
        return Ok(false);
    };
    let mut scramble = login.scramble;
    if login.plugin.is_some_and(|plugin| plugin != PLUGIN) {
        packets.push(&[&[0xfe], PLUGIN, &[0], &salt[..], &[0]].concat());
        packets.flush().await?;
        let Some(answer) = packets.read_request().await? else { return Ok(false) };
        scramble = answer;
    }
    session.user = login.user;
    let accepted = sim.look(|model| {
        let Some(password) = model.sql_password(&session.user, Some(peer_host)) else { return false };
        password.is_empty() || scramble_fits(&scramble, &salt, password.expose())
    });
    if !accepted {
        let using = if scramble.is_empty() { "NO" } else { "YES" };
        let text = format!("Access denied for user '{}@{peer_host}' (using password: {using})", session.user);
        write_refusal(packets, &plain(text).with_mysql(1045, "28000"));
        packets.flush().await?;
        return Ok(false);
    }
    if let Some(db) = login.db.filter(|db| !db.is_empty())
        && let Err(refusal) = sim.look(|model| use_database(model, session, &db))
    {
        write_refusal(packets, &refusal);
        packets.flush().await?;
        return Ok(false);
    }
    write_ok(packets, 0, "");
    packets.flush().await?;
    Ok(true)
}

fn plain(text: impl Into<String>) -> Refusal {
    Refusal::plain(2, text)
}

fn greeting(connection_id: u32, salt: &Salt) -> Vec<u8> {
    let [low0, low1, high0, high1] = CAPABILITIES.to_le_bytes();
    let (first, second) = salt.split_at(8);
    let mut out = vec![10];
    out.put_slice(VERSION);
    out.put_u32_le(connection_id);
    out.put_slice(first);
    // A filler; the capabilities in two halves around charset and status.
    out.put_slice(&[0, low0, low1, CHARSET, 0, 0, high0, high1]);
    out.put_u8(21);
    out.put_slice(&[0; 10]);
    out.put_slice(second);
    out.put_u8(0);
    out.put_slice(PLUGIN);
    out.put_u8(0);
    out
}

/// The client's answer to the greeting.
struct Login<'a> {
    user: String,
    scramble: Vec<u8>,
    db: Option<String>,
    plugin: Option<&'a [u8]>,
}

impl<'a> Login<'a> {
    fn parse(packet: &'a [u8]) -> Option<Self> {
        let capabilities = u32::from_le_bytes(packet.get(..4)?.try_into().ok()?);
        if capabilities & PROTOCOL_41 == 0 {
            return None;
        }
        // Capabilities, longest packet, charset and a filler.
        let mut rest = packet.get(32..)?;
        let user = text(&mut rest)?;
        let scramble = if capabilities & (PLUGIN_AUTH_LENGTH | SECURE_CONNECTION) != 0 {
            // Both forms are one byte of length for what native authentication sends.
            let (length, tail) = rest.split_first()?;
            let length = usize::from(*length);
            let scramble = tail.get(..length)?.to_vec();
            rest = tail.get(length..)?;
            scramble
        } else {
            until_nul(&mut rest)?.to_vec()
        };
        let db = if capabilities & CONNECT_WITH_DB != 0 { text(&mut rest) } else { None };
        let plugin = if capabilities & PLUGIN_AUTH != 0 { until_nul(&mut rest) } else { None };
        Some(Self { user, scramble, db, plugin })
    }
}

fn until_nul<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let end = rest.iter().position(|byte| *byte == 0)?;
    let found = rest.get(..end)?;
    *rest = rest.get(end + 1..)?;
    Some(found)
}

fn text(rest: &mut &[u8]) -> Option<String> {
    until_nul(rest).map(|bytes| String::from_utf8_lossy(bytes).into_owned())
}

/// `SHA1(password) XOR SHA1(salt SHA1(SHA1(password)))`; nothing for the empty password.
fn scramble_fits(scramble: &[u8], salt: &Salt, password: &str) -> bool {
    let hash = Sha1::digest(password.as_bytes());
    let stored = Sha1::digest(hash);
    let mask = Sha1::new().chain_update(salt).chain_update(stored).finalize();
    let expected: Vec<u8> = hash.iter().zip(mask.iter()).map(|(a, b)| a ^ b).collect();
    scramble == expected
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn broken_answers_are_no_login() {
        assert!(Login::parse(&[]).is_none());
        assert!(Login::parse(&[0xff; 32]).is_none());
        let mut packet = vec![0; 32];
        packet[..4].copy_from_slice(&(PROTOCOL_41 | SECURE_CONNECTION).to_le_bytes());
        packet.extend_from_slice(b"root\0\x14short");
        assert!(Login::parse(&packet).is_none(), "the scramble is shorter than it says");
        packet.truncate(32);
        packet.extend_from_slice(b"root\0\0");
        let login = Login::parse(&packet);
        assert!(login.is_some_and(|login| login.user == "root" && login.scramble.is_empty() && login.db.is_none()));
    }

    #[test]
    fn a_scramble_fits_one_password_and_one_salt() {
        let salt = *b"12345678901234567890";
        let hash = Sha1::digest(b"secret");
        let mask = Sha1::new().chain_update(salt).chain_update(Sha1::digest(hash)).finalize();
        let scramble: Vec<u8> = hash.iter().zip(mask.iter()).map(|(a, b)| a ^ b).collect();
        assert!(scramble_fits(&scramble, &salt, "secret"));
        assert!(!scramble_fits(&scramble, &salt, "Secret"));
        assert!(!scramble_fits(&scramble, b"12345678901234567891", "secret"));
        assert!(!scramble_fits(&[], &salt, "secret"));
    }
}
