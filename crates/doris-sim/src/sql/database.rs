//! CREATE DATABASE, ALTER DATABASE.

use sqlparser::tokenizer::Token;

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

/// `DATABASE name (SET PROPERTIES (..) | SET (DATA | REPLICA | TRANSACTION) QUOTA n | RENAME new)`
pub(super) fn alter(c: &mut Cursor<'_>) -> Parsed<Statement> {
    c.expect("DATABASE")?;
    let name = c.db_name()?;
    let change = if c.take("RENAME") {
        AlterDatabase::Rename(c.identifier()?)
    } else if c.take_all(&["SET", "PROPERTIES"]) {
        AlterDatabase::SetProperties(c.property_list()?)
    } else if c.take_all(&["SET", "DATA", "QUOTA"]) {
        AlterDatabase::DataQuota(amount(c)?)
    } else if c.take_all(&["SET", "REPLICA", "QUOTA"]) {
        AlterDatabase::ReplicaQuota(c.integer()?)
    } else if c.take_all(&["SET", "TRANSACTION", "QUOTA"]) {
        AlterDatabase::TransactionQuota(c.integer()?)
    } else {
        return c.unexpected("'RENAME', 'SET'");
    };
    Ok(Statement::AlterDatabase { name, change })
}

/// `1024` or `10G`, which are two tokens.
fn amount(c: &mut Cursor<'_>) -> Parsed<String> {
    let mut text = match c.peek() {
        Token::Number(digits, _) => digits.clone(),
        _ => return c.identifier_or_reserved(),
    };
    c.advance();
    if matches!(c.peek(), Token::Word(_)) {
        text.push_str(&c.identifier_or_reserved()?);
    }
    Ok(text)
}
