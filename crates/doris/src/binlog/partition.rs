//! ADD_PARTITION, DROP_PARTITION, MODIFY_PARTITIONS, REPLACE_PARTITIONS.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use super::{PartitionDistribution, PayloadError, fields::Fields};
use crate::ids::{PartitionId, Source, TableId};

/// A partition was added: by ALTER TABLE, by a load that needed it, or by the scheduler of dynamic partitions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AddPartition {
    pub table: TableId<Source>,
    pub partition: PartitionId<Source>,
    pub partition_name: String,
    /// How its rows are spread: in the text of the record there is nothing about it.
    pub distribution: PartitionDistribution,
    pub is_temp: bool,
    /// Everything behind `ALTER TABLE db.t`.
    pub sql: String,
}

impl AddPartition {
    pub(super) fn read(mut fields: Fields) -> Result<Self, PayloadError> {
        /// The rest of it is large and of no use: tablets and replicas.
        #[derive(Deserialize)]
        struct Partition {
            id: PartitionId<Source>,
            #[serde(rename = "nm", alias = "name")]
            name: String,
            #[serde(rename = "di", alias = "distributionInfo")]
            distribution: PartitionDistribution,
        }
        let table = fields.need_id("tableId", TableId::new)?;
        let partition: Partition = fields.need("partition")?;
        Ok(Self {
            table,
            partition: partition.id,
            partition_name: partition.name,
            distribution: partition.distribution,
            is_temp: fields.or_default("isTempPartition")?,
            sql: fields.need_text("sql")?,
        })
    }
}

/// A partition was dropped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DropPartition {
    pub table: TableId<Source>,
    /// Absent in 3.0.
    pub partition: Option<PartitionId<Source>>,
    pub partition_name: String,
    pub is_temp: bool,
    pub force: bool,
}

impl DropPartition {
    pub(super) fn read(mut fields: Fields) -> Result<Self, PayloadError> {
        Ok(Self {
            table: fields.need_id("tableId", TableId::new)?,
            partition: fields.id(&["pid"], PartitionId::new)?,
            partition_name: fields.need_text("partitionName")?,
            is_temp: fields.or_default("isTempPartition")?,
            force: fields.or_default("forceDrop")?,
        })
    }
}

/// MODIFY PARTITION .. SET, or the replication of an unpartitioned table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModifyPartitions {
    pub partitions: Vec<PartitionProperties>,
}

/// What one partition has now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartitionProperties {
    pub table: TableId<Source>,
    pub partition: PartitionId<Source>,
    /// Only in versions after 4.1.
    pub partition_name: Option<String>,
    pub is_temp: bool,
    /// `HDD` or `SSD`.
    pub storage_medium: Option<String>,
    /// Replicas by tag, as `location.default`; empty = not changed.
    pub replicas: BTreeMap<String, i64>,
}

impl ModifyPartitions {
    pub(super) fn read(mut fields: Fields) -> Result<Self, PayloadError> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Info {
            table_id: Option<TableId<Source>>,
            partition_id: PartitionId<Source>,
            partition_name: Option<String>,
            #[serde(default)]
            is_temp_partition: bool,
            data_property: Option<DataProperty>,
            replica_alloc: Option<ReplicaAllocation>,
        }
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct DataProperty {
            storage_medium: Option<String>,
        }
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct ReplicaAllocation {
            #[serde(default)]
            alloc_map: Value,
        }
        let infos: Vec<Info> = fields.need("infos")?;
        let mut partitions = Vec::new();
        for info in infos {
            let replicas = match info.replica_alloc {
                None => BTreeMap::new(),
                Some(allocation) => allocation_by_tag(&allocation.alloc_map)
                    .ok_or_else(|| fields.error("infos", "allocMap is neither pairs nor an object of numbers"))?,
            };
            partitions.push(PartitionProperties {
                table: info.table_id.unwrap_or(TableId::new(-1)),
                partition: info.partition_id,
                partition_name: info.partition_name.filter(|name| !name.is_empty()),
                is_temp: info.is_temp_partition,
                storage_medium: info.data_property.and_then(|property| property.storage_medium),
                replicas,
            });
        }
        Ok(Self { partitions })
    }
}

/// `[[{"type": "location", "value": "default"}, 3]]`, since the keys of Doris's map are objects; `{}` where it is empty.
fn allocation_by_tag(map: &Value) -> Option<BTreeMap<String, i64>> {
    match map {
        Value::Null => Some(BTreeMap::new()),
        Value::Object(entries) => entries.iter().map(|(tag, number)| Some((tag.clone(), number.as_i64()?))).collect(),
        Value::Array(pairs) => {
            let pair = |pair: &Value| {
                let tag = pair.get(0)?;
                let (kind, value) = (tag.get("type")?.as_str()?, tag.get("value")?.as_str()?);
                Some((format!("{kind}.{value}"), pair.get(1)?.as_i64()?))
            };
            pairs.iter().map(pair).collect()
        }
        _ => None,
    }
}

/// Temporary partitions took the places of partitions: by ALTER TABLE or INSERT OVERWRITE.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReplacePartitions {
    pub table: TableId<Source>,
    pub table_name: Option<String>,
    pub partitions: Vec<String>,
    pub temp_partitions: Vec<String>,
    /// The temporary partitions cover exactly the ranges of those that they replaced.
    pub strict_range: bool,
    /// They kept their own names.
    pub use_temp_names: bool,
    /// Ids of those that were replaced; empty in 2.1 and 3.0.
    pub replaced: Vec<PartitionId<Source>>,
}

impl ReplacePartitions {
    pub(super) fn read(mut fields: Fields) -> Result<Self, PayloadError> {
        Ok(Self {
            table: fields.need_id("tblId", TableId::new)?,
            table_name: fields.text("tblName")?,
            partitions: fields.need("partitions")?,
            temp_partitions: fields.need("tempPartitions")?,
            strict_range: fields.optional("strictRange")?.unwrap_or(true),
            use_temp_names: fields.or_default("useTempPartitionName")?,
            replaced: fields.or_default("partitionIds")?,
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

    #[test]
    fn a_partition_is_read_in_long_and_short_keys() {
        let new = r#"{"tableId":1,"isTempPartition":false,"sql":"ADD PARTITION `p`;","partition":{"clazz":"Partition","id":5,
            "nm":"p","di":{"clazz":"HashDistributionInfo","type":"HASH","bucketNum":4,"distributionColumns":[{"name":"k"}]}}}"#;
        let old = r#"{"tableId":1,"sql":"ADD PARTITION `p`;","partition":{"id":5,"name":"p",
            "distributionInfo":{"type":"HASH","bucketNum":4,"distributionColumns":[{"name":"k","stats":{}}]}}}"#;
        let expected = AddPartition {
            table: TableId::new(1),
            partition: PartitionId::new(5),
            partition_name: "p".to_owned(),
            distribution: PartitionDistribution { hash_columns: vec!["k".to_owned()], buckets: 4 },
            is_temp: false,
            sql: "ADD PARTITION `p`;".to_owned(),
        };
        for data in [new, old] {
            assert_eq!(decode(BinlogType::ADD_PARTITION, data), Ok(Record::AddPartition(expected.clone())));
        }
        let random = r#"{"tableId":1,"sql":"x","partition":{"id":5,"nm":"p","di":{"type":"RANDOM","bucketNum":10}}}"#;
        assert!(matches!(
            decode(BinlogType::ADD_PARTITION, random),
            Ok(Record::AddPartition(p)) if p.distribution.hash_columns.is_empty() && p.distribution.buckets == 10
        ));
    }

    /// Defects: BIN-18.
    #[test]
    fn replicas_are_pairs_or_an_object() {
        for (map, expected) in [
            (r#"[[{"type":"location","value":"default"},2]]"#, Some(("location.default", 2))),
            (r#"{"location.default":2}"#, Some(("location.default", 2))),
            ("{}", None),
        ] {
            let data = format!(r#"{{"infos":[{{"tableId":1,"partitionId":2,"replicaAlloc":{{"allocMap":{map}}}}}]}}"#);
            let Ok(Record::ModifyPartitions(record)) = decode(BinlogType::MODIFY_PARTITIONS, &data) else {
                panic!("{map}")
            };
            let expected = expected.into_iter().map(|(tag, number)| (tag.to_owned(), number)).collect();
            assert_eq!(record.partitions.first().map(|p| &p.replicas), Some(&expected), "{map}");
        }
    }
}
