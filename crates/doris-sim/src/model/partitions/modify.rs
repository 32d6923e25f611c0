//! MODIFY PARTITION SET: replicas, medium, storage policy and the like of some partitions.

use std::collections::BTreeMap;

use serde_json::{Value as Json, json};

use crate::model::{
    Answer, DataProperty, Model, Refusal,
    binlog::{NewRecord, kind},
    datetime::Moment,
    fe_json::{DataPropertyJson, ReplicaAllocationJson},
    ids::*,
    properties,
};

/// Properties that a statement gives to partitions.
#[derive(Clone, Debug, Default)]
pub(in crate::model) struct PartitionChange {
    replication: Option<u32>,
    medium: Option<String>,
    cooldown_ms: Option<i64>,
    storage_policy: Option<String>,
}

impl PartitionChange {
    /// Checks what is written; keys that mean nothing for partitions are ignored, as Doris does.
    pub(in crate::model) fn parse(written: &BTreeMap<String, String>) -> Answer<Self> {
        let asks_replicas = written.contains_key("replication_num") || written.contains_key("replication_allocation");
        if written.get("in_memory").is_some_and(|v| v.eq_ignore_ascii_case("true")) {
            return Err(Refusal::analysis("Not support set 'in_memory'='true' now!"));
        }
        let medium = match written.get("storage_medium") {
            None => None,
            Some(text) => Some(storage_medium(text)?),
        };
        let cooldown_ms = match written.get("storage_cooldown_time") {
            None => None,
            Some(text) => match Moment::parse(text) {
                Some(at) => Some(at.days * 86_400_000 + at.micros / 1000),
                None => return Err(Refusal::analysis(format!("Invalid date value: {text}"))),
            },
        };
        Ok(Self {
            replication: if asks_replicas { Some(properties::replication(written)?) } else { None },
            medium,
            cooldown_ms,
            storage_policy: written.get("storage_policy").cloned(),
        })
    }

    pub(in crate::model) fn replication(&self) -> Option<u32> {
        self.replication
    }

    pub(in crate::model) fn apply(&self, property: &mut DataProperty) {
        if let Some(medium) = &self.medium {
            medium.clone_into(&mut property.medium);
        }
        if let Some(ms) = self.cooldown_ms {
            property.cooldown_ms = ms;
        }
        if let Some(policy) = &self.storage_policy {
            policy.clone_into(&mut property.storage_policy);
        }
    }
}

/// HDD or SSD.
fn storage_medium(text: &str) -> Answer<String> {
    match text.to_uppercase().as_str() {
        medium @ ("HDD" | "SSD") => Ok(medium.to_owned()),
        _ => Err(Refusal::analysis(format!("Invalid storage medium: {text}"))),
    }
}

impl Model {
    /// ALTER TABLE MODIFY [TEMPORARY] PARTITION (a, b) SET; `None` = `(*)`.
    pub fn modify_partitions(
        &mut self,
        db: &str,
        name: &str,
        partitions: Option<&[String]>,
        temp: bool,
        written: &BTreeMap<String, String>,
    ) -> Answer<()> {
        if written.is_empty() {
            return Err(Refusal::analysis("Properties is not set"));
        }
        let change = PartitionChange::parse(written)?;
        let (db_id, table) = self.alterable(db, name)?;
        let table_id = table.id;
        let all: Vec<String>;
        let names = match partitions {
            Some(names) => names,
            None => {
                all = table.partitions.iter().map(|partition| partition.name.clone()).collect();
                &all
            }
        };
        let mut ids = Vec::new();
        for partition in names {
            let Some(found) = table.partition(partition, temp) else {
                let text = format!("Partition[{partition}] does not exist in table[{name}]");
                return Err(Refusal::analysis(text));
            };
            ids.push(found.id);
        }
        if let Some(replication) = change.replication {
            self.check_backends(replication)?;
        }
        self.change_partitions(db_id, table_id, &ids, &change, &BTreeMap::new());
        Ok(())
    }

    /// Changes partitions and records it; `of_table`: what the statement sets on the table, too.
    pub(in crate::model) fn change_partitions(
        &mut self,
        db: DbId,
        table_id: TableId,
        ids: &[PartitionId],
        change: &PartitionChange,
        of_table: &BTreeMap<String, String>,
    ) {
        let mut infos: Vec<Json> = Vec::new();
        for id in ids {
            let partition = self.table_mut(db, table_id).and_then(|table| table.partition_by_id_mut(*id));
            let Some(partition) = partition else { continue };
            change.apply(&mut partition.data_property);
            if let Some(replication) = change.replication {
                partition.replication = replication;
            }
            let allocation = match change.replication {
                Some(replication) => json!(ReplicaAllocationJson::of(replication)),
                // A map without entries is an object, one with entries a list of pairs (seen).
                None => json!({ "allocMap": {} }),
            };
            infos.push(json!({
                "dbId": db, "tableId": table_id, "partitionId": id,
                "dataProperty": DataPropertyJson::of(&partition.data_property),
                "isInMemory": partition.data_property.in_memory, "replicaAlloc": allocation,
                "storagePolicy": change.storage_policy.as_deref().unwrap_or_default(), "tableProperties": of_table,
            }));
        }
        let seq = self.journal();
        let data = json!({ "infos": infos }).to_string();
        self.record(NewRecord { seq, kind: kind::MODIFY_PARTITIONS, db, table_ids: &[table_id], data });
    }
}
