//! Tables and views in the FE's JSON, as a backup copies them.

use serde::{Deserialize, Serialize};

use super::{
    super::{
        Column, IndexSchema, KeysType, Partition, SecondaryIndex, Table, View, ids::*, properties::record_properties,
    },
    column::{ColumnJson, view_column},
    java_map::JavaMap,
    partition::{DistributionJson, PartitionJson},
    partition_info::PartitionInfoJson,
    types::TypeJson,
};

/// `OlapTable`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct OlapTableJson {
    clazz: String,
    #[serde(rename = "tst", alias = "state")]
    state: String,
    #[serde(rename = "itm", alias = "indexIdToMeta")]
    pub(crate) index_metas: JavaMap<IndexMetaJson>,
    #[serde(rename = "inti", alias = "indexNameToId")]
    pub(crate) index_names: JavaMap<IndexId>,
    #[serde(rename = "kt", alias = "keysType")]
    keys: String,
    #[serde(rename = "pi", alias = "partitionInfo")]
    pub(crate) partition_info: PartitionInfoJson,
    #[serde(rename = "itp", alias = "idToPartition")]
    pub(crate) partitions: JavaMap<PartitionJson>,
    #[serde(rename = "di", alias = "distributionInfo")]
    pub(crate) distribution: DistributionJson,
    #[serde(rename = "tps", alias = "tempPartitions", default)]
    temp_partitions: TempPartitionsJson,
    #[serde(rename = "bfColumns", default, skip_serializing_if = "Option::is_none")]
    bloom_filters: Option<Vec<String>>,
    #[serde(rename = "bfFpp", default)]
    bloom_filter_fpp: f64,
    #[serde(rename = "sequenceType", default, skip_serializing_if = "Option::is_none")]
    sequence_type: Option<TypeJson>,
    #[serde(default)]
    pub(crate) indexes: SecondaryIndexesJson,
    #[serde(rename = "bid", alias = "baseIndexId")]
    pub(crate) base_index: IndexId,
    #[serde(rename = "tp", alias = "tableProperty")]
    properties: PropertiesJson,
    #[serde(rename = "aIncg", default, skip_serializing_if = "Option::is_none")]
    auto_increment: Option<AutoIncrementJson>,
    #[serde(flatten)]
    pub(crate) base: TableBaseJson,
}

/// What `Table` has of every kind.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct TableBaseJson {
    pub(crate) id: TableId,
    pub(crate) name: String,
    qualified_db_name: String,
    #[serde(rename = "type")]
    kind: String,
    /// Unix seconds.
    create_time: i64,
    full_schema: Vec<ColumnJson>,
    #[serde(default)]
    pub(crate) comment: String,
    #[serde(rename = "ta")]
    attributes: AttributesJson,
    #[serde(default)]
    is_temporary: bool,
    signature: i64,
    last_check_time: i64,
}

/// `TableAttributes`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct AttributesJson {
    #[serde(default)]
    constraints: JavaMap<String>,
    visible_version: i64,
    visible_version_time: i64,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct TempPartitionsJson {
    /// Always empty in a backup.
    id_to_partition: JavaMap<PartitionJson>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct PropertiesJson {
    properties: JavaMap<String>,
}

/// `AutoIncrementGenerator`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct AutoIncrementJson {
    db_id: DbId,
    table_id: TableId,
    column_id: i32,
    batch_end_id: i64,
}

/// `MaterializedIndexMeta`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct IndexMetaJson {
    id: IndexId,
    #[serde(rename = "sc", alias = "schema")]
    columns: Vec<ColumnJson>,
    #[serde(rename = "sv", alias = "schemaVersion")]
    pub(crate) schema_version: i32,
    #[serde(rename = "sh", alias = "schemaHash")]
    pub(crate) schema_hash: i64,
    #[serde(rename = "skcc", alias = "shortKeyColumnCount")]
    short_key_columns: usize,
    #[serde(rename = "st", alias = "storageType")]
    storage_type: String,
    #[serde(rename = "kt", alias = "keysType")]
    keys: String,
    /// Of a synchronous materialized view.
    #[serde(rename = "dfs", alias = "defineStmt", default, skip_serializing_if = "Option::is_none")]
    define: Option<OriginStatementJson>,
    #[serde(rename = "mcui", alias = "maxColUniqueId", default)]
    pub(crate) max_unique_id: i32,
    #[serde(rename = "idx", alias = "indexes", default)]
    indexes: Vec<SecondaryIndexJson>,
}

/// `OriginStatement`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct OriginStatementJson {
    origin_stmt: String,
    idx: i32,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct SecondaryIndexesJson {
    #[serde(default)]
    indexes: Vec<SecondaryIndexJson>,
    #[serde(default)]
    properties: JavaMap<String>,
}

/// `Index`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct SecondaryIndexJson {
    #[serde(rename = "i", alias = "indexId")]
    id: i64,
    #[serde(rename = "in", alias = "indexName")]
    name: String,
    #[serde(rename = "c", alias = "columns")]
    columns: Vec<String>,
    #[serde(rename = "it", alias = "indexType")]
    kind: String,
    #[serde(rename = "pt", alias = "properties", default)]
    properties: JavaMap<String>,
    #[serde(rename = "ct", alias = "comment", default)]
    comment: String,
}

/// `KeysType`: its words.
fn keys_word(keys: KeysType) -> String {
    match keys {
        KeysType::Duplicate => "DUP_KEYS",
        KeysType::Unique { .. } => "UNIQUE_KEYS",
        KeysType::Aggregate => "AGG_KEYS",
    }
    .to_owned()
}

/// Whether a UNIQUE table merges on write is a property of the table.
fn keys_of_word(word: &str, merge_on_write: bool) -> KeysType {
    match word {
        "UNIQUE_KEYS" => KeysType::Unique { merge_on_write },
        "AGG_KEYS" => KeysType::Aggregate,
        _ => KeysType::Duplicate,
    }
}

impl SecondaryIndexJson {
    fn of(index: &SecondaryIndex) -> Self {
        Self {
            id: index.id,
            name: index.name.clone(),
            columns: index.columns.clone(),
            kind: index.kind.clone(),
            properties: JavaMap::of_strings(index.properties.iter().map(|(k, v)| (k.clone(), v.clone()))),
            comment: index.comment.clone(),
        }
    }

    fn index(&self) -> SecondaryIndex {
        SecondaryIndex {
            id: self.id,
            name: self.name.clone(),
            columns: self.columns.clone(),
            kind: self.kind.clone(),
            properties: self.properties.iter().map(|(k, v)| (k.to_owned(), v.clone())).collect(),
            comment: self.comment.clone(),
        }
    }
}

impl OlapTableJson {
    /// A copy of these partitions: NORMAL, without temporary partitions and indexes under construction. `dropped`: see
    /// [`PartitionInfoJson::of_backup`].
    pub(crate) fn of_backup(
        table: &Table,
        db: DbId,
        db_name: &str,
        partitions: &[&Partition],
        dropped: &[PartitionId],
    ) -> Self {
        let kept = Table { partitions: partitions.iter().map(|p| (*p).clone()).collect(), ..table.clone() };
        let left_out = table.partitions.iter().map(|p| p.id).filter(|id| kept.partitions.iter().all(|p| p.id != *id));
        let gone: Vec<PartitionId> = left_out.chain(dropped.iter().copied()).collect();
        let indexes = || kept.indexes.values().filter(|index| !index.shadow);
        let metas = indexes().map(|index| (index.id.get(), IndexMetaJson::of(&kept, index)));
        let partitions = kept.partitions.iter().map(|p| (p.id.get(), PartitionJson::of_backup(&kept, p)));
        let bloom_filters = kept.properties.get("bloom_filter_columns");
        let sequence = kept.hidden_columns.iter().find(|c| c.name == "__DORIS_SEQUENCE_COL__");
        let auto_increment = kept.columns.iter().find(|c| c.auto_increment.is_some());
        Self {
            clazz: "OlapTable".into(),
            state: "NORMAL".into(),
            index_metas: JavaMap::of_longs(metas),
            index_names: JavaMap::of_strings(indexes().map(|index| (index.name.clone(), index.id))),
            keys: keys_word(kept.keys),
            partition_info: PartitionInfoJson::of_backup(&kept, &gone),
            partitions: JavaMap::of_longs(partitions),
            distribution: DistributionJson::of_table(&kept),
            temp_partitions: TempPartitionsJson::default(),
            bloom_filters: bloom_filters.map(|text| text.split(',').map(|c| c.trim().to_owned()).collect()),
            bloom_filter_fpp: if bloom_filters.is_some() { 0.05 } else { 0.0 },
            sequence_type: sequence.map(|column| TypeJson::of(&column.ty)),
            indexes: SecondaryIndexesJson {
                indexes: kept.secondary_indexes.iter().map(SecondaryIndexJson::of).collect(),
                properties: JavaMap::default(),
            },
            base_index: kept.base_index,
            properties: PropertiesJson { properties: JavaMap::of_strings(record_properties(&kept)) },
            auto_increment: auto_increment.map(|column| AutoIncrementJson {
                db_id: db,
                table_id: kept.id,
                column_id: column.unique_id,
                batch_end_id: column.auto_increment.unwrap_or(-1),
            }),
            base: TableBaseJson {
                id: kept.id,
                name: kept.name.clone(),
                qualified_db_name: db_name.to_owned(),
                kind: "OLAP".into(),
                create_time: kept.created_ms / 1000,
                full_schema: base_columns(&kept).map(|column| ColumnJson::of(column, kept.keys)).collect(),
                comment: kept.comment.clone(),
                attributes: AttributesJson {
                    constraints: JavaMap::default(),
                    visible_version: kept.version.0,
                    visible_version_time: kept.version_ms,
                },
                is_temporary: false,
                signature: -1,
                last_check_time: -1,
            },
        }
    }

    pub(crate) fn keys(&self) -> KeysType {
        let property = self.properties.properties.get("enable_unique_key_merge_on_write");
        keys_of_word(&self.keys, property.is_some_and(|v| v.eq_ignore_ascii_case("true")))
    }

    /// `tp`: every property that the FE keeps.
    pub(crate) fn properties(&self) -> impl Iterator<Item = (&str, &String)> {
        self.properties.properties.iter()
    }

    pub(crate) fn secondary_indexes(&self) -> Vec<SecondaryIndex> {
        self.indexes.indexes.iter().map(SecondaryIndexJson::index).collect()
    }
}

impl OlapTableJson {
    pub(crate) fn base_meta(&self) -> Option<&IndexMetaJson> {
        self.index_metas.get(&self.base_index.to_string())
    }

    /// As the property `bloom_filter_columns`.
    pub(crate) fn bloom_filters(&self) -> Option<String> {
        self.bloom_filters.as_ref().map(|columns| columns.join(", "))
    }
}

impl TableBaseJson {
    pub(crate) fn created_ms(&self) -> i64 {
        self.create_time.saturating_mul(1000)
    }

    /// The table's version, and when it came to be.
    pub(crate) fn version(&self) -> (i64, i64) {
        (self.attributes.visible_version, self.attributes.visible_version_time)
    }
}

fn base_columns(table: &Table) -> impl Iterator<Item = &Column> {
    table.columns.iter().chain(&table.hidden_columns)
}

impl IndexMetaJson {
    fn of(table: &Table, index: &IndexSchema) -> Self {
        let is_base = index.id == table.base_index;
        let column = |column: &Column| match is_base {
            true => ColumnJson::of(column, index.keys),
            false => ColumnJson::of(column, index.keys).without_empty_comment(),
        };
        let columns: Vec<ColumnJson> = table.index_columns(index).into_iter().map(column).collect();
        let secondary = if is_base { table.secondary_indexes.as_slice() } else { &[] };
        Self {
            id: index.id,
            short_key_columns: columns.iter().filter(|column| column.is_key).count().clamp(1, 3),
            columns,
            schema_version: index.schema_version,
            schema_hash: index.schema_hash,
            storage_type: "COLUMN".into(),
            keys: keys_word(index.keys),
            define: define_statement(table, index),
            max_unique_id: if is_base { table.max_unique_id } else { index.max_unique_id },
            indexes: secondary.iter().map(SecondaryIndexJson::of).collect(),
        }
    }

    pub(crate) fn keys(&self, merge_on_write: bool) -> KeysType {
        keys_of_word(&self.keys, merge_on_write)
    }

    pub(crate) fn columns(&self) -> Vec<Column> {
        let mut columns: Vec<Column> = self.columns.iter().map(ColumnJson::column).collect();
        if self.keys == keys_word(KeysType::Duplicate) {
            // It says nothing there.
            columns.iter_mut().for_each(|column| column.implicit_aggregation = false);
        }
        if let Some(define) = &self.define {
            for column in &mut columns {
                column.source = defined_source(&define.origin_stmt, &column.name);
            }
        }
        columns
    }
}

/// The statement that defines a materialized view; it alone says where the columns come from.
fn define_statement(table: &Table, index: &IndexSchema) -> Option<OriginStatementJson> {
    let item = |column: &Column| {
        let source = column.source.as_ref()?;
        Some(match column.aggregation {
            Some(aggregation) => format!("{aggregation}(`{source}`) AS `{}`", column.name),
            None => format!("`{source}` AS `{}`", column.name),
        })
    };
    let items: Vec<String> = index.columns.iter().filter_map(item).collect();
    let grouped = index.columns.iter().any(|column| column.aggregation.is_some());
    let keys = index.columns.iter().filter(|column| grouped && column.aggregation.is_none());
    let keys: Vec<String> = keys.filter_map(|column| Some(format!("`{}`", column.source.as_ref()?))).collect();
    let group_by = if keys.is_empty() { String::new() } else { format!(" GROUP BY {}", keys.join(", ")) };
    let text = format!(
        "CREATE MATERIALIZED VIEW `{}` AS SELECT {} FROM `{}`{group_by}",
        index.name,
        items.join(", "),
        table.name
    );
    (!items.is_empty()).then_some(OriginStatementJson { origin_stmt: text, idx: 0 })
}

/// The column behind an output of the statement, if it is one column or an aggregate of one.
fn defined_source(statement: &str, output: &str) -> Option<String> {
    let before = &statement[..statement.find(&format!(" AS `{output}`"))?];
    let quoted = before.trim_end_matches(')').strip_suffix('`')?;
    quoted.rsplit('`').next().map(str::to_owned)
}

/// `View`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct ViewJson {
    clazz: String,
    #[serde(rename = "ivd", alias = "inlineViewDef")]
    pub(crate) definition: String,
    #[serde(rename = "sm", alias = "sqlMode")]
    sql_mode: i64,
    #[serde(rename = "sv", alias = "sessionVariables", default)]
    session_variables: JavaMap<String>,
    #[serde(flatten)]
    pub(crate) base: TableBaseJson,
}

/// The session variables that a view keeps (seen).
const VIEW_VARIABLES: [(&str, &str); 14] = [
    ("sql_mode", "32"),
    ("show_hidden_columns", "false"),
    ("block_encryption_mode", ""),
    ("decimal_overflow_scale", "6"),
    ("skip_storage_engine_merge", "false"),
    ("skip_delete_sign", "false"),
    ("skip_delete_bitmap", "false"),
    ("skip_missing_version", "false"),
    ("skip_bad_tablet", "false"),
    ("sql_dialect", "doris"),
    ("serde_dialect", "doris"),
    ("enable_strict_cast", "false"),
    ("enable_decimal256", "false"),
    ("skip_checking_acid_version_file", "false"),
];

impl ViewJson {
    pub(crate) fn of_backup(view: &View, db_name: &str) -> Self {
        let variables = VIEW_VARIABLES.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
        Self {
            clazz: "View".into(),
            definition: view.definition.clone(),
            sql_mode: 0,
            session_variables: JavaMap::linked(variables),
            base: TableBaseJson {
                id: view.id,
                name: view.name.clone(),
                qualified_db_name: db_name.to_owned(),
                kind: "VIEW".into(),
                create_time: view.created_ms / 1000,
                full_schema: view.columns.iter().zip(&view.types).map(view_column).collect(),
                comment: view.comment.clone(),
                attributes: AttributesJson {
                    constraints: JavaMap::default(),
                    visible_version: 1,
                    visible_version_time: view.created_ms,
                },
                is_temporary: false,
                signature: -1,
                last_check_time: -1,
            },
        }
    }

    /// The view, under the ids of its own cluster.
    pub(crate) fn view(&self) -> View {
        let columns: Vec<Column> = self.base.full_schema.iter().map(ColumnJson::column).collect();
        View {
            id: self.base.id,
            name: self.base.name.clone(),
            types: columns.iter().map(|column| column.ty.clone()).collect(),
            columns: columns.into_iter().map(|column| (column.name, column.comment)).collect(),
            definition: self.definition.clone(),
            comment: self.base.comment.clone(),
            created_ms: self.base.created_ms(),
        }
    }
}
