//! Partitions as ADD_PARTITION and MODIFY_PARTITIONS records show them.

use serde::Serialize;

use crate::model::{
    Partition, PartitionItem, Table,
    fe_json::{DataPropertyJson, ListItemJson, PartitionJson, RangeJson, ReplicaAllocationJson},
    ids::*,
};

/// `AddPartitionRecord`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct AddPartitionRecord {
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

impl Table {
    /// The payload of an ADD_PARTITION record.
    pub(super) fn add_partition_record(
        &self,
        db: DbId,
        seq: CommitSeq,
        partition: &Partition,
        temp: bool,
    ) -> AddPartitionRecord {
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
            data_property: DataPropertyJson::of(&partition.data_property),
            replica_alloc: ReplicaAllocationJson::of(partition.replication),
            is_in_memory: partition.data_property.in_memory,
            is_temp_partition: temp,
            is_mutable: true,
            sql: add_partition_sql(partition, temp),
        }
    }
}

/// The `sql` of an ADD_PARTITION record: dates in single quotes, everything else in double quotes, every list value in
/// parentheses; nothing is escaped (seen).
fn add_partition_sql(partition: &Partition, temp: bool) -> String {
    let values = match &partition.item {
        PartitionItem::Range { lower, upper } => {
            format!(" VALUES [{}, {})", PartitionItem::bound_sql(lower), PartitionItem::bound_sql(upper))
        }
        PartitionItem::List(tuples) if !tuples.is_empty() => {
            let tuples: Vec<String> = tuples.iter().map(|tuple| PartitionItem::tuple_sql(tuple)).collect();
            format!(" VALUES IN ({})", tuples.join(","))
        }
        _ => String::new(),
    };
    let word = if temp { "TEMPORARY " } else { "" };
    format!("ADD {word}PARTITION `{}`{values} (\"version_info\" = \"1\");", partition.name)
}
