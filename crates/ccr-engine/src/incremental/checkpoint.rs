//! Moves the durable position: what was committed is looked for on the destination, and only what was seen is claimed.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::Arc,
    time::Duration,
};

use ccr_store::StoreError;
use doris::{
    Dest, Error, Source,
    cluster::{PartitionRow, TxnStatus},
    ids::{CommitSeq, PartitionId, TableId, Version},
};
use futures::{FutureExt, StreamExt, future::BoxFuture};
use tokio::time::Instant;
use tracing::debug;

use super::{
    COPY_AGAIN, Exit, Shared, TableView, partition_text,
    source_watch::{SourceLook, SourceWatch},
};
use crate::{
    job::TxnPhase,
    label,
    ledger::{Applied, Reading, Touched, applied},
    phase::Progress,
    policy::{Code, Failure},
};

/// How often an idle job compares the versions of both sides.
const INTEGRITY_INTERVAL: Duration = Duration::from_secs(10);

/// The writing end of the pipeline.
pub(super) struct Checkpoint {
    shared: Arc<Shared>,
    /// Tables that records were planned for, in order of id: their versions are compared while nothing else goes on.
    views: BTreeMap<TableId<Source>, Arc<TableView>>,
    /// Where the next comparison begins.
    next_compared: Option<TableId<Source>>,
    /// Records in order whose transactions are committed (or that need none), not yet claimed.
    pending: VecDeque<Load>,
    /// When those of them were accepted that wrote rows.
    accepted_at: BTreeMap<CommitSeq, Instant>,
    /// Highest version of each partition whose commit was sent: nothing on the destination may be ahead of it.
    issued: BTreeMap<PartitionId<Source>, Version>,
    step: Step,
    last_save: Instant,
    last_look: Instant,
    /// Pause before the next look, while commits are not visible yet.
    pause: Duration,
    /// When a look last showed something new, or there was nothing to look for.
    last_claim: Instant,
    failed_looks: u32,
    watch: SourceWatch,
}

/// What a record put on the destination.
#[derive(Clone, Debug)]
pub(super) struct Load {
    pub(super) seq: CommitSeq,
    /// The tables that it wrote; none where there was nothing to do.
    pub(super) tables: Vec<Arc<TableView>>,
    pub(super) touched: Touched,
}

impl Load {
    pub(super) fn nothing(seq: CommitSeq) -> Self {
        Self { seq, tables: Vec::new(), touched: Touched::new() }
    }
}

enum Step {
    Idle,
    Looking(BoxFuture<'static, Result<Look, Error>>),
    Saving(BoxFuture<'static, Result<(), StoreError>>),
}

/// Shortest time between two checkpoints, when there is nothing more to gather.
const IDLE_INTERVAL: Duration = Duration::from_millis(100);

/// How long a committed transaction may stay invisible before Doris is asked about it.
const OVERDUE: Duration = Duration::from_secs(10);

/// Looks that fail one after the other before the pipeline ends: what is on its way should not pay for one lost answer.
const FAILED_LOOKS: u32 = 5;

/// Tables that one look is about, at most.
const TABLES_A_LOOK: usize = 64;

/// How many of them are asked for at once.
const LOOKS_AT_ONCE: usize = 8;

/// What a look at the destination brought.
struct Look {
    /// The partitions of each table that was looked at.
    rows: Vec<(Arc<TableView>, Vec<PartitionRow<Dest>>)>,
    overdue: Overdue,
    /// The source tables, where nothing is pending: they are compared then.
    source: Vec<(Arc<TableView>, SourceLook)>,
}

/// The first pending transaction, where it is overdue, as Doris knows it.
enum Overdue {
    NotAsked,
    /// Committed: it can only wait.
    Waiting(CommitSeq),
    /// Said to be visible, or not known any more.
    Over(CommitSeq),
}

const LONGEST_PAUSE: Duration = Duration::from_secs(1);
const FIRST_PAUSE: Duration = Duration::from_millis(10);

impl Checkpoint {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        let now = Instant::now();
        Self {
            shared,
            views: BTreeMap::new(),
            next_compared: None,
            pending: VecDeque::new(),
            accepted_at: BTreeMap::new(),
            issued: BTreeMap::new(),
            step: Step::Idle,
            last_save: now,
            last_look: now,
            pause: FIRST_PAUSE,
            last_claim: now,
            failed_looks: 0,
            watch: SourceWatch::default(),
        }
    }

    /// Records of this table may follow.
    pub(super) fn add(&mut self, view: &Arc<TableView>) {
        self.issued.extend(view.ledger.entries().map(|(partition, entry)| (*partition, entry.verified)));
        self.views.insert(view.id(), Arc::clone(view));
    }

    /// Records that are committed and not yet claimed.
    pub(super) fn pending(&self) -> usize {
        self.pending.len()
    }

    /// A commit is about to be sent.
    pub(super) fn issue(&mut self, touched: &Touched) {
        for (partition, version) in touched {
            let issued = self.issued.entry(*partition).or_insert(*version);
            *issued = (*issued).max(*version);
        }
    }

    /// The next record in order is committed, or needs nothing.
    pub(super) fn committed(&mut self, load: Load) {
        self.issue(&load.touched);
        if self.pending.is_empty() {
            self.last_claim = Instant::now();
        }
        if !load.touched.is_empty() {
            self.accepted_at.insert(load.seq, Instant::now());
        }
        self.pending.push_back(load);
    }

    /// Everything handed over is claimed durably.
    pub(super) fn is_clean(&self) -> bool {
        self.pending.is_empty() && matches!(self.step, Step::Idle)
    }

    /// Takes the next step when it is due. Resolves after each step; cancel-safe. `idle`: nothing else is going on, so
    /// there is no reason to gather more, and the source has said so often that it has nothing more. `sure`: of these tables nothing that a predecessor committed is unknown; of the
    /// others the destination may be ahead.
    pub(super) async fn progress(
        &mut self,
        progress: &mut Progress,
        idle: Option<u64>,
        sure: &Sure,
    ) -> Result<(), Exit> {
        if let Step::Idle = self.step {
            tokio::time::sleep_until(self.due(idle.is_some())).await;
            if self.pending.iter().all(|load| load.touched.is_empty()) && !self.pending.is_empty() {
                return self.claim(progress, &Reading::new());
            }
            self.last_look = Instant::now();
            let first = self.pending.iter().find(|load| !load.touched.is_empty());
            let known = first.is_some_and(|load| load.tables.iter().all(|view| sure.of(view.id())));
            let overdue = self.last_claim.elapsed() > OVERDUE && known;
            let asked = first.map(|load| load.seq).filter(|_| overdue);
            let compare = self.pending.is_empty() && idle.is_some();
            let tables = if self.pending.is_empty() { self.compared() } else { self.pending_tables() };
            self.step = Step::Looking(look(Arc::clone(&self.shared), asked, (tables, compare)).boxed());
        }
        match &mut self.step {
            Step::Idle => Ok(()),
            Step::Looking(call) => {
                let look = call.await;
                self.step = Step::Idle;
                let Look { rows, overdue, source } = match look {
                    Ok(look) => look,
                    Err(error) if self.failed_looks < FAILED_LOOKS => {
                        debug!(job = self.shared.context.name, %error, "a look at the destination failed, looking again");
                        self.failed_looks += 1;
                        self.pause = LONGEST_PAUSE;
                        return Ok(());
                    }
                    Err(error) => return Err(error.into()),
                };
                self.failed_looks = 0;
                let mut reading = Reading::new();
                for (view, rows) in rows {
                    let part = view.ledger.read(&rows).map_err(|gone| view.partition_gone(gone))?;
                    if sure.of(view.id()) {
                        self.check_writers(progress, &view, &part)?;
                    }
                    reading.extend(part);
                }
                for (view, source) in source {
                    if let Some(empty_answers) = idle
                        && self.pending.is_empty()
                        && sure.of(view.id())
                    {
                        self.watch.check(&view, &source, &self.issued, empty_answers)?;
                    }
                }
                self.claim(progress, &reading)?;
                match (&self.step, overdue) {
                    (Step::Idle, Overdue::Over(seq)) if self.pending.iter().any(|load| load.seq == seq) => {
                        Err(self.vanished(seq))
                    }
                    (Step::Idle, Overdue::Waiting(seq)) => {
                        self.shared.context.status.warn(Failure::new(
                            Code::COMMIT,
                            format!("record {seq} is committed to {} and still not visible", self.tables_of(seq)),
                            "look at the destination's backends: they do not publish",
                        ));
                        Ok(())
                    }
                    _ => Ok(()),
                }
            }
            Step::Saving(call) => {
                let saved = call.await;
                self.step = Step::Idle;
                saved?;
                self.last_save = Instant::now();
                self.shared.context.status.checkpointed(progress);
                Ok(())
            }
        }
    }

    /// When the next look is due.
    fn due(&self, idle: bool) -> Instant {
        if self.pending.is_empty() {
            return self.last_look + INTEGRITY_INTERVAL;
        }
        let interval = self.shared.context.env.settings.checkpoint_interval;
        let gathered = self.last_save + if idle { interval.min(IDLE_INTERVAL) } else { interval };
        gathered.max(self.last_look + self.pause)
    }

    /// Claims the prefix of what is pending that the reading shows.
    fn claim(&mut self, progress: &mut Progress, reading: &Reading) -> Result<(), Exit> {
        let mut last = None;
        while let Some(Load { seq, tables, touched }) = self.pending.front() {
            if !touched.is_empty() && applied(reading, touched) != Applied::All {
                break;
            }
            for view in tables {
                if let Some(state) = progress.own.tables.get_mut(&view.id()) {
                    state.ledger.verify(touched);
                }
            }
            last = Some(*seq);
            if let Some(accepted_at) = self.accepted_at.remove(seq) {
                self.shared.context.status.phase(TxnPhase::Visible, accepted_at.elapsed());
            }
            self.pending.pop_front();
        }
        if last.is_some() || self.pending.is_empty() {
            self.last_claim = Instant::now();
        }
        let Some(seq) = last else {
            self.pause = (self.pause * 2).min(LONGEST_PAUSE);
            return Ok(());
        };
        self.pause = FIRST_PAUSE;
        let context = Arc::clone(&self.shared.context);
        let attempted = self.pending.back().map_or(seq, |load| load.seq);
        progress.advance(&*context.env.clock, seq, attempted);
        let document = context.encode(progress)?;
        self.step = Step::Saving(Box::pin(async move {
            let begun = Instant::now();
            context.writer.save(document).await?;
            context.status.persisted(begun.elapsed());
            Ok(())
        }));
        Ok(())
    }

    /// Doris accepted a transaction, has ended it, and the version that it gave is not there.
    fn vanished(&self, seq: CommitSeq) -> Exit {
        let text = format!(
            "record {seq} was committed to {}.{} and its versions are not there: the table was set back or written by somebody else",
            self.shared.context.dest_db,
            self.tables_of(seq)
        );
        let load = self.pending.iter().find(|load| load.seq == seq);
        match load.and_then(|load| load.tables.first()) {
            Some(view) => view.foreign(text),
            None => Exit::Halted(Failure::new(Code::FOREIGN_WRITE, text, COPY_AGAIN)),
        }
    }

    fn tables_of(&self, seq: CommitSeq) -> String {
        let load = self.pending.iter().find(|load| load.seq == seq);
        let names = load.iter().flat_map(|load| &load.tables).map(|view| view.dest_table.clone());
        names.collect::<Vec<_>>().join(", ")
    }

    /// The tables of the first records that are pending.
    fn pending_tables(&self) -> Vec<Arc<TableView>> {
        let mut tables = BTreeMap::new();
        for view in self.pending.iter().flat_map(|load| &load.tables) {
            if tables.len() >= TABLES_A_LOOK && !tables.contains_key(&view.id()) {
                break;
            }
            tables.insert(view.id(), Arc::clone(view));
        }
        tables.into_values().collect()
    }

    /// The tables whose turn it is to be compared with the source.
    fn compared(&mut self) -> Vec<Arc<TableView>> {
        let from = self.next_compared.unwrap_or(TableId::new(i64::MIN));
        let behind = self.views.range(from..);
        let turn: Vec<_> =
            behind.chain(self.views.range(..from)).take(TABLES_A_LOOK).map(|(_, v)| Arc::clone(v)).collect();
        let last = turn.last().map(|view| view.id());
        self.next_compared = last.and_then(|last| {
            let after = (std::ops::Bound::Excluded(last), std::ops::Bound::Unbounded);
            self.views.range(after).next().map(|(id, _)| *id)
        });
        turn
    }

    /// A destination partition that is ahead of everything sent was written by somebody else; one that is behind what was
    /// seen before was set back.
    fn check_writers(&self, progress: &Progress, view: &TableView, reading: &Reading) -> Result<(), Exit> {
        let Some(state) = progress.own.tables.get(&view.id()) else { return Ok(()) };
        // A partition that is gone from the source gets no more loads, and how far a predecessor came is not known any more.
        let there = |partition: &PartitionId<Source>| view.mapping.partitions.contains_key(partition);
        for (partition, version) in reading.iter().filter(|(partition, _)| there(partition)) {
            let issued = self.issued.get(partition).copied().unwrap_or(*version);
            let verified = state.ledger.get(*partition).map_or(*version, |entry| entry.verified);
            if *version > issued || *version < verified {
                let how = if *version > issued { "ahead of" } else { "behind" };
                return Err(view.foreign(format!(
                    "{}.{} is {how} the source ({} stands at version {version} there, {issued} was copied): somebody else wrote to it",
                    self.shared.context.dest_db,
                    view.dest_table,
                    partition_text(*partition),
                )));
            }
        }
        Ok(())
    }
}

/// The tables of which nothing that a predecessor committed is unknown.
#[derive(Debug, Default)]
pub(super) struct Sure {
    all: bool,
    tables: BTreeSet<TableId<Source>>,
}

impl Sure {
    pub(super) fn of(&self, table: TableId<Source>) -> bool {
        self.all || self.tables.contains(&table)
    }

    pub(super) fn add(&mut self, table: TableId<Source>) {
        self.tables.insert(table);
    }

    /// The source has nothing more: a predecessor cannot have seen what comes later.
    pub(super) fn add_all(&mut self) {
        self.all = true;
    }
}

/// Reads the partitions of some tables; before that, where a transaction is overdue, what Doris says of it, and with
/// `compare`, where the source stands.
async fn look(
    shared: Arc<Shared>,
    asked: Option<CommitSeq>,
    (tables, compare): (Vec<Arc<TableView>>, bool),
) -> Result<Look, Error> {
    let (context, dest, db) = (&shared.context, &shared.context.dest, shared.context.dest_db.as_str());
    let overdue = match asked {
        None => Overdue::NotAsked,
        Some(seq) => {
            let label = label::txn_label(&shared.incarnation, shared.label_id, seq);
            let rows = dest.transactions_by_label(db, &label).await?;
            let waiting = rows.iter().any(|row| matches!(row.status, TxnStatus::Committed | TxnStatus::Precommitted));
            // A committed transaction is never forgotten.
            if waiting { Overdue::Waiting(seq) } else { Overdue::Over(seq) }
        }
    };
    let mut source = Vec::new();
    if compare {
        for view in &tables {
            source.push((Arc::clone(view), SourceLook::read(context, view.id()).await?));
        }
    }
    let mut looks = futures::stream::iter(tables.into_iter().map(|view| async move {
        let rows = view.context.dest.partitions(&view.context.dest_db, &view.dest_table).await?;
        Ok::<_, Error>((view, rows))
    }))
    .buffered(LOOKS_AT_ONCE);
    let mut rows = Vec::new();
    while let Some(look) = looks.next().await {
        rows.push(look?);
    }
    drop(looks);
    Ok(Look { rows, overdue, source })
}
