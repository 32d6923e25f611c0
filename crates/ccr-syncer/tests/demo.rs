//! The demo as a user runs it, short.

#![allow(clippy::unwrap_used)]

use std::{
    io::{BufRead, BufReader},
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use serde_json::Value;

fn demo(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ccr_syncer"));
    command.arg("demo").args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

#[test]
fn the_demo_ends_with_equal_rows() {
    let output = demo(&["--for", "3s", "--json", "--seed", "5"]).output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(0), "{stderr}");
    let stdout = String::from_utf8(output.stdout).unwrap();
    assert_eq!(stdout.lines().count(), 1, "{stdout}");
    let summary: Value = serde_json::from_str(&stdout).unwrap();
    let number = |key: &str| summary[key].as_f64().unwrap_or_else(|| panic!("{key} in {summary}"));
    assert_eq!(summary["equal"], true, "{summary}");
    assert_eq!(summary["rows_source"], summary["rows_dest"], "{summary}");
    assert!(number("transactions") >= 20.0 && number("lag_samples") >= 10.0, "{summary}");
    // Every transaction brings twenty new orders.
    assert!(number("rows_source") >= 5_000.0 + 20.0 * number("transactions"), "{summary}");
    assert!(number("full_sync_ms") > 0.0 && number("lag_ms_p50") <= number("lag_ms_p99"), "{summary}");
    for line in ["mysql -h 127.0.0.1 -P ", "/job_status", "full sync done in ", " transactions, "] {
        assert!(stderr.contains(line), "{line} is missing in\n{stderr}");
    }
}

#[test]
fn ctrl_c_ends_the_load_and_the_rows_are_compared() {
    let mut child = demo(&["--for", "10m", "--rows", "100"]).spawn().unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines().map(Result::unwrap);
    let mut stderr = String::new();
    while !stderr.contains("full sync done") {
        stderr.push_str(&lines.next().unwrap_or_else(|| panic!("it ended:\n{stderr}")));
        stderr.push('\n');
    }
    let rest = thread::spawn(move || lines.collect::<Vec<_>>().join("\n"));
    let began = Instant::now();
    assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
    let output = child.wait_with_output().unwrap();
    assert!(began.elapsed() < Duration::from_secs(60));
    let (stdout, stderr) = (String::from_utf8(output.stdout).unwrap(), stderr + &rest.join().unwrap());
    assert_eq!(output.status.code(), Some(0), "{stdout}\n{stderr}");
    assert!(stdout.contains("all rows are equal") && stdout.contains("lag           p50 "), "{stdout}");
}
