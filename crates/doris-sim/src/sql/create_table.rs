//! CREATE TABLE.

use sqlparser::tokenizer::Token;

use super::{
    column,
    cursor::{Cursor, Parsed},
    partition,
    statement::{Buckets, CreateTable, DistributionDef, KeysDef, KeysKind, LikeRollups, RollupDef, Statement},
};

/// `TABLE [IF NOT EXISTS] name (..) ..` or `TABLE [IF NOT EXISTS] name LIKE other`
pub(super) fn create(c: &mut Cursor<'_>) -> Parsed<Statement> {
    c.expect("TABLE")?;
    let if_not_exists = c.if_not_exists();
    let name = c.object_name()?;
    if c.take("LIKE") {
        let like = c.object_name()?;
        let rollups = match c.take_all(&["WITH", "ROLLUP"]) {
            false => LikeRollups::None,
            true if c.peek() == &Token::LParen => LikeRollups::Some(c.names()?),
            true => LikeRollups::All,
        };
        return Ok(Statement::CreateTableLike { name, like, if_not_exists, rollups });
    }
    let (mut columns, mut indexes, mut query_columns) = (Vec::new(), Vec::new(), Vec::new());
    // CREATE TABLE AS SELECT: names without types, or nothing at all.
    if c.is_names_only() {
        query_columns = c.names()?;
    } else if c.peek() == &Token::LParen {
        c.parenthesized(|c| {
            // A comma may stand behind the last one.
            if c.peek() == &Token::RParen {
            } else if c.take("INDEX") {
                indexes.push(column::index(c)?);
            } else {
                columns.push(column::column(c)?);
            }
            Ok(())
        })?;
    }
    let engine = match c.take("ENGINE") {
        false => None,
        true => {
            c.take_token(&Token::Eq);
            Some(c.identifier()?.to_ascii_uppercase())
        }
    };
    let keys = keys(c)?;
    let cluster_by = if c.take_all(&["CLUSTER", "BY"]) { c.names()? } else { Vec::new() };
    let comment = if c.take("COMMENT") { Some(c.literal()?) } else { None };
    let partition_by = if c.is_word("PARTITION") || c.are_words(&["AUTO", "PARTITION"]) {
        Some(partition::partition_by(c)?)
    } else {
        None
    };
    let distribution = if c.is_word("DISTRIBUTED") { Some(distribution(c)?) } else { None };
    let rollups = if c.take("ROLLUP") { c.parenthesized(rollup)? } else { Vec::new() };
    let properties = c.optional_properties()?;
    let query = if c.take("AS") || c.is_word("SELECT") || c.is_word("WITH") { Some(c.query()?) } else { None };
    if query.is_none() && columns.is_empty() {
        return c.unexpected("'AS', 'SELECT', 'WITH'");
    }
    Ok(Statement::CreateTable(Box::new(CreateTable {
        name,
        if_not_exists,
        columns,
        indexes,
        engine,
        keys,
        cluster_by,
        comment,
        partition_by,
        distribution,
        rollups,
        properties,
        query,
        query_columns,
    })))
}

pub(super) fn keys(c: &mut Cursor<'_>) -> Parsed<Option<KeysDef>> {
    let kind = if c.take_all(&["DUPLICATE", "KEY"]) {
        KeysKind::Duplicate
    } else if c.take_all(&["UNIQUE", "KEY"]) {
        KeysKind::Unique
    } else if c.take_all(&["AGGREGATE", "KEY"]) {
        KeysKind::Aggregate
    } else {
        return Ok(None);
    };
    Ok(Some(KeysDef { kind, columns: c.names()? }))
}

/// `DISTRIBUTED BY (HASH (columns) | RANDOM) [BUCKETS (n | AUTO)]`
pub(super) fn distribution(c: &mut Cursor<'_>) -> Parsed<DistributionDef> {
    c.expect("DISTRIBUTED")?;
    c.expect("BY")?;
    let hash_columns = if c.take("RANDOM") {
        Vec::new()
    } else {
        c.expect("HASH")?;
        c.names()?
    };
    let buckets = if !c.take("BUCKETS") {
        None
    } else if c.take("AUTO") {
        Some(Buckets::Auto)
    } else {
        Some(Buckets::Number(c.integer()?))
    };
    Ok(DistributionDef { hash_columns, buckets })
}

pub(super) fn rollup(c: &mut Cursor<'_>) -> Parsed<RollupDef> {
    let name = c.identifier()?;
    let columns = c.names()?;
    let duplicate_keys = if c.take_all(&["DUPLICATE", "KEY"]) { c.names()? } else { Vec::new() };
    let base = if c.take("FROM") { Some(c.identifier()?) } else { None };
    c.optional_properties()?;
    Ok(RollupDef { name, columns, duplicate_keys, base })
}
