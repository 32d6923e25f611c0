//! CREATE TABLE.
//!
//! | file | what |
//! |---|---|
//! | `keys.rs` | the key and the data model |
//! | `columns.rs`, `generated.rs` | columns |
//! | `partitions.rs` | partitions |
//! | `indexes.rs` | secondary indexes |
//! | `like.rs` | CREATE TABLE LIKE |
//! | `as_select.rs` | CREATE TABLE AS SELECT |
//! | `materialized.rs` | CREATE MATERIALIZED VIEW that is a table |

pub(super) mod as_select;
mod columns;
pub(super) mod generated;
mod indexes;
mod keys;
mod like;
pub(super) mod materialized;
mod partitions;

pub(super) use columns::column;
pub(super) use indexes::secondary_index;
pub(super) use like::like;

use super::session;
use crate::{
    Session,
    model::{Aggregation, Answer, Column, Distribution, MaterializedQuery, Model, Refusal, RollupSpec, TableSpec},
    sql::statement::{Buckets, CreateTable, DistributionDef, KeysKind},
};

/// Buckets of `BUCKETS AUTO` where no size is estimated.
const DEFAULT_BUCKETS: u32 = 10;

pub(super) fn create(model: &mut Model, session: &Session, statement: CreateTable) -> Answer<()> {
    create_of(model, session, statement, None)
}

/// As [`create`]; with the query of an asynchronous materialized view.
fn create_of(
    model: &mut Model,
    session: &Session,
    statement: CreateTable,
    materialized: Option<Box<MaterializedQuery>>,
) -> Answer<()> {
    let Ok(db) = session::db_of(session, statement.name.db.as_deref()) else {
        return Err(Refusal::analysis("database name is null or empty"));
    };
    let (db, if_not_exists) = (db.to_owned(), statement.if_not_exists);
    // The definition is looked at even if the table exists.
    let agg_state = session.variables.get("enable_agg_state").is_some_and(|value| is_true(value));
    let spec = table_spec(statement, agg_state, model.profile().auto_bucket_gb)?;
    model.create_table(&db, TableSpec { materialized, ..spec }, if_not_exists)?;
    Ok(())
}

fn is_true(text: &str) -> bool {
    text.eq_ignore_ascii_case("true") || text == "1"
}

fn table_spec(statement: CreateTable, agg_state: bool, bucket_gb: u64) -> Answer<TableSpec> {
    check_engine(statement.engine.as_deref())?;
    check_table_name(&statement.name.name)?;
    let properties = statement.properties;
    for (n, column) in statement.columns.iter().enumerate() {
        if statement.columns[..n].iter().any(|other| other.name.eq_ignore_ascii_case(&column.name)) {
            return Err(Refusal::analysis(format!("Duplicate column name '{}'", column.name)));
        }
    }
    let declared = statement.keys.is_some();
    let keys = keys::keys(statement.keys, &statement.columns, &properties)?;
    let keys_type = keys::keys_type(keys.kind, &properties)?;
    keys::check(&keys, &statement.columns)?;
    keys::check_cluster_by(&statement.cluster_by, &keys, keys_type, &statement.columns)?;
    if !declared && statement.columns.iter().filter(|c| c.auto_increment.is_some()).count() > 1 {
        return Err(Refusal::analysis("there can be at most one auto increment column in OlapTable."));
    }
    let uses_agg_state = statement.columns.iter().any(|c| c.aggregation == Some(Aggregation::Generic));
    if uses_agg_state && !agg_state {
        return Err(Refusal::analysis("agg state not enable, need set enable_agg_state=true"));
    }
    let mut columns = statement
        .columns
        .into_iter()
        .enumerate()
        .map(|(n, definition)| columns::column(definition, n < keys.columns.len(), keys.kind))
        .collect::<Answer<Vec<Column>>>()?;
    for (n, name) in statement.cluster_by.iter().enumerate() {
        if let Some(column) = columns.iter_mut().find(|column| column.name.eq_ignore_ascii_case(name)) {
            column.cluster_key = i32::try_from(n).ok();
        }
    }
    columns::check_on_update(&columns, keys_type)?;
    let (scheme, partitions) = partitions::partitions(statement.partition_by, &columns, keys_type)?;
    let estimate = properties.get("estimate_partition_size").map(String::as_str);
    let distribution = distribution(statement.distribution, keys.kind, &columns, estimate, bucket_gb)?;
    let secondary_indexes = indexes::secondary_indexes(statement.indexes, &columns, keys_type)?;
    generated::analyze(&mut columns)?;
    Ok(TableSpec {
        materialized: None,
        name: statement.name.name,
        columns,
        keys: keys_type,
        scheme,
        partitions,
        distribution,
        secondary_indexes,
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

fn check_engine(engine: Option<&str>) -> Answer<()> {
    let text = match engine {
        None | Some("OLAP") => return Ok(()),
        Some("ODBC" | "MYSQL" | "BROKER") => "odbc, mysql and broker table is no longer supported. For odbc and mysql external table, use jdbc \
             table or jdbc catalog instead. For broker table, use table valued function instead.. Or you can temporarily \
             set 'enable_odbc_mysql_broker_table=true' in fe.conf to reopen this feature."
            .to_owned(),
        Some(other @ ("JDBC" | "ELASTICSEARCH" | "HIVE" | "ICEBERG")) => {
            format!("doris-sim does not model tables of the engine {}", other.to_lowercase())
        }
        Some(other) => format!("Do not support table with engine name = {}", other.to_lowercase()),
    };
    Err(Refusal::analysis(text))
}

/// The most characters of a table's name.
const LONGEST_NAME: usize = 64;

fn check_table_name(name: &str) -> Answer<()> {
    if name.is_empty() || name.ends_with(char::is_whitespace) {
        return Err(Refusal::analysis(format!("Incorrect table name '{name}'")));
    }
    let length = name.chars().count();
    if length > LONGEST_NAME {
        return Err(Refusal::analysis(format!(
            "Table name length exceeds limit, the length of table name '{name}' is {length} which is greater than the \
             configuration 'table_name_length_limit' ({LONGEST_NAME})."
        )));
    }
    Ok(())
}

fn distribution(
    definition: Option<DistributionDef>,
    kind: KeysKind,
    columns: &[Column],
    estimate: Option<&str>,
    bucket_gb: u64,
) -> Answer<Distribution> {
    let definition = definition.unwrap_or(DistributionDef { hash_columns: Vec::new(), buckets: None });
    let (buckets, auto) = match definition.buckets {
        Some(Buckets::Number(0)) => return Err(Refusal::analysis("Buckets number must be greater than 0.")),
        Some(Buckets::Number(n)) => (n, false),
        Some(Buckets::Auto) | None => (auto_buckets(estimate, bucket_gb)?, true),
    };
    let mut hash_columns: Vec<String> = Vec::new();
    for name in definition.hash_columns.iter() {
        let column = columns.iter().find(|column| column.name.eq_ignore_ascii_case(name));
        let Some(column) = column else {
            return Err(Refusal::analysis(format!("column {name} is not found in distribution desc")));
        };
        hash_columns.push(column.name.clone());
    }
    let replaces =
        |column: &Column| matches!(column.aggregation, Some(Aggregation::Replace | Aggregation::ReplaceIfNotNull));
    if hash_columns.is_empty() && kind == KeysKind::Unique {
        return Err(Refusal::analysis("Create unique keys table should not contain random distribution desc"));
    }
    if hash_columns.is_empty() && kind == KeysKind::Aggregate && columns.iter().any(replaces) {
        return Err(Refusal::analysis(
            "Create aggregate keys table with value columns of which aggregate type is REPLACE or REPLACE_IF_NOT_NULL \
             should not contain random distribution desc",
        ));
    }
    Ok(Distribution { hash_columns, buckets, auto })
}

/// What a frontend chooses by the estimated size of a partition: one bucket for so much compressed data.
fn auto_buckets(estimate: Option<&str>, bucket_gb: u64) -> Answer<u32> {
    let Some(text) = estimate else { return Ok(DEFAULT_BUCKETS) };
    let digits = text.trim_end_matches(|c: char| !c.is_ascii_digit());
    let unit = text[digits.len()..].trim().to_ascii_uppercase();
    let factor: u64 = match unit.as_str() {
        "" | "B" => 1,
        "K" | "KB" => 1 << 10,
        "M" | "MB" => 1 << 20,
        "G" | "GB" => 1 << 30,
        "T" | "TB" => 1 << 40,
        "P" | "PB" => 1 << 50,
        _ => return Err(Refusal::analysis(format!("Invalid data volume expression: {text}"))),
    };
    let Ok(size) = digits.parse::<u64>() else {
        return Err(Refusal::analysis(format!("Invalid data volume expression: {text}")));
    };
    let compressed = size.saturating_mul(factor) / 5;
    Ok(u32::try_from(compressed.div_ceil(bucket_gb << 30)).unwrap_or(u32::MAX).clamp(1, 128))
}
