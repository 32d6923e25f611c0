//! restoreSnapshot: submission, and the steps of the job.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use rand::RngExt as _;

use super::{
    JobError, JobHead, JobState, SnapshotJob,
    backup::LOCAL_REPOSITORY,
    document::{self, BeAddress, JobInfo, MetaObject, SnapshotTable},
    download::Download,
};
use crate::model::{Answer, Model, Refusal, Table, TableState, View, ids::*, txn::check_label};

/// A call of restoreSnapshot, its documents already decompressed.
#[derive(Clone, Debug, Default)]
pub struct RestoreSpec {
    pub db: String,
    pub label: String,
    pub repository: String,
    /// (name in the snapshot, name to restore it as); empty = everything.
    pub tables: Vec<(String, Option<String>)>,
    pub properties: BTreeMap<String, String>,
    pub meta: Bytes,
    pub job_info: Bytes,
    pub clean_tables: bool,
    pub clean_partitions: bool,
    pub atomic_restore: bool,
    pub force_replace: bool,
}

/// The switches of a restore.
#[derive(Clone, Debug, Default)]
pub struct RestoreFlags {
    pub reserve_replica: bool,
    pub reserve_dynamic_partition: bool,
    pub reserve_colocate: bool,
    pub allow_load: bool,
    pub clean_tables: bool,
    pub clean_partitions: bool,
    pub atomic: bool,
    pub force_replace: bool,
    /// `replication_num`; the destination's default is 3.
    pub replication: u32,
}

/// A restore job.
#[derive(Clone, Debug)]
pub struct RestoreJob {
    pub head: JobHead,
    pub flags: RestoreFlags,
    /// Name and database of the snapshot, and when it was taken.
    pub snapshot: String,
    pub source_db: String,
    pub backup_time_ms: i64,
    pub(super) tables: Vec<RestoreTable>,
    pub(super) views: Vec<(i64, View)>,
    pub(super) info: JobInfo,
    pub(super) addresses: BTreeMap<String, BeAddress>,
    pub(super) token: doris::secret::Secret,
    pub(super) downloads: BTreeMap<(TabletId, BackendId), Download>,
}

/// One table of a restore.
#[derive(Clone, Debug)]
pub(super) struct RestoreTable {
    pub(super) source: SnapshotTable,
    pub(super) target: String,
    pub(super) plan: TablePlan,
}

/// How a table is restored; decided in PENDING.
#[derive(Clone, Debug)]
pub(super) enum TablePlan {
    Undecided,
    /// The target does not exist; the table is registered at the end of CREATING.
    New {
        id: TableId,
        built: Option<Box<Table>>,
    },
    /// Partition by partition into the existing table; these partitions are added.
    Existing {
        id: TableId,
        added: Vec<PartitionId>,
    },
    /// Under a hidden name, to take the place of another at the end.
    Atomic {
        id: TableId,
        built: Option<Box<Table>>,
        replaces: TableId,
    },
}

impl TablePlan {
    /// The table that receives the data.
    pub(super) fn table(&self) -> Option<TableId> {
        match self {
            Self::Undecided => None,
            Self::New { id, .. } | Self::Existing { id, .. } | Self::Atomic { id, .. } => Some(*id),
        }
    }
}

/// The hidden name of a table during an atomic restore.
pub(super) const ATOMIC_PREFIX: &str = "__doris_atomic_restore_prefix__";

const KNOWN_PROPERTIES: &[&str] = &[
    "reserve_replica",
    "reserve_colocate",
    "reserve_dynamic_partition_enable",
    "clean_tables",
    "clean_partitions",
    "atomic_restore",
    "force_replace",
    "allow_load",
    "replication_num",
    "replication_allocation",
    "timeout",
    "backup_timestamp",
    "meta_version",
    "is_being_synced",
    "storage_vault_name",
];

impl Model {
    /// restoreSnapshot. OK means submitted; everything about the objects is checked by the job.
    pub fn submit_restore(&mut self, spec: &RestoreSpec) -> Answer<()> {
        let Some((meta, info)) = document::decode(&spec.meta, &spec.job_info) else {
            return Err(Refusal::analysis("deserialize meta and job info failed"));
        };
        // Doris prints the command object with its hash here; it differs each time.
        let hash: u32 = self.rng.random();
        self.check_and_submit(spec, meta, info).map_err(|mut refusal| {
            refusal.text = format!(
                "{}, command: org.apache.doris.nereids.trees.plans.commands.RestoreCommand@{hash:x}",
                refusal.text
            );
            refusal
        })
    }

    fn check_and_submit(&mut self, spec: &RestoreSpec, meta: document::Meta, info: JobInfo) -> Answer<()> {
        let db_id = self.db_id(&spec.db)?;
        if spec.repository != LOCAL_REPOSITORY {
            return Err(Refusal::analysis(format!("Repository {} does not exist", spec.repository)));
        }
        check_label(&spec.label)?;
        let flags = restore_flags(spec)?;
        let timeout_s = self.job_timeout(spec.properties.get("timeout"))?;
        let (addresses, token) = extra_info(&info)?;
        check_table_refs(spec, &info)?;
        self.check_no_running_job(db_id, &spec.label)?;
        let mut job = RestoreJob {
            head: self.job_head(db_id, &spec.db, &spec.label, timeout_s),
            flags,
            snapshot: info.name.clone(),
            source_db: info.database.clone(),
            backup_time_ms: info.backup_time,
            tables: Vec::new(),
            views: Vec::new(),
            info,
            addresses,
            token,
            downloads: BTreeMap::new(),
        };
        job.choose_objects(spec, &meta)?;
        self.journal();
        self.push_job(db_id, SnapshotJob::Restore(Box::new(job)));
        Ok(())
    }

    /// One tick of a restore.
    pub(super) fn step_restore(&mut self, job: &mut RestoreJob) -> Result<(), JobError> {
        let now = self.now_ms;
        if !matches!(job.head.state, JobState::Pending | JobState::Creating) {
            self.check_still_there(job)?;
        }
        job.head.state = match job.head.state {
            JobState::Pending => {
                job.head.id = self.ids.next_raw();
                self.plan_restore(job)?;
                JobState::Creating
            }
            JobState::Creating => {
                self.register_created(job)?;
                job.head.meta_prepared_ms = Some(now);
                JobState::Snapshoting
            }
            JobState::Snapshoting => {
                job.head.snapshot_finished_ms = Some(now);
                self.journal();
                JobState::Download
            }
            JobState::Download => {
                self.plan_downloads(job)?;
                JobState::Downloading
            }
            JobState::Downloading => match job.downloads_done()? {
                true => {
                    job.head.transfer_finished_ms = Some(now);
                    self.journal();
                    JobState::Commit
                }
                false => {
                    // The last download makes the next step due.
                    job.head.next_step_ms = None;
                    JobState::Downloading
                }
            },
            JobState::Commit => JobState::Committing,
            JobState::Committing => {
                self.finish_restore(job)?;
                job.head.finished_ms = Some(now);
                self.journal();
                JobState::Finished
            }
            state => state,
        };
        Ok(())
    }

    /// From SNAPSHOTING on nothing of the restore may be dropped.
    fn check_still_there(&self, job: &RestoreJob) -> Result<(), JobError> {
        for id in job.tables.iter().filter_map(|table| table.plan.table()) {
            let table = self.databases.get(&job.head.db).and_then(|db| db.table_by_id(id));
            let table = table.ok_or_else(|| JobError::not_found(format!("table {id} has been dropped")))?;
            let names: BTreeSet<&str> = table.partitions.iter().map(|p| p.name.as_str()).collect();
            let source = job.tables.iter().find(|t| t.plan.table() == Some(id));
            let missing = source.and_then(|t| {
                let unnamed = table.scheme.kind == crate::model::PartitionKind::Unpartitioned;
                t.source.partitions.iter().find(|p| !unnamed && !names.contains(p.name.as_str()))
            });
            if let Some(partition) = missing {
                return Err(JobError::not_found(format!("partition {} has been dropped", partition.id)));
            }
        }
        Ok(())
    }

    /// The end of CREATING: new tables and partitions appear in the catalog, in state RESTORE.
    fn register_created(&mut self, job: &mut RestoreJob) -> Result<(), JobError> {
        for table in &mut job.tables {
            let built = match &mut table.plan {
                TablePlan::New { built, .. } | TablePlan::Atomic { built, .. } => built.take(),
                TablePlan::Existing { .. } | TablePlan::Undecided => None,
            };
            let Some(mut built) = built else { continue };
            let db = self
                .databases
                .get_mut(&job.head.db)
                .ok_or_else(|| JobError::not_found(format!("database {} has been dropped", job.head.db)))?;
            if db.relation(&built.name).is_some() {
                return Err(JobError::common(format!("Table {} already exist", built.name)));
            }
            built.state = TableState::Restore;
            built.created_by_restore = true;
            db.relations.insert(built.id, crate::model::Relation::Table(built));
        }
        Ok(())
    }
}

impl RestoreJob {
    /// Back to PENDING.
    pub(super) fn forget_work(&mut self) {
        self.head.id = -1;
        self.downloads.clear();
        self.tables.iter_mut().for_each(|table| table.plan = TablePlan::Undecided);
    }

    /// The objects of the snapshot that the call names, with their target names.
    fn choose_objects(&mut self, spec: &RestoreSpec, meta: &document::Meta) -> Answer<()> {
        let wanted = |name: &str| spec.tables.is_empty() || spec.tables.iter().any(|(table, _)| table == name);
        for name in self.info.backup_objects.keys().filter(|name| wanted(name)) {
            let alias = spec.tables.iter().find(|(table, _)| table == name).and_then(|(_, alias)| alias.clone());
            let Some(MetaObject::OlapTable(source)) = meta.tbl_name_map.get(name) else {
                return Err(Refusal::analysis(format!("Table {name} does not exist in snapshot {}", self.snapshot)));
            };
            let target = alias.unwrap_or_else(|| name.clone());
            self.tables.push(RestoreTable { source: (**source).clone(), target, plan: TablePlan::Undecided });
        }
        for view in self.info.new_backup_objects.views.iter().filter(|view| wanted(&view.name)) {
            let Some(MetaObject::View(source)) = meta.tbl_name_map.get(&view.name) else {
                let text = format!("Table {} does not exist in snapshot {}", view.name, self.snapshot);
                return Err(Refusal::analysis(text));
            };
            self.views.push((view.id, source.clone()));
        }
        Ok(())
    }
}

fn restore_flags(spec: &RestoreSpec) -> Answer<RestoreFlags> {
    let unknown: Vec<&str> =
        spec.properties.keys().map(String::as_str).filter(|key| !KNOWN_PROPERTIES.contains(key)).collect();
    if !unknown.is_empty() {
        return Err(Refusal::analysis(format!("Unknown restore job properties: [{}]", unknown.join(", "))));
    }
    let flag = |key: &str| match spec.properties.get(key).map(String::as_str) {
        None => Ok(false),
        Some(text) if text.eq_ignore_ascii_case("true") => Ok(true),
        Some(text) if text.eq_ignore_ascii_case("false") => Ok(false),
        Some(text) => Err(Refusal::analysis(format!("Invalid boolean property {key} value: {text}"))),
    };
    Ok(RestoreFlags {
        reserve_replica: flag("reserve_replica")?,
        reserve_dynamic_partition: flag("reserve_dynamic_partition_enable")?,
        reserve_colocate: flag("reserve_colocate")?,
        allow_load: flag("allow_load")?,
        clean_tables: flag("clean_tables")? || spec.clean_tables,
        clean_partitions: flag("clean_partitions")? || spec.clean_partitions,
        atomic: flag("atomic_restore")? || spec.atomic_restore,
        force_replace: flag("force_replace")? || spec.force_replace,
        replication: crate::model::properties::replication(&spec.properties)?,
    })
}

fn extra_info(info: &JobInfo) -> Answer<(BTreeMap<String, BeAddress>, doris::secret::Secret)> {
    let missing = |what: &str| Refusal::analysis(format!("Invalid job extra info {what}"));
    let extra = info.extra_info.clone().ok_or_else(|| missing("empty"))?;
    let addresses = extra.be_network_map.ok_or_else(|| missing("be network map"))?;
    let token = extra.token.filter(|token| !token.is_empty()).ok_or_else(|| missing("token"))?;
    Ok((addresses, token))
}

fn check_table_refs(spec: &RestoreSpec, info: &JobInfo) -> Answer<()> {
    let mut names: BTreeSet<&str> = BTreeSet::new();
    for (name, _) in &spec.tables {
        if !names.insert(name) {
            return Err(Refusal::analysis(format!("Duplicated table: {name}")));
        }
    }
    let mut aliases: BTreeSet<&str> = BTreeSet::new();
    for alias in spec.tables.iter().filter_map(|(_, alias)| alias.as_deref()) {
        if names.contains(alias) || !aliases.insert(alias) {
            return Err(Refusal::analysis(format!("Duplicated alias name: {alias}")));
        }
    }
    let known = |name: &str| {
        info.backup_objects.contains_key(name) || info.new_backup_objects.views.iter().any(|v| v.name == name)
    };
    match names.iter().find(|name| !known(name)) {
        None => Ok(()),
        Some(name) => Err(Refusal::analysis(format!("Table {name} does not exist in snapshot {}", info.name))),
    }
}
