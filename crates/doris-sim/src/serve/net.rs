//! All services of any number of clusters in process, behind the client's own seam.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use doris::{
    net::{Endpoint, HttpReply, Net, NetError, SqlLogin, SqlReply},
    thrift::decode_call,
};
use futures::future::BoxFuture;

use super::{be::BackendService, fe::FrontendService};
use crate::{
    session::{Session, SqlService},
    sim::Sim,
};

/// One call on its way.
#[derive(Clone, Copy, Debug)]
pub struct CallInfo<'a> {
    pub to: &'a Endpoint,
    /// The Thrift method, the SQL text, or `GET` and the path without its query.
    pub what: &'a str,
}

/// What happens to a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Before {
    Pass,
    Delay(Duration),
    /// No connection: nothing was sent.
    Unreachable,
    /// The connection breaks before the request arrives; the caller cannot know.
    Lose,
    /// Neither the request nor an answer ever arrives.
    Hang,
    /// An FE answers that it is not the master (Thrift only; other calls pass).
    NotMaster,
}

/// What happens to a reply; the request was executed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum After {
    Pass,
    Delay(Duration),
    /// The connection breaks before the reply arrives.
    Lose,
    /// The reply never arrives.
    Hang,
}

/// Decides about every call. Both methods are asked once a call.
pub trait FaultPlan: Send + Sync {
    fn before(&self, call: CallInfo<'_>) -> Before;
    fn after(&self, call: CallInfo<'_>) -> After;
}

/// A frontend's two ports have a service each.
#[derive(Clone, Debug)]
enum Service {
    FeThrift { fe: FrontendService, sim: Arc<Sim>, index: usize },
    FeSql { sim: Arc<Sim>, index: usize, sql: Arc<dyn SqlService> },
    BeThrift(BackendService),
    BeHttp(BackendService),
}

/// A network in process. Clones share everything.
#[derive(Clone, Default)]
pub struct SimNet {
    inner: Arc<Inner>,
}

#[derive(Default)]
struct Inner {
    services: Mutex<BTreeMap<Endpoint, Service>>,
    faults: Mutex<Option<Arc<dyn FaultPlan>>>,
}

impl std::fmt::Debug for SimNet {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let services = self.inner.services.lock().unwrap_or_else(PoisonError::into_inner);
        f.debug_set().entries(services.keys().map(ToString::to_string)).finish()
    }
}

/// Peer address of every caller in process.
const PEER: &str = "127.0.0.1";

impl SimNet {
    /// A network without faults.
    pub fn new() -> Self {
        Self::default()
    }

    /// Everything is decided by `plan` from now on (`None`: no faults).
    pub fn set_faults(&self, plan: Option<Arc<dyn FaultPlan>>) {
        *self.inner.faults.lock().unwrap_or_else(PoisonError::into_inner) = plan;
    }

    fn add(&self, endpoint: Endpoint, service: Service) {
        self.inner.services.lock().unwrap_or_else(PoisonError::into_inner).insert(endpoint, service);
    }

    /// Registers a frontend of a cluster under its two endpoints.
    pub(crate) fn add_frontend(&self, sim: &Arc<Sim>, index: usize, sql: &Arc<dyn SqlService>) {
        let endpoints = sim.look(|model| {
            let fe = model.frontends.get(index)?;
            Some((Endpoint::new(fe.host.clone(), fe.rpc_port), Endpoint::new(fe.host.clone(), fe.query_port)))
        });
        if let Some((rpc, query)) = endpoints {
            let fe = FrontendService::new(Arc::clone(sim), index);
            self.add(rpc, Service::FeThrift { fe, sim: Arc::clone(sim), index });
            self.add(query, Service::FeSql { sim: Arc::clone(sim), index, sql: Arc::clone(sql) });
        }
    }

    /// Registers a backend of a cluster under its two endpoints.
    pub(crate) fn add_backend(&self, sim: &Arc<Sim>, id: crate::model::BackendId, net: Arc<dyn Net>) {
        let ports = sim.look(|model| model.backends.get(&id).map(|be| (be.host.clone(), be.be_port, be.http_port)));
        if let Some((host, be_port, http_port)) = ports {
            let service = BackendService::new(Arc::clone(sim), id, net);
            self.add(Endpoint::new(host.clone(), be_port), Service::BeThrift(service.clone()));
            self.add(Endpoint::new(host, http_port), Service::BeHttp(service));
        }
    }

    /// The living service at an endpoint.
    fn service(&self, to: &Endpoint) -> Result<Service, NetError> {
        let service = self.inner.services.lock().unwrap_or_else(PoisonError::into_inner).get(to).cloned();
        let alive = |service: &Service| match service {
            Service::FeThrift { sim, index, .. } | Service::FeSql { sim, index, .. } => {
                sim.look(|model| model.frontends.get(*index).is_some_and(|fe| fe.alive))
            }
            Service::BeThrift(be) | Service::BeHttp(be) => be.is_alive(),
        };
        service.filter(alive).ok_or_else(|| unreachable_error(to))
    }

    fn faults(&self) -> Option<Arc<dyn FaultPlan>> {
        self.inner.faults.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Applies the fault plan around a call. The call itself goes on when the caller gives up: only then does a caller
    /// that gives up look like one whose process was killed.
    async fn carry<T: Send + 'static>(
        &self,
        to: &Endpoint,
        what: &str,
        refuse: impl FnOnce() -> Option<Result<T, NetError>>,
        call: impl Future<Output = Result<T, NetError>> + Send + 'static,
    ) -> Result<T, NetError> {
        let faults = self.faults();
        let info = CallInfo { to, what };
        match faults.as_ref().map_or(Before::Pass, |plan| plan.before(info)) {
            Before::Pass => {}
            Before::Delay(time) => tokio::time::sleep(time).await,
            Before::Unreachable => return Err(unreachable_error(to)),
            Before::Lose => return Err(lost(to)),
            Before::Hang => std::future::pending::<()>().await,
            Before::NotMaster => {
                if let Some(refusal) = refuse() {
                    return refusal;
                }
            }
        }
        let result = match tokio::spawn(call).await {
            // A server that died meanwhile sends nothing any more.
            Ok(result) => self.service(to).map_err(|_| lost(to)).and(result),
            Err(_) => Err(lost(to)),
        };
        match faults.as_ref().map_or(After::Pass, |plan| plan.after(info)) {
            After::Pass => result,
            After::Delay(time) => {
                tokio::time::sleep(time).await;
                result
            }
            After::Lose => Err(lost(to)),
            After::Hang => std::future::pending().await,
        }
    }
}

impl Net for SimNet {
    fn thrift<'a>(&'a self, to: &'a Endpoint, call: Bytes) -> BoxFuture<'a, Result<Bytes, NetError>> {
        Box::pin(async move {
            let service = self.service(to)?;
            let method = decode_call(&call).map(|head| head.name).map_err(|error| garbled(to, &error))?;
            let (frontend, request) = (service.clone(), call.clone());
            let refuse = || match &frontend {
                Service::FeThrift { fe, .. } => {
                    Some(fe.refuse_as_follower(&request).map_err(|error| garbled(to, &error)))
                }
                _ => None,
            };
            let endpoint = to.clone();
            let work = async move {
                let answer = match service {
                    Service::FeThrift { fe, .. } => fe.call(call, PEER).await,
                    Service::BeThrift(be) => be.call(call).await,
                    Service::FeSql { .. } | Service::BeHttp(_) => return Err(lost(&endpoint)),
                };
                answer.map_err(|error| garbled(&endpoint, &error))
            };
            self.carry(to, &method, refuse, work).await
        })
    }

    fn sql<'a>(&'a self, login: &'a SqlLogin, sql: &'a str) -> BoxFuture<'a, Result<SqlReply, NetError>> {
        Box::pin(async move {
            let to = &login.endpoint;
            let Service::FeSql { sim, index, sql: executor } = self.service(to)? else { return Err(lost(to)) };
            let user = login.user.clone();
            let fits = sim.look(|model| model.sql_login_fits(&user, &login.password));
            if !fits {
                let why = format!("Access denied for user '{user}@{PEER}' (using password: YES)");
                return Err(NetError::Login { to: to.to_string(), user, why });
            }
            let statement = sql.to_owned();
            let work = async move {
                let mut session = Session { user, fe: index, ..Session::default() };
                Ok(executor.execute(&mut session, &statement).await)
            };
            self.carry(to, sql, || None, work).await
        })
    }

    fn http_get<'a>(&'a self, to: &'a Endpoint, path_and_query: &'a str) -> BoxFuture<'a, Result<HttpReply, NetError>> {
        Box::pin(async move {
            let Service::BeHttp(be) = self.service(to)? else { return Err(lost(to)) };
            let path = path_and_query.split('?').next().unwrap_or_default();
            let what = format!("GET {path}");
            let request = path_and_query.to_owned();
            self.carry(to, &what, || None, async move { Ok(be.http_get(&request)) }).await
        })
    }
}

fn unreachable_error(to: &Endpoint) -> NetError {
    NetError::Unreachable { to: to.to_string(), why: "connection refused".into() }
}

fn lost(to: &Endpoint) -> NetError {
    NetError::Lost { to: to.to_string(), why: "connection reset by peer".into() }
}

fn garbled(to: &Endpoint, why: &doris::thrift::ThriftError) -> NetError {
    NetError::Garbled { to: to.to_string(), why: why.to_string() }
}
