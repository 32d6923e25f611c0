//! The signature of a table: what must be equal for a restore onto an existing table.

use super::document::SnapshotTable;
use crate::model::{Column, Distribution, IndexId, IndexSchema, KeysType, SecondaryIndex};

/// Everything that Doris hashes: name, indexes with their columns, partition columns, the distribution of the
/// partitions that both sides have, bloom filter columns and secondary indexes. Not: comments, properties, ids, and
/// the keys only by what they do to the columns.
#[derive(Debug, PartialEq, Eq)]
struct Signature {
    name: String,
    indexes: Vec<(String, Vec<String>)>,
    scheme: Vec<String>,
    partitions: Vec<(String, Vec<String>, u32)>,
    bloom_filters: Vec<String>,
    secondary: Vec<(String, String, Vec<String>)>,
}

/// Whether two tables have the same signature.
pub(super) fn same_signature(a: &SnapshotTable, b: &SnapshotTable) -> bool {
    signature(a, b) == signature(b, a)
}

fn signature(table: &SnapshotTable, other: &SnapshotTable) -> Signature {
    let mut indexes: Vec<_> = table.indexes.values().map(|index| index_signature(table, index)).collect();
    indexes.sort();
    let mut partitions: Vec<_> = table
        .partitions
        .iter()
        .filter(|p| other.partitions.iter().any(|o| o.name == p.name))
        .map(|p| (p.name.clone(), hash_columns(&table.distribution), p.buckets))
        .collect();
    partitions.sort();
    let mut secondary: Vec<_> = table.secondary_indexes.iter().map(secondary_signature).collect();
    secondary.sort();
    Signature {
        name: table.name.clone(),
        indexes,
        scheme: table.scheme.columns.clone(),
        partitions,
        bloom_filters: table.properties.get("bloom_filter_columns").map(|text| bloom_filters(text)).unwrap_or_default(),
        secondary,
    }
}

fn bloom_filters(property: &str) -> Vec<String> {
    property.split(',').map(|column| column.trim().to_lowercase()).collect()
}

fn hash_columns(distribution: &Distribution) -> Vec<String> {
    distribution.hash_columns.clone()
}

/// The base index goes by the table's name, and so does its index of the other side.
fn index_signature(table: &SnapshotTable, index: &IndexSchema) -> (String, Vec<String>) {
    let is_base = |id: IndexId| id == table.base_index;
    let name = if is_base(index.id) { String::new() } else { index.name.clone() };
    let columns: Vec<&Column> = match is_base(index.id) {
        true => table.columns.iter().chain(&table.hidden_columns).collect(),
        false => index.columns.iter().collect(),
    };
    (name, columns.into_iter().map(|column| column_signature(column, index.keys)).collect())
}

fn column_signature(column: &Column, keys: KeysType) -> String {
    let default = column.default_text().unwrap_or_default();
    let aggregation = column.aggregation_word(keys).unwrap_or_default();
    format!(
        "{} {} {aggregation} {} {} {} {default}",
        column.name,
        column.ty,
        column.is_key,
        column.nullable,
        column.auto_increment.is_some()
    )
}

fn secondary_signature(index: &SecondaryIndex) -> (String, String, Vec<String>) {
    (index.name.clone(), index.kind.clone(), index.columns.clone())
}
