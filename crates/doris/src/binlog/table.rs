//! Records about tables as a whole: CREATE_TABLE and DROP_TABLE (also of views and, in 2.1 and 3.0, of asynchronous
//! materialized views), TRUNCATE_TABLE, REPLACE_TABLE, RECOVER_INFO.

use std::collections::BTreeMap;

use super::{PayloadError, fields::Fields, plain_db_name};
use crate::ids::{PartitionId, Source, TableId};

/// CREATE TABLE, CREATE VIEW, CREATE TABLE LIKE, CTAS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CreateTable {
    pub table: TableId<Source>,
    /// Without the prefix of Doris 2.0; absent before 2.0.3.
    pub db_name: Option<String>,
    /// Absent before 2.0.3.
    pub table_name: Option<String>,
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

impl CreateTable {
    pub(super) fn read(mut fields: Fields) -> Result<Self, PayloadError> {
        Ok(Self {
            table: fields.need_id("tableId", TableId::new)?,
            db_name: fields.text("dbName")?.map(|name| plain_db_name(&name).to_owned()),
            table_name: fields.text("tableName")?,
            table_type: fields.text("tableType")?,
            sql: fields.need_text("sql")?,
            properties: fields.or_default("properties")?,
        })
    }

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
}

/// DROP TABLE, DROP VIEW, or the undoing of a failed CREATE. FORCE leaves no trace in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DropTable {
    pub table: TableId<Source>,
    /// Absent in ancient versions.
    pub table_name: Option<String>,
    /// Absent in 2.1 and 3.0, where a dropped view looks like a table.
    pub is_view: Option<bool>,
    /// ``DROP TABLE IF EXISTS `t` ``; in 2.1 and 3.0 also for a view, which refuses it.
    pub raw_sql: String,
}

impl DropTable {
    pub(super) fn read(mut fields: Fields) -> Result<Self, PayloadError> {
        Ok(Self {
            table: fields.need_id("tableId", TableId::new)?,
            table_name: fields.text("tableName")?,
            is_view: fields.optional("isView")?,
            raw_sql: fields.or_default("rawSql")?,
        })
    }
}

/// TRUNCATE TABLE.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Truncate {
    pub table: TableId<Source>,
    pub table_name: Option<String>,
    pub entire: bool,
    /// `PARTITIONS (p1, p2) FORCE` or a part of it; names without quotes.
    pub raw_sql: String,
    /// The truncated partitions, by their old ids; absent in 2.1 and 3.0.
    pub partitions: Option<BTreeMap<PartitionId<Source>, String>>,
}

impl Truncate {
    pub(super) fn read(mut fields: Fields) -> Result<Self, PayloadError> {
        Ok(Self {
            table: fields.need_id("tblId", TableId::new)?,
            table_name: fields.text("table")?,
            entire: fields.need("isEntireTable")?,
            raw_sql: fields.or_default("rawSql")?,
            partitions: fields.optional("op")?,
        })
    }

    /// The named partitions; empty = all. From the ids where the record has them, else from the text, whose names carry
    /// no quotes.
    pub fn names(&self) -> Vec<String> {
        if self.entire {
            return Vec::new();
        }
        if let Some(partitions) = &self.partitions {
            return partitions.values().cloned().collect();
        }
        let inner = self.raw_sql.split_once('(').and_then(|(_, rest)| Some(rest.rsplit_once(')')?.0));
        inner
            .unwrap_or_default()
            .split(',')
            .map(|name| name.trim().to_owned())
            .filter(|name| !name.is_empty())
            .collect()
    }

    /// Whether nothing was left to recover.
    pub fn force(&self) -> bool {
        self.raw_sql.trim_end().ends_with("FORCE")
    }
}

/// ALTER TABLE a REPLACE WITH TABLE b. The record is in the stream of `a` only.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReplaceTable {
    /// `a`.
    pub origin: TableId<Source>,
    pub origin_name: Option<String>,
    /// `b`.
    pub new: TableId<Source>,
    pub new_name: Option<String>,
    /// The two exchange their names; else `b` is called `a` afterwards and `a` is dropped.
    pub swap: bool,
    pub force: bool,
}

impl ReplaceTable {
    pub(super) fn read(mut fields: Fields) -> Result<Self, PayloadError> {
        Ok(Self {
            origin: fields.need_id("origTblId", TableId::new)?,
            origin_name: fields.text("origTblName")?,
            // A misnomer of Doris: it is the id.
            new: fields.need_id("newTblName", TableId::new)?,
            new_name: fields.text("actualNewTblName")?,
            swap: fields.need("swapTable")?,
            force: fields.or_default("isForce")?,
        })
    }
}

/// RECOVER TABLE or RECOVER PARTITION.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recover {
    pub table: TableId<Source>,
    /// The name after AS, where that was written.
    pub table_name: Option<String>,
    /// `None`: the whole table.
    pub partition: Option<PartitionId<Source>>,
    /// The name after AS, where that was written.
    pub partition_name: Option<String>,
}

impl Recover {
    pub(super) fn read(mut fields: Fields) -> Result<Self, PayloadError> {
        let (new_table, table) = (fields.text("newTableName")?, fields.text("tableName")?);
        let (new_partition, partition) = (fields.text("newPartitionName")?, fields.text("partitionName")?);
        Ok(Self {
            table: fields.need_id("tableId", TableId::new)?,
            table_name: new_table.or(table),
            partition: fields.id(&["partitionId"], PartitionId::new)?,
            partition_name: new_partition.or(partition),
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::{
        super::{Record, testing::decode},
        *,
    };
    use crate::rpc::BinlogType;

    #[test]
    fn the_kind_is_told_by_type_or_text() {
        for (data, kind) in [
            (r#"{"tableId":1,"tableType":"VIEW","sql":"CREATE VIEW `v` AS SELECT 1;"}"#, CreatedKind::View),
            (r#"{"tableId":1,"tableType":"OLAP","sql":"CREATE TABLE `v` ();"}"#, CreatedKind::Table),
            (r#"{"tableId":1,"tableType":"JDBC","sql":"CREATE TABLE `v` ();"}"#, CreatedKind::External),
            (r#"{"tableId":1,"sql":"CREATE VIEW `view` AS SELECT 1;"}"#, CreatedKind::View),
            (r#"{"tableId":1,"sql":"CREATE MATERIALIZED VIEW amv\n(k)"}"#, CreatedKind::MaterializedView),
            (r#"{"tableId":1,"sql":"CREATE TABLE `view` (\n `k` int);"}"#, CreatedKind::Table),
        ] {
            let Ok(Record::CreateTable(record)) = decode(BinlogType::CREATE_TABLE, data) else { panic!("{data}") };
            assert_eq!(record.kind(), kind, "{data}");
        }
    }

    #[test]
    fn drops_of_all_versions() {
        let old = r#"{"commitSeq":153,"dbId":1,"tableId":2,"tableName":"v","rawSql":"DROP TABLE IF EXISTS `v`"}"#;
        assert!(matches!(decode(BinlogType::DROP_TABLE, old), Ok(Record::DropTable(DropTable { is_view: None, .. }))));
        let new = r#"{"tableId":2,"isView":true,"later":{"x":[1]}}"#;
        let Ok(Record::DropTable(new)) = decode(BinlogType::DROP_TABLE, new) else { panic!("not read") };
        assert_eq!((new.is_view, new.table.get(), new.table_name), (Some(true), 2, None));
    }

    #[test]
    fn truncated_partitions_are_named_by_ids_or_text() {
        let read = |data: &str| match decode(BinlogType::TRUNCATE_TABLE, data) {
            Ok(Record::Truncate(record)) => (record.names(), record.force()),
            other => panic!("{other:?}"),
        };
        let all = r#"{"tblId":1,"isEntireTable":true,"rawSql":" FORCE","op":{"5":"t"}}"#;
        assert_eq!(read(all), (vec![], true));
        let ids = r#"{"tblId":1,"isEntireTable":false,"rawSql":"PARTITIONS (p1, p2)","op":{"9":"p2","5":"p1"}}"#;
        assert_eq!(read(ids), (vec!["p1".to_owned(), "p2".to_owned()], false));
        let text = r#"{"tblId":1,"isEntireTable":false,"rawSql":"PARTITIONS (p1, p2) FORCE"}"#;
        assert_eq!(read(text), (vec!["p1".to_owned(), "p2".to_owned()], true));
    }

    #[test]
    fn a_recovered_object_is_called_by_its_new_name() {
        let read = |data: &str| match decode(BinlogType::RECOVER_INFO, data) {
            Ok(Record::Recover(record)) => record,
            other => panic!("{other:?}"),
        };
        let table = read(r#"{"tableId":2,"tableName":"t","partitionId":-1,"partitionName":"","newPartitionName":""}"#);
        assert_eq!((table.table_name.as_deref(), table.partition), (Some("t"), None));
        let named = r#"{"tableId":2,"tableName":"p","newTableName":"","partitionId":5,"partitionName":"p2","newPartitionName":"p3"}"#;
        let partition = read(named);
        assert_eq!((partition.partition, partition.partition_name.as_deref()), (Some(PartitionId::new(5)), Some("p3")));
    }
}
