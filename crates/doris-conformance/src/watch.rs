//! The step `watch`: every frontend is asked all the time while the master is killed, another one is elected and the old
//! one comes back.
//!
//! Only distinct answers were recorded, each by a thread of its own: how long a state lasts and which short ones are
//! met is chance. So the recorded answers of one question to one frontend must be met in their order, and the last one
//! must be the last.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use anyhow::{Context as _, Result};
use doris::{
    net::{Net as _, NetError, SqlLogin, SqlReply},
    rpc,
    secret::Secret,
    thrift::{Method, Wire as _, decode_reply, encode_call},
};
use serde_json::{Value, json};

use crate::{
    binding::Bindings,
    compare::{Comparison, Difference},
    recording::{Recording, What},
    world::World,
};

/// What was done to whom and when, and what is asked for.
struct Plan {
    killed: String,
    killed_ms: u64,
    started_ms: u64,
    elected: String,
    db: String,
    table: String,
}

/// Who was asked what.
type Question = (String, String);

/// How often everybody is asked, and how long after the old master was started.
const EVERY_MS: u64 = 100;
const AFTER_MS: u64 = 35_000;
/// Texts of exceptions were cut.
const LONGEST: usize = 300;

pub(crate) async fn replay(
    recording: &Recording,
    at: usize,
    world: &World,
    bindings: &mut Bindings,
) -> Result<Vec<Difference>> {
    let step = &recording.steps[at];
    let What::Watch(recorded) = &step.what else { anyhow::bail!("not a step of that kind") };
    let plan = Plan::of(recording, at, recorded).context("what was done is not said")?;
    let mut expected: BTreeMap<Question, Vec<Value>> = BTreeMap::new();
    for entry in recorded {
        let text = |field: &str| entry[field].as_str().unwrap_or_default().to_owned();
        let answers = expected.entry((text("on"), text("watched"))).or_default();
        let answer = plain(&entry["answer"]);
        if answers.last() != Some(&answer) {
            answers.push(answer);
        }
    }
    let met = watch(&plan, world, &expected.keys().cloned().collect()).await?;
    let mut differences = Vec::new();
    for (question, answers) in &expected {
        let seen = met.get(question).map(Vec::as_slice).unwrap_or_default();
        let letter = question.0.chars().next().unwrap_or('A');
        let mut left = seen.iter();
        for answer in answers {
            let mut fits = |actual: &Value| {
                let mark = bindings.mark();
                let equal = Comparison::of(bindings, letter, answer, actual).is_empty();
                if !equal {
                    bindings.take_back(&mark);
                }
                equal
            };
            if !left.any(&mut fits) {
                differences.push(Difference {
                    path: format!("/{}/{}", question.0, question.1),
                    recorded: answer.to_string(),
                    actual: format!("not met in this order; in all: {}", Value::from(seen.to_vec())),
                });
                break;
            }
        }
        if let (Some(last), true) = (left.next(), differences.is_empty()) {
            differences.push(Difference {
                path: format!("/{}/{}", question.0, question.1),
                recorded: "nothing more".to_owned(),
                actual: last.to_string(),
            });
        }
    }
    Ok(differences)
}

impl Plan {
    /// `master C1 killed at 2082 ms, started again at 28683 ms; ..`
    fn of(recording: &Recording, at: usize, recorded: &[Value]) -> Option<Self> {
        let note = &recording.steps[at].note;
        let after = |words: &str| note.split_once(words).map(|(_, rest)| rest.split(' ').next().unwrap_or_default());
        let killed = after("master ")?.to_owned();
        let killed_ms = after("killed at ")?.parse().ok()?;
        let answered = |entry: &&Value| {
            entry["watched"] == "getBinlog"
                && entry["on"] != *killed
                && entry["answer"]["status"]["status_code"] == 0
                && entry["ms"].as_u64() > Some(killed_ms)
        };
        let elected = recorded.iter().find(answered)?["on"].as_str()?.to_owned();
        let altered = recording.steps[..at].iter().rev().find_map(|step| match &step.what {
            What::Sql { sql, .. } => sql.strip_prefix("ALTER TABLE ")?.split(' ').next()?.split_once('.'),
            _ => None,
        })?;
        let started_ms = after("started again at ")?.parse().ok()?;
        let (db, table) = (altered.0.to_owned(), altered.1.to_owned());
        Some(Self { killed, killed_ms, started_ms, elected, db, table })
    }
}

/// Distinct answers in their order.
async fn watch(plan: &Plan, world: &World, questions: &BTreeSet<Question>) -> Result<BTreeMap<Question, Vec<Value>>> {
    let (cluster, killed) = world.cluster(&plan.killed)?;
    let (_, elected) = world.cluster(&plan.elected)?;
    let mut met: BTreeMap<Question, Vec<Value>> = BTreeMap::new();
    let mut now_ms = 0;
    while now_ms < plan.started_ms + AFTER_MS {
        let next_ms = now_ms + EVERY_MS;
        let due = |ms: u64| (now_ms..next_ms).contains(&ms);
        if due(plan.killed_ms) {
            cluster
                .with(|model| {
                    model.kill_frontend(killed)?;
                    model.elect(elected)
                })
                .map_err(|refusal| anyhow::anyhow!("{}", refusal.text))?;
        }
        if due(plan.started_ms) {
            cluster
                .with(|model| model.start_frontend(killed))
                .map_err(|refusal| anyhow::anyhow!("{}", refusal.text))?;
        }
        for question in questions {
            let answer = ask(plan, world, &question.0, &question.1, now_ms).await?;
            let answers = met.entry(question.clone()).or_default();
            if answers.last() != Some(&answer) {
                answers.push(answer);
            }
        }
        tokio::time::advance(Duration::from_millis(EVERY_MS)).await;
        now_ms = next_ms;
    }
    Ok(met)
}

async fn ask(plan: &Plan, world: &World, on: &str, what: &str, now_ms: u64) -> Result<Value> {
    let (db, table) = (&plan.db, &plan.table);
    let login = json!({"user": "root", "passwd": "", "db": db});
    let with = |field: &str, value: Value| {
        let mut request = login.clone();
        request[field] = value;
        request
    };
    let mut answer = match what {
        "getBinlog" => {
            let mut answer = call::<rpc::GetBinlog>(world, on, &with("prev_commit_seq", json!(-1))).await?;
            if answer.get("exception").is_none() {
                answer["binlogs"] = answer["binlogs"].as_array().map_or(0, Vec::len).into();
            }
            answer
        }
        "beginTxn" => {
            let (cluster, _) = world.cluster(on)?;
            let id = cluster
                .with(|model| model.table(db, table).ok().and_then(|table| table.id.to_string().parse::<i64>().ok()));
            let mut request = with("table_ids", json!([id]));
            request["label"] = json!(format!("watch_{on}_{now_ms}"));
            request["timeout"] = json!(60);
            let mut answer = call::<rpc::BeginTxn>(world, on, &request).await?;
            if let Some(fields) = answer.as_object_mut() {
                fields.remove("txn_id");
            }
            answer
        }
        "getMeta" => {
            let mut answer = call::<rpc::GetMeta>(world, on, &with("db", json!({"name": db}))).await?;
            if answer.get("exception").is_none() {
                let tables = answer["db_meta"]["tables"].as_array();
                let names = tables.map(|tables| tables.iter().map(|table| table["name"].clone()).collect::<Vec<_>>());
                answer["db_meta"] = names.map_or(Value::Null, Value::from);
            }
            answer
        }
        "SHOW TABLES" => sql(world, on, &format!("SHOW TABLES FROM {db}"), Some(&[0])).await?,
        "ALTER ... COMMENT" => sql(world, on, &format!("ALTER TABLE {db}.{table} MODIFY COMMENT 'w'"), None).await?,
        "SHOW FRONTENDS: Host, IsMaster, Alive" => sql(world, on, "SHOW FRONTENDS", Some(&[1, 8, 11])).await?,
        other => anyhow::bail!("nobody knows how {other} is asked"),
    };
    if let Some(message) = answer.get("message").and_then(Value::as_str) {
        answer["message"] = Value::from(message.chars().take(LONGEST).collect::<String>());
    }
    Ok(plain(&answer))
}

async fn call<M: Method>(world: &World, on: &str, request: &Value) -> Result<Value> {
    let request = M::Request::from_json(request).with_context(|| format!("{} {request}", M::NAME))?;
    match world.net.thrift(&world.rpc(on)?, encode_call(M::NAME, 0, &request)?).await {
        Ok(reply) => Ok(decode_reply::<M::Reply>(&reply, M::NAME, 0)?.to_json()),
        Err(_) => Ok(json!({"exception": "TTransportException", "message": ""})),
    }
}

/// As the recorder's driver shows it; without `columns`: the number of rows.
async fn sql(world: &World, on: &str, sql: &str, columns: Option<&[usize]>) -> Result<Value> {
    let (cluster, index) = world.cluster(on)?;
    let endpoint = cluster.frontends().get(index).with_context(|| format!("no frontend {on}"))?.query.clone();
    let host = endpoint.host.clone();
    let login = SqlLogin { endpoint, user: "root".to_owned(), password: Secret::default() };
    let exception = |code: u16, text: &str| json!({"exception": "OperationalError", "message": format!("({code}, {})", python(text))});
    Ok(match (world.net.sql(&login, sql).await, columns) {
        (Ok(SqlReply::Rows(rows)), Some(columns)) => {
            let row =
                |row: &Vec<Option<String>>| columns.iter().map(|at| Value::from(row[*at].clone())).collect::<Value>();
            rows.rows.iter().map(row).collect()
        }
        (Ok(SqlReply::Rows(rows)), None) => rows.rows.len().into(),
        (Ok(SqlReply::Ok { .. }), _) => 0.into(),
        (Ok(SqlReply::Error { code, message, .. }), _) => exception(code, &message),
        (Err(NetError::Unreachable { .. }), _) => {
            exception(2003, &format!("Can't connect to MySQL server on '{host}' ([Errno 111] Connection refused)"))
        }
        (Err(error), _) => exception(2013, &error.to_string()),
    })
}

/// A text as Python prints it inside of something else.
fn python(text: &str) -> String {
    let quote = if text.contains('\'') && !text.contains('"') { '"' } else { '\'' };
    let mut out = String::from(quote);
    for c in text.chars() {
        match c {
            '\n' => out.push_str("\\n"),
            '\\' => out.push_str("\\\\"),
            c if c == quote => out.extend(['\\', c]),
            c => out.push(c),
        }
    }
    out.push(quote);
    out
}

/// Without what differs from connection to connection: the words of a broken socket, numbers of statements.
fn plain(answer: &Value) -> Value {
    let mut answer = answer.clone();
    if answer["exception"] == "TTransportException" {
        answer["message"] = Value::from("");
    }
    if let Some(message) = answer.get("message").and_then(Value::as_str)
        && let Some((before, after)) = message.split_once("statement id: ")
    {
        let rest = after.trim_start_matches(|c: char| c.is_ascii_digit());
        answer["message"] = Value::from(format!("{before}statement id: N{rest}"));
    }
    answer
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_quoted_as_python_does() {
        assert_eq!(python("a\nb"), "'a\\nb'");
        assert_eq!(python("FE's"), "\"FE's\"");
        assert_eq!(python("'\""), "'\\'\"'");
    }
}
