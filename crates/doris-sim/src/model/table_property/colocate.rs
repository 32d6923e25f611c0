//! `colocate_with`: tables of one group have the same buckets. No record.

use crate::model::{Answer, ColumnType, Model, Refusal, Table, ids::*};

impl Model {
    /// Puts a table into a group of its database, or (with an empty name) out of its group.
    pub(super) fn set_colocate_group(&mut self, db: DbId, id: TableId, group: &str) -> Answer<()> {
        let Some(database) = self.databases.get(&db) else { return Ok(()) };
        let Some(table) = database.table_by_id(id) else { return Ok(()) };
        if table.properties.get("colocate_with").map_or("", String::as_str) == group {
            return Ok(());
        }
        if !group.is_empty() {
            if table.distribution.auto {
                return Err(Refusal::analysis(format!("table {} is auto buckets", table.name)));
            }
            let mut others = database
                .tables()
                .filter(|other| other.id != id && other.properties.get("colocate_with").is_some_and(|of| of == group));
            match others.next() {
                Some(other) => check_same(table, other)?,
                None => check_uniform(table)?,
            }
        }
        if let Some(table) = self.table_mut(db, id) {
            if group.is_empty() {
                table.properties.remove("colocate_with");
            } else {
                table.properties.insert("colocate_with".into(), group.to_owned());
            }
        }
        self.journal();
        Ok(())
    }
}

/// The first table of a group: all its partitions must be alike.
fn check_uniform(table: &Table) -> Answer<()> {
    let name = &table.name;
    let Some(first) = table.partitions.first() else { return Ok(()) };
    if table.partitions.iter().any(|partition| partition.buckets != first.buckets) {
        return Err(Refusal::analysis(format!("Partitions in table {name} have different buckets number")));
    }
    if table.partitions.iter().any(|partition| partition.replication != first.replication) {
        return Err(Refusal::analysis(format!("Partitions in table {name} have different replica allocation.")));
    }
    Ok(())
}

/// A further table: distributed as those that are in the group.
fn check_same(table: &Table, other: &Table) -> Answer<()> {
    let (mine, theirs) = (&table.distribution, &other.distribution);
    if mine.buckets != theirs.buckets {
        let text = format!("Colocate tables must have same bucket num: {} should be {}", mine.buckets, theirs.buckets);
        return Err(Refusal::analysis(text));
    }
    if mine.hash_columns.len() != theirs.hash_columns.len() {
        return Err(Refusal::analysis(format!(
            "Colocate tables distribution columns size must be same: {} should be {}",
            mine.hash_columns.len(),
            theirs.hash_columns.len()
        )));
    }
    let type_of = |table: &Table, name: &str| table.column(name).map(|column| column.ty.clone());
    for (a, b) in mine.hash_columns.iter().zip(&theirs.hash_columns) {
        let (of_a, of_b) = (type_of(table, a), type_of(other, b));
        if of_a != of_b {
            let text = |ty: Option<ColumnType>| ty.map_or_else(String::new, |ty| ty.to_string());
            return Err(Refusal::analysis(format!(
                "Colocate tables distribution columns must have the same data type: {a}({}) should be {}",
                text(of_a),
                text(of_b)
            )));
        }
    }
    let replicas = |table: &Table| table.partitions.first().map_or(0, |partition| partition.replication);
    if replicas(table) != replicas(other) {
        return Err(Refusal::analysis(format!(
            "Colocate tables must have same replication allocation: {{ tag.location.default: {} }} should be {{ \
             tag.location.default: {} }}",
            replicas(table),
            replicas(other)
        )));
    }
    Ok(())
}
