//! BEGIN, COMMIT, ROLLBACK, CLEAN LABEL.

use super::{
    cursor::{Cursor, Parsed},
    statement::Statement,
};

/// `BEGIN [WITH LABEL [label]]`
pub(super) fn begin(c: &mut Cursor<'_>) -> Parsed<Statement> {
    c.expect("BEGIN")?;
    let named = c.take_all(&["WITH", "LABEL"]) && !c.at_end();
    Ok(Statement::Begin { label: if named { Some(c.identifier()?) } else { None } })
}

/// `(COMMIT | ROLLBACK) [WORK] [AND [NO] CHAIN] [[NO] RELEASE]`
pub(super) fn end(c: &mut Cursor<'_>, verb: &str, statement: Statement) -> Parsed<Statement> {
    c.expect(verb)?;
    c.take("WORK");
    if c.take("AND") {
        c.take("NO");
        c.expect("CHAIN")?;
    }
    if c.take("NO") {
        c.expect("RELEASE")?;
    } else {
        c.take("RELEASE");
    }
    Ok(statement)
}

/// `CLEAN LABEL [label] (FROM | IN) db`
pub(super) fn clean_label(c: &mut Cursor<'_>) -> Parsed<Statement> {
    c.expect("CLEAN")?;
    c.expect("LABEL")?;
    let label = if c.is_word("FROM") || c.is_word("IN") { None } else { Some(c.identifier()?) };
    match c.optional_db()? {
        Some(db) => Ok(Statement::CleanLabel { db, label }),
        None => c.unexpected("'FROM', 'IN'"),
    }
}
