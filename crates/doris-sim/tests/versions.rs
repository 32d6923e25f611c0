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
