//! Rows of one index as rows of another: by unique id, with the types and defaults of the new columns.

use std::{collections::BTreeMap, sync::Arc};

use super::{AlterJob, JobIndex};
use crate::model::{
    Column, ColumnType, Condition, Model, Row, Rowset, RowsetColumn, SharedRowset, Table, Tablet, Value,
    coerce::coerce, ids::*,
};

/// Where a new column finds its values.
struct Source {
    /// Unique id of the old column.
    unique_id: Option<i32>,
    /// What rows have that were written without it.
    default: Value,
    ty: ColumnType,
    name: String,
}

impl Model {
    /// Fills the new indexes of a job with the rows of their origins.
    pub(super) fn convert_all(&mut self, job: &AlterJob) -> Result<(), String> {
        let Some(table) = self.databases.get(&job.db).and_then(|db| db.table_by_id(job.table)).cloned() else {
            return Err(format!("Table {} does not exist", job.table));
        };
        for index in &job.indexes {
            let sources = sources(&table, index, job.is_rollup());
            for partition in &table.partitions {
                let of = |id: IndexId| partition.indexes.get(&id).map_or(&[][..], Vec::as_slice);
                for (new, old) in of(index.id).iter().zip(of(index.origin)) {
                    self.convert_tablet(new, old, index, &sources)?;
                }
            }
        }
        self.lift_versions(job);
        Ok(())
    }

    fn convert_tablet(
        &mut self,
        new: &Tablet,
        old: &Tablet,
        index: &JobIndex,
        sources: &[Source],
    ) -> Result<(), String> {
        for replica in &new.replicas {
            let Some(be) = self.backends.get_mut(&replica.backend) else { continue };
            let Some(rowsets) = be.tablets.get(&old.id).map(|tablet| tablet.rowsets.clone()) else { continue };
            let Some(target) = be.tablets.get_mut(&new.id) else { continue };
            let mut converted: BTreeMap<Version, SharedRowset> = BTreeMap::new();
            for (version, rowset) in rowsets {
                // What was loaded into the new index meanwhile is there already.
                if version == Version(1) || !target.rowsets.contains_key(&version) {
                    converted.insert(version, Arc::new(convert(&rowset, index, sources)?));
                }
            }
            target.rowsets.extend(converted);
        }
        Ok(())
    }

    /// The new replicas have every version that their origins have.
    fn lift_versions(&mut self, job: &AlterJob) {
        let Some(table) = self.table_mut(job.db, job.table) else { return };
        for partition in &mut table.partitions {
            for index in &job.indexes {
                let origins: Vec<Tablet> = partition.indexes.get(&index.origin).cloned().unwrap_or_default();
                let Some(tablets) = partition.indexes.get_mut(&index.id) else { continue };
                for (tablet, origin) in tablets.iter_mut().zip(origins) {
                    for replica in &mut tablet.replicas {
                        let old = origin.replicas.iter().find(|r| r.backend == replica.backend);
                        if let Some(old) = old {
                            replica.version = replica.version.max(old.version);
                            replica.last_failed_version = old.last_failed_version;
                        }
                    }
                }
            }
        }
    }
}

fn sources(table: &Table, index: &JobIndex, rollup: bool) -> Vec<Source> {
    let origin = table.indexes.get(&index.origin).map(|origin| table.index_columns(origin)).unwrap_or_default();
    let visible = index.columns.iter().filter(|column| column.visible);
    visible
        .map(|column| {
            let name = column.source.as_ref().unwrap_or(&column.name);
            let old: Option<&&Column> = match rollup {
                true => origin.iter().find(|c| c.name.eq_ignore_ascii_case(name)),
                false => origin.iter().find(|c| c.unique_id == column.unique_id),
            };
            Source {
                unique_id: old.map(|c| c.unique_id),
                default: old.map_or_else(|| column.value_of_old_rows(), |c| c.value_of_old_rows()),
                ty: column.ty.clone(),
                name: column.name.clone(),
            }
        })
        .collect()
}

fn convert(rowset: &Rowset, index: &JobIndex, sources: &[Source]) -> Result<Rowset, String> {
    let positions: Vec<Option<usize>> = sources
        .iter()
        .map(|source| rowset.columns.iter().position(|c| Some(c.unique_id) == source.unique_id))
        .collect();
    let value = |row: &Row, source: &Source, at: &Option<usize>| -> Result<Value, String> {
        let old = at.and_then(|at| row.values.get(at)).unwrap_or(&source.default);
        coerce(old, &source.ty).map_err(|misfit| format!("can not convert column {}: {}", source.name, misfit.0))
    };
    let rows = rowset.rows.iter().map(|row| {
        let values = sources.iter().zip(&positions).map(|(source, at)| value(row, source, at));
        Ok(Row { values: values.collect::<Result<_, String>>()?, ..row.clone() })
    });
    let visible = index.columns.iter().filter(|column| column.visible);
    Ok(Rowset {
        columns: visible
            .map(|c| RowsetColumn { unique_id: c.unique_id, name: c.name.clone(), ty: c.ty.clone(), is_key: c.is_key })
            .collect(),
        rows: rows.collect::<Result<_, String>>()?,
        delete_predicate: rowset.delete_predicate.as_ref().and_then(|conditions| predicate(conditions, index, sources)),
    })
}

/// A delete predicate in the columns of the new index; `None` where it does not have all of them.
fn predicate(conditions: &[Condition], index: &JobIndex, sources: &[Source]) -> Option<Vec<Condition>> {
    let visible: Vec<&Column> = index.columns.iter().filter(|column| column.visible).collect();
    conditions
        .iter()
        .map(|condition| {
            let at = sources.iter().position(|source| source.unique_id == Some(condition.column))?;
            let column = visible.get(at)?;
            let values = condition.values.iter().map(|value| coerce(value, &column.ty).unwrap_or(Value::Null));
            Some(Condition { column: column.unique_id, op: condition.op, values: values.collect() })
        })
        .collect()
}
