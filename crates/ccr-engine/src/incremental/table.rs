//! One table as the pipeline sees it: what is durably known of it, with the metadata of both sides.

use std::{collections::BTreeSet, sync::Arc};

use doris::{
    Dest, Source,
    ids::{PartitionId, TableId},
};

use super::{COPY_AGAIN, Exit};
use crate::{
    job::{Cause, Context},
    label,
    ledger::Ledger,
    mapping::{Known, TableMapping},
    policy::{Code, Failure},
    tables::{CopiedIndexes, TableState},
};

/// Metadata of both sides, read once and thrown away on evidence that it is stale.
#[derive(Debug)]
pub(crate) struct Pair {
    pub(crate) mapping: Arc<TableMapping>,
    /// Name of the destination table, looked up by its id.
    pub(crate) dest_table: String,
}

/// What reading a table's metadata comes to.
pub(super) enum Loaded {
    Pair(Arc<Pair>),
    /// Its loads are not copied.
    PassedOver(&'static str),
}

/// One table of a run. Its state is that of the run's beginning: only what is verified moves within a run.
#[derive(Clone, Debug)]
pub(crate) struct TableView {
    pub(crate) context: Arc<Context>,
    pub(crate) mapping: Arc<TableMapping>,
    pub(crate) dest_table: String,
    /// Offsets of the partitions.
    pub(crate) ledger: Ledger,
    /// Empty destination partitions that wait for their source partition's first load.
    pub(crate) fresh: BTreeSet<PartitionId<Dest>>,
    /// Indexes of the source that the destination has; empty: all.
    pub(crate) indexes: CopiedIndexes,
}

impl TableView {
    pub(crate) fn new(context: &Arc<Context>, pair: &Pair, state: &TableState) -> Self {
        Self {
            context: Arc::clone(context),
            mapping: Arc::clone(&pair.mapping),
            dest_table: pair.dest_table.clone(),
            ledger: state.ledger.clone(),
            fresh: state.fresh.clone(),
            indexes: state.indexes.clone(),
        }
    }

    /// The source table.
    pub(crate) fn id(&self) -> TableId<Source> {
        self.mapping.source
    }

    /// A partition of the ledger is not on the destination any more.
    pub(super) fn partition_gone(&self, partition: PartitionId<Dest>) -> Exit {
        self.foreign(format!(
            "partition {partition} of {}.{} is gone from the destination: somebody else changed the table",
            self.context.dest_db, self.dest_table
        ))
    }

    /// Somebody else wrote to the copy.
    pub(super) fn foreign(&self, text: String) -> Exit {
        Exit::Quarantine { table: self.id(), failure: Failure::new(Code::FOREIGN_WRITE, text, COPY_AGAIN) }
    }
}

/// Reads both tables' metadata and pairs them. `state: None`: nothing is known of the table yet.
pub(super) async fn load(context: &Context, id: TableId<Source>, state: Option<&TableState>) -> Result<Loaded, Exit> {
    let ids = context.ids();
    let source = context.source.get_meta(ids.source_db, Some(&[id])).await?;
    let source = source.and_then(|db| db.tables.into_iter().find(|table| table.id == id));
    let Some(source) = source else {
        if context.is_database() {
            // Its rows cannot be fetched any more. Should it come back, the versions tell what is missing.
            return Ok(Loaded::PassedOver("it is not on the source any more"));
        }
        return Err(missing("source", format!("table {}", context.source_text())));
    };
    let Some(state) = state else { return unknown(context, &source.name, source.table_type.as_deref(), id).await };
    let dest = context.dest.get_meta(ids.dest_db, Some(&[state.dest])).await?;
    let dest = dest.and_then(|db| db.tables.into_iter().find(|table| table.id == state.dest));
    let Some(dest) = dest else {
        if context.is_database() {
            let reason = format!("the copy of {} (id {}) is gone from the destination", source.name, state.dest);
            return Err(Exit::resync(Cause::Metadata, id, reason, None));
        }
        return Err(missing("destination", format!("table {}.{}", context.dest_db, context.dest_table)));
    };
    let source_backends = context.source.backends().await?;
    let dest_backends = context.dest.backends().await?;
    let known = Known { partitions: Some(&state.ledger), indexes: &state.indexes };
    let mapping = TableMapping::pair(&source, &dest, known, (source_backends, dest_backends))
        .map_err(|mismatch| Exit::refresh(Failure::new(Code::METADATA, mismatch.0, COPY_AGAIN)))?;
    Ok(Loaded::Pair(Arc::new(Pair { mapping: Arc::new(mapping), dest_table: dest.name })))
}

/// A table that the job has not copied and that is written to.
async fn unknown(context: &Context, name: &str, table_type: Option<&str>, id: TableId<Source>) -> Result<Loaded, Exit> {
    if label::is_alias(name) {
        return Ok(Loaded::PassedOver("it is a copy that is being made on the source"));
    }
    let materialized = match table_type {
        Some(kind) => kind == "MATERIALIZED_VIEW",
        // Before 2024-12 only the text tells.
        None => {
            let text = context.source.create_table_text(&context.source_db, name).await?;
            text.trim_start().starts_with("CREATE MATERIALIZED VIEW")
        }
    };
    if materialized {
        return Ok(Loaded::PassedOver("it is an asynchronous materialized view"));
    }
    let reason = format!("table {name} (id {id}) was written to and is not among the copied tables");
    Err(Exit::resync(Cause::Metadata, id, reason, None))
}

fn missing(side: &str, what: String) -> Exit {
    Exit::refresh(Failure::new(
        Code::TABLE_NOT_FOUND,
        format!("{what} does not exist on the {side}"),
        "recover the table, or delete the job",
    ))
}
