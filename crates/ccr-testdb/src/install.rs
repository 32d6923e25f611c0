//! The programs of the packages, the directory of a server, and its command line.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::{Kind, PASSWORD, USER};

/// Who runs the servers where the tests run as root, whom PostgreSQL refuses: `nobody`, by number.
const NOBODY: u32 = 65_534;

/// An empty directory that the server's user owns.
pub(crate) fn directory() -> Result<PathBuf, String> {
    let directory = tempfile::Builder::new().prefix("ccr-testdb-").tempdir();
    let directory = directory.map_err(|error| format!("no temporary directory: {error}"))?.keep();
    hand_over(&directory)?;
    Ok(directory)
}

fn hand_over(path: &Path) -> Result<(), String> {
    if !is_superuser() {
        return Ok(());
    }
    std::os::unix::fs::chown(path, Some(NOBODY), Some(NOBODY)).map_err(|error| format!("{}: {error}", path.display()))
}

/// Creates the files of an empty server with the account [`USER`].
pub(crate) fn initialise(kind: Kind, directory: &Path) -> Result<(), String> {
    let data = directory.join("data");
    let write = |name: &str, text: &str| {
        let path = directory.join(name);
        fs::write(&path, text).map_err(|error| format!("{}: {error}", path.display()))?;
        hand_over(&path)?;
        Ok::<_, String>(path)
    };
    let mut command = match kind {
        Kind::MariaDb => {
            let password = PASSWORD.replace('\\', "\\\\").replace('\'', "''");
            write(
                "init.sql",
                &format!(
                    "CREATE USER IF NOT EXISTS '{USER}'@'%' IDENTIFIED BY '{password}';\n\
                     GRANT ALL PRIVILEGES ON *.* TO '{USER}'@'%' WITH GRANT OPTION;\n"
                ),
            )?;
            let mut command = unprivileged(&program(kind, "mariadb-install-db")?);
            command.args(["--no-defaults", "--auth-root-authentication-method=normal", "--skip-test-db"]);
            command.args(["--skip-name-resolve", &format!("--datadir={}", data.display())]);
            // A server that starts removes the temporary tables of all others in this directory.
            command.arg(format!("--tmpdir={}", directory.display()));
            command
        }
        Kind::Postgres => {
            let password = write("password", PASSWORD)?;
            let mut command = unprivileged(&program(kind, "initdb")?);
            command.args(["--auth=scram-sha-256", "--encoding=UTF8", "--locale=C", "--no-sync", "--username", USER]);
            command.arg("--pwfile").arg(password).arg("--pgdata").arg(&data);
            command
        }
    };
    let output = command.current_dir(directory).stdin(Stdio::null()).output();
    let output = output.map_err(|error| format!("{}: {error}", command.get_program().display()))?;
    if output.status.success() {
        return Ok(());
    }
    let said = [output.stdout, output.stderr].concat();
    Err(format!("the {kind:?} server could not be initialised:\n{}", String::from_utf8_lossy(&said)))
}

/// The command that runs the server in the foreground. What it writes survives its end, not that of the machine.
pub(crate) fn server(kind: Kind, directory: &Path, port: u16) -> Result<Command, String> {
    let data = directory.join("data");
    let mut command;
    match kind {
        Kind::MariaDb => {
            command = unprivileged(&program(kind, "mariadbd")?);
            command.args(["--no-defaults", "--bind-address=127.0.0.1", "--skip-name-resolve", "--skip-log-bin"]);
            command.args(["--innodb-flush-log-at-trx-commit=2", "--innodb-buffer-pool-size=64M"]);
            command.arg(format!("--port={port}"));
            command.arg(format!("--datadir={}", data.display()));
            command.arg(format!("--tmpdir={}", directory.display()));
            command.arg(format!("--socket={}", directory.join("socket").display()));
            command.arg(format!("--init-file={}", directory.join("init.sql").display()));
        }
        Kind::Postgres => {
            command = unprivileged(&program(kind, "postgres")?);
            command.arg("-D").arg(data).args(["-h", "127.0.0.1", "-p", &port.to_string()]);
            for setting in ["unix_socket_directories=", "fsync=off", "full_page_writes=off", "max_connections=200"] {
                command.args(["-c", setting]);
            }
        }
    }
    Ok(command)
}

/// A command of the unprivileged user, where the tests run as root.
fn unprivileged(program: &Path) -> Command {
    if !is_superuser() {
        return Command::new(program);
    }
    let mut command = Command::new("setpriv");
    command.args([&format!("--reuid={NOBODY}"), &format!("--regid={NOBODY}"), "--clear-groups"]).arg(program);
    command
}

fn is_superuser() -> bool {
    // The owner of a process's directory is the user it acts as.
    std::os::linux::fs::MetadataExt::st_uid(&match fs::metadata("/proc/self") {
        Ok(found) => found,
        Err(_) => return false,
    }) == 0
}

/// A program of the packages: in the path, in `/usr/sbin`, or where Debian has the versions of PostgreSQL.
pub(crate) fn program(kind: Kind, name: &str) -> Result<PathBuf, String> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut places: Vec<PathBuf> = match kind {
        Kind::MariaDb => vec![],
        Kind::Postgres => {
            let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
            let mut versions: Vec<PathBuf> = versions.map(|entry| entry.path()).collect();
            // The newest; version numbers without a dot since 10.
            versions.sort_by_key(|path| path.file_name().and_then(|name| name.to_str()?.parse::<u32>().ok()));
            versions.into_iter().rev().map(|version| version.join("bin")).collect()
        }
    };
    places.extend(std::env::split_paths(&path));
    places.push("/usr/sbin".into());
    let found = places.into_iter().map(|place| place.join(name)).find(|program| program.is_file());
    found.ok_or_else(|| {
        let package = match kind {
            Kind::MariaDb => "mariadb-server-core",
            Kind::Postgres => "postgresql",
        };
        format!("{name} is missing; run cargo xtask test, or install it: apt-get install {package}")
    })
}
