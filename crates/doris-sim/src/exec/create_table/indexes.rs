//! Secondary indexes of a new table.

use crate::{
    model::{Answer, Column, ColumnType, KeysType, Refusal, SecondaryIndex},
    sql::statement::IndexDef,
};

pub(super) fn secondary_indexes(
    definitions: Vec<IndexDef>,
    columns: &[Column],
    keys: KeysType,
) -> Answer<Vec<SecondaryIndex>> {
    let mut indexes: Vec<SecondaryIndex> = Vec::new();
    for definition in definitions {
        check(&definition, columns, keys)?;
        if indexes.iter().any(|other| other.name.eq_ignore_ascii_case(&definition.name)) {
            return Err(Refusal::analysis("index name must be unique."));
        }
        let same = |other: &SecondaryIndex| {
            let uppercase = |names: &[String]| names.iter().map(|name| name.to_uppercase()).collect::<Vec<_>>();
            other.kind == definition.kind && uppercase(&other.columns) == uppercase(&definition.columns)
        };
        if indexes.iter().any(same) {
            return Err(Refusal::analysis("same index columns have multiple same type index is not allowed."));
        }
        indexes.push(secondary_index(definition));
    }
    Ok(indexes)
}

/// An index with the properties that Doris adds.
pub(in crate::exec) fn secondary_index(definition: IndexDef) -> SecondaryIndex {
    let mut properties = definition.properties;
    let mut add = |key: &str, value: &str| {
        properties.entry(key.to_owned()).or_insert_with(|| value.to_owned());
    };
    if definition.kind == "NGRAM_BF" {
        add("gram_size", "2");
        add("bf_size", "256");
    }
    if definition.kind == "INVERTED" && properties.contains_key("parser") {
        properties.entry("lower_case".into()).or_insert_with(|| "true".into());
        properties.entry("support_phrase".into()).or_insert_with(|| "true".into());
    }
    SecondaryIndex {
        id: -1,
        name: definition.name,
        columns: definition.columns,
        kind: definition.kind,
        properties,
        comment: definition.comment.map_or_else(String::new, |comment| comment.table_comment()),
    }
}

fn check(definition: &IndexDef, columns: &[Column], keys: KeysType) -> Answer<()> {
    let (kind, name) = (definition.kind.as_str(), &definition.name);
    if !matches!(kind, "INVERTED" | "BITMAP" | "NGRAM_BF" | "ANN") {
        return Err(Refusal::analysis(format!("unknown index type {kind}")));
    }
    if matches!(kind, "INVERTED" | "BITMAP") {
        if definition.columns.len() != 1 {
            return Err(Refusal::analysis(format!("{kind} index can only apply to a single column.")));
        }
        if name.chars().count() > 64 {
            return Err(Refusal::analysis("index name too long, the index name length at most is 64."));
        }
    }
    for column_name in &definition.columns {
        let column = columns.iter().find(|column| column.name.eq_ignore_ascii_case(column_name));
        let Some(column) = column else {
            return Err(Refusal::analysis(format!("Column does not exist in table. invalid column: {column_name}")));
        };
        let ty = column.ty.to_string().to_uppercase();
        if kind != "ANN" && !can_be_indexed(&column.ty) {
            return Err(Refusal::analysis(format!("{ty} is not supported in {kind} index. invalid index: {name}")));
        }
        if !column.is_key && keys == KeysType::Aggregate {
            return Err(Refusal::analysis(format!(
                "index should only be used in columns of DUP_KEYS/UNIQUE_KEYS table or key columns of AGG_KEYS table. \
                 invalid index: {name}"
            )));
        }
        let parsed = definition.properties.contains_key("parser");
        if !column.is_key && keys == (KeysType::Unique { merge_on_write: false }) && kind == "INVERTED" && parsed {
            return Err(Refusal::analysis(format!(
                "INVERTED index with parser can NOT be used in value columns of UNIQUE_KEYS table with merge_on_write \
                 disable. invalid index: {name}"
            )));
        }
        let text = matches!(column.ty, ColumnType::String | ColumnType::Varchar { .. } | ColumnType::Char { .. });
        if kind == "NGRAM_BF" && !text {
            return Err(Refusal::analysis(format!(
                "{ty} is not supported in ngram_bf index. invalid column: {column_name}"
            )));
        }
    }
    Ok(())
}

fn can_be_indexed(ty: &ColumnType) -> bool {
    match ty {
        ColumnType::Other(text) => match text.strip_prefix("array<").and_then(|rest| rest.strip_suffix('>')) {
            Some(item) => {
                !item.starts_with("array") && crate::sql::parse_type(item).is_ok_and(|item| can_be_indexed(&item))
            }
            None => text.starts_with("variant") || matches!(text.as_str(), "ipv4" | "ipv6"),
        },
        ColumnType::Json => false,
        _ => true,
    }
}
