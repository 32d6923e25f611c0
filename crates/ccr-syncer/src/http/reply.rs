//! Answers: one compact JSON object, written as Go writes it, 200 also for errors of the application.

use axum::{
    body::Body,
    http::{HeaderValue, Method, Response, StatusCode, header},
};
use ccr_store::documents::to_go_json;
use serde::Serialize;

use super::json::BadBody;

/// The keys that begin every answer.
#[derive(Debug, Serialize)]
pub(crate) struct Common {
    pub(crate) success: bool,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) error_msg: String,
}

impl Common {
    pub(crate) fn ok() -> Self {
        Self { success: true, error_msg: String::new() }
    }

    pub(crate) fn failed(why: impl ToString) -> Self {
        Self { success: false, error_msg: why.to_string() }
    }
}

impl From<BadBody> for Response<Body> {
    fn from(bad: BadBody) -> Self {
        failed(bad.0)
    }
}

/// An answer with status 200.
pub(crate) fn json<T: Serialize>(value: &T) -> Response<Body> {
    json_with(StatusCode::OK, value)
}

pub(crate) fn json_with<T: Serialize>(status: StatusCode, value: &T) -> Response<Body> {
    let mut response = Response::new(Body::from(to_go_json(value)));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// `{"success":true}`, or why not.
pub(crate) fn done<E: ToString>(result: Result<(), E>) -> Response<Body> {
    match result {
        Ok(()) => json(&Common::ok()),
        Err(error) => failed(error),
    }
}

/// The short form of an error.
pub(crate) fn failed(why: impl ToString) -> Response<Body> {
    json(&Common::failed(why))
}

/// Sends a client to another syncer. As Go's server, with a page to click on for one that came with GET.
pub(crate) fn see_other(method: &Method, location: &str) -> Response<Body> {
    let mut response = redirect(StatusCode::SEE_OTHER, location);
    if *method == Method::GET && response.status() == StatusCode::SEE_OTHER {
        let href = location.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&#34;");
        *response.body_mut() = Body::from(format!("<a href=\"{href}\">See Other</a>.\n\n"));
        let kind = HeaderValue::from_static("text/html; charset=utf-8");
        response.headers_mut().insert(header::CONTENT_TYPE, kind);
    }
    response
}

/// An answer without body that sends the client elsewhere.
pub(crate) fn redirect(status: StatusCode, location: &str) -> Response<Body> {
    match HeaderValue::from_str(location) {
        Ok(location) => {
            let mut response = Response::new(Body::empty());
            *response.status_mut() = status;
            response.headers_mut().insert(header::LOCATION, location);
            response
        }
        Err(_) => failed("the owner of this job has a name that cannot be an address"),
    }
}
