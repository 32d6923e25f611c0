//! The key of a new table and its data model.

use crate::{
    model::{Answer, ColumnType, KeysType, Refusal, short_key_columns},
    sql::statement::{ColumnDef, KeysDef, KeysKind, Properties},
};

const WITHOUT_KEYS: &str = "enable_duplicate_without_keys_by_default";
const MERGE_ON_WRITE: &str = "enable_unique_key_merge_on_write";

/// The declared key, or the one that Doris chooses: all columns without aggregation if some have one, nothing if the
/// property says so, else the first few columns that may be keys.
pub(super) fn keys(declared: Option<KeysDef>, columns: &[ColumnDef], properties: &Properties) -> Answer<KeysDef> {
    let without_keys = properties.get(WITHOUT_KEYS).is_some_and(|v| v.eq_ignore_ascii_case("true"));
    if let Some(declared) = declared {
        if without_keys {
            return Err(Refusal::analysis(format!(
                "table property '{WITHOUT_KEYS}' only can set 'true' when create olap table by default."
            )));
        }
        return Ok(declared);
    }
    if columns.iter().any(|column| column.aggregation.is_some()) {
        let keys = columns.iter().take_while(|column| column.aggregation.is_none());
        return Ok(KeysDef { kind: KeysKind::Aggregate, columns: keys.map(|column| column.name.clone()).collect() });
    }
    let types: Vec<&ColumnType> = columns.iter().map(|column| &column.ty).collect();
    let count = if without_keys { 0 } else { short_key_columns(&types) };
    if count == 0 && !without_keys {
        return Err(Refusal::analysis(
            "The olap table first column could not be float, double, string or array, struct, map, please use \
             decimal or varchar instead.",
        ));
    }
    let columns = columns.iter().take(count).map(|column| column.name.clone()).collect();
    Ok(KeysDef { kind: KeysKind::Duplicate, columns })
}

pub(super) fn keys_type(kind: KeysKind, properties: &Properties) -> Answer<KeysType> {
    let merge_on_write = properties.get(MERGE_ON_WRITE).map(String::as_str);
    Ok(match (kind, merge_on_write) {
        (KeysKind::Unique, None) => KeysType::Unique { merge_on_write: true },
        (KeysKind::Unique, Some(text)) if text.eq_ignore_ascii_case("true") => {
            KeysType::Unique { merge_on_write: true }
        }
        (KeysKind::Unique, Some(text)) if text.eq_ignore_ascii_case("false") => {
            KeysType::Unique { merge_on_write: false }
        }
        (KeysKind::Unique, Some(_)) => {
            return Err(Refusal::analysis(format!("{MERGE_ON_WRITE} must be `true` or `false`")));
        }
        (_, Some(_)) => {
            return Err(Refusal::analysis(format!("{MERGE_ON_WRITE} property only support unique key table")));
        }
        (KeysKind::Duplicate, None) => KeysType::Duplicate,
        (KeysKind::Aggregate, None) => KeysType::Aggregate,
    })
}

/// Keys are the first columns in order; only values of an AGGREGATE table have an aggregation, and all of them.
pub(super) fn check(keys: &KeysDef, columns: &[ColumnDef]) -> Answer<()> {
    if keys.columns.is_empty() && keys.kind != KeysKind::Duplicate {
        return Err(Refusal::analysis("The number of key columns is 0."));
    }
    if keys.columns.len() > columns.len() {
        return Err(Refusal::analysis("The number of key columns should be less than the number of columns."));
    }
    for (n, (key, column)) in keys.columns.iter().zip(columns).enumerate() {
        let name = &column.name;
        if !name.eq_ignore_ascii_case(key) {
            if !columns.iter().any(|column| column.name.eq_ignore_ascii_case(key)) {
                return Err(Refusal::analysis(format!("Key column[{key}] doesn't exist.")));
            }
            return Err(Refusal::analysis(format!(
                "Key columns should be a ordered prefix of the schema. KeyColumns[{n}] (starts from zero) is {key}, but \
                 corresponding column is {name} in the previous columns declaration."
            )));
        }
        if column.aggregation.is_some() {
            return Err(Refusal::analysis(format!("Key column[{name}] should not specify aggregate type.")));
        }
    }
    for column in columns.iter().skip(keys.columns.len()) {
        let name = &column.name;
        let word = match keys.kind {
            KeysKind::Duplicate => "DUP_KEYS",
            KeysKind::Unique => "UNIQUE_KEYS",
            KeysKind::Aggregate => "AGG_KEYS",
        };
        match (keys.kind, column.aggregation) {
            (KeysKind::Aggregate, None) => {
                return Err(Refusal::analysis(format!(
                    "{word} table should specify aggregate type for non-key column[{name}]"
                )));
            }
            (KeysKind::Duplicate | KeysKind::Unique, Some(_)) => {
                return Err(Refusal::analysis(format!(
                    "{word} table should not specify aggregate type for non-key column[{name}]"
                )));
            }
            _ => {}
        }
    }
    Ok(())
}

/// Checks CLUSTER BY; the position of each of its columns is its cluster key.
pub(super) fn check_cluster_by(
    names: &[String],
    keys: &KeysDef,
    keys_type: KeysType,
    columns: &[ColumnDef],
) -> Answer<()> {
    if names.is_empty() {
        return Ok(());
    }
    if keys.kind != KeysKind::Unique {
        return Err(Refusal::analysis("Cluster keys only support unique keys table"));
    }
    for (n, name) in names.iter().enumerate() {
        if names[..n].iter().any(|other| other.eq_ignore_ascii_case(name)) {
            return Err(Refusal::analysis(format!("Duplicate cluster key column[{name}].")));
        }
    }
    if keys.columns.iter().zip(names).all(|(key, name)| key.eq_ignore_ascii_case(name)) {
        return Err(Refusal::analysis("Unique keys and cluster keys should be different."));
    }
    for name in names {
        if !columns.iter().any(|column| column.name.eq_ignore_ascii_case(name)) {
            return Err(Refusal::analysis(format!("Cluster key column[{name}] doesn't exist.")));
        }
    }
    if !keys_type.is_merge_on_write() {
        return Err(Refusal::analysis(format!(
            "Cluster keys only support unique keys table which enabled {MERGE_ON_WRITE}"
        )));
    }
    Ok(())
}
