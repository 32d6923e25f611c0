//! RENAME_TABLE, DROP_TABLE, REPLACE_TABLE of the copied table.

use doris::binlog::{Rename, ReplaceTable};

use super::{super::source_watch::SourceLook, Exit, Prepared, Shared};
use crate::policy::{Code, Failure};

/// The stream follows the table's id, and so does the job: the destination keeps its name.
pub(super) fn renamed(rename: &Rename) -> Prepared {
    match &rename.new_table {
        Some(name) => Prepared::Follow { table: rename.table, name: name.clone() },
        None => Prepared::Nothing,
    }
}

/// A stream holds the drop of its own table only after a restart of its FE, perhaps of a table that was recovered since:
/// the source tells. Nothing is done to the copy.
pub(super) async fn dropped(shared: &Shared) -> Result<Prepared, Exit> {
    match SourceLook::read(&shared.context).await? {
        SourceLook::There(_) => Ok(Prepared::Nothing),
        SourceLook::Unknown => Err(Exit::retry(Failure::new(
            Code::TABLE_NOT_FOUND,
            format!("the source says nothing about database {}", shared.context.source_db),
            "the job asks again",
        ))),
        SourceLook::Dropped | SourceLook::Absent => Err(Exit::Halted(Failure::new(
            Code::TABLE_NOT_FOUND,
            format!(
                "table {}.{} was dropped on the source; its copy is left as it is",
                shared.context.source_db,
                shared.context.source_table()
            ),
            "recover the table and resume the job, or delete the job",
        ))),
    }
}

/// Another table has the name now: the job copies that one.
pub(super) fn replaced(shared: &Shared, replace: &ReplaceTable) -> Result<Prepared, Exit> {
    let name = replace.origin_name.clone().unwrap_or_else(|| shared.context.source_table());
    Ok(Prepared::Follow { table: replace.new, name })
}
