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
    check_name(name)?;
    model.create_database(name, properties, if_not_exists)
}

pub(super) fn alter(model: &mut Model, name: &str, change: AlterDatabase) -> Answer<()> {
    match change {
        AlterDatabase::SetProperties(properties) => model.set_database_properties(name, &properties),
        AlterDatabase::Rename(new_name) => {
            check_name(&new_name)?;
            model.rename_database(name, &new_name)
        }
        AlterDatabase::DataQuota(text) => {
            let bytes = data_volume(&text)?;
            model.set_quota(name, |quotas| quotas.data_bytes = bytes)
        }
        AlterDatabase::ReplicaQuota(n) => model.set_quota(name, |quotas| quotas.replicas = n),
        AlterDatabase::TransactionQuota(n) => model.set_quota(name, |quotas| quotas.transactions = Some(n)),
    }
}

/// A number of bytes, with a unit or without.
fn data_volume(text: &str) -> Answer<i64> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let factor: i64 = match unit.to_uppercase().trim_end_matches('B') {
        "" => 1,
        "K" => 1 << 10,
        "M" => 1 << 20,
        "G" => 1 << 30,
        "T" => 1 << 40,
        "P" => 1 << 50,
        _ => return Err(Refusal::analysis(format!("invalid unit:{unit}"))),
    };
    let number: i64 = number.parse().map_err(|_| Refusal::analysis(format!("invalid data volumn:{text}")))?;
    Ok(number.saturating_mul(factor))
}

/// `Incorrect database name 'x'`.
fn check_name(name: &str) -> Answer<()> {
    let mut chars = name.chars();
    let valid = chars.next().is_some_and(char::is_alphabetic)
        && chars.all(|c| c.is_alphanumeric() || matches!(c, '-' | '_'))
        && name.chars().count() <= 64;
    // Names with the prefix of an instance (`__`) are accepted as well.
    if valid || name.starts_with("__") {
        return Ok(());
    }
    Err(Refusal::analysis(format!("Incorrect database name '{name}'")))
}
