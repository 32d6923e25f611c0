//! The table of results in the crate's docs: what is known to differ, so that nothing gets worse unnoticed.

use std::{collections::BTreeMap, path::Path};

use anyhow::{Context as _, Result};

const TABLE: &str = include_str!("../RESULTS.md");

/// Number of steps of each script that are known to be different.
pub(crate) fn known() -> BTreeMap<&'static str, usize> {
    let rows = TABLE.lines().filter_map(|line| {
        let mut cells = line.trim_matches('|').split('|').map(str::trim);
        let name = cells.next()?;
        let different = cells.nth(3)?.parse().ok()?;
        Some((name, different))
    });
    rows.collect()
}

/// Replaces the table.
pub(crate) fn keep(table: &str) -> Result<()> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("RESULTS.md");
    let head = TABLE.split("\n|").next().unwrap_or_default().trim_end();
    std::fs::write(&file, format!("{head}\n\n{table}")).with_context(|| format!("write {}", file.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_row_of_the_table_is_understood() {
        let rows = TABLE.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| script")).count();
        assert_eq!(known().len(), rows);
    }
}
