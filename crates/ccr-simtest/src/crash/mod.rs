//! Death by construction: a scenario is run once to see at which points its process can die, and then once for each of them.
//!
//! Whatever the moment, the next process must finish the scenario: equal tables, each row as often as it was written, and
//! no copy that the undisturbed run did not make.

mod points;

use std::{sync::Arc, time::Duration};

use anyhow::{Context as _, anyhow, bail, ensure};
use ccr_engine::{
    Env, Job, Run, Settings,
    create::{self, NewJob},
    incremental::IngestWindows,
};
use ccr_store::{
    JobRow, Metastore, StoreErrorKind,
    documents::{JobDocument, ProgressDocument, Spec},
    memory::MemoryStore,
};
use doris::net::{Net, SqlReply};
use doris_sim::{Session, SimCluster};
use tokio::{task::JoinSet, time::Instant};

pub use self::points::{Death, Kill, Point};
use self::points::{MortalNet, Points};
use crate::{
    clusters::{Clusters, login, rpc_port},
    host::{SeededRng, VirtualClock},
    trace::Trace,
};

/// What happens on the source while a job replicates it.
#[derive(Clone, Copy, Debug)]
pub struct Scenario {
    pub name: &'static str,
    /// Before the job is created.
    pub before: &'static [&'static str],
    /// The table that the job replicates; `None`: the whole database `shop`.
    pub table: Option<&'static str>,
    /// Its name on the destination, if it has another one there.
    pub alias: Option<&'static str>,
    /// One after the other, each when the destination has the one before. A step of several statements that begins with
    /// `BEGIN` is one session.
    pub steps: &'static [&'static [&'static str]],
    /// Copies of the job or of tables that the scenario needs, the first one included.
    pub copies: i64,
}

/// What a run came to.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The points that each process passed, in order of the processes.
    pub points: Vec<Vec<Point>>,
}

/// Longest virtual time for one step.
const STEP: Duration = Duration::from_secs(180);

/// Between two looks at both sides.
const LOOK: Duration = Duration::from_millis(100);

/// A dead process is started again after this time.
const RESTART: Duration = Duration::from_millis(300);

const JOB: &str = "copy";
const OWNER: &str = "127.0.0.1:9190";

/// Runs a scenario on virtual time. The n-th process dies as the n-th of `kills` says; the one after them lives.
///
/// # Errors
/// Says what did not hold; the trace then tells how it came.
pub fn run(scenario: &Scenario, kills: &[Kill]) -> (anyhow::Result<Outcome>, Vec<String>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => return (Err(error.into()), Vec::new()),
    };
    runtime.block_on(async {
        let trace = Arc::new(Trace::new(true));
        let outcome = World::run(scenario, kills, Arc::clone(&trace)).await;
        (outcome, trace.lines())
    })
}

struct World<'a> {
    scenario: &'a Scenario,
    kills: &'a [Kill],
    trace: Arc<Trace>,
    clusters: Clusters,
    store: MemoryStore,
    clock: VirtualClock,
    processes: Vec<Arc<Points>>,
    /// The number of the first snapshot.
    first_sync: Option<i64>,
    last_sync: i64,
    /// Why the last copy was made.
    reason: String,
}

/// One process of the syncer: dropping it is a kill.
struct Process {
    job: Job,
    points: Arc<Points>,
    tasks: JoinSet<()>,
}

impl World<'_> {
    async fn run(scenario: &Scenario, kills: &[Kill], trace: Arc<Trace>) -> anyhow::Result<Outcome> {
        let mut world = World {
            scenario,
            kills,
            trace,
            clusters: Clusters::start(5).await?,
            store: MemoryStore::new(),
            clock: VirtualClock::new(),
            processes: Vec::new(),
            first_sync: None,
            last_sync: 0,
            reason: String::new(),
        };
        world.execute(scenario.before).await?;
        world.create_job().await?;
        let mut process = world.start().await?;
        world.settle(&mut process).await.context("the first copy")?;
        for step in scenario.steps {
            world.trace.add(&format!("source: {}", step.join("; ")));
            world.execute(step).await?;
            world.settle(&mut process).await.with_context(|| step.join("; "))?;
        }
        // What is executed late must not undo anything.
        tokio::time::sleep(Duration::from_secs(10)).await;
        world.settle(&mut process).await.context("a while after the last step")?;
        process.job.stop().await;
        let copies = world.first_sync.map_or(0, |first| world.last_sync - first + 1);
        ensure!(
            copies == scenario.copies,
            "{copies} copies where {} were expected; the last: {}",
            scenario.copies,
            world.reason
        );
        Ok(Outcome { points: world.processes.iter().map(|points| points.passed()).collect() })
    }

    async fn execute(&self, statements: &[&str]) -> anyhow::Result<()> {
        let mut session = Session { user: "root".to_owned(), ..Session::default() };
        for statement in statements {
            match self.clusters.source.sql_service().execute(&mut session, statement).await {
                SqlReply::Error { message, .. } => bail!("{statement}: {message}"),
                SqlReply::Ok { .. } | SqlReply::Rows(_) => {}
            }
        }
        Ok(())
    }

    fn env(&self, net: Arc<dyn Net>) -> Env {
        Env {
            net,
            store: Arc::new(self.store.clone()),
            clock: Arc::new(self.clock),
            rng: Arc::new(SeededRng::new(5, 1000 + self.processes.len() as u64)),
            owner: OWNER.into(),
            settings: Arc::new(Settings::default()),
            windows: Arc::new(IngestWindows::new(48)),
        }
    }

    async fn create_job(&self) -> anyhow::Result<()> {
        let spec = |cluster: &SimCluster, table: Option<&str>| -> anyhow::Result<Spec> {
            let login = login(cluster)?;
            Ok(Spec {
                host: login.endpoint.host,
                port: login.endpoint.port.to_string(),
                thrift_port: rpc_port(cluster)?.to_string(),
                user: login.user,
                database: "shop".to_owned(),
                table: table.unwrap_or_default().to_owned(),
                ..Spec::default()
            })
        };
        let table = self.scenario.table;
        let request = NewJob {
            name: JOB.to_owned(),
            src: spec(&self.clusters.source, table)?,
            dest: spec(&self.clusters.dest, self.scenario.alias.or(table))?,
            allow_table_exists: false,
            reuse_binlog_label: false,
            skip_error: false,
        };
        let document = create::check(&self.env(self.clusters.net()), request).await.map_err(|e| anyhow!("{e}"))?;
        let row = JobRow { name: JOB.to_owned(), document: document.to_json(), owner: OWNER.to_owned() };
        Ok(self.store.add_job(&row).await?)
    }

    /// Starts a process, which dies as planned.
    async fn start(&mut self) -> anyhow::Result<Process> {
        let points = Points::new(self.kills.get(self.processes.len()).copied(), Arc::clone(&self.trace));
        let hook = Arc::clone(&points);
        self.store.set_fault_hook(move |operation| hook.store_hook(operation));
        let row = self.store.job(JOB).await?.context("the job's row is gone")?;
        let document = JobDocument::parse(&row.document)?;
        let net = Arc::new(MortalNet::new(self.clusters.net(), Arc::clone(&points)));
        self.trace.add(&format!("process {} starts", self.processes.len() + 1));
        let (job, actor) = Job::prepare(self.env(net), document);
        self.processes.push(Arc::clone(&points));
        let mut tasks = JoinSet::new();
        tasks.spawn(actor);
        Ok(Process { job, points, tasks })
    }

    /// Waits until both sides are equal and the job has nothing left to do, and starts the process anew when it dies.
    async fn settle(&mut self, process: &mut Process) -> anyhow::Result<()> {
        let deadline = Instant::now() + STEP;
        loop {
            if process.points.is_dead() {
                process.tasks.shutdown().await;
                tokio::time::sleep(RESTART).await;
                *process = self.start().await?;
            }
            let status = process.job.status();
            ensure!(status.run == Run::Running, "the job stopped by itself: {:?}", status.error);
            // The cheap look first.
            if self.is_settled().await? && self.difference().await?.is_none() {
                return Ok(());
            }
            if Instant::now() >= deadline {
                let difference = self.difference().await?;
                bail!("not equal after {} s: {difference:?}, status {status:?}", STEP.as_secs());
            }
            tokio::select! {
                biased;
                () = process.points.died.cancelled() => {}
                () = tokio::time::sleep(LOOK) => {}
            }
        }
    }

    /// Whether the stored progress has no open end. Counts its snapshots on the way.
    async fn is_settled(&mut self) -> anyhow::Result<bool> {
        let stored = match self.store.progress(JOB).await {
            Ok(stored) => stored,
            // The process died between two looks.
            Err(error) if error.kind == StoreErrorKind::Unavailable => None,
            Err(error) => return Err(error.into()),
        };
        let Some(stored) = stored else { return Ok(false) };
        let progress = ProgressDocument::parse(&stored)?;
        self.first_sync.get_or_insert(progress.job_sync_id);
        self.last_sync = progress.job_sync_id;
        self.reason.clone_from(&progress.full_sync_info.info);
        Ok(progress.is_done() && !stored.contains("\"change\""))
    }

    /// The first thing that is not the same on both sides.
    async fn difference(&self) -> anyhow::Result<Option<String>> {
        let tables = match self.scenario.table {
            Some(table) => vec![(table.to_owned(), self.scenario.alias.unwrap_or(table).to_owned())],
            None => {
                let source = self.column(&self.clusters.source, "SHOW TABLES FROM shop").await?;
                let dest = self.column(&self.clusters.dest, "SHOW TABLES FROM shop").await?;
                if source != dest {
                    return Ok(Some(format!("tables {source:?} and {dest:?}")));
                }
                source.into_iter().map(|name| (name.clone(), name)).collect()
            }
        };
        for (here, there) in tables {
            for (sql, columns) in SHOWN {
                let ask = |table: &str| sql.replace("{t}", &format!("shop.`{table}`"));
                let source = self.rows(&self.clusters.source, &ask(&here), columns).await?;
                let dest = self.rows(&self.clusters.dest, &ask(&there), columns).await?;
                if source != dest {
                    return Ok(Some(format!("{sql} of {here}: {source:?} and {dest:?}")));
                }
            }
        }
        Ok(None)
    }

    async fn column(&self, cluster: &SimCluster, sql: &str) -> anyhow::Result<Vec<String>> {
        let rows = self.rows(cluster, sql, &[]).await?.unwrap_or_default();
        Ok(rows.into_iter().filter_map(|row| row.into_iter().next().flatten()).collect())
    }

    /// Sorted; `columns` names those that count, none: all. `None`: refused, as by a table that is not there.
    async fn rows(
        &self,
        cluster: &SimCluster,
        sql: &str,
        columns: &[&str],
    ) -> anyhow::Result<Option<Vec<Vec<Option<String>>>>> {
        let SqlReply::Rows(set) = self.clusters.net().sql(&login(cluster)?, sql).await? else { return Ok(None) };
        let counts = |at: &usize| columns.is_empty() || columns.contains(&set.columns[*at].as_str());
        let kept: Vec<usize> = (0..set.columns.len()).filter(counts).collect();
        let mut rows: Vec<Vec<_>> =
            set.rows.into_iter().map(|row| kept.iter().map(|at| row[*at].clone()).collect()).collect();
        rows.sort();
        Ok(Some(rows))
    }
}

/// What must be the same on both sides, and in which columns.
const SHOWN: &[(&str, &[&str])] = &[
    ("SELECT * FROM {t}", &[]),
    ("DESC {t} ALL", &[]),
    ("SHOW PARTITIONS FROM {t}", &["PartitionName", "Range", "Buckets"]),
];
