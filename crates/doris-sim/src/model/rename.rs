//! RENAME of tables, rollups and partitions; REPLACE WITH TABLE.

use serde_json::json;

use super::{
    Answer, Model, PartitionKind, Refusal, Relation, Table,
    binlog::{NewRecord, kind},
    drop_rename::check_alterable,
    ids::*,
};

/// What a rename record says (`TableInfo`): ids, and the old and new name of the one thing that is renamed.
struct RenameRecord<'a> {
    kind: i32,
    index: Option<IndexId>,
    partition: Option<PartitionId>,
    old: &'a str,
    new: &'a str,
}

impl Model {
    /// ALTER TABLE RENAME. The base index and the partition of an unpartitioned table take the name, too.
    pub fn rename_table(&mut self, db: &str, name: &str, new_name: &str) -> Answer<()> {
        let (db_id, table) = self.alterable(db, name)?;
        let id = table.id;
        if name == new_name {
            return Err(Refusal::analysis("Same table name"));
        }
        if self.database(db)?.relation(new_name).is_some() {
            return Err(Refusal::analysis(format!("Table name[{new_name}] is already used")));
        }
        check_index_name(table, new_name)?;
        if let Some(table) = self.table_mut(db_id, id) {
            table.rename(new_name);
        }
        let record = RenameRecord { kind: kind::RENAME_TABLE, index: None, partition: None, old: name, new: new_name };
        self.record_rename(db_id, id, &record);
        Ok(())
    }

    /// ALTER TABLE RENAME ROLLUP.
    pub fn rename_rollup(&mut self, db: &str, name: &str, old: &str, new: &str) -> Answer<()> {
        let (db_id, table) = self.alterable(db, name)?;
        let id = table.id;
        if old == name {
            return Err(Refusal::analysis("Using ALTER TABLE RENAME to change table name"));
        }
        if old == new {
            return Err(Refusal::analysis("Same rollup name"));
        }
        let find = |wanted: &str| table.indexes.values().find(|index| index.name == wanted).map(|index| index.id);
        let index = find(old).ok_or_else(|| Refusal::analysis(format!("Rollup index[{old}] does not exists")))?;
        if find(new).is_some() {
            return Err(Refusal::analysis(format!("Rollup name[{new}] is already used")));
        }
        if let Some(schema) = self.table_mut(db_id, id).and_then(|table| table.indexes.get_mut(&index)) {
            new.clone_into(&mut schema.name);
        }
        let record = RenameRecord { kind: kind::RENAME_ROLLUP, index: Some(index), partition: None, old, new };
        self.record_rename(db_id, id, &record);
        Ok(())
    }

    /// ALTER TABLE RENAME PARTITION.
    pub fn rename_partition(&mut self, db: &str, name: &str, old: &str, new: &str) -> Answer<()> {
        let (db_id, table) = self.alterable(db, name)?;
        let id = table.id;
        if table.scheme.kind == PartitionKind::Unpartitioned {
            let text = format!("Table[{name}] is single partitioned. no need to rename partition name.");
            return Err(Refusal::analysis(text));
        }
        if old.eq_ignore_ascii_case(new) {
            return Err(Refusal::analysis("Same partition name"));
        }
        let Some(partition) = table.partition(old, false).map(|partition| partition.id) else {
            return Err(Refusal::analysis(format!("Partition[{old}] does not exists")));
        };
        if table.has_partition_name(new) {
            return Err(Refusal::analysis(format!("Partition name[{new}] is already used")));
        }
        if let Some(partition) = self.table_mut(db_id, id).and_then(|table| table.partition_by_id_mut(partition)) {
            new.clone_into(&mut partition.name);
        }
        let record = RenameRecord { kind: kind::RENAME_PARTITION, index: None, partition: Some(partition), old, new };
        self.record_rename(db_id, id, &record);
        Ok(())
    }

    fn record_rename(&mut self, db: DbId, table: TableId, rename: &RenameRecord<'_>) {
        let seq = self.journal();
        let names = |of: i32| if of == rename.kind { (rename.new, rename.old) } else { ("", "") };
        let (of_table, of_rollup) = (names(kind::RENAME_TABLE), names(kind::RENAME_ROLLUP));
        let of_partition = names(kind::RENAME_PARTITION);
        let data = json!({
            "db": db, "tb": table, "ind": rename.index.map_or(-1, IndexId::get),
            "p": rename.partition.map_or(-1, PartitionId::get), "nT": of_table.0, "oT": of_table.1, "nR": of_rollup.0,
            "oR": of_rollup.1, "nP": of_partition.0, "oP": of_partition.1,
        });
        self.record(NewRecord { seq, kind: rename.kind, db, table_ids: &[table], data: data.to_string() });
    }

    /// ALTER TABLE origin REPLACE WITH TABLE new: exchanges the names, or drops the origin.
    pub fn replace_table(&mut self, db: &str, origin: &str, new: &str, swap: bool, force: bool) -> Answer<()> {
        let (db_id, origin_table) = self.alterable(db, origin)?;
        let origin_id = origin_table.id;
        let new_table = match self.database(db)?.relation(new) {
            Some(Relation::Table(table)) => table,
            Some(Relation::View(_)) => {
                return Err(Refusal::analysis(format!(
                    "errCode = 7, detailMessage = Type of {new} doesn't match, expected data tables=[OLAP, \
                     MATERIALIZED_VIEW]"
                )));
            }
            None => {
                return Err(Refusal::analysis(format!(
                    "errCode = 7, detailMessage = table not found, tableName={new}"
                )));
            }
        };
        check_alterable(new_table)?;
        check_index_name(new_table, origin)?;
        if swap {
            check_index_name(origin_table, new)?;
        }
        let new_id = new_table.id;
        if origin_id == new_id {
            return Err(Refusal::analysis("Same table name"));
        }
        let seq = self.journal();
        let data = json!({
            "dbId": db_id, "origTblId": origin_id, "origTblName": origin, "newTblName": new_id,
            "actualNewTblName": new, "swapTable": swap, "isForce": force,
        });
        self.record(NewRecord {
            seq,
            kind: kind::REPLACE_TABLE,
            db: db_id,
            table_ids: &[origin_id],
            data: data.to_string(),
        });
        if swap {
            if let Some(table) = self.table_mut(db_id, origin_id) {
                table.rename(new);
            }
        } else {
            self.recycle_relation(db_id, origin_id, force, seq);
        }
        if let Some(table) = self.table_mut(db_id, new_id) {
            table.rename(origin);
        }
        Ok(())
    }
}

impl Table {
    /// Renames the table, its base index, and the partition of an unpartitioned table.
    pub(crate) fn rename(&mut self, name: &str) {
        let old = std::mem::replace(&mut self.name, name.to_owned());
        if let Some(index) = self.indexes.get_mut(&self.base_index) {
            name.clone_into(&mut index.name);
        }
        if self.scheme.kind == PartitionKind::Unpartitioned {
            for partition in self.partitions.iter_mut().filter(|p| p.name == old) {
                name.clone_into(&mut partition.name);
            }
        }
    }

    /// Whether a formal or temporary partition has this name.
    pub(crate) fn has_partition_name(&self, name: &str) -> bool {
        self.all_partitions().any(|partition| partition.name.eq_ignore_ascii_case(name))
    }
}

/// Tables and their rollups do not share names.
pub(super) fn check_index_name(table: &Table, new_name: &str) -> Answer<()> {
    if table.indexes.values().any(|index| index.id != table.base_index && index.name == new_name) {
        return Err(Refusal::analysis(format!("New name conflicts with rollup index name: {new_name}")));
    }
    Ok(())
}
