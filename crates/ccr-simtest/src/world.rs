//! One run: two clusters, one table job, live writes, lost and late calls, kills of the process; and what must hold when
//! the faults are over.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use anyhow::{Context as _, anyhow, bail, ensure};
use ccr_engine::{
    Env, Job, Run, Settings,
    create::{self, NewJob},
    incremental::IngestWindows,
};
use ccr_store::{
    JobRow, Metastore,
    documents::{JobDocument, ProgressDocument, Spec},
    memory::MemoryStore,
};
use doris::net::{Net, SqlLogin, SqlReply};
use doris_sim::SimCluster;
use tokio::task::JoinSet;

use crate::{
    changes::Changes,
    clusters::{Clusters, login, rpc_port},
    faults::{FaultRates, FaultyNet},
    host::{SeededRng, VirtualClock},
    trace::Trace,
};

/// What a run does. Everything else follows from the seed.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    pub seed: u64,
    /// Statements that write to the source while faults happen.
    pub writes: u32,
    /// Of a hundred steps, how many change the table instead of writing to it.
    pub changes: u64,
    /// How often the syncer's process is killed.
    pub kills: u32,
    pub rates: FaultRates,
}

impl Plan {
    /// The always-on smoke run of a seed.
    pub fn smoke(seed: u64) -> Self {
        let rates = FaultRates { unreachable: 10, lost_request: 15, lost_reply: 25, late: 15 };
        Self { seed, writes: 150, changes: 0, kills: 6, rates }
    }

    /// A run in which the table changes too.
    pub fn changing(seed: u64) -> Self {
        Self { changes: 12, ..Self::smoke(seed) }
    }
}

/// What a run came to.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// Equal for two runs of one seed.
    pub hash: u64,
    pub rows: usize,
    pub transactions: u64,
    pub kills: u32,
    pub faults: BTreeMap<&'static str, u64>,
    pub virtual_ms: u64,
}

/// Longest virtual time from the last fault to equality.
const CATCH_UP: Duration = Duration::from_secs(300);

const NAME: &str = "copy";
const OWNER: &str = "127.0.0.1:9190";

/// Runs a plan on virtual time.
///
/// # Errors
/// Says what did not hold; the trace then tells how it came.
pub fn run(plan: Plan) -> (anyhow::Result<Outcome>, Vec<String>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => return (Err(error.into()), Vec::new()),
    };
    runtime.block_on(async {
        let trace = Arc::new(Trace::new());
        let outcome = World::run(plan, Arc::clone(&trace)).await;
        (outcome, trace.lines())
    })
}

struct World {
    plan: Plan,
    trace: Arc<Trace>,
    clusters: Clusters,
    net: Arc<FaultyNet>,
    store: MemoryStore,
    clock: VirtualClock,
    rng: SeededRng,
    next_id: u64,
    /// Ids of the rows that the source must have.
    ids: BTreeSet<u64>,
    changes: Changes,
    /// Processes that ran so far: each has its own randomness.
    processes: u64,
}

/// One process of the syncer: dropping it is a kill.
struct Process {
    job: Job,
    tasks: JoinSet<()>,
}

impl World {
    async fn run(plan: Plan, trace: Arc<Trace>) -> anyhow::Result<Outcome> {
        let begin = tokio::time::Instant::now();
        let clusters = Clusters::start(plan.seed).await?;
        let net =
            Arc::new(FaultyNet::new(clusters.net(), plan.rates, SeededRng::new(plan.seed, 1), Arc::clone(&trace)));
        let mut world = Self {
            plan,
            trace,
            clusters,
            net,
            store: MemoryStore::new(),
            clock: VirtualClock::new(),
            rng: SeededRng::new(plan.seed, 2),
            next_id: 0,
            ids: BTreeSet::new(),
            changes: Changes::default(),
            processes: 0,
        };
        world.prepare_source().await?;
        world.create_job().await?;
        let transactions = world.hostile_day().await?;
        let rows = world.quiesce().await?;
        Ok(Outcome {
            hash: world.trace.hash(),
            rows,
            transactions,
            kills: world.plan.kills,
            faults: world.net.counts(),
            virtual_ms: u64::try_from(begin.elapsed().as_millis()).unwrap_or(u64::MAX),
        })
    }

    async fn prepare_source(&mut self) -> anyhow::Result<()> {
        self.source("CREATE DATABASE shop").await?;
        // A table without unique keys: a transaction that is applied twice shows.
        self.source(
            "CREATE TABLE shop.orders (id BIGINT NOT NULL, note VARCHAR(64) NULL) DUPLICATE KEY (id) \
             PARTITION BY RANGE(id) (PARTITION base VALUES [(\"0\"), (\"1000000\"))) DISTRIBUTED BY HASH(id) BUCKETS 3 \
             PROPERTIES (\"replication_num\" = \"1\", \"binlog.enable\" = \"true\", \"light_schema_change\" = \"true\")",
        )
        .await?;
        for _ in 0..5 {
            self.write().await?;
        }
        Ok(())
    }

    /// One statement that writes to the source: one transaction.
    async fn write(&mut self) -> anyhow::Result<()> {
        let rows = 1 + self.rng.below(4);
        let values: Vec<String> = (0..rows)
            .map(|_| {
                self.next_id += 1;
                let id = self.changes.place(self.next_id, &self.rng);
                self.ids.insert(id);
                format!("({id}, 'note {}')", self.rng.below(1000))
            })
            .collect();
        self.source(&format!("INSERT INTO shop.orders (id, note) VALUES {}", values.join(", "))).await
    }

    /// One change of the source table.
    async fn change(&mut self) -> anyhow::Result<()> {
        let change = self.changes.next(&self.rng, &mut self.ids);
        self.trace.add(&format!("source: {change}"));
        self.source(&change).await
    }

    async fn source(&self, sql: &str) -> anyhow::Result<()> {
        match ask(&*self.clusters.net(), &login(&self.clusters.source)?, sql).await? {
            SqlReply::Error { message, .. } => Err(anyhow!("{sql}: {message}")),
            _ => Ok(()),
        }
    }

    fn env(&self) -> Env {
        Env {
            net: Arc::clone(&self.net) as Arc<dyn Net>,
            store: Arc::new(self.store.clone()),
            clock: Arc::new(self.clock),
            rng: Arc::new(SeededRng::new(self.plan.seed, 1000 + self.processes)),
            owner: OWNER.into(),
            settings: Arc::new(Settings::default()),
            windows: Arc::new(IngestWindows::new(48)),
        }
    }

    async fn create_job(&mut self) -> anyhow::Result<()> {
        let spec = |cluster: &SimCluster| -> anyhow::Result<Spec> {
            let login = login(cluster)?;
            Ok(Spec {
                host: login.endpoint.host,
                port: login.endpoint.port.to_string(),
                thrift_port: rpc_port(cluster)?.to_string(),
                user: login.user,
                database: "shop".to_owned(),
                table: "orders".to_owned(),
                ..Spec::default()
            })
        };
        // A client asks again until it is served: creation has no effect unless it succeeds.
        for attempt in 0.. {
            let request = NewJob {
                name: NAME.to_owned(),
                src: spec(&self.clusters.source)?,
                dest: spec(&self.clusters.dest)?,
                allow_table_exists: false,
                reuse_binlog_label: false,
                skip_error: false,
            };
            match create::check(&self.env(), request).await {
                Ok(document) => {
                    let row = JobRow { name: NAME.to_owned(), document: document.to_json(), owner: OWNER.to_owned() };
                    return Ok(self.store.add_job(&row).await?);
                }
                Err(failure) => {
                    self.trace.add(&format!("create: {failure}"));
                    ensure!(attempt < 100, "the job could not be created: {failure}");
                    tokio::time::sleep(Duration::from_millis(200)).await;
                }
            }
        }
        Ok(())
    }

    async fn start(&mut self) -> anyhow::Result<Process> {
        self.processes += 1;
        let row = self.store.job(NAME).await?.context("the job's row is gone")?;
        let document = JobDocument::parse(&row.document)?;
        let (job, actor) = Job::prepare(self.env(), document);
        let mut tasks = JoinSet::new();
        tasks.spawn(actor);
        self.trace.add(&format!("process {} starts", self.processes));
        Ok(Process { job, tasks })
    }

    /// Writes while calls are lost and the process is killed.
    async fn hostile_day(&mut self) -> anyhow::Result<u64> {
        let mut process = self.start().await?;
        let (mut transactions, mut kills) = (0, 0);
        for step in 0..self.plan.writes {
            if self.plan.changes > 0 && self.rng.below(100) < self.plan.changes {
                self.change().await?;
            } else {
                self.write().await?;
            }
            tokio::time::sleep(Duration::from_millis(self.rng.below(200))).await;
            // Kills are spread over the day, at moments that no code chose.
            let due = u64::from(step + 1) * u64::from(self.plan.kills) / u64::from(self.plan.writes.max(1));
            if kills < due {
                kills += 1;
                transactions += process.job.status().counters.transactions;
                self.trace.add(&format!("process {} is killed", self.processes));
                process.tasks.shutdown().await;
                tokio::time::sleep(Duration::from_millis(self.rng.below(2000))).await;
                process = self.start().await?;
            }
            ensure!(
                process.job.status().run == Run::Running,
                "the job stopped by itself: {:?}",
                process.job.status().error
            );
        }
        self.net.heal();
        self.trace.add("faults are over");
        self.wait_equal(&process).await?;
        transactions += process.job.status().counters.transactions;
        process.job.stop().await;
        // What was executed late is seen by the next process, which tidies up.
        tokio::time::sleep(Duration::from_secs(5)).await;
        let process = self.start().await?;
        self.write().await?;
        self.wait_equal(&process).await?;
        process.job.stop().await;
        Ok(transactions)
    }

    async fn wait_equal(&self, process: &Process) -> anyhow::Result<()> {
        let deadline = tokio::time::Instant::now() + CATCH_UP;
        loop {
            let (source, dest) = (self.rows(&self.clusters.source).await?, self.rows(&self.clusters.dest).await);
            if dest.as_ref().is_ok_and(|dest| *dest == source) {
                return Ok(());
            }
            let status = process.job.status();
            ensure!(status.run == Run::Running, "the job stopped by itself: {:?}", status.error);
            if tokio::time::Instant::now() >= deadline {
                self.show_destination().await?;
                let dest = dest.map_or_else(|error| format!("{error:#}"), |rows| format!("{} rows", rows.len()));
                bail!(
                    "not caught up {} s after the last fault: {} rows on the source, {dest} on the destination, status {status:?}",
                    CATCH_UP.as_secs(),
                    source.len(),
                );
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// Puts what the destination knows into the trace.
    async fn show_destination(&self) -> anyhow::Result<()> {
        let login = login(&self.clusters.dest)?;
        for sql in ["SHOW PARTITIONS FROM shop.orders", "SHOW TRANSACTION FROM shop WHERE LABEL LIKE 'ccrj%'"] {
            let reply = ask(&*self.clusters.net(), &login, sql).await?;
            if let SqlReply::Rows(set) = reply {
                self.trace.add(&format!("{sql}: {:?}", set.columns));
                for row in set.rows {
                    self.trace.add(&format!("  {row:?}"));
                }
            }
        }
        Ok(())
    }

    /// Nothing moves any more: both sides are equal, the position is claimed, nothing is left behind.
    async fn quiesce(&self) -> anyhow::Result<usize> {
        let (source, dest) = (self.rows(&self.clusters.source).await?, self.rows(&self.clusters.dest).await?);
        ensure!(source == dest, "rows differ after the job stopped");
        let written: Vec<String> = self.ids.iter().map(ToString::to_string).collect();
        let mut ids: Vec<String> = dest.iter().filter_map(|row| row.first()?.clone()).collect();
        ids.sort_by_key(|id| id.parse::<u64>().unwrap_or(u64::MAX));
        ensure!(ids == written, "the destination does not hold each written row exactly once");
        let tables = self.table_names(&self.clusters.dest).await?;
        ensure!(tables == ["orders"], "the destination holds left-overs: {tables:?}");
        let progress = self.store.progress(NAME).await?.context("no progress was written")?;
        let progress = ProgressDocument::parse(&progress)?;
        ensure!(
            self.plan.changes == 0 || progress.full_sync_info.info.starts_with("new job"),
            "the table was copied again: {}",
            progress.full_sync_info.info
        );
        ensure!(progress.is_done(), "the stored progress is not done: {}", progress.to_json());
        Ok(dest.len())
    }

    async fn table_names(&self, cluster: &SimCluster) -> anyhow::Result<Vec<String>> {
        match ask(&*self.clusters.net(), &login(cluster)?, "SHOW TABLES FROM shop").await? {
            SqlReply::Rows(set) => {
                Ok(set.rows.into_iter().filter_map(|row| row.into_iter().next().flatten()).collect())
            }
            other => Err(anyhow!("SHOW TABLES: {other:?}")),
        }
    }

    async fn rows(&self, cluster: &SimCluster) -> anyhow::Result<Vec<Vec<Option<String>>>> {
        let sql = "SELECT * FROM shop.orders ORDER BY id, note";
        match ask(&*self.clusters.net(), &login(cluster)?, sql).await? {
            SqlReply::Rows(set) => Ok(set.rows),
            SqlReply::Error { message, .. } => Err(anyhow!("{sql}: {message}")),
            SqlReply::Ok { .. } => Err(anyhow!("{sql}: no rows")),
        }
    }
}

async fn ask(net: &dyn Net, login: &SqlLogin, sql: &str) -> anyhow::Result<SqlReply> {
    Ok(net.sql(login, sql).await?)
}
