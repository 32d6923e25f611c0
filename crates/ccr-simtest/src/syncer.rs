//! A syncer in process: the manager and the HTTP routes of the program, without sockets.

use std::{sync::Arc, time::Instant};

use anyhow::Context as _;
use axum::{Router, body::Body, http::Request};
use ccr_engine::Env;
use ccr_syncer::{
    flags::{Flags, features},
    http::{Api, router},
    manager::{LagWatch, Manager},
    metrics::{MeasuredNet, Metrics},
};
use serde_json::Value;
use tower::ServiceExt as _;

/// Longest reply that is read.
const REPLY_BYTES: usize = 16 << 20;

/// One process of the syncer.
#[derive(Clone, Debug)]
pub struct Syncer {
    manager: Arc<Manager>,
    router: Router,
}

impl Syncer {
    /// Starts the jobs of the database that belong to `env.owner`.
    ///
    /// # Errors
    /// The jobs cannot be listed.
    pub async fn start(mut env: Env) -> anyhow::Result<Self> {
        let calls = MeasuredNet::new(env.net);
        env.net = Arc::new(calls.clone());
        let manager = Manager::new(env);
        manager.reconcile().await?;
        let metrics = Arc::new(Metrics::new(Arc::clone(&manager), LagWatch::default(), calls, true));
        let router = router(Api {
            manager: Arc::clone(&manager),
            metrics,
            features: features(&Flags::default()).into(),
            db_type: "memory".into(),
            started: Instant::now(),
        });
        Ok(Self { manager, router })
    }

    /// Its jobs.
    pub fn manager(&self) -> &Arc<Manager> {
        &self.manager
    }

    /// Posts a JSON body; the answer must be a JSON object with status 200 or 400.
    ///
    /// # Errors
    /// There is no such route, or the answer is no JSON.
    pub async fn post(&self, path: &str, body: &Value) -> anyhow::Result<Value> {
        let request = Request::post(path).body(Body::from(body.to_string()))?;
        // The router cannot fail: each route answers.
        let response = match self.router.clone().oneshot(request).await {
            Ok(response) => response,
            Err(never) => match never {},
        };
        let status = response.status();
        let bytes = axum::body::to_bytes(response.into_body(), REPLY_BYTES).await?;
        anyhow::ensure!(status.is_success() || status.as_u16() == 400, "{path}: the syncer answered {status}");
        serde_json::from_slice(&bytes).with_context(|| format!("{path}: the answer is no JSON"))
    }

    /// Stops all jobs at their next safe point.
    pub async fn stop(&self) {
        self.manager.stop().await;
    }
}
