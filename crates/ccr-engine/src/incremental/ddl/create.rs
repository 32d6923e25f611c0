//! CREATE_TABLE in a database job.

use doris::{
    Source,
    binlog::{CreateTable, CreatedKind},
    ids::{CommitSeq, TableId},
    sql::{Statement, rewrite},
};

use super::{
    super::source_watch::SourceLook,
    Change, Exit, Prepared, Scope,
    change::{Effect, must_be_empty, not_yet, partitions},
    proof::Proof,
    tables::source_is_silent,
};
use crate::{
    job::{Cause, Context},
    label,
    ledger::Ledger,
    tables::{CopiedIndex, CopiedIndexes, Standing, TableState},
};

pub(super) fn scope(create: &CreateTable) -> Scope {
    match create.kind() {
        CreatedKind::Table | CreatedKind::View => Scope::Change,
        CreatedKind::MaterializedView | CreatedKind::External => Scope::Nothing,
    }
}

/// The text of the record, where it gives the same table. What only a copy gives: ids of inverted indexes, numbers of buckets
/// that Doris chose, and what 2.1 and 3.0 leave out of the text.
pub(super) async fn create(context: &Context, seq: CommitSeq, create: &CreateTable) -> Result<Prepared, Exit> {
    if create.kind() != CreatedKind::Table {
        return Ok(Prepared::Nothing);
    }
    let now = match SourceLook::read(context, create.table).await? {
        SourceLook::There(table) => table,
        SourceLook::Unknown => return Err(source_is_silent(context)),
        // Gone again: nothing of it can be copied any more.
        SourceLook::Dropped | SourceLook::Absent => return Ok(Prepared::Nothing),
    };
    if label::is_alias(&now.name) {
        return Ok(Prepared::Nothing);
    }
    let name = create.table_name.clone().unwrap_or_else(|| now.name.clone());
    let copy = |why: &dyn std::fmt::Display| {
        let reason = format!("record {seq} (CREATE_TABLE {name}): {why}; the table is copied");
        Exit::resync(Cause::Change, create.table, reason, Some(seq))
    };
    let options =
        rewrite::CreateOptions { db: &context.dest_db, name: &name, keep_storage_medium: false, replication_num: None };
    let rewritten = rewrite::create_table(&create.sql, &options).map_err(|error| copy(&error))?;
    if rewritten.inverted_index {
        return Err(copy(&"files refer to its inverted indexes by ids"));
    }
    if rewritten.auto_buckets {
        return Err(copy(&"Doris chose its number of buckets"));
    }
    let indexes = indexes(&now.name, now.partitions.iter().flat_map(|partition| &partition.indexes));
    let rolled_up = indexes.values().any(|index| matches!(index, CopiedIndex::Rollup(_)));
    if create.table_type.is_none() && rolled_up {
        return Err(copy(&"the text does not name its rollups"));
    }
    // Whatever has the name now is none of the copies: those follow every change of a name.
    if context.dest.tables(&context.dest_db).await?.iter().any(|row| row.name == name) {
        return Err(copy(&"the destination has something of that name"));
    }
    let change = Change::new(create.table, seq, format!("record {seq} (CREATE_TABLE {name})"))
        .step(&Statement::Ddl(rewritten.sql), Proof::TableNamed(name.clone()))
        .effect(Effect::TableCreated { name, indexes });
    Ok(Prepared::Change(change))
}

fn indexes<'a>(table: &str, found: impl Iterator<Item = &'a doris::cluster::IndexMeta<Source>>) -> CopiedIndexes {
    let copied = |name: &str| match name == table {
        true => CopiedIndex::Base,
        false => CopiedIndex::Rollup(name.to_owned()),
    };
    found.map(|index| (index.id, copied(&index.name))).collect()
}

/// What is on record of a table that was created: its partitions are empty, and the source's are known by their first loads.
pub(super) async fn created(
    context: &Context,
    change: &Change,
    (source, name, indexes): (TableId<Source>, &str, &CopiedIndexes),
) -> Result<TableState, Exit> {
    let meta = context.dest.get_meta_by_name(&context.dest_db, Some(&[name])).await?;
    let table = meta.and_then(|db| db.tables.into_iter().find(|table| table.name == name));
    let table = table.ok_or_else(|| not_yet(&change.what))?;
    let rows = partitions(context, name).await?;
    for row in &rows {
        must_be_empty(source, row, name)?;
    }
    let there: Vec<CopiedIndex> = indexes_of(name, table.partitions.iter().flat_map(|partition| &partition.indexes));
    // Those that came to be later on the source are copied with the record of that.
    let indexes: CopiedIndexes =
        indexes.iter().filter(|(_, index)| there.contains(index)).map(|(id, index)| (*id, index.clone())).collect();
    if !table.partitions.is_empty() && there.iter().any(|index| indexes.values().all(|known| known != index)) {
        let reason = format!("{}: indexes of it are gone from the source; the table is copied", change.what);
        return Err(Exit::resync(Cause::Change, source, reason, change.seq));
    }
    Ok(TableState {
        dest: table.id,
        name: name.to_owned(),
        floor: change.seq.unwrap_or_default(),
        indexes,
        fresh: rows.iter().map(|row| row.id).collect(),
        ledger: Ledger::default(),
        standing: Standing::InStep,
    })
}

fn indexes_of<'a>(
    table: &str,
    found: impl Iterator<Item = &'a doris::cluster::IndexMeta<doris::Dest>>,
) -> Vec<CopiedIndex> {
    let mut indexes: Vec<CopiedIndex> = found
        .map(|index| match index.name == table {
            true => CopiedIndex::Base,
            false => CopiedIndex::Rollup(index.name.clone()),
        })
        .collect();
    indexes.dedup();
    indexes
}
