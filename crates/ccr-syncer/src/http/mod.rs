//! The HTTP API. One resource, one file.
//!
//! The Go program's routes and answers ([`compatible`] lists them): every method is accepted on every route, the content type of
//! a request does not matter, and errors of the application have status 200 and `success: false`. Beside them the REST form
//! [`v1`].

use std::{any::Any, sync::Arc, time::Instant};

use axum::{
    Router,
    body::Body,
    http::{HeaderValue, Response, StatusCode, Uri, header},
    response::IntoResponse,
};
use tower_http::catch_panic::CatchPanicLayer;

mod compatible;
mod create_ccr;
mod delete;
mod desync;
mod failpoint;
mod features;
mod force_fullsync;
mod get_lag;
mod job_detail;
mod job_progress;
mod job_skip_binlog;
mod job_status;
mod json;
mod list_jobs;
mod metrics;
mod node_info;
mod pause;
mod reply;
mod request;
mod resume;
mod update_host_mapping;
mod update_job;
mod v1;
mod version;
mod view;

use crate::{flags::Feature, manager::Manager, metrics::Metrics};

/// What the routes work on.
#[derive(Clone, Debug)]
pub struct Api {
    pub manager: Arc<Manager>,
    pub metrics: Arc<Metrics>,
    /// As the flags set them, by name.
    pub features: Arc<[Feature]>,
    /// Kind of the metadata database.
    pub db_type: Arc<str>,
    /// When this process began to serve.
    pub started: Instant,
}

/// All routes.
pub fn router(api: Api) -> Router {
    compatible::router().merge(v1::router()).fallback(no_route).layer(CatchPanicLayer::custom(panicked)).with_state(api)
}

/// The OpenAPI document of all routes.
pub use v1::document;

/// As Go's server: an untidy path is sent to the tidy one, any other is not found.
async fn no_route(uri: Uri) -> Response<Body> {
    let clean = clean_path(uri.path());
    if clean != uri.path() {
        let query = uri.query().map(|query| format!("?{query}")).unwrap_or_default();
        return reply::redirect(StatusCode::MOVED_PERMANENTLY, &format!("{clean}{query}"));
    }
    if uri.path().starts_with(v1::PREFIX) {
        return v1::no_route(&uri).into_response();
    }
    let mut response = Response::new(Body::from("404 page not found\n"));
    *response.status_mut() = StatusCode::NOT_FOUND;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

/// Go's `path.Clean` of an absolute path, a trailing slash kept.
fn clean_path(path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            _ => parts.push(part),
        }
    }
    let slash = if path.ends_with('/') && !parts.is_empty() { "/" } else { "" };
    format!("/{}{slash}", parts.join("/"))
}

fn panicked(_: Box<dyn Any + Send>) -> Response<Body> {
    // The panic hook has written what happened.
    let why = "the request ran into a defect of the syncer; see its log";
    reply::json_with(StatusCode::INTERNAL_SERVER_ERROR, &reply::Common::failed(why))
}

#[cfg(test)]
mod tests;
