//! The program as a process: what it says and how it exits.

#![allow(clippy::unwrap_used)]

use std::{
    fs,
    io::{Read, Write},
    net::{Ipv6Addr, TcpListener, TcpStream},
    path::Path,
    process::{Child, Command, Output, Stdio},
    thread,
    time::{Duration, Instant},
};

fn program(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ccr_syncer"));
    command.args(arguments).current_dir(folder).stdin(Stdio::null());
    command
}

fn run(folder: &Path, arguments: &[&str]) -> Output {
    program(folder, arguments).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// Fails with exactly one sentence on stderr that contains `expected`.
fn assert_refused(output: &Output, expected: &str) {
    let stderr = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    assert_eq!(stderr.lines().count(), 1, "{stderr}");
    assert!(stderr.contains(expected), "{stderr}");
    assert!(!stderr.contains("panicked"), "{stderr}");
}

#[test]
fn version_and_help_are_printed() {
    let folder = tempfile::tempdir().unwrap();
    for flag in ["-version", "--version", "-version=true"] {
        let output = run(folder.path(), &[flag]);
        assert_eq!(output.status.code(), Some(0));
        assert_eq!(text(&output.stdout), format!("ccr_syncer-{}\n", env!("CARGO_PKG_VERSION")));
    }
    for flag in ["-h", "--help"] {
        let output = run(folder.path(), &[flag]);
        assert_eq!(output.status.code(), Some(0));
        let help = text(&output.stdout);
        assert!(help.contains("  -db_dir string\n") && help.contains("(default 33s)"), "{help}");
    }
    let output = run(folder.path(), &["demo", "--help"]);
    assert_eq!(output.status.code(), Some(0));
    assert!(text(&output.stdout).contains("--json"));
}

#[test]
fn a_command_line_that_cannot_be_followed_exits_with_2() {
    let folder = tempfile::tempdir().unwrap();
    for (arguments, expected) in [
        (&["-nonsense"][..], "flag provided but not defined: -nonsense"),
        (&["-port", "http"][..], "invalid value \"http\" for flag -port: parse error"),
        (&["start"][..], "unexpected argument \"start\""),
        (&["demo", "--nonsense"][..], "--nonsense"),
        (&["demo", "--for", "never"][..], "never"),
    ] {
        let output = run(folder.path(), arguments);
        let stderr = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {stderr}");
        assert!(stderr.contains(expected) && stderr.contains("help"), "{stderr}");
        assert!(output.stdout.is_empty());
    }
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0, "nothing was created");
}

#[test]
fn a_syncer_that_cannot_start_says_why_in_one_sentence() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("ccr.log");
    let with = |arguments: &[&str]| {
        let mut all = vec!["-log_filename", log.to_str().unwrap()];
        all.extend(arguments);
        run(folder.path(), &all)
    };
    let taken = TcpListener::bind((Ipv6Addr::UNSPECIFIED, 0)).unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    assert_refused(&with(&["-port", &port]), &format!("cannot listen on port {port}"));
    assert!(!folder.path().join("ccr.db").exists(), "the database was touched although the port is taken");

    fs::write(folder.path().join("garbage.db"), "this is not a database, however long one reads it".repeat(40))
        .unwrap();
    assert_refused(&with(&["-port", "0", "-db_dir", "garbage.db"]), "new meta db error: ");
    assert_refused(&with(&["-port", "0", "-db_dir", "no/such/folder/ccr.db"]), "new meta db error: ");
    assert_refused(&with(&["-port", "0", "-db_dir", "."]), "new meta db error: ");
    assert_refused(&with(&["-port", "0", "-db_dir="]), "the db_dir is empty");
    for db_type in ["mysql", "postgresql"] {
        let nobody = with(&["-port", "0", "-db_type", db_type, "-db_port", "1", "-db_password", "sesame"]);
        assert_refused(&nobody, "ccr at 127.0.0.1:1 as user root failed: Connection refused");
        assert!(!text(&nobody.stderr).contains("sesame"));
    }
    assert_refused(&with(&["-config_file", "nowhere.conf"]), "open config file nowhere.conf");
    fs::write(folder.path().join("bad.conf"), "port=1\nnonsense\n").unwrap();
    assert_refused(&with(&["-config_file", "bad.conf"]), "config file bad.conf: line 2: expected key=value");
    assert_refused(&run(folder.path(), &["-log_filename", "no/such/folder/ccr.log"]), "cannot open the log file");
    // The reason is in the log as well.
    assert!(fs::read_to_string(&log).unwrap().contains("ERROR new meta db error"));
}

/// A running syncer; killed when dropped.
struct Running {
    child: Child,
    port: u16,
}

impl Running {
    /// Starts one on a free port and waits until its log says where it listens.
    fn start(folder: &Path, arguments: &[&str]) -> Self {
        let log = folder.join("ccr.log");
        let mut all = vec!["-port", "0", "-log_filename", log.to_str().unwrap()];
        all.extend(arguments);
        let child = program(folder, &all).stderr(Stdio::inherit()).spawn().unwrap();
        let mut this = Self { child, port: 0 };
        let deadline = Instant::now() + Duration::from_secs(30);
        while Instant::now() < deadline {
            let written = fs::read_to_string(&log).unwrap_or_default();
            if let Some((_, rest)) = written.split_once(", port: ") {
                this.port = rest.split(' ').next().unwrap().parse().unwrap();
                return this;
            }
            assert_eq!(this.child.try_wait().unwrap(), None, "it ended: {written}");
            thread::sleep(Duration::from_millis(20));
        }
        panic!("it did not start");
    }

    fn get(&self, path: &str) -> String {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        write!(stream, "GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").unwrap();
        let mut reply = String::new();
        stream.read_to_string(&mut reply).unwrap();
        reply
    }

    fn signal(&self, name: &str) {
        let status = Command::new("kill").args([name, &self.child.id().to_string()]).status().unwrap();
        assert!(status.success());
    }

    fn exit_code(&mut self) -> Option<i32> {
        let deadline = Instant::now() + Duration::from_secs(30);
        while Instant::now() < deadline {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.code();
            }
            thread::sleep(Duration::from_millis(20));
        }
        panic!("it did not end");
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended already.
        self.child.kill().unwrap_or_default();
        self.child.wait().map(drop).unwrap_or_default();
    }
}

/// Defects: SVC-D1.
#[test]
fn signals_end_it_cleanly_and_hangup_does_not() {
    for (signal, name) in [("-TERM", "terminated"), ("-INT", "interrupt"), ("-QUIT", "quit")] {
        let folder = tempfile::tempdir().unwrap();
        let mut running = Running::start(folder.path(), &["-pprof=true"]);
        running.signal("-HUP");
        let reply = running.get("/version");
        assert!(reply.starts_with("HTTP/1.1 200 OK") && reply.contains("{\"version\":\"ccr_syncer-"), "{reply}");
        running.signal(signal);
        assert_eq!(running.exit_code(), Some(0));
        let log = fs::read_to_string(folder.path().join("ccr.log")).unwrap();
        for line in [
            "ccr start, version: ",
            &format!("receive signal: {name}"),
            &format!("handle signal: {name}"),
            "all service stop",
        ] {
            assert!(log.contains(line), "{line} is missing in:\n{log}");
        }
    }
}

/// Defects: SVC-D1.
#[test]
fn one_request_that_hangs_does_not_keep_a_second_signal_from_ending_it() {
    let folder = tempfile::tempdir().unwrap();
    let mut running = Running::start(folder.path(), &[]);
    // A request whose body never comes keeps the first, graceful stop waiting.
    let mut hanging = TcpStream::connect(("127.0.0.1", running.port)).unwrap();
    write!(hanging, "POST /pause HTTP/1.1\r\nhost: x\r\ncontent-length: 10\r\n\r\n").unwrap();
    assert!(running.get("/list_jobs").ends_with("{\"success\":true}"));
    running.signal("-TERM");
    let log = || fs::read_to_string(folder.path().join("ccr.log")).unwrap();
    let deadline = Instant::now() + Duration::from_secs(10);
    while !log().contains("handle signal: terminated") && Instant::now() < deadline {
        thread::sleep(Duration::from_millis(10));
    }
    running.signal("-INT");
    assert_eq!(running.exit_code(), Some(130));
    assert!(log().contains("second signal"), "{}", log());
}

#[test]
fn the_database_is_kept_between_two_runs() {
    let folder = tempfile::tempdir().unwrap();
    for _ in 0..2 {
        let mut running = Running::start(folder.path(), &["-db_dir", "jobs.db"]);
        assert!(running.get("/list_jobs").ends_with("{\"success\":true}"));
        running.signal("-TERM");
        assert_eq!(running.exit_code(), Some(0));
        fs::remove_file(folder.path().join("ccr.log")).unwrap();
    }
    assert!(folder.path().join("jobs.db").exists());
}
