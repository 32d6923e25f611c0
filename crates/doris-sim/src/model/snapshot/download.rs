//! The downloads of a restore: which backend fetches which tablet from where.

use std::{collections::BTreeMap, fmt::Write as _};

use doris::net::Endpoint;

use super::{
    JobError, SnapshotJob,
    restore::{RestoreJob, RestoreTable},
};
use crate::model::{JobState, Model, PartitionItem, SharedRowset, ids::*};

/// One download and how far it is.
#[derive(Clone, Debug)]
pub(crate) struct Download {
    from: Endpoint,
    path_and_query: String,
    state: DownloadState,
}

#[derive(Clone, Debug)]
enum DownloadState {
    Waiting,
    Running,
    Done(BTreeMap<Version, SharedRowset>),
    Failed(String),
}

/// A download to be made.
#[derive(Clone, Debug)]
pub(crate) struct DownloadTask {
    pub(crate) db: DbId,
    pub(crate) job: i64,
    pub(crate) tablet: TabletId,
    pub(crate) backend: BackendId,
    pub(crate) from: Endpoint,
    pub(crate) path_and_query: String,
}

impl RestoreJob {
    /// Whether all downloads are there; the first failure otherwise.
    pub(super) fn downloads_done(&self) -> Result<bool, JobError> {
        let mut done = true;
        for ((tablet, _), download) in &self.downloads {
            match &download.state {
                DownloadState::Done(_) => {}
                DownloadState::Failed(why) => {
                    return Err(JobError::common(format!("failed to download tablet {tablet}: {why}")));
                }
                DownloadState::Waiting | DownloadState::Running => done = false,
            }
        }
        Ok(done)
    }

    /// What was downloaded for one replica.
    pub(super) fn downloaded(&self, tablet: TabletId, backend: BackendId) -> Option<&BTreeMap<Version, SharedRowset>> {
        match &self.downloads.get(&(tablet, backend))?.state {
            DownloadState::Done(rowsets) => Some(rowsets),
            _ => None,
        }
    }
}

impl Model {
    /// The DOWNLOAD step: pairs the tablets of source and destination by partition, index and bucket.
    pub(super) fn plan_downloads(&self, job: &mut RestoreJob) -> Result<(), JobError> {
        let mut downloads = BTreeMap::new();
        for table in &job.tables {
            self.plan_table_downloads(job, table, &mut downloads)?;
        }
        job.downloads = downloads;
        Ok(())
    }

    fn plan_table_downloads(
        &self,
        job: &RestoreJob,
        restored: &RestoreTable,
        downloads: &mut BTreeMap<(TabletId, BackendId), Download>,
    ) -> Result<(), JobError> {
        let source = &restored.source;
        let table = restored
            .plan
            .table()
            .and_then(|id| self.databases.get(&job.head.db)?.table_by_id(id))
            .ok_or_else(|| JobError::not_found(format!("table {} has been dropped", source.id)))?;
        for from in &source.partitions {
            let to = table
                .partitions
                .iter()
                .find(|p| p.name.eq_ignore_ascii_case(&from.name) || from.item == PartitionItem::All)
                .ok_or_else(|| JobError::not_found(format!("partition {} has been dropped", from.id)))?;
            for (index, tablets) in &from.indexes {
                let Some(schema) = source.indexes.get(index) else { continue };
                let is_base = *index == source.base_index;
                let local = table
                    .indexes
                    .values()
                    .find(|i| if is_base { i.id == table.base_index } else { i.name == schema.name })
                    .and_then(|i| to.indexes.get(&i.id))
                    .ok_or_else(|| JobError::not_found(format!("index {index} has been dropped")))?;
                if local.len() != tablets.len() {
                    return Err(JobError::common(format!(
                        "tablet num mismatch of partition {}: {} and {}",
                        from.name,
                        tablets.len(),
                        local.len()
                    )));
                }
                for (source_tablet, tablet) in tablets.iter().zip(local) {
                    let (endpoint, path_and_query) = job.source_of(*source_tablet, schema.schema_hash)?;
                    for replica in &tablet.replicas {
                        let download = Download {
                            from: endpoint.clone(),
                            path_and_query: path_and_query.clone(),
                            state: DownloadState::Waiting,
                        };
                        downloads.insert((tablet.id, replica.backend), download);
                    }
                }
            }
        }
        Ok(())
    }

    /// The next download that nobody makes yet; it counts as running from here on.
    pub(crate) fn take_download(&mut self) -> Option<DownloadTask> {
        let jobs = self.snapshot_jobs.values_mut().filter_map(|jobs| jobs.back_mut());
        for job in jobs {
            let SnapshotJob::Restore(job) = job else { continue };
            if job.head.state != JobState::Downloading {
                continue;
            }
            let alive = |id: &BackendId| self.backends.get(id).is_some_and(|be| be.alive);
            let waiting = job
                .downloads
                .iter_mut()
                .find(|((_, backend), d)| matches!(d.state, DownloadState::Waiting) && alive(backend));
            if let Some(((tablet, backend), download)) = waiting {
                download.state = DownloadState::Running;
                return Some(DownloadTask {
                    db: job.head.db,
                    job: job.head.id,
                    tablet: *tablet,
                    backend: *backend,
                    from: download.from.clone(),
                    path_and_query: download.path_and_query.clone(),
                });
            }
        }
        None
    }

    /// A download ended: the tablet's rowsets, or why there are none.
    pub(crate) fn finish_download(
        &mut self,
        task: &DownloadTask,
        result: Result<BTreeMap<Version, SharedRowset>, String>,
    ) {
        let now = self.now_ms;
        let tick = self.options.snapshot_tick_ms;
        let Some(SnapshotJob::Restore(job)) = self.snapshot_jobs.get_mut(&task.db).and_then(|jobs| jobs.back_mut())
        else {
            return;
        };
        if job.head.id != task.job || job.head.state != JobState::Downloading {
            return;
        }
        if let Some(download) = job.downloads.get_mut(&(task.tablet, task.backend)) {
            download.state = match result {
                Ok(rowsets) => DownloadState::Done(rowsets),
                Err(why) => DownloadState::Failed(why),
            };
        }
        if !matches!(job.downloads_done(), Ok(false)) {
            job.head.next_step_ms.get_or_insert(now.saturating_add(tick));
        }
    }
}

impl RestoreJob {
    /// Where a source tablet's snapshot is downloaded.
    fn source_of(&self, tablet: TabletId, schema_hash: i64) -> Result<(Endpoint, String), JobError> {
        let key = tablet.to_string();
        let backend = self
            .info
            .tablet_be_map
            .get(&key)
            .ok_or_else(|| JobError::not_found(format!("failed to get backend of tablet: {tablet}")))?;
        let path = self
            .info
            .tablet_snapshot_path_map
            .get(&key)
            .ok_or_else(|| JobError::not_found(format!("failed to get snapshot path of tablet: {tablet}")))?;
        let address = self
            .addresses
            .get(&backend.to_string())
            .ok_or_else(|| JobError::not_found(format!("failed to get remote be address of be: {backend}")))?;
        let mut query = String::from("/api/_tablet/_download?token=");
        query.push_str(self.token.expose());
        let _ = write!(query, "&file={path}/{tablet}/{schema_hash}/rowsets.json");
        Ok((Endpoint::new(address.ip.clone(), address.port), query))
    }
}
