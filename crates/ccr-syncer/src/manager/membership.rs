//! The heartbeat: the row of this syncer in table `syncers`, and the look at the jobs that belong to it.

use std::{sync::Arc, time::Duration};

use ccr_engine::Env;
use ccr_store::{LeaseAnswer, StoreError};
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;
use tracing::warn;

use super::Manager;
use crate::host::SystemClock;

/// The Go program's period; its peers take a syncer for dead after 12 s.
const PERIOD: Duration = Duration::from_secs(5);

/// Longer than two peers' ticks.
const LEASE: Duration = Duration::from_secs(15);

/// Makes sure of the lease and writes the row.
pub async fn refresh(env: &Env) -> Result<(), StoreError> {
    if env.store.renew_lease(LEASE).await.is_err() {
        let process = std::process::id().to_string();
        if let LeaseAnswer::Held(lease) = env.store.acquire_lease(&env.owner, &process, None, LEASE).await? {
            // Whoever listens on the port of this identity is this process.
            env.store.acquire_lease(&env.owner, &process, Some(&lease.process), LEASE).await?;
        }
    }
    env.store.stamp(SystemClock.now_ns()).await
}

/// Refreshes the row and reconciles the jobs until cancelled. Failures are logged and tried again at the next tick.
pub async fn keep_membership(manager: Arc<Manager>, cancel: CancellationToken) {
    let mut ticks = tokio::time::interval(PERIOD);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            biased;
            () = cancel.cancelled() => return,
            _ = ticks.tick() => {}
        }
        let env = manager.env();
        if let Err(error) = refresh(env).await {
            warn!(%error, "checker failed, host info: {}", env.owner);
            continue;
        }
        if let Err(error) = manager.reconcile().await {
            warn!(%error, "checker failed, host info: {}", env.owner);
        }
    }
}
