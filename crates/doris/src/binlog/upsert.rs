//! UPSERT: one load transaction that became visible.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer};

use super::{PayloadError, parse};
use crate::ids::{CommitSeq, DbId, IndexId, PartitionId, Source, TableId, TabletId, TxnId, Version};

/// A load transaction of the source.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Upsert {
    pub commit_seq: CommitSeq,
    pub txn_id: TxnId<Source>,
    /// Milliseconds since the epoch, the source FE's clock.
    pub time_stamp: i64,
    pub label: String,
    pub db_id: DbId<Source>,
    /// Empty where nothing changed: an empty commit, or every table went away before the publish.
    #[serde(rename = "tableRecords", deserialize_with = "by_id")]
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
    #[serde(deserialize_with = "by_id")]
    pub delta_rows: BTreeMap<TabletId<Source>, i64>,
}

/// What a transaction changed in one partition.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct PartitionRecord {
    #[serde(rename = "partitionId")]
    pub id: PartitionId<Source>,
    pub range: String,
    /// The visible version that the transaction made.
    pub version: Version,
    #[serde(rename = "isTempPartition")]
    pub is_temp: bool,
    /// The sub transaction; -1 where there is none.
    pub stid: i64,
}

impl Default for Upsert {
    fn default() -> Self {
        Self {
            commit_seq: CommitSeq(-1),
            txn_id: TxnId::new(-1),
            time_stamp: -1,
            label: String::new(),
            db_id: DbId::new(-1),
            tables: BTreeMap::new(),
            stids: Vec::new(),
        }
    }
}

impl Default for PartitionRecord {
    fn default() -> Self {
        Self { id: PartitionId::new(-1), range: String::new(), version: Version(-1), is_temp: false, stid: -1 }
    }
}

impl Upsert {
    /// Reads a record's `data`.
    pub fn parse(data: &str) -> Result<Self, PayloadError> {
        parse("UPSERT", data)
    }
}

/// A map whose keys are ids in decimal.
fn by_id<'de, D, K, V>(deserializer: D) -> Result<BTreeMap<K, V>, D::Error>
where
    D: Deserializer<'de>,
    K: FromId + Ord,
    V: Deserialize<'de>,
{
    let texts = BTreeMap::<String, V>::deserialize(deserializer)?;
    let ids = texts.into_iter().map(|(text, value)| match text.parse() {
        Ok(id) => Ok((K::from_id(id), value)),
        Err(_) => Err(serde::de::Error::custom(format_args!("{text:?} is not an id"))),
    });
    ids.collect()
}

trait FromId {
    fn from_id(id: i64) -> Self;
}

impl FromId for TableId<Source> {
    fn from_id(id: i64) -> Self {
        Self::new(id)
    }
}

impl FromId for TabletId<Source> {
    fn from_id(id: i64) -> Self {
        Self::new(id)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_planned_load() {
        let upsert = Upsert::parse(
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
            Upsert::parse(r#"{"tableRecords":{"7":{"partitionRecords":[{"partitionId":1,"version":3}]}}}"#).unwrap();
        let record = &replicated.tables[&TableId::new(7)];
        assert_eq!((record.index_ids.as_ref(), record.partitions[0].stid), (None, -1));
        assert!(Upsert::parse(r#"{"tableRecords":{}}"#).unwrap().tables.is_empty());
        assert!(Upsert::parse("{}").unwrap().tables.is_empty());
        assert!(Upsert::parse(r#"{"tableRecords":{"x":{}}}"#).is_err());
        assert!(Upsert::parse("").is_err());
    }
}
