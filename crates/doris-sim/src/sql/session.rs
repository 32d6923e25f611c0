//! USE, SET, KILL.

use sqlparser::{ast::Expr, tokenizer::Token};

use super::{
    account,
    cursor::{Cursor, Parsed},
    statement::{Assignment, Statement},
};

/// `USE [catalog.]db`
pub(super) fn use_db(c: &mut Cursor<'_>) -> Parsed<Statement> {
    c.expect("USE")?;
    Ok(Statement::Use(c.db_name()?))
}

/// `SET [SESSION | GLOBAL | @@session.]name = value, ..`, and the forms of drivers that change nothing here.
pub(super) fn set(c: &mut Cursor<'_>) -> Parsed<Statement> {
    c.expect("SET")?;
    if c.take("NAMES") || c.take("CHARSET") || c.take_all(&["CHARACTER", "SET"]) {
        c.string_or_identifier()?;
        if c.take("COLLATE") {
            c.string_or_identifier()?;
        }
        return Ok(Statement::Set(Vec::new()));
    }
    if c.is_word("PASSWORD") {
        return account::set_password(c);
    }
    if c.are_words(&["SESSION", "TRANSACTION"]) || c.are_words(&["GLOBAL", "TRANSACTION"]) || c.is_word("TRANSACTION") {
        while !c.at_end() {
            c.advance();
        }
        return Ok(Statement::Set(Vec::new()));
    }
    Ok(Statement::Set(c.list(assignment)?))
}

fn assignment(c: &mut Cursor<'_>) -> Parsed<Assignment> {
    let mut global = c.take("GLOBAL");
    let _own = !global && (c.take("SESSION") || c.take("LOCAL"));
    let mut name = c.variable()?;
    if matches!(name.as_str(), "@@session" | "@@global") {
        global |= name == "@@global";
        c.expect_token(&Token::Period)?;
        name = c.identifier()?.to_ascii_lowercase();
    }
    let name = name.strip_prefix("@@").map(str::to_owned).unwrap_or(name);
    if !c.take_token(&Token::Eq) {
        c.expect_token(&Token::Assignment)?;
    }
    if c.is_word("DEFAULT") || c.is_word("ON") {
        let word = c.identifier_or_reserved()?;
        return Ok(Assignment { name, global, value: Expr::Identifier(word.as_str().into()) });
    }
    Ok(Assignment { name, global, value: c.expression()? })
}

/// `KILL [CONNECTION | QUERY] id`
pub(super) fn kill(c: &mut Cursor<'_>) -> Parsed<Statement> {
    c.expect("KILL")?;
    let _kind = c.take("CONNECTION") || c.take("QUERY");
    Ok(Statement::Kill(c.integer()?))
}
