//! Properties of tables, and the configuration of frontends: defaults, checks and order.

use std::collections::BTreeMap;

use super::{Answer, KeysType, Refusal};

/// What a new BE says to `/api/show_config`.
pub(super) fn default_be_config() -> BTreeMap<String, String> {
    to_map(&[
        ("enable_feature_binlog", "true"),
        ("download_binlog_rate_limit_kbs", "0"),
        ("pending_data_expire_time_sec", "1800"),
        ("snapshot_expire_time_sec", "172800"),
    ])
}

/// The binlog properties and their defaults.
pub(super) const BINLOG_DEFAULTS: [(&str, &str); 4] = [
    ("binlog.enable", "false"),
    ("binlog.ttl_seconds", "86400"),
    ("binlog.max_bytes", "9223372036854775807"),
    ("binlog.max_history_nums", "9223372036854775807"),
];

/// Properties of SHOW CREATE TABLE in Doris's order. `dynamic_partition.` stands for the whole group.
pub(super) const PRINT_ORDER: &[&str] = &[
    "replication_allocation",
    "min_load_replica_num",
    "bloom_filter_columns",
    "is_being_synced",
    "_auto_bucket",
    "colocate_with",
    "dynamic_partition.",
    "partition.retention_count",
    "in_memory",
    "storage_medium",
    "storage_format",
    "inverted_index_storage_format",
    "compression",
    "estimate_partition_size",
    "enable_unique_key_merge_on_write",
    "enable_unique_key_skip_bitmap_column",
    "light_schema_change",
    "storage_policy",
    "function_column.sequence_col",
    "function_column.sequence_type",
    "row_store_columns",
    "store_row_column",
    "row_store_page_size",
    "storage_page_size",
    "skip_write_index_on_load",
    "compaction_policy",
    "time_series_compaction_goal_size_mbytes",
    "time_series_compaction_file_count_threshold",
    "time_series_compaction_time_threshold_seconds",
    "time_series_compaction_empty_rowsets_threshold",
    "time_series_compaction_level_threshold",
    "disable_auto_compaction",
    "variant_enable_flatten_nested",
    "binlog.enable",
    "binlog.ttl_seconds",
    "binlog.max_bytes",
    "binlog.max_history_nums",
    "enable_single_replica_compaction",
    "group_commit_interval_ms",
    "group_commit_data_bytes",
    "enable_mow_light_delete",
    "enable_duplicate_without_keys_by_default",
    "in_atomic_restore",
];

/// The dynamic partition group in Doris's order, with the values of keys that nobody wrote.
pub(super) const DYNAMIC_PARTITION: [(&str, Option<&str>); 16] = [
    ("dynamic_partition.enable", Some("true")),
    ("dynamic_partition.time_unit", None),
    ("dynamic_partition.time_zone", Some("Etc/UTC")),
    ("dynamic_partition.start", Some("-2147483648")),
    ("dynamic_partition.end", None),
    ("dynamic_partition.prefix", None),
    ("dynamic_partition.replication_allocation", None),
    ("dynamic_partition.buckets", None),
    ("dynamic_partition.create_history_partition", Some("false")),
    ("dynamic_partition.history_partition_num", Some("-1")),
    ("dynamic_partition.hot_partition_num", None),
    ("dynamic_partition.reserved_history_periods", Some("NULL")),
    ("dynamic_partition.storage_policy", None),
    ("dynamic_partition.storage_medium", None),
    ("dynamic_partition.start_day_of_week", None),
    ("dynamic_partition.start_day_of_month", None),
];

/// Parameters of `"compaction_policy" = "time_series"`, and their defaults.
pub(super) const TIME_SERIES: [(&str, &str); 5] = [
    ("time_series_compaction_goal_size_mbytes", "1024"),
    ("time_series_compaction_file_count_threshold", "2000"),
    ("time_series_compaction_time_threshold_seconds", "3600"),
    ("time_series_compaction_empty_rowsets_threshold", "5"),
    ("time_series_compaction_level_threshold", "1"),
];

/// Keys that a statement may write but SHOW CREATE TABLE does not print under that name.
const ALSO_KNOWN: &[&str] = &[
    "replication_num",
    "default.replication_num",
    "default.replication_allocation",
    "bloom_filter_fpp",
    "storage_cooldown_time",
    "file_cache_ttl_seconds",
    "version_info",
    "short_key",
    "storage_type",
    "data_sort.sort_type",
    "data_sort.col_num",
    "storage_dict_page_size",
    "tde_algorithm",
    "enable_async_write_back",
    "tablet_type",
    "schema_version",
    "row_store_columns",
];

/// Whether Doris knows a table property of this name.
pub(super) fn is_known(key: &str) -> bool {
    key.starts_with("dynamic_partition.") || PRINT_ORDER.contains(&key) || ALSO_KNOWN.contains(&key)
}

fn to_map(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()
}

/// The number of replicas that `replication_num` or `replication_allocation` ask for; 3 when neither is there.
pub(super) fn replication(properties: &BTreeMap<String, String>) -> Answer<u32> {
    let asked = properties.get("replication_num").map(String::as_str).or_else(|| {
        let allocation = properties.get("replication_allocation")?;
        allocation.rsplit(':').next()
    });
    match asked.map(|text| text.trim().parse::<u32>()) {
        None => Ok(3),
        Some(Ok(n)) if n > 0 => Ok(n),
        _ => Err(Refusal::analysis("Replication num should larger than 0. (suggested 3)")),
    }
}

/// `tag.location.default: n`.
pub(super) fn allocation_text(replication: u32) -> String {
    format!("tag.location.default: {replication}")
}

/// The properties of a new table: what was written, completed with the defaults of Doris 4.1. `db` are the database's.
pub(super) fn complete(
    written: &BTreeMap<String, String>,
    keys: KeysType,
    db: &BTreeMap<String, String>,
) -> Answer<BTreeMap<String, String>> {
    if let Some((key, value)) = written.iter().find(|(key, _)| !is_known(key)) {
        return Err(Refusal::analysis(format!("Unknown properties: {{{key}={value}}}")));
    }
    let mut all = to_map(&[
        ("min_load_replica_num", "-1"),
        ("is_being_synced", "false"),
        ("storage_medium", "hdd"),
        ("storage_format", "V2"),
        ("inverted_index_storage_format", "V3"),
        ("light_schema_change", "true"),
        ("disable_auto_compaction", "false"),
        ("enable_single_replica_compaction", "false"),
        ("group_commit_interval_ms", "10000"),
        ("group_commit_data_bytes", "134217728"),
    ]);
    for (key, default) in BINLOG_DEFAULTS {
        let value = db.get(key).map_or(default, String::as_str);
        all.insert(key.to_owned(), value.to_owned());
    }
    if let KeysType::Unique { merge_on_write } = keys {
        all.insert("enable_unique_key_merge_on_write".into(), merge_on_write.to_string());
        if merge_on_write {
            all.insert("enable_mow_light_delete".into(), "false".into());
        }
    }
    for (key, value) in written {
        let value = match key.as_str() {
            "storage_medium" => value.to_lowercase(),
            "replication_num" | "default.replication_num" | "version_info" | "bloom_filter_fpp" | "short_key" => {
                continue;
            }
            "default.replication_allocation" | "storage_cooldown_time" | "tablet_type" | "schema_version" => continue,
            // What is the default of the FE is not shown.
            "compression"
                if matches!(value.to_ascii_uppercase().as_str(), "ZSTD" | "DEFAULT" | "DEFAULT_COMPRESSION") =>
            {
                continue;
            }
            "compression" | "storage_format" | "inverted_index_storage_format" => value.to_uppercase(),
            "in_memory"
            | "skip_write_index_on_load"
            | "store_row_column"
            | "variant_enable_flatten_nested"
            | "enable_duplicate_without_keys_by_default"
            | "enable_unique_key_skip_bitmap_column"
                if !value.eq_ignore_ascii_case("true") =>
            {
                continue;
            }
            "compaction_policy" if value == "size_based" => continue,
            "storage_page_size" if value == "65536" => continue,
            _ => value.clone(),
        };
        all.insert(key.clone(), value);
    }
    all.insert("replication_allocation".into(), allocation_text(replication(written)?));
    let mut fill = |when: bool, pairs: &[(&str, &str)]| {
        for (key, default) in pairs.iter().filter(|_| when) {
            all.entry((*key).to_owned()).or_insert_with(|| (*default).to_owned());
        }
    };
    fill(written.get("compaction_policy").is_some_and(|v| v == "time_series"), &TIME_SERIES);
    let row_store = written.get("store_row_column").is_some_and(|v| v.eq_ignore_ascii_case("true"));
    fill(row_store || written.contains_key("row_store_columns"), &[("row_store_page_size", "16384")]);
    let db_on = db.get("binlog.enable").is_some_and(|v| v == "true");
    if db_on && all.get("binlog.enable").is_some_and(|v| v == "false") {
        return Err(Refusal::analysis("Cannot create table with binlog disabled when database binlog enable"));
    }
    Ok(all)
}

/// What the FE keeps for every table, printed or not, unless it is written otherwise.
const KEPT_DEFAULTS: [(&str, &str); 20] = [
    ("storage_dict_page_size", "262144"),
    ("data_sort.sort_type", "LEXICAL"),
    ("tde_algorithm", "PLAINTEXT"),
    ("time_series_compaction_empty_rowsets_threshold", "5"),
    ("time_series_compaction_level_threshold", "1"),
    ("time_series_compaction_time_threshold_seconds", "3600"),
    ("time_series_compaction_file_count_threshold", "2000"),
    ("time_series_compaction_goal_size_mbytes", "1024"),
    ("store_row_column", "false"),
    ("enable_unique_key_merge_on_write", "false"),
    ("enable_mow_light_delete", "false"),
    ("in_memory", "false"),
    ("file_cache_ttl_seconds", "0"),
    ("variant_enable_flatten_nested", "false"),
    ("compaction_policy", "size_based"),
    ("_auto_bucket", "false"),
    ("skip_write_index_on_load", "false"),
    ("row_store_page_size", "16384"),
    ("storage_page_size", "65536"),
    ("compression", "ZSTD"),
];

/// The `properties` of a CREATE_TABLE record: everything the FE keeps, printed or not (seen).
pub(super) fn record_properties(table: &super::Table) -> BTreeMap<String, String> {
    let mut all = to_map(&KEPT_DEFAULTS);
    for (key, value) in &table.properties {
        match key.as_str() {
            "bloom_filter_columns"
            | "colocate_with"
            | "enable_duplicate_without_keys_by_default"
            | "function_column.sequence_type" => None,
            "replication_allocation" => all.insert("default.replication_allocation".into(), value.clone()),
            "storage_medium" => all.insert(key.clone(), value.to_uppercase()),
            _ => all.insert(key.clone(), value.clone()),
        };
    }
    all.insert("data_sort.col_num".into(), table.key_positions().len().to_string());
    all.insert("_auto_bucket".into(), table.distribution.auto.to_string());
    all
}

/// The properties of a table from what [`record_properties`] says.
pub(super) fn of_record<'a>(
    all: impl Iterator<Item = (&'a str, &'a String)>,
    keys: KeysType,
) -> BTreeMap<String, String> {
    let unique = matches!(keys, KeysType::Unique { .. });
    let kept = all.filter_map(|(key, value)| {
        let is_default = KEPT_DEFAULTS.contains(&(key, value.as_str()));
        Some(match key {
            "data_sort.col_num" => return None,
            "default.replication_allocation" => ("replication_allocation".to_owned(), value.clone()),
            "storage_medium" => (key.to_owned(), value.to_lowercase()),
            "enable_unique_key_merge_on_write" if unique => (key.to_owned(), value.clone()),
            "enable_mow_light_delete" if keys.is_merge_on_write() => (key.to_owned(), value.clone()),
            _ if is_default => return None,
            _ => (key.to_owned(), value.clone()),
        })
    });
    kept.collect()
}
