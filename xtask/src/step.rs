//! A step of a command: one run of cargo, its output passed on line by line.

use std::io::{self, BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// A run of cargo.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Step<'a> {
    pub(crate) name: &'static str,
    pub(crate) arguments: &'a [&'a str],
}

/// Where the lines go that cargo prints to its stdout.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Output {
    Stdout,
    Stderr,
}

/// How a step went.
#[derive(Clone, Debug)]
pub(crate) struct Outcome {
    pub(crate) name: &'static str,
    pub(crate) ok: bool,
    pub(crate) took: Duration,
}

impl Step<'_> {
    /// Runs cargo to its end, showing `each_line` of its stdout while it is passed on. The reason of a failure is said on
    /// stderr.
    pub(crate) fn run(self, output: Output, each_line: impl FnMut(&str)) -> Outcome {
        eprintln!("xtask: cargo {}", self.arguments.join(" "));
        let begun = Instant::now();
        let mut sink: Box<dyn Write> = match output {
            Output::Stdout => Box::new(io::stdout()),
            Output::Stderr => Box::new(io::stderr()),
        };
        let ok = match stream(cargo().args(self.arguments), &mut *sink, each_line) {
            Ok(true) => true,
            Ok(false) => {
                eprintln!("xtask: {} failed", self.name);
                false
            }
            Err(error) => {
                eprintln!("xtask: {} failed: {error}", self.name);
                false
            }
        };
        Outcome { name: self.name, ok, took: begun.elapsed() }
    }
}

/// Cargo at the root of the workspace, as if it were called from a shell: what `cargo run` tells this program about itself
/// would let build scripts that watch those variables run again.
pub(crate) fn cargo() -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    for (name, _) in std::env::vars_os() {
        let of_this_package = name.to_str().is_some_and(|name| {
            ["CARGO_PKG_", "CARGO_MANIFEST_"].iter().any(|prefix| name.starts_with(prefix))
                || matches!(name, "CARGO_BIN_NAME" | "CARGO_CRATE_NAME" | "CARGO_PRIMARY_PACKAGE")
        });
        if of_this_package {
            command.env_remove(name);
        }
    }
    command.current_dir(root());
    command
}

/// The directory of the workspace.
pub(crate) fn root() -> PathBuf {
    let manifest = std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into());
    let mut root = PathBuf::from(manifest);
    root.pop();
    root
}

/// Where cargo builds.
pub(crate) fn target() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from)
}

/// Whether the command succeeded. Its stderr is ours; its stdout goes to `sink` in whole lines.
fn stream(command: &mut Command, sink: &mut dyn Write, mut each_line: impl FnMut(&str)) -> io::Result<bool> {
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn()?;
    if let Some(stdout) = child.stdout.take() {
        let mut lines = BufReader::new(stdout);
        let mut line = Vec::new();
        while lines.read_until(b'\n', &mut line)? > 0 {
            if !line.ends_with(b"\n") {
                line.push(b'\n');
            }
            sink.write_all(&line)?;
            each_line(String::from_utf8_lossy(&line).trim_end());
            line.clear();
        }
    }
    Ok(child.wait()?.success())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn lines_are_seen_and_the_exit_code_counts() {
        for (script, printed, lines, ok) in [
            ("printf 'a\\nb\\xff\\nc'", &b"a\nb\xff\nc\n"[..], vec!["a", "b\u{fffd}", "c"], true),
            ("echo only; exit 3", b"only\n", vec!["only"], false),
            ("kill -9 $$", b"", vec![], false),
        ] {
            let (mut sink, mut seen) = (Vec::new(), Vec::new());
            let mut shell = Command::new("bash");
            let outcome = stream(shell.args(["-c", script]), &mut sink, |line| seen.push(line.to_owned()));
            assert_eq!((outcome.unwrap(), sink.as_slice(), seen.len()), (ok, printed, lines.len()));
            assert_eq!(seen, lines);
        }
        let missing = stream(&mut Command::new("/no/such/program"), &mut io::sink(), |_| {});
        assert_eq!(missing.unwrap_err().kind(), io::ErrorKind::NotFound);
    }

    #[test]
    fn the_root_holds_the_workspace() {
        assert!(root().join("xtask").join("Cargo.toml").is_file());
    }
}
