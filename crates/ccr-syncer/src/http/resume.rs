//! `/resume`: lets a paused or halted job go on.

use axum::{
    body::Body,
    extract::{Request, State},
    http::Response,
};

use super::{Api, reply::done, request::named};

pub(super) async fn handle(State(api): State<Api>, request: Request) -> Response<Body> {
    match named(&api, request).await {
        Ok(job) => done(api.manager.resume(&job.name).await),
        Err(response) => response,
    }
}
