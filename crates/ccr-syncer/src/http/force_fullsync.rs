//! `/force_fullsync`: everything is copied anew.

use axum::{
    body::Body,
    extract::{Request, State},
    http::Response,
};
use ccr_engine::Skip;
use doris::ids::CommitSeq;

use super::{Api, reply::done, request::asked};

pub(super) async fn handle(State(api): State<Api>, request: Request) -> Response<Body> {
    answer(&api, request).await.unwrap_or_else(|response| response)
}

async fn answer(api: &Api, request: Request) -> Result<Response<Body>, Response<Body>> {
    let asked = asked(request).await?;
    let name = asked.name("job name is empty")?;
    let job = asked.owned(api, name).await?;
    let skip = Skip::FullSync { seq: CommitSeq(0) };
    Ok(done(async { api.manager.job(&job.name)?.skip(skip).await }.await))
}
