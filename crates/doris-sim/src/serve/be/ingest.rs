//! ingest_binlog and query_ingest_binlog.

use std::time::Duration;

use bytes::Bytes;
use doris::{
    net::Endpoint,
    rpc::{
        IngestBinlogRequest, IngestBinlogResult, IngestBinlogStatus, QueryIngestBinlogRequest, QueryIngestBinlogResult,
        Status, StatusCode,
    },
};
use serde::de::DeserializeOwned;

use super::BackendService;
use crate::model::{
    Rowset, TabletId, TxnId,
    ingest::{BeRefusal, IngestState, RowsetMeta},
};

/// Attempts of one download, and the pause between them.
const ATTEMPTS: u32 = 3;
const PAUSE: Duration = Duration::from_secs(1);

/// A complete request.
#[derive(Clone, Debug)]
struct Ingest {
    txn: TxnId,
    remote_tablet: i64,
    version: i64,
    remote: Endpoint,
    tablet: TabletId,
}

impl BackendService {
    pub(super) async fn ingest_binlog(&self, request: IngestBinlogRequest) -> IngestBinlogResult {
        let refuse = |refusal: BeRefusal| IngestBinlogResult {
            status: Some(Status::with_text(StatusCode(refusal.status), refusal.text)),
            is_async: None,
        };
        let ingest = match complete(&request) {
            Ok(ingest) => ingest,
            Err(refusal) => return refuse(refusal),
        };
        if let Err(refusal) = self.sim.with(|model| model.begin_ingest(self.id, ingest.txn, ingest.tablet)) {
            return refuse(refusal);
        }
        let is_async = self.sim.look(|model| model.living_backend(self.id).is_some_and(|be| be.async_ingest));
        // The work goes on whether or not the caller waits.
        let service = self.clone();
        let work = tokio::spawn(async move { service.work(&ingest).await });
        if is_async {
            return IngestBinlogResult { status: Some(Status::new(StatusCode::OK)), is_async: Some(true) };
        }
        let result = match work.await {
            Ok(result) => result,
            Err(error) => Err(BeRefusal::new(StatusCode::INTERNAL_ERROR.0, error.to_string())),
        };
        IngestBinlogResult {
            status: Some(match result {
                Ok(()) => Status::new(StatusCode::OK),
                Err(refusal) => Status::with_text(StatusCode(refusal.status), refusal.text),
            }),
            is_async: Some(false),
        }
    }

    async fn work(&self, ingest: &Ingest) -> Result<(), BeRefusal> {
        let delay = self.sim.look(|model| model.options.ingest_delay_ms);
        if let Ok(delay @ 1..) = u64::try_from(delay) {
            tokio::time::sleep(Duration::from_millis(delay)).await;
        }
        let downloaded = self.fetch(ingest).await;
        self.sim.with(|model| model.end_ingest(self.id, ingest.txn, ingest.tablet, downloaded))
    }

    /// Binlog info, rowset meta, then every segment file, as a BE asks for them.
    async fn fetch(&self, ingest: &Ingest) -> Result<(RowsetMeta, Rowset), BeRefusal> {
        let query = |method: &str, rest: String| {
            let tablet = ingest.remote_tablet;
            format!("/api/_binlog/_download?method={method}&tablet_id={tablet}{rest}")
        };
        let version = ingest.version;
        let info = self.get(&ingest.remote, &query("get_binlog_info", format!("&binlog_version={version}"))).await?;
        let info = String::from_utf8_lossy(&info).into_owned();
        let malformed = || BeRefusal::new(StatusCode::RUNTIME_ERROR.0, format!("failed to parse binlog info: {info}"));
        let (rowset_id, segments) = info.split_once(':').ok_or_else(malformed)?;
        let segments: u32 = segments.parse().map_err(|_| malformed())?;
        let rest = format!("&rowset_id={rowset_id}&binlog_version={version}");
        let meta: RowsetMeta = parse(&self.get(&ingest.remote, &query("get_rowset_meta", rest)).await?)?;
        let mut rowset = Rowset { columns: meta.columns.clone(), ..Rowset::default() };
        for segment in 0..segments {
            let rest = format!("&rowset_id={rowset_id}&segment_index={segment}");
            let part: Rowset = parse(&self.get(&ingest.remote, &query("get_segment_file", rest)).await?)?;
            rowset.rows.extend(part.rows);
            rowset.delete_predicate = part.delete_predicate.or(rowset.delete_predicate);
        }
        if rowset.rows.len() != meta.rows {
            return Err(BeRefusal::new(StatusCode::RUNTIME_ERROR.0, "downloaded file size is not equal"));
        }
        Ok((meta, rowset))
    }

    /// One file, in up to three attempts.
    pub(super) async fn get(&self, from: &Endpoint, path_and_query: &str) -> Result<Bytes, BeRefusal> {
        let mut attempt = 1;
        loop {
            let why = match self.net.http_get(from, path_and_query).await {
                Ok(reply) if reply.status == 200 => return Ok(reply.body),
                Ok(reply) => format!("HTTP status {}: {}", reply.status, String::from_utf8_lossy(&reply.body)),
                Err(error) => error.to_string(),
            };
            if attempt == ATTEMPTS {
                // The query may hold a token: only the path is named.
                let path = path_and_query.split('?').next().unwrap_or_default();
                let text = format!("failed to download http://{from}{path}: {why}");
                return Err(BeRefusal::new(StatusCode::HTTP_ERROR.0, text));
            }
            attempt += 1;
            tokio::time::sleep(PAUSE).await;
        }
    }

    pub(super) fn query_ingest_binlog(&self, request: QueryIngestBinlogRequest) -> QueryIngestBinlogResult {
        let answer = |status, err_msg| QueryIngestBinlogResult { status: Some(status), err_msg };
        let (Some(txn), Some(_), Some(tablet), Some(_)) =
            (request.txn_id, request.partition_id, request.tablet_id, &request.load_id)
        else {
            return answer(IngestBinlogStatus::ANALYSIS_ERROR, Some("a field is empty".into()));
        };
        let state = self.sim.look(|model| model.ingest_state(self.id, TxnId::new(txn), TabletId::new(tablet)));
        match state {
            IngestState::Unknown => {
                answer(IngestBinlogStatus::NOT_FOUND, Some(format!("transaction {txn} of tablet {tablet} not found")))
            }
            IngestState::Doing => answer(IngestBinlogStatus::DOING, None),
            IngestState::Done => answer(IngestBinlogStatus::OK, None),
            IngestState::Failed(why) => answer(IngestBinlogStatus::FAILED, Some(why)),
        }
    }
}

/// Every field is mandatory: `<field> is empty`.
fn complete(request: &IngestBinlogRequest) -> Result<Ingest, BeRefusal> {
    let empty = |name: &str| BeRefusal::new(StatusCode::ANALYSIS_ERROR.0, format!("{name} is empty"));
    let txn = request.txn_id.ok_or_else(|| empty("txn_id"))?;
    let remote_tablet = request.remote_tablet_id.ok_or_else(|| empty("remote_tablet_id"))?;
    let version = request.binlog_version.ok_or_else(|| empty("binlog_version"))?;
    let host = request.remote_host.clone().ok_or_else(|| empty("remote_host"))?;
    let port = request.remote_port.as_deref().ok_or_else(|| empty("remote_port"))?;
    request.partition_id.ok_or_else(|| empty("partition_id"))?;
    let tablet = request.local_tablet_id.ok_or_else(|| empty("local_tablet_id"))?;
    request.load_id.as_ref().ok_or_else(|| empty("load_id"))?;
    let port: u16 = port
        .parse()
        .map_err(|_| BeRefusal::new(StatusCode::HTTP_ERROR.0, format!("http://{host}:{port}: bad port")))?;
    let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
    Ok(Ingest {
        txn: TxnId::new(txn),
        remote_tablet,
        version,
        remote: Endpoint::new(host, port),
        tablet: TabletId::new(tablet),
    })
}

fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, BeRefusal> {
    serde_json::from_slice(body)
        .map_err(|error| BeRefusal::new(StatusCode::INTERNAL_ERROR.0, format!("unreadable file: {error}")))
}
