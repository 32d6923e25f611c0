//! Clusters behind address translation: what Doris reports of itself leads nowhere from outside.

use std::sync::{Mutex, PoisonError};

use doris_sim::{ClusterBuilder, SimCluster, SimNet, control::Command, model::BackendPorts};
use serde_json::{Value, json};

use super::*;

/// The way from outside to hosts that have other names inside. Nothing else is let through.
#[derive(Clone)]
struct Translation {
    inside: SimNet,
    /// Public to private.
    hosts: Arc<Mutex<std::collections::BTreeMap<String, String>>>,
}

impl Translation {
    fn new(inside: &SimNet) -> Self {
        Self { inside: inside.clone(), hosts: Arc::default() }
    }

    fn set(&self, public: &str, private: Option<&str>) {
        let mut hosts = self.hosts.lock().unwrap_or_else(PoisonError::into_inner);
        match private {
            Some(private) => hosts.insert(public.to_owned(), private.to_owned()),
            None => hosts.remove(public),
        };
    }

    fn inside(&self, to: &Endpoint) -> Result<Endpoint, NetError> {
        match self.hosts.lock().unwrap_or_else(PoisonError::into_inner).get(&to.host) {
            Some(private) => Ok(Endpoint::new(private.clone(), to.port)),
            None => Err(NetError::Unreachable { to: to.to_string(), why: "no route to host".to_owned() }),
        }
    }
}

impl Net for Translation {
    fn thrift<'a>(&'a self, to: &'a Endpoint, call: Bytes) -> BoxFuture<'a, Result<Bytes, NetError>> {
        Box::pin(async move { self.inside.thrift(&self.inside(to)?, call).await })
    }

    fn sql<'a>(&'a self, login: &'a SqlLogin, sql: &'a str) -> BoxFuture<'a, Result<SqlReply, NetError>> {
        Box::pin(async move {
            let login = SqlLogin { endpoint: self.inside(&login.endpoint)?, ..login.clone() };
            self.inside.sql(&login, sql).await
        })
    }

    fn http_get<'a>(&'a self, to: &'a Endpoint, path: &'a str) -> BoxFuture<'a, Result<HttpReply, NetError>> {
        Box::pin(async move { self.inside.http_get(&self.inside(to)?, path).await })
    }
}

/// Private and public address of a host of a cluster: numbers 1 to 3 are FEs, 4 and 5 BEs.
fn addresses(six: bool, side: u8, host: u8) -> (String, String) {
    if six {
        (format!("fd00:{side}::{host}"), format!("2001:db8:{side}::{host}"))
    } else {
        (format!("172.16.{side}.{host}"), format!("10.{side}.0.{host}"))
    }
}

struct Setting {
    inside: SimNet,
    outside: Translation,
    source: SimCluster,
    dest: SimCluster,
    server: Server,
    six: bool,
}

impl Setting {
    async fn new(six: bool) -> Self {
        let inside = SimNet::new();
        let outside = Translation::new(&inside);
        let start = async |name: &str, side: u8| {
            let mut builder = ClusterBuilder::new(name).seed(u64::from(side)).in_process(&inside);
            for host in 1..=5 {
                let (private, public) = addresses(six, side, host);
                outside.set(&public, Some(&private));
                builder = if host <= 3 {
                    builder.frontend_at(&private, 9030, 9020)
                } else {
                    builder.backend_at(&private, BackendPorts::default())
                };
            }
            // Backends of one cluster reach those of the other from outside.
            builder.frontends(3).backends(2).backend_net(Arc::new(outside.clone())).start().await.unwrap()
        };
        let (source, dest) = (start("source", 1).await, start("dest", 2).await);
        let server = Server::with(Arc::new(outside.clone()), &[], &[]).await;
        let setting = Self { inside, outside, source, dest, server, six };
        for sql in [
            "CREATE DATABASE demo",
            "CREATE TABLE demo.t1 (id BIGINT NOT NULL) DUPLICATE KEY (id) DISTRIBUTED BY HASH(id) BUCKETS 2 \
             PROPERTIES (\"replication_num\" = \"1\", \"binlog.enable\" = \"true\")",
            "INSERT INTO demo.t1 VALUES (1)",
        ] {
            setting.sql(&setting.source, sql).await;
        }
        setting
    }

    async fn sql(&self, cluster: &SimCluster, sql: &str) -> Vec<Vec<Option<String>>> {
        let login = SqlLogin {
            endpoint: cluster.frontends()[0].query.clone(),
            user: "root".to_owned(),
            password: Default::default(),
        };
        match self.inside.sql(&login, sql).await.unwrap() {
            SqlReply::Rows(set) => set.rows,
            SqlReply::Ok { .. } => Vec::new(),
            SqlReply::Error { message, .. } => panic!("{sql}: {message}"),
        }
    }

    fn mapping(&self, side: u8) -> Value {
        (1..=5)
            .map(|host| addresses(self.six, side, host))
            .map(|(private, public)| (private, Value::from(public)))
            .collect()
    }

    fn request(&self, change: impl FnOnce(&mut Value)) -> String {
        let side = |side: u8| {
            json!({"host": addresses(self.six, side, 1).1, "port": "9030", "thrift_port": "9020", "user": "root",
                "password": "", "database": "demo", "table": "t1", "host_mapping": self.mapping(side)})
        };
        let mut body = json!({"name": "j", "src": side(1), "dest": side(2)});
        change(&mut body);
        body.to_string()
    }

    /// Waits until the destination has so many rows.
    async fn rows(&self, count: usize) {
        let reached = async {
            loop {
                let tables = self.sql(&self.dest, "SHOW TABLES FROM demo").await;
                if tables.iter().flatten().flatten().any(|name| name == "t1")
                    && self.sql(&self.dest, "SELECT id FROM demo.t1").await.len() == count
                {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        if tokio::time::timeout(Duration::from_secs(60), reached).await.is_err() {
            panic!("{} rows did not come: {}", count, self.server.ok("/job_status", r#"{"name":"j"}"#).await);
        }
    }

    async fn update(&self, body: Value) {
        assert_eq!(self.server.ok("/update_host_mapping", &body.to_string()).await, r#"{"success":true}"#);
    }

    async fn detail(&self) -> Value {
        serde_json::from_str::<Value>(&self.server.ok("/job_detail", r#"{"name":"j"}"#).await).unwrap()["job_detail"]
            .clone()
    }

    /// Waits until the job says something of itself.
    async fn error(&self, expected: &str) {
        let said = async {
            while !self.server.ok("/job_status", r#"{"name":"j"}"#).await.contains(expected) {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(60), said).await.unwrap();
    }
}

#[tokio::test]
async fn a_job_without_or_with_half_a_mapping_is_refused_and_says_which_host_is_missing() {
    let setting = Setting::new(false).await;
    let none = setting.request(|body| {
        for side in ["src", "dest"] {
            // An empty address is none, and none at all is no mapping.
            body[side]["host_mapping"] = json!({"172.16.1.1": "", "172.16.2.1": ""});
        }
    });
    let answer = setting.server.ok("/create_ccr", &none).await;
    assert!(answer.contains("172.16.1.") && answer.contains("no route to host"), "{answer}");
    for (side, host, private) in [("src", 2, "172.16.1.2"), ("src", 5, "172.16.1.5"), ("dest", 4, "172.16.2.4")] {
        let half = setting.request(|body| {
            let (private, _) = addresses(false, if side == "src" { 1 } else { 2 }, host);
            body[side]["host_mapping"].as_object_mut().unwrap().remove(&private);
        });
        let answer = setting.server.ok("/create_ccr", &half).await;
        assert!(answer.contains(private) && answer.contains("/update_host_mapping"), "{answer}");
    }
    assert!(setting.server.names().await.is_empty());
}

/// Defects: SVC-A8, WIRE-19, ENG-L-11.
#[tokio::test]
async fn every_address_is_translated_and_a_change_is_effective_without_a_restart() {
    for six in [false, true] {
        let setting = Setting::new(six).await;
        let create = setting.request(|body| body["src"]["host_mapping"]["of nobody"] = "".into());
        assert_eq!(setting.server.ok("/create_ccr", &create).await, r#"{"success":true}"#);
        // Backup, download by the destination's backends, restore.
        setting.rows(1).await;
        let detail = setting.detail().await;
        assert_eq!(detail["src"]["host_mapping"], setting.mapping(1));
        let frontends = detail["dest"]["frontends"].as_array().unwrap();
        assert!(frontends.iter().any(|frontend| frontend["host"] == addresses(six, 2, 3).1), "{frontends:?}");
        // Transactions.
        setting.sql(&setting.source, "INSERT INTO demo.t1 VALUES (2)").await;
        setting.rows(2).await;
        // A new master, on either side: it is found where it is reached.
        for cluster in [&setting.source, &setting.dest] {
            cluster.control().run(&Command::SwitchMaster(3)).unwrap();
        }
        setting.sql(&setting.source, "INSERT INTO demo.t1 VALUES (3)").await;
        setting.rows(3).await;
        // All of the source is reached under other addresses from now on.
        let moved = |host: u8| addresses(six, 1, host).1.replace("10.1.", "10.101.").replace("db8:1:", "db8:101:");
        for host in 1..=5 {
            let (private, public) = addresses(six, 1, host);
            setting.outside.set(&public, None);
            setting.outside.set(&moved(host), Some(&private));
        }
        setting.sql(&setting.source, "INSERT INTO demo.t1 VALUES (4)").await;
        setting.error("no route to host").await;
        let mapping: Value = (1..=5).map(|host| (addresses(six, 1, host).0, Value::from(moved(host)))).collect();
        setting.update(json!({"name": "j", "src_host_mapping": mapping})).await;
        setting.rows(4).await;
        let detail = setting.detail().await;
        assert_eq!((&detail["src"]["host_mapping"], &detail["src"]["host"]), (&mapping, &moved(1).into()));
        // One host is taken out: it is named.
        let (private, public) = addresses(six, 2, 4);
        setting.update(json!({"name": "j", "dest_host_mapping": {&private: ""}})).await;
        setting.error(&format!("the address of host {private} is not known here")).await;
        setting.update(json!({"name": "j", "dest_host_mapping": {&private: public}})).await;
        setting.sql(&setting.source, "INSERT INTO demo.t1 VALUES (5)").await;
        setting.rows(5).await;
        // The translation ends, and so does the mapping.
        for (side, key) in [(1, "src_host_mapping"), (2, "dest_host_mapping")] {
            for host in 1..=5 {
                let private = addresses(six, side, host).0;
                setting.outside.set(&private, Some(&private));
            }
            let none: Value = (1..=5).map(|host| (addresses(six, side, host).0, Value::from(""))).collect();
            setting.update(json!({"name": "j", key: none})).await;
        }
        for host in 1..=5 {
            setting.outside.set(&moved(host), None);
            setting.outside.set(&addresses(six, 2, host).1, None);
        }
        setting.sql(&setting.source, "INSERT INTO demo.t1 VALUES (6)").await;
        setting.rows(6).await;
        let detail = setting.detail().await;
        assert_eq!((detail["src"].get("host_mapping"), detail["dest"].get("host_mapping")), (None, None));
        assert_eq!(detail["src"]["frontends"][0]["host"], addresses(six, 1, 1).0);
        assert_eq!(detail["src"]["host"], moved(1), "the user's own word");
        let status = setting.server.ok("/job_status", r#"{"name":"j"}"#).await;
        assert!(status.contains(r#""state":"running""#) && !status.contains("full"), "{status}");
    }
}
