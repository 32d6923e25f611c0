//! The control port.

use std::collections::BTreeMap;

use axum::{
    Json, Router,
    body::Bytes,
    extract::{Path, Query, State},
    http::StatusCode,
    response::{IntoResponse as _, Response},
    routing::{get, post},
};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::{Command, Control, JobKind};
use crate::{
    model::{MasterView, Model},
    serve::FaultRule,
};

/// What `GET /` says.
const HELP: &str = include_str!("help.txt");

/// Answers connections until the listener fails.
///
/// # Errors
/// The listener's.
pub async fn serve(listener: TcpListener, control: Control) -> std::io::Result<()> {
    let router = Router::new()
        .route("/", get(|| async { HELP }))
        .route("/status", get(status))
        .route("/faults", get(faults).post(add_fault).delete(clear_faults))
        .route("/faults/{id}", axum::routing::delete(remove_fault))
        .route("/frontends/{n}/{action}", post(frontend))
        .route("/master/lose", post(async |State(c): State<Control>| done(&c, &Command::LoseMaster)))
        .route("/backends/{id}/{action}", post(backend))
        .route("/publish/{action}", post(publish))
        .route("/snapshots/{label}/expire", post(expire))
        .route("/binlogs/{action}", post(binlogs))
        .route("/labels/evict", post(evict))
        .route("/jobs/fail", post(fail_job))
        .fallback(async || refused(StatusCode::NOT_FOUND, "no such path; GET / lists them"))
        .with_state(control);
    axum::serve(listener, router).await
}

type Parameters = Query<BTreeMap<String, String>>;

fn refused(status: StatusCode, text: impl Into<String>) -> Response {
    (status, Json(json!({"ok": false, "error": text.into()}))).into_response()
}

fn done(control: &Control, command: &Command) -> Response {
    match control.run(command) {
        Ok(()) => Json(json!({"ok": true})).into_response(),
        Err(refusal) => refused(StatusCode::BAD_REQUEST, refusal.text),
    }
}

fn missing(parameter: &str) -> Response {
    refused(StatusCode::BAD_REQUEST, format!("the parameter {parameter} is missing"))
}

async fn status(State(control): State<Control>) -> Json<Value> {
    Json(control.sim.look(|model| describe(model)))
}

fn describe(model: &Model) -> Value {
    let frontends: Vec<Value> = model
        .frontends
        .iter()
        .enumerate()
        .map(|(n, fe)| {
            let master = model.master_seen_by(n) == MasterView::Itself && fe.alive;
            json!({
                "frontend": n + 1, "host": fe.host, "query_port": fe.query_port, "rpc_port": fe.rpc_port,
                "http_port": fe.http_port, "role": fe.role.name(), "master": master, "alive": fe.alive,
                "serves_sql": model.serves_sql(n),
            })
        })
        .collect();
    let backends: Vec<Value> = model
        .backends
        .values()
        .map(|be| {
            json!({
                "backend": be.id.get(), "host": be.host, "be_port": be.be_port, "http_port": be.http_port,
                "running": be.running, "known_alive": be.alive, "tablets": be.tablets.len(),
                "slow_ms": be.response_delay_ms,
            })
        })
        .collect();
    json!({
        "now_ms": model.now_ms(), "seed": model.options.seed, "frontends": frontends, "backends": backends,
        "publish_held": model.publish_is_held(), "databases": model.databases.values().map(|db| &db.name).collect::<Vec<_>>(),
    })
}

async fn faults(State(control): State<Control>) -> Response {
    Json(control.faults().rules()).into_response()
}

async fn add_fault(State(control): State<Control>, body: Bytes) -> Response {
    let added = serde_json::from_slice::<FaultRule>(&body).map_err(|error| error.to_string());
    match added.and_then(|rule| control.faults().add(rule)) {
        Ok(id) => Json(json!({"ok": true, "id": id})).into_response(),
        Err(text) => refused(StatusCode::BAD_REQUEST, text),
    }
}

async fn clear_faults(State(control): State<Control>) -> Response {
    control.faults().clear();
    Json(json!({"ok": true})).into_response()
}

async fn remove_fault(State(control): State<Control>, Path(id): Path<u64>) -> Response {
    match control.faults().remove(id) {
        true => Json(json!({"ok": true})).into_response(),
        false => refused(StatusCode::NOT_FOUND, format!("there is no fault {id}")),
    }
}

async fn frontend(State(control): State<Control>, Path((n, action)): Path<(usize, String)>) -> Response {
    let command = match action.as_str() {
        "kill" => Command::KillFrontend(n),
        "start" => Command::StartFrontend(n),
        "elect" => Command::ElectFrontend(n),
        "master" => Command::SwitchMaster(n),
        "restart" => {
            return match control.run(&Command::KillFrontend(n)) {
                Ok(()) => done(&control, &Command::StartFrontend(n)),
                Err(refusal) => refused(StatusCode::BAD_REQUEST, refusal.text),
            };
        }
        _ => return refused(StatusCode::NOT_FOUND, "kill, start, restart, elect or master"),
    };
    done(&control, &command)
}

async fn backend(
    State(control): State<Control>,
    Path((id, action)): Path<(i64, String)>,
    Query(parameters): Parameters,
) -> Response {
    let command = match action.as_str() {
        "kill" => Command::KillBackend(id),
        "start" => Command::StartBackend(id),
        "slow" => match parameters.get("ms").and_then(|ms| ms.parse().ok()) {
            Some(ms) => Command::SlowBackend(id, ms),
            None => return missing("ms"),
        },
        _ => return refused(StatusCode::NOT_FOUND, "kill, start or slow"),
    };
    done(&control, &command)
}

async fn publish(State(control): State<Control>, Path(action): Path<String>) -> Response {
    match action.as_str() {
        "hold" => done(&control, &Command::HoldPublish),
        "release" => done(&control, &Command::ReleasePublish),
        _ => refused(StatusCode::NOT_FOUND, "hold or release"),
    }
}

async fn expire(State(control): State<Control>, Path(label): Path<String>) -> Response {
    done(&control, &Command::ExpireSnapshot(label))
}

async fn binlogs(
    State(control): State<Control>,
    Path(action): Path<String>,
    Query(mut parameters): Parameters,
) -> Response {
    match (action.as_str(), parameters.remove("db")) {
        ("collect", _) => done(&control, &Command::CollectBinlogs),
        ("discard", Some(db)) => done(&control, &Command::DiscardBinlogs(db)),
        ("discard", None) => missing("db"),
        _ => refused(StatusCode::NOT_FOUND, "collect or discard"),
    }
}

async fn evict(State(control): State<Control>, Query(mut parameters): Parameters) -> Response {
    match parameters.remove("db") {
        Some(db) => done(&control, &Command::EvictLabels(db)),
        None => missing("db"),
    }
}

async fn fail_job(State(control): State<Control>, Query(mut parameters): Parameters) -> Response {
    let kind = match parameters.get("kind").map(String::as_str) {
        Some("backup") => JobKind::Backup,
        Some("restore") => JobKind::Restore,
        _ => return missing("kind (backup or restore)"),
    };
    let Some(state) = parameters.remove("state") else { return missing("state") };
    let label = parameters.remove("label").unwrap_or_default();
    let text = parameters.remove("text").unwrap_or_else(|| "failed by the control port".to_owned());
    done(&control, &Command::FailJob { kind, label, state, text })
}
