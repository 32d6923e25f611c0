//! The scripts of `bin/`, run as an operator runs them, with the real program.
#![allow(clippy::unwrap_used)]

mod support;

use std::{
    fs,
    net::{Ipv4Addr, SocketAddr},
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
    time::Duration,
};

use ccr_syncer::api::Api;
use serde_json::json;
use support::{Clusters, Syncer, free_port, get, program, root, tool, until};

/// A folder as a release has it; syncers that still run are killed at the end.
struct Home(tempfile::TempDir);

impl Home {
    fn new() -> Self {
        let home = Self(tempfile::tempdir().unwrap());
        fs::create_dir(home.path().join("bin")).unwrap();
        for script in ["start_syncer.sh", "stop_syncer.sh", "enable_db_binlog.sh", "desync.sh"] {
            fs::copy(root().join("bin").join(script), home.bin(script)).unwrap();
        }
        symlink(program(), home.bin("ccr_syncer")).unwrap();
        home
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn bin(&self, name: &str) -> PathBuf {
        self.path().join("bin").join(name)
    }

    fn command(&self, script: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new("bash");
        command.arg(self.bin(script)).args(arguments).stdin(Stdio::null()).env_remove("LOG_DIR");
        command
    }

    /// Runs a script to its end. Its output is no pipe: a daemon would hold it open.
    fn run(&self, script: &str, arguments: &[&str]) -> (bool, String) {
        let said = self.path().join("said");
        let file = fs::File::create(&said).unwrap();
        let errors = file.try_clone().unwrap();
        let status = self.command(script, arguments).stdout(file).stderr(errors).status().unwrap();
        (status.success(), fs::read_to_string(&said).unwrap())
    }

    fn pids(&self) -> Vec<String> {
        let files = fs::read_dir(self.path().join("bin")).unwrap();
        files
            .filter_map(|file| {
                let path = file.unwrap().path();
                path.extension().is_some_and(|ending| ending == "pid").then(|| fs::read_to_string(path).unwrap())
            })
            .map(|pid| pid.trim().to_owned())
            .collect()
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        for pid in self.pids() {
            let comm = fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
            if comm.trim() == "ccr_syncer" {
                Command::new("kill").args(["-9", &pid]).status().map(drop).unwrap_or_default();
            }
        }
    }
}

fn text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// Waits until the syncer at a port answers requests.
async fn answers(port: u16) {
    let api = Api(SocketAddr::from((Ipv4Addr::LOCALHOST, port)));
    until("the syncer answers", async || api.post("/list_jobs", &json!({})).await.is_ok()).await;
}

/// All command lines of this machine.
fn process_list() -> String {
    let mut all = String::new();
    for entry in fs::read_dir("/proc").unwrap().flatten() {
        // Processes end while they are listed.
        let line = fs::read(entry.path().join("cmdline")).unwrap_or_default();
        all.push_str(&String::from_utf8_lossy(&line).replace('\0', " "));
        all.push('\n');
    }
    all
}

#[test]
fn shellcheck_is_content() {
    let Some(shellcheck) = tool("shellcheck") else { return };
    let scripts = fs::read_dir(root().join("bin")).unwrap().map(|entry| entry.unwrap().path());
    let scripts: Vec<_> = scripts.filter(|path| path.extension().is_some_and(|ending| ending == "sh")).collect();
    assert_eq!(scripts.len(), 4);
    let output = Command::new(shellcheck).args(&scripts).output().unwrap();
    assert!(output.status.success(), "{}", text(&output));
}

/// Defects: SVC-D2, SVC-D3.
#[tokio::test(flavor = "multi_thread")]
async fn a_daemon_is_started_and_stopped() {
    let home = Home::new();
    let port = free_port();
    let number = port.to_string();
    let start = ["--daemon", "--port", &number, "--db_password=pa$$ 'word'", "--", "-legacy_metrics"];
    let (ok, said) = home.run("start_syncer.sh", &start);
    assert!(ok && said.is_empty(), "{said}");
    answers(port).await;
    // What follows -- reaches the program, the password does not show.
    assert!(get(port, "/metrics").await.contains("\nccr_metrics_dashboard_jobNum 0"));
    let pid = fs::read_to_string(home.bin(&format!("127.0.0.1_{port}.pid"))).unwrap();
    let own = process_list().lines().filter(|line| line.contains(&number)).collect::<Vec<_>>().join("\n");
    assert!(own.contains("ccr_syncer -host") && !own.contains("word'"), "{own}");
    assert!(home.path().join("db/ccr.db").exists());

    let (ok, said) = home.run("start_syncer.sh", &start);
    assert!(!ok && said.contains(&format!("runs as process {}", pid.trim())), "{said}");

    // A stale file beside it does not keep the other from being stopped.
    fs::write(home.bin("a_1.pid"), "999999999\n").unwrap();
    let (ok, said) = home.run("stop_syncer.sh", &[]);
    assert!(!ok && said.contains("999999999") && said.contains(&format!("process {}", pid.trim())), "{said}");
    assert!(home.pids().is_empty());
    let log = fs::read_to_string(home.path().join(format!("log/127.0.0.1_{port}.log"))).unwrap();
    for line in ["start time: ", "ccr start, version: ", "receive signal: terminated", "all service stop"] {
        assert!(log.contains(line), "{line} is missing in\n{log}");
    }
    // The log and what else is said do not go to one file: the log is rotated.
    let out = fs::read_to_string(home.path().join(format!("log/127.0.0.1_{port}.out"))).unwrap();
    assert!(!out.contains("ccr start"), "{out}");
    let (ok, said) = home.run("stop_syncer.sh", &[]);
    assert!(!ok && said.contains("no pid file"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_option_reaches_the_program() {
    let home = Home::new();
    let port = free_port().to_string();
    fs::write(home.path().join("x.conf"), "legacy_metrics=true\nlog_retain_num = 3\n").unwrap();
    let at = |name: &str| home.path().join(name).to_str().unwrap().to_owned();
    let (pids, logs, db, conf) = (at("pids"), at("logs/"), at("other/jobs.db"), at("x.conf"));
    let options = [
        "--daemon",
        "--host=localhost",
        "--port",
        &port,
        "--log_level",
        "debug",
        "--log_dir",
        &logs,
        "--pid_dir",
        &pids,
        "--db_type",
        "sqlite3",
        "--db_dir",
        &db,
        "--db_host",
        "h",
        "--db_port",
        "1",
        "--db_name",
        "n",
        "--config_file",
        &conf,
        "--connect_timeout",
        "3s",
        "--rpc_timeout",
        "4s",
        "--pprof",
        "false",
        "--pprof_port",
        "7070",
    ];
    let (ok, said) = home.run("start_syncer.sh", &options);
    assert!(ok, "{said}");
    let number: u16 = port.parse().unwrap();
    answers(number).await;
    assert!(get(number, "/metrics").await.contains("\nccr_metrics_dashboard_jobNum 0"));
    let log = fs::read_to_string(home.path().join(format!("logs/localhost_{port}.log"))).unwrap();
    assert!(log.contains(&format!("identity: localhost:{port}")), "{log}");
    assert!(Path::new(&db).exists());
    // Each way of choosing and stopping; a second one has nothing to stop.
    let file = format!("localhost_{port}.pid");
    let (ok, said) = home.run("stop_syncer.sh", &["--pid_dir", &pids, "--files", &file, "--timeout=30"]);
    assert!(ok, "{said}");
    let (ok, said) = home.run("stop_syncer.sh", &["--pid_dir", &pids, "--host", "localhost", "--port", &port]);
    assert!(!ok && said.contains("there is no file"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn in_the_foreground_signals_reach_the_program() {
    for (stop, expected) in [(&["--", "--grace"][..], true), (&["--force"], false)] {
        let home = Home::new();
        let port = free_port();
        let number = port.to_string();
        let mut child = home.command("start_syncer.sh", &["--port", &number]).stderr(Stdio::piped()).spawn().unwrap();
        answers(port).await;
        assert_eq!(home.pids(), [child.id().to_string()]);
        let stopping = tokio::task::spawn_blocking({
            let mut command = home.command("stop_syncer.sh", stop);
            move || command.output().unwrap()
        });
        let status = tokio::task::spawn_blocking(move || {
            use std::io::Read;
            let mut said = String::new();
            child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
            (child.wait().unwrap(), said)
        });
        let (status, said) = tokio::time::timeout(Duration::from_secs(30), status).await.unwrap().unwrap();
        assert_eq!(status.success(), expected);
        assert!(said.contains("ccr start, version: "), "the log is seen in the foreground: {said}");
        let stopped = stopping.await.unwrap();
        assert!(stopped.status.success(), "{}", text(&stopped));
        assert!(home.pids().is_empty());
    }
}

#[test]
fn what_cannot_be_done_is_said() {
    let home = Home::new();
    let taken = std::net::TcpListener::bind("[::]:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    for (script, arguments, expected) in [
        ("start_syncer.sh", &["--nonsense", "1"][..], "no option --nonsense"),
        ("start_syncer.sh", &["daemon"], "unexpected argument \"daemon\""),
        ("start_syncer.sh", &["--port"], "--port needs a value"),
        ("start_syncer.sh", &["--db_user", "me"], "sqlite3 is a local file"),
        ("start_syncer.sh", &["--daemon", "--port", &port], "cannot listen on port"),
        ("start_syncer.sh", &["--daemon", "--port=0", "--", "-nonsense"], "the syncer ended at once"),
        ("start_syncer.sh", &["--help"], "--db_password WORD"),
        ("stop_syncer.sh", &["--help"], "--files \"A B\""),
        ("stop_syncer.sh", &["--nonsense=1"], "no option --nonsense"),
        ("stop_syncer.sh", &["--timeout=soon"], "takes seconds"),
        ("stop_syncer.sh", &["--files", "a.pid b.pid"], "there is no file"),
        ("enable_db_binlog.sh", &[], "the database is missing"),
        ("enable_db_binlog.sh", &["-x"], "Usage: enable_db_binlog.sh"),
        ("enable_db_binlog.sh", &["-d", "a", "-t", "0"], "-t takes seconds"),
        ("desync.sh", &[], "the job is missing"),
        ("desync.sh", &["-j", "a", "b"], "unexpected argument \"b\""),
    ] {
        let (ok, said) = home.run(script, arguments);
        assert!(!ok && said.contains(expected), "{script} {arguments:?}: {said}");
    }
    assert!(home.pids().is_empty());
    // Whoever is no syncer is left alone.
    fs::write(home.bin("me_1.pid"), format!("{}\n", std::process::id())).unwrap();
    let (ok, said) = home.run("stop_syncer.sh", &[]);
    assert!(!ok && said.contains("is no syncer"), "{said}");
    fs::write(home.bin("me_1.pid"), "").unwrap();
    let (ok, said) = home.run("stop_syncer.sh", &["--port", "1", "--host", "me"]);
    assert!(!ok && said.contains("holds no process number"), "{said}");
    fs::remove_file(home.bin("me_1.pid")).unwrap();
}

/// Defects: SVC-D4.
#[tokio::test(flavor = "multi_thread")]
async fn the_binlog_of_a_whole_database_is_switched_on() {
    if tool("mysql").is_none() {
        return;
    }
    let clusters = Clusters::with_passwords("geheim", "geheim").await;
    let source = &clusters.source;
    let plain = "(id INT) DUPLICATE KEY (id) DISTRIBUTED BY HASH(id) BUCKETS 1 PROPERTIES (\"replication_num\" = \"1\"";
    for sql in [
        "CREATE DATABASE `s-h`".to_owned(),
        format!("CREATE TABLE `s-h`.plain {plain})"),
        format!("CREATE TABLE `s-h`.`odd name` {plain})"),
        format!("CREATE TABLE `s-h`.done {plain}, \"binlog.enable\" = \"true\")"),
        "CREATE VIEW `s-h`.v AS SELECT id FROM `s-h`.plain".to_owned(),
    ] {
        source.execute(&sql).await.unwrap();
    }
    let home = Home::new();
    let port = source.query().port.to_string();
    let run = |arguments: &[&str]| {
        let mut command = home.command("enable_db_binlog.sh", &["-h", "127.0.0.1", "-p", &port]);
        command.args(arguments);
        tokio::task::spawn_blocking(move || command.output().unwrap())
    };
    let first = run(&["-u", "root", "-P", "geheim", "-d", "s-h", "-t", "7200"]).await.unwrap();
    let said = text(&first);
    assert!(first.status.success(), "{said}");
    for line in [
        "s-h.plain has a binlog now",
        "s-h.odd name has a binlog now",
        "s-h.done has a binlog already",
        "s-h.v has no binlog: VIEW",
        "database s-h has a binlog now",
    ] {
        assert!(said.lines().any(|found| found == line), "{line} is missing in\n{said}");
    }
    for table in ["plain", "`odd name`"] {
        let shown = source.rows(&format!("SHOW CREATE TABLE `s-h`.{table}")).await.unwrap();
        let shown = shown.rows[0][1].clone().unwrap();
        assert!(
            shown.contains("\"binlog.enable\" = \"true\"") && shown.contains("\"binlog.ttl_seconds\" = \"7200\""),
            "{shown}"
        );
    }
    // Again, with a table that came later: the database has the property, which does not end it early.
    let late = format!("CREATE TABLE `s-h`.done2 {plain}, \"binlog.enable\" = \"true\")");
    source.execute(&late).await.unwrap();
    let again = text(&run(&["-d", "s-h", "-P", "geheim"]).await.unwrap());
    for line in ["s-h.done2 has a binlog already", "database s-h has a binlog already"] {
        assert!(again.lines().any(|found| found == line), "{line} is missing in\n{again}");
    }
    for (arguments, expected) in [
        (&["-d", "nowhere", "-P", "geheim"][..], "database nowhere cannot be read"),
        (&["-d", "s-h", "-u", "stranger", "-P", "wrong"], "database s-h cannot be read"),
        (&["-d", "s-h", "-p", "1"], "database s-h cannot be read"),
    ] {
        let refused = run(arguments).await.unwrap();
        assert!(!refused.status.success() && text(&refused).contains(expected), "{arguments:?}: {}", text(&refused));
    }
}

/// Defects: SVC-D4.
#[tokio::test(flavor = "multi_thread")]
async fn a_destination_is_set_free() {
    if tool("curl").is_none() {
        return;
    }
    let clusters = Clusters::start().await;
    clusters.create("shop", "orders").await;
    let syncer = Syncer::start(&[]).await;
    let odd = "od\"d\\";
    syncer.api().post("/create_ccr", &clusters.job(odd, "shop", "orders")).await.unwrap();
    syncer.incremental(odd).await;
    let shown = async || {
        let rows = clusters.dest.rows("SHOW CREATE TABLE shop.orders").await.unwrap();
        rows.rows[0][1].clone().unwrap()
    };
    assert!(shown().await.contains("\"is_being_synced\" = \"true\""), "{}", shown().await);
    let home = Home::new();
    let port = syncer.port.to_string();
    let run = |job: &str| {
        let mut command = home.command("desync.sh", &["-h", "127.0.0.1", "-p", &port, "-j", job]);
        tokio::task::spawn_blocking(move || command.output().unwrap())
    };
    let done = run(odd).await.unwrap();
    assert!(done.status.success(), "{}", text(&done));
    let shown = shown().await;
    assert!(!shown.contains("\"is_being_synced\" = \"true\""), "{shown}");
    let status = syncer.api().post("/job_status", &json!({"name": odd})).await.unwrap();
    assert_eq!(status["status"]["state"], "paused", "{status}");
    let unknown = run("nobody").await.unwrap();
    assert!(!unknown.status.success() && text(&unknown).contains("nobody"), "{}", text(&unknown));
}
