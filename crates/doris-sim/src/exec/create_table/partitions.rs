//! Partitions of a new table.

use super::super::{partition, partition_step};
use crate::{
    model::{
        Answer, Column, ColumnType, KeysType, PartitionItem, PartitionKind, PartitionScheme, PartitionSpec, Refusal,
    },
    sql::statement::{PartitionBy, PartitionEntry, PartitionValues},
};

pub(super) fn partitions(
    by: Option<PartitionBy>,
    columns: &[Column],
    keys: KeysType,
) -> Answer<(PartitionScheme, Vec<PartitionSpec>)> {
    let Some(by) = by else {
        let scheme = PartitionScheme { kind: PartitionKind::Unpartitioned, columns: Vec::new(), auto: None };
        return Ok((scheme, Vec::new()));
    };
    let kind = if by.list { PartitionKind::List } else { PartitionKind::Range };
    let mut types = Vec::new();
    let mut names: Vec<String> = Vec::new();
    for name in &by.columns {
        let column = columns.iter().find(|column| column.name.eq_ignore_ascii_case(name));
        let column = column.ok_or_else(|| Refusal::analysis(format!("partition key {name} is not exists")))?;
        check_column(column, keys, kind, by.auto.is_some())?;
        if names.contains(&column.name) {
            return Err(Refusal::analysis(format!("Duplicated partition column {name}")));
        }
        names.push(column.name.clone());
        types.push(column.ty.clone());
    }
    check_auto(&by, &types)?;
    let fits = by.partitions.iter().all(|clause| match clause {
        PartitionEntry::One(partition) => match partition.values {
            PartitionValues::LessThan(_) | PartitionValues::Fixed { .. } => !by.list,
            PartitionValues::In(_) | PartitionValues::Default => by.list,
        },
        PartitionEntry::Steps(..) => !by.list,
    });
    if !fits {
        return Err(Refusal::analysis(
            "partitions types is invalid, expected FIXED or LESS in range partitions and IN in list partitions",
        ));
    }
    let mut specs: Vec<PartitionSpec> = Vec::new();
    for entry in by.partitions {
        match entry {
            PartitionEntry::One(definition) => {
                let name = definition.name;
                if specs.iter().any(|other| other.name == name) {
                    return Err(Refusal::analysis(format!("Duplicated named partition: {name}")));
                }
                let existing: Vec<&PartitionItem> = specs.iter().map(|spec| &spec.item).collect();
                let item = partition::item(&definition.values, kind, &types, &existing)?;
                specs.push(PartitionSpec { name, item, buckets: None, properties: definition.properties });
            }
            PartitionEntry::Steps(step, properties) => {
                let stepped = partition_step::expand(&step, &types)?.into_iter().map(|(name, item)| PartitionSpec {
                    name,
                    item,
                    buckets: None,
                    properties: properties.clone(),
                });
                specs.extend(stepped);
            }
        }
    }
    Ok((PartitionScheme { kind, columns: names, auto: by.auto }, specs))
}

fn check_column(column: &Column, keys: KeysType, kind: PartitionKind, auto: bool) -> Answer<()> {
    let name = &column.name;
    let text = if !column.is_key && keys == KeysType::Aggregate {
        "The partition column could not be aggregated column".to_owned()
    } else if !column.is_key && keys.is_merge_on_write() {
        "Merge-on-Write table's partition column must be KEY column".to_owned()
    } else if !column.is_key && keys != KeysType::Duplicate {
        "The partition column could not be aggregated column".to_owned()
    } else {
        match &column.ty {
            ColumnType::Float | ColumnType::Double => {
                "Floating point type column can not be partition column".to_owned()
            }
            ColumnType::String => format!("String Type should not be used in partition column[{name}]."),
            ColumnType::Other(text) if text.contains('<') => {
                format!("Complex type column can't be partition column: {}", text.to_uppercase())
            }
            _ if auto && kind == PartitionKind::Range && column.nullable => {
                "AUTO RANGE PARTITION doesn't support NULL column".to_owned()
            }
            _ => return Ok(()),
        }
    };
    Err(Refusal::analysis(text))
}

/// A range needs a function of a date, a list a plain column.
fn check_auto(by: &PartitionBy, types: &[ColumnType]) -> Answer<()> {
    let Some(expression) = &by.auto else { return Ok(()) };
    let function = !expression.starts_with('`');
    if by.list && function {
        return Err(Refusal::analysis("internal catalog does not support functions in 'LIST' partition"));
    }
    if !by.list && !function {
        return Err(Refusal::analysis("Auto Range Partition need function expression"));
    }
    let of_date = matches!(types, [ColumnType::Date | ColumnType::DateTime { .. }]);
    if !by.list && !(of_date && (expression.starts_with("date_trunc(") || expression.starts_with("date_floor("))) {
        return Err(Refusal::analysis(format!("partition expr {} is illegal!", expression.replace('`', ""))));
    }
    Ok(())
}
