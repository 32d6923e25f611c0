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
    Error, Source,
    ids::{CommitSeq, PartitionId, TableId, TxnId},
};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::{
    job::{Cause, Context, Control, skipped},
    label::{self, Incarnation},
    ledger::{Applied, Touched, applied},
    phase::{Hole, Progress},
    policy::{Action, Code, Failure, rule},
};

mod census;
mod checkpoint;
mod ddl;
mod fetch;
mod ingest;
mod pipeline;
mod plan;
mod source_watch;
mod table;
mod transaction;

pub(crate) use ddl::Change;
pub use ingest::IngestWindows;
pub(crate) use table::TableView;
use table::{Loaded, Pair};

/// What to do when the destination table is not what was copied to it.
const COPY_AGAIN: &str =
    "stop whatever else writes to the table, delete the job and create it again with \"allow_table_exists\": true";

/// Pause between two comparisons of views and names, while nothing differs and while something does.
const CENSUS: Duration = Duration::from_secs(300);
const CENSUS_AGAIN: Duration = Duration::from_secs(10);

/// How a phase ends.
#[derive(Debug)]
pub(crate) enum Exit {
    /// Asked to stop; everything durable is written.
    Cancelled,
    /// The binlog cannot go on from here: copy everything again.
    FullSync { cause: Cause, reason: String },
    /// The records of these tables cannot be applied one by one from here: copy them again, each with the reason.
    /// `stands_for`: a record that is applied when that is done; everything before it is.
    Resync { cause: Cause, tables: BTreeMap<TableId<Source>, String>, stands_for: Option<CommitSeq> },
    /// One table is in a state that only an operator can judge.
    Quarantine { table: TableId<Source>, failure: Failure },
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

    /// Copy one table again.
    pub(crate) fn resync(cause: Cause, table: TableId<Source>, reason: String, stands_for: Option<CommitSeq>) -> Self {
        Self::Resync { cause, tables: BTreeMap::from([(table, reason)]), stands_for }
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
    pub(crate) incarnation: Incarnation,
    /// Part of the labels.
    pub(crate) label_id: i64,
    /// Different for every run of a pipeline: part of the request ids.
    pub(crate) attempt: u64,
    /// The record that an operator wants skipped, and the id of that request.
    pub(crate) silenced: Option<(CommitSeq, i64)>,
    open: Mutex<BTreeMap<CommitSeq, TxnId<doris::Dest>>>,
    /// A replica was left out of a transaction: it may have moved, or be back.
    stale: AtomicBool,
    begun: Instant,
}

impl Shared {
    pub(crate) fn new(context: Arc<Context>, progress: &Progress) -> Self {
        let attempt = context.env.rng.next_u64();
        let pending = context.skip.as_ref().filter(|request| progress.own.answered != Some(request.id));
        let silenced = pending.and_then(|request| Some((request.silenced()?, request.id)));
        Self {
            silenced,
            context,
            incarnation: progress.own.incarnation.clone(),
            label_id: progress.label_id(),
            attempt,
            open: Mutex::default(),
            stale: AtomicBool::new(false),
            begun: Instant::now(),
        }
    }

    fn label(&self, seq: CommitSeq) -> String {
        label::txn_label(&self.incarnation, self.label_id, seq)
    }

    fn opened(&self, seq: CommitSeq, txn: TxnId<doris::Dest>) {
        self.context.open.begun(&self.label(seq), txn);
        self.open.lock().unwrap_or_else(PoisonError::into_inner).insert(seq, txn);
    }

    fn closed(&self, seq: CommitSeq) {
        self.context.open.ended(&self.label(seq));
        self.open.lock().unwrap_or_else(PoisonError::into_inner).remove(&seq);
    }

    /// Whether the mappings should be read again. Not more often than once a minute: a BE may stay away for long.
    fn is_stale(&self) -> bool {
        self.stale.load(Ordering::Relaxed) && self.begun.elapsed() > Duration::from_secs(60)
    }

    /// Transactions that were begun and neither committed nor rolled back.
    fn open(&self) -> BTreeMap<CommitSeq, TxnId<doris::Dest>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// What the pipeline remembers from one run to the next; memory only.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    /// Pairs of tables whose metadata was read.
    pairs: BTreeMap<TableId<Source>, Arc<Pair>>,
    /// Tables whose loads are passed over: asynchronous materialized views, and what is gone from the source.
    passed_over: BTreeSet<TableId<Source>>,
    /// The record at which the last runs stopped for missing predecessors or metadata, and since when.
    suspect: Option<(CommitSeq, Instant)>,
    /// Left-over copies were looked for.
    tidied: bool,
    change: ddl::Attempt,
    census: census::Census,
    /// When views and names were compared last.
    counted: Option<Instant>,
    /// A run that failed: the next one finds what it left open by its labels.
    failed: Option<Arc<Shared>>,
}

impl Memory {
    /// Throws cached metadata away.
    pub(crate) fn refresh(&mut self) {
        self.pairs.clear();
        self.passed_over.clear();
    }

    /// Whether views and names are to be compared: soon after the start, every few minutes, and more often while something
    /// about them waits.
    fn census_is_due(&self) -> bool {
        let pause = if self.census.is_settled() { CENSUS } else { CENSUS_AGAIN };
        self.counted.is_none_or(|counted| counted.elapsed() > pause)
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
        if !context.is_database() && !progress.own.tables.contains_key(&context.ids().source_table) {
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
        let (shared, task) = match run_pipeline(context, progress, memory, control, cancel).await {
            Ended::Exit(exit) => return exit,
            Ended::Barrier(shared, task) => (shared, task),
        };
        let begun = tokio::select! {
            biased;
            () = cancel.cancelled() => return Exit::Cancelled,
            begun = begin(&shared, progress, memory, control, task) => begun,
        };
        if let Err(exit) = begun {
            return exit;
        }
    }
}

/// The job's table is not the one that was copied.
fn replaced(context: &Context) -> Exit {
    let reason = format!("{} is another table now: it was replaced", context.source_text());
    Exit::FullSync { cause: Cause::TableReplaced, reason }
}

/// How a run of the pipeline ended.
enum Ended {
    Exit(Exit),
    /// Everything before the task is on the destination and claimed.
    Barrier(Arc<Shared>, ddl::Task),
}

impl From<Exit> for Ended {
    fn from(exit: Exit) -> Self {
        Self::Exit(exit)
    }
}

async fn run_pipeline(
    context: &Arc<Context>,
    progress: &mut Progress,
    memory: &mut Memory,
    control: &Control,
    cancel: &CancellationToken,
) -> Ended {
    if !context.is_database() {
        // A table job has no business without its table.
        let table = context.ids().source_table;
        let loaded = tokio::select! {
            biased;
            () = cancel.cancelled() => return Exit::Cancelled.into(),
            loaded = table_of(context, progress, memory, table) => loaded,
        };
        let followed = match loaded {
            Ok(Some(view)) => {
                let name = view.mapping.source_name.clone();
                tokio::select! {
                    biased;
                    () = cancel.cancelled() => return Exit::Cancelled.into(),
                    followed = follow_name(context, &name, view.mapping.dest, control) => followed,
                }
            }
            Ok(None) => Ok(()),
            Err(exit) => Err(exit),
        };
        if let Err(exit) = followed {
            return exit.into();
        }
    }
    if !memory.tidied {
        tokio::select! {
            biased;
            () = cancel.cancelled() => return Exit::Cancelled.into(),
            () = drop_orphans(context, progress) => memory.tidied = true,
        }
    }
    let shared = Arc::new(Shared::new(Arc::clone(context), progress));
    match pipeline::run(&shared, progress, memory, cancel).await {
        pipeline::End::Exit(exit) => Ended::Exit(exit),
        pipeline::End::Barrier(task) => Ended::Barrier(shared, task),
    }
}

/// A table of the job with its metadata, from memory or from the clusters. `None`: its loads are passed over.
async fn table_of(
    context: &Arc<Context>,
    progress: &Progress,
    memory: &mut Memory,
    id: TableId<Source>,
) -> Result<Option<TableView>, Exit> {
    let state = progress.own.tables.get(&id);
    let pair = match memory.pairs.get(&id) {
        Some(pair) => Arc::clone(pair),
        None => match table::load(context, id, state).await? {
            Loaded::Pair(pair) => {
                memory.pairs.insert(id, Arc::clone(&pair));
                pair
            }
            Loaded::PassedOver(why) => {
                info!(job = context.name, table = %id, why, "records of a table are passed over");
                memory.passed_over.insert(id);
                return Ok(None);
            }
        },
    };
    Ok(state.map(|state| TableView::new(context, &pair, state)))
}

/// Begins a task: what it comes to is durable when this returns.
async fn begin(
    shared: &Arc<Shared>,
    progress: &mut Progress,
    memory: &mut Memory,
    control: &Control,
    task: ddl::Task,
) -> Result<(), Exit> {
    let context = &shared.context;
    let seq = task.seq();
    if let ddl::Task::Skip { seq, touched } = task {
        return skip(progress, memory, control, shared, seq, &touched).await;
    }
    if let ddl::Task::Census = task {
        memory.counted = Some(Instant::now());
        memory.census.views(context).await?;
        if let Some(change) = memory.census.tables(context, progress).await? {
            context.change(progress, |p| p.own.change = Some(change)).await?;
            memory.change = ddl::Attempt::new();
        }
        return Ok(());
    }
    if let Some(seq) = seq {
        context.status.attempting(seq);
    }
    let prepared = async {
        let view = match task.table() {
            Some(table) if progress.own.tables.contains_key(&table) => {
                table_of(context, progress, memory, table).await?
            }
            _ => None,
        };
        ddl::prepare(context, progress, view.as_ref(), &task).await
    };
    let prepared = prepared.await.inspect_err(|exit| {
        if let (Some(seq), Exit::Failed { .. } | Exit::Halted(_)) = (seq, exit) {
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
        ddl::Prepared::Views { dropped } => {
            if let Some(view) = dropped {
                drop_view(context, &view).await?;
            }
            memory.counted = Some(Instant::now());
            memory.census.views(context).await?;
        }
        ddl::Prepared::Follow { table, name } => {
            let ids = context.ids();
            let dest = progress.own.tables.get(&ids.source_table).map(|state| state.dest);
            // Durable before the position moves, or the next start would not know which table it copies.
            control.set_tables(table, &name, dest.unwrap_or(context.job_table().dest)).await?;
            context.set_source_table(table, &name);
            memory.refresh();
            if table != ids.source_table {
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

/// Drops the copy of a view that the source has not got any more. A table of that name is none.
async fn drop_view(context: &Context, view: &str) -> Result<(), Exit> {
    let named = |rows: Vec<doris::sql::TableRow>| rows.into_iter().any(|row| row.is_view && row.name == view);
    if named(context.source.tables(&context.source_db).await?) || !named(context.dest.tables(&context.dest_db).await?) {
        return Ok(());
    }
    let statement = doris::sql::Statement::DropView { db: context.dest_db.clone(), view: view.to_owned() };
    info!(job = context.name, view, "dropped on the source: its copy is dropped");
    Ok(context.dest.execute(&statement).await?)
}

/// Passes over a record that an operator wants skipped. Nothing is in flight, and everything before it was seen on the
/// destination. Its transaction may have been committed all the same: then it is applied, and nothing is missing.
async fn skip(
    progress: &mut Progress,
    memory: &mut Memory,
    control: &Control,
    shared: &Arc<Shared>,
    seq: CommitSeq,
    touched: &BTreeMap<TableId<Source>, Touched>,
) -> Result<(), Exit> {
    let context = &shared.context;
    let Some((_, request)) = shared.silenced.filter(|(silenced, _)| *silenced == seq) else {
        return Ok(());
    };
    let mut known = Touched::new();
    let mut views = Vec::new();
    for (table, touched) in touched {
        let Some(state) = progress.own.tables.get(table) else { continue };
        let replicated: Touched =
            touched.iter().copied().filter(|(partition, _)| state.ledger.get(*partition).is_some()).collect();
        if replicated.is_empty() {
            continue;
        }
        known.extend(replicated);
        if let Some(view) = table_of(context, progress, memory, *table).await? {
            views.push(Arc::new(view));
        }
    }
    if !known.is_empty() {
        let mut found = if transaction::fence(shared, seq).await? { Applied::All } else { Applied::Nothing };
        if found == Applied::Nothing {
            let reading = transaction::read(&views).await?;
            let untouched = |partition: &PartitionId<Source>| {
                let entry = views.iter().find_map(|view| view.ledger.get(*partition));
                entry.map(|entry| entry.verified) == reading.get(partition).copied()
            };
            found = match applied(&reading, &known) {
                Applied::Nothing if !known.iter().all(|(partition, _)| untouched(partition)) => Applied::Partly,
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
                let names: Vec<_> = views.iter().map(|view| view.dest_table.as_str()).collect();
                return Err(Exit::Halted(Failure::new(
                    Code::FOREIGN_WRITE,
                    format!(
                        "{}.{} does not stand where the job left it before record {seq}: somebody else wrote to it",
                        context.dest_db,
                        names.join(", ")
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

/// 2.1 and 3.0 have no record of a renamed table. While another table has the old name, the record of a replacement is
/// perhaps still ahead: then nothing is done.
async fn follow_name(
    context: &Context,
    name: &str,
    dest: doris::ids::TableId<doris::Dest>,
    control: &Control,
) -> Result<(), Exit> {
    let old = context.source_table();
    if name == old {
        return Ok(());
    }
    let namesake = context.source.get_meta_by_name(&context.source_db, Some(&[&old])).await?;
    if namesake.is_none_or(|db| db.tables.iter().all(|table| table.name != old)) {
        info!(job = context.name, old, name, "the source's table has another name");
        let ids = context.ids();
        control.set_tables(ids.source_table, name, dest).await?;
        context.set_source_table(ids.source_table, name);
    }
    Ok(())
}

/// A source partition as a person reads it.
fn partition_text(partition: PartitionId<Source>) -> String {
    format!("partition {partition} of the source")
}
