//! `/job_status`: what a job does at this instant.

use axum::{
    body::Body,
    extract::{Request, State},
    http::Response,
};
use ccr_engine::{Failure, JobStatus, Run};
use ccr_store::documents::{JobState, ProgressDocument};
use serde::Serialize;

use super::{
    Api,
    reply::{Common, failed, json},
    request::named,
};
use crate::manager::Held;

/// `status` as the Go program gives it; its first three keys are there a second time for clients that look for them at the
/// top. Keys after `commit_seq` are there only when there is something to say.
#[derive(Serialize)]
struct Reply {
    #[serde(flatten)]
    common: Common,
    status: Status,
    name: String,
    state: &'static str,
    progress_state: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

#[derive(Clone, Serialize)]
struct Status {
    name: String,
    /// `running` or `paused`; a job that stopped by itself is paused and has an `error`.
    state: &'static str,
    progress_state: String,
    commit_seq: i64,
    /// Why it stopped, or what it is trying again after.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    /// Tries in a row that failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    attempt: Option<u32>,
    /// Milliseconds since the epoch.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_retry_at_ms: Option<i64>,
}

pub(super) async fn handle(State(api): State<Api>, request: Request) -> Response<Body> {
    let job = match named(&api, request).await {
        Ok(job) => job,
        Err(response) => return response,
    };
    let status = match api.manager.held(&job.name) {
        Some(Held::Job(job)) => Status::from(job.status()),
        Some(Held::Broken(failure)) => Status::broken(job.name, &failure),
        Some(Held::Reserved) | None => {
            return failed(format!("[normal] job not exist: {}; it is being started", job.name));
        }
    };
    if status.state == JobState::Running.name() {
        return json(&Reply::from(status));
    }
    // What stands still stands at its last checkpoint, which a job that never ran in this process has not read.
    match api.manager.env().store.progress(&status.name).await {
        Ok(stored) => {
            let stored = stored.and_then(|text| ProgressDocument::parse(&text).ok());
            json(&Reply::from(match stored {
                Some(stored) => status.at(&stored),
                None => status,
            }))
        }
        Err(error) => failed(error),
    }
}

impl From<Status> for Reply {
    fn from(status: Status) -> Self {
        Self {
            common: Common::ok(),
            name: status.name.clone(),
            state: status.state,
            progress_state: status.progress_state.clone(),
            error: status.error.clone(),
            status,
        }
    }
}

impl From<JobStatus> for Status {
    fn from(status: JobStatus) -> Self {
        let state = match status.run {
            Run::Running => JobState::Running,
            Run::Paused | Run::Halted => JobState::Paused,
        };
        Self {
            name: status.name,
            state: state.name(),
            progress_state: status.sync_state.name().into_owned(),
            commit_seq: status.commit_seq,
            error: status.error.map(|failure| failure.to_string()),
            attempt: (status.attempt > 0).then_some(status.attempt),
            next_retry_at_ms: status.next_retry_at_ms,
        }
    }
}

impl Status {
    fn broken(name: String, failure: &Failure) -> Self {
        Self {
            name,
            state: JobState::Paused.name(),
            progress_state: "unknown".to_owned(),
            commit_seq: 0,
            error: Some(failure.to_string()),
            attempt: None,
            next_retry_at_ms: None,
        }
    }

    fn at(self, progress: &ProgressDocument) -> Self {
        Self { progress_state: progress.sync_state.name().into_owned(), commit_seq: progress.prev_commit_seq, ..self }
    }
}
