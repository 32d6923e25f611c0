//! DROP, RENAME, REPLACE and TRUNCATE of tables, and views.

use super::{
    Answer, Model, PartitionState, Refusal, Relation, Table, TableState, Version, ViewSpec,
    binlog::{NewRecord, kind},
    catalog::{still_committed, unknown_table},
    create_table::PartitionPlan,
    ids::*,
};

impl Model {
    /// A table that may be altered: exists, is a table, NORMAL, and not in atomic restore.
    pub(crate) fn alterable(&self, db: &str, name: &str) -> Answer<(DbId, &Table)> {
        let database = self.database(db)?;
        let table = match database.relation(name) {
            Some(Relation::Table(table)) => table,
            Some(Relation::View(_)) => {
                return Err(Refusal::analysis(format!("Do not support alter VIEW table[{name}]")));
            }
            None => return Err(unknown_table(name)),
        };
        check_alterable(table)?;
        Ok((database.id, table))
    }

    /// DROP TABLE [FORCE]. There is no recycle bin yet: both erase.
    pub fn drop_table(&mut self, db: &str, name: &str, if_exists: bool, force: bool) -> Answer<()> {
        let database = self.database(db)?;
        let db_id = database.id;
        let table = match database.relation(name) {
            Some(Relation::Table(table)) => table,
            Some(Relation::View(_)) => {
                return Err(Refusal::analysis(format!("'{db}.{name}' is not TABLE. Use 'DROP VIEW {db}.{name}'.")));
            }
            None if if_exists => return Ok(()),
            None => return Err(Refusal::analysis(format!("Unknown table '{name}' in {db}"))),
        };
        let id = table.id;
        if !force {
            if self.has_committed_txns(db_id, Some(id)) {
                return Err(still_committed("table", name));
            }
            check_droppable(table)?;
        }
        let seq = self.journal();
        let data = serde_json::json!({
            "dbId": db_id, "tableId": id, "tableName": name, "isView": false,
            "rawSql": format!("DROP TABLE IF EXISTS `{name}`"),
        });
        self.record(NewRecord { seq, kind: kind::DROP_TABLE, db: db_id, table_ids: &[id], data: data.to_string() });
        self.erase_table(db_id, id);
        self.dropped.entry(db_id).or_default().tables.insert(id, seq);
        Ok(())
    }

    /// Removes a table and its tablets.
    pub(crate) fn erase_table(&mut self, db: DbId, table: TableId) {
        let removed = self.databases.get_mut(&db).and_then(|db| db.relations.remove(&table));
        if let Some(Relation::Table(table)) = removed {
            self.drop_tablets(&table);
        }
    }

    /// DROP VIEW.
    pub fn drop_view(&mut self, db: &str, name: &str, if_exists: bool) -> Answer<()> {
        let database = self.database(db)?;
        let db_id = database.id;
        let id = match database.relation(name) {
            Some(Relation::View(view)) => view.id,
            Some(Relation::Table(_)) => {
                return Err(Refusal::analysis(format!("'{db}.{name}' is not VIEW. Use 'DROP TABLE {db}.{name}'.")));
            }
            None if if_exists => return Ok(()),
            None => return Err(Refusal::analysis(format!("Unknown table '{name}' in {db}"))),
        };
        let seq = self.journal();
        let data = serde_json::json!({
            "dbId": db_id, "tableId": id, "tableName": name, "isView": true,
            "rawSql": format!("DROP VIEW IF EXISTS `{name}`"),
        });
        self.record(NewRecord { seq, kind: kind::DROP_TABLE, db: db_id, table_ids: &[id], data: data.to_string() });
        if let Some(db) = self.databases.get_mut(&db_id) {
            db.relations.remove(&id);
        }
        self.dropped.entry(db_id).or_default().tables.insert(id, seq);
        Ok(())
    }

    /// ALTER VIEW: new columns and definition; the name stays.
    pub fn alter_view(&mut self, db: &str, name: &str, spec: ViewSpec) -> Answer<()> {
        let database = self.database(db)?;
        let db_id = database.id;
        let Some(Relation::View(view)) = database.relation(name) else {
            return Err(unknown_table(name));
        };
        let id = view.id;
        let columns: Vec<_> = spec.columns.iter().map(|(name, _)| serde_json::json!({ "name": name })).collect();
        let data = serde_json::json!({
            "dbId": db_id, "tableId": id, "inlineViewDef": spec.definition, "newFullSchema": columns,
        });
        if let Some(Relation::View(view)) = self.databases.get_mut(&db_id).and_then(|db| db.relations.get_mut(&id)) {
            view.columns = spec.columns;
            view.definition = spec.definition;
        }
        let seq = self.journal();
        self.record(NewRecord {
            seq,
            kind: kind::MODIFY_VIEW_DEF,
            db: db_id,
            table_ids: &[id],
            data: data.to_string(),
        });
        Ok(())
    }

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
        let seq = self.journal();
        let data = serde_json::json!({
            "db": db_id, "tb": id, "ind": -1, "p": -1, "nT": new_name, "oT": name, "nR": "", "oR": "", "nP": "",
            "oP": "",
        });
        self.record(NewRecord { seq, kind: kind::RENAME_TABLE, db: db_id, table_ids: &[id], data: data.to_string() });
        Ok(())
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
        let data = serde_json::json!({
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
            self.erase_table(db_id, origin_id);
            self.dropped.entry(db_id).or_default().tables.insert(origin_id, seq);
        }
        if let Some(table) = self.table_mut(db_id, new_id) {
            table.rename(origin);
        }
        Ok(())
    }

    /// TRUNCATE TABLE [PARTITION (..)] [FORCE]: each partition gets a new id, new tablets and version 1. With FORCE
    /// partitions that never held anything are skipped (seen).
    pub fn truncate_table(&mut self, db: &str, name: &str, partitions: Option<&[String]>, force: bool) -> Answer<()> {
        let (db_id, table) = self.alterable(db, name)?;
        let id = table.id;
        for partition in partitions.unwrap_or_default() {
            if table.partition(partition, false).is_none() {
                return Err(Refusal::analysis(format!("Partition {partition} does not exist")));
            }
        }
        let wanted = |name: &str| partitions.is_none_or(|list| list.iter().any(|p| p.eq_ignore_ascii_case(name)));
        let chosen: Vec<_> = table
            .partitions
            .iter()
            .filter(|p| wanted(&p.name) && !(force && p.visible_version == Version(1)))
            .cloned()
            .collect();
        if chosen.is_empty() {
            return Ok(());
        }
        let indexes: Vec<IndexId> = table.indexes.keys().copied().collect();
        let (keys, binlog_enabled) = (table.keys, table.flag("binlog.enable"));
        let hash_columns = table.distribution.hash_columns.clone();
        let mut old_ids = serde_json::Map::new();
        let mut gone = Vec::new();
        for old in chosen {
            let new_id = PartitionId::new(self.ids.next_raw());
            let plan = PartitionPlan {
                keys,
                binlog_enabled,
                indexes: &indexes,
                buckets: old.buckets,
                replication: old.replication,
                hash_columns: &hash_columns,
            };
            let new = self.build_partition(new_id, old.name.clone(), old.item.clone(), &plan);
            if let Some(slot) = self.table_mut(db_id, id).and_then(|t| t.partition_by_id_mut(old.id)) {
                *slot = new;
            }
            self.drop_partition_tablets(&old);
            old_ids.insert(old.id.to_string(), old.name.clone().into());
            gone.push(old.id);
        }
        let seq = self.journal();
        let raw = partitions.map_or_else(String::new, |list| format!("PARTITIONS ({})", list.join(", ")));
        let data = serde_json::json!({
            "dbId": db_id, "db": db, "tblId": id, "table": name, "isEntireTable": partitions.is_none(), "rawSql": raw,
            "op": old_ids,
        });
        self.record(NewRecord { seq, kind: kind::TRUNCATE_TABLE, db: db_id, table_ids: &[id], data: data.to_string() });
        self.dropped.entry(db_id).or_default().partitions.extend(gone.into_iter().map(|p| (p, seq)));
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
        if self.scheme.kind == super::PartitionKind::Unpartitioned {
            for partition in self.partitions.iter_mut().filter(|p| p.name == old) {
                name.clone_into(&mut partition.name);
            }
        }
    }
}

/// `Table[t]'s state(X) is not NORMAL`, `Table[t] is in atomic restore state`.
pub(crate) fn check_alterable(table: &Table) -> Answer<()> {
    let name = &table.name;
    if table.in_atomic_restore {
        let text = format!("Table[{name}] is in atomic restore state. Do not allow doing ALTER ops");
        return Err(Refusal::analysis(text));
    }
    if table.state != TableState::Normal {
        let state = table.state.name();
        let text = format!("Table[{name}]'s state({state}) is not NORMAL. Do not allow doing ALTER ops");
        return Err(Refusal::analysis(text));
    }
    Ok(())
}

/// DROP without FORCE of a table that is being changed or restored.
fn check_droppable(table: &Table) -> Answer<()> {
    let (state, operation) = match (table.in_atomic_restore, table.state) {
        (true, _) => ("in atomic restore", "restore operation"),
        (false, TableState::Normal) if table.partitions.iter().all(|p| p.state == PartitionState::Normal) => {
            return Ok(());
        }
        (false, TableState::Normal) => ("RESTORE", "operation"),
        (false, state) => (state.name(), "operation"),
    };
    Err(Refusal::analysis(format!(
        "The table [{}]'s state is {state}, cannot be dropped. please cancel the {operation} on olap table firstly. If \
         you want to forcibly drop(cannot be recovered), please use \"DROP table FORCE\".",
        table.name
    )))
}

/// Tables and their rollups do not share names.
fn check_index_name(table: &Table, new_name: &str) -> Answer<()> {
    if table.indexes.values().any(|index| index.id != table.base_index && index.name == new_name) {
        return Err(Refusal::analysis(format!("New name conflicts with rollup index name: {new_name}")));
    }
    Ok(())
}
