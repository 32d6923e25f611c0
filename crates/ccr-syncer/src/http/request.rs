//! What all routes share of reading a request: its body, the job it names, and whether that job is ours.

use std::time::Duration;

use axum::{
    body::{Body, Bytes},
    extract::Request,
    http::{Response, StatusCode, Uri},
};
use ccr_store::JobRow;
use futures::StreamExt;

use super::{
    Api,
    json::Object,
    reply::{Common, failed, json_with, redirect},
};

/// Largest body that is read; a create request has a few KiB.
pub(super) const MAX_BODY: usize = 1 << 20;
/// Of a body that is too large so much is still taken from the wire, so that a client that only sends and does not listen
/// meanwhile gets the answer instead of a broken connection.
const MAX_DRAINED: usize = 64 << 20;
/// Longest time for a body to arrive.
const BODY_DEADLINE: Duration = Duration::from_secs(30);

/// A job of this syncer that a request names.
pub(super) struct Named {
    pub(super) name: String,
    pub(super) row: JobRow,
}

/// Reads a complete body.
pub(super) async fn body(body: Body) -> Result<Bytes, Response<Body>> {
    match tokio::time::timeout(BODY_DEADLINE, collect(body)).await {
        Ok(result) => result,
        Err(_) => Err(refused(StatusCode::REQUEST_TIMEOUT, "the request body did not arrive within 30 s")),
    }
}

async fn collect(body: Body) -> Result<Bytes, Response<Body>> {
    let mut stream = body.into_data_stream();
    let (mut collected, mut total) = (Vec::new(), 0_usize);
    while let Some(piece) = stream.next().await {
        let piece = piece.map_err(|_| refused(StatusCode::BAD_REQUEST, "the request body could not be read"))?;
        total = total.saturating_add(piece.len());
        if total <= MAX_BODY {
            collected.extend_from_slice(&piece);
        } else if total > MAX_DRAINED {
            break;
        }
    }
    if total > MAX_BODY {
        return Err(refused(StatusCode::PAYLOAD_TOO_LARGE, "the request body is larger than 1 MiB"));
    }
    Ok(collected.into())
}

/// The `name` of a job in a body.
pub(super) async fn name(request: Request) -> Result<String, Response<Body>> {
    let bytes = body(request.into_body()).await?;
    let name = Object::read(&bytes).and_then(|object| object.string("name")).map_err(|bad| failed(bad.0))?;
    if name.is_empty() { Err(failed("name is empty")) } else { Ok(name) }
}

/// The job that a body names, if it belongs to this syncer; otherwise the answer that says so, or sends the client to the
/// syncer that owns it.
pub(super) async fn named(api: &Api, request: Request) -> Result<Named, Response<Body>> {
    let uri = request.uri().clone();
    let name = name(request).await?;
    let row = api.manager.env().store.job(&name).await.map_err(failed)?;
    let row = row.ok_or_else(|| failed(format!("job {name} not exist")))?;
    if *row.owner == *api.manager.env().owner {
        Ok(Named { name, row })
    } else {
        Err(redirect(StatusCode::SEE_OTHER, &elsewhere(&row.owner, &uri)))
    }
}

fn elsewhere(owner: &str, uri: &Uri) -> String {
    let target = uri.path_and_query().map_or("/", |target| target.as_str());
    format!("http://{owner}{target}")
}

fn refused(status: StatusCode, why: &str) -> Response<Body> {
    json_with(status, &Common::failed(why))
}
