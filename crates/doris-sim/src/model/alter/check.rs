//! What every change must leave behind, and what a heavy one may do.

use super::{draft::Draft, refuse, types::check_change};
use crate::model::{
    Answer, Column, KeysType, SecondaryIndex, Table, column_data::same_column, ids::*, index_columns::find,
};

impl Draft<'_> {
    /// Keys before values, and something left of partitioning and distribution, in every index.
    pub(super) fn check_all(&self) -> Answer<()> {
        for index in self.schemas.keys() {
            self.check_order(*index)?;
            self.check_needed(*index, &[])?;
        }
        Ok(())
    }

    /// The indexes that a heavy change must build anew, checked.
    pub(super) fn changed(&self, changes: &OtherChanges) -> Answer<Vec<IndexId>> {
        let mut changed = Vec::new();
        for (index, schema) in &self.schemas {
            let Some(of) = self.table.indexes.get(index) else { continue };
            let old: Vec<&Column> = self.table.index_columns(of);
            let differs = |n: usize| old.get(n).is_none_or(|c| !same_column(c, &schema[n], of.keys));
            let same_length = old.len() == schema.len();
            // Only where no column came or went does Doris know which ones changed.
            let modified: Vec<&Column> = match same_length {
                true => schema.iter().enumerate().filter(|(n, _)| differs(*n)).map(|(_, c)| c).collect(),
                false => Vec::new(),
            };
            let filtered =
                |list: &[String]| schema.iter().any(|c| list.iter().any(|f| f.eq_ignore_ascii_case(&c.name)));
            if same_length && modified.is_empty() && !changes.everywhere && !filtered(&changes.bloom_filters) {
                continue;
            }
            self.check_order(*index)?;
            for column in schema {
                let before = old.iter().find(|c| c.name.eq_ignore_ascii_case(&column.name));
                if let Some(before) = before.filter(|before| !same_column(before, column, of.keys)) {
                    check_change(before, column, of.keys)?;
                }
            }
            self.check_needed(*index, &modified)?;
            changed.push(*index);
        }
        Ok(changed)
    }

    fn check_order(&self, index: IndexId) -> Answer<()> {
        let schema = self.schema(index);
        let name = self.name_of(index);
        if schema.windows(2).any(|pair| pair[1].is_key && !pair[0].is_key) {
            return refuse(format!("Invalid column order. value should be after key. index[{name}]"));
        }
        let without_key = self.table.keys == KeysType::Duplicate && !self.table.columns.iter().any(|c| c.is_key);
        if !without_key && !schema.iter().any(|c| c.is_key) {
            return refuse(format!("No key column left. index[{name}]"));
        }
        Ok(())
    }

    /// Columns of partitioning and distribution are neither modified nor dropped.
    fn check_needed(&self, index: IndexId, modified: &[&Column]) -> Answer<()> {
        let schema = self.schema(index);
        let name = self.name_of(index);
        let partition = self.table.scheme.columns.iter().map(|c| ("artition", c));
        let distribution = self.table.distribution.hash_columns.iter().map(|c| ("istribution", c));
        for (word, needed) in partition.chain(distribution) {
            let (lower, upper) = if word.starts_with('a') { ('p', 'P') } else { ('d', 'D') };
            if modified.iter().any(|c| c.name.eq_ignore_ascii_case(needed)) {
                return refuse(format!("Can not modify {lower}{word} column[{needed}]. index[{name}]"));
            }
            if index == self.table.base_index && find(schema, needed).is_none() {
                return refuse(format!("{upper}{word} column[{needed}] cannot be dropped. index[{name}]"));
            }
        }
        Ok(())
    }
}

/// What else changes besides columns.
#[derive(Debug, Default)]
pub(super) struct OtherChanges {
    /// Every index must be built anew.
    pub(super) everywhere: bool,
    /// Columns that get or lose a bloom filter.
    pub(super) bloom_filters: Vec<String>,
}

/// The columns of `bloom_filter_columns`.
pub(super) fn bloom_filters(table: &Table) -> Vec<String> {
    let list = table.properties.get("bloom_filter_columns").map(String::as_str).unwrap_or_default();
    split_columns(list)
}

pub(super) fn split_columns(list: &str) -> Vec<String> {
    list.split(',').map(|name| name.trim().to_owned()).filter(|name| !name.is_empty()).collect()
}

/// A column has one bloom filter of either kind.
pub(super) fn check_filters(indexes: &[SecondaryIndex], bloom_filters: &[String]) -> Answer<()> {
    let mut seen: Vec<String> = bloom_filters.iter().map(|name| name.to_lowercase()).collect();
    for column in indexes.iter().filter(|index| index.kind == "NGRAM_BF").flat_map(|index| &index.columns) {
        if seen.contains(&column.to_lowercase()) {
            return refuse(format!("{column} should have only one ngram bloom filter index or bloom filter index"));
        }
        seen.push(column.to_lowercase());
    }
    Ok(())
}
