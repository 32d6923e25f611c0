//! MODIFY_TABLE_PROPERTY, MODIFY_DISTRIBUTION_BUCKET_NUM, MODIFY_DISTRIBUTION_TYPE.

use std::collections::BTreeMap;

use doris::{
    binlog::{ModifyBuckets, ModifyTableProperties},
    ids::CommitSeq,
    sql::{BucketCount, Distribution, Statement, rewrite},
};

use super::{Change, Exit, Prepared, Scope, TableView, proof::Proof};

/// What the destination decides for itself, or what means nothing there.
const KEPT_BACK: &[&str] = &[
    "binlog.enable",
    "light_schema_change",
    "dynamic_partition.enable",
    "dynamic_partition.storage_policy",
    "colocate_with",
    "storage_policy",
    "storage_medium",
    "replication_num",
    "replication_allocation",
    "is_being_synced",
    "file_cache_ttl_seconds",
    "in_atomic_restore",
];

/// The properties that are set on the destination too, in a stable order.
fn replicated(change: &ModifyTableProperties) -> Vec<(String, String)> {
    let kept = |key: &str| !KEPT_BACK.contains(&key) && !key.starts_with("storage_vault");
    let mut properties: BTreeMap<String, String> =
        change.properties.iter().filter(|(key, _)| kept(key)).map(|(k, v)| (k.clone(), v.clone())).collect();
    // Without it Doris switches the scheduler of a table on that had none.
    if properties.keys().any(|key| key.starts_with("dynamic_partition.")) {
        properties.insert("dynamic_partition.enable".to_owned(), "false".to_owned());
    }
    properties.into_iter().collect()
}

pub(super) fn scope(change: &ModifyTableProperties) -> Scope {
    if replicated(change).is_empty() { Scope::Nothing } else { Scope::Change }
}

/// A record's properties form a group that Doris takes in one statement.
pub(super) fn set(view: &TableView, seq: CommitSeq, change: &ModifyTableProperties) -> Prepared {
    let statement = Statement::SetTableProperties {
        db: view.context.dest_db.clone(),
        table: view.dest_table.clone(),
        properties: replicated(change),
    };
    let change = Change::new(view.id(), seq, format!("record {seq} (MODIFY_TABLE_PROPERTY)")).optional();
    Prepared::Change(change.step(&statement, Proof::Repeatable))
}

/// How partitions of the future are spread. Those of the source come with their own number.
pub(super) fn set_buckets(view: &TableView, seq: CommitSeq, change: &ModifyBuckets) -> Result<Prepared, Exit> {
    let columns = rewrite::names(&change.columns).map_err(|error| super::copy(view, seq, error))?;
    let statement = Statement::SetDistribution {
        db: view.context.dest_db.clone(),
        table: view.dest_table.clone(),
        distribution: if change.kind == "HASH" { Distribution::Hash(columns) } else { Distribution::Random },
        buckets: change.buckets.map_or(BucketCount::Auto, BucketCount::Fixed),
    };
    let change = Change::new(view.id(), seq, format!("record {seq} (MODIFY_DISTRIBUTION_BUCKET_NUM)")).optional();
    Ok(Prepared::Change(change.step(&statement, Proof::Repeatable)))
}

/// Rows are spread at random from now on.
pub(super) fn set_random(view: &TableView, seq: CommitSeq) -> Prepared {
    let statement = Statement::SetTableProperties {
        db: view.context.dest_db.clone(),
        table: view.dest_table.clone(),
        properties: vec![("distribution_type".to_owned(), "random".to_owned())],
    };
    let change = Change::new(view.id(), seq, format!("record {seq} (MODIFY_DISTRIBUTION_TYPE)")).optional();
    Prepared::Change(change.step(&statement, Proof::RandomDistribution))
}

#[cfg(test)]
mod tests {
    use doris::ids::TableId;

    use super::*;

    /// Defects: SQL-28.
    #[test]
    fn what_the_destination_decides_for_itself_is_kept_back() {
        for (properties, expected) in [
            (
                vec![("replication_num", "3"), ("storage_policy", "p"), ("compaction_policy", "time_series")],
                vec![("compaction_policy", "time_series")],
            ),
            (vec![("is_being_synced", "false")], vec![]),
            (vec![("binlog.enable", "true"), ("binlog.ttl_seconds", "600")], vec![("binlog.ttl_seconds", "600")]),
            (
                vec![("dynamic_partition.enable", "true"), ("dynamic_partition.end", "3")],
                vec![("dynamic_partition.enable", "false"), ("dynamic_partition.end", "3")],
            ),
            (vec![("dynamic_partition.enable", "true")], vec![]),
            (vec![("storage_vault_name", "v"), ("storage_medium", "SSD")], vec![]),
        ] {
            let own = |pairs: Vec<(&str, &str)>| -> Vec<(String, String)> {
                pairs.into_iter().map(|(k, v)| (k.to_owned(), v.to_owned())).collect()
            };
            let change =
                ModifyTableProperties { table: TableId::new(1), properties: own(properties).into_iter().collect() };
            assert_eq!(replicated(&change), own(expected));
        }
    }
}
