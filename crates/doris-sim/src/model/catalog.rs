//! Databases, and finding things by name.

use std::collections::BTreeMap;

use super::{Answer, Database, Model, Refusal, Relation, Table, ids::*};

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
        self.databases.insert(id, Database { properties: properties.clone(), ..Database::new(id, name) });
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

/// A table by name as most statements look it up; a view is none.
pub(crate) fn olap_table<'a>(db: &'a Database, name: &str) -> Answer<&'a Table> {
    match db.relation(name) {
        Some(Relation::Table(table)) => Ok(table),
        Some(Relation::View(_)) => Err(Refusal::analysis(format!("Table '{name}' is not a OLAP table"))),
        None => Err(unknown_table(name)),
    }
}

/// Why a DROP without FORCE is refused while transactions wait for their publish (seen).
pub(crate) fn still_committed(kind: &str, name: &str) -> Refusal {
    Refusal::analysis(format!(
        "There are still some transactions in the COMMITTED state waiting to be completed. The {kind} [{name}] cannot \
         be dropped. If you want to forcibly drop(cannot be recovered), please use \"DROP {kind} FORCE\"."
    ))
}
