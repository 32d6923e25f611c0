//! CREATE VIEW, ALTER VIEW.

use sqlparser::{ast::Query, tokenizer::Token};

use super::{
    cursor::{Cursor, Parsed},
    literal::Literal,
    newer::Newer,
    statement::{AlterView, CreateView, Statement},
};

/// `[OR REPLACE] VIEW [IF NOT EXISTS] name [(columns)] [COMMENT '..'] AS query`
pub(super) fn create(c: &mut Cursor<'_>) -> Parsed<Statement> {
    if c.is_word("OR") {
        c.mark(0, Newer::OrReplaceView);
    }
    let or_replace = c.take_all(&["OR", "REPLACE"]);
    c.expect("VIEW")?;
    let if_not_exists = c.if_not_exists();
    let name = c.object_name()?;
    let columns = columns(c)?;
    let comment = if c.take("COMMENT") { Some(c.literal()?) } else { None };
    let (query, text) = definition(c)?;
    Ok(Statement::CreateView(CreateView { name, if_not_exists, or_replace, columns, comment, query, text }))
}

/// `VIEW name (MODIFY COMMENT '..' | [(columns)] AS query)`
pub(super) fn alter(c: &mut Cursor<'_>) -> Parsed<Statement> {
    c.expect("VIEW")?;
    let name = c.object_name()?;
    if c.is_word("MODIFY") {
        c.mark(0, Newer::ViewComment);
    }
    if c.take_all(&["MODIFY", "COMMENT"]) {
        return Ok(Statement::AlterView { name, change: AlterView::Comment(c.literal()?) });
    }
    let columns = columns(c)?;
    let (query, text) = definition(c)?;
    Ok(Statement::AlterView { name, change: AlterView::Definition { columns, query, text } })
}

fn columns(c: &mut Cursor<'_>) -> Parsed<Vec<(String, Option<Literal>)>> {
    if c.peek() != &Token::LParen {
        return Ok(Vec::new());
    }
    c.parenthesized(|c| {
        let name = c.identifier()?;
        let comment = if c.take("COMMENT") { Some(c.literal()?) } else { None };
        Ok((name, comment))
    })
}

fn definition(c: &mut Cursor<'_>) -> Parsed<(Box<Query>, String)> {
    c.expect("AS")?;
    let start = c.offset();
    let query = c.query()?;
    Ok((query, c.text_since(start).to_owned()))
}
