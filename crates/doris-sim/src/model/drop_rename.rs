//! DROP of tables and views; ALTER VIEW; when a table may be altered.

use super::{
    Answer, Model, PartitionState, Refusal, Relation, Table, TableState, ViewSpec,
    binlog::{NewRecord, kind},
    catalog::{olap_table, still_committed, unknown_table},
    fe_json::view_column,
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

    /// ADMIN SET TABLE STATUS: puts a table into a state, whatever it is in. Journaled, not recorded.
    pub fn set_table_state(&mut self, db: &str, name: &str, state: TableState) -> Answer<()> {
        let database = self.database(db)?;
        let (db_id, id) = (database.id, olap_table(database, name)?.id);
        if let Some(table) = self.table_mut(db_id, id) {
            table.state = state;
        }
        self.journal();
        Ok(())
    }

    /// DROP TABLE [FORCE]: into the recycle bin.
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
        if table.materialized.is_some() {
            return Err(Refusal::analysis(format!(
                "'{db}.{name}' is not TABLE. Use 'DROP MATERIALIZED VIEW {db}.{name}'."
            )));
        }
        let id = table.id;
        if !force {
            if self.has_committed_txns(db_id, Some(id)) {
                return Err(still_committed("table", name));
            }
            check_droppable(table)?;
        }
        self.drop_relation_unchecked(db_id, id, name, force);
        Ok(())
    }

    /// DROP MATERIALIZED VIEW of an asynchronous one.
    pub fn drop_materialized_table(&mut self, db: &str, name: &str, if_exists: bool) -> Answer<()> {
        let database = self.database(db)?;
        let db_id = database.id;
        let id = match database.relation(name) {
            Some(Relation::Table(table)) if table.materialized.is_some() => table.id,
            Some(_) => {
                return Err(Refusal::analysis(format!(
                    "'{db}.{name}' is not MATERIALIZED_VIEW. Use 'DROP TABLE {db}.{name}'."
                )));
            }
            None if if_exists => return Ok(()),
            None => return Err(Refusal::analysis(format!("Unknown table '{name}' in {db}"))),
        };
        self.drop_relation_unchecked(db_id, id, name, true);
        Ok(())
    }

    /// Takes a table out of its database. A restore that cleans does it to views, too: the record calls them tables.
    pub(super) fn drop_relation_unchecked(&mut self, db: DbId, id: TableId, name: &str, force: bool) {
        let seq = self.journal();
        let data = serde_json::json!({
            "dbId": db, "tableId": id, "tableName": name, "isView": false, "commitSeq": seq,
            "rawSql": format!("DROP TABLE IF EXISTS `{name}`"),
        });
        self.record(NewRecord { seq, kind: kind::DROP_TABLE, db, table_ids: &[id], data: data.to_string() });
        self.recycle_relation(db, id, force, seq);
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
            "dbId": db_id, "tableId": id, "tableName": name, "isView": true, "commitSeq": seq,
            "rawSql": format!("DROP VIEW IF EXISTS `{name}`"),
        });
        self.record(NewRecord { seq, kind: kind::DROP_TABLE, db: db_id, table_ids: &[id], data: data.to_string() });
        self.recycle_relation(db_id, id, false, seq);
        Ok(())
    }

    /// ALTER VIEW MODIFY COMMENT.
    pub fn alter_view_comment(&mut self, db: &str, name: &str, comment: String) -> Answer<()> {
        let database = self.database(db)?;
        let db_id = database.id;
        let Some(Relation::View(view)) = database.relation(name) else {
            return Err(unknown_table(name));
        };
        let id = view.id;
        let data = serde_json::json!({
            "dbId": db_id, "tableId": id, "newFullSchema": [], "comment": comment, "sv": view_session_variables(),
        });
        if let Some(Relation::View(view)) = self.databases.get_mut(&db_id).and_then(|db| db.relations.get_mut(&id)) {
            view.comment = comment;
        }
        let seq = self.journal();
        let data = data.to_string();
        self.record(NewRecord { seq, kind: kind::MODIFY_VIEW_DEF, db: db_id, table_ids: &[id], data });
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
        let columns: Vec<_> = spec.columns.iter().zip(&spec.types).map(view_column).collect();
        let data = serde_json::json!({
            "dbId": db_id, "tableId": id, "inlineViewDef": spec.definition, "newFullSchema": columns,
            "sv": view_session_variables(),
        });
        if let Some(Relation::View(view)) = self.databases.get_mut(&db_id).and_then(|db| db.relations.get_mut(&id)) {
            view.columns = spec.columns;
            view.types = spec.types;
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
pub(super) fn check_droppable(table: &Table) -> Answer<()> {
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

/// Variables that decide what a query means: a view keeps those of its last change. Sessions do not differ in them here.
fn view_session_variables() -> serde_json::Value {
    serde_json::json!({
        "sql_mode": "32", "show_hidden_columns": "false", "block_encryption_mode": "", "decimal_overflow_scale": "6",
        "skip_storage_engine_merge": "false", "skip_delete_sign": "false", "skip_delete_bitmap": "false",
        "skip_missing_version": "false", "skip_bad_tablet": "false", "sql_dialect": "doris", "serde_dialect": "doris",
        "enable_strict_cast": "false", "enable_decimal256": "false", "skip_checking_acid_version_file": "false",
    })
}
