//! MODIFY_TABLE_ADD_OR_DROP_INVERTED_INDICES, INDEX_CHANGE_JOB and DROP_ROLLUP.

use std::collections::BTreeMap;

use super::{Column, IndexInfo, JobState, PayloadError, fields::Fields};
use crate::ids::{IndexId, PartitionId, Source, TableId};

/// Inverted (and similar) indexes were added or dropped, perhaps together with columns.
#[derive(Clone, Debug, PartialEq)]
pub struct ModifyIndexes {
    pub table: TableId<Source>,
    /// Those that were added or dropped.
    pub changed: Vec<IndexInfo>,
    /// What the last clause of the statement did.
    pub dropped: bool,
    /// All indexes after the change.
    pub indexes: Vec<IndexInfo>,
    /// Schemas after the whole statement; also empty.
    pub schemas: BTreeMap<IndexId<Source>, Vec<Column>>,
    /// What was asked for, not executable.
    pub raw_sql: String,
}

impl ModifyIndexes {
    pub(super) fn read(mut fields: Fields) -> Result<Self, PayloadError> {
        Ok(Self {
            table: fields.need_id("tableId", TableId::new)?,
            changed: fields.need("alterInvertedIndexes")?,
            dropped: fields.need("isDropInvertedIndex")?,
            indexes: fields.or_default("indexes")?,
            schemas: fields.or_default("indexSchemaMap")?,
            raw_sql: fields.or_default("rawSql")?,
        })
    }
}

/// A state of BUILD INDEX, or of the removal of a dropped index's data, in one partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IndexJob {
    pub table: TableId<Source>,
    pub partition: PartitionId<Source>,
    /// The table's name where the table is unpartitioned.
    pub partition_name: Option<String>,
    pub state: JobState,
    /// The data of dropped indexes is removed.
    pub drops: bool,
    pub indexes: Vec<IndexInfo>,
}

impl IndexJob {
    pub(super) fn read(mut fields: Fields) -> Result<Self, PayloadError> {
        Ok(Self {
            table: fields.need_id("tableId", TableId::new)?,
            partition: fields.need_id("partitionId", PartitionId::new)?,
            partition_name: fields.text("partitionName")?,
            state: JobState::parse(&fields.need_text("jobState")?),
            drops: fields.or_default("isDropOp")?,
            indexes: fields.need("alterInvertedIndexes")?,
        })
    }
}

/// A rollup or synchronous materialized view was dropped. Of several in one statement only one is recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DropRollup {
    pub table: TableId<Source>,
    pub rollup: Option<IndexId<Source>>,
    pub rollup_name: String,
}

impl DropRollup {
    pub(super) fn read(mut fields: Fields) -> Result<Self, PayloadError> {
        Ok(Self {
            table: fields.need_id("tableId", TableId::new)?,
            rollup: fields.id(&["indexId"], IndexId::new)?,
            rollup_name: fields.need_text("indexName")?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Record, testing::decode};
    use crate::rpc::BinlogType;

    #[test]
    fn indexes_are_read_in_long_and_short_keys() {
        for index in [
            r#"{"i":31,"in":"idx","c":["v"],"it":"INVERTED","pt":{"parser":"english"},"ct":""}"#,
            r#"{"indexId":31,"indexName":"idx","columns":["v"],"indexType":"INVERTED","columnUniqueIds":[2]}"#,
        ] {
            let data = format!(r#"{{"tableId":1,"isDropInvertedIndex":false,"alterInvertedIndexes":[{index}]}}"#);
            let record = decode(BinlogType::MODIFY_TABLE_ADD_OR_DROP_INVERTED_INDICES, &data);
            let Ok(Record::ModifyIndexes(record)) = record else { panic!("{index}") };
            let found: Vec<_> = record.changed.iter().map(|i| (i.id.get(), i.name.as_str(), i.kind.as_str())).collect();
            assert_eq!(found, [(31, "idx", "INVERTED")]);
        }
    }
}
