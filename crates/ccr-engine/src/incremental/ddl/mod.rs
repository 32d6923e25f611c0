//! Records that are no loads: changes of the table and of its partitions, columns and indexes.
//!
//! A change is a barrier: everything before it is on the destination, seen there and claimed, before it begins, and nothing
//! after it is planned before it is done. Its intent is durable before the first statement is sent. So whoever finds one,
//! after whatever happened, asks the destination whether it was done ([`proof`]) before a statement is sent again.
//!
//! One file a family: what a record means for the table (`scope`) and what is to be done (`prepare`).

use doris::{Dest, Source, binlog::Record, ids::*, rpc::BinlogType};

use super::{Exit, Shared, partition_text};
use crate::{job::Cause, ledger::Touched};

mod alter_job;
mod change;
mod columns;
mod indexes;
mod partitions;
mod proof;
mod properties;
mod tables;

pub(crate) use change::Change;
pub(super) use change::{Attempt, finish};

/// What a record means for the table.
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
        record: Box<Record>,
    },
    /// A source partition was loaded for the first time since its counterpart was emptied.
    OpenPartition {
        source: PartitionId<Source>,
        dest: PartitionId<Dest>,
    },
    /// An operator wants this record skipped. The versions that it gave to partitions.
    Skip {
        seq: CommitSeq,
        touched: Touched,
    },
    /// A rollup of the destination is gone from the source. Its drop lies ahead, and loads before that have nothing for it.
    DropVanishedRollup {
        index: IndexId<Source>,
    },
}

/// What a task comes to.
#[derive(Debug)]
pub(super) enum Prepared {
    /// The record is done.
    Nothing,
    Change(Change),
    /// The job goes on with another table of the source, or with its table under another name.
    Follow {
        table: TableId<Source>,
        name: String,
    },
}

/// What a record means. UPSERT, DUMMY and unknown types are not asked for here.
pub(super) fn scope(shared: &Shared, kind: BinlogType, seq: CommitSeq, record: &Record) -> Scope {
    // The stream is the table's; what it says of others (after a restart of its FE also their creation) is their concern.
    if record.table().is_some_and(|table| table != shared.mapping.source) {
        return Scope::Nothing;
    }
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
        Record::DropTable(_) | Record::ReplaceTable(_) => Scope::Change,
        Record::Recover(_) => copy("brought something back from the recycle bin"),
        // Replicas and media of partitions are the destination's own affair; a table has no use for views and databases.
        Record::ModifyPartitions(_)
        | Record::Barrier(_)
        | Record::CreateTable(_)
        | Record::ModifyView(_)
        | Record::AlterDatabase(_)
        | Record::Upsert(_)
        | Record::Dummy
        | Record::Unknown { .. } => Scope::Nothing,
    }
}

/// What is to be done for a task, as the destination stands now.
pub(super) async fn prepare(shared: &Shared, task: &Task) -> Result<Prepared, Exit> {
    let (seq, record) = match task {
        Task::Record { seq, record } => (*seq, record.as_ref()),
        Task::OpenPartition { source, dest } => return partitions::open(shared, *source, *dest).await,
        Task::DropVanishedRollup { index } => return indexes::drop_vanished(shared, *index),
        Task::Skip { .. } => return Ok(Prepared::Nothing),
    };
    match record {
        Record::AddPartition(add) => partitions::add(shared, seq, add).await,
        Record::DropPartition(drop) => partitions::drop(shared, seq, drop).await,
        Record::Truncate(truncate) => partitions::truncate(shared, seq, truncate).await,
        Record::Rename(rename) if rename.new_table.is_some() => Ok(tables::renamed(rename)),
        Record::Rename(rename) if rename.new_partition.is_some() => partitions::rename(shared, seq, rename).await,
        Record::Rename(rename) => indexes::rename_rollup(shared, seq, rename),
        Record::DropTable(_) => tables::dropped(shared).await,
        Record::ReplaceTable(replace) => tables::replaced(shared, replace),
        Record::ModifyColumns(change) => columns::modify(shared, seq, change),
        Record::RenameColumn(rename) => Ok(columns::rename(shared, seq, rename)),
        Record::ModifyComment(change) => Ok(columns::comment(shared, seq, change)),
        Record::ModifyTableProperties(change) => Ok(properties::set(shared, seq, change)),
        Record::ModifyBuckets(change) => properties::set_buckets(shared, seq, change),
        Record::SetRandomDistribution { .. } => Ok(properties::set_random(shared, seq)),
        Record::ModifyIndexes(change) => Ok(indexes::drop(shared, seq, change)),
        Record::IndexJob(job) => indexes::build(shared, seq, job).await,
        Record::DropRollup(drop) => Ok(indexes::drop_rollup(shared, seq, &drop.rollup_name)),
        _ => Ok(Prepared::Nothing),
    }
}

/// The table has to be copied again.
fn copy(seq: CommitSeq, why: impl std::fmt::Display) -> Exit {
    Exit::FullSync { cause: Cause::Change, reason: format!("record {seq}: {why}; the table is copied again") }
}
