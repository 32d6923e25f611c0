//! The two documents of a snapshot: `job_info` in Doris's own form, and `meta`, which only Doris reads.

use std::collections::BTreeMap;

use bytes::{BufMut as _, Bytes, BytesMut};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::backup::BackupJob;
use crate::model::{
    Column, Distribution, IndexSchema, KeysType, PartitionItem, PartitionScheme, SecondaryIndex, Table, View, ids::*,
};

/// A finished local snapshot.
#[derive(Clone, Debug)]
pub struct LocalSnapshot {
    pub job_id: i64,
    /// 4 bytes of length (big endian) and JSON.
    pub meta: Bytes,
    /// JSON.
    pub job_info: Bytes,
    pub expired_at_ms: i64,
    /// Position of the database barrier.
    pub commit_seq: CommitSeq,
    /// The FE that ran the job: the files are in its directory.
    pub(crate) fe: Option<usize>,
}

/// A table in the meta document.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct SnapshotTable {
    pub(crate) id: TableId,
    pub(crate) name: String,
    pub(crate) keys: KeysType,
    pub(crate) columns: Vec<Column>,
    pub(crate) hidden_columns: Vec<Column>,
    pub(crate) max_unique_id: i32,
    pub(crate) scheme: PartitionScheme,
    pub(crate) distribution: Distribution,
    pub(crate) secondary_indexes: Vec<SecondaryIndex>,
    pub(crate) comment: String,
    pub(crate) properties: BTreeMap<String, String>,
    pub(crate) base_index: IndexId,
    pub(crate) indexes: BTreeMap<IndexId, IndexSchema>,
    pub(crate) partitions: Vec<SnapshotPartition>,
}

/// A partition in the meta document.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct SnapshotPartition {
    pub(crate) id: PartitionId,
    pub(crate) name: String,
    pub(crate) item: PartitionItem,
    pub(crate) version: Version,
    pub(crate) buckets: u32,
    pub(crate) replication: u32,
    /// Tablets in bucket order.
    pub(crate) indexes: BTreeMap<IndexId, Vec<TabletId>>,
}

/// The meta document.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Meta {
    pub(crate) tbl_name_map: BTreeMap<String, MetaObject>,
    pub(crate) resource_name_map: BTreeMap<String, Value>,
}

/// An object of the meta document.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) enum MetaObject {
    OlapTable(Box<SnapshotTable>),
    View(View),
}

/// What a restore reads from `job_info`.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct JobInfo {
    pub(crate) name: String,
    pub(crate) database: String,
    pub(crate) backup_time: i64,
    #[serde(default)]
    pub(crate) backup_objects: BTreeMap<String, Value>,
    #[serde(default)]
    pub(crate) new_backup_objects: NewBackupObjects,
    #[serde(default)]
    pub(crate) tablet_be_map: BTreeMap<String, i64>,
    #[serde(default)]
    pub(crate) tablet_snapshot_path_map: BTreeMap<String, String>,
    #[serde(default)]
    pub(crate) extra_info: Option<ExtraInfo>,
}

#[derive(Clone, Debug, Default, Deserialize)]
pub(crate) struct NewBackupObjects {
    #[serde(default)]
    pub(crate) views: Vec<ViewRef>,
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct ViewRef {
    pub(crate) id: i64,
    pub(crate) name: String,
}

/// What the caller of restoreSnapshot adds.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct ExtraInfo {
    pub(crate) be_network_map: Option<BTreeMap<String, BeAddress>>,
    pub(crate) token: Option<doris::secret::Secret>,
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct BeAddress {
    pub(crate) ip: String,
    pub(crate) port: u16,
}

impl SnapshotTable {
    pub(crate) fn of(table: &Table) -> Self {
        let partitions = table.partitions.iter().map(|p| SnapshotPartition {
            id: p.id,
            name: p.name.clone(),
            item: p.item.clone(),
            version: p.visible_version,
            buckets: p.buckets,
            replication: p.replication,
            indexes: p
                .indexes
                .iter()
                .filter(|(id, _)| table.indexes.get(id).is_some_and(|index| !index.shadow))
                .map(|(id, tablets)| (*id, tablets.iter().map(|t| t.id).collect()))
                .collect(),
        });
        Self {
            id: table.id,
            name: table.name.clone(),
            keys: table.keys,
            columns: table.columns.clone(),
            hidden_columns: table.hidden_columns.clone(),
            max_unique_id: table.max_unique_id,
            scheme: table.scheme.clone(),
            distribution: table.distribution.clone(),
            secondary_indexes: table.secondary_indexes.clone(),
            comment: table.comment.clone(),
            properties: table.properties.clone(),
            base_index: table.base_index,
            indexes: table.indexes.iter().filter(|(_, i)| !i.shadow).map(|(id, i)| (*id, i.clone())).collect(),
            partitions: partitions.collect(),
        }
    }

    /// The table's entry in `backup_objects`.
    fn job_info(&self) -> Value {
        let partitions: Map<String, Value> = self
            .partitions
            .iter()
            .map(|partition| {
                let indexes: Map<String, Value> = partition
                    .indexes
                    .iter()
                    .filter_map(|(id, tablets)| {
                        let index = self.indexes.get(id)?;
                        let files: Map<String, Value> =
                            tablets.iter().map(|t| (t.to_string(), json!([format!("{t}.hdr")]))).collect();
                        let value = json!({
                            "id": id, "schema_hash": index.schema_hash, "tablets": files, "tablets_order": tablets,
                        });
                        Some((index.name.clone(), value))
                    })
                    .collect();
                let value = json!({ "id": partition.id, "version": partition.version, "indexes": indexes });
                (partition.name.clone(), value)
            })
            .collect();
        json!({ "id": self.id, "partitions": partitions })
    }
}

impl BackupJob {
    /// The finished snapshot of the job.
    pub(super) fn document(&self) -> serde_json::Result<LocalSnapshot> {
        let tables: Map<String, Value> = self.tables.iter().map(|t| (t.name.clone(), t.job_info())).collect();
        let views: Vec<Value> = self.views.iter().map(|v| json!({ "id": v.id, "name": v.name })).collect();
        let backends: BTreeMap<TabletId, BackendId> = self.paths.iter().map(|(t, (be, _))| (*t, *be)).collect();
        let paths: BTreeMap<TabletId, &String> = self.paths.iter().map(|(t, (_, path))| (*t, path)).collect();
        let job_info = json!({
            "name": self.head.label, "database": self.head.db_name, "id": self.head.db,
            "backup_time": self.head.created_ms, "content": "ALL", "backup_objects": tables,
            "new_backup_objects": { "views": views, "odbc_tables": [], "odbc_resources": [] },
            "backup_result": "succeed", "meta_version": 140, "major_version": 4, "minor_version": 1,
            "patch_version": 0, "is_force_replication_allocation": false, "tablet_be_map": backends,
            "tablet_snapshot_path_map": paths, "table_commit_seq_map": self.table_seqs, "tblalias": {},
        });
        let tables = self.tables.iter().map(|t| (t.name.clone(), MetaObject::OlapTable(Box::new(t.clone()))));
        let views = self.views.iter().map(|v| (v.name.clone(), MetaObject::View(v.clone())));
        let meta = Meta { tbl_name_map: tables.chain(views).collect(), resource_name_map: BTreeMap::new() };
        Ok(LocalSnapshot {
            job_id: self.head.id,
            meta: encode_meta(&meta)?,
            job_info: Bytes::from(serde_json::to_vec(&job_info)?),
            expired_at_ms: self.head.created_ms.saturating_add(self.head.timeout_s.saturating_mul(1000)),
            commit_seq: self.commit_seq,
            fe: None,
        })
    }
}

fn encode_meta(meta: &Meta) -> serde_json::Result<Bytes> {
    let json = serde_json::to_vec(meta)?;
    let mut out = BytesMut::with_capacity(json.len() + 4);
    out.put_u32(u32::try_from(json.len()).unwrap_or(u32::MAX));
    out.put_slice(&json);
    Ok(out.freeze())
}

/// Both documents, or `None` where they are not what a backup of this version writes.
pub(super) fn decode(meta: &[u8], job_info: &[u8]) -> Option<(Meta, JobInfo)> {
    let (length, json) = meta.split_first_chunk::<4>()?;
    let length = usize::try_from(u32::from_be_bytes(*length)).ok()?;
    let meta = serde_json::from_slice(json.get(..length)?).ok()?;
    Some((meta, serde_json::from_slice(job_info).ok()?))
}
