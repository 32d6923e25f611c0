//! Records that are no loads: changes of the table and of its partitions, columns and indexes.
//!
//! A change is a barrier: everything before it is on the destination, seen there and claimed, before it begins, and nothing
//! after it is planned before it is done. Its intent is durable before the first statement is sent. So whoever finds one,
//! after whatever happened, asks the destination whether it was done ([`proof`]) before a statement is sent again.
//!
//! One file a family: what a record means for the table (`scope`) and what is to be done (`prepare`).

use std::collections::BTreeMap;

use doris::{
    Dest, Source,
    binlog::{CreatedKind, Record},
    ids::*,
    rpc::BinlogType,
};

use super::{Exit, TableView, partition_text, plan::Planner};
use crate::{
    job::{Cause, Context},
    ledger::Touched,
    phase::Progress,
};

mod alter_job;
mod change;
mod columns;
mod create;
mod indexes;
mod partitions;
mod proof;
mod properties;
mod tables;

pub(crate) use change::Change;
pub(super) use change::{Attempt, finish};
pub(super) use tables::follow;

/// What a record means.
#[derive(Debug)]
pub(super) enum Scope {
    /// Nothing.
    Nothing,
    /// A change of the destination, or of what is on record.
    Change,
    /// Only a copy gives the same table.
    Copy(String),
}

/// Something that nothing may be in flight for.
#[derive(Debug)]
pub(super) enum Task {
    Record {
        seq: CommitSeq,
        kind: BinlogType,
        record: Box<Record>,
    },
    /// A source partition was loaded for the first time since its counterpart was emptied.
    OpenPartition {
        table: TableId<Source>,
        source: PartitionId<Source>,
        dest: PartitionId<Dest>,
    },
    /// Views and names are compared: something about them is due.
    Census,
    /// An operator wants this record skipped. The versions that it gave to partitions of tables.
    Skip {
        seq: CommitSeq,
        touched: BTreeMap<TableId<Source>, Touched>,
    },
    /// A rollup of the destination is gone from the source. Its drop lies ahead, and loads before that have nothing for it.
    DropVanishedRollup {
        table: TableId<Source>,
        index: IndexId<Source>,
    },
}

impl Task {
    /// The record that is done with it.
    pub(super) fn seq(&self) -> Option<CommitSeq> {
        match self {
            Self::Record { seq, .. } | Self::Skip { seq, .. } => Some(*seq),
            Self::OpenPartition { .. } | Self::DropVanishedRollup { .. } | Self::Census => None,
        }
    }

    /// The table that it is about.
    pub(super) fn table(&self) -> Option<TableId<Source>> {
        match self {
            Self::Record { record, .. } => record.table(),
            Self::Skip { .. } | Self::Census => None,
            Self::OpenPartition { table, .. } | Self::DropVanishedRollup { table, .. } => Some(*table),
        }
    }
}

/// What a task comes to.
#[derive(Debug)]
pub(super) enum Prepared {
    /// The record is done.
    Nothing,
    Change(Change),
    /// Views are to be looked at; the one of this name is gone from the source.
    Views {
        dropped: Option<String>,
    },
    /// A table job goes on with another table of the source, or with its table under another name.
    Follow {
        table: TableId<Source>,
        name: String,
    },
}

/// What a record means. UPSERT, DUMMY and unknown types are not asked for here.
pub(super) fn scope(planner: Planner<'_>, kind: BinlogType, seq: CommitSeq, record: &Record) -> Scope {
    let Some(table) = record.table() else { return Scope::Nothing };
    let state = planner.progress.own.tables.get(&table);
    let covered = state.is_some_and(|state| seq <= state.floor);
    if !planner.context.is_database() {
        // The stream is the table's; what it says of others (after a restart of its FE also their creation) is their concern.
        return match record {
            _ if table != planner.context.ids().source_table || covered => Scope::Nothing,
            // Views and databases are nothing to a table.
            Record::CreateTable(_) | Record::ModifyView(_) => Scope::Nothing,
            Record::DropTable(_) | Record::ReplaceTable(_) => Scope::Change,
            record => of_table(kind, seq, record),
        };
    }
    match record {
        Record::CreateTable(create) => {
            if covered {
                Scope::Nothing
            } else {
                create::scope(create)
            }
        }
        Record::DropTable(_) if state.is_some() && !covered => Scope::Change,
        // 2.1 and 3.0 do not say that it was a view.
        Record::DropTable(drop) if state.is_none() && drop.is_view != Some(false) => Scope::Change,
        Record::ModifyView(_) => Scope::Change,
        // What both tables stand for is looked at when it is done.
        Record::ReplaceTable(_) => Scope::Change,
        Record::Recover(_) if !covered => Scope::Change,
        record => match state {
            Some(state) if state.standing.is_in_step() && !covered => of_table(kind, seq, record),
            _ => Scope::Nothing,
        },
    }
}

/// What a record means for its table.
fn of_table(kind: BinlogType, seq: CommitSeq, record: &Record) -> Scope {
    let copy = |why: &str| Scope::Copy(format!("record {seq} ({kind}) {why}; the table is copied again"));
    match record {
        Record::AddPartition(p) if p.is_temp => Scope::Nothing,
        Record::DropPartition(p) if p.is_temp => Scope::Nothing,
        Record::AddPartition(_) | Record::DropPartition(_) => Scope::Change,
        Record::ReplacePartitions(_) => copy("put temporary partitions into place, which are not copied"),
        Record::AlterJob(job) => alter_job::scope(job).unwrap_or_else(|why| copy(&why)),
        Record::ModifyColumns(_) | Record::RenameColumn(_) | Record::ModifyComment(_) => Scope::Change,
        Record::ModifyTableProperties(change) => properties::scope(change),
        Record::ModifyBuckets(_) | Record::SetRandomDistribution { .. } => Scope::Change,
        Record::ModifyIndexes(change) => indexes::scope(change).unwrap_or_else(|why| copy(&why)),
        Record::IndexJob(job) => indexes::scope_of_job(job),
        Record::DropRollup(_) | Record::Rename(_) | Record::Truncate(_) => Scope::Change,
        Record::Recover(_) => copy("brought something back from the recycle bin"),
        // Replicas and media of partitions are the destination's own affair.
        Record::ModifyPartitions(_)
        | Record::Barrier(_)
        | Record::CreateTable(_)
        | Record::DropTable(_)
        | Record::ReplaceTable(_)
        | Record::ModifyView(_)
        | Record::AlterDatabase(_)
        | Record::Upsert(_)
        | Record::Dummy
        | Record::Unknown { .. } => Scope::Nothing,
    }
}

/// What is to be done for a task, as the destination stands now. `view`: its table, where the job copies it and both sides
/// have it.
pub(super) async fn prepare(
    context: &Context,
    progress: &Progress,
    view: Option<&TableView>,
    task: &Task,
) -> Result<Prepared, Exit> {
    let (seq, kind, record) = match (task, view) {
        (Task::Record { seq, kind, record }, _) => (*seq, *kind, record.as_ref()),
        (Task::OpenPartition { source, dest, .. }, Some(view)) => return partitions::open(view, *source, *dest).await,
        (Task::DropVanishedRollup { index, .. }, Some(view)) => return indexes::drop_vanished(view, *index),
        (Task::Skip { .. } | Task::Census, _) => return Ok(Prepared::Nothing),
        // It is gone from the source meanwhile.
        (Task::OpenPartition { .. } | Task::DropVanishedRollup { .. }, None) => return Ok(Prepared::Nothing),
    };
    if context.is_database() {
        match record {
            Record::CreateTable(create) if create.kind() == CreatedKind::View => {
                return Ok(Prepared::Views { dropped: None });
            }
            Record::ModifyView(_) => return Ok(Prepared::Views { dropped: None }),
            Record::CreateTable(create) => return create::create(context, seq, create).await,
            Record::DropTable(drop) if !progress.own.tables.contains_key(&drop.table) => {
                return Ok(Prepared::Views { dropped: drop.table_name.clone() });
            }
            Record::DropTable(drop) => return tables::drop(context, progress, seq, drop).await,
            Record::ReplaceTable(replace) => return tables::replace(context, progress, seq, replace).await,
            Record::Recover(recover) => return tables::recover(context, progress, seq, recover).await,
            Record::Rename(rename) if rename.new_table.is_some() => {
                return tables::rename(context, progress, seq, rename).await;
            }
            _ => {}
        }
    }
    // It is gone from the source: its end lies ahead.
    let Some(view) = view else { return Ok(Prepared::Nothing) };
    if let Scope::Copy(reason) = of_table(kind, seq, record) {
        return Err(Exit::resync(Cause::Change, view.id(), reason, Some(seq)));
    }
    match record {
        Record::AddPartition(add) => partitions::add(view, seq, add).await,
        Record::DropPartition(drop) => partitions::drop(view, seq, drop).await,
        Record::Truncate(truncate) => partitions::truncate(view, seq, truncate).await,
        Record::Rename(rename) if rename.new_table.is_some() => Ok(tables::renamed(rename)),
        Record::Rename(rename) if rename.new_partition.is_some() => partitions::rename(view, seq, rename).await,
        Record::Rename(rename) => indexes::rename_rollup(view, seq, rename),
        Record::DropTable(_) => tables::dropped(view).await,
        Record::ReplaceTable(replace) => tables::replaced(view, replace),
        Record::ModifyColumns(change) => columns::modify(view, seq, change),
        Record::RenameColumn(rename) => Ok(columns::rename(view, seq, rename)),
        Record::ModifyComment(change) => Ok(columns::comment(view, seq, change)),
        Record::ModifyTableProperties(change) => Ok(properties::set(view, seq, change)),
        Record::ModifyBuckets(change) => properties::set_buckets(view, seq, change),
        Record::SetRandomDistribution { .. } => Ok(properties::set_random(view, seq)),
        Record::ModifyIndexes(change) => Ok(indexes::drop(view, seq, change)),
        Record::IndexJob(job) => indexes::build(view, seq, job).await,
        Record::DropRollup(drop) => Ok(indexes::drop_rollup(view, seq, &drop.rollup_name)),
        _ => Ok(Prepared::Nothing),
    }
}

/// The table has to be copied again, in place of a record.
fn copy(view: &TableView, seq: CommitSeq, why: impl std::fmt::Display) -> Exit {
    Exit::resync(Cause::Change, view.id(), format!("record {seq}: {why}; the table is copied again"), Some(seq))
}
