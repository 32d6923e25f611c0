//! Whether enough replicas have the data of a transaction at its commit.

use std::collections::{BTreeMap, BTreeSet};

use super::Txn;
use crate::model::{Answer, IndexSchema, Model, Partition, Refusal, Replica, Table, Tablet, ids::*};

/// What a commit reports: the backends that wrote each tablet.
pub(super) type Reported = BTreeMap<TabletId, BTreeSet<BackendId>>;

/// The replicas of one tablet by how they took part.
#[derive(Default)]
struct Written<'a> {
    succeeded: Vec<&'a Replica>,
    /// Not reported.
    failed: Vec<&'a Replica>,
    /// Reported, but an earlier version is missing.
    behind: Vec<&'a Replica>,
}

impl Txn {
    /// The tablets that a transaction must write in a partition: of the indexes that its plan knew, else of all,
    /// including those under construction.
    pub(super) fn loaded_tablets<'a>(
        &'a self,
        table: TableId,
        partition: &'a Partition,
    ) -> impl Iterator<Item = (IndexId, &'a Tablet)> {
        let planned = self.planned_indexes.get(&table);
        partition.tablets().filter(move |(index, _)| planned.is_none_or(|indexes| indexes.contains(index)))
    }
}

impl Model {
    /// Every tablet that the transaction loads needs enough replicas that were reported and never failed. Answers the
    /// replicas that were not reported.
    pub(super) fn check_quorum(
        &self,
        txn: &Txn,
        table: &Table,
        partition: &Partition,
        reported: &Reported,
    ) -> Answer<Vec<ReplicaId>> {
        let required = usize::try_from(table.required_replicas(partition)).unwrap_or(usize::MAX);
        let mut unreported = Vec::new();
        for (index, tablet) in txn.loaded_tablets(table.id, partition) {
            let backends = reported.get(&tablet.id);
            let mut written = Written::default();
            for replica in &tablet.replicas {
                let list = match backends.is_some_and(|set| set.contains(&replica.backend)) {
                    false => &mut written.failed,
                    true if replica.last_failed_version.is_some() => &mut written.behind,
                    true => &mut written.succeeded,
                };
                list.push(replica);
            }
            if written.succeeded.len() < required {
                let altering = table.indexes.get(&index).is_some_and(|schema: &IndexSchema| schema.shadow);
                return Err(Refusal::analysis(format!(
                    "Failed to commit txn {}, cause tablet {} succ replica num {} < load required replica num \
                     {required}. table {}, partition: [ id={}, commit version {}, visible version {} ], this tablet \
                     detail: {}. Please try again later.",
                    txn.id,
                    tablet.id,
                    written.succeeded.len(),
                    table.id,
                    partition.id,
                    partition.committed_version(),
                    partition.visible_version,
                    self.describe(&written, altering),
                )));
            }
            unreported.extend(written.failed.iter().map(|replica| replica.id));
        }
        Ok(unreported)
    }

    fn describe(&self, written: &Written<'_>, altering: bool) -> String {
        let state = if altering { "ALTER" } else { "NORMAL" };
        let list = |replicas: &[&Replica], separator: &str| {
            let texts = replicas.iter().map(|r| {
                let alive = self.backends.get(&r.backend).is_some_and(|be| be.alive);
                let failed = r.last_failed_version.map(|version| format!(", lastFailedVersion={version}"));
                format!(
                    "[replicaId={}, backendId={}, backendAlive={alive}, version={}{}, state={state}]",
                    r.id,
                    r.backend,
                    r.version,
                    failed.unwrap_or_default()
                )
            });
            texts.collect::<Vec<_>>().join(separator)
        };
        let Written { succeeded, failed, behind } = written;
        let mut text = String::new();
        if !succeeded.is_empty() {
            text += &format!("{} replicas final succ: {{ {} }}; ", succeeded.len(), list(succeeded, ", "));
        }
        if !failed.is_empty() {
            text += &format!(
                "{} replicas write data failed: {{ {} }}, please check BE log for details; ",
                failed.len(),
                list(failed, ", ")
            );
        }
        if !behind.is_empty() {
            text += &format!(
                "{} replicas write data succ but miss previous version: {{ {} }}, please check output of SHOW TABLET \
                 for details",
                behind.len(),
                list(behind, ",")
            );
        }
        text
    }
}
