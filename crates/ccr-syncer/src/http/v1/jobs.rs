//! The list of jobs, one job, its progress and its lag.

use axum::{
    body::Body,
    extract::{OriginalUri, Path, State},
    http::{Response, StatusCode},
};
use ccr_store::{StoreError, documents::ProgressDocument};
use serde::Serialize;
use utoipa::ToSchema;

use super::{
    problem::{Early, Problem},
    request::{not_found, owned},
    view::{Job, JobSummary},
};
use crate::http::{Api, get_lag::delay_secs, job_progress::shown, reply::json};

#[derive(Serialize, ToSchema)]
struct JobList {
    jobs: Vec<JobSummary>,
}

/// All jobs of the deployment.
#[utoipa::path(get, path = "/jobs", tag = "jobs", responses(
    (status = 200, description = "All jobs by name, those of other syncers included", body = JobList),
    (status = "default", description = "An error", body = Problem),
))]
pub(super) async fn list(State(api): State<Api>) -> Result<Response<Body>, Early> {
    let rows = api.manager.env().store.jobs().await?;
    Ok(json(&JobList { jobs: rows.into_iter().map(|row| JobSummary::new(&api.manager, row)).collect() }))
}

/// One job at this instant.
#[utoipa::path(get, path = "/jobs/{name}", tag = "jobs", params(("name" = String, Path, description = "Name of the job")), responses(
    (status = 200, description = "The job", body = Job),
    (status = 307, description = "The job belongs to another syncer"),
    (status = 404, description = "There is no such job", body = Problem),
    (status = "default", description = "An error", body = Problem),
))]
pub(super) async fn show(
    State(api): State<Api>,
    Path(name): Path<String>,
    OriginalUri(uri): OriginalUri,
) -> Result<Response<Body>, Early> {
    let row = owned(&api, &name, &uri).await?;
    let stored = api.manager.env().store.progress(&name).await?;
    let progress = stored.and_then(|text| ProgressDocument::parse(&text).ok());
    Ok(json(&Job::new(&api.manager, row, progress.as_ref())))
}

/// Ends a job and removes it. The destination's tables stay.
#[utoipa::path(delete, path = "/jobs/{name}", tag = "jobs", params(("name" = String, Path, description = "Name of the job")), responses(
    (status = 204, description = "It is gone; its open transactions are being rolled back"),
    (status = 307, description = "The job belongs to another syncer"),
    (status = 404, description = "There is no such job", body = Problem),
    (status = "default", description = "An error", body = Problem),
))]
pub(super) async fn delete(
    State(api): State<Api>,
    Path(name): Path<String>,
    OriginalUri(uri): OriginalUri,
) -> Result<StatusCode, Early> {
    owned(&api, &name, &uri).await?;
    api.manager.delete(&name).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The stored progress document, as the Go program knows it.
#[utoipa::path(get, path = "/jobs/{name}/progress", tag = "jobs", params(("name" = String, Path, description = "Name of the job")), responses(
    (status = 200, description = "The document; where a record keeps the job from going on, commit_seq and last_commit_seq are that record's", body = Object),
    (status = 307, description = "The job belongs to another syncer"),
    (status = 404, description = "There is no such job, or no progress yet", body = Problem),
    (status = "default", description = "An error", body = Problem),
))]
pub(super) async fn progress(
    State(api): State<Api>,
    Path(name): Path<String>,
    OriginalUri(uri): OriginalUri,
) -> Result<Response<Body>, Early> {
    owned(&api, &name, &uri).await?;
    let stored = api.manager.env().store.progress(&name).await?;
    let stored = stored.ok_or_else(|| {
        not_found(&name).saying(format!("job {name} has no progress yet"), "it was created a moment ago")
    })?;
    let document = ProgressDocument::parse(&stored).map_err(StoreError::from)?;
    Ok(json(&shown(&api, document)))
}

/// How far a job is behind, as the FE of its source counts it.
#[derive(Serialize, ToSchema)]
struct Lag {
    /// Records after the job's position.
    records: i64,
    /// Age of the oldest of them against the newest record; 0 when caught up.
    delay_secs: i64,
    /// Oldest and newest record that the source keeps; absent where the FE does not say.
    first_commit_seq: Option<i64>,
    last_commit_seq: Option<i64>,
    /// The first record that is not done; 0 when caught up.
    next_commit_seq: Option<i64>,
    /// Milliseconds since the epoch, by the FE's clock.
    first_timestamp_ms: Option<i64>,
    last_timestamp_ms: Option<i64>,
    next_timestamp_ms: Option<i64>,
}

/// How far a job is behind. Any syncer answers for any job.
#[utoipa::path(get, path = "/jobs/{name}/lag", tag = "jobs", params(("name" = String, Path, description = "Name of the job")), responses(
    (status = 200, description = "The lag", body = Lag),
    (status = 404, description = "There is no such job, or no progress yet", body = Problem),
    (status = "default", description = "An error", body = Problem),
))]
pub(super) async fn lag(State(api): State<Api>, Path(name): Path<String>) -> Result<Response<Body>, Early> {
    let lag = api.manager.lag(&name).await?;
    Ok(json(&Lag {
        records: lag.lag,
        delay_secs: delay_secs(&lag),
        first_commit_seq: lag.first_commit_seq,
        last_commit_seq: lag.last_commit_seq,
        next_commit_seq: lag.next_commit_seq,
        first_timestamp_ms: lag.first_timestamp_ms,
        last_timestamp_ms: lag.last_timestamp_ms,
        next_timestamp_ms: lag.next_timestamp_ms,
    }))
}
