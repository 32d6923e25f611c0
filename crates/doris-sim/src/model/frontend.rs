//! Frontends and backends of a cluster: adding them, and who is master.

use rand::RngExt as _;

use super::{Answer, Backend, Model, Refusal, ids::*, properties::default_be_config};

/// A frontend (FE). All share the model; what differs is who may answer.
#[derive(Clone, Debug)]
pub struct Frontend {
    /// `fe_<hash>`, as in SHOW FRONTENDS.
    pub name: String,
    pub host: String,
    pub edit_log_port: u16,
    pub http_port: u16,
    pub query_port: u16,
    pub rpc_port: u16,
    pub alive: bool,
    pub started_ms: i64,
}

/// Ids are journaled in batches.
pub(super) const ID_BATCH: i64 = 1000;

/// Ports of a new backend.
#[derive(Clone, Copy, Debug)]
pub struct BackendPorts {
    pub heartbeat: u16,
    pub be: u16,
    pub http: u16,
    pub brpc: u16,
}

impl Default for BackendPorts {
    /// Doris's defaults.
    fn default() -> Self {
        Self { heartbeat: 9050, be: 9060, http: 8040, brpc: 8060 }
    }
}

impl Model {
    /// Adds an FE; the first one is the master. Answers its index.
    pub fn add_frontend(&mut self, host: &str, query_port: u16, rpc_port: u16) -> usize {
        let hash: u128 = self.rng.random();
        self.frontends.push(Frontend {
            name: format!("fe_{hash:032x}"),
            host: host.to_owned(),
            edit_log_port: 9010,
            http_port: 8030,
            query_port,
            rpc_port,
            alive: true,
            started_ms: self.now_ms,
        });
        let index = self.frontends.len() - 1;
        self.master.get_or_insert(index);
        index
    }

    /// Adds a living BE. Answers its id.
    pub fn add_backend(&mut self, host: &str, ports: BackendPorts) -> BackendId {
        let id = BackendId::new(self.ids.next_raw());
        self.backends.insert(
            id,
            Backend {
                id,
                host: host.to_owned(),
                heartbeat_port: ports.heartbeat,
                be_port: ports.be,
                http_port: ports.http,
                brpc_port: ports.brpc,
                alive: true,
                last_heartbeat_ms: self.now_ms,
                started_ms: self.now_ms,
                config: default_be_config(),
                tablets: std::collections::BTreeMap::new(),
                snapshots: std::collections::BTreeMap::new(),
                async_ingest: false,
            },
        );
        id
    }

    /// Kills or revives a BE. A dead one answers nothing and takes part in nothing.
    pub fn set_backend_alive(&mut self, id: BackendId, alive: bool) -> Answer<()> {
        let now = self.now_ms;
        let be = self.backends.get_mut(&id).ok_or_else(|| Refusal::analysis(format!("backend {id} does not exist")))?;
        let restarted = alive && !be.alive;
        be.alive = alive;
        if restarted {
            be.started_ms = now;
            let host = be.host.clone();
            // What it coordinated, it has forgotten.
            self.abort_coordinated_by(id, &host, "coordinate BE restart");
        }
        self.backends.values_mut().filter(|be| be.id == id).for_each(|be| be.last_heartbeat_ms = now);
        Ok(())
    }

    /// Makes another FE the master (`None`: an election goes on), or restarts the one that is. What was not journaled is
    /// gone: PREPARE transactions, binlog locks, status texts of jobs and their steps in between; ids jump to the end of
    /// their batch. The snapshots of another FE cannot be had from this one.
    pub fn set_master(&mut self, index: Option<usize>) {
        self.master = index.filter(|n| *n < self.frontends.len());
        for id in self.active_txns.clone() {
            self.lose_prepared(id);
        }
        for store in self.binlogs.values_mut() {
            store.stream.locks.clear();
            store.tables.values_mut().for_each(|stream| stream.locks.clear());
        }
        if self.master.is_some() {
            self.publisher_fails = false;
            self.resume_jobs();
            self.resume_alter_jobs();
            self.ids.jump();
            self.next_txn += ID_BATCH - self.next_txn % ID_BATCH;
            self.journal();
        }
    }
}
