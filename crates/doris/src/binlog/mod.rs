//! The JSON payloads of binlog records, as typed records. One file a family.
//!
//! Keys differ from Doris 2.1 to master and a `null` is never written, so a key is optional unless nothing can be done
//! without it; such a key being absent, or of another type, is a [`PayloadError`] that names it. Unknown keys are ignored.

mod alter_job;
mod barrier;
mod columns;
mod database;
mod fields;
mod index;
mod partition;
mod properties;
mod record;
mod rename;
mod schema;
mod table;
mod upsert;
mod view;

pub use alter_job::{AlterJob, AlterKind, JobState};
pub use barrier::Barrier;
pub use columns::{CommentChange, ModifyColumns, ModifyComment};
pub use database::AlterDatabase;
pub use fields::PayloadError;
pub use index::{DropRollup, IndexJob, ModifyIndexes};
pub use partition::{AddPartition, DropPartition, ModifyPartitions, PartitionProperties, ReplacePartitions};
pub use properties::{ModifyBuckets, ModifyTableProperties};
pub use record::Record;
pub use rename::{Rename, RenameColumn};
pub use schema::{Column, ColumnType, IndexInfo, PartitionDistribution};
pub use table::{CreateTable, CreatedKind, DropTable, Recover, ReplaceTable, Truncate};
pub use upsert::{PartitionRecord, TableRecord, Upsert};
pub use view::ModifyView;

/// A database name without the prefix that Doris 2.0 put before it.
fn plain_db_name(name: &str) -> &str {
    name.strip_prefix("default_cluster:").unwrap_or(name)
}

#[cfg(test)]
mod testing {
    use super::Record;
    use crate::{ids::CommitSeq, rpc::BinlogType};

    /// The record of a payload, or what is wrong with it.
    pub(super) fn decode(kind: BinlogType, data: &str) -> Result<Record, String> {
        Record::decode(kind, CommitSeq(7), data).map_err(|error| error.to_string())
    }
}
