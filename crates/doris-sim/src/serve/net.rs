//! All services of any number of clusters in process, behind the client's own seam.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use bytes::Bytes;
use doris::{
    net::{Endpoint, HttpReply, Net, NetError, SqlLogin, SqlReply},
    thrift::decode_call,
};
use futures::future::BoxFuture;

use super::{
    be::BackendService,
    faults::{Arrival, CallInfo, Channel, Departure, FaultPlan, Faults, Substitute},
    fe::{FrontendService, http::HttpRequest},
};
use crate::{
    model::Refusal,
    session::{Session, SqlService},
    sim::Sim,
};

/// Each port has a service.
#[derive(Clone, Debug)]
enum Service {
    FeThrift(FrontendService),
    FeSql { sim: Arc<Sim>, index: usize, sql: Arc<dyn SqlService> },
    FeHttp(FrontendService),
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
    faults: Faults,
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

    /// Each call is decided about by `plan` from now on (`None`: no plan).
    pub fn set_faults(&self, plan: Option<Arc<dyn FaultPlan>>) {
        self.inner.faults.set_plan(plan);
    }

    /// What decides about every call.
    pub fn faults(&self) -> &Faults {
        &self.inner.faults
    }

    fn add(&self, endpoint: Endpoint, service: Service) {
        self.inner.services.lock().unwrap_or_else(PoisonError::into_inner).insert(endpoint, service);
    }

    /// Registers a frontend of a cluster under its two endpoints.
    pub(crate) fn add_frontend(&self, sim: &Arc<Sim>, index: usize, sql: &Arc<dyn SqlService>) {
        let endpoints = sim.look(|model| {
            let fe = model.frontends.get(index)?;
            Some([fe.rpc_port, fe.query_port, fe.http_port].map(|port| Endpoint::new(fe.host.clone(), port)))
        });
        if let Some([rpc, query, http]) = endpoints {
            let fe = FrontendService::new(Arc::clone(sim), index);
            self.add(http, Service::FeHttp(fe.clone()));
            self.add(rpc, Service::FeThrift(fe));
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
            Service::FeThrift(fe) | Service::FeHttp(fe) => fe.is_alive(),
            Service::FeSql { sim, index, .. } => sim.look(|model| model.serves_sql(*index)),
            Service::BeThrift(be) | Service::BeHttp(be) => be.is_alive(),
        };
        service.filter(alive).ok_or_else(|| unreachable_error(to))
    }

    /// Takes a call there and its reply back. A call that has arrived goes on when the caller gives up: only then does a
    /// caller that gives up look like one whose process was killed.
    async fn carry<T, W>(
        &self,
        call: CallInfo<'_>,
        substitute: impl Fn(&Substitute) -> Option<T>,
        execute: impl Fn() -> W,
    ) -> Result<T, NetError>
    where
        T: Send + 'static,
        W: Future<Output = Result<T, NetError>> + Send + 'static,
    {
        let (to, faults) = (call.to, self.faults());
        let mut repetitions = 0;
        match faults.arrive(call).await {
            Arrival::Execute => {}
            Arrival::ExecuteTwice => repetitions = 1,
            Arrival::Unreachable => return Err(unreachable_error(to)),
            Arrival::Lost => return Err(lost(to)),
            Arrival::Answer(answer) => {
                if let Some(reply) = substitute(&answer) {
                    return Ok(reply);
                }
            }
        }
        let mut result = join(to, tokio::spawn(execute())).await;
        for _ in 0..repetitions {
            let _answer_of_the_copy = join(to, tokio::spawn(execute())).await;
        }
        // A server that died meanwhile sends nothing any more.
        if self.service(to).is_err() {
            result = Err(lost(to));
        }
        match faults.depart(call).await {
            Departure::Send => result,
            Departure::Answer(answer) => substitute(&answer).map_or(result, Ok),
            // A part of a reply is no reply.
            Departure::Cut(_) | Departure::Lost => Err(lost(to)),
        }
    }
}

async fn join<T>(to: &Endpoint, task: tokio::task::JoinHandle<Result<T, NetError>>) -> Result<T, NetError> {
    task.await.unwrap_or_else(|_| Err(lost(to)))
}

impl Net for SimNet {
    fn thrift<'a>(&'a self, to: &'a Endpoint, call: Bytes) -> BoxFuture<'a, Result<Bytes, NetError>> {
        Box::pin(async move {
            let service = self.service(to)?;
            let method = decode_call(&call).map(|head| head.name).map_err(|error| garbled(to, &error))?;
            let substitute = |answer: &Substitute| match &service {
                Service::FeThrift(fe) => fe.substitute(&call, answer),
                Service::BeThrift(be) => be.substitute(&call, answer),
                Service::FeSql { .. } | Service::FeHttp(_) | Service::BeHttp(_) => None,
            };
            let execute = || {
                let (service, call, to) = (service.clone(), call.clone(), to.clone());
                async move {
                    let answer = match service {
                        Service::FeThrift(fe) => fe.call(call, PEER).await,
                        Service::BeThrift(be) => be.call(call).await,
                        Service::FeSql { .. } | Service::FeHttp(_) | Service::BeHttp(_) => return Err(lost(&to)),
                    };
                    answer.map_err(|error| garbled(&to, &error))
                }
            };
            self.carry(CallInfo { to, channel: Channel::Thrift, what: &method }, substitute, execute).await
        })
    }

    fn sql<'a>(&'a self, login: &'a SqlLogin, sql: &'a str) -> BoxFuture<'a, Result<SqlReply, NetError>> {
        Box::pin(async move {
            let to = &login.endpoint;
            let Service::FeSql { sim, index, sql: executor } = self.service(to)? else { return Err(lost(to)) };
            let user = login.user.clone();
            let fits = sim.look(|model| model.sql_login_fits(&user, &login.password, Some(PEER)));
            if !fits {
                let why = format!("Access denied for user '{user}@{PEER}' (using password: YES)");
                return Err(NetError::Login { to: to.to_string(), user, why });
            }
            let substitute = |answer: &Substitute| match answer {
                Substitute::Refusal { status, text } => Some(mysql_refusal(*status, text).into_sql_reply()),
                Substitute::NotMaster(_) => None,
            };
            let execute = || {
                let (executor, statement) = (Arc::clone(&executor), sql.to_owned());
                let mut session =
                    Session { user: user.clone(), host: PEER.to_owned(), fe: index, ..Session::default() };
                async move { Ok(executor.execute(&mut session, &statement).await) }
            };
            self.carry(CallInfo { to, channel: Channel::Sql, what: sql }, substitute, execute).await
        })
    }

    fn http_get<'a>(&'a self, to: &'a Endpoint, path_and_query: &'a str) -> BoxFuture<'a, Result<HttpReply, NetError>> {
        Box::pin(async move {
            let service = self.service(to)?;
            let path = path_and_query.split('?').next().unwrap_or_default();
            let what = format!("GET {path}");
            let execute = || {
                let (service, to, request) = (service.clone(), to.clone(), path_and_query.to_owned());
                async move {
                    match service {
                        Service::FeHttp(fe) => Ok(fe.http(&HttpRequest::get(&request))),
                        Service::BeHttp(be) => Ok(be.http_get(&request)),
                        _ => Err(lost(&to)),
                    }
                }
            };
            self.carry(CallInfo { to, channel: Channel::Http, what: &what }, http_substitute, execute).await
        })
    }
}

/// The error of a SQL statement that a fault makes up.
pub(crate) fn mysql_refusal(code: u16, text: &str) -> Refusal {
    Refusal::plain(2, text).with_mysql(code, "HY000")
}

/// The HTTP reply that a fault makes up.
pub(crate) fn http_substitute(answer: &Substitute) -> Option<HttpReply> {
    match answer {
        Substitute::Refusal { status, text } => {
            Some(HttpReply { status: *status, body: Bytes::from(text.clone().into_bytes()) })
        }
        Substitute::NotMaster(_) => None,
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
