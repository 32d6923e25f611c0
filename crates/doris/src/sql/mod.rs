//! Typed SQL statements.
/// One statement, with its values; rendered by `Display`.
#[derive(Clone, Debug, PartialEq)]
pub enum Statement {}
