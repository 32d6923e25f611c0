//! UPSERT: one load transaction that became visible.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::{PayloadError, fields::Fields};
use crate::ids::{CommitSeq, DbId, IndexId, PartitionId, Source, TableId, TabletId, TxnId, Version};

/// A load transaction of the source.
#[derive(Clone, Debug, PartialEq)]
pub struct Upsert {
    pub commit_seq: CommitSeq,
    pub txn_id: TxnId<Source>,
    /// Milliseconds since the epoch, the source FE's clock.
    pub time_stamp: i64,
    pub label: String,
    pub db_id: DbId<Source>,
    /// Empty where nothing changed: an empty commit, or every table went away before the publish.
    pub tables: BTreeMap<TableId<Source>, TableRecord>,
    /// The committed sub transactions, in order; empty for a plain transaction. The first is the transaction itself.
    pub stids: Vec<i64>,
}

/// What a transaction changed in one table.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct TableRecord {
    /// In no particular order; a partition occurs once a sub transaction. Empty where the partitions went away before the
    /// publish.
    #[serde(rename = "partitionRecords")]
    pub partitions: Vec<PartitionRecord>,
    /// The loaded indexes, shadow ones included, in no particular order. **`None`: all visible indexes** - a transaction
    /// that was itself replicated, or an FE that lost the list.
    pub index_ids: Option<Vec<IndexId<Source>>>,
    /// Rows by tablet, where the FE knows them.
    pub delta_rows: BTreeMap<TabletId<Source>, i64>,
}

/// What a transaction changed in one partition.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct PartitionRecord {
    #[serde(rename = "partitionId")]
    pub id: PartitionId<Source>,
    #[serde(default)]
    pub range: String,
    /// The visible version that the transaction made.
    pub version: Version,
    #[serde(default, rename = "isTempPartition")]
    pub is_temp: bool,
    /// The sub transaction; -1 where there is none.
    #[serde(default = "no_stid")]
    pub stid: i64,
}

fn no_stid() -> i64 {
    -1
}

impl Upsert {
    pub(super) fn read(mut fields: Fields) -> Result<Self, PayloadError> {
        Ok(Self {
            commit_seq: fields.seq(),
            txn_id: fields.optional("txnId")?.unwrap_or(TxnId::new(-1)),
            time_stamp: fields.optional("timeStamp")?.unwrap_or(-1),
            label: fields.or_default("label")?,
            db_id: fields.optional("dbId")?.unwrap_or(DbId::new(-1)),
            tables: fields.need("tableRecords")?,
            stids: fields.or_default("stids")?,
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

    fn read(data: &str) -> Result<Upsert, String> {
        match decode(BinlogType::UPSERT, data)? {
            Record::Upsert(upsert) => Ok(upsert),
            other => Err(format!("{other:?}")),
        }
    }

    #[test]
    fn a_planned_load() {
        let upsert = read(
            r#"{"commitSeq":949780,"txnId":18019,"timeStamp":1735000101779,"label":"l","dbId":10079,"tableRecords":{"10120":{
            "partitionRecords":[{"partitionId":10119,"range":"[types: [DATEV2]; ]","version":9,"isTempPartition":false,"stid":-1}],
            "indexIds":[10121,10188],"deltaRows":{"10122":3,"10126":5}}}}"#,
        )
        .unwrap();
        let record = &upsert.tables[&TableId::new(10120)];
        assert_eq!(record.index_ids, Some(vec![IndexId::new(10121), IndexId::new(10188)]));
        assert_eq!(record.delta_rows[&TabletId::new(10126)], 5);
        assert_eq!(record.partitions[0].version, Version(9));
        assert!(upsert.stids.is_empty());
    }

    #[test]
    fn what_may_be_missing() {
        let replicated =
            read(r#"{"tableRecords":{"7":{"partitionRecords":[{"partitionId":1,"version":3}]}}}"#).unwrap();
        let record = &replicated.tables[&TableId::new(7)];
        assert_eq!((record.index_ids.as_ref(), record.partitions[0].stid), (None, -1));
        assert!(read(r#"{"tableRecords":{}}"#).unwrap().tables.is_empty());
        assert!(read(r#"{"tableRecords":{"x":{}}}"#).is_err());
        assert!(read("").is_err());
    }
}
