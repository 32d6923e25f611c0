//! ALTER TABLE SET: what each property means, and what it leaves in the binlog.
//!
//! | file | holds |
//! |---|---|
//! | `rules.rs` | which keys there are and what values they may have |
//! | `binlog.rs` | `binlog.*` |
//! | `dynamic.rs` | `dynamic_partition.*` |
//! | `replicas.rs` | `replication_num`, `default.replication_num` |
//! | `colocate.rs` | `colocate_with` |
//! | `distribution.rs` | `distribution_type`, and MODIFY DISTRIBUTION |

mod binlog;
mod colocate;
mod distribution;
pub(super) mod dynamic;
mod replicas;
mod rules;

use std::collections::BTreeMap;

use serde_json::json;

use super::{
    Answer, KeysType, Model, Profile, Refusal, Relation, Table,
    binlog::{NewRecord, kind},
    catalog::unknown_table,
    drop_rename::check_alterable,
    fe_json::JavaMap,
    ids::*,
};
pub use distribution::DistributionChange;
use rules::Meaning;

impl Model {
    /// ALTER TABLE SET. One property at a time, except for the binlog and dynamic partition groups.
    pub fn set_table_properties(&mut self, db: &str, name: &str, written: &BTreeMap<String, String>) -> Answer<()> {
        let database = self.database(db)?;
        let table = match database.relation(name) {
            Some(Relation::Table(table)) => table,
            Some(Relation::View(_)) => {
                return Err(Refusal::analysis(format!("Do not support alter VIEW table[{name}]")));
            }
            None => return Err(unknown_table(name)),
        };
        let profile = self.profile();
        if written.contains_key("storage_medium") && !profile.set_storage_medium {
            return Err(Refusal::analysis("Unknown table property: [storage_medium]"));
        }
        if written.get("light_schema_change").is_some_and(|value| value.eq_ignore_ascii_case("true"))
            && table.flag("light_schema_change")
            && !profile.set_light_schema_change_again
        {
            return Err(Refusal::analysis(format!(
                "Table {}.{} has already support light_schema_change=true",
                database.name, table.name
            )));
        }
        let meaning = rules::meaning(written, table)?;
        check_alterable(table)?;
        let (db_id, id) = (database.id, table.id);
        match meaning {
            Meaning::Nothing => Ok(()),
            Meaning::Property => {
                check_fits(profile, table, written)?;
                self.store_properties(db_id, id, written, written);
                Ok(())
            }
            Meaning::Binlog => self.set_binlog(db_id, id, written),
            Meaning::DynamicPartition => self.set_dynamic_partition(db_id, id, written),
            Meaning::Replicas => self.set_replicas(db_id, id, written),
            Meaning::DefaultReplicas => self.set_default_replicas(db_id, id, written),
            Meaning::Colocate => {
                let group = written.get("colocate_with").map_or("", String::as_str);
                self.set_colocate_group(db_id, id, group)
            }
            Meaning::RandomDistribution => self.distribute_at_random(db_id, id),
        }
    }

    /// Stores properties of a table, and records what the statement meant.
    fn store_properties(
        &mut self,
        db: DbId,
        id: TableId,
        stored: &BTreeMap<String, String>,
        recorded: &BTreeMap<String, String>,
    ) {
        let Some(table) = self.table_mut(db, id) else { return };
        let name = table.name.clone();
        for (key, value) in stored {
            let value = if key == "storage_medium" { value.to_lowercase() } else { value.clone() };
            table.properties.insert(key.clone(), value);
        }
        let seq = self.journal();
        // The text is written in the order of Java's hash map (seen).
        let ordered = JavaMap::of_strings(recorded.iter().map(|(k, v)| (k.clone(), v.clone())));
        let sql = if self.profile().property_records_quoted {
            let pairs: Vec<String> = ordered.iter().map(|(k, v)| format!("\"{k}\" = \"{v}\"")).collect();
            format!("SET ({} )", pairs.join(" ,"))
        } else {
            let pairs: Vec<String> = ordered.iter().map(|(k, v)| format!("{k}={v}")).collect();
            format!("SET ({})", pairs.join(","))
        };
        let data = json!({
            "dbId": db, "tableId": id, "tableName": name, "properties": recorded,
            "sql": sql,
        });
        self.record(NewRecord { seq, kind: kind::MODIFY_TABLE_PROPERTY, db, table_ids: &[id], data: data.to_string() });
    }
}

/// What depends on the table itself.
fn check_fits(profile: &Profile, table: &Table, written: &BTreeMap<String, String>) -> Answer<()> {
    let merge_on_write = table.keys == KeysType::Unique { merge_on_write: true };
    let unique = matches!(table.keys, KeysType::Unique { .. });
    let is = |key: &str, value: &str| written.get(key).is_some_and(|v| v.eq_ignore_ascii_case(value));
    if unique && !profile.time_series_of_unique_tables && is("compaction_policy", "time_series") {
        return Err(Refusal::analysis("Time series compaction policy is not supported for unique key table"));
    }
    if merge_on_write && profile.single_replica_compaction_checked && is("enable_single_replica_compaction", "true") {
        return Err(Refusal::analysis(
            "enable_single_replica_compaction property is not supported for merge-on-write table",
        ));
    }
    let time_series = table.properties.get("compaction_policy").is_some_and(|policy| policy == "time_series");
    if !time_series && written.keys().any(|key| key.starts_with("time_series_compaction_")) {
        return Err(Refusal::analysis("only time series compaction policy support for time series config"));
    }
    if let Some(policy) = written.get("storage_policy").filter(|policy| !policy.is_empty()) {
        return Err(Refusal::analysis(format!("Storage policy does not exist. name: {policy}")));
    }
    if let Some(text) = written.get("min_load_replica_num") {
        let least = text.parse::<i64>().unwrap_or(-1);
        let replicas = table.partitions.iter().map(|partition| i64::from(partition.replication)).min();
        if replicas.is_some_and(|n| least > n) {
            return Err(Refusal::analysis(format!(
                "Failed to check min load replica num for table: {}. min_load_replica_num {least} > replication num",
                table.name
            )));
        }
    }
    Ok(())
}
