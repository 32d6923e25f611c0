//! Creating a job.

use std::collections::BTreeMap;

use axum::{
    body::Body,
    extract::State,
    http::{Response, StatusCode, header},
};
use ccr_engine::create::NewJob;
use ccr_store::documents::{Password, Spec};
use serde::Deserialize;
use utoipa::ToSchema;

use super::{
    problem::{Early, Problem},
    request::{Json, location, not_found},
    view::Job,
};
use crate::http::{Api, reply::json_with};

/// A job to create.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct CreateJob {
    /// Up to 255 bytes.
    name: String,
    source: NewCluster,
    destination: NewCluster,
    /// The destination table may exist; the copy takes its place.
    #[serde(default)]
    allow_table_exists: bool,
    /// Use the source's transaction labels at the destination.
    #[serde(default)]
    reuse_binlog_label: bool,
}

/// One side of a job.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewCluster {
    /// Any FE: its public address if there is a host mapping.
    host: String,
    /// Its query port (MySQL).
    port: u16,
    /// Its rpc_port (Thrift).
    thrift_port: u16,
    user: String,
    #[serde(default)]
    #[schema(format = Password)]
    password: String,
    database: String,
    /// Empty on both sides: the whole database.
    #[serde(default)]
    table: String,
    /// Private host, as Doris reports it, to the address at which it is reached from here and from the other cluster. Empty:
    /// hosts are reached as Doris reports them.
    #[serde(default)]
    host_mapping: BTreeMap<String, String>,
}

impl NewCluster {
    fn spec(self) -> Spec {
        Spec {
            host: self.host,
            port: self.port.to_string(),
            thrift_port: self.thrift_port.to_string(),
            user: self.user,
            password: Password::new(self.password),
            database: self.database,
            table: self.table,
            host_mapping: self.host_mapping.into_iter().filter(|(_, public)| !public.is_empty()).collect(),
            ..Spec::default()
        }
    }
}

/// Checks both clusters, creates a job and starts it. This syncer owns it.
#[utoipa::path(post, path = "/jobs", tag = "jobs", request_body = CreateJob, responses(
    (status = 201, description = "It runs; `Location` is its path", body = Job),
    (status = 409, description = "The name is taken, or a cluster is not in the state that it needs", body = Problem),
    (status = "default", description = "An error", body = Problem),
))]
pub(super) async fn create(State(api): State<Api>, Json(request): Json<CreateJob>) -> Result<Response<Body>, Early> {
    let name = request.name.clone();
    let new = NewJob {
        name: request.name,
        src: request.source.spec(),
        dest: request.destination.spec(),
        allow_table_exists: request.allow_table_exists,
        reuse_binlog_label: request.reuse_binlog_label,
        skip_error: false,
    };
    api.manager.create(new).await?;
    // It may have been deleted since.
    let row = api.manager.env().store.job(&name).await?.ok_or_else(|| not_found(&name))?;
    let mut response = json_with(StatusCode::CREATED, &Job::new(&api.manager, row, None));
    response.headers_mut().insert(header::LOCATION, location(&name));
    Ok(response)
}
