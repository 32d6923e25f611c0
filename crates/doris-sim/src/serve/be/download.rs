//! The downloads of restores: each destination backend fetches its tablets from the source's.

use std::{collections::BTreeMap, sync::Arc};

use doris::net::Net;
use tokio::task::JoinSet;

use super::BackendService;
use crate::{
    model::{DownloadTask, Rowset, SharedRowset, Version},
    sim::Sim,
};

/// Downloads at once, over all backends of a cluster.
const AT_ONCE: usize = 16;

/// Makes the downloads of all restores of a cluster, for as long as it is polled.
pub(crate) async fn run_downloads(sim: Arc<Sim>, net: Arc<dyn Net>) {
    let mut running = JoinSet::new();
    loop {
        while running.len() >= AT_ONCE {
            running.join_next().await;
        }
        let task = tokio::select! {
            biased;
            Some(_) = running.join_next() => continue,
            task = sim.wait(|model| model.take_download()) => task,
        };
        let backend = BackendService::new(Arc::clone(&sim), task.backend, Arc::clone(&net));
        running.spawn(async move {
            let result = backend.download(&task).await;
            backend.sim.with(|model| model.finish_download(&task, result));
        });
    }
}

impl BackendService {
    async fn download(&self, task: &DownloadTask) -> Result<BTreeMap<Version, SharedRowset>, String> {
        if self.sim.look(|model| model.options.stand_in_backends) {
            // Such a backend reports every task as done; there are no rows to be fetched.
            return Ok(BTreeMap::new());
        }
        let body = self.get(&task.from, &task.path_and_query).await.map_err(|refusal| refusal.text)?;
        let rowsets: Vec<(i64, Rowset)> =
            serde_json::from_slice(&body).map_err(|error| format!("unreadable snapshot: {error}"))?;
        Ok(rowsets.into_iter().map(|(version, rowset)| (Version(version), SharedRowset::new(rowset))).collect())
    }
}
