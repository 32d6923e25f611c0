//! `rawSql`: the clauses of a statement as the planner prints them. It is no text that could be executed: KEY and ON
//! UPDATE are missing, `ADD INDEX` has no ADD, and backticks inside of names are not doubled (seen).

use std::collections::BTreeMap;

use super::{AddIndex, Position, SchemaClause};
use crate::model::{Column, ColumnDefault, KeysType, Profile, column_data::split_on_update, fe_json::JavaMap};

/// The whole statement.
pub(super) fn raw_sql(db: &str, table: &str, keys: KeysType, profile: &Profile, clauses: &[SchemaClause]) -> String {
    let name = format!("`{db}`.`{table}`");
    let clauses: Vec<String> = clauses.iter().map(|clause| clause.text(&name, keys, profile)).collect();
    format!("ALTER TABLE {name} {}", clauses.join(", \n"))
}

impl SchemaClause {
    fn text(&self, table: &str, keys: KeysType, profile: &Profile) -> String {
        let in_rollup = |rollup: &Option<String>| rollup.as_ref().map_or_else(String::new, |r| format!(" IN `{r}`"));
        match self {
            Self::AddColumns { columns, list, position, rollup } => {
                let texts: Vec<String> = columns.iter().map(|column| column_text(column, keys, profile)).collect();
                let texts = texts.join(", ");
                let texts = if *list { format!("({texts})") } else { texts };
                format!("ADD COLUMN {texts}{}{}", position_text(position), in_rollup(rollup))
            }
            Self::DropColumn { name, rollup } => {
                let from = rollup.as_ref().map_or_else(String::new, |r| format!(" FROM `{r}`"));
                format!("DROP COLUMN `{name}`{from}")
            }
            Self::ModifyColumn { column, position, rollup } => {
                format!(
                    "MODIFY COLUMN {}{}{}",
                    column_text(column, keys, profile),
                    position_text(position),
                    in_rollup(rollup)
                )
            }
            Self::Reorder { names, rollup } => {
                let names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
                format!("ORDER BY {}{}", names.join(", "), in_rollup(rollup))
            }
            Self::AddIndex(add) => add.text(table, profile),
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
    fn text(&self, table: &str, profile: &Profile) -> String {
        let index = &self.index;
        let columns: Vec<String> = index.columns.iter().map(|column| format!("`{column}`")).collect();
        let on = if self.statement { format!(" ON {table}") } else { String::new() };
        let create = if self.statement { "CREATE " } else { "" };
        let properties = match self.written.is_empty() {
            true => String::new(),
            false => {
                let pair = |(key, value): (&str, &String)| format!("\"{key}\"=\"{value}\"");
                let pairs: Vec<String> = match profile.index_properties_sorted {
                    true => self.written.iter().map(|(k, v)| pair((k, v))).collect(),
                    false => {
                        let hashed = JavaMap::of_strings(self.written.iter().map(|(k, v)| (k.clone(), v.clone())));
                        hashed.iter().map(pair).collect()
                    }
                };
                format!(" PROPERTIES({})", pairs.join(", "))
            }
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

fn column_text(column: &Column, keys: KeysType, profile: &Profile) -> String {
    let ty = match profile.raw_sql_planner_types {
        true => column.ty.planner_text(),
        false => column.ty.to_string(),
    };
    let mut text = format!("`{}` {ty}", column.name);
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
    let comment = match profile.raw_sql_escaped_comments {
        true => column.comment.replace('"', "\\\""),
        false => column.comment.clone(),
    };
    text + &format!(" COMMENT \"{comment}\"")
}
