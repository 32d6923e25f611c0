//! One run of the pipeline: the loop that ties the stages together.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
    time::Duration,
};

use doris::ids::{CommitSeq, TxnId};
use futures::{
    FutureExt, StreamExt,
    future::BoxFuture,
    stream::{FuturesOrdered, FuturesUnordered},
};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::debug;

use super::{
    Exit, Memory, Shared,
    checkpoint::Checkpoint,
    ddl::Task,
    fetch::Fetch,
    plan::{self, Planned, Refusal},
    transaction::{self, Prepared},
};
use crate::{
    job::{Cause, TxnPhase},
    ledger::{Continuity, Touched},
    phase::Progress,
    policy::{Code, Failure},
};

/// How long the pipeline begins anew at a record whose predecessor or metadata is missing, before the table is copied
/// again: a record may become visible a little after a later one, and metadata after the record.
const PATIENCE: Duration = Duration::from_secs(30);

/// How many records may be committed and not yet seen on the destination.
const MOST_PENDING: usize = 10_000;

/// How long a stop, or another end of a run, waits for commits to become visible.
const DRAIN_LIMIT: Duration = Duration::from_secs(5);

/// A record on its way through ingest.
type Flight = BoxFuture<'static, (CommitSeq, Touched, Result<Prepared, Exit>)>;

/// A commit on its way.
type Commit = BoxFuture<'static, (CommitSeq, Touched, Result<(), Exit>)>;

/// How a run ends.
#[derive(Debug)]
pub(super) enum End {
    Exit(Exit),
    /// Everything before the task was seen on the destination and is claimed.
    Barrier(Task),
}

impl From<Exit> for End {
    fn from(exit: Exit) -> Self {
        Self::Exit(exit)
    }
}

struct Pipeline {
    shared: Arc<Shared>,
    fetch: Fetch,
    continuity: Continuity,
    flights: FuturesOrdered<Flight>,
    /// Prepared, in order, waiting for the commits before them.
    ready: VecDeque<(CommitSeq, Touched, Prepared)>,
    commit: Option<Commit>,
    /// When the records that are not complete yet were planned.
    planned_at: BTreeMap<CommitSeq, Instant>,
    checkpoint: Checkpoint,
    /// A predecessor may have committed records after our position. Ends at the first record that it had not, or when the
    /// source has nothing more: it cannot have seen what came later.
    doubt: bool,
    /// Why no more records are planned; what was planned before is still finished.
    blocked: Option<End>,
    blocked_at: Instant,
}

/// Runs until the phase has to end.
pub(super) async fn run(
    shared: &Arc<Shared>,
    progress: &mut Progress,
    memory: &mut Memory,
    cancel: &CancellationToken,
) -> End {
    let mut pipeline = Pipeline {
        shared: Arc::clone(shared),
        fetch: Fetch::new(Arc::clone(&shared.context), progress.commit_seq),
        continuity: Continuity::from_ledger(&shared.ledger),
        flights: FuturesOrdered::new(),
        ready: VecDeque::new(),
        commit: None,
        planned_at: BTreeMap::new(),
        checkpoint: Checkpoint::new(Arc::clone(shared), &shared.ledger),
        doubt: true,
        blocked: None,
        blocked_at: Instant::now(),
    };
    let end = match pipeline.drive(progress, memory, cancel).await {
        Ok(end) => end,
        Err(exit) => End::Exit(exit),
    };
    match end {
        // The next run finds what is open by its label; an operator, a new copy or another owner does not.
        End::Exit(Exit::Failed { .. }) => memory.failed = Some(Arc::clone(shared)),
        _ => roll_back_open(shared).await,
    }
    end
}

impl Pipeline {
    async fn drive(
        &mut self,
        progress: &mut Progress,
        memory: &mut Memory,
        cancel: &CancellationToken,
    ) -> Result<End, Exit> {
        loop {
            self.plan(memory);
            self.start_commit();
            // What is committed is claimed if it becomes visible soon; if not, labels and versions tell the next run. A
            // change of the table waits until it is.
            let overdue = self.blocked_at.elapsed() > DRAIN_LIMIT && !matches!(self.blocked, Some(End::Barrier(_)));
            if self.is_empty()
                && (self.checkpoint.is_clean() || overdue)
                && let Some(end) = self.blocked.take()
            {
                return Ok(end);
            }
            let idle = self.is_empty() && self.fetch.head().is_none();
            if idle && self.fetch.drained() {
                self.doubt = false;
            }
            let (doubt, blocked) = (self.doubt, self.blocked.is_some());
            tokio::select! {
                biased;
                () = cancel.cancelled() => return Ok(self.drain(progress).await.into()),
                (seq, touched, outcome) = step(&mut self.commit) => {
                    self.commit = None;
                    outcome.inspect_err(|exit| self.blocked_at(seq, exit))?;
                    self.complete(seq, touched, true);
                }
                Some((seq, touched, outcome)) = self.flights.next() => {
                    let prepared = outcome.inspect_err(|exit| self.blocked_at(seq, exit))?;
                    self.ready.push_back((seq, touched, prepared));
                }
                done = self.checkpoint.progress(progress, idle, doubt) => done?,
                fetched = self.fetch.progress(), if !blocked => match fetched {
                    Ok(()) if idle => self.shared.context.status.moving(),
                    Ok(()) => {}
                    // What is on its way is finished first.
                    Err(exit) => self.block(exit.into()),
                },
            }
        }
    }

    /// The run ends at a record. It is the first in order: what comes out of ingest and commit does so in order.
    fn blocked_at(&self, seq: CommitSeq, exit: &Exit) {
        if let Exit::Failed { .. } | Exit::Halted(_) = exit {
            self.shared.context.status.blocked(seq);
        }
    }

    /// Plans no more records; the first reason counts.
    fn block(&mut self, end: End) {
        if self.blocked.is_none() {
            self.blocked = Some(end);
            self.blocked_at = Instant::now();
        }
    }

    /// Nothing is between plan and checkpoint.
    fn is_empty(&self) -> bool {
        self.flights.is_empty() && self.ready.is_empty() && self.commit.is_none()
    }

    /// Plans records while there is room in flight.
    fn plan(&mut self, memory: &mut Memory) {
        let width = if self.doubt { 1 } else { self.shared.context.env.settings.max_in_flight.max(1) };
        if self.blocked.is_none() && self.shared.is_stale() {
            let why = "replicas were left out of transactions";
            let failure = Failure::new(Code::METADATA, why, "the job reads the metadata again");
            self.block(Exit::refresh(failure).into());
        }
        while self.blocked.is_none()
            && self.checkpoint.pending() < MOST_PENDING
            && self.flights.len() + self.ready.len() + usize::from(self.commit.is_some()) < width
        {
            let Some(record) = self.fetch.head() else { return };
            match plan::plan(&self.shared, record, &mut self.continuity) {
                Ok(planned) => {
                    self.fetch.take();
                    self.shared.context.status.attempting(planned.seq());
                    self.planned_at.insert(planned.seq(), Instant::now());
                    self.launch(planned);
                }
                Err(refusal) => {
                    let seq = record.seq;
                    let end = match refusal {
                        Refusal::Barrier(task) => End::Barrier(task),
                        refusal => {
                            let exit = refuse(&self.shared, memory, seq, refusal);
                            self.blocked_at(seq, &exit);
                            End::Exit(exit)
                        }
                    };
                    self.block(end);
                }
            }
        }
    }

    fn launch(&mut self, planned: Planned) {
        let plan = match planned {
            Planned::Nothing(seq) => {
                self.flights.push_back(async move { (seq, Touched::new(), Ok(Prepared::Applied)) }.boxed());
                return;
            }
            Planned::Txn(plan) => plan,
        };
        let (shared, doubt) = (Arc::clone(&self.shared), self.doubt);
        self.flights.push_back(
            async move {
                let outcome = transaction::prepare(&shared, &plan, doubt).await;
                (plan.seq, plan.touched, outcome)
            }
            .boxed(),
        );
    }

    /// Sends the next commit in order; records that need none are complete at once.
    fn start_commit(&mut self) {
        while self.commit.is_none() {
            let Some((seq, touched, prepared)) = self.ready.pop_front() else { return };
            match prepared {
                Prepared::Applied => self.complete(seq, touched, false),
                Prepared::Ready { txn, rows } => {
                    self.checkpoint.issue(&touched);
                    // The label was free and the versions were not there: nothing after this record was committed either.
                    self.doubt = false;
                    let shared = Arc::clone(&self.shared);
                    self.commit = Some(
                        async move {
                            let begun = Instant::now();
                            let outcome = transaction::commit(&shared, seq, txn, &rows).await;
                            shared.context.status.phase(TxnPhase::Commit, begun.elapsed());
                            (seq, touched, outcome)
                        }
                        .boxed(),
                    );
                }
            }
        }
    }

    fn complete(&mut self, seq: CommitSeq, touched: Touched, committed: bool) {
        self.shared.context.status.committed(seq, committed);
        if let Some(planned_at) = self.planned_at.remove(&seq) {
            self.shared.context.status.handled(planned_at.elapsed());
        }
        self.checkpoint.committed(seq, touched);
    }

    /// A clean stop: nothing new is begun, the commit in flight is awaited, what is committed is claimed.
    async fn drain(&mut self, progress: &mut Progress) -> Exit {
        self.flights = FuturesOrdered::new();
        self.ready.clear();
        let finish = async {
            if self.commit.is_some() {
                let (seq, touched, outcome) = step(&mut self.commit).await;
                self.commit = None;
                if outcome.is_ok() {
                    self.complete(seq, touched, true);
                }
            }
            while !self.checkpoint.is_clean() {
                // What cannot be claimed now is found again by its label.
                if let Err(exit) = self.checkpoint.progress(progress, true, true).await {
                    debug!(?exit, "the last checkpoint of a stop failed");
                    break;
                }
            }
        };
        if tokio::time::timeout(DRAIN_LIMIT, finish).await.is_err() {
            debug!("a stop did not wait any longer for commits to become visible");
        }
        Exit::Cancelled
    }
}

/// Why a record cannot be planned becomes how the run ends.
fn refuse(shared: &Shared, memory: &mut Memory, seq: CommitSeq, refusal: Refusal) -> Exit {
    match refusal {
        Refusal::Exit(exit) => exit,
        // A barrier is no refusal of the run.
        Refusal::Barrier(task) => Exit::retry(Failure::new(Code::METADATA, format!("{task:?} was not begun"), "")),
        Refusal::Gap(gap) => {
            let text = format!(
                "record {seq} gives version {} to {}, whose next version is {}",
                gap.found,
                super::partition_text(gap.partition),
                gap.expected
            );
            if memory.suspect(seq) > PATIENCE {
                return Exit::FullSync { cause: Cause::RecordMissing, reason: format!("{text}: a record is missing") };
            }
            Exit::retry(Failure::new(Code::GAP, text, "a record before it is missing; the job reads again"))
        }
        Refusal::StaleMapping(what) => {
            memory.refresh();
            let text = format!("record {seq} names {what}, which {} does not have on both sides", shared.dest_table);
            if memory.suspect(seq) > PATIENCE {
                return Exit::FullSync { cause: Cause::Metadata, reason: text };
            }
            Exit::refresh(Failure::new(Code::METADATA, text, "the job reads the metadata again"))
        }
    }
}

/// Rolls back what is open, so that nothing of this job waits for its timeout on the destination. Best effort: what
/// remains dies of its timeout.
pub(super) async fn roll_back_open(shared: &Arc<Shared>) {
    let mut calls: FuturesUnordered<_> = shared
        .open()
        .into_iter()
        .map(|(seq, txn): (CommitSeq, TxnId<_>)| async move {
            if let Err(error) = transaction::roll_back(shared, seq, txn, "the job stopped").await {
                debug!(%seq, %txn, %error, "an open transaction was not rolled back");
            }
        })
        .collect();
    let all = async { while calls.next().await.is_some() {} };
    if tokio::time::timeout(DRAIN_LIMIT, all).await.is_err() {
        debug!("open transactions are left to their timeout");
    }
}

/// The outcome of a step that may not be under way.
async fn step<T>(call: &mut Option<BoxFuture<'static, T>>) -> T {
    match call {
        Some(call) => call.await,
        None => std::future::pending().await,
    }
}
