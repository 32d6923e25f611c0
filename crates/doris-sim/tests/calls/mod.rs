//! What a syncer asks of two clusters, call by call.
#![allow(clippy::unwrap_used)]

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use bytes::Bytes;
use doris::{
    net::{Endpoint, Net, SqlReply},
    rpc::*,
    secret::Secret,
    thrift::{Method, decode_reply, encode_call},
};
use doris_sim::{
    SimCluster,
    model::{BackupSpec, Value},
};

/// A request of the database `shop` as root.
pub(crate) fn request() -> GetBinlogRequest {
    GetBinlogRequest {
        user: Some("root".into()),
        passwd: Some(Secret::default()),
        db: Some("shop".into()),
        ..GetBinlogRequest::default()
    }
}

/// A source and a destination, and the network to them.
pub(crate) struct Caller<'a> {
    net: Arc<dyn Net>,
    source: &'a SimCluster,
    dest: &'a SimCluster,
}

/// The tablets of one table on both sides, in pairs.
pub(crate) struct Plan {
    pub(crate) db: Option<i64>,
    table: i64,
    partition: i64,
    source_tablets: Vec<(i64, Endpoint)>,
    dest_backends: Vec<Endpoint>,
    /// (tablet, backend) of the destination.
    pub(crate) infos: Vec<(i64, i64)>,
}

impl<'a> Caller<'a> {
    pub(crate) fn new(net: Arc<dyn Net>, source: &'a SimCluster, dest: &'a SimCluster) -> Self {
        Self { net, source, dest }
    }

    pub(crate) async fn at<M: Method>(&self, to: &Endpoint, request: &M::Request) -> M::Reply {
        let call = encode_call(M::NAME, 1, request).unwrap();
        decode_reply(&self.net.thrift(to, call).await.unwrap(), M::NAME, 1).unwrap()
    }

    pub(crate) async fn fe<M: Method>(&self, cluster: &SimCluster, request: &M::Request) -> M::Reply {
        self.at::<M>(&cluster.frontends()[0].rpc, request).await
    }

    /// A call to the backend of the n-th tablet of the destination.
    pub(crate) async fn be<M: Method>(&self, plan: &Plan, n: usize, request: &M::Request) -> M::Reply {
        self.at::<M>(&plan.dest_backends[n], request).await
    }

    pub(crate) async fn sql_rows(&self, cluster: &SimCluster, sql: &str) -> Vec<Vec<Option<String>>> {
        let mut session = doris_sim::Session { user: "root".into(), ..doris_sim::Session::default() };
        match cluster.sql_service().execute(&mut session, sql).await {
            SqlReply::Rows(set) => set.rows,
            other => panic!("{sql}: {other:?}"),
        }
    }

    pub(crate) fn source_rows(&self, table: &str) -> Vec<Vec<Value>> {
        self.source.rows("shop", table).unwrap()
    }

    pub(crate) fn dest_rows(&self, table: &str) -> Vec<Vec<Value>> {
        self.dest.rows("shop", table).unwrap()
    }

    pub(crate) async fn records(&self, after: i64) -> Vec<Binlog> {
        let read = GetBinlogRequest { prev_commit_seq: Some(after), num_acquired: Some(100), ..request() };
        let reply = self.fe::<GetBinlog>(self.source, &read).await;
        assert_eq!(reply.status.unwrap().status_code, StatusCode::OK);
        reply.binlogs.unwrap()
    }

    async fn meta(&self, cluster: &SimCluster, table: &str) -> DbMeta {
        let table = GetMetaTable { name: Some(table.into()), ..GetMetaTable::default() };
        let request = GetMetaRequest {
            user: Some("root".into()),
            passwd: Some(Secret::default()),
            db: Some(GetMetaDb { name: Some("shop".into()), tables: Some(vec![table]), ..GetMetaDb::default() }),
            ..GetMetaRequest::default()
        };
        self.fe::<GetMeta>(cluster, &request).await.db_meta.unwrap()
    }

    async fn backends(&self, cluster: &SimCluster) -> BTreeMap<i64, Backend> {
        let request = GetBackendMetaRequest {
            user: Some("root".into()),
            passwd: Some(Secret::default()),
            ..GetBackendMetaRequest::default()
        };
        let reply = self.fe::<GetBackendMeta>(cluster, &request).await;
        reply.backends.unwrap().into_iter().map(|be| (be.id.unwrap(), be)).collect()
    }

    /// Pairs the tablets of an unpartitioned table with one replica each.
    pub(crate) async fn plan(&self, table: &str) -> Plan {
        let (from, to) = (self.meta(self.source, table).await, self.meta(self.dest, table).await);
        let (from_be, to_be) = (self.backends(self.source).await, self.backends(self.dest).await);
        let port = |port: i32| u16::try_from(port).unwrap();
        let tablets = |meta: &DbMeta| {
            let partition = meta.tables.as_ref().unwrap()[0].partitions.as_ref().unwrap()[0].clone();
            let tablets = partition.indexes.as_ref().unwrap()[0].tablets.clone().unwrap();
            let pairs: Vec<(i64, i64)> =
                tablets.into_iter().map(|t| (t.id.unwrap(), t.replicas.unwrap()[0].backend_id.unwrap())).collect();
            (partition.id.unwrap(), pairs)
        };
        let ((_, sources), (partition, infos)) = (tablets(&from), tablets(&to));
        assert_eq!(sources.len(), infos.len());
        Plan {
            db: to.id,
            table: to.tables.as_ref().unwrap()[0].id.unwrap(),
            partition,
            source_tablets: sources
                .into_iter()
                .map(|(tablet, be)| (tablet, Endpoint::new(from_be[&be].host.clone(), port(from_be[&be].http_port))))
                .collect(),
            dest_backends: infos
                .iter()
                .map(|(_, be)| Endpoint::new(to_be[be].host.clone(), port(to_be[be].be_port)))
                .collect(),
            infos,
        }
    }

    pub(crate) fn begin_request(&self, label: &str, plan: &Plan) -> BeginTxnRequest {
        BeginTxnRequest {
            user: Some("root".into()),
            passwd: Some(Secret::default()),
            db: Some("shop".into()),
            table_ids: Some(vec![plan.table]),
            label: Some(label.into()),
            ..BeginTxnRequest::default()
        }
    }

    pub(crate) async fn begin(&self, label: &str, plan: &Plan) -> i64 {
        let reply = self.fe::<BeginTxn>(self.dest, &self.begin_request(label, plan)).await;
        assert_eq!(reply.db_id, plan.db, "{:?}", reply.status);
        reply.txn_id.unwrap()
    }

    pub(crate) fn ingest_request(&self, txn: i64, version: i64, plan: &Plan, n: usize) -> IngestBinlogRequest {
        let (tablet, from) = &plan.source_tablets[n];
        IngestBinlogRequest {
            txn_id: Some(txn),
            remote_tablet_id: Some(*tablet),
            binlog_version: Some(version),
            remote_host: Some(from.host.clone()),
            remote_port: Some(from.port.to_string()),
            partition_id: Some(plan.partition),
            local_tablet_id: Some(plan.infos[n].0),
            load_id: Some(UniqueId { hi: -1, lo: -1 }),
        }
    }

    pub(crate) async fn ingest_one(&self, txn: i64, version: i64, plan: &Plan, n: usize) -> IngestBinlogResult {
        self.be::<IngestBinlog>(plan, n, &self.ingest_request(txn, version, plan, n)).await
    }

    /// Ingests every tablet.
    pub(crate) async fn ingest(&self, txn: i64, version: i64, plan: &Plan) {
        for n in 0..plan.infos.len() {
            let status = self.ingest_one(txn, version, plan, n).await.status.unwrap();
            assert_eq!(status.status_code, StatusCode::OK, "{}", status.text());
        }
    }

    pub(crate) async fn commit(
        &self,
        txn: i64,
        infos: &[(i64, i64)],
        change: impl FnOnce(&mut CommitTxnRequest),
    ) -> CommitTxnResult {
        let infos = infos
            .iter()
            .map(|(tablet, backend)| TabletCommitInfo {
                tablet_id: *tablet,
                backend_id: *backend,
                invalid_dict_cols: None,
            })
            .collect();
        let mut request = CommitTxnRequest {
            user: Some("root".into()),
            passwd: Some(Secret::default()),
            db: Some("shop".into()),
            txn_id: Some(txn),
            commit_infos: Some(infos),
            ..CommitTxnRequest::default()
        };
        change(&mut request);
        self.fe::<CommitTxn>(self.dest, &request).await
    }

    /// Backs the whole database up and fetches the documents.
    pub(crate) async fn backup(&self, label: &str, compress: bool) -> GetSnapshotResult {
        let spec = BackupSpec {
            db: "shop".into(),
            label: label.into(),
            repository: "__keep_on_local__".into(),
            ..BackupSpec::default()
        };
        self.source.with(|model| model.submit_backup(&spec)).unwrap();
        let request = GetSnapshotRequest {
            user: Some("root".into()),
            passwd: Some(Secret::default()),
            db: Some("shop".into()),
            label_name: Some(label.into()),
            snapshot_name: Some(String::new()),
            snapshot_type: Some(SnapshotType::LOCAL),
            enable_compress: Some(compress),
            ..GetSnapshotRequest::default()
        };
        for _ in 0..600 {
            let reply = self.fe::<GetSnapshot>(self.source, &request).await;
            match reply.status.as_ref().unwrap().status_code {
                StatusCode::OK => return reply,
                StatusCode::SNAPSHOT_NOT_EXIST => tokio::time::sleep(Duration::from_millis(20)).await,
                _ => panic!("{:?}", reply.status),
            }
        }
        panic!("the backup does not end");
    }

    /// Restores with the extra info that a syncer adds; state and status at the end.
    pub(crate) async fn restore(
        &self,
        label: &str,
        snapshot: &GetSnapshotResult,
        refs: &[TableRef],
    ) -> (String, String) {
        self.submit_restore(label, &self.completed(snapshot).await, refs).await;
        for _ in 0..600 {
            let row = self.last_restore();
            let (state, status) = (row[4].clone().unwrap(), row[19].clone().unwrap());
            if matches!(state.as_str(), "FINISHED" | "CANCELLED") {
                return (state, status);
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("the restore does not end");
    }

    /// A snapshot with the extra info that a syncer adds.
    pub(crate) async fn completed(&self, snapshot: &GetSnapshotResult) -> GetSnapshotResult {
        let request =
            GetMasterTokenRequest { cluster: None, user: Some("root".into()), password: Some(Secret::default()) };
        let token = self.fe::<GetMasterToken>(self.source, &request).await.token.unwrap();
        let job_info = with_extra_info(snapshot, self.source, token.expose());
        GetSnapshotResult {
            job_info: Some(if snapshot.compressed == Some(true) { gzip(&job_info) } else { job_info.into() }),
            ..snapshot.clone()
        }
    }

    /// Calls restoreSnapshot with the documents as they are.
    pub(crate) async fn submit_restore(&self, label: &str, snapshot: &GetSnapshotResult, refs: &[TableRef]) {
        let request = RestoreSnapshotRequest {
            user: Some("root".into()),
            passwd: Some(Secret::default()),
            db: Some("shop".into()),
            label_name: Some(label.into()),
            repo_name: Some("__keep_on_local__".into()),
            table_refs: Some(refs.to_vec()),
            properties: Some(BTreeMap::from([("reserve_replica".to_owned(), "true".to_owned())])),
            meta: snapshot.meta.clone(),
            job_info: snapshot.job_info.clone(),
            compressed: snapshot.compressed,
            ..RestoreSnapshotRequest::default()
        };
        let status = self.fe::<RestoreSnapshot>(self.dest, &request).await.status.unwrap();
        assert_eq!(status.status_code, StatusCode::OK, "{}", status.text());
    }

    /// The last row of SHOW RESTORE at the destination.
    pub(crate) fn last_restore(&self) -> Vec<Option<String>> {
        self.dest.with(|model| model.restore_rows(model.db_id("shop").unwrap()).pop().unwrap())
    }
}

/// The job info with the addresses of the source's backends and a token, not compressed.
pub(crate) fn with_extra_info(snapshot: &GetSnapshotResult, source: &SimCluster, token: &str) -> Vec<u8> {
    let packed = snapshot.job_info.clone().unwrap();
    let plain = if snapshot.compressed == Some(true) { gunzip(&packed) } else { packed.to_vec() };
    let mut info: serde_json::Value = serde_json::from_slice(&plain).unwrap();
    let addresses: serde_json::Map<String, serde_json::Value> = source.with(|model| {
        let backends = model.backends.values();
        backends.map(|be| (be.id.to_string(), serde_json::json!({ "ip": be.host, "port": be.http_port }))).collect()
    });
    info["extra_info"] = serde_json::json!({ "be_network_map": addresses, "token": token });
    serde_json::to_vec(&info).unwrap()
}

fn gunzip(packed: &[u8]) -> Vec<u8> {
    use std::io::Read as _;
    let mut plain = Vec::new();
    flate2::read::GzDecoder::new(packed).read_to_end(&mut plain).unwrap();
    plain
}

fn gzip(plain: &[u8]) -> Bytes {
    use std::io::Write as _;
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(plain).unwrap();
    encoder.finish().unwrap().into()
}
