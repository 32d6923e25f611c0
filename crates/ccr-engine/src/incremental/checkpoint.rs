//! Moves the durable position: what was committed is looked for on the destination, and only what was seen is claimed.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
    time::Duration,
};

use ccr_store::StoreError;
use doris::{
    Dest, Error, Source,
    cluster::{PartitionRow, TxnStatus},
    ids::{CommitSeq, PartitionId, Version},
};
use futures::{FutureExt, future::BoxFuture};
use tokio::time::Instant;
use tracing::debug;

use super::{
    COPY_AGAIN, Exit, Shared, partition_text,
    source_watch::{SourceLook, SourceWatch},
};
use crate::{
    job::TxnPhase,
    label,
    ledger::{Applied, Ledger, Reading, Touched, applied},
    phase::Progress,
    policy::{Code, Failure},
};

/// How often an idle job compares the versions of both sides.
const INTEGRITY_INTERVAL: Duration = Duration::from_secs(10);

/// The writing end of the pipeline.
pub(super) struct Checkpoint {
    shared: Arc<Shared>,
    /// Records in order whose transactions are committed (or that need none), not yet claimed.
    pending: VecDeque<(CommitSeq, Touched)>,
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

/// What a look at the destination brought.
struct Look {
    rows: Vec<PartitionRow<Dest>>,
    overdue: Overdue,
    /// The source table, where nothing is pending: it is compared then.
    source: Option<SourceLook>,
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
    pub(super) fn new(shared: Arc<Shared>, ledger: &Ledger) -> Self {
        let now = Instant::now();
        Self {
            shared,
            pending: VecDeque::new(),
            accepted_at: BTreeMap::new(),
            issued: ledger.entries().map(|(partition, entry)| (*partition, entry.verified)).collect(),
            step: Step::Idle,
            last_save: now,
            last_look: now,
            pause: FIRST_PAUSE,
            last_claim: now,
            failed_looks: 0,
            watch: SourceWatch::default(),
        }
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
    pub(super) fn committed(&mut self, seq: CommitSeq, touched: Touched) {
        self.issue(&touched);
        if self.pending.is_empty() {
            self.last_claim = Instant::now();
        }
        if !touched.is_empty() {
            self.accepted_at.insert(seq, Instant::now());
        }
        self.pending.push_back((seq, touched));
    }

    /// Everything handed over is claimed durably.
    pub(super) fn is_clean(&self) -> bool {
        self.pending.is_empty() && matches!(self.step, Step::Idle)
    }

    /// Takes the next step when it is due. Resolves after each step; cancel-safe. `idle`: nothing else is going on, so
    /// there is no reason to gather more. `doubt`: the destination may be ahead by what a predecessor committed.
    pub(super) async fn progress(&mut self, progress: &mut Progress, idle: bool, doubt: bool) -> Result<(), Exit> {
        if let Step::Idle = self.step {
            tokio::time::sleep_until(self.due(idle)).await;
            if self.pending.iter().all(|(_, touched)| touched.is_empty()) && !self.pending.is_empty() {
                return self.claim(progress, &Reading::new());
            }
            self.last_look = Instant::now();
            let overdue = self.last_claim.elapsed() > OVERDUE && !doubt;
            let asked =
                self.pending.iter().find(|(_, touched)| !touched.is_empty()).map(|(seq, _)| *seq).filter(|_| overdue);
            let source = self.pending.is_empty() && idle;
            self.step = Step::Looking(look(Arc::clone(&self.shared), asked, source).boxed());
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
                let reading = self.shared.ledger.read(&rows).map_err(|gone| self.shared.partition_gone(gone))?;
                if !doubt {
                    self.check_writers(progress, &reading)?;
                    if let Some(source) = source.filter(|_| self.pending.is_empty()) {
                        self.watch.check(&self.shared, &source, &self.issued)?;
                    }
                }
                self.claim(progress, &reading)?;
                match (&self.step, overdue) {
                    (Step::Idle, Overdue::Over(seq)) if self.pending.iter().any(|(at, _)| *at == seq) => {
                        Err(self.vanished(seq))
                    }
                    (Step::Idle, Overdue::Waiting(seq)) => {
                        self.shared.context.status.warn(Failure::new(
                            Code::COMMIT,
                            format!("record {seq} is committed to {} and still not visible", self.shared.dest_table),
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
        while let Some((seq, touched)) = self.pending.front() {
            if !touched.is_empty() && applied(reading, touched) != Applied::All {
                break;
            }
            if let Some(ledger) = &mut progress.own.ledger {
                ledger.verify(touched);
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
        let attempted = self.pending.back().map_or(seq, |(seq, _)| *seq);
        progress.advance(&*context.env.clock, seq, attempted);
        let document = context.encode(progress)?;
        self.step = Step::Saving(Box::pin(async move {
            let begun = Instant::now();
            context.env.store.save_progress(&context.name, &context.env.owner, &document).await?;
            context.status.persisted(begun.elapsed());
            Ok(())
        }));
        Ok(())
    }

    /// Doris accepted a transaction, has ended it, and the version that it gave is not there.
    fn vanished(&self, seq: CommitSeq) -> Exit {
        Exit::Halted(Failure::new(
            Code::FOREIGN_WRITE,
            format!(
                "record {seq} was committed to {}.{} and its versions are not there: the table was set back or written by somebody else",
                self.shared.context.dest_db, self.shared.dest_table
            ),
            COPY_AGAIN,
        ))
    }

    /// A destination partition that is ahead of everything sent was written by somebody else; one that is behind what was
    /// seen before was set back.
    fn check_writers(&self, progress: &Progress, reading: &Reading) -> Result<(), Exit> {
        let Some(ledger) = &progress.own.ledger else { return Ok(()) };
        // A partition that is gone from the source gets no more loads, and how far a predecessor came is not known any more.
        let there = |partition: &PartitionId<Source>| self.shared.mapping.partitions.contains_key(partition);
        for (partition, version) in reading.iter().filter(|(partition, _)| there(partition)) {
            let issued = self.issued.get(partition).copied().unwrap_or(*version);
            let verified = ledger.get(*partition).map_or(*version, |entry| entry.verified);
            if *version > issued || *version < verified {
                let how = if *version > issued { "ahead of" } else { "behind" };
                return Err(Exit::Halted(Failure::new(
                    Code::FOREIGN_WRITE,
                    format!(
                        "{}.{} is {how} the source ({} stands at version {version} there, {issued} was copied): somebody else wrote to it",
                        self.shared.context.dest_db,
                        self.shared.dest_table,
                        partition_text(*partition),
                    ),
                    COPY_AGAIN,
                )));
            }
        }
        Ok(())
    }
}

/// Reads the partitions; before that, where a transaction is overdue, what Doris says of it, and with `source`, where the
/// source stands.
async fn look(shared: Arc<Shared>, asked: Option<CommitSeq>, source: bool) -> Result<Look, Error> {
    let (dest, db) = (&shared.context.dest, shared.context.dest_db.as_str());
    let overdue = match asked {
        None => Overdue::NotAsked,
        Some(seq) => {
            let label = label::txn_label(&shared.incarnation, shared.sync_id, seq);
            let rows = dest.transactions_by_label(db, &label).await?;
            let waiting = rows.iter().any(|row| matches!(row.status, TxnStatus::Committed | TxnStatus::Precommitted));
            // A committed transaction is never forgotten.
            if waiting { Overdue::Waiting(seq) } else { Overdue::Over(seq) }
        }
    };
    let source = if source { Some(SourceLook::read(&shared.context).await?) } else { None };
    Ok(Look { rows: dest.partitions(db, &shared.dest_table).await?, overdue, source })
}
