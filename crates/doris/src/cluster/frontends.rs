//! What is known of a cluster's FEs: their addresses, which of them is the master, which did not answer lately.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

use super::{ClusterSpec, Frontend};
use crate::{error::Error, net::Endpoint, sql::FrontendRow};

/// How long an FE that could not be reached, or did not answer, is asked after the others.
const AVOID_TIME: Duration = Duration::from_secs(30);

/// How a host came to be known, and so whether the host mapping applies to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Host {
    /// The user's own word, or a host that was mapped before it was stored: used as it is.
    Given(String),
    /// Doris's word.
    Reported(String),
}

/// One FE. A port that is not known is 0.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Node {
    pub(super) host: Host,
    pub(super) query_port: u16,
    pub(super) rpc_port: u16,
}

/// Which of an FE's ports is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Port {
    Query,
    Rpc,
}

/// A host that Doris reports and the host mapping lacks.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Unmapped(pub(super) String);

impl std::fmt::Display for Unmapped {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "the address of host {} is not known here; add it with /update_host_mapping", self.0)
    }
}

/// The shared knowledge. No lock is ever held across an await.
#[derive(Debug)]
pub(super) struct Frontends {
    configured: Node,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    /// From the job document or the last list of the cluster; living ones first.
    listed: Vec<Node>,
    master: Option<Node>,
    /// When the list was last read, or last begun to be read.
    read_at: Option<Instant>,
    /// Why the list could not be read the last time.
    unlisted: Option<Error>,
    mapping: BTreeMap<String, String>,
    avoided: BTreeMap<Endpoint, Instant>,
}

impl Frontends {
    pub(super) fn new(spec: &ClusterSpec) -> Self {
        let configured =
            Node { host: Host::Given(spec.host.clone()), query_port: spec.query_port, rpc_port: spec.rpc_port };
        let listed = spec
            .frontends
            .iter()
            .map(|fe| Node { host: Host::Given(fe.host.clone()), query_port: fe.query_port, rpc_port: fe.rpc_port })
            .collect();
        let mapping = spec.host_mapping.clone();
        let state = State { listed, master: None, read_at: None, unlisted: None, mapping, avoided: BTreeMap::new() };
        Self { configured, state: Mutex::new(state) }
    }

    pub(super) fn set_mapping(&self, mapping: BTreeMap<String, String>) {
        self.lock().mapping = mapping;
    }

    /// A host that Doris reported, as it is reached from here.
    pub(super) fn map_host(&self, reported: &str) -> Result<String, Unmapped> {
        self.lock().map(&Host::Reported(reported.to_owned()))
    }

    /// The master, where it is known and its port too.
    pub(super) fn master(&self, port: Port) -> Result<Option<Endpoint>, Unmapped> {
        let state = self.lock();
        state.master.as_ref().map_or(Ok(None), |master| state.endpoint(master, port))
    }

    /// All FEs whose address is known, in the order in which they should be tried: the configured one first, those that
    /// could not be reached lately last.
    pub(super) fn candidates(&self, port: Port) -> Vec<Endpoint> {
        let state = self.lock();
        let nodes = [&self.configured].into_iter().chain(&state.master).chain(&state.listed);
        let mut endpoints = Vec::new();
        for endpoint in nodes.filter_map(|node| state.endpoint(node, port).ok().flatten()) {
            if !endpoints.contains(&endpoint) {
                endpoints.push(endpoint);
            }
        }
        let avoided = |endpoint: &Endpoint| state.avoided.get(endpoint).is_some_and(|at| at.elapsed() < AVOID_TIME);
        endpoints.sort_by_key(avoided);
        endpoints
    }

    /// Whether the list is older than `age`. The first who asks is to read it: it counts as read from then on.
    pub(super) fn claim_reading(&self, age: Duration) -> bool {
        let mut state = self.lock();
        let due = state.read_at.is_none_or(|at| at.elapsed() >= age);
        if due {
            state.read_at = Some(Instant::now());
        }
        due
    }

    /// Takes over a list of the cluster. An empty one, or one without a master, says nothing of what it lacks.
    pub(super) fn take_list(&self, rows: &[FrontendRow]) {
        let mut state = self.lock();
        let node = |row: &FrontendRow| Node {
            host: Host::Reported(row.host.clone()),
            query_port: row.query_port,
            rpc_port: row.rpc_port,
        };
        let (alive, silent): (Vec<_>, Vec<_>) =
            rows.iter().filter(|row| row.query_port != 0 || row.rpc_port != 0).partition(|row| row.alive);
        if !alive.is_empty() || !silent.is_empty() {
            state.listed = alive.into_iter().chain(silent).map(node).collect();
        }
        if let Some(master) = rows.iter().find(|row| row.is_master) {
            state.master = Some(node(master));
        }
        state.read_at = Some(Instant::now());
        state.unlisted = None;
    }

    /// The list could not be read.
    pub(super) fn list_failed(&self, error: Error) {
        self.lock().unlisted = Some(error);
    }

    /// Why the list could not be read the last time, if it could not.
    pub(super) fn unlisted(&self) -> Option<Error> {
        self.lock().unlisted.clone()
    }

    /// Rows of a list with mapped hosts.
    pub(super) fn mapped(&self, rows: &[FrontendRow]) -> Result<Vec<Frontend>, Unmapped> {
        let state = self.lock();
        rows.iter()
            .map(|row| {
                Ok(Frontend {
                    host: state.map(&Host::Reported(row.host.clone()))?,
                    query_port: row.query_port,
                    rpc_port: row.rpc_port,
                    is_master: row.is_master,
                    alive: row.alive,
                })
            })
            .collect()
    }

    /// An FE named another one as the master. Its Thrift endpoint, if the address is one: an FE without a master names host
    /// "" and port 0 (seen in 4.1).
    pub(super) fn redirected(&self, host: &str, rpc_port: i32) -> Result<Option<Endpoint>, Unmapped> {
        let Some(rpc_port) = u16::try_from(rpc_port).ok().filter(|port| *port != 0 && !host.is_empty()) else {
            return Ok(None);
        };
        let mut state = self.lock();
        let host = Host::Reported(host.to_owned());
        let known = state.listed.iter().find(|node| node.host == host && node.rpc_port == rpc_port);
        let node = known.cloned().unwrap_or(Node { host, query_port: 0, rpc_port });
        let endpoint = state.endpoint(&node, Port::Rpc)?;
        state.master = Some(node);
        Ok(endpoint)
    }

    /// An FE answered as only the master does.
    pub(super) fn answered_as_master(&self, rpc: &Endpoint) {
        let mut state = self.lock();
        state.avoided.remove(rpc);
        let is_known = |node: &Node| state.endpoint(node, Port::Rpc).ok().flatten().as_ref() == Some(rpc);
        if !state.master.as_ref().is_some_and(is_known) {
            // What the cluster reports is preferred: it has the query port that the cluster knows.
            let node = state.listed.iter().chain([&self.configured]).find(|node| is_known(node)).cloned();
            state.master = node;
        }
    }

    /// An FE is not the master, or does not answer: nothing is known of the master if that was it.
    pub(super) fn not_master(&self, endpoint: &Endpoint, port: Port) {
        let mut state = self.lock();
        let is_it = |node: &Node| state.endpoint(node, port).ok().flatten().as_ref() == Some(endpoint);
        if state.master.as_ref().is_some_and(is_it) {
            state.master = None;
        }
    }

    /// No connection could be made.
    pub(super) fn unreachable(&self, endpoint: &Endpoint, port: Port) {
        self.not_master(endpoint, port);
        self.avoid(endpoint);
    }

    /// An FE should be asked after the others for a while.
    pub(super) fn avoid(&self, endpoint: &Endpoint) {
        self.lock().avoided.insert(endpoint.clone(), Instant::now());
    }

    /// An FE answered.
    pub(super) fn reached(&self, endpoint: &Endpoint) {
        self.lock().avoided.remove(endpoint);
    }

    /// Nothing that holds the lock can panic half-way through a change.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn map(&self, host: &Host) -> Result<String, Unmapped> {
        match host {
            Host::Given(host) => Ok(host.clone()),
            Host::Reported(host) if self.mapping.is_empty() => Ok(host.clone()),
            Host::Reported(host) => self.mapping.get(host).cloned().ok_or_else(|| Unmapped(host.clone())),
        }
    }

    fn endpoint(&self, node: &Node, port: Port) -> Result<Option<Endpoint>, Unmapped> {
        let port = match port {
            Port::Query => node.query_port,
            Port::Rpc => node.rpc_port,
        };
        if port == 0 {
            return Ok(None);
        }
        Ok(Some(Endpoint::new(self.map(&node.host)?, port)))
    }
}
