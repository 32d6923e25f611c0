//! MODIFY_TABLE_PROPERTY and MODIFY_DISTRIBUTION_BUCKET_NUM.

use std::collections::BTreeMap;

use super::{PayloadError, fields::Fields};
use crate::ids::{Source, TableId};

/// ALTER TABLE .. SET.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModifyTableProperties {
    pub table: TableId<Source>,
    pub properties: BTreeMap<String, String>,
}

impl ModifyTableProperties {
    pub(super) fn read(mut fields: Fields) -> Result<Self, PayloadError> {
        Ok(Self { table: fields.need_id("tableId", TableId::new)?, properties: fields.need("properties")? })
    }
}

/// ALTER TABLE .. MODIFY DISTRIBUTION: how partitions of the future are spread.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModifyBuckets {
    pub table: TableId<Source>,
    /// `HASH` or `RANDOM`.
    pub kind: String,
    /// Columns of HASH, quoted, separated by commas.
    pub columns: String,
    /// `None` = AUTO.
    pub buckets: Option<u32>,
}

impl ModifyBuckets {
    pub(super) fn read(mut fields: Fields) -> Result<Self, PayloadError> {
        let table = fields.need_id("tableId", TableId::new)?;
        let auto: bool = fields.or_default("autoBucket")?;
        let number: u32 = fields.need("bucketNum")?;
        Ok(Self {
            table,
            kind: fields.need_any(&["type", "Type"])?,
            columns: fields.or_default("columnsName")?,
            buckets: (!auto).then_some(number),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Record, testing::decode};
    use crate::rpc::BinlogType;

    #[test]
    fn auto_has_no_number_of_buckets() {
        for (data, buckets) in [
            (r#"{"tableId":1,"type":"HASH","autoBucket":false,"bucketNum":7,"columnsName":"`k`"}"#, Some(7)),
            (r#"{"tableId":1,"Type":"RANDOM","autoBucket":true,"bucketNum":10,"columnsName":""}"#, None),
        ] {
            let record = decode(BinlogType::MODIFY_DISTRIBUTION_BUCKET_NUM, data);
            assert!(matches!(record, Ok(Record::ModifyBuckets(m)) if m.buckets == buckets), "{data}");
        }
    }
}
