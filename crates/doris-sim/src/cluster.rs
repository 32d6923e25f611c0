//! Starting a cluster: in process, or on sockets.

use std::{net::IpAddr, sync::Arc};

use doris::net::{Endpoint, Net, tcp::TcpNet};
use tokio::{net::TcpListener, task::JoinSet};

use crate::{
    clock::SimClock,
    control::{self, Control},
    exec::Sql,
    model::{Answer, BackendId, BackendPorts, FrontendRole, Model, Options, Profile, Value},
    serve::{
        Faults, SimNet,
        be::{BackendService, run_downloads},
        fe::FrontendService,
        http::{self, HttpService},
        mysql::{self, MysqlPort},
        thrift::{self, ThriftService},
    },
    session::SqlService,
    sim::Sim,
};

/// The wall clock of a cluster when it starts, unless told otherwise: 2026-11-23 15:46:30 UTC.
const DEFAULT_BASE_MS: i64 = 1_795_448_790_000;

/// Where a cluster listens.
#[derive(Clone, Debug)]
enum Bind {
    /// Nowhere: reached through this network only. Host names are made of the cluster's name.
    InProcess(SimNet),
    /// On sockets of this address.
    Sockets { host: IpAddr, query_port: u16, rpc_port: u16, control_port: Option<u16> },
}

/// Describes a cluster that is to be started.
#[derive(Clone)]
pub struct ClusterBuilder {
    options: Options,
    frontends: usize,
    observers: usize,
    backends: usize,
    bind: Bind,
    base_ms: i64,
    /// How backends reach other backends; `None`: as the cluster itself is reached.
    net: Option<Arc<dyn Net>>,
    /// Addresses in process, instead of such as are made of the cluster's name: host, query port, Thrift port.
    frontend_addresses: Vec<(String, u16, u16)>,
    backend_addresses: Vec<(String, BackendPorts)>,
    frontend_config: Vec<(String, String)>,
}

impl std::fmt::Debug for ClusterBuilder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ClusterBuilder")
            .field("options", &self.options)
            .field("frontends", &self.frontends)
            .field("backends", &self.backends)
            .field("bind", &self.bind)
            .finish_non_exhaustive()
    }
}

impl ClusterBuilder {
    /// One frontend and one backend in process, on a network of its own.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            options: Options { name: name.into(), ..Options::default() },
            frontends: 1,
            observers: 0,
            backends: 1,
            bind: Bind::InProcess(SimNet::new()),
            base_ms: DEFAULT_BASE_MS,
            net: None,
            frontend_addresses: Vec::new(),
            backend_addresses: Vec::new(),
            frontend_config: Vec::new(),
        }
    }

    /// Which version of Doris the cluster is; the newest unless told otherwise.
    pub fn doris(mut self, profile: Profile) -> Self {
        self.options.profile = profile;
        self
    }

    pub fn seed(mut self, seed: u64) -> Self {
        self.options.seed = seed;
        self
    }

    /// Number of FEs; the first is the master.
    pub fn frontends(mut self, count: usize) -> Self {
        self.frontends = count;
        self
    }

    pub fn backends(mut self, count: usize) -> Self {
        self.backends = count;
        self
    }

    /// From COMMITTED to VISIBLE.
    pub fn publish_delay_ms(mut self, ms: i64) -> Self {
        self.options.publish_delay_ms = ms;
        self
    }

    /// One step of a backup or restore; Doris takes 3000.
    pub fn snapshot_tick_ms(mut self, ms: i64) -> Self {
        self.options.snapshot_tick_ms = ms;
        self
    }

    /// One step of a schema change, rollup or index job; Doris takes 500.
    pub fn alter_tick_ms(mut self, ms: i64) -> Self {
        self.options.alter_tick_ms = ms;
        self
    }

    /// What a backend takes for an ingest besides the downloads.
    pub fn ingest_delay_ms(mut self, ms: i64) -> Self {
        self.options.ingest_delay_ms = ms;
        self
    }

    /// Backends without rows, which publish whatever they are told, with or without an ingest.
    pub fn stand_in_backends(mut self) -> Self {
        self.options.stand_in_backends = true;
        self
    }

    /// Until backends learn that a table's binlog was switched on or off.
    pub fn binlog_switch_delay_ms(mut self, ms: i64) -> Self {
        self.options.binlog_switch_delay_ms = ms;
        self
    }

    /// Without one, root needs none.
    pub fn root_password(mut self, password: doris::secret::Secret) -> Self {
        self.options.root_password = password;
        self
    }

    /// The first id of the catalog.
    pub fn first_id(mut self, id: i64) -> Self {
        self.options.first_id = Some(id);
        self
    }

    /// Another frontend in process, with this address.
    pub fn frontend_at(mut self, host: &str, query_port: u16, rpc_port: u16) -> Self {
        self.frontend_addresses.push((host.to_owned(), query_port, rpc_port));
        self
    }

    /// Another backend in process, with this address.
    pub fn backend_at(mut self, host: &str, ports: BackendPorts) -> Self {
        self.backend_addresses.push((host.to_owned(), ports));
        self
    }

    /// A configuration item of the frontends as of their start.
    pub fn frontend_config(mut self, key: &str, value: &str) -> Self {
        self.frontend_config.push((key.to_owned(), value.to_owned()));
        self
    }

    /// The cluster's wall clock at its start, milliseconds since the epoch.
    pub fn base_ms(mut self, ms: i64) -> Self {
        self.base_ms = ms;
        self
    }

    /// In process, reachable through `net` (which other clusters may share).
    pub fn in_process(mut self, net: &SimNet) -> Self {
        self.bind = Bind::InProcess(net.clone());
        self
    }

    /// On sockets of this address, every port a free one.
    pub fn sockets(self, host: IpAddr) -> Self {
        self.sockets_at(host, 0, 0)
    }

    /// On sockets of this address; the FEs have these and the following ports (0: free ones).
    pub fn sockets_at(mut self, host: IpAddr, query_port: u16, rpc_port: u16) -> Self {
        self.bind = Bind::Sockets { host, query_port, rpc_port, control_port: None };
        self
    }

    /// With a control port (0: a free one), on sockets only.
    pub fn control_port(mut self, port: u16) -> Self {
        if let Bind::Sockets { control_port, .. } = &mut self.bind {
            *control_port = Some(port);
        }
        self
    }

    /// The number of followers among the frontends is reduced by this: the last ones are observers.
    pub fn observers(mut self, count: usize) -> Self {
        self.observers = count;
        self
    }

    /// How soon the FE notices that a BE died or came back.
    pub fn heartbeat_interval_ms(mut self, ms: i64) -> Self {
        self.options.heartbeat_interval_ms = ms;
        self
    }

    /// What a started FE needs until it answers; see [`Options::frontend_start_ms`].
    pub fn frontend_start_ms(mut self, ms: i64) -> Self {
        self.options.frontend_start_ms = ms;
        self
    }

    /// How its backends reach other backends.
    pub fn backend_net(mut self, net: Arc<dyn Net>) -> Self {
        self.net = Some(net);
        self
    }

    /// Starts the cluster on the current runtime.
    ///
    /// # Errors
    /// A port that cannot be bound.
    pub async fn start(self) -> std::io::Result<SimCluster> {
        match self.bind.clone() {
            Bind::InProcess(net) => Ok(self.start_in_process(net)),
            Bind::Sockets { host, query_port, rpc_port, control_port } => {
                self.start_on_sockets(host, query_port, rpc_port, control_port).await
            }
        }
    }

    fn start_in_process(self, net: SimNet) -> SimCluster {
        let clock = SimClock::starting_at(self.base_ms);
        let name = self.options.name.clone();
        let mut model = Model::new(self.options, clock.now_ms());
        model.config.extend(self.frontend_config);
        let mut frontends = self.frontend_addresses;
        if frontends.is_empty() {
            frontends = (1..=self.frontends.max(1)).map(|n| (format!("{name}-fe{n}"), 9030, 9020)).collect();
        }
        let mut backends = self.backend_addresses;
        if backends.is_empty() {
            let ports = BackendPorts::default();
            backends = (1..=self.backends.max(1)).map(|n| (format!("{name}-be{n}"), ports)).collect();
        }
        for (host, query_port, rpc_port) in &frontends {
            model.add_frontend(host, *query_port, *rpc_port);
        }
        for (host, ports) in &backends {
            model.add_backend(host, *ports);
        }
        make_observers(&mut model, self.observers);
        let sim = Arc::new(Sim::new(model, clock));
        let sql: Arc<dyn SqlService> = Arc::new(Sql::new(Arc::clone(&sim)));
        let backend_net = self.net.unwrap_or_else(|| Arc::new(net.clone()));
        let (frontends, backends) = inventory(&sim);
        for index in 0..frontends.len() {
            net.add_frontend(&sim, index, &sql);
        }
        for id in &backends {
            net.add_backend(&sim, *id, Arc::clone(&backend_net));
        }
        let mut tasks = JoinSet::new();
        tasks.spawn(run_downloads(Arc::clone(&sim), backend_net));
        let control = Control::new(Arc::clone(&sim), net.faults().clone());
        SimCluster { sim, sql, frontends, backends, control, control_endpoint: None, tasks }
    }

    async fn start_on_sockets(
        self,
        host: IpAddr,
        query_port: u16,
        rpc_port: u16,
        control_port: Option<u16>,
    ) -> std::io::Result<SimCluster> {
        let bind = async |port: u16| TcpListener::bind((host, port)).await;
        let nth = |first: u16, n: usize| match first {
            0 => 0,
            first => first.saturating_add(u16::try_from(n).unwrap_or(u16::MAX)),
        };
        let at = |port: u16| Endpoint::new(host.to_string(), port);
        let clock = SimClock::starting_at(self.base_ms);
        let faults = Faults::seeded(self.options.seed);
        let mut model = Model::new(self.options, clock.now_ms());
        let (mut fe_listeners, mut be_listeners) = (Vec::new(), Vec::new());
        for n in 0..self.frontends.max(1) {
            let (query, rpc, http) = (bind(nth(query_port, n)).await?, bind(nth(rpc_port, n)).await?, bind(0).await?);
            let index = model.add_frontend(&host.to_string(), query.local_addr()?.port(), rpc.local_addr()?.port());
            if let Some(fe) = model.frontends.get_mut(index) {
                fe.http_port = http.local_addr()?.port();
            }
            fe_listeners.push((query, rpc, http));
        }
        make_observers(&mut model, self.observers);
        for _ in 0..self.backends.max(1) {
            let (thrift, http) = (bind(0).await?, bind(0).await?);
            let ports = BackendPorts {
                be: thrift.local_addr()?.port(),
                http: http.local_addr()?.port(),
                ..BackendPorts::default()
            };
            be_listeners.push((model.add_backend(&host.to_string(), ports), thrift, http));
        }
        let sim = Arc::new(Sim::new(model, clock));
        let sql: Arc<dyn SqlService> = Arc::new(Sql::new(Arc::clone(&sim)));
        let backend_net = self.net.unwrap_or_else(|| Arc::new(TcpNet::default()));
        let mut tasks = JoinSet::new();
        tasks.spawn(run_downloads(Arc::clone(&sim), Arc::clone(&backend_net)));
        for (frontend, (query, rpc, http)) in fe_listeners.into_iter().enumerate() {
            let fe = FrontendService::new(Arc::clone(&sim), frontend);
            let endpoint = at(http.local_addr()?.port());
            let service = HttpService::Frontend(fe.clone());
            tasks.spawn(log_end("a frontend", http::serve(http, endpoint, service, faults.clone())));
            let endpoint = at(rpc.local_addr()?.port());
            tasks.spawn(thrift::serve(rpc, endpoint, ThriftService::Frontend(fe), faults.clone()));
            let endpoint = at(query.local_addr()?.port());
            let (sim, sql, faults) = (Arc::clone(&sim), Arc::clone(&sql), faults.clone());
            tasks.spawn(mysql::serve(query, MysqlPort { sim, frontend, endpoint, sql, faults }));
        }
        for (id, thrift_listener, http_listener) in be_listeners {
            let be = BackendService::new(Arc::clone(&sim), id, Arc::clone(&backend_net));
            let endpoint = at(thrift_listener.local_addr()?.port());
            let service = ThriftService::Backend(be.clone());
            tasks.spawn(thrift::serve(thrift_listener, endpoint, service, faults.clone()));
            let endpoint = at(http_listener.local_addr()?.port());
            let service = HttpService::Backend(be);
            tasks.spawn(log_end("a backend", http::serve(http_listener, endpoint, service, faults.clone())));
        }
        let control = Control::new(Arc::clone(&sim), faults);
        let mut control_endpoint = None;
        if let Some(port) = control_port {
            let listener = bind(port).await?;
            control_endpoint = Some(at(listener.local_addr()?.port()));
            tasks.spawn(log_end("the control", control::serve(listener, control.clone())));
        }
        let (frontends, backends) = inventory(&sim);
        Ok(SimCluster { sim, sql, frontends, backends, control, control_endpoint, tasks })
    }
}

/// The last frontends are observers.
fn make_observers(model: &mut Model, count: usize) {
    let followers = model.frontends.len().saturating_sub(count).max(1);
    for fe in model.frontends.iter_mut().skip(followers) {
        fe.role = FrontendRole::Observer;
    }
}

async fn log_end(whose: &'static str, serving: impl Future<Output = std::io::Result<()>>) {
    if let Err(error) = serving.await {
        tracing::error!(%error, "{whose} HTTP port is closed");
    }
}

fn inventory(sim: &Sim) -> (Vec<FrontendEndpoints>, Vec<BackendId>) {
    sim.look(|model| {
        let frontends = model.frontends.iter().map(|fe| FrontendEndpoints {
            query: Endpoint::new(fe.host.clone(), fe.query_port),
            rpc: Endpoint::new(fe.host.clone(), fe.rpc_port),
            http: Endpoint::new(fe.host.clone(), fe.http_port),
        });
        (frontends.collect(), model.backends.keys().copied().collect())
    })
}

/// Where a frontend is reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FrontendEndpoints {
    /// MySQL protocol.
    pub query: Endpoint,
    /// Thrift.
    pub rpc: Endpoint,
    pub http: Endpoint,
}

/// A running cluster. Dropping it ends its tasks and closes its ports.
#[derive(Debug)]
pub struct SimCluster {
    sim: Arc<Sim>,
    sql: Arc<dyn SqlService>,
    frontends: Vec<FrontendEndpoints>,
    backends: Vec<BackendId>,
    control: Control,
    control_endpoint: Option<Endpoint>,
    tasks: JoinSet<()>,
}

impl SimCluster {
    /// Faults and commands that are no part of Doris.
    pub fn control(&self) -> &Control {
        &self.control
    }

    /// Where the control port is, if there is one.
    pub fn control_endpoint(&self) -> Option<&Endpoint> {
        self.control_endpoint.as_ref()
    }

    /// The frontends; the first is the master at the start.
    pub fn frontends(&self) -> &[FrontendEndpoints] {
        &self.frontends
    }

    /// Ids of the backends.
    pub fn backends(&self) -> &[BackendId] {
        &self.backends
    }

    /// The model and its clock.
    pub fn sim(&self) -> &Arc<Sim> {
        &self.sim
    }

    /// The SQL service, for statements without a connection.
    pub fn sql_service(&self) -> &Arc<dyn SqlService> {
        &self.sql
    }

    /// Changes the model, see [`Sim::with`].
    pub fn with<T>(&self, f: impl FnOnce(&mut Model) -> T) -> T {
        self.sim.with(f)
    }

    /// All visible rows of a table, sorted.
    pub fn rows(&self, db: &str, table: &str) -> Answer<Vec<Vec<Value>>> {
        let mut rows = self.sim.look(|model| model.rows(db, table))?;
        rows.sort();
        Ok(rows)
    }

    /// Loads rows into a table in one transaction and waits until it is visible.
    pub async fn load(&self, db: &str, table: &str, rows: Vec<Vec<Value>>) -> Answer<()> {
        let txn = self.sim.with(|model| model.load(db, table, rows))?;
        let deadline = self.sim.clock().now_ms().saturating_add(60_000);
        match self.sim.wait_visible(txn, deadline).await {
            true => Ok(()),
            false => Err(crate::model::Refusal::plain(14, format!("transaction {txn} is not visible yet"))),
        }
    }

    /// Ends all tasks and closes the ports.
    pub async fn shutdown(mut self) {
        self.tasks.shutdown().await;
    }
}
