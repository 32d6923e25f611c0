//! CREATE TABLE and CREATE VIEW.

use std::collections::BTreeMap;

use super::{
    Answer, BeTablet, Column, ColumnType, DataProperty, IndexSchema, KeysType, Model, Partition, PartitionItem,
    PartitionKind, PartitionScheme, PartitionSpec, PartitionState, Refusal, Relation, Replica, Table, TableSpec,
    TableState, Tablet, TabletShape, View,
    binlog::{NewRecord, kind},
    ids::*,
    index_columns::{find, hidden_columns, note_defaults, number, rollup_columns},
    java_hash_order, java_string_hash,
    properties::{self, complete, record_properties},
    property_check,
    show_create::DdlText,
};

/// A view as CREATE VIEW describes it; names in the definition are already qualified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ViewSpec {
    pub name: String,
    /// Name and comment of each column.
    pub columns: Vec<(String, String)>,
    /// The type of each column.
    pub types: Vec<ColumnType>,
    pub definition: String,
    pub comment: String,
}

/// What a partition needs besides its description.
pub(crate) struct PartitionPlan<'a> {
    pub(crate) keys: KeysType,
    pub(crate) binlog_enabled: bool,
    pub(crate) indexes: &'a [IndexId],
    pub(crate) buckets: u32,
    pub(crate) replication: u32,
    pub(crate) hash_columns: &'a [String],
}

/// A property whose default differs between versions.
const INVERTED_INDEX_FORMAT: &str = "inverted_index_storage_format";

impl Model {
    /// CREATE TABLE. Answers the new table's id; with `if_not_exists`, the id of what has the name.
    pub fn create_table(&mut self, db: &str, spec: TableSpec, if_not_exists: bool) -> Answer<TableId> {
        let database = self.database(db)?;
        let (db_id, db_properties) = (database.id, database.properties.clone());
        if let Some(relation) = database.relation(&spec.name) {
            return if if_not_exists { Ok(relation.id()) } else { Err(table_exists(&spec.name)) };
        }
        let mut spec = spec;
        self.force_replication(&mut spec);
        spec.properties = property_check::checked(&spec)?;
        self.check_colocation(db_id, &spec)?;
        let mut properties = complete(&spec.properties, spec.keys, &db_properties)?;
        if let (true, Some(written)) = (self.profile().ddl_default_compression, spec.properties.get("compression")) {
            properties.insert("compression".into(), written.to_uppercase());
        }
        if !spec.properties.contains_key(INVERTED_INDEX_FORMAT) {
            properties.insert(INVERTED_INDEX_FORMAT.into(), self.profile().inverted_index_format.into());
        }
        let replication = properties::replication(&spec.properties)?;
        self.check_backends(replication)?;
        let table = self.build_table(spec, properties, replication)?;
        let id = table.id;
        let data = serde_json::json!({
            "dbId": db_id, "dbName": db, "tableId": id, "tableName": table.name, "tableType": "OLAP",
            "sql": table.ddl_text(DdlText::Synced, self.profile()), "properties": record_properties(&table),
        });
        if let Some(db) = self.databases.get_mut(&db_id) {
            db.relations.insert(id, Relation::Table(Box::new(table)));
        }
        self.record_created(db_id, id, data);
        self.dynamic_partitions_of(db_id, id)?;
        Ok(id)
    }

    /// `force_olap_table_replication_num`: whatever the statement says.
    fn force_replication(&self, spec: &mut TableSpec) {
        let forced = self.config_number("force_olap_table_replication_num", 0);
        let lists = spec.partitions.iter_mut().map(|partition| &mut partition.properties);
        for written in std::iter::once(&mut spec.properties).chain(lists).filter(|_| forced > 0) {
            let asked = written.keys().any(|key| key == "replication_num" || key == "replication_allocation");
            written.retain(|key, _| key != "replication_num" && key != "replication_allocation");
            if asked {
                written.insert("replication_num".into(), forced.to_string());
            }
        }
        if forced > 0 {
            spec.properties.insert("replication_num".into(), forced.to_string());
        }
    }

    /// The tables of a colocation group have the same buckets, replicas and types of distribution columns.
    fn check_colocation(&self, db: DbId, spec: &TableSpec) -> Answer<()> {
        let Some(group) = spec.properties.get("colocate_with").filter(|group| !group.is_empty()) else { return Ok(()) };
        let Some(database) = self.databases.get(&db) else { return Ok(()) };
        let Some(other) = database.tables().find(|table| table.properties.get("colocate_with") == Some(group)) else {
            return Ok(());
        };
        if spec.distribution.hash_columns.len() != other.distribution.hash_columns.len() {
            return Err(Refusal::analysis(format!(
                "Colocate tables distribution columns size must be the same: {} should be {}",
                spec.distribution.hash_columns.len(),
                other.distribution.hash_columns.len()
            )));
        }
        if spec.distribution.buckets != other.distribution.buckets {
            return Err(Refusal::analysis(format!(
                "Colocate tables must have same bucket num: {} should be {}",
                spec.distribution.buckets, other.distribution.buckets
            )));
        }
        for (mine, theirs) in spec.distribution.hash_columns.iter().zip(&other.distribution.hash_columns) {
            let mine = find(&spec.columns, mine).map(|column| column.ty.primitive_name());
            let theirs = other.column(theirs).map(|column| column.ty.primitive_name());
            if mine != theirs {
                return Err(Refusal::analysis(format!(
                    "Colocate tables distribution columns must have the same data type: {} should be {}",
                    mine.unwrap_or_default(),
                    theirs.unwrap_or_default()
                )));
            }
        }
        Ok(())
    }

    /// CREATE [OR REPLACE] VIEW.
    pub fn create_view(&mut self, db: &str, spec: ViewSpec, if_not_exists: bool, or_replace: bool) -> Answer<TableId> {
        let database = self.database(db)?;
        let db_id = database.id;
        match database.relation(&spec.name) {
            Some(Relation::View(old)) if or_replace => {
                let id = old.id;
                self.alter_view(db, &spec.name.clone(), spec)?;
                return Ok(id);
            }
            Some(relation) if if_not_exists => return Ok(relation.id()),
            Some(_) => return Err(table_exists(&spec.name)),
            None => {}
        }
        let id = TableId::new(self.ids.next_raw());
        let view = View {
            id,
            name: spec.name,
            columns: spec.columns,
            types: spec.types,
            definition: spec.definition,
            comment: spec.comment,
            created_ms: self.now_ms,
        };
        let data = serde_json::json!({
            "dbId": db_id, "dbName": db, "tableId": id, "tableName": view.name, "tableType": "VIEW",
            "sql": view.ddl_text(self.profile()), "properties": {},
        });
        if let Some(db) = self.databases.get_mut(&db_id) {
            db.relations.insert(id, Relation::View(view));
        }
        self.record_created(db_id, id, data);
        Ok(id)
    }

    fn record_created(&mut self, db: DbId, id: TableId, mut data: serde_json::Value) {
        let seq = self.journal();
        if let Some(fields) = data.as_object_mut() {
            fields.insert("commitSeq".into(), seq.0.into());
        }
        self.record(NewRecord { seq, kind: kind::CREATE_TABLE, db, table_ids: &[id], data: data.to_string() });
    }

    /// `replication num should be less than the number of available backends.`
    pub(crate) fn check_backends(&self, replication: u32) -> Answer<()> {
        let alive = self.backends.values().filter(|be| be.alive).count();
        if usize::try_from(replication).is_ok_and(|n| n <= alive) {
            return Ok(());
        }
        Err(Refusal::analysis(format!(
            "replication num should be less than the number of available backends. replication num is {replication}, \
             available backend num is {alive}"
        )))
    }

    fn build_table(
        &mut self,
        spec: TableSpec,
        properties: BTreeMap<String, String>,
        replication: u32,
    ) -> Answer<Table> {
        let columns = number_columns(spec.columns)?;
        for name in spec.scheme.columns.iter().chain(&spec.distribution.hash_columns) {
            if !columns.iter().any(|c| c.name.eq_ignore_ascii_case(name)) {
                return Err(Refusal::analysis(format!("Unknown column '{name}' in 'table list'")));
            }
        }
        let partition_specs = match spec.scheme.kind {
            PartitionKind::Unpartitioned => vec![PartitionSpec {
                name: spec.name.clone(),
                item: PartitionItem::All,
                buckets: None,
                properties: BTreeMap::new(),
            }],
            _ => spec.partitions,
        };
        check_partitions(&partition_specs, &spec.scheme, &columns)?;
        let partition_ids: Vec<PartitionId> =
            partition_specs.iter().map(|_| PartitionId::new(self.ids.next_raw())).collect();
        let id = TableId::new(self.ids.next_raw());
        let base_index = IndexId::new(self.ids.next_raw());
        let mut columns = columns;
        let mut hidden_columns = hidden_columns(spec.keys, &properties, &columns);
        note_defaults(&mut columns);
        note_defaults(&mut hidden_columns);
        number(&mut hidden_columns, columns.len());
        let max_unique_id = i32::try_from(columns.len() + hidden_columns.len()).unwrap_or(i32::MAX) - 1;
        let mut indexes = BTreeMap::new();
        indexes.insert(base_index, self.index_schema(base_index, &spec.name, spec.keys, Vec::new()));
        for rollup in &spec.rollups {
            let columns = rollup_columns(rollup, spec.keys, &columns, &hidden_columns)?;
            let index = IndexId::new(self.ids.next_raw());
            indexes.insert(index, self.index_schema(index, &rollup.name, spec.keys, columns));
        }
        let index_ids: Vec<IndexId> = indexes.keys().copied().collect();
        let binlog_enabled = properties.get("binlog.enable").is_some_and(|v| v == "true");
        let mut partitions = Vec::new();
        // The FE goes through a hash map of their names (seen by the ids of the tablets).
        let order = partition_ids.iter().copied().zip(partition_specs);
        let order = java_hash_order(order.map(|(id, spec)| (java_string_hash(&spec.name), (id, spec))).collect());
        for (partition_id, partition) in order {
            let own = partition.properties.contains_key("replication_num")
                || partition.properties.contains_key("replication_allocation");
            let replication = if own { properties::replication(&partition.properties)? } else { replication };
            let plan = PartitionPlan {
                keys: spec.keys,
                binlog_enabled,
                indexes: &index_ids,
                buckets: partition.buckets.unwrap_or(spec.distribution.buckets),
                replication,
                hash_columns: &spec.distribution.hash_columns,
            };
            partitions.push(self.build_partition(partition_id, partition.name, partition.item, &plan));
        }
        partitions.sort_by_key(|partition| partition.id);
        let mut secondary_indexes = spec.secondary_indexes;
        for index in &mut secondary_indexes {
            index.id = self.ids.next_raw();
        }
        Ok(Table {
            id,
            name: spec.name,
            state: TableState::Normal,
            in_atomic_restore: false,
            created_by_restore: false,
            materialized: spec.materialized,
            keys: spec.keys,
            max_unique_id,
            columns,
            hidden_columns,
            scheme: spec.scheme,
            distribution: spec.distribution,
            secondary_indexes,
            comment: spec.comment,
            properties,
            base_index,
            indexes,
            partitions,
            temp_partitions: Vec::new(),
            created_ms: self.now_ms,
            updated_ms: self.now_ms,
            version: Version(1),
            version_ms: self.now_ms,
        })
    }

    pub(crate) fn index_schema(
        &mut self,
        id: IndexId,
        name: &str,
        keys: KeysType,
        columns: Vec<Column>,
    ) -> IndexSchema {
        use rand::RngExt as _;
        let schema_hash = i64::from(self.rng.random_range(100_000_000..i32::MAX));
        let max_unique_id = columns.iter().map(|c| c.unique_id).max().unwrap_or(-1);
        IndexSchema {
            id,
            name: name.to_owned(),
            columns,
            max_unique_id,
            keys,
            schema_version: 0,
            schema_hash,
            shadow: false,
            watershed: None,
        }
    }

    /// A new, empty partition with its tablets and replicas, also on the backends.
    pub(crate) fn build_partition(
        &mut self,
        id: PartitionId,
        name: String,
        item: PartitionItem,
        plan: &PartitionPlan<'_>,
    ) -> Partition {
        let mut indexes = BTreeMap::new();
        for index in plan.indexes {
            let tablets = (0..plan.buckets).map(|bucket| self.build_tablet(id, bucket, plan)).collect();
            indexes.insert(*index, tablets);
        }
        Partition {
            id,
            name,
            item,
            state: PartitionState::Normal,
            visible_version: Version(1),
            visible_ms: self.now_ms,
            next_version: Version(2),
            buckets: plan.buckets,
            replication: plan.replication,
            data_property: DataProperty::default(),
            indexes,
        }
    }

    fn build_tablet(&mut self, partition: PartitionId, bucket: u32, plan: &PartitionPlan<'_>) -> Tablet {
        let id = TabletId::new(self.ids.next_raw());
        let alive: Vec<BackendId> = self.backends.values().filter(|be| be.alive).map(|be| be.id).collect();
        let start = usize::try_from(id.get()).unwrap_or(0);
        let mut replicas = Vec::new();
        for n in 0..usize::try_from(plan.replication).unwrap_or(0).min(alive.len()) {
            let backend = alive[(start + n) % alive.len()];
            replicas.push(Replica {
                id: ReplicaId::new(self.ids.next_raw()),
                backend,
                version: Version(1),
                last_failed_version: None,
            });
            if let Some(be) = self.backends.get_mut(&backend) {
                let shape = TabletShape { bucket, buckets: plan.buckets, hash_columns: plan.hash_columns.to_vec() };
                be.tablets.insert(id, BeTablet::new(id, partition, plan.keys, plan.binlog_enabled, shape, self.now_ms));
            }
        }
        Tablet { id, replicas }
    }

    /// Removes the tablets of a table from all backends.
    pub(crate) fn drop_tablets(&mut self, table: &Table) {
        for partition in table.all_partitions() {
            self.drop_partition_tablets(partition);
        }
    }

    /// Removes the tablets of a partition from all backends.
    pub(crate) fn drop_partition_tablets(&mut self, partition: &Partition) {
        for (_, tablet) in partition.tablets() {
            for be in self.backends.values_mut() {
                be.tablets.remove(&tablet.id);
            }
        }
    }
}

/// `Table 't' already exists`.
pub(crate) fn table_exists(name: &str) -> Refusal {
    Refusal::analysis(format!("Table '{name}' already exists"))
}

fn number_columns(mut columns: Vec<Column>) -> Answer<Vec<Column>> {
    for n in 0..columns.len() {
        let name = &columns[n].name;
        if columns[..n].iter().any(|c| c.name.eq_ignore_ascii_case(name)) {
            return Err(Refusal::analysis(format!("Duplicate column name '{name}'")));
        }
    }
    number(&mut columns, 0);
    if columns.is_empty() {
        return Err(Refusal::analysis("A table must have at least 1 column"));
    }
    Ok(columns)
}

/// Names and items of the partitions of one statement must not collide.
fn check_partitions(specs: &[PartitionSpec], scheme: &PartitionScheme, columns: &[Column]) -> Answer<()> {
    let types: Vec<_> = scheme
        .columns
        .iter()
        .filter_map(|name| columns.iter().find(|c| c.name.eq_ignore_ascii_case(name)))
        .map(|c| c.ty.clone())
        .collect();
    for (n, spec) in specs.iter().enumerate() {
        for other in &specs[..n] {
            check_against(spec, &other.name, &other.item, &types)?;
        }
    }
    Ok(())
}

/// `Duplicate partition name` or `Range ... is intersected with range: ...`.
pub(crate) fn check_against(
    new: &PartitionSpec,
    name: &str,
    item: &PartitionItem,
    types: &[super::ColumnType],
) -> Answer<()> {
    if new.name.eq_ignore_ascii_case(name) {
        return Err(Refusal::analysis(format!("Duplicate partition name {}", new.name)));
    }
    if let (PartitionItem::List(tuples), PartitionItem::List(others)) = (&new.item, item) {
        return check_list_values(tuples, others);
    }
    if new.item.overlaps(item) {
        let (a, b) = (new.item.range_text(types), item.range_text(types));
        return Err(Refusal::analysis(format!("Range {a} is intersected with range: {b}")));
    }
    Ok(())
}

/// A value of one list must not be in another.
fn check_list_values(tuples: &[Vec<super::Value>], others: &[Vec<super::Value>]) -> Answer<()> {
    let Some(shared) = tuples.iter().find(|tuple| others.contains(tuple)) else { return Ok(()) };
    let key = PartitionItem::tuple_sql(shared);
    let written: Vec<String> = tuples
        .iter()
        .map(|tuple| {
            let values: Vec<String> =
                tuple.iter().map(|v| if v.is_null() { "NULL".to_owned() } else { format!("'{v}'") }).collect();
            if values.len() == 1 { values.join(", ") } else { format!("({})", values.join(", ")) }
        })
        .collect();
    let current: Vec<String> = others.iter().map(|tuple| PartitionItem::tuple_sql(tuple)).collect();
    let current = if current.len() > 1 { format!("({})", current.join(",")) } else { current.join(",") };
    Err(Refusal::analysis(format!(
        "Invalid list value format: errCode = 2, detailMessage = The partition key[{key}] in partition item[({})] is \
         conflict with current partitionKeys[{current}]",
        written.join(",")
    )))
}
