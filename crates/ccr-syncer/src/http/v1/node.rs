//! This syncer.

use axum::{body::Body, extract::State, http::Response};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    flags::Feature,
    http::{Api, reply::json},
};

#[derive(Serialize, ToSchema)]
struct Version {
    version: &'static str,
}

/// The version of the program.
#[utoipa::path(get, path = "/version", tag = "node", responses((status = 200, description = "The version", body = Version)))]
pub(super) async fn version() -> Response<Body> {
    json(&Version { version: crate::VERSION })
}

#[derive(Serialize, ToSchema)]
struct Features {
    features: Vec<FeatureFlag>,
}

#[derive(Serialize, ToSchema)]
struct FeatureFlag {
    name: &'static str,
    value: bool,
    /// As text.
    default: String,
}

impl From<&Feature> for FeatureFlag {
    fn from(feature: &Feature) -> Self {
        Self { name: feature.feature, value: feature.value, default: feature.default.clone() }
    }
}

/// The feature flags, as they are set.
#[utoipa::path(get, path = "/features", tag = "node", responses((status = 200, description = "All of them by name", body = Features)))]
pub(super) async fn features(State(api): State<Api>) -> Response<Body> {
    json(&Features { features: api.features.iter().map(FeatureFlag::from).collect() })
}
