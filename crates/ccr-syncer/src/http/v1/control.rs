//! What an operator does to a job. Everything is durable when it is answered and takes effect at the job's next safe point.

use std::collections::BTreeMap;

use axum::{
    extract::{OriginalUri, Path, State},
    http::{StatusCode, Uri},
};
use ccr_engine::{Skip, desync::set_being_synced};
use ccr_store::{StoreError, documents::JobDocument};
use doris::ids::CommitSeq;
use serde::Deserialize;
use utoipa::ToSchema;

use super::{
    problem::{Early, Problem},
    request::{Json, owned},
};
use crate::http::Api;

/// Stops the work of a job. Pausing a paused job succeeds.
#[utoipa::path(post, path = "/jobs/{name}/pause", tag = "jobs", params(("name" = String, Path, description = "Name of the job")), responses(
    (status = 204, description = "It is paused"),
    (status = 307, description = "The job belongs to another syncer"),
    (status = 404, description = "There is no such job", body = Problem),
    (status = "default", description = "An error", body = Problem),
))]
pub(super) async fn pause(
    State(api): State<Api>,
    Path(name): Path<String>,
    OriginalUri(uri): OriginalUri,
) -> Result<StatusCode, Early> {
    owned(&api, &name, &uri).await?;
    api.manager.pause(&name).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Has a paused or halted job go on. Resuming a running job succeeds.
#[utoipa::path(post, path = "/jobs/{name}/resume", tag = "jobs", params(("name" = String, Path, description = "Name of the job")), responses(
    (status = 204, description = "It runs"),
    (status = 307, description = "The job belongs to another syncer"),
    (status = 404, description = "There is no such job", body = Problem),
    (status = "default", description = "An error", body = Problem),
))]
pub(super) async fn resume(
    State(api): State<Api>,
    Path(name): Path<String>,
    OriginalUri(uri): OriginalUri,
) -> Result<StatusCode, Early> {
    owned(&api, &name, &uri).await?;
    api.manager.resume(&name).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// How a job gets past a record.
#[derive(Deserialize, ToSchema)]
#[serde(tag = "by", rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum SkipRequest {
    /// The record is passed over: its rows are missing on the destination for good.
    Silence {
        /// The record's commit seq, `blocked_commit_seq` of the job.
        commit_seq: Option<i64>,
    },
    /// Everything is copied anew.
    FullSync,
    /// One table is copied anew.
    PartialSync {
        /// Its name on the source.
        table: String,
        /// Its id on the source.
        table_id: i64,
    },
}

/// Has a record skipped, or a copy made in its place. A later request replaces an earlier one.
#[utoipa::path(post, path = "/jobs/{name}/skip", tag = "jobs", params(("name" = String, Path, description = "Name of the job")),
    request_body = SkipRequest, responses(
    (status = 202, description = "It is stored and will be done once"),
    (status = 307, description = "The job belongs to another syncer"),
    (status = 404, description = "There is no such job", body = Problem),
    (status = "default", description = "An error", body = Problem),
))]
pub(super) async fn skip(
    State(api): State<Api>,
    Path(name): Path<String>,
    OriginalUri(uri): OriginalUri,
    Json(request): Json<SkipRequest>,
) -> Result<StatusCode, Early> {
    let skip = match request {
        SkipRequest::Silence { commit_seq: Some(seq) } if seq > 0 => Skip::Silence { seq: CommitSeq(seq) },
        SkipRequest::Silence { .. } => {
            return Err(Problem::bad_request(
                "commit_seq is missing: silence passes over one record, and which one is not guessed",
                "give the blocked_commit_seq of the job, or have everything copied anew with {\"by\": \"full_sync\"}",
            )
            .into());
        }
        SkipRequest::FullSync => Skip::FullSync { seq: CommitSeq(0) },
        SkipRequest::PartialSync { table, table_id } => Skip::PartialSync { table, table_id },
    };
    owned(&api, &name, &uri).await?;
    api.manager.job(&name)?.skip(skip).await?;
    Ok(StatusCode::ACCEPTED)
}

/// Has everything copied anew.
#[utoipa::path(post, path = "/jobs/{name}/full-sync", tag = "jobs", params(("name" = String, Path, description = "Name of the job")), responses(
    (status = 202, description = "It is stored and will be done once"),
    (status = 307, description = "The job belongs to another syncer"),
    (status = 404, description = "There is no such job", body = Problem),
    (status = "default", description = "An error", body = Problem),
))]
pub(super) async fn full_sync(
    State(api): State<Api>,
    Path(name): Path<String>,
    OriginalUri(uri): OriginalUri,
) -> Result<StatusCode, Early> {
    owned(&api, &name, &uri).await?;
    api.manager.job(&name)?.skip(Skip::FullSync { seq: CommitSeq(0) }).await?;
    Ok(StatusCode::ACCEPTED)
}

/// Changes of a host mapping: private host to public address; null or an empty address takes the host out.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct HostMapping {
    #[serde(default)]
    source: BTreeMap<String, Option<String>>,
    #[serde(default)]
    destination: BTreeMap<String, Option<String>>,
}

/// Changes the host mapping; hosts that are not named stay as they are.
#[utoipa::path(patch, path = "/jobs/{name}/host-mapping", tag = "jobs", params(("name" = String, Path, description = "Name of the job")),
    request_body = HostMapping, responses(
    (status = 204, description = "It is stored and effective from the job's next safe point on"),
    (status = 307, description = "The job belongs to another syncer"),
    (status = 404, description = "There is no such job", body = Problem),
    (status = "default", description = "An error", body = Problem),
))]
pub(super) async fn host_mapping(
    State(api): State<Api>,
    Path(name): Path<String>,
    OriginalUri(uri): OriginalUri,
    Json(request): Json<HostMapping>,
) -> Result<StatusCode, Early> {
    if request.source.is_empty() && request.destination.is_empty() {
        return Err(Problem::bad_request("no host is named", "give source or destination").into());
    }
    owned(&api, &name, &uri).await?;
    let change = |side: BTreeMap<String, Option<String>>| {
        side.into_iter().map(|(private, public)| (private, public.unwrap_or_default())).collect()
    };
    api.manager.job(&name)?.map_hosts(change(request.source), change(request.destination)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Hands the destination's tables back to their cluster (`is_being_synced` = false). Pause the job first.
#[utoipa::path(post, path = "/jobs/{name}/desync", tag = "jobs", params(("name" = String, Path, description = "Name of the job")), responses(
    (status = 204, description = "All tables are handed back"),
    (status = 307, description = "The job belongs to another syncer"),
    (status = 404, description = "There is no such job", body = Problem),
    (status = "default", description = "An error; it names the tables that were not changed", body = Problem),
))]
pub(super) async fn desync(
    State(api): State<Api>,
    Path(name): Path<String>,
    OriginalUri(uri): OriginalUri,
) -> Result<StatusCode, Early> {
    set(&api, &name, &uri, false).await
}

/// Takes the destination's tables again (`is_being_synced` = true).
#[utoipa::path(post, path = "/jobs/{name}/sync", tag = "jobs", params(("name" = String, Path, description = "Name of the job")), responses(
    (status = 204, description = "All tables are taken"),
    (status = 307, description = "The job belongs to another syncer"),
    (status = 404, description = "There is no such job", body = Problem),
    (status = "default", description = "An error; it names the tables that were not changed", body = Problem),
))]
pub(super) async fn sync(
    State(api): State<Api>,
    Path(name): Path<String>,
    OriginalUri(uri): OriginalUri,
) -> Result<StatusCode, Early> {
    set(&api, &name, &uri, true).await
}

async fn set(api: &Api, name: &str, uri: &Uri, being_synced: bool) -> Result<StatusCode, Early> {
    let row = owned(api, name, uri).await?;
    let document = JobDocument::parse(&row.document).map_err(StoreError::from)?;
    set_being_synced(api.manager.env(), &document, being_synced).await?;
    Ok(StatusCode::NO_CONTENT)
}
