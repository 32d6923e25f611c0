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
    JobRow, StoreError, StoreErrorKind,
    documents::{JobDocument, ProgressDocument},
};
use doris::cluster::BinlogLag;
use futures::future::join_all;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::{info, warn};

mod lag;
mod membership;

pub use lag::{LagSample, LagWatch};
pub use membership::{keep_membership, refresh};

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

/// All jobs of this process.
#[derive(Debug)]
pub struct Manager {
    env: Env,
    held: Mutex<BTreeMap<String, Held>>,
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
            held: Mutex::default(),
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
        self.lock().get(name).cloned()
    }

    /// States of all jobs that have an actor, by name.
    pub fn statuses(&self) -> Vec<JobStatus> {
        self.lock()
            .values()
            .filter_map(|held| match held {
                Held::Job(job) => Some(job.status()),
                Held::Reserved | Held::Broken(_) => None,
            })
            .collect()
    }

    /// Numbers of jobs that have no actor.
    pub fn counts(&self) -> Counts {
        let broken = self.lock().values().filter(|held| matches!(held, Held::Broken(_))).count();
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
                self.adopt(&row).await?;
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
            this.lock().remove(&name);
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
        let rows = self.env.store.jobs().await?;
        let ours: BTreeMap<&str, &JobRow> =
            rows.iter().filter(|row| *row.owner == *self.env.owner).map(|row| (row.name.as_str(), row)).collect();
        for (name, row) in &ours {
            if self.held(name).is_none()
                && let Err(failure) = self.adopt(row).await
            {
                warn!(job = *name, %failure, "not started");
            }
        }
        let held: Vec<String> = self.lock().keys().filter(|name| !ours.contains_key(name.as_str())).cloned().collect();
        for name in held {
            self.release(&name).await?;
        }
        Ok(())
    }

    /// Starts a stored job, unless something is in memory under its name. The row is read again once the name is reserved:
    /// it may have been deleted since it was listed.
    async fn adopt(&self, listed: &JobRow) -> Result<(), Failure> {
        let Ok(reservation) = self.reserve(&listed.name) else { return Ok(()) };
        let Some(row) = self.env.store.job(&listed.name).await? else { return Ok(()) };
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

    /// Stops a job that the list did not name as ours - if its row, read again, says the same.
    async fn release(&self, name: &str) -> Result<(), StoreError> {
        if let Some(row) = self.env.store.job(name).await?
            && *row.owner == *self.env.owner
        {
            return Ok(());
        }
        let held = {
            let mut held = self.lock();
            match held.get(name) {
                Some(Held::Job(_) | Held::Broken(_)) => held.remove(name),
                Some(Held::Reserved) | None => None,
            }
        };
        if let Some(Held::Job(job)) = held {
            warn!(job = name, "stopping: the job was removed from the metadata database or belongs to another syncer");
            self.operations.spawn(async move { job.stop().await });
        }
        Ok(())
    }

    /// Stops all jobs at their next safe point. Nothing starts afterwards.
    pub async fn stop(&self) {
        self.closing.cancel();
        self.operations.close();
        self.operations.wait().await;
        let held = std::mem::take(&mut *self.lock());
        join_all(held.into_values().filter_map(|held| match held {
            Held::Job(job) => Some(async move { job.stop().await }),
            Held::Reserved | Held::Broken(_) => None,
        }))
        .await;
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

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Held>> {
        // Every change of the map is one insertion or removal: a panic leaves it whole.
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take_broken(&self, name: &str) {
        let mut held = self.lock();
        if matches!(held.get(name), Some(Held::Broken(_))) {
            held.remove(name);
        }
    }

    fn reserve(&self, name: &str) -> Result<Reservation<'_>, Failure> {
        let mut held = self.lock();
        if self.closing.is_cancelled() {
            return Err(closing());
        }
        if held.contains_key(name) {
            return Err(Failure::new(
                Code::JOB_EXISTS,
                format!("job: {name}: [normal] job exist"),
                "another request is creating it, or it is being deleted",
            ));
        }
        held.insert(name.to_owned(), Held::Reserved);
        Ok(Reservation { manager: self, name: name.to_owned() })
    }
}

/// A name that nobody else can start a job under. Dropping it sets the name free.
struct Reservation<'a> {
    manager: &'a Manager,
    name: String,
}

impl Reservation<'_> {
    fn start(self, document: JobDocument) {
        let job = Job::start(self.manager.env.clone(), document);
        self.manager.lock().insert(self.name.clone(), Held::Job(job));
    }

    fn fail(self, failure: Failure) {
        warn!(job = self.name, %failure, "cannot run");
        self.manager.lock().insert(self.name.clone(), Held::Broken(failure));
    }
}

impl Drop for Reservation<'_> {
    fn drop(&mut self) {
        let mut held = self.manager.lock();
        if matches!(held.get(&self.name), Some(Held::Reserved)) {
            held.remove(&self.name);
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
