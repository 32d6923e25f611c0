//! CREATE DATABASE, ALTER DATABASE.

use crate::{
    model::{Answer, Model, Refusal},
    sql::statement::{AlterDatabase, Properties},
};

/// Databases that every cluster has.
pub(super) const SYSTEM: [&str; 3] = ["__internal_schema", "information_schema", "mysql"];

pub(super) fn create(model: &mut Model, name: &str, properties: &Properties, if_not_exists: bool) -> Answer<()> {
    if SYSTEM.contains(&name) {
        if if_not_exists {
            return Ok(());
        }
        return Err(Refusal::analysis(format!("Can't create database '{name}'; database exists")));
    }
    let mut chars = name.chars();
    let valid = chars.next().is_some_and(char::is_alphabetic)
        && chars.all(|c| c.is_alphanumeric() || matches!(c, '-' | '_'))
        && name.chars().count() <= 64;
    // Names with the prefix of an instance (`__`) are accepted as well.
    if !valid && !name.starts_with("__") {
        return Err(Refusal::analysis(format!("Incorrect database name '{name}'")));
    }
    model.create_database(name, properties, if_not_exists)
}

pub(super) fn alter(model: &mut Model, name: &str, change: AlterDatabase) -> Answer<()> {
    match change {
        AlterDatabase::SetProperties(properties) => model.set_database_properties(name, &properties),
        AlterDatabase::Rename(new_name) => model.rename_database(name, &new_name),
    }
}
