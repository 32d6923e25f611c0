//! getMeta.

use std::collections::BTreeMap;

use doris::rpc::{
    DbMeta, FeReply as _, GetMetaDb, GetMetaRequest, GetMetaResult, GetMetaTable, IndexMeta, PartitionMeta,
    ReplicaMeta, Status, StatusCode, TableMeta, TabletMeta,
};

use super::{Caller, FrontendService, account::Login, required};
use crate::model::{
    CommitSeq, Database, DbId, IndexId, Model, Partition, PartitionId, Privilege, Refusal, Table, TableId, Tablet,
};

impl FrontendService {
    pub(super) fn get_meta(&self, request: GetMetaRequest, caller: &Caller<'_>) -> GetMetaResult {
        if let Some(status) = self.not_master() {
            return GetMetaResult::refusal(status, None);
        }
        self.settle((|| {
            required(&request.user, "user")?;
            required(&request.passwd, "passwd")?;
            let wanted = required(&request.db, "db")?;
            if request.token.as_ref().is_some_and(|token| !token.is_empty()) {
                // With a token the FE looks up no database, and then asks it for its id (seen).
                let text = "Cannot invoke \"org.apache.doris.catalog.Database.getId()\" because \"db\" is null";
                return Err(Refusal::plain(StatusCode::INTERNAL_ERROR.0, text));
            }
            let found = self.sim.look(|model| find(model, wanted).map(|db| db.id));
            if let (None, Some(name @ ("information_schema" | "mysql"))) = (wanted.id, wanted.name.as_deref()) {
                // It has no tables of this kind (seen).
                let id = if name == "mysql" { 1 } else { 0 };
                let empty = Database::new(DbId::new(id), name);
                let db_meta = self.sim.look(|model| {
                    db_meta(model, &empty, &GetMetaDb { tables: Some(Vec::new()), ..GetMetaDb::default() })
                });
                let db_meta = DbMeta { tables: None, ..db_meta };
                return Ok(GetMetaResult {
                    status: Status::new(StatusCode::OK),
                    db_meta: Some(db_meta),
                    master_address: None,
                });
            }
            let Some(db) = found else {
                // OK without a database, and the login is not looked at (seen).
                return Ok(GetMetaResult::refusal(Status::new(StatusCode::OK), None));
            };
            let login =
                Login { user: &request.user, password: &request.passwd, token: &request.token, ip: Some(caller.peer) };
            let (name, tables) = self.sim.look(|model| {
                let Some(found) = model.databases.get(&db) else { return (String::new(), Vec::new()) };
                let wanted = wanted.tables.iter().flatten().filter_map(|table| wanted_table(found, table));
                (found.name.clone(), wanted.map(|table| table.name.clone()).collect::<Vec<_>>())
            });
            self.check_access(login, Privilege::Select, &name, &tables)?;
            let db_meta = self.sim.look(|model| model.databases.get(&db).map(|found| db_meta(model, found, wanted)));
            Ok(GetMetaResult { status: Status::new(StatusCode::OK), db_meta, master_address: None })
        })())
    }
}

/// By id if there is one (a wrong id is not rescued by the name), else by name.
fn find<'a>(model: &'a Model, wanted: &GetMetaDb) -> Option<&'a Database> {
    match wanted.id {
        Some(id) => model.databases.get(&DbId::new(id)),
        None => model.find_database(wanted.name.as_deref().unwrap_or_default()),
    }
}

fn wanted_table<'a>(db: &'a Database, wanted: &GetMetaTable) -> Option<&'a Table> {
    match (wanted.id, &wanted.name) {
        (Some(id), _) => db.table_by_id(TableId::new(id)),
        (None, name) => db.table(name.as_deref().unwrap_or_default()),
    }
}

fn db_meta(model: &Model, db: &Database, wanted: &GetMetaDb) -> DbMeta {
    let tables: Vec<TableMeta> = match &wanted.tables {
        None => db.tables().map(|table| table_meta(model, table)).collect(),
        Some(list) => {
            list.iter().filter_map(|table| wanted_table(db, table)).map(|table| table_meta(model, table)).collect()
        }
    };
    let mut meta =
        DbMeta { id: Some(db.id.get()), name: Some(db.name.clone()), tables: non_empty(tables), ..DbMeta::default() };
    if model.config_flag("experimental_enable_feature_binlog") {
        let dropped = model.dropped(db.id);
        (meta.dropped_partitions, meta.dropped_partition_map) = split(dropped.partitions.iter(), PartitionId::get);
        (meta.dropped_tables, meta.dropped_table_map) = split(dropped.tables.iter(), TableId::get);
        (meta.dropped_indexes, meta.dropped_index_map) = split(dropped.indexes.iter(), IndexId::get);
        if !model.profile().meta_dropped_lists {
            (meta.dropped_partitions, meta.dropped_tables, meta.dropped_indexes) = (None, None, None);
        }
        if !model.profile().meta_dropped_positions {
            (meta.dropped_partition_map, meta.dropped_table_map, meta.dropped_index_map) = (None, None, None);
        }
    }
    meta
}

/// The ids in the order of their drops, and with their seqs; set even when empty (seen).
fn split<T: Copy>(
    dropped: impl Iterator<Item = (T, CommitSeq)>,
    raw: impl Fn(T) -> i64,
) -> (Option<Vec<i64>>, Option<BTreeMap<i64, i64>>) {
    let pairs: Vec<(i64, i64)> = dropped.map(|(id, seq)| (raw(id), seq.0)).collect();
    (Some(pairs.iter().map(|(id, _)| *id).collect()), Some(pairs.into_iter().collect()))
}

/// Empty lists are unset: they are created with their first element.
fn non_empty<T>(list: Vec<T>) -> Option<Vec<T>> {
    (!list.is_empty()).then_some(list)
}

/// Formal partitions first, then temporary ones, which nothing marks (seen).
fn table_meta(model: &Model, table: &Table) -> TableMeta {
    TableMeta {
        id: Some(table.id.get()),
        name: Some(table.name.clone()),
        in_trash: None,
        partitions: non_empty(table.all_partitions().map(|p| partition_meta(table, p)).collect()),
        table_type: model.profile().meta_table_types.then(|| table.type_name().into()),
    }
}

fn partition_meta(table: &Table, partition: &Partition) -> PartitionMeta {
    let indexes = partition.indexes.iter().map(|(id, tablets)| IndexMeta {
        id: Some(id.get()),
        name: table.indexes.get(id).map(|index| index.name.clone()),
        tablets: non_empty(tablets.iter().map(tablet_meta).collect()),
    });
    PartitionMeta {
        id: Some(partition.id.get()),
        name: Some(partition.name.clone()),
        key: None,
        range: Some(table.range_text(partition)),
        visible_version: Some(partition.visible_version.0),
        is_temp: None,
        indexes: non_empty(indexes.collect()),
    }
}

fn tablet_meta(tablet: &Tablet) -> TabletMeta {
    let replicas = tablet.replicas.iter().map(|replica| ReplicaMeta {
        id: Some(replica.id.get()),
        backend_id: Some(replica.backend.get()),
        version: Some(replica.version.0),
    });
    TabletMeta { id: Some(tablet.id.get()), replicas: non_empty(replicas.collect()) }
}
