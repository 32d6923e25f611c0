//! BACKUP, RESTORE, CANCEL BACKUP, CANCEL RESTORE.

use sqlparser::tokenizer::Token;

use super::{
    alter_schema,
    cursor::{Cursor, Parsed},
    partition,
    statement::{Backup, BackupTable, Statement},
};

/// `BACKUP SNAPSHOT [db.]label TO repository [(ON | EXCLUDE) (table [PARTITION (..)] [AS alias], ..)] [PROPERTIES (..)]`
pub(super) fn backup(c: &mut Cursor<'_>) -> Parsed<Statement> {
    c.expect("BACKUP")?;
    Ok(Statement::Backup(job(c, "TO")?))
}

/// As BACKUP, with FROM in place of TO.
pub(super) fn restore(c: &mut Cursor<'_>) -> Parsed<Statement> {
    c.expect("RESTORE")?;
    Ok(Statement::Restore(job(c, "FROM")?))
}

fn job(c: &mut Cursor<'_>, direction: &str) -> Parsed<Backup> {
    c.expect("SNAPSHOT")?;
    let label = c.object_name()?;
    c.expect(direction)?;
    let repository = c.identifier()?;
    let (tables, exclude) = objects(c)?;
    let properties = c.optional_properties()?;
    Ok(Backup { label, repository, tables, exclude, properties })
}

fn objects(c: &mut Cursor<'_>) -> Parsed<(Option<Vec<BackupTable>>, bool)> {
    let exclude = c.take("EXCLUDE");
    if !exclude && !c.take("ON") {
        return Ok((None, false));
    }
    let tables = c.parenthesized(|c| {
        let name = c.object_name()?;
        let partitions = partition::optional_names(c)?;
        let ends = matches!(c.peek(), Token::Comma | Token::RParen);
        let alias = if c.take("AS") || !ends { Some(c.identifier()?) } else { None };
        Ok(BackupTable { name, partitions, alias })
    })?;
    Ok((Some(tables), exclude))
}

/// `CANCEL (BACKUP | RESTORE) [(FROM | IN) db]`
pub(super) fn cancel(c: &mut Cursor<'_>) -> Parsed<Statement> {
    c.expect("CANCEL")?;
    if c.take("BACKUP") {
        return Ok(Statement::CancelBackup { db: c.optional_db()? });
    }
    if c.take("RESTORE") {
        return Ok(Statement::CancelRestore { db: c.optional_db()? });
    }
    match alter_schema::cancel(c)? {
        Some(statement) => Ok(statement),
        None => c.unexpected("'ALTER', 'BACKUP', 'BUILD', 'RESTORE'"),
    }
}
