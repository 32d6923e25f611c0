//! Asks the simulator what was asked of the real frontends, step by step.

use std::{collections::BTreeSet, time::Duration};

use anyhow::{Context as _, Result, bail};
use doris::{
    net::{Net as _, SqlReply},
    rpc,
    thrift::{Method, ThriftError, Wire as _, decode_reply, encode_call},
};
use doris_sim::model::TxnId;
use serde_json::{Value, json};

use crate::{
    ahead::Ahead,
    backends,
    binding::{Bindings, Hits, Kind},
    compare::{Comparison, Difference},
    excuse::Excuses,
    moments,
    names::Names,
    recording::{Load, Recording, Step, What},
    translate, watch,
    world::World,
};

/// How a step went.
#[derive(Debug)]
pub(crate) enum Outcome {
    Equal,
    Different(Vec<Difference>),
    /// A state in between that polling did not meet; the one at the end was reached.
    Missed,
    /// It needs a backend that executes queries.
    Skipped,
    /// Nothing was asked.
    NoStep,
}

/// All outcomes, and the rules that were used.
#[derive(Debug)]
pub(crate) struct Replayed {
    pub(crate) outcomes: Vec<Outcome>,
    pub(crate) hits: Hits,
}

/// What was recorded where a backend had to execute a query.
const NEEDS_BACKEND: [&str; 2] = ["send fragments failed", "UNIMPLEMENTED: Method not found"];
/// How long an answer may take to become what was recorded, and how often it is looked at.
const SETTLES: Duration = Duration::from_millis(520);
const POLLED_FOR: Duration = Duration::from_secs(90);
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// Replays a recording from its beginning to its end on clusters of its own.
pub(crate) async fn replay(recording: &Recording, excuses: &Excuses) -> Result<Replayed> {
    let moments = moments::of(recording);
    let start_ms = moments.first().copied().unwrap_or_default() - 60_000;
    let world = World::of(recording, start_ms).await?;
    let names = Names::of(recording);
    let mut bindings = Bindings::default();
    for (letter, recorded, actual) in backends::pairs(recording, &world) {
        bindings.bind(letter, Kind::Id, &recorded, &actual);
    }
    let mut replay = Replay {
        world,
        bindings,
        documents: Vec::new(),
        excuses,
        script: &recording.name,
        names,
        ahead: Ahead::of(recording),
    };
    // The recorded clusters were up for a while.
    tokio::time::advance(Duration::from_secs(60)).await;
    let mut outcomes = Vec::new();
    while outcomes.len() < recording.steps.len() {
        let at = outcomes.len();
        let group = group_at(&recording.steps, at);
        replay.wait_until(&recording.steps[at], moments[at]).await?;
        if let What::Watch(_) = &recording.steps[at].what {
            let differences = watch::replay(recording, at, &replay.world, &mut replay.bindings).await?;
            outcomes.push(if differences.is_empty() { Outcome::Equal } else { Outcome::Different(differences) });
        } else if group > 1 || recording.steps[at].polled {
            outcomes.extend(replay.poll(&recording.steps[at..at + group]).await?);
        } else {
            outcomes.push(replay.step(&recording.steps[at]).await?);
        }
    }
    Ok(Replayed { outcomes, hits: replay.bindings.hits })
}

/// Number of steps that are distinct answers to one question.
fn group_at(steps: &[Step], at: usize) -> usize {
    let first = steps.get(at).filter(|step| step.polled);
    let same = |step: &&Step| {
        step.polled && first.is_some_and(|first| first.on == step.on && first.subject() == step.subject())
    };
    steps[at..].iter().take_while(same).count().max(1)
}

struct Replay<'a> {
    excuses: &'a Excuses,
    script: &'a str,
    world: World,
    bindings: Bindings,
    /// Recorded and actual answers that hold documents of snapshots, with the cluster that gave them.
    documents: Vec<(char, Value, Value)>,
    names: Names,
    ahead: Ahead,
}

impl Replay<'_> {
    /// Lets the simulator's time pass until the recorded one.
    async fn wait_until(&self, step: &Step, moment_ms: i64) -> Result<()> {
        if step.on.is_empty() {
            return Ok(());
        }
        let (cluster, _) = self.world.cluster(&step.on)?;
        let behind = moment_ms - cluster.sim().clock().now_ms();
        tokio::time::advance(Duration::from_millis(u64::try_from(behind).unwrap_or(0).max(1))).await;
        Ok(())
    }

    async fn step(&mut self, step: &Step) -> Result<Outcome> {
        match &step.what {
            What::Note => self.note(step),
            What::Load(load) => self.load(step, load).await,
            What::Watch(_) => bail!("such a step is replayed by itself"),
            What::Sql { answer, .. } if needs_backend(answer) => Ok(Outcome::Skipped),
            What::Sql { answer, .. } => self.ask_and_compare(step, answer).await,
            What::Rpc { request, answer, .. } if !was_sent(request, answer) => Ok(Outcome::NoStep),
            What::Rpc { answer, .. } => self.ask_and_compare(step, answer).await,
        }
    }

    async fn ask_and_compare(&mut self, step: &Step, recorded: &Value) -> Result<Outcome> {
        let cluster = letter(step);
        let (recorded, others) = match &step.what {
            What::Sql { sql, .. } => self.ahead.without_others(sql, recorded),
            _ => (recorded.clone(), 0),
        };
        if others > 0 {
            self.bindings.hit("rows of databases that other recordings left behind");
        }
        let recorded = &recorded;
        let patience = if step.only_reads() { SETTLES } else { Duration::ZERO };
        let mut waited = Duration::ZERO;
        let mut first = None;
        loop {
            let actual = self.ask(step).await?;
            let mark = self.bindings.mark();
            let differences = Comparison::of(&mut self.bindings, cluster, recorded, &actual);
            if differences.is_empty() {
                if waited > Duration::ZERO {
                    self.bindings.hit("time until an answer settles");
                }
                self.remember(step, recorded, &actual);
                self.bind_new(step)?;
                self.plan(step, recorded, &actual)?;
                return Ok(Outcome::Equal);
            }
            self.bindings.take_back(&mark);
            let excused = self.excuses.cover(self.script, step, &differences);
            let (first, _) = first.get_or_insert((differences, actual.clone()));
            if excused || waited >= patience {
                // What does agree is bound all the same: later steps name it.
                let _known_already = Comparison::of(&mut self.bindings, cluster, recorded, &actual);
                self.remember(step, recorded, &actual);
                return Ok(Outcome::Different(std::mem::take(first)));
            }
            let pause = LOOK_EVERY.max(waited / 2);
            tokio::time::advance(pause).await;
            waited += pause;
        }
    }

    /// Distinct answers to one question: each must be seen, in this order.
    async fn poll(&mut self, steps: &[Step]) -> Result<Vec<Outcome>> {
        let mut outcomes: Vec<Option<Outcome>> = steps.iter().map(|_| None).collect();
        let mut next = 0;
        let mut last = None;
        let mut waited = Duration::ZERO;
        let mut changed = false;
        while let (Some(step), true) = (steps.get(next), waited <= POLLED_FOR) {
            let Some(recorded) = step.answer() else { bail!("a polled step without an answer") };
            if next + 1 == steps.len() && !changed {
                // Before, the answers were as they had been.
                self.environment(steps)?;
                changed = true;
            }
            if needs_backend(recorded) {
                outcomes[next] = Some(Outcome::Skipped);
                next += 1;
                continue;
            }
            let actual = self.ask(step).await?;
            if last.as_ref() == Some(&actual) {
                let pause = LOOK_EVERY.max(waited / 20);
                tokio::time::advance(pause).await;
                waited += pause;
                continue;
            }
            let (excuses, script) = (self.excuses, self.script);
            let fits = |bindings: &mut Bindings, step: &Step| {
                let mark = bindings.mark();
                let recorded = step.answer().cloned().unwrap_or_default();
                let differences = Comparison::of(bindings, letter(step), &recorded, &actual);
                if differences.is_empty() {
                    return Some(Outcome::Equal);
                }
                let excused = excuses.cover(script, step, &differences);
                if !excused {
                    bindings.take_back(&mark);
                }
                excused.then_some(Outcome::Different(differences))
            };
            let found = (next..steps.len()).find_map(|at| Some((at, fits(&mut self.bindings, &steps[at])?)));
            if let Some((found, outcome)) = found {
                outcomes[found] = Some(outcome);
                next = found + 1;
            }
            last = Some(actual);
        }
        let reached = matches!(outcomes.last(), Some(Some(_)));
        let final_answer = last.unwrap_or_default();
        let mut done = Vec::new();
        for (step, outcome) in steps.iter().zip(outcomes) {
            done.push(match outcome {
                Some(outcome) => outcome,
                None if reached => Outcome::Missed,
                None => {
                    let recorded = step.answer().cloned().unwrap_or_default();
                    Outcome::Different(Comparison::of(&mut self.bindings, letter(step), &recorded, &final_answer))
                }
            });
        }
        Ok(done)
    }

    /// Backends die and come back without a word in the recording: it shows in the last answer.
    fn environment(&mut self, steps: &[Step]) -> Result<()> {
        let Some(step) = steps.last() else { return Ok(()) };
        let What::Sql { sql, answer } = &step.what else { return Ok(()) };
        if !sql.eq_ignore_ascii_case("SHOW BACKENDS") {
            return Ok(());
        }
        let (cluster, _) = self.world.cluster(&step.on)?;
        for row in answer["rows"].as_array().map(Vec::as_slice).unwrap_or_default() {
            let recorded = row[0].as_str().unwrap_or_default();
            let Some(id) = self.bindings.actual(letter(step), Kind::Id, recorded) else { continue };
            let alive = row[9] == "true";
            cluster.with(|model| {
                let backend = model.backends.keys().copied().find(|backend| backend.to_string() == id);
                backend.map(|backend| model.set_backend_alive(backend, alive))
            });
        }
        Ok(())
    }

    /// `debug point NAME on: …`
    fn note(&mut self, step: &Step) -> Result<Outcome> {
        let Some(rest) = step.note.strip_prefix("debug point ") else { return Ok(Outcome::NoStep) };
        let mut words = rest.split([' ', ':']);
        let (Some(name), Some(switch)) = (words.next(), words.next()) else { return Ok(Outcome::NoStep) };
        let (cluster, _) = self.world.cluster("A")?;
        cluster.with(|model| model.set_debug_point(name, switch == "on"));
        Ok(Outcome::NoStep)
    }

    async fn load(&mut self, step: &Step, load: &Load) -> Result<Outcome> {
        let cluster = letter(step);
        match self.try_load(step, load).await? {
            Ok(txn) => {
                let fits = self.bindings.bind(cluster, Kind::Txn, &load.txn_id.to_string(), &txn.to_string());
                self.bindings.hit("transaction ids");
                anyhow::ensure!(fits, "transaction {txn} stands for two recorded ones");
                Ok(Outcome::Equal)
            }
            Err(why) => Ok(Outcome::Different(vec![Difference {
                path: "/load".to_owned(),
                recorded: "committed".to_owned(),
                actual: why,
            }])),
        }
    }

    /// Begins, plans and commits. The inner error is a refusal.
    async fn try_load(&mut self, step: &Step, load: &Load) -> Result<Result<i64, String>> {
        let (cluster, _) = self.world.cluster(&step.on)?;
        let tables = cluster.with(|model| {
            let ids = load.tables.iter().map(|table| Some(model.table(&load.db, table).ok()?.id));
            ids.collect::<Option<Vec<_>>>()
        });
        let Some(tables) = tables else { return Ok(Err("a table does not exist".to_owned())) };
        let ids: Vec<Value> =
            tables.iter().filter_map(|id| id.to_string().parse::<i64>().ok()).map(Value::from).collect();
        let begin =
            json!({"user": "root", "passwd": "", "db": load.db, "table_ids": ids, "label": load.label, "timeout": 600});
        let begun = self.call(&step.on, "beginTxn", &begin).await?;
        let Some(txn) = begun["txn_id"].as_i64() else { return Ok(Err(begun.to_string())) };
        if load.planned {
            let (cluster, _) = self.world.cluster(&step.on)?;
            cluster.with(|model| model.plan_load(TxnId::new(txn)));
        }
        let mut infos = Vec::new();
        for table in &load.tables {
            let partition = load.partition.as_ref().map(|name| format!(" PARTITION (`{name}`)")).unwrap_or_default();
            let sql = format!("SHOW TABLETS FROM `{}`.`{table}`{partition}", load.db);
            let SqlReply::Rows(rows) = self.world.sql(&step.on, &sql).await? else {
                return Ok(Err(format!("{sql} failed")));
            };
            let column = |name: &str| rows.columns.iter().position(|column| column == name);
            let (Some(tablet), Some(backend)) = (column("TabletId"), column("BackendId")) else {
                return Ok(Err(format!("{sql} has no TabletId and BackendId")));
            };
            for row in &rows.rows {
                let number = |at: usize| row[at].as_ref().and_then(|text| text.parse::<i64>().ok());
                infos.push(json!({"tabletId": number(tablet), "backendId": number(backend)}));
            }
        }
        let commit = json!({"user": "root", "passwd": "", "db": load.db, "txn_id": txn, "commit_infos": infos});
        let committed = self.call(&step.on, "commitTxn", &commit).await?;
        match committed["status"]["status_code"].as_i64() {
            Some(0) => Ok(Ok(txn)),
            _ => Ok(Err(committed.to_string())),
        }
    }

    /// The simulator's answer to a step, as a recording would show it.
    async fn ask(&mut self, step: &Step) -> Result<Value> {
        let cluster = letter(step);
        match &step.what {
            What::Sql { sql, .. } => {
                let sql = translate::text(&self.bindings, cluster, sql);
                Ok(shown(self.world.sql(&step.on, &sql).await?))
            }
            What::Rpc { method, request, .. } => {
                if method == "commitTxn" {
                    self.bind_tablets(step, request)?;
                }
                let request = translate::request(&self.bindings, cluster, &self.documents, request);
                self.call(&step.on, method, &request).await
            }
            What::Load(_) | What::Watch(_) | What::Note => bail!("nothing is asked in such a step"),
        }
    }

    /// The recorder committed all tablets of a table, which it had looked up without a word.
    fn bind_tablets(&mut self, step: &Step, request: &Value) -> Result<()> {
        let cluster = letter(step);
        let infos = request["commit_infos"].as_array().map(Vec::as_slice).unwrap_or_default();
        let recorded: BTreeSet<i64> = infos.iter().filter_map(|info| info["tabletId"].as_i64()).collect();
        let is_known = |id: &i64| self.bindings.actual(cluster, Kind::Id, &id.to_string()).is_some();
        let txn = request["txn_id"].as_i64().map(|id| id.to_string()).unwrap_or_default();
        let txn = self.bindings.actual(cluster, Kind::Txn, &txn).and_then(|id| id.parse().ok());
        let (Some(txn), false) = (txn, recorded.iter().any(is_known)) else { return Ok(()) };
        let actual: BTreeSet<String> = self.world.cluster(&step.on)?.0.with(|model| {
            let Some(txn) = model.txn(TxnId::new(txn)) else { return BTreeSet::new() };
            let db = model.databases.get(&txn.db);
            let tables = txn.tables.iter().filter_map(|table| db?.table_by_id(*table));
            let partitions = tables.flat_map(|table| &table.partitions);
            partitions.flat_map(|p| p.indexes.values().flatten()).map(|tablet| tablet.id.to_string()).collect()
        });
        if actual.len() == recorded.len() {
            for (recorded, actual) in recorded.iter().zip(&actual) {
                self.bindings.bind(cluster, Kind::Id, &recorded.to_string(), actual);
            }
        }
        Ok(())
    }

    /// Keeps what later requests hand back: documents of snapshots.
    fn remember(&mut self, step: &Step, recorded: &Value, actual: &Value) {
        if matches!(&step.what, What::Rpc { method, .. } if method == "getSnapshot") && recorded.get("meta").is_some() {
            self.documents.push((letter(step), recorded.clone(), actual.clone()));
        }
    }

    /// A plan that the recorder asked for without a word.
    fn plan(&self, step: &Step, recorded: &Value, actual: &Value) -> Result<()> {
        let (Some(recorded), Some(actual)) = (recorded["txn_id"].as_i64(), actual["txn_id"].as_i64()) else {
            return Ok(());
        };
        if self.ahead.is_planned(letter(step), recorded) {
            self.world.cluster(&step.on)?.0.with(|model| model.plan_load(TxnId::new(actual)));
        }
        Ok(())
    }

    /// Binds the id of a database or table that was just made.
    fn bind_new(&mut self, step: &Step) -> Result<()> {
        let What::Sql { sql, .. } = &step.what else { return Ok(()) };
        let Some((is_database, name)) = created(sql) else { return Ok(()) };
        let (cluster, letter) = (self.world.cluster(&step.on)?.0, letter(step));
        let (key, actual) = if is_database {
            let id = cluster.with(|model| model.database(&name).map(|db| db.id.to_string()));
            (name, id)
        } else {
            let (db, table) = match name.split_once('.') {
                Some((db, table)) => (db.to_owned(), table.to_owned()),
                None => (self.world.current_db(&step.on).unwrap_or_default(), name),
            };
            let id = cluster.with(|model| model.table(&db, &table).map(|table| table.id.to_string()));
            (format!("{db}.{table}"), id)
        };
        let Ok(actual) = actual else { return Ok(()) };
        let unbound = |id: &&String| self.bindings.actual(letter, Kind::Id, id).is_none();
        if let Some(recorded) = self.names.ids(letter, &key).iter().find(unbound) {
            self.bindings.bind(letter, Kind::Id, recorded, &actual);
        }
        Ok(())
    }

    async fn call(&self, on: &str, method: &str, request: &Value) -> Result<Value> {
        match method {
            "getBinlog" => self.rpc::<rpc::GetBinlog>(on, request).await,
            "getBinlogLag" => self.rpc::<rpc::GetBinlogLag>(on, request).await,
            "lockBinlog" => self.rpc::<rpc::LockBinlog>(on, request).await,
            "beginTxn" => self.rpc::<rpc::BeginTxn>(on, request).await,
            "commitTxn" => self.rpc::<rpc::CommitTxn>(on, request).await,
            "rollbackTxn" => self.rpc::<rpc::RollbackTxn>(on, request).await,
            "waitingTxnStatus" => self.rpc::<rpc::WaitingTxnStatus>(on, request).await,
            "getMasterToken" => self.rpc::<rpc::GetMasterToken>(on, request).await,
            "getSnapshot" => self.rpc::<rpc::GetSnapshot>(on, request).await,
            "restoreSnapshot" => self.rpc::<rpc::RestoreSnapshot>(on, request).await,
            "getMeta" => self.rpc::<rpc::GetMeta>(on, request).await,
            "getBackendMeta" => self.rpc::<rpc::GetBackendMeta>(on, request).await,
            other => bail!("no client for the method {other}"),
        }
    }

    async fn rpc<M: Method>(&self, on: &str, request: &Value) -> Result<Value> {
        let request = M::Request::from_json(request).with_context(|| format!("{} {request}", M::NAME))?;
        let reply = self.world.net.thrift(&self.world.rpc(on)?, encode_call(M::NAME, 0, &request)?).await;
        let reply = match reply {
            Ok(reply) => reply,
            Err(error) => return Ok(json!({"exception": "TTransportException", "message": error.to_string()})),
        };
        match decode_reply::<M::Reply>(&reply, M::NAME, 0) {
            Ok(reply) => Ok(reply.to_json()),
            Err(ThriftError::Application { text, .. }) => {
                Ok(json!({"exception": "TApplicationException", "message": text}))
            }
            Err(error) => Err(error).context("the simulator's reply is none"),
        }
    }
}

fn letter(step: &Step) -> char {
    step.on.chars().next().unwrap_or('A')
}

/// What a statement makes: whether a database (or else a table), and its name without quotes.
fn created(sql: &str) -> Option<(bool, String)> {
    let mut words = sql.split_whitespace().peekable();
    let mut next_is = |expected: &str| words.next_if(|word| word.eq_ignore_ascii_case(expected)).is_some();
    if !next_is("CREATE") {
        return None;
    }
    let is_database = next_is("DATABASE");
    if !is_database && !next_is("TABLE") {
        return None;
    }
    if next_is("IF") {
        next_is("NOT");
        next_is("EXISTS");
    }
    let name = words.next()?.split('(').next()?.replace('`', "");
    Some((is_database, name))
}

/// Whether the request left the recorder: one that its version has no words for did not, nor one without a value in a
/// list.
fn was_sent(request: &Value, answer: &Value) -> bool {
    let has_hole = |list: &Value| list.as_array().is_some_and(|list| list.contains(&Value::Null));
    let whole = request.as_object().is_none_or(|fields| !fields.values().any(has_hole));
    whole && answer["exception"] != "not in this version's IDL"
}

fn needs_backend(answer: &Value) -> bool {
    let message = answer["error"]["message"].as_str().unwrap_or_default();
    NEEDS_BACKEND.iter().any(|text| message.contains(text))
}

/// An SQL answer as a recording shows it.
fn shown(reply: SqlReply) -> Value {
    match reply {
        SqlReply::Ok { affected, info } => json!({"ok": affected, "info": with_length(&info)}),
        SqlReply::Rows(rows) => json!({"columns": rows.columns, "rows": rows.rows}),
        SqlReply::Error { code, message, .. } => json!({"error": {"code": code, "message": message}}),
    }
}

/// The recorder's driver takes the length in front of the text for a part of it.
fn with_length(info: &str) -> String {
    match u8::try_from(info.len()) {
        Ok(length @ 1..=0x7f) => format!("{}{info}", char::from(length)),
        _ => info.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_statement_tells_what_it_makes() {
        assert_eq!(created("CREATE DATABASE IF NOT EXISTS `d`"), Some((true, "d".to_owned())));
        assert_eq!(created("create table d.t(k INT)"), Some((false, "d.t".to_owned())));
        assert_eq!(created("CREATE VIEW v AS SELECT 1"), None);
    }
}
