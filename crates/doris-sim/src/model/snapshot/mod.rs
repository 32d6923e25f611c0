//! Backup and restore jobs: one unfinished job per database, one step per tick of the handler.

mod backup;
mod document;
mod download;
mod job_info;
mod restore;
mod restore_build;
mod restore_check;
mod restore_finish;
mod restore_submit;
mod show;
mod signature;

use std::collections::VecDeque;

use super::{Answer, Model, Refusal, fe_json::JavaMap, ids::*, job_fault::JobStep};

pub use backup::{BackupObject, BackupSpec};
pub use document::LocalSnapshot;
pub(crate) use download::DownloadTask;
pub use restore_submit::{RestoreSpec, RestoreStatement};
pub use show::{BACKUP_COLUMNS, RESTORE_COLUMNS};

/// States of both kinds of job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JobState {
    Pending,
    Snapshoting,
    UploadSnapshot,
    Uploading,
    SaveMeta,
    UploadInfo,
    Creating,
    Download,
    Downloading,
    Commit,
    Committing,
    Finished,
    Cancelled,
}

impl JobState {
    /// Doris's word.
    pub fn name(self) -> &'static str {
        match self {
            Self::Pending => "PENDING",
            Self::Snapshoting => "SNAPSHOTING",
            Self::UploadSnapshot => "UPLOAD_SNAPSHOT",
            Self::Uploading => "UPLOADING",
            Self::SaveMeta => "SAVE_META",
            Self::UploadInfo => "UPLOAD_INFO",
            Self::Creating => "CREATING",
            Self::Download => "DOWNLOAD",
            Self::Downloading => "DOWNLOADING",
            Self::Commit => "COMMIT",
            Self::Committing => "COMMITTING",
            Self::Finished => "FINISHED",
            Self::Cancelled => "CANCELLED",
        }
    }

    /// The state of Doris's word.
    pub fn of_name(name: &str) -> Option<Self> {
        const ALL: [JobState; 13] = [
            JobState::Pending,
            JobState::Snapshoting,
            JobState::UploadSnapshot,
            JobState::Uploading,
            JobState::SaveMeta,
            JobState::UploadInfo,
            JobState::Creating,
            JobState::Download,
            JobState::Downloading,
            JobState::Commit,
            JobState::Committing,
            JobState::Finished,
            JobState::Cancelled,
        ];
        ALL.into_iter().find(|state| state.name().eq_ignore_ascii_case(name))
    }

    /// Whether the job is over.
    pub fn is_final(self) -> bool {
        matches!(self, Self::Finished | Self::Cancelled)
    }
}

/// What both kinds of job have.
#[derive(Clone, Debug)]
pub struct JobHead {
    /// -1 while PENDING.
    pub id: i64,
    pub label: String,
    pub db: DbId,
    pub db_name: String,
    pub state: JobState,
    /// `[OK]` or `[CODE, msg: text]`. Not journaled: lost by an FE restart.
    pub status: String,
    pub timeout_ms: i64,
    pub created_ms: i64,
    pub meta_prepared_ms: Option<i64>,
    pub snapshot_finished_ms: Option<i64>,
    /// End of the upload or download.
    pub transfer_finished_ms: Option<i64>,
    pub finished_ms: Option<i64>,
    /// The next step is due; `None` while something else is waited for.
    pub(crate) next_step_ms: Option<i64>,
    /// Since when the job is in its state.
    since_ms: i64,
    /// Tasks of the state: signature, and the tablet or the backend that it is for.
    tasks: Vec<(i64, i64)>,
}

/// How long backends need for the tasks of a state, besides downloads.
const TASKS_MS: i64 = 20;

impl JobHead {
    /// Tasks that are not finished, in Doris's order.
    fn open_tasks(&self, now_ms: i64) -> JavaMap<i64> {
        let open = now_ms < self.since_ms.saturating_add(TASKS_MS);
        JavaMap::of_longs(self.tasks.iter().filter(|_| open).copied())
    }

    /// From then on a step cancels the job.
    fn times_out_ms(&self) -> i64 {
        self.created_ms.saturating_add(self.timeout_ms).saturating_add(1)
    }
}

/// A backup or restore job.
#[derive(Clone, Debug)]
pub enum SnapshotJob {
    Backup(Box<backup::BackupJob>),
    Restore(Box<restore::RestoreJob>),
}

impl SnapshotJob {
    pub fn head(&self) -> &JobHead {
        match self {
            Self::Backup(job) => &job.head,
            Self::Restore(job) => &job.head,
        }
    }

    fn head_mut(&mut self) -> &mut JobHead {
        match self {
            Self::Backup(job) => &mut job.head,
            Self::Restore(job) => &mut job.head,
        }
    }
}

/// Why a job is cancelled: the code and text of its status.
pub(crate) struct JobError {
    code: &'static str,
    text: String,
}

impl JobError {
    pub(crate) fn common(text: impl Into<String>) -> Self {
        Self { code: "COMMON_ERROR", text: text.into() }
    }

    pub(crate) fn not_found(text: impl Into<String>) -> Self {
        Self { code: "NOT_FOUND", text: text.into() }
    }

    fn status(&self) -> String {
        format!("[{}, msg: {}]", self.code, self.text)
    }
}

/// The smallest timeout of a job.
const MIN_TIMEOUT_S: i64 = 600;

impl Model {
    /// Jobs of a database, oldest first.
    pub fn snapshot_jobs(&self, db: DbId) -> impl DoubleEndedIterator<Item = &SnapshotJob> {
        self.snapshot_jobs.get(&db).into_iter().flatten()
    }

    /// When the next step of a job is due.
    pub(crate) fn next_job_step_ms(&self) -> Option<i64> {
        let jobs = self.snapshot_jobs.values().filter_map(VecDeque::back);
        jobs.map(SnapshotJob::head)
            .filter(|head| !head.state.is_final())
            .map(|head| head.next_step_ms.map_or(head.times_out_ms(), |next| next.min(head.times_out_ms())))
            .min()
    }

    /// One step of every job that is due.
    pub(crate) fn step_jobs(&mut self) {
        let now = self.now_ms;
        let is_due = |head: &JobHead| {
            !head.state.is_final() && (head.next_step_ms.is_some_and(|at| at <= now) || head.times_out_ms() <= now)
        };
        let due: Vec<DbId> = self
            .snapshot_jobs
            .iter()
            .filter(|(_, jobs)| jobs.back().is_some_and(|job| is_due(job.head())))
            .map(|(db, _)| *db)
            .collect();
        for db in due {
            let Some(mut job) = self.snapshot_jobs.get_mut(&db).and_then(VecDeque::pop_back) else { continue };
            if let Err(error) = self.step_job(&mut job) {
                self.cancel_job(&mut job, &error);
            }
            self.snapshot_jobs.entry(db).or_default().push_back(job);
        }
    }

    fn step_job(&mut self, job: &mut SnapshotJob) -> Result<(), JobError> {
        let now = self.now_ms;
        if job.head().times_out_ms() <= now {
            let text = match job {
                SnapshotJob::Backup(_) => String::new(),
                SnapshotJob::Restore(job) => format!("restore job with label: {}  timeout.", job.head.label),
            };
            return Err(JobError { code: "TIMEOUT", text });
        }
        job.head_mut().next_step_ms = Some(now.saturating_add(self.options.snapshot_tick_ms));
        match self.job_step(job) {
            JobStep::Go => {}
            JobStep::Wait(until) => {
                job.head_mut().next_step_ms = Some(until);
                return Ok(());
            }
            JobStep::Fail(error) => return Err(error),
        }
        let state = job.head().state;
        match job {
            SnapshotJob::Backup(job) => self.step_backup(job)?,
            SnapshotJob::Restore(job) => self.step_restore(job)?,
        }
        if job.head().state != state {
            job.head_mut().since_ms = now;
        }
        Ok(())
    }

    fn cancel_job(&mut self, job: &mut SnapshotJob, error: &JobError) {
        match job {
            SnapshotJob::Backup(job) => self.release_files(job),
            SnapshotJob::Restore(job) => self.undo_restore(job),
        }
        let now = self.now_ms;
        let head = job.head_mut();
        head.state = JobState::Cancelled;
        head.status = error.status();
        head.finished_ms = Some(now);
        head.next_step_ms = None;
        head.tasks.clear();
        self.journal();
    }

    /// CANCEL BACKUP / CANCEL RESTORE FROM db.
    pub fn cancel_snapshot_job(&mut self, db: &str, restore: bool) -> Answer<()> {
        let db = self.db_id(db)?;
        let last = self.snapshot_jobs.get(&db).and_then(VecDeque::back);
        let kind_fits = last.is_some_and(|job| matches!(job, SnapshotJob::Restore(_)) == restore);
        let Some(head) = last.filter(|_| kind_fits).map(SnapshotJob::head) else {
            let text = if restore { "No restore is currently running" } else { "No backup job is currently running" };
            return Err(Refusal::analysis(text));
        };
        if head.state.is_final() {
            return Err(Refusal::analysis(format!(
                "Failed to cancel job: Job with label {} can not be cancelled. state: {}",
                head.label,
                head.state.name()
            )));
        }
        let text = match restore {
            false => "user cancelled".to_owned(),
            true => format!("user cancelled, current state: {}", head.state.name()),
        };
        if let Some(mut job) = self.snapshot_jobs.get_mut(&db).and_then(VecDeque::pop_back) {
            self.cancel_job(&mut job, &JobError::common(text));
            self.snapshot_jobs.entry(db).or_default().push_back(job);
        }
        Ok(())
    }

    /// A new master resumes every job from its last journaled state; texts and results of jobs are lost.
    pub(crate) fn resume_jobs(&mut self) {
        let dbs: Vec<DbId> = self.snapshot_jobs.keys().copied().collect();
        for db in dbs {
            let mut jobs = self.snapshot_jobs.remove(&db).unwrap_or_default();
            for job in &mut jobs {
                job.head_mut().status = "[OK]".into();
                if !job.head().state.is_final() {
                    self.resume_job(job);
                }
            }
            self.snapshot_jobs.insert(db, jobs);
        }
    }

    fn resume_job(&mut self, job: &mut SnapshotJob) {
        let journaled = match job.head().state {
            // From the beginning, with a new id and new positions.
            JobState::Snapshoting | JobState::Creating => JobState::Pending,
            JobState::Uploading => JobState::UploadSnapshot,
            JobState::Downloading => JobState::Download,
            JobState::Committing => JobState::Commit,
            state => state,
        };
        match job {
            SnapshotJob::Backup(job) if journaled == JobState::Pending => job.forget_work(),
            SnapshotJob::Restore(job) if journaled == JobState::Pending => {
                self.undo_restore(job);
                job.forget_work();
            }
            _ => {}
        }
        let next = self.now_ms.saturating_add(self.options.snapshot_tick_ms);
        let head = job.head_mut();
        head.state = journaled;
        head.next_step_ms = Some(next);
    }

    /// Refuses a second job of the database.
    fn check_no_running_job(&self, db: DbId, label: &str) -> Answer<()> {
        let running = self.snapshot_jobs.get(&db).and_then(VecDeque::back).map(SnapshotJob::head);
        match running.filter(|head| !head.state.is_final()) {
            None => Ok(()),
            Some(head) => Err(Refusal::analysis(format!(
                "Can only run one backup or restore job of a database at same time , current running: label = {} jobId \
                 = {}, to run label = {label}",
                head.label, head.id
            ))),
        }
    }

    /// Appends a job to the history of its database. The oldest beyond the limit go, with their snapshots; a job that
    /// never got an id, because it was cancelled while PENDING, makes room for one that has none yet.
    fn push_job(&mut self, db: DbId, job: SnapshotJob) {
        let most = self.config_number("max_backup_restore_job_num_per_db", 10);
        let Some(most) = usize::try_from(most).ok().filter(|most| *most > 0) else { return };
        let mut evicted = Vec::new();
        let jobs = self.snapshot_jobs.entry(db).or_default();
        while jobs.len() >= most {
            evicted.extend(jobs.pop_front());
        }
        if jobs.back().is_some_and(|last| last.head().id == job.head().id) {
            jobs.pop_back();
        }
        jobs.push_back(job);
        for job in evicted {
            if let SnapshotJob::Backup(job) = job {
                self.forget_snapshot(&job.head.label);
            }
        }
    }

    /// A new job's common part.
    fn job_head(&self, db: DbId, db_name: &str, label: &str, timeout_ms: i64) -> JobHead {
        JobHead {
            id: -1,
            label: label.to_owned(),
            db,
            db_name: db_name.to_owned(),
            state: JobState::Pending,
            status: "[OK]".into(),
            timeout_ms,
            created_ms: self.now_ms,
            meta_prepared_ms: None,
            snapshot_finished_ms: None,
            transfer_finished_ms: None,
            finished_ms: None,
            next_step_ms: Some(self.now_ms.saturating_add(self.options.snapshot_tick_ms)),
            since_ms: self.now_ms,
            tasks: Vec::new(),
        }
    }

    /// The `timeout` property of a job, in milliseconds.
    fn job_timeout(&self, written: Option<&String>) -> Answer<i64> {
        let Some(text) = written else {
            return Ok(self.config_number("backup_job_default_timeout_ms", 86_400_000));
        };
        match text.parse::<i64>() {
            Ok(seconds) if seconds >= MIN_TIMEOUT_S => Ok(seconds.saturating_mul(1000)),
            Ok(_) => Err(Refusal::analysis("timeout must be at least 10 min")),
            Err(_) => Err(Refusal::analysis(format!("Invalid timeout format: {text}"))),
        }
    }
}
