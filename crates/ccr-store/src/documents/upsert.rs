//! The upsert context: `data` while a transaction is open at the destination.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::go_json::{id_map_or_null, is_zero, null_is_zero};
use super::{DocumentError, parse, to_go_json};

/// One source transaction on its way through a destination transaction.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct UpsertContext {
    /// Of the source's binlog.
    #[serde(deserialize_with = "null_is_zero")]
    pub commit_seq: i64,
    /// Of the destination.
    #[serde(deserialize_with = "null_is_zero")]
    pub txn_id: i64,
    #[serde(deserialize_with = "null_is_zero")]
    pub dest_table_ids: Vec<i64>,
    #[serde(deserialize_with = "null_is_zero")]
    pub table_records: Vec<TableRecord>,
    /// Null until every ingest is done.
    pub commit_infos: Option<Vec<TabletCommitInfo>>,
    #[serde(deserialize_with = "null_is_zero")]
    pub is_txn_insert: bool,
    /// Sub transaction ids of the source.
    pub source_stid: Option<Vec<i64>>,
    /// Sub transaction ids of the destination (the key is Go's spelling).
    pub desc_stid: Option<Vec<i64>>,
    pub sub_txn_infos: Option<Vec<SubTxnInfo>>,
    /// Label of the source's transaction.
    #[serde(deserialize_with = "null_is_zero")]
    pub label: String,
}

impl UpsertContext {
    /// Reads `data`. Errors: not JSON or of other types.
    pub fn parse(data: &str) -> Result<Self, DocumentError> {
        parse("upsert context", data)
    }

    /// The bytes that Go would write.
    pub fn to_json(&self) -> String {
        to_go_json(self)
    }
}

/// What a source transaction wrote to one table.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct TableRecord {
    /// Source table id.
    #[serde(rename = "_", deserialize_with = "null_is_zero")]
    pub table_id: i64,
    #[serde(rename = "partitionRecords", deserialize_with = "null_is_zero")]
    pub partition_records: Vec<PartitionRecord>,
    /// Null when the record came out of a replica: then all visible indexes.
    #[serde(rename = "indexIds")]
    pub index_ids: Option<Vec<i64>>,
    /// Newer Doris: tablet id to rows.
    #[serde(rename = "deltaRows", serialize_with = "id_map_or_null", skip_serializing_if = "Option::is_none")]
    pub delta_rows: Option<BTreeMap<i64, i64>>,
}

/// What a source transaction wrote to one partition.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct PartitionRecord {
    /// Source partition id.
    #[serde(rename = "partitionId", deserialize_with = "null_is_zero")]
    pub partition_id: i64,
    #[serde(deserialize_with = "null_is_zero")]
    pub range: String,
    /// Visible version of the partition after the transaction.
    #[serde(deserialize_with = "null_is_zero")]
    pub version: i64,
    #[serde(rename = "isTempPartition", deserialize_with = "null_is_zero")]
    pub is_temp_partition: bool,
    /// Sub transaction id.
    #[serde(deserialize_with = "null_is_zero")]
    pub stid: i64,
}

/// A replica that holds the data of the transaction.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct TabletCommitInfo {
    #[serde(rename = "tabletId", deserialize_with = "null_is_zero")]
    pub tablet_id: i64,
    #[serde(rename = "backendId", deserialize_with = "null_is_zero")]
    pub backend_id: i64,
    #[serde(deserialize_with = "null_is_zero", skip_serializing_if = "is_zero")]
    pub invalid_dict_cols: Vec<String>,
}

/// One statement of a transaction of several inserts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct SubTxnInfo {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sub_txn_id: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub table_id: Option<i64>,
    #[serde(deserialize_with = "null_is_zero", skip_serializing_if = "is_zero")]
    pub tablet_commit_infos: Vec<TabletCommitInfo>,
    /// 0 insert, 1 delete.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sub_txn_type: Option<i32>,
}
