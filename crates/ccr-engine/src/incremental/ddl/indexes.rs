//! MODIFY_TABLE_ADD_OR_DROP_INVERTED_INDICES, INDEX_CHANGE_JOB, RENAME_ROLLUP, DROP_ROLLUP.

use doris::{
    Source,
    binlog::{IndexJob, JobState, ModifyIndexes, Rename},
    ids::*,
    sql::Statement,
};

use super::{Change, Exit, Prepared, Scope, TableView, change::Effect, proof::Proof};
use crate::tables::CopiedIndex;

/// A statement that only drops indexes is executed. Files refer to indexes by their ids, which only a copy keeps: `Err` says
/// why the table is copied.
pub(super) fn scope(change: &ModifyIndexes) -> Result<Scope, String> {
    if !change.dropped {
        return Err("added an index, whose id files refer to".to_owned());
    }
    if !drops_indexes_only(&change.raw_sql) {
        return Err("changed more than indexes".to_owned());
    }
    Ok(Scope::Change)
}

/// Whether each clause is DROP INDEX. The flag of the record tells of the last one only, and columns that were changed with
/// it have no record of their own.
fn drops_indexes_only(raw_sql: &str) -> bool {
    let upper = raw_sql.to_ascii_uppercase();
    let words: Vec<_> = upper.split(|c: char| c.is_whitespace() || c == ',').filter(|word| !word.is_empty()).collect();
    // A name that is called like a clause costs a copy and no more.
    words.windows(2).any(|pair| pair == ["DROP", "INDEX"])
        && !words.iter().any(|word| matches!(*word, "ADD" | "MODIFY" | "COLUMN" | "CREATE" | "ORDER" | "USING"))
}

/// DROP INDEX.
pub(super) fn drop(view: &TableView, seq: CommitSeq, change: &ModifyIndexes) -> Prepared {
    let names: Vec<String> = change.changed.iter().map(|index| index.name.clone()).collect();
    if names.is_empty() {
        return Prepared::Nothing;
    }
    let statement = Statement::DropIndexes {
        db: view.context.dest_db.clone(),
        table: view.dest_table.clone(),
        indexes: names.clone(),
    };
    let change = Change::new(view.id(), seq, format!("record {seq} (DROP INDEX {})", names.join(", ")));
    Prepared::Change(change.step(&statement, Proof::IndexesGone(names.into_iter().collect())))
}

/// Only a finished BUILD INDEX is built here too: the removal of dropped indexes' data follows from DROP INDEX.
pub(super) fn scope_of_job(job: &IndexJob) -> Scope {
    if job.state == JobState::Finished && !job.drops { Scope::Change } else { Scope::Nothing }
}

/// BUILD INDEX in one partition. Doris does it at its leisure.
pub(super) async fn build(view: &TableView, seq: CommitSeq, job: &IndexJob) -> Result<Prepared, Exit> {
    // An unpartitioned table refuses the clause; its one partition has no range.
    let partition = if view.mapping.dest_ranges.contains_key("") {
        None
    } else {
        let rows = view.context.dest.partitions(&view.context.dest_db, &view.dest_table).await?;
        let entry = view.ledger.get(job.partition);
        match entry.and_then(|entry| rows.into_iter().find(|row| row.id == entry.dest)) {
            Some(row) => Some(row.name),
            // Dropped since on the source, and never copied.
            None => return Ok(Prepared::Nothing),
        }
    };
    let mut change = Change::new(view.id(), seq, format!("record {seq} (BUILD INDEX)")).optional();
    for index in &job.indexes {
        let statement = Statement::BuildIndex {
            db: view.context.dest_db.clone(),
            table: view.dest_table.clone(),
            index: index.name.clone(),
            partition: partition.clone(),
        };
        change = change.step(&statement, Proof::Repeatable);
    }
    Ok(Prepared::Change(change))
}

/// RENAME ROLLUP.
pub(super) fn rename_rollup(view: &TableView, seq: CommitSeq, rename: &Rename) -> Result<Prepared, Exit> {
    let on_record = rename.index.and_then(|index| match view.indexes.get(&index) {
        Some(CopiedIndex::Rollup(name)) => Some(name.clone()),
        _ => None,
    });
    let Some(new) = rename.new_rollup.clone() else { return Ok(Prepared::Nothing) };
    let Some(old) = on_record.or_else(|| rename.old_rollup.clone()) else {
        return Err(super::copy(view, seq, "a rollup was renamed whose old name is not known"));
    };
    if old == new {
        return Ok(Prepared::Nothing);
    }
    let statement = Statement::RenameRollup {
        db: view.context.dest_db.clone(),
        table: view.dest_table.clone(),
        old: old.clone(),
        new: new.clone(),
    };
    let change = Change::new(view.id(), seq, format!("record {seq} (RENAME_ROLLUP {old} to {new})"))
        .step(&statement, Proof::RollupRenamed { old: old.clone(), new: new.clone() })
        .effect(Effect::RollupRenamed { old, new });
    Ok(Prepared::Change(change))
}

/// DROP ROLLUP. Of several in one statement one is recorded; the others are noticed when a load has nothing for them.
pub(super) fn drop_rollup(view: &TableView, seq: CommitSeq, name: &str) -> Prepared {
    Prepared::Change(drop_change(view, Some(seq), name))
}

/// A rollup that the source does not have any more.
pub(super) fn drop_vanished(view: &TableView, index: IndexId<Source>) -> Result<Prepared, Exit> {
    match view.indexes.get(&index) {
        Some(CopiedIndex::Rollup(name)) => Ok(Prepared::Change(drop_change(view, None, name))),
        _ => Ok(Prepared::Nothing),
    }
}

fn drop_change(view: &TableView, seq: Option<CommitSeq>, name: &str) -> Change {
    let statement = Statement::DropRollup {
        db: view.context.dest_db.clone(),
        table: view.dest_table.clone(),
        rollup: name.to_owned(),
    };
    let what = match seq {
        Some(seq) => format!("record {seq} (DROP_ROLLUP {name})"),
        None => format!("rollup {name}, which is gone from the source, is dropped"),
    };
    Change::before_record(view.id(), what, seq)
        .step(&statement, Proof::RollupGone(name.to_owned()))
        .effect(Effect::RollupDropped { name: name.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Defects: BIN-6, SQL-26.
    #[test]
    fn only_drops_of_indexes_are_executed() {
        for (raw, only) in [
            ("ALTER TABLE `d`.`t` DROP INDEX i1 ON `d`.`t`", true),
            ("ALTER TABLE `d`.`t` DROP INDEX i1, \nDROP INDEX i2", true),
            ("ALTER TABLE `d`.`t` DROP INDEX i5, DROP COLUMN `c5`", false),
            ("ALTER TABLE `d`.`t` ADD COLUMN `c` INT NULL, DROP INDEX i5", false),
            ("ALTER TABLE `d`.`t` INDEX i2 (`c3`) USING INVERTED, DROP INDEX i5", false),
            ("", false),
        ] {
            assert_eq!(drops_indexes_only(raw), only, "{raw}");
        }
    }
}
