//! Copying rows: what a destination BE is asked for.

use super::{Backend, Cluster};
use crate::{
    error::{Error, ErrorKind, Result},
    ids::{Dest, PartitionId, Source, TabletId, TxnId, Version},
    net::Endpoint,
    rpc,
};

/// One `ingest_binlog`.
#[derive(Clone, Debug)]
pub struct IngestBinlog {
    /// The transaction, or the sub transaction.
    pub txn: TxnId<Dest>,
    pub source_tablet: TabletId<Source>,
    pub version: Version,
    /// The source BE's HTTP address as the destination BE reaches it.
    pub source_http: Endpoint,
    pub dest_partition: PartitionId<Dest>,
    pub dest_tablet: TabletId<Dest>,
}

/// What a BE says of an asynchronous ingest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum IngestStatus {
    Done,
    Doing,
    NotFound,
    Failed(String),
    Unknown,
}

/// The load id of every ingest; the BE wants one and does not look at it.
const LOAD_ID: rpc::UniqueId = rpc::UniqueId { hi: -1, lo: -1 };

impl Cluster<Dest> {
    /// `is_async`: true = the outcome is only known from [`Self::query_ingest_binlog`]. After a refusal the same call may
    /// be made again; after `Unanswered` it may still be running, and two at once for one tablet corrupt it.
    pub async fn ingest_binlog(&self, to: &Backend<Dest>, request: &IngestBinlog) -> Result<bool> {
        let what = "ingest_binlog";
        let host = &request.source_http.host;
        let message = rpc::IngestBinlogRequest {
            txn_id: Some(request.txn.get()),
            remote_tablet_id: Some(request.source_tablet.get()),
            binlog_version: Some(request.version.0),
            // The BE puts it into a URL as it is.
            remote_host: Some(if host.contains(':') { format!("[{host}]") } else { host.clone() }),
            remote_port: Some(request.source_http.port.to_string()),
            partition_id: Some(request.dest_partition.get()),
            local_tablet_id: Some(request.dest_tablet.get()),
            load_id: Some(LOAD_ID),
        };
        let endpoint = Endpoint::new(to.host.clone(), to.be_port);
        let reply = self.pool.call::<rpc::IngestBinlog>(&endpoint, &message, self.pool.timeouts.ingest).await?;
        self.pool.check_status(what, reply.status.as_ref()).map_err(|error| {
            let download = error.kind == ErrorKind::Refused && error.text.contains("download");
            let kind = if download { ErrorKind::Download } else { error.kind };
            Error { kind, call: self.pool.call_name(what, &endpoint), text: error.text }
        })?;
        Ok(reply.is_async.unwrap_or(false))
    }

    /// How an asynchronous ingest goes. `NotFound`: never begun, forgotten by a restart, or published already.
    pub async fn query_ingest_binlog(&self, to: &Backend<Dest>, request: &IngestBinlog) -> Result<IngestStatus> {
        let message = rpc::QueryIngestBinlogRequest {
            txn_id: Some(request.txn.get()),
            partition_id: Some(request.dest_partition.get()),
            tablet_id: Some(request.dest_tablet.get()),
            load_id: Some(LOAD_ID),
        };
        let endpoint = Endpoint::new(to.host.clone(), to.be_port);
        let reply = self.pool.call::<rpc::QueryIngestBinlog>(&endpoint, &message, self.pool.timeouts.rpc).await?;
        let text = reply.err_msg.unwrap_or_default();
        Ok(match reply.status {
            Some(rpc::IngestBinlogStatus::OK) => IngestStatus::Done,
            Some(rpc::IngestBinlogStatus::DOING) => IngestStatus::Doing,
            Some(rpc::IngestBinlogStatus::NOT_FOUND) => IngestStatus::NotFound,
            Some(rpc::IngestBinlogStatus::FAILED | rpc::IngestBinlogStatus::ANALYSIS_ERROR) => {
                IngestStatus::Failed(text)
            }
            _ => IngestStatus::Unknown,
        })
    }
}
