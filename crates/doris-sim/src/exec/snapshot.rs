//! BACKUP.

use super::target;
use crate::{
    Session,
    model::{Answer, BackupObject, BackupSpec, Model},
    sql::statement::Backup,
};

pub(super) fn backup(model: &mut Model, session: &Session, backup: Backup) -> Answer<()> {
    let (db, label) = target(session, &backup.label)?;
    let objects = backup.tables.map(|tables| {
        let object = |table: crate::sql::statement::BackupTable| BackupObject {
            name: table.name,
            partitions: (!table.partitions.is_empty()).then_some(table.partitions),
        };
        tables.into_iter().map(object).collect()
    });
    model.submit_backup(&BackupSpec {
        db: db.to_owned(),
        label: label.to_owned(),
        repository: backup.repository,
        objects,
        exclude: backup.exclude,
        properties: backup.properties,
    })
}
