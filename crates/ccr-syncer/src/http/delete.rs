//! `/delete`: ends a job and removes it; the destination's table stays.

use axum::{
    body::Body,
    extract::{Request, State},
    http::Response,
};

use super::{Api, reply::done, request::named};

pub(super) async fn handle(State(api): State<Api>, request: Request) -> Response<Body> {
    match named(&api, request).await {
        Ok(job) => done(api.manager.delete(&job.name).await),
        Err(response) => response,
    }
}
