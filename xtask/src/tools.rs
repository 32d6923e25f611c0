//! What the other commands need beside cargo. What is missing is installed where that is a matter of one command, and named
//! where not.

use std::process::{Command, Stdio};

use crate::step::cargo;

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
        eprintln!("xtask: a C compiler is missing; running: apt-get install -y gcc");
        let install = || to_stderr(Command::new("apt-get").args(["install", "-y", "gcc"]));
        // A fresh image has no package lists yet.
        let installed = install() || (to_stderr(Command::new("apt-get").arg("update")) && install());
        if installed && succeeds(&mut version) {
            return Ok(());
        }
    }
    Err(format!("the C compiler {compiler:?} is missing; install gcc (Debian: apt-get install gcc) or name one in CC"))
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
