//! ALTER_JOB: the states of a heavy schema change or of the build of a rollup.

use std::collections::BTreeMap;

use super::{PayloadError, fields::Fields};
use crate::ids::{IndexId, Source, TableId};

/// What a job makes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AlterKind {
    SchemaChange,
    /// A rollup or a synchronous materialized view.
    Rollup,
    /// Doris's word for what this version does not know.
    Other(String),
}

/// Where a job of Doris stands. RUNNING is never recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum JobState {
    Pending,
    WaitingTxn,
    Running,
    Finished,
    Cancelled,
    /// Doris's word for what this version does not know.
    Other(String),
}

impl JobState {
    pub(super) fn parse(word: &str) -> Self {
        match word {
            "PENDING" => Self::Pending,
            "WAITING_TXN" => Self::WaitingTxn,
            "RUNNING" => Self::Running,
            "FINISHED" => Self::Finished,
            "CANCELLED" => Self::Cancelled,
            other => Self::Other(other.to_owned()),
        }
    }
}

/// A state of a job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AlterJob {
    pub kind: AlterKind,
    pub table: TableId<Source>,
    /// At the creation of the job.
    pub table_name: Option<String>,
    pub job_id: i64,
    pub state: JobState,
    /// What was asked for; not always SQL. Absent or empty for rollups.
    pub raw_sql: String,
    /// Shadow index to the index that it is to replace; empty in 3.0.
    pub shadows: BTreeMap<IndexId<Source>, IndexId<Source>>,
    /// The rollup that is built; absent before 2025-04 (2.1, 3.0).
    pub rollup: Option<IndexId<Source>>,
    pub rollup_name: Option<String>,
}

impl AlterJob {
    pub(super) fn read(mut fields: Fields) -> Result<Self, PayloadError> {
        let table = fields.need_id("tableId", TableId::new)?;
        let kind = match fields.need_text("type")?.as_str() {
            "SCHEMA_CHANGE" => AlterKind::SchemaChange,
            "ROLLUP" => AlterKind::Rollup,
            other => AlterKind::Other(other.to_owned()),
        };
        Ok(Self {
            kind,
            table,
            table_name: fields.text("tableName")?,
            job_id: fields.or_default("jobId")?,
            state: JobState::parse(&fields.need_text("jobState")?),
            raw_sql: fields.or_default("rawSql")?,
            // Before 2024-01 the payload was the whole job, with its own name for the map.
            shadows: fields.any(&["iim", "indexIdMap"])?.unwrap_or_default(),
            rollup: fields.id(&["rollupIndexId"], IndexId::new)?,
            rollup_name: fields.any(&["rollUpIndexName", "rollupIndexName"])?.filter(|name: &String| !name.is_empty()),
        })
    }

    /// The indexes that transactions already load and nobody reads yet.
    pub fn unfinished_indexes(&self) -> impl Iterator<Item = IndexId<Source>> {
        self.shadows.keys().copied().chain(self.rollup)
    }
}

#[cfg(test)]
mod tests {
    use super::{
        super::{Record, testing::decode},
        *,
    };
    use crate::rpc::BinlogType;

    #[test]
    fn jobs_of_all_versions() {
        let change = r#"{"type":"SCHEMA_CHANGE","tableId":2,"tableName":"t","jobId":9,"jobState":"PENDING","rawSql":"x",
            "iim":{"31":21},"rollupIndexId":0,"baseIndexId":0}"#;
        let rollup = r#"{"type":"ROLLUP","tableId":2,"tableName":"t","jobId":9,"jobState":"WAITING_TXN","rawSql":"",
            "rollupIndexId":41,"rollUpIndexName":"r1","baseIndexid":21}"#;
        let old = r#"{"type":"ROLLUP","tableId":2,"tableName":"t","jobId":9,"jobState":"PENDING"}"#;
        for (data, state, unfinished) in [
            (change, JobState::Pending, vec![IndexId::new(31)]),
            (rollup, JobState::WaitingTxn, vec![IndexId::new(41)]),
            (old, JobState::Pending, vec![]),
        ] {
            let Ok(Record::AlterJob(job)) = decode(BinlogType::ALTER_JOB, data) else { panic!("{data}") };
            assert_eq!((job.state.clone(), job.unfinished_indexes().collect::<Vec<_>>()), (state, unfinished));
        }
        let other = r#"{"type":"DECOMMISSION_BACKEND","tableId":2,"jobState":"NEW"}"#;
        let Ok(Record::AlterJob(job)) = decode(BinlogType::ALTER_JOB, other) else { panic!("not read") };
        assert_eq!(job.state, JobState::Other("NEW".to_owned()));
    }
}
