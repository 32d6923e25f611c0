//! The HTTP API of a syncer as a client sees it: one POST, one JSON answer.

use std::net::SocketAddr;

use anyhow::{Context, bail};
use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// A client of one syncer.
#[derive(Clone, Copy, Debug)]
pub struct Api(pub SocketAddr);

impl Api {
    /// Posts `body` and returns the answer.
    ///
    /// # Errors
    /// There is no answer, or it says `success: false`: then its `error_msg`.
    pub async fn post(self, path: &str, body: &Value) -> anyhow::Result<Value> {
        let answer = self.exchange(path, &body.to_string()).await.with_context(|| format!("POST {path}"))?;
        if answer.get("success").and_then(Value::as_bool) != Some(true) {
            bail!("{path}: {}", answer.get("error_msg").and_then(Value::as_str).unwrap_or("no reason given"));
        }
        Ok(answer)
    }

    async fn exchange(self, path: &str, body: &str) -> anyhow::Result<Value> {
        let mut stream = TcpStream::connect(self.0).await?;
        let head = format!(
            "POST {path} HTTP/1.1\r\nhost: {}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
            self.0,
            body.len()
        );
        stream.write_all(format!("{head}{body}").as_bytes()).await?;
        let mut reply = String::new();
        stream.read_to_string(&mut reply).await?;
        let (_, body) = reply.split_once("\r\n\r\n").context("the answer has no body")?;
        Ok(serde_json::from_str(body)?)
    }
}
