//! MODIFY_TABLE_ADD_OR_DROP_COLUMNS (light schema changes) and MODIFY_COMMENT.

use std::collections::BTreeMap;

use super::{Column, IndexInfo, PayloadError, fields::Fields};
use crate::ids::{IndexId, Source, TableId};

/// Columns of indexes.
type Schemas = BTreeMap<IndexId<Source>, Vec<Column>>;

/// A light schema change: columns were added, dropped or widened without a job.
#[derive(Clone, Debug, PartialEq)]
pub struct ModifyColumns {
    pub table: TableId<Source>,
    /// Absent before 2025-02 (2.1, 3.0).
    pub base_index: Option<IndexId<Source>>,
    /// The new schemas, hidden columns included.
    pub schemas: Schemas,
    /// Empty before 2025-01 (2.1, 3.0).
    pub old_schemas: Schemas,
    /// Names of all indexes; empty before 2025-02.
    pub index_names: BTreeMap<String, IndexId<Source>>,
    pub indexes: Vec<IndexInfo>,
    /// The whole ALTER TABLE with the source's names. It never tells KEY, ON UPDATE and generated columns.
    pub raw_sql: String,
}

impl ModifyColumns {
    pub(super) fn read(mut fields: Fields) -> Result<Self, PayloadError> {
        Ok(Self {
            table: fields.need_id("tableId", TableId::new)?,
            base_index: fields.id(&["baseIndexId", "baseIndexid"], IndexId::new)?,
            raw_sql: fields.need_text("rawSql")?,
            schemas: fields.or_default("indexSchemaMap")?,
            old_schemas: fields.or_default("oldIndexSchemaMap")?,
            index_names: fields.or_default("indexNameToId")?,
            indexes: fields.or_default("indexes")?,
        })
    }

    /// The columns of the base index: named by the record, else the schema with the most columns, since a rollup has only
    /// columns of its base.
    pub fn base_schema(&self) -> Option<&[Column]> {
        let schema = match self.base_index {
            Some(base) => self.schemas.get(&base),
            None => self.schemas.values().max_by_key(|columns| columns.len()),
        };
        schema.map(Vec::as_slice)
    }
}

/// MODIFY COMMENT or MODIFY COLUMN .. COMMENT. Texts are as they stood between the quotes: nothing was decoded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModifyComment {
    pub table: TableId<Source>,
    pub change: CommentChange,
}

/// Whose comment it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CommentChange {
    Table(String),
    /// Comment by column.
    Columns(BTreeMap<String, String>),
}

impl ModifyComment {
    pub(super) fn read(mut fields: Fields) -> Result<Self, PayloadError> {
        let table = fields.need_id("tblId", TableId::new)?;
        let change = match fields.need_text("type")?.as_str() {
            "TABLE" => CommentChange::Table(fields.or_default("tblComment")?),
            "COLUMN" => CommentChange::Columns(fields.need("colToComment")?),
            other => return Err(fields.error("type", format!("{other:?} is not known"))),
        };
        Ok(Self { table, change })
    }
}

#[cfg(test)]
mod tests {
    use super::{
        super::{Record, testing::decode},
        *,
    };
    use crate::rpc::BinlogType;

    #[test]
    fn the_base_schema_is_named_or_the_widest() {
        let column = |name: &str| format!(r#"{{"name":"{name}","type":{{"clazz":"ScalarType","type":"INT"}}}}"#);
        let schemas = format!(r#"{{"5":[{}],"7":[{},{}]}}"#, column("r"), column("a"), column("b"));
        for (base, expected) in [(r#""baseIndexId":5,"#, vec!["r"]), ("", vec!["a", "b"])] {
            let data = format!(r#"{{"tableId":1,{base}"rawSql":"x","indexSchemaMap":{schemas}}}"#);
            let Ok(Record::ModifyColumns(record)) = decode(BinlogType::MODIFY_TABLE_ADD_OR_DROP_COLUMNS, &data) else {
                panic!("{data}")
            };
            let names: Vec<_> = record.base_schema().into_iter().flatten().map(|c| c.name.as_str()).collect();
            assert_eq!(names, expected);
            assert!(record.base_schema().into_iter().flatten().all(|c| c.visible && c.unique_id == -1));
        }
    }

    #[test]
    fn comments_of_table_and_columns() {
        for (data, change) in [
            (r#"{"type":"TABLE","tblId":1,"tblComment":"it''s"}"#, CommentChange::Table("it''s".to_owned())),
            (
                r#"{"type":"COLUMN","tblId":1,"colToComment":{"v":"a \"b\""}}"#,
                CommentChange::Columns(BTreeMap::from([("v".to_owned(), "a \"b\"".to_owned())])),
            ),
        ] {
            let expected = Record::ModifyComment(ModifyComment { table: TableId::new(1), change });
            assert_eq!(decode(BinlogType::MODIFY_COMMENT, data), Ok(expected));
        }
    }
}
