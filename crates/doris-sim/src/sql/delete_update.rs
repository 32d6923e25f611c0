//! DELETE, UPDATE.

use sqlparser::tokenizer::Token;

use super::{
    cursor::{Cursor, Parsed},
    partition,
    statement::Statement,
};

/// `DELETE FROM name [PARTITION (..)] [WHERE ..]`
pub(super) fn delete(c: &mut Cursor<'_>) -> Parsed<Statement> {
    c.expect("DELETE")?;
    c.expect("FROM")?;
    let table = c.object_name()?;
    let partitions = partition::optional_names(c)?;
    let condition = if c.take("WHERE") { Some(c.expression()?) } else { None };
    Ok(Statement::Delete { table, partitions, condition })
}

/// `UPDATE name SET column = value, .. [WHERE ..]`
pub(super) fn update(c: &mut Cursor<'_>) -> Parsed<Statement> {
    c.expect("UPDATE")?;
    let table = c.object_name()?;
    c.expect("SET")?;
    let assignments = c.list(|c| {
        let column = c.object_name()?.name;
        c.expect_token(&Token::Eq)?;
        Ok((column, c.expression()?))
    })?;
    let condition = if c.take("WHERE") { Some(c.expression()?) } else { None };
    Ok(Statement::Update { table, assignments, condition })
}
