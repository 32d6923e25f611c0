//! The HTTP port of a backend.

use axum::{
    Router,
    extract::State,
    http::{StatusCode, Uri},
    response::{IntoResponse as _, Response},
    routing::get,
};
use tokio::net::TcpListener;

use super::be::BackendService;

/// Answers connections until the listener fails.
///
/// # Errors
/// The listener's.
pub async fn serve(listener: TcpListener, backend: BackendService) -> std::io::Result<()> {
    let router = Router::new().fallback(get(answer)).with_state(backend);
    axum::serve(listener, router).await
}

async fn answer(State(backend): State<BackendService>, uri: Uri) -> Response {
    if !backend.is_alive() {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    }
    let path_and_query = uri.path_and_query().map_or("/", |p| p.as_str());
    let reply = backend.http_get(path_and_query);
    let status = StatusCode::from_u16(reply.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    (status, reply.body).into_response()
}
