//! The downloads of a restore: which backend fetches which tablet from where.

use std::{collections::BTreeMap, fmt::Write as _};

use doris::net::Endpoint;

use super::{
    JobError, SnapshotJob,
    job_info::JobInfo,
    restore::{RestoreJob, RestoreTable, local_partition},
};
use crate::model::{JobState, Model, SharedRowset, ids::*};

/// After this a task that failed is sent again: with the next report of the backend.
const RETRY_MS: i64 = 10_000;

/// One download and how far it is.
#[derive(Clone, Debug)]
pub(crate) struct Download {
    /// The signature of the task that it is part of.
    task: i64,
    from: Endpoint,
    path_and_query: String,
    state: DownloadState,
}

#[derive(Clone, Debug)]
enum DownloadState {
    Waiting,
    Running,
    Done(BTreeMap<Version, SharedRowset>),
    /// Tried again at this time: a job whose snapshot is gone waits until its own timeout.
    Failed {
        retry_ms: i64,
    },
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
    /// Whether all downloads are there.
    pub(super) fn downloads_done(&self) -> bool {
        self.downloads.values().all(|download| matches!(download.state, DownloadState::Done(_)))
    }

    /// What was downloaded for one replica.
    pub(super) fn downloaded(&self, tablet: TabletId, backend: BackendId) -> Option<&BTreeMap<Version, SharedRowset>> {
        match &self.downloads.get(&(tablet, backend))?.state {
            DownloadState::Done(rowsets) => Some(rowsets),
            _ => None,
        }
    }

    /// Makes failed downloads wait again whose time has come; answers when the next comes.
    pub(super) fn retry_downloads(&mut self, now: i64) -> Option<i64> {
        let mut next = None;
        for download in self.downloads.values_mut() {
            let DownloadState::Failed { retry_ms } = download.state else { continue };
            if retry_ms <= now {
                download.state = DownloadState::Waiting;
            } else {
                next = Some(next.map_or(retry_ms, |next: i64| next.min(retry_ms)));
            }
        }
        next
    }

    /// Whether something of a task is still to be downloaded.
    pub(super) fn is_downloading(&self, task: i64) -> bool {
        self.downloads.values().any(|d| d.task == task && !matches!(d.state, DownloadState::Done(_)))
    }
}

impl Model {
    /// The DOWNLOAD step: pairs the tablets of source and destination by partition, index and bucket, and makes tasks of
    /// a few tablets of one backend.
    pub(super) fn plan_downloads(&mut self, job: &mut RestoreJob) -> Result<(), JobError> {
        if job.info.content != "ALL" {
            return Ok(());
        }
        let mut planned = Vec::new();
        for table in &job.tables {
            self.plan_table_downloads(job, table, &mut planned)?;
        }
        let batch = usize::try_from(self.config_number("restore_download_snapshot_batch_size", 10)).unwrap_or(1).max(1);
        job.head.tasks.clear();
        let mut open: BTreeMap<BackendId, (i64, usize)> = BTreeMap::new();
        job.downloads.clear();
        for (tablet, backend, from, path_and_query) in planned {
            let task = open.entry(backend).or_insert((0, batch));
            if task.1 == batch {
                *task = (self.ids.next_raw(), 0);
                job.head.tasks.push((task.0, backend.get()));
            }
            task.1 += 1;
            // A backend without rows says at once that it has them.
            let state = match self.options.stand_in_backends {
                true => DownloadState::Done(BTreeMap::new()),
                false => DownloadState::Waiting,
            };
            let download = Download { task: task.0, from, path_and_query, state };
            job.downloads.insert((tablet, backend), download);
        }
        Ok(())
    }

    fn plan_table_downloads(
        &self,
        job: &RestoreJob,
        restored: &RestoreTable,
        planned: &mut Vec<(TabletId, BackendId, Endpoint, String)>,
    ) -> Result<(), JobError> {
        let source = &restored.source;
        let id = restored.plan.table();
        let table = self.databases.get(&job.head.db).and_then(|db| db.table_by_id(id));
        let table = table.ok_or_else(|| JobError::not_found(format!("restored table {id} does not exist")))?;
        let Some(info) = job.info.backup_objects.get(&source.name) else { return Ok(()) };
        for from in &source.partitions {
            let (Some(to), Some(info)) = (local_partition(table, from), info.partitions.get(&from.name)) else {
                continue;
            };
            for (name, index) in info.indexes.iter() {
                let is_base = index.id == source.base_index.get();
                let local = table
                    .indexes
                    .values()
                    .find(|i| if is_base { i.id == table.base_index } else { i.name == name })
                    .and_then(|i| to.indexes.get(&i.id));
                let Some(local) = local else { continue };
                if local.len() != index.tablets_order.len() {
                    return Err(JobError::common(format!(
                        "doris-sim does not model a restore of {} tablets onto {}",
                        index.tablets_order.len(),
                        local.len()
                    )));
                }
                for (remote, tablet) in index.tablets_order.iter().zip(local) {
                    let (from, path_and_query) = job.source_of(*remote, index.schema_hash)?;
                    for replica in &tablet.replicas {
                        planned.push((tablet.id, replica.backend, from.clone(), path_and_query.clone()));
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
            let alive = |id: &BackendId| self.backends.get(id).is_some_and(|be| be.works());
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
        let Some(download) = job.downloads.get_mut(&(task.tablet, task.backend)) else { return };
        let signature = download.task;
        match result {
            Ok(rowsets) => {
                download.state = DownloadState::Done(rowsets);
                if !job.is_downloading(signature) {
                    job.task_errors.remove(&signature);
                }
            }
            Err(why) => {
                download.state = DownloadState::Failed { retry_ms: now.saturating_add(RETRY_MS) };
                job.task_errors.insert(signature, why);
            }
        }
        let next = if job.downloads_done() { Some(now.saturating_add(tick)) } else { job.retry_downloads(now) };
        if let Some(next) = next {
            let due = job.head.next_step_ms.map_or(next, |due| due.min(next));
            job.head.next_step_ms = Some(due);
        }
    }
}

impl RestoreJob {
    /// Where a source tablet's snapshot is downloaded.
    fn source_of(&self, tablet: i64, schema_hash: i64) -> Result<(Endpoint, String), JobError> {
        let key = tablet.to_string();
        let info: &JobInfo = &self.info;
        let path = info.tablet_snapshot_path_map.get(&key);
        let path =
            path.ok_or_else(|| JobError::not_found(format!("failed to get remote snapshot path of tablet: {tablet}")))?;
        let backend = info.tablet_be_map.get(&key).map_or_else(|| "null".to_owned(), i64::to_string);
        let addresses = info.extra_info.as_ref().and_then(|extra| extra.be_network_map.as_ref());
        let address = addresses.and_then(|map| map.get(&backend));
        let address =
            address.ok_or_else(|| JobError::not_found(format!("failed to get remote be address of be: {backend}")))?;
        let mut query = String::from("/api/_tablet/_download?token=");
        query.push_str(self.token.expose());
        let _ = write!(query, "&file={path}/{tablet}/{schema_hash}/rowsets.json");
        Ok((Endpoint::new(address.ip.clone(), address.port), query))
    }
}
