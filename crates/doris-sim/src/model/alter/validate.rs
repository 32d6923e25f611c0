//! What a clause is refused for before the state of the table is looked at.

use super::{Position, SchemaClause, refuse};
use crate::model::{
    Answer, Column, ColumnDefault, IndexSchema, KeysType, Profile, Table,
    index_columns::{find, is_replace},
};

impl SchemaClause {
    pub(super) fn validate(&self, table: &Table, profile: &Profile) -> Answer<()> {
        match self {
            Self::AddColumns { columns, position, rollup, .. } => {
                let view = named(table, rollup.as_deref()).filter(|index| is_view(index));
                if let (Some(_), Some(rollup)) = (view, rollup) {
                    return refuse(format!("Cannot add column in rollup {rollup}"));
                }
                columns.iter().try_for_each(|column| match position {
                    Position::First | Position::After(_) if !profile.alter_validated_first => {
                        validate_new(table, column, &Position::Unsaid)
                    }
                    position => validate_new(table, column, position),
                })
            }
            // The change itself refuses it, in other words.
            Self::DropColumn { name, rollup: None }
                if !profile.alter_validated_first
                    && matches!(table.keys, KeysType::Unique { .. })
                    && table.column(name).is_some_and(|c| c.is_key) =>
            {
                Ok(())
            }
            Self::DropColumn { name, rollup } => validate_drop(table, name, rollup.as_deref()),
            Self::ModifyColumn { .. }
            | Self::Reorder { .. }
            | Self::AddIndex(_)
            | Self::DropIndex { .. }
            | Self::Storage(_)
            | Self::EnableFeature { .. } => Ok(()),
        }
    }
}

fn named<'a>(table: &'a Table, rollup: Option<&str>) -> Option<&'a IndexSchema> {
    let rollup = rollup?;
    table.indexes.values().find(|index| index.name == rollup)
}

/// Whether an index is a materialized view: its columns come from elsewhere.
fn is_view(index: &IndexSchema) -> bool {
    index.columns.iter().any(|column| column.source.is_some())
}

fn validate_new(table: &Table, column: &Column, position: &Position) -> Answer<()> {
    let name = &column.name;
    if !column.nullable && column.default == ColumnDefault::None {
        return refuse(format!("Field '{name}' doesn't have a default value"));
    }
    let after = match position {
        Position::Unsaid => return Ok(()),
        Position::First if column.is_key => return Ok(()),
        Position::First => return refuse(format!("Can't add value column {name} as First column")),
        Position::After(after) => after,
    };
    let all = || table.columns.iter().chain(&table.hidden_columns);
    if all().any(|c| c.name.eq_ignore_ascii_case(name)) {
        return refuse(format!("column {name} already exists in table {}", table.name));
    }
    let mut rest = all().skip_while(|c| !c.name.eq_ignore_ascii_case(after));
    let (before, behind) = (rest.next(), rest.next());
    match (before, behind) {
        (Some(before), Some(behind)) if before.is_key && behind.is_key && !column.is_key => {
            refuse(format!("can't add value column {name} before key column {}", behind.name))
        }
        (Some(before), _) if !before.is_key && column.is_key => {
            refuse(format!("can't add key column {name} after value column {}", before.name))
        }
        // A column that an earlier clause of the statement adds is not known yet.
        _ => Ok(()),
    }
}

fn validate_drop(table: &Table, name: &str, rollup: Option<&str>) -> Answer<()> {
    if rollup.is_some() {
        let Some(index) = named(table, rollup) else { return Ok(()) };
        if is_view(index) {
            return refuse(format!("Can not modify column in mv {}", index.name));
        }
        let is_key = find(&index.columns, name).is_some_and(|c| c.is_key);
        if is_key && index.columns.iter().any(|c| is_replace(c.aggregation)) {
            return refuse(format!(
                "Can not drop key column {name} when rollup has value column with REPLACE aggregation method"
            ));
        }
        return Ok(());
    }
    let mut needed = table.scheme.columns.iter().chain(&table.distribution.hash_columns);
    if needed.any(|column| column.eq_ignore_ascii_case(name)) {
        return refuse(format!("Can not drop partition or distribution column : {name}"));
    }
    if table.column(name).is_some_and(|c| c.is_key) {
        match table.keys {
            KeysType::Unique { .. } => {
                return refuse(format!("Can not drop key column {name} in unique data model table"));
            }
            KeysType::Aggregate if table.columns.iter().any(|c| is_replace(c.aggregation)) => {
                return refuse(format!(
                    "Can not drop key column {name} in aggregation key table having REPLACE or REPLACE_IF_NOT_NULL \
                     column"
                ));
            }
            KeysType::Aggregate | KeysType::Duplicate => {}
        }
    }
    let uses = |index: &&IndexSchema| {
        let by = |c: &Column| c.source.as_deref().unwrap_or(&c.name).eq_ignore_ascii_case(name);
        index.id != table.base_index && !index.shadow && index.columns.iter().any(by)
    };
    match table.indexes.values().find(uses) {
        Some(index) => refuse(format!("Can not drop column contained by mv, mv={}", index.name)),
        None => Ok(()),
    }
}
