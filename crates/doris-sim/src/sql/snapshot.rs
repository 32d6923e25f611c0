//! BACKUP, RESTORE, CANCEL BACKUP, CANCEL RESTORE.

use super::{
    cursor::{Cursor, Parsed},
    partition,
    statement::{Backup, BackupTable, Statement},
};

/// `BACKUP SNAPSHOT [db.]label TO repository [(ON | EXCLUDE) (table [PARTITION (..)], ..)] [PROPERTIES (..)]`
pub(super) fn backup(c: &mut Cursor<'_>) -> Parsed<Statement> {
    c.expect("BACKUP")?;
    c.expect("SNAPSHOT")?;
    let label = c.object_name()?;
    c.expect("TO")?;
    let repository = c.identifier()?;
    let (tables, exclude) = objects(c)?;
    let properties = c.optional_properties()?;
    Ok(Statement::Backup(Backup { label, repository, tables, exclude, properties }))
}

/// As BACKUP, with FROM in place of TO.
pub(super) fn restore(c: &mut Cursor<'_>) -> Parsed<Statement> {
    c.expect("RESTORE")?;
    c.expect("SNAPSHOT")?;
    c.object_name()?;
    c.expect("FROM")?;
    c.identifier()?;
    objects(c)?;
    c.optional_properties()?;
    Ok(Statement::Restore)
}

fn objects(c: &mut Cursor<'_>) -> Parsed<(Option<Vec<BackupTable>>, bool)> {
    let exclude = c.take("EXCLUDE");
    if !exclude && !c.take("ON") {
        return Ok((None, false));
    }
    let tables = c.parenthesized(|c| {
        let name = c.identifier()?;
        let partitions = partition::optional_names(c)?;
        if c.take("AS") {
            c.identifier()?;
        }
        Ok(BackupTable { name, partitions })
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
    c.unexpected("'BACKUP', 'RESTORE'")
}
