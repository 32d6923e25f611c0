//! `dynamic_partition.*` of a table (`DynamicPartitionUtil`).

use std::collections::BTreeMap;

use crate::model::{
    Answer, Column, ColumnType, Model, PartitionKind, PartitionScheme, Refusal, Table, ids::*, index_columns::find,
    properties::DYNAMIC_PARTITION,
};

const PREFIX: &str = "dynamic_partition.";

/// The keys that there are.
const KEYS: [&str; 17] = [
    "time_unit",
    "time_zone",
    "start",
    "end",
    "prefix",
    "buckets",
    "enable",
    "start_day_of_week",
    "start_day_of_month",
    "replication_num",
    "replication_allocation",
    "create_history_partition",
    "history_partition_num",
    "hot_partition_num",
    "reserved_history_periods",
    "storage_policy",
    "storage_medium",
];

impl Model {
    /// Changes some of the properties; of a table that has none of them all that are needed.
    pub(super) fn set_dynamic_partition(
        &mut self,
        db: DbId,
        id: TableId,
        written: &BTreeMap<String, String>,
    ) -> Answer<()> {
        let Some(database) = self.databases.get(&db) else { return Ok(()) };
        let Some(table) = database.table_by_id(id) else { return Ok(()) };
        let invalid = unknown_keys(written);
        if !invalid.is_empty() {
            return Err(Refusal::analysis(format!("Invalid dynamic partition properties: {}", invalid.join(", "))));
        }
        let mut set = written.clone();
        if !is_dynamic(table) {
            set = complete(written, table).ok_or_else(|| {
                Refusal::analysis(format!(
                    "Table {}.{} is not a dynamic partition table. Use command `HELP ALTER TABLE` to see how to change a \
                     normal table to a dynamic partition table.",
                    database.name, table.name
                ))
            })?;
        }
        check_all(&set, &table.columns, &table.scheme)?;
        self.store_properties(db, id, &set, &set);
        // What SHOW CREATE TABLE prints beyond that.
        if let Some(table) = self.table_mut(db, id) {
            for (key, default) in DYNAMIC_PARTITION {
                if let Some(default) = default {
                    table.properties.entry(key.to_owned()).or_insert_with(|| default.to_owned());
                }
            }
        }
        Ok(())
    }
}

/// Whether a table has the properties, switched on or off.
fn is_dynamic(table: &Table) -> bool {
    table.properties.contains_key("dynamic_partition.time_unit")
}

/// What makes a table dynamic: everything that must be said, completed by the FE's defaults. `None`: something is
/// missing.
fn complete(written: &BTreeMap<String, String>, table: &Table) -> Option<BTreeMap<String, String>> {
    let one_range = table.scheme.kind == PartitionKind::Range && table.scheme.columns.len() == 1;
    let said = |key: &str| written.get(&format!("{PREFIX}{key}")).is_some_and(|value| !value.is_empty());
    if !one_range || !["time_unit", "prefix", "end"].into_iter().all(said) {
        return None;
    }
    let mut set = written.clone();
    let defaults = [
        ("enable", "true".to_owned()),
        ("start", i32::MIN.to_string()),
        ("buckets", table.distribution.buckets.to_string()),
        ("time_zone", "Etc/UTC".to_owned()),
        ("create_history_partition", "false".to_owned()),
        ("history_partition_num", "-1".to_owned()),
        ("reserved_history_periods", "NULL".to_owned()),
    ];
    for (key, default) in defaults {
        set.entry(format!("{PREFIX}{key}")).or_insert(default);
    }
    Some(set)
}

/// Keys that there are not.
pub(in crate::model) fn unknown_keys(written: &BTreeMap<String, String>) -> Vec<&str> {
    let of_group = written.keys().filter_map(|key| Some((key, key.strip_prefix(PREFIX)?)));
    of_group.filter(|(_, rest)| !KEYS.contains(rest)).map(|(key, _)| key.as_str()).collect()
}

/// Checks the values of the group for a table of these columns.
pub(in crate::model) fn check_all(
    written: &BTreeMap<String, String>,
    columns: &[Column],
    scheme: &PartitionScheme,
) -> Answer<()> {
    let mut of_group = written.iter().filter_map(|(key, value)| Some((key.strip_prefix(PREFIX)?, value)));
    of_group.try_for_each(|(key, value)| check(key, value, columns, scheme))
}

fn check(key: &str, value: &str, columns: &[Column], scheme: &PartitionScheme) -> Answer<()> {
    let number = value.parse::<i32>().ok();
    let refuse = |text: String| Err(Refusal::analysis(text));
    let boolean = value.eq_ignore_ascii_case("true") || value.eq_ignore_ascii_case("false");
    match key {
        "time_unit" => check_time_unit(value, columns, scheme),
        "start" => match number {
            Some(n) if n < 0 => Ok(()),
            Some(_) => refuse("Dynamic partition start must less than 0".into()),
            None => refuse(format!("Invalid dynamic partition start {value}")),
        },
        "end" => match number {
            _ if value.is_empty() => refuse("Dynamic partition end is empty".into()),
            Some(n) if n > 0 || n == 0 && scheme.auto.is_some() => Ok(()),
            Some(_) => refuse("Dynamic partition end must greater than 0".into()),
            None => refuse(format!("Invalid dynamic partition end {value}")),
        },
        "buckets" => match number {
            _ if value.is_empty() => refuse("Dynamic partition buckets is empty".into()),
            Some(n) if n > 0 => Ok(()),
            Some(_) => refuse("Dynamic partition buckets must greater than 0".into()),
            None => refuse(format!("Invalid dynamic partition buckets {value}")),
        },
        "enable" if !boolean => refuse(format!("Invalid dynamic partition enable: {value}. Expected true or false")),
        "create_history_partition" if !boolean => {
            refuse(format!("Invalid dynamic partition create_history_partition: {value}. Expected true or false"))
        }
        "prefix" => {
            let mut chars = value.chars();
            let valid = chars.next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_')
                && chars.all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'));
            if valid { Ok(()) } else { refuse(format!("Invalid dynamic partition prefix: {value}.")) }
        }
        "start_day_of_week" => match number {
            Some(1..=7) => Ok(()),
            Some(_) => refuse(format!("{PREFIX}start_day_of_week should between 1 and 7")),
            None => refuse(format!("Invalid properties: {PREFIX}start_day_of_week")),
        },
        "start_day_of_month" => match number {
            Some(1..=28) => Ok(()),
            Some(_) => refuse(format!("{PREFIX}start_day_of_month should between 1 and 28")),
            None => refuse(format!("Invalid properties: {PREFIX}start_day_of_month")),
        },
        "history_partition_num" => match number {
            Some(n) if n >= -1 => Ok(()),
            Some(_) => refuse("Dynamic history partition num must greater than 0".into()),
            None => refuse(format!("Invalid properties: {PREFIX}history_partition_num")),
        },
        "hot_partition_num" => match number {
            Some(n) if n >= 0 => Ok(()),
            Some(_) => refuse(format!("{PREFIX}hot_partition_num must larger than 0.")),
            None => refuse(format!("Invalid {PREFIX}hot_partition_num value")),
        },
        "storage_medium" if !["HDD", "SSD"].contains(&value.to_uppercase().as_str()) => {
            refuse(format!("invalid storage medium: {value}. Should be SSD or HDD"))
        }
        _ => Ok(()),
    }
}

fn check_time_unit(value: &str, columns: &[Column], scheme: &PartitionScheme) -> Answer<()> {
    let unit = value.to_uppercase();
    if !["HOUR", "DAY", "WEEK", "MONTH", "YEAR"].contains(&unit.as_str()) {
        let text = format!("Unsupported time unit {value}. Expect HOUR/DAY/WEEK/MONTH/YEAR.");
        return Err(Refusal::analysis(text));
    }
    let Some(column) = scheme.columns.first().and_then(|name| find(columns, name)) else { return Ok(()) };
    let reason = match (&column.ty, unit.as_str()) {
        (ColumnType::Date, "HOUR") => "DATE or DATEV2",
        (ColumnType::TinyInt | ColumnType::SmallInt | ColumnType::Int | ColumnType::BigInt, "HOUR") => "Integer",
        (ColumnType::LargeInt, "HOUR") => "Integer",
        _ => return Ok(()),
    };
    Err(Refusal::analysis(format!(
        "{PREFIX}time_unit could not be HOUR when type of partition column {} is {reason}",
        column.name
    )))
}
