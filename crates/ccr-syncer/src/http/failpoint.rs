//! `/failpoint`: makes a job fail, for tests. Neither the job nor its owner is looked for.

use axum::{
    body::Body,
    extract::{Request, State},
    http::Response,
};

use super::{Api, reply::done, request::asked};

pub(super) async fn handle(State(api): State<Api>, request: Request) -> Response<Body> {
    answer(&api, request).await.unwrap_or_else(|response| response)
}

async fn answer(api: &Api, request: Request) -> Result<Response<Body>, Response<Body>> {
    let asked = asked(request).await?;
    let name = asked.name("job name is empty")?;
    let point = asked.object.string("failpoint")?;
    let failpoints = &api.manager.env().settings.failpoints;
    match asked.object.text("value") {
        _ if point.is_empty() => failpoints.disable(),
        Some(value) => failpoints.set(&name, &point, value),
        None => failpoints.remove(&name, &point),
    }
    Ok(done::<&str>(Ok(())))
}
