//! A change of the destination table: durable before its first statement, finished by whoever finds it.

use std::{collections::BTreeSet, time::Duration};

use doris::{Dest, ErrorKind, Source, cluster::PartitionRow, error::Effect as Outcome, ids::*, sql::Statement};
use serde::{Deserialize, Serialize};
use tokio::time::Instant;
use tracing::{info, warn};

use super::{Exit, proof::Proof};
use crate::{
    job::{Cause, Context},
    phase::{CopiedIndex, Progress},
    policy::{Action, Code, Failure, rule},
};

/// A change and everything that is needed to finish it, or to see that it is finished.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
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
    /// The record that it is of.
    pub(crate) fn seq(&self) -> Option<CommitSeq> {
        self.seq
    }

    pub(super) fn new(seq: CommitSeq, what: impl Into<String>) -> Self {
        Self {
            seq: Some(seq),
            what: what.into(),
            steps: Vec::new(),
            effect: Effect::Nothing,
            if_refused: IfRefused::Copy,
        }
    }

    /// A change that perhaps has no record of its own.
    pub(super) fn before_record(what: String, seq: Option<CommitSeq>) -> Self {
        Self { seq, ..Self::new(CommitSeq(-1), what) }
    }

    /// A pair of empty partitions goes on record.
    pub(super) fn opened(source: PartitionId<Source>, dest: PartitionId<Dest>) -> Self {
        let what = format!("the counterpart of partition {source} of the source is {dest}");
        Self::before_record(what, None).effect(Effect::Opened { source, dest })
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

/// Finishes the change on record: statements that the destination does not show yet, then what is on record. `false`: there
/// is none.
pub(in crate::incremental) async fn finish(
    context: &Context,
    progress: &mut Progress,
    attempt: &mut Attempt,
) -> Result<bool, Exit> {
    let Some(change) = progress.own.change.clone() else { return Ok(false) };
    let table = dest_table(context).await?;
    for step in &change.steps {
        carry_out(context, &table, &change, step, attempt).await?;
    }
    let next = apply(context, &table, &change, progress).await?;
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

async fn carry_out(
    context: &Context,
    table: &str,
    change: &Change,
    step: &Step,
    attempt: &mut Attempt,
) -> Result<(), Exit> {
    let begun = Instant::now();
    let mut pause = Duration::from_millis(50);
    loop {
        if step.proof.shown(context, table).await? {
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
    if step.proof != Proof::Repeatable && step.proof.shown(context, table).await? {
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
        IfRefused::Copy => Err(Exit::FullSync {
            cause: Cause::Refused,
            reason: format!("{}: the destination refuses it: {error}", change.what),
        }),
    }
}

/// The destination table's name, looked up by its id.
async fn dest_table(context: &Context) -> Result<String, Exit> {
    let ids = context.ids();
    let meta = context.dest.get_meta(ids.dest_db, Some(&[ids.dest_table])).await?;
    let table = meta.and_then(|db| db.tables.into_iter().find(|table| table.id == ids.dest_table));
    table.map(|table| table.name).ok_or_else(|| {
        Exit::refresh(Failure::new(
            Code::TABLE_NOT_FOUND,
            format!("table {}.{} does not exist on the destination", context.dest_db, context.dest_table),
            "recover the table, or delete the job",
        ))
    })
}

/// The progress after the change.
async fn apply(context: &Context, table: &str, change: &Change, progress: &Progress) -> Result<Progress, Exit> {
    let mut next = progress.clone();
    next.own.change = None;
    let mut ledger = next.own.ledger.take().unwrap_or_default();
    match &change.effect {
        Effect::Nothing => {}
        Effect::Added { source, name, buckets, range } => {
            let row = partitions(context, table).await?.into_iter().find(|row| row.name == *name);
            let row = row.ok_or_else(|| not_yet(&change.what))?;
            if range.as_ref().is_some_and(|range| *range != row.range) {
                let reason = format!("{}: the destination has one of that name with range {}", change.what, row.range);
                return Err(Exit::FullSync { cause: Cause::Metadata, reason });
            }
            let found = buckets_of(context, row.id).await?;
            if found.is_some_and(|found| found != *buckets as usize) {
                let reason = format!("{}: it has other buckets on the destination than {buckets}", change.what);
                return Err(Exit::FullSync { cause: Cause::Metadata, reason });
            }
            // Of its name, and on record as another one's: names do not agree any more (2.1 and 3.0 record no RENAME).
            if next.own.fresh.contains(&row.id) || ledger.entries().any(|(_, entry)| entry.dest == row.id) {
                let reason = format!("{}: that name is another partition's on the destination", change.what);
                return Err(Exit::FullSync { cause: Cause::Metadata, reason });
            }
            must_be_empty(&row, table)?;
            ledger.open_empty(*source, row.id);
        }
        Effect::Opened { source, dest } => {
            next.own.fresh.remove(dest);
            ledger.open_empty(*source, *dest);
        }
        Effect::Dropped { partition } => {
            ledger.forget(*partition);
            next.own.fresh.remove(partition);
        }
        Effect::Emptied { partitions: old, names } => {
            let rows = partitions(context, table).await?;
            for partition in old {
                ledger.forget(*partition);
                next.own.fresh.remove(partition);
            }
            for row in rows.iter().filter(|row| names.contains(&row.name)) {
                must_be_empty(row, table)?;
                next.own.fresh.insert(row.id);
            }
        }
        Effect::RollupDropped { name } => {
            next.own.indexes.retain(|_, index| *index != CopiedIndex::Rollup(name.clone()))
        }
        Effect::RollupRenamed { old, new } => {
            for index in next.own.indexes.values_mut().filter(|index| **index == CopiedIndex::Rollup(old.clone())) {
                *index = CopiedIndex::Rollup(new.clone());
            }
        }
    }
    next.own.ledger = Some(ledger);
    if let Some(seq) = change.seq {
        next.advance(&*context.env.clock, seq, seq);
    }
    Ok(next)
}

async fn partitions(context: &Context, table: &str) -> Result<Vec<PartitionRow<Dest>>, Exit> {
    Ok(context.dest.partitions(&context.dest_db, table).await?)
}

/// Number of buckets of a destination partition.
async fn buckets_of(context: &Context, partition: PartitionId<Dest>) -> Result<Option<usize>, Exit> {
    let ids = context.ids();
    let meta = context.dest.get_meta(ids.dest_db, Some(&[ids.dest_table])).await?;
    let partitions = meta.into_iter().flat_map(|db| db.tables).flat_map(|table| table.partitions);
    let partition = partitions.into_iter().find(|found| found.id == partition);
    Ok(partition.and_then(|partition| Some(partition.indexes.first()?.tablets.len())))
}

fn not_yet(what: &str) -> Exit {
    Exit::retry(Failure::new(
        Code::METADATA,
        format!("{what}: the destination does not show it"),
        "the job looks again",
    ))
}

/// A partition that nothing was loaded into yet has version 1.
pub(super) fn must_be_empty(row: &PartitionRow<Dest>, table: &str) -> Result<(), Exit> {
    if row.visible_version == Version(1) {
        return Ok(());
    }
    Err(Exit::Halted(Failure::new(
        Code::FOREIGN_WRITE,
        format!("partition {} of {table} is new and already has version {}", row.name, row.visible_version),
        super::super::COPY_AGAIN,
    )))
}
