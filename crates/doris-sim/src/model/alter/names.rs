//! RENAME COLUMN, and comments of tables and columns.

use serde::Serialize;

use super::refuse;
use crate::model::{Answer, Model, Table, binlog::kind, fe_json::JavaMap, ids::*, index_columns::find};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ColumnRenamed<'a> {
    db_id: DbId,
    table_id: TableId,
    col_name: &'a str,
    new_col_name: &'a str,
    index_id_to_schema_version: JavaMap<i32>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct CommentModified<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    db_id: DbId,
    tbl_id: TableId,
    #[serde(skip_serializing_if = "Option::is_none")]
    col_to_comment: Option<JavaMap<&'a str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tbl_comment: Option<&'a str>,
}

impl Model {
    /// ALTER TABLE RENAME COLUMN: rows know columns by their ids, so nothing else changes.
    pub fn rename_column(&mut self, db: &str, name: &str, old: &str, new: &str) -> Answer<()> {
        let (db_id, table) = self.alterable(db, name)?;
        let table_id = table.id;
        if old.eq_ignore_ascii_case(new) {
            return refuse("Same column name");
        }
        if !table.flag("light_schema_change") {
            return refuse(
                "not implemented for table without column unique id, which are created with property \
                 'light_schema_change'.",
            );
        }
        if table.scheme.columns.iter().any(|column| column.eq_ignore_ascii_case(old)) {
            return refuse("Renaming partition columns has problems, forbidden in current Doris version");
        }
        let mut renamed: Vec<IndexId> = Vec::new();
        for index in table.indexes.values() {
            let columns: Vec<_> = table.index_columns(index).into_iter().cloned().collect();
            if find(&columns, new).is_some() {
                return refuse(format!("Column name[{new}] is already used"));
            }
            if columns.iter().any(|c| c.source.as_ref().is_some_and(|source| source.eq_ignore_ascii_case(old))) {
                return refuse(format!("Column[{old}] have materialized view index"));
            }
            if find(&columns, old).is_some() {
                renamed.push(index.id);
            }
        }
        if renamed.is_empty() {
            return refuse(format!("Column[{old}] does not exists"));
        }
        let hashed = table.distribution.hash_columns.iter().any(|column| column.eq_ignore_ascii_case(old));
        let mut versions = Vec::new();
        if let Some(table) = self.table_mut(db_id, table_id) {
            table.rename_column(old, new);
            for index in table.indexes.values_mut().filter(|index| renamed.contains(&index.id)) {
                index.schema_version += 1;
                versions.push((index.id.get(), index.schema_version));
            }
        }
        if hashed {
            self.rename_hash_column(db_id, table_id, old, new);
        }
        let data = ColumnRenamed {
            db_id,
            table_id,
            col_name: old,
            new_col_name: new,
            index_id_to_schema_version: JavaMap::of_longs(versions),
        };
        self.record_change(kind::RENAME_COLUMN, db_id, table_id, &data);
        Ok(())
    }

    fn rename_hash_column(&mut self, db: DbId, table: TableId, old: &str, new: &str) {
        let Some(table) = self.databases.get(&db).and_then(|db| db.table_by_id(table)) else { return };
        let tablets: Vec<TabletId> =
            table.all_partitions().flat_map(|p| p.tablets().map(|(_, t)| t.id).collect::<Vec<_>>()).collect();
        for be in self.backends.values_mut() {
            for tablet in tablets.iter().filter_map(|id| be.tablets.get(id).map(|t| t.id)).collect::<Vec<_>>() {
                if let Some(tablet) = be.tablets.get_mut(&tablet) {
                    replace_name(&mut tablet.shape.hash_columns, old, new);
                }
            }
        }
    }

    /// ALTER TABLE MODIFY COMMENT: kept as it was written between the quotes.
    pub fn modify_table_comment(&mut self, db: &str, name: &str, comment: &str) -> Answer<()> {
        let (db_id, table) = self.alterable(db, name)?;
        let table_id = table.id;
        if let Some(table) = self.table_mut(db_id, table_id) {
            comment.clone_into(&mut table.comment);
        }
        let data = CommentModified {
            kind: "TABLE",
            db_id,
            tbl_id: table_id,
            col_to_comment: None,
            tbl_comment: Some(comment),
        };
        self.record_change(kind::MODIFY_COMMENT, db_id, table_id, &data);
        Ok(())
    }

    /// ALTER TABLE MODIFY COLUMN .. COMMENT of one or more columns.
    pub fn modify_column_comments(&mut self, db: &str, name: &str, comments: &[(String, String)]) -> Answer<()> {
        let (db_id, table) = self.alterable(db, name)?;
        let table_id = table.id;
        for (n, (column, _)) in comments.iter().enumerate() {
            if table.column(column).is_none() {
                return refuse(format!("Unknown column '{column}' in '{name}'"));
            }
            if comments[..n].iter().any(|(other, _)| other.eq_ignore_ascii_case(column)) {
                return refuse(format!("Duplicate column: {column}"));
            }
        }
        if let Some(table) = self.table_mut(db_id, table_id) {
            for (name, comment) in comments {
                let base = table.columns.iter_mut();
                let rollups = table.indexes.values_mut().flat_map(|index| &mut index.columns);
                for column in base.chain(rollups).filter(|column| column.name.eq_ignore_ascii_case(name)) {
                    column.comment.clone_from(comment);
                }
            }
        }
        let pairs = comments.iter().map(|(column, comment)| (column.clone(), comment.as_str()));
        let data = CommentModified {
            kind: "COLUMN",
            db_id,
            tbl_id: table_id,
            col_to_comment: Some(JavaMap::of_strings(pairs)),
            tbl_comment: None,
        };
        self.record_change(kind::MODIFY_COMMENT, db_id, table_id, &data);
        Ok(())
    }
}

impl Table {
    /// In every index and wherever the name stands.
    fn rename_column(&mut self, old: &str, new: &str) {
        let rollups = self.indexes.values_mut().flat_map(|index| &mut index.columns);
        for column in self.columns.iter_mut().chain(rollups).filter(|column| column.name.eq_ignore_ascii_case(old)) {
            new.clone_into(&mut column.name);
        }
        replace_name(&mut self.distribution.hash_columns, old, new);
        for index in &mut self.secondary_indexes {
            replace_name(&mut index.columns, old, new);
        }
        if let Some(column) = self.properties.get_mut("function_column.sequence_col")
            && column.eq_ignore_ascii_case(old)
        {
            new.clone_into(column);
        }
        if let Some(list) = self.properties.get_mut("bloom_filter_columns") {
            let mut names = super::check::split_columns(list);
            replace_name(&mut names, old, new);
            *list = names.join(",");
        }
    }
}

fn replace_name(names: &mut [String], old: &str, new: &str) {
    for name in names.iter_mut().filter(|name| name.eq_ignore_ascii_case(old)) {
        new.clone_into(name);
    }
}
