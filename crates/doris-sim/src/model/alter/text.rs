//! `rawSql`: the clauses of a statement as the planner prints them. It is no text that could be executed: KEY and ON
//! UPDATE are missing, `ADD INDEX` has no ADD, and backticks inside of names are not doubled (seen).

use std::collections::BTreeMap;

use super::{AddIndex, Position, SchemaClause};
use crate::model::{Column, ColumnDefault, KeysType, column_data::split_on_update};

/// The whole statement.
pub(super) fn raw_sql(db: &str, table: &str, keys: KeysType, clauses: &[SchemaClause]) -> String {
    let name = format!("`{db}`.`{table}`");
    let clauses: Vec<String> = clauses.iter().map(|clause| clause.text(&name, keys)).collect();
    format!("ALTER TABLE {name} {}", clauses.join(", \n"))
}

impl SchemaClause {
    fn text(&self, table: &str, keys: KeysType) -> String {
        let in_rollup = |rollup: &Option<String>| rollup.as_ref().map_or_else(String::new, |r| format!(" IN `{r}`"));
        match self {
            Self::AddColumns { columns, list, position, rollup } => {
                let texts: Vec<String> = columns.iter().map(|column| column_text(column, keys)).collect();
                let texts = texts.join(", ");
                let texts = if *list { format!("({texts})") } else { texts };
                format!("ADD COLUMN {texts}{}{}", position_text(position), in_rollup(rollup))
            }
            Self::DropColumn { name, rollup } => {
                let from = rollup.as_ref().map_or_else(String::new, |r| format!(" FROM `{r}`"));
                format!("DROP COLUMN `{name}`{from}")
            }
            Self::ModifyColumn { column, position, rollup } => {
                format!("MODIFY COLUMN {}{}{}", column_text(column, keys), position_text(position), in_rollup(rollup))
            }
            Self::Reorder { names, rollup } => {
                let names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
                format!("ORDER BY {}{}", names.join(", "), in_rollup(rollup))
            }
            Self::AddIndex(add) => add.text(table),
            Self::DropIndex { name, statement: true, .. } => format!("DROP INDEX {name} ON {table}"),
            Self::DropIndex { name, .. } => format!("DROP INDEX {name}"),
            Self::Storage(properties) => format!("SET ({})", properties_text(properties, " = ")),
            Self::EnableFeature { name, properties } if properties.is_empty() => format!("ENABLE FEATURE \"{name}\""),
            Self::EnableFeature { name, properties } => {
                format!("ENABLE FEATURE \"{name}\" WITH PROPERTIES ({})", properties_text(properties, " = "))
            }
        }
    }
}

impl AddIndex {
    fn text(&self, table: &str) -> String {
        let index = &self.index;
        let columns: Vec<String> = index.columns.iter().map(|column| format!("`{column}`")).collect();
        let on = if self.statement { format!(" ON {table}") } else { String::new() };
        let create = if self.statement { "CREATE " } else { "" };
        let properties = match self.written.is_empty() {
            true => String::new(),
            false => format!(" PROPERTIES({})", properties_text(&self.written, "=")),
        };
        format!(
            "{create}INDEX {}{on} ({}) USING {}{properties} COMMENT '{}'",
            index.name,
            columns.join(","),
            index.kind,
            index.comment
        )
    }
}

fn properties_text(properties: &BTreeMap<String, String>, equals: &str) -> String {
    let pairs: Vec<String> = properties.iter().map(|(k, v)| format!("\"{k}\"{equals}\"{v}\"")).collect();
    pairs.join(", ")
}

fn position_text(position: &Position) -> String {
    match position {
        Position::Unsaid => String::new(),
        Position::First => " FIRST".into(),
        Position::After(name) => format!(" AFTER `{name}`"),
    }
}

fn column_text(column: &Column, keys: KeysType) -> String {
    let mut text = format!("`{}` {}", column.name, column.ty.planner_text());
    if let (KeysType::Aggregate, Some(aggregation)) = (keys, column.aggregation) {
        text += &format!(" {aggregation}");
    }
    text += if column.nullable { " NULL" } else { " NOT NULL" };
    if let Some(start) = column.auto_increment {
        text += &format!(" AUTO_INCREMENT ({start})");
    }
    match &column.default {
        ColumnDefault::None => {}
        ColumnDefault::Null => text += " DEFAULT NULL",
        ColumnDefault::Literal { text: literal, .. } => {
            text += &format!(" DEFAULT \"{}\"", literal.replace('"', "\\\""));
        }
        ColumnDefault::Expression(expression) => text += &format!(" DEFAULT {}", split_on_update(expression).0),
    }
    text + &format!(" COMMENT \"{}\"", column.comment.replace('"', "\\\""))
}
