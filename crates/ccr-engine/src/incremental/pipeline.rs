//! One run of the pipeline: the loop that ties the stages together.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::Arc,
    time::Duration,
};

use doris::{
    Source,
    ids::{CommitSeq, TableId, TxnId},
};
use futures::{FutureExt, StreamExt, future::BoxFuture, stream::FuturesUnordered};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::debug;

use super::{
    Exit, Memory, Shared, TableView,
    checkpoint::{Checkpoint, Load, Sure},
    ddl::Task,
    fetch::Fetch,
    ingest::Ingested,
    plan::{self, Planned, Planner, Refusal, TxnPlan},
    table::{self, Loaded},
    transaction::{self, Prepared},
};
use crate::{
    job::{Cause, TxnPhase},
    ledger::Continuity,
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

/// How far records may be ahead of the first that is not complete, in multiples of those in flight.
const AHEAD: usize = 16;

/// Pause between two tables whose metadata is read ahead of their first record.
const WARM_UP: Duration = Duration::from_secs(1);

/// Something on its way for one record.
type Call<T> = BoxFuture<'static, (CommitSeq, Result<T, Exit>)>;

/// Metadata of tables on its way.
type Loading = BoxFuture<'static, Result<Vec<(TableId<Source>, Loaded)>, Exit>>;

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

/// A record between plan and checkpoint.
struct Slot {
    load: Load,
    planned_at: Instant,
    state: SlotState,
}

enum SlotState {
    Preparing,
    /// All rows are on the destination's backends.
    Ready {
        txn: TxnId<doris::Dest>,
        rows: Ingested,
    },
    Committing,
    /// `committed`: by this run.
    Done {
        committed: bool,
    },
    /// This run ends here; the next one looks what became of it.
    Failed,
}

struct Pipeline {
    shared: Arc<Shared>,
    fetch: Fetch,
    continuity: Continuity,
    views: BTreeMap<TableId<Source>, Arc<TableView>>,
    loading: Option<Loading>,
    next_warm_up: Instant,
    /// In order. Records of one table are committed in this order; independent ones do not wait for each other.
    slots: VecDeque<Slot>,
    preparing: FuturesUnordered<Call<Prepared>>,
    committing: FuturesUnordered<Call<()>>,
    checkpoint: Checkpoint,
    /// A predecessor may have committed records after our position. That ends for a table at its first record that it had
    /// not, or when the source has nothing more: it cannot have seen what came later.
    sure: Sure,
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
    let now = Instant::now();
    let mut pipeline = Pipeline {
        shared: Arc::clone(shared),
        fetch: Fetch::new(Arc::clone(&shared.context), progress.commit_seq),
        continuity: Continuity::default(),
        views: BTreeMap::new(),
        loading: None,
        next_warm_up: now,
        slots: VecDeque::new(),
        preparing: FuturesUnordered::new(),
        committing: FuturesUnordered::new(),
        checkpoint: Checkpoint::new(Arc::clone(shared)),
        sure: Sure::default(),
        blocked: None,
        blocked_at: now,
    };
    let known: Vec<_> = memory.pairs.keys().copied().collect();
    for table in known {
        pipeline.add(progress, memory, table);
    }
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
            self.plan(progress, memory);
            self.start_commits();
            self.complete();
            // What is committed is claimed if it becomes visible soon; if not, labels and versions tell the next run. A
            // change of the table waits until it is.
            let overdue = self.blocked_at.elapsed() > DRAIN_LIMIT && !matches!(self.blocked, Some(End::Barrier(_)));
            if self.is_empty()
                && (self.checkpoint.is_clean() || overdue)
                && let Some(end) = self.blocked.take()
            {
                return Ok(end);
            }
            let idle = self.slots.is_empty() && self.fetch.head().is_none();
            if idle && self.fetch.drained() {
                self.sure.add_all();
                self.warm_up(progress, memory);
                let whole = self.shared.context.is_database() && self.blocked.is_none() && self.checkpoint.is_clean();
                if whole && memory.census_is_due() {
                    return Ok(End::Barrier(Task::Census));
                }
            }
            let blocked = self.blocked.is_some();
            let answers = idle.then(|| self.fetch.empty_answers());
            tokio::select! {
                biased;
                () = cancel.cancelled() => return Ok(self.drain(progress).await.into()),
                Some((seq, outcome)) = self.committing.next() => match outcome {
                    Ok(()) => self.set(seq, SlotState::Done { committed: true }),
                    Err(exit) => self.fail(seq, exit),
                },
                Some((seq, outcome)) = self.preparing.next() => match outcome {
                    Ok(Prepared::Applied) => self.set(seq, SlotState::Done { committed: false }),
                    Ok(Prepared::Ready { txn, rows }) => self.set(seq, SlotState::Ready { txn, rows }),
                    Err(exit) => self.fail(seq, exit),
                },
                loaded = step(&mut self.loading) => {
                    self.loading = None;
                    match loaded {
                        Ok(loaded) => self.loaded(progress, memory, loaded),
                        Err(exit) => self.block(exit.into()),
                    }
                },
                done = self.checkpoint.progress(progress, answers, &self.sure) => done?,
                fetched = self.fetch.progress(), if !blocked => match fetched {
                    Ok(()) if idle => self.shared.context.status.moving(),
                    Ok(()) => {}
                    // What is on its way is finished first.
                    Err(exit) => self.block(exit.into()),
                },
            }
        }
    }

    /// Plans no more records; the first reason counts.
    fn block(&mut self, end: End) {
        if self.blocked.is_none() {
            self.blocked = Some(end);
            self.blocked_at = Instant::now();
        }
    }

    fn set(&mut self, seq: CommitSeq, state: SlotState) {
        if let Ok(at) = self.slots.binary_search_by_key(&seq, |slot| slot.load.seq)
            && let Some(slot) = self.slots.get_mut(at)
        {
            slot.state = state;
        }
    }

    /// A record cannot be finished in this run. What came before it still is.
    fn fail(&mut self, seq: CommitSeq, exit: Exit) {
        let first = self.slots.iter().all(|slot| !matches!(slot.state, SlotState::Failed));
        self.set(seq, SlotState::Failed);
        self.blocked_by(seq, &exit);
        if first {
            // What a later record asked for stands on everything before it being on the destination, and this one is not: the
            // next run meets that record again.
            self.blocked = None;
        }
        // Of several the first record's failure would be the better one, and the next run meets it.
        self.block(exit.into());
    }

    /// The run ends at a record.
    fn blocked_by(&self, seq: CommitSeq, exit: &Exit) {
        let first = self.slots.iter().find(|slot| !matches!(slot.state, SlotState::Done { .. }));
        if let Exit::Failed { .. } | Exit::Halted(_) = exit {
            self.shared.context.status.blocked(first.map_or(seq, |slot| slot.load.seq.min(seq)));
        }
    }

    /// Nothing more will be complete in this run.
    fn is_empty(&self) -> bool {
        let ends = self.slots.front().is_none_or(|slot| matches!(slot.state, SlotState::Failed));
        ends && self.committing.is_empty()
    }

    /// A table's records can be planned from now on, if its metadata is at hand.
    fn add(&mut self, progress: &Progress, memory: &Memory, id: TableId<Source>) {
        if let (Some(pair), Some(state)) = (memory.pairs.get(&id), progress.own.tables.get(&id)) {
            let view = Arc::new(TableView::new(&self.shared.context, pair, state));
            self.continuity.add(&view.ledger);
            self.checkpoint.add(&view);
            self.views.insert(id, view);
        }
    }

    /// Reads metadata of tables, unless that is under way.
    fn load(&mut self, progress: &Progress, tables: BTreeSet<TableId<Source>>) {
        if self.loading.is_some() {
            return;
        }
        let context = Arc::clone(&self.shared.context);
        let tables: Vec<_> = tables.into_iter().map(|id| (id, progress.own.tables.get(&id).cloned())).collect();
        self.loading = Some(
            async move {
                let mut loaded = Vec::new();
                for (id, state) in tables {
                    loaded.push((id, table::load(&context, id, state.as_ref()).await?));
                }
                Ok(loaded)
            }
            .boxed(),
        );
    }

    fn loaded(&mut self, progress: &Progress, memory: &mut Memory, loaded: Vec<(TableId<Source>, Loaded)>) {
        for (id, loaded) in loaded {
            match loaded {
                Loaded::Pair(pair) => {
                    memory.pairs.insert(id, pair);
                    self.add(progress, memory, id);
                }
                Loaded::PassedOver(why) => {
                    debug!(job = self.shared.context.name, table = %id, why, "records of a table are passed over");
                    memory.passed_over.insert(id);
                }
            }
        }
    }

    /// Caught up: tables that no record came for are looked at as well, one after the other.
    fn warm_up(&mut self, progress: &Progress, memory: &Memory) {
        if self.next_warm_up > Instant::now() || self.blocked.is_some() {
            return;
        }
        self.next_warm_up = Instant::now() + WARM_UP;
        let cold = progress.own.tables.iter().find(|(id, state)| {
            state.standing.is_in_step() && !self.views.contains_key(id) && !memory.passed_over.contains(id)
        });
        if let Some((id, _)) = cold {
            self.load(progress, BTreeSet::from([*id]));
        }
    }

    /// Plans records while there is room in flight.
    fn plan(&mut self, progress: &Progress, memory: &mut Memory) {
        let width = self.shared.context.env.settings.max_in_flight.max(1);
        if self.blocked.is_none() && self.shared.is_stale() {
            let why = "replicas were left out of transactions";
            let failure = Failure::new(Code::METADATA, why, "the job reads the metadata again");
            self.block(Exit::refresh(failure).into());
        }
        while self.blocked.is_none()
            && self.checkpoint.pending() < MOST_PENDING
            && self.slots.len() < width * AHEAD
            && self.in_flight() < width
        {
            let Some(record) = self.fetch.head() else { return };
            let planner = Planner {
                context: &self.shared.context,
                progress,
                views: &self.views,
                passed_over: &memory.passed_over,
                silenced: self.shared.silenced.map(|(seq, _)| seq),
            };
            match plan::plan(planner, record, &mut self.continuity) {
                Ok(planned) => {
                    if let Planned::Txn(plan) = &planned
                        && self.must_wait(plan)
                    {
                        self.continuity.take_back();
                        return;
                    }
                    self.fetch.take();
                    self.shared.context.status.attempting(planned.seq());
                    self.launch(planned);
                }
                Err(Refusal::Load(tables)) => {
                    for table in &tables {
                        self.add(progress, memory, *table);
                    }
                    let missing: BTreeSet<_> =
                        tables.into_iter().filter(|table| !self.views.contains_key(table)).collect();
                    if !missing.is_empty() {
                        return self.load(progress, missing);
                    }
                }
                Err(Refusal::Barrier(task)) => self.block(End::Barrier(task)),
                Err(refusal) => {
                    let seq = record.seq;
                    let exit = refuse(memory, seq, refusal);
                    self.blocked_by(seq, &exit);
                    self.block(exit.into());
                }
            }
        }
    }

    /// Records that are not on the destination yet.
    fn in_flight(&self) -> usize {
        self.slots.iter().filter(|slot| !matches!(slot.state, SlotState::Done { .. })).count()
    }

    /// Whether the record must be alone: a predecessor may have committed it, and those before it of the same table.
    fn must_wait(&self, plan: &TxnPlan) -> bool {
        plan.tables.iter().any(|view| {
            !self.sure.of(view.id())
                && self.slots.iter().any(|slot| {
                    !matches!(slot.state, SlotState::Done { .. })
                        && slot.load.tables.iter().any(|other| other.id() == view.id())
                })
        })
    }

    fn launch(&mut self, planned: Planned) {
        let planned_at = Instant::now();
        let plan = match planned {
            Planned::Nothing(seq) => {
                let state = SlotState::Done { committed: false };
                return self.slots.push_back(Slot { load: Load::nothing(seq), planned_at, state });
            }
            Planned::Txn(plan) => plan,
        };
        let load = Load { seq: plan.seq, tables: plan.tables.clone(), touched: plan.touched.clone() };
        let doubt = plan.tables.iter().any(|view| !self.sure.of(view.id()));
        let shared = Arc::clone(&self.shared);
        self.slots.push_back(Slot { load, planned_at, state: SlotState::Preparing });
        self.preparing.push(
            async move {
                let outcome = transaction::prepare(&shared, &plan, doubt).await;
                (plan.seq, outcome)
            }
            .boxed(),
        );
    }

    /// Sends the commits whose turn it is: of each table in order.
    fn start_commits(&mut self) {
        let mut busy = BTreeSet::new();
        for slot in &mut self.slots {
            if matches!(slot.state, SlotState::Done { .. }) {
                continue;
            }
            let free = slot.load.tables.iter().all(|view| !busy.contains(&view.id()));
            busy.extend(slot.load.tables.iter().map(|view| view.id()));
            if !free || !matches!(slot.state, SlotState::Ready { .. }) {
                continue;
            }
            let SlotState::Ready { txn, rows } = std::mem::replace(&mut slot.state, SlotState::Committing) else {
                continue;
            };
            self.checkpoint.issue(&slot.load.touched);
            for view in &slot.load.tables {
                // The label was free and the versions were not there: nothing after this record was committed either.
                self.sure.add(view.id());
            }
            let (shared, seq) = (Arc::clone(&self.shared), slot.load.seq);
            self.committing.push(
                async move {
                    let begun = Instant::now();
                    let outcome = transaction::commit(&shared, seq, txn, &rows).await;
                    shared.context.status.phase(TxnPhase::Commit, begun.elapsed());
                    (seq, outcome)
                }
                .boxed(),
            );
        }
    }

    /// Hands the records that are complete, and all before them, to the checkpoint.
    fn complete(&mut self) {
        while let Some(Slot { state: SlotState::Done { .. }, .. }) = self.slots.front() {
            let Some(slot) = self.slots.pop_front() else { return };
            let committed = matches!(slot.state, SlotState::Done { committed: true });
            let status = &self.shared.context.status;
            status.committed(slot.load.seq, committed);
            status.handled(slot.planned_at.elapsed());
            self.checkpoint.committed(slot.load);
        }
    }

    /// A clean stop: nothing new is begun, the commits in flight are awaited, what is committed is claimed.
    async fn drain(&mut self, progress: &mut Progress) -> Exit {
        self.preparing = FuturesUnordered::new();
        self.loading = None;
        let finish = async {
            while let Some((seq, outcome)) = self.committing.next().await {
                self.set(seq, if outcome.is_ok() { SlotState::Done { committed: true } } else { SlotState::Failed });
            }
            self.complete();
            // Of what is left nothing is claimed: the destination may be ahead.
            let unsure = Sure::default();
            while !self.checkpoint.is_clean() {
                // What cannot be claimed now is found again by its label.
                if let Err(exit) = self.checkpoint.progress(progress, Some(0), &unsure).await {
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
fn refuse(memory: &mut Memory, seq: CommitSeq, refusal: Refusal) -> Exit {
    match refusal {
        Refusal::Exit(exit) => exit,
        // No refusals of the run.
        Refusal::Barrier(_) | Refusal::Load(_) => {
            Exit::retry(Failure::new(Code::METADATA, format!("record {seq} was not begun"), ""))
        }
        Refusal::Gap(table, gap) => {
            let text = format!(
                "record {seq} gives version {} to {}, whose next version is {}",
                gap.found,
                super::partition_text(gap.partition),
                gap.expected
            );
            if memory.suspect(seq) > PATIENCE {
                return Exit::resync(Cause::RecordMissing, table, format!("{text}: a record is missing"), None);
            }
            Exit::retry(Failure::new(Code::GAP, text, "a record before it is missing; the job reads again"))
        }
        Refusal::StaleMapping(table, what) => {
            memory.pairs.remove(&table);
            let text = format!("record {seq} names {what}, which the two sides of its table do not both have");
            if memory.suspect(seq) > PATIENCE {
                return Exit::resync(Cause::Metadata, table, text, None);
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
