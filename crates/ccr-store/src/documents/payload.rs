//! What `data` of a progress document means in each sub state.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::go_json::{id_map, is_zero, null_is_zero};
use super::{DocumentError, ProgressDocument, SubState, UpsertContext, parse, to_go_json};

/// `data`, parsed by its sub state.
#[derive(Clone, Debug)]
pub enum Payload {
    /// `data` says nothing here; in [`SubState::Done`] it may hold the last upsert's context, which is stale.
    None,
    /// [`SubState::GetSnapshotInfo`]: the backup's label.
    SnapshotLabel(String),
    /// [`SubState::PersistRestoreInfo`]: the restore's label.
    RestoreLabel(String),
    /// [`SubState::IngestBinlog`], [`SubState::CommitTransaction`], [`SubState::RollbackTransaction`].
    Upsert(Box<UpsertContext>),
    /// [`SubState::RestoreSnapshot`] of documents until 2024-10-28.
    Snapshot(Box<SnapshotContext>),
    /// The pipeline states of newer Go programs.
    Pipeline(Box<PipelineContext>),
}

impl ProgressDocument {
    /// What `data` means in the document's sub state.
    ///
    /// # Errors
    /// The sub state needs a payload and `data` is none.
    pub fn payload(&self) -> Result<Payload, DocumentError> {
        let label = |what| {
            if self.data.is_empty() {
                Err(DocumentError { what, reason: "data holds no label".to_owned() })
            } else {
                Ok(self.data.clone())
            }
        };
        match self.sub_sync_state {
            SubState::GetSnapshotInfo => label("snapshot label").map(Payload::SnapshotLabel),
            SubState::PersistRestoreInfo => label("restore label").map(Payload::RestoreLabel),
            SubState::IngestBinlog | SubState::CommitTransaction | SubState::RollbackTransaction => {
                UpsertContext::parse(&self.data).map(|context| Payload::Upsert(Box::new(context)))
            }
            SubState::RestoreSnapshot => {
                SnapshotContext::parse(&self.data).map(|context| Payload::Snapshot(Box::new(context)))
            }
            SubState::LaunchTransaction
            | SubState::CommitPipeline
            | SubState::CommitPipelineTransaction
            | SubState::RollbackPipeline => {
                PipelineContext::parse(&self.data).map(|context| Payload::Pipeline(Box::new(context)))
            }
            SubState::Done
            | SubState::BeginCreateSnapshot
            | SubState::AddExtraInfo
            | SubState::WaitBackupDone
            | SubState::WaitRestoreDone
            | SubState::BeginTransaction
            | SubState::Unknown { .. } => Ok(Payload::None),
        }
    }
}

/// A snapshot that was about to be restored.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct SnapshotContext {
    pub snapshot_name: String,
    /// The FE's answer, `meta` and `job_info` in base64; megabytes. Asking the FE again by name gives it as well.
    #[serde(default)]
    pub snapshot_resp: Option<Box<RawValue>>,
    /// Floors of the tables in the snapshot.
    #[serde(default, deserialize_with = "null_is_zero", serialize_with = "id_map")]
    pub table_commit_seq_map: BTreeMap<i64, i64>,
    /// Absent in older documents: then names are looked up by id.
    #[serde(default, deserialize_with = "null_is_zero", serialize_with = "id_map", skip_serializing_if = "is_zero")]
    pub table_name_mapping: BTreeMap<i64, String>,
}

impl SnapshotContext {
    /// Reads `data`. Errors: not JSON, or no snapshot name.
    pub fn parse(data: &str) -> Result<Self, DocumentError> {
        parse("snapshot context", data)
    }

    /// The bytes that Go would write.
    pub fn to_json(&self) -> String {
        to_go_json(self)
    }
}

/// The open transactions of a newer Go program.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PipelineContext {
    /// In the order of their launch.
    #[serde(deserialize_with = "null_is_zero")]
    pub running_txn_list: Vec<UpsertContext>,
    /// The one whose commit was on its way.
    #[serde(default)]
    pub commitable_txn: Option<UpsertContext>,
}

impl PipelineContext {
    /// Reads `data`. Errors: not JSON, or no list of transactions: then nobody knows what is open at the destination.
    pub fn parse(data: &str) -> Result<Self, DocumentError> {
        parse("pipeline context", data)
    }
}
