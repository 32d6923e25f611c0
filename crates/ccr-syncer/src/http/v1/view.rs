//! What is shown of a job.

use std::collections::BTreeMap;

use ccr_engine::{Failure, JobStatus, Run};
use ccr_store::{
    JobRow, StoreError,
    documents::{JobDocument, JobState, ProgressDocument, Spec},
};
use serde::Serialize;
use utoipa::ToSchema;

use super::problem::JobError;
use crate::manager::{Held, Manager};

/// Whether a job moves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum State {
    /// It moves, is caught up, or waits for its next try.
    Running,
    /// An operator paused it.
    Paused,
    /// It stopped by itself: `error` says why and what to do.
    Halted,
    /// Its stored document cannot be understood.
    Broken,
    /// It is being created or taken over at this moment.
    Starting,
}

/// A job in the list.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct JobSummary {
    name: String,
    /// `host:port` of the syncer that runs it.
    owner: String,
    /// As it was stored last, for jobs of other syncers.
    state: State,
    /// The Go program's name for what it is doing. Absent for jobs of other syncers.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "TableIncrementalSync")]
    progress_state: Option<String>,
    /// Everything of the source up to here is on the destination. Absent for jobs of other syncers.
    #[serde(skip_serializing_if = "Option::is_none")]
    commit_seq: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<JobError>,
}

/// A job.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Job {
    name: String,
    /// `host:port` of the syncer that runs it.
    owner: String,
    state: State,
    /// The Go program's name for what it is doing.
    #[schema(example = "TableIncrementalSync")]
    progress_state: String,
    /// The step within that.
    #[schema(example = "Done")]
    sub_state: String,
    /// Everything of the source up to here is on the destination.
    commit_seq: i64,
    /// Everything up to here was accepted by the destination; visible a little later.
    committed_seq: i64,
    /// Highest record whose handling began.
    last_commit_seq: i64,
    /// The record that keeps the job from going on: what an operator may skip.
    #[serde(skip_serializing_if = "Option::is_none")]
    blocked_commit_seq: Option<i64>,
    /// Why it halted, or what it is trying again after.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<JobError>,
    /// Tries in a row that failed.
    attempt: u32,
    /// When the next try begins, milliseconds since the epoch.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_retry_at_ms: Option<i64>,
    /// Why the last full copy was made.
    full_sync_reason: String,
    /// What it did since its process started.
    counters: Counters,
    /// Absent where the stored document cannot be understood.
    #[serde(skip_serializing_if = "Option::is_none")]
    definition: Option<Definition>,
}

#[derive(Debug, Default, Serialize, ToSchema)]
pub(super) struct Counters {
    /// Binlog records handled.
    records: u64,
    /// Transactions committed on the destination.
    transactions: u64,
    /// Full copies begun.
    full_syncs: u64,
    /// Failures that were tried again.
    failures: u64,
}

/// What a job copies.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Definition {
    source: Cluster,
    destination: Cluster,
    /// A request that is not fulfilled yet: `silence`, `fullsync` or `partialsync`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pending_skip: Option<String>,
}

/// One side of a job. Passwords are never shown.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Cluster {
    host: String,
    port: String,
    thrift_port: String,
    user: String,
    database: String,
    database_id: i64,
    /// Empty in a job of a whole database.
    table: String,
    /// 0 in a job of a whole database, and on the destination before the first copy is complete.
    table_id: i64,
    /// Frontends known, `host:query port`.
    frontends: Vec<String>,
    /// Private host to public address.
    host_mapping: BTreeMap<String, String>,
}

impl From<&Spec> for Cluster {
    fn from(spec: &Spec) -> Self {
        let frontends = spec.frontends.iter().flatten().map(|fe| format!("{}:{}", fe.host, fe.port)).collect();
        Self {
            host: spec.host.clone(),
            port: spec.port.clone(),
            thrift_port: spec.thrift_port.clone(),
            user: spec.user.clone(),
            database: spec.database.clone(),
            database_id: spec.db_id,
            table: spec.table.clone(),
            table_id: spec.table_id,
            frontends,
            host_mapping: spec.host_mapping.clone(),
        }
    }
}

impl From<Run> for State {
    fn from(run: Run) -> Self {
        match run {
            Run::Running => Self::Running,
            Run::Paused => Self::Paused,
            Run::Halted => Self::Halted,
        }
    }
}

impl JobSummary {
    pub(super) fn new(manager: &Manager, row: JobRow) -> Self {
        let blank = |state| Self {
            name: row.name.clone(),
            owner: row.owner.clone(),
            state,
            progress_state: None,
            commit_seq: None,
            error: None,
        };
        if *row.owner != *manager.env().owner {
            return match JobDocument::parse(&row.document) {
                Ok(document) if document.state == JobState::Paused => blank(State::Paused),
                Ok(_) => blank(State::Running),
                Err(error) => {
                    Self { error: Some(Failure::from(StoreError::from(error)).into()), ..blank(State::Broken) }
                }
            };
        }
        match manager.held(&row.name) {
            Some(Held::Job(job)) => {
                let status = job.status();
                Self {
                    progress_state: Some(status.sync_state.name().into_owned()),
                    commit_seq: Some(status.commit_seq),
                    error: status.error.map(JobError::from),
                    ..blank(status.run.into())
                }
            }
            Some(Held::Broken(failure)) => Self { error: Some(failure.into()), ..blank(State::Broken) },
            Some(Held::Reserved) | None => blank(State::Starting),
        }
    }
}

impl Job {
    /// A job of this process; `progress` is what is stored.
    pub(super) fn new(manager: &Manager, row: JobRow, progress: Option<&ProgressDocument>) -> Self {
        let definition = JobDocument::parse(&row.document).ok().map(|document| Definition {
            source: Cluster::from(&document.src),
            destination: Cluster::from(&document.dest),
            pending_skip: document.extra.skip_method().map(|method| method.text().to_owned()),
        });
        let (state, status, error) = match manager.held(&row.name) {
            Some(Held::Job(job)) => {
                let status = job.status();
                (status.run.into(), Some(status), None)
            }
            Some(Held::Broken(failure)) => (State::Broken, None, Some(failure.into())),
            Some(Held::Reserved) | None => (State::Starting, None, None),
        };
        let mut job = Self {
            name: row.name,
            owner: row.owner,
            state,
            progress_state: "unknown".to_owned(),
            sub_state: "unknown".to_owned(),
            commit_seq: 0,
            committed_seq: 0,
            last_commit_seq: 0,
            blocked_commit_seq: None,
            error,
            attempt: 0,
            next_retry_at_ms: None,
            full_sync_reason: String::new(),
            counters: Counters::default(),
            definition,
        };
        if let Some(progress) = progress {
            job.stands_at(progress);
        }
        if let Some(status) = status {
            job.does(status);
        }
        job
    }

    fn stands_at(&mut self, progress: &ProgressDocument) {
        self.progress_state = progress.sync_state.name().into_owned();
        self.sub_state = progress.sub_sync_state.name().into_owned();
        self.commit_seq = progress.prev_commit_seq;
        self.committed_seq = progress.prev_commit_seq;
        self.last_commit_seq = progress.last_commit_seq;
        self.full_sync_reason.clone_from(&progress.full_sync_info.info);
    }

    fn does(&mut self, status: JobStatus) {
        // What stands still stands where its last checkpoint says, which a job that never ran in this process has not read.
        if status.run == Run::Running {
            self.progress_state = status.sync_state.name().into_owned();
            self.sub_state = status.sub_state.name().into_owned();
            self.commit_seq = status.commit_seq;
            self.committed_seq = status.committed_seq;
            self.last_commit_seq = status.last_commit_seq;
            self.full_sync_reason = status.full_sync_reason;
        }
        self.blocked_commit_seq = status.blocked_seq;
        self.error = status.error.map(JobError::from);
        self.attempt = status.attempt;
        self.next_retry_at_ms = status.next_retry_at_ms;
        self.counters = Counters {
            records: status.counters.records,
            transactions: status.counters.transactions,
            full_syncs: status.counters.full_syncs,
            failures: status.counters.failures,
        };
    }
}
