//! Clauses of ALTER TABLE that concern partitions.

use super::{partition, partition_step};
use crate::{
    model::{Answer, Model, PartitionItem, PartitionKind, PartitionSpec, Refusal, ReplaceSpec, Table},
    sql::statement::{Buckets, DistributionDef, PartitionClause, PartitionDef, PartitionStep, Properties},
};

pub(super) fn alter(model: &mut Model, db: &str, table: &str, clause: PartitionClause) -> Answer<()> {
    match clause {
        PartitionClause::Add { partition, temp, distribution, properties } => {
            let extra = Extra { temp, distribution, properties };
            add(model, db, table, partition, &extra)
        }
        PartitionClause::AddBatch { step, temp, distribution, properties } => {
            let extra = Extra { temp, distribution, properties };
            add_batch(model, db, table, &step, &extra)
        }
        PartitionClause::Drop { name, temp, if_exists, force } => {
            model.drop_partition(db, table, &name, temp, if_exists, force)
        }
        PartitionClause::Modify { names, temp, properties } => {
            model.modify_partitions(db, table, names.as_deref(), temp, &properties)
        }
        PartitionClause::Replace { partitions, with, force, mut properties } => {
            if partitions.names.is_empty() || with.names.is_empty() {
                return Err(Refusal::analysis("No partition specified"));
            }
            if partitions.temp || !with.temp {
                return Err(Refusal::analysis("Only support replace partitions with temp partitions"));
            }
            let spec = ReplaceSpec {
                partitions: &partitions.names,
                temp_partitions: &with.names,
                strict_range: take_flag(&mut properties, "strict_range", true),
                use_temp_partition_name: take_flag(&mut properties, "use_temp_partition_name", false),
                force,
            };
            check_nothing_left(&properties)?;
            model.replace_partitions(db, table, &spec)
        }
        PartitionClause::Rename { old, new } => {
            check_name(&new)?;
            model.rename_partition(db, table, &old, &new)
        }
    }
}

/// A boolean property: everything but `true` is false, as Java parses it.
pub(super) fn take_flag(properties: &mut Properties, key: &str, default: bool) -> bool {
    properties.remove(key).map_or(default, |value| value.eq_ignore_ascii_case("true"))
}

/// `Unknown properties: [a, b]`.
pub(super) fn check_nothing_left(properties: &Properties) -> Answer<()> {
    if properties.is_empty() {
        return Ok(());
    }
    let keys: Vec<&str> = properties.keys().map(String::as_str).collect();
    Err(Refusal::analysis(format!("Unknown properties: [{}]", keys.join(", "))))
}

/// `Incorrect partition name 'x'`.
pub(super) fn check_name(name: &str) -> Answer<()> {
    let mut chars = name.chars();
    let valid = chars.next().is_some_and(|c| c.is_alphabetic())
        && chars.all(|c| c.is_alphanumeric() || matches!(c, '-' | '_'))
        && name.chars().count() <= 64
        && !name.starts_with("placeholder_");
    if valid { Ok(()) } else { Err(Refusal::analysis(format!("Incorrect partition name '{name}'"))) }
}

/// What a statement says of all partitions that it adds.
struct Extra {
    temp: bool,
    distribution: Option<DistributionDef>,
    properties: Properties,
}

fn add(model: &mut Model, db: &str, table: &str, definition: PartitionDef, extra: &Extra) -> Answer<()> {
    check_name(&definition.name)?;
    // Existence and state come before everything else.
    let (_, stored) = model.alterable(db, table)?;
    let list = if extra.temp { &stored.temp_partitions } else { &stored.partitions };
    // Names are checked before values: an existing partition is not looked at again.
    let known = stored.all_partitions().find(|partition| partition.name.eq_ignore_ascii_case(&definition.name));
    let item = match known {
        Some(partition) => partition.item.clone(),
        None if stored.scheme.kind == PartitionKind::Unpartitioned => PartitionItem::All,
        None => {
            let existing: Vec<&PartitionItem> = list.iter().map(|partition| &partition.item).collect();
            partition::item(&definition.values, stored.scheme.kind, &stored.partition_types(), &existing)?
        }
    };
    let buckets = buckets(stored, extra.distribution.as_ref())?;
    let mut properties = definition.properties;
    properties.extend(extra.properties.clone());
    let spec = PartitionSpec { name: definition.name, item, buckets, properties };
    model.add_partition(db, table, spec, extra.temp, definition.if_not_exists)?;
    Ok(())
}

/// Partitions that follow each other; those before one that is refused stay (seen in the source).
fn add_batch(model: &mut Model, db: &str, table: &str, step: &PartitionStep, extra: &Extra) -> Answer<()> {
    let (_, stored) = model.alterable(db, table)?;
    let buckets = buckets(stored, extra.distribution.as_ref())?;
    let types = stored.partition_types();
    for (name, item) in partition_step::expand(step, &types)? {
        let spec = PartitionSpec { name, item, buckets, properties: extra.properties.clone() };
        model.add_partition(db, table, spec, extra.temp, false)?;
    }
    Ok(())
}

/// The bucket number that a statement gives to new partitions; everything else of the distribution is fixed.
fn buckets(table: &Table, distribution: Option<&DistributionDef>) -> Answer<Option<u32>> {
    let Some(distribution) = distribution else { return Ok(None) };
    let fixed = &table.distribution.hash_columns;
    let random = fixed.is_empty();
    if distribution.hash_columns.is_empty() != random {
        let default = if random { "RANDOM" } else { "HASH" };
        let text = format!("Cannot assign different distribution type. default is: {default}");
        return Err(Refusal::analysis(text));
    }
    if distribution.buckets == Some(Buckets::Number(0)) {
        let word = if random { "random" } else { "hash" };
        return Err(Refusal::analysis(format!("Cannot assign {word} distribution buckets less than 1")));
    }
    let same = distribution.hash_columns.len() == fixed.len()
        && distribution.hash_columns.iter().zip(fixed).all(|(new, old)| new.eq_ignore_ascii_case(old));
    if !same {
        let columns = |names: &[String]| {
            let columns = names.iter().filter_map(|name| table.column(name));
            let texts = columns.map(|column| {
                let null = if column.nullable { "NULL" } else { "NOT NULL" };
                format!("`{}` {} {null}", column.name, column.ty)
            });
            format!("[{}]", texts.collect::<Vec<_>>().join(", "))
        };
        return Err(Refusal::analysis(format!(
            "Cannot assign hash distribution with different distribution cols. new is: {} default is: {}",
            columns(&distribution.hash_columns),
            columns(fixed)
        )));
    }
    Ok(match distribution.buckets {
        Some(Buckets::Number(n)) => Some(n),
        Some(Buckets::Auto) | None => None,
    })
}
