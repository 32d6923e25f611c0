//! The progress document: column `progresses.progress`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::go_json::{id_map, id_map_or_null, is_zero, null_is_zero};
use super::{DocumentError, OldForm, SubState, SyncState, SyncType, old_forms, parse, to_go_json};

const WHAT: &str = "progress document";

/// In [`ProgressDocument::table_commit_seq_map`]: the source table was dropped, skip all of its binlogs.
pub const DROPPED_TABLE_SEQ: i64 = i64::MAX;

/// How far a job got. Commit seqs and table, partition and index ids are the source's unless said otherwise; times are unix
/// seconds, 0 where not known.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ProgressDocument {
    #[serde(default, deserialize_with = "null_is_zero")]
    pub job_name: String,
    pub sync_state: SyncState,
    pub sub_sync_state: SubState,
    /// Number of the current full or partial snapshot, part of its labels: unix seconds at creation, then raised by one.
    #[serde(default, deserialize_with = "null_is_zero")]
    pub job_sync_id: i64,
    /// The last commit seq that is fully applied.
    #[serde(default, deserialize_with = "null_is_zero")]
    pub prev_commit_seq: i64,
    /// The commit seq being handled; equals `prev_commit_seq` when done.
    #[serde(default, deserialize_with = "null_is_zero")]
    pub commit_seq: i64,
    /// The last commit seq whose handling was started; survives a rollback.
    #[serde(default, deserialize_with = "null_is_zero")]
    pub last_commit_seq: i64,
    /// Newer Go: the commit seq of a rolled back binlog of unknown outcome.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unknown_commit_seq: Option<i64>,
    /// Source table id to destination table id (database sync).
    #[serde(default, serialize_with = "id_map_or_null")]
    pub table_mapping: Option<BTreeMap<i64, i64>>,
    /// Names of tables and views at snapshot time, then maintained by DDL.
    #[serde(default, deserialize_with = "null_is_zero", serialize_with = "id_map", skip_serializing_if = "is_zero")]
    pub table_name_mapping: BTreeMap<i64, String>,
    /// Floors: the commit seq that the snapshot holds of each table; [`DROPPED_TABLE_SEQ`] where the table is gone.
    #[serde(default, serialize_with = "id_map_or_null")]
    pub table_commit_seq_map: Option<BTreeMap<i64, i64>>,
    /// Newer Go: floors of partitions.
    #[serde(default, deserialize_with = "null_is_zero", serialize_with = "id_map", skip_serializing_if = "is_zero")]
    pub partition_commit_seq_map: BTreeMap<i64, i64>,
    /// Checkpoint of the sub state; see [`ProgressDocument::payload`]. Not shown by the API.
    #[serde(default, deserialize_with = "null_is_zero")]
    pub data: String,
    /// The running or last partial sync; absent after a new full snapshot.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub partial_sync_data: Option<PartialSyncData>,
    /// Table name to the name under which the table is being restored.
    #[serde(default, deserialize_with = "null_is_zero", skip_serializing_if = "is_zero")]
    pub table_aliases: BTreeMap<String, String>,
    /// Newer Go: destination transaction that is committed and not known to be visible; -1 is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prev_txn_id: Option<i64>,
    /// Newer Go: the source table of a table sync is gone.
    #[serde(default, deserialize_with = "null_is_zero", skip_serializing_if = "is_zero")]
    pub table_dropped_flag: bool,
    #[serde(default, deserialize_with = "null_is_zero", skip_serializing_if = "is_zero")]
    pub table_dropped_time: i64,
    /// Pending schema changes: shadow index id to origin index id.
    #[serde(default, deserialize_with = "null_is_zero", serialize_with = "id_map", skip_serializing_if = "is_zero")]
    pub shadow_index_map: BTreeMap<i64, i64>,
    #[serde(default, deserialize_with = "null_is_zero", skip_serializing_if = "is_zero")]
    pub created_at: i64,
    #[serde(default, deserialize_with = "null_is_zero", skip_serializing_if = "is_zero")]
    pub full_sync_start_at: i64,
    #[serde(default, deserialize_with = "null_is_zero", skip_serializing_if = "is_zero")]
    pub partial_sync_start_at: i64,
    #[serde(default, deserialize_with = "null_is_zero", skip_serializing_if = "is_zero")]
    pub incremental_sync_start_at: i64,
    #[serde(default, deserialize_with = "null_is_zero", skip_serializing_if = "is_zero")]
    pub ingest_binlog_at: i64,
    /// Why and where the last full sync was decided. Never omitted.
    #[serde(default, deserialize_with = "null_is_zero")]
    pub full_sync_info: FullSyncInfo,
    /// What this program knows beyond the Go program, which ignores the key. Null reads as `None`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ccr: Option<serde_json::Value>,
}

impl ProgressDocument {
    /// Progress of a job that has done nothing yet: as Go creates it, `now` in unix seconds.
    pub fn new(job_name: &str, sync_type: SyncType, now: i64) -> Self {
        Self {
            job_name: job_name.to_owned(),
            sync_state: match sync_type {
                SyncType::Database => SyncState::DBFullSync,
                SyncType::Table => SyncState::TableFullSync,
            },
            sub_sync_state: SubState::BeginCreateSnapshot,
            job_sync_id: now,
            prev_commit_seq: 0,
            commit_seq: 0,
            last_commit_seq: 0,
            unknown_commit_seq: None,
            table_mapping: None,
            table_name_mapping: BTreeMap::new(),
            table_commit_seq_map: None,
            partition_commit_seq_map: BTreeMap::new(),
            data: String::new(),
            partial_sync_data: None,
            table_aliases: BTreeMap::new(),
            prev_txn_id: None,
            table_dropped_flag: false,
            table_dropped_time: 0,
            shadow_index_map: BTreeMap::new(),
            created_at: now,
            full_sync_start_at: 0,
            partial_sync_start_at: 0,
            incremental_sync_start_at: 0,
            ingest_binlog_at: 0,
            full_sync_info: FullSyncInfo::default(),
            ccr: None,
        }
    }

    /// Reads any form since 2023-09; old forms are upgraded.
    ///
    /// # Errors
    /// The text is not JSON, a value has another type, or `sync_state` or `sub_sync_state` is missing: every program wrote
    /// them, and their zero values would mean a full sync.
    pub fn parse(text: &str) -> Result<Self, DocumentError> {
        Self::parse_noting(text).map(|(document, _)| document)
    }

    /// [`ProgressDocument::parse`], and what was old about the document, for the log.
    pub fn parse_noting(text: &str) -> Result<(Self, Option<OldForm>), DocumentError> {
        let mut document: Self = parse(WHAT, text)?;
        let note = old_forms::upgrade_progress(&mut document, text)?;
        Ok((document, note))
    }

    /// The bytes that Go would write.
    pub fn to_json(&self) -> String {
        to_go_json(self)
    }

    /// Go's "progress is done": nothing is being handled.
    pub fn is_done(&self) -> bool {
        self.sub_sync_state == SubState::Done && self.prev_commit_seq == self.commit_seq
    }
}

/// What a partial sync copies.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct PartialSyncData {
    /// Source table id; 0 in documents before November 2024: then a drop cannot be checked for.
    #[serde(deserialize_with = "null_is_zero")]
    pub table_id: i64,
    #[serde(deserialize_with = "null_is_zero")]
    pub table: String,
    /// Newer Go.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub is_view: Option<bool>,
    /// Never filled by the Go program.
    pub partition_ids: Option<Vec<i64>>,
    /// Partition names; null is the whole table.
    pub partitions: Option<Vec<String>>,
}

/// Progress and reason at the moment when the last full sync was decided.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct FullSyncInfo {
    #[serde(deserialize_with = "null_is_zero")]
    pub prev_commit_seq: i64,
    #[serde(deserialize_with = "null_is_zero")]
    pub commit_seq: i64,
    #[serde(deserialize_with = "null_is_zero")]
    pub sub_sync_state: SubState,
    /// For a person; empty in old documents.
    #[serde(deserialize_with = "null_is_zero")]
    pub info: String,
}
