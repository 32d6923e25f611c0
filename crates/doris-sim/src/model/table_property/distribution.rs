//! How partitions to come are distributed: MODIFY DISTRIBUTION and `distribution_type`.

use serde_json::json;

use crate::model::{
    Answer, KeysType, Model, PartitionKind, Refusal, Table,
    binlog::{NewRecord, kind},
    ids::*,
};

/// The distribution that a statement writes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DistributionChange {
    /// Empty = RANDOM.
    pub hash_columns: Vec<String>,
    /// `None` = AUTO.
    pub buckets: Option<u32>,
}

impl Model {
    /// ALTER TABLE MODIFY DISTRIBUTION: the bucket number of partitions to come.
    pub fn modify_distribution(&mut self, db: &str, name: &str, change: &DistributionChange) -> Answer<()> {
        let (db_id, table) = self.alterable(db, name)?;
        let id = table.id;
        if table.properties.contains_key("colocate_with") {
            return Err(Refusal::analysis("Cannot change default bucket number of colocate table."));
        }
        if table.scheme.kind == PartitionKind::Unpartitioned {
            return Err(Refusal::analysis("Only support change partitioned table's distribution."));
        }
        let random = table.distribution.hash_columns.is_empty();
        if change.hash_columns.is_empty() != random {
            return Err(Refusal::analysis(
                "Cannot change distribution type when modify default distribution bucket num",
            ));
        }
        let same = change.hash_columns.len() == table.distribution.hash_columns.len()
            && change
                .hash_columns
                .iter()
                .zip(&table.distribution.hash_columns)
                .all(|(new, old)| new.eq_ignore_ascii_case(old));
        if !same {
            // Doris names the new columns twice.
            let columns = columns_text(table, &change.hash_columns)?;
            return Err(Refusal::analysis(format!(
                "Cannot assign hash distribution with different distribution cols. new is: {columns} default is: {columns}"
            )));
        }
        if change.buckets == Some(0) {
            let word = if random { "random" } else { "hash" };
            return Err(Refusal::analysis(format!("Cannot assign {word} distribution buckets less than 1")));
        }
        let Some(table) = self.table_mut(db_id, id) else { return Ok(()) };
        if let Some(buckets) = change.buckets {
            table.distribution.buckets = buckets;
        }
        table.distribution.auto = change.buckets.is_none();
        let columns: Vec<String> = table.distribution.hash_columns.iter().map(|name| format!("`{name}`")).collect();
        let data = json!({
            "dbId": db_id, "tableId": id, "type": if random { "RANDOM" } else { "HASH" },
            "autoBucket": change.buckets.is_none(), "bucketNum": table.distribution.buckets,
            "columnsName": columns.join(", "),
        });
        let seq = self.journal();
        self.record(NewRecord {
            seq,
            kind: kind::MODIFY_DISTRIBUTION_BUCKET_NUM,
            db: db_id,
            table_ids: &[id],
            data: data.to_string(),
        });
        Ok(())
    }

    /// ALTER TABLE SET ("distribution_type" = "random").
    pub(super) fn distribute_at_random(&mut self, db: DbId, id: TableId) -> Answer<()> {
        let Some(table) = self.table_mut(db, id) else { return Ok(()) };
        if table.properties.contains_key("colocate_with") {
            return Err(Refusal::analysis("Cannot change distribution type of colocate table."));
        }
        match table.keys {
            KeysType::Unique { .. } => {
                return Err(Refusal::analysis("Cannot change distribution type of unique keys table."));
            }
            KeysType::Aggregate => check_aggregations(table)?,
            KeysType::Duplicate => {}
        }
        if table.distribution.hash_columns.is_empty() {
            return Err(Refusal::analysis(format!("Table {} is not hash distributed", table.name)));
        }
        table.distribution.hash_columns.clear();
        let seq = self.journal();
        let data = json!({ "db": db, "tb": id, "ind": -1, "p": -1, "nT": "", "nR": "", "nP": "" });
        self.record(NewRecord {
            seq,
            kind: kind::MODIFY_DISTRIBUTION_TYPE,
            db,
            table_ids: &[id],
            data: data.to_string(),
        });
        Ok(())
    }
}

/// Rows of one key must stay together where the last one wins.
fn check_aggregations(table: &Table) -> Answer<()> {
    let replaced = table.columns.iter().filter_map(|column| column.aggregation).map(|word| word.to_string());
    match replaced.into_iter().find(|word| word.starts_with("REPLACE")) {
        None => Ok(()),
        Some(word) => Err(Refusal::analysis(format!(
            "Cannot change distribution type of aggregate keys table which has value columns with {word} type."
        ))),
    }
}

/// Columns as Java prints them.
fn columns_text(table: &Table, names: &[String]) -> Answer<String> {
    let texts: Answer<Vec<String>> = names
        .iter()
        .map(|name| {
            let column = table.column(name);
            let column =
                column.ok_or_else(|| Refusal::analysis(format!("Distribution column({name}) doesn't exist")))?;
            Ok(format!("`{}` {} {}", column.name, column.ty, if column.nullable { "NULL" } else { "NOT NULL" }))
        })
        .collect();
    Ok(format!("[{}]", texts?.join(", ")))
}
