//! CREATE DATABASE, ALTER DATABASE.

use super::{
    cursor::{Cursor, Parsed},
    statement::{AlterDatabase, Statement},
};

/// `DATABASE [IF NOT EXISTS] name [PROPERTIES (..)]`
pub(super) fn create(c: &mut Cursor<'_>) -> Parsed<Statement> {
    c.advance();
    let if_not_exists = c.if_not_exists();
    let name = c.db_name()?;
    Ok(Statement::CreateDatabase { name, if_not_exists, properties: c.optional_properties()? })
}

/// `DATABASE name (SET PROPERTIES (..) | RENAME new)`
pub(super) fn alter(c: &mut Cursor<'_>) -> Parsed<Statement> {
    c.expect("DATABASE")?;
    let name = c.db_name()?;
    let change = if c.take("RENAME") {
        AlterDatabase::Rename(c.identifier()?)
    } else if c.take_all(&["SET", "PROPERTIES"]) {
        AlterDatabase::SetProperties(c.property_list()?)
    } else {
        return c.unexpected("'RENAME', 'SET'");
    };
    Ok(Statement::AlterDatabase { name, change })
}
