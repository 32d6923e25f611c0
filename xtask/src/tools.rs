//! What the other commands need beside cargo. What is missing is installed where that is a matter of one command, and named
//! where not.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::step::{cargo, target};

/// Makes sure of rustfmt, clippy and a C compiler (SQLite and ring are compiled from source).
///
/// # Errors
/// The sentence that says what is missing and how to get it.
pub(crate) fn provide() -> Result<(), String> {
    for (subcommand, component) in [("fmt", "rustfmt"), ("clippy", "clippy")] {
        let mut version = cargo();
        version.args([subcommand, "--version"]);
        if succeeds(&mut version) {
            continue;
        }
        let install = ["component", "add", component];
        eprintln!("xtask: {component} is missing; running: rustup {}", install.join(" "));
        if !to_stderr(Command::new("rustup").args(install)) || !succeeds(&mut version) {
            return Err(format!("{component} is missing; run: rustup component add {component}"));
        }
    }
    // The variable that the build scripts look at.
    let compiler = std::env::var("CC").unwrap_or_else(|_| "cc".to_owned());
    let mut version = Command::new(&compiler);
    version.arg("--version");
    if succeeds(&mut version) {
        return Ok(());
    }
    if compiler == "cc" && is_superuser() && succeeds(Command::new("apt-get").arg("--version")) {
        eprintln!("xtask: a C compiler is missing");
        if install("gcc") && succeeds(&mut version) {
            return Ok(());
        }
    }
    Err(format!("the C compiler {compiler:?} is missing; install gcc (Debian: apt-get install gcc) or name one in CC"))
}

/// Programs that single tests use, with the Debian packages that have them. They are unpacked and not installed: the package
/// of promtool would start a server.
const UNPACKED: [(&str, &str); 2] = [("promtool", "prometheus"), ("shellcheck", "shellcheck")];

/// Clients that single tests use, with their Debian packages.
const INSTALLED: [(&str, &str); 2] = [("curl", "curl"), ("mysql", "default-mysql-client")];

/// Servers that tests start, where they are looked for, and their Debian packages: the ones without a service of their own,
/// where there are such.
const SERVERS: [(&str, &str, &str); 2] =
    [("mariadbd", "/usr/sbin/mariadbd", "mariadb-server-core"), ("postgres", "/usr/lib/postgresql", "postgresql")];

/// Gets what single tests need where that can be done. A test whose tool is missing says so: this cannot fail.
pub(crate) fn provide_for_tests() {
    let has_apt = succeeds(Command::new("apt-get").arg("--version"));
    let folder = unpacked();
    for (program, package) in UNPACKED {
        if succeeds(Command::new(program).arg("--version")) || folder.join("usr/bin").join(program).is_file() {
            continue;
        }
        if !(has_apt && unpack(package, &folder)) {
            eprintln!("xtask: {program} is missing: tests that use it are skipped (Debian: apt-get install {package})");
        }
    }
    for (program, place, package) in SERVERS {
        let there = || Path::new(place).exists() || succeeds(Command::new(program).arg("--version"));
        if there() || (has_apt && is_superuser() && install(package) && there()) {
            continue;
        }
        eprintln!("xtask: {program} is missing: tests that use it fail (Debian: apt-get install {package})");
    }
    for (program, package) in INSTALLED {
        if succeeds(Command::new(program).arg("--version")) || (has_apt && is_superuser() && install(package)) {
            continue;
        }
        eprintln!("xtask: {program} is missing: tests that use it are skipped (Debian: apt-get install {package})");
    }
}

/// Where packages are unpacked; tests look there, too.
fn unpacked() -> PathBuf {
    target().join("tools")
}

fn unpack(package: &str, folder: &Path) -> bool {
    if let Err(error) = std::fs::create_dir_all(folder) {
        eprintln!("xtask: {}: {error}", folder.display());
        return false;
    }
    eprintln!("xtask: unpacking the Debian package {package} in {}", folder.display());
    let download = || to_stderr(Command::new("apt-get").args(["-q", "download", package]).current_dir(folder));
    if !(download() || (is_superuser() && update() && download())) {
        return false;
    }
    let archives = std::fs::read_dir(folder).map(|entries| entries.flatten().map(|entry| entry.path()).collect());
    let archives: Vec<PathBuf> = archives.unwrap_or_default();
    let of_package = |path: &&PathBuf| {
        path.extension().is_some_and(|extension| extension == "deb")
            && path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(&format!("{package}_")))
    };
    archives
        .iter()
        .find(of_package)
        .is_some_and(|archive| to_stderr(Command::new("dpkg-deb").arg("-x").arg(archive).arg(folder)))
}

/// Installs a Debian package.
fn install(package: &str) -> bool {
    eprintln!("xtask: installing the Debian package {package}");
    let install = || {
        let options = ["-o", "DPkg::Lock::Timeout=300", "install", "-y", "--no-install-recommends", package];
        to_stderr(Command::new("apt-get").args(options))
    };
    // A fresh image has no package lists yet.
    install() || (update() && install())
}

fn update() -> bool {
    to_stderr(Command::new("apt-get").arg("update"))
}

fn succeeds(command: &mut Command) -> bool {
    let quiet = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    quiet.status().is_ok_and(|status| status.success())
}

/// Runs a command whose output is for a person.
fn to_stderr(command: &mut Command) -> bool {
    match command.stdin(Stdio::null()).stdout(std::io::stderr()).status() {
        Ok(status) => status.success(),
        Err(error) => {
            eprintln!("xtask: {}: {error}", command.get_program().display());
            false
        }
    }
}

fn is_superuser() -> bool {
    Command::new("id").arg("-u").output().is_ok_and(|id| id.stdout.trim_ascii() == b"0")
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_missing_program_is_no_success() {
        assert!(!super::succeeds(&mut std::process::Command::new("/no/such/program")));
        assert!(!super::to_stderr(&mut std::process::Command::new("/no/such/program")));
        assert!(super::succeeds(&mut std::process::Command::new("true")));
    }
}
