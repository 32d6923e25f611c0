//! BACKUP into the local repository.

use std::collections::BTreeMap;

use super::{JobError, JobHead, JobState, SnapshotJob, document::SnapshotTable};
use crate::model::{
    Answer, BeSnapshot, Model, Partition, Refusal, Relation, Table, View, ids::*, time_text::snapshot_time_text,
    txn::check_label,
};

/// The name of the repository that keeps snapshots on the backends.
pub(crate) const LOCAL_REPOSITORY: &str = "__keep_on_local__";

/// A table or view of a BACKUP statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BackupObject {
    pub name: String,
    /// Only these partitions.
    pub partitions: Option<Vec<String>>,
}

/// A BACKUP statement.
#[derive(Clone, Debug, Default)]
pub struct BackupSpec {
    pub db: String,
    pub label: String,
    pub repository: String,
    /// `None`: the whole database.
    pub objects: Option<Vec<BackupObject>>,
    /// The objects are those to leave out (`EXCLUDE`).
    pub exclude: bool,
    pub properties: BTreeMap<String, String>,
}

/// A backup job.
#[derive(Clone, Debug)]
pub struct BackupJob {
    pub head: JobHead,
    /// As submitted; SHOW BACKUP prints them.
    pub objects: Vec<BackupObject>,
    /// Position of the database barrier at submission.
    pub commit_seq: CommitSeq,
    pub(super) tables: Vec<SnapshotTable>,
    pub(super) views: Vec<View>,
    /// Position of each table's BARRIER.
    pub(super) table_seqs: BTreeMap<TableId, CommitSeq>,
    /// Tablet to (backend, path).
    pub(super) paths: BTreeMap<TabletId, (BackendId, String)>,
}

impl BackupJob {
    /// Back to PENDING.
    pub(super) fn forget_work(&mut self) {
        self.head.id = -1;
        self.tables.clear();
        self.views.clear();
        self.table_seqs.clear();
        self.paths.clear();
    }
}

impl Model {
    /// BACKUP SNAPSHOT. The object list is fixed by name here; the work is done by the ticks.
    pub fn submit_backup(&mut self, spec: &BackupSpec) -> Answer<()> {
        let db = self.database(&spec.db)?;
        let db_id = db.id;
        if spec.repository != LOCAL_REPOSITORY {
            return Err(Refusal::analysis(format!("Repository {} does not exist", spec.repository)));
        }
        check_label(&spec.label)?;
        let unknown: Vec<&str> = spec
            .properties
            .keys()
            .map(String::as_str)
            .filter(|key| !matches!(*key, "timeout" | "type" | "content"))
            .collect();
        if !unknown.is_empty() {
            return Err(Refusal::analysis(format!("Unknown backup job properties: [{}]", unknown.join(", "))));
        }
        let timeout_s = self.job_timeout(spec.properties.get("timeout"))?;
        self.check_no_running_job(db_id, &spec.label)?;
        let whole = || db.relations.values().map(|r| BackupObject { name: r.name().to_owned(), partitions: None });
        let objects: Vec<BackupObject> = match &spec.objects {
            None => whole().collect(),
            Some(left_out) if spec.exclude => whole().filter(|o| left_out.iter().all(|l| l.name != o.name)).collect(),
            Some(objects) => objects.clone(),
        };
        for object in &objects {
            self.check_backup_object(db.relation(&object.name), object)?;
        }
        // The database barrier takes a position but writes no record.
        let commit_seq = self.journal();
        let head = self.job_head(db_id, &spec.db, &spec.label, timeout_s);
        self.push_job(
            db_id,
            SnapshotJob::Backup(Box::new(BackupJob {
                head,
                objects,
                commit_seq,
                tables: Vec::new(),
                views: Vec::new(),
                table_seqs: BTreeMap::new(),
                paths: BTreeMap::new(),
            })),
        );
        Ok(())
    }

    fn check_backup_object(&self, relation: Option<&Relation>, object: &BackupObject) -> Answer<()> {
        let name = &object.name;
        let table = match relation {
            None => return Err(Refusal::analysis(format!("Unknown table '{name}'"))),
            Some(Relation::View(_)) => return Ok(()),
            Some(Relation::Table(table)) => table,
        };
        if !table.temp_partitions.is_empty() && !self.config_flag("ignore_backup_tmp_partitions") {
            return Err(Refusal::analysis(format!("Do not support backup table {name} with temp partitions")));
        }
        let partitions = object.partitions.as_deref().unwrap_or_default();
        match partitions.iter().find(|p| table.partition(p, false).is_none()) {
            None => Ok(()),
            Some(partition) => Err(Refusal::analysis(format!("Unknown partition {partition} in table{name}"))),
        }
    }

    /// One tick of a backup.
    pub(super) fn step_backup(&mut self, job: &mut BackupJob) -> Result<(), JobError> {
        let now = self.now_ms;
        job.head.state = match job.head.state {
            JobState::Pending => {
                job.head.id = self.ids.next_raw();
                self.take_snapshots(job)?;
                JobState::Snapshoting
            }
            JobState::Snapshoting => {
                job.head.snapshot_finished_ms = Some(now);
                self.journal();
                JobState::UploadSnapshot
            }
            JobState::UploadSnapshot => JobState::Uploading,
            JobState::Uploading => {
                job.head.transfer_finished_ms = Some(now);
                self.journal();
                JobState::SaveMeta
            }
            JobState::SaveMeta => {
                self.journal();
                JobState::UploadInfo
            }
            JobState::UploadInfo => {
                let snapshot = job.document().map_err(|e| JobError::common(e.to_string()))?;
                let snapshot = super::LocalSnapshot { fe: self.master, ..snapshot };
                self.local_snapshots.insert(job.head.label.clone(), snapshot);
                job.head.finished_ms = Some(now);
                self.journal();
                JobState::Finished
            }
            state => state,
        };
        Ok(())
    }

    /// The PENDING step: barrier, versions and hard links, table by table. What was dropped or renamed since the
    /// submission is left out without a word (seen).
    fn take_snapshots(&mut self, job: &mut BackupJob) -> Result<(), JobError> {
        for object in job.objects.clone() {
            let Some(relation) = self.databases.get(&job.head.db).and_then(|db| db.relation(&object.name)).cloned()
            else {
                continue;
            };
            match relation {
                Relation::View(view) => job.views.push(view),
                Relation::Table(table) => self.snapshot_table(job, *table, object.partitions.as_deref())?,
            }
        }
        if job.tables.is_empty() && job.views.is_empty() {
            job.objects.clear();
            return Err(JobError::not_found("no valid tables found for backup"));
        }
        Ok(())
    }

    fn snapshot_table(
        &mut self,
        job: &mut BackupJob,
        table: Table,
        partitions: Option<&[String]>,
    ) -> Result<(), JobError> {
        let seq = self.record_barrier(job.head.db, &job.head.db_name.clone(), table.id, &table.name);
        job.table_seqs.insert(table.id, seq);
        let mut kept = table;
        kept.temp_partitions.clear();
        if let Some(names) = partitions {
            kept.partitions.retain(|p| names.iter().any(|name| name.eq_ignore_ascii_case(&p.name)));
        }
        for partition in &kept.partitions {
            self.snapshot_partition(job, partition)?;
        }
        job.tables.push(SnapshotTable::of(&kept));
        Ok(())
    }

    fn snapshot_partition(&mut self, job: &mut BackupJob, partition: &Partition) -> Result<(), JobError> {
        let version = partition.visible_version;
        for (_, tablet) in partition.tablets() {
            let mut good = tablet.replicas.iter().filter(|r| {
                r.version >= version
                    && r.last_failed_version.is_none()
                    && self.backends.get(&r.backend).is_some_and(|be| be.alive)
            });
            let chosen = good.clone().map(|r| r.id).min();
            let Some(replica) = good.find(|r| Some(r.id) == chosen) else {
                return Err(JobError::common(format!(
                    "failed to choose replica to make snapshot for tablet {}. visible version: {version}",
                    tablet.id
                )));
            };
            let signature = self.ids.next_raw();
            let backend = replica.backend;
            let path = format!(
                "/sim/{backend}/storage/snapshot/{}.{signature}.{}",
                snapshot_time_text(self.now_ms).replace('-', ""),
                job.head.timeout_s
            );
            let expires_ms = self.now_ms.saturating_add(job.head.timeout_s.saturating_mul(1000));
            let Some(be) = self.backends.get_mut(&backend) else { continue };
            let rowsets = be
                .tablets
                .get(&tablet.id)
                .map(|t| t.rowsets.range(..=version).map(|(v, rowset)| (*v, rowset.clone())).collect())
                .unwrap_or_default();
            be.snapshots.insert(path.clone(), BeSnapshot { tablet: tablet.id, rowsets, expires_ms });
            job.paths.insert(tablet.id, (backend, path));
        }
        Ok(())
    }

    /// A job left the history: its snapshot goes, unless a newer job took the label.
    pub(super) fn release_backup(&mut self, job: &BackupJob) {
        for (backend, path) in job.paths.values() {
            if let Some(be) = self.backends.get_mut(backend) {
                be.snapshots.remove(path);
            }
        }
        if self.local_snapshots.get(&job.head.label).is_some_and(|s| s.job_id == job.head.id) {
            self.local_snapshots.remove(&job.head.label);
        }
    }

    /// getSnapshot: by label alone, whatever database it was made of (seen).
    pub fn local_snapshot(&self, label: &str) -> Answer<&super::LocalSnapshot> {
        let here = self.local_snapshots.get(label).filter(|snapshot| snapshot.fe == self.master);
        let snapshot = here.ok_or_else(|| Refusal::plain(70, format!("snapshot {label} not exist")))?;
        if self.now_ms > snapshot.expired_at_ms {
            return Err(Refusal::plain(75, format!("snapshot {label} is expired")));
        }
        Ok(snapshot)
    }

    /// Makes every snapshot of a label expire now.
    pub fn expire_snapshot(&mut self, label: &str) {
        let now = self.now_ms;
        if let Some(snapshot) = self.local_snapshots.get_mut(label) {
            snapshot.expired_at_ms = now - 1;
        }
    }
}
