//! Columns and indexes.

use sqlparser::tokenizer::Token;

use super::{
    cursor::{Cursor, Parsed},
    newer::Newer,
    statement::{ColumnDef, DefaultDef, IndexDef, OnUpdate},
    types::{column_type, precision},
};
use crate::model::Aggregation;

/// `name type [KEY] [aggregation] [[GENERATED ALWAYS] AS (..)] [[NOT] NULL] [AUTO_INCREMENT[(n)]] [DEFAULT ..]
/// [ON UPDATE ..] [COMMENT '..']`
pub(super) fn column(c: &mut Cursor<'_>) -> Parsed<ColumnDef> {
    let name = c.identifier()?;
    let ty = column_type(c)?;
    let key = c.take("KEY");
    let aggregation = aggregation(c);
    let generated = generated(c)?;
    let nullable = if c.take_all(&["NOT", "NULL"]) {
        Some(false)
    } else if c.take("NULL") {
        Some(true)
    } else {
        None
    };
    let auto_increment = match c.take("AUTO_INCREMENT") {
        false => None,
        true if c.take_token(&Token::LParen) => {
            let start = c.integer()?;
            c.expect_token(&Token::RParen)?;
            Some(start)
        }
        true => Some(1),
    };
    let default = if c.take("DEFAULT") { default_value(c)? } else { DefaultDef::None };
    let on_update = match c.take_all(&["ON", "UPDATE"]) {
        false => None,
        true => {
            c.expect("CURRENT_TIMESTAMP")?;
            Some(OnUpdate { precision: precision(c)? })
        }
    };
    let comment = if c.take("COMMENT") { Some(c.literal()?) } else { None };
    Ok(ColumnDef { name, ty, key, aggregation, generated, nullable, auto_increment, default, on_update, comment })
}

/// `[GENERATED ALWAYS] AS (expression)`, where it is optional.
fn generated(c: &mut Cursor<'_>) -> Parsed<Option<String>> {
    if c.is_word("AS") || c.are_words(&["GENERATED", "ALWAYS", "AS"]) {
        c.mark(0, Newer::GeneratedColumn);
    }
    if !c.take_all(&["GENERATED", "ALWAYS", "AS"]) && !c.take("AS") {
        return Ok(None);
    }
    c.expect_token(&Token::LParen)?;
    let start = c.offset();
    c.expression()?;
    let text = c.text_since(start).to_owned();
    c.expect_token(&Token::RParen)?;
    Ok(Some(text))
}

fn aggregation(c: &mut Cursor<'_>) -> Option<Aggregation> {
    Aggregation::ALL.into_iter().find(|aggregation| c.take(&aggregation.to_string()))
}

fn default_value(c: &mut Cursor<'_>) -> Parsed<DefaultDef> {
    for name in ["CURRENT_TIMESTAMP", "CURRENT_DATE", "BITMAP_EMPTY", "PI", "E"] {
        if c.take(name) {
            return Ok(DefaultDef::Expression(match precision(c)? {
                Some(digits) => format!("{name}({digits})"),
                None => name.to_owned(),
            }));
        }
    }
    if c.take("NULL") {
        return Ok(DefaultDef::Null);
    }
    let sign = if c.take_token(&Token::Minus) { "-" } else { "" };
    if let Token::Number(digits, _) = c.peek() {
        let text = format!("{sign}{digits}");
        c.advance();
        return Ok(DefaultDef::Text(text));
    }
    if c.is_word("TRUE") || c.is_word("FALSE") {
        return Ok(DefaultDef::Text(c.identifier_or_reserved()?.to_ascii_lowercase()));
    }
    Ok(DefaultDef::Text(c.literal()?.verbatim()))
}

/// `INDEX [IF NOT EXISTS] name (columns) [USING kind] [PROPERTIES (..)] [COMMENT '..']`; INDEX has been taken.
pub(super) fn index(c: &mut Cursor<'_>) -> Parsed<IndexDef> {
    c.if_not_exists();
    let name = c.identifier()?;
    index_of(c, name)
}

/// What follows the name of an index (and its table).
pub(super) fn index_of(c: &mut Cursor<'_>, name: String) -> Parsed<IndexDef> {
    let columns = c.names()?;
    let kind = if c.take("USING") { c.identifier()?.to_ascii_uppercase() } else { "INVERTED".to_owned() };
    let properties = c.optional_properties()?;
    let comment = if c.take("COMMENT") { Some(c.literal()?) } else { None };
    Ok(IndexDef { name, columns, kind, properties, comment })
}
