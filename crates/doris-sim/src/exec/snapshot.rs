//! BACKUP and RESTORE.

use super::target;
use crate::{
    Session,
    model::{Answer, BackupObject, BackupSpec, Model, RestoreStatement},
    sql::statement::{Backup, BackupTable},
};

pub(super) fn backup(model: &mut Model, session: &Session, backup: Backup) -> Answer<()> {
    let (db, label) = target(session, &backup.label)?;
    model.submit_backup(&BackupSpec {
        db: db.to_owned(),
        label: label.to_owned(),
        repository: backup.repository,
        objects: backup.tables.map(objects),
        exclude: backup.exclude,
        properties: backup.properties,
    })
}

pub(super) fn restore(model: &Model, session: &Session, restore: Backup) -> Answer<()> {
    let (db, label) = target(session, &restore.label)?;
    model.submit_restore_statement(&RestoreStatement {
        db: db.to_owned(),
        label: label.to_owned(),
        repository: restore.repository,
        objects: restore.tables.map(objects).unwrap_or_default(),
        exclude: restore.exclude,
        properties: restore.properties,
    })
}

fn objects(tables: Vec<BackupTable>) -> Vec<BackupObject> {
    let object = |table: BackupTable| BackupObject {
        db: table.name.db,
        name: table.name.name,
        partitions: (!table.partitions.is_empty()).then_some(table.partitions),
        alias: table.alias,
    };
    tables.into_iter().map(object).collect()
}
