//! SHOW PARTITIONS, SHOW TABLETS, and the proc nodes of the same form.

use super::{
    super::{
        datetime::format_ms,
        reply::Rows,
        session::{Context, db_of},
    },
    cell, filtered,
};
use crate::{
    model::{Answer, IndexSchema, Model, Partition, PartitionState, Refusal, Relation, Table, Tablet},
    sql::statement::{Filter, ObjectName, TargetPartitions},
};

const COLUMNS: [&str; 22] = [
    "PartitionId",
    "PartitionName",
    "VisibleVersion",
    "VisibleVersionTime",
    "State",
    "PartitionKey",
    "Range",
    "DistributionKey",
    "Buckets",
    "ReplicationNum",
    "StorageMedium",
    "CooldownTime",
    "RemoteStoragePolicy",
    "LastConsistencyCheckTime",
    "DataSize",
    "IsInMemory",
    "ReplicaAllocation",
    "IsMutable",
    "SyncWithBaseTables",
    "UnsyncTables",
    "CommittedVersion",
    "RowCount",
];

/// Formal or temporary partitions.
pub(super) fn rows_of(model: &Model, table: &Table, temp: bool) -> Rows {
    let hash_columns = &table.distribution.hash_columns;
    let distribution = if hash_columns.is_empty() { "RANDOM".to_owned() } else { hash_columns.join(", ") };
    let rows = table.listed_partitions(temp).into_iter().map(|partition| {
        vec![
            cell(partition.id),
            cell(&partition.name),
            cell(partition.visible_version),
            cell(format_ms(partition.visible_ms)),
            cell(match partition.state {
                PartitionState::Normal => "NORMAL",
                PartitionState::Restore => "RESTORE",
            }),
            cell(table.scheme.columns.join(", ")),
            cell(table.range_text(partition)),
            cell(&distribution),
            cell(partition.buckets),
            cell(partition.replication),
            cell(&partition.data_property.medium),
            cell(format_ms(partition.data_property.cooldown_ms)),
            cell(&partition.data_property.storage_policy),
            None,
            cell("0.000 "),
            cell(partition.data_property.in_memory),
            cell(format!("tag.location.default: {}", partition.replication)),
            cell(true),
            cell(true),
            None,
            cell(partition.committed_version()),
            cell(
                model
                    .reported_rows(partition)
                    .map_or(model.profile().unreported_rows, |rows| i64::try_from(rows).unwrap_or(i64::MAX)),
            ),
        ]
    });
    Rows::of_texts(&COLUMNS, rows.collect())
}

/// A table for statements whose refusals come from the metadata layer (`errCode = 7` inside `errCode = 2`).
fn table<'a>(context: &Context<'a>, name: &ObjectName) -> Answer<&'a Table> {
    let db = db_of(context.session, name.db.as_deref())?;
    let name = &name.name;
    match context.model.database(db)?.relation(name) {
        Some(Relation::Table(table)) => Ok(table),
        Some(Relation::View(_)) => Err(Refusal::analysis(format!(
            "errCode = 7, detailMessage = Type of {name} doesn't match, expected data tables=[OLAP, HMS_EXTERNAL_TABLE, \
             MAX_COMPUTE_EXTERNAL_TABLE, PAIMON_EXTERNAL_TABLE]"
        ))),
        None => Err(Refusal::analysis(format!("errCode = 7, detailMessage = table not found, tableName={name}"))),
    }
}

pub(super) fn partitions(context: &Context<'_>, name: &ObjectName, temp: bool, filter: &Filter) -> Answer<Rows> {
    filtered(context, rows_of(context.model, table(context, name)?, temp), filter)
}

const TABLET_COLUMNS: [&str; 23] = [
    "TabletId",
    "ReplicaId",
    "BackendId",
    "SchemaHash",
    "Version",
    "LstSuccessVersion",
    "LstFailedVersion",
    "LstFailedTime",
    "LocalDataSize",
    "RemoteDataSize",
    "RowCount",
    "State",
    "LstConsistencyCheckTime",
    "CheckVersion",
    "VisibleVersionCount",
    "VersionCount",
    "QueryHits",
    "PathHash",
    "Path",
    "MetaUrl",
    "CompactionStatus",
    "CooldownReplicaId",
    "CooldownMetaId",
];

/// One row for each replica, by tablet and replica id.
pub(super) fn tablet_rows<'t>(
    model: &Model,
    tablets: impl Iterator<Item = (Option<&'t IndexSchema>, &'t Tablet)>,
) -> Rows {
    let mut rows: Vec<(i64, i64, Vec<Option<String>>)> = Vec::new();
    for (index, tablet) in tablets {
        let schema_hash = index.map_or(0, |index| index.schema_hash);
        // A replica that is being built reports nothing.
        let altering = index.is_some_and(|index| index.shadow);
        for replica in &tablet.replicas {
            let url = |path: &str| {
                let be = model.backends.get(&replica.backend);
                be.map_or_else(String::new, |be| format!("http://{}:{}{path}", be.host, be.http_port))
            };
            let versions = model.reported_versions(replica.backend, tablet.id).filter(|_| !altering);
            let versions = versions.map_or_else(|| "-1".to_owned(), |count| count.to_string());
            let row = vec![
                cell(tablet.id),
                cell(replica.id),
                cell(replica.backend),
                cell(schema_hash),
                cell(replica.version),
                cell(replica.version),
                cell(replica.last_failed_version.map_or(-1, |version| version.0)),
                None,
                cell(0),
                cell(0),
                cell(0),
                cell(if altering { "ALTER" } else { "NORMAL" }),
                None,
                cell(-1),
                cell(&versions),
                cell(&versions),
                cell(0),
                cell(1),
                cell(model.options.storage_path()),
                cell(url(&format!("/api/meta/header/{}", tablet.id))),
                cell(url(&format!("/api/compaction/show?tablet_id={}", tablet.id))),
                cell(-1),
                cell(""),
            ];
            rows.push((tablet.id.get(), replica.id.get(), row));
        }
    }
    rows.sort();
    Rows::of_texts(&TABLET_COLUMNS, rows.into_iter().map(|(.., row)| row).collect())
}

/// The node of one tablet: its replicas.
pub(super) fn replica_rows(model: &Model, index: Option<&IndexSchema>, tablet: &Tablet) -> Rows {
    const COLUMNS: [&str; 22] = [
        "ReplicaId",
        "BackendId",
        "Version",
        "LstSuccessVersion",
        "LstFailedVersion",
        "LstFailedTime",
        "SchemaHash",
        "LocalDataSize",
        "RemoteDataSize",
        "RowCount",
        "State",
        "IsBad",
        "IsUserDrop",
        "VisibleVersionCount",
        "VersionCount",
        "PathHash",
        "Path",
        "MetaUrl",
        "CompactionStatus",
        "CooldownReplicaId",
        "CooldownMetaId",
        "QueryHits",
    ];
    let all = tablet_rows(model, std::iter::once((index, tablet)));
    let rows = all.rows.iter().map(|row| {
        let value = |column: &&str| match *column {
            "IsBad" | "IsUserDrop" => cell(false),
            column => all.position(column).and_then(|at| row.get(at).cloned().flatten()),
        };
        COLUMNS.iter().map(value).collect()
    });
    Rows::of_texts(&COLUMNS, rows.collect())
}

pub(super) fn tablets(context: &Context<'_>, name: &ObjectName, of: &TargetPartitions) -> Answer<Rows> {
    let table = table(context, name)?;
    let named: Vec<&Partition> = match &of.names[..] {
        [] => table.partitions.iter().collect(),
        names => {
            let find = |name: &String| table.partition(name, of.temp);
            let unknown = |name: &String| Refusal::analysis(format!("Unknown partition: {name}"));
            names.iter().map(|name| find(name).ok_or_else(|| unknown(name))).collect::<Answer<_>>()?
        }
    };
    let tablets = named.into_iter().flat_map(Partition::tablets);
    let with_index = tablets.map(|(index, tablet)| (table.indexes.get(&index), tablet));
    Ok(tablet_rows(context.model, with_index))
}
