//! A change of the destination table: durable before its first statement, finished by whoever finds it.

use std::{collections::BTreeSet, time::Duration};

use doris::{Dest, ErrorKind, Source, cluster::PartitionRow, error::Effect as Outcome, ids::*, sql::Statement};
use serde::{Deserialize, Serialize};
use tokio::time::Instant;
use tracing::{info, warn};

use super::{Exit, proof::Proof};
use crate::{
    job::{Cause, Context},
    phase::Progress,
    policy::{Action, Code, Failure, rule},
    tables::{CopiedIndex, CopiedIndexes, TableState},
};

/// A change and everything that is needed to finish it, or to see that it is finished.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// The source table that it is about; absent in documents of older versions, which know one.
    #[serde(default)]
    table: Option<TableId<Source>>,
    /// Its record; `None` where it comes before the record that made it necessary.
    pub(super) seq: Option<CommitSeq>,
    /// For people.
    pub(super) what: String,
    pub(super) steps: Vec<Step>,
    pub(super) effect: Effect,
    pub(super) if_refused: IfRefused,
}

/// One statement.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Step {
    sql: String,
    /// How the destination shows that it was executed.
    proof: Proof,
}

/// What is on record after a change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Effect {
    Nothing,
    /// An empty partition came to be on both sides.
    Added {
        source: PartitionId<Source>,
        name: String,
        buckets: u32,
        range: Option<String>,
    },
    /// A source partition turned out to be the counterpart of an empty one.
    Opened {
        source: PartitionId<Source>,
        dest: PartitionId<Dest>,
    },
    Dropped {
        partition: PartitionId<Dest>,
    },
    /// Partitions of these names were replaced by empty ones; the old ids.
    Emptied {
        partitions: BTreeSet<PartitionId<Dest>>,
        names: BTreeSet<String>,
    },
    /// The copy of a new table: its name, and the source's indexes as they were when it was created.
    TableCreated {
        name: String,
        indexes: CopiedIndexes,
    },
    TableDropped,
    TableRenamed {
        name: String,
    },
    /// `new` has the table's name now; `swap`: and the table has that of `new`, else it is gone.
    TableReplaced {
        new: TableId<Source>,
        swap: bool,
    },
    RollupDropped {
        name: String,
    },
    RollupRenamed {
        old: String,
        new: String,
    },
}

/// What a refusal of the destination means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum IfRefused {
    /// The tables would differ: it is copied again.
    Copy,
    /// Loads and rows do not depend on it: the job goes on and says so.
    GoOn,
}

impl Change {
    /// The source table that it is about.
    pub(crate) fn table(&self) -> Option<TableId<Source>> {
        self.table
    }

    /// The record that it is of.
    pub(crate) fn seq(&self) -> Option<CommitSeq> {
        self.seq
    }

    pub(super) fn new(table: TableId<Source>, seq: CommitSeq, what: impl Into<String>) -> Self {
        Self {
            table: Some(table),
            seq: Some(seq),
            what: what.into(),
            steps: Vec::new(),
            effect: Effect::Nothing,
            if_refused: IfRefused::Copy,
        }
    }

    /// A change that perhaps has no record of its own.
    pub(super) fn before_record(table: TableId<Source>, what: String, seq: Option<CommitSeq>) -> Self {
        Self { seq, ..Self::new(table, CommitSeq(-1), what) }
    }

    /// Names the table of a change that an older version wrote down.
    pub(crate) fn of_table(&mut self, table: TableId<Source>) {
        self.table.get_or_insert(table);
    }

    /// A pair of empty partitions goes on record.
    pub(super) fn opened(table: TableId<Source>, source: PartitionId<Source>, dest: PartitionId<Dest>) -> Self {
        let what = format!("the counterpart of partition {source} of the source is {dest}");
        Self::before_record(table, what, None).effect(Effect::Opened { source, dest })
    }

    pub(super) fn step(mut self, statement: &Statement, proof: Proof) -> Self {
        self.steps.push(Step { sql: statement.to_string(), proof });
        self
    }

    pub(super) fn effect(mut self, effect: Effect) -> Self {
        self.effect = effect;
        self
    }

    /// A refusal does no harm to rows.
    pub(super) fn optional(mut self) -> Self {
        self.if_refused = IfRefused::GoOn;
        self
    }
}

/// What this process knows of the change on record; memory only.
#[derive(Debug, Default)]
pub(in crate::incremental) struct Attempt {
    /// Every statement that was sent has been answered. Not so where the change was found: whoever began it may have left a
    /// statement on its way.
    answered: bool,
    /// Refusals in a row.
    refusals: u32,
}

impl Attempt {
    /// A change that nothing was sent for yet.
    pub(in crate::incremental) fn new() -> Self {
        Self { answered: true, refusals: 0 }
    }
}

/// Refusals that are taken for passing before they count.
const PASSING: u32 = 3;

/// How long a statement that a predecessor may have sent is waited for before it is sent again.
const LATE: Duration = Duration::from_secs(5);

/// Where a change is made.
struct Place<'a> {
    context: &'a Context,
    change: &'a Change,
    source: TableId<Source>,
    /// Name of the copy, looked up by its id; `None`: there is none (yet, or any more).
    name: Option<String>,
}

impl Place<'_> {
    /// The table has to be copied again.
    fn copy(&self, cause: Cause, why: impl std::fmt::Display) -> Exit {
        let reason = format!("{}: {why}", self.change.what);
        Exit::resync(cause, self.source, reason, self.change.seq)
    }

    /// The copy's name, where the change needs the copy.
    fn name(&self) -> Result<&str, Exit> {
        self.name.as_deref().ok_or_else(|| {
            if self.context.is_database() {
                return self.copy(Cause::Metadata, "the copy is gone from the destination");
            }
            Exit::refresh(Failure::new(
                Code::TABLE_NOT_FOUND,
                format!("table {}.{} does not exist on the destination", self.context.dest_db, self.context.dest_table),
                "recover the table, or delete the job",
            ))
        })
    }
}

/// Finishes the change on record: statements that the destination does not show yet, then what is on record. `false`: there
/// is none.
pub(in crate::incremental) async fn finish(
    context: &Context,
    progress: &mut Progress,
    attempt: &mut Attempt,
) -> Result<bool, Exit> {
    let Some(change) = progress.own.change.clone() else { return Ok(false) };
    let source = change.table.unwrap_or(context.ids().source_table);
    let name = match progress.own.tables.get(&source) {
        Some(state) => dest_name(context, state.dest).await?,
        None => None,
    };
    let place = Place { context, change: &change, source, name };
    for step in &change.steps {
        carry_out(&place, step, attempt).await?;
    }
    let next = apply(&place, progress).await?;
    context.save(&next).await?;
    *progress = next;
    *attempt = Attempt::default();
    info!(job = context.name, what = change.what, "done on the destination");
    if let Some(seq) = change.seq {
        context.status.committed(seq, false);
        context.status.checkpointed(progress);
    }
    Ok(true)
}

/// Whether the destination shows that a step was done.
async fn shown(place: &Place<'_>, step: &Step) -> Result<bool, Exit> {
    match step.proof.needs_table() {
        true => step.proof.shown(place.context, place.name()?).await,
        false => step.proof.shown(place.context, "").await,
    }
}

async fn carry_out(place: &Place<'_>, step: &Step, attempt: &mut Attempt) -> Result<(), Exit> {
    let (context, change) = (place.context, place.change);
    let begun = Instant::now();
    let mut pause = Duration::from_millis(50);
    loop {
        if shown(place, step).await? {
            return Ok(());
        }
        if attempt.answered || step.proof == Proof::Repeatable || begun.elapsed() >= LATE {
            break;
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(Duration::from_secs(1));
    }
    let error = match context.dest.execute_ddl(step.sql.clone()).await {
        Ok(()) => {
            attempt.answered = true;
            return Ok(());
        }
        Err(error) => error,
    };
    attempt.answered = error.kind.effect() == Outcome::None;
    let passing = match error.kind {
        // What it wants is there, which the proof could not tell.
        ErrorKind::NothingChanged if step.proof == Proof::Repeatable => return Ok(()),
        ErrorKind::ColumnNotFound
        | ErrorKind::IndexNotFound
        | ErrorKind::PartitionNotFound
        | ErrorKind::WrongKind
        | ErrorKind::NothingChanged
        | ErrorKind::AlreadyExists
        | ErrorKind::Refused => false,
        kind => kind.effect() == Outcome::Unknown || rule(kind).action != Action::Halt,
    };
    if passing {
        return Err(error.into());
    }
    if step.proof != Proof::Repeatable && shown(place, step).await? {
        return Ok(());
    }
    attempt.refusals += 1;
    if attempt.refusals <= PASSING {
        return Err(error.into());
    }
    match change.if_refused {
        IfRefused::GoOn => {
            warn!(job = context.name, what = change.what, %error, "the destination refuses a change that rows do not depend on");
            Ok(())
        }
        IfRefused::Copy => Err(place.copy(Cause::Refused, format!("the destination refuses it: {error}"))),
    }
}

/// A destination table's name, looked up by its id; `None`: it is not there.
async fn dest_name(context: &Context, id: TableId<Dest>) -> Result<Option<String>, Exit> {
    let meta = context.dest.get_meta(context.ids().dest_db, Some(&[id])).await?;
    let meta = meta.ok_or_else(|| not_yet("the destination says nothing about its database"))?;
    Ok(meta.tables.into_iter().find(|table| table.id == id).map(|table| table.name))
}

/// The progress after the change.
async fn apply(place: &Place<'_>, progress: &Progress) -> Result<Progress, Exit> {
    let (context, change) = (place.context, place.change);
    let mut next = progress.clone();
    next.own.change = None;
    match &change.effect {
        Effect::TableCreated { name, indexes } => {
            let state = super::create::created(context, change, (place.source, name, indexes)).await?;
            next.own.tables.insert(place.source, state);
        }
        Effect::TableDropped => {
            next.own.tables.remove(&place.source);
        }
        Effect::TableRenamed { name } => {
            if let Some(state) = next.own.tables.get_mut(&place.source) {
                name.clone_into(&mut state.name);
            }
        }
        Effect::TableReplaced { new, swap } => {
            let old_name = next.own.tables.get(&place.source).map(|state| state.name.clone()).unwrap_or_default();
            let new_name = next.own.tables.get(new).map(|state| state.name.clone()).unwrap_or_default();
            if let Some(state) = next.own.tables.get_mut(new) {
                state.name = old_name;
            }
            match next.own.tables.get_mut(&place.source) {
                Some(state) if *swap => state.name = new_name,
                _ => {
                    next.own.tables.remove(&place.source);
                }
            }
        }
        effect => {
            if let Some(state) = next.own.tables.get_mut(&place.source) {
                apply_to(place, effect, state).await?;
            }
        }
    }
    if let Some(seq) = change.seq {
        next.advance(&*context.env.clock, seq, seq);
    }
    Ok(next)
}

/// What a change leaves on record of its table.
async fn apply_to(place: &Place<'_>, effect: &Effect, state: &mut TableState) -> Result<(), Exit> {
    let (context, change) = (place.context, place.change);
    match effect {
        Effect::Added { source, name, buckets, range } => {
            let table = place.name()?;
            let row = partitions(context, table).await?.into_iter().find(|row| row.name == *name);
            let row = row.ok_or_else(|| not_yet(&change.what))?;
            if range.as_ref().is_some_and(|range| *range != row.range) {
                let why = format!("the destination has one of that name with range {}", row.range);
                return Err(place.copy(Cause::Metadata, why));
            }
            let found = buckets_of(context, state.dest, row.id).await?;
            if found.is_some_and(|found| found != *buckets as usize) {
                let why = format!("it has other buckets on the destination than {buckets}");
                return Err(place.copy(Cause::Metadata, why));
            }
            // Of its name, and on record as another one's: names do not agree any more (2.1 and 3.0 record no RENAME).
            if state.fresh.contains(&row.id) || state.ledger.entries().any(|(_, entry)| entry.dest == row.id) {
                return Err(place.copy(Cause::Metadata, "that name is another partition's on the destination"));
            }
            must_be_empty(place.source, &row, table)?;
            state.ledger.open_empty(*source, row.id);
        }
        Effect::Opened { source, dest } => {
            state.fresh.remove(dest);
            state.ledger.open_empty(*source, *dest);
        }
        Effect::Dropped { partition } => {
            state.ledger.forget(*partition);
            state.fresh.remove(partition);
        }
        Effect::Emptied { partitions: old, names } => {
            let table = place.name()?;
            let rows = partitions(context, table).await?;
            for partition in old {
                state.ledger.forget(*partition);
                state.fresh.remove(partition);
            }
            for row in rows.iter().filter(|row| names.contains(&row.name)) {
                must_be_empty(place.source, row, table)?;
                state.fresh.insert(row.id);
            }
        }
        Effect::RollupDropped { name } => state.indexes.retain(|_, index| *index != CopiedIndex::Rollup(name.clone())),
        Effect::RollupRenamed { old, new } => {
            for index in state.indexes.values_mut().filter(|index| **index == CopiedIndex::Rollup(old.clone())) {
                *index = CopiedIndex::Rollup(new.clone());
            }
        }
        Effect::Nothing
        | Effect::TableCreated { .. }
        | Effect::TableDropped
        | Effect::TableRenamed { .. }
        | Effect::TableReplaced { .. } => {}
    }
    Ok(())
}

pub(super) async fn partitions(context: &Context, table: &str) -> Result<Vec<PartitionRow<Dest>>, Exit> {
    Ok(context.dest.partitions(&context.dest_db, table).await?)
}

/// Number of buckets of a destination partition.
async fn buckets_of(
    context: &Context,
    table: TableId<Dest>,
    partition: PartitionId<Dest>,
) -> Result<Option<usize>, Exit> {
    let meta = context.dest.get_meta(context.ids().dest_db, Some(&[table])).await?;
    let partitions = meta.into_iter().flat_map(|db| db.tables).flat_map(|table| table.partitions);
    let partition = partitions.into_iter().find(|found| found.id == partition);
    Ok(partition.and_then(|partition| Some(partition.indexes.first()?.tablets.len())))
}

pub(super) fn not_yet(what: &str) -> Exit {
    Exit::retry(Failure::new(
        Code::METADATA,
        format!("{what}: the destination does not show it"),
        "the job looks again",
    ))
}

/// A partition that nothing was loaded into yet has version 1.
pub(super) fn must_be_empty(source: TableId<Source>, row: &PartitionRow<Dest>, table: &str) -> Result<(), Exit> {
    if row.visible_version == Version(1) {
        return Ok(());
    }
    let text = format!("partition {} of {table} is new and already has version {}", row.name, row.visible_version);
    let failure = Failure::new(Code::FOREIGN_WRITE, text, super::super::COPY_AGAIN);
    Err(Exit::Quarantine { table: source, failure })
}
