//! Tables, partitions, indexes, tablets and replicas.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{
    ids::*,
    partition_item::{PartitionItem, PartitionKind},
    schema::{Column, ColumnType, Distribution, KeysType, SecondaryIndex},
    value::Value,
};

/// `OlapTableState`, as far as it is modelled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum TableState {
    Normal,
    Rollup,
    SchemaChange,
    Restore,
}

impl TableState {
    /// The state that this word stands for, as far as it is modelled.
    pub fn of_name(word: &str) -> Option<Self> {
        let all = [Self::Normal, Self::Rollup, Self::SchemaChange, Self::Restore];
        all.into_iter().find(|state| state.name().eq_ignore_ascii_case(word))
    }

    /// Doris's word.
    pub fn name(self) -> &'static str {
        match self {
            Self::Normal => "NORMAL",
            Self::Rollup => "ROLLUP",
            Self::SchemaChange => "SCHEMA_CHANGE",
            Self::Restore => "RESTORE",
        }
    }
}

/// How a table is partitioned.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartitionScheme {
    pub kind: PartitionKind,
    pub columns: Vec<String>,
    /// AUTO PARTITION: the text between the parentheses (`date_trunc(`d`, 'day')`).
    pub auto: Option<String>,
}

/// A partition as a statement describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartitionSpec {
    pub name: String,
    pub item: PartitionItem,
    /// Another bucket number than the table's.
    pub buckets: Option<u32>,
    pub properties: BTreeMap<String, String>,
}

/// A rollup as a statement describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RollupSpec {
    pub name: String,
    pub columns: Vec<String>,
    /// `DUPLICATE KEY (..)`; empty = the first few columns.
    pub duplicate_keys: Vec<String>,
}

/// A table as CREATE TABLE describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableSpec {
    pub name: String,
    /// In order; `unique_id` is assigned by the model.
    pub columns: Vec<Column>,
    pub keys: KeysType,
    pub scheme: PartitionScheme,
    /// Empty for an unpartitioned table.
    pub partitions: Vec<PartitionSpec>,
    pub distribution: Distribution,
    pub secondary_indexes: Vec<SecondaryIndex>,
    pub rollups: Vec<RollupSpec>,
    pub comment: String,
    /// As written; checked and completed by the model.
    pub properties: BTreeMap<String, String>,
    /// It is an asynchronous materialized view.
    pub materialized: Option<Box<MaterializedQuery>>,
}

/// What an asynchronous materialized view holds, and when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MaterializedQuery {
    /// `BUILD DEFERRED REFRESH COMPLETE ON MANUAL`.
    pub refresh: String,
    /// With qualified names.
    pub definition: String,
}

/// An OLAP table.
#[derive(Clone, Debug)]
pub struct Table {
    pub id: TableId,
    pub name: String,
    pub state: TableState,
    /// An atomic restore builds its successor.
    pub in_atomic_restore: bool,
    /// A running restore makes this table.
    pub created_by_restore: bool,
    /// It is an asynchronous materialized view: a table that is never recorded, backed up or synchronized.
    pub materialized: Option<Box<MaterializedQuery>>,
    pub keys: KeysType,
    /// What a user sees, in order: the visible columns of the base index.
    pub columns: Vec<Column>,
    /// The other columns of the base index; they follow the visible ones.
    pub hidden_columns: Vec<Column>,
    /// The largest unique id ever given to a column of the base index.
    pub max_unique_id: i32,
    pub scheme: PartitionScheme,
    /// For partitions to come.
    pub distribution: Distribution,
    pub secondary_indexes: Vec<SecondaryIndex>,
    pub comment: String,
    /// Everything that SHOW CREATE TABLE or the engine looks at, completed with the defaults.
    pub properties: BTreeMap<String, String>,
    pub base_index: IndexId,
    /// Base index, rollups and shadow indexes.
    pub indexes: BTreeMap<IndexId, IndexSchema>,
    /// In the order of creation.
    pub partitions: Vec<Partition>,
    pub temp_partitions: Vec<Partition>,
    pub created_ms: i64,
    /// Unix milliseconds of the last visible change.
    pub updated_ms: i64,
    /// The table's own version: raised by each transaction, and by whatever changes its rows at once.
    pub version: Version,
    pub version_ms: i64,
}

/// What all tablets of one index have in common.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IndexSchema {
    pub id: IndexId,
    pub name: String,
    /// Every column in order, with unique ids of this index's own. Empty for the base index: its columns are the table's.
    pub columns: Vec<Column>,
    /// The largest unique id ever given to a column of a rollup.
    pub max_unique_id: i32,
    /// The model of the rows: a materialized view with aggregates is AGGREGATE, whatever the table is.
    pub keys: KeysType,
    pub schema_version: i32,
    pub schema_hash: i64,
    /// Under construction by a schema change or rollup job.
    pub shadow: bool,
    /// Of a shadow index: transactions below need not be published into it, their rows are converted.
    pub watershed: Option<TxnId>,
}

/// `PartitionState`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum PartitionState {
    Normal,
    Restore,
}

/// A partition.
#[derive(Clone, Debug)]
pub struct Partition {
    pub id: PartitionId,
    pub name: String,
    pub item: PartitionItem,
    pub state: PartitionState,
    /// The version that readers see; 1 = nothing loaded yet.
    pub visible_version: Version,
    pub visible_ms: i64,
    /// The version of the next committed transaction.
    pub next_version: Version,
    pub buckets: u32,
    pub replication: u32,
    pub data_property: DataProperty,
    /// Per index: the tablets in bucket order.
    pub indexes: BTreeMap<IndexId, Vec<Tablet>>,
}

/// Where the data of a partition lies, and until when.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DataProperty {
    /// HDD or SSD.
    pub medium: String,
    pub cooldown_ms: i64,
    pub storage_policy: String,
    pub in_memory: bool,
}

impl DataProperty {
    /// 9999-12-31 15:59:59: never.
    pub const NO_COOLDOWN_MS: i64 = 253_402_271_999_000;
}

impl Default for DataProperty {
    fn default() -> Self {
        Self {
            medium: "HDD".into(),
            cooldown_ms: Self::NO_COOLDOWN_MS,
            storage_policy: String::new(),
            in_memory: false,
        }
    }
}

/// One bucket of one index of one partition.
#[derive(Clone, Debug)]
pub struct Tablet {
    pub id: TabletId,
    pub replicas: Vec<Replica>,
}

/// A copy of a tablet on a backend.
#[derive(Clone, Debug)]
pub struct Replica {
    pub id: ReplicaId,
    pub backend: BackendId,
    pub version: Version,
    /// The version that this replica missed; `None` = healthy.
    pub last_failed_version: Option<Version>,
}

/// A view.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct View {
    pub id: TableId,
    pub name: String,
    /// Name and comment of each column.
    pub columns: Vec<(String, String)>,
    /// The type of each column.
    pub types: Vec<ColumnType>,
    /// The SELECT, with every name qualified (`internal`.`db`.`t`).
    pub definition: String,
    pub comment: String,
    pub created_ms: i64,
}

/// What a name in a database stands for.
#[derive(Clone, Debug)]
pub enum Relation {
    Table(Box<Table>),
    View(View),
}

impl Relation {
    pub fn id(&self) -> TableId {
        match self {
            Self::Table(table) => table.id,
            Self::View(view) => view.id,
        }
    }

    pub fn name(&self) -> &str {
        match self {
            Self::Table(table) => &table.name,
            Self::View(view) => &view.name,
        }
    }

    pub fn as_table(&self) -> Option<&Table> {
        match self {
            Self::Table(table) => Some(table),
            Self::View(_) => None,
        }
    }

    pub fn as_table_mut(&mut self) -> Option<&mut Table> {
        match self {
            Self::Table(table) => Some(table),
            Self::View(_) => None,
        }
    }
}

impl Table {
    /// `TableType`.
    pub fn type_name(&self) -> &'static str {
        if self.materialized.is_some() { "MATERIALIZED_VIEW" } else { "OLAP" }
    }

    /// A boolean property; absent = false.
    pub fn flag(&self, property: &str) -> bool {
        self.properties.get(property).is_some_and(|v| v.eq_ignore_ascii_case("true"))
    }

    pub fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|c| c.name.eq_ignore_ascii_case(name))
    }

    pub fn column_by_unique_id(&self, id: i32) -> Option<&Column> {
        self.columns.iter().find(|c| c.unique_id == id)
    }

    /// Every column of an index in order, hidden ones included.
    pub fn index_columns<'a>(&'a self, index: &'a IndexSchema) -> Vec<&'a Column> {
        match index.id == self.base_index {
            true => self.columns.iter().chain(&self.hidden_columns).collect(),
            false => index.columns.iter().collect(),
        }
    }

    /// The indexes under construction that a transaction need not be published into: its rows are converted.
    pub(crate) fn converted_for(&self, txn: TxnId) -> Vec<IndexId> {
        let before = |index: &&IndexSchema| index.watershed.is_some_and(|watershed| txn < watershed);
        self.indexes.values().filter(before).map(|index| index.id).collect()
    }

    /// Position of each key column.
    pub fn key_positions(&self) -> Vec<usize> {
        self.columns.iter().enumerate().filter(|(_, c)| c.is_key).map(|(n, _)| n).collect()
    }

    /// A partition by its formal or temporary name.
    pub fn partition(&self, name: &str, temp: bool) -> Option<&Partition> {
        let list = if temp { &self.temp_partitions } else { &self.partitions };
        list.iter().find(|p| p.name.eq_ignore_ascii_case(name))
    }

    /// Formal or temporary partitions in the order in which they are shown.
    pub fn listed_partitions(&self, temp: bool) -> Vec<&Partition> {
        let mut list: Vec<&Partition> = if temp { &self.temp_partitions } else { &self.partitions }.iter().collect();
        list.sort_by(|a, b| a.item.listing_order(&b.item));
        list
    }

    /// Formal partitions, then temporary ones.
    pub fn all_partitions(&self) -> impl Iterator<Item = &Partition> {
        self.partitions.iter().chain(&self.temp_partitions)
    }

    pub fn all_partitions_mut(&mut self) -> impl Iterator<Item = &mut Partition> {
        self.partitions.iter_mut().chain(&mut self.temp_partitions)
    }

    pub fn partition_by_id(&self, id: PartitionId) -> Option<&Partition> {
        self.all_partitions().find(|p| p.id == id)
    }

    pub fn partition_by_id_mut(&mut self, id: PartitionId) -> Option<&mut Partition> {
        self.all_partitions_mut().find(|p| p.id == id)
    }

    pub fn is_temp_partition(&self, id: PartitionId) -> bool {
        self.temp_partitions.iter().any(|p| p.id == id)
    }

    /// Types of the partition columns.
    pub fn partition_types(&self) -> Vec<ColumnType> {
        self.scheme.columns.iter().filter_map(|name| self.column(name)).map(|c| c.ty.clone()).collect()
    }

    /// The text of a partition's item, as in getMeta and SHOW PARTITIONS.
    pub fn range_text(&self, partition: &Partition) -> String {
        partition.item.range_text(&self.partition_types())
    }

    /// The values of a row in the columns of these names.
    pub fn key_of(&self, names: &[String], row: &[Value]) -> Vec<Value> {
        names
            .iter()
            .filter_map(|name| self.columns.iter().position(|c| c.name.eq_ignore_ascii_case(name)))
            .map(|at| row.get(at).cloned().unwrap_or(Value::Null))
            .collect()
    }

    /// A new version of the table, without one of a partition.
    pub(crate) fn raise_version(&mut self, now_ms: i64) -> Version {
        self.version = Version(self.version.0 + 1);
        self.version_ms = now_ms;
        self.updated_ms = now_ms;
        self.version
    }

    /// Replicas that a commit needs for each tablet: a majority, or `min_load_replica_num`.
    pub fn required_replicas(&self, partition: &Partition) -> u32 {
        let majority = partition.replication / 2 + 1;
        let asked = self.properties.get("min_load_replica_num").and_then(|v| v.parse::<i64>().ok()).unwrap_or(-1);
        u32::try_from(asked).ok().filter(|n| *n > 0).map_or(majority, |n| n.min(partition.replication))
    }
}

impl Partition {
    /// Every tablet of every index.
    pub fn tablets(&self) -> impl Iterator<Item = (IndexId, &Tablet)> {
        self.indexes.iter().flat_map(|(index, tablets)| tablets.iter().map(|t| (*index, t)))
    }

    /// The version of the last committed transaction (SHOW PARTITIONS `CommittedVersion`).
    pub fn committed_version(&self) -> Version {
        Version(self.next_version.0 - 1)
    }
}
