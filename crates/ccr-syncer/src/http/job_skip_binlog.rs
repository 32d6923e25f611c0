//! `/job_skip_binlog`: what to do with a record that a job cannot get past.

use axum::{
    body::Body,
    extract::{Request, State},
    http::Response,
};
use ccr_engine::Skip;
use ccr_store::documents::SkipMethod;
use doris::ids::CommitSeq;

use super::{
    Api,
    json::BadBody,
    reply::done,
    request::{Asked, asked},
};

pub(super) async fn handle(State(api): State<Api>, request: Request) -> Response<Body> {
    answer(&api, request).await.unwrap_or_else(|response| response)
}

async fn answer(api: &Api, request: Request) -> Result<Response<Body>, Response<Body>> {
    let asked = asked(request).await?;
    let name = asked.name("name is empty")?;
    let skip = skip(&asked)?;
    let job = asked.owned(api, name).await?;
    Ok(done(async { api.manager.job(&job.name)?.skip(skip).await }.await))
}

/// What is asked for. A commit seq that is missing is never guessed.
fn skip(asked: &Asked) -> Result<Skip, BadBody> {
    let seq = CommitSeq(asked.object.integer("skip_commit_seq")?);
    let given = asked.object.string("skip_by")?;
    match SkipMethod::parse(&given) {
        None => Err(BadBody(format!(
            "unknown skip way: {given}; use \"skip_by\": \"silence\" with \"skip_commit_seq\", \"fullsync\", or \"partialsync\" with \"skip_table\" and \"skip_table_id\""
        ))),
        Some(SkipMethod::Silence) if seq.0 <= 0 => Err(BadBody(format!(
            "commit seq is not specified for {given}, commit seq: {seq}; give \"skip_commit_seq\", the last_commit_seq of /job_progress, or have everything copied anew with \"skip_by\": \"fullsync\""
        ))),
        Some(SkipMethod::Silence) => Ok(Skip::Silence { seq }),
        Some(SkipMethod::FullSync) => Ok(Skip::FullSync { seq }),
        Some(SkipMethod::PartialSync) => Ok(Skip::PartialSync {
            table: asked.object.string("skip_table")?,
            table_id: asked.object.integer("skip_table_id")?,
        }),
    }
}
