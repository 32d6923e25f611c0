//! Databases.

use std::collections::BTreeMap;

use super::{
    ids::*,
    table::{Relation, Table, View},
};

/// A database.
#[derive(Clone, Debug)]
pub struct Database {
    pub id: DbId,
    pub name: String,
    pub properties: BTreeMap<String, String>,
    pub relations: BTreeMap<TableId, Relation>,
    pub quotas: Quotas,
}

/// What a database may hold (ALTER DATABASE SET .. QUOTA). The simulator never fills data and replicas.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quotas {
    pub data_bytes: i64,
    pub replicas: i64,
    /// Running ones; `None`: `max_running_txn_num_per_db`.
    pub transactions: Option<i64>,
}

impl Default for Quotas {
    fn default() -> Self {
        Self { data_bytes: i64::MAX, replicas: 1_073_741_824, transactions: None }
    }
}

impl Database {
    /// An empty database.
    pub(crate) fn new(id: DbId, name: &str) -> Self {
        Self {
            id,
            name: name.to_owned(),
            properties: BTreeMap::new(),
            relations: BTreeMap::new(),
            quotas: Quotas::default(),
        }
    }

    /// A table or view by name (case-sensitive, as in Doris by default).
    pub fn relation(&self, name: &str) -> Option<&Relation> {
        self.relations.values().find(|r| r.name() == name)
    }

    pub fn table(&self, name: &str) -> Option<&Table> {
        self.relation(name).and_then(Relation::as_table)
    }

    pub fn table_by_id(&self, id: TableId) -> Option<&Table> {
        self.relations.get(&id).and_then(Relation::as_table)
    }

    pub fn table_by_id_mut(&mut self, id: TableId) -> Option<&mut Table> {
        self.relations.get_mut(&id).and_then(Relation::as_table_mut)
    }

    pub fn tables(&self) -> impl Iterator<Item = &Table> {
        self.relations.values().filter_map(Relation::as_table)
    }

    pub fn views(&self) -> impl Iterator<Item = &View> {
        self.relations.values().filter_map(|r| match r {
            Relation::View(view) => Some(view),
            Relation::Table(_) => None,
        })
    }

    /// Whether `binlog.enable` is set on the database itself.
    pub fn binlog_enabled(&self) -> bool {
        self.properties.get("binlog.enable").is_some_and(|v| v.eq_ignore_ascii_case("true"))
    }
}
