//! The actor of one job. It alone owns the job's definition and decides what runs; others send it commands, which it
//! answers at once, and read a status that is always there. The work itself is a child task, the worker, that is told to
//! stop through a token and obeys at its next safe point.

use std::{sync::Arc, time::Duration};

use ccr_store::{
    StoreError, StoreErrorKind,
    documents::{JobDocument, JobState, ProgressDocument, SubState, SyncState},
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
mod status;
mod worker;

pub(crate) use context::{Context, cluster};
pub use measures::{Cause, Counters, Histogram, TxnPhase};
pub use status::{JobStatus, Run};

pub(crate) use status::StatusCell;

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
    Stop(oneshot::Sender<()>),
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
        let initial = JobStatus {
            name: document.name.clone(),
            run,
            sync_state: SyncState::TableFullSync,
            sub_state: SubState::BeginCreateSnapshot,
            commit_seq: 0,
            committed_seq: 0,
            last_commit_seq: 0,
            error: None,
            next_retry_at_ms: None,
            attempt: 0,
            full_sync_reason: String::new(),
            counters: Counters::default(),
        };
        let (sender, status) = watch::channel(initial);
        let actor = Actor {
            env,
            document,
            control: Control { commands: commands.downgrade() },
            status: StatusCell::new(sender),
            workers: JoinSet::new(),
            cancel: CancellationToken::new(),
        };
        (Self { commands, status }, actor.run(inbox))
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
    cancel: CancellationToken,
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
            let command = tokio::select! {
                biased;
                command = inbox.recv() => command,
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
                    // Whatever runs is cut off; what it left open on the destination dies of its timeout.
                    self.workers.shutdown().await;
                    let removed = self.env.store.remove_job(&self.document.name, Some(&self.env.owner)).await;
                    match removed {
                        Ok(()) => {
                            info!(job = self.document.name, "deleted");
                            answer(reply, Ok(()));
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
                Some(Command::SetTables { source: (source, name), dest, reply }) => {
                    let mut next = self.document.clone();
                    (next.src.table_id, next.src.table, next.dest.table_id) = (source.get(), name, dest.get());
                    let result = if next == self.document {
                        Ok(())
                    } else {
                        let before = std::mem::replace(&mut self.document, next);
                        let saved = self.save_document().await;
                        if saved.is_err() {
                            self.document = before;
                        }
                        saved
                    };
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
                        Command::Pause(reply) | Command::Resume(reply) | Command::Delete(reply) => {
                            answer(reply, Err(Failure::new(Code::NOT_OWNER, refusal, "")));
                        }
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
        let context = match Context::new(self.env.clone(), &self.document, cell) {
            Ok(context) => Arc::new(context),
            Err(failure) => {
                // Runs and ends at once, so that a halted job has one way of ending.
                self.halt(failure);
                self.workers.spawn(async {});
                return;
            }
        };
        self.workers.spawn(worker::run(context, self.control.clone(), self.cancel.clone()));
    }

    fn halt(&self, failure: Failure) {
        warn!(job = self.document.name, %failure, "halted");
        self.status.halted(failure);
    }

    async fn set_state(&mut self, state: JobState) -> Result<(), Failure> {
        // Written even if nothing seems to change: an earlier write whose answer was lost may have been stored.
        let before = std::mem::replace(&mut self.document.state, state);
        let result = self.save_document().await;
        if result.is_err() {
            self.document.state = before;
        }
        Ok(result?)
    }

    async fn save_document(&self) -> Result<(), StoreError> {
        let text = self.document.to_json();
        self.env.store.update_job(&self.document.name, &self.env.owner, &text).await
    }
}

/// Whoever asked may not wait any more.
fn answer(reply: Reply, result: Result<(), Failure>) {
    reply.send(result).unwrap_or_default();
}
