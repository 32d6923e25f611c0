//! Waiting until a server answers.

use std::io::Read;
use std::net::{Ipv4Addr, TcpStream};
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::{Kind, install};

const PATIENCE: Duration = Duration::from_secs(180);
const PAUSE: Duration = Duration::from_millis(20);
/// The first packet of MariaDB's greeting, after its length and number: the version of the protocol. An error has 255.
const GREETING: u8 = 10;

/// Waits until the server on the port takes logins.
pub(crate) fn wait(kind: Kind, port: u16, directory: &Path) -> Result<(), String> {
    let end = Instant::now() + PATIENCE;
    loop {
        let ready = match kind {
            Kind::MariaDb => greets(port),
            Kind::Postgres => is_ready(port)?,
        };
        if ready {
            return Ok(());
        }
        let log = std::fs::read_to_string(directory.join("server.log")).unwrap_or_default();
        let taken = log.contains("Address already in use");
        if taken || Instant::now() > end {
            return Err(format!("the {kind:?} server does not answer on port {port}; it said:\n{log}"));
        }
        thread::sleep(PAUSE);
    }
}

fn greets(port: u16) -> bool {
    let Ok(mut stream) = TcpStream::connect((Ipv4Addr::LOCALHOST, port)) else { return false };
    let mut head = [0; 5];
    stream.set_read_timeout(Some(Duration::from_secs(5))).is_ok()
        && stream.read_exact(&mut head).is_ok()
        && head[4] == GREETING
}

fn is_ready(port: u16) -> Result<bool, String> {
    let program = install::program(Kind::Postgres, "pg_isready")?;
    let mut command = Command::new(program);
    command.args(["-q", "-h", "127.0.0.1", "-p", &port.to_string()]).stdin(Stdio::null());
    command.status().map(|status| status.success()).map_err(|error| format!("pg_isready: {error}"))
}
