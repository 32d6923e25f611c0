//! `/desync` hands the destination's tables back to their cluster, `/sync` takes that back. The job is left as it is: pause it
//! first.

use axum::{
    body::Body,
    extract::{Request, State},
    http::Response,
};
use ccr_engine::{Failure, desync::set_being_synced};
use ccr_store::{StoreError, documents::JobDocument};

use super::{
    Api,
    reply::done,
    request::{Named, named},
};

/// `/desync`.
pub(super) async fn desync(State(api): State<Api>, request: Request) -> Response<Body> {
    match named(&api, request).await {
        Ok(job) => done(set(&api, &job, false).await),
        Err(response) => response,
    }
}

/// `/sync`.
pub(super) async fn sync(State(api): State<Api>, request: Request) -> Response<Body> {
    match named(&api, request).await {
        Ok(job) => done(set(&api, &job, true).await),
        Err(response) => response,
    }
}

pub(super) async fn set(api: &Api, job: &Named, being_synced: bool) -> Result<(), Failure> {
    // A job that is broken has a document that says which tables it had, or nothing can be done.
    let document = JobDocument::parse(&job.row.document).map_err(StoreError::from)?;
    set_being_synced(api.manager.env(), &document, being_synced).await
}
