//! Which jobs run in this process.
//!
//! The metadata database says which jobs there are and whose they are; this map says what is in memory. A name is reserved
//! while its job is being created or started, so that no job ever runs twice; no lock is held while anything is waited for.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use ccr_engine::{Code, Env, Failure, Job, JobStatus, create::NewJob};
use ccr_store::{
    ClusterView, JobRow, StoreError, StoreErrorKind,
    documents::{JobDocument, ProgressDocument},
};
use doris::cluster::BinlogLag;
use futures::{StreamExt, future::join_all};
use tokio::task::JoinHandle;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::{info, warn};

mod lag;
mod membership;
mod peers;
mod tenure;

pub use lag::{LagSample, LagWatch};
pub use membership::Membership;
pub use tenure::{FencedNet, Tenure};

/// Longest time that the checks of a new job may take, all together.
const CREATE_DEADLINE: Duration = Duration::from_secs(60);

/// What is in memory under a name.
#[derive(Clone, Debug)]
pub enum Held {
    /// Being created or started: nothing can be said or done yet.
    Reserved,
    /// Has an actor.
    Job(Job),
    /// Belongs here but cannot run: its document cannot be understood.
    Broken(Failure),
}

/// How far a job's actor is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Life {
    Running,
    /// Being stopped; its name stays taken until it has stopped.
    Leaving,
    /// Cut off: another actor may take its place.
    Ended,
}

/// What is in memory under a name, with the task that runs it.
#[derive(Debug)]
struct Slot {
    held: Held,
    life: Life,
    task: Option<JoinHandle<()>>,
}

impl Slot {
    fn without_task(held: Held) -> Self {
        Self { held, life: Life::Running, task: None }
    }

    /// Whether another actor may be started under its name.
    fn is_free(&self) -> bool {
        self.life == Life::Ended
    }
}

#[derive(Debug, Default)]
struct Slots {
    by_name: BTreeMap<String, Slot>,
    /// Nothing may run at present.
    suspended: bool,
}

/// All jobs of this process.
#[derive(Debug)]
pub struct Manager {
    env: Env,
    slots: Mutex<Slots>,
    closing: CancellationToken,
    /// Operations that go on when whoever asked has hung up.
    operations: TaskTracker,
    /// How many jobs were created here.
    created: AtomicU64,
}

/// Numbers of jobs that no status tells.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Created on this process since it started.
    pub created: u64,
    /// Belong here and cannot run: their documents cannot be understood.
    pub broken: u64,
}

impl Manager {
    /// A manager that holds nothing yet.
    pub fn new(env: Env) -> Arc<Self> {
        Arc::new(Self {
            env,
            slots: Mutex::default(),
            closing: CancellationToken::new(),
            operations: TaskTracker::new(),
            created: AtomicU64::new(0),
        })
    }

    /// The environment of its jobs.
    pub fn env(&self) -> &Env {
        &self.env
    }

    /// What is in memory under `name`.
    pub fn held(&self, name: &str) -> Option<Held> {
        self.lock().by_name.get(name).map(|slot| slot.held.clone())
    }

    /// States of all jobs that have an actor, by name.
    pub fn statuses(&self) -> Vec<JobStatus> {
        let cut_off = || {
            Failure::new(
                Code::STORE,
                "the job is cut off: this syncer has no lease in its metadata database",
                "check the metadata database; the job goes on by itself when it answers",
            )
        };
        self.lock()
            .by_name
            .values()
            .filter_map(|slot| match &slot.held {
                Held::Job(job) if slot.life == Life::Ended => {
                    Some(JobStatus { error: Some(cut_off()), next_retry_at_ms: None, ..job.status() })
                }
                Held::Job(job) => Some(job.status()),
                Held::Reserved | Held::Broken(_) => None,
            })
            .collect()
    }

    /// Numbers of jobs that have no actor.
    pub fn counts(&self) -> Counts {
        let broken = self.lock().by_name.values().filter(|slot| matches!(slot.held, Held::Broken(_))).count();
        Counts { created: self.created.load(Ordering::Relaxed), broken: broken as u64 }
    }

    /// Checks, stores and starts a new job. It is done completely or not at all, also when the caller stops waiting.
    ///
    /// # Errors
    /// The name is taken, a check failed (nothing was stored), or the metadata database refused.
    pub async fn create(self: &Arc<Self>, request: NewJob) -> Result<(), Failure> {
        let this = Arc::clone(self);
        self.finish(async move { this.create_now(request).await }).await
    }

    async fn create_now(&self, request: NewJob) -> Result<(), Failure> {
        let name = request.name.clone();
        if self.env.store.job(&name).await?.is_some() {
            return Err(Failure::new(
                Code::JOB_EXISTS,
                format!("job is invalid: [normal] job {name} already exist"),
                "choose another name or delete that job first",
            ));
        }
        let reservation = self.reserve(&name)?;
        let checks = tokio::time::timeout(CREATE_DEADLINE, ccr_engine::create::check(&self.env, request));
        let checked = tokio::select! {
            biased;
            () = self.closing.cancelled() => return Err(closing()),
            checked = checks => checked,
        };
        let document = checked.map_err(|_| {
            Failure::new(
                Code::UNANSWERED,
                format!(
                    "the checks of job {name} did not end within {} s; it was not created",
                    CREATE_DEADLINE.as_secs()
                ),
                "check that all FEs and BEs of both clusters can be reached from here",
            )
        })??;
        let row = JobRow { name: name.clone(), document: document.to_json(), owner: self.env.owner.to_string() };
        self.env.store.add_job(&row).await.map_err(|error| match error.kind {
            StoreErrorKind::Exists => Failure::new(Code::JOB_EXISTS, "job exists", "choose another name"),
            _ => error.into(),
        })?;
        reservation.start(document);
        self.created.fetch_add(1, Ordering::Relaxed);
        info!(job = name, "created");
        Ok(())
    }

    /// A job of this process.
    ///
    /// # Errors
    /// There is none of that name, it cannot run, or it is just being started.
    pub fn job(&self, name: &str) -> Result<Job, Failure> {
        match self.held(name) {
            Some(Held::Job(job)) => Ok(job),
            Some(Held::Broken(failure)) => Err(failure),
            Some(Held::Reserved) => Err(reserved(name)),
            None => Err(not_here(name)),
        }
    }

    /// Pauses a job of this process.
    pub async fn pause(&self, name: &str) -> Result<(), Failure> {
        self.job(name)?.pause().await
    }

    /// Resumes a job of this process. One that could not be started is tried again.
    pub async fn resume(&self, name: &str) -> Result<(), Failure> {
        match self.held(name) {
            Some(Held::Broken(_)) => {
                let row = self.env.store.job(name).await?.ok_or_else(|| not_here(name))?;
                self.take_broken(name);
                self.adopt(&row.name).await?;
                self.job(name)?.resume().await
            }
            _ => self.job(name)?.resume().await,
        }
    }

    /// Ends a job of this process and removes its rows. Goes on when the caller stops waiting.
    pub async fn delete(self: &Arc<Self>, name: &str) -> Result<(), Failure> {
        let (this, name) = (Arc::clone(self), name.to_owned());
        self.finish(async move {
            match this.held(&name) {
                Some(Held::Job(job)) => job.delete().await?,
                Some(Held::Broken(_)) => this.env.store.remove_job(&name, Some(&this.env.owner)).await?,
                Some(Held::Reserved) => return Err(reserved(&name)),
                None => return Err(not_here(&name)),
            }
            // The rows are gone and the name was held until now: this is still the entry of the deleted job.
            this.lock().by_name.remove(&name);
            Ok(())
        })
        .await
    }

    /// How far a job of the deployment, of whichever syncer, is behind.
    pub async fn lag(&self, name: &str) -> Result<BinlogLag, Failure> {
        let unknown = |what: String| Failure::new(Code::JOB_NOT_FOUND, what, "");
        let row = self.env.store.job(name).await?.ok_or_else(|| unknown(format!("job {name} not exist")))?;
        let document = JobDocument::parse(&row.document).map_err(StoreError::from)?;
        let progress = self.env.store.progress(name).await?;
        let progress = progress.ok_or_else(|| unknown(format!("job {name} has no progress yet")))?;
        let progress = ProgressDocument::parse(&progress).map_err(StoreError::from)?;
        ccr_engine::lag::lag(&self.env, &document, &progress).await
    }

    /// Starts the jobs that the database says are ours and that are not in memory, and stops those in memory that are ours no
    /// longer. One job that cannot be started is held with its failure and does not concern the others.
    ///
    /// # Errors
    /// The list cannot be read.
    pub async fn reconcile(&self) -> Result<(), StoreError> {
        let view = self.env.store.view().await?;
        self.reconcile_with(&view).await
    }

    /// The same, with a list that was read already.
    pub(super) async fn reconcile_with(&self, view: &ClusterView) -> Result<(), StoreError> {
        let ours = |name: &str| view.owners.get(name).is_some_and(|owner| **owner == *self.env.owner);
        let (missing, lost): (Vec<String>, Vec<String>) = {
            let slots = self.lock();
            let free = |name: &str| slots.by_name.get(name).is_none_or(Slot::is_free);
            (
                view.owners.keys().filter(|name| ours(name) && free(name)).cloned().collect(),
                slots.by_name.keys().filter(|name| !ours(name)).cloned().collect(),
            )
        };
        let adopt = |name: String| async move {
            if let Err(failure) = self.adopt(&name).await {
                warn!(job = name, %failure, "not started");
            }
        };
        futures::stream::iter(missing).for_each_concurrent(AT_A_TIME, adopt).await;
        for name in lost {
            self.release(&name).await?;
        }
        Ok(())
    }

    /// Starts a stored job, unless something is in memory under its name. The row is read once the name is reserved: it may
    /// have been deleted, or moved, since it was listed.
    async fn adopt(&self, name: &str) -> Result<(), Failure> {
        let Ok(reservation) = self.reserve(name) else { return Ok(()) };
        let Some(row) = self.env.store.job(name).await? else { return Ok(()) };
        if *row.owner != *self.env.owner {
            return Ok(());
        }
        match JobDocument::parse(&row.document) {
            Ok(document) if document.name == row.name => {
                reservation.start(document);
                info!(job = row.name, "recovered");
            }
            Ok(_) => reservation.fail(Failure::new(
                Code::DOCUMENT,
                format!("the document of job {} is that of another job", row.name),
                "restore the metadata database from a backup, or delete and create the job again",
            )),
            Err(error) => reservation.fail(StoreError::from(error).into()),
        }
        Ok(())
    }

    /// Cuts a job off that the list did not name as ours - if its row, read again, says the same. Whoever has it now may be
    /// running it.
    async fn release(&self, name: &str) -> Result<(), StoreError> {
        if let Some(row) = self.env.store.job(name).await?
            && *row.owner == *self.env.owner
        {
            return Ok(());
        }
        let task = {
            let mut slots = self.lock();
            let Some(slot) = slots.by_name.get_mut(name) else { return Ok(()) };
            match (&slot.held, slot.life) {
                (Held::Reserved, _) | (_, Life::Leaving) => return Ok(()),
                (Held::Job(_), _) => {
                    slot.life = Life::Leaving;
                    slot.task.take()
                }
                (Held::Broken(_), _) => None,
            }
        };
        if let Some(task) = task {
            warn!(job = name, "stopped: the job was removed from the metadata database or belongs to another syncer");
            cut_off([task]).await;
        }
        self.lock().by_name.remove(name);
        Ok(())
    }

    /// Cuts all jobs off where they are, as the end of the process does, and lets none start. Returns how many ran.
    pub(super) async fn suspend(&self) -> usize {
        let tasks: Vec<JoinHandle<()>> = {
            let mut slots = self.lock();
            slots.suspended = true;
            let jobs = slots.by_name.values_mut().filter(|slot| matches!(slot.held, Held::Job(_)));
            jobs.filter_map(|slot| {
                // One that is leaving is waited for by whoever stops it.
                if slot.life == Life::Running {
                    slot.life = Life::Ended;
                }
                slot.task.take()
            })
            .collect()
        };
        let ran = tasks.len();
        cut_off(tasks).await;
        ran
    }

    /// Jobs may run again; `true` if they might not before. Starting them is a matter of [`reconcile`](Self::reconcile).
    pub(super) fn go_on(&self) -> bool {
        std::mem::take(&mut self.lock().suspended)
    }

    /// Stops a job at its next safe point and gives it to another syncer, whenever that is.
    pub(super) fn hand_over_soon(self: &Arc<Self>, name: String, to: String) {
        let this = Arc::clone(self);
        self.operations.spawn(async move { this.hand_over(&name, &to).await });
    }

    async fn hand_over(&self, name: &str, to: &str) {
        let (job, task) = {
            let mut slots = self.lock();
            let Some(slot) = slots.by_name.get_mut(name).filter(|slot| slot.life == Life::Running) else { return };
            let job = match &slot.held {
                Held::Reserved => return,
                Held::Job(job) => Some(job.clone()),
                Held::Broken(_) => None,
            };
            slot.life = Life::Leaving;
            (job, slot.task.take())
        };
        if let Some(job) = job {
            stop(&job, task).await;
        }
        self.give(name, to).await;
        // Where it could not be given it is still ours, and started again.
        self.lock().by_name.remove(name);
    }

    async fn give(&self, name: &str, to: &str) {
        match self.env.store.give_job(name, to).await {
            Ok(true) => info!(job = name, "handed over to {to}"),
            Ok(false) => info!(job = name, "not handed over to {to}: one of us has no lease"),
            Err(error) => warn!(job = name, %error, "not handed over to {to}"),
        }
    }

    /// Stops all jobs at their next safe point and hands each over, as soon as it has stopped, to the syncer that has the
    /// fewest. Nothing starts afterwards.
    pub async fn stop(&self) {
        self.closing.cancel();
        self.operations.close();
        self.operations.wait().await;
        let slots = std::mem::take(&mut self.lock().by_name);
        let targets = self.heirs(slots.len()).await;
        let targets = targets.into_iter().map(Some).chain(std::iter::repeat(None));
        join_all(slots.into_iter().zip(targets).map(|((name, slot), target)| async move {
            if let Held::Job(job) = &slot.held {
                stop(job, slot.task).await;
            }
            if let Some(target) = target {
                self.give(&name, &target).await;
            }
        }))
        .await;
        self.give_strays().await;
    }

    /// Hands over what peers gave to this syncer while it stopped, and which never ran here.
    async fn give_strays(&self) {
        let view = match self.env.store.view().await {
            Ok(view) => view,
            Err(error) => {
                warn!(%error, "jobs that were given to this syncer meanwhile wait until it counts as dead");
                return;
            }
        };
        let strays: Vec<&String> =
            view.owners.iter().filter(|(_, owner)| ***owner == *self.env.owner).map(|(name, _)| name).collect();
        for (name, target) in strays.iter().zip(self.heirs(strays.len()).await) {
            self.give(name, &target).await;
        }
    }

    /// Who gets so many jobs of this syncer, one entry a job; fewer, or none, where nobody is there to have them.
    async fn heirs(&self, jobs: usize) -> Vec<String> {
        if jobs == 0 {
            return Vec::new();
        }
        match self.env.store.view().await {
            Ok(view) => {
                let alive = view.leases.iter().filter(|(host, lease)| lease.is_alive() && ***host != *self.env.owner);
                let alive = alive.map(|(host, _)| host.clone()).collect();
                peers::hand_out(&view, &alive, jobs)
            }
            Err(error) => {
                warn!(%error, "nobody to hand the jobs over to");
                Vec::new()
            }
        }
    }

    /// Runs to its end, whether the caller waits or not.
    async fn finish(
        &self,
        operation: impl Future<Output = Result<(), Failure>> + Send + 'static,
    ) -> Result<(), Failure> {
        self.operations.spawn(operation).await.unwrap_or_else(|error| {
            Err(Failure::new(Code::REFUSED, format!("the operation ended unexpectedly: {error}"), "see the log"))
        })
    }

    fn lock(&self) -> MutexGuard<'_, Slots> {
        // Every change of the map is one insertion or removal: a panic leaves it whole.
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take_broken(&self, name: &str) {
        let slots = &mut self.lock().by_name;
        if slots.get(name).is_some_and(|slot| matches!(slot.held, Held::Broken(_))) {
            slots.remove(name);
        }
    }

    fn reserve(&self, name: &str) -> Result<Reservation<'_>, Failure> {
        let slots = &mut self.lock().by_name;
        if self.closing.is_cancelled() {
            return Err(closing());
        }
        if slots.get(name).is_some_and(|slot| !slot.is_free()) {
            return Err(Failure::new(
                Code::JOB_EXISTS,
                format!("job: {name}: [normal] job exist"),
                "another request is creating it, or it is being deleted",
            ));
        }
        slots.insert(name.to_owned(), Slot::without_task(Held::Reserved));
        Ok(Reservation { manager: self, name: name.to_owned() })
    }
}

/// Jobs that are started at the same time.
const AT_A_TIME: usize = 16;

/// Ends tasks where they are, and waits until they have ended.
async fn cut_off(tasks: impl IntoIterator<Item = JoinHandle<()>>) {
    let tasks: Vec<JoinHandle<()>> = tasks.into_iter().collect();
    tasks.iter().for_each(JoinHandle::abort);
    for ended in join_all(tasks).await {
        if let Err(error) = ended
            && error.is_panic()
        {
            warn!(%error, "a job panicked");
        }
    }
}

/// Stops a job at its next safe point.
async fn stop(job: &Job, task: Option<JoinHandle<()>>) {
    job.stop().await;
    if let Some(task) = task {
        cut_off([task]).await;
    }
}

/// A name that nobody else can start a job under. Dropping it sets the name free.
struct Reservation<'a> {
    manager: &'a Manager,
    name: String,
}

impl Reservation<'_> {
    /// Starts the job, unless nothing may run at present: then it is found in the database later.
    fn start(self, document: JobDocument) {
        let mut slots = self.manager.lock();
        if slots.suspended || self.manager.closing.is_cancelled() {
            return;
        }
        let (job, actor) = Job::prepare(self.manager.env.clone(), document);
        let slot = Slot { held: Held::Job(job), life: Life::Running, task: Some(tokio::spawn(actor)) };
        slots.by_name.insert(self.name.clone(), slot);
    }

    fn fail(self, failure: Failure) {
        warn!(job = self.name, %failure, "cannot run");
        self.manager.lock().by_name.insert(self.name.clone(), Slot::without_task(Held::Broken(failure)));
    }
}

impl Drop for Reservation<'_> {
    fn drop(&mut self) {
        let slots = &mut self.manager.lock().by_name;
        if slots.get(&self.name).is_some_and(|slot| matches!(slot.held, Held::Reserved)) {
            slots.remove(&self.name);
        }
    }
}

fn closing() -> Failure {
    Failure::new(Code::REFUSED, "this syncer is shutting down", "ask another one, or try again later")
}

fn reserved(name: &str) -> Failure {
    Failure::new(Code::REFUSED, format!("job {name} is being created or started"), "try again in a moment")
}

fn not_here(name: &str) -> Failure {
    Failure::new(
        Code::JOB_NOT_FOUND,
        format!("[normal] job not exist: {name}"),
        "it is in the metadata database but not started yet: try again in a few seconds",
    )
}
