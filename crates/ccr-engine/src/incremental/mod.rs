//! The incremental phase: an ordered stream of binlog records becomes transactions on the destination.
//!
//! Stages: *fetch* reads ahead within a byte budget; *plan* decodes, filters and maps; *ingest* begins transactions and has
//! backends pull rows, several at a time; *commit* goes strictly in commit-seq order; *checkpoint* sees the versions on the
//! destination and only then moves the durable position.
//!
//! The pipeline is crash-only: any error ends it, and it begins anew at its checkpoint, where labels and versions tell what
//! was done. Nothing that is only in memory matters for what is applied.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use doris::{
    Dest, Error, Source,
    ids::{CommitSeq, PartitionId, TxnId},
};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::{
    job::{Cause, Context, Control, skipped},
    label::{self, Incarnation},
    ledger::{Applied, Ledger, Touched, applied},
    mapping::{Known, TableMapping},
    phase::{CopiedIndexes, Hole, Own, Progress},
    policy::{Action, Code, Failure, rule},
};

mod checkpoint;
mod ddl;
mod fetch;
mod ingest;
mod pipeline;
mod plan;
mod source_watch;
mod transaction;

pub(crate) use ddl::Change;
pub use ingest::IngestWindows;

/// What to do when the destination table is not what was copied to it.
const COPY_AGAIN: &str =
    "stop whatever else writes to the table, delete the job and create it again with \"allow_table_exists\": true";

/// How a phase ends.
#[derive(Debug)]
pub(crate) enum Exit {
    /// Asked to stop; everything durable is written.
    Cancelled,
    /// The binlog cannot go on from here: copy the table again.
    FullSync { cause: Cause, reason: String },
    /// Something failed; try again as told.
    Failed { failure: Failure, action: Action },
    /// Only an operator can help.
    Halted(Failure),
    /// The phase is complete and durable.
    Done,
}

impl Exit {
    pub(crate) fn retry(failure: Failure) -> Self {
        Self::Failed {
            failure,
            action: Action::Retry { first: Duration::from_millis(200), most: Duration::from_secs(15) },
        }
    }

    pub(crate) fn refresh(failure: Failure) -> Self {
        Self::Failed {
            failure,
            action: Action::RefreshAndRetry { first: Duration::from_millis(200), most: Duration::from_secs(15) },
        }
    }
}

impl From<Error> for Exit {
    fn from(error: Error) -> Self {
        let action = rule(error.kind).action;
        let failure = Failure::from(error);
        match action {
            Action::Halt => Self::Halted(failure),
            action => Self::Failed { failure, action },
        }
    }
}

impl From<ccr_store::StoreError> for Exit {
    fn from(error: ccr_store::StoreError) -> Self {
        use ccr_store::StoreErrorKind as Kind;
        match error.kind {
            // Somebody else owns the job now, or it was deleted: nothing may be written any more.
            Kind::NotOwner | Kind::NotFound | Kind::TooLarge | Kind::Corrupt => Self::Halted(error.into()),
            Kind::Exists | Kind::Unavailable => Self::retry(error.into()),
        }
    }
}

/// What all transactions of one run of the pipeline share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) context: Arc<Context>,
    pub(crate) mapping: Arc<TableMapping>,
    /// Name of the destination table, looked up by its id.
    pub(crate) dest_table: String,
    /// Offsets of the partitions; what is verified moves in the pipeline's own copy.
    pub(crate) ledger: Ledger,
    /// Empty destination partitions that wait for their source partition's first load.
    pub(crate) fresh: BTreeSet<PartitionId<Dest>>,
    /// Indexes of the source that the destination has; empty: all.
    pub(crate) indexes: CopiedIndexes,
    pub(crate) incarnation: Incarnation,
    pub(crate) sync_id: i64,
    /// Different for every run of a pipeline: part of the request ids.
    pub(crate) attempt: u64,
    /// The record that an operator wants skipped, and the id of that request.
    pub(crate) silenced: Option<(CommitSeq, i64)>,
    open: Mutex<BTreeMap<CommitSeq, TxnId<Dest>>>,
    /// A replica was left out of a transaction: it may have moved, or be back.
    stale: AtomicBool,
    begun: Instant,
}

impl Shared {
    pub(crate) fn new(
        context: Arc<Context>,
        (mapping, dest_table): (Arc<TableMapping>, String),
        own: &Own,
        sync_id: i64,
        ledger: Ledger,
    ) -> Self {
        let attempt = context.env.rng.next_u64();
        let pending = context.skip.as_ref().filter(|request| own.answered != Some(request.id));
        let silenced = pending.and_then(|request| Some((request.silenced()?, request.id)));
        Self {
            silenced,
            context,
            mapping,
            dest_table,
            ledger,
            fresh: own.fresh.clone(),
            indexes: own.indexes.clone(),
            incarnation: own.incarnation.clone(),
            sync_id,
            attempt,
            open: Mutex::default(),
            stale: AtomicBool::new(false),
            begun: Instant::now(),
        }
    }

    fn label(&self, seq: CommitSeq) -> String {
        label::txn_label(&self.incarnation, self.sync_id, seq)
    }

    fn opened(&self, seq: CommitSeq, txn: TxnId<Dest>) {
        self.context.open.begun(&self.label(seq), txn);
        self.open.lock().unwrap_or_else(PoisonError::into_inner).insert(seq, txn);
    }

    fn closed(&self, seq: CommitSeq) {
        self.context.open.ended(&self.label(seq));
        self.open.lock().unwrap_or_else(PoisonError::into_inner).remove(&seq);
    }

    /// Whether the mapping should be read again. Not more often than once a minute: a BE may stay away for long.
    fn is_stale(&self) -> bool {
        self.stale.load(Ordering::Relaxed) && self.begun.elapsed() > Duration::from_secs(60)
    }

    /// Transactions that were begun and neither committed nor rolled back.
    fn open(&self) -> BTreeMap<CommitSeq, TxnId<Dest>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// A partition of the ledger is not on the destination any more.
    fn partition_gone(&self, partition: PartitionId<Dest>) -> Exit {
        Exit::Halted(Failure::new(
            Code::FOREIGN_WRITE,
            format!(
                "partition {partition} of {}.{} is gone from the destination: somebody else changed the table",
                self.context.dest_db, self.dest_table
            ),
            COPY_AGAIN,
        ))
    }
}

/// What the pipeline remembers from one run to the next; memory only.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    mapping: Option<(Arc<TableMapping>, String)>,
    /// The record at which the last runs stopped for missing predecessors or metadata, and since when.
    suspect: Option<(CommitSeq, Instant)>,
    /// Left-over copies were looked for.
    tidied: bool,
    change: ddl::Attempt,
    /// A run that failed: the next one finds what it left open by its labels.
    failed: Option<Arc<Shared>>,
}

impl Memory {
    /// Throws cached metadata away.
    pub(crate) fn refresh(&mut self) {
        self.mapping = None;
    }

    /// How long runs have been stopping at this record.
    fn suspect(&mut self, seq: CommitSeq) -> Duration {
        let since = match self.suspect {
            Some((at, since)) if at == seq => since,
            _ => Instant::now(),
        };
        self.suspect = Some((seq, since));
        since.elapsed()
    }

    /// There is no next run: rolls back what the failed one left open.
    pub(crate) async fn roll_back_left_open(&mut self) {
        if let Some(shared) = self.failed.take() {
            pipeline::roll_back_open(&shared).await;
        }
    }
}

/// Runs the incremental phase until it has to end.
pub(crate) async fn run(
    context: &Arc<Context>,
    progress: &mut Progress,
    memory: &mut Memory,
    control: &Control,
    cancel: &CancellationToken,
) -> Exit {
    loop {
        // The job's document was stored and the process ended before it was on record that the copy is of another table.
        if progress.own.source_table.is_some_and(|table| table != context.ids().source_table) {
            return replaced(context);
        }
        // A change that was begun comes before everything: until it is done, the tables do not fit together.
        let finished = tokio::select! {
            biased;
            () = cancel.cancelled() => return Exit::Cancelled,
            finished = ddl::finish(context, progress, &mut memory.change) => finished,
        };
        match finished {
            Ok(true) => memory.refresh(),
            Ok(false) => {}
            Err(exit) => {
                if let Some(seq) = progress.own.change.as_ref().and_then(Change::seq) {
                    context.status.blocked(seq);
                }
                return exit;
            }
        }
        let task = match run_pipeline(context, progress, memory, control, cancel).await {
            Ended::Exit(exit) => return exit,
            Ended::Barrier(shared, task) => (shared, task),
        };
        let begun = tokio::select! {
            biased;
            () = cancel.cancelled() => return Exit::Cancelled,
            begun = begin(progress, memory, control, task) => begun,
        };
        if let Err(exit) = begun {
            return exit;
        }
    }
}

/// The job's table is not the one that was copied.
fn replaced(context: &Context) -> Exit {
    let (db, name) = (&context.source_db, context.source_table());
    Exit::FullSync { cause: Cause::TableReplaced, reason: format!("{db}.{name} is another table now: it was replaced") }
}

/// How a run of the pipeline ended.
enum Ended {
    Exit(Exit),
    /// Everything before the task is on the destination and claimed.
    Barrier(Arc<Shared>, ddl::Task),
}

async fn run_pipeline(
    context: &Arc<Context>,
    progress: &mut Progress,
    memory: &mut Memory,
    control: &Control,
    cancel: &CancellationToken,
) -> Ended {
    let Some(ledger) = progress.own.ledger.clone() else {
        return Ended::Exit(Exit::FullSync {
            cause: Cause::NoVersions,
            reason: "the stored progress has no partition versions".to_owned(),
        });
    };
    let mapping = match &memory.mapping {
        Some(known) => known.clone(),
        None => {
            let found = tokio::select! {
                biased;
                () = cancel.cancelled() => return Ended::Exit(Exit::Cancelled),
                found = load_mapping(context, &progress.own, &ledger, control) => found,
            };
            match found {
                Ok(found) => memory.mapping.insert(found).clone(),
                Err(exit) => return Ended::Exit(exit),
            }
        }
    };
    if !memory.tidied {
        tokio::select! {
            biased;
            () = cancel.cancelled() => return Ended::Exit(Exit::Cancelled),
            () = drop_orphans(context, progress) => memory.tidied = true,
        }
    }
    let shared = Arc::new(Shared::new(Arc::clone(context), mapping, &progress.own, progress.sync_id, ledger));
    match pipeline::run(&shared, progress, memory, cancel).await {
        pipeline::End::Exit(exit) => Ended::Exit(exit),
        pipeline::End::Barrier(task) => Ended::Barrier(shared, task),
    }
}

/// Begins a task: what it comes to is durable when this returns.
async fn begin(
    progress: &mut Progress,
    memory: &mut Memory,
    control: &Control,
    (shared, task): (Arc<Shared>, ddl::Task),
) -> Result<(), Exit> {
    let context = &shared.context;
    let seq = match &task {
        ddl::Task::Record { seq, .. } => Some(*seq),
        _ => None,
    };
    if let ddl::Task::Skip { seq, touched } = task {
        return skip(progress, memory, control, &shared, seq, &touched).await;
    }
    if let Some(seq) = seq {
        context.status.attempting(seq);
    }
    let prepared = ddl::prepare(&shared, &task).await.inspect_err(|_| {
        if let Some(seq) = seq {
            context.status.blocked(seq);
        }
    })?;
    match prepared {
        ddl::Prepared::Nothing => {}
        ddl::Prepared::Change(change) => {
            context.change(progress, |p| p.own.change = Some(change)).await?;
            memory.change = ddl::Attempt::new();
            return Ok(());
        }
        ddl::Prepared::Follow { table, name } => {
            let other = table != context.ids().source_table;
            // Durable before the position moves, or the next start would not know which table it copies.
            control.set_tables(table, &name, context.ids().dest_table).await?;
            context.set_source_table(table, &name);
            memory.refresh();
            if other {
                return Err(replaced(context));
            }
        }
    }
    let clock = &*context.env.clock;
    if let Some(seq) = seq {
        context.change(progress, |p| p.advance(clock, seq, seq)).await?;
        context.status.committed(seq, false);
        context.status.checkpointed(progress);
    }
    Ok(())
}

/// Passes over a record that an operator wants skipped. Nothing is in flight, and everything before it was seen on the
/// destination. Its transaction may have been committed all the same: then it is applied, and nothing is missing.
async fn skip(
    progress: &mut Progress,
    memory: &mut Memory,
    control: &Control,
    shared: &Arc<Shared>,
    seq: CommitSeq,
    touched: &Touched,
) -> Result<(), Exit> {
    let context = &shared.context;
    let Some((_, request)) = shared.silenced.filter(|(silenced, _)| *silenced == seq) else {
        return Ok(());
    };
    let known: Touched =
        touched.iter().copied().filter(|(partition, _)| shared.ledger.get(*partition).is_some()).collect();
    if !known.is_empty() {
        let mut found = if transaction::fence(shared, seq).await? { Applied::All } else { Applied::Nothing };
        if found == Applied::Nothing {
            let rows = context.dest.partitions(&context.dest_db, &shared.dest_table).await?;
            let reading = shared.ledger.read(&rows).map_err(|gone| shared.partition_gone(gone))?;
            let stands = |partition| progress.own.ledger.as_ref().and_then(|ledger| ledger.get(partition));
            let untouched =
                |partition| stands(partition).map(|entry| entry.verified) == reading.get(&partition).copied();
            found = match applied(&reading, &known) {
                Applied::Nothing if !known.iter().all(|(partition, _)| untouched(*partition)) => Applied::Partly,
                found => found,
            };
        }
        match found {
            Applied::Nothing => {}
            Applied::All => {
                // The next run finds it by its label or its versions.
                context.change(progress, |p| p.own.answered = Some(request)).await?;
                control.skip_done(request).await;
                info!(job = context.name, %seq, "the record that was to be skipped is applied already");
                return Ok(());
            }
            Applied::Partly => {
                return Err(Exit::Halted(Failure::new(
                    Code::FOREIGN_WRITE,
                    format!(
                        "{}.{} does not stand where the job left it before record {seq}: somebody else wrote to it",
                        context.dest_db, shared.dest_table
                    ),
                    COPY_AGAIN,
                )));
            }
        }
    }
    // Of several statements that wrote a partition the last one counts.
    let versions = known.into_iter().collect();
    let clock = &*context.env.clock;
    let hole = Hole { seq, versions };
    context.change(progress, |p| p.skip(clock, hole, request)).await?;
    memory.refresh();
    skipped(context, progress, seq);
    control.skip_done(request).await;
    Ok(())
}

/// Drops what a late restore made under a name of an earlier copy. The names are unique and durably ours, and none is the
/// destination table's. What cannot be dropped now is met again at the next start.
async fn drop_orphans(context: &Context, progress: &Progress) {
    if progress.own.aliases.is_empty() {
        return;
    }
    let tables = match context.dest.tables(&context.dest_db).await {
        Ok(tables) => tables,
        Err(error) => return warn!(job = context.name, %error, "left-over copies were not looked for"),
    };
    for orphan in progress.own.aliases.iter().filter(|alias| tables.iter().any(|row| row.name == **alias)) {
        match context.dest.drop_table(&context.dest_db, orphan, true).await {
            Ok(()) => warn!(job = context.name, orphan, "a left-over copy was dropped"),
            Err(error) => warn!(job = context.name, orphan, %error, "a left-over copy could not be dropped"),
        }
    }
}

/// Reads both tables' metadata and pairs them. Also names the destination table as it is called now.
async fn load_mapping(
    context: &Context,
    own: &Own,
    ledger: &Ledger,
    control: &Control,
) -> Result<(Arc<TableMapping>, String), Exit> {
    let ids = context.ids();
    let missing = |side: &str, what: String| {
        Exit::refresh(Failure::new(
            Code::TABLE_NOT_FOUND,
            format!("{what} does not exist on the {side}"),
            "recover the table, or delete the job",
        ))
    };
    let source = context
        .source
        .get_meta(ids.source_db, Some(&[ids.source_table]))
        .await?
        .and_then(|db| db.tables.into_iter().find(|t| t.id == ids.source_table))
        .ok_or_else(|| missing("source", format!("table {}.{}", context.source_db, context.source_table())))?;
    let dest = context
        .dest
        .get_meta(ids.dest_db, Some(&[ids.dest_table]))
        .await?
        .and_then(|db| db.tables.into_iter().find(|t| t.id == ids.dest_table))
        .ok_or_else(|| missing("destination", format!("table {}.{}", context.dest_db, context.dest_table)))?;
    follow_name(context, &source.name, control).await?;
    let source_backends = context.source.backends().await?;
    let dest_backends = context.dest.backends().await?;
    let known = Known { partitions: Some(ledger), indexes: &own.indexes };
    let mapping = TableMapping::pair(&source, &dest, known, (source_backends, dest_backends))
        .map_err(|mismatch| Exit::refresh(Failure::new(Code::METADATA, mismatch.0, COPY_AGAIN)))?;
    Ok((Arc::new(mapping), dest.name))
}

/// 2.1 and 3.0 have no record of a renamed table. While another table has the old name, the record of a replacement is
/// perhaps still ahead: then nothing is done.
async fn follow_name(context: &Context, name: &str, control: &Control) -> Result<(), Exit> {
    let old = context.source_table();
    if name == old {
        return Ok(());
    }
    let namesake = context.source.get_meta_by_name(&context.source_db, Some(&[&old])).await?;
    if namesake.is_none_or(|db| db.tables.iter().all(|table| table.name != old)) {
        info!(job = context.name, old, name, "the source's table has another name");
        let ids = context.ids();
        control.set_tables(ids.source_table, name, ids.dest_table).await?;
        context.set_source_table(ids.source_table, name);
    }
    Ok(())
}

/// A source partition as a person reads it.
fn partition_text(partition: PartitionId<Source>) -> String {
    format!("partition {partition} of the source")
}
