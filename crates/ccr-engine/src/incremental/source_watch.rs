//! Watches the source of a job that is caught up. A table's stream says nothing of the table's end: after a DROP, or when
//! binlog is switched off, a reader is told "nothing new" for ever.

use std::collections::BTreeMap;

use doris::{
    Error, Source,
    cluster::TableMeta,
    ids::{PartitionId, Version},
};

use super::{Exit, Shared, partition_text};
use crate::{
    job::Context,
    policy::{Code, Failure},
};

/// Looks that must agree before the job halts: metadata is not read at one instant, and records come after versions.
const LOOKS: u32 = 3;

/// The source table as its FE shows it.
pub(super) enum SourceLook {
    /// The FE gave no answer about the database.
    Unknown,
    /// The table's drop is on record.
    Dropped,
    /// The table is not listed under its id.
    Absent,
    There(TableMeta<Source>),
}

impl SourceLook {
    pub(super) async fn read(context: &Context) -> Result<Self, Error> {
        let ids = context.ids();
        let Some(meta) = context.source.get_meta(ids.source_db, Some(&[ids.source_table])).await? else {
            return Ok(Self::Unknown);
        };
        if let Some(table) = meta.tables.into_iter().find(|table| table.id == ids.source_table) {
            return Ok(Self::There(table));
        }
        Ok(if meta.dropped_tables.contains_key(&ids.source_table) { Self::Dropped } else { Self::Absent })
    }
}

/// What earlier looks showed.
#[derive(Debug, Default)]
pub(super) struct SourceWatch {
    absent: u32,
    ahead: u32,
}

impl SourceWatch {
    /// Compares the source with what was copied (`issued`: the highest version of each partition). Nothing is done to the
    /// destination: the job stops and says what it saw.
    pub(super) fn check(
        &mut self,
        shared: &Shared,
        look: &SourceLook,
        issued: &BTreeMap<PartitionId<Source>, Version>,
    ) -> Result<(), Exit> {
        let name = format!("{}.{}", shared.context.source_db, shared.context.source_table());
        let table = match look {
            SourceLook::Unknown => return Ok(()),
            SourceLook::There(table) => table,
            SourceLook::Dropped => {
                return Err(Exit::Halted(Failure::new(
                    Code::TABLE_NOT_FOUND,
                    format!("table {name} was dropped on the source; its copy is left as it is"),
                    "recover the table and resume the job, or delete the job",
                )));
            }
            SourceLook::Absent => {
                self.absent += 1;
                if self.absent < LOOKS {
                    return Ok(());
                }
                return Err(Exit::Halted(Failure::new(
                    Code::TABLE_NOT_FOUND,
                    format!("table {name} is not on the source any more under its id; its copy is left as it is"),
                    "if it was created again, delete the job and create it again with \"allow_table_exists\": true",
                )));
            }
        };
        self.absent = 0;
        let ahead = table
            .partitions
            .iter()
            .find(|partition| issued.get(&partition.id).is_some_and(|issued| partition.visible_version > *issued));
        let Some(ahead) = ahead else {
            self.ahead = 0;
            return Ok(());
        };
        self.ahead += 1;
        if self.ahead < LOOKS {
            return Ok(());
        }
        Err(Exit::Halted(Failure::new(
            Code::BINLOG_OFF,
            format!(
                "{} of {name} stands at version {} and its binlog ends before: writes are not recorded",
                partition_text(ahead.id),
                ahead.visible_version
            ),
            "enable binlog on the table, then resume the job: it copies the table again",
        )))
    }
}
