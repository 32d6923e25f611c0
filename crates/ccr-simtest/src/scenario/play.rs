//! Plays one scenario.

use std::{collections::BTreeMap, time::Duration};

use anyhow::{Context as _, anyhow, bail, ensure};
use serde_json::json;
use tokio::time::Instant;

use super::{
    bench::{Bench, DB},
    check::check,
    step::{Check, Control, Kind, Line, Scenario, Side, Step},
};

/// Longest virtual time until a check comes true.
const EVENTUALLY: Duration = Duration::from_secs(240);

/// Longest virtual time of a scenario with one kind of job.
const SCENARIO: Duration = Duration::from_secs(4 * 3600);

/// How a scenario went with one kind of job.
#[derive(Clone, Debug)]
pub struct Played {
    pub kind: Kind,
    /// What did not hold, where.
    pub failure: Option<String>,
}

/// Plays a scenario with each of its kinds of jobs, on virtual time.
pub fn play(scenario: &Scenario) -> Vec<Played> {
    scenario.kinds.iter().map(|kind| Played { kind: *kind, failure: play_with(scenario, *kind).err() }).collect()
}

fn play_with(scenario: &Scenario, kind: Kind) -> Result<(), String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    let runtime = runtime.map_err(|error| format!("no runtime: {error}"))?;
    runtime.block_on(async {
        let playing = tokio::time::timeout(SCENARIO, on_bench(scenario, kind));
        let done = playing.await.map_err(|_| anyhow!("not over after {} s", SCENARIO.as_secs()));
        done.and_then(|done| done).map_err(|error| format!("{error:#}"))
    })
}

async fn on_bench(scenario: &Scenario, kind: Kind) -> anyhow::Result<()> {
    let mut bench = Bench::new(&scenario.name, kind).await?;
    for line in &scenario.steps {
        if !line.only.is_empty() && !line.only.contains(&kind) {
            continue;
        }
        if let Err(error) = step(&mut bench, line).await {
            let status = bench.describe().await;
            return Err(error.context(format!("{} `{}` [{status}]", line.place, line.text)));
        }
    }
    bench.close().await;
    Ok(())
}

async fn step(bench: &mut Bench, line: &Line) -> anyhow::Result<()> {
    match &line.step {
        Step::Sql { side, sql } => bench.run(*side, sql).await,
        Step::Fill { table, row, from, to, each } => {
            let rows: Vec<String> = (*from..=*to).map(|i| row.replace("{i}", &i.to_string())).collect();
            let statements = if *each { rows } else { vec![rows.join(", ")] };
            for values in statements {
                bench.run(Side::Source, &format!("INSERT INTO {table} VALUES {values}")).await?;
            }
            Ok(())
        }
        Step::Initial { tables } => initial(bench, tables).await,
        Step::Start { tables, also, refused } => {
            let answer = bench.create_jobs(tables, also.as_deref()).await?;
            match (answer, refused) {
                (None, None) => bench.take_mark().await,
                (Some(why), Some(text)) => {
                    ensure!(why.contains(text), "refused for another reason: {why}");
                    Ok(())
                }
                (Some(why), None) => bail!("refused: {why}"),
                (None, Some(_)) => bail!("not refused"),
            }
        }
        Step::Control(Control::SkipSilence) => {
            // The record is tried some time after the job goes on.
            let deadline = Instant::now() + EVENTUALLY;
            loop {
                match bench.control(&Control::SkipSilence).await {
                    Err(_) if Instant::now() < deadline => tokio::time::sleep(Duration::from_secs(1)).await,
                    done => return done,
                }
            }
        }
        Step::Control(control) => bench.control(control).await,
        Step::Failpoint { name, value } => {
            for job in bench.jobs.clone() {
                let mut body = json!({"name": job.name, "failpoint": name});
                if let Some(value) = value {
                    body["value"] = value.as_str().into();
                }
                let answer = bench.post("/failpoint", body).await?;
                ensure!(answer["success"] == true, "/failpoint: {answer}");
            }
            Ok(())
        }
        Step::DebugPoint { name, value, on } => {
            let params: BTreeMap<String, String> =
                value.iter().map(|value| ("value".to_owned(), value.clone())).collect();
            let done = bench.source().with(|model| {
                model.config.insert("enable_debug_points".to_owned(), "true".to_owned());
                if *on { model.add_debug_point(name, params) } else { model.remove_debug_point(name) }
            });
            done.map_err(|refusal| anyhow!("{refusal:?}"))
        }
        Step::Wait(time) => {
            tokio::time::sleep(*time).await;
            Ok(())
        }
        Step::Altered { table } => eventually(async |bench| altered(bench, table).await, bench).await,
        Step::Mark => bench.take_mark().await,
        Step::Check(what) => eventually(async |bench| check(bench, what).await, bench).await,
        Step::Stays(time, what) => {
            let end = Instant::now() + *time;
            loop {
                check(bench, what).await?;
                if Instant::now() >= end {
                    return Ok(());
                }
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        }
        Step::Lag => lag(bench).await,
    }
}

/// Tries until it holds.
async fn eventually(
    mut what: impl AsyncFnMut(&mut Bench) -> anyhow::Result<()>,
    bench: &mut Bench,
) -> anyhow::Result<()> {
    let begin = Instant::now();
    loop {
        let Err(error) = what(bench).await else { return Ok(()) };
        let waited = begin.elapsed();
        if waited >= EVENTUALLY {
            return Err(error.context(format!("not within {} s", EVENTUALLY.as_secs())));
        }
        let pause = if waited < Duration::from_secs(10) { 250 } else { 2000 };
        tokio::time::sleep(Duration::from_millis(pause)).await;
    }
}

/// Creates the jobs and waits for a restore of each table and for the end of the full copies.
async fn initial(bench: &mut Bench, tables: &[String]) -> anyhow::Result<()> {
    bench.take_mark().await?;
    if let Some(why) = bench.create_jobs(tables, None).await? {
        bail!("refused: {why}");
    }
    for table in tables {
        let restored = Check::Restored { table: table.trim_matches('`').to_owned(), count: 1 };
        eventually(async |bench| check(bench, &restored).await, bench).await.context("no full copy")?;
    }
    let incremental = Check::State {
        names: ["DBIncrementalSync", "DBTablesIncrementalSync", "TableIncrementalSync"].map(str::to_owned).to_vec(),
    };
    eventually(async |bench| check(bench, &incremental).await, bench).await.context("the full copy does not end")?;
    bench.take_mark().await
}

/// No job that changes the table is under way on the source.
async fn altered(bench: &mut Bench, table: &str) -> anyhow::Result<()> {
    for sql in [
        format!("SHOW ALTER TABLE COLUMN FROM {DB}"),
        format!("SHOW ALTER TABLE ROLLUP FROM {DB}"),
        format!("SHOW BUILD INDEX FROM {DB}"),
    ] {
        let set = bench.rows(Side::Source, &sql).await?;
        let at = |name: &str| {
            let at = set.columns.iter().position(|column| column == name);
            at.ok_or_else(|| anyhow!("{sql}: no column {name} in {:?}", set.columns))
        };
        let (name, state) = (at("TableName")?, at("State")?);
        for row in &set.rows {
            let cell = |at: usize| row.get(at).and_then(Option::as_deref).unwrap_or_default();
            ensure!(
                cell(name) != table.trim_matches('`') || matches!(cell(state), "FINISHED" | "CANCELLED"),
                "{sql}: {}",
                cell(state)
            );
        }
    }
    Ok(())
}

/// `/get_lag` of all jobs.
async fn lag(bench: &mut Bench) -> anyhow::Result<()> {
    const FIELDS: [&str; 8] = [
        "lag",
        "next_commit_seq",
        "last_commit_seq",
        "first_commit_seq",
        "first_binlog_timestamp",
        "last_binlog_timestamp",
        "next_binlog_timestamp",
        "time_interval_secs",
    ];
    for job in bench.jobs.clone() {
        let lag = bench.post("/get_lag", json!({"name": job.name})).await?;
        ensure!(lag["success"] == true, "{lag}");
        for field in FIELDS {
            ensure!(!lag[field].is_null(), "no {field} in {lag}");
        }
        for field in ["lag", "time_interval_secs"] {
            ensure!(lag[field].as_i64().is_some_and(|value| value >= 0), "{field} of {lag}");
        }
    }
    Ok(())
}
