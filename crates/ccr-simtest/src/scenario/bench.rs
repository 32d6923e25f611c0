//! Two clusters and a syncer, and the sessions of the person who plays a scenario.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use anyhow::{Context as _, anyhow, bail, ensure};
use ccr_engine::{Env, Settings, incremental::IngestWindows};
use ccr_store::memory::MemoryStore;
use doris::net::{ResultSet, SqlReply};
use doris_sim::{ClusterBuilder, Session, SimCluster, SimNet};
use serde_json::{Value, json};

use super::step::{Control, Kind, Side};
use crate::{
    host::{SeededRng, VirtualClock},
    syncer::Syncer,
};

/// The source database.
pub const DB: &str = "demo";
/// Its copy.
pub const COPY: &str = "TEST_demo";

/// Longest time that a statement may take.
const STATEMENT: Duration = Duration::from_secs(120);

/// One job of the scenario.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobName {
    pub name: String,
    /// Empty: the whole database.
    pub table: String,
}

/// What later checks compare with.
#[derive(Clone, Debug, Default)]
pub struct Mark {
    /// `full_sync_start_at` by job.
    pub full_syncs: BTreeMap<String, i64>,
    pub backups: usize,
    /// Finished restores that mention a table, for each table of the source.
    pub restores: BTreeMap<String, usize>,
}

/// Where a scenario is played.
#[derive(Debug)]
pub struct Bench {
    kind: Kind,
    scenario: String,
    source: SimCluster,
    dest: SimCluster,
    syncer: Syncer,
    sessions: [Session; 2],
    pub jobs: Vec<JobName>,
    pub mark: Mark,
    /// The record that was skipped last, by job.
    pub skipped: BTreeMap<String, i64>,
}

impl Bench {
    /// Both databases exist and are empty.
    pub async fn new(scenario: &str, kind: Kind) -> anyhow::Result<Self> {
        let net = SimNet::new();
        let cluster = async |name: &str, seed| {
            let builder =
                ClusterBuilder::new(name).seed(seed).in_process(&net).backends(1).base_ms(VirtualClock::BEGIN_MS);
            builder.publish_delay_ms(15).snapshot_tick_ms(200).alter_tick_ms(100).start().await
        };
        let (source, dest) = (cluster("source", 11).await?, cluster("dest", 12).await?);
        let env = Env {
            net: Arc::new(net.clone()),
            store: Arc::new(MemoryStore::new()),
            clock: Arc::new(VirtualClock::new()),
            rng: Arc::new(SeededRng::new(11, 1)),
            owner: "127.0.0.1:9190".into(),
            settings: Arc::new(Settings::default()),
            windows: Arc::new(IngestWindows::new(48)),
        };
        let syncer = Syncer::start(env).await?;
        let session = || Session { user: "root".to_owned(), host: "127.0.0.1".to_owned(), ..Session::default() };
        let mut bench = Self {
            kind,
            scenario: scenario.to_owned(),
            source,
            dest,
            syncer,
            sessions: [session(), session()],
            jobs: Vec::new(),
            mark: Mark::default(),
            skipped: BTreeMap::new(),
        };
        for (side, db) in [(Side::Source, DB), (Side::Dest, COPY)] {
            bench.run(side, &format!("CREATE DATABASE {db}")).await?;
            bench.run(side, &format!("USE {db}")).await?;
        }
        Ok(bench)
    }

    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The source cluster.
    pub fn source(&self) -> &SimCluster {
        &self.source
    }

    /// What the copy of a table is called.
    pub fn copy_of(&self, table: &str) -> String {
        match self.kind {
            Kind::Alias => match table.strip_suffix('`') {
                Some(table) => format!("{table}_alias`"),
                None => format!("{table}_alias"),
            },
            Kind::Db | Kind::Table => table.to_owned(),
        }
    }

    /// `{D}`, `{TD}` and, for the destination, `@table`.
    fn filled(&self, side: Side, sql: &str) -> String {
        let sql = sql.replace("{D}", DB).replace("{TD}", COPY);
        if side == Side::Source || !sql.contains('@') {
            return sql;
        }
        let mut parts = sql.split('@');
        let mut filled = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            let end = part.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(part.len());
            let (table, rest) = part.split_at(end);
            filled.push_str(&self.copy_of(table));
            filled.push_str(rest);
        }
        filled
    }

    /// The answer to a statement, a refusal being one.
    pub async fn ask(&mut self, side: Side, sql: &str) -> anyhow::Result<SqlReply> {
        let sql = self.filled(side, sql);
        let (cluster, session) = match side {
            Side::Source => (&self.source, &mut self.sessions[0]),
            Side::Dest => (&self.dest, &mut self.sessions[1]),
        };
        let asked = cluster.sql_service().execute(session, &sql);
        tokio::time::timeout(STATEMENT, asked).await.map_err(|_| anyhow!("no answer within {} s", STATEMENT.as_secs()))
    }

    /// Runs a statement that must succeed.
    pub async fn run(&mut self, side: Side, sql: &str) -> anyhow::Result<()> {
        match self.ask(side, sql).await? {
            SqlReply::Error { message, .. } => bail!("{side:?} refuses {sql}: {message}"),
            _ => Ok(()),
        }
    }

    /// The rows of a statement that must have some.
    pub async fn rows(&mut self, side: Side, sql: &str) -> anyhow::Result<ResultSet> {
        match self.ask(side, sql).await? {
            SqlReply::Rows(set) => Ok(set),
            SqlReply::Error { message, .. } => bail!("{side:?} refuses {sql}: {message}"),
            SqlReply::Ok { .. } => bail!("{sql}: no result set"),
        }
    }

    /// The cells of one column.
    pub async fn column(&mut self, side: Side, sql: &str, column: &str) -> anyhow::Result<Vec<String>> {
        let set = self.rows(side, sql).await?;
        let at = set.columns.iter().position(|name| name.eq_ignore_ascii_case(column));
        let at = at.ok_or_else(|| anyhow!("{sql}: no column {column} in {:?}", set.columns))?;
        Ok(set.rows.into_iter().map(|row| row.into_iter().nth(at).flatten().unwrap_or_default()).collect())
    }

    /// A request that must be answered; `success` of the answer is not looked at.
    pub async fn post(&self, path: &str, body: Value) -> anyhow::Result<Value> {
        self.syncer.post(path, &body).await
    }

    /// The jobs that stand for a copy of these tables.
    fn jobs_for(&self, tables: &[String]) -> Vec<JobName> {
        match self.kind {
            Kind::Db => vec![JobName { name: self.scenario.clone(), table: String::new() }],
            Kind::Table | Kind::Alias => tables
                .iter()
                .map(|table| {
                    let table = table.trim_matches('`').to_owned();
                    JobName { name: format!("{}_{table}", self.scenario), table }
                })
                .collect(),
        }
    }

    /// Creates jobs; answers the first refusal.
    pub async fn create_jobs(&mut self, tables: &[String], also: Option<&str>) -> anyhow::Result<Option<String>> {
        if self.kind == Kind::Db {
            self.run(Side::Source, &format!("ALTER DATABASE {DB} SET PROPERTIES (\"binlog.enable\" = \"true\")"))
                .await?;
        }
        for job in self.jobs_for(tables) {
            let spec = |cluster: &SimCluster, db: &str, table: &str| {
                let frontend = cluster.frontends().first().context("a cluster without FEs")?;
                anyhow::Ok(json!({
                    "host": frontend.query.host, "port": frontend.query.port.to_string(),
                    "thrift_port": frontend.rpc.port.to_string(), "user": "root", "password": "",
                    "database": db, "table": table,
                }))
            };
            let copy = if job.table.is_empty() { String::new() } else { self.copy_of(&job.table) };
            let mut body = json!({
                "name": job.name, "src": spec(&self.source, DB, &job.table)?, "dest": spec(&self.dest, COPY, &copy)?,
            });
            if let Some(also) = also {
                let also: serde_json::Map<String, Value> = serde_json::from_str(also).context("keys of the request")?;
                if let Some(body) = body.as_object_mut() {
                    body.extend(also);
                }
            }
            let answer = self.post("/create_ccr", body).await?;
            if answer["success"] != true {
                return Ok(Some(answer["error_msg"].as_str().unwrap_or("without a word").to_owned()));
            }
            if !self.jobs.contains(&job) {
                self.jobs.push(job);
            }
        }
        Ok(None)
    }

    /// Sends a request about all jobs.
    pub async fn control(&mut self, control: &Control) -> anyhow::Result<()> {
        let path = match control {
            Control::Pause => "/pause",
            Control::Resume => "/resume",
            Control::FullSync => "/force_fullsync",
            Control::Delete => "/delete",
            Control::Desync => "/desync",
            Control::SkipSilence | Control::SkipFullSync | Control::SkipPartialSync(_) => "/job_skip_binlog",
        };
        for job in self.jobs.clone() {
            let mut body = json!({"name": job.name});
            match control {
                Control::SkipSilence => {
                    let progress = self.progress(&job.name).await?;
                    let seq = progress["last_commit_seq"].as_i64().context("no last_commit_seq")?;
                    ensure!(
                        Some(seq) > progress["prev_commit_seq"].as_i64(),
                        "the job stands at no record: {progress}"
                    );
                    self.skipped.insert(job.name.clone(), seq);
                    body["skip_by"] = "silence".into();
                    body["skip_commit_seq"] = seq.into();
                }
                Control::SkipFullSync => body["skip_by"] = "fullsync".into(),
                Control::SkipPartialSync(table) => {
                    body["skip_by"] = "partialsync".into();
                    body["skip_table"] = table.as_str().into();
                    let id = self.source.sim().look(|model| model.table(DB, table).map(|table| table.id));
                    let id = id.map_err(|refusal| anyhow!("{table}: {refusal:?}"))?;
                    body["skip_table_id"] = id.get().into();
                }
                _ => {}
            }
            let answer = self.post(path, body).await?;
            // The harness of the Go syncer looks at the answers of these alone.
            if path == "/job_skip_binlog" || path == "/force_fullsync" {
                ensure!(answer["success"] == true, "{path} is refused: {answer}");
            }
        }
        if *control == Control::Delete {
            self.jobs.clear();
        }
        Ok(())
    }

    /// The progress document of a job.
    pub async fn progress(&self, name: &str) -> anyhow::Result<Value> {
        let answer = self.post("/job_progress", json!({"name": name})).await?;
        ensure!(answer["success"] == true, "/job_progress of {name}: {answer}");
        Ok(answer["job_progress"].clone())
    }

    /// Takes a new mark.
    pub async fn take_mark(&mut self) -> anyhow::Result<()> {
        let mut mark = Mark { backups: self.backups().await?, ..Mark::default() };
        for job in &self.jobs {
            // A job that was just created has no progress yet.
            if let Ok(progress) = self.progress(&job.name).await {
                mark.full_syncs.insert(job.name.clone(), progress["full_sync_start_at"].as_i64().unwrap_or_default());
            }
        }
        for table in self.column(Side::Source, &format!("SHOW TABLES FROM {DB}"), &format!("Tables_in_{DB}")).await? {
            let restores = self.restores(&table).await?;
            mark.restores.insert(table, restores);
        }
        self.mark = mark;
        Ok(())
    }

    /// Snapshots of any kind on the source.
    pub async fn backups(&mut self) -> anyhow::Result<usize> {
        Ok(self.rows(Side::Source, &format!("SHOW BACKUP FROM {DB}")).await?.rows.len())
    }

    /// Finished restores that mention a table.
    pub async fn restores(&mut self, table: &str) -> anyhow::Result<usize> {
        let set = self.rows(Side::Dest, &format!("SHOW RESTORE FROM {COPY}")).await?;
        let at = |name: &str| set.columns.iter().position(|column| column == name);
        let (objects, state) = (at("RestoreObjs").context("no RestoreObjs")?, at("State").context("no State")?);
        let mentions = |row: &&Vec<Option<String>>| {
            let cell = |at: usize| row.get(at).and_then(Option::as_deref).unwrap_or_default();
            cell(state) == "FINISHED" && cell(objects).contains(&format!("\"{table}\""))
        };
        Ok(set.rows.iter().filter(mentions).count())
    }

    /// What a person would look at first when a scenario fails.
    pub async fn describe(&self) -> String {
        let mut lines = Vec::new();
        for job in &self.jobs {
            let status = self.post("/job_status", json!({"name": job.name})).await;
            lines.push(status.map_or_else(|error| format!("{error:#}"), |status| status["status"].to_string()));
        }
        lines.join("; ")
    }

    /// Stops everything.
    pub async fn close(self) {
        self.syncer.stop().await;
    }
}
