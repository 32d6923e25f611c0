//! REPLACE PARTITION: temporary partitions take the place of formal ones.

use serde_json::json;

use crate::model::{
    Answer, BoundValue, ColumnType, Model, Partition, PartitionItem, Refusal, Table, Value,
    binlog::{NewRecord, kind},
};

/// What a statement says besides the names.
#[derive(Clone, Copy, Debug)]
pub struct ReplaceSpec<'a> {
    pub partitions: &'a [String],
    pub temp_partitions: &'a [String],
    /// The temporary partitions must hold exactly what the formal ones do.
    pub strict_range: bool,
    /// Keep the names of the temporary partitions.
    pub use_temp_partition_name: bool,
    /// Erase the old ones at once.
    pub force: bool,
}

impl Model {
    /// ALTER TABLE REPLACE PARTITION (..) WITH TEMPORARY PARTITION (..).
    pub fn replace_partitions(&mut self, db: &str, name: &str, spec: &ReplaceSpec<'_>) -> Answer<()> {
        let (db_id, table) = self.alterable(db, name)?;
        let table_id = table.id;
        let old = found(table, spec.partitions, false, "Partition")?;
        let new = found(table, spec.temp_partitions, true, "Temp partition")?;
        let types = table.partition_types();
        if spec.strict_range {
            check_same(&old, &new, &types)?;
        } else {
            let kept = table.partitions.iter().filter(|kept| old.iter().all(|gone| gone.id != kept.id));
            check_free(&kept.collect::<Vec<_>>(), &new, &types)?;
        }
        let (old, new): (Vec<_>, Vec<_>) = (old.iter().map(|p| p.id).collect(), new.iter().map(|p| p.id).collect());
        let keep_names = !spec.use_temp_partition_name && old.len() == new.len();
        let seq = self.journal();
        let mut gone = Vec::new();
        if let Some(table) = self.table_mut(db_id, table_id) {
            let old_names: Vec<String> = spec.partitions.to_vec();
            for id in &old {
                if let Some(at) = table.partitions.iter().position(|p| p.id == *id) {
                    gone.push(table.partitions.remove(at));
                }
            }
            for (n, id) in new.iter().enumerate() {
                let Some(at) = table.temp_partitions.iter().position(|p| p.id == *id) else { continue };
                let mut partition = table.temp_partitions.remove(at);
                if let (true, Some(name)) = (keep_names, old_names.get(n)) {
                    name.clone_into(&mut partition.name);
                }
                table.partitions.push(partition);
            }
        }
        for partition in gone {
            self.recycle_partition(db_id, table_id, partition, spec.force, seq);
        }
        let now = self.now_ms;
        let version = self.table_mut(db_id, table_id).map_or(0, |table| table.raise_version(now).0);
        let data = json!({
            "dbId": db_id, "dbName": db, "tblId": table_id, "tblName": name, "partitions": spec.partitions,
            "tempPartitions": spec.temp_partitions, "strictRange": spec.strict_range,
            "useTempPartitionName": spec.use_temp_partition_name, "version": version, "versionTime": now,
            "force": spec.force, "partitionIds": old,
        });
        self.record(NewRecord {
            seq,
            kind: kind::REPLACE_PARTITIONS,
            db: db_id,
            table_ids: &[table_id],
            data: data.to_string(),
        });
        Ok(())
    }
}

fn found<'a>(table: &'a Table, names: &[String], temp: bool, what: &str) -> Answer<Vec<&'a Partition>> {
    names
        .iter()
        .map(|name| {
            let found = table.partition(name, temp);
            found.ok_or_else(|| Refusal::analysis(format!("{what}[{name}] does not exist")))
        })
        .collect()
}

/// Both lists cover exactly the same values, however they are cut into partitions.
fn check_same(old: &[&Partition], new: &[&Partition], types: &[ColumnType]) -> Answer<()> {
    let lists = |partitions: &[&Partition]| {
        let texts: Vec<String> = partitions.iter().map(|p| p.item.range_text(types)).collect();
        format!("[{}]", texts.join(", "))
    };
    let is_list = old.iter().chain(new).any(|p| matches!(p.item, PartitionItem::List(_)));
    if is_list {
        let (mut a, mut b) = (list_values(old), list_values(new));
        a.sort();
        b.sort();
        if a == b {
            return Ok(());
        }
        return Err(Refusal::analysis(format!(
            "2 partition key lists are not matched. {} vs. {}",
            lists(old),
            lists(new)
        )));
    }
    let (a, b) = (joined(old), joined(new));
    if a == b {
        return Ok(());
    }
    // The first lower bounds that differ are named, else both lists.
    let key = |bound: &[BoundValue]| PartitionItem::key_text(bound, types);
    let text = match a.iter().zip(&b).find(|(a, b)| a.0 != b.0) {
        Some((a, b)) => format!("{} vs. {}", key(&a.0), key(&b.0)),
        None => format!("{} vs. {}", lists(old), lists(new)),
    };
    Err(Refusal::analysis(format!("2 range lists are not stricly matched. {text}")))
}

fn list_values<'a>(partitions: &[&'a Partition]) -> Vec<&'a Vec<Value>> {
    partitions
        .iter()
        .flat_map(|partition| match &partition.item {
            PartitionItem::List(tuples) => tuples.iter().collect(),
            _ => Vec::new(),
        })
        .collect()
}

/// The ranges in order, with those that touch made one.
fn joined(partitions: &[&Partition]) -> Vec<(Vec<BoundValue>, Vec<BoundValue>)> {
    let mut ranges: Vec<_> = partitions
        .iter()
        .filter_map(|partition| match &partition.item {
            PartitionItem::Range { lower, upper } => Some((lower.clone(), upper.clone())),
            _ => None,
        })
        .collect();
    ranges.sort();
    let mut joined: Vec<(Vec<BoundValue>, Vec<BoundValue>)> = Vec::new();
    for (lower, upper) in ranges {
        match joined.last_mut() {
            Some(last) if last.1 == lower => last.1 = upper,
            _ => joined.push((lower, upper)),
        }
    }
    joined
}

/// What comes in must not overlap what stays.
fn check_free(kept: &[&Partition], new: &[&Partition], types: &[ColumnType]) -> Answer<()> {
    for partition in new {
        let Some(other) = kept.iter().find(|other| other.item.overlaps(&partition.item)) else { continue };
        let text = match (&partition.item, &other.item) {
            (PartitionItem::List(tuples), PartitionItem::List(others)) => {
                let key = tuples.iter().find(|tuple| others.contains(tuple));
                let key = key.map_or_else(String::new, |tuple| PartitionItem::tuple_sql(tuple));
                format!("The partition key[{key}] is overlap with current {}", other.item.range_text(types))
            }
            (item, _) => format!("Range: {} conflicts with existing range", item.range_text(types)),
        };
        return Err(Refusal::analysis(text));
    }
    Ok(())
}
