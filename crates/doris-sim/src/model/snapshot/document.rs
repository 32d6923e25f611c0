//! The two documents of a snapshot: `job_info` ([`JobInfo`]), and `meta`: copies of the catalog objects (`BackupMeta`).

use std::collections::BTreeMap;

use bytes::{BufMut as _, Bytes, BytesMut};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::job_info::JobInfo;
use crate::model::{
    Column, DataProperty, Distribution, IndexSchema, KeysType, Partition, PartitionItem, PartitionScheme,
    SecondaryIndex, Table, View,
    fe_json::{self, JavaMap, OlapTableJson, PartitionJson, ViewJson},
    ids::*,
    properties,
};

/// A finished local snapshot.
#[derive(Clone, Debug)]
pub struct LocalSnapshot {
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

/// `BackupMeta`.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct MetaJson<T> {
    tbl_name_map: JavaMap<T>,
    #[serde(default)]
    resource_name_map: JavaMap<Box<RawValue>>,
}

/// An object of the meta document.
#[derive(Clone, Debug, Serialize)]
#[serde(untagged)]
pub(super) enum MetaObject {
    Table(Box<OlapTableJson>),
    View(Box<ViewJson>),
}

/// What a restore knows of the meta document.
#[derive(Clone, Debug, Default)]
pub(crate) struct Meta {
    pub(crate) tables: BTreeMap<String, SnapshotTable>,
    pub(crate) views: BTreeMap<String, View>,
}

/// A table of the meta document.
#[derive(Clone, Debug)]
pub(crate) struct SnapshotTable {
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
    pub(crate) created_ms: i64,
    pub(crate) version: Version,
    pub(crate) version_ms: i64,
}

/// A partition of the meta document.
#[derive(Clone, Debug)]
pub(crate) struct SnapshotPartition {
    pub(crate) id: PartitionId,
    pub(crate) name: String,
    pub(crate) item: PartitionItem,
    pub(crate) version: Version,
    pub(crate) visible_ms: i64,
    pub(crate) buckets: u32,
    pub(crate) replication: u32,
    pub(crate) data_property: DataProperty,
}

impl SnapshotTable {
    /// A table of this cluster, as a restore compares it.
    pub(crate) fn of(table: &Table) -> Self {
        Self {
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
            partitions: table.partitions.iter().map(SnapshotPartition::of).collect(),
            created_ms: table.created_ms,
            version: table.version,
            version_ms: table.version_ms,
        }
    }

    fn read(json: &OlapTableJson) -> Self {
        let keys = json.keys();
        let all: Vec<Column> = json.base_meta().map(|meta| meta.columns()).unwrap_or_default();
        let (columns, hidden_columns) = all.into_iter().partition(|column| column.visible);
        let indexes = json.index_names.iter().filter_map(|(name, id)| {
            let meta = json.index_metas.get(&id.to_string())?;
            let is_base = *id == json.base_index;
            let index = IndexSchema {
                id: *id,
                name: name.to_owned(),
                columns: if is_base { Vec::new() } else { meta.columns() },
                max_unique_id: if is_base { -1 } else { meta.max_unique_id },
                keys: meta.keys(keys.is_merge_on_write()),
                schema_version: meta.schema_version,
                schema_hash: meta.schema_hash,
                shadow: false,
                watershed: None,
            };
            Some((*id, index))
        });
        let mut partitions: Vec<SnapshotPartition> =
            json.partitions.values().map(|partition| SnapshotPartition::read(json, partition)).collect();
        partitions.sort_by_key(|partition| partition.id);
        let mut properties = properties::of_record(json.properties(), keys);
        if let Some(columns) = json.bloom_filters() {
            properties.insert("bloom_filter_columns".into(), columns);
        }
        Self {
            name: json.base.name.clone(),
            keys,
            columns,
            hidden_columns,
            max_unique_id: json.base_meta().map_or(-1, |meta| meta.max_unique_id),
            scheme: json.partition_info.scheme(),
            distribution: Distribution {
                hash_columns: json.distribution.hash_columns(),
                buckets: json.distribution.buckets,
                auto: json.distribution.auto,
            },
            secondary_indexes: json.secondary_indexes(),
            comment: json.base.comment.clone(),
            properties,
            base_index: json.base_index,
            indexes: indexes.collect(),
            partitions,
            created_ms: json.base.created_ms(),
            version: Version(json.base.version().0),
            version_ms: json.base.version().1,
        }
    }
}

impl SnapshotPartition {
    fn of(partition: &Partition) -> Self {
        Self {
            id: partition.id,
            name: partition.name.clone(),
            item: partition.item.clone(),
            version: partition.visible_version,
            visible_ms: partition.visible_ms,
            buckets: partition.buckets,
            replication: partition.replication,
            data_property: partition.data_property.clone(),
        }
    }

    fn read(table: &OlapTableJson, partition: &PartitionJson) -> Self {
        Self {
            id: partition.id,
            name: partition.name.clone(),
            item: table.partition_info.item(partition.id),
            version: partition.visible_version,
            visible_ms: partition.visible_ms,
            buckets: partition.distribution.buckets,
            replication: table.partition_info.replication(partition.id),
            data_property: table.partition_info.data_property(partition.id),
        }
    }
}

/// The meta document of these objects, given in their order.
pub(super) fn encode_meta(objects: &[MetaObject]) -> Bytes {
    let named = objects.iter().map(|object| match object {
        MetaObject::Table(table) => (table.base.name.clone(), object),
        MetaObject::View(view) => (view.base.name.clone(), object),
    });
    let meta = MetaJson { tbl_name_map: JavaMap::of_strings(named), resource_name_map: JavaMap::default() };
    let json = fe_json::text(&meta);
    let mut out = BytesMut::with_capacity(json.len() + 4);
    out.put_u32(u32::try_from(json.len()).unwrap_or(u32::MAX));
    out.put_slice(json.as_bytes());
    out.freeze()
}

/// Both documents, or `None` where they are not what a backup of this version writes.
pub(super) fn decode(meta: &[u8], job_info: &[u8]) -> Option<(Meta, JobInfo)> {
    let (length, json) = meta.split_first_chunk::<4>()?;
    let length = usize::try_from(u32::from_be_bytes(*length)).ok()?;
    let raw: MetaJson<Box<RawValue>> = serde_json::from_slice(json.get(..length)?).ok()?;
    let mut meta = Meta::default();
    for (name, object) in raw.tbl_name_map.iter() {
        #[derive(Deserialize)]
        struct Kind {
            clazz: String,
        }
        match serde_json::from_str::<Kind>(object.get()).ok()?.clazz.as_str() {
            "OlapTable" => {
                let table: OlapTableJson = serde_json::from_str(object.get()).ok()?;
                meta.tables.insert(name.to_owned(), SnapshotTable::read(&table));
            }
            "View" => {
                let view: ViewJson = serde_json::from_str(object.get()).ok()?;
                meta.views.insert(name.to_owned(), view.view());
            }
            _ => {}
        }
    }
    Some((meta, serde_json::from_slice(job_info).ok()?))
}
