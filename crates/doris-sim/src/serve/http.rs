//! The HTTP ports of a backend and of a frontend.

use axum::{
    Router,
    extract::State,
    http::{
        Method, StatusCode, Uri,
        header::{AUTHORIZATION, HeaderMap},
    },
    response::{IntoResponse as _, Response},
    routing::any,
};
use base64::Engine as _;
use bytes::Bytes;
use doris::net::{Endpoint, HttpReply};
use tokio::net::TcpListener;

use super::{
    be::BackendService,
    faults::{Arrival, CallInfo, Channel, Departure, Faults},
    fe::{FrontendService, http::HttpRequest},
    net::http_substitute,
};

/// What answers the requests of a port.
#[derive(Clone, Debug)]
pub enum HttpService {
    Frontend(FrontendService),
    Backend(BackendService),
}

impl HttpService {
    fn answer(&self, request: &HttpRequest<'_>) -> HttpReply {
        match self {
            Self::Frontend(fe) => fe.http(request),
            Self::Backend(be) => be.http_get(request.path_and_query),
        }
    }

    fn is_alive(&self) -> bool {
        match self {
            Self::Frontend(fe) => fe.is_alive(),
            Self::Backend(be) => be.is_alive(),
        }
    }
}

#[derive(Clone, Debug)]
struct Port {
    service: HttpService,
    endpoint: Endpoint,
    faults: Faults,
}

/// Answers connections until the listener fails.
///
/// # Errors
/// The listener's.
pub async fn serve(
    listener: TcpListener,
    endpoint: Endpoint,
    service: HttpService,
    faults: Faults,
) -> std::io::Result<()> {
    let router = Router::new().fallback(any(answer)).with_state(Port { service, endpoint, faults });
    axum::serve(listener, router).await
}

async fn answer(State(port): State<Port>, method: Method, uri: Uri, headers: HeaderMap) -> Response {
    if !port.service.is_alive() {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    }
    let what = format!("{method} {}", uri.path());
    let call = CallInfo { to: &port.endpoint, channel: Channel::Http, what: &what };
    let mut repetitions = 0;
    match port.faults.arrive(call).await {
        Arrival::Execute => {}
        Arrival::ExecuteTwice => repetitions = 1,
        Arrival::Unreachable | Arrival::Lost => return broken(),
        Arrival::Answer(answer) => {
            if let Some(reply) = http_substitute(&answer) {
                return response(reply);
            }
        }
    }
    let request = HttpRequest {
        method: method.as_str(),
        path_and_query: uri.path_and_query().map_or("/", |p| p.as_str()),
        login: basic_login(&headers),
    };
    let reply = port.service.answer(&request);
    for _ in 0..repetitions {
        let _answer_of_the_copy = port.service.answer(&request);
    }
    match port.faults.depart(call).await {
        Departure::Send => response(reply),
        Departure::Answer(answer) => response(http_substitute(&answer).unwrap_or(reply)),
        Departure::Cut(bytes) => cut(reply, bytes),
        Departure::Lost => broken(),
    }
}

fn response(reply: HttpReply) -> Response {
    let status = StatusCode::from_u16(reply.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    (status, reply.body).into_response()
}

/// A body that ends with an error: the connection breaks.
fn broken() -> Response {
    cut(HttpReply { status: 200, body: Bytes::new() }, 0)
}

/// The head and so many bytes of the body; then the connection breaks.
fn cut(mut reply: HttpReply, bytes: usize) -> Response {
    let part = reply.body.split_to(bytes.min(reply.body.len()));
    let broken = std::io::Error::from(std::io::ErrorKind::ConnectionReset);
    let body = axum::body::Body::from_stream(futures::stream::iter([Ok(part), Err(broken)]));
    let status = StatusCode::from_u16(reply.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    (status, body).into_response()
}

/// User and password of basic authentication.
fn basic_login(headers: &HeaderMap) -> Option<(String, doris::secret::Secret)> {
    let encoded = headers.get(AUTHORIZATION)?.to_str().ok()?.strip_prefix("Basic ")?;
    let decoded = String::from_utf8(base64::engine::general_purpose::STANDARD.decode(encoded.trim()).ok()?).ok()?;
    let (user, password) = decoded.split_once(':')?;
    Some((user.to_owned(), doris::secret::Secret::new(password.to_owned())))
}
