//! RENAME_TABLE, DROP_TABLE, REPLACE_TABLE, RECOVER_INFO: the end of tables, and their names.

use std::collections::BTreeMap;

use doris::{
    Source,
    binlog::{DropTable, Recover, Rename, ReplaceTable},
    ids::{CommitSeq, TableId},
    sql::Statement,
};

use super::{
    super::source_watch::SourceLook,
    Change, Exit, Prepared, TableView,
    change::Effect,
    proof::{Proof, table_by_id},
};
use crate::{
    job::{Cause, Context},
    phase::Progress,
    policy::{Code, Failure},
    tables::TableState,
};

// ---- in a table job ----

/// The stream follows the table's id, and so does the job: the destination keeps its name.
pub(super) fn renamed(rename: &Rename) -> Prepared {
    match &rename.new_table {
        Some(name) => Prepared::Follow { table: rename.table, name: name.clone() },
        None => Prepared::Nothing,
    }
}

/// A stream holds the drop of its own table only after a restart of its FE, perhaps of a table that was recovered since:
/// the source tells. Nothing is done to the copy.
pub(super) async fn dropped(view: &TableView) -> Result<Prepared, Exit> {
    match SourceLook::read(&view.context, view.id()).await? {
        SourceLook::There(_) => Ok(Prepared::Nothing),
        SourceLook::Unknown => Err(source_is_silent(&view.context)),
        SourceLook::Dropped | SourceLook::Absent => Err(Exit::Halted(Failure::new(
            Code::TABLE_NOT_FOUND,
            format!("table {} was dropped on the source; its copy is left as it is", view.context.source_text()),
            "recover the table and resume the job, or delete the job",
        ))),
    }
}

/// Another table has the name now: the job copies that one.
pub(super) fn replaced(view: &TableView, replace: &ReplaceTable) -> Result<Prepared, Exit> {
    let name = replace.origin_name.clone().unwrap_or_else(|| view.context.source_table());
    Ok(Prepared::Follow { table: replace.new, name })
}

// ---- in a database job ----

pub(super) fn source_is_silent(context: &Context) -> Exit {
    Exit::retry(Failure::new(
        Code::TABLE_NOT_FOUND,
        format!("the source says nothing about database {}", context.source_db),
        "the job asks again",
    ))
}

/// RENAME_TABLE: the copy, found by its id, follows.
pub(super) async fn rename(
    context: &Context,
    progress: &Progress,
    seq: CommitSeq,
    rename: &Rename,
) -> Result<Prepared, Exit> {
    let Some(new) = rename.new_table.clone() else { return Ok(Prepared::Nothing) };
    let change = renaming(context, progress, rename.table, (Some(seq), new)).await?;
    Ok(change.map_or(Prepared::Nothing, Prepared::Change))
}

/// A table that was renamed without a record.
pub(in crate::incremental) async fn follow(
    context: &Context,
    progress: &Progress,
    table: TableId<Source>,
    name: String,
) -> Result<Option<Change>, Exit> {
    renaming(context, progress, table, (None, name)).await
}

async fn renaming(
    context: &Context,
    progress: &Progress,
    table: TableId<Source>,
    (seq, new): (Option<CommitSeq>, String),
) -> Result<Option<Change>, Exit> {
    let Some(state) = progress.own.tables.get(&table) else { return Ok(None) };
    let what = match seq {
        Some(seq) => format!("record {seq} (RENAME_TABLE to {new})"),
        None => format!("table {} of the source is called {new} now", state.name),
    };
    let change = Change::before_record(table, what, seq).effect(Effect::TableRenamed { name: new.clone() });
    let change = match table_by_id(context, state.dest).await? {
        Some(table) if table.name != new => {
            let statement = Statement::RenameTable { db: context.dest_db.clone(), old: table.name, new: new.clone() };
            change.step(&statement, Proof::TableCalled { id: state.dest, name: new })
        }
        // Called so already. Or it is gone, which the next load shows.
        _ => change,
    };
    Ok(Some(change))
}

/// DROP_TABLE: the copy, found by its id, is dropped; it stays in the recycle bin. A table that the source has under its id
/// was recovered since, and its copy stays.
pub(super) async fn drop(
    context: &Context,
    progress: &Progress,
    seq: CommitSeq,
    drop: &DropTable,
) -> Result<Prepared, Exit> {
    let Some(state) = progress.own.tables.get(&drop.table) else { return Ok(Prepared::Nothing) };
    match SourceLook::read(context, drop.table).await? {
        SourceLook::There(_) => return Ok(Prepared::Nothing),
        SourceLook::Unknown => return Err(source_is_silent(context)),
        SourceLook::Dropped | SourceLook::Absent => {}
    }
    let what = format!("record {seq} (DROP_TABLE {})", drop.table_name.as_deref().unwrap_or(&state.name));
    let change = Change::new(drop.table, seq, what).effect(Effect::TableDropped);
    let change = match table_by_id(context, state.dest).await? {
        Some(table) => {
            let statement = Statement::DropTable { db: context.dest_db.clone(), table: table.name, force: false };
            change.step(&statement, Proof::TableGone(state.dest))
        }
        None => change,
    };
    Ok(Prepared::Change(change))
}

/// REPLACE_TABLE: by ids, which tell whether it was done: executed twice, a swap is undone.
pub(super) async fn replace(
    context: &Context,
    progress: &Progress,
    seq: CommitSeq,
    replace: &ReplaceTable,
) -> Result<Prepared, Exit> {
    let tables = &progress.own.tables;
    let (origin, new) = (tables.get(&replace.origin), tables.get(&replace.new));
    let covered = |state: Option<&TableState>| state.is_some_and(|state| seq <= state.floor);
    let in_step = |state: &&TableState| state.standing.is_in_step() && seq > state.floor;
    if let (Some(origin), Some(new)) = (origin.filter(in_step), new.filter(in_step)) {
        let found = (table_by_id(context, origin.dest).await?, table_by_id(context, new.dest).await?);
        if let (Some(old_copy), Some(new_copy)) = found {
            let statement = Statement::ReplaceTable {
                db: context.dest_db.clone(),
                origin: old_copy.name.clone(),
                new: new_copy.name.clone(),
                swap: replace.swap,
            };
            let what = format!("record {seq} (REPLACE_TABLE {} with {})", old_copy.name, new_copy.name);
            let change = Change::new(replace.origin, seq, what)
                .step(&statement, Proof::TableCalled { id: new.dest, name: old_copy.name })
                .effect(Effect::TableReplaced { new: replace.new, swap: replace.swap });
            return Ok(Prepared::Change(change));
        }
    }
    let origin_lives = replace.swap && origin.is_some();
    if covered(new) && (covered(origin) || !origin_lives) {
        return Ok(Prepared::Nothing);
    }
    if origin.is_none() && new.is_none() {
        // Neither is copied (materialized views): the name of a table is not concerned.
        match SourceLook::read(context, replace.new).await? {
            SourceLook::Unknown => return Err(source_is_silent(context)),
            SourceLook::There(table) if table.table_type.as_deref() != Some("MATERIALIZED_VIEW") => {}
            _ => return Ok(Prepared::Nothing),
        }
    }
    // A copy made since stands for one side of it only.
    let why = format!("record {seq} (REPLACE_TABLE) exchanges tables that are not both copied to there");
    let mut again = BTreeMap::from([(replace.new, why.clone())]);
    if origin_lives {
        again.insert(replace.origin, why);
    }
    Err(Exit::Resync { cause: Cause::Change, tables: again, stands_for: Some(seq) })
}

/// RECOVER_INFO: what comes back has what it had, and the copy perhaps not.
pub(super) async fn recover(
    context: &Context,
    progress: &Progress,
    seq: CommitSeq,
    recover: &Recover,
) -> Result<Prepared, Exit> {
    let copied = progress.own.tables.contains_key(&recover.table);
    let SourceLook::There(table) = SourceLook::read(context, recover.table).await? else {
        // Gone again, or a view.
        return Ok(Prepared::Views { dropped: None });
    };
    let table_type = table.table_type.as_deref();
    if !copied && table_type == Some("MATERIALIZED_VIEW") {
        return Ok(Prepared::Nothing);
    }
    let id: TableId<Source> = recover.table;
    let reason =
        format!("record {seq} (RECOVER_INFO) brought something back from the recycle bin; the table is copied again");
    Err(Exit::resync(Cause::Change, id, reason, Some(seq)))
}
