//! Result rows, read by column name. Every cell is text; a column that a Doris version does not have is an error where it
//! is required and `None` where it is not; columns nobody asked for are ignored.

use std::str::FromStr;

use crate::net::ResultSet;

/// Why a cell could not be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RowError {
    #[error("the answer has no column {0}")]
    NoColumn(String),
    #[error("column {column} holds {value:?}, which is not {expected}")]
    Value { column: String, value: String, expected: &'static str },
}

/// One row of a [`ResultSet`].
#[derive(Clone, Copy, Debug)]
pub struct Row<'a> {
    columns: &'a [String],
    cells: &'a [Option<String>],
}

/// The rows of a result set.
pub fn rows(set: &ResultSet) -> impl Iterator<Item = Row<'_>> {
    set.rows.iter().map(|cells| Row { columns: &set.columns, cells })
}

impl<'a> Row<'a> {
    /// A cell, where the version has the column. `None` also for NULL.
    pub fn find(&self, column: &str) -> Option<&'a str> {
        let position = self.columns.iter().position(|name| name == column)?;
        self.cells.get(position)?.as_deref()
    }

    /// The first column whose name starts with `prefix` (`Tables_in_<db>`).
    pub fn starting_with(&self, prefix: &str) -> Result<&'a str, RowError> {
        let position = self.columns.iter().position(|name| name.starts_with(prefix));
        let position = position.ok_or_else(|| RowError::NoColumn(format!("{prefix}*")))?;
        Ok(self.cells.get(position).and_then(Option::as_deref).unwrap_or_default())
    }

    /// A text; NULL is the empty text.
    pub fn text(&self, column: &str) -> Result<&'a str, RowError> {
        if !self.columns.iter().any(|name| name == column) {
            return Err(RowError::NoColumn(column.to_owned()));
        }
        Ok(self.find(column).unwrap_or_default())
    }

    /// A decimal number.
    pub fn number<T: FromStr>(&self, column: &str) -> Result<T, RowError> {
        let text = self.text(column)?;
        text.trim().parse().map_err(|_| self.bad(column, text, "a number of the expected size"))
    }

    /// A number that some versions do not have. NULL and an absent column are `None`.
    pub fn optional_number<T: FromStr>(&self, column: &str) -> Result<Option<T>, RowError> {
        self.find(column).map(|_| self.number(column)).transpose()
    }

    /// `true`, `false`, `Yes`, `No`, `1`, `0`, in any case.
    pub fn flag(&self, column: &str) -> Result<bool, RowError> {
        let text = self.text(column)?;
        match text.trim().to_ascii_lowercase().as_str() {
            "true" | "yes" | "1" | "t" => Ok(true),
            "false" | "no" | "0" | "f" => Ok(false),
            _ => Err(self.bad(column, text, "true or false")),
        }
    }

    fn bad(&self, column: &str, value: &str, expected: &'static str) -> RowError {
        let value = value.chars().take(80).collect();
        RowError::Value { column: column.to_owned(), value, expected }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn set() -> ResultSet {
        ResultSet {
            columns: ["Id", "Alive", "Note", "Tables_in_a`b"].map(String::from).to_vec(),
            rows: vec![vec![Some("7".into()), Some("Yes".into()), None, Some("t".into())], vec![Some("x".into())]],
        }
    }

    #[test]
    fn cells_are_found_by_name() {
        let set = set();
        let row = rows(&set).next().unwrap();
        assert_eq!(row.number::<i64>("Id"), Ok(7));
        assert_eq!(row.flag("Alive"), Ok(true));
        assert_eq!(row.text("Note"), Ok(""));
        assert_eq!(row.find("Note"), None);
        assert_eq!(row.starting_with("Tables_in_"), Ok("t"));
        assert_eq!(row.optional_number::<i64>("CommittedVersion"), Ok(None));
        assert_eq!(row.text("id").unwrap_err().to_string(), "the answer has no column id");
    }

    #[test]
    fn short_rows_and_bad_values_are_errors_not_panics() {
        let set = set();
        let row = rows(&set).nth(1).unwrap();
        assert_eq!(row.find("Alive"), None);
        let error = row.number::<u16>("Id").unwrap_err();
        assert_eq!(error.to_string(), "column Id holds \"x\", which is not a number of the expected size");
        assert!(row.flag("Alive").is_err());
    }
}
