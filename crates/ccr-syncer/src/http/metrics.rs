//! `/metrics`: what Prometheus reads.

use axum::{
    body::Body,
    extract::State,
    http::{HeaderValue, Response, header},
};

use super::{Api, reply::failed};

pub(super) async fn handle(State(api): State<Api>) -> Response<Body> {
    match api.metrics.text() {
        Ok(text) => {
            let mut response = Response::new(Body::from(text));
            let kind = "text/plain; version=0.0.4; charset=utf-8";
            response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
            response
        }
        Err(error) => failed(error),
    }
}
