//! The rows of SHOW BACKUP and SHOW RESTORE.

use super::{JobState, SnapshotJob, backup::BackupJob, restore::RestoreJob};
use crate::model::{
    Model, Profile,
    fe_json::JavaMap,
    ids::DbId,
    properties::allocation_text,
    time_text::{date_time_text, snapshot_time_text},
};

/// Columns of SHOW BACKUP.
pub const BACKUP_COLUMNS: [&str; 14] = [
    "JobId",
    "SnapshotName",
    "DbName",
    "State",
    "BackupObjs",
    "CreateTime",
    "SnapshotFinishedTime",
    "UploadFinishedTime",
    "FinishedTime",
    "UnfinishedTasks",
    "Progress",
    "TaskErrMsg",
    "Status",
    "Timeout",
];

/// Columns of SHOW RESTORE.
pub const RESTORE_COLUMNS: [&str; 21] = [
    "JobId",
    "Label",
    "Timestamp",
    "DbName",
    "State",
    "AllowLoad",
    "ReplicationNum",
    "ReplicaAllocation",
    "ReserveReplica",
    "ReserveDynamicPartitionEnable",
    "RestoreObjs",
    "CreateTime",
    "MetaPreparedTime",
    "SnapshotFinishedTime",
    "DownloadFinishedTime",
    "FinishedTime",
    "UnfinishedTasks",
    "Progress",
    "TaskErrMsg",
    "Status",
    "Timeout",
];

/// A row of a result set.
type Cells = Vec<Option<String>>;

impl Model {
    /// Rows of SHOW BACKUP, oldest first; the label of each is its second cell.
    pub fn backup_rows(&self, db: DbId) -> Vec<Cells> {
        self.snapshot_jobs(db)
            .filter_map(|job| match job {
                SnapshotJob::Backup(job) => Some(job.row(self.profile(), self.now_ms)),
                SnapshotJob::Restore(_) => None,
            })
            .collect()
    }

    /// Rows of SHOW RESTORE, oldest first; the label of each is its second cell.
    pub fn restore_rows(&self, db: DbId) -> Vec<Cells> {
        self.snapshot_jobs(db)
            .filter_map(|job| match job {
                SnapshotJob::Restore(job) => Some(job.row(self.now_ms)),
                SnapshotJob::Backup(_) => None,
            })
            .collect()
    }
}

fn time(ms: Option<i64>) -> Option<String> {
    ms.map(date_time_text)
}

/// `[a], [b]`, at most so many as Doris shows.
fn bracketed(items: impl Iterator<Item = String>) -> Option<String> {
    Some(items.take(100).map(|item| format!("[{item}]")).collect::<Vec<_>>().join(", "))
}

impl BackupJob {
    fn row(&self, profile: &Profile, now_ms: i64) -> Cells {
        let head = &self.head;
        vec![
            Some(head.id.to_string()),
            Some(head.label.clone()),
            Some(head.db_name.clone()),
            Some(head.state.name().to_owned()),
            Some(self.objects_text()),
            Some(date_time_text(head.created_ms)),
            time(head.snapshot_finished_ms),
            time(head.transfer_finished_ms),
            time(head.finished_ms.filter(|_| profile.backup_finished_time || head.state != JobState::Finished)),
            bracketed(head.open_tasks(now_ms).iter().map(|(task, backend)| format!("{task}={backend}"))),
            Some(String::new()),
            Some(String::new()),
            Some(head.status.clone()),
            Some((head.timeout_ms / 1000).to_string()),
        ]
    }
}

impl RestoreJob {
    fn open_tasks(&self, now_ms: i64) -> Vec<String> {
        let all = JavaMap::of_longs(self.head.tasks.iter().map(|(task, of)| (*task, (*task, *of))));
        let fresh = self.head.open_tasks(now_ms);
        let open = all.values().filter(|(task, _)| fresh.contains_key(&task.to_string()) || self.is_downloading(*task));
        open.map(|(task, of)| format!("{task}={of}")).collect()
    }

    fn row(&self, now_ms: i64) -> Cells {
        let head = &self.head;
        vec![
            Some(head.id.to_string()),
            Some(head.label.clone()),
            Some(snapshot_time_text(self.info.backup_time)),
            Some(head.db_name.clone()),
            Some(head.state.name().to_owned()),
            Some(false.to_string()),
            Some(self.flags.replication.to_string()),
            Some(allocation_text(self.flags.replication)),
            Some(self.flags.reserve_replica.to_string()),
            Some(self.flags.reserve_dynamic_partition.to_string()),
            Some(self.info.objects_text()),
            Some(date_time_text(head.created_ms)),
            time(head.meta_prepared_ms),
            time(head.snapshot_finished_ms),
            time(head.transfer_finished_ms),
            time(head.finished_ms),
            bracketed(self.open_tasks(now_ms).into_iter()),
            Some(String::new()),
            bracketed(self.task_errors.iter().map(|(task, why)| format!("{task}: {why}"))),
            Some(head.status.clone()),
            Some((head.timeout_ms / 1000).to_string()),
        ]
    }
}
