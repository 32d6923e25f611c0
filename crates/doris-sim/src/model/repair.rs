//! The tablet scheduler: replicas that missed a version are repaired, and replicas move between backends.

use super::{Answer, Model, Refusal, ReplicaId, ids::*};

/// Rounds of the scheduler.
pub(crate) const REPAIR_INTERVAL_MS: i64 = 20_000;

/// Where a replica is to be copied.
struct Copying {
    tablet: TabletId,
    from: BackendId,
    to: BackendId,
    version: Version,
}

impl Model {
    /// One round: every replica that missed a version and whose backend lives is copied from one that has everything.
    pub fn repair_replicas(&mut self) {
        let mut clones = Vec::new();
        for table in self.databases.values().flat_map(|db| db.tables()) {
            for partition in table.all_partitions() {
                for (_, tablet) in partition.tablets() {
                    let version = partition.visible_version;
                    let alive = |be: &BackendId| self.backends.get(be).is_some_and(|be| be.works());
                    let healthy = tablet
                        .replicas
                        .iter()
                        .find(|r| r.last_failed_version.is_none() && r.version >= version && alive(&r.backend));
                    let Some(healthy) = healthy else { continue };
                    let broken =
                        tablet.replicas.iter().filter(|r| r.last_failed_version.is_some() && alive(&r.backend));
                    clones.extend(broken.map(|r| Copying {
                        tablet: tablet.id,
                        from: healthy.backend,
                        to: r.backend,
                        version: healthy.version,
                    }));
                }
            }
        }
        for clone in clones {
            self.clone_tablet(clone.tablet, clone.from, clone.to);
            self.update_replica(clone.tablet, clone.to, |replica| {
                replica.version = clone.version;
                replica.last_failed_version = None;
            });
        }
    }

    /// Moves a replica to another backend, as the balancer does: a new replica id, and commit infos that name the old
    /// backend count no more. The copy takes the rowset binlogs along where the tablet keeps them.
    pub fn move_replica(&mut self, tablet: TabletId, from: BackendId, to: BackendId) -> Answer<()> {
        if !self.clone_tablet(tablet, from, to) {
            return Err(Refusal::analysis(format!("tablet {tablet} cannot be moved from backend {from} to {to}")));
        }
        if let Some(be) = self.backends.get_mut(&from) {
            be.tablets.remove(&tablet);
        }
        let id = ReplicaId::new(self.ids.next_raw());
        self.update_replica(tablet, from, |replica| {
            replica.id = id;
            replica.backend = to;
        });
        self.journal();
        Ok(())
    }

    /// Copies what is published of a tablet from one backend to another.
    fn clone_tablet(&mut self, tablet: TabletId, from: BackendId, to: BackendId) -> bool {
        let Some(mut copy) = self.backends.get(&from).and_then(|be| be.tablets.get(&tablet)).cloned() else {
            return false;
        };
        copy.pending.clear();
        if self.options.clones_without_binlogs {
            copy.binlogs.clear();
        }
        copy.ingesting.clear();
        copy.overlapped.clear();
        copy.ingest_failures.clear();
        let Some(be) = self.backends.get_mut(&to) else { return false };
        if let Some(old) = be.tablets.get_mut(&tablet) {
            copy.pending = std::mem::take(&mut old.pending);
        }
        be.tablets.insert(tablet, copy);
        true
    }

    fn update_replica(&mut self, tablet: TabletId, backend: BackendId, change: impl FnOnce(&mut super::Replica)) {
        let tables = self.databases.values_mut().flat_map(|db| db.relations.values_mut());
        let replica = tables
            .filter_map(super::Relation::as_table_mut)
            .flat_map(super::Table::all_partitions_mut)
            .flat_map(|partition| partition.indexes.values_mut().flatten())
            .filter(|t| t.id == tablet)
            .flat_map(|t| &mut t.replicas)
            .find(|replica| replica.backend == backend);
        if let Some(replica) = replica {
            change(replica);
        }
    }
}
