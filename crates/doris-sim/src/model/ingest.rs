//! What a backend does for ingest_binlog, and the files that it serves to other backends.

use std::{collections::BTreeMap, sync::Arc};

use serde::{Deserialize, Serialize};

use super::{Backend, ColumnType, Model, Rowset, RowsetColumn, SharedRowset, TabletShape, ids::*, schema::KeysType};

/// How a BE refuses: a `TStatusCode` and a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct BeRefusal {
    pub(crate) status: i32,
    pub(crate) text: String,
}

impl BeRefusal {
    pub(crate) fn new(status: i32, text: impl Into<String>) -> Self {
        Self { status, text: text.into() }
    }
}

/// What the rowset meta of a binlog says: enough to see that the rows fit nowhere else.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct RowsetMeta {
    pub(crate) keys: KeysType,
    pub(crate) shape: TabletShape,
    pub(crate) columns: Vec<RowsetColumn>,
    pub(crate) rows: usize,
}

/// How far an ingest of a transaction into a tablet is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum IngestState {
    Unknown,
    Doing,
    Done,
    Failed(String),
}

/// `TStatusCode` of the BE's refusals.
mod code {
    pub(super) const RUNTIME_ERROR: i32 = 4;
    pub(super) const TABLET_MISSING: i32 = 72;
}

impl Model {
    /// A backend whose process runs.
    pub(crate) fn living_backend(&self, id: BackendId) -> Option<&Backend> {
        self.backends.get(&id).filter(|be| be.running)
    }

    /// Begins an ingest. Two at once for one transaction and one merge-on-write tablet compute a delete bitmap for a
    /// rowset that is thrown away: the tablet will be corrupt if the transaction is published.
    pub(crate) fn begin_ingest(&mut self, be: BackendId, txn: TxnId, tablet: TabletId) -> Result<(), BeRefusal> {
        let be = self
            .backends
            .get_mut(&be)
            .filter(|be| be.flag("enable_feature_binlog"))
            .ok_or_else(|| BeRefusal::new(code::RUNTIME_ERROR, "enable feature binlog is false"))?;
        let on_be = be
            .tablets
            .get_mut(&tablet)
            .ok_or_else(|| BeRefusal::new(code::TABLET_MISSING, format!("tablet {tablet} not found")))?;
        let running = on_be.ingesting.entry(txn).or_insert(0);
        *running += 1;
        on_be.ingest_failures.remove(&txn);
        if *running > 1 && on_be.keys.is_merge_on_write() {
            on_be.overlapped.insert(txn);
        }
        Ok(())
    }

    /// Ends an ingest: the rows become a pending rowset of the transaction, unless it has one already.
    pub(crate) fn end_ingest(
        &mut self,
        be: BackendId,
        txn: TxnId,
        tablet: TabletId,
        downloaded: Result<(RowsetMeta, Rowset), BeRefusal>,
    ) -> Result<(), BeRefusal> {
        let checked = downloaded.and_then(|(meta, rowset)| {
            self.check_rowset(be, tablet, &meta)?;
            Ok(rowset)
        });
        let on_be = self
            .backends
            .get_mut(&be)
            .and_then(|be| be.tablets.get_mut(&tablet))
            .ok_or_else(|| BeRefusal::new(code::TABLET_MISSING, format!("tablet {tablet} not found")))?;
        let left = on_be.ingesting.get(&txn).copied().unwrap_or(1).saturating_sub(1);
        if left == 0 {
            on_be.ingesting.remove(&txn);
        } else {
            on_be.ingesting.insert(txn, left);
        }
        match checked {
            Ok(rowset) => {
                on_be.pending.entry(txn).or_insert_with(|| Arc::new(rowset));
                Ok(())
            }
            Err(refusal) => {
                on_be.ingest_failures.insert(txn, refusal.text.clone());
                Err(refusal)
            }
        }
    }

    /// query_ingest_binlog.
    pub(crate) fn ingest_state(&self, be: BackendId, txn: TxnId, tablet: TabletId) -> IngestState {
        let Some(on_be) = self.backends.get(&be).and_then(|be| be.tablets.get(&tablet)) else {
            return IngestState::Unknown;
        };
        if on_be.ingesting.contains_key(&txn) {
            IngestState::Doing
        } else if on_be.pending.contains_key(&txn) {
            IngestState::Done
        } else if let Some(why) = on_be.ingest_failures.get(&txn) {
            IngestState::Failed(why.clone())
        } else {
            IngestState::Unknown
        }
    }

    /// A real BE copies the bytes and notices nothing; what would be unreadable or in the wrong bucket there fails here.
    fn check_rowset(&self, be: BackendId, tablet: TabletId, meta: &RowsetMeta) -> Result<(), BeRefusal> {
        let mismatch =
            |what: String| BeRefusal::new(code::RUNTIME_ERROR, format!("rowset does not fit tablet {tablet}: {what}"));
        let on_be = self
            .backends
            .get(&be)
            .and_then(|be| be.tablets.get(&tablet))
            .ok_or_else(|| BeRefusal::new(code::TABLET_MISSING, format!("tablet {tablet} not found")))?;
        if on_be.shape != meta.shape {
            return Err(mismatch(format!("bucket {:?} instead of {:?}", meta.shape, on_be.shape)));
        }
        if on_be.keys != meta.keys {
            return Err(mismatch(format!("keys {:?} instead of {:?}", meta.keys, on_be.keys)));
        }
        let (columns, max_unique_id) = self.tablet_columns(on_be.partition, tablet);
        // Columns are found by unique id: a renamed one is the same, one that was dropped here is not read any more.
        let stranger =
            meta.columns.iter().find(|column| match columns.iter().find(|own| own.unique_id == column.unique_id) {
                Some(own) => own.is_key != column.is_key || !same_storage(&own.ty, &column.ty),
                None => column.unique_id > max_unique_id,
            });
        match stranger {
            None => Ok(()),
            Some(column) => Err(mismatch(format!(
                "no column `{}` {} with unique id {} (key: {})",
                column.name, column.ty, column.unique_id, column.is_key
            ))),
        }
    }

    /// The columns of the index that a tablet belongs to, and the largest unique id that it ever had.
    fn tablet_columns(&self, partition: PartitionId, tablet: TabletId) -> (Vec<RowsetColumn>, i32) {
        let tables = self.databases.values().flat_map(|db| db.tables());
        for table in tables {
            if let Some(partition) = table.partition_by_id(partition) {
                let index = partition.tablets().find(|(_, t)| t.id == tablet).map(|(index, _)| index);
                let Some(schema) = index.and_then(|index| table.indexes.get(&index)) else { break };
                let is_base = schema.id == table.base_index;
                let max = if is_base { table.max_unique_id } else { schema.max_unique_id };
                return (table.rowset_columns(schema), max);
            }
        }
        (Vec::new(), -1)
    }

    /// The rowset binlog of a version: its id and the rows. `None`: never written, or collected.
    pub(crate) fn rowset_binlog(&self, be: BackendId, tablet: TabletId, version: Version) -> Option<&SharedRowset> {
        self.living_backend(be)?.tablets.get(&tablet)?.binlogs.get(&version)
    }

    /// The meta of a rowset binlog.
    pub(crate) fn rowset_meta(&self, be: BackendId, tablet: TabletId, version: Version) -> Option<RowsetMeta> {
        let on_be = self.living_backend(be)?.tablets.get(&tablet)?;
        let rowset = on_be.binlogs.get(&version)?;
        Some(RowsetMeta {
            keys: on_be.keys,
            shape: on_be.shape.clone(),
            columns: rowset.columns.clone(),
            rows: rowset.rows.len(),
        })
    }

    /// The rowsets of a local snapshot. `None`: no such path, another tablet, or its time is over.
    pub(crate) fn snapshot_rowsets(
        &self,
        be: BackendId,
        path: &str,
        tablet: TabletId,
    ) -> Option<&BTreeMap<Version, SharedRowset>> {
        let snapshot = self.living_backend(be)?.snapshots.get(path)?;
        (snapshot.tablet == tablet && snapshot.expires_ms >= self.now_ms).then_some(&snapshot.rowsets)
    }
}

/// Whether values of a rowset can be read as a column: a VARCHAR may have become longer since.
fn same_storage(column: &ColumnType, written: &ColumnType) -> bool {
    match (column, written) {
        (ColumnType::Varchar { length }, ColumnType::Varchar { length: written }) => length >= written,
        _ => column == written,
    }
}

/// The id of a rowset as the BE prints it: it names the tablet and the version.
pub(crate) fn rowset_id(tablet: TabletId, version: Version) -> String {
    format!("02{:016x}{:030x}", version.0, tablet.get())
}
