//! CREATE_TABLE and DROP_TABLE: tables, views and (2.1, 3.0) asynchronous materialized views.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::{PayloadError, parse, plain_db_name};
use crate::ids::{CommitSeq, DbId, Source, TableId};

/// CREATE TABLE, CREATE VIEW, CREATE TABLE LIKE, CTAS.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct CreateTable {
    pub commit_seq: CommitSeq,
    pub db_id: DbId<Source>,
    pub table_id: TableId<Source>,
    /// Empty before 2.0.3.
    pub db_name: String,
    /// Empty before 2.0.3.
    pub table_name: String,
    /// `OLAP`, `VIEW`, ...; absent in 2.1 and 3.0, where only the text tells.
    pub table_type: Option<String>,
    /// SHOW CREATE TABLE of that version, with `"is_being_synced" = "true"` and a trailing `;`. Not always a text that
    /// Doris itself accepts.
    pub sql: String,
    /// Internal properties (4.1); not a PROPERTIES clause.
    pub properties: BTreeMap<String, String>,
}

/// What kind of object a CREATE_TABLE record made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CreatedKind {
    Table,
    View,
    /// Asynchronous materialized view: not replicated.
    MaterializedView,
    /// An external table (ES, JDBC, ...): not replicated.
    External,
}

impl Default for CreateTable {
    fn default() -> Self {
        Self {
            commit_seq: CommitSeq(-1),
            db_id: DbId::new(-1),
            table_id: TableId::new(-1),
            db_name: String::new(),
            table_name: String::new(),
            table_type: None,
            sql: String::new(),
            properties: BTreeMap::new(),
        }
    }
}

impl CreateTable {
    /// Reads a record's `data`.
    pub fn parse(data: &str) -> Result<Self, PayloadError> {
        parse("CREATE_TABLE", data)
    }
}

impl CreateTable {
    /// By the type where the record has it, else by the first words of the text.
    pub fn kind(&self) -> CreatedKind {
        match self.table_type.as_deref() {
            Some("OLAP") => return CreatedKind::Table,
            Some("VIEW") => return CreatedKind::View,
            Some("MATERIALIZED_VIEW") => return CreatedKind::MaterializedView,
            Some(_) => return CreatedKind::External,
            None => {}
        }
        let words: Vec<String> = self.sql.split_whitespace().take(3).map(str::to_ascii_uppercase).collect();
        match words.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
            ["CREATE", "VIEW", ..] => CreatedKind::View,
            ["CREATE", "MATERIALIZED", "VIEW"] => CreatedKind::MaterializedView,
            ["CREATE", "EXTERNAL", ..] => CreatedKind::External,
            _ => CreatedKind::Table,
        }
    }

    /// The database's name without the prefix of Doris 2.0.
    pub fn db_name(&self) -> &str {
        plain_db_name(&self.db_name)
    }
}

/// DROP TABLE, DROP VIEW, or the undoing of a failed CREATE. FORCE leaves no trace in it.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct DropTable {
    pub commit_seq: CommitSeq,
    pub db_id: DbId<Source>,
    pub table_id: TableId<Source>,
    /// Empty in ancient versions.
    pub table_name: String,
    /// Absent in 2.1 and 3.0, where a dropped view looks like a table.
    pub is_view: Option<bool>,
    /// ``DROP TABLE IF EXISTS `t` ``; in 2.1 and 3.0 also for a view, which refuses it.
    pub raw_sql: String,
}

impl Default for DropTable {
    fn default() -> Self {
        Self {
            commit_seq: CommitSeq(-1),
            db_id: DbId::new(-1),
            table_id: TableId::new(-1),
            table_name: String::new(),
            is_view: None,
            raw_sql: String::new(),
        }
    }
}

impl DropTable {
    /// Reads a record's `data`.
    pub fn parse(data: &str) -> Result<Self, PayloadError> {
        parse("DROP_TABLE", data)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_kind_is_told_by_type_or_text() {
        for (data, kind) in [
            (r#"{"tableType":"VIEW","sql":"CREATE VIEW `v` AS SELECT 1;"}"#, CreatedKind::View),
            (r#"{"tableType":"OLAP","sql":"CREATE TABLE `v` ();"}"#, CreatedKind::Table),
            (r#"{"tableType":"JDBC","sql":"CREATE TABLE `v` ();"}"#, CreatedKind::External),
            (r#"{"sql":"CREATE VIEW `view` AS SELECT 1;"}"#, CreatedKind::View),
            (r#"{"sql":"CREATE MATERIALIZED VIEW amv\n(k)"}"#, CreatedKind::MaterializedView),
            (r#"{"sql":"CREATE TABLE `view` (\n `k` int);"}"#, CreatedKind::Table),
        ] {
            assert_eq!(CreateTable::parse(data).unwrap().kind(), kind, "{data}");
        }
    }

    #[test]
    fn drops_of_all_versions() {
        let old = DropTable::parse(
            r#"{"commitSeq":153,"dbId":1,"tableId":2,"tableName":"vw2","rawSql":"DROP TABLE IF EXISTS `vw2`"}"#,
        );
        assert_eq!(old.unwrap().is_view, None);
        let new = DropTable::parse(r#"{"tableId":2,"isView":true,"later":{"x":[1]}}"#).unwrap();
        assert_eq!((new.is_view, new.table_id.get(), new.table_name.as_str()), (Some(true), 2, ""));
        assert!(DropTable::parse("{\"tableId\":\"x\"}").is_err());
    }
}
