//! One syncer, from its flags to its end.

use std::{
    fmt,
    io::{self, ErrorKind},
    net::{Ipv4Addr, Ipv6Addr, SocketAddr},
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use ccr_engine::{Env, Settings, incremental::IngestWindows};
use ccr_store::{Metastore, ServerAddress, mysql::MysqlStore, postgres::PostgresStore, sqlite::SqliteStore};
use doris::{
    cluster::Timeouts,
    net::{
        Net,
        tcp::{TcpNet, TcpOptions},
    },
};
use tokio::net::TcpListener;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::{info, warn};

use crate::{
    VERSION,
    flags::{Feature, Flags, features},
    host::{SystemClock, SystemRng, identity},
    http::{Api, router},
    manager::{FencedNet, LagWatch, Manager, Membership, Tenure},
    metrics::{MeasuredNet, Metrics},
    monitor,
};

/// Longest time that running requests get to end after a stop was asked for.
const HTTP_GRACE: Duration = Duration::from_secs(15);

/// Why a syncer cannot start: one sentence for the operator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StartError(pub String);

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for StartError {}

/// A syncer that holds its port and its database and runs its jobs, and does not answer requests yet.
#[derive(Debug)]
pub struct Syncer {
    listener: TcpListener,
    address: SocketAddr,
    manager: Arc<Manager>,
    membership: Membership,
    calls: MeasuredNet,
    legacy_metrics: bool,
    features: Arc<[Feature]>,
    db_type: Arc<str>,
}

impl Syncer {
    /// Takes the port, opens the database, joins the other syncers and starts the jobs that belong to this one, in this order: a
    /// second process with the same port, or the same identity on another machine, never touches a job.
    ///
    /// # Errors
    /// The port or the identity is taken, or the database cannot be opened, read or written.
    pub async fn open(flags: &Flags) -> Result<Self, StartError> {
        let listener = bind(flags.port).await.map_err(|error| {
            let hint = if error.kind() == ErrorKind::AddrInUse {
                "; stop whatever uses it or choose another -port"
            } else {
                ""
            };
            StartError(format!("http service start error: cannot listen on port {}: {error}{hint}", flags.port))
        })?;
        let address =
            listener.local_addr().map_err(|error| StartError(format!("http service start error: {error}")))?;
        let store = open_store(flags).await?;
        let calls = MeasuredNet::new(net(flags));
        let tenure = Tenure::default();
        let env = Env {
            net: Arc::new(FencedNet::new(Arc::new(calls.clone()), tenure.clone())),
            store,
            clock: Arc::new(SystemClock),
            rng: Arc::new(SystemRng),
            owner: identity(&flags.host, address.port()).into(),
            settings: Arc::new(settings(flags)),
            windows: Arc::new(IngestWindows::new(flags.max_ingest_concurrency_per_backend)),
        };
        let database = |error| StartError(format!("new meta db error: {error}"));
        let manager = Manager::new(env);
        let membership = Membership::join(Arc::clone(&manager), tenure).await.map_err(database)?;
        manager.reconcile().await.map_err(database)?;
        info!("ccr start, version: {VERSION}, identity: {}, port: {}", manager.env().owner, address.port());
        let (features, db_type) = (features(flags).into(), flags.db_type.as_str().into());
        Ok(Self {
            listener,
            address,
            manager,
            membership,
            calls,
            legacy_metrics: flags.legacy_metrics,
            features,
            db_type,
        })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its jobs.
    pub fn manager(&self) -> &Arc<Manager> {
        &self.manager
    }

    /// Serves until `stop` is cancelled; then lets running requests end, stops the jobs at their next safe point, hands them over
    /// to the other syncers and closes the database.
    pub async fn run(self, stop: CancellationToken) {
        let background = TaskTracker::new();
        let cancel = CancellationToken::new();
        let lags = LagWatch::default();
        self.membership.coordinate();
        background.spawn(lags.clone().run(Arc::clone(&self.manager), cancel.clone()));
        background.spawn(monitor::run(Arc::clone(&self.manager), cancel.clone()));
        background.close();
        let metrics = Arc::new(Metrics::new(Arc::clone(&self.manager), lags, self.calls, self.legacy_metrics));
        let service = router(Api {
            manager: Arc::clone(&self.manager),
            metrics,
            features: self.features,
            db_type: self.db_type,
            started: Instant::now(),
        });
        let graceful = axum::serve(self.listener, service).with_graceful_shutdown(stop.clone().cancelled_owned());
        let mut server = tokio::spawn(graceful.into_future());
        tokio::select! {
            biased;
            () = stop.cancelled() => {}
            ended = &mut server => warn!("http service ended: {ended:?}"),
        }
        if !server.is_finished() && tokio::time::timeout(HTTP_GRACE, &mut server).await.is_err() {
            warn!("requests still run after {} s: they are cut off", HTTP_GRACE.as_secs());
            server.abort();
        }
        cancel.cancel();
        background.wait().await;
        self.membership.leave().await;
        self.manager.env().store.close().await;
        info!("all service stop");
    }
}

/// All interfaces, IPv4 and IPv6; IPv4 alone where there is no IPv6.
async fn bind(port: u16) -> io::Result<TcpListener> {
    match TcpListener::bind((Ipv6Addr::UNSPECIFIED, port)).await {
        Err(error) if !matches!(error.kind(), ErrorKind::AddrInUse | ErrorKind::PermissionDenied) => {
            TcpListener::bind((Ipv4Addr::UNSPECIFIED, port)).await
        }
        result => result,
    }
}

async fn open_store(flags: &Flags) -> Result<Arc<dyn Metastore>, StartError> {
    let failed = |error| StartError(format!("new meta db error: {error}"));
    let server = || ServerAddress {
        host: flags.db_host.clone(),
        port: flags.db_port,
        user: flags.db_user.clone(),
        password: flags.db_password.clone(),
        database: flags.db_name.clone(),
        max_connections: flags.db_max_open_conns,
    };
    match flags.db_type.as_str() {
        "mysql" => {
            // 0: whatever the server takes.
            let packet = usize::try_from(flags.mysql_max_allowed_packet).ok().filter(|packet| *packet > 0);
            let store = MysqlStore::open(&server(), packet.unwrap_or(usize::MAX)).await;
            Ok(Arc::new(store.map_err(failed)?))
        }
        "postgresql" => Ok(Arc::new(PostgresStore::open(&server()).await.map_err(failed)?)),
        _ if flags.db_dir.is_empty() => {
            Err(StartError("new meta db error: the db_dir is empty when db_type is sqlite3".to_owned()))
        }
        _ => Ok(Arc::new(SqliteStore::open(Path::new(&flags.db_dir)).await.map_err(failed)?)),
    }
}

fn net(flags: &Flags) -> Arc<dyn Net> {
    Arc::new(TcpNet::new(TcpOptions { connect_timeout: flags.connect_timeout, ..TcpOptions::default() }))
}

fn settings(flags: &Flags) -> Settings {
    Settings {
        timeouts: Timeouts { rpc: flags.rpc_timeout, commit: flags.commit_txn_timeout, ..Timeouts::default() },
        max_ingest_per_backend: flags.max_ingest_concurrency_per_backend,
        ..Settings::default()
    }
}
