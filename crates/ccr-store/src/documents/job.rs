//! The job document: column `jobs.job_info`.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::go_json::{is_zero, null_is_zero};
use super::{DocumentError, Password, Spec, old_forms, parse, to_go_json};

const WHAT: &str = "job document";

/// What a job replicates, and what its operator asked of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobDocument {
    /// The job's name, key of the row.
    #[serde(default, deserialize_with = "null_is_zero")]
    pub name: String,
    /// Newer Go: md5 hex of name and specs, its half of the unique id of a binlog lock. Kept as found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    #[serde(default, deserialize_with = "null_is_zero")]
    pub sync_type: SyncType,
    pub src: Spec,
    pub dest: Spec,
    #[serde(default, deserialize_with = "null_is_zero")]
    pub state: JobState,
    #[serde(default, deserialize_with = "null_is_zero")]
    pub extra: JobExtra,
    /// Newer Go: -1 takes the source's number, a positive one is set at the destination.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replication_num: Option<i64>,
}

impl JobDocument {
    /// Reads any form since 2023-09.
    ///
    /// # Errors
    /// The text is not JSON, a value has another type, `src` or `dest` is missing, or `sync_type` or `state` is a number
    /// without meaning.
    pub fn parse(text: &str) -> Result<Self, DocumentError> {
        let mut document: Self = parse(WHAT, text)?;
        old_forms::upgrade_job(&mut document, text)?;
        Ok(document)
    }

    /// The bytes that Go would write.
    pub fn to_json(&self) -> String {
        to_go_json(self)
    }

    /// A copy for API replies: passwords are [`Password::REDACTED`].
    pub fn redacted(&self) -> Self {
        let mut copy = self.clone();
        copy.src.password = Password::redacted();
        copy.dest.password = Password::redacted();
        copy
    }
}

/// `extra` of a job document. Zero values are omitted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct JobExtra {
    /// Use the source's transaction labels at the destination.
    #[serde(deserialize_with = "null_is_zero", skip_serializing_if = "is_zero")]
    pub reuse_binlog_label: bool,
    /// A skip request is pending.
    #[serde(deserialize_with = "null_is_zero", skip_serializing_if = "is_zero")]
    pub skip_binlog: bool,
    #[serde(deserialize_with = "null_is_zero", skip_serializing_if = "is_zero")]
    pub skip_commit_seq: i64,
    /// As the Go program stored it, in any case; see [`JobExtra::skip_method`].
    #[serde(deserialize_with = "null_is_zero", skip_serializing_if = "is_zero")]
    pub skip_by: String,
    /// Newer Go, for `partialsync`.
    #[serde(deserialize_with = "null_is_zero", skip_serializing_if = "is_zero")]
    pub skip_table: String,
    #[serde(deserialize_with = "null_is_zero", skip_serializing_if = "is_zero")]
    pub skip_table_id: i64,
    /// Ours: which request it is, so that it is fulfilled once. The Go program ignores and drops it.
    #[serde(deserialize_with = "null_is_zero", skip_serializing_if = "is_zero")]
    pub ccr_skip_id: i64,
}

impl JobExtra {
    /// The pending skip request's method; `None` without a request or with a method that is not known.
    pub fn skip_method(&self) -> Option<SkipMethod> {
        if self.skip_binlog { SkipMethod::parse(&self.skip_by) } else { None }
    }
}

/// How a binlog is skipped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SkipMethod {
    /// Pass over the binlog with the given commit seq.
    Silence,
    /// Replace everything by a full sync.
    FullSync,
    /// Replace one table by a partial sync.
    PartialSync,
}

impl SkipMethod {
    /// From its text in any case.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Silence, Self::FullSync, Self::PartialSync]
            .into_iter()
            .find(|method| method.text().eq_ignore_ascii_case(text))
    }

    /// The text in documents and requests.
    pub fn text(self) -> &'static str {
        match self {
            Self::Silence => "silence",
            Self::FullSync => "fullsync",
            Self::PartialSync => "partialsync",
        }
    }
}

/// What a job covers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SyncType {
    /// A whole database.
    #[default]
    Database,
    /// One table, under the same or another name.
    Table,
}

impl SyncType {
    /// The API's text.
    pub fn name(self) -> &'static str {
        match self {
            Self::Database => "db_sync",
            Self::Table => "table_sync",
        }
    }
}

impl Serialize for SyncType {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_i64(match self {
            Self::Database => 0,
            Self::Table => 1,
        })
    }
}

impl<'de> Deserialize<'de> for SyncType {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match i64::deserialize(deserializer)? {
            0 => Ok(Self::Database),
            1 => Ok(Self::Table),
            other => Err(serde::de::Error::custom(format!("sync_type {other} is not known (0 database, 1 table)"))),
        }
    }
}

/// What the operator wants of a job.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum JobState {
    #[default]
    Running,
    Paused,
}

impl JobState {
    /// The API's text.
    pub fn name(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Paused => "paused",
        }
    }
}

impl Serialize for JobState {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_i64(match self {
            Self::Running => 0,
            Self::Paused => 1,
        })
    }
}

impl<'de> Deserialize<'de> for JobState {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match i64::deserialize(deserializer)? {
            0 => Ok(Self::Running),
            1 => Ok(Self::Paused),
            other => Err(serde::de::Error::custom(format!("state {other} is not known (0 running, 1 paused)"))),
        }
    }
}
