//! Which FE is asked, and what is asked twice. The FEs here say what three real FEs of 4.1 said when their master was killed
//! and came back.

#![allow(clippy::unwrap_used)]

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use bytes::Bytes;
use doris::{
    Cluster, Dest, ErrorKind, Result, Source,
    cluster::{BeginTxn, BinlogPage, BinlogScope, ClusterSpec, CommitInfo, Committed, RequestId, Timeouts},
    ids::{BackendId, CommitSeq, TabletId, TxnId},
    net::{Endpoint, HttpReply, Net, NetError, ResultSet, SqlLogin, SqlReply},
    rpc::{self, FeReply, NetworkAddress, Status, StatusCode},
    secret::Secret,
    sql::Statement,
    thrift::{application, decode_call, encode_exception, encode_reply},
};
use futures::future::{BoxFuture, FutureExt};

const C1: &str = "10.99.0.11";
const C2: &str = "10.99.0.12";
const C3: &str = "10.99.0.13";

/// What an FE is at the moment.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Role {
    /// Nothing listens.
    Down,
    /// Thrift and MySQL take connections and never answer.
    Hung,
    Master,
    /// It takes this FE for the master.
    FollowerOf(&'static str),
    /// It takes none for the master: an election.
    Electing,
}

/// Faults of one kind of call.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Fault {
    /// The call is executed, the connection breaks.
    LoseReply,
    Garble,
    /// A refusal in the given words (SQL), an unknown method (Thrift).
    Refuse(&'static str),
}

/// Three FEs.
#[derive(Debug)]
struct Fes {
    roles: Mutex<BTreeMap<&'static str, Role>>,
    /// By method or first words of a statement.
    faults: Mutex<Vec<(&'static str, Fault)>>,
    /// `what@host`, in order.
    log: Mutex<Vec<String>>,
    /// Hosts as the network knows them, where they differ from Doris's.
    outside: BTreeMap<&'static str, &'static str>,
}

impl Fes {
    fn new(roles: [Role; 3]) -> Arc<Self> {
        Arc::new(Self {
            roles: Mutex::new([C1, C2, C3].into_iter().zip(roles).collect()),
            faults: Mutex::default(),
            log: Mutex::default(),
            outside: BTreeMap::new(),
        })
    }

    fn set(&self, roles: [Role; 3]) {
        *self.roles.lock().unwrap() = [C1, C2, C3].into_iter().zip(roles).collect();
    }

    fn fault(&self, what: &'static str, fault: Fault) {
        self.faults.lock().unwrap().push((what, fault));
    }

    /// Calls since the last look.
    fn calls(&self) -> Vec<String> {
        std::mem::take(&mut *self.log.lock().unwrap())
    }

    fn arrive(&self, what: &str, to: &Endpoint) -> (Role, Option<Fault>) {
        let host =
            self.outside.iter().find(|(_, outside)| **outside == to.host).map_or(to.host.as_str(), |(host, _)| host);
        self.log.lock().unwrap().push(format!("{what}@{host}"));
        let role = self.roles.lock().unwrap().get(host).copied().unwrap_or(Role::Down);
        let fault =
            self.faults.lock().unwrap().iter().find(|(name, _)| what.starts_with(name)).map(|(_, fault)| *fault);
        (role, fault)
    }

    fn frontends(&self) -> ResultSet {
        let roles = self.roles.lock().unwrap();
        let row = |(host, role): (&&str, &Role)| {
            let master = (*role == Role::Master).to_string();
            let alive = (*role != Role::Down).to_string();
            ["fe", host, "9030", "9020", &master, &alive].iter().map(|cell| Some((*cell).to_owned())).collect()
        };
        let columns = ["Name", "Host", "QueryPort", "RpcPort", "IsMaster", "Alive"];
        ResultSet { columns: columns.map(String::from).to_vec(), rows: roles.iter().map(row).collect() }
    }

    /// A reply of the master, or of a follower where followers answer.
    fn answer(method: &str, seq: i32) -> Bytes {
        let ok = Some(Status::new(StatusCode::OK));
        match method {
            "getBinlog" => {
                let status = Some(Status::new(StatusCode::BINLOG_TOO_NEW_COMMIT_SEQ));
                encode_reply(method, seq, &rpc::GetBinlogResult { status, ..Default::default() })
            }
            "getMeta" => {
                let db_meta = Some(rpc::DbMeta { id: Some(1), ..Default::default() });
                let status = Status::new(StatusCode::OK);
                encode_reply(method, seq, &rpc::GetMetaResult { status, db_meta, ..Default::default() })
            }
            "getBackendMeta" => {
                let host = C1.to_owned();
                let backend = rpc::Backend { host, be_port: 9060, http_port: 8040, id: Some(5), ..Default::default() };
                let (status, backends) = (Status::new(StatusCode::OK), Some(vec![backend]));
                encode_reply(method, seq, &rpc::GetBackendMetaResult { status, backends, ..Default::default() })
            }
            "beginTxn" => {
                let reply = rpc::BeginTxnResult { status: ok, txn_id: Some(7), ..Default::default() };
                encode_reply(method, seq, &reply)
            }
            "commitTxn" => encode_reply(method, seq, &rpc::CommitTxnResult { status: ok, ..Default::default() }),
            other => encode_exception(other, seq, application::UNKNOWN_METHOD, "Invalid method name"),
        }
        .unwrap()
    }

    /// Only getBinlog names the master (4.1).
    fn not_master(method: &str, seq: i32, master: &str) -> Bytes {
        let status = Status::with_text(StatusCode::NOT_MASTER, "FE is not master");
        let port = if master.is_empty() { 0 } else { 9020 };
        let address = Some(NetworkAddress { hostname: master.to_owned(), port });
        match method {
            "getBinlog" => encode_reply(method, seq, &rpc::GetBinlogResult::refusal(status, address)),
            "getMeta" => encode_reply(method, seq, &rpc::GetMetaResult::refusal(status, None)),
            "beginTxn" => encode_reply(method, seq, &rpc::BeginTxnResult::refusal(status, None)),
            "commitTxn" => encode_reply(method, seq, &rpc::CommitTxnResult::refusal(status, None)),
            other => panic!("{other}"),
        }
        .unwrap()
    }
}

fn unreachable(to: &Endpoint) -> NetError {
    NetError::Unreachable { to: to.to_string(), why: "connection refused".to_owned() }
}

fn lost(to: &Endpoint) -> NetError {
    NetError::Lost { to: to.to_string(), why: "connection reset".to_owned() }
}

impl Net for Fes {
    fn thrift<'a>(&'a self, to: &'a Endpoint, call: Bytes) -> BoxFuture<'a, std::result::Result<Bytes, NetError>> {
        async move {
            let call = decode_call(&call).unwrap();
            let (role, fault) = self.arrive(&call.name, to);
            match (role, fault) {
                (Role::Down, _) => return Err(unreachable(to)),
                (Role::Hung, _) => std::future::pending().await,
                (Role::Master, Some(Fault::LoseReply)) => return Err(lost(to)),
                (Role::Master, Some(Fault::Garble)) => return Ok(Bytes::from_static(b"\x80\x01\x00\x02junk")),
                (Role::Master, Some(Fault::Refuse(text))) => {
                    return Ok(encode_exception(&call.name, call.seq, application::UNKNOWN_METHOD, text).unwrap());
                }
                _ => {}
            }
            Ok(match role {
                Role::FollowerOf(_) | Role::Electing if call.name == "getBackendMeta" => {
                    Self::answer(&call.name, call.seq)
                }
                Role::FollowerOf(master) => Self::not_master(&call.name, call.seq, master),
                Role::Electing => Self::not_master(&call.name, call.seq, ""),
                _ => Self::answer(&call.name, call.seq),
            })
        }
        .boxed()
    }

    fn sql<'a>(&'a self, login: &'a SqlLogin, sql: &'a str) -> BoxFuture<'a, std::result::Result<SqlReply, NetError>> {
        async move {
            let to = &login.endpoint;
            let words = sql.split_whitespace().take(2).collect::<Vec<_>>().join(" ");
            let (role, fault) = self.arrive(&words, to);
            let error = |message: &str| {
                Ok(SqlReply::Error { code: 1105, state: "HY000".to_owned(), message: message.to_owned() })
            };
            match (role, fault) {
                (Role::Down, _) => return Err(unreachable(to)),
                (Role::Hung, _) => std::future::pending().await,
                (_, Some(Fault::LoseReply)) => return Err(lost(to)),
                (_, Some(Fault::Garble)) => return Ok(SqlReply::Ok { affected: 0, info: String::new() }),
                (_, Some(Fault::Refuse(text))) => return error(text),
                _ => {}
            }
            let master = match role {
                Role::FollowerOf(master) => self.roles.lock().unwrap()[master],
                role => role,
            };
            match master {
                Role::Master if sql.contains("FRONTENDS") || sql.contains("frontends()") => {
                    Ok(SqlReply::Rows(self.frontends()))
                }
                Role::Master if sql.starts_with("SHOW DATABASES") => Ok(SqlReply::Rows(ResultSet {
                    columns: vec!["Database".to_owned()],
                    rows: vec![vec![Some("d".to_owned())]],
                })),
                Role::Master => Ok(SqlReply::Ok { affected: 0, info: String::new() }),
                Role::Down => error(
                    "ForwardToMasterException, msg: forward to master FE TNetworkAddress(hostname:10.99.0.11, port:9020), \
                     statement id: 16 : failed, cause: Unknown exception, java.net.SocketException: Connection reset",
                ),
                _ => error("Exception, msg: Failed to get master client."),
            }
        }
        .boxed()
    }

    fn http_get<'a>(
        &'a self,
        to: &'a Endpoint,
        path: &'a str,
    ) -> BoxFuture<'a, std::result::Result<HttpReply, NetError>> {
        self.arrive(path, to);
        let body = r#"[["enable_feature_binlog","bool","true","false"]]"#;
        async move { Ok(HttpReply { status: 200, body: Bytes::from_static(body.as_bytes()) }) }.boxed()
    }
}

const PASSWORD: &str = "s3cret-word";

fn spec(host: &str) -> ClusterSpec {
    ClusterSpec {
        host: host.to_owned(),
        query_port: 9030,
        rpc_port: 9020,
        user: "root".to_owned(),
        password: Secret::new(PASSWORD),
        frontends: vec![],
        host_mapping: BTreeMap::new(),
        timeouts: Timeouts::default(),
    }
}

fn source(fes: &Arc<Fes>) -> Cluster<Source> {
    Cluster::new(Arc::clone(fes) as Arc<dyn Net>, spec(C1))
}

fn dest(fes: &Arc<Fes>) -> Cluster<Dest> {
    Cluster::new(Arc::clone(fes) as Arc<dyn Net>, spec(C1))
}

async fn read(cluster: &Cluster<Source>) -> Result<BinlogPage> {
    cluster.get_binlog(&BinlogScope::Database { db: "d".to_owned() }, CommitSeq(1), 8).await
}

async fn begin(cluster: &Cluster<Dest>) -> Result<()> {
    let request = BeginTxn {
        label: "l".to_owned(),
        tables: vec![],
        request_id: RequestId { hi: 1, lo: 2 },
        backend: None,
        timeout: Duration::from_secs(60),
        sub_txns: 0,
    };
    cluster.begin_txn("d", &request).await.map(|_| ())
}

async fn commit(cluster: &Cluster<Dest>) -> Result<Committed> {
    let info = CommitInfo { tablet: TabletId::new(1), backend: BackendId::new(2) };
    cluster.commit_txn("d", TxnId::new(7), &[info], true).await
}

/// One phase of the recording: what the FEs are, and how a call ends.
const PHASES: [(&str, [Role; 3], Option<ErrorKind>); 7] = {
    use Role::*;
    [
        ("C1 is the master", [Master, FollowerOf(C1), FollowerOf(C1)], None),
        ("C1 was killed, nobody knows", [Down, FollowerOf(C1), FollowerOf(C1)], Some(ErrorKind::NoMaster)),
        ("C3 knows of no master", [Down, FollowerOf(C1), Electing], Some(ErrorKind::NoMaster)),
        ("C2 takes C3 for the master, which is not ready", [Down, FollowerOf(C3), Electing], Some(ErrorKind::NoMaster)),
        ("C3 is the master", [Down, FollowerOf(C3), Master], None),
        ("C1 is back as a follower", [FollowerOf(C3), FollowerOf(C3), Master], None),
        ("C1 is the master again, the others do not know", [Master, FollowerOf(C3), FollowerOf(C1)], None),
    ]
};

/// Defects: WIRE-9, WIRE-10, WIRE-12, WIRE-13, ENG-R-9.
#[tokio::test(start_paused = true)]
async fn a_killed_master_is_followed() {
    let fes = Fes::new(PHASES[0].1);
    let (source, dest) = (source(&fes), dest(&fes));
    for (phase, roles, outcome) in PHASES {
        fes.set(roles);
        fes.calls();
        assert_eq!(read(&source).await.err().map(|error| error.kind), outcome, "getBinlog: {phase}");
        assert!(fes.calls().len() <= 8, "{phase}");
        // beginTxn is told no address, and is not repeated where the outcome is unknown.
        assert_eq!(begin(&dest).await.err().map(|error| error.kind), outcome, "beginTxn: {phase}");
        let calls = fes.calls();
        assert!(calls.len() <= 8, "{phase}: {calls:?}");
        // The next call goes straight to the master.
        if outcome.is_none() {
            begin(&dest).await.unwrap();
            assert_eq!(fes.calls().len(), 1, "{phase}");
        }
        tokio::time::advance(Duration::from_secs(1)).await;
    }
}

/// Defects: SQL-2, SQL-7, ENG-L-9.
#[tokio::test(start_paused = true)]
async fn statements_follow_the_master_too() {
    let fes = Fes::new(PHASES[0].1);
    let dest = dest(&fes);
    dest.create_database("d").await.unwrap();
    assert_eq!(fes.calls().last().unwrap(), &format!("CREATE DATABASE@{C1}"));
    // Killed: the statement goes to nobody, until a list names another master.
    fes.set(PHASES[1].1);
    let error = dest.create_database("d").await.unwrap_err();
    assert!(matches!(error.kind, ErrorKind::Unreachable | ErrorKind::NoMaster), "{error}");
    fes.set(PHASES[4].1);
    tokio::time::advance(Duration::from_secs(1)).await;
    dest.create_database("d").await.unwrap();
    assert_eq!(fes.calls().last().unwrap(), &format!("CREATE DATABASE@{C3}"));
    assert!(dest.database_exists("d").await.unwrap());
    assert!(!dest.database_exists("D").await.unwrap());
}

#[tokio::test(start_paused = true)]
async fn a_follower_that_is_configured_leads_to_the_master() {
    let fes = Fes::new([Role::FollowerOf(C2), Role::Master, Role::FollowerOf(C2)]);
    let source = source(&fes);
    read(&source).await.unwrap();
    assert_eq!(fes.calls(), [format!("SHOW FRONTENDS@{C1}"), format!("getBinlog@{C2}")]);
    // The list may be forbidden; then the refusal of getBinlog leads.
    let source = self::source(&fes);
    fes.fault("SHOW FRONTENDS", Fault::Refuse("Access denied; you need (at least one of) the (ADMIN) privilege(s)"));
    fes.fault("SELECT Host", Fault::Refuse("Access denied; you need (at least one of) the (ADMIN) privilege(s)"));
    read(&source).await.unwrap();
    assert_eq!(fes.calls().last().unwrap(), &format!("getBinlog@{C2}"));
}

/// Defects: SQL-37, WIRE-15.
#[tokio::test(start_paused = true)]
async fn a_list_that_is_read_again_replaces_the_one_before() {
    let fes = Fes::new(PHASES[0].1);
    // One that has left the cluster since it was written down.
    let known = ClusterSpec { frontends: vec![frontend(C2), frontend("127.0.0.9")], ..spec(C1) };
    let source: Cluster<Source> = Cluster::new(Arc::clone(&fes) as Arc<dyn Net>, known);
    for _ in 0..3 {
        let hosts: Vec<String> = source.refresh_frontends().await.unwrap().into_iter().map(|fe| fe.host).collect();
        assert_eq!(hosts, [C1, C2, C3]);
    }
}

#[tokio::test(start_paused = true)]
async fn frontends_are_listed_by_the_table_function_where_show_is_forbidden() {
    let fes = Fes::new(PHASES[0].1);
    fes.fault("SHOW FRONTENDS", Fault::Refuse("Access denied; you need (at least one of) the (ADMIN) privilege(s)"));
    let frontends = source(&fes).refresh_frontends().await.unwrap();
    assert_eq!(frontends.len(), 3);
    assert!(frontends[0].is_master && frontends[0].host == C1);
}

/// Defects: WIRE-11.
#[tokio::test(start_paused = true)]
async fn two_frontends_that_point_at_each_other_are_an_election() {
    let fes = Fes::new([Role::FollowerOf(C2), Role::FollowerOf(C1), Role::FollowerOf(C1)]);
    let error = read(&source(&fes)).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::NoMaster);
    let calls = fes.calls();
    assert_eq!(calls.iter().filter(|call| call.starts_with("getBinlog")).count(), 2, "{calls:?}");
}

/// Defects: WIRE-13.
#[tokio::test(start_paused = true)]
async fn an_unclear_change_is_never_repeated() {
    let fes = Fes::new([Role::FollowerOf(C2), Role::Master, Role::FollowerOf(C2)]);
    let dest = dest(&fes);
    begin(&dest).await.unwrap();
    for fault in [Fault::LoseReply, Fault::Garble] {
        fes.fault("commitTxn", fault);
        fes.calls();
        let error = commit(&dest).await.unwrap_err();
        assert_eq!(error.kind.effect(), doris::error::Effect::Unknown, "{error}");
        assert_eq!(fes.calls(), [format!("commitTxn@{C2}")]);
        fes.faults.lock().unwrap().clear();
        assert_eq!(commit(&dest).await.unwrap(), Committed::Accepted);
    }
    // DDL likewise.
    fes.fault("CREATE DATABASE", Fault::LoseReply);
    fes.calls();
    assert_eq!(dest.create_database("d").await.unwrap_err().kind, ErrorKind::Unanswered);
    assert_eq!(fes.calls(), [format!("CREATE DATABASE@{C2}")]);
    fes.faults.lock().unwrap().clear();
    fes.fault("CREATE DATABASE", Fault::Refuse("ForwardToMasterException, msg: forward .. Connection reset"));
    assert_eq!(dest.create_database("d").await.unwrap_err().kind, ErrorKind::Unanswered);
}

#[tokio::test(start_paused = true)]
async fn a_question_is_asked_once_of_each() {
    let fes = Fes::new([Role::FollowerOf(C2), Role::Master, Role::FollowerOf(C2)]);
    let source = source(&fes);
    read(&source).await.unwrap();
    fes.fault("getBinlog", Fault::LoseReply);
    fes.calls();
    assert_eq!(read(&source).await.unwrap_err().kind, ErrorKind::Unanswered);
    let mut asked: Vec<_> = fes.calls().into_iter().filter(|call| call.starts_with("getBinlog")).collect();
    asked.sort();
    assert_eq!(asked, [C1, C2, C3].map(|host| format!("getBinlog@{host}")));
}

/// Defects: SQL-1.
#[tokio::test(start_paused = true)]
async fn deadlines_end_a_call() {
    let fes = Fes::new([Role::Hung, Role::FollowerOf(C1), Role::FollowerOf(C1)]);
    let dest = dest(&fes);
    let begun = tokio::time::Instant::now();
    let error = begin(&dest).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Unanswered);
    assert!(begun.elapsed() < Duration::from_secs(60), "{:?}", begun.elapsed());
    // Another master was elected meanwhile. The one that hangs is not waited for again.
    fes.set([Role::Hung, Role::Master, Role::FollowerOf(C2)]);
    let known = ClusterSpec { frontends: vec![frontend(C2), frontend(C3)], ..spec(C1) };
    let dest: Cluster<Dest> = Cluster::new(Arc::clone(&fes) as Arc<dyn Net>, known);
    begin(&dest).await.unwrap();
    let begun = tokio::time::Instant::now();
    begin(&dest).await.unwrap();
    assert_eq!(begun.elapsed(), Duration::ZERO);
}

fn frontend(host: &str) -> doris::cluster::Frontend {
    doris::cluster::Frontend { host: host.to_owned(), query_port: 9030, rpc_port: 9020, is_master: false, alive: true }
}

#[tokio::test(start_paused = true)]
async fn a_follower_that_lists_the_backends_is_not_taken_for_the_master() {
    let fes = Fes::new([Role::FollowerOf(C2), Role::Master, Role::FollowerOf(C2)]);
    // Nobody can list the FEs, so the configured follower is asked first.
    fes.fault("SHOW FRONTENDS", Fault::LoseReply);
    let dest = dest(&fes);
    assert_eq!(dest.backends().await.unwrap()[0].id, BackendId::new(5));
    assert_eq!(fes.calls().last().unwrap(), &format!("getBackendMeta@{C1}"));
    fes.faults.lock().unwrap().clear();
    tokio::time::advance(Duration::from_secs(1)).await;
    dest.create_database("d").await.unwrap();
    assert_eq!(fes.calls().last().unwrap(), &format!("CREATE DATABASE@{C2}"));
}

/// Defects: WIRE-19.
#[tokio::test(start_paused = true)]
async fn hosts_are_mapped() {
    let mut fes = Fes::new([Role::FollowerOf(C2), Role::Master, Role::FollowerOf(C2)]);
    Arc::get_mut(&mut fes).unwrap().outside = BTreeMap::from([(C1, "one"), (C2, "two"), (C3, "three")]);
    let mapping: BTreeMap<String, String> =
        [(C1, "one"), (C3, "three")].map(|(a, b)| (a.to_owned(), b.to_owned())).into();
    let known = ClusterSpec { host_mapping: mapping.clone(), ..spec("one") };
    let source: Cluster<Source> = Cluster::new(Arc::clone(&fes) as Arc<dyn Net>, known);
    let error = read(&source).await.unwrap_err();
    assert!(error.text.contains(C2) && error.text.contains("/update_host_mapping"), "{error}");
    assert!(source.refresh_frontends().await.unwrap_err().text.contains("/update_host_mapping"));
    let mut mapping = mapping;
    mapping.insert(C2.to_owned(), "two".to_owned());
    source.set_host_mapping(mapping);
    read(&source).await.unwrap();
    let backends = source.backends().await.unwrap();
    assert_eq!(backends[0].host, "one");
    assert_eq!(source.refresh_frontends().await.unwrap()[1].host, "two");
    let value = source.backend_config(&backends[0], "enable_feature_binlog").await.unwrap();
    assert_eq!(value, "true");
    assert!(source.backend_config(&backends[0], "other").await.unwrap_err().text.contains("other"));
}

#[tokio::test(start_paused = true)]
async fn errors_never_hold_the_password() {
    let fes = Fes::new([Role::Down, Role::Down, Role::Down]);
    let dest = dest(&fes);
    let errors = [begin(&dest).await.unwrap_err(), dest.create_database("d").await.unwrap_err()];
    fes.set(PHASES[0].1);
    fes.fault("getMeta", Fault::Refuse("Invalid method name: 'getMeta'"));
    tokio::time::advance(Duration::from_secs(1)).await;
    let unknown = dest.get_meta_by_name("d", None).await.unwrap_err();
    assert_eq!(unknown.kind, ErrorKind::UnknownMethod);
    assert_eq!(unknown.call, format!("getMeta on dest {C1}:9020"));
    for error in errors.iter().chain([&unknown]) {
        assert!(!format!("{error} {error:?} {dest:?}").contains(PASSWORD), "{error}");
    }
    assert_eq!(errors[0].kind, ErrorKind::Unreachable);
}

#[tokio::test(start_paused = true)]
async fn a_question_at_any_frontend_goes_on_to_the_next() {
    let fes = Fes::new([Role::Down, Role::Master, Role::FollowerOf(C2)]);
    let known = ClusterSpec { frontends: vec![frontend(C2)], ..spec(C1) };
    let dest: Cluster<Dest> = Cluster::new(Arc::clone(&fes) as Arc<dyn Net>, known);
    dest.query(&Statement::ShowDatabases, false).await.unwrap();
    // The one that is down is asked last for a while.
    let list = [format!("SHOW FRONTENDS@{C1}"), format!("SHOW FRONTENDS@{C2}")];
    assert_eq!(fes.calls(), [&list[..], &[format!("SHOW DATABASES@{C2}")]].concat());
    fes.set([Role::Master, Role::Down, Role::FollowerOf(C1)]);
    dest.query(&Statement::ShowDatabases, false).await.unwrap();
    assert_eq!(fes.calls(), [format!("SHOW DATABASES@{C2}"), format!("SHOW DATABASES@{C3}")]);
}
