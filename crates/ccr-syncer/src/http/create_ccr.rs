//! `/create_ccr`: checks, stores and starts a job.

use axum::{
    body::Body,
    extract::{Request, State},
    http::{Response, StatusCode},
};
use ccr_engine::create::NewJob;
use ccr_store::documents::{Frontend, Password, Spec};

use super::{
    Api,
    json::{BadBody, Object},
    reply::{Common, done, failed, json_with},
    request::body,
};

pub(super) async fn handle(State(api): State<Api>, request: Request) -> Response<Body> {
    let bytes = match body(request.into_body()).await {
        Ok(bytes) => bytes,
        Err(response) => return response,
    };
    let request = match Object::read(&bytes).and_then(|object| Asked::read(&object)) {
        Ok(request) => request,
        // The one route that answers a malformed body with another status than 200.
        Err(bad) => return json_with(StatusCode::BAD_REQUEST, &Common::failed(bad.0)),
    };
    if request.cluster_sync {
        return failed("cluster_sync is not supported by this version: create one job for each table");
    }
    done(api.manager.create(request.job).await)
}

struct Asked {
    job: NewJob,
    cluster_sync: bool,
}

impl Asked {
    fn read(object: &Object) -> Result<Self, BadBody> {
        Ok(Self {
            job: NewJob {
                name: object.string("name")?,
                src: spec(&object.object("src")?)?,
                dest: spec(&object.object("dest")?)?,
                allow_table_exists: object.bool("allow_table_exists")?,
                reuse_binlog_label: object.bool("reuse_binlog_label")?,
                skip_error: object.bool("skip_error")?,
            },
            cluster_sync: object.bool("cluster_sync")?,
        })
    }
}

/// `src` or `dest`. Ports are strings, ids are numbers.
fn spec(object: &Object) -> Result<Spec, BadBody> {
    let frontend = |object: &Object| {
        Ok(Frontend {
            host: object.string("host")?,
            port: object.string("port")?,
            thrift_port: object.string("thrift_port")?,
            is_master: object.bool("is_master")?,
        })
    };
    let frontends = match object.objects("frontends")? {
        Some(list) => Some(list.iter().map(frontend).collect::<Result<_, BadBody>>()?),
        None => None,
    };
    Ok(Spec {
        host: object.string("host")?,
        port: object.string("port")?,
        thrift_port: object.string("thrift_port")?,
        is_master: object.bool("is_master")?,
        frontends,
        user: object.string("user")?,
        password: Password::new(object.string("password")?),
        cluster: object.string("cluster")?,
        database: object.string("database")?,
        db_id: object.integer("db_id")?,
        table: object.string("table")?,
        table_id: object.integer("table_id")?,
        // An empty address stands for none.
        host_mapping: object.strings("host_mapping")?.into_iter().filter(|(_, public)| !public.is_empty()).collect(),
    })
}
