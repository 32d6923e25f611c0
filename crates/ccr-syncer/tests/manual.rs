//! The operations manual does what it says: each of its code blocks is run, in order, against the real program and two simulated
//! clusters - once by the owner of the job, once through a syncer that is not.
#![allow(clippy::unwrap_used)]

mod support;

use std::{collections::BTreeSet, fs, os::unix::fs::symlink, path::Path, process::Command};

use ccr_engine::Code;
use ccr_store::documents::SyncState;
use ccr_syncer::flags::{self, FLAGS, Flags};
use serde_json::{Value, json};
use support::{Clusters, Syncer, free_port, program, root, tool, until};

const ENGLISH: &str = "docs/operations.md";
const CHINESE: &str = "docs/operations.zh.md";

/// A code block and the answer that stands below it.
#[derive(Debug, PartialEq, Eq)]
struct Block {
    language: String,
    code: String,
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap()
}

fn blocks(text: &str) -> Vec<Block> {
    let mut found: Vec<Block> = Vec::new();
    let mut open = false;
    for line in text.lines() {
        match (line.strip_prefix("```"), open) {
            (Some(language), false) => {
                found.push(Block { language: language.to_owned(), code: String::new() });
                open = true;
            }
            (Some(_), true) => open = false,
            (None, true) => {
                let block = found.last_mut().unwrap();
                block.code.push_str(line);
                block.code.push('\n');
            }
            (None, false) => {}
        }
    }
    assert!(!open, "a code block has no end");
    found
}

/// The same keys everywhere, whatever their values.
fn same_shape(documented: &Value, answered: &Value, place: &str) {
    match (documented, answered) {
        (Value::Object(documented), Value::Object(answered)) => {
            let keys = |object: &serde_json::Map<String, Value>| object.keys().cloned().collect::<BTreeSet<_>>();
            assert_eq!(keys(documented), keys(answered), "{place}");
            for (key, value) in documented {
                same_shape(value, &answered[key], &format!("{place}.{key}"));
            }
        }
        (Value::Bool(documented), Value::Bool(answered)) => assert_eq!(documented, answered, "{place}"),
        (documented, answered) => assert_eq!(
            std::mem::discriminant(documented),
            std::mem::discriminant(answered),
            "{place}: {documented} is documented, {answered} was answered"
        ),
    }
}

/// The release's folder, its clusters, and two syncers on one database.
struct Setting {
    home: tempfile::TempDir,
    clusters: Clusters,
    port: u16,
    other: Option<Syncer>,
}

impl Setting {
    async fn new() -> Self {
        let home = tempfile::tempdir().unwrap();
        fs::create_dir(home.path().join("bin")).unwrap();
        for script in ["start_syncer.sh", "stop_syncer.sh"] {
            fs::copy(root().join("bin").join(script), home.path().join("bin").join(script)).unwrap();
        }
        symlink(program(), home.path().join("bin/ccr_syncer")).unwrap();
        let clusters = Clusters::with_passwords("quelle", "ziel").await;
        for sql in [
            "CREATE DATABASE shop",
            "CREATE TABLE shop.orders (id INT) DUPLICATE KEY (id) DISTRIBUTED BY HASH(id) BUCKETS 1 \
             PROPERTIES (\"replication_num\" = \"1\")",
        ] {
            clusters.source.execute(sql).await.unwrap();
        }
        Self { home, clusters, port: free_port(), other: None }
    }

    fn owner(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    fn shell(&self, script: &str, syncer: &str) -> Command {
        let mut command = Command::new("bash");
        command.args(["-euo", "pipefail", "-c", script]).current_dir(self.home.path());
        command.env("HOST", "127.0.0.1").env("PORT", self.port.to_string()).env("SYNCER", syncer);
        for (prefix, side, password) in
            [("SRC", &self.clusters.source, "quelle"), ("DEST", &self.clusters.dest, "ziel")]
        {
            command.env(format!("{prefix}_HOST"), &side.query().host);
            command.env(format!("{prefix}_PORT"), side.query().port.to_string());
            command.env(format!("{prefix}_THRIFT_PORT"), side.rpc_port().to_string());
            command.env(format!("{prefix}_PASSWORD"), password);
        }
        command
    }

    /// Runs a block and returns what it printed. Its output is no pipe: a daemon would hold it open.
    async fn run(&self, script: &str, syncer: &str) -> String {
        let said = self.home.path().join("said");
        let file = fs::File::create(&said).unwrap();
        let mut command = self.shell(script, syncer);
        command.stderr(file.try_clone().unwrap()).stdout(file);
        let status = tokio::task::spawn_blocking(move || command.status().unwrap()).await.unwrap();
        let said = fs::read_to_string(&said).unwrap();
        assert!(status.success(), "{script}\n{said}");
        said
    }

    /// Waits until the job, if there is one and it runs, follows its source.
    async fn settled(&self) {
        let api = ccr_syncer::api::Api(self.owner().parse().unwrap());
        until("the job follows its source", async || match api.post("/job_status", &json!({"name": "orders"})).await {
            Ok(status) => status["state"] == "paused" || status["progress_state"] == "TableIncrementalSync",
            Err(error) => error.to_string().contains("not exist"),
        })
        .await;
    }
}

impl Drop for Setting {
    fn drop(&mut self) {
        let mut stop = self.shell("bin/stop_syncer.sh --force", "");
        stop.output().map(drop).unwrap_or_default();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_code_block_works_on_the_owner_and_through_a_redirect() {
    if tool("curl").is_none() {
        return;
    }
    let mut setting = Setting::new().await;
    let blocks = blocks(&read(ENGLISH));
    let mut ran = 0;
    for redirected in [false, true] {
        if redirected {
            setting.clusters.dest.execute("DROP TABLE shop.orders FORCE").await.unwrap();
        }
        let mut syncer = setting.owner();
        for (index, block) in blocks.iter().enumerate() {
            let starts = block.code.contains("start_syncer.sh");
            match block.language.as_str() {
                "bash" if starts && redirected => {}
                "bash" => {
                    if setting.other.is_some() {
                        setting.settled().await;
                    }
                    let said = setting.run(&block.code, &syncer).await;
                    check_answer(block, blocks.get(index + 1), &said);
                    ran += 1;
                    if starts {
                        let db = setting.home.path().join("db/ccr.db");
                        setting.other = Some(Syncer::start(&["-db_dir", db.to_str().unwrap()]).await);
                    }
                    if redirected && block.code.contains("/create_ccr") {
                        syncer = format!("127.0.0.1:{}", setting.other.as_ref().unwrap().port);
                    }
                }
                "sql" => {
                    for statement in block.code.split(';').map(str::trim).filter(|statement| !statement.is_empty()) {
                        setting.clusters.source.execute(statement).await.unwrap();
                    }
                }
                "ini" => drop(flags::apply_file(&mut Flags::default(), &block.code).unwrap()),
                "json" => drop(serde_json::from_str::<Value>(&block.code).unwrap()),
                other => panic!("nobody knows how to run a block of {other:?}"),
            }
        }
    }
    assert!(ran > 30, "{ran}");
}

/// What a block printed: answers that say success, of the shape that stands below it.
fn check_answer(block: &Block, below: Option<&Block>, said: &str) {
    if !said.starts_with('{') {
        assert!(!said.is_empty() || block.code.contains("start_syncer.sh"), "{}", block.code);
        return;
    }
    let answers: Vec<Value> = serde_json::Deserializer::from_str(said).into_iter().collect::<Result<_, _>>().unwrap();
    for answer in &answers {
        assert_ne!(answer["success"], false, "{}\n{said}", block.code);
    }
    if let Some(below) = below.filter(|below| below.language == "json") {
        let documented = serde_json::from_str(&below.code).unwrap();
        for answer in &answers {
            same_shape(&documented, answer, &block.code);
        }
    }
}

#[test]
fn both_languages_have_the_same_blocks_and_tables() {
    let (english, chinese) = (read(ENGLISH), read(CHINESE));
    assert_eq!(blocks(&english), blocks(&chinese));
    let shape = |text: &str| {
        let line = |line: &str| match line {
            line if line.starts_with('#') => Some(line.split(' ').next().unwrap().to_owned()),
            line if line.starts_with('|') => Some(line.split('|').nth(1).unwrap().trim().to_owned()),
            _ => None,
        };
        text.lines().filter_map(line).collect::<Vec<_>>()
    };
    let (english, chinese) = (shape(&english), shape(&chinese));
    // Heads of tables are translated; what they list is not.
    let listed = |cells: &[String]| cells.iter().filter(|cell| cell.starts_with('`')).cloned().collect::<Vec<_>>();
    assert_eq!((english.len(), listed(&english)), (chinese.len(), listed(&chinese)));
}

#[test]
fn codes_states_flags_and_alerts_are_all_in_it() {
    let alerts = read("ops/prometheus/ccr-alerts.yml");
    for path in [ENGLISH, CHINESE] {
        let text = read(path);
        for (code, meaning) in Code::ALL {
            let row = text.lines().find(|line| line.starts_with(&format!("| `{code}` |")));
            let row = row.unwrap_or_else(|| panic!("{code} is not in {path}"));
            assert!(path == CHINESE || row.contains(meaning.trim()), "{row}: {meaning}");
        }
        let rows = text.lines().filter(|line| line.starts_with("| `CCR-")).count();
        assert_eq!(rows, Code::ALL.len(), "{path}");
        for state in [
            SyncState::DBFullSync,
            SyncState::DBTablesIncrementalSync,
            SyncState::DBIncrementalSync,
            SyncState::DBPartialSync,
            SyncState::TableFullSync,
            SyncState::TableIncrementalSync,
            SyncState::TablePartialSync,
        ] {
            assert!(text.contains(&format!("`{}`", state.name())), "{} is not in {path}", state.name());
        }
        for flag in FLAGS.iter().filter(|flag| !flag.name.starts_with("feature_")) {
            assert!(text.contains(&format!("`-{}`", flag.name)), "-{} is not in {path}", flag.name);
        }
        for word in text.split('`').filter(|word| word.starts_with("Ccr")) {
            assert!(alerts.contains(&format!("alert: {word}\n")), "{path} knows an alert {word}");
        }
        assert!(Path::new(&root()).join("ops").is_dir());
    }
}
