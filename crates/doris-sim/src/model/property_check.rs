//! Checks of the properties of a new table, with the words of the FE's `PropertyAnalyzer`.

use std::collections::BTreeMap;

use super::{Answer, ColumnType, KeysType, PartitionKind, Refusal, TableSpec, dynamic_partition, index_columns::find};

const BOOLEANS: [&str; 9] = [
    "light_schema_change",
    "disable_auto_compaction",
    "skip_write_index_on_load",
    "enable_single_replica_compaction",
    "store_row_column",
    "in_memory",
    "is_being_synced",
    "enable_mow_light_delete",
    "enable_unique_key_skip_bitmap_column",
];

const COMPRESSIONS: [&str; 9] =
    ["LZ4", "LZ4F", "LZ4HC", "ZLIB", "ZSTD", "SNAPPY", "NO_COMPRESSION", "DEFAULT_COMPRESSION", "DEFAULT"];

/// Checks what a statement wrote, and takes away what does not hold for this table.
pub(super) fn checked(spec: &TableSpec) -> Answer<BTreeMap<String, String>> {
    let mut written = spec.properties.clone();
    if is_true(&written, "is_being_synced") {
        // A copy does not take part in what belongs to its cluster.
        for key in ["colocate_with", "storage_policy", "dynamic_partition.storage_policy"] {
            written.remove(key);
        }
    }
    for key in BOOLEANS {
        let invalid = |v: &&String| !v.eq_ignore_ascii_case("true") && !v.eq_ignore_ascii_case("false");
        if written.get(key).filter(invalid).is_some() {
            return refuse(format!("{key} must be `true` or `false`"));
        }
    }
    check_words(&written)?;
    check_numbers(&written)?;
    check_columns(spec, &mut written)?;
    check_model(spec, &written)?;
    if let Some(policy) = written.get("storage_policy").filter(|policy| !policy.is_empty()) {
        return refuse(format!("Storage policy does not exist. name: {policy}"));
    }
    if written.keys().any(|key| key.starts_with("dynamic_partition.")) {
        dynamic_partition::check(spec, &mut written)?;
    }
    Ok(written)
}

fn refuse<T>(text: String) -> Answer<T> {
    Err(Refusal::analysis(text))
}

fn is_true(written: &BTreeMap<String, String>, key: &str) -> bool {
    written.get(key).is_some_and(|v| v.eq_ignore_ascii_case("true"))
}

fn check_words(written: &BTreeMap<String, String>) -> Answer<()> {
    let get = |key: &str| written.get(key).map(String::as_str);
    if let Some(medium) = get("storage_medium")
        && !matches!(medium.to_ascii_uppercase().as_str(), "HDD" | "SSD")
    {
        return refuse(format!("Invalid storage medium: {medium}"));
    }
    if let Some(compression) = get("compression")
        && !COMPRESSIONS.contains(&compression.to_ascii_uppercase().as_str())
    {
        return refuse(format!("unknown compression type: {}", compression.to_lowercase()));
    }
    if let Some(format) = get("storage_format")
        && !matches!(format.to_ascii_uppercase().as_str(), "V2" | "V3" | "DEFAULT")
    {
        return refuse(format!("unknown storage format: {format}"));
    }
    if let Some(format) = get("inverted_index_storage_format")
        && !matches!(format.to_ascii_uppercase().as_str(), "V1" | "V2" | "V3" | "DEFAULT")
    {
        return refuse(format!("unknown inverted index storage format: {format}"));
    }
    if let Some(policy) = get("compaction_policy")
        && !matches!(policy, "size_based" | "time_series")
    {
        return refuse("compaction_policy must be time_series or size_based".into());
    }
    let time_series = written.keys().any(|key| key.starts_with("time_series_compaction_"));
    if time_series && get("compaction_policy") != Some("time_series") {
        return refuse("only time series compaction policy support for time series config".into());
    }
    Ok(())
}

fn check_numbers(written: &BTreeMap<String, String>) -> Answer<()> {
    for key in ["group_commit_interval_ms", "group_commit_data_bytes"] {
        let Some(text) = written.get(key) else { continue };
        match text.parse::<i64>() {
            Ok(n) if n > 0 => {}
            Ok(_) => return refuse(format!("{key} must be greater than 0")),
            Err(_) => return refuse(format!("schema change {key} format error: {text}")),
        }
    }
    for key in ["binlog.ttl_seconds", "binlog.max_bytes", "binlog.max_history_nums"] {
        let Some(text) = written.get(key) else { continue };
        if text.parse::<i64>().is_err() {
            return refuse(format!("Invalid {key} value: {text}"));
        }
    }
    Ok(())
}

/// Properties that name columns.
fn check_columns(spec: &TableSpec, written: &mut BTreeMap<String, String>) -> Answer<()> {
    if let Some(text) = written.get("bloom_filter_columns").cloned() {
        let mut names: Vec<String> = Vec::new();
        for name in text.split(',').map(str::trim).filter(|name| !name.is_empty()) {
            let Some(column) = find(&spec.columns, name) else {
                return refuse(format!("Bloom filter column does not exist in table. invalid column: {name}"));
            };
            let unfit = matches!(
                column.ty,
                ColumnType::TinyInt | ColumnType::Float | ColumnType::Double | ColumnType::Boolean | ColumnType::Json
            ) || matches!(&column.ty, ColumnType::Other(text) if !matches!(text.as_str(), "ipv4" | "ipv6" | "variant"));
            if unfit {
                return refuse(format!(
                    "{} is not supported in bloom filter index. invalid column: {name}",
                    column.ty.primitive_name()
                ));
            }
            if !column.is_key && spec.keys == KeysType::Aggregate {
                return refuse(format!(
                    "Bloom filter index only used in columns of UNIQUE_KEYS/DUP_KEYS table or key columns of AGG_KEYS \
                     table. invalid column: {name}"
                ));
            }
            if names.contains(&column.name) {
                return refuse(format!("Reduplicated bloom filter column: {name}"));
            }
            names.push(column.name.clone());
        }
        match names.is_empty() {
            true => written.remove("bloom_filter_columns"),
            false => written.insert("bloom_filter_columns".into(), names.join(", ")),
        };
    }
    let (of_column, of_type) =
        (written.get("function_column.sequence_col"), written.get("function_column.sequence_type"));
    if (of_column.is_some() || of_type.is_some()) && !matches!(spec.keys, KeysType::Unique { .. }) {
        return refuse("sequence column only support UNIQUE_KEYS".into());
    }
    if of_column.is_some() && of_type.is_some() {
        return refuse("The sequence_col and sequence_type cannot be set at the same time".into());
    }
    let fits = |ty: &ColumnType| {
        matches!(
            ty,
            ColumnType::TinyInt
                | ColumnType::SmallInt
                | ColumnType::Int
                | ColumnType::BigInt
                | ColumnType::LargeInt
                | ColumnType::Date
                | ColumnType::DateTime { .. }
        )
    };
    if let Some(name) = of_column {
        match find(&spec.columns, name) {
            None => return refuse(format!("The specified sequence column[{name}] not exists")),
            Some(column) if !fits(&column.ty) => {
                return refuse("Sequence type only support integer types and date types".into());
            }
            Some(_) => {}
        }
    }
    match of_type.map(|ty| crate::sql::parse_type(ty)) {
        None => Ok(()),
        Some(Ok(ty)) if fits(&ty) => Ok(()),
        Some(_) => refuse("Sequence type only support integer types and date types".into()),
    }
}

/// Properties that only some data models have.
fn check_model(spec: &TableSpec, written: &BTreeMap<String, String>) -> Answer<()> {
    let row_store = is_true(written, "store_row_column") || written.contains_key("row_store_columns");
    if row_store && spec.keys == KeysType::Aggregate {
        return refuse("Aggregate table can't support row column now".into());
    }
    if is_true(written, "enable_mow_light_delete") && !spec.keys.is_merge_on_write() {
        return refuse("enable_mow_light_delete property is only supported for unique merge-on-write table".into());
    }
    if written.contains_key("partition.retention_count")
        && (spec.scheme.auto.is_none() || spec.scheme.kind != PartitionKind::Range)
    {
        return refuse("Only AUTO RANGE PARTITION table could set partition.retention_count".into());
    }
    Ok(())
}
