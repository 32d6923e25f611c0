//! The end of a copy: the restored tables take their places and the ledgers are opened.

use std::collections::BTreeMap;

use doris::{Dest, Source, cluster::TableMeta, ids::TableId};
use tracing::{info, warn};

use crate::{
    copy::{Held, HeldTable},
    incremental::Exit,
    job::{Context, Control},
    ledger::Ledger,
    phase::{Phase, Progress},
    policy::{Code, Failure},
    tables::{Standing, TableState, Tables},
};

/// Swaps aliases in, then opens mapping and ledgers and enters the incremental phase. Every step can be repeated.
pub(super) async fn finish(context: &Context, progress: &mut Progress, control: &Control) -> Result<(), Exit> {
    let Some(held) = progress.own.copy.as_ref().and_then(|copy| copy.held.clone()) else {
        return Err(super::again(context, progress, "the stored progress does not say what was restored").await?);
    };
    let held = identify(context, progress, held).await?;
    let there = swap_in(context, &held).await?;
    let mut copied = Tables::new();
    for (id, table) in &held.tables {
        let Some(restored) = there.get(&table.target) else { continue };
        match open_ledger(context, restored, table).await? {
            Ok(ledger) => copied.insert(*id, state(restored, table, ledger)),
            Err(why) => return Err(super::again(context, progress, &why).await?),
        };
    }
    drop_predecessors(context, progress, &copied).await?;
    if !context.is_database()
        && let Some((id, state)) = copied.first_key_value()
    {
        control.set_tables(*id, &state.name, state.dest).await?;
        context.set_source_table(*id, &state.name);
    }
    if matches!(progress.phase, Phase::FullSync(_)) && context.is_database() {
        keep_unproven(context, progress, &mut copied).await?;
    }
    let tables = copied.len();
    let start = held.start;
    context
        .change(progress, |p| {
            p.own.views.extend(held.views);
            p.finish_copy(&*context.env.clock, start, copied);
        })
        .await?;
    info!(job = context.name, start = %progress.commit_seq, tables, "copy complete");
    Ok(())
}

fn state(restored: &TableMeta<Dest>, table: &HeldTable, ledger: Ledger) -> TableState {
    TableState {
        dest: restored.id,
        name: table.name.clone(),
        floor: table.floor,
        indexes: table.indexes.clone(),
        fresh: std::collections::BTreeSet::new(),
        ledger,
        standing: Standing::InStep,
    }
}

/// Destination tables by name, as the master has them.
async fn by_name(context: &Context, names: &[&str]) -> Result<BTreeMap<String, TableMeta<Dest>>, Exit> {
    if names.is_empty() {
        return Ok(BTreeMap::new());
    }
    let meta = context.dest.get_meta_by_name(&context.dest_db, Some(names)).await?;
    let tables = meta.map(|db| db.tables).unwrap_or_default();
    Ok(tables.into_iter().map(|table| (table.name.clone(), table)).collect())
}

fn names(held: &Held) -> Vec<&str> {
    held.tables.values().flat_map(|table| [table.alias.as_str(), table.target.as_str()]).collect()
}

/// Writes down the ids of the restored tables, before any of them takes its place: afterwards the table of the target's
/// name having that id is the proof that it did.
async fn identify(context: &Context, progress: &mut Progress, mut held: Held) -> Result<Held, Exit> {
    let there = by_name(context, &names(&held)).await?;
    let mut changed = false;
    for table in held.tables.values_mut() {
        let in_place = table.dest.is_some_and(|id| there.get(&table.target).is_some_and(|target| target.id == id));
        if in_place {
            continue;
        }
        let Some(copy) = there.get(&table.alias) else {
            // What was restored is gone again.
            let why = format!("table {}.{} was restored and is gone again", context.dest_db, table.alias);
            return Err(super::again(context, progress, &why).await?);
        };
        changed |= table.dest != Some(copy.id);
        table.dest = Some(copy.id);
    }
    if changed {
        let next = held.clone();
        context
            .change(progress, |p| {
                if let Some(copy) = &mut p.own.copy {
                    copy.held = Some(next);
                }
            })
            .await?;
    }
    Ok(held)
}

/// Puts each table that was restored under an alias into its place, and reads back that it is there.
async fn swap_in(context: &Context, held: &Held) -> Result<BTreeMap<String, TableMeta<Dest>>, Exit> {
    let db = context.dest_db.as_str();
    let there = by_name(context, &names(held)).await?;
    let is_there = |there: &BTreeMap<String, TableMeta<Dest>>, table: &HeldTable| {
        there.get(&table.target).map(|t| t.id) == table.dest
    };
    let waiting: Vec<_> = held.tables.values().filter(|table| !is_there(&there, table)).collect();
    if waiting.is_empty() {
        return Ok(there);
    }
    for table in &waiting {
        if there.contains_key(&table.target) {
            context.dest.replace_table(db, &table.target, &table.alias, false).await?;
        } else {
            context.dest.rename_table(db, &table.alias, &table.target).await?;
        }
    }
    // Read back: the statement's OK is not the proof.
    let there = by_name(context, &names(held)).await?;
    match held.tables.values().find(|table| !is_there(&there, table)) {
        None => Ok(there),
        Some(table) => Err(Exit::retry(Failure::new(
            Code::SNAPSHOT,
            format!("{} did not take the place of {db}.{}", table.alias, table.target),
            "the job looks again",
        ))),
    }
}

/// The ledger of all partitions of the snapshot, those that are gone from the source since included: the records of that
/// follow. A restored partition starts at the source's version: another one is proof that something else happened to the
/// table, which the inner error tells.
async fn open_ledger(
    context: &Context,
    restored: &TableMeta<Dest>,
    table: &HeldTable,
) -> Result<Result<Ledger, String>, Exit> {
    let rows = context.dest.partitions(&context.dest_db, &table.target).await?;
    let mut entries = Vec::new();
    for (partition, version) in &table.versions {
        let name = table.names.get(partition);
        // The one partition of an unpartitioned table is called as the table.
        let single = table.versions.len() == 1 && rows.len() == 1;
        let row = rows.iter().find(|row| Some(&row.name) == name).or(rows.first().filter(|_| single));
        let there = row.filter(|row| restored.partitions.iter().any(|partition| partition.id == row.id));
        match there.map(|row| (row.id, row.visible_version)) {
            Some((dest, found)) if found == *version => entries.push((*partition, dest, *version, found)),
            found => {
                let found = found.map_or("nowhere".to_owned(), |(_, found)| format!("at version {found}"));
                return Ok(Err(format!(
                    "partition {partition} of {} was restored at version {version} and is {found}",
                    table.target
                )));
            }
        }
    }
    Ok(Ok(Ledger::open(entries)))
}

/// A table that was renamed on the source since its last copy leaves that one behind under the old name. One that has
/// another name was put aside by somebody.
async fn drop_predecessors(context: &Context, progress: &Progress, copied: &Tables) -> Result<(), Exit> {
    let old: BTreeMap<TableId<Dest>, &str> = copied
        .iter()
        .filter_map(|(id, new)| progress.own.tables.get(id).filter(|old| old.dest != new.dest))
        .filter(|old| copied.values().all(|new| new.dest != old.dest))
        .map(|old| (old.dest, old.name.as_str()))
        .collect();
    if old.is_empty() || !context.is_database() {
        return Ok(());
    }
    let ids: Vec<_> = old.keys().copied().collect();
    let meta = context.dest.get_meta(context.ids().dest_db, Some(&ids)).await?;
    for table in meta.into_iter().flat_map(|db| db.tables) {
        if old.get(&table.id).is_some_and(|name| *name == table.name) {
            info!(job = context.name, table = table.name, id = %table.id, "the former copy of a table is dropped");
            context.dest.drop_table(&context.dest_db, &table.name, true).await?;
        }
    }
    Ok(())
}

/// Tables that a full copy does not hold any more. Only where the source has the drop on record is a copy dropped; else it
/// stays, and what the source says of it later decides.
async fn keep_unproven(context: &Context, progress: &Progress, copied: &mut Tables) -> Result<(), Exit> {
    let missing: Vec<TableId<Source>> =
        progress.own.tables.keys().filter(|id| !copied.contains_key(id)).copied().collect();
    if missing.is_empty() {
        return Ok(());
    }
    let Some(meta) = context.source.get_meta(context.ids().source_db, Some(&missing)).await? else {
        return Err(Exit::retry(Failure::new(
            Code::TABLE_NOT_FOUND,
            format!("the source says nothing about database {}", context.source_db),
            "the job asks again",
        )));
    };
    let ids = context.ids();
    for id in missing {
        let Some(old) = progress.own.tables.get(&id) else { continue };
        let listed = meta.tables.iter().any(|table| table.id == id);
        if listed || !meta.dropped_tables.contains_key(&id) {
            warn!(job = context.name, table = old.name, %id, "not in the snapshot and not on record as dropped: its copy stays");
            copied.insert(id, old.clone());
            continue;
        }
        let there = context.dest.get_meta(ids.dest_db, Some(&[old.dest])).await?;
        let there = there.and_then(|db| db.tables.into_iter().find(|table| table.id == old.dest));
        if let Some(table) = there.filter(|table| copied.values().all(|new| new.dest != table.id)) {
            info!(job = context.name, table = table.name, "dropped on the source: its copy is dropped");
            context.dest.drop_table(&context.dest_db, &table.name, false).await?;
        }
    }
    Ok(())
}
