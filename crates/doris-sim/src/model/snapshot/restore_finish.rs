//! The end of a restore: data, versions and states; and undoing one that failed.

use super::{
    JobError,
    restore::{ATOMIC_PREFIX, RestoreJob, TablePlan},
};
use crate::model::{Model, PartitionItem, PartitionState, Relation, TableState, View, ids::*};

impl RestoreJob {
    /// The definition of a view, with the names of the source database replaced.
    pub(super) fn view_definition(&self, view: &View) -> String {
        let from = format!("`internal`.`{}`.", self.source_db);
        view.definition.replace(&from, &format!("`internal`.`{}`.", self.head.db_name))
    }
}

impl Model {
    /// COMMITTING: data and versions of every table, then the switch of atomic ones, views, and cleaning.
    pub(super) fn finish_restore(&mut self, job: &RestoreJob) -> Result<(), JobError> {
        for n in 0..job.tables.len() {
            self.install_table(job, n)?;
        }
        for table in &job.tables {
            if let TablePlan::Atomic { id, replaces, .. } = &table.plan {
                self.erase_table(job.head.db, *replaces);
                if let Some(new) = self.table_mut(job.head.db, *id) {
                    new.rename(&table.target);
                }
            }
        }
        for (_, view) in &job.views {
            self.install_view(job, view);
        }
        if job.flags.clean_tables {
            self.clean_tables(job);
        }
        if job.flags.clean_partitions {
            self.clean_partitions(job);
        }
        // Tables changed their switches without a property record.
        self.binlog_switch_cache.retain(|(db, _), _| *db != job.head.db);
        Ok(())
    }

    fn install_table(&mut self, job: &RestoreJob, n: usize) -> Result<(), JobError> {
        let restored = &job.tables[n];
        let id = restored.plan.table().ok_or_else(|| JobError::common("table without a plan"))?;
        let now = self.now_ms;
        let mut overtaken = Vec::new();
        let Some(table) = self.databases.get_mut(&job.head.db).and_then(|db| db.table_by_id_mut(id)) else {
            return Err(JobError::not_found(format!("table {id} has been dropped")));
        };
        table.state = TableState::Normal;
        table.created_by_restore = false;
        table.properties.insert("is_being_synced".into(), "true".into());
        table.updated_ms = now;
        for source in &restored.source.partitions {
            let partition = table
                .partitions
                .iter_mut()
                .find(|p| p.name.eq_ignore_ascii_case(&source.name) || source.item == PartitionItem::All)
                .ok_or_else(|| JobError::not_found(format!("partition {} has been dropped", source.id)))?;
            partition.state = PartitionState::Normal;
            // What was committed and is not visible yet is overwritten with everything else.
            for txn in self.active_txns.iter().filter_map(|txn| self.txns.get(txn)) {
                overtaken
                    .extend(txn.writes.iter().filter(|w| w.partition == partition.id).map(|w| (txn.id, w.partition)));
            }
            // Also downwards: the version is the source's (seen).
            partition.visible_version = source.version;
            partition.next_version = Version(source.version.0 + 1);
            partition.visible_ms = now;
            for tablet in partition.indexes.values_mut().flatten() {
                for replica in &mut tablet.replicas {
                    let rowsets = job.downloaded(tablet.id, replica.backend).cloned().unwrap_or_default();
                    let be = self.backends.get_mut(&replica.backend);
                    if let Some(on_be) = be.and_then(|be| be.tablets.get_mut(&tablet.id)) {
                        on_be.rowsets = rowsets;
                        on_be.pending.clear();
                        // Versions that came by a restore have no rowset binlog.
                        on_be.binlogs.clear();
                        on_be.corrupt = None;
                    }
                    replica.version = source.version;
                    replica.last_failed_version = None;
                }
            }
        }
        for (txn, partition) in overtaken {
            if let Some(txn) = self.txns.get_mut(&txn) {
                txn.writes.retain(|write| write.partition != partition);
            }
        }
        Ok(())
    }

    fn install_view(&mut self, job: &RestoreJob, view: &View) {
        let definition = job.view_definition(view);
        let existing = self.databases.get(&job.head.db).and_then(|db| db.relation(&view.name)).map(Relation::id);
        let id = match existing {
            Some(id) => id,
            None => TableId::new(self.ids.next_raw()),
        };
        if let Some(db) = self.databases.get_mut(&job.head.db) {
            db.relations.insert(id, Relation::View(View { id, definition, ..view.clone() }));
        }
    }

    /// Drops every table and view that is not an object of the backup **by its name in the source**: what was restored
    /// under an alias goes, too (seen).
    fn clean_tables(&mut self, job: &RestoreJob) {
        let kept = |name: &str| {
            job.info.backup_objects.contains_key(name)
                || job.info.new_backup_objects.views.iter().any(|view| view.name == name)
        };
        let gone: Vec<TableId> = self
            .databases
            .get(&job.head.db)
            .map(|db| db.relations.values().filter(|r| !kept(r.name())).map(Relation::id).collect())
            .unwrap_or_default();
        for id in gone {
            self.erase_table(job.head.db, id);
        }
    }

    fn clean_partitions(&mut self, job: &RestoreJob) {
        for restored in &job.tables {
            let Some(id) = restored.plan.table() else { continue };
            let Some(table) = self.table_mut(job.head.db, id) else { continue };
            let (kept, gone): (Vec<_>, Vec<_>) = std::mem::take(&mut table.partitions).into_iter().partition(|p| {
                p.item == PartitionItem::All
                    || restored.source.partitions.iter().any(|s| s.name.eq_ignore_ascii_case(&p.name))
            });
            table.partitions = kept;
            for partition in gone {
                self.drop_partition_tablets(&partition);
            }
        }
    }

    /// A restore was cancelled: what it made goes, what it marked is NORMAL again.
    pub(super) fn undo_restore(&mut self, job: &RestoreJob) {
        let db = job.head.db;
        for restored in &job.tables {
            match &restored.plan {
                TablePlan::Undecided => {}
                TablePlan::New { id, built } => {
                    self.drop_built(built.as_deref());
                    self.erase_restored(db, *id);
                }
                TablePlan::Atomic { id, built, replaces } => {
                    self.drop_built(built.as_deref());
                    self.erase_restored(db, *id);
                    if let Some(table) = self.table_mut(db, *replaces) {
                        table.in_atomic_restore = false;
                    }
                }
                TablePlan::Existing { id, added } => {
                    let mut gone = Vec::new();
                    if let Some(table) = self.table_mut(db, *id) {
                        table.state = TableState::Normal;
                        table.partitions.iter_mut().for_each(|p| p.state = PartitionState::Normal);
                        let all = std::mem::take(&mut table.partitions);
                        (gone, table.partitions) = all.into_iter().partition(|p| added.contains(&p.id));
                    }
                    for partition in gone {
                        self.drop_partition_tablets(&partition);
                    }
                }
            }
        }
    }

    fn drop_built(&mut self, built: Option<&crate::model::Table>) {
        if let Some(table) = built {
            self.drop_tablets(table);
        }
    }

    /// Erases a table that a restore made, unless it is finished under its own name.
    fn erase_restored(&mut self, db: DbId, id: TableId) {
        let unfinished = self
            .databases
            .get(&db)
            .and_then(|db| db.table_by_id(id))
            .is_some_and(|table| table.created_by_restore || table.name.starts_with(ATOMIC_PREFIX));
        if unfinished {
            self.erase_table(db, id);
        }
    }
}
