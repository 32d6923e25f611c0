//! The rows of SHOW BACKUP and SHOW RESTORE.

use serde_json::json;

use super::{JobHead, SnapshotJob, backup::BackupJob, restore::RestoreJob};
use crate::model::{
    Model,
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
                SnapshotJob::Backup(job) => Some(job.row()),
                SnapshotJob::Restore(_) => None,
            })
            .collect()
    }

    /// Rows of SHOW RESTORE, oldest first; the label of each is its second cell.
    pub fn restore_rows(&self, db: DbId) -> Vec<Cells> {
        self.snapshot_jobs(db)
            .filter_map(|job| match job {
                SnapshotJob::Restore(job) => Some(job.row()),
                SnapshotJob::Backup(_) => None,
            })
            .collect()
    }
}

fn time(ms: Option<i64>) -> Option<String> {
    ms.map(date_time_text)
}

/// The five last cells of both.
fn tail(head: &JobHead) -> [Option<String>; 5] {
    let empty = || Some(String::new());
    [empty(), empty(), empty(), Some(head.status.clone()), Some(head.timeout_s.to_string())]
}

impl BackupJob {
    fn row(&self) -> Cells {
        let head = &self.head;
        let objects: Vec<String> =
            self.objects.iter().map(|object| format!("[{}.{}]", head.db_name, object.name)).collect();
        let mut row = vec![
            Some(head.id.to_string()),
            Some(head.label.clone()),
            Some(head.db_name.clone()),
            Some(head.state.name().to_owned()),
            Some(objects.join(", ")),
            Some(date_time_text(head.created_ms)),
            time(head.snapshot_finished_ms),
            time(head.transfer_finished_ms),
            time(head.finished_ms),
        ];
        row.extend(tail(head));
        row
    }
}

impl RestoreJob {
    fn row(&self) -> Cells {
        let head = &self.head;
        let mut row = vec![
            Some(head.id.to_string()),
            Some(head.label.clone()),
            Some(snapshot_time_text(self.backup_time_ms)),
            Some(head.db_name.clone()),
            Some(head.state.name().to_owned()),
            Some(self.flags.allow_load.to_string()),
            Some(self.flags.replication.to_string()),
            Some(allocation_text(self.flags.replication)),
            Some(self.flags.reserve_replica.to_string()),
            Some(self.flags.reserve_dynamic_partition.to_string()),
            Some(self.objects_text()),
            Some(date_time_text(head.created_ms)),
            time(head.meta_prepared_ms),
            time(head.snapshot_finished_ms),
            time(head.transfer_finished_ms),
            time(head.finished_ms),
        ];
        row.extend(tail(head));
        row
    }

    fn objects_text(&self) -> String {
        let tables: Vec<_> = self
            .tables
            .iter()
            .map(|table| {
                let partitions: Vec<&str> = table.source.partitions.iter().map(|p| p.name.as_str()).collect();
                json!({ "name": table.source.name, "partition_names": partitions })
            })
            .collect();
        let views: Vec<_> = self.views.iter().map(|(id, view)| json!({ "id": id, "name": view.name })).collect();
        let objects = json!({
            "name": self.snapshot, "database": self.source_db, "backup_time": self.backup_time_ms, "content": "ALL",
            "olap_table_list": tables, "view_list": views, "odbc_table_list": [], "odbc_resource_list": [],
        });
        format!("{objects:#}")
    }
}
