//! ALTER TABLE.

use super::{partition, target};
use crate::{
    Session,
    model::{Answer, Model, PartitionItem, PartitionSpec, Refusal},
    sql::statement::{AlterClause, Buckets, DistributionDef, ObjectName, PartitionDef},
};

pub(super) fn alter(model: &mut Model, session: &Session, table: &ObjectName, clauses: Vec<AlterClause>) -> Answer<()> {
    let (db, name) = target(session, table)?;
    if clauses.len() > 1 && !clauses.iter().all(|clause| matches!(clause, AlterClause::DropPartition { .. })) {
        return Err(Refusal::analysis("Alter operation REPLACE/RENAME/SET/ADD_PARTITION conflicts"));
    }
    for clause in clauses {
        match clause {
            AlterClause::Rename(new_name) => {
                check_table_name(&new_name)?;
                model.rename_table(db, name, &new_name)?;
            }
            AlterClause::Replace { with, properties, force } => {
                let swap = match properties.get("swap").map(String::as_str) {
                    None => true,
                    Some(text) if text.eq_ignore_ascii_case("true") => true,
                    Some(text) if text.eq_ignore_ascii_case("false") => false,
                    Some(text) => return Err(Refusal::analysis(format!("swap must be true or false, not {text}"))),
                };
                model.replace_table(db, name, &with, swap, force)?;
            }
            AlterClause::Set(properties) => model.set_table_properties(db, name, &properties)?,
            AlterClause::AddPartition { partition, temp, distribution } => {
                add_partition(model, db, name, partition, temp, distribution)?;
            }
            AlterClause::DropPartition { name: partition, temp, if_exists, force } => {
                model.drop_partition(db, name, &partition, temp, if_exists, force)?;
            }
        }
    }
    Ok(())
}

fn check_table_name(name: &str) -> Answer<()> {
    let valid = !name.is_empty() && name.chars().count() <= 64 && !name.ends_with(char::is_whitespace);
    if valid { Ok(()) } else { Err(Refusal::analysis(format!("Incorrect table name '{name}'"))) }
}

fn add_partition(
    model: &mut Model,
    db: &str,
    table: &str,
    definition: PartitionDef,
    temp: bool,
    distribution: Option<DistributionDef>,
) -> Answer<()> {
    let stored = model.table(db, table)?;
    let list = if temp { &stored.temp_partitions } else { &stored.partitions };
    // Names are checked before values: an existing partition is not looked at again.
    let known = stored.all_partitions().find(|partition| partition.name.eq_ignore_ascii_case(&definition.name));
    let item = match known {
        Some(partition) => partition.item.clone(),
        None if stored.scheme.kind == crate::model::PartitionKind::Unpartitioned => PartitionItem::All,
        None => {
            let existing: Vec<&PartitionItem> = list.iter().map(|partition| &partition.item).collect();
            partition::item(&definition.values, stored.scheme.kind, &stored.partition_types(), &existing)?
        }
    };
    let buckets = match distribution.and_then(|distribution| distribution.buckets) {
        Some(Buckets::Number(0)) => return Err(Refusal::analysis("Buckets number must be greater than 0.")),
        Some(Buckets::Number(n)) => Some(n),
        Some(Buckets::Auto) | None => None,
    };
    let spec = PartitionSpec { name: definition.name, item, buckets, properties: definition.properties };
    model.add_partition(db, table, spec, temp, definition.if_not_exists)?;
    Ok(())
}
