//! What the frontends know of tablets by the backends' reports only: numbers of versions and rows.

use super::{BackendId, BeTablet, Model, Partition, TabletId};

/// Between two rounds of the frontend's statistics of tablets.
const COUNT_INTERVAL_MS: i64 = 60_000;

impl Model {
    /// A tablet as the last report of its backend held it; `None`: made since then.
    fn reported(&self, backend: BackendId, tablet: TabletId) -> Option<&BeTablet> {
        let backend = self.backends.get(&backend)?;
        let found = backend.tablets.get(&tablet)?;
        let interval = self.options.tablet_report_interval_ms.max(1);
        let last_report = self.now_ms - (self.now_ms - backend.started_ms).rem_euclid(interval);
        (found.made_ms <= last_report).then_some(found)
    }

    /// Number of versions of a replica; `None` until they were reported.
    pub(crate) fn reported_versions(&self, backend: BackendId, tablet: TabletId) -> Option<usize> {
        let found = self.reported(backend, tablet)?;
        // Stand-ins hold no rowsets and report one.
        Some(if self.options.stand_in_backends { 1 } else { found.rowsets.len() })
    }

    /// Number of rows of a partition, as its replicas hold them; `None` until all of them were reported and counted.
    pub(crate) fn reported_rows(&self, partition: &Partition) -> Option<usize> {
        let founded = self.frontends.first().map_or(0, |fe| fe.started_ms);
        let last_count = self.now_ms - (self.now_ms - founded).rem_euclid(COUNT_INTERVAL_MS);
        let mut rows = 0;
        for (_, tablet) in partition.tablets() {
            let mut most = 0;
            for replica in &tablet.replicas {
                let found = self.reported(replica.backend, tablet.id).filter(|found| found.made_ms < last_count)?;
                most = most.max(found.rowsets.values().map(|rowset| rowset.rows.len()).sum());
            }
            rows += most;
        }
        Some(rows)
    }
}
