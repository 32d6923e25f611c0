//! HTTP GET: one connection a request, since it is asked once in a while (BE configuration).

use std::pin::pin;

use bytes::Bytes;
use http_body_util::{BodyExt, Empty, Limited};
use hyper::{Request, client::conn::http1, header};
use hyper_util::rt::TokioIo;

use super::{TcpOptions, connect};
use crate::net::{Endpoint, HttpReply, NetError};

pub(super) async fn get(options: &TcpOptions, to: &Endpoint, path_and_query: &str) -> Result<HttpReply, NetError> {
    let lost = |why: String| NetError::Lost { to: to.to_string(), why };
    let garbled = |why: String| NetError::Garbled { to: to.to_string(), why };
    let request = Request::get(path_and_query)
        .header(header::HOST, to.to_string())
        .header(header::CONNECTION, "close")
        .body(Empty::<Bytes>::new())
        .map_err(|error| NetError::Unreachable { to: to.to_string(), why: format!("bad request: {error}") })?;
    let stream = connect(to, options.connect_timeout).await?;
    let (mut sender, connection) =
        http1::handshake(TokioIo::new(stream)).await.map_err(|error| lost(error.to_string()))?;
    let exchange = async {
        let reply = sender
            .send_request(request)
            .await
            .map_err(|error| if error.is_parse() { garbled(error.to_string()) } else { lost(error.to_string()) })?;
        let status = reply.status().as_u16();
        let body = Limited::new(reply.into_body(), options.max_http_bytes).collect().await;
        let body = body.map_err(|error| {
            if error.is::<http_body_util::LengthLimitError>() {
                garbled(format!("the body is larger than {} bytes", options.max_http_bytes))
            } else {
                lost(error.to_string())
            }
        })?;
        Ok(HttpReply { status, body: body.to_bytes() })
    };
    let mut exchange = pin!(exchange);
    // The connection is driven here, not in a task, so that it ends with this future.
    tokio::select! {
        biased;
        reply = &mut exchange => return reply,
        _ = connection => {}
    }
    // The connection has ended and passed on what it had.
    exchange.await
}
