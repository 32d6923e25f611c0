//! The Go program's documents, typed.
//!
//! Two documents belong to a job: [`JobDocument`] (what to replicate) and [`ProgressDocument`] (how far it got). Reading takes
//! every form that the Go program wrote since September 2023: unknown keys are ignored, missing keys and nulls are zero
//! values, old forms are upgraded ([`OldForm`]). Writing gives the bytes that Go's `json.Marshal` gives, so that a Go syncer
//! can take a job back.

mod go_json;
mod job;
mod old_forms;
mod payload;
mod progress;
mod spec;
mod state;
mod upsert;

use std::fmt;

pub use go_json::to_go_json;
pub use job::{JobDocument, JobExtra, JobState, SkipMethod, SyncType};
pub use old_forms::OldForm;
pub use payload::{Payload, PipelineContext, SnapshotContext};
pub use progress::{DROPPED_TABLE_SEQ, FullSyncInfo, PartialSyncData, ProgressDocument};
pub use spec::{Frontend, Password, Spec};
pub use state::{SubState, SyncState};
pub use upsert::{PartitionRecord, SubTxnInfo, TableRecord, TabletCommitInfo, UpsertContext};

use crate::{StoreError, StoreErrorKind};

/// A document that cannot be understood. The text names what was expected and where, never what was found: that may be a
/// password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DocumentError {
    /// What was read: `job document`, `progress document`, `upsert context`..
    pub what: &'static str,
    /// Why it was refused.
    pub reason: String,
}

impl fmt::Display for DocumentError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the {} cannot be read: {}", self.what, self.reason)
    }
}

impl std::error::Error for DocumentError {}

impl From<DocumentError> for StoreError {
    fn from(error: DocumentError) -> Self {
        Self { kind: StoreErrorKind::Corrupt, text: error.to_string() }
    }
}

/// Parses `text` as a `T`; errors are free of content.
fn parse<'de, T: serde::Deserialize<'de>>(what: &'static str, text: &'de str) -> Result<T, DocumentError> {
    serde_json::from_str(text).map_err(|error| {
        let message = error.to_string();
        // `invalid type: string "the content", expected i64 at line 1 column 9`
        let reason = match message.rfind(", expected ") {
            Some(at) if message.starts_with("invalid ") => message.get(at + 2..).unwrap_or_default().to_owned(),
            _ => message,
        };
        DocumentError { what, reason }
    })
}
