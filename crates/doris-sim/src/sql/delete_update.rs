//! DELETE, UPDATE.

use sqlparser::{ast::TableWithJoins, tokenizer::Token};

use super::{
    cursor::{Cursor, Parsed},
    partition,
    statement::{Delete, Statement, Update},
};

/// `DELETE FROM name [PARTITION (..)] [[AS] alias] [USING relations] [WHERE ..]`
pub(super) fn delete(c: &mut Cursor<'_>) -> Parsed<Statement> {
    c.expect("DELETE")?;
    c.expect("FROM")?;
    let table = c.object_name()?;
    let partitions = partition::target(c)?;
    let alias = alias(c, &["USING", "WHERE"])?;
    let using = if c.take("USING") { c.list(Cursor::relation)? } else { Vec::new() };
    let condition = if c.take("WHERE") { Some(c.expression()?) } else { None };
    Ok(Statement::Delete(Delete { table, partitions, alias, using, condition }))
}

/// `UPDATE name [[AS] alias] SET column = value, .. [FROM relations] [WHERE ..]`
pub(super) fn update(c: &mut Cursor<'_>) -> Parsed<Statement> {
    c.expect("UPDATE")?;
    let table = c.object_name()?;
    let alias = alias(c, &["SET"])?;
    c.expect("SET")?;
    let assignments = c.list(|c| {
        let column = c.object_name()?.name;
        c.expect_token(&Token::Eq)?;
        Ok((column, if c.take("DEFAULT") { None } else { Some(c.expression()?) }))
    })?;
    let from: Vec<TableWithJoins> = if c.take("FROM") { c.list(Cursor::relation)? } else { Vec::new() };
    let condition = if c.take("WHERE") { Some(c.expression()?) } else { None };
    Ok(Statement::Update(Update { table, alias, assignments, from, condition }))
}

/// `[[AS] name]`, before one of some words.
fn alias(c: &mut Cursor<'_>, before: &[&str]) -> Parsed<Option<String>> {
    let written = c.take("AS");
    if !written && (c.at_end() || before.iter().any(|word| c.is_word(word))) {
        return Ok(None);
    }
    c.identifier().map(Some)
}
