//! `/list_jobs`: all jobs of the deployment, those of other syncers and those that cannot run included.

use axum::{body::Body, extract::State, http::Response};
use serde::Serialize;

use super::{
    Api,
    reply::{Common, failed, json},
};

#[derive(Serialize)]
struct Jobs {
    #[serde(flatten)]
    common: Common,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    jobs: Vec<String>,
}

pub(super) async fn handle(State(api): State<Api>) -> Response<Body> {
    match api.manager.env().store.jobs().await {
        Ok(rows) => json(&Jobs { common: Common::ok(), jobs: rows.into_iter().map(|row| row.name).collect() }),
        Err(error) => failed(error),
    }
}
