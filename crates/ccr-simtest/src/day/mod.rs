//! Hostile days: two clusters, table jobs, random work, random mishaps, all from one seed, and what must hold.
//!
//! * [`plan`]: what will happen, from a seed; [`desk`]: who writes to a table; [`mishap`]: what goes wrong;
//! * `process`: a process of the syncer, and how it dies;
//! * `witness`: what readers of the destination may see all day; `verdict`: what must hold in the end;
//! * [`shrink`]: the shortest day that fails in the same way.

pub mod desk;
pub mod mishap;
pub mod plan;
mod process;
pub mod shrink;
mod verdict;
mod witness;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use anyhow::{Context as _, anyhow, bail, ensure};
use ccr_engine::{
    Cause, Code, Env, Job, Run, Settings, Skip,
    create::{self, NewJob},
    incremental::IngestWindows,
};
use ccr_store::{
    JobRow, Metastore,
    documents::{JobDocument, ProgressDocument, Spec},
    memory::MemoryStore,
};
use doris::{cluster::Timeouts, ids::CommitSeq, net::SqlReply, secret::Secret};
use doris_sim::{Command, Session, SimCluster};
use tokio::{task::JoinSet, time::Instant};

use self::{
    desk::{DB, Desk, Statement, Write},
    mishap::{Mishap, Remedy},
    plan::{Action, Order, Plan, Step},
    process::{Gate, Process, ProcessNet, StorePlan},
    verdict::Reasons,
    witness::Witness,
};
use crate::{
    clusters::Clusters,
    faults::FaultyNet,
    host::{SeededRng, VirtualClock},
    trace::Trace,
};

/// Longest virtual time from the last mishap to equality.
const CATCH_UP: Duration = Duration::from_secs(600);

/// Between two looks at what should become equal soon.
const SOON: Duration = Duration::from_millis(500);

const OWNER: &str = "127.0.0.1:9190";

/// What a day came to.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    /// Equal for two runs of one day.
    pub hash: u64,
    pub transactions: u64,
    pub changes: BTreeMap<String, u64>,
    /// Statements that the source refused: something was in their way.
    pub refused: u64,
    pub kills: u64,
    pub mishaps: BTreeMap<String, u64>,
    /// Looks at the destination that proved something.
    pub looks: u64,
    /// States of the source may have been missed from some moment on: nothing is said about readers since.
    pub blind: bool,
    /// Phase of a job and mishap.
    pub coverage: BTreeSet<(String, String)>,
    /// Type of the record that a job was at when its process died.
    pub crash_points: BTreeSet<i32>,
    pub retries: BTreeMap<Code, u64>,
    pub full_syncs: BTreeMap<Cause, u64>,
    pub virtual_ms: u64,
}

/// One day, on virtual time; the trace is kept if `keep`.
///
/// # Errors
/// What did not hold.
pub fn run(plan: &Plan, keep: bool) -> (anyhow::Result<Outcome>, Vec<String>) {
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build() {
        Ok(runtime) => runtime,
        Err(error) => return (Err(error.into()), Vec::new()),
    };
    runtime.block_on(async {
        let trace = Arc::new(Trace::new(keep));
        let outcome = Day::run(plan, Arc::clone(&trace)).await;
        (outcome, trace.lines())
    })
}

struct Day<'a> {
    plan: &'a Plan,
    trace: Arc<Trace>,
    clusters: Clusters,
    net: Arc<FaultyNet>,
    store: MemoryStore,
    store_plan: Arc<StorePlan>,
    clock: VirtualClock,
    password: String,
    desks: Vec<Desk>,
    witness: Witness,
    reasons: Reasons,
    remedies: Vec<(Instant, Remedy)>,
    /// Jobs that an operator paused.
    paused: BTreeSet<usize>,
    processes: u64,
    outcome: Outcome,
}

impl<'a> Day<'a> {
    async fn run(plan: &'a Plan, trace: Arc<Trace>) -> anyhow::Result<Outcome> {
        let begin = Instant::now();
        let password = format!("hush{:08x}", plan.seed.wrapping_mul(0x9e37_79b9) & 0xffff_ffff);
        trace.watch_secret(&password);
        let clusters = Clusters::of(plan, &password).await?;
        let net = FaultyNet::new(clusters.net(), plan.rates, SeededRng::new(plan.seed, 1), Arc::clone(&trace));
        let store = MemoryStore::new();
        let store_plan = StorePlan::install(&store);
        let name = |at: usize| format!("t{at}");
        let tables = plan.shape.tables.iter().enumerate();
        let desks: Vec<Desk> = tables.map(|(at, table)| Desk::new(&name(at), table.model)).collect();
        let names: Vec<String> = desks.iter().map(|desk| desk.name.clone()).collect();
        let mut day = Self {
            plan,
            trace,
            clusters,
            net: Arc::new(net),
            store,
            store_plan,
            clock: VirtualClock::new(),
            password,
            desks,
            witness: Witness::new(&names),
            reasons: Reasons::default(),
            remedies: Vec::new(),
            paused: BTreeSet::new(),
            processes: 0,
            outcome: Outcome::default(),
        };
        day.prepare().await?;
        let process = day.pass().await?;
        day.evening(process, &names).await?;
        day.outcome.hash = day.trace.hash();
        day.outcome.looks = day.witness.looks;
        day.outcome.blind = day.witness.blind;
        for (name, count) in day.net.counts() {
            *day.outcome.mishaps.entry(name.to_owned()).or_default() += count;
        }
        day.outcome.virtual_ms = u64::try_from(begin.elapsed().as_millis()).unwrap_or(u64::MAX);
        Ok(day.outcome)
    }

    async fn prepare(&mut self) -> anyhow::Result<()> {
        ensure!(self.source(&[format!("CREATE DATABASE {DB}")]).await?, "the source has no database");
        for at in 0..self.desks.len() {
            let table = self.plan.shape.tables[at];
            let create = self.desks[at].create(table.buckets, self.plan.shape.source.replicas);
            ensure!(self.source(&[create]).await?, "the source has no table");
            let rng = SeededRng::new(self.plan.seed, 50 + at as u64);
            let rows = self.desks[at].insert(&rng, 3);
            ensure!(self.source(&[rows]).await?, "the source has no rows");
        }
        self.witness.note(&self.clusters.source);
        for at in 0..self.desks.len() {
            self.create_job(at, false).await?;
        }
        Ok(())
    }

    /// The steps of the day.
    async fn pass(&mut self) -> anyhow::Result<Process> {
        let mut process = self.start().await?;
        for step in &self.plan.steps {
            self.wait(Duration::from_millis(step.gap_ms)).await;
            process = self.step(step, process).await?;
            process = self.revive(process).await?;
            self.look(&process).await?;
        }
        Ok(process)
    }

    /// Time passes; what was to end meanwhile ends.
    async fn wait(&mut self, time: Duration) {
        let end = Instant::now() + time;
        loop {
            let next = self.remedies.iter().map(|(at, _)| *at).min().filter(|at| *at <= end);
            let Some(next) = next else { break };
            tokio::time::sleep_until(next).await;
            let (due, later): (Vec<_>, Vec<_>) =
                std::mem::take(&mut self.remedies).into_iter().partition(|(at, _)| *at <= next);
            self.remedies = later;
            for (_, remedy) in due {
                self.trace.add_parts(&["over: ", &format!("{remedy:?}")]);
                mishap::remedy(&self.clusters, &remedy);
            }
            self.elect();
        }
        tokio::time::sleep_until(end).await;
    }

    /// Where nobody is to be master by a mishap that is over, somebody is.
    fn elect(&self) {
        for (cluster, is_gap) in [
            (
                &self.clusters.source,
                (|remedy| matches!(remedy, Remedy::Source(Command::SwitchMaster(_)))) as fn(&Remedy) -> bool,
            ),
            (&self.clusters.dest, |remedy| matches!(remedy, Remedy::Dest(Command::SwitchMaster(_)))),
        ] {
            let leaderless = cluster.sim().look(|model| model.master.is_none());
            if leaderless && !self.remedies.iter().any(|(_, remedy)| is_gap(remedy)) {
                // Those that are dead refuse.
                let found =
                    (1..=cluster.frontends().len()).any(|n| cluster.control().run(&Command::SwitchMaster(n)).is_ok());
                self.trace.add(if found { "a master is chosen" } else { "nobody can be master" });
            }
        }
    }

    async fn step(&mut self, step: &Step, mut process: Process) -> anyhow::Result<Process> {
        let rng = SeededRng::new(step.roll, 0);
        let old = self.plan.shape.version != "4.1";
        let at = step.table;
        match step.action {
            Action::Write(what) => {
                let other = self.desks[rng.below(self.desks.len() as u64) as usize].name.clone();
                let statement = self.desks[at].write(what, &other, old, &rng);
                self.reasons.replaced |= what == Write::Overwrite;
                self.carry_out(at, statement, what != Write::Insert && what != Write::InsertMany).await?;
            }
            Action::Change(what) => {
                let (what, statement) = self.desks[at].change(what, old, &rng);
                self.reasons.changes |= what.copies() || old;
                if self.carry_out(at, statement, true).await? {
                    *self.outcome.changes.entry(format!("{what:?}")).or_default() += 1;
                }
            }
            Action::Order(order) => self.order(order, at, &mut process).await?,
            Action::Mishap(what) => {
                let phases = self.phases(&process);
                self.trace.add_parts(&["mishap: ", what.label()]);
                let table = &self.desks[at].name;
                let happened = mishap::happen(what, &self.clusters, &process, &self.store_plan, table, &rng);
                if happened.not {
                    return Ok(process);
                }
                *self.outcome.mishaps.entry(what.label().to_owned()).or_default() += 1;
                for phase in phases {
                    self.outcome.coverage.insert((phase, what.label().to_owned()));
                }
                self.reasons.discarded |= what == Mishap::BinlogsDiscarded;
                self.witness.blind |= matches!(what, Mishap::SourcePublishHeld | Mishap::RecordLate);
                for (ms, remedy) in happened.later {
                    self.remedies.push((Instant::now() + Duration::from_millis(ms), remedy));
                }
                if happened.kill {
                    process.gate.die();
                } else if happened.stop {
                    self.count(&process);
                    for job in process.jobs.iter().flatten() {
                        // A process that was killed at one of the last writes stops no more.
                        let _stopped = tokio::time::timeout(Duration::from_secs(60), job.stop()).await;
                    }
                    process.tasks.shutdown().await;
                    process = self.start().await?;
                }
            }
        }
        Ok(process)
    }

    /// Statements of one session at the source, and what they make of the desk.
    async fn carry_out(&mut self, at: usize, statement: Statement, say: bool) -> anyhow::Result<bool> {
        if say {
            self.trace.add_parts(&["source: ", &statement.sql.join("; ")]);
        }
        let done = self.source(&statement.sql).await?;
        // A statement that was not answered may have been carried out.
        if let Some(lost) = statement.lost {
            self.witness.lose(at, lost);
        }
        if done {
            (statement.done)(&mut self.desks[at]);
        } else {
            self.outcome.refused += 1;
        }
        self.witness.note(&self.clusters.source);
        Ok(done)
    }

    /// Whether the source did all of it. It may refuse: a frontend is dead, a change is under way.
    async fn source(&self, statements: &[String]) -> anyhow::Result<bool> {
        let source = &self.clusters.source;
        let fe = source.sim().look(|model| model.master).unwrap_or_default();
        let mut session = Session { user: "root".to_owned(), db: Some(DB.to_owned()), fe, ..Session::default() };
        for sql in statements {
            let asked = source.sql_service().execute(&mut session, sql);
            match tokio::time::timeout(Duration::from_secs(20), asked).await {
                Ok(SqlReply::Error { message, .. }) => {
                    self.trace.add_parts(&["source refuses ", sql, ": ", &message]);
                    return Ok(false);
                }
                Ok(_) => {}
                Err(_) => {
                    self.trace.add_parts(&["source does not answer ", sql]);
                    return Ok(false);
                }
            }
        }
        Ok(true)
    }

    async fn order(&mut self, order: Order, at: usize, process: &mut Process) -> anyhow::Result<()> {
        self.trace.add(&format!("order for t{at}: {order:?}"));
        let Some(job) = process.jobs.get(at).cloned().flatten() else { return Ok(()) };
        let bound = Duration::from_secs(60);
        let answer = match order {
            Order::Pause => tokio::time::timeout(bound, job.pause()).await,
            Order::Resume => tokio::time::timeout(bound, job.resume()).await,
            Order::FullSync => {
                self.reasons.ordered = true;
                tokio::time::timeout(bound, job.skip(Skip::FullSync { seq: CommitSeq(0) })).await
            }
            Order::Anew => {
                let deleted = tokio::time::timeout(bound, job.delete()).await;
                if matches!(deleted, Ok(Ok(()))) {
                    self.paused.remove(&at);
                    if let Some(slot) = process.jobs.get_mut(at) {
                        *slot = None;
                    }
                    self.create_job(at, true).await?;
                    let job = self.start_job(at, process).await?;
                    if let Some(slot) = process.jobs.get_mut(at) {
                        *slot = Some(job);
                    }
                }
                deleted
            }
        };
        match answer {
            Ok(Ok(())) if order == Order::Pause => {
                self.paused.insert(at);
            }
            Ok(Ok(())) if order == Order::Resume => {
                self.paused.remove(&at);
            }
            Ok(Ok(())) => {}
            // The database may be away; then nothing was done, or it is known only later.
            Ok(Err(failure)) => {
                self.trace.add(&format!("refused: {failure}"));
                ensure!(
                    failure.code == Code::STORE || failure.code == Code::REFUSED,
                    "{order:?} is refused: {failure}"
                );
                if matches!(order, Order::Pause | Order::Resume) {
                    self.paused.insert(at);
                }
            }
            Err(_) => ensure!(process.gate.is_dead(), "{order:?} is not answered within {} s", bound.as_secs()),
        }
        Ok(())
    }

    fn env(&self, gate: &Arc<Gate>, number: u64) -> Env {
        Env {
            net: Arc::new(ProcessNet { net: Arc::clone(&self.net), gate: Arc::clone(gate) }),
            store: Arc::new(self.store.clone()),
            clock: Arc::new(self.clock),
            rng: Arc::new(SeededRng::new(self.plan.seed, 1000 + number)),
            owner: OWNER.into(),
            settings: Arc::new(Settings::default()),
            windows: Arc::new(IngestWindows::new(48)),
        }
    }

    fn spec(&self, cluster: &SimCluster, at: usize, first: usize) -> anyhow::Result<Spec> {
        let frontends = cluster.frontends();
        let frontend = frontends.get(first % frontends.len()).context("a cluster without FEs")?;
        Ok(Spec {
            host: frontend.query.host.clone(),
            port: frontend.query.port.to_string(),
            thrift_port: frontend.rpc.port.to_string(),
            user: "root".to_owned(),
            password: ccr_store::documents::Password::new(self.password.clone()),
            database: DB.to_owned(),
            table: self.desks[at].name.clone(),
            ..Spec::default()
        })
    }

    /// A client asks again until it is served: creation has no effect unless it succeeds.
    async fn create_job(&mut self, at: usize, exists: bool) -> anyhow::Result<()> {
        self.processes += 1;
        let gate = Arc::new(Gate::default());
        let name = format!("copy{at}");
        for attempt in 0..400 {
            let request = NewJob {
                name: name.clone(),
                src: self.spec(&self.clusters.source, at, attempt)?,
                dest: self.spec(&self.clusters.dest, at, attempt)?,
                allow_table_exists: exists,
                reuse_binlog_label: false,
                skip_error: false,
            };
            let number = self.processes * 1000 + attempt as u64;
            match tokio::time::timeout(Duration::from_secs(60), create::check(&self.env(&gate, number), request)).await
            {
                Ok(Ok(document)) => {
                    let row = JobRow { name: name.clone(), document: document.to_json(), owner: OWNER.to_owned() };
                    match self.store.add_job(&row).await {
                        Ok(()) => return Ok(()),
                        Err(error) if error.kind == ccr_store::StoreErrorKind::Exists => return Ok(()),
                        Err(_) => {}
                    }
                }
                Ok(Err(failure)) => self.trace.add(&format!("create: {failure}")),
                Err(_) => self.trace.add("create: not within 60 s"),
            }
            self.wait(Duration::from_millis(500)).await;
            self.elect();
        }
        bail!("{name} could not be created")
    }

    async fn start(&mut self) -> anyhow::Result<Process> {
        self.processes += 1;
        let gate = Arc::new(Gate::default());
        self.store_plan.new_process(&gate);
        let mut process = Process { number: self.processes, jobs: Vec::new(), tasks: JoinSet::new(), gate };
        self.trace.add(&format!("process {} starts", process.number));
        for at in 0..self.desks.len() {
            let job = self.start_job(at, &mut process).await?;
            process.jobs.push(Some(job));
        }
        Ok(process)
    }

    async fn start_job(&mut self, at: usize, process: &mut Process) -> anyhow::Result<Job> {
        for _ in 0..100 {
            match self.store.job(&format!("copy{at}")).await {
                Ok(row) => {
                    let document = JobDocument::parse(&row.context("the job's row is gone")?.document)?;
                    let env = self.env(&process.gate, process.number * 10 + at as u64);
                    let (job, actor) = Job::prepare(env, document);
                    process.tasks.spawn(actor);
                    return Ok(job);
                }
                // As a manager does.
                Err(_) => self.wait(Duration::from_millis(500)).await,
            }
        }
        bail!("the database does not answer")
    }

    /// A process that died is replaced after a while.
    async fn revive(&mut self, mut process: Process) -> anyhow::Result<Process> {
        if !process.gate.is_dead() {
            return Ok(process);
        }
        self.count(&process);
        for (at, job) in process.jobs.iter().enumerate() {
            let Some(job) = job else { continue };
            let (seq, table) = (job.status().commit_seq, self.desks[at].name.clone());
            let next = self.clusters.source.sim().look(|model| {
                let (db, table) = (model.database(DB).ok()?.id, model.table(DB, &table).ok()?.id);
                let stream = model.binlogs.get(&db)?.tables.get(&table)?;
                stream.records().find(|record| record.commit_seq.0 > seq).map(|record| record.kind)
            });
            self.outcome.crash_points.extend(next);
        }
        self.outcome.kills += 1;
        self.trace.add(&format!("process {} is dead", process.number));
        process.tasks.shutdown().await;
        drop(process);
        let rng = SeededRng::new(self.plan.seed, 5000 + self.processes);
        self.wait(Duration::from_millis(rng.below(2000))).await;
        self.start().await
    }

    /// What a process's jobs did, before it ends.
    fn count(&mut self, process: &Process) {
        for job in process.jobs.iter().flatten() {
            let counters = job.status().counters;
            self.outcome.transactions += counters.transactions;
            for (code, count) in counters.retries_by {
                *self.outcome.retries.entry(code).or_default() += count;
            }
            for (cause, count) in counters.full_syncs_by {
                *self.outcome.full_syncs.entry(cause).or_default() += count;
            }
        }
    }

    fn phases(&self, process: &Process) -> BTreeSet<String> {
        let status = process.jobs.iter().flatten().map(Job::status);
        status
            .map(|status| match status.run {
                Run::Running => format!("{} {:?}", status.sync_state.name(), status.sub_state),
                Run::Paused => "paused".to_owned(),
                Run::Halted => "halted".to_owned(),
            })
            .collect()
    }

    /// A look at everything that must hold at any time.
    async fn look(&mut self, process: &Process) -> anyhow::Result<()> {
        if let Some(line) = self.trace.told_secret() {
            bail!("a password is in a line: {line}");
        }
        // What a statement wrote may have become visible since.
        self.witness.note(&self.clusters.source);
        for (at, job) in process.jobs.iter().enumerate() {
            let Some(job) = job else { continue };
            let status = job.status();
            if let Some(failure) = &status.error {
                ensure!(!failure.to_string().contains(&self.password), "a password is in a failure");
            }
            ensure!(status.run != Run::Halted, "the job of t{at} stopped by itself: {:?}", status.error);
            let paused = self.paused.contains(&at);
            ensure!(status.run != Run::Paused || paused, "the job of t{at} is paused, and nobody asked for it");
            let claimed = match self.store.progress(&format!("copy{at}")).await {
                Ok(Some(text)) => Some(ProgressDocument::parse(&text)?),
                Ok(None) | Err(_) => None,
            };
            self.witness.look(&self.clusters.dest, at, claimed.as_ref())?;
        }
        Ok(())
    }

    /// The faults are over: everything is caught up within the bound, and stays so.
    async fn evening(&mut self, process: Process, names: &[String]) -> anyhow::Result<()> {
        self.trace.add("mishaps are over");
        self.net.heal();
        self.store_plan.heal();
        self.clusters.source.control().faults().clear();
        for (_, remedy) in std::mem::take(&mut self.remedies) {
            mishap::remedy(&self.clusters, &remedy);
        }
        // Frontends that were started need a while, and the only one cannot be master before.
        for _ in 0..4 {
            self.wait(Duration::from_secs(15)).await;
            self.elect();
        }
        process.gate.die_at_call(0, false);
        let mut process = self.revive(process).await?;
        for job in process.jobs.iter().flatten() {
            job.resume().await.map_err(|failure| anyhow!("resume is refused: {failure}"))?;
        }
        self.paused.clear();
        self.caught_up(&process).await?;
        self.count(&process);
        for job in process.jobs.iter().flatten() {
            job.stop().await;
        }
        process.tasks.shutdown().await;
        // What was executed late is seen by the next process, which tidies up.
        self.wait(Duration::from_secs(10)).await;
        let mut process = self.start().await?;
        for at in 0..self.desks.len() {
            let rng = SeededRng::new(self.plan.seed, 90 + at as u64);
            let rows = self.desks[at].insert(&rng, 1);
            ensure!(self.source(&[rows]).await?, "the source does not take a row in the evening");
        }
        self.witness.note(&self.clusters.source);
        self.caught_up(&process).await?;
        // Left-overs are removed in the background.
        self.wait(Duration::from_secs(30)).await;
        self.look(&process).await?;
        self.count(&process);
        for job in process.jobs.iter().flatten() {
            job.stop().await;
        }
        process.tasks.shutdown().await;
        for at in 0..self.desks.len() {
            verdict::equal(&self.clusters.source, &self.clusters.dest, &self.desks[at].name).await?;
            let progress = self.store.progress(&format!("copy{at}")).await?.context("no progress was written")?;
            let progress = ProgressDocument::parse(&progress)?;
            ensure!(progress.is_done(), "the stored progress is not done: {}", progress.to_json());
        }
        if verdict::nothing_left(&self.clusters.source, &self.clusters.dest, names).await.is_err() {
            // A begin that was executed when its caller was dead already, for a record that nothing is begun for any more:
            // Doris itself ends such a transaction after its timeout.
            self.wait(Settings::default().txn_timeout + Duration::from_secs(30)).await;
            verdict::nothing_left(&self.clusters.source, &self.clusters.dest, names).await?;
        }
        let cause = self.reasons.unreasonable(&self.outcome.full_syncs);
        ensure!(cause.is_none(), "a full copy without reason: {cause:?}");
        Ok(())
    }

    /// A backend that never answers an ingest, on a connection that does not break, is given up after the client's timeout:
    /// asking another one earlier could corrupt the tablet.
    fn catch_up_limit(&self) -> Duration {
        let hung =
            self.net.counts().contains_key("hang") || self.outcome.mishaps.contains_key(Mishap::IngestHangs.label());
        if hung { CATCH_UP + Timeouts::default().ingest } else { CATCH_UP }
    }

    async fn caught_up(&mut self, process: &Process) -> anyhow::Result<()> {
        let limit = self.catch_up_limit();
        let begun = Instant::now();
        let mut equal = 0;
        loop {
            self.look(process).await?;
            let mut why = None;
            while let Some(desk) = self.desks.get(equal) {
                match verdict::equal(&self.clusters.source, &self.clusters.dest, &desk.name).await {
                    Ok(()) => equal += 1,
                    Err(error) => {
                        why = Some(error);
                        break;
                    }
                }
            }
            let Some(error) = why else { return Ok(()) };
            if begun.elapsed() >= limit {
                let status: Vec<_> = process
                    .jobs
                    .iter()
                    .flatten()
                    .map(Job::status)
                    .map(|s| (s.sync_state, s.commit_seq, s.error))
                    .collect();
                return Err(error.context(format!("not caught up within {} s: {status:?}", limit.as_secs())));
            }
            // Who is not done soon waits for a timeout.
            self.wait(if begun.elapsed() < CATCH_UP / 10 { SOON } else { CATCH_UP / 10 }).await;
        }
    }
}

impl Clusters {
    /// The clusters of a day.
    async fn of(plan: &Plan, password: &str) -> anyhow::Result<Self> {
        let profile = doris_sim::Profile::of_version(plan.shape.version).context("no such version")?;
        Self::with(plan.seed, |name, builder| {
            let shape = if name == "source" { plan.shape.source } else { plan.shape.dest };
            builder
                .doris(profile.clone())
                .frontends(shape.frontends)
                .backends(shape.backends)
                .root_password(Secret::new(password.to_owned()))
                .base_ms(VirtualClock::BEGIN_MS)
                .publish_delay_ms(15)
                .snapshot_tick_ms(50)
                .alter_tick_ms(50)
        })
        .await
    }
}
