//! ALTER TABLE.

use super::{
    create_table,
    cursor::{Cursor, Parsed},
    partition,
    statement::{AlterClause, Statement},
};

/// `TABLE name clause, ..`
pub(super) fn alter(c: &mut Cursor<'_>) -> Parsed<Statement> {
    c.expect("TABLE")?;
    let table = c.object_name()?;
    let clauses = c.list(clause)?;
    Ok(Statement::AlterTable { table, clauses })
}

fn clause(c: &mut Cursor<'_>) -> Parsed<AlterClause> {
    if c.take("RENAME") {
        return Ok(AlterClause::Rename(c.identifier()?));
    }
    if c.take_all(&["REPLACE", "WITH", "TABLE"]) {
        let with = c.identifier()?;
        return Ok(AlterClause::Replace { with, properties: c.optional_properties()?, force: c.take("FORCE") });
    }
    if c.take("SET") {
        return Ok(AlterClause::Set(c.property_list()?));
    }
    if c.take_all(&["ADD", "TEMPORARY", "PARTITION"]) {
        return add_partition(c, true);
    }
    if c.take_all(&["ADD", "PARTITION"]) {
        return add_partition(c, false);
    }
    if c.take_all(&["DROP", "TEMPORARY", "PARTITION"]) {
        return drop_partition(c, true);
    }
    if c.take_all(&["DROP", "PARTITION"]) {
        return drop_partition(c, false);
    }
    c.unexpected("'ADD', 'DROP', 'RENAME', 'REPLACE', 'SET'")
}

fn add_partition(c: &mut Cursor<'_>, temp: bool) -> Parsed<AlterClause> {
    let partition = partition::definition(c)?;
    let distribution = if c.is_word("DISTRIBUTED") { Some(create_table::distribution(c)?) } else { None };
    Ok(AlterClause::AddPartition { partition, temp, distribution })
}

fn drop_partition(c: &mut Cursor<'_>, temp: bool) -> Parsed<AlterClause> {
    let if_exists = c.if_exists();
    let name = c.identifier()?;
    Ok(AlterClause::DropPartition { name, temp, if_exists, force: c.take("FORCE") })
}
