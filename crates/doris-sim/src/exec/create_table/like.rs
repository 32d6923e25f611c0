//! CREATE TABLE LIKE: everything but rows; rollups if asked for.

use super::{
    super::{older, target},
    columns,
};
use crate::{
    Session,
    model::{Answer, KeysType, Model, PartitionKind, PartitionSpec, Refusal, Relation, RollupSpec, Table, TableSpec},
    sql::statement::{LikeRollups, ObjectName, Properties},
};

pub(in crate::exec) fn like(
    model: &mut Model,
    session: &Session,
    name: &ObjectName,
    like: &ObjectName,
    if_not_exists: bool,
    rollups: &LikeRollups,
) -> Answer<()> {
    let (db, new_name) = target(session, name)?;
    let (like_db, like_name) = target(session, like)?;
    if if_not_exists && model.database(db)?.relation(new_name).is_some() {
        return Ok(());
    }
    let existing = match model.database(like_db)?.relation(like_name) {
        Some(Relation::Table(table)) => table,
        Some(Relation::View(_)) => {
            return Err(Refusal::analysis("Not support create table from a View"));
        }
        None => return Err(Refusal::analysis(format!("Unknown table '{like_name}'"))),
    };
    older::check_like(model.profile(), existing)?;
    let spec = spec_of(existing, new_name, rollups)?;
    columns::check_on_update(&spec.columns, spec.keys).map_err(|why| {
        Refusal::analysis(format!("Failed to execute CREATE TABLE LIKE {like_name}. Reason: {}", why.text))
    })?;
    model.create_table(db, spec, if_not_exists)?;
    Ok(())
}

fn spec_of(table: &Table, name: &str, rollups: &LikeRollups) -> Answer<TableSpec> {
    let others: Vec<_> = table.indexes.values().filter(|index| index.id != table.base_index && !index.shadow).collect();
    let wanted: Vec<_> = match rollups {
        LikeRollups::None => Vec::new(),
        LikeRollups::All => others,
        LikeRollups::Some(names) => {
            for name in names {
                if !others.iter().any(|index| index.name.eq_ignore_ascii_case(name)) {
                    return Err(Refusal::analysis(format!("Rollup index[{name}] not exists in Table[{}]", table.name)));
                }
            }
            others.into_iter().filter(|index| names.iter().any(|n| n.eq_ignore_ascii_case(&index.name))).collect()
        }
    };
    // What the FE derives is derived again.
    let derived = ["replication_num", "in_atomic_restore", "is_being_synced", "enable_unique_key_merge_on_write"];
    let mut properties: Properties = table
        .properties
        .iter()
        .filter(|(key, _)| !derived.contains(&key.as_str()))
        .map(|(k, v)| (k.clone(), v.clone()))
        .collect();
    if let KeysType::Unique { merge_on_write } = table.keys {
        properties.insert("enable_unique_key_merge_on_write".into(), merge_on_write.to_string());
    }
    Ok(TableSpec {
        materialized: None,
        name: name.to_owned(),
        columns: table.columns.clone(),
        keys: table.keys,
        scheme: table.scheme.clone(),
        partitions: match table.scheme.kind {
            PartitionKind::Unpartitioned => Vec::new(),
            _ => table
                .partitions
                .iter()
                .map(|partition| PartitionSpec {
                    name: partition.name.clone(),
                    item: partition.item.clone(),
                    buckets: None,
                    properties: Properties::new(),
                })
                .collect(),
        },
        distribution: table.distribution.clone(),
        secondary_indexes: table.secondary_indexes.clone(),
        rollups: wanted
            .into_iter()
            .map(|index| RollupSpec {
                name: index.name.clone(),
                columns: index.columns.iter().filter(|c| c.visible).map(|c| c.name.clone()).collect(),
                duplicate_keys: Vec::new(),
            })
            .collect(),
        comment: table.comment.clone(),
        properties,
    })
}
