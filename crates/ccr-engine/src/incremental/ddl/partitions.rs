//! ADD_PARTITION, DROP_PARTITION, TRUNCATE_TABLE, RENAME_PARTITION.

use std::collections::{BTreeMap, BTreeSet};

use doris::{
    Dest, Source,
    binlog::{AddPartition, DropPartition, Rename, Truncate},
    cluster::PartitionRow,
    ids::*,
    sql::{BucketCount, Distribution, Statement, rewrite},
};

use super::{
    super::source_watch::SourceLook,
    Change, Exit, Prepared, TableView,
    change::{Effect, must_be_empty},
    partition_text,
    proof::Proof,
};
use crate::{
    ledger::Ledger,
    policy::{Code, Failure},
};

/// ADD_PARTITION: the text of the record, with how its rows are spread, which the text never tells.
pub(super) async fn add(view: &TableView, seq: CommitSeq, add: &AddPartition) -> Result<Prepared, Exit> {
    if view.ledger.get(add.partition).is_some() {
        return Ok(Prepared::Nothing);
    }
    // What is cached is mostly older than the partition.
    let range = match view.mapping.source_ranges.get(&add.partition) {
        Some(range) => Some(range.clone()),
        None => source_range(view, add.partition).await?,
    };
    let distribution = if add.distribution.hash_columns.is_empty() {
        Distribution::Random
    } else {
        Distribution::Hash(add.distribution.hash_columns.clone())
    };
    let clause = rewrite::add_partition(&add.sql, &distribution, BucketCount::Fixed(add.distribution.buckets))
        .map_err(|error| super::copy(view, seq, error))?;
    let statement = Statement::AlterTable { db: view.context.dest_db.clone(), table: view.dest_table.clone(), clause };
    let change = Change::new(view.id(), seq, format!("record {seq} (ADD_PARTITION {})", add.partition_name))
        .step(&statement, Proof::PartitionNamed(add.partition_name.clone()))
        .effect(Effect::Added {
            source: add.partition,
            name: add.partition_name.clone(),
            buckets: add.distribution.buckets,
            range,
        });
    Ok(Prepared::Change(change))
}

/// The range of a source partition as the source has it now; `None`: it is gone again, and no load of it will be copied.
async fn source_range(view: &TableView, partition: PartitionId<Source>) -> Result<Option<String>, Exit> {
    let mut now = source_partitions(view).await?;
    Ok(now.remove(&partition))
}

/// The partitions that the source has now, with their ranges; none if the table itself is gone.
async fn source_partitions(view: &TableView) -> Result<BTreeMap<PartitionId<Source>, String>, Exit> {
    match SourceLook::read(&view.context, view.id()).await? {
        SourceLook::There(table) => Ok(table.partitions.into_iter().map(|found| (found.id, found.range)).collect()),
        SourceLook::Dropped | SourceLook::Absent => Ok(BTreeMap::new()),
        SourceLook::Unknown => Err(Exit::retry(Failure::new(
            Code::TABLE_NOT_FOUND,
            format!("the source says nothing about database {}", view.context.source_db),
            "the job asks again",
        ))),
    }
}

/// The destination's row of a source partition, by what is on record, else by the name that the source's record gives.
async fn find(
    view: &TableView,
    partition: Option<PartitionId<Source>>,
    name: &str,
) -> Result<Option<PartitionRow<Dest>>, Exit> {
    let rows = view.context.dest.partitions(&view.context.dest_db, &view.dest_table).await?;
    let entry = partition.and_then(|partition| view.ledger.get(partition));
    Ok(match entry {
        Some(entry) => rows.into_iter().find(|row| row.id == entry.dest),
        None => rows.into_iter().find(|row| row.name == name),
    })
}

/// DROP_PARTITION.
pub(super) async fn drop(view: &TableView, seq: CommitSeq, drop: &DropPartition) -> Result<Prepared, Exit> {
    let what = format!("record {seq} (DROP_PARTITION {})", drop.partition_name);
    if drop.partition.is_none() {
        let rows = view.context.dest.partitions(&view.context.dest_db, &view.dest_table).await?;
        let row = named(&view.ledger, &rows, &drop.partition_name, &source_partitions(view).await?);
        let row = row.map_err(|why| super::copy(view, seq, why))?;
        return Ok(Prepared::Change(dropped(view, seq, what, row, drop.force)));
    }
    let Some(row) = find(view, drop.partition, &drop.partition_name).await? else {
        // Never copied, or gone already: then only its entry is left.
        let entry = drop.partition.and_then(|partition| view.ledger.get(partition));
        return Ok(entry.map_or(Prepared::Nothing, |entry| {
            Prepared::Change(Change::new(view.id(), seq, what).effect(Effect::Dropped { partition: entry.dest }))
        }));
    };
    Ok(Prepared::Change(dropped(view, seq, what, &row, drop.force)))
}

fn dropped(view: &TableView, seq: CommitSeq, what: String, row: &PartitionRow<Dest>, force: bool) -> Change {
    let statement = Statement::DropPartition {
        db: view.context.dest_db.clone(),
        table: view.dest_table.clone(),
        partition: row.name.clone(),
        force,
    };
    Change::new(view.id(), seq, what)
        .step(&statement, Proof::PartitionsGone([row.id].into()))
        .effect(Effect::Dropped { partition: row.id })
}

/// The partition that a record means which gives a name only (2.1, 3.0). These record no RENAME: the name may be another
/// partition's by now, so the counterpart must be gone from the source. `Err` says why that is not known.
fn named<'a>(
    ledger: &Ledger,
    rows: &'a [PartitionRow<Dest>],
    name: &str,
    source_now: &BTreeMap<PartitionId<Source>, String>,
) -> Result<&'a PartitionRow<Dest>, String> {
    let row = rows.iter().find(|row| row.name == name);
    let row = row.ok_or_else(|| format!("partition {name} was dropped and is not known here by that name"))?;
    let counterpart = ledger.entries().find(|(_, entry)| entry.dest == row.id).map(|(source, _)| source);
    match counterpart {
        Some(source) if source_now.contains_key(source) => {
            Err(format!("partition {name} was dropped, and here that is the name of one that the source still has"))
        }
        Some(_) => Ok(row),
        None => Err(format!("partition {name} was dropped, and here nothing says which one of the source that was")),
    }
}

/// TRUNCATE_TABLE: without FORCE, so that every partition gets a new id, which is the proof.
pub(super) async fn truncate(view: &TableView, seq: CommitSeq, truncate: &Truncate) -> Result<Prepared, Exit> {
    let rows = view.context.dest.partitions(&view.context.dest_db, &view.dest_table).await?;
    let emptied = emptied(&view.ledger, &rows, truncate).map_err(|why| super::copy(view, seq, why))?;
    let names: BTreeSet<String> =
        rows.iter().filter(|row| emptied.contains(&row.id)).map(|row| row.name.clone()).collect();
    if names.is_empty() {
        return Ok(Prepared::Nothing);
    }
    let statement = Statement::Truncate {
        db: view.context.dest_db.clone(),
        table: view.dest_table.clone(),
        partitions: if truncate.entire { Vec::new() } else { names.iter().cloned().collect() },
        force: false,
    };
    let change = Change::new(view.id(), seq, format!("record {seq} (TRUNCATE_TABLE)"))
        .step(&statement, Proof::PartitionsGone(emptied.clone()))
        .effect(Effect::Emptied { partitions: emptied, names });
    Ok(Prepared::Change(change))
}

/// The partitions of the destination that a TRUNCATE_TABLE is about. `Err` says why they are not all known: a part of them
/// must not be taken for the whole.
fn emptied(
    ledger: &Ledger,
    rows: &[PartitionRow<Dest>],
    truncate: &Truncate,
) -> Result<BTreeSet<PartitionId<Dest>>, String> {
    if truncate.entire {
        return Ok(rows.iter().map(|row| row.id).collect());
    }
    let named = truncate.names();
    if named.is_empty() && truncate.partitions.is_none() {
        return Err(format!("{:?} does not say which partitions were truncated", truncate.raw_sql));
    }
    // By what is on record where the ids are known: names follow ids.
    let ids: Vec<_> = truncate.partitions.iter().flatten().filter_map(|(id, _)| ledger.get(*id)).collect();
    if ids.len() == named.len() {
        return Ok(ids.iter().map(|entry| entry.dest).collect());
    }
    let by_name: BTreeMap<_, _> = rows.iter().map(|row| (row.name.as_str(), row.id)).collect();
    let id = |name: &String| {
        by_name
            .get(name.as_str())
            .copied()
            .ok_or_else(|| format!("partition {name} was truncated and is not known here"))
    };
    named.iter().map(id).collect()
}

/// RENAME_PARTITION.
pub(super) async fn rename(view: &TableView, seq: CommitSeq, rename: &Rename) -> Result<Prepared, Exit> {
    let Some(new) = rename.new_partition.clone() else { return Ok(Prepared::Nothing) };
    let old = rename.old_partition.clone().unwrap_or_default();
    let Some(row) = find(view, rename.partition, &old).await? else { return Ok(Prepared::Nothing) };
    if row.name == new {
        return Ok(Prepared::Nothing);
    }
    let statement = Statement::RenamePartition {
        db: view.context.dest_db.clone(),
        table: view.dest_table.clone(),
        old: row.name,
        new: new.clone(),
    };
    let change = Change::new(view.id(), seq, format!("record {seq} (RENAME_PARTITION to {new})"))
        .step(&statement, Proof::PartitionCalled { id: row.id, name: new });
    Ok(Prepared::Change(change))
}

/// A source partition becomes the counterpart of an empty one of the destination.
pub(super) async fn open(
    view: &TableView,
    source: PartitionId<Source>,
    dest: PartitionId<Dest>,
) -> Result<Prepared, Exit> {
    let rows = view.context.dest.partitions(&view.context.dest_db, &view.dest_table).await?;
    let Some(row) = rows.into_iter().find(|row| row.id == dest) else {
        return Err(Exit::refresh(Failure::new(
            Code::METADATA,
            format!("the counterpart of {} is gone from the destination", partition_text(source)),
            "the job reads the metadata again",
        )));
    };
    must_be_empty(view.id(), &row, &view.dest_table)?;
    Ok(Prepared::Change(Change::opened(view.id(), source, dest)))
}

#[cfg(test)]
mod tests {
    use doris::ids::{TableId, Version};

    use super::*;

    fn row(id: i64, name: &str) -> PartitionRow<Dest> {
        PartitionRow {
            id: PartitionId::new(id),
            name: name.to_owned(),
            range: String::new(),
            visible_version: Version(3),
            committed_version: None,
        }
    }

    #[test]
    fn a_partition_is_dropped_by_name_only_if_its_counterpart_is_gone_from_the_source() {
        let entry = |source, dest| (PartitionId::new(source), PartitionId::new(dest), Version(3), Version(3));
        let ledger = Ledger::open([entry(1, 11), entry(2, 12)]);
        let rows = [row(11, "p1"), row(12, "p2"), row(13, "empty")];
        let source = |ids: &[i64]| ids.iter().map(|id| (PartitionId::new(*id), String::new())).collect();
        for (name, source_now, expected) in [
            ("p1", source(&[2]), Some(11)),
            // p1 was renamed, p2 became p1, and that one was dropped.
            ("p1", source(&[1]), None),
            ("p9", source(&[1, 2]), None),
            ("empty", source(&[1, 2]), None),
        ] {
            let found = named(&ledger, &rows, name, &source_now).ok().map(|row| row.id.get());
            assert_eq!(found, expected, "{name} {source_now:?}");
        }
    }

    #[test]
    fn a_part_of_the_truncated_partitions_is_not_taken_for_the_whole() {
        let rows = [row(11, "p1"), row(12, "p2")];
        let ledger = Ledger::open([(PartitionId::new(1), PartitionId::new(11), Version(3), Version(3))]);
        for (entire, raw_sql, partitions, expected) in [
            (true, "", None, Some(vec![11, 12])),
            (false, "PARTITIONS (p1, p2)", None, Some(vec![11, 12])),
            // The name on the destination is an older one.
            (false, "PARTITIONS (p9)", Some(vec![(1, "p9")]), Some(vec![11])),
            // Nothing was left to truncate.
            (false, "PARTITIONS (p1) FORCE", Some(vec![]), Some(vec![])),
            (false, "PARTITIONS (p1, p9)", None, None),
            (false, "PARTITIONS (p1, p9)", Some(vec![(1, "p1"), (9, "p9")]), None),
            (false, "", None, None),
        ] {
            let partitions: Option<Vec<(i64, &str)>> = partitions;
            let truncate = Truncate {
                table: TableId::new(100),
                table_name: None,
                entire,
                raw_sql: raw_sql.to_owned(),
                partitions: partitions
                    .map(|p| p.into_iter().map(|(id, name)| (PartitionId::new(id), name.to_owned())).collect()),
            };
            let found = emptied(&ledger, &rows, &truncate).ok();
            let found = found.map(|ids| ids.into_iter().map(|id| id.get()).collect::<Vec<_>>());
            assert_eq!(found, expected, "{raw_sql}");
        }
    }
}
