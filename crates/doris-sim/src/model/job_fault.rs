//! Backup and restore jobs that are made to wait or to fail.

use super::{
    Model, SnapshotJob,
    debug_point::PAUSE_PENDING_BACKUP,
    snapshot::{JobError, JobState},
};

/// How soon a job that is held is looked at again.
const HOLD_MS: i64 = 200;

/// A job that is to fail when it is about to leave a state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobFault {
    /// Whether a restore is meant.
    pub restore: bool,
    /// The beginning of its label.
    pub label: String,
    pub state: JobState,
    /// Of the Status `[COMMON_ERROR, msg: ..]`.
    pub text: String,
}

/// What a job may do in its step.
pub(super) enum JobStep {
    Go,
    /// Look again at that time.
    Wait(i64),
    Fail(JobError),
}

impl Model {
    /// The next job that fits fails.
    pub fn fail_job(&mut self, fault: JobFault) {
        self.job_faults.push(fault);
    }

    /// What a job may do now.
    pub(super) fn job_step(&mut self, job: &SnapshotJob) -> JobStep {
        let head = job.head();
        let restore = matches!(job, SnapshotJob::Restore(_));
        let fits = |fault: &JobFault| {
            fault.restore == restore && fault.state == head.state && head.label.starts_with(&fault.label)
        };
        if let Some(at) = self.job_faults.iter().position(fits) {
            return JobStep::Fail(JobError::common(self.job_faults.remove(at).text));
        }
        let pending_backup = !restore && head.state == JobState::Pending;
        if pending_backup && self.debug_point_hit(PAUSE_PENDING_BACKUP, &head.label) {
            return JobStep::Wait(self.now_ms.saturating_add(self.options.snapshot_tick_ms.max(HOLD_MS)));
        }
        JobStep::Go
    }
}
