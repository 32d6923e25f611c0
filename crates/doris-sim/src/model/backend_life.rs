//! Backends of a cluster: adding them, killing and starting them, and how the FE learns of it (heartbeats).

use super::{Answer, Backend, Model, Refusal, ids::*, properties::default_be_config};

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

/// What the FE notes of a BE that does not answer.
const REFUSED: &str = "java.net.ConnectException: Connection refused (Connection refused)";

impl Model {
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
                running: true,
                restarted: false,
                alive: true,
                heartbeat_failures: 0,
                error: String::new(),
                decommissioned: false,
                response_delay_ms: 0,
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

    /// Kills or revives a BE, and the FE knows at once. A dead one answers nothing and takes part in nothing.
    pub fn set_backend_alive(&mut self, id: BackendId, alive: bool) -> Answer<()> {
        let now = self.now_ms;
        self.backend_mut(id)?.last_heartbeat_ms = now;
        if alive {
            self.start_backend(id)?;
        } else {
            self.kill_backend(id)?;
        }
        self.heartbeat_of(id);
        Ok(())
    }

    /// Kills the process of a BE. The FE learns of it with the next heartbeat.
    pub fn kill_backend(&mut self, id: BackendId) -> Answer<()> {
        self.backend_mut(id)?.running = false;
        self.deaths += 1;
        Ok(())
    }

    /// Starts the process of a BE again. The FE learns of it with the next heartbeat.
    pub fn start_backend(&mut self, id: BackendId) -> Answer<()> {
        let now = self.now_ms;
        let be = self.backend_mut(id)?;
        if !be.running {
            be.running = true;
            be.restarted = true;
            be.started_ms = now;
        }
        Ok(())
    }

    pub(crate) fn backend_mut(&mut self, id: BackendId) -> Answer<&mut Backend> {
        self.backends.get_mut(&id).ok_or_else(|| Refusal::analysis(format!("backend {id} does not exist")))
    }

    /// One round of heartbeats of the master: who answers is alive.
    pub(super) fn heartbeat(&mut self) {
        for id in self.backends.keys().copied().collect::<Vec<_>>() {
            self.heartbeat_of(id);
        }
        let (now, journal) = (self.now_ms, self.journal_id);
        for fe in &mut self.frontends {
            if fe.alive && !fe.known_alive {
                fe.live_since_ms = Some(now);
            }
            fe.known_alive = fe.alive;
            if fe.alive {
                fe.last_heartbeat_ms = now;
                fe.replayed_journal = journal;
            }
        }
        // What the answers say is journaled itself.
        self.journal();
    }

    fn heartbeat_of(&mut self, id: BackendId) {
        let now = self.now_ms;
        let Some(be) = self.backends.get_mut(&id) else { return };
        be.alive = be.running;
        if be.running {
            be.last_heartbeat_ms = now;
            be.heartbeat_failures = 0;
            be.error.clear();
            if std::mem::take(&mut be.restarted) {
                let host = be.host.clone();
                // What it coordinated, it has forgotten.
                self.abort_coordinated_by(id, &host, "coordinate BE restart");
            }
        } else {
            be.heartbeat_failures += 1;
            be.error = REFUSED.to_owned();
        }
    }
}
