//! The numbers of the Go program's two-level state, in this one place.

use std::borrow::Cow;

use serde::de::Error as _;
use serde::ser::SerializeStruct;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// `sync_state`: what the job is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SyncState {
    DBFullSync,
    /// After a full sync, until the slowest table's floor is passed.
    DBTablesIncrementalSync,
    /// Deprecated; a Go job found in it does nothing for ever.
    DBSpecificTableFullSync,
    DBIncrementalSync,
    DBPartialSync,
    TableFullSync,
    TableIncrementalSync,
    TablePartialSync,
    /// Written by a program that is newer than this one.
    Unknown(i32),
}

impl SyncState {
    const KNOWN: [(Self, i32, &'static str); 8] = [
        (Self::DBFullSync, 0, "DBFullSync"),
        (Self::DBTablesIncrementalSync, 1, "DBTablesIncrementalSync"),
        (Self::DBSpecificTableFullSync, 2, "DBSpecificTableFullSync"),
        (Self::DBIncrementalSync, 3, "DBIncrementalSync"),
        (Self::DBPartialSync, 4, "DBPartialSync"),
        (Self::TableFullSync, 500, "TableFullSync"),
        (Self::TableIncrementalSync, 501, "TableIncrementalSync"),
        (Self::TablePartialSync, 502, "TablePartialSync"),
    ];

    /// The state with this number.
    pub fn from_value(value: i32) -> Self {
        Self::KNOWN.iter().find(|known| known.1 == value).map_or(Self::Unknown(value), |known| known.0)
    }

    /// The number in the document.
    pub fn value(self) -> i32 {
        match self {
            Self::Unknown(value) => value,
            _ => Self::KNOWN.iter().find(|known| known.0 == self).map_or(-1, |known| known.1),
        }
    }

    /// The API's text.
    pub fn name(self) -> Cow<'static, str> {
        match Self::KNOWN.iter().find(|known| known.0 == self) {
            Some(known) => Cow::Borrowed(known.2),
            None => Cow::Owned(format!("Unknown SyncState: {}", self.value())),
        }
    }

    /// Whether binlogs are applied in this state.
    pub fn is_incremental(self) -> bool {
        matches!(self, Self::DBTablesIncrementalSync | Self::DBIncrementalSync | Self::TableIncrementalSync)
    }

    /// Whether a whole job is copied in this state.
    pub fn is_full(self) -> bool {
        matches!(self, Self::DBFullSync | Self::TableFullSync)
    }

    /// Whether a table, a view or partitions are copied in this state.
    pub fn is_partial(self) -> bool {
        matches!(self, Self::DBPartialSync | Self::TablePartialSync)
    }
}

impl Serialize for SyncState {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_i32(self.value())
    }
}

impl<'de> Deserialize<'de> for SyncState {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self::from_value(i32::deserialize(deserializer)?))
    }
}

/// `sub_sync_state`: the step within a [`SyncState`], a pair of numbers `(state, binlog_type)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SubState {
    Done,
    /// Also the durable state while the backup runs.
    BeginCreateSnapshot,
    /// The backup ended; also the durable state while the restore runs.
    GetSnapshotInfo,
    AddExtraInfo,
    /// Durable in documents written until 2024-10-28 only.
    RestoreSnapshot,
    /// The restore ended.
    PersistRestoreInfo,
    WaitBackupDone,
    WaitRestoreDone,
    BeginTransaction,
    IngestBinlog,
    CommitTransaction,
    RollbackTransaction,
    /// Newer Go.
    LaunchTransaction,
    /// Newer Go.
    CommitPipeline,
    /// Newer Go.
    CommitPipelineTransaction,
    /// Newer Go.
    RollbackPipeline,
    /// A pair without a meaning here, such as the zeros of an old document's `full_sync_info`.
    Unknown {
        state: i32,
        binlog_type: i32,
    },
}

impl SubState {
    const KNOWN: [(Self, (i32, i32), &'static str); 16] = [
        (Self::Done, (-1, -1), "Done"),
        (Self::BeginCreateSnapshot, (0, -1), "BeginCreateSnapshot"),
        (Self::GetSnapshotInfo, (1, -1), "GetSnapshotInfo"),
        (Self::AddExtraInfo, (2, -1), "AddExtraInfo"),
        (Self::RestoreSnapshot, (3, -1), "RestoreSnapshot"),
        (Self::PersistRestoreInfo, (4, -1), "PersistRestoreInfo"),
        (Self::WaitBackupDone, (5, -1), "WaitBackupDone"),
        (Self::WaitRestoreDone, (6, -1), "WaitRestoreDone"),
        (Self::BeginTransaction, (11, 0), "BeginTransaction"),
        (Self::IngestBinlog, (12, 0), "IngestBinlog"),
        (Self::CommitTransaction, (13, 0), "CommitTransaction"),
        (Self::RollbackTransaction, (14, 0), "RollbackTransaction"),
        (Self::LaunchTransaction, (200, -1), "LaunchTransaction"),
        (Self::CommitPipeline, (201, -1), "CommitPipeline"),
        (Self::CommitPipelineTransaction, (202, -1), "CommitPipelineTransaction"),
        (Self::RollbackPipeline, (203, -1), "RollbackPipeline"),
    ];

    /// The state with these numbers.
    pub fn from_pair(state: i32, binlog_type: i32) -> Self {
        Self::KNOWN
            .iter()
            .find(|known| known.1 == (state, binlog_type))
            .map_or(Self::Unknown { state, binlog_type }, |known| known.0)
    }

    /// The numbers in the document: `(state, binlog_type)`.
    pub fn pair(self) -> (i32, i32) {
        match self {
            Self::Unknown { state, binlog_type } => (state, binlog_type),
            _ => Self::KNOWN.iter().find(|known| known.0 == self).map_or((-1, -1), |known| known.1),
        }
    }

    /// The API's text.
    pub fn name(self) -> Cow<'static, str> {
        match Self::KNOWN.iter().find(|known| known.0 == self) {
            Some(known) => Cow::Borrowed(known.2),
            None => {
                let (state, binlog_type) = self.pair();
                Cow::Owned(format!("Unknown sub sync state: {state}, binlog type: {binlog_type}"))
            }
        }
    }
}

impl Default for SubState {
    /// Go's zero value, which names no state.
    fn default() -> Self {
        Self::Unknown { state: 0, binlog_type: 0 }
    }
}

impl Serialize for SubState {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (state, binlog_type) = self.pair();
        let mut out = serializer.serialize_struct("SubState", 2)?;
        out.serialize_field("state", &state)?;
        out.serialize_field("binlog_type", &binlog_type)?;
        out.end()
    }
}

impl<'de> Deserialize<'de> for SubState {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Form {
            Pair {
                #[serde(default)]
                state: Option<i32>,
                #[serde(default)]
                binlog_type: Option<i32>,
            },
            Bare(i64),
        }
        match Form::deserialize(deserializer) {
            Ok(Form::Pair { state, binlog_type }) => {
                Ok(Self::from_pair(state.unwrap_or_default(), binlog_type.unwrap_or_default()))
            }
            Ok(Form::Bare(number)) => Err(D::Error::custom(format!(
                "sub_sync_state is the bare number {number}, as written before 2023-09-12: create the job anew"
            ))),
            Err(_) => Err(D::Error::custom("sub_sync_state is no pair of small numbers")),
        }
    }
}
