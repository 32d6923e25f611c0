//! The end of a restore: data, versions and states; and undoing one that was cancelled.

use super::{
    JobError,
    restore::{RestoreJob, TablePlan, hidden_name, local_partition},
    restore_build::set_being_synced,
};
use crate::model::{Model, Partition, PartitionState, Relation, fe_json::JavaMap, ids::*};

impl Model {
    /// COMMITTING: the data, the switch of an atomic restore, states and versions, and cleaning.
    pub(super) fn finish_restore(&mut self, job: &RestoreJob) -> Result<(), JobError> {
        for n in 0..job.tables.len() {
            self.move_data(job, n)?;
        }
        if job.flags.atomic {
            self.switch_tables(job)?;
            self.switch_views(job)?;
        }
        self.set_normal(job, true);
        for n in 0..job.tables.len() {
            self.set_restored_versions(job, n);
        }
        if job.flags.clean_tables || job.flags.clean_partitions {
            self.clean(job);
        }
        let now = self.now_ms;
        for name in job.info.backup_objects.keys() {
            let table = self.databases.get_mut(&job.head.db).and_then(|db| {
                let id = db.relation(job.info.target(name))?.id();
                db.table_by_id_mut(id)
            });
            // Unlike a load, this counts as a change of the table, not of its data.
            if let Some(table) = table {
                table.version = Version(table.version.0 + 1);
                table.version_ms = now;
                table.updated_ms = table.partitions.iter().map(|partition| partition.visible_ms).max().unwrap_or(now);
            }
        }
        // Tables changed their switches without a property record.
        self.binlog_switch_cache.retain(|(db, _), _| *db != job.head.db);
        Ok(())
    }

    /// What was downloaded takes the place of what the tablets have.
    fn move_data(&mut self, job: &RestoreJob, n: usize) -> Result<(), JobError> {
        let restored = &job.tables[n];
        let id = restored.plan.table();
        let table = self.databases.get(&job.head.db).and_then(|db| db.table_by_id(id));
        let table = table.ok_or_else(|| JobError::not_found(format!("table {id} has been dropped")))?;
        let partitions: Vec<Partition> =
            restored.source.partitions.iter().filter_map(|source| local_partition(table, source)).cloned().collect();
        for partition in &partitions {
            self.forget_overtaken(partition.id);
            for (_, tablet) in partition.tablets() {
                for replica in &tablet.replicas {
                    let rowsets = job.downloaded(tablet.id, replica.backend).cloned().unwrap_or_default();
                    let be = self.backends.get_mut(&replica.backend);
                    if let Some(on_be) = be.and_then(|be| be.tablets.get_mut(&tablet.id)) {
                        on_be.rowsets = rowsets;
                        on_be.pending.clear();
                        // Versions that came by a restore have no rowset binlog.
                        on_be.binlogs.clear();
                        on_be.corrupt = None;
                    }
                }
            }
        }
        Ok(())
    }

    /// What was committed to a partition and is not visible yet is overwritten with everything else.
    fn forget_overtaken(&mut self, partition: PartitionId) {
        let active: Vec<TxnId> = self.active_txns.iter().copied().collect();
        for id in active {
            if let Some(txn) = self.txns.get_mut(&id) {
                txn.writes.retain(|write| write.partition != partition);
            }
        }
    }

    /// Each new table takes the name of its predecessor, which is erased, one after the other.
    fn switch_tables(&mut self, job: &RestoreJob) -> Result<(), JobError> {
        let db_id = job.head.db;
        for name in job.info.backup_objects.keys() {
            let target = job.info.target(name);
            let hidden = hidden_name(target);
            let Some(db) = self.databases.get_mut(&db_id) else { return Ok(()) };
            let new = match db.relation(&hidden) {
                None => {
                    let text = format!("replace table failed, the temp table {hidden} is not found");
                    return Err(JobError::common(text));
                }
                Some(relation) => relation.id(),
            };
            let old = match db.relation(target) {
                None => None,
                Some(Relation::Table(table)) => Some(table.id),
                Some(_) => {
                    return Err(JobError::common(format!(
                        "replace table failed, the origin table {target} is not OLAP table, it is VIEW"
                    )));
                }
            };
            if let Some(old) = old {
                self.erase_table(db_id, old);
            }
            if let Some(table) = self.table_mut(db_id, new) {
                table.rename(target);
                table.state = table.state.after_restore();
                table.created_by_restore = false;
            }
        }
        Ok(())
    }

    fn switch_views(&mut self, job: &RestoreJob) -> Result<(), JobError> {
        let Some(db) = self.databases.get_mut(&job.head.db) else { return Ok(()) };
        for view in &job.views {
            let Some(Relation::View(mut new)) = db.relations.remove(&view.id) else {
                let hidden = hidden_name(&view.target);
                return Err(JobError::common(format!("replace view failed, the temp view {hidden} is not found")));
            };
            match db.relation(&view.target) {
                None => {}
                Some(Relation::View(old)) => {
                    let old = old.id;
                    db.relations.remove(&old);
                }
                Some(_) => {
                    return Err(JobError::common(format!(
                        "replace view failed, the origin view {} is not VIEW, it is OLAP",
                        view.target
                    )));
                }
            }
            view.target.clone_into(&mut new.name);
            db.relations.insert(new.id, Relation::View(new));
        }
        Ok(())
    }

    /// The tables of the job, found by their names, are NORMAL again.
    fn set_normal(&mut self, job: &RestoreJob, committed: bool) {
        let Some(db) = self.databases.get_mut(&job.head.db) else { return };
        for (name, info) in job.info.backup_objects.iter() {
            let Some(id) = db.relation(job.info.target(name)).map(Relation::id) else { continue };
            let Some(table) = db.table_by_id_mut(id) else { continue };
            table.state = table.state.after_restore();
            table.in_atomic_restore = false;
            for partition in &mut table.partitions {
                if info.partitions.keys().any(|name| name.eq_ignore_ascii_case(&partition.name)) {
                    partition.state = PartitionState::Normal;
                }
            }
            if committed {
                table.created_by_restore = false;
                if job.flags.is_being_synced {
                    set_being_synced(&mut table.properties);
                }
            }
        }
    }

    /// Partitions that were there before get the versions of the snapshot, also downwards (seen).
    fn set_restored_versions(&mut self, job: &RestoreJob, n: usize) {
        let now = self.now_ms;
        let restored = &job.tables[n];
        let TablePlan::Existing { id, added, .. } = &restored.plan else { return };
        let Some(table) = self.table_mut(job.head.db, *id) else { return };
        for source in &restored.source.partitions {
            let Some(id) = local_partition(table, source).map(|partition| partition.id) else { continue };
            let Some(partition) = table.partition_by_id_mut(id).filter(|p| !added.contains(&p.id)) else { continue };
            partition.visible_version = source.version;
            partition.next_version = Version(source.version.0 + 1);
            partition.visible_ms = now;
            for replica in partition.indexes.values_mut().flatten().flat_map(|tablet| &mut tablet.replicas) {
                replica.version = source.version;
                replica.last_failed_version = None;
            }
        }
    }

    /// Drops every table and view that is not an object of the backup **by its name in the source** - what was restored
    /// under an alias goes, too - and partitions of those that are. Both are recorded, as if a user did it (seen).
    fn clean(&mut self, job: &RestoreJob) {
        let db_id = job.head.db;
        let Some(db) = self.databases.get(&db_id) else { return };
        let relations = JavaMap::of_longs(db.relations.values().map(|relation| (relation.id().get(), relation)));
        let mut gone = Vec::new();
        let mut partitions = Vec::new();
        for relation in relations.values() {
            match relation {
                Relation::Table(table) => match job.info.backup_objects.get(&table.name) {
                    Some(info) if job.flags.clean_partitions => {
                        let extra = table.partitions.iter().filter(|p| !info.partitions.contains_key(&p.name));
                        partitions.extend(extra.map(|p| (table.id, p.id, p.name.clone())));
                    }
                    Some(_) => {}
                    None => gone.push((table.id, table.name.clone())),
                },
                Relation::View(view) if !job.info.has_view(&view.name) => gone.push((view.id, view.name.clone())),
                _ => {}
            }
        }
        for (table, partition, name) in partitions {
            self.drop_partition_unchecked(db_id, table, partition, &name, false, false);
        }
        if job.flags.clean_tables {
            for (id, name) in gone {
                self.drop_relation_unchecked(db_id, id, &name, false);
            }
        }
    }

    /// A restore was cancelled: what it marked is NORMAL again, what it made goes.
    pub(super) fn undo_restore(&mut self, job: &RestoreJob) {
        self.set_normal(job, false);
        let db = job.head.db;
        for restored in &job.tables {
            match &restored.plan {
                TablePlan::New { id, built } => {
                    if let Some(built) = built {
                        self.drop_tablets(built);
                    }
                    self.erase_unfinished(db, *id, &job.first_name(&restored.target));
                }
                TablePlan::Existing { id, to_add, added } => {
                    let mut gone = to_add.clone();
                    if let Some(table) = self.table_mut(db, *id) {
                        let all = std::mem::take(&mut table.partitions);
                        let (dropped, kept): (Vec<_>, Vec<_>) = all.into_iter().partition(|p| added.contains(&p.id));
                        table.partitions = kept;
                        gone.extend(dropped);
                    }
                    for partition in gone {
                        self.drop_partition_tablets(&partition);
                    }
                }
            }
        }
        for view in &job.views {
            self.erase_unfinished(db, view.id, &job.first_name(&view.target));
        }
    }

    /// Erases what a restore registered, if it still has its first name: one that was switched stays.
    fn erase_unfinished(&mut self, db: DbId, id: TableId, name: &str) {
        let found = self.databases.get(&db).and_then(|db| db.relation(name)).map(Relation::id);
        if found == Some(id) {
            self.erase_table(db, id);
        }
    }
}
