//! Which properties ALTER TABLE SET knows, and what values they may have (`ModifyTablePropertiesOp`).

use std::collections::BTreeMap;

use crate::model::{Answer, KeysType, Refusal, Table};

/// What a statement asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Meaning {
    /// Accepted, and nothing happens: not even a record (seen).
    Nothing,
    /// Stored as written.
    Property,
    Binlog,
    DynamicPartition,
    Replicas,
    DefaultReplicas,
    Colocate,
    RandomDistribution,
}

/// Properties that cannot be changed, and what Doris says.
const FIXED: [(&str, &str); 10] = [
    ("tablet_type", "Alter tablet type not supported"),
    ("enable_unique_key_merge_on_write", "Can not change UNIQUE KEY to Merge-On-Write mode"),
    ("enable_duplicate_without_keys_by_default", "Can not change enable_duplicate_without_keys_by_default"),
    ("inverted_index_storage_format", "Property inverted_index_storage_format is not allowed to change"),
    ("storage_vault_name", "You can not modify storage vault name"),
    ("storage_vault_id", "You can not modify storage vault id"),
    ("estimate_partition_size", "You can not modify estimate partition size"),
    ("storage_page_size", "You can not modify storage_page_size"),
    ("storage_dict_page_size", "You can not modify storage_dict_page_size"),
    ("enable_unique_key_skip_bitmap_column", "You can not modify property 'enable_unique_key_skip_bitmap_column'."),
];

/// Numbers with their least value.
const NUMBERS: [(&str, i64); 6] = [
    ("time_series_compaction_goal_size_mbytes", 10),
    ("time_series_compaction_file_count_threshold", 10),
    ("time_series_compaction_time_threshold_seconds", 60),
    ("time_series_compaction_empty_rowsets_threshold", 2),
    ("group_commit_interval_ms", 0),
    ("group_commit_data_bytes", 0),
];

/// Properties whose change rewrites the table: a heavy schema change.
const SCHEMA_CHANGES: [&str; 6] = [
    "bloom_filter_columns",
    "bloom_filter_fpp",
    "store_row_column",
    "row_store_columns",
    "storage_format",
    "storage_type",
];

/// What the properties of a statement mean for a table.
pub(super) fn meaning(written: &BTreeMap<String, String>, table: &Table) -> Answer<Meaning> {
    let Some((key, value)) = written.first_key_value() else {
        return Err(Refusal::analysis("Properties is not set"));
    };
    let group = |prefix: &str| written.keys().all(|key| key.starts_with(prefix));
    if written.len() > 1 && !group("binlog.") && !group("dynamic_partition.") {
        let text = "Can only set one table property(without dynamic partition && binlog) at a time";
        return Err(Refusal::analysis(text));
    }
    if let Some((_, text)) = FIXED.iter().find(|(fixed, _)| fixed == key) {
        return Err(Refusal::analysis(text));
    }
    if let Some((_, least)) = NUMBERS.iter().find(|(number, _)| number == key) {
        return check_number(key, value, *least).map(|()| Meaning::Property);
    }
    if SCHEMA_CHANGES.contains(&key.as_str()) {
        return Err(Refusal::analysis(format!("doris-sim does not model the schema change of SET ({key})")));
    }
    match key.as_str() {
        key if key.starts_with("dynamic_partition.") => Ok(Meaning::DynamicPartition),
        "binlog.enable" | "binlog.ttl_seconds" | "binlog.max_bytes" | "binlog.max_history_nums" => Ok(Meaning::Binlog),
        "colocate_with" => Ok(Meaning::Colocate),
        "distribution_type" => match value.eq_ignore_ascii_case("random") {
            true => Ok(Meaning::RandomDistribution),
            false => Err(Refusal::analysis("Can only change distribution type from HASH to RANDOM")),
        },
        "send_clear_alter_tasks" => match value.eq_ignore_ascii_case("true") {
            true => Ok(Meaning::Nothing),
            false => Err(Refusal::analysis("Property send_clear_alter_tasks should be set to true")),
        },
        "replication_num" | "replication_allocation" => Ok(Meaning::Replicas),
        "default.replication_num" | "default.replication_allocation" => Ok(Meaning::DefaultReplicas),
        "in_memory" => match value.eq_ignore_ascii_case("true") {
            true => Err(Refusal::analysis("Not support set 'in_memory'='true' now!")),
            false => Ok(Meaning::Nothing),
        },
        "light_schema_change" => match (value.eq_ignore_ascii_case("true"), table.flag("light_schema_change")) {
            (true, true) | (false, false) => Ok(Meaning::Nothing),
            (true, false) => Ok(Meaning::Property),
            (false, true) => Err(Refusal::analysis("Can not alter light_schema_change from true to false currently")),
        },
        "compaction_policy" => match value.as_str() {
            "time_series" | "size_based" => Ok(Meaning::Property),
            _ => Err(Refusal::analysis("Table compaction policy only support for time_series or size_based")),
        },
        "time_series_compaction_level_threshold" => check_level(value).map(|()| Meaning::Property),
        "skip_write_index_on_load" if value.eq_ignore_ascii_case("true") => {
            Err(Refusal::analysis("Property skip_write_index_on_load is forbidden now"))
        }
        "enable_mow_light_delete" => {
            check_boolean(key, value)?;
            if table.keys != (KeysType::Unique { merge_on_write: true }) {
                return Err(Refusal::analysis(
                    "enable_mow_light_delete property is only supported for unique merge-on-write table",
                ));
            }
            Ok(Meaning::Property)
        }
        "skip_write_index_on_load" | "enable_single_replica_compaction" | "disable_auto_compaction" => {
            check_boolean(key, value).map(|()| Meaning::Property)
        }
        "auto_analyze_policy" => match value.as_str() {
            "enable" | "disable" | "base_on_catalog" => Ok(Meaning::Property),
            _ => Err(Refusal::analysis(
                "Table auto analyze policy only support for enable or disable or base_on_catalog",
            )),
        },
        "min_load_replica_num" => match value.parse::<i64>() {
            Ok(n) if n > 0 || n == -1 => Ok(Meaning::Property),
            _ => Err(Refusal::analysis("min_load_replica_num should > 0 or =-1")),
        },
        "storage_medium" => match value.to_uppercase().as_str() {
            "HDD" | "SSD" => Ok(Meaning::Property),
            _ => Err(Refusal::analysis(format!("Invalid storage medium: {value}"))),
        },
        "is_being_synced" | "storage_policy" | "file_cache_ttl_seconds" | "partition.retention_count" => {
            Ok(Meaning::Property)
        }
        _ => {
            let keys: Vec<&str> = written.keys().map(String::as_str).collect();
            Err(Refusal::analysis(format!("Unknown table property: [{}]", keys.join(", "))))
        }
    }
}

fn check_boolean(key: &str, value: &str) -> Answer<()> {
    if value.eq_ignore_ascii_case("true") || value.eq_ignore_ascii_case("false") {
        return Ok(());
    }
    Err(Refusal::analysis(format!("Property {key} should be set to true or false")))
}

fn check_number(key: &str, value: &str, least: i64) -> Answer<()> {
    match value.parse::<i64>() {
        Ok(n) if n >= least => Ok(()),
        Ok(_) => Err(Refusal::analysis(format!("{key} can not be less than {least}:{value}"))),
        Err(_) => Err(Refusal::analysis(format!("Invalid {key} format: {value}"))),
    }
}

fn check_level(value: &str) -> Answer<()> {
    const KEY: &str = "time_series_compaction_level_threshold";
    match value.parse::<i64>() {
        Ok(1 | 2) => Ok(()),
        Ok(_) => Err(Refusal::analysis(format!("{KEY} can not be less than 1 or greater than 2:{value}"))),
        Err(_) => Err(Refusal::analysis(format!("Invalid {KEY} format: {value}"))),
    }
}
