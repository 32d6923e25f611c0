//! The schemas of all indexes of a table while clauses are applied to them.

use std::collections::BTreeMap;

use super::{Position, refuse};
use crate::model::{
    Aggregation, Answer, Column, ColumnDefault, ColumnType, KeysType, SecondaryIndex, Table,
    column_data::same_column,
    ids::*,
    index_columns::{DELETE_SIGN, SEQUENCE_COLUMN, find, is_replace},
};

pub(super) struct Draft<'a> {
    pub(super) table: &'a Table,
    /// Every column of each index, hidden ones included.
    pub(super) schemas: BTreeMap<IndexId, Vec<Column>>,
    unique_ids: BTreeMap<IndexId, i32>,
    pub(super) secondary_indexes: Vec<SecondaryIndex>,
    /// MODIFY COLUMN makes the aggregation of a value column implicit.
    pub(super) marks_aggregation: bool,
}

impl<'a> Draft<'a> {
    pub(super) fn new(table: &'a Table) -> Self {
        let mut schemas = BTreeMap::new();
        let mut unique_ids = BTreeMap::new();
        for index in table.indexes.values() {
            schemas.insert(index.id, table.index_columns(index).into_iter().cloned().collect());
            let max = if index.id == table.base_index { table.max_unique_id } else { index.max_unique_id };
            unique_ids.insert(index.id, max);
        }
        Self { table, schemas, unique_ids, secondary_indexes: table.secondary_indexes.clone(), marks_aggregation: true }
    }

    pub(super) fn schema(&self, index: IndexId) -> &[Column] {
        self.schemas.get(&index).map_or(&[], Vec::as_slice)
    }

    pub(super) fn base(&self) -> &[Column] {
        self.schema(self.table.base_index)
    }

    pub(super) fn set(&mut self, index: IndexId, columns: Vec<Column>) {
        self.schemas.insert(index, columns);
    }

    /// The index that a clause names; the base index must not be.
    pub(super) fn target(&self, rollup: Option<&str>) -> Answer<Option<IndexId>> {
        let Some(name) = rollup else { return Ok(None) };
        let found = self.table.indexes.values().find(|index| index.name == name);
        let Some(index) = found else {
            return refuse(format!("Index[{name}] does not exist in table[{}]", self.table.name));
        };
        if index.id == self.table.base_index {
            return refuse(format!("Do not need to assign base index[{name}] to do schema change"));
        }
        Ok(Some(index.id))
    }

    pub(super) fn name_of(&self, index: IndexId) -> &str {
        self.table.indexes.get(&index).map_or("", |index| index.name.as_str())
    }

    fn rollups(&self) -> Vec<IndexId> {
        self.schemas.keys().copied().filter(|id| *id != self.table.base_index).collect()
    }

    fn next_unique_id(&mut self, index: IndexId) -> i32 {
        let id = self.unique_ids.entry(index).or_insert(-1);
        *id += 1;
        *id
    }

    /// ADD COLUMN of one column; answers whether that is a light change. `new_names`: the columns of the clause.
    pub(super) fn add(
        &mut self,
        mut column: Column,
        position: &Position,
        target: Option<IndexId>,
        new_names: &[String],
    ) -> Answer<bool> {
        let table = self.table;
        let name = column.name.clone();
        if column.auto_increment.is_some() {
            return refuse(format!("Can not add auto-increment column {name}"));
        }
        self.check_new_aggregation(&mut column, target)?;
        let light = table.flag("light_schema_change") && !column.is_key;
        let existing = table.columns.iter().chain(&table.hidden_columns).find(|c| c.name.eq_ignore_ascii_case(&name));
        if let Some(existing) = existing {
            return refuse(match existing.name.as_str() {
                DELETE_SIGN => "Can not enable batch delete support, already supported batch delete.".to_owned(),
                SEQUENCE_COLUMN => {
                    "Can not enable sequence column support, already supported sequence column.".to_owned()
                }
                _ => format!("Can not add column which already exists in base table: {name}"),
            });
        }
        let base = table.base_index;
        match table.keys {
            KeysType::Unique { .. } if column.is_key => {
                for index in self.schemas.keys().copied().collect::<Vec<_>>() {
                    self.insert(index, &column, position, new_names)?;
                }
            }
            KeysType::Duplicate if target.is_some() => {
                let index = target.unwrap_or(base);
                self.insert(index, &column, position, new_names)?;
                let unsaid = Position::Unsaid;
                self.insert(base, &column, if column.is_key { &unsaid } else { position }, new_names)?;
            }
            _ => {
                self.insert(base, &column, position, new_names)?;
                if let Some(index) = target {
                    self.insert(index, &column, position, new_names)?;
                }
            }
        }
        Ok(light)
    }

    fn check_new_aggregation(&self, column: &mut Column, target: Option<IndexId>) -> Answer<()> {
        let name = &column.name;
        match (self.table.keys, column.aggregation) {
            (KeysType::Aggregate, Some(_)) if column.is_key => {
                return refuse(format!("Can not assign aggregation method on key column: {name}"));
            }
            (KeysType::Aggregate, None) => column.is_key = true,
            (KeysType::Aggregate, Some(Aggregation::Sum)) if matches!(&column.default, ColumnDefault::Literal { text, .. } if text != "0") =>
            {
                return refuse(format!("The default value of '{name}' with SUM aggregation function must be zero"));
            }
            (KeysType::Aggregate, Some(aggregation))
                if is_replace(column.aggregation) && self.table.distribution.hash_columns.is_empty() =>
            {
                return refuse(format!(
                    "Can not add value column with aggregation type {aggregation} for olap table with random \
                     distribution : {name}"
                ));
            }
            (KeysType::Aggregate, Some(_)) => {}
            (keys, Some(_)) if column.is_key => {
                let model = if keys == KeysType::Duplicate { "Duplicate" } else { "Unique" };
                return refuse(format!(
                    "Can not assign aggregation method on column in {model} data model table: {name}"
                ));
            }
            (keys, _) => {
                let of_target = target.and_then(|id| self.table.indexes.get(&id)).map(|index| index.keys);
                if keys == KeysType::Duplicate && !column.is_key && of_target == Some(KeysType::Aggregate) {
                    return refuse("Please add non-key column on base table directly");
                }
                if keys == KeysType::Duplicate && column.is_key && !self.table.columns.iter().any(|c| c.is_key) {
                    return refuse("Duplicate table without keys do not support add key column!");
                }
                column.aggregation = None;
            }
        }
        if column.ty == ColumnType::Other("hll".into()) && self.table.keys != KeysType::Aggregate {
            return refuse(format!("HLL type column can only be in Aggregation data model table: {}", column.name));
        }
        Ok(())
    }

    /// Puts a copy of a column into an index. Into the base index the same column may come twice, once for each rollup
    /// that it is added to.
    fn insert(&mut self, index: IndexId, new: &Column, position: &Position, new_names: &[String]) -> Answer<()> {
        let unique_id = self.next_unique_id(index);
        let is_base = index == self.table.base_index;
        let keys = self.table.keys;
        let schema = self.schemas.entry(index).or_default();
        let (mut at, mut last_visible) = (None, None);
        for (n, column) in schema.iter().enumerate() {
            if column.name.eq_ignore_ascii_case(&new.name) {
                if !is_base || !new_names.contains(&new.name) {
                    return refuse(format!("Repeatedly add column: {}", new.name));
                }
                if !same_column(column, new, keys) {
                    return refuse(format!("Repeatedly add same column with different definition: {}", new.name));
                }
                return Ok(());
            }
            if column.visible {
                last_visible = Some(n);
            }
            let behind = match position {
                Position::After(name) => column.name.eq_ignore_ascii_case(name),
                Position::First => false,
                Position::Unsaid => column.is_key,
            };
            if behind {
                at = Some(n);
            }
        }
        let after = |n: Option<usize>| n.map_or(0, |n| n + 1);
        let at = match position {
            Position::After(name) if at.is_none() => return refuse(format!("Column[{name}] does not found")),
            Position::First => 0,
            Position::After(_) => after(at),
            Position::Unsaid if new.is_key => after(at),
            Position::Unsaid => last_visible.map_or(schema.len(), |n| n + 1),
        };
        schema.insert(at, Column { unique_id, copied: true, ..new.clone() });
        Ok(())
    }

    /// DROP COLUMN; answers whether that is a light change.
    pub(super) fn drop(&mut self, name: &str, target: Option<IndexId>) -> Answer<bool> {
        let table = self.table;
        let base = table.base_index;
        let mut light = table.flag("light_schema_change");
        let looked_at = target.unwrap_or(base);
        let is_key = find(self.schema(looked_at), name).is_some_and(|c| c.is_key);
        match table.keys {
            KeysType::Unique { .. } => {
                if find(self.base(), name).is_some_and(|c| c.is_key) {
                    return refuse("Can not drop key column in Unique data model table");
                }
                let sequence = table.properties.get("function_column.sequence_col");
                if sequence.is_some_and(|column| column.eq_ignore_ascii_case(name)) {
                    return refuse(format!(
                        "Can not drop sequence mapping column[{name}] in Unique data model table[{}]",
                        table.name
                    ));
                }
            }
            KeysType::Aggregate => {
                let replaces = self.schema(looked_at).iter().any(|c| is_replace(c.aggregation));
                if is_key && replaces {
                    let of = if target.is_some() { "rollup" } else { "table" };
                    return refuse(format!(
                        "Can not drop key column when {of} has value column with REPLACE aggregation method"
                    ));
                }
                light &= !is_key;
            }
            KeysType::Duplicate => light &= !find(self.base(), name).is_some_and(|c| c.is_key),
        }
        self.secondary_indexes.retain(|index| !index.columns.iter().any(|column| column.eq_ignore_ascii_case(name)));
        let schema = self.schemas.entry(looked_at).or_default();
        let Some(at) = schema.iter().position(|c| c.name.eq_ignore_ascii_case(name)) else {
            return refuse(format!("Column does not exists: {name}"));
        };
        let removed = schema.remove(at);
        if target.is_some() {
            return Ok(light && !removed.is_key);
        }
        let uses = |c: &Column| {
            c.name.eq_ignore_ascii_case(name) || c.source.as_ref().is_some_and(|of| of.eq_ignore_ascii_case(name))
        };
        if let Some(rollup) = self.rollups().into_iter().find(|id| self.schema(*id).iter().any(uses)) {
            return refuse(format!("Can not drop column contained by mv, mv={}", self.name_of(rollup)));
        }
        Ok(light)
    }

    /// ORDER BY: never light.
    pub(super) fn reorder(&mut self, names: &[String], target: Option<IndexId>) -> Answer<()> {
        let index = target.unwrap_or(self.table.base_index);
        let schema = self.schema(index);
        let mut ordered: Vec<Column> = Vec::new();
        for name in names {
            let Some(column) = find(schema, name).filter(|c| c.visible) else {
                return refuse(format!("Column[{name}] not exists"));
            };
            if find(&ordered, name).is_some() {
                return refuse(format!("Reduplicative column[{name}]"));
            }
            ordered.push(column.clone());
        }
        if matches!(self.table.keys, KeysType::Unique { .. }) {
            ordered.extend(schema.iter().filter(|c| !c.visible).cloned());
        }
        if ordered.len() != schema.len() {
            return refuse("Reorder stmt should contains all columns");
        }
        self.set(index, ordered);
        Ok(())
    }
}
