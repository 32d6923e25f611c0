//! ALTER_JOB: heavy schema changes and rollups.

use doris::binlog::{AlterJob, AlterKind, JobState};

use super::Scope;

/// A job that ended gives indexes of other ids and another content: `Err` says why the table is copied. Before that there is
/// nothing to do: loads into indexes that are not on record are not copied.
pub(super) fn scope(job: &AlterJob) -> Result<Scope, String> {
    match (&job.state, &job.kind) {
        (JobState::Finished, AlterKind::SchemaChange) => Err("finished a schema change".to_owned()),
        (JobState::Finished, AlterKind::Rollup) => {
            Err(format!("finished rollup {}", job.rollup_name.as_deref().unwrap_or("of an unknown name")))
        }
        (JobState::Finished, AlterKind::Other(kind)) => Err(format!("finished a job of kind {kind}")),
        _ => Ok(Scope::Nothing),
    }
}
