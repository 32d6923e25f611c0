//! Watches the source of a job that is caught up. A table's stream says nothing of the table's end: after a DROP, or when
//! binlog is switched off, a reader is told "nothing new" for ever.

use std::collections::BTreeMap;

use doris::{
    Error, Source,
    cluster::TableMeta,
    ids::{PartitionId, TableId, Version},
};

use super::{Exit, TableView, partition_text};
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
    pub(super) async fn read(context: &Context, id: TableId<Source>) -> Result<Self, Error> {
        let Some(meta) = context.source.get_meta(context.ids().source_db, Some(&[id])).await? else {
            return Ok(Self::Unknown);
        };
        if let Some(table) = meta.tables.into_iter().find(|table| table.id == id) {
            return Ok(Self::There(table));
        }
        Ok(if meta.dropped_tables.contains_key(&id) { Self::Dropped } else { Self::Absent })
    }
}

/// What earlier looks showed, by table.
#[derive(Debug, Default)]
pub(super) struct SourceWatch {
    tables: BTreeMap<TableId<Source>, Seen>,
}

#[derive(Debug, Default)]
struct Seen {
    absent: u32,
    ahead: u32,
    /// How often the stream had said "nothing more" at the last look that counted.
    empty_answers: u64,
}

impl SourceWatch {
    /// Compares a table of the source with what was copied (`issued`: the highest version of each partition;
    /// `empty_answers`: how often the stream has said "nothing more"). Nothing is done to the destination: a table job stops
    /// and says what it saw, in a database the table is quarantined.
    pub(super) fn check(
        &mut self,
        view: &TableView,
        look: &SourceLook,
        issued: &BTreeMap<PartitionId<Source>, Version>,
        empty_answers: u64,
    ) -> Result<(), Exit> {
        let seen = self.tables.entry(view.id()).or_default();
        let name = format!("{}.{}", view.context.source_db, view.mapping.source_name);
        let table = match look {
            SourceLook::Unknown => return Ok(()),
            SourceLook::There(table) => table,
            // The stream of a database says so itself.
            SourceLook::Dropped | SourceLook::Absent if view.context.is_database() => return Ok(()),
            SourceLook::Dropped => {
                return Err(Exit::Halted(Failure::new(
                    Code::TABLE_NOT_FOUND,
                    format!("table {name} was dropped on the source; its copy is left as it is"),
                    "recover the table and resume the job, or delete the job",
                )));
            }
            SourceLook::Absent => {
                seen.absent += 1;
                if seen.absent < LOOKS {
                    return Ok(());
                }
                return Err(Exit::Halted(Failure::new(
                    Code::TABLE_NOT_FOUND,
                    format!("table {name} is not on the source any more under its id; its copy is left as it is"),
                    "if it was created again, delete the job and create it again with \"allow_table_exists\": true",
                )));
            }
        };
        seen.absent = 0;
        let ahead = table
            .partitions
            .iter()
            .find(|partition| issued.get(&partition.id).is_some_and(|issued| partition.visible_version > *issued));
        let Some(ahead) = ahead else {
            seen.ahead = 0;
            return Ok(());
        };
        // The stream must have been asked since the last look: one answer may have been on its way then. A stream that does
        // not answer at all says nothing about its end.
        if seen.ahead > 0 && empty_answers < seen.empty_answers + 2 {
            return Ok(());
        }
        seen.ahead += 1;
        seen.empty_answers = empty_answers;
        if seen.ahead < LOOKS {
            return Ok(());
        }
        let failure = Failure::new(
            Code::BINLOG_OFF,
            format!(
                "{} of {name} stands at version {} and its binlog ends before: writes are not recorded",
                partition_text(ahead.id),
                ahead.visible_version
            ),
            "enable binlog on the table, then resume the job: it copies the table again",
        );
        Err(Exit::Quarantine { table: view.id(), failure })
    }
}
