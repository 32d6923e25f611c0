//! Partitions in CREATE TABLE and ADD PARTITION.

use sqlparser::tokenizer::Token;

use super::{
    alter_partition,
    cursor::{Cursor, Parsed},
    statement::{PartitionBy, PartitionDef, PartitionEntry, PartitionValue, PartitionValues, TargetPartitions},
};

/// `[AUTO] PARTITION BY (RANGE | LIST) (columns or expression) (partitions)`
pub(super) fn partition_by(c: &mut Cursor<'_>) -> Parsed<PartitionBy> {
    let auto = c.take("AUTO");
    c.expect("PARTITION")?;
    c.expect("BY")?;
    let list = c.take("LIST");
    if !list && !c.take("RANGE") && !auto {
        return c.unexpected("'LIST', 'RANGE'");
    }
    let (columns, expression) = if auto { auto_columns(c)? } else { (c.names()?, None) };
    let mut partitions = Vec::new();
    if c.take_token(&Token::LParen) && !c.take_token(&Token::RParen) {
        partitions = c.list(|c| match c.is_word("FROM") {
            true => {
                let step = alter_partition::step(c)?;
                let properties = if c.peek() == &Token::LParen { c.property_list()? } else { Default::default() };
                Ok(PartitionEntry::Steps(step, properties))
            }
            false => {
                c.expect("PARTITION")?;
                definition(c).map(PartitionEntry::One)
            }
        })?;
        c.expect_token(&Token::RParen)?;
    }
    Ok(PartitionBy { list, columns, auto: expression, partitions })
}

/// `(date_trunc(`d`, 'day'))` or `(a, b)`: the columns, and the text as Doris prints it.
fn auto_columns(c: &mut Cursor<'_>) -> Parsed<(Vec<String>, Option<String>)> {
    if !c.is_function_in_parentheses() {
        let columns = c.names()?;
        let text = columns.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
        return Ok((columns, Some(text)));
    }
    c.expect_token(&Token::LParen)?;
    let name = c.identifier()?.to_ascii_lowercase();
    c.expect_token(&Token::LParen)?;
    let column = c.identifier()?;
    let mut text = format!("{name}(`{column}`");
    while c.take_token(&Token::Comma) {
        let argument = match c.peek() {
            Token::Number(digits, _) => {
                let digits = digits.clone();
                c.advance();
                digits
            }
            _ => format!("'{}'", c.string()?),
        };
        text.push_str(&format!(", {argument}"));
    }
    text.push(')');
    c.expect_token(&Token::RParen)?;
    c.expect_token(&Token::RParen)?;
    Ok((vec![column], Some(text)))
}

/// `[IF NOT EXISTS] name VALUES .. [("k" = "v")]`; PARTITION has been taken.
pub(super) fn definition(c: &mut Cursor<'_>) -> Parsed<PartitionDef> {
    let if_not_exists = c.if_not_exists();
    let name = c.identifier()?;
    let values = if c.take("VALUES") { values(c)? } else { PartitionValues::Default };
    let properties = if c.peek() == &Token::LParen { c.property_list()? } else { Default::default() };
    Ok(PartitionDef { name, if_not_exists, values, properties })
}

fn values(c: &mut Cursor<'_>) -> Parsed<PartitionValues> {
    if c.take_all(&["LESS", "THAN"]) {
        let bound = if c.take("MAXVALUE") { vec![PartitionValue::MaxValue] } else { c.parenthesized(value)? };
        return Ok(PartitionValues::LessThan(bound));
    }
    if c.take("IN") {
        let tuples = c.parenthesized(|c| match c.peek() {
            Token::LParen => c.parenthesized(value),
            _ => Ok(vec![value(c)?]),
        })?;
        return Ok(PartitionValues::In(tuples));
    }
    c.expect_token(&Token::LBracket)?;
    let lower = c.parenthesized(value)?;
    c.expect_token(&Token::Comma)?;
    let upper = c.parenthesized(value)?;
    c.expect_token(&Token::RParen)?;
    Ok(PartitionValues::Fixed { lower, upper })
}

/// `MAXVALUE`, `NULL`, a number or a text.
pub(super) fn value(c: &mut Cursor<'_>) -> Parsed<PartitionValue> {
    if c.take("MAXVALUE") {
        return Ok(PartitionValue::MaxValue);
    }
    if c.take("NULL") {
        return Ok(PartitionValue::Null);
    }
    let sign = if c.take_token(&Token::Minus) { "-" } else { "" };
    if let Token::Number(digits, _) = c.peek() {
        let text = format!("{sign}{digits}");
        c.advance();
        return Ok(PartitionValue::Text(text));
    }
    Ok(PartitionValue::Text(c.literal()?.verbatim()))
}

/// `PARTITION[S] (a, b)` or `PARTITION a`, where it is optional: the names.
pub(super) fn optional_names(c: &mut Cursor<'_>) -> Parsed<Vec<String>> {
    if !c.take("PARTITION") && !c.take("PARTITIONS") {
        return Ok(Vec::new());
    }
    if c.peek() == &Token::LParen { c.names() } else { Ok(vec![c.identifier()?]) }
}

/// `[TEMPORARY] PARTITION[S] ..` behind the name of a table that is written, where it is optional.
pub(super) fn target(c: &mut Cursor<'_>) -> Parsed<TargetPartitions> {
    let temp = c.take("TEMPORARY");
    if temp && !c.is_word("PARTITION") && !c.is_word("PARTITIONS") {
        return c.unexpected("'PARTITION', 'PARTITIONS'");
    }
    Ok(TargetPartitions { names: optional_names(c)?, temp })
}

/// Takes `PARTITION (*)` if it is next.
pub(super) fn take_all_of_them(c: &mut Cursor<'_>) -> bool {
    let found = (c.is_word("PARTITION") || c.is_word("PARTITIONS")) && c.is_star_in_parentheses_after_next();
    if found {
        (0..4).for_each(|_| c.advance());
    }
    found
}
