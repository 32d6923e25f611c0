//! Two clusters, called as a syncer calls them: in process on paused time, and over sockets.
#![allow(clippy::unwrap_used)]

mod calls;

use std::sync::{Arc, Mutex};

use bytes::Bytes;
use calls::{Caller, request};
use doris::{
    net::{Endpoint, Net, NetError, SqlLogin, SqlReply, tcp::TcpNet},
    rpc::*,
    secret::Secret,
    thrift::{ThriftError, application, decode_reply, encode_call},
};
use doris_sim::{
    ClusterBuilder, FaultPlan, SimCluster, SimNet,
    model::{TxnState, Value},
    serve::{After, Before, CallInfo, MasterHint, Substitute},
};

const ORDERS: &str = "CREATE TABLE shop.orders (id BIGINT NOT NULL, note VARCHAR(64) NULL) DUPLICATE KEY (id) \
                      DISTRIBUTED BY HASH(id) BUCKETS 3 PROPERTIES (\"replication_num\" = \"1\")";
const USERS: &str = "CREATE TABLE shop.users (id BIGINT NOT NULL, note VARCHAR(64) NULL) UNIQUE KEY (id) \
                     DISTRIBUTED BY HASH(id) BUCKETS 2 PROPERTIES (\"replication_num\" = \"1\", \
                     \"enable_unique_key_merge_on_write\" = \"true\")";

async fn sql(cluster: &SimCluster, sql: &str) {
    let mut session = doris_sim::Session { user: "root".into(), ..doris_sim::Session::default() };
    if let SqlReply::Error { message, .. } = cluster.sql_service().execute(&mut session, sql).await {
        panic!("{sql}: {message}");
    }
}

async fn shop(cluster: &SimCluster, tables: &[&str]) {
    sql(cluster, "CREATE DATABASE shop").await;
    sql(cluster, "ALTER DATABASE shop SET PROPERTIES (\"binlog.enable\" = \"true\")").await;
    for table in tables {
        sql(cluster, table).await;
    }
}

fn row(id: i128, note: &str) -> Vec<Value> {
    vec![Value::Int(id), Value::Text(note.into())]
}

/// Two clusters on one network in process.
async fn pair(tables: &[&str]) -> (SimNet, SimCluster, SimCluster) {
    let net = SimNet::new();
    let source = ClusterBuilder::new("src").seed(1).in_process(&net).start().await.unwrap();
    let dest = ClusterBuilder::new("dst").seed(2).backends(2).in_process(&net).start().await.unwrap();
    shop(&source, tables).await;
    shop(&dest, tables).await;
    (net, source, dest)
}

#[tokio::test(start_paused = true)]
async fn a_transaction_is_copied_by_hand_in_process() {
    let (net, source, dest) = pair(&[ORDERS]).await;
    copy_one_transaction(Arc::new(net), &source, &dest).await;
}

#[tokio::test]
async fn a_transaction_is_copied_by_hand_over_sockets() {
    let local = "127.0.0.1".parse().unwrap();
    let source = ClusterBuilder::new("src").seed(1).sockets(local).start().await.unwrap();
    let dest = ClusterBuilder::new("dst").seed(2).sockets(local).start().await.unwrap();
    shop(&source, &[ORDERS]).await;
    shop(&dest, &[ORDERS]).await;
    copy_one_transaction(Arc::new(TcpNet::default()), &source, &dest).await;
    source.shutdown().await;
    dest.shutdown().await;
}

async fn copy_one_transaction(net: Arc<dyn Net>, source: &SimCluster, dest: &SimCluster) {
    let caller = Caller::new(net, source, dest);
    source.load("shop", "orders", vec![row(1, "a"), row(2, "b"), row(3, "c"), row(4, "d")]).await.unwrap();
    let record = caller.records(-1).await.pop().unwrap();
    assert_eq!(record.kind, Some(BinlogType::UPSERT));
    assert!(caller.dest_rows("orders").is_empty());
    let plan = caller.plan("orders").await;
    let txn = caller.begin("copy-1", &plan).await;
    caller.ingest(txn, 2, &plan).await;
    let reply = caller.commit(txn, &plan.infos, |_| {}).await;
    assert_eq!(reply.status.unwrap().status_code, StatusCode::OK);
    assert_eq!(caller.dest_rows("orders"), caller.source_rows("orders"));
    assert_eq!(caller.dest_rows("orders").len(), 4);
    // The destination records it in turn, so that a third cluster could copy it: also without planned indexes.
    let chained = dest.with(|model| model.binlogs.values().next().unwrap().stream.records().last().cloned()).unwrap();
    assert!(!chained.data.unwrap().contains("indexIds"));
}

#[tokio::test(start_paused = true)]
async fn a_database_is_copied_by_backup_and_restore_in_process() {
    let (net, source, dest) = pair(&[ORDERS, USERS]).await;
    sql(&dest, "DROP TABLE shop.users FORCE").await;
    copy_by_snapshot(Arc::new(net), &source, &dest, false).await;
}

#[tokio::test]
async fn a_database_is_copied_by_backup_and_restore_over_sockets() {
    let local = "127.0.0.1".parse().unwrap();
    let start = |name: &str, seed| ClusterBuilder::new(name).seed(seed).snapshot_tick_ms(5).sockets(local).start();
    let (source, dest) = (start("src", 1).await.unwrap(), start("dst", 2).await.unwrap());
    shop(&source, &[ORDERS, USERS]).await;
    shop(&dest, &[]).await;
    copy_by_snapshot(Arc::new(TcpNet::default()), &source, &dest, true).await;
}

async fn copy_by_snapshot(net: Arc<dyn Net>, source: &SimCluster, dest: &SimCluster, compress: bool) {
    let caller = Caller::new(net, source, dest);
    source.load("shop", "orders", vec![row(1, "a"), row(2, "b")]).await.unwrap();
    source.load("shop", "users", vec![row(1, "x"), row(1, "y")]).await.unwrap();
    let snapshot = caller.backup("full", compress).await;
    assert_eq!(snapshot.compressed, compress.then_some(true));
    // Written after the barrier: not part of the snapshot.
    source.load("shop", "orders", vec![row(3, "later")]).await.unwrap();
    let status = caller.restore("back", &snapshot, &[]).await;
    assert_eq!(status, ("FINISHED".to_owned(), "[OK]".to_owned()));
    assert_eq!(caller.dest_rows("users"), caller.source_rows("users"));
    assert_eq!(caller.dest_rows("orders"), [row(1, "a"), row(2, "b")]);
    // From here on by transactions: the next one is the first after the table's barrier.
    let plan = caller.plan("orders").await;
    let txn = caller.begin("next", &plan).await;
    caller.ingest(txn, 3, &plan).await;
    caller.commit(txn, &plan.infos, |_| {}).await;
    assert_eq!(caller.dest_rows("orders"), caller.source_rows("orders"));
    assert_eq!(caller.dest_rows("orders").len(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_restore_that_cannot_download_tries_again_until_its_timeout() {
    let (net, source, dest) = pair(&[ORDERS]).await;
    sql(&dest, "DROP TABLE shop.orders FORCE").await;
    let caller = Caller::new(Arc::new(net), &source, &dest);
    let snapshot = caller.backup("full", false).await;
    let wrong = GetSnapshotResult {
        job_info: Some(calls::with_extra_info(&snapshot, &source, "wrong").into()),
        ..snapshot.clone()
    };
    caller.submit_restore("r1", &wrong, &[]).await;
    tokio::time::sleep(std::time::Duration::from_secs(60)).await;
    let row = caller.last_restore();
    assert_eq!((row[4].as_deref(), row[19].as_deref()), (Some("DOWNLOADING"), Some("[OK]")));
    let error = row[18].clone().unwrap();
    assert!(error.contains("401") && !error.contains("wrong"), "{error}");
    assert!(!row[16].clone().unwrap().is_empty(), "its tasks are unfinished");
    tokio::time::sleep(std::time::Duration::from_secs(86_400)).await;
    let row = caller.last_restore();
    let timeout = "[TIMEOUT, msg: restore job with label: r1  timeout.]";
    assert_eq!((row[4].as_deref(), row[19].as_deref()), (Some("CANCELLED"), Some(timeout)));
    assert!(caller.sql_rows(&dest, "SHOW TABLES FROM shop").await.is_empty(), "nothing of it is left");
    caller.submit_restore("r2", &caller.completed(&snapshot).await, &[]).await;
    tokio::time::sleep(std::time::Duration::from_secs(60)).await;
    let error = caller.last_restore()[18].clone().unwrap();
    assert!(error.contains("404"), "the files are gone after the time of the backup: {error}");
}

#[tokio::test(start_paused = true)]
async fn an_ingest_of_a_collected_binlog_says_http_error() {
    let (net, source, dest) = pair(&[ORDERS]).await;
    let caller = Caller::new(Arc::new(net), &source, &dest);
    source.load("shop", "orders", vec![row(1, "a")]).await.unwrap();
    let plan = caller.plan("orders").await;
    let txn = caller.begin("l", &plan).await;
    tokio::time::sleep(std::time::Duration::from_secs(87_000)).await;
    let reply = caller.ingest_one(txn, 2, &plan, 0).await;
    let status = reply.status.unwrap();
    assert_eq!(status.status_code, StatusCode::HTTP_ERROR);
    assert!(status.text().contains("404"), "{}", status.text());
    let missing = IngestBinlogRequest { local_tablet_id: Some(1), ..caller.ingest_request(txn, 2, &plan, 0) };
    let reply = caller.be::<IngestBinlog>(&plan, 0, &missing).await;
    assert_eq!(reply.status.unwrap().status_code, StatusCode::TABLET_MISSING);
    let unset = IngestBinlogRequest { load_id: None, ..missing };
    let status = caller.be::<IngestBinlog>(&plan, 0, &unset).await.status.unwrap();
    assert_eq!((status.status_code, status.text()), (StatusCode::ANALYSIS_ERROR, "load_id is empty".into()));
}

#[tokio::test(start_paused = true)]
async fn rows_that_do_not_fit_their_tablet_fail_loudly() {
    let other = ORDERS.replace("VARCHAR(64)", "VARCHAR(32)");
    let (net, source, dest) = pair(&[]).await;
    sql(&source, ORDERS).await;
    sql(&dest, &other).await;
    let caller = Caller::new(Arc::new(net), &source, &dest);
    source.load("shop", "orders", vec![row(1, "a")]).await.unwrap();
    let plan = caller.plan("orders").await;
    let txn = caller.begin("l", &plan).await;
    let status = caller.ingest_one(txn, 2, &plan, 0).await.status.unwrap();
    assert!(status.text().contains("no column `note` varchar(64)"), "{}", status.text());
    // The wrong bucket of the right table.
    sql(&dest, "DROP TABLE shop.orders FORCE").await;
    sql(&dest, ORDERS).await;
    let plan = caller.plan("orders").await;
    let txn = caller.begin("m", &plan).await;
    let crossed = IngestBinlogRequest {
        remote_tablet_id: caller.ingest_request(txn, 2, &plan, 1).remote_tablet_id,
        ..caller.ingest_request(txn, 2, &plan, 0)
    };
    let status = caller.be::<IngestBinlog>(&plan, 0, &crossed).await.status.unwrap();
    assert!(status.text().contains("does not fit"), "{}", status.text());
}

#[tokio::test(start_paused = true)]
async fn overlapping_ingests_corrupt_a_merge_on_write_table() {
    let (net, source, dest) = pair(&[USERS]).await;
    let caller = Caller::new(Arc::new(net), &source, &dest);
    source.load("shop", "users", vec![row(1, "a"), row(2, "b"), row(3, "c")]).await.unwrap();
    let plan = caller.plan("users").await;
    // One after the other is fine: the first rowset stays.
    let txn = caller.begin("fine", &plan).await;
    caller.ingest(txn, 2, &plan).await;
    caller.ingest(txn, 2, &plan).await;
    caller.commit(txn, &plan.infos, |_| {}).await;
    assert_eq!(caller.dest_rows("users"), caller.source_rows("users"));
    source.load("shop", "users", vec![row(4, "d"), row(5, "e"), row(6, "f")]).await.unwrap();
    let txn = caller.begin("bad", &plan).await;
    tokio::join!(caller.ingest(txn, 3, &plan), caller.ingest(txn, 3, &plan));
    caller.commit(txn, &plan.infos, |_| {}).await;
    let refusal = dest.rows("shop", "users").unwrap_err();
    assert!(refusal.text.contains("CORRUPTION"), "{refusal}");
}

#[tokio::test(start_paused = true)]
async fn an_asynchronous_ingest_is_asked_for() {
    let net = SimNet::new();
    let source = ClusterBuilder::new("src").in_process(&net).start().await.unwrap();
    let dest = ClusterBuilder::new("dst").ingest_delay_ms(500).in_process(&net).start().await.unwrap();
    shop(&source, &[ORDERS]).await;
    shop(&dest, &[ORDERS]).await;
    dest.with(|model| model.backends.values_mut().for_each(|be| be.async_ingest = true));
    let caller = Caller::new(Arc::new(net), &source, &dest);
    source.load("shop", "orders", vec![row(1, "a")]).await.unwrap();
    let plan = caller.plan("orders").await;
    let txn = caller.begin("l", &plan).await;
    let query = |n: usize| QueryIngestBinlogRequest {
        txn_id: Some(txn),
        partition_id: Some(1),
        tablet_id: caller.ingest_request(txn, 2, &plan, n).local_tablet_id,
        load_id: Some(UniqueId { hi: -1, lo: -1 }),
    };
    let state = async |n: usize| caller.be::<QueryIngestBinlog>(&plan, n, &query(n)).await.status.unwrap();
    assert_eq!(state(0).await, IngestBinlogStatus::NOT_FOUND);
    for n in 0..plan.infos.len() {
        let reply = caller.ingest_one(txn, 2, &plan, n).await;
        assert_eq!((reply.status.unwrap().status_code, reply.is_async), (StatusCode::OK, Some(true)));
    }
    assert_eq!(state(0).await, IngestBinlogStatus::DOING);
    // Committed too early, it becomes visible when the data is there.
    let early = caller.commit(txn, &plan.infos, |request| request.only_commit = Some(true)).await;
    assert_eq!(early.status.unwrap().status_code, StatusCode::OK);
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    assert!(caller.dest_rows("orders").is_empty());
    tokio::time::sleep(std::time::Duration::from_millis(400)).await;
    assert_eq!(caller.dest_rows("orders"), caller.source_rows("orders"));
}

#[tokio::test(start_paused = true)]
async fn a_commit_waits_for_the_publish_within_its_budget() {
    let (net, source, dest) = pair(&[ORDERS]).await;
    let caller = Caller::new(Arc::new(net), &source, &dest);
    source.load("shop", "orders", vec![row(1, "a")]).await.unwrap();
    let plan = caller.plan("orders").await;
    dest.with(|model| model.hold_publish(true));
    let txn = caller.begin("l", &plan).await;
    caller.ingest(txn, 2, &plan).await;
    let before = tokio::time::Instant::now();
    let status = caller.commit(txn, &plan.infos, |_| {}).await.status.unwrap();
    assert_eq!(status.status_code, StatusCode::PUBLISH_TIMEOUT);
    assert_eq!(status.text(), "transaction commit successfully, BUT data will be visible later");
    assert_eq!(before.elapsed().as_millis(), 5000);
    let before = tokio::time::Instant::now();
    let status = caller.commit(txn, &plan.infos, |r| r.thrift_rpc_timeout_ms = Some(10)).await.status.unwrap();
    assert_eq!((status.status_code, before.elapsed().as_millis()), (StatusCode::PUBLISH_TIMEOUT, 5));
    dest.with(|model| model.hold_publish(false));
    let status = caller.commit(txn, &[], |_| {}).await.status.unwrap();
    assert_eq!(status.status_code, StatusCode::OK, "committing again waits again");
    let asked = WaitingTxnStatusRequest { db_id: plan.db, txn_id: Some(txn), label: None };
    assert_eq!(caller.fe::<WaitingTxnStatus>(&dest, &asked).await.txn_status_id, Some(3));
}

#[tokio::test(start_paused = true)]
async fn followers_refuse_and_only_get_binlog_names_the_master() {
    let net = SimNet::new();
    let cluster = ClusterBuilder::new("src").frontends(2).in_process(&net).start().await.unwrap();
    shop(&cluster, &[ORDERS]).await;
    let caller = Caller::new(Arc::new(net.clone()), &cluster, &cluster);
    let follower = cluster.frontends()[1].rpc.clone();
    let read = GetBinlogRequest { prev_commit_seq: Some(-1), ..request() };
    let reply = caller.at::<GetBinlog>(&follower, &read).await;
    assert_eq!(reply.status.unwrap(), Status::with_text(StatusCode::NOT_MASTER, "FE is not master"));
    assert_eq!(reply.master_address, Some(NetworkAddress { hostname: "src-fe1".into(), port: 9020 }));
    let stale = GetBinlogRequest { allow_follower_read: Some(true), ..read.clone() };
    assert_eq!(caller.at::<GetBinlog>(&follower, &stale).await.status.unwrap().status_code, StatusCode::OK);
    let lag = caller.at::<GetBinlogLag>(&follower, &read).await;
    assert_eq!((lag.status.unwrap().status_code, lag.master_address), (StatusCode::NOT_MASTER, None));
    let asked =
        GetBackendMetaRequest { user: Some("root".into()), passwd: Some(Secret::default()), ..Default::default() };
    let backends = caller.at::<GetBackendMeta>(&follower, &asked).await;
    assert_eq!(backends.backends.unwrap().len(), 1, "any FE answers");
    cluster.with(|model| model.set_master(None));
    let reply = caller.at::<GetBinlog>(&cluster.frontends()[0].rpc, &read).await;
    assert_eq!(reply.master_address, Some(NetworkAddress::default()), "an election has no address");
    cluster.with(|model| model.set_master(Some(1)));
    assert_eq!(caller.at::<GetBinlog>(&follower, &read).await.status.unwrap().status_code, StatusCode::OK);
    cluster.with(|model| model.frontends[0].alive = false);
    let dead = &cluster.frontends()[0].rpc;
    let call = encode_call("getBinlog", 1, &read).unwrap();
    assert!(matches!(net.thrift(dead, call).await, Err(NetError::Unreachable { .. })));
}

#[tokio::test(start_paused = true)]
async fn logins_and_fields_are_checked() {
    let net = SimNet::new();
    let password = Secret::new("pw");
    let cluster = ClusterBuilder::new("src").root_password(password.clone()).in_process(&net).start().await.unwrap();
    shop(&cluster, &[ORDERS]).await;
    let caller = Caller::new(Arc::new(net.clone()), &cluster, &cluster);
    let read = GetBinlogRequest { prev_commit_seq: Some(-1), ..request() };
    let text = |reply: GetBinlogResult| reply.status.unwrap().text();
    let prefixed = |text: &str| format!("errCode = 2, detailMessage = {text}");
    let right = GetBinlogRequest { passwd: Some(password.clone()), ..read.clone() };
    assert_eq!(caller.fe::<GetBinlog>(&cluster, &right).await.status.unwrap().status_code, StatusCode::OK);
    let denied = "Access denied for user 'root@null' (using password: YES)";
    assert_eq!(text(caller.fe::<GetBinlog>(&cluster, &read).await), prefixed(denied));
    for (request, missing) in [
        (GetBinlogRequest { user: None, ..right.clone() }, "user"),
        (GetBinlogRequest { passwd: None, ..right.clone() }, "passwd"),
        (GetBinlogRequest { db: None, ..right.clone() }, "db"),
        (GetBinlogRequest { prev_commit_seq: None, ..right.clone() }, "prev_commit_seq"),
    ] {
        assert_eq!(text(caller.fe::<GetBinlog>(&cluster, &request).await), prefixed(&format!("{missing} is not set")));
    }
    let token =
        |password: Secret| GetMasterTokenRequest { cluster: None, user: Some("root".into()), password: Some(password) };
    let reply = caller.fe::<GetMasterToken>(&cluster, &token(Secret::new("no"))).await;
    assert_eq!(reply.status.unwrap().status_code, StatusCode::NOT_AUTHORIZED);
    assert!(!caller.fe::<GetMasterToken>(&cluster, &token(password.clone())).await.token.unwrap().is_empty());
    let login = |password| SqlLogin { endpoint: cluster.frontends()[0].query.clone(), user: "root".into(), password };
    assert!(matches!(net.sql(&login(Secret::new("no")), "SELECT 1").await, Err(NetError::Login { .. })));
    assert!(matches!(net.sql(&login(password), "SHOW DATABASES").await, Ok(SqlReply::Rows(_))));
}

#[tokio::test(start_paused = true)]
async fn get_meta_answers_as_doris_does() {
    let (net, source, dest) = pair(&[ORDERS, USERS]).await;
    let caller = Caller::new(Arc::new(net), &source, &dest);
    let ask = |db: GetMetaDb| {
        let request = GetMetaRequest {
            user: Some("root".into()),
            passwd: Some(Secret::default()),
            db: Some(db),
            ..GetMetaRequest::default()
        };
        let (caller, source) = (&caller, &source);
        async move { caller.fe::<GetMeta>(source, &request).await }
    };
    let named = |name: &str| GetMetaDb { name: Some(name.into()), ..GetMetaDb::default() };
    let all = ask(named("shop")).await.db_meta.unwrap();
    assert_eq!(all.tables.as_ref().unwrap().len(), 2);
    assert_eq!((&all.dropped_tables, &all.dropped_index_map), (&Some(vec![]), &Some(Default::default())));
    let unknown = ask(named("nope")).await;
    assert_eq!((unknown.status.status_code, unknown.db_meta), (StatusCode::OK, None));
    let wrong_id = GetMetaDb { id: Some(1), ..named("shop") };
    assert_eq!(ask(wrong_id).await.db_meta, None, "a wrong id is not rescued by the name");
    let none = GetMetaDb { tables: Some(vec![]), ..named("shop") };
    assert_eq!(ask(none).await.db_meta.unwrap().tables, None);
    let one = GetMetaTable { name: Some("users".into()), ..GetMetaTable::default() };
    let gone = GetMetaTable { id: Some(1), ..GetMetaTable::default() };
    let some = GetMetaDb { tables: Some(vec![one, gone]), ..named("shop") };
    let found = ask(some).await.db_meta.unwrap().tables.unwrap();
    assert_eq!((found.len(), found[0].table_type.as_deref()), (1, Some("OLAP")));
    let partition = &found[0].partitions.as_ref().unwrap()[0];
    assert_eq!((partition.range.as_deref(), partition.visible_version, partition.is_temp), (Some(""), Some(1), None));
    assert_eq!(partition.indexes.as_ref().unwrap()[0].tablets.as_ref().unwrap().len(), 2);
    let with_token = GetMetaRequest {
        user: Some("root".into()),
        passwd: Some(Secret::default()),
        token: Some(Secret::new("t")),
        db: Some(named("shop")),
        ..GetMetaRequest::default()
    };
    let status = caller.fe::<GetMeta>(&source, &with_token).await.status;
    assert_eq!(status.status_code, StatusCode::INTERNAL_ERROR);
    assert!(status.error_msgs.unwrap()[0].contains("because \"db\" is null"));
}

/// Does one thing to every call of one method.
#[derive(Debug)]
struct Once {
    method: &'static str,
    before: Mutex<Option<Before>>,
    after: Mutex<Option<After>>,
}

impl FaultPlan for Once {
    fn before(&self, call: CallInfo<'_>) -> Before {
        let fault = (call.what == self.method).then(|| self.before.lock().unwrap().take()).flatten();
        fault.unwrap_or(Before::Pass)
    }

    fn after(&self, call: CallInfo<'_>) -> After {
        let fault = (call.what == self.method).then(|| self.after.lock().unwrap().take()).flatten();
        fault.unwrap_or(After::Pass)
    }
}

#[tokio::test(start_paused = true)]
async fn faults_happen_before_or_after_a_call() {
    let (net, source, dest) = pair(&[ORDERS]).await;
    let caller = Caller::new(Arc::new(net.clone()), &source, &dest);
    let plan = caller.plan("orders").await;
    let begin = |label: &str| caller.begin_request(label, &plan);
    let to = &dest.frontends()[0].rpc;
    let call = |label: &str| encode_call("beginTxn", 1, &begin(label)).unwrap();
    let fault = |before, after| {
        net.set_faults(Some(Arc::new(Once {
            method: "beginTxn",
            before: Mutex::new(before),
            after: Mutex::new(after),
        })));
    };
    let known = |label: &str| {
        let label = label.to_owned();
        dest.with(|model| {
            let db = model.db_id("shop").unwrap();
            model.txns_of(db).any(|txn| txn.label == label && txn.state == TxnState::Prepare)
        })
    };
    fault(Some(Before::Unreachable), None);
    assert!(matches!(net.thrift(to, call("a")).await, Err(NetError::Unreachable { .. })));
    fault(Some(Before::Lose), None);
    assert!(matches!(net.thrift(to, call("a")).await, Err(NetError::Lost { .. })));
    assert!(!known("a"));
    fault(None, Some(After::Lose));
    assert!(matches!(net.thrift(to, call("b")).await, Err(NetError::Lost { .. })));
    assert!(known("b"), "executed, and the reply is lost");
    fault(Some(Before::Answer(Substitute::NotMaster(MasterHint::Absent))), None);
    let reply: BeginTxnResult = decode_reply(&net.thrift(to, call("c")).await.unwrap(), "beginTxn", 1).unwrap();
    assert_eq!(reply.status.unwrap().status_code, StatusCode::NOT_MASTER);
    fault(None, Some(After::Hang));
    let waited = tokio::time::timeout(std::time::Duration::from_secs(60), net.thrift(to, call("d"))).await;
    assert!(waited.is_err() && known("d"));
    net.set_faults(None);
    assert!(net.thrift(to, call("e")).await.is_ok());
}

#[tokio::test]
async fn a_connection_stays_usable_after_an_unknown_method_and_ends_after_garbage() {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let cluster = ClusterBuilder::new("src").sockets("127.0.0.1".parse().unwrap()).start().await.unwrap();
    let Endpoint { host, port } = cluster.frontends()[0].rpc.clone();
    let mut stream = tokio::net::TcpStream::connect((host.as_str(), port)).await.unwrap();
    let read = GetBinlogRequest { prev_commit_seq: Some(-1), ..request() };
    for (method, seq) in [("noSuchMethod", 7), ("getBinlog", 8)] {
        stream.write_all(&encode_call(method, seq, &read).unwrap()).await.unwrap();
        let mut scanner = doris::thrift::Scanner::new(doris::thrift::Limits::default());
        let mut buffer = Vec::new();
        while scanner.scan(&buffer).unwrap().is_none() {
            assert_ne!(stream.read_buf(&mut buffer).await.unwrap(), 0);
        }
        let reply = decode_reply::<GetBinlogResult>(&Bytes::from(buffer), method, seq);
        match method {
            "noSuchMethod" => {
                let text = "Invalid method name: 'noSuchMethod'".to_owned();
                assert_eq!(reply, Err(ThriftError::Application { kind: application::UNKNOWN_METHOD, text }));
            }
            _ => assert_eq!(
                reply.unwrap().status.unwrap().text(),
                "errCode = 2, detailMessage = unknown database, database=shop"
            ),
        }
    }
    stream.write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
    assert_eq!(stream.read(&mut [0; 16]).await.unwrap(), 0, "closed");
}

#[tokio::test]
async fn backends_serve_their_configuration_and_files_over_http() {
    let cluster = ClusterBuilder::new("src").sockets("127.0.0.1".parse().unwrap()).start().await.unwrap();
    shop(&cluster, &[ORDERS]).await;
    cluster.load("shop", "orders", vec![row(1, "a")]).await.unwrap();
    let port = cluster.with(|model| model.backends.values().next().unwrap().http_port);
    let (net, to) = (TcpNet::default(), Endpoint::new("127.0.0.1", port));
    let get = async |path: &str| net.http_get(&to, path).await.unwrap();
    let config = get("/api/show_config?conf_item=enable_feature_binlog").await;
    assert_eq!(&config.body[..], br#"[["enable_feature_binlog","bool","true","false"]]"#);
    assert_eq!(get("/nothing").await.status, 404);
    assert_eq!(get("/api/_tablet/_download?token=x&file=/a/1/2/rowsets.json").await.status, 401);
    let tablet = cluster.with(|model| {
        let table = model.table("shop", "orders").unwrap();
        table.partitions[0].tablets().next().unwrap().1.id
    });
    let binlog = |method: &str, rest: &str| format!("/api/_binlog/_download?method={method}&tablet_id={tablet}{rest}");
    assert_eq!(get(&binlog("get_binlog_info", "&binlog_version=9")).await.status, 404);
    assert_eq!(get(&binlog("what", "&binlog_version=2")).await.status, 501);
    let info = get(&binlog("get_binlog_info", "&binlog_version=2")).await;
    assert_eq!(info.status, 200);
    let info = String::from_utf8(info.body.to_vec()).unwrap();
    assert!(matches!(info.split_once(':'), Some((_, "0" | "1"))), "{info}");
    cluster.with(|model| {
        for be in model.backends.values_mut() {
            be.config.insert("enable_feature_binlog".into(), "false".into());
        }
    });
    assert_eq!(get(&binlog("get_binlog_info", "&binlog_version=2")).await.status, 500);
}
