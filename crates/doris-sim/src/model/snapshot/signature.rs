//! The signature of a table: what must be equal for a restore onto an existing table.

use super::document::SnapshotTable;
use crate::model::{Column, ColumnDefault, Distribution, IndexId, IndexSchema, SecondaryIndex};

/// Everything that Doris hashes: name, keys, indexes with their columns, partition columns, the distribution of the
/// partitions that both sides have, bloom filter columns and secondary indexes. Not: comments, properties, ids.
#[derive(Debug, PartialEq, Eq)]
struct Signature {
    name: String,
    keys: String,
    indexes: Vec<(String, Vec<String>)>,
    scheme: Vec<String>,
    partitions: Vec<(String, Vec<String>, u32)>,
    bloom_filters: Option<String>,
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
        keys: format!("{:?}", table.keys),
        indexes,
        scheme: table.scheme.columns.clone(),
        partitions,
        bloom_filters: table.properties.get("bloom_filter_columns").cloned(),
        secondary,
    }
}

fn hash_columns(distribution: &Distribution) -> Vec<String> {
    distribution.hash_columns.clone()
}

/// The base index goes by the table's name, and so does its index of the other side.
fn index_signature(table: &SnapshotTable, index: &IndexSchema) -> (String, Vec<String>) {
    let is_base = |id: IndexId| id == table.base_index;
    let name = if is_base(index.id) { String::new() } else { index.name.clone() };
    let columns = if is_base(index.id) { &table.columns } else { &index.columns };
    (name, columns.iter().map(column_signature).collect())
}

fn column_signature(column: &Column) -> String {
    let default = match &column.default {
        ColumnDefault::None => "none".to_owned(),
        ColumnDefault::Null => "null".to_owned(),
        ColumnDefault::Literal { text, .. } => format!("\"{text}\""),
        ColumnDefault::Expression(text) => text.clone(),
    };
    let aggregation = column.aggregation.map(|a| a.to_string()).unwrap_or_default();
    format!("{} {} {} {aggregation} {} {default}", column.name, column.ty, column.is_key, column.nullable)
}

fn secondary_signature(index: &SecondaryIndex) -> (String, String, Vec<String>) {
    (index.name.clone(), index.kind.clone(), index.columns.clone())
}
