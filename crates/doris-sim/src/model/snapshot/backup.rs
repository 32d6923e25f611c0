//! BACKUP into the local repository.

use std::collections::BTreeMap;

use super::{
    JobError, JobHead, JobState, SnapshotJob,
    document::{self, LocalSnapshot, MetaObject},
    job_info::{JobInfo, JobInfoParts, ViewInfo},
};
use crate::model::{
    Answer, BeSnapshot, Model, Partition, Profile, Refusal, Relation, Table,
    fe_json::{self, JavaMap, OlapTableJson, ViewJson},
    ids::*,
    time_text::snapshot_time_text,
    txn::check_label,
};

/// The name of the repository that keeps snapshots on the backends.
pub(crate) const LOCAL_REPOSITORY: &str = "__keep_on_local__";

/// A table or view of a BACKUP or RESTORE statement, as written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BackupObject {
    /// Where the name has a database before it, which is refused.
    pub db: Option<String>,
    pub name: String,
    /// Only these partitions.
    pub partitions: Option<Vec<String>>,
    /// RESTORE only.
    pub alias: Option<String>,
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
    /// `ALL` or `METADATA_ONLY`.
    content: &'static str,
    /// Copies of the catalog.
    copies: Vec<MetaObject>,
    /// Position of each table's BARRIER.
    table_seqs: Vec<(TableId, CommitSeq)>,
    /// Tablet, backend, path.
    files: Vec<(TabletId, BackendId, String)>,
}

impl BackupJob {
    /// Back to PENDING.
    pub(super) fn forget_work(&mut self) {
        self.head.id = -1;
        self.head.tasks.clear();
        self.copies.clear();
        self.table_seqs.clear();
        self.files.clear();
    }

    /// The finished snapshot.
    fn document(&self, fe: Option<usize>, profile: &Profile) -> LocalSnapshot {
        let tables: JavaMap<&OlapTableJson> = JavaMap::of_strings(self.copies.iter().filter_map(|copy| match copy {
            MetaObject::Table(table) => Some((table.base.name.clone(), table.as_ref())),
            MetaObject::View(_) => None,
        }));
        let views: JavaMap<ViewInfo> = JavaMap::of_strings(self.copies.iter().filter_map(|copy| match copy {
            MetaObject::View(view) => {
                let (id, name) = (view.base.id.get(), view.base.name.clone());
                Some((name.clone(), ViewInfo { id, name }))
            }
            MetaObject::Table(_) => None,
        }));
        let tables: Vec<&OlapTableJson> = tables.values().copied().collect();
        let mut job_info = JobInfo::new(&JobInfoParts {
            label: &self.head.label,
            db: self.head.db,
            db_name: &self.head.db_name,
            created_ms: self.head.created_ms,
            content: self.content,
            tables: &tables,
            views: views.values().cloned().collect(),
            table_seqs: self.table_seqs.iter().map(|(table, seq)| (table.get(), seq.0)).collect(),
            files: &self.files,
        });
        job_info.meta_version = profile.meta_version;
        if !profile.job_info_aliases {
            job_info.tblalias = None;
        }
        (job_info.major_version, job_info.minor_version, job_info.patch_version) = profile.version;
        LocalSnapshot {
            meta: document::encode_meta(&self.copies),
            job_info: fe_json::printed(&job_info, profile).into(),
            expired_at_ms: self.head.created_ms.saturating_add(self.head.timeout_ms),
            commit_seq: self.commit_seq,
            fe,
        }
    }

    /// `BackupObjs` of SHOW BACKUP.
    pub(super) fn objects_text(&self) -> String {
        let text = |object: &BackupObject| {
            let partitions = object.partitions.as_ref().map(|names| format!("PARTITIONS ({})", names.join(", ")));
            format!("[{}.{}{}]", self.head.db_name, object.name, partitions.unwrap_or_default())
        };
        self.objects.iter().map(text).collect::<Vec<_>>().join(", ")
    }
}

/// What both statements ask of their objects: no database, no table twice. Answers them in the order of their names.
pub(super) fn normalized(objects: &[BackupObject]) -> Answer<Vec<BackupObject>> {
    if let Some(object) = objects.iter().find(|object| object.db.as_ref().is_some_and(|db| !db.is_empty())) {
        return Err(Refusal::analysis(format!(
            "Cannot specify database name on backup objects: {}. Specify database name before label",
            object.name
        )));
    }
    let mut sorted: BTreeMap<&str, &BackupObject> = BTreeMap::new();
    for object in objects {
        if sorted.insert(&object.name, object).is_some() {
            return Err(Refusal::analysis(format!("Duplicated table: {}", object.name)));
        }
    }
    Ok(sorted.into_values().cloned().collect())
}

/// The names of properties that nobody knows, in Doris's order.
pub(super) fn unknown_properties(properties: &BTreeMap<String, String>, known: &[&str]) -> Option<String> {
    let unknown = properties.keys().filter(|key| !known.contains(&key.as_str())).map(|key| (key.clone(), ()));
    let unknown = JavaMap::of_strings(unknown);
    (!unknown.is_empty()).then(|| format!("[{}]", unknown.keys().collect::<Vec<_>>().join(", ")))
}

/// The content that a BACKUP asks for.
fn check_properties(properties: &BTreeMap<String, String>) -> Answer<&'static str> {
    if let Some(kind) = properties.get("type")
        && !["FULL", "INCREMENTAL"].contains(&kind.to_uppercase().as_str())
    {
        return Err(Refusal::analysis(format!("Invalid backup job type: {kind}")));
    }
    let content = match properties.get("content").map(|content| (content, content.to_uppercase())) {
        None => "ALL",
        Some((_, upper)) if upper == "ALL" => "ALL",
        Some((_, upper)) if upper == "METADATA_ONLY" => "METADATA_ONLY",
        Some((written, _)) => return Err(Refusal::analysis(format!("Invalid backup job content:{written}"))),
    };
    match unknown_properties(properties, &["timeout", "type", "content"]) {
        Some(unknown) => Err(Refusal::analysis(format!("Unknown backup job properties: {unknown}"))),
        None => Ok(content),
    }
}

impl Model {
    /// BACKUP SNAPSHOT. The object list is fixed by name here; the work is done by the ticks.
    pub fn submit_backup(&mut self, spec: &BackupSpec) -> Answer<()> {
        check_label(&spec.label)?;
        let written = normalized(spec.objects.as_deref().unwrap_or_default())?;
        if let Some(object) = written.iter().find(|object| object.alias.is_some()) {
            let name = &object.name;
            return Err(Refusal::analysis(format!("Can not set alias for table in Backup Command: {name}")));
        }
        let timeout_ms = self.job_timeout(spec.properties.get("timeout"))?;
        let content = check_properties(&spec.properties)?;
        if spec.repository != LOCAL_REPOSITORY {
            return Err(Refusal::analysis(format!("Repository {} does not exist", spec.repository)));
        }
        let db_id = self.database(&spec.db)?.id;
        self.check_no_running_job(db_id, &spec.label)?;
        // The database barrier takes a position, even if the backup is refused after it, but writes no record.
        let commit_seq = self.journal();
        let objects = match (written.is_empty(), spec.exclude) {
            (false, false) => written,
            _ => self.all_objects(db_id, &written),
        };
        for object in &objects {
            self.check_backup_object(self.databases.get(&db_id).and_then(|db| db.relation(&object.name)), object)?;
        }
        let head = self.job_head(db_id, &spec.db, &spec.label, timeout_ms);
        let (copies, table_seqs, files) = (Vec::new(), Vec::new(), Vec::new());
        let job = BackupJob { head, objects, commit_seq, content, copies, table_seqs, files };
        self.journal();
        self.push_job(db_id, SnapshotJob::Backup(Box::new(job)));
        Ok(())
    }

    /// Everything that a database has but this, in Doris's order.
    fn all_objects(&self, db: DbId, left_out: &[BackupObject]) -> Vec<BackupObject> {
        let relations = self.databases.get(&db).into_iter().flat_map(|db| db.relations.values());
        let is_backed_up = |relation: &&Relation| relation.as_table().is_none_or(|table| table.materialized.is_none());
        let names = relations
            .filter(is_backed_up)
            .map(Relation::name)
            .filter(|name| left_out.iter().all(|object| object.name != *name));
        let names = JavaMap::of_strings(names.map(|name| (name.to_owned(), ())));
        names.keys().map(|name| BackupObject { name: name.to_owned(), ..BackupObject::default() }).collect()
    }

    fn check_backup_object(&self, relation: Option<&Relation>, object: &BackupObject) -> Answer<()> {
        let name = &object.name;
        let table = match relation {
            None => return Err(Refusal::analysis(format!("Unknown table '{name}'"))),
            Some(Relation::Table(table)) => table,
            Some(_) => return Ok(()),
        };
        if table.materialized.is_some() {
            return Err(Refusal::analysis("doris-sim does not model the backup of materialized views"));
        }
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
                self.take_snapshots(job)?;
                JobState::Snapshoting
            }
            JobState::Snapshoting => {
                job.head.snapshot_finished_ms = Some(now);
                job.head.tasks.clear();
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
                // The last finished job of a label wins, in whatever database it was.
                self.local_snapshots.insert(job.head.label.clone(), job.document(self.master, self.profile()));
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
        let db = job.head.db;
        if !self.databases.contains_key(&db) {
            return Err(JobError::not_found(format!("database {db} does not exist")));
        }
        job.head.id = self.ids.next_raw();
        for object in job.objects.clone() {
            match self.databases.get(&db).and_then(|db| db.relation(&object.name)).cloned() {
                Some(Relation::Table(table)) => self.copy_table(job, &table, object.partitions.as_deref())?,
                Some(Relation::View(view)) => {
                    let copy = ViewJson::of_backup(&view, &job.head.db_name);
                    job.copies.push(MetaObject::View(Box::new(copy)));
                }
                None if !self.profile().backup_leaves_missing_out => {
                    return Err(JobError::not_found(format!("table {} does not exist", object.name)));
                }
                _ => {}
            }
        }
        if job.copies.is_empty() && self.profile().backup_needs_tables {
            return Err(JobError::not_found("no valid tables found for backup"));
        }
        let (tablets, most) = (job.files.len(), self.config_number("max_backup_tablets_per_job", 300_000));
        if i64::try_from(tablets).is_ok_and(|tablets| tablets > most) {
            return Err(JobError::common(format!(
                "the num involved tablets {tablets} exceeds the limit {most}, which might cause the FE OOM, change \
                 config `max_backup_tablets_per_job` to change this limitation"
            )));
        }
        Ok(())
    }

    fn copy_table(&mut self, job: &mut BackupJob, table: &Table, names: Option<&[String]>) -> Result<(), JobError> {
        let missing = names.iter().flat_map(|names| names.iter()).find(|name| table.partition(name, false).is_none());
        if let Some(partition) = missing {
            let text = format!("partition {partition} does not exist  in table{}", table.name);
            return Err(JobError::not_found(text));
        }
        let wanted = |p: &&Partition| names.is_none_or(|all| all.iter().any(|name| name.eq_ignore_ascii_case(&p.name)));
        let partitions: Vec<&Partition> = table.partitions.iter().filter(wanted).collect();
        if job.content == "ALL" {
            let seq = self.record_barrier(job.head.db, &job.head.db_name.clone(), table.id, &table.name);
            job.table_seqs.push((table.id, seq));
            for partition in &partitions {
                self.snapshot_partition(job, table, partition)?;
            }
        }
        let bin = &self.recycle_bin.partitions;
        let dropped = bin.values().filter(|entry| entry.what.table == table.id).map(|entry| entry.what.partition.id);
        let dropped: Vec<PartitionId> = dropped.collect();
        let copy = OlapTableJson::of_backup(table, job.head.db, &job.head.db_name, &partitions, &dropped);
        job.copies.push(MetaObject::Table(Box::new(copy)));
        Ok(())
    }

    fn snapshot_partition(
        &mut self,
        job: &mut BackupJob,
        table: &Table,
        partition: &Partition,
    ) -> Result<(), JobError> {
        let version = partition.visible_version;
        let visible = |index: &IndexId| table.indexes.get(index).is_some_and(|index| !index.shadow);
        for (_, tablet) in partition.tablets().filter(|(index, _)| visible(index)) {
            let mut good = tablet.replicas.iter().filter(|r| {
                r.version >= version
                    && r.last_failed_version.is_none()
                    && self.backends.get(&r.backend).is_some_and(|be| be.works())
            });
            let chosen = good.clone().map(|r| r.id).min();
            let Some(replica) = good.find(|r| Some(r.id) == chosen) else {
                return Err(JobError::common(format!(
                    "failed to choose replica to make snapshot for tablet {}. visible version: {version}",
                    tablet.id
                )));
            };
            let signature = match self.profile().snapshot_tasks_have_ids {
                true => self.ids.next_raw(),
                false => tablet.id.get(),
            };
            let backend = replica.backend;
            let path = match self.options.stand_in_backends {
                true => format!("/fake/snapshot/{signature}.v{version}"),
                false => format!(
                    "/sim/{backend}/storage/snapshot/{}.{signature}.{}",
                    snapshot_time_text(self.now_ms).replace('-', ""),
                    job.head.timeout_ms / 1000
                ),
            };
            let expires_ms = self.now_ms.saturating_add(job.head.timeout_ms);
            let Some(be) = self.backends.get_mut(&backend) else { continue };
            let rowsets = be
                .tablets
                .get(&tablet.id)
                .map(|t| t.rowsets.range(..=version).map(|(v, rowset)| (*v, rowset.clone())).collect())
                .unwrap_or_default();
            be.snapshots.insert(path.clone(), BeSnapshot { tablet: tablet.id, rowsets, expires_ms });
            job.files.push((tablet.id, backend, path));
            job.head.tasks.push((signature, backend.get()));
        }
        Ok(())
    }

    /// A cancelled backup lets go of its files; those of a finished one stay until their time is over.
    pub(super) fn release_files(&mut self, job: &mut BackupJob) {
        for (_, backend, path) in std::mem::take(&mut job.files) {
            if let Some(be) = self.backends.get_mut(&backend) {
                be.snapshots.remove(&path);
            }
        }
    }

    /// A finished backup left the history. Its label goes with it, whichever job gave the snapshot of that name.
    pub(super) fn forget_snapshot(&mut self, label: &str) {
        let now = self.now_ms;
        self.local_snapshots.remove(label);
        for be in self.backends.values_mut() {
            be.snapshots.retain(|_, snapshot| snapshot.expires_ms >= now);
        }
    }

    /// getSnapshot: by label alone, whatever database it was made of (seen).
    pub fn local_snapshot(&self, label: &str) -> Answer<&LocalSnapshot> {
        let here = self.local_snapshots.get(label).filter(|snapshot| snapshot.fe == self.master);
        let snapshot = here.ok_or_else(|| {
            let named = if self.profile().missing_snapshot_named { format!("{label} ") } else { String::new() };
            Refusal::plain(70, format!("snapshot {named}not exist"))
        })?;
        if self.profile().snapshots_expire && self.now_ms > snapshot.expired_at_ms {
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
