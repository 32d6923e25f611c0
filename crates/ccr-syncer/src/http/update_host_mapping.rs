//! `/update_host_mapping` and its alias `/add_host_mapping`: under which addresses the hosts that Doris names are reached.

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
    let src = asked.object.strings("src_host_mapping")?;
    let dest = asked.object.strings("dest_host_mapping")?;
    if src.is_empty() && dest.is_empty() {
        return Err(failed("host_mapping is empty"));
    }
    let job = asked.owned(api, name).await?;
    Ok(done(async { api.manager.job(&job.name)?.map_hosts(src, dest).await }.await))
}
