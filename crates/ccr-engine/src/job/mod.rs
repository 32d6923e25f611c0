//! The actor of one job. It alone owns the job's definition and decides what runs; others send it commands, which it
//! answers at once, and read a status that is always there. The work itself is a child task, the worker, that is told to
//! stop through a token and obeys at its next safe point.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use ccr_store::{
    StoreError, StoreErrorKind,
    documents::{JobDocument, JobState, ProgressDocument, Spec},
};
use doris::{Dest, Source, ids::TableId};
use tokio::{
    sync::{mpsc, oneshot, watch},
    task::JoinSet,
};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::{
    env::Env,
    incremental::Exit,
    policy::{Code, Failure},
};

mod context;
mod measures;
mod skip;
mod status;
mod worker;
mod writer;

pub(crate) use context::{Context, cluster};
pub use measures::{Cause, Counters, Histogram, TxnPhase};
pub use skip::Skip;
pub(crate) use skip::{OpenTxns, Request, fulfil, skipped};
pub use status::{JobStatus, Run};

pub(crate) use status::StatusCell;
pub(crate) use writer::Writer;

/// How long a paused job's start waits for the metadata database.
const STORED_LIMIT: Duration = Duration::from_secs(1);

/// A running job. Clones are handles of the same job; the job goes on when all handles are dropped until it is stopped.
#[derive(Clone, Debug)]
pub struct Job {
    commands: mpsc::Sender<Command>,
    status: watch::Receiver<JobStatus>,
}

type Reply = oneshot::Sender<Result<(), Failure>>;

enum Command {
    Pause(Reply),
    Resume(Reply),
    Delete(Reply),
    Skip(Skip, Reply),
    MapHosts { src: BTreeMap<String, String>, dest: BTreeMap<String, String>, reply: Reply },
    Reload(Reply),
    Stop(oneshot::Sender<()>),
    SkipDone(i64),
    SetTables { source: (TableId<Source>, String), dest: TableId<Dest>, reply: oneshot::Sender<Result<(), StoreError>> },
}

/// The worker's line to its actor.
#[derive(Clone, Debug)]
pub(crate) struct Control {
    commands: mpsc::WeakSender<Command>,
}

impl Control {
    /// Makes the ids of the copied tables, and the name of the source's, part of the durable job document.
    pub(crate) async fn set_tables(
        &self,
        source: TableId<Source>,
        source_name: &str,
        dest: TableId<Dest>,
    ) -> Result<(), Exit> {
        let source = (source, source_name.to_owned());
        let gone = || Failure::new(Code::NOT_OWNER, "the job was stopped", "");
        let commands = self.commands.upgrade().ok_or_else(gone)?;
        let (reply, answer) = oneshot::channel();
        commands.send(Command::SetTables { source, dest, reply }).await.map_err(|_| gone())?;
        // A metadata database that is away for a moment is waited for.
        Ok(answer.await.map_err(|_| gone())??)
    }

    /// The request is on record as fulfilled: it need not be kept any longer.
    pub(crate) async fn skip_done(&self, request: i64) {
        if let Some(commands) = self.commands.upgrade() {
            // An actor that is gone tells its successor by the progress.
            commands.send(Command::SkipDone(request)).await.unwrap_or_default();
        }
    }
}

impl Job {
    /// Starts a job from its stored document. The job row must exist and belong to `env.owner`.
    pub fn start(env: Env, document: JobDocument) -> Self {
        let (job, actor) = Self::prepare(env, document);
        tokio::spawn(actor);
        job
    }

    /// A job and the future that runs it. Dropping the future is what killing the process is: everything stops where it
    /// is, nothing is tidied up.
    pub fn prepare(env: Env, document: JobDocument) -> (Self, impl Future<Output = ()> + Send + 'static) {
        let (commands, inbox) = mpsc::channel(64);
        let run = if document.state == JobState::Paused { Run::Paused } else { Run::Running };
        let mut initial = JobStatus::new(&document.name, run);
        if document.src.table.is_empty() {
            initial.sync_state = ccr_store::documents::SyncState::DBFullSync;
        }
        let (writer, writing) = Writer::new(env.clone(), document.name.clone());
        let mut writers = JoinSet::new();
        let (sender, status) = watch::channel(initial);
        let actor = Actor {
            env,
            document,
            control: Control { commands: commands.downgrade() },
            status: StatusCell::new(sender),
            workers: JoinSet::new(),
            writer,
            cancel: CancellationToken::new(),
            open: OpenTxns::default(),
            fulfilled: None,
        };
        let run = async move {
            // Ends with the actor.
            writers.spawn(writing);
            actor.run(inbox).await;
            drop(writers);
        };
        (Self { commands, status }, run)
    }

    /// The job at this instant. Never waits.
    pub fn status(&self) -> JobStatus {
        self.status.borrow().clone()
    }

    /// Waits until the status fulfils a condition; `false` if the job ended before.
    pub async fn wait_for(&self, condition: impl FnMut(&JobStatus) -> bool) -> bool {
        self.status.clone().wait_for(condition).await.is_ok()
    }

    /// Pauses: durable when it returns; running work stops at its next safe point. Pausing a paused job succeeds.
    pub async fn pause(&self) -> Result<(), Failure> {
        self.ask(Command::Pause).await
    }

    /// Resumes a paused or halted job. Resuming a running job succeeds.
    pub async fn resume(&self) -> Result<(), Failure> {
        self.ask(Command::Resume).await
    }

    /// Ends the job and removes its rows. Nothing of this job writes to the metadata database afterwards.
    pub async fn delete(&self) -> Result<(), Failure> {
        self.ask(Command::Delete).await
    }

    /// Has a record skipped, or a copy made: durable when it returns, effective at the next safe point. A later request
    /// replaces an earlier one. A job that halted runs again; one that is paused fulfils it when it is resumed.
    ///
    /// # Errors
    /// The request makes no sense for this job, or the metadata database refuses it.
    pub async fn skip(&self, skip: Skip) -> Result<(), Failure> {
        self.ask(|reply| Command::Skip(skip, reply)).await
    }

    /// Adds private hosts with their public addresses to the mapping of each side; an empty address takes a host out.
    /// Durable when it returns; the job asks at the new addresses from its next safe point on.
    ///
    /// # Errors
    /// The metadata database refuses it.
    pub async fn map_hosts(
        &self,
        src: BTreeMap<String, String>,
        dest: BTreeMap<String, String>,
    ) -> Result<(), Failure> {
        self.ask(|reply| Command::MapHosts { src, dest, reply }).await
    }

    /// Has the job forget everything that it knows of the clusters and read it again.
    ///
    /// # Errors
    /// The job has ended.
    pub async fn reload(&self) -> Result<(), Failure> {
        self.ask(Command::Reload).await
    }

    /// Ends the job at its next safe point, with its position written. Its rows stay.
    pub async fn stop(&self) {
        let (reply, stopped) = oneshot::channel();
        if self.commands.send(Command::Stop(reply)).await.is_ok() {
            // An actor that is gone has stopped as well.
            stopped.await.unwrap_or_default();
        }
    }

    async fn ask(&self, command: impl FnOnce(Reply) -> Command) -> Result<(), Failure> {
        let gone = || Failure::new(Code::JOB_NOT_FOUND, format!("job {} has ended", self.status.borrow().name), "");
        let (reply, answer) = oneshot::channel();
        self.commands.send(command(reply)).await.map_err(|_| gone())?;
        answer.await.map_err(|_| gone())?
    }
}

struct Actor {
    env: Env,
    document: JobDocument,
    control: Control,
    status: StatusCell,
    /// At most one worker; a set so that it dies with the actor.
    workers: JoinSet<()>,
    writer: Writer,
    cancel: CancellationToken,
    /// Of all workers.
    open: OpenTxns,
    /// The request that was fulfilled last: if it is still in the document, the next write takes it out.
    fulfilled: Option<i64>,
}

impl Actor {
    async fn run(mut self, mut inbox: mpsc::Receiver<Command>) {
        let mut wanted = self.document.state == JobState::Running;
        if !wanted {
            self.show_stored().await;
        }
        loop {
            if wanted && self.workers.is_empty() {
                self.start_worker();
            }
            let passed = self.passed();
            let command = tokio::select! {
                biased;
                command = inbox.recv() => command,
                // The record that was to be skipped never came.
                Some(request) = passed => Some(Command::SkipDone(request)),
                Some(ended) = self.workers.join_next() => {
                    if let Err(error) = ended
                        && error.is_panic()
                    {
                        self.halt(Failure::new(
                            Code::DOCUMENT,
                            "the job's worker panicked; this is a defect of the syncer",
                            "report it with the log; /resume tries again",
                        ));
                    }
                    // A worker that ends by itself has halted; one that was told to stop makes room for the next.
                    wanted = wanted && self.cancel.is_cancelled();
                    continue;
                }
            };
            match command {
                Some(Command::Pause(reply)) => {
                    let result = self.set_state(JobState::Paused).await;
                    if result.is_ok() {
                        wanted = false;
                        self.cancel.cancel();
                        self.status.update(|s| s.run = Run::Paused);
                        info!(job = self.document.name, "paused");
                    }
                    answer(reply, result);
                }
                Some(Command::Resume(reply)) => {
                    let result = self.set_state(JobState::Running).await;
                    if result.is_ok() {
                        wanted = true;
                        if self.status.run() == Run::Halted {
                            // Its worker is ending by itself: it makes room for the next.
                            self.cancel.cancel();
                        }
                        self.status.update(|s| {
                            s.run = Run::Running;
                            s.error = None;
                            s.next_retry_at_ms = None;
                            s.attempt = 0;
                        });
                        info!(job = self.document.name, "resumed");
                    }
                    answer(reply, result);
                }
                Some(Command::Delete(reply)) => {
                    // Whatever runs is cut off: nothing of this job is written any more.
                    self.workers.shutdown().await;
                    // A write that is under way comes before; one that never ends is refused once the rows are gone.
                    if tokio::time::timeout(STORED_LIMIT, self.writer.flush()).await.is_err() {
                        warn!(job = self.document.name, "the metadata database does not answer");
                    }
                    let removed = self.env.store.remove_job(&self.document.name, Some(&self.env.owner)).await;
                    match removed {
                        Ok(()) => {
                            info!(job = self.document.name, "deleted");
                            answer(reply, Ok(()));
                            // Whoever asked does not wait for the destination.
                            self.roll_back_open().await;
                            return;
                        }
                        Err(error) => {
                            wanted = false;
                            let failure = Failure::from(error);
                            self.halt(failure.clone());
                            answer(reply, Err(failure));
                        }
                    }
                }
                Some(Command::Skip(skip, reply)) => {
                    let result = self.ask_skip(&skip).await;
                    if result.is_ok() && self.document.state == JobState::Running {
                        wanted = true;
                        self.run_anew();
                    }
                    answer(reply, result);
                }
                Some(Command::MapHosts { src, dest, reply }) => {
                    let result = self.map_hosts(src, dest).await;
                    if result.is_ok() && wanted {
                        self.run_anew();
                    }
                    answer(reply, result);
                }
                Some(Command::Reload(reply)) => {
                    if wanted {
                        self.run_anew();
                    }
                    answer(reply, Ok(()));
                }
                Some(Command::SkipDone(request)) => self.forget_skip(request).await,
                Some(Command::SetTables { source: (source, name), dest, reply }) => {
                    let mut next = self.document.clone();
                    (next.src.table_id, next.src.table, next.dest.table_id) = (source.get(), name, dest.get());
                    let result = if next == self.document { Ok(()) } else { self.replace_document(next).await };
                    reply.send(result).unwrap_or_default();
                }
                Some(Command::Stop(reply)) => {
                    self.cancel.cancel();
                    while let Some(ended) = self.drain_one(&mut inbox).await {
                        if let Err(error) = ended {
                            warn!(job = self.document.name, %error, "the worker did not end cleanly");
                        }
                    }
                    // The process may be gone before it is told.
                    reply.send(()).unwrap_or_default();
                    return;
                }
                // All handles are gone: so is the process's interest in the job.
                None => return,
            }
        }
    }

    /// Waits for the worker's end while still serving what it asks for.
    async fn drain_one(&mut self, inbox: &mut mpsc::Receiver<Command>) -> Option<Result<(), tokio::task::JoinError>> {
        loop {
            tokio::select! {
                biased;
                ended = self.workers.join_next() => return ended,
                Some(command) = inbox.recv() => {
                    let refusal = "the job is being stopped";
                    match command {
                        Command::Pause(reply)
                        | Command::Resume(reply)
                        | Command::Delete(reply)
                        | Command::Skip(_, reply)
                        | Command::MapHosts { reply, .. }
                        | Command::Reload(reply) => {
                            answer(reply, Err(Failure::new(Code::NOT_OWNER, refusal, "")));
                        }
                        // The progress tells the next process.
                        Command::SkipDone(_) => {}
                        Command::SetTables { reply, .. } => {
                            let error = StoreError { kind: StoreErrorKind::NotOwner, text: refusal.to_owned() };
                            reply.send(Err(error)).unwrap_or_default();
                        }
                        Command::Stop(reply) => reply.send(()).unwrap_or_default(),
                    }
                }
            }
        }
    }

    /// Shows where a job stands that is not running. A database that is away does not hold up commands for long.
    async fn show_stored(&self) {
        let stored = self.env.store.progress(&self.document.name);
        match tokio::time::timeout(STORED_LIMIT, stored).await {
            Ok(Ok(Some(text))) => match ProgressDocument::parse(&text) {
                Ok(document) => self.status.stored(&document),
                Err(error) => warn!(job = self.document.name, %error, "the stored progress cannot be shown"),
            },
            Ok(Ok(None)) => {}
            Ok(Err(error)) => warn!(job = self.document.name, %error, "the stored progress cannot be shown"),
            Err(_) => warn!(job = self.document.name, "the metadata database does not answer"),
        }
    }

    fn start_worker(&mut self) {
        self.cancel = CancellationToken::new();
        self.status.update(|status| status.run = Run::Running);
        let cell = self.status.share();
        let skip = Request::from_document(&self.document.extra);
        let context = match Context::new(self.env.clone(), &self.document, cell, self.writer.clone()) {
            Ok(context) => Arc::new(context.with(skip, self.open.clone())),
            Err(failure) => {
                // Runs and ends at once, so that a halted job has one way of ending.
                self.halt(failure);
                self.workers.spawn(async {});
                return;
            }
        };
        self.workers.spawn(worker::run(context, self.control.clone(), self.cancel.clone()));
    }

    /// Has the worker end at its next safe point; another one, that knows what is new, follows.
    fn run_anew(&self) {
        self.cancel.cancel();
        self.status.update(|status| {
            status.run = Run::Running;
            status.error = None;
            status.next_retry_at_ms = None;
            status.attempt = 0;
        });
    }

    async fn ask_skip(&mut self, skip: &Skip) -> Result<(), Failure> {
        skip::check(&self.document, skip)?;
        let mut next = self.document.clone();
        Request::put(&mut next.extra, skip, &*self.env.rng);
        self.replace_document(next).await?;
        info!(job = self.document.name, ?skip, "asked for");
        Ok(())
    }

    async fn forget_skip(&mut self, request: i64) {
        self.fulfilled = Some(request);
        if Request::from_document(&self.document.extra).is_some_and(|pending| pending.id == request)
            && let Err(error) = self.replace_document(self.document.clone()).await
        {
            warn!(job = self.document.name, %error, "a request that was fulfilled is still in the document");
        }
    }

    /// Resolves with the pending request when the position is past the record that it names; never without one.
    fn passed(&self) -> impl Future<Output = Option<i64>> + use<> {
        let pending = Request::from_document(&self.document.extra).filter(|p| Some(p.id) != self.fulfilled);
        let mut status = self.status.watch();
        async move {
            let (id, seq) = pending.and_then(|request| Some((request.id, request.silenced()?)))?;
            status.wait_for(|status| status.commit_seq >= seq.0).await.ok().map(|_| id)
        }
    }

    async fn map_hosts(
        &mut self,
        src: BTreeMap<String, String>,
        dest: BTreeMap<String, String>,
    ) -> Result<(), Failure> {
        let mut next = self.document.clone();
        for (spec, change) in [(&mut next.src, src), (&mut next.dest, dest)] {
            map_spec(spec, change);
        }
        Ok(self.replace_document(next).await?)
    }

    async fn roll_back_open(&self) {
        match context::cluster(&self.env, &self.document.dest) {
            Ok(dest) => self.open.roll_back(&dest, &self.document.dest.database).await,
            Err(failure) => warn!(job = self.document.name, %failure, "open transactions are left to their timeout"),
        }
    }

    fn halt(&self, failure: Failure) {
        warn!(job = self.document.name, %failure, "halted");
        self.status.halted(failure);
    }

    async fn set_state(&mut self, state: JobState) -> Result<(), Failure> {
        // Written even if nothing seems to change: an earlier write whose answer was lost may have been stored.
        let next = JobDocument { state, ..self.document.clone() };
        Ok(self.replace_document(next).await?)
    }

    /// Durably; after a failed write the document is what it was.
    async fn replace_document(&mut self, mut next: JobDocument) -> Result<(), StoreError> {
        if Request::from_document(&next.extra).is_some_and(|pending| Some(pending.id) == self.fulfilled) {
            skip::clear(&mut next.extra);
        }
        self.env.store.update_job(&next.name, &self.env.owner, &next.to_json()).await?;
        self.document = next;
        Ok(())
    }
}

/// Changes the mapping of one side. FEs that were known at an address which is another one now are known there; the one that
/// the user named stays where it is when its host is taken out of the mapping.
fn map_spec(spec: &mut Spec, change: BTreeMap<String, String>) {
    let (mut moved, mut taken_out) = (BTreeMap::new(), BTreeMap::new());
    for (private, public) in change {
        if public.is_empty() {
            if let Some(before) = spec.host_mapping.remove(&private) {
                taken_out.insert(before, private);
            }
        } else {
            let before = spec.host_mapping.insert(private.clone(), public.clone());
            moved.insert(before.unwrap_or(private), public);
        }
    }
    if let Some(now) = moved.get(&spec.host) {
        now.clone_into(&mut spec.host);
    }
    for frontend in spec.frontends.iter_mut().flatten() {
        if let Some(now) = moved.get(&frontend.host).or_else(|| taken_out.get(&frontend.host)) {
            now.clone_into(&mut frontend.host);
        }
    }
}

/// Whoever asked may not wait any more.
fn answer(reply: Reply, result: Result<(), Failure>) {
    reply.send(result).unwrap_or_default();
}
