//! Clauses of ALTER TABLE that concern partitions.

use sqlparser::tokenizer::Token;

use super::{
    create_table,
    cursor::{Cursor, Parsed},
    newer::Newer,
    partition,
    statement::{PartitionClause, PartitionStep},
};

/// Takes a clause on partitions; `None`: the next words begin another one.
pub(super) fn clause(c: &mut Cursor<'_>) -> Parsed<Option<PartitionClause>> {
    let verbs = ["ADD", "DROP", "MODIFY"];
    for verb in verbs {
        for (temp, words) in [(false, &[verb, "PARTITION"][..]), (true, &[verb, "TEMPORARY", "PARTITION"][..])] {
            if c.take_all(words) {
                return match verb {
                    "ADD" => add(c, temp),
                    "DROP" => drop(c, temp),
                    _ => modify(c, temp),
                }
                .map(Some);
            }
        }
    }
    for (temp, words) in [(false, &["ADD", "PARTITIONS"][..]), (true, &["ADD", "TEMPORARY", "PARTITIONS"][..])] {
        if c.are_words(words) {
            c.mark(words.len() - 1, Newer::PartitionSteps);
            c.take_all(words);
            return add_batch(c, temp).map(Some);
        }
    }
    if c.take_all(&["RENAME", "PARTITION"]) {
        return Ok(Some(PartitionClause::Rename { old: c.identifier()?, new: c.identifier()? }));
    }
    let replaces = ["PARTITION", "PARTITIONS", "TEMPORARY"].into_iter().any(|word| c.are_words(&["REPLACE", word]));
    if replaces {
        c.advance();
        return replace(c).map(Some);
    }
    Ok(None)
}

fn add(c: &mut Cursor<'_>, temp: bool) -> Parsed<PartitionClause> {
    let partition = partition::definition(c)?;
    let distribution = if c.is_word("DISTRIBUTED") { Some(create_table::distribution(c)?) } else { None };
    let properties = c.optional_properties()?;
    Ok(PartitionClause::Add { partition, temp, distribution, properties })
}

/// `FROM (a) TO (b) INTERVAL n [unit] ..`
fn add_batch(c: &mut Cursor<'_>, temp: bool) -> Parsed<PartitionClause> {
    let step = step(c)?;
    let properties = if c.peek() == &Token::LParen { c.property_list()? } else { Default::default() };
    let distribution = if c.is_word("DISTRIBUTED") { Some(create_table::distribution(c)?) } else { None };
    let mut all = c.optional_properties()?;
    all.extend(properties);
    Ok(PartitionClause::AddBatch { step, temp, distribution, properties: all })
}

/// `FROM (a) TO (b) INTERVAL n [unit]`: partitions that follow each other.
pub(super) fn step(c: &mut Cursor<'_>) -> Parsed<PartitionStep> {
    c.expect("FROM")?;
    let from = c.parenthesized(partition::value)?;
    c.expect("TO")?;
    let to = c.parenthesized(partition::value)?;
    c.expect("INTERVAL")?;
    let interval = c.integer()?;
    let has_unit = matches!(c.peek(), Token::Word(word) if !word.value.eq_ignore_ascii_case("DISTRIBUTED")
        && !word.value.eq_ignore_ascii_case("PROPERTIES"));
    let unit = if has_unit { Some(c.identifier_or_reserved()?) } else { None };
    Ok(PartitionStep { from, to, interval, unit })
}

fn drop(c: &mut Cursor<'_>, temp: bool) -> Parsed<PartitionClause> {
    let if_exists = c.if_exists();
    let name = c.identifier()?;
    Ok(PartitionClause::Drop { name, temp, if_exists, force: c.take("FORCE") })
}

/// `(*) | (a, b) | a`, `SET ("k" = "v")`
fn modify(c: &mut Cursor<'_>, temp: bool) -> Parsed<PartitionClause> {
    let names = if c.peek() == &Token::LParen && c.peek_second() == &Token::Mul {
        c.advance();
        c.advance();
        c.expect_token(&Token::RParen)?;
        None
    } else if c.peek() == &Token::LParen {
        Some(c.names()?)
    } else {
        Some(vec![c.identifier()?])
    };
    c.expect("SET")?;
    Ok(PartitionClause::Modify { names, temp, properties: c.property_list()? })
}

/// `PARTITION (a) WITH TEMPORARY PARTITION (b) [FORCE] [PROPERTIES (..)]`; REPLACE has been taken.
fn replace(c: &mut Cursor<'_>) -> Parsed<PartitionClause> {
    let partitions = partition::target(c)?;
    c.expect("WITH")?;
    let with = partition::target(c)?;
    let force = c.take("FORCE");
    Ok(PartitionClause::Replace { partitions, with, force, properties: c.optional_properties()? })
}
