//! The SQL of Doris as text: statements are parsed into plain data ([`Statement`]), and nothing is looked up.
//!
//! Tokens, expressions and queries are those of the crate `sqlparser`; the grammar of the statements is Doris's own
//! (`DorisParser.g4`) and lives here, one file per family. INSERT with nothing but literals, the bulk of all text, takes
//! a fast way of its own ([`mod@insert`]).

mod account;
mod alter_partition;
mod alter_schema;
mod alter_table;
mod column;
mod create_table;
mod cursor;
mod database;
mod delete_update;
mod drop;
mod error;
mod insert;
pub mod literal;
mod newer;
mod partition;
mod recover;
mod session;
mod show;
mod snapshot;
pub mod statement;
mod txn;
mod types;
mod view;

use sqlparser::tokenizer::{Token, TokenWithSpan, Tokenizer};

pub(crate) use cursor::offset_of;
use cursor::{Cursor, DIALECT, Parsed};
pub use error::SyntaxError;
pub use literal::Literal;
pub(crate) use newer::{Mark, Newer};
pub use statement::Statement;

use crate::model::ColumnType;

/// The statements of a text, separated by `;`. Never empty: a text of blanks and comments is [`Statement::Empty`].
///
/// # Errors
/// The first thing that is no statement; then none of them may be executed, as in Doris.
pub fn parse(sql: &str) -> Result<Vec<Statement>, SyntaxError> {
    Ok(parse_marked(sql)?.into_iter().map(|(statement, _)| statement).collect())
}

/// As [`parse`], each statement with what it has that not every version knows.
pub(crate) fn parse_marked(sql: &str) -> Result<Vec<(Statement, Vec<Mark>)>, SyntaxError> {
    if let Some(insert) = insert::parse_literals(sql) {
        return Ok(vec![(Statement::Insert(insert), Vec::new())]);
    }
    let tokens = tokens(sql)?;
    let mut statements = Vec::new();
    for tokens in tokens.split(|token| token.token == Token::SemiColon) {
        if tokens.iter().any(|token| !matches!(token.token, Token::Whitespace(_))) {
            statements.push(parse_one(sql, tokens.to_vec())?);
        }
    }
    if statements.is_empty() {
        statements.push((Statement::Empty, Vec::new()));
    }
    Ok(statements)
}

/// The text of a type (`DECIMAL(10, 2)`).
///
/// # Errors
/// Not a type of Doris.
pub fn parse_type(text: &str) -> Result<ColumnType, SyntaxError> {
    let mut cursor = Cursor::new(text, tokens(text)?);
    let ty = types::column_type(&mut cursor)?;
    cursor.end()?;
    Ok(ty)
}

fn tokens(sql: &str) -> Parsed<Vec<TokenWithSpan>> {
    let mut tokens = Vec::new();
    Tokenizer::new(&DIALECT, sql)
        .with_unescape(false)
        .tokenize_with_location_into_buf(&mut tokens)
        .map_err(|error| SyntaxError::at(error.message, error.location))?;
    Ok(tokens)
}

/// Puts AS between two string literals that follow each other: the second is an alias in Doris, and not a part of the first
/// as in MySQL.
fn with_aliases(tokens: Vec<TokenWithSpan>) -> Vec<TokenWithSpan> {
    let is_string = |token: &Token| matches!(token, Token::SingleQuotedString(_) | Token::DoubleQuotedString(_));
    let mut last_is_string = false;
    let mut out = Vec::with_capacity(tokens.len());
    for token in tokens {
        if last_is_string && is_string(&token.token) {
            out.push(TokenWithSpan { token: Token::make_keyword("AS"), span: token.span });
        }
        if !matches!(token.token, Token::Whitespace(_)) {
            last_is_string = is_string(&token.token);
        }
        out.push(token);
    }
    out
}

fn parse_one(sql: &str, tokens: Vec<TokenWithSpan>) -> Parsed<(Statement, Vec<Mark>)> {
    let first = tokens.iter().find(|token| !matches!(token.token, Token::Whitespace(_)));
    let is_query = first.is_some_and(|token| ["SELECT", "WITH"].iter().any(|word| cursor::is_word(&token.token, word)));
    let tokens = if is_query { with_aliases(tokens) } else { tokens };
    let mut cursor = Cursor::new(sql, tokens);
    let statement = statement(&mut cursor)?;
    cursor.end()?;
    Ok((statement, cursor.into_marks()))
}

fn statement(c: &mut Cursor<'_>) -> Parsed<Statement> {
    let Token::Word(word) = c.peek() else {
        return match c.peek() {
            Token::LParen => Ok(Statement::Query(c.query()?)),
            _ => c.unexpected(STATEMENTS),
        };
    };
    let verb = if word.quote_style.is_some() { String::new() } else { word.value.to_ascii_uppercase() };
    match verb.as_str() {
        "SELECT" | "WITH" | "VALUES" => Ok(Statement::Query(c.query()?)),
        "INSERT" => insert::insert(c),
        "BEGIN" => txn::begin(c),
        "CLEAN" => txn::clean_label(c),
        "COMMIT" => txn::end(c, "COMMIT", Statement::Commit),
        "ROLLBACK" => txn::end(c, "ROLLBACK", Statement::Rollback),
        "DELETE" => delete_update::delete(c),
        "UPDATE" => delete_update::update(c),
        "CREATE" => create(c),
        "DROP" => drop::drop(c),
        "TRUNCATE" => drop::truncate(c),
        "ALTER" => alter(c),
        "BACKUP" => snapshot::backup(c),
        "BUILD" => alter_schema::build_index(c),
        "RECOVER" => recover::recover(c),
        "RESTORE" => snapshot::restore(c),
        "CANCEL" => snapshot::cancel(c),
        "SHOW" => show::show(c),
        "DESC" | "DESCRIBE" => show::describe(c),
        "ADMIN" => show::admin(c),
        "ANALYZE" => show::analyze(c),
        "GRANT" | "REVOKE" => account::grant(c),
        "USE" => session::use_db(c),
        "SET" => session::set(c),
        "KILL" => session::kill(c),
        "SYNC" => {
            c.advance();
            Ok(Statement::Sync)
        }
        // Statements of Doris that are none of the simulator's.
        "CALL" | "COPY" | "EXPLAIN" | "EXPORT" | "HELP" | "INSTALL" | "LOAD" | "LOCK" | "MERGE" | "PAUSE" | "PLAN"
        | "REFRESH" | "RESUME" | "START" | "STOP" | "SWITCH" | "UNINSTALL" | "UNLOCK" | "UNSET" | "WARM" => {
            c.not_modelled(&format!("the statement {verb}"))
        }
        _ => c.unexpected(STATEMENTS),
    }
}

/// What a statement may begin with (seen).
const STATEMENTS: &str = "<EOF>, ';', '(', 'ADMIN', 'ALTER', 'ANALYZE', 'BACKUP', 'BEGIN', 'BUILD', 'CALL', 'CANCEL', \
                          'CLEAN', 'COMMIT', 'COPY', 'CREATE', 'DELETE', 'DESC', 'DESCRIBE', 'DROP', 'EXPLAIN', 'EXPORT', \
                          'GRANT', 'HELP', 'INSERT', 'INSTALL', 'KILL', 'LOAD', 'LOCK', 'MERGE', 'PAUSE', 'PLAN', \
                          'RECOVER', 'REFRESH', 'RESTORE', 'RESUME', 'REVOKE', 'ROLLBACK', 'SELECT', 'SET', 'SHOW', \
                          'START', 'STOP', 'SWITCH', 'SYNC', 'TRUNCATE', 'UNINSTALL', 'UNLOCK', 'UNSET', 'UPDATE', \
                          'USE', 'VALUES', 'WARM', 'WITH'";

fn create(c: &mut Cursor<'_>) -> Parsed<Statement> {
    c.expect("CREATE")?;
    if c.is_word("DATABASE") || c.is_word("SCHEMA") {
        database::create(c)
    } else if c.is_word("VIEW") || c.are_words(&["OR", "REPLACE", "VIEW"]) {
        view::create(c)
    } else if c.is_word("TABLE") {
        create_table::create(c)
    } else if c.is_word("USER") || c.is_word("ROLE") {
        account::create(c)
    } else if c.is_word("INDEX") {
        alter_schema::create_index(c)
    } else if c.are_words(&["TEMPORARY", "TABLE"]) {
        c.advance();
        match create_table::create(c)? {
            Statement::CreateTable(table) => Ok(Statement::CreateTemporaryTable(table)),
            _ => c.not_modelled("this form of CREATE TEMPORARY TABLE"),
        }
    } else if alter_schema::is_synchronous_view(c) {
        alter_schema::create_view(c)
    } else if c.is_word("MATERIALIZED") {
        alter_schema::create_materialized(c)
    } else {
        c.unexpected("'DATABASE', 'INDEX', 'MATERIALIZED', 'OR', 'SCHEMA', 'TABLE', 'VIEW'")
    }
}

fn alter(c: &mut Cursor<'_>) -> Parsed<Statement> {
    c.expect("ALTER")?;
    if c.is_word("DATABASE") {
        database::alter(c)
    } else if c.is_word("TABLE") {
        alter_table::alter(c)
    } else if c.is_word("VIEW") {
        view::alter(c)
    } else {
        c.unexpected("'DATABASE', 'TABLE', 'VIEW'")
    }
}

#[cfg(test)]
mod tests;
