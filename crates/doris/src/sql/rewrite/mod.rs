//! The SQL of the source's records, rebuilt for the destination. By reading tokens: a name in a comment, a default or a
//! longer name is never taken for the name of a database or table.
//!
//! What Doris writes into records is not always SQL that Doris accepts. What is known to be lost or broken is repaired from
//! the record's other keys; a text that cannot be read is [`Unreadable`], and the object is then copied instead.

mod add_partition;
mod alter;
mod create;
mod view;

pub use add_partition::add_partition;
pub use alter::{AlterClause, ColumnDef, DefaultValue, Place, alter_clauses, clauses_need_comments};
pub use create::{CreateOptions, RewrittenCreate, RewrittenView, create_table, create_view, view};
pub use view::view_query;

use super::token::Cursor;

/// A text of a record that does not follow the rules.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the statement cannot be read at byte {at}: {why}")]
pub struct Unreadable {
    pub why: String,
    pub at: usize,
}

/// Names of a list like `` `a`, `b` ``.
///
/// # Errors
/// If it is no such list.
pub fn names(list: &str) -> Result<Vec<String>, Unreadable> {
    let mut cursor = Cursor::new(list);
    let mut names = Vec::new();
    while cursor.peek()?.is_some() {
        if !names.is_empty() && !cursor.eat_symbol(",")? {
            return Err(cursor.unreadable("a comma is missing"));
        }
        names.push(cursor.name()?);
    }
    Ok(names)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_list_of_names() {
        assert_eq!(names("`a`, `b``c` ,d").unwrap(), ["a", "b`c", "d"]);
        assert!(names("").unwrap().is_empty());
        assert!(names("`a` `b`").is_err());
    }
}
