//! ADD PARTITION, DROP PARTITION and SET of table properties.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{
    Answer, BoundValue, Model, Partition, PartitionItem, PartitionKind, PartitionSpec, Refusal, Table,
    binlog::{NewRecord, kind},
    catalog::still_committed,
    create_table::{PartitionPlan, check_against},
    fe_json::{self, DataPropertyJson, ListItemJson, PartitionJson, RangeJson, ReplicaAllocationJson},
    ids::*,
    properties::{self, BINLOG_DEFAULTS, is_known},
};

impl Model {
    /// ALTER TABLE ADD [TEMPORARY] PARTITION.
    pub fn add_partition(
        &mut self,
        db: &str,
        name: &str,
        spec: PartitionSpec,
        temp: bool,
        if_not_exists: bool,
    ) -> Answer<PartitionId> {
        let (db_id, table) = self.alterable(db, name)?;
        check_partitioned(table, temp)?;
        if let Some(existing) = table.partition(&spec.name, temp).or_else(|| table.partition(&spec.name, !temp)) {
            if if_not_exists {
                return Ok(existing.id);
            }
            return Err(Refusal::analysis(format!("Duplicate partition name {}", spec.name)));
        }
        let types = table.partition_types();
        for other in if temp { &table.temp_partitions } else { &table.partitions } {
            check_against(&spec, &other.name, &other.item, &types)?;
        }
        let default = properties::replication(&table.properties)?;
        let own = spec.properties.contains_key("replication_num");
        let plan_indexes: Vec<IndexId> = table.indexes.keys().copied().collect();
        let hash_columns = table.distribution.hash_columns.clone();
        let plan = PartitionPlan {
            keys: table.keys,
            binlog_enabled: table.flag("binlog.enable"),
            indexes: &plan_indexes,
            buckets: spec.buckets.unwrap_or(table.distribution.buckets),
            replication: if own { properties::replication(&spec.properties)? } else { default },
            hash_columns: &hash_columns,
        };
        self.check_backends(plan.replication)?;
        let table_id = self.table(db, name)?.id;
        let id = PartitionId::new(self.ids.next_raw());
        let partition = self.build_partition(id, spec.name, spec.item, &plan);
        let seq = self.journal();
        let data = fe_json::text(&self.table(db, name)?.add_partition_record(db_id, seq, &partition, temp));
        if let Some(table) = self.table_mut(db_id, table_id) {
            if temp { table.temp_partitions.push(partition) } else { table.partitions.push(partition) }
        }
        self.record(NewRecord { seq, kind: kind::ADD_PARTITION, db: db_id, table_ids: &[table_id], data });
        Ok(id)
    }

    /// ALTER TABLE DROP [TEMPORARY] PARTITION [FORCE]. Into the recycle bin, unless with FORCE.
    pub fn drop_partition(
        &mut self,
        db: &str,
        name: &str,
        partition: &str,
        temp: bool,
        if_exists: bool,
        force: bool,
    ) -> Answer<()> {
        let (db_id, table) = self.alterable(db, name)?;
        check_partitioned(table, temp)?;
        let table_id = table.id;
        let Some(id) = table.partition(partition, temp).map(|p| p.id) else {
            if if_exists {
                return Ok(());
            }
            return Err(Refusal::analysis(format!("Error in list of partitions to {partition}")));
        };
        if !force && self.has_committed_txns(db_id, Some(table_id)) {
            return Err(still_committed("partition", partition));
        }
        // A temporary partition is always erased.
        let force = force || temp;
        let now = self.now_ms;
        let seq = self.journal();
        let mut removed = None;
        if let Some(table) = self.table_mut(db_id, table_id) {
            let list = if temp { &mut table.temp_partitions } else { &mut table.partitions };
            removed = list.iter().position(|p| p.id == id).map(|at| list.remove(at));
        }
        // Only a partition that ever held something changes the table's version (seen).
        let had_rows = removed.as_ref().is_some_and(|partition: &Partition| partition.visible_version.0 > 1);
        let (version, version_ms) = match self.table_mut(db_id, table_id) {
            Some(table) if had_rows && !temp => (table.raise_version(now).0, now),
            Some(table) => (0, table.version_ms),
            None => (0, now),
        };
        if let Some(partition) = removed {
            self.recycle_partition(db_id, table_id, partition, force, seq);
        }
        // Doris does not look a temporary partition up before it drops it.
        let pid = if temp { -1 } else { id.get() };
        let (kind_word, force_word) = (if temp { "TEMPORARY " } else { "" }, if force { " FORCE" } else { "" });
        let data = serde_json::json!({
            "dbId": db_id, "tableId": table_id, "pid": pid, "partitionName": partition, "isTempPartition": temp,
            "forceDrop": force, "recycleTime": if force { -1 } else { now },
            "sql": format!("DROP {kind_word}PARTITION `{partition}`{force_word}"), "version": version, "versionTime": version_ms,
        });
        self.record(NewRecord {
            seq,
            kind: kind::DROP_PARTITION,
            db: db_id,
            table_ids: &[table_id],
            data: data.to_string(),
        });
        Ok(())
    }

    /// ALTER TABLE SET. One property at a time, except for the binlog and dynamic partition groups.
    pub fn set_table_properties(&mut self, db: &str, name: &str, written: &BTreeMap<String, String>) -> Answer<()> {
        let database = self.database(db)?;
        let (db_id, db_on) = (database.id, database.binlog_enabled());
        if let Some(key) = written.keys().find(|key| !is_known(key))
            && database.table(name).is_some()
        {
            return Err(Refusal::analysis(format!("Unknown table property: [{key}]")));
        }
        let (_, table) = self.alterable(db, name)?;
        let id = table.id;
        let group = |prefix: &str| written.keys().all(|key| key.starts_with(prefix));
        let binlog = group("binlog.");
        if written.len() > 1 && !binlog && !group("dynamic_partition.") {
            let text = "Can only set one table property(without dynamic partition && binlog) at a time";
            return Err(Refusal::analysis(text));
        }
        let mut set = written.clone();
        if binlog {
            for (key, default) in BINLOG_DEFAULTS {
                let current = table.properties.get(key).map_or(default, String::as_str);
                set.entry(key.to_owned()).or_insert_with(|| current.to_owned());
            }
            if db_on && set.get("binlog.enable").is_some_and(|v| v == "false") {
                return Err(Refusal::analysis("db binlog is enable, but table binlog is disable"));
            }
        }
        if let Some(n) = set.remove("default.replication_num") {
            set.insert("default.replication_allocation".into(), format!("tag.location.default: {n}"));
        }
        let tablets: Vec<TabletId> =
            table.all_partitions().flat_map(|p| p.tablets().map(|(_, t)| t.id).collect::<Vec<_>>()).collect();
        let enable = set.get("binlog.enable").map(|v| v == "true");
        if let Some(table) = self.table_mut(db_id, id) {
            table.properties.extend(set.clone());
        }
        if let Some(enable) = enable {
            self.tell_backends_binlog(&tablets, enable);
        }
        let seq = self.journal();
        let pairs: Vec<String> = set.iter().map(|(k, v)| format!("\"{k}\" = \"{v}\"")).collect();
        let data = serde_json::json!({
            "dbId": db_id, "tableId": id, "tableName": name, "properties": set,
            "sql": format!("SET ({} )", pairs.join(" ,")),
        });
        self.record(NewRecord {
            seq,
            kind: kind::MODIFY_TABLE_PROPERTY,
            db: db_id,
            table_ids: &[id],
            data: data.to_string(),
        });
        Ok(())
    }

    /// The meta update task: backends learn the switch; switched off, they throw away what they have.
    fn tell_backends_binlog(&mut self, tablets: &[TabletId], enable: bool) {
        for be in self.backends.values_mut() {
            for id in tablets {
                if let Some(tablet) = be.tablets.get_mut(id) {
                    tablet.binlog_enabled = enable;
                    if !enable {
                        tablet.binlogs.clear();
                    }
                }
            }
        }
    }
}

fn check_partitioned(table: &Table, temp: bool) -> Answer<()> {
    let name = &table.name;
    if table.scheme.kind == PartitionKind::Unpartitioned {
        return Err(Refusal::analysis(format!("Alter table [{name}] failed. Not a partitioned table")));
    }
    if !temp && table.flag("dynamic_partition.enable") && !table.flag("is_being_synced") {
        return Err(Refusal::analysis(format!(
            "Cannot add/drop partition on a Dynamic Partition Table, Use command `ALTER TABLE {name} SET \
             (\"dynamic_partition.enable\" = \"false\")` firstly."
        )));
    }
    Ok(())
}

impl Table {
    /// The payload of an ADD_PARTITION record.
    fn add_partition_record(&self, db: DbId, seq: CommitSeq, partition: &Partition, temp: bool) -> AddPartitionRecord {
        let types = self.partition_types();
        AddPartitionRecord {
            commit_seq: seq,
            db_id: db,
            table_id: self.id,
            partition: PartitionJson::of(self, partition),
            range: match &partition.item {
                PartitionItem::Range { lower, upper } => RangeJson::of(lower, upper, &types),
                _ => RangeJson::none(),
            },
            list_partition_item: match &partition.item {
                PartitionItem::List(tuples) => ListItemJson::of(tuples, &types),
                _ => ListItemJson::none(),
            },
            data_property: DataPropertyJson::of(self.properties.get("storage_medium").map_or("hdd", String::as_str)),
            replica_alloc: ReplicaAllocationJson::of(partition.replication),
            is_in_memory: false,
            is_temp_partition: temp,
            is_mutable: true,
            sql: add_partition_sql(partition, temp),
        }
    }
}

/// `AddPartitionRecord`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct AddPartitionRecord {
    commit_seq: CommitSeq,
    db_id: DbId,
    table_id: TableId,
    partition: PartitionJson,
    range: RangeJson,
    list_partition_item: ListItemJson,
    data_property: DataPropertyJson,
    replica_alloc: ReplicaAllocationJson,
    is_in_memory: bool,
    is_temp_partition: bool,
    is_mutable: bool,
    sql: String,
}

/// The `sql` of an ADD_PARTITION record: every value in double quotes, every list value in parentheses (seen).
fn add_partition_sql(partition: &Partition, temp: bool) -> String {
    let bound = |values: &[BoundValue]| {
        let texts: Vec<String> = values
            .iter()
            .map(|value| match value {
                BoundValue::Value(value) => format!("\"{value}\""),
                BoundValue::MaxValue => "MAXVALUE".into(),
            })
            .collect();
        format!("({})", texts.join(", "))
    };
    let values = match &partition.item {
        PartitionItem::All => String::new(),
        PartitionItem::Range { lower, upper } => format!(" VALUES [{}, {})", bound(lower), bound(upper)),
        PartitionItem::List(tuples) if tuples.is_empty() => String::new(),
        PartitionItem::List(tuples) => {
            let tuples: Vec<String> = tuples
                .iter()
                .map(|tuple| {
                    let values: Vec<String> = tuple
                        .iter()
                        .map(|v| if v.is_null() { "NULL".to_owned() } else { format!("\"{v}\"") })
                        .collect();
                    format!("({})", values.join(", "))
                })
                .collect();
            format!(" VALUES IN ({})", tuples.join(","))
        }
    };
    let word = if temp { "TEMPORARY " } else { "" };
    format!("ADD {word}PARTITION `{}`{values} (\"version_info\" = \"1\");", partition.name)
}
