//! `/features`: the feature flags, as they are set.

use axum::{body::Body, extract::State, http::Response};
use serde::Serialize;

use super::{
    Api,
    reply::{Common, json},
};
use crate::flags::Feature;

#[derive(Serialize)]
struct Reply<'a> {
    #[serde(flatten)]
    common: Common,
    flags: &'a [Feature],
}

pub(super) async fn handle(State(api): State<Api>) -> Response<Body> {
    json(&Reply { common: Common::ok(), flags: &api.features })
}
