//! RECOVER.

use sqlparser::tokenizer::Token;

use super::{
    cursor::{Cursor, Parsed},
    statement::{Recover, Statement},
};

/// `RECOVER (DATABASE | SCHEMA | TABLE | PARTITION) name [id] [AS new] ..`
pub(super) fn recover(c: &mut Cursor<'_>) -> Parsed<Statement> {
    c.expect("RECOVER")?;
    if c.take("DATABASE") || c.take("SCHEMA") {
        let name = c.identifier()?;
        let (id, new_name) = id_and_new_name(c)?;
        return Ok(Statement::Recover(Recover::Database { name, id, new_name }));
    }
    if c.take("TABLE") {
        let table = c.object_name()?;
        let (id, new_name) = id_and_new_name(c)?;
        return Ok(Statement::Recover(Recover::Table { table, id, new_name }));
    }
    if c.take("PARTITION") {
        let name = c.identifier()?;
        let (id, new_name) = id_and_new_name(c)?;
        c.expect("FROM")?;
        return Ok(Statement::Recover(Recover::Partition { name, id, new_name, table: c.object_name()? }));
    }
    c.unexpected("'DATABASE', 'PARTITION', 'SCHEMA', 'TABLE'")
}

fn id_and_new_name(c: &mut Cursor<'_>) -> Parsed<(Option<i64>, Option<String>)> {
    let id = if matches!(c.peek(), Token::Number(..)) { Some(c.integer()?) } else { None };
    let new_name = if c.take("AS") { Some(c.identifier()?) } else { None };
    Ok((id, new_name))
}
