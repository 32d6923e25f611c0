//! Partitions with what they are made of, in the FE's JSON.

use serde::{Deserialize, Serialize};

use super::{
    super::{Column, Partition, PartitionState, Replica, Table, Tablet, ids::*},
    column::ColumnJson,
    java_map::JavaMap,
};

/// `org.apache.doris.catalog.Partition`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct PartitionJson {
    clazz: String,
    pub(crate) id: PartitionId,
    #[serde(rename = "nm", alias = "name")]
    pub(crate) name: String,
    #[serde(rename = "st", alias = "state")]
    state: String,
    #[serde(rename = "bi", alias = "baseIndex")]
    base_index: IndexStateJson,
    /// Rollups.
    #[serde(rename = "ivr", alias = "idToVisibleRollupIndex")]
    rollups: JavaMap<IndexStateJson>,
    #[serde(rename = "isi", alias = "idToShadowIndex")]
    shadows: JavaMap<IndexStateJson>,
    #[serde(rename = "vv", alias = "visibleVersion")]
    pub(crate) visible_version: Version,
    #[serde(rename = "vvt", alias = "visibleVersionTime")]
    pub(crate) visible_ms: i64,
    #[serde(rename = "nv", alias = "nextVersion")]
    next_version: Version,
    #[serde(rename = "di", alias = "distributionInfo")]
    pub(crate) distribution: DistributionJson,
    signature: i64,
    #[serde(rename = "lastCheckTime")]
    last_check_time: i64,
}

/// `MaterializedIndex`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct IndexStateJson {
    pub(crate) id: IndexId,
    state: String,
    row_count: i64,
    tablets: Vec<TabletJson>,
    rollup_index_id: i64,
    rollup_finished_version: i64,
    signature: i64,
    last_check_time: i64,
}

/// `LocalTablet`.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct TabletJson {
    clazz: String,
    rs: Vec<ReplicaJson>,
    #[serde(rename = "lastCheckTime")]
    last_check_time: i64,
    cri: i64,
    ctm: i64,
    cv: i64,
    ic: bool,
    id: TabletId,
}

/// `LocalReplica`.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct ReplicaJson {
    clazz: String,
    bid: BackendId,
    rds: i64,
    ris: i64,
    rss: i64,
    lfv: i64,
    lsv: i64,
    id: ReplicaId,
    v: Version,
    ds: i64,
    rc: i64,
    st: String,
    lis: i64,
    lss: i64,
}

/// `DistributionInfo`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct DistributionJson {
    clazz: String,
    /// HASH only.
    #[serde(default, rename = "distributionColumns", skip_serializing_if = "Option::is_none")]
    columns: Option<Vec<ColumnJson>>,
    #[serde(rename = "type")]
    kind: String,
    #[serde(rename = "bucketNum")]
    pub(crate) buckets: u32,
    #[serde(default, rename = "autoBucket")]
    pub(crate) auto: bool,
}

impl PartitionJson {
    /// A partition as it is.
    pub(crate) fn of(table: &Table, partition: &Partition) -> Self {
        let state = |id: IndexId| IndexStateJson::of(table, partition, id);
        let others = |shadow: bool| {
            let ids = partition.indexes.keys().filter(move |id| **id != table.base_index);
            let ids = ids.filter(move |id| table.indexes.get(*id).is_some_and(|index| index.shadow == shadow));
            JavaMap::of_longs(ids.map(|id| (id.get(), state(*id))))
        };
        Self {
            clazz: "Partition".into(),
            id: partition.id,
            name: partition.name.clone(),
            state: match partition.state {
                PartitionState::Normal => "NORMAL".into(),
                PartitionState::Restore => "RESTORE".into(),
            },
            base_index: state(table.base_index),
            rollups: others(false),
            shadows: others(true),
            visible_version: partition.visible_version,
            visible_ms: partition.visible_ms,
            next_version: partition.next_version,
            distribution: DistributionJson::of(table, partition.buckets),
            signature: -1,
            last_check_time: -1,
        }
    }

    /// The base index and the rollups.
    pub(crate) fn indexes(&self) -> impl Iterator<Item = &IndexStateJson> {
        std::iter::once(&self.base_index).chain(self.rollups.values())
    }

    pub(crate) fn index(&self, id: IndexId) -> Option<&IndexStateJson> {
        self.indexes().find(|index| index.id == id)
    }

    /// As a backup copies it: NORMAL, without indexes under construction.
    pub(crate) fn of_backup(table: &Table, partition: &Partition) -> Self {
        Self {
            state: "NORMAL".into(),
            shadows: JavaMap::default(),
            distribution: DistributionJson::of(table, partition.buckets).without_empty_comments(),
            ..Self::of(table, partition)
        }
    }
}

impl IndexStateJson {
    fn of(table: &Table, partition: &Partition, id: IndexId) -> Self {
        let shadow = table.indexes.get(&id).is_some_and(|index| index.shadow);
        Self {
            id,
            state: if shadow { "SHADOW" } else { "NORMAL" }.into(),
            row_count: -1,
            tablets: partition.indexes.get(&id).into_iter().flatten().map(TabletJson::of).collect(),
            rollup_index_id: -1,
            rollup_finished_version: -1,
            signature: -1,
            last_check_time: -1,
        }
    }

    /// Tablets in bucket order.
    pub(crate) fn tablet_ids(&self) -> Vec<TabletId> {
        self.tablets.iter().map(|tablet| tablet.id).collect()
    }
}

impl TabletJson {
    fn of(tablet: &Tablet) -> Self {
        Self {
            clazz: "LocalTablet".into(),
            rs: tablet.replicas.iter().map(ReplicaJson::of).collect(),
            last_check_time: 0,
            cri: -1,
            ctm: -1,
            cv: -1,
            ic: true,
            id: tablet.id,
        }
    }
}

impl ReplicaJson {
    fn of(replica: &Replica) -> Self {
        Self {
            clazz: "LocalReplica".into(),
            bid: replica.backend,
            rds: 0,
            ris: 0,
            rss: 0,
            lfv: replica.last_failed_version.map_or(-1, |version| version.0),
            lsv: replica.version.0,
            id: replica.id,
            v: replica.version,
            ds: 0,
            rc: 0,
            st: "NORMAL".into(),
            lis: 0,
            lss: 0,
        }
    }
}

impl DistributionJson {
    /// Of a partition of this many buckets.
    pub(crate) fn of(table: &Table, buckets: u32) -> Self {
        let hash = &table.distribution.hash_columns;
        let column = |name: &String| {
            let column = Column { copied: true, ..table.column(name)?.clone() };
            Some(ColumnJson::of(&column, table.keys))
        };
        let random = hash.is_empty();
        Self {
            clazz: if random { "RandomDistributionInfo" } else { "HashDistributionInfo" }.into(),
            columns: (!random).then(|| hash.iter().filter_map(column).collect()),
            kind: if random { "RANDOM" } else { "HASH" }.into(),
            buckets,
            auto: table.distribution.auto,
        }
    }

    /// The table's own: its columns have no unique ids.
    pub(crate) fn of_table(table: &Table) -> Self {
        let mut distribution = Self::of(table, table.distribution.buckets).without_empty_comments();
        distribution.columns.iter_mut().flatten().for_each(|column| column.unique_id = -1);
        distribution
    }

    fn without_empty_comments(mut self) -> Self {
        self.columns = self.columns.map(|all| all.into_iter().map(ColumnJson::without_empty_comment).collect());
        self
    }

    /// Names of the hash columns; none = RANDOM.
    pub(crate) fn hash_columns(&self) -> Vec<String> {
        self.columns.iter().flatten().map(|column| column.name.clone()).collect()
    }
}
