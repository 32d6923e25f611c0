//! A restore job and its steps.

use std::collections::BTreeMap;

use super::{
    JobError, JobHead, JobState,
    document::{Meta, SnapshotTable},
    download::Download,
    job_info::JobInfo,
};
use crate::model::{Model, Partition, Relation, Table, TableState, View, ids::*};

/// The switches of a restore.
#[derive(Clone, Debug, Default)]
pub struct RestoreFlags {
    pub reserve_replica: bool,
    pub reserve_dynamic_partition: bool,
    pub reserve_colocate: bool,
    pub is_being_synced: bool,
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
    /// Only the objects that are restored.
    pub(super) info: JobInfo,
    pub(super) meta: Meta,
    pub(super) token: doris::secret::Secret,
    /// Decided in PENDING.
    pub(super) tables: Vec<RestoreTable>,
    pub(super) views: Vec<RestoreView>,
    pub(super) downloads: BTreeMap<(TabletId, BackendId), Download>,
    /// What went wrong with the tasks of the present state, by their signature.
    pub(super) task_errors: BTreeMap<i64, String>,
}

/// One table of a restore.
#[derive(Clone, Debug)]
pub(super) struct RestoreTable {
    pub(super) source: SnapshotTable,
    /// Under which name it is restored.
    pub(super) target: String,
    pub(super) plan: TablePlan,
}

/// How a table is restored.
#[derive(Clone, Debug)]
pub(super) enum TablePlan {
    /// As a table of its own, under the target name or, in an atomic restore, under a hidden one. Registered at the end
    /// of CREATING.
    New { id: TableId, built: Option<Box<Table>> },
    /// Partition by partition into the existing table. Those that it does not have are added at the end of CREATING.
    Existing { id: TableId, to_add: Vec<Partition>, added: Vec<PartitionId> },
}

/// A view that is restored. One that is there already and fits is left alone.
#[derive(Clone, Debug)]
pub(super) struct RestoreView {
    pub(super) target: String,
    pub(super) id: TableId,
    /// Until the end of CREATING.
    pub(super) built: Option<View>,
}

impl TablePlan {
    /// The table that receives the data.
    pub(super) fn table(&self) -> TableId {
        match self {
            Self::New { id, .. } | Self::Existing { id, .. } => *id,
        }
    }
}

/// Before the hidden names of an atomic restore.
const ATOMIC_PREFIX: &str = "__doris_atomic_restore_prefix__";

/// The name of what an atomic restore builds.
pub(super) fn hidden_name(target: &str) -> String {
    format!("{ATOMIC_PREFIX}{target}")
}

impl RestoreJob {
    /// The name under which a new object is registered at first.
    pub(super) fn first_name(&self, target: &str) -> String {
        if self.flags.atomic { hidden_name(target) } else { target.to_owned() }
    }

    /// The definition of a view, with the names of the source database replaced.
    pub(super) fn view_definition(&self, view: &View) -> String {
        let from = format!("`internal`.`{}`.`", self.info.database);
        view.definition.replace(&from, &format!("`internal`.`{}`.`", self.head.db_name))
    }

    /// Back to PENDING.
    pub(super) fn forget_work(&mut self) {
        self.head.id = -1;
        self.head.tasks.clear();
        self.tables.clear();
        self.views.clear();
        self.downloads.clear();
        self.task_errors.clear();
    }
}

impl Model {
    /// One tick of a restore.
    pub(super) fn step_restore(&mut self, job: &mut RestoreJob) -> Result<(), JobError> {
        let now = self.now_ms;
        if !matches!(job.head.state, JobState::Pending | JobState::Creating) {
            self.check_still_there(job)?;
        }
        job.head.state = match job.head.state {
            JobState::Pending => {
                self.plan_restore(job)?;
                if self.profile().restore_creating_state {
                    JobState::Creating
                } else {
                    self.register_created(job)?;
                    job.head.meta_prepared_ms = Some(now);
                    JobState::Snapshoting
                }
            }
            JobState::Creating => {
                self.register_created(job)?;
                self.make_replica_tasks(job);
                job.head.meta_prepared_ms = Some(now);
                JobState::Snapshoting
            }
            JobState::Snapshoting => {
                job.head.snapshot_finished_ms = Some(now);
                job.head.tasks.clear();
                self.journal();
                JobState::Download
            }
            JobState::Download => {
                self.plan_downloads(job)?;
                JobState::Downloading
            }
            JobState::Downloading if job.downloads_done() => {
                job.head.transfer_finished_ms = Some(now);
                job.task_errors.clear();
                job.head.tasks.clear();
                self.journal();
                JobState::Commit
            }
            JobState::Downloading => {
                // The last download makes the next step due, or the next attempt of one that failed.
                job.head.next_step_ms = job.retry_downloads(now);
                JobState::Downloading
            }
            JobState::Commit => {
                self.make_replica_tasks(job);
                JobState::Committing
            }
            JobState::Committing => {
                self.finish_restore(job)?;
                job.head.tasks.clear();
                job.head.finished_ms = Some(now);
                self.journal();
                JobState::Finished
            }
            state => state,
        };
        Ok(())
    }

    /// One task for each replica that the restore writes.
    fn make_replica_tasks(&mut self, job: &mut RestoreJob) {
        job.head.tasks.clear();
        if job.info.content != "ALL" {
            return;
        }
        let mut tablets: Vec<TabletId> = Vec::new();
        for restored in &job.tables {
            let id = restored.plan.table();
            let table = self.databases.get(&job.head.db).and_then(|db| db.table_by_id(id));
            for (partition, _) in table.into_iter().flat_map(|table| job.partitions_of(restored, table)) {
                let all = partition.into_iter().flat_map(Partition::tablets);
                tablets.extend(all.flat_map(|(_, tablet)| tablet.replicas.iter().map(|_| tablet.id)));
            }
        }
        job.head.tasks = tablets.into_iter().map(|tablet| (self.ids.next_raw(), tablet.get())).collect();
    }

    /// From SNAPSHOTING on nothing of the restore may be dropped.
    fn check_still_there(&self, job: &RestoreJob) -> Result<(), JobError> {
        let db = self.databases.get(&job.head.db).ok_or_else(|| job.database_dropped())?;
        for restored in &job.tables {
            let id = restored.plan.table();
            let gone = || JobError::not_found(format!("table {id} has been dropped"));
            let table = db.table_by_id(id).ok_or_else(gone)?;
            for (partition, of_job) in job.partitions_of(restored, table) {
                match partition {
                    None => return Err(JobError::not_found(format!("partition {of_job} has been dropped"))),
                    Some(partition) => {
                        let missing = table
                            .indexes
                            .values()
                            .find(|index| !index.shadow && !partition.indexes.contains_key(&index.id));
                        if let Some(index) = missing {
                            return Err(JobError::not_found(format!("index {} has been dropped", index.id)));
                        }
                    }
                }
            }
        }
        Ok(())
    }

    /// The end of CREATING: new tables and partitions appear in the catalog.
    fn register_created(&mut self, job: &mut RestoreJob) -> Result<(), JobError> {
        let db_id = job.head.db;
        let db = self.databases.get_mut(&db_id);
        let db = db.ok_or_else(|| JobError::not_found(format!("database {db_id} does not exist")))?;
        for table in &mut job.tables {
            if let TablePlan::Existing { id, to_add, added } = &mut table.plan
                && let Some(local) = db.table_by_id_mut(*id)
            {
                added.extend(to_add.iter().map(|partition| partition.id));
                local.partitions.append(to_add);
            }
        }
        let taken = |name: &str| JobError::common(format!("Table {name} already exist in db: {}", job.head.db_name));
        for table in &mut job.tables {
            let TablePlan::New { built, .. } = &mut table.plan else { continue };
            let Some(built) = built.take() else { continue };
            if db.relation(&built.name).is_some() {
                return Err(taken(&built.name));
            }
            db.relations.insert(built.id, Relation::Table(built));
        }
        for view in &mut job.views {
            let Some(built) = view.built.take() else { continue };
            if db.relation(&built.name).is_some() {
                return Err(taken(&built.name));
            }
            db.relations.insert(built.id, Relation::View(built));
        }
        Ok(())
    }
}

impl RestoreJob {
    pub(super) fn database_dropped(&self) -> JobError {
        JobError::not_found(format!("database {} has been dropped", self.head.db))
    }

    /// The partitions of a table that the restore writes, each with the id that it has, or had in the snapshot.
    fn partitions_of<'a>(
        &'a self,
        restored: &'a RestoreTable,
        table: &'a Table,
    ) -> impl Iterator<Item = (Option<&'a Partition>, PartitionId)> {
        restored.source.partitions.iter().map(|source| {
            let local = local_partition(table, source);
            (local, local.map_or(source.id, |partition| partition.id))
        })
    }
}

/// The partition of a table that corresponds to one of the snapshot: by name; an unpartitioned table has only one.
pub(super) fn local_partition<'a>(
    table: &'a Table,
    source: &super::document::SnapshotPartition,
) -> Option<&'a Partition> {
    use crate::model::PartitionItem;
    match source.item {
        PartitionItem::All => table.partitions.first(),
        _ => table.partition(&source.name, false),
    }
}

impl TableState {
    /// What a finished or cancelled restore leaves of the state.
    pub(super) fn after_restore(self) -> Self {
        if self == Self::Restore { Self::Normal } else { self }
    }
}
