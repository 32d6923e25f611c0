//! DROP DATABASE and ALTER DATABASE.

use std::collections::BTreeMap;

use serde_json::json;

use super::{
    Answer, Model, Quotas, Refusal,
    binlog::{NewRecord, kind},
    catalog::{still_committed, unknown_database},
    drop_rename::check_droppable,
};

impl Model {
    /// DROP DATABASE [FORCE]: into the recycle bin with all that it holds. Its records stay, unreachable by name; there is
    /// none of the drop.
    pub fn drop_database(&mut self, name: &str, if_exists: bool, force: bool) -> Answer<()> {
        let Some(db) = self.find_database(name) else {
            if if_exists {
                return Ok(());
            }
            return Err(Refusal::analysis(format!("Can't drop database '{name}'; database doesn't exist")));
        };
        let id = db.id;
        if !force {
            if self.has_committed_txns(id, None) {
                return Err(still_committed("database", name));
            }
            db.tables().try_for_each(check_droppable)?;
        }
        let seq = self.journal();
        self.recycle_database(id, force, seq);
        Ok(())
    }

    /// ALTER DATABASE SET PROPERTIES. Any key and any value is taken (seen), but binlogs cannot be switched on while a
    /// table has them off.
    pub fn set_database_properties(&mut self, name: &str, properties: &BTreeMap<String, String>) -> Answer<()> {
        let db = self.database(name)?;
        let (id, was) = (db.id, db.binlog_enabled());
        let on = |value: &String| value.eq_ignore_ascii_case("true");
        let switches_on = properties.get("binlog.enable").is_some_and(on) && !was;
        if switches_on && let Some(table) = db.tables().find(|t| !t.flag("binlog.enable")) {
            let text = format!("binlog is not enable in table[{}] in db [{name}]", table.name);
            return Err(Refusal::analysis(text));
        }
        if let Some(db) = self.databases.get_mut(&id) {
            db.properties.extend(properties.clone());
        }
        let seq = self.journal();
        let data = json!({ "dbId": id, "dbName": name, "properties": properties }).to_string();
        self.record(NewRecord { seq, kind: kind::ALTER_DATABASE_PROPERTY, db: id, table_ids: &[], data });
        Ok(())
    }

    /// ALTER DATABASE RENAME. No record.
    pub fn rename_database(&mut self, name: &str, new_name: &str) -> Answer<()> {
        if name == new_name {
            return Err(Refusal::analysis("Same database name"));
        }
        let id = self.database(name)?.id;
        if self.find_database(new_name).is_some() {
            return Err(Refusal::analysis(format!("Database name[{new_name}] is already used")));
        }
        if let Some(db) = self.databases.get_mut(&id) {
            new_name.clone_into(&mut db.name);
        }
        self.journal();
        Ok(())
    }

    /// ALTER DATABASE SET DATA | REPLICA | TRANSACTION QUOTA. No record.
    pub fn set_quota(&mut self, name: &str, set: impl FnOnce(&mut Quotas)) -> Answer<()> {
        let db = self.databases.values_mut().find(|db| db.name == name).ok_or_else(|| unknown_database(name))?;
        set(&mut db.quotas);
        self.journal();
        Ok(())
    }
}
