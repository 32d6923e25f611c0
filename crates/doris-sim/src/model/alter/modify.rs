//! MODIFY COLUMN.

use super::{Position, draft::Draft, refuse, types::check_length};
use crate::model::{Answer, Column, ColumnType, KeysType, column_data::same_column, ids::*, index_columns::find};

impl Draft<'_> {
    /// Answers whether that is a light change.
    pub(super) fn modify(&mut self, mut new: Column, position: &Position, target: Option<IndexId>) -> Answer<bool> {
        self.check_aggregation(&mut new)?;
        if target.is_some() && *position == Position::Unsaid {
            return refuse("Do not need to specify index name when just modifying column type");
        }
        let table = self.table;
        let index = target.unwrap_or(table.base_index);
        let schema = self.schema(index);
        let Some(at) = schema.iter().position(|c| c.name.eq_ignore_ascii_case(&new.name)) else {
            return refuse(format!("Column[{}] does not exists", new.name));
        };
        let old = schema[at].clone();
        let changed = !same_column(&old, &new, table.keys);
        let light =
            changed && *position == Position::Unsaid && grows(&old.ty, &new.ty)? && table.flag("light_schema_change");
        let behind = match position {
            Position::Unsaid => None,
            Position::First => Some(0),
            Position::After(name) => match schema.iter().position(|c| c.name.eq_ignore_ascii_case(name)) {
                None => return refuse(format!("Column[{name}] does not exists")),
                Some(last) if last == at => return refuse(format!("Column[{name}] modify position is invalid")),
                Some(last) => Some(last + 1),
            },
        };
        let sequence = table.properties.get("function_column.sequence_col");
        if changed && sequence.is_some_and(|column| column.eq_ignore_ascii_case(&new.name)) {
            return refuse(format!("Can not alter sequence column[{}]", new.name));
        }
        new.name.clone_from(&old.name);
        new.unique_id = old.unique_id;
        if changed && old.auto_increment.is_some() != new.auto_increment.is_some() {
            return refuse(format!("Can't modify the column[{}]'s auto-increment attribute.", old.name));
        }
        let mut schema = schema.to_vec();
        match behind {
            None => schema[at] = new.clone(),
            Some(to) => {
                schema.remove(at);
                schema.insert(if to > at { to - 1 } else { to }, new.clone());
            }
        }
        self.set(index, schema);
        if changed {
            self.modify_others(index, &new)?;
        }
        Ok(light)
    }

    fn check_aggregation(&self, new: &mut Column) -> Answer<()> {
        let name = &new.name;
        match (self.table.keys, new.aggregation) {
            (KeysType::Aggregate, Some(_)) if new.is_key => {
                refuse(format!("Can not assign aggregation method on key column: {name}"))
            }
            (KeysType::Aggregate, None) if !new.is_key => {
                refuse(format!("Aggregate method must be specified for value column: {name}"))
            }
            (KeysType::Aggregate, _) => Ok(()),
            (keys, Some(_)) if new.is_key => {
                let model = if keys == KeysType::Duplicate { "Duplicate" } else { "Unique" };
                refuse(format!("Can not assign aggregation method on column in {model} data model table: {name}"))
            }
            _ => {
                new.aggregation = None;
                // Taken as a change of a merge-on-write table's column, even where nothing else is (seen).
                new.implicit_aggregation = self.marks_aggregation && !new.is_key;
                Ok(())
            }
        }
    }

    /// Every other index that has the column gets it, too.
    fn modify_others(&mut self, done: IndexId, new: &Column) -> Answer<()> {
        let others: Vec<IndexId> = self.schemas.keys().copied().filter(|id| *id != done).collect();
        for index in others {
            let Some(old) = find(self.schema(index), &new.name).cloned() else { continue };
            if old.source.is_some() {
                return refuse(format!("Can not modify column contained by mv, mv={}", self.name_of(index)));
            }
            let mut column = Column { unique_id: old.unique_id, copied: true, ..new.clone() };
            if self.table.keys == KeysType::Duplicate {
                column.is_key = old.is_key;
            }
            let schema = self.schema(index).iter().map(|c| if c.name == old.name { column.clone() } else { c.clone() });
            let schema = schema.collect();
            self.set(index, schema);
        }
        Ok(())
    }
}

/// Whether a type only grows, which needs no conversion: a VARCHAR, or a complex type.
fn grows(old: &ColumnType, new: &ColumnType) -> Answer<bool> {
    match (old, new) {
        (ColumnType::Varchar { .. }, ColumnType::Varchar { .. }) => {
            check_length(old, new)?;
            Ok(true)
        }
        (ColumnType::Other(a), ColumnType::Other(b)) if a.contains('<') && b.contains('<') => match a == b {
            true => Ok(true),
            false => refuse(format!("doris-sim does not model a change of {a} to {b}")),
        },
        _ => Ok(false),
    }
}
