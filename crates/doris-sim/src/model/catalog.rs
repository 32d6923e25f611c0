//! Databases, and finding things by name.

use std::collections::BTreeMap;

use super::{
    Answer, Database, Model, Refusal, Table,
    binlog::{NewRecord, kind},
    ids::*,
};

impl Model {
    /// A database by name; `errCode = 2, Unknown database 'd'` otherwise.
    pub fn database(&self, name: &str) -> Answer<&Database> {
        self.find_database(name).ok_or_else(|| unknown_database(name))
    }

    /// A database by name.
    pub fn find_database(&self, name: &str) -> Option<&Database> {
        self.databases.values().find(|db| db.name == name)
    }

    /// The id of a database by name.
    pub fn db_id(&self, name: &str) -> Answer<DbId> {
        self.database(name).map(|db| db.id)
    }

    /// A table (not a view) by names; `Unknown table 't'` otherwise.
    pub fn table(&self, db: &str, table: &str) -> Answer<&Table> {
        self.database(db)?.table(table).ok_or_else(|| unknown_table(table))
    }

    pub(crate) fn table_mut(&mut self, db: DbId, table: TableId) -> Option<&mut Table> {
        self.databases.get_mut(&db)?.table_by_id_mut(table)
    }

    /// CREATE DATABASE.
    pub fn create_database(
        &mut self,
        name: &str,
        properties: &BTreeMap<String, String>,
        if_not_exists: bool,
    ) -> Answer<()> {
        if self.find_database(name).is_some() {
            if if_not_exists {
                return Ok(());
            }
            return Err(Refusal::analysis(format!("Can't create database '{name}'; database exists")));
        }
        let id = DbId::new(self.ids.next_raw());
        self.databases.insert(
            id,
            Database { id, name: name.to_owned(), properties: properties.clone(), relations: BTreeMap::new() },
        );
        self.journal();
        Ok(())
    }

    /// DROP DATABASE [FORCE]. Its records stay, unreachable by name.
    pub fn drop_database(&mut self, name: &str, if_exists: bool, force: bool) -> Answer<()> {
        let Some(id) = self.find_database(name).map(|db| db.id) else {
            if if_exists {
                return Ok(());
            }
            return Err(Refusal::analysis(format!("Can't drop database '{name}'; database doesn't exist")));
        };
        if !force && self.has_committed_txns(id, None) {
            return Err(still_committed("database", name));
        }
        if let Some(db) = self.databases.remove(&id) {
            for table in db.tables() {
                self.drop_tablets(table);
            }
        }
        self.journal();
        Ok(())
    }

    /// ALTER DATABASE SET PROPERTIES. Any key and any value is taken (seen), but binlogs cannot be switched on while a
    /// table has them off.
    pub fn set_database_properties(&mut self, name: &str, properties: &BTreeMap<String, String>) -> Answer<()> {
        let db = self.database(name)?;
        let (id, was) = (db.id, db.binlog_enabled());
        let switches_on = properties.get("binlog.enable").is_some_and(|v| v == "true") && !was;
        if switches_on && let Some(table) = db.tables().find(|t| !t.flag("binlog.enable")) {
            let text = format!("binlog is not enable in table[{}] in db [{name}]", table.name);
            return Err(Refusal::analysis(text));
        }
        if let Some(db) = self.databases.get_mut(&id) {
            db.properties.extend(properties.clone());
        }
        let seq = self.journal();
        let data = serde_json::json!({ "dbId": id, "dbName": name, "properties": properties }).to_string();
        self.record(NewRecord { seq, kind: kind::ALTER_DATABASE_PROPERTY, db: id, table_ids: &[], data });
        Ok(())
    }

    /// ALTER DATABASE RENAME. No record.
    pub fn rename_database(&mut self, name: &str, new_name: &str) -> Answer<()> {
        let id = self.db_id(name)?;
        if self.find_database(new_name).is_some() {
            return Err(Refusal::analysis(format!("Database name[{new_name}] is already used")));
        }
        if let Some(db) = self.databases.get_mut(&id) {
            new_name.clone_into(&mut db.name);
        }
        self.journal();
        Ok(())
    }

    /// Text of SHOW CREATE DATABASE.
    pub fn create_database_text(&self, name: &str) -> Answer<String> {
        let db = self.database(name)?;
        let mut text = format!("CREATE DATABASE `{}`", db.name);
        if !db.properties.is_empty() {
            let lines: Vec<String> = db.properties.iter().map(|(k, v)| format!("\"{k}\" = \"{v}\"")).collect();
            text.push_str(&format!("\nPROPERTIES (\n{}\n)", lines.join(",\n")));
        }
        Ok(text)
    }
}

/// `Unknown database 'd'`.
pub(crate) fn unknown_database(name: &str) -> Refusal {
    Refusal::analysis(format!("Unknown database '{name}'"))
}

/// `Unknown table 't'`.
pub(crate) fn unknown_table(name: &str) -> Refusal {
    Refusal::analysis(format!("Unknown table '{name}'"))
}

/// Why a DROP without FORCE is refused while transactions wait for their publish (seen).
pub(crate) fn still_committed(kind: &str, name: &str) -> Refusal {
    Refusal::analysis(format!(
        "There are still some transactions in the COMMITTED state waiting to be completed. The {kind} [{name}] cannot \
         be dropped. If you want to forcibly drop(cannot be recovered), please use \"DROP {kind} FORCE\"."
    ))
}
