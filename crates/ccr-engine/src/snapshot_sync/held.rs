//! What a snapshot holds of the tables that are copied.

use std::collections::BTreeMap;

use doris::{
    Source,
    cluster::Snapshot,
    ids::{CommitSeq, TableId},
    snapshot::{JobInfo, SnapshotTable},
};
use tracing::info;

use crate::{
    copy::{CopyScope, Held, HeldTable},
    incremental::Exit,
    job::Context,
    label,
    phase::Progress,
    policy::{Code, Failure},
    tables::{CopiedIndex, CopiedIndexes},
};

/// Checks a snapshot against what was asked for. The inner error says why another snapshot is needed.
pub(super) fn held(
    context: &Context,
    progress: &Progress,
    snapshot: &Snapshot,
    info: &JobInfo,
) -> Result<Result<Held, String>, Exit> {
    let scope = progress.own.copy.as_ref().map_or(&CopyScope::All, |copy| &copy.scope);
    let found: BTreeMap<TableId<Source>, (&str, &SnapshotTable)> =
        info.tables().map(|(name, table)| (table.id, (name, table))).collect();
    let wanted: Vec<TableId<Source>> = match scope {
        // A copy that is being made on the source, where that is a destination itself, is none of its tables.
        CopyScope::All if context.is_database() => {
            found.iter().filter(|(_, (name, _))| !label::is_alias(name)).map(|(id, _)| *id).collect()
        }
        CopyScope::All => {
            let (name, expected) = (context.source_table(), context.ids().source_table);
            if let Some(other) = info.table(&name).filter(|table| table.id != expected) {
                return Err(recreated(context, &name, other.id));
            }
            vec![expected]
        }
        CopyScope::Tables(tables) => tables.keys().copied().collect(),
    };
    let attempt = progress.own.copy.as_ref().map_or(0, |copy| copy.restore_attempt);
    let unique = progress.sync_id * 100 + i64::from(attempt % 100);
    let mut tables = BTreeMap::new();
    for id in wanted {
        let Some((name, table)) = found.get(&id) else {
            return Ok(Err(format!("table {id} was dropped or renamed while it was backed up")));
        };
        let Some(floor) = info.commit_seq(id) else {
            return Ok(Err(format!("the snapshot has no commit seq for table {name}")));
        };
        tables.insert(id, held_table(context, name, table, floor, unique));
    }
    let floors = tables.values().map(|table| table.floor);
    // The database's own mark comes before those of its tables, and before the list of its tables was made.
    let start = floors.chain(snapshot.commit_seq.filter(|_| context.is_database())).min();
    let Some(start) = start else { return Ok(Err("the snapshot holds nothing".to_owned())) };
    let views = info.views().iter().map(|view| (view.id, view.name.clone())).collect();
    Ok(Ok(Held { start, tables, views }))
}

fn held_table(context: &Context, name: &str, table: &SnapshotTable, floor: CommitSeq, unique: i64) -> HeldTable {
    let target = if context.is_database() { name } else { context.dest_table.as_str() };
    let mut indexes = CopiedIndexes::new();
    for index in table.partitions.iter().flat_map(|partition| &partition.indexes) {
        let copied = if index.name == name { CopiedIndex::Base } else { CopiedIndex::Rollup(index.name.clone()) };
        indexes.insert(index.id, copied);
    }
    HeldTable {
        name: name.to_owned(),
        alias: label::alias(target, unique),
        target: target.to_owned(),
        dest: None,
        floor,
        versions: table.partitions.iter().map(|p| (p.id, p.version)).collect(),
        names: table.partitions.iter().map(|p| (p.id, p.name.clone())).collect(),
        indexes,
    }
}

/// A table job's table has another id than the one that is copied.
pub(super) fn recreated(context: &Context, name: &str, found: TableId<Source>) -> Exit {
    let text = format!("table {name} now has id {found}, the job copied {}", context.ids().source_table);
    info!(job = context.name, "{text}");
    Exit::Halted(Failure::new(
        Code::TABLE_NOT_FOUND,
        text,
        "the table was dropped and created again, or replaced: delete the job and create it again",
    ))
}
