//! Records as older versions write them.
//!
//! Everywhere else records are made as the newest version writes them; here, and nowhere else, keys are left out and
//! spelt as in older ones, by the switches of the [`Profile`]. Keys come out sorted.

use serde_json::{Map, Value, json};

use super::kind;
use crate::model::{Profile, fe_json};

/// Whether a profile has something.
type Switch = fn(&Profile) -> bool;

/// Keys of a record that not every version has.
const KEYS: &[(i32, &str, Switch)] = &[
    (kind::UPSERT, "stids", |p| p.upsert_sub_transactions),
    (kind::CREATE_TABLE, "tableType", |p| p.create_table_properties),
    (kind::CREATE_TABLE, "properties", |p| p.create_table_properties),
    (kind::DROP_PARTITION, "pid", |p| p.drop_partition_id),
    (kind::DROP_TABLE, "isView", |p| p.drop_view_records),
    (kind::ALTER_JOB, "rollupIndexId", |p| p.alter_job_indexes),
    (kind::ALTER_JOB, "rollUpIndexName", |p| p.alter_job_indexes),
    (kind::ALTER_JOB, "baseIndexId", |p| p.alter_job_indexes),
    (kind::ALTER_JOB, "baseIndexName", |p| p.alter_job_indexes),
    (kind::ALTER_JOB, "iim", |p| p.alter_job_shadow_origins),
    (kind::MODIFY_TABLE_ADD_OR_DROP_COLUMNS, "oldIndexSchemaMap", |p| p.column_record_old_schema),
    (kind::MODIFY_TABLE_ADD_OR_DROP_COLUMNS, "indexNameToId", |p| p.column_record_old_schema),
    (kind::MODIFY_TABLE_ADD_OR_DROP_COLUMNS, "baseIndexId", |p| p.column_record_old_schema),
    (kind::REPLACE_PARTITIONS, "force", |p| p.replace_partitions_ids),
    (kind::REPLACE_PARTITIONS, "partitionIds", |p| p.replace_partitions_ids),
    (kind::TRUNCATE_TABLE, "op", |p| p.truncate_record_op),
    (kind::BARRIER, "binlogType", |p| p.barrier_kind),
];

/// Long names of a partition's fields.
const PARTITION_NAMES: &[(&str, &str)] = &[
    ("nm", "name"),
    ("st", "state"),
    ("bi", "baseIndex"),
    ("ivr", "idToVisibleRollupIndex"),
    ("isi", "idToShadowIndex"),
    ("vv", "visibleVersion"),
    ("vvt", "visibleVersionTime"),
    ("nv", "nextVersion"),
    ("di", "distributionInfo"),
];

/// Long names of a tablet's fields.
const TABLET_NAMES: &[(&str, &str)] = &[
    ("rs", "replicas"),
    ("cv", "checkedVersion"),
    ("ic", "isConsistent"),
    ("cri", "cooldownReplicaId"),
    ("ctm", "cooldownTerm"),
];

/// Long names of a replica's fields.
const REPLICA_NAMES: &[(&str, &str)] = &[
    ("bid", "backendId"),
    ("v", "version"),
    ("ds", "dataSize"),
    ("rds", "remoteDataSize"),
    ("rc", "rowCount"),
    ("st", "state"),
    ("lfv", "lastFailedVersion"),
    ("lsv", "lastSuccessVersion"),
];

/// The payload of a record of this kind as a cluster of this profile writes it.
pub(super) fn as_written(profile: &Profile, kind: i32, data: String) -> String {
    // Most clusters are of the newest version: nothing needs to be parsed.
    if *profile == Profile::v4_1() {
        return data;
    }
    let Ok(Value::Object(mut record)) = serde_json::from_str(&data) else { return data };
    for (_, key, _) in KEYS.iter().filter(|(of, _, has)| *of == kind && !has(profile)) {
        record.remove(*key);
    }
    match kind {
        kind::UPSERT => upsert(profile, &mut record),
        kind::ADD_PARTITION => add_partition(profile, &mut record),
        kind::DROP_TABLE if !profile.drop_view_records => {
            if let Some(Value::String(sql)) = record.get_mut("rawSql")
                && let Some(rest) = sql.strip_prefix("DROP VIEW ")
            {
                *sql = format!("DROP TABLE {rest}");
            }
        }
        kind::MODIFY_TABLE_ADD_OR_DROP_COLUMNS if !profile.short_column_records => {
            for columns in record.get_mut("indexSchemaMap").and_then(Value::as_object_mut).into_iter().flatten() {
                long_columns(columns.1);
            }
        }
        _ => {}
    }
    fe_json::printed(&record, profile)
}

fn upsert(profile: &Profile, record: &mut Map<String, Value>) {
    let tables = record.get_mut("tableRecords").and_then(Value::as_object_mut);
    for table in tables.into_iter().flat_map(|tables| tables.values_mut()) {
        let partitions = table.get_mut("partitionRecords").and_then(Value::as_array_mut);
        for partition in partitions.into_iter().flatten().filter_map(Value::as_object_mut) {
            if !profile.upsert_sub_transactions {
                partition.remove("stid");
            }
            if !profile.upsert_temp_partitions {
                partition.remove("isTempPartition");
            }
        }
    }
}

fn add_partition(profile: &Profile, record: &mut Map<String, Value>) {
    if let (false, Some(Value::String(sql))) = (profile.add_partition_clause, record.get_mut("sql")) {
        *sql = sql.replacen("ADD TEMPORARY PARTITION", "ADD PARTITION", 1).replacen(
            " (\"version_info\"",
            "(\"version_info\"",
            1,
        );
        if let Some((head, values)) = sql.split_once(" VALUES IN (")
            && let Some((values, tail)) = values.rsplit_once(")(\"version_info\"")
        {
            *sql = format!("{head} VALUES IN (({values}))(\"version_info\"{tail}");
        }
    }
    if let (false, Some(Value::String(sql))) = (profile.partition_values_doubled, record.get_mut("sql")) {
        *sql = sql.replace("''", "'");
    }
    if !profile.typed_partition_keys {
        record.insert("listPartitionItem".into(), json!({}));
        for bound in record.get_mut("range").and_then(Value::as_array_mut).into_iter().flatten() {
            if let Some(values) = bound.get_mut("value").and_then(Value::as_array_mut) {
                // The last entry is about default partitions, which older versions do not write.
                values.retain(Value::is_array);
                values.iter_mut().for_each(plain_key);
            }
        }
    }
    let Some(partition) = record.get_mut("partition").and_then(Value::as_object_mut) else { return };
    if !profile.short_partition_records {
        long_partition(partition);
    }
    if !profile.partition_classes {
        partition.remove("clazz");
    }
    let index = if profile.short_partition_records { "bi" } else { "baseIndex" };
    each(partition.get_mut(index).and_then(|index| index.get_mut("tablets")), |tablet| {
        class(profile, tablet, "Tablet");
        let replicas = if profile.short_partition_records { "rs" } else { "replicas" };
        each(tablet.get_mut(replicas), |replica| class(profile, replica, "Replica"));
    });
}

/// Every object of a list.
fn each(list: Option<&mut Value>, change: impl Fn(&mut Map<String, Value>)) {
    list.and_then(Value::as_array_mut).into_iter().flatten().filter_map(Value::as_object_mut).for_each(change);
}

/// `LocalTablet` and the like are plain classes, or none at all, in older versions.
fn class(profile: &Profile, object: &mut Map<String, Value>, plain: &str) {
    match (profile.partition_classes, profile.short_partition_records) {
        (false, _) => {
            object.remove("clazz");
        }
        (true, false) => {
            object.insert("clazz".into(), json!(plain));
        }
        (true, true) => {}
    }
}

fn rename(object: &mut Map<String, Value>, names: &[(&str, &str)]) {
    for (short, long) in names {
        if let Some(value) = object.remove(*short) {
            object.insert((*long).to_owned(), value);
        }
    }
}

fn zero(object: &mut Map<String, Value>, keys: &[&str]) {
    object.extend(keys.iter().map(|key| ((*key).to_owned(), json!(0))));
}

fn long_partition(partition: &mut Map<String, Value>) {
    rename(partition, PARTITION_NAMES);
    zero(partition, &["committedVersionHash", "visibleVersionHash", "nextVersionHash"]);
    if let Some(index) = partition.get_mut("baseIndex") {
        long_index(index);
    }
    for key in ["idToVisibleRollupIndex", "idToShadowIndex"] {
        let indexes = partition.get_mut(key).and_then(Value::as_object_mut);
        indexes.into_iter().flat_map(|indexes| indexes.values_mut()).for_each(long_index);
    }
    if let Some(columns) = partition.get_mut("distributionInfo").and_then(|info| info.get_mut("distributionColumns")) {
        long_columns(columns);
    }
}

fn long_index(index: &mut Value) {
    if let Some(index) = index.as_object_mut() {
        zero(index, &["rowCount"]);
    }
    each(index.get_mut("tablets"), |tablet| {
        rename(tablet, TABLET_NAMES);
        zero(tablet, &["checkedVersionHash"]);
        tablet.extend(["signature", "lastCheckTime"].map(|key| (key.to_owned(), json!(-1))));
        each(tablet.get_mut("replicas"), |replica| {
            rename(replica, REPLICA_NAMES);
            zero(replica, &["versionHash", "lastFailedVersionHash", "lastSuccessVersionHash"]);
            for newer in ["ris", "rss", "lis", "lss"] {
                replica.remove(newer);
            }
        });
    });
}

/// Columns with their statistics. The value type of a column that came with CREATE TABLE counts as implied there; one
/// that ALTER TABLE added is told by its other `autoIncInitValue` (seen).
fn long_columns(columns: &mut Value) {
    each(Some(columns), |column| {
        let created = column.get("autoIncInitValue") == Some(&json!(-1));
        // One that MODIFY COLUMN has touched is told the other way round, too.
        if column.get("isAggregationTypeImplicit") == Some(&json!(true)) {
            column.insert("isAggregationTypeImplicit".into(), json!(false));
        } else if created && column.get("aggregationType") == Some(&json!("NONE")) {
            column.insert("isAggregationTypeImplicit".into(), json!(true));
        }
        column.entry("comment").or_insert_with(|| json!(""));
        column.entry("children").or_insert_with(|| json!([]));
        column.insert(
            "stats".into(),
            json!({ "avgSerializedSize": -1.0, "maxSize": -1, "numDistinctValues": -1, "numNulls": -1 }),
        );
    });
}

/// `["INT", {literal}]` as `["INT", 20]`.
fn plain_key(key: &mut Value) {
    let Some(literal) = key.get_mut(1) else { return };
    let number = |name: &str| literal.get(name).and_then(Value::as_i64).unwrap_or(0);
    let plain = match literal.get("clazz").and_then(Value::as_str) {
        Some("DateLiteral") => {
            let date = format!("{:04}-{:02}-{:02}", number("y"), number("m"), number("d"));
            let of = literal.pointer("/type/type").and_then(Value::as_str).unwrap_or_default();
            if of.starts_with("DATETIME") {
                json!(format!("{date} {:02}:{:02}:{:02}", number("h"), number("M"), number("s")))
            } else {
                json!(date)
            }
        }
        Some("MaxLiteral") => json!("MAX_VALUE"),
        _ => literal.get("v").cloned().unwrap_or(Value::Null),
    };
    *literal = plain;
}
