//! What all routes share of reading a request: its body, the job it names, and whether that job is ours.

use std::time::Duration;

use axum::{
    body::{Body, Bytes},
    extract::Request,
    http::{Method, Response, StatusCode, Uri},
};
use ccr_store::JobRow;
use futures::StreamExt;

use super::{
    Api,
    json::{BadBody, Object},
    reply::{Common, failed, json_with, see_other},
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

/// Why a body cannot be had.
pub(super) struct BodyError {
    pub(super) status: StatusCode,
    pub(super) why: &'static str,
}

/// Reads a complete body.
pub(super) async fn body(body: Body) -> Result<Bytes, Response<Body>> {
    read_body(body).await.map_err(|BodyError { status, why }| json_with(status, &Common::failed(why)))
}

/// The same, for answers in another form.
pub(super) async fn read_body(body: Body) -> Result<Bytes, BodyError> {
    match tokio::time::timeout(BODY_DEADLINE, collect(body)).await {
        Ok(result) => result,
        Err(_) => Err(refused(StatusCode::REQUEST_TIMEOUT, "the request body did not arrive within 30 s")),
    }
}

async fn collect(body: Body) -> Result<Bytes, BodyError> {
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

/// What a request asks for.
pub(super) struct Asked {
    method: Method,
    /// Path and query as they came.
    uri: Uri,
    pub(super) object: Object,
}

impl Asked {
    /// The job's name; `empty` is what is said without one.
    pub(super) fn name(&self, empty: &str) -> Result<String, BadBody> {
        let name = self.object.string("name")?;
        if name.is_empty() { Err(BadBody(empty.to_owned())) } else { Ok(name) }
    }

    /// The job of that name, if it belongs to this syncer; otherwise the answer that says so, or sends the client to the
    /// syncer that owns it.
    pub(super) async fn owned(&self, api: &Api, name: String) -> Result<Named, Response<Body>> {
        let row = api.manager.env().store.job(&name).await.map_err(failed)?;
        let row = row.ok_or_else(|| failed(format!("job {name} not exist")))?;
        if *row.owner == *api.manager.env().owner {
            Ok(Named { name, row })
        } else {
            Err(see_other(&self.method, &elsewhere(&row.owner, &self.uri)))
        }
    }
}

/// Reads a request with a JSON object.
pub(super) async fn asked(request: Request) -> Result<Asked, Response<Body>> {
    let (method, uri) = (request.method().clone(), request.uri().clone());
    let bytes = body(request.into_body()).await?;
    let object = Object::read(&bytes)?;
    Ok(Asked { method, uri, object })
}

/// The same, where a request may come without a body.
pub(super) async fn asked_or_nothing(request: Request) -> Result<Asked, Response<Body>> {
    let (method, uri) = (request.method().clone(), request.uri().clone());
    let bytes = body(request.into_body()).await?;
    if bytes.iter().all(u8::is_ascii_whitespace) {
        return Ok(Asked { method, uri, object: Object::default() });
    }
    let object = Object::read(&bytes)?;
    Ok(Asked { method, uri, object })
}

/// The `name` of a job in a body.
pub(super) async fn name(request: Request) -> Result<String, Response<Body>> {
    Ok(asked(request).await?.name("name is empty")?)
}

/// The job that a body names, if it belongs to this syncer.
pub(super) async fn named(api: &Api, request: Request) -> Result<Named, Response<Body>> {
    let asked = asked(request).await?;
    let name = asked.name("name is empty")?;
    asked.owned(api, name).await
}

/// The same target at another syncer. Its name is as the Go program writes it: an IPv6 address without brackets.
pub(super) fn elsewhere(owner: &str, uri: &Uri) -> String {
    let target = uri.path_and_query().map_or("/", |target| target.as_str());
    match owner.rsplit_once(':') {
        Some((host, port)) if host.contains(':') && !host.starts_with('[') => format!("http://[{host}]:{port}{target}"),
        _ => format!("http://{owner}{target}"),
    }
}

fn refused(status: StatusCode, why: &'static str) -> BodyError {
    BodyError { status, why }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn the_target_is_kept_and_addresses_are_written_as_urls_want_them() {
        let uri: Uri = "/pause?x=1&y=%20z".parse().unwrap();
        for (owner, url) in [
            ("10.0.0.1:9190", "http://10.0.0.1:9190/pause?x=1&y=%20z"),
            ("ccr.example:80", "http://ccr.example:80/pause?x=1&y=%20z"),
            ("fd00::1:9190", "http://[fd00::1]:9190/pause?x=1&y=%20z"),
            ("[fd00::1]:9190", "http://[fd00::1]:9190/pause?x=1&y=%20z"),
        ] {
            assert_eq!(elsewhere(owner, &uri), url);
        }
    }
}
