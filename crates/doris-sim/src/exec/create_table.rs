//! CREATE TABLE, CREATE TABLE LIKE.

use super::{coerce::coerce, partition, target};
use crate::{
    Session,
    model::{
        Answer, Column, ColumnDefault, ColumnType, Distribution, KeysType, Model, PartitionItem, PartitionKind,
        PartitionScheme, PartitionSpec, Refusal, RollupSpec, SecondaryIndex, Table, TableSpec, Value, can_be_key,
    },
    sql::statement::{
        Buckets, ColumnDef, CreateTable, DefaultDef, DistributionDef, IndexDef, KeysDef, KeysKind, ObjectName,
        PartitionBy, Properties,
    },
};

/// The most columns and bytes of a key that nobody declared.
const DEFAULT_KEY_COLUMNS: usize = 3;

pub(super) fn create(model: &mut Model, session: &Session, statement: CreateTable) -> Answer<()> {
    let (db, name) = target(session, &statement.name)?;
    let existing = model.database(db)?.relation(name).is_some();
    if existing && statement.if_not_exists {
        return Ok(());
    }
    let (db, if_not_exists) = (db.to_owned(), statement.if_not_exists);
    let spec = table_spec(statement)?;
    model.create_table(&db, spec, if_not_exists)?;
    Ok(())
}

fn table_spec(statement: CreateTable) -> Answer<TableSpec> {
    if let Some(engine) = statement.engine.filter(|engine| engine != "OLAP") {
        return Err(Refusal::analysis(format!(
            "Do not support external table with engine name = {}",
            engine.to_lowercase()
        )));
    }
    if !statement.cluster_by.is_empty() {
        return Err(Refusal::analysis("CLUSTER BY is not supported"));
    }
    let mut properties = statement.properties;
    let keys = keys(statement.keys, &statement.columns, &properties)?;
    let keys_type = keys_type(keys.kind, &mut properties)?;
    let columns = columns(statement.columns, &keys)?;
    check_on_update(&columns, keys_type)?;
    let (scheme, partitions) = partitions(statement.partition_by, &columns)?;
    let distribution = distribution(statement.distribution, keys.kind)?;
    Ok(TableSpec {
        name: statement.name.name,
        columns,
        keys: keys_type,
        scheme,
        partitions,
        distribution,
        secondary_indexes: statement.indexes.into_iter().map(secondary_index).collect(),
        rollups: statement
            .rollups
            .into_iter()
            .map(|rollup| RollupSpec {
                name: rollup.name,
                columns: rollup.columns,
                duplicate_keys: rollup.duplicate_keys,
            })
            .collect(),
        comment: statement.comment.map_or_else(String::new, |comment| comment.table_comment()),
        properties,
    })
}

/// The declared key, or the one that Doris chooses: all columns without aggregation if some have one, nothing if the
/// property says so, else the first few columns that may be keys.
fn keys(declared: Option<KeysDef>, columns: &[ColumnDef], properties: &Properties) -> Answer<KeysDef> {
    if let Some(declared) = declared {
        return Ok(declared);
    }
    if columns.iter().any(|column| column.aggregation.is_some()) {
        let columns = columns.iter().filter(|column| column.aggregation.is_none()).map(|column| column.name.clone());
        return Ok(KeysDef { kind: KeysKind::Aggregate, columns: columns.collect() });
    }
    let mut chosen = Vec::new();
    if properties.get("enable_duplicate_without_keys_by_default").map(String::as_str) != Some("true") {
        for column in columns.iter().take(DEFAULT_KEY_COLUMNS) {
            if !can_be_key(&column.ty) {
                break;
            }
            chosen.push(column.name.clone());
            // A key ends with its first text.
            if matches!(column.ty, ColumnType::Varchar { .. }) {
                break;
            }
        }
        if chosen.is_empty() {
            return Err(Refusal::analysis(
                "The olap table first column could not be float, double, string or array, struct, map, please use \
                 decimal or varchar instead.",
            ));
        }
    }
    Ok(KeysDef { kind: KeysKind::Duplicate, columns: chosen })
}

fn keys_type(kind: KeysKind, properties: &mut Properties) -> Answer<KeysType> {
    const PROPERTY: &str = "enable_unique_key_merge_on_write";
    let merge_on_write = properties.get(PROPERTY).map(String::as_str);
    Ok(match (kind, merge_on_write) {
        (KeysKind::Unique, None) => KeysType::Unique { merge_on_write: true },
        (KeysKind::Unique, Some(text)) => KeysType::Unique { merge_on_write: text.eq_ignore_ascii_case("true") },
        (_, Some(_)) => {
            return Err(Refusal::analysis(format!("{PROPERTY} property only support unique key table")));
        }
        (KeysKind::Duplicate, None) => KeysType::Duplicate,
        (KeysKind::Aggregate, None) => KeysType::Aggregate,
    })
}

fn columns(definitions: Vec<ColumnDef>, keys: &KeysDef) -> Answer<Vec<Column>> {
    for (n, key) in keys.columns.iter().enumerate() {
        let in_order = definitions.get(n).is_some_and(|column| column.name.eq_ignore_ascii_case(key));
        if !in_order {
            let other = definitions.get(n).map_or("", |column| column.name.as_str());
            return Err(Refusal::analysis(format!(
                "Key columns should be a ordered prefix of the schema. KeyColumns[{n}] (starts from zero) is {key}, but \
                 corresponding column is {other} in the previous columns declaration."
            )));
        }
    }
    definitions
        .into_iter()
        .enumerate()
        .map(|(n, definition)| column(definition, n < keys.columns.len(), keys.kind))
        .collect()
}

pub(super) fn column(definition: ColumnDef, is_key: bool, kind: KeysKind) -> Answer<Column> {
    let name = definition.name;
    if name.is_empty()
        || name.chars().count() > 256
        || name.ends_with(char::is_whitespace)
        || name.starts_with("__DORIS_")
    {
        return Err(Refusal::analysis(format!(
            "Incorrect column name '{name}'. Column regex is '^[.a-zA-Z0-9_+-/?@#$%^&*\"\\s,:]{{1,256}}$'"
        )));
    }
    match (kind, is_key, definition.aggregation) {
        (_, true, Some(aggregation)) => {
            return Err(Refusal::analysis(format!("Key column {name} can not set aggregation type {aggregation}")));
        }
        (KeysKind::Duplicate | KeysKind::Unique, false, Some(aggregation)) => {
            let keys = if kind == KeysKind::Unique { "UNIQUE_KEYS" } else { "DUP_KEYS" };
            return Err(Refusal::analysis(format!(
                "The column {name} can not set aggregation type {aggregation} in {keys} table"
            )));
        }
        (KeysKind::Aggregate, false, None) => {
            return Err(Refusal::analysis(format!(
                "The column {name} should have an aggregation type in AGG_KEYS table"
            )));
        }
        _ => {}
    }
    if is_key && !can_be_key(&definition.ty) {
        return Err(Refusal::analysis(format!("Key column[{name}] can not be of type {}", definition.ty)));
    }
    let never_null =
        matches!(&definition.ty, ColumnType::Other(ty) if matches!(ty.as_str(), "hll" | "bitmap" | "quantile_state"));
    let nullable = definition.nullable.unwrap_or(!never_null);
    let mut default = default(definition.default, &definition.ty, &name)?;
    if matches!(&definition.ty, ColumnType::Other(ty) if ty == "bitmap") && default == ColumnDefault::None {
        default = ColumnDefault::Expression("BITMAP_EMPTY".into());
    }
    if definition.on_update {
        let ColumnDefault::Expression(expression) = &mut default else {
            return Err(Refusal::analysis("ON UPDATE CURRENT_TIMESTAMP needs DEFAULT CURRENT_TIMESTAMP"));
        };
        expression.push_str(" ON UPDATE CURRENT_TIMESTAMP");
    }
    Ok(Column {
        is_key,
        aggregation: definition.aggregation,
        nullable,
        auto_increment: definition.auto_increment,
        default,
        comment: definition.comment.map_or_else(String::new, |comment| comment.column_comment()),
        ..Column::new(name, definition.ty)
    })
}

/// Only rows of a merge-on-write table are updated. (A column that ALTER TABLE adds is not looked at; seen.)
fn check_on_update(columns: &[Column], keys: KeysType) -> Answer<()> {
    let updated = |c: &Column| matches!(&c.default, ColumnDefault::Expression(text) if text.contains(" ON UPDATE "));
    if keys.is_merge_on_write() || !columns.iter().any(updated) {
        return Ok(());
    }
    Err(Refusal::analysis(
        "'ON UPDATE CURRENT_TIMESTAMP' is only supportted in unique table with merge-on-write enabled.",
    ))
}

fn default(definition: DefaultDef, ty: &ColumnType, column: &str) -> Answer<ColumnDefault> {
    Ok(match definition {
        DefaultDef::None => ColumnDefault::None,
        DefaultDef::Null => ColumnDefault::Null,
        DefaultDef::Expression(expression) => ColumnDefault::Expression(expression),
        DefaultDef::Text(text) => match coerce(&Value::Text(text.clone()), ty) {
            Ok(value) => ColumnDefault::Literal { text, value },
            Err(_) if matches!(ty, ColumnType::Char { .. } | ColumnType::Varchar { .. }) => {
                return Err(Refusal::analysis(format!("Default value is too long: {text}")));
            }
            Err(_) => return Err(Refusal::analysis(format!("Invalid default value for '{column}': {text}"))),
        },
    })
}

fn partitions(by: Option<PartitionBy>, columns: &[Column]) -> Answer<(PartitionScheme, Vec<PartitionSpec>)> {
    let Some(by) = by else {
        let scheme = PartitionScheme { kind: PartitionKind::Unpartitioned, columns: Vec::new(), auto: None };
        return Ok((scheme, Vec::new()));
    };
    let kind = if by.list { PartitionKind::List } else { PartitionKind::Range };
    let mut types = Vec::new();
    for name in &by.columns {
        let column = columns.iter().find(|column| column.name.eq_ignore_ascii_case(name));
        let column = column.ok_or_else(|| Refusal::analysis(format!("partition key {name} is not exists")))?;
        types.push(column.ty.clone());
    }
    let mut specs: Vec<PartitionSpec> = Vec::new();
    for definition in by.partitions {
        let existing: Vec<&PartitionItem> = specs.iter().map(|spec| &spec.item).collect();
        let item = partition::item(&definition.values, kind, &types, &existing)?;
        specs.push(PartitionSpec { name: definition.name, item, buckets: None, properties: definition.properties });
    }
    Ok((PartitionScheme { kind, columns: by.columns, auto: by.auto }, specs))
}

fn distribution(definition: Option<DistributionDef>, kind: KeysKind) -> Answer<Distribution> {
    let definition = definition.unwrap_or(DistributionDef { hash_columns: Vec::new(), buckets: None });
    if definition.hash_columns.is_empty() && kind != KeysKind::Duplicate {
        let kind = if kind == KeysKind::Unique { "unique" } else { "aggregate" };
        return Err(Refusal::analysis(format!("Create {kind} keys table should not contain random distribution desc")));
    }
    let (buckets, auto) = match definition.buckets {
        Some(Buckets::Number(0)) => return Err(Refusal::analysis("Buckets number must be greater than 0.")),
        Some(Buckets::Number(n)) => (n, false),
        Some(Buckets::Auto) | None => (1, true),
    };
    Ok(Distribution { hash_columns: definition.hash_columns, buckets, auto })
}

pub(super) fn secondary_index(definition: IndexDef) -> SecondaryIndex {
    let mut properties = definition.properties;
    if definition.kind == "INVERTED" && properties.contains_key("parser") {
        properties.entry("lower_case".into()).or_insert_with(|| "true".into());
        properties.entry("support_phrase".into()).or_insert_with(|| "true".into());
    }
    SecondaryIndex {
        id: -1,
        name: definition.name,
        columns: definition.columns,
        kind: definition.kind,
        properties,
        comment: definition.comment.map_or_else(String::new, |comment| comment.table_comment()),
    }
}

/// CREATE TABLE LIKE: everything but rows; rollups if asked for.
pub(super) fn like(
    model: &mut Model,
    session: &Session,
    name: &ObjectName,
    like: &ObjectName,
    if_not_exists: bool,
    with_rollups: bool,
) -> Answer<()> {
    let (db, new_name) = target(session, name)?;
    let (like_db, like_name) = target(session, like)?;
    let spec = spec_of(model.table(like_db, like_name)?, new_name, with_rollups);
    check_on_update(&spec.columns, spec.keys).map_err(|why| {
        Refusal::analysis(format!("Failed to execute CREATE TABLE LIKE {like_name}. Reason: {}", why.text))
    })?;
    model.create_table(db, spec, if_not_exists)?;
    Ok(())
}

fn spec_of(table: &Table, name: &str, with_rollups: bool) -> TableSpec {
    let rollups = table.indexes.values().filter(|index| with_rollups && index.id != table.base_index && !index.shadow);
    // What the FE derives is derived again.
    let derived = ["replication_num", "in_atomic_restore", "is_being_synced", "enable_unique_key_merge_on_write"];
    let mut properties: Properties = table
        .properties
        .iter()
        .filter(|(key, _)| !derived.contains(&key.as_str()))
        .map(|(k, v)| (k.clone(), v.clone()))
        .collect();
    if let KeysType::Unique { merge_on_write } = table.keys {
        properties.insert("enable_unique_key_merge_on_write".into(), merge_on_write.to_string());
    }
    TableSpec {
        name: name.to_owned(),
        columns: table.columns.clone(),
        keys: table.keys,
        scheme: table.scheme.clone(),
        partitions: match table.scheme.kind {
            PartitionKind::Unpartitioned => Vec::new(),
            _ => table
                .partitions
                .iter()
                .map(|partition| PartitionSpec {
                    name: partition.name.clone(),
                    item: partition.item.clone(),
                    buckets: Some(partition.buckets),
                    properties: Properties::new(),
                })
                .collect(),
        },
        distribution: table.distribution.clone(),
        secondary_indexes: table.secondary_indexes.clone(),
        rollups: rollups
            .map(|index| RollupSpec {
                name: index.name.clone(),
                columns: index.columns.iter().filter(|c| c.visible).map(|c| c.name.clone()).collect(),
                duplicate_keys: Vec::new(),
            })
            .collect(),
        comment: table.comment.clone(),
        properties,
    }
}
