//! Clusters of older versions, as a syncer of the newest sees them.
#![allow(clippy::unwrap_used)]

use bytes::Bytes;
use doris::{
    net::{Endpoint, Net as _, SqlReply},
    rpc::*,
    secret::Secret,
    thrift::{Method, ThriftError, application, decode_reply, encode_call},
};
use doris_sim::{ClusterBuilder, Profile, Session, SimCluster, SimNet};

/// A cluster of one version with the database `d`, whose binlog is on.
struct Old {
    net: SimNet,
    cluster: SimCluster,
}

impl Old {
    async fn start(profile: Profile) -> Self {
        let net = SimNet::new();
        let cluster = ClusterBuilder::new("old").doris(profile).in_process(&net).start().await.unwrap();
        let old = Self { net, cluster };
        old.sql("CREATE DATABASE d").await;
        old.sql("ALTER DATABASE d SET PROPERTIES (\"binlog.enable\" = \"true\")").await;
        old
    }

    async fn answer(&self, sql: &str) -> SqlReply {
        let mut session = Session { user: "root".into(), db: Some("d".into()), ..Session::default() };
        self.cluster.sql_service().execute(&mut session, sql).await
    }

    async fn sql(&self, sql: &str) {
        if let SqlReply::Error { message, .. } = self.answer(sql).await {
            panic!("{sql}: {message}");
        }
    }

    fn fe(&self) -> &Endpoint {
        &self.cluster.frontends()[0].rpc
    }

    async fn call<M: Method>(&self, request: &M::Request) -> Result<M::Reply, ThriftError> {
        let reply: Bytes = self.net.thrift(self.fe(), encode_call(M::NAME, 1, request).unwrap()).await.unwrap();
        decode_reply(&reply, M::NAME, 1)
    }

    async fn records(&self, wanted: i64) -> Vec<Binlog> {
        let read = GetBinlogRequest { prev_commit_seq: Some(-1), num_acquired: Some(wanted), ..request() };
        self.call::<GetBinlog>(&read).await.unwrap().binlogs.unwrap()
    }
}

fn request() -> GetBinlogRequest {
    GetBinlogRequest {
        user: Some("root".into()),
        passwd: Some(Secret::default()),
        db: Some("d".into()),
        ..GetBinlogRequest::default()
    }
}

const TABLE: &str = "CREATE TABLE t (k INT) DISTRIBUTED BY HASH(k) BUCKETS 1 PROPERTIES (\"replication_num\" = \"1\")";

#[tokio::test(start_paused = true)]
async fn an_old_frontend_does_not_know_newer_methods_and_ignores_newer_fields() {
    for (profile, new) in [(Profile::v2_1(), false), (Profile::v3_0(), false), (Profile::v4_1(), true)] {
        let old = Old::start(profile).await;
        old.sql(TABLE).await;
        old.sql("INSERT INTO t VALUES (1)").await;
        assert_eq!(old.records(100).await.len() > 1, new);

        let lag = GetBinlogRequest { prev_commit_seq: Some(-1), ..request() };
        let lag = old.call::<GetBinlogLag>(&lag).await.unwrap();
        assert_eq!((lag.lag.is_some(), lag.last_commit_seq.is_some()), (true, new));

        let lock = LockBinlogRequest {
            user: Some("root".into()),
            passwd: Some(Secret::default()),
            db: Some("d".into()),
            job_unique_id: Some("j".into()),
            ..LockBinlogRequest::default()
        };
        let unknown = matches!(
            old.call::<LockBinlog>(&lock).await,
            Err(ThriftError::Application { kind: application::UNKNOWN_METHOD, .. })
        );
        assert_eq!(unknown, !new);
    }
}

#[test]
fn a_mixture_takes_each_switch_of_one_of_its_profiles() {
    let (old, new) = (Profile::v2_1(), Profile::v4_1());
    let mut turn = 0;
    let mixture = Profile::mixed(&[old.clone(), new.clone()], |n| {
        turn += 1;
        turn % n
    });
    let (from_old, from_new) = (mixture.differences(&new), mixture.differences(&old));
    assert!(!from_old.is_empty() && !from_new.is_empty());
    assert_eq!(from_old.len() + from_new.len(), old.differences(&new).len());
}

impl Old {
    /// Every record so far, one by one.
    async fn all_records(&self) -> Vec<Binlog> {
        let (mut after, mut all) = (-1, Vec::new());
        loop {
            let read = GetBinlogRequest { prev_commit_seq: Some(after), ..request() };
            let reply = self.call::<GetBinlog>(&read).await.unwrap();
            let Some(mut page) = reply.binlogs else { return all };
            after = page.last().unwrap().commit_seq.unwrap();
            all.append(&mut page);
        }
    }

    async fn refused(&self, sql: &str) -> (u16, String) {
        match self.answer(sql).await {
            SqlReply::Error { code, message, .. } => (code, message),
            other => panic!("{sql}: {other:?}"),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_old_cluster_records_nothing_of_what_it_has_no_kind_of_record_for() {
    for (profile, recorded) in [(Profile::v2_1(), false), (Profile::v3_0(), false), (Profile::v4_1(), true)] {
        let old = Old::start(profile).await;
        old.sql(TABLE).await;
        old.sql("ALTER TABLE t RENAME u").await;
        let renamed = old.all_records().await.iter().any(|record| record.kind == Some(BinlogType::RENAME_TABLE));
        assert_eq!(renamed, recorded);
    }
}

#[tokio::test(start_paused = true)]
async fn old_records_have_the_keys_and_the_print_of_their_version() {
    for (profile, long, pretty) in [(Profile::v2_1(), true, false), (Profile::v3_0(), true, true)] {
        let old = Old::start(profile).await;
        old.sql(
            "CREATE TABLE p (k INT) PARTITION BY RANGE(k) (PARTITION a VALUES LESS THAN (\"10\")) \
             DISTRIBUTED BY HASH(k) BUCKETS 1 PROPERTIES (\"replication_num\" = \"1\")",
        )
        .await;
        old.sql("ALTER TABLE p ADD PARTITION b VALUES LESS THAN (\"20\")").await;
        let records = old.all_records().await;
        let data = |kind| records.iter().find(|r| r.kind == Some(kind)).unwrap().data.clone().unwrap();
        let added = data(BinlogType::ADD_PARTITION);
        assert_eq!(added.contains('\n'), pretty);
        let added: serde_json::Value = serde_json::from_str(&added).unwrap();
        assert_eq!(added["partition"]["name"] == "b", long);
        assert_eq!(added["range"][0]["value"], serde_json::json!([["INT", 10]]));
        assert!(!data(BinlogType::CREATE_TABLE).contains("tableType"));
    }
}

#[tokio::test(start_paused = true)]
async fn refusals_have_the_codes_and_prefixes_of_their_version() {
    let twice = "errCode = 2, detailMessage = errCode = 2, detailMessage = ";
    let once = "errCode = 2, detailMessage = ";
    let cases = [
        (Profile::v2_1(), 1049, (1109, twice), (1050, once)),
        (Profile::v3_0(), 1049, (1109, twice), (1105, twice)),
        (Profile::v4_1(), 1105, (1105, once), (1105, once)),
    ];
    for (profile, unknown_db, dropped, created) in cases {
        let old = Old::start(profile).await;
        old.sql(TABLE).await;
        assert_eq!(old.refused("DROP TABLE nope.t").await.0, unknown_db);
        let text = format!("{}Unknown table 'nope' in d", dropped.1);
        assert_eq!(old.refused("DROP TABLE nope").await, (dropped.0, text));
        assert_eq!(old.refused(TABLE).await, (created.0, format!("{}Table 't' already exists", created.1)));
    }
}

#[tokio::test(start_paused = true)]
async fn create_statements_are_printed_as_by_their_version() {
    for (profile, column, comment) in [
        (Profile::v2_1(), "  `k` int NULL COMMENT 'key'", false),
        (Profile::v3_0(), "  `k` INT NULL COMMENT 'key'", true),
        (Profile::v4_1(), "  `k` int NULL COMMENT \"key\"", false),
    ] {
        let old = Old::start(profile).await;
        old.sql(&TABLE.replace("k INT)", "k INT COMMENT 'key')")).await;
        let SqlReply::Rows(shown) = old.answer("SHOW CREATE TABLE t").await else { panic!("no rows") };
        let text = shown.rows[0][1].clone().unwrap();
        assert!(text.contains(column), "{text}");
        assert_eq!(text.contains("COMMENT 'OLAP'"), comment);
    }
}

#[tokio::test(start_paused = true)]
async fn newer_syntax_is_refused_in_the_words_of_the_older_parser_and_only_transactions_have_a_time() {
    for (profile, new) in [(Profile::v2_1(), false), (Profile::v3_0(), false), (Profile::v4_1(), true)] {
        let old = Old::start(profile).await;
        old.sql(TABLE).await;
        match old.answer("TRUNCATE TABLE t FORCE").await {
            SqlReply::Error { message, .. } => {
                assert!(!new, "{message}");
                assert_eq!(
                    message,
                    "errCode = 2, detailMessage = Syntax error in line 1:\nTRUNCATE TABLE t FORCE\n                 ^\n\
                     Encountered: FORCE\nExpected: COMMA, FORCE is keyword, maybe `FORCE`\n"
                );
            }
            _ => assert!(new),
        }
        let first = old.records(1).await.remove(0);
        assert_eq!(first.timestamp.unwrap() > 0, new, "{first:?}");
    }
}
