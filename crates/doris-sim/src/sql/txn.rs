//! BEGIN, COMMIT, ROLLBACK.

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
