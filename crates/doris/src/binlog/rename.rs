//! RENAME_TABLE, RENAME_ROLLUP, RENAME_PARTITION (one payload) and RENAME_COLUMN.

use super::{PayloadError, fields::Fields};
use crate::ids::{IndexId, PartitionId, Source, TableId};

/// A table, rollup or partition has another name. Names are absent where they are of no concern, and the old ones where
/// an older FE did not know them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rename {
    pub table: TableId<Source>,
    pub index: Option<IndexId<Source>>,
    pub partition: Option<PartitionId<Source>>,
    pub new_table: Option<String>,
    pub old_table: Option<String>,
    pub new_rollup: Option<String>,
    pub old_rollup: Option<String>,
    pub new_partition: Option<String>,
    pub old_partition: Option<String>,
}

impl Rename {
    pub(super) fn read(mut fields: Fields) -> Result<Self, PayloadError> {
        let record = Self {
            table: fields.need_id("tb", TableId::new)?,
            index: fields.id(&["ind"], IndexId::new)?,
            partition: fields.id(&["p"], PartitionId::new)?,
            new_table: fields.text("nT")?,
            old_table: fields.text("oT")?,
            new_rollup: fields.text("nR")?,
            old_rollup: fields.text("oR")?,
            new_partition: fields.text("nP")?,
            old_partition: fields.text("oP")?,
        };
        if record.new_table.is_none() && record.new_rollup.is_none() && record.new_partition.is_none() {
            return Err(fields.error("nT, nR, nP", "no new name"));
        }
        Ok(record)
    }
}

/// The table of a record of that payload that renames nothing.
pub(super) fn table_of(mut fields: Fields) -> Result<TableId<Source>, PayloadError> {
    fields.need_id("tb", TableId::new)
}

/// ALTER TABLE .. RENAME COLUMN.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RenameColumn {
    pub table: TableId<Source>,
    pub old: String,
    pub new: String,
}

impl RenameColumn {
    pub(super) fn read(mut fields: Fields) -> Result<Self, PayloadError> {
        Ok(Self {
            table: fields.need_id("tableId", TableId::new)?,
            old: fields.need_text("colName")?,
            new: fields.need_text("newColName")?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{
        super::{Record, testing::decode},
        *,
    };
    use crate::rpc::BinlogType;

    /// Defects: BIN-45, SQL-30.
    #[test]
    fn empty_names_and_ids_of_nothing_are_none() {
        let data = r#"{"db":1,"tb":2,"ind":-1,"p":9,"nT":"","oT":"","nR":"","oR":"","nP":"p_new","oP":"p1"}"#;
        let expected = Rename {
            table: TableId::new(2),
            index: None,
            partition: Some(PartitionId::new(9)),
            new_table: None,
            old_table: None,
            new_rollup: None,
            old_rollup: None,
            new_partition: Some("p_new".to_owned()),
            old_partition: Some("p1".to_owned()),
        };
        for kind in [BinlogType::RENAME_PARTITION, BinlogType::RENAME_TABLE] {
            assert_eq!(decode(kind, data), Ok(Record::Rename(expected.clone())));
        }
        assert!(decode(BinlogType::RENAME_TABLE, r#"{"tb":2,"nT":""}"#).is_err_and(|e| e.contains("no new name")));
    }
}
