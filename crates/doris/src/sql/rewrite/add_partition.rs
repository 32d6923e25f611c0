//! The `sql` of ADD_PARTITION records.

use super::Unreadable;
use crate::sql::{BucketCount, Distribution, quote::identifiers, token::Cursor};

/// The clause of an ADD_PARTITION record with how the partition's rows are spread, which the text never tells.
///
/// What 2.0 and early 2.1 wrote wrongly is mended: `VALUES [(), ())` of an unpartitioned table is left out, and a list value
/// loses the parentheses that are one too many.
///
/// # Errors
/// If the text is no such clause.
pub fn add_partition(sql: &str, distribution: &Distribution, buckets: BucketCount) -> Result<String, Unreadable> {
    let sql = sql.trim().trim_end_matches(';').trim_end();
    let mut cursor = Cursor::new(sql);
    let formal = cursor.eat_words(&["ADD", "PARTITION"])?;
    if !formal {
        return Err(cursor.unreadable("not an ADD PARTITION"));
    }
    cursor.eat_words(&["IF", "NOT", "EXISTS"])?;
    let name = cursor.name()?;
    let rest = values(cursor.rest().trim())?;
    let spread = match distribution {
        Distribution::Hash(columns) => format!("HASH({})", identifiers(columns)),
        Distribution::Random => "RANDOM".to_owned(),
    };
    let number = match buckets {
        BucketCount::Auto => "AUTO".to_owned(),
        BucketCount::Fixed(number) => number.to_string(),
    };
    let separator = if rest.is_empty() { "" } else { " " };
    Ok(format!(
        "ADD PARTITION IF NOT EXISTS {}{separator}{rest} DISTRIBUTED BY {spread} BUCKETS {number}",
        crate::sql::identifier(&name)
    ))
}

/// `VALUES ..` and properties, mended.
fn values(text: &str) -> Result<String, Unreadable> {
    if let Some(behind) = text.strip_prefix("VALUES [(), ())") {
        return Ok(behind.trim().to_owned());
    }
    let Some(list) = text.strip_prefix("VALUES IN (((") else { return Ok(text.to_owned()) };
    let mut cursor = Cursor::new(list);
    let mut depth = 3;
    while depth > 0 {
        match cursor.next()? {
            Some(token) if token.is_symbol("(") => depth += 1,
            Some(token) if token.is_symbol(")") => depth -= 1,
            Some(_) => {}
            None => return Err(cursor.unreadable("a parenthesis is not closed")),
        }
    }
    Ok(match list[..cursor.at()].strip_suffix(")))") {
        Some(inner) => format!("VALUES IN (({inner})){}", cursor.rest()),
        None => text.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// Defects: BIN-29, SQL-23.
    #[test]
    fn the_distribution_is_always_said() {
        let hash = Distribution::Hash(vec!["id".to_owned(), "a`b".to_owned()]);
        for (sql, distribution, expected) in [
            (
                "ADD PARTITION `BUCKETS` VALUES [('2024-02-01'), ('2024-03-01')) (\"version_info\" = \"1\");",
                &hash,
                "ADD PARTITION IF NOT EXISTS `BUCKETS` VALUES [('2024-02-01'), ('2024-03-01')) (\"version_info\" = \"1\") DISTRIBUTED BY HASH(`id`, `a``b`) BUCKETS 4",
            ),
            (
                "ADD PARTITION `p_bj` VALUES IN (((\"bj\"),(\"tj\"))) (\"version_info\" = \"1\");",
                &Distribution::Random,
                "ADD PARTITION IF NOT EXISTS `p_bj` VALUES IN ((\"bj\"),(\"tj\")) (\"version_info\" = \"1\") DISTRIBUTED BY RANDOM BUCKETS 4",
            ),
            // Parentheses within a value are no parentheses.
            (
                "ADD PARTITION `p` VALUES IN (((\"a)))\"),(\"b\"))) (\"version_info\" = \"1\");",
                &Distribution::Random,
                "ADD PARTITION IF NOT EXISTS `p` VALUES IN ((\"a)))\"),(\"b\")) (\"version_info\" = \"1\") DISTRIBUTED BY RANDOM BUCKETS 4",
            ),
            (
                "ADD PARTITION `p` VALUES [(), ()) (\"version_info\" = \"1\")",
                &Distribution::Random,
                "ADD PARTITION IF NOT EXISTS `p` (\"version_info\" = \"1\") DISTRIBUTED BY RANDOM BUCKETS 4",
            ),
            (
                "ADD PARTITION `p`",
                &Distribution::Random,
                "ADD PARTITION IF NOT EXISTS `p` DISTRIBUTED BY RANDOM BUCKETS 4",
            ),
        ] {
            assert_eq!(add_partition(sql, distribution, BucketCount::Fixed(4)).unwrap(), expected);
        }
        assert!(add_partition("ADD TEMPORARY PARTITION `p`", &hash, BucketCount::Auto).is_err());
    }
}
