//! `binlog.*` of a table.

use std::collections::BTreeMap;

use crate::model::{Answer, Model, Refusal, ids::*, properties::BINLOG_DEFAULTS};

impl Model {
    /// Changes the table's binlog configuration. All four properties are recorded; what changes nothing is not (seen).
    pub(super) fn set_binlog(&mut self, db: DbId, id: TableId, written: &BTreeMap<String, String>) -> Answer<()> {
        let db_on = self.databases.get(&db).is_some_and(crate::model::Database::binlog_enabled);
        let Some(table) = self.table_mut(db, id) else { return Ok(()) };
        let mut set = BTreeMap::new();
        for (key, default) in BINLOG_DEFAULTS {
            let current = table.properties.get(key).map_or(default, String::as_str);
            let value = match written.get(key) {
                None => current.to_owned(),
                Some(text) if key == "binlog.enable" => text.eq_ignore_ascii_case("true").to_string(),
                Some(text) => number(text)?.to_string(),
            };
            set.insert(key.to_owned(), value);
        }
        let enable = set.get("binlog.enable").is_some_and(|v| v == "true");
        if db_on && !enable {
            return Err(Refusal::analysis("db binlog is enable, but table binlog is disable"));
        }
        if set.iter().all(|(key, value)| table.properties.get(key) == Some(value)) {
            return Ok(());
        }
        let partitions = table.all_partitions().flat_map(|partition| partition.tablets());
        let tablets: Vec<TabletId> = partitions.map(|(_, tablet)| tablet.id).collect();
        self.tell_backends_binlog(&tablets, enable);
        self.store_properties(db, id, &set, &set);
        Ok(())
    }
}

/// `Long.parseLong`, whose exception goes to the client as it is.
fn number(text: &str) -> Answer<i64> {
    text.parse().map_err(|_| Refusal::plain(2, format!("NumberFormatException, msg: For input string: \"{text}\"")))
}
