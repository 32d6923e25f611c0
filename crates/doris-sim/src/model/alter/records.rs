//! The payloads of the records, with the FE's keys in the FE's order.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{AlterJob, AlterKind, IndexJob};
use crate::model::{
    Column, KeysType, Model, SecondaryIndex, Table,
    binlog::{NewRecord, kind},
    fe_json::{self, ColumnJson, JavaMap},
    ids::*,
};

/// A secondary index.
#[derive(Serialize)]
pub(super) struct IndexData<'a> {
    i: i64,
    #[serde(rename = "in")]
    name: &'a str,
    c: &'a [String],
    it: &'a str,
    pt: JavaMap<&'a str>,
    ct: &'a str,
}

impl<'a> IndexData<'a> {
    fn of(index: &'a SecondaryIndex) -> Self {
        Self {
            i: index.id,
            name: &index.name,
            c: &index.columns,
            it: &index.kind,
            pt: JavaMap::of_strings(index.properties.iter().map(|(k, v)| (k.clone(), v.as_str()))),
            ct: &index.comment,
        }
    }

    pub(super) fn list(indexes: &'a [SecondaryIndex]) -> Vec<Self> {
        indexes.iter().map(Self::of).collect()
    }
}

/// `indexSchemaMap`.
pub(super) type Schemas = JavaMap<Vec<ColumnJson>>;

/// Every index of a table with its columns.
pub(super) fn schemas_of(table: &Table) -> Schemas {
    JavaMap::of_longs(table.indexes.values().map(|index| {
        let columns = table.index_columns(index).into_iter();
        (index.id.get(), columns.map(|column| ColumnJson::of(column, index.keys)).collect())
    }))
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ColumnsChanged<'a> {
    db_id: DbId,
    table_id: TableId,
    base_index_id: IndexId,
    index_schema_map: Schemas,
    old_index_schema_map: Schemas,
    index_name_to_id: JavaMap<IndexId>,
    indexes: Vec<IndexData<'a>>,
    job_id: i64,
    raw_sql: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct IndexesChanged<'a> {
    db_id: DbId,
    table_id: TableId,
    index_schema_map: Schemas,
    indexes: Vec<IndexData<'a>>,
    alter_inverted_indexes: Vec<IndexData<'a>>,
    is_drop_inverted_index: bool,
    job_id: i64,
    raw_sql: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct JobChanged<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    db_id: DbId,
    table_id: TableId,
    table_name: &'a str,
    job_id: i64,
    job_state: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    raw_sql: Option<&'a str>,
    /// Shadow index to its origin.
    #[serde(skip_serializing_if = "Option::is_none")]
    iim: Option<JavaMap<IndexId>>,
    rollup_index_id: i64,
    #[serde(rename = "rollUpIndexName", skip_serializing_if = "Option::is_none")]
    rollup_index_name: Option<&'a str>,
    base_index_id: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    base_index_name: Option<&'a str>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct IndexJobChanged<'a> {
    job_id: i64,
    job_state: &'static str,
    db_id: DbId,
    table_id: TableId,
    table_name: &'a str,
    partition_id: PartitionId,
    partition_name: &'a str,
    err_msg: &'a str,
    create_time_ms: i64,
    finished_time_ms: i64,
    watershed_txn_id: TxnId,
    is_drop_op: bool,
    alter_inverted_indexes: Vec<IndexData<'a>>,
    origin_index_id: IndexId,
    inverted_index_batch_task: BTreeMap<String, String>,
    timeout_ms: i64,
    clsname: &'static str,
    sv: i32,
    cols: Vec<ColumnJson>,
    idxs: Vec<IndexData<'a>>,
}

impl Model {
    /// Journals and records a change of one table.
    pub(super) fn record_change(&mut self, kind: i32, db: DbId, table: TableId, data: &impl Serialize) {
        let seq = self.journal();
        self.record_at(seq, kind, db, table, data);
    }

    /// Records a change of one table that is journaled already.
    pub(super) fn record_at(&mut self, seq: CommitSeq, kind: i32, db: DbId, table: TableId, data: &impl Serialize) {
        self.record(NewRecord { seq, kind, db, table_ids: &[table], data: fe_json::text(data) });
    }

    /// The record of a light change of columns.
    pub(super) fn record_columns(&mut self, db: DbId, table_id: TableId, old: Schemas, job: i64, sql: &str) {
        let Some(table) = self.databases.get(&db).and_then(|db| db.table_by_id(table_id)).cloned() else { return };
        let names = table.indexes.values().map(|index| (index.name.clone(), index.id));
        let data = ColumnsChanged {
            db_id: db,
            table_id,
            base_index_id: table.base_index,
            index_schema_map: schemas_of(&table),
            old_index_schema_map: old,
            index_name_to_id: JavaMap::of_strings(names),
            indexes: IndexData::list(&table.secondary_indexes),
            job_id: job,
            raw_sql: sql,
        };
        self.record_change(kind::MODIFY_TABLE_ADD_OR_DROP_COLUMNS, db, table_id, &data);
    }

    /// The record of secondary indexes that were added or dropped at once.
    pub(super) fn record_indexes(
        &mut self,
        db: DbId,
        table_id: TableId,
        altered: &[SecondaryIndex],
        drop: bool,
        job: i64,
        sql: &str,
    ) {
        let Some(table) = self.databases.get(&db).and_then(|db| db.table_by_id(table_id)).cloned() else { return };
        let data = IndexesChanged {
            db_id: db,
            table_id,
            index_schema_map: schemas_of(&table),
            indexes: IndexData::list(&table.secondary_indexes),
            alter_inverted_indexes: IndexData::list(altered),
            is_drop_inverted_index: drop,
            job_id: job,
            raw_sql: sql,
        };
        self.record_change(kind::MODIFY_TABLE_ADD_OR_DROP_INVERTED_INDICES, db, table_id, &data);
    }

    /// ALTER_JOB: the state of a schema change or rollup.
    pub(super) fn record_job(&mut self, job: &AlterJob) {
        let built = job.indexes.first();
        let (iim, base) = match &job.kind {
            AlterKind::SchemaChange { .. } => {
                (Some(JavaMap::of_longs(job.indexes.iter().map(|i| (i.id.get(), i.origin)))), None)
            }
            AlterKind::Rollup { base, base_name } => (None, Some((*base, base_name.as_str()))),
        };
        let data = JobChanged {
            kind: if base.is_some() { "ROLLUP" } else { "SCHEMA_CHANGE" },
            db_id: job.db,
            table_id: job.table,
            table_name: &job.table_name,
            job_id: job.id,
            job_state: job.state.name(),
            raw_sql: job.raw_sql.as_deref(),
            iim,
            rollup_index_id: base.and(built).map_or(0, |index| index.id.get()),
            rollup_index_name: base.and(built).map(|index| index.name.as_str()),
            base_index_id: base.map_or(0, |(id, _)| id.get()),
            base_index_name: base.map(|(_, name)| name),
        };
        self.record_change(kind::ALTER_JOB, job.db, job.table, &data);
    }

    /// INDEX_CHANGE_JOB.
    pub(super) fn record_index_job(&mut self, job: &IndexJob) {
        let data = IndexJobChanged {
            job_id: job.id,
            job_state: job.state.name(),
            db_id: job.db,
            table_id: job.table,
            table_name: &job.table_name,
            partition_id: job.partition,
            partition_name: &job.partition_name,
            err_msg: &job.message,
            create_time_ms: job.created_ms,
            finished_time_ms: job.finished_ms.unwrap_or(-1),
            watershed_txn_id: job.watershed,
            is_drop_op: job.drop,
            alter_inverted_indexes: IndexData::list(&job.altered),
            origin_index_id: job.origin,
            inverted_index_batch_task: BTreeMap::new(),
            timeout_ms: super::TIMEOUT_S * 1000,
            clsname: "",
            sv: job.schema_version,
            cols: columns_data(&job.columns, job.keys),
            idxs: IndexData::list(&job.secondary_indexes),
        };
        self.record_change(kind::INDEX_CHANGE_JOB, job.db, job.table, &data);
    }
}

fn columns_data(columns: &[Column], keys: KeysType) -> Vec<ColumnJson> {
    columns.iter().map(|column| ColumnJson::of(column, keys)).collect()
}
