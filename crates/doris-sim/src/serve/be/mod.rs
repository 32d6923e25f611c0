//! One backend: `BackendService`, and the files it serves over HTTP.

mod download;
mod files;
mod ingest;

use std::sync::Arc;

use bytes::Bytes;
use doris::{
    net::Net,
    rpc,
    thrift::{Call, Method as _, ThriftError, Wire, decode_args, decode_call, encode_reply},
};

use super::faults::Substitute;
use crate::{model::BackendId, sim::Sim};

pub(crate) use download::run_downloads;

/// One backend.
#[derive(Clone)]
pub struct BackendService {
    sim: Arc<Sim>,
    id: BackendId,
    /// How it reaches other backends.
    net: Arc<dyn Net>,
}

impl std::fmt::Debug for BackendService {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("BackendService").field("id", &self.id).finish_non_exhaustive()
    }
}

impl BackendService {
    pub fn new(sim: Arc<Sim>, id: BackendId, net: Arc<dyn Net>) -> Self {
        Self { sim, id, net }
    }

    /// Whether the backend answers at all.
    pub fn is_alive(&self) -> bool {
        self.sim.look(|model| model.living_backend(self.id).is_some())
    }

    /// Waits until it does not any more.
    pub(crate) async fn died(&self) {
        self.sim.wait_death(|model| model.living_backend(self.id).is_some()).await;
    }

    /// An answer of a fault in place of one's own; `None`: to a method that has no such answer.
    pub(crate) fn substitute(&self, message: &Bytes, answer: &Substitute) -> Option<Bytes> {
        let Substitute::Refusal { status, text } = answer else { return None };
        let call = decode_call(message).ok()?;
        let code = i32::from(*status);
        match call.name.as_str() {
            name @ rpc::IngestBinlog::NAME => {
                let status = Some(rpc::Status::with_text(rpc::StatusCode(code), text.clone()));
                encode_reply(name, call.seq, &rpc::IngestBinlogResult { status, is_async: None }).ok()
            }
            name @ rpc::QueryIngestBinlog::NAME => {
                let (status, err_msg) = (Some(rpc::IngestBinlogStatus(code)), Some(text.clone()));
                encode_reply(name, call.seq, &rpc::QueryIngestBinlogResult { status, err_msg }).ok()
            }
            _ => None,
        }
    }

    /// Answers one call.
    ///
    /// # Errors
    /// The bytes are no message at all: a server closes the connection.
    pub async fn call(&self, message: Bytes) -> Result<Bytes, ThriftError> {
        let call = decode_call(&message)?;
        let slow = self.sim.look(|model| model.living_backend(self.id).map_or(0, |be| be.response_delay_ms));
        if let Ok(slow @ 1..) = u64::try_from(slow) {
            tokio::time::sleep(std::time::Duration::from_millis(slow)).await;
        }
        match call.name.as_str() {
            name @ rpc::IngestBinlog::NAME => {
                let reply = self.ingest_binlog(args(&call)?).await;
                encode_reply(name, call.seq, &reply)
            }
            name @ rpc::QueryIngestBinlog::NAME => {
                encode_reply(name, call.seq, &self.query_ingest_binlog(args(&call)?))
            }
            name => super::fe::unknown_method(name, call.seq),
        }
    }
}

fn args<T: Wire + Default>(call: &Call) -> Result<T, ThriftError> {
    Ok(decode_args(call)?.unwrap_or_default())
}
