//! `/version`.

use axum::{body::Body, http::Response};
use serde::Serialize;

use super::reply::json;

#[derive(Serialize)]
struct Version {
    version: &'static str,
}

/// The version of the program; the one answer without `success`.
pub(super) async fn handle() -> Response<Body> {
    json(&Version { version: crate::VERSION })
}
