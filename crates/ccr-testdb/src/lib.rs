//! Real database servers for tests: MariaDB and PostgreSQL from Debian's packages, each in a temporary directory, on a free
//! port of 127.0.0.1, as an unprivileged user.
//!
//! A server ends with the value that stands for it, or with the test process, however that ends: a supervisor waits for the end
//! of its stdin. Nothing here is for production.

pub mod go;
mod install;
mod ready;

use std::fmt;
use std::io::{BufRead, BufReader, Write};
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::{Mutex, OnceLock, PoisonError};

/// The account of every server here; it may do everything.
pub const USER: &str = "ccr";
/// Its password; long and odd enough to be found where it does not belong.
pub const PASSWORD: &str = "s3cret'\\ %metadata";

/// Tries to find a port that nobody takes before the server does.
const TRIES: u32 = 5;

/// Kinds of servers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    MariaDb,
    Postgres,
}

/// A running server.
pub struct Server {
    kind: Kind,
    port: u16,
    directory: PathBuf,
    supervisor: Mutex<Supervisor>,
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server").field("kind", &self.kind).field("port", &self.port).finish_non_exhaustive()
    }
}

impl Server {
    /// Starts a server of a test's own. `options` are added to its command line.
    ///
    /// # Panics
    /// The packages are missing, or the server does not start; the message says what to do.
    pub fn start(kind: Kind, options: &[&str]) -> Self {
        match Self::try_start(kind, options) {
            Ok(server) => server,
            Err(why) => panic!("{why}"),
        }
    }

    /// A server that all tests of the process share. Each uses a database of its own in it.
    pub fn shared(kind: Kind) -> &'static Self {
        static MARIADB: OnceLock<Server> = OnceLock::new();
        static POSTGRES: OnceLock<Server> = OnceLock::new();
        let server = match kind {
            Kind::MariaDb => &MARIADB,
            Kind::Postgres => &POSTGRES,
        };
        server.get_or_init(|| Self::start(kind, &[]))
    }

    fn try_start(kind: Kind, options: &[&str]) -> Result<Self, String> {
        let mut last = String::new();
        for _ in 0..TRIES {
            let (directory, port) = (install::directory()?, free_port()?);
            let mut command = install::server(kind, &directory, port)?;
            command.args(options);
            let supervisor = Supervisor::spawn(kind, &directory, &command)?;
            // From here on the directory is removed whatever happens.
            let server = Self { kind, port, directory, supervisor: Mutex::new(supervisor) };
            install::initialise(kind, &server.directory)?;
            server.order("start")?;
            match ready::wait(kind, port, &server.directory) {
                Ok(()) => return Ok(server),
                Err(why) => last = why,
            }
        }
        Err(last)
    }

    /// Its port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Ends the server as a crash does, with its connections. Its data stay.
    pub fn stop(&self) {
        self.order("stop").expect("the supervisor lives as long as this value");
    }

    /// Starts it again, on the same port.
    ///
    /// # Panics
    /// It does not start.
    pub fn start_again(&self) {
        self.order("start").expect("the supervisor lives as long as this value");
        if let Err(why) = ready::wait(self.kind, self.port, &self.directory) {
            panic!("{why}");
        }
    }

    fn order(&self, order: &str) -> Result<(), String> {
        self.supervisor.lock().unwrap_or_else(PoisonError::into_inner).order(order)
    }
}

/// The shell that stands between a server and the test.
struct Supervisor {
    child: Child,
    orders: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
}

impl Supervisor {
    fn spawn(kind: Kind, directory: &std::path::Path, server: &Command) -> Result<Self, String> {
        // PostgreSQL's processes have to be stopped by their master; MariaDB is one process.
        let signal = match kind {
            Kind::MariaDb => "KILL",
            Kind::Postgres => "QUIT",
        };
        let mut child = Command::new("sh")
            .args(["-c", include_str!("supervisor.sh"), "supervisor"])
            .arg(directory)
            .arg(signal)
            .arg(server.get_program())
            .args(server.get_args())
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            // Ctrl-C is for the test; the supervisor notices its end.
            .process_group(0)
            .spawn()
            .map_err(|error| format!("sh: {error}"))?;
        let (Some(orders), Some(answers)) = (child.stdin.take(), child.stdout.take()) else {
            return Err("the supervisor has no pipes".to_owned());
        };
        Ok(Self { child, orders: Some(orders), answers: BufReader::new(answers) })
    }

    fn order(&mut self, order: &str) -> Result<(), String> {
        let failed = |error: std::io::Error| format!("the supervisor does not take the order {order}: {error}");
        if let Some(orders) = &mut self.orders {
            writeln!(orders, "{order}").map_err(failed)?;
        }
        let mut answer = String::new();
        self.answers.read_line(&mut answer).map_err(failed)?;
        if answer.trim() == order { Ok(()) } else { Err(format!("the supervisor ended at the order {order}")) }
    }
}

impl Drop for Supervisor {
    fn drop(&mut self) {
        drop(self.orders.take());
        // It has nothing to report; what matters is that the port is free afterwards.
        self.child.wait().map(|_| ()).unwrap_or_default();
    }
}

fn free_port() -> Result<u16, String> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(|error| format!("no free port: {error}"))?;
    listener.local_addr().map(|address| address.port()).map_err(|error| format!("no free port: {error}"))
}
