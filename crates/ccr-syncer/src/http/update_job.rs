//! `/update_job` of the Go program until 2024: its only setting, `skip_error`, let a job pass over records that fail.

use axum::{
    body::Body,
    extract::{Request, State},
    http::Response,
};

use super::{
    Api,
    reply::{done, failed},
    request::asked,
};

pub(super) async fn handle(State(api): State<Api>, request: Request) -> Response<Body> {
    answer(&api, request).await.unwrap_or_else(|response| response)
}

async fn answer(api: &Api, request: Request) -> Result<Response<Body>, Response<Body>> {
    let asked = asked(request).await?;
    let name = asked.name("name is empty")?;
    let skip_error = asked.object.bool("skip_error")?;
    asked.owned(api, name).await?;
    if skip_error {
        return Err(failed(
            "skip_error is not supported: rows would be lost without a word; a record that fails is tried again and shown by /job_status, and passed over one at a time with /job_skip_binlog",
        ));
    }
    Ok(done::<&str>(Ok(())))
}
