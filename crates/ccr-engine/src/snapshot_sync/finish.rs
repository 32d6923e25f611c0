//! The end of a copy: the restored table takes its place and the ledger is opened.

use doris::{Dest, cluster::TableMeta};
use tracing::info;

use crate::{
    incremental::Exit,
    job::{Context, Control},
    ledger::Ledger,
    phase::{Alias, Copied, Progress},
    policy::{Code, Failure},
};

/// Swaps an alias in, then opens mapping and ledger and enters the incremental phase. Every step can be repeated.
pub(super) async fn finish(context: &Context, progress: &mut Progress, control: &Control) -> Result<(), Exit> {
    let (Some(alias), Some(copied)) = (progress.own.alias.clone(), progress.own.copied.clone()) else {
        return Err(super::again(context, progress, "the stored progress does not say what was restored").await?);
    };
    let restored = swap(context, progress, alias).await?;
    let start = copied.start;
    let ledger = match open_ledger(context, &restored, &copied).await? {
        Ok(ledger) => ledger,
        Err(why) => return Err(super::again(context, progress, &why).await?),
    };
    let (source_table, name) = (context.ids().source_table, context.source_table());
    control.set_tables(source_table, &name, restored.id).await?;
    context
        .change(progress, |p| {
            p.start_incremental(&*context.env.clock, copied.start, copied.indexes, ledger);
            p.own.source_table = Some(source_table);
        })
        .await?;
    context.set_dest_table(restored.id);
    info!(job = context.name, start = %start, dest_table = %restored.id, "full copy complete");
    Ok(())
}

/// The ledger of all partitions of the snapshot, those that are gone from the source since included: the records of that
/// follow. A restored partition starts at the source's version: another one is proof that something else happened to the
/// table, which the inner error tells.
async fn open_ledger(
    context: &Context,
    restored: &TableMeta<Dest>,
    copied: &Copied,
) -> Result<Result<Ledger, String>, Exit> {
    let rows = context.dest.partitions(&context.dest_db, &context.dest_table).await?;
    let mut entries = Vec::new();
    for (partition, version) in &copied.versions {
        let name = copied.names.get(partition);
        // The one partition of an unpartitioned table is called as the table.
        let single = copied.versions.len() == 1 && rows.len() == 1;
        let row = rows.iter().find(|row| Some(&row.name) == name).or(rows.first().filter(|_| single));
        let there = row.filter(|row| restored.partitions.iter().any(|partition| partition.id == row.id));
        match there.map(|row| (row.id, row.visible_version)) {
            Some((dest, found)) if found == *version => entries.push((*partition, dest, *version, found)),
            found => {
                let found = found.map_or("nowhere".to_owned(), |(_, found)| format!("at version {found}"));
                return Ok(Err(format!("partition {partition} was restored at version {version} and is {found}")));
            }
        }
    }
    Ok(Ok(Ledger::open(entries)))
}

/// Puts the table that was restored under an alias into the place of the destination table. The alias's id is durable
/// before the swap: afterwards the destination table having that id is the proof that the swap was done.
async fn swap(context: &Context, progress: &mut Progress, mut alias: Alias) -> Result<TableMeta<Dest>, Exit> {
    let target = table(context, &context.dest_table).await?;
    if let (Some(id), Some(target)) = (alias.id, &target)
        && target.id == id
    {
        return Ok(target.clone());
    }
    let Some(copy) = table(context, &alias.name).await? else {
        return Err(vanished(context, progress, &alias.name).await?);
    };
    if alias.id != Some(copy.id) {
        alias.id = Some(copy.id);
        context.change(progress, |p| p.own.alias = Some(alias.clone())).await?;
    }
    let (db, name) = (context.dest_db.as_str(), context.dest_table.as_str());
    match target {
        Some(_) => context.dest.replace_table(db, name, &alias.name, false).await?,
        None => context.dest.rename_table(db, &alias.name, name).await?,
    }
    // Read back: the statement's OK is not the proof.
    match table(context, name).await? {
        Some(target) if target.id == copy.id => Ok(target),
        _ => Err(Exit::retry(Failure::new(
            Code::SNAPSHOT,
            format!("{} did not take the place of {db}.{name}", alias.name),
            "the job looks again",
        ))),
    }
}

/// One destination table by name, as the master has it.
async fn table(context: &Context, name: &str) -> Result<Option<TableMeta<Dest>>, Exit> {
    let meta = context.dest.get_meta_by_name(&context.dest_db, Some(&[name])).await?;
    Ok(meta.and_then(|db| db.tables.into_iter().find(|t| t.name == name)))
}

/// What was restored is gone again: the copy is made anew.
async fn vanished(context: &Context, progress: &mut Progress, name: &str) -> Result<Exit, Exit> {
    let why = format!("table {}.{name} was restored and is gone again", context.dest_db);
    super::again(context, progress, &why).await
}
