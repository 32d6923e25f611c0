//! The PENDING step of a restore: what may be restored, and how.

use super::{
    JobError,
    document::{SnapshotPartition, SnapshotTable},
    restore::{RestoreJob, RestoreTable, RestoreView, TablePlan},
    signature::same_signature,
};
use crate::model::{
    Model, Partition, PartitionItem, PartitionState, Profile, Relation, Table, TableState, View, ids::*,
};

impl Model {
    /// Marks what is overwritten, checks every object in the order of the document, and builds what is missing. What is
    /// marked when a check fails is undone by the cancellation.
    pub(super) fn plan_restore(&mut self, job: &mut RestoreJob) -> Result<(), JobError> {
        let db = job.head.db;
        if !self.databases.contains_key(&db) {
            return Err(JobError::not_found(format!("database {db} does not exist")));
        }
        job.head.id = self.ids.next_raw();
        self.mark_local_tables(job)?;
        let names: Vec<String> = job.info.backup_objects.keys().map(str::to_owned).collect();
        for name in &names {
            let source = job.restored_table(name)?;
            let target = job.info.target(name).to_owned();
            let plan = self.plan_table(job, &source, &target)?;
            job.tables.push(RestoreTable { source, target, plan });
        }
        for view in job.info.new_backup_objects.views.clone() {
            let Some(source) = job.meta.views.get(&view.name).cloned() else { continue };
            let target = job.info.target(&view.name).to_owned();
            if let Some(built) = self.plan_view(job, &source, &target)? {
                job.views.push(RestoreView { target, id: built.id, built: Some(built) });
            }
        }
        Ok(())
    }

    fn mark_local_tables(&mut self, job: &RestoreJob) -> Result<(), JobError> {
        let spelt = self.profile().restore_refusals_spelt;
        let Some(db) = self.databases.get_mut(&job.head.db) else { return Ok(()) };
        for (name, info) in job.info.backup_objects.iter() {
            let target = job.info.target(name);
            let table = match db.relation(target).map(Relation::id) {
                None => continue,
                Some(id) => db.table_by_id_mut(id),
            };
            let Some(table) = table else {
                return Err(JobError::common(format!(
                    "Only support {} OLAP table: {target}",
                    if spelt { "restore" } else { "retore" }
                )));
            };
            if table.state != TableState::Normal {
                let state = table.state.name();
                return Err(JobError::common(format!("Table {target}'s state is not NORMAL: {state}")));
            }
            if !table.temp_partitions.is_empty() {
                return Err(JobError::common("Do not support restoring table with temp partitions"));
            }
            if job.flags.atomic {
                table.in_atomic_restore = true;
                continue;
            }
            table.state = TableState::Restore;
            for partition in &mut table.partitions {
                if info.partitions.keys().any(|name| name.eq_ignore_ascii_case(&partition.name)) {
                    partition.state = PartitionState::Restore;
                }
            }
        }
        for view in &job.info.new_backup_objects.views {
            let target = job.info.target(&view.name);
            if !matches!(db.relation(target), None | Some(Relation::View(_))) {
                return Err(JobError::common(format!(
                    "The local table {target} with the same name but a different type of backup meta."
                )));
            }
        }
        Ok(())
    }

    fn plan_table(&mut self, job: &RestoreJob, source: &SnapshotTable, target: &str) -> Result<TablePlan, JobError> {
        let local = self.databases.get(&job.head.db).and_then(|db| db.table(target)).cloned();
        let fits = match &local {
            None => true,
            Some(local) => check_local_table(self.profile(), job, local, source, target)?,
        };
        if let Some(local) = local.as_ref().filter(|_| !job.flags.atomic) {
            if !fits {
                return Err(JobError::common("doris-sim does not model force_replace without atomic_restore"));
            }
            return self.plan_partitions(job, local, source);
        }
        let base = local.as_ref().filter(|_| fits);
        let built = self.build_restored(job, source, &job.first_name(target), base)?;
        Ok(TablePlan::New { id: built.id, built: Some(Box::new(built)) })
    }

    /// Partition by partition into a table that fits.
    fn plan_partitions(
        &mut self,
        job: &RestoreJob,
        local: &Table,
        source: &SnapshotTable,
    ) -> Result<TablePlan, JobError> {
        let mut to_add = Vec::new();
        for partition in &source.partitions {
            let replication = job.replication_of(partition);
            match local.partition(&partition.name, false) {
                Some(existing) => check_replication(local, existing, replication)?,
                None if partition.item == PartitionItem::All => {
                    let text = format!("No partition exist in single partitioned table {}", local.name);
                    return Err(JobError::common(text));
                }
                None if local.partitions.iter().any(|p| p.item.overlaps(&partition.item)) => {
                    return Err(JobError::common(format!(
                        "Partition {} in table {} has conflict partition item with existing items",
                        partition.name, local.name
                    )));
                }
                None => {
                    let id = PartitionId::new(self.ids.next_raw());
                    to_add.push(self.build_restored_partition(job, local, partition, id)?);
                }
            }
        }
        Ok(TablePlan::Existing { id: local.id, to_add, added: Vec::new() })
    }

    /// The view to be made, if it is not there already.
    fn plan_view(&mut self, job: &RestoreJob, source: &View, target: &str) -> Result<Option<View>, JobError> {
        let definition = job.view_definition(source);
        let local = match self.databases.get(&job.head.db).and_then(|db| db.relation(target)) {
            Some(Relation::View(view)) => Some(view),
            _ => None,
        };
        if let Some(local) = local {
            // The name counts, too: a view under an alias fits none that exists.
            let fits =
                local.name == source.name && (local.definition == source.definition || local.definition == definition);
            if !fits && !job.flags.force_replace {
                return Err(JobError::common(format!("View {target} already exist but with different schema")));
            }
            if !job.flags.atomic {
                return Ok(None);
            }
        }
        let id = TableId::new(self.ids.next_raw());
        Ok(Some(View { id, name: job.first_name(target), definition, ..source.clone() }))
    }
}

impl RestoreJob {
    /// The table of this name in the snapshot, with those partitions that are restored.
    fn restored_table(&self, name: &str) -> Result<SnapshotTable, JobError> {
        let source = self.meta.tables.get(name).cloned();
        let mut source = source.ok_or_else(|| JobError::common(format!("table {name} is not in the meta")))?;
        if let Some(info) = self.info.backup_objects.get(name) {
            source.partitions.retain(|partition| info.partitions.contains_key(&partition.name));
        }
        Ok(source)
    }

    /// The number of replicas that a restored partition gets.
    pub(super) fn replication_of(&self, partition: &SnapshotPartition) -> u32 {
        if self.flags.reserve_replica { partition.replication } else { self.flags.replication }
    }
}

/// Whether a table fits what is to be restored onto it. One that does not is an error, unless it is replaced by force.
fn check_local_table(
    profile: &Profile,
    job: &RestoreJob,
    local: &Table,
    source: &SnapshotTable,
    target: &str,
) -> Result<bool, JobError> {
    let colocated =
        |table_properties: &std::collections::BTreeMap<String, String>| table_properties.contains_key("colocate_with");
    if colocated(&local.properties) || (job.flags.reserve_colocate && colocated(&source.properties)) {
        let text = format!("Not support to restore to local table {} with colocate group.", source.name);
        return Err(JobError::common(text));
    }
    let mut fits = true;
    let mut misfit = |text: String| {
        fits = false;
        if job.flags.force_replace { Ok(()) } else { Err(JobError::common(text)) }
    };
    if local.scheme.kind != source.scheme.kind {
        let (ours, theirs) = (local.scheme.kind.name(), source.scheme.kind.name());
        let which = match profile.restore_refusals_spelt {
            true => format!(
                ". local table: {}, local type: {ours}, another table: {}, another type: {theirs}",
                local.name, source.name
            ),
            false => String::new(),
        };
        misfit(format!("Table's partition type is different{which}"))?;
    }
    if !same_signature(&SnapshotTable::of(local), source) {
        misfit(format!("Table {target} already exist but with different schema"))?;
    }
    for partition in &source.partitions {
        let Some(existing) = local.partition(&partition.name, false) else { continue };
        if existing.item != partition.item {
            misfit(format!(
                "Partition {} in table {} has different partition item with partition in repository",
                partition.name, local.name
            ))?;
        }
    }
    Ok(fits)
}

fn check_replication(local: &Table, existing: &Partition, replication: u32) -> Result<(), JobError> {
    if existing.replication == replication {
        return Ok(());
    }
    Err(JobError::common(format!(
        "Partition {} in table {} has different replication num '{}' with partition in repository, which is \
         {replication}",
        existing.name, local.name, existing.replication
    )))
}
