//! `/api/v1`: the same operations in REST form, for new clients. Bodies are read strictly, errors have one shape
//! ([`problem`]), and the document that describes it all comes from the declarations of the handlers.

use axum::{
    Router,
    body::Body,
    extract::OriginalUri,
    http::{Response, StatusCode, Uri},
};
use ccr_engine::Code;
use serde_json::Value;
use utoipa::OpenApi;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{Api, compatible, reply::json};

mod control;
mod create;
mod jobs;
mod node;
mod problem;
mod request;
mod view;

pub(super) use problem::Problem;

/// Where these routes begin.
pub(super) const PREFIX: &str = "/api/v1";

#[derive(OpenApi)]
#[openapi(
    info(
        title = "ccr_syncer",
        description = "Keeps one Apache Doris cluster a live copy of another. Routes under `/api/v1` have proper methods, statuses and one \
            shape of errors. The others are those of the Go program: any method, status 200 also for errors of the application, and \
            `success` in every answer. A job is served by the syncer that owns it: others redirect there, with 307 under `/api/v1` and \
            with 303 elsewhere (curl: `-L --post303`).",
        license(name = "Apache-2.0", identifier = "Apache-2.0"),
    ),
    tags(
        (name = "jobs", description = "Jobs, in REST form."),
        (name = "node", description = "This syncer, in REST form."),
        (name = "compatible", description = "Routes of the Go program."),
    )
)]
struct Document;

fn described() -> OpenApiRouter<Api> {
    OpenApiRouter::with_openapi(Document::openapi()).nest(
        PREFIX,
        OpenApiRouter::new()
            .routes(routes!(jobs::list, create::create))
            .routes(routes!(jobs::show, jobs::delete))
            .routes(routes!(jobs::progress))
            .routes(routes!(jobs::lag))
            .routes(routes!(control::pause))
            .routes(routes!(control::resume))
            .routes(routes!(control::skip))
            .routes(routes!(control::full_sync))
            .routes(routes!(control::host_mapping))
            .routes(routes!(control::desync))
            .routes(routes!(control::sync))
            .routes(routes!(node::version))
            .routes(routes!(node::features))
            .routes(routes!(openapi)),
    )
}

/// The routes.
pub(super) fn router() -> Router<Api> {
    let (router, _) = described().split_for_parts();
    router.method_not_allowed_fallback(wrong_method)
}

/// The OpenAPI document of the whole program.
///
/// # Errors
/// It cannot be written as JSON; a test makes sure that it can.
pub fn document() -> serde_json::Result<Value> {
    let mut document = described().into_openapi();
    env!("CARGO_PKG_VERSION").clone_into(&mut document.info.version);
    let mut document = serde_json::to_value(document)?;
    if let Some(paths) = document.get_mut("paths").and_then(Value::as_object_mut) {
        paths.extend(compatible::paths());
    }
    Ok(document)
}

/// This document.
#[utoipa::path(get, path = "/openapi.json", tag = "node", responses((status = 200, description = "OpenAPI 3.1", body = Object)))]
async fn openapi() -> Result<Response<Body>, Problem> {
    let document = document().map_err(|error| {
        Problem::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            Code::REFUSED,
            error.to_string(),
            "this is a defect of the syncer",
        )
    })?;
    Ok(json(&document))
}

async fn wrong_method(OriginalUri(uri): OriginalUri) -> Problem {
    Problem::new(
        StatusCode::METHOD_NOT_ALLOWED,
        Code::INVALID_REQUEST,
        format!("{} does not take this method", uri.path()),
        "GET /api/v1/openapi.json says which there are",
    )
}

/// No such route under [`PREFIX`].
pub(super) fn no_route(uri: &Uri) -> Problem {
    Problem::new(
        StatusCode::NOT_FOUND,
        Code::INVALID_REQUEST,
        format!("there is no route {}", uri.path()),
        "GET /api/v1/openapi.json says which there are",
    )
}
