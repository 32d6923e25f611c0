//! How a table is partitioned, and what the FE keeps per partition, in the FE's JSON.

use serde::{Deserialize, Serialize};

use super::{
    super::{
        BoundValue, ColumnType, DataProperty, Partition, PartitionItem, PartitionKind, PartitionScheme, Table, Value,
        ids::*,
    },
    column::ColumnJson,
    java_map::JavaMap,
    literal::{KeyJson, RangeJson},
    types::TypeJson,
};

/// `PartitionInfo` and its kinds.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct PartitionInfoJson {
    clazz: String,
    #[serde(rename = "Type")]
    kind: String,
    #[serde(rename = "pc", alias = "partitionColumns", default)]
    pub(crate) columns: Vec<ColumnJson>,
    #[serde(rename = "IdToItem", default)]
    items: JavaMap<ItemJson>,
    #[serde(rename = "IdToTempItem", default)]
    temp_items: JavaMap<ItemJson>,
    #[serde(rename = "IdToDataProperty", default)]
    data_properties: JavaMap<DataPropertyJson>,
    #[serde(rename = "IdToStoragePolicy", default)]
    storage_policies: JavaMap<String>,
    #[serde(rename = "IdToReplicaAllocation", default)]
    allocations: JavaMap<ReplicaAllocationJson>,
    #[serde(rename = "isM", default)]
    multi_column: bool,
    #[serde(rename = "IdToInMemory", default)]
    in_memory: JavaMap<bool>,
    #[serde(rename = "PartitionExprs", default)]
    exprs: Vec<ExprJson>,
    #[serde(rename = "IsAutoCreatePartitions", default)]
    auto: bool,
}

/// `PartitionItem`: of a RANGE (only with `range`) or of a LIST table.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct ItemJson {
    clazz: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    range: Option<RangeJson>,
    #[serde(default, rename = "partitionKeys", skip_serializing_if = "Option::is_none")]
    keys: Option<Vec<KeyJson>>,
    #[serde(default, rename = "idp", skip_serializing_if = "Option::is_none")]
    is_default: Option<bool>,
}

/// `ListPartitionItem`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct ListItemJson {
    clazz: String,
    #[serde(rename = "partitionKeys")]
    keys: Vec<KeyJson>,
    #[serde(rename = "idp")]
    is_default: bool,
}

/// `DataProperty`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct DataPropertyJson {
    storage_medium: String,
    cooldown_time_ms: i64,
    storage_policy: String,
    is_mutable: bool,
}

/// `ReplicaAllocation`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ReplicaAllocationJson {
    alloc_map: Vec<(TagJson, u32)>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct TagJson {
    #[serde(rename = "type")]
    kind: String,
    value: String,
}

/// What a partition is made by: a column, or the call of a function on one (AUTO PARTITION).
#[derive(Clone, Debug, Serialize, Deserialize)]
struct ExprJson {
    clazz: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    col: Option<String>,
    /// The call as it is printed. Doris keeps a tree here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    call: Option<String>,
    #[serde(rename = "type")]
    ty: TypeJson,
    opcode: String,
    #[serde(default)]
    children: Vec<ExprJson>,
}

impl ReplicaAllocationJson {
    pub(crate) fn of(replication: u32) -> Self {
        let tag = TagJson { kind: "location".into(), value: "default".into() };
        Self { alloc_map: vec![(tag, replication)] }
    }

    fn total(&self) -> u32 {
        self.alloc_map.iter().map(|(_, n)| n).sum()
    }
}

impl DataPropertyJson {
    pub(crate) fn of(property: &DataProperty) -> Self {
        Self {
            storage_medium: property.medium.clone(),
            cooldown_time_ms: property.cooldown_ms,
            storage_policy: property.storage_policy.clone(),
            is_mutable: true,
        }
    }
}

impl ListItemJson {
    pub(crate) fn of(tuples: &[Vec<Value>], types: &[ColumnType]) -> Self {
        let is_default = tuples.is_empty();
        let keys = match is_default {
            true => vec![KeyJson::of_default()],
            false => tuples.iter().map(|tuple| KeyJson::of_tuple(tuple, types)).collect(),
        };
        Self { clazz: "ListPartitionItem".into(), keys, is_default }
    }

    /// What stands for the values of a partition that has none (ADD_PARTITION of a RANGE table; seen).
    pub(crate) fn none() -> Self {
        Self { clazz: "ListPartitionItem".into(), keys: Vec::new(), is_default: false }
    }
}

impl ItemJson {
    fn of(item: &PartitionItem, types: &[ColumnType]) -> Option<Self> {
        match item {
            PartitionItem::All => None,
            PartitionItem::Range { lower, upper } => Some(Self {
                clazz: "RangePartitionItem".into(),
                range: Some(RangeJson::of(lower, upper, types)),
                keys: None,
                is_default: None,
            }),
            PartitionItem::List(tuples) => {
                let ListItemJson { clazz, keys, is_default } = ListItemJson::of(tuples, types);
                Some(Self { clazz, range: None, keys: Some(keys), is_default: Some(is_default) })
            }
        }
    }

    fn item(&self, types: &[ColumnType]) -> PartitionItem {
        if let Some(range) = &self.range {
            return PartitionItem::Range { lower: range.lower().bounds(types), upper: range.upper().bounds(types) };
        }
        let keys = self.keys.as_deref().unwrap_or_default();
        if self.is_default == Some(true) || keys.iter().any(KeyJson::is_default) {
            return PartitionItem::List(Vec::new());
        }
        let value = |bound| match bound {
            BoundValue::Value(value) => value,
            BoundValue::MaxValue => Value::Null,
        };
        PartitionItem::List(keys.iter().map(|key| key.bounds(types).into_iter().map(value).collect()).collect())
    }
}

impl PartitionInfoJson {
    /// As a backup copies it: without temporary partitions. `gone`: partitions that the table had; the FE does not forget
    /// their storage policies (seen).
    pub(crate) fn of_backup(table: &Table, gone: &[PartitionId]) -> Self {
        let types = table.partition_types();
        let kind = table.scheme.kind;
        let each = || table.partitions.iter().map(|p| (p.id.get(), p));
        let keyed = |partition: &Partition| partition.id.get();
        let items = table.partitions.iter().filter_map(|p| Some((keyed(p), ItemJson::of(&p.item, &types)?)));
        let columns = table.scheme.columns.iter().filter_map(|name| table.column(name));
        let policies = each().map(|(id, p)| (id, p.data_property.storage_policy.clone()));
        let mut policies: Vec<(i64, String)> = policies.collect();
        policies.extend(gone.iter().map(|id| (id.get(), String::new())));
        if kind == PartitionKind::Unpartitioned {
            policies.clear();
        }
        Self {
            clazz: match kind {
                PartitionKind::Unpartitioned => "SinglePartitionInfo",
                PartitionKind::Range => "RangePartitionInfo",
                PartitionKind::List => "ListPartitionInfo",
            }
            .into(),
            kind: kind.name().into(),
            columns: columns.map(|column| ColumnJson::of(column, table.keys)).collect(),
            items: JavaMap::of_longs(items),
            temp_items: JavaMap::default(),
            data_properties: JavaMap::of_longs(each().map(|(id, p)| (id, DataPropertyJson::of(&p.data_property)))),
            storage_policies: JavaMap::of_longs(policies),
            allocations: JavaMap::of_longs(each().map(|(id, p)| (id, ReplicaAllocationJson::of(p.replication)))),
            multi_column: table.scheme.columns.len() > 1,
            in_memory: JavaMap::of_longs(each().map(|(id, p)| (id, p.data_property.in_memory))),
            exprs: exprs(&table.scheme),
            auto: table.scheme.auto.is_some(),
        }
    }

    pub(crate) fn kind(&self) -> PartitionKind {
        match self.kind.as_str() {
            "RANGE" => PartitionKind::Range,
            "LIST" => PartitionKind::List,
            _ => PartitionKind::Unpartitioned,
        }
    }

    pub(crate) fn scheme(&self) -> PartitionScheme {
        let columns: Vec<String> = self.columns.iter().map(|column| column.name.clone()).collect();
        let call = self.exprs.iter().find_map(|expr| expr.call.clone());
        let plain = || columns.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
        let auto = self.auto.then(|| call.unwrap_or_else(plain));
        PartitionScheme { kind: self.kind(), columns, auto }
    }

    /// What a partition holds.
    pub(crate) fn item(&self, id: PartitionId) -> PartitionItem {
        let types: Vec<ColumnType> = self.columns.iter().map(|column| column.ty.column_type()).collect();
        self.items.get(&id.to_string()).map_or(PartitionItem::All, |item| item.item(&types))
    }

    pub(crate) fn data_property(&self, id: PartitionId) -> DataProperty {
        let key = id.to_string();
        let in_memory = self.in_memory.get(&key).copied().unwrap_or(false);
        self.data_properties.get(&key).map_or_else(DataProperty::default, |json| DataProperty {
            medium: json.storage_medium.clone(),
            cooldown_ms: json.cooldown_time_ms,
            storage_policy: json.storage_policy.clone(),
            in_memory,
        })
    }

    pub(crate) fn replication(&self, id: PartitionId) -> u32 {
        self.allocations.get(&id.to_string()).map_or(1, ReplicaAllocationJson::total)
    }
}

fn exprs(scheme: &PartitionScheme) -> Vec<ExprJson> {
    let new = |clazz: &str, col, call| ExprJson {
        clazz: clazz.into(),
        col,
        call,
        ty: TypeJson::scalar("INVALID_TYPE"),
        opcode: "INVALID_OPCODE".into(),
        children: Vec::new(),
    };
    match scheme.auto.as_ref().filter(|text| text.contains('(')) {
        Some(call) => vec![new("FunctionCallExpr", None, Some(call.clone()))],
        None => scheme.columns.iter().map(|name| new("SlotRef", Some(name.clone()), None)).collect(),
    }
}
