//! ALTER TABLE.

use super::{
    alter_partition, alter_schema, create_table,
    cursor::{Cursor, Parsed},
    statement::{AlterClause, ConstraintDef, Statement},
};

/// `TABLE name clause, ..`
pub(super) fn alter(c: &mut Cursor<'_>) -> Parsed<Statement> {
    c.expect("TABLE")?;
    let table = c.object_name()?;
    let clauses = match alter_schema::rollups(c)? {
        Some(clause) => vec![clause],
        None => c.list(clause)?,
    };
    Ok(Statement::AlterTable { table, clauses })
}

fn clause(c: &mut Cursor<'_>) -> Parsed<AlterClause> {
    if let Some(clause) = alter_partition::clause(c)? {
        return Ok(AlterClause::Partition(clause));
    }
    if let Some(clause) = alter_schema::clause(c)? {
        return Ok(clause);
    }
    if c.take_all(&["RENAME", "ROLLUP"]) {
        return Ok(AlterClause::RenameRollup { old: c.identifier()?, new: c.identifier()? });
    }
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
    if c.take_all(&["MODIFY", "DISTRIBUTION"]) {
        return Ok(AlterClause::ModifyDistribution(create_table::distribution(c)?));
    }
    if c.take_all(&["ADD", "CONSTRAINT"]) {
        return Ok(AlterClause::AddConstraint { name: c.identifier()?, kind: constraint(c)? });
    }
    if c.take_all(&["DROP", "CONSTRAINT"]) {
        return Ok(AlterClause::DropConstraint(c.identifier()?));
    }
    c.unexpected("'ADD', 'DROP', 'ENABLE', 'MODIFY', 'ORDER', 'RENAME', 'REPLACE', 'SET'")
}

/// `PRIMARY KEY (..)`, `UNIQUE (..)` or `FOREIGN KEY (..) REFERENCES table (..)`
fn constraint(c: &mut Cursor<'_>) -> Parsed<ConstraintDef> {
    if c.take_all(&["PRIMARY", "KEY"]) {
        return Ok(ConstraintDef::Primary(c.names()?));
    }
    if c.take("UNIQUE") {
        return Ok(ConstraintDef::Unique(c.names()?));
    }
    if c.take_all(&["FOREIGN", "KEY"]) {
        let columns = c.names()?;
        c.expect("REFERENCES")?;
        return Ok(ConstraintDef::Foreign { columns, table: c.object_name()?, references: c.names()? });
    }
    c.unexpected("'FOREIGN', 'PRIMARY', 'UNIQUE'")
}
