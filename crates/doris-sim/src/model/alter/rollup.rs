//! ADD and DROP ROLLUP, CREATE and DROP MATERIALIZED VIEW (synchronous: an index of the table).

use std::collections::BTreeMap;

use serde::Serialize;

use super::{AlterJob, AlterKind, AlterState, JobIndex, TIMEOUT_S, refuse};
use crate::model::{
    Aggregation, Answer, Column, ColumnDefault, ColumnType, IndexSchema, KeysType, Model, RollupSpec, Table,
    TableState,
    binlog::kind,
    ids::*,
    index_columns::{find, number, rollup_columns, short_key},
};

/// A synchronous materialized view as its query describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MaterializedViewSpec {
    pub name: String,
    pub columns: Vec<MvColumn>,
    /// Rows are combined by the columns without aggregation.
    pub grouped: bool,
}

/// A column of a materialized view.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MvColumn {
    pub name: String,
    /// The column of the table.
    pub source: String,
    /// The function around it.
    pub aggregation: Option<Aggregation>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RollupDropped<'a> {
    ctl: &'static str,
    db_id: DbId,
    table_id: TableId,
    table_name: &'a str,
    index_id: IndexId,
    index_name: &'a str,
    is_view: bool,
    force_drop: bool,
    recycle_time: i64,
}

impl Model {
    /// ALTER TABLE ADD ROLLUP of one or more: a job each, of which one runs at a time.
    pub fn add_rollups(&mut self, db: &str, name: &str, specs: &[RollupSpec]) -> Answer<()> {
        let (_, table) = self.alterable(db, name)?;
        if !table.temp_partitions.is_empty() {
            return refuse("Can not alter table when there are temp partitions in table");
        }
        let mut schemas = Vec::new();
        for spec in specs {
            if spec.name.eq_ignore_ascii_case(&table.name) {
                return refuse(format!(
                    "Table[{name}] can not add segment v2 rollup index without setting storage format to v2."
                ));
            }
            if table.indexes.values().any(|index| index.name == spec.name) {
                return refuse(format!("Rollup index[{}] already exists", spec.name));
            }
            schemas.push(rollup_columns(spec, table.keys, &table.columns, &table.hidden_columns)?);
        }
        for (spec, columns) in specs.iter().zip(schemas) {
            self.start_rollup(db, name, &spec.name, columns, None, Some(String::new()))?;
        }
        // One entry of the edit log for all of them, and no record.
        self.journal();
        Ok(())
    }

    /// CREATE MATERIALIZED VIEW .. AS SELECT of one table.
    pub fn create_materialized_view(&mut self, db: &str, name: &str, spec: &MaterializedViewSpec) -> Answer<()> {
        let (_, table) = self.alterable(db, name)?;
        if !table.temp_partitions.is_empty() {
            return refuse("Can not alter table when there are temp partitions in table");
        }
        if table.indexes.values().any(|index| index.name == spec.name) {
            return refuse(format!("Materialized view[{}] already exists", spec.name));
        }
        if table.keys != KeysType::Duplicate {
            return refuse("doris-sim does not model materialized views of tables that are not DUPLICATE KEY");
        }
        let columns = view_columns(table, spec)?;
        let keys = if spec.grouped { KeysType::Aggregate } else { table.keys };
        let job = self.start_rollup(db, name, &spec.name, columns, Some(keys), None)?;
        if let Some(job) = self.alter_jobs.get(&job).cloned() {
            self.record_job(&job);
        }
        Ok(())
    }

    fn start_rollup(
        &mut self,
        db: &str,
        name: &str,
        rollup: &str,
        columns: Vec<Column>,
        keys: Option<KeysType>,
        raw_sql: Option<String>,
    ) -> Answer<i64> {
        let db_id = self.database(db)?.id;
        let table = self.table(db, name)?.clone();
        let job_id = self.ids.next_raw();
        let id = IndexId::new(self.ids.next_raw());
        let keys = keys.unwrap_or(table.keys);
        let schema_hash = self.index_schema(id, rollup, keys, Vec::new()).schema_hash;
        let mut tablets = BTreeMap::new();
        for partition in &table.partitions {
            tablets.insert((partition.id, id), self.plan_tablets(partition, table.base_index)?);
        }
        let index = JobIndex {
            id,
            origin: table.base_index,
            name: rollup.to_owned(),
            schema_version: 0,
            schema_hash,
            columns,
            keys,
            replaces: false,
        };
        let job = AlterJob {
            id: job_id,
            db: db_id,
            table: table.id,
            table_name: table.name.clone(),
            kind: AlterKind::Rollup { base: table.base_index, base_name: table.name.clone() },
            state: AlterState::Pending,
            created_ms: self.now_ms,
            finished_ms: None,
            watershed: None,
            message: String::new(),
            timeout_s: TIMEOUT_S,
            raw_sql,
            indexes: vec![index],
            tablets,
            next_step_ms: self.now_ms.saturating_add(self.options.alter_tick_ms),
        };
        self.store_alter_job(job);
        if let Some(table) = self.table_mut(db_id, table.id) {
            table.state = TableState::Rollup;
        }
        Ok(job_id)
    }

    /// ALTER TABLE DROP ROLLUP of one or more: one entry of the edit log, so that only one of several records survives.
    pub fn drop_rollups(&mut self, db: &str, name: &str, rollups: &[String]) -> Answer<()> {
        self.drop_indexes(db, name, rollups, true)
    }

    /// DROP MATERIALIZED VIEW .. ON table.
    pub fn drop_materialized_view(&mut self, db: &str, name: &str, view: &str, if_exists: bool) -> Answer<()> {
        let (_, table) = self.alterable(db, name)?;
        if if_exists && rollup_of(table, view).is_none() && view != table.name {
            return Ok(());
        }
        self.drop_indexes(db, name, std::slice::from_ref(&view.to_owned()), false)
    }

    fn drop_indexes(&mut self, db: &str, name: &str, rollups: &[String], force: bool) -> Answer<()> {
        let (db_id, table) = self.alterable(db, name)?;
        if force && !table.temp_partitions.is_empty() {
            return refuse("Can not alter table when there are temp partitions in table");
        }
        let mut dropped: Vec<(IndexId, String)> = Vec::new();
        for rollup in rollups {
            if *rollup == table.name {
                return refuse("Cannot drop base index by using DROP ROLLUP or DROP MATERIALIZED VIEW.");
            }
            let Some(index) = rollup_of(table, rollup) else {
                return refuse(format!(
                    "errCode = 7, detailMessage = Materialized view [{rollup}] does not exist in table [{}]",
                    table.name
                ));
            };
            dropped.push((index.id, index.name.clone()));
        }
        // The newest first: so it was in the only batch that was seen.
        dropped.sort_unstable_by(|a, b| b.cmp(a));
        let (table_id, table_name) = (table.id, table.name.clone());
        let mut gone = Vec::new();
        if let Some(table) = self.table_mut(db_id, table_id) {
            for (id, _) in &dropped {
                table.indexes.remove(id);
                for partition in table.all_partitions_mut() {
                    gone.extend(partition.indexes.remove(id).into_iter().flatten().map(|tablet| tablet.id));
                }
            }
        }
        for be in self.backends.values_mut() {
            gone.iter().for_each(|id| {
                be.tablets.remove(id);
            });
        }
        let seq = self.journal();
        for (index_id, index_name) in &dropped {
            let data = RollupDropped {
                ctl: "internal",
                db_id,
                table_id,
                table_name: &table_name,
                index_id: *index_id,
                index_name,
                is_view: false,
                force_drop: force,
                recycle_time: 0,
            };
            self.record_at(seq, kind::DROP_ROLLUP, db_id, table_id, &data);
        }
        Ok(())
    }
}

fn rollup_of<'a>(table: &'a Table, name: &str) -> Option<&'a IndexSchema> {
    table.indexes.values().find(|index| index.id != table.base_index && !index.shadow && index.name == name)
}

fn view_columns(table: &Table, spec: &MaterializedViewSpec) -> Answer<Vec<Column>> {
    let needed = |name: &str| {
        let mut all = table.scheme.columns.iter().chain(&table.distribution.hash_columns);
        all.any(|column| column.eq_ignore_ascii_case(name))
    };
    let mut columns = Vec::new();
    for view in &spec.columns {
        let Some(base) = find(&table.columns, &view.source) else {
            return refuse(format!("Unknown column '{}' in 'table list'", view.source));
        };
        if view.aggregation.is_some() && needed(&view.source) {
            return refuse(format!("The partition and distributed columns {} must be key column in mv", view.source));
        }
        let ty = match view.aggregation {
            Some(Aggregation::Sum) => summed(&base.ty),
            _ => base.ty.clone(),
        };
        columns.push(Column {
            name: view.name.clone(),
            ty,
            is_key: spec.grouped && view.aggregation.is_none(),
            aggregation: view.aggregation,
            default: ColumnDefault::None,
            real_default: None,
            copied: true,
            source: Some(base.name.clone()),
            ..base.clone()
        });
    }
    if !spec.grouped {
        let keys = short_key(&columns)?;
        columns.iter_mut().enumerate().for_each(|(n, column)| column.is_key = n < keys);
    }
    number(&mut columns, 0);
    Ok(columns)
}

/// The type of a sum.
fn summed(ty: &ColumnType) -> ColumnType {
    match ty {
        ColumnType::Boolean | ColumnType::TinyInt | ColumnType::SmallInt | ColumnType::Int => ColumnType::BigInt,
        ColumnType::Float => ColumnType::Double,
        ColumnType::Decimal { scale, .. } => ColumnType::Decimal { precision: 38, scale: *scale },
        other => other.clone(),
    }
}
