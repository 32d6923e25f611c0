//! RECOVER.

use super::{alter_partition, target};
use crate::{
    Session,
    model::{Answer, Model, RecoverSpec},
    sql::statement::Recover,
};

pub(super) fn recover(model: &mut Model, session: &Session, recover: &Recover) -> Answer<()> {
    match recover {
        Recover::Database { name, id, new_name } => {
            model.recover_database(RecoverSpec { name, id: *id, new_name: new_name.as_deref() })
        }
        Recover::Table { table, id, new_name } => {
            let (db, name) = target(session, table)?;
            model.recover_table(db, RecoverSpec { name, id: *id, new_name: new_name.as_deref() })
        }
        Recover::Partition { name, id, new_name, table } => {
            if let Some(new_name) = new_name {
                alter_partition::check_name(new_name)?;
            }
            let (db, table) = target(session, table)?;
            model.recover_partition(db, table, RecoverSpec { name, id: *id, new_name: new_name.as_deref() })
        }
    }
}
