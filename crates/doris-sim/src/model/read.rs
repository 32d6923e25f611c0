//! What a reader sees: the visible versions of every tablet, with the key model applied.

use std::collections::BTreeMap;

use super::{
    Aggregation, Answer, BeTablet, Condition, KeysType, Model, PartitionState, Refusal, Row, Rowset, Table, Value,
    ids::*,
};

impl Model {
    /// All visible rows of a table, one value for each column in order. The order of rows is by partition, bucket and
    /// (UNIQUE, AGGREGATE) key.
    pub fn rows(&self, db: &str, table: &str) -> Answer<Vec<Vec<Value>>> {
        self.rows_in(db, table, None)
    }

    /// As [`Self::rows`], of some partitions only.
    pub fn rows_in(&self, db: &str, table: &str, partitions: Option<&[String]>) -> Answer<Vec<Vec<Value>>> {
        self.rows_seen_by(db, table, partitions, &[])
    }

    /// As [`Self::rows_in`], with what sub transactions of the reader's own transaction have written so far.
    pub(crate) fn rows_seen_by(
        &self,
        db: &str,
        table: &str,
        partitions: Option<&[String]>,
        own: &[TxnId],
    ) -> Answer<Vec<Vec<Value>>> {
        let table = self.table(db, table)?;
        let mut rows = Vec::new();
        let wanted = |name: &str| partitions.is_none_or(|list| list.iter().any(|p| p.eq_ignore_ascii_case(name)));
        for name in partitions.unwrap_or_default() {
            if table.partition(name, false).is_none() {
                return Err(Refusal::analysis(format!("partition '{name}' does not exist in table '{}'", table.name)));
            }
        }
        for partition in table.partitions.iter().filter(|p| wanted(&p.name)) {
            if partition.state == PartitionState::Restore {
                let text = format!("Partition state is not NORMAL: {}:RESTORING", partition.name);
                return Err(Refusal::analysis(text));
            }
            for tablet in partition.indexes.get(&table.base_index).into_iter().flatten() {
                let on_be = self.queryable(tablet, partition.visible_version)?;
                if let Some(why) = &on_be.corrupt {
                    let text = format!("[CORRUPTION]tablet {} cannot be read: {why}", tablet.id);
                    return Err(Refusal::plain(6, text));
                }
                rows.extend(merge(table, on_be, partition.visible_version, own));
            }
        }
        Ok(rows)
    }

    /// A replica that has the version, on a living backend.
    fn queryable(&self, tablet: &super::Tablet, version: Version) -> Answer<&BeTablet> {
        let mut replicas = tablet.replicas.iter().filter(|r| r.version >= version && r.last_failed_version.is_none());
        replicas
            .find_map(|r| self.backends.get(&r.backend).filter(|be| be.works())?.tablets.get(&tablet.id))
            .ok_or_else(|| {
                Refusal::analysis(format!(
                    "There is no scanNode Backend available. failed to get scan range, no queryable replica found in \
                     tablet: {}",
                    tablet.id
                ))
            })
    }
}

/// The rows of one tablet up to a version, then those of some transactions that are not published.
fn merge(table: &Table, tablet: &BeTablet, version: Version, own: &[TxnId]) -> Vec<Vec<Value>> {
    let mut plain: Vec<Row> = Vec::new();
    let mut keyed: BTreeMap<Vec<Value>, Row> = BTreeMap::new();
    let keys = table.key_positions();
    let sequence = table
        .properties
        .get("function_column.sequence_col")
        .and_then(|name| table.columns.iter().position(|c| c.name.eq_ignore_ascii_case(name)));
    let published = tablet.rowsets.range(..=version).map(|(_, rowset)| rowset);
    for rowset in published.chain(own.iter().filter_map(|txn| tablet.pending.get(txn))) {
        if let Some(predicate) = &rowset.delete_predicate {
            plain.retain(|row| !matches(table, predicate, row));
            keyed.retain(|_, row| !matches(table, predicate, row));
        }
        for row in in_table_order(table, rowset) {
            if table.keys == KeysType::Duplicate {
                plain.push(row);
                continue;
            }
            let key: Vec<Value> = keys.iter().map(|at| row.values[*at].clone()).collect();
            match keyed.get_mut(&key) {
                None => {
                    keyed.insert(key, row);
                }
                Some(old) if table.keys == KeysType::Aggregate => aggregate(table, old, &row),
                Some(old) => {
                    let older = match sequence {
                        Some(at) => row.values[at] < old.values[at],
                        None => row.sequence < old.sequence,
                    };
                    if !older {
                        *old = row;
                    }
                }
            }
        }
    }
    let keyed = keyed.into_values().filter(|row| !row.deleted);
    plain.into_iter().chain(keyed).map(|row| row.values).collect()
}

/// The rows of a rowset in the table's present column order; columns that the writer did not know have their default.
fn in_table_order<'a>(table: &'a Table, rowset: &'a Rowset) -> impl Iterator<Item = Row> + 'a {
    let positions: Vec<Option<usize>> = table
        .columns
        .iter()
        .map(|column| rowset.columns.iter().position(|c| c.unique_id == column.unique_id))
        .collect();
    rowset.rows.iter().map(move |row| Row {
        values: positions
            .iter()
            .zip(&table.columns)
            .map(|(at, column)| {
                at.and_then(|at| row.values.get(at)).cloned().unwrap_or_else(|| column.value_of_old_rows())
            })
            .collect(),
        ..row.without_values()
    })
}

fn matches(table: &Table, predicate: &[Condition], row: &Row) -> bool {
    predicate.iter().all(|condition| {
        let at = table.columns.iter().position(|c| c.unique_id == condition.column);
        at.and_then(|at| row.values.get(at)).is_some_and(|value| condition.matches(value))
    })
}

fn aggregate(table: &Table, old: &mut Row, new: &Row) {
    for (at, column) in table.columns.iter().enumerate().filter(|(_, c)| !c.is_key) {
        let value = &new.values[at];
        let slot = &mut old.values[at];
        match column.aggregation {
            Some(Aggregation::Sum) => *slot = slot.sum(value),
            Some(Aggregation::Min) if !value.is_null() && (slot.is_null() || value < slot) => *slot = value.clone(),
            Some(Aggregation::Max) if value > slot => *slot = value.clone(),
            Some(Aggregation::Min | Aggregation::Max) => {}
            Some(Aggregation::HllUnion | Aggregation::BitmapUnion) => {
                *slot = Value::of_members(slot.members().into_iter().chain(value.members()));
            }
            Some(Aggregation::ReplaceIfNotNull) if value.is_null() => {}
            _ => *slot = value.clone(),
        }
    }
}
