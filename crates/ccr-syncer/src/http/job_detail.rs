//! `/job_detail`: the stored job document, passwords hidden.

use axum::{
    body::Body,
    extract::{Request, State},
    http::Response,
};
use ccr_store::documents::JobDocument;
use serde::Serialize;

use super::{
    Api,
    reply::{Common, json},
    request::named,
};

#[derive(Serialize)]
struct Reply {
    #[serde(flatten)]
    common: Common,
    job_detail: Option<JobDocument>,
}

pub(super) async fn handle(State(api): State<Api>, request: Request) -> Response<Body> {
    let job = match named(&api, request).await {
        Ok(job) => job,
        Err(response) => return response,
    };
    match JobDocument::parse(&job.row.document) {
        Ok(document) => json(&Reply { common: Common::ok(), job_detail: Some(document.redacted()) }),
        Err(error) => json(&Reply { common: Common::failed(error), job_detail: None }),
    }
}
