//! `/node_info`: what this process is and how much it does; `/invalidate_backends_cache`: its jobs read the clusters anew. Both
//! are known from a downstream version of the Go program.

use axum::{
    body::Body,
    extract::{Request, State},
    http::Response,
};
use ccr_engine::Run;
use serde::Serialize;

use super::{
    Api,
    reply::{Common, failed, json},
    request::asked_or_nothing,
};
use crate::host;

#[derive(Serialize)]
struct Node {
    #[serde(flatten)]
    common: Common,
    version: &'static str,
    host: String,
    port: u16,
    uptime_seconds: u64,
    config: Config,
    resources: Resources,
    tasks: Tasks,
}

#[derive(Serialize)]
struct Config {
    db_type: String,
}

#[derive(Serialize)]
struct Resources {
    /// There are no goroutines here; the asynchronous tasks that live now.
    goroutine_count: usize,
    memory_used_mb: u64,
}

#[derive(Serialize)]
struct Tasks {
    total: usize,
    running: usize,
    paused: usize,
}

pub(super) async fn node_info(State(api): State<Api>) -> Response<Body> {
    let owner = &api.manager.env().owner;
    let (host, port) = owner.rsplit_once(':').unwrap_or((owner, ""));
    let statuses = api.manager.statuses();
    let running = statuses.iter().filter(|status| status.run == Run::Running).count();
    json(&Node {
        common: Common::ok(),
        version: crate::VERSION,
        host: host.to_owned(),
        port: port.parse().unwrap_or_default(),
        uptime_seconds: api.started.elapsed().as_secs(),
        config: Config { db_type: api.db_type.to_string() },
        resources: Resources {
            goroutine_count: tokio::runtime::Handle::current().metrics().num_alive_tasks(),
            memory_used_mb: host::process_usage().resident_bytes.unwrap_or_default() >> 20,
        },
        tasks: Tasks { total: statuses.len(), running, paused: statuses.len() - running },
    })
}

#[derive(Serialize)]
struct Invalidated {
    #[serde(flatten)]
    common: Common,
    invalidated_count: usize,
}

/// Of one job, or of all that run here.
pub(super) async fn invalidate_backends_cache(State(api): State<Api>, request: Request) -> Response<Body> {
    answer(&api, request).await.unwrap_or_else(|response| response)
}

async fn answer(api: &Api, request: Request) -> Result<Response<Body>, Response<Body>> {
    let asked = asked_or_nothing(request).await?;
    let name = asked.object.string("name")?;
    let names = if name.is_empty() {
        api.manager.statuses().into_iter().map(|status| status.name).collect()
    } else {
        vec![asked.owned(api, name).await?.name]
    };
    let mut invalidated_count = 0;
    for name in names {
        // One that ended meanwhile has no cache either.
        if let Ok(job) = api.manager.job(&name) {
            job.reload().await.map_err(failed)?;
            invalidated_count += 1;
        }
    }
    Ok(json(&Invalidated { common: Common::ok(), invalidated_count }))
}
