//! commitTxn: which partitions get a version, and whether enough replicas have the data.

use std::collections::{BTreeMap, BTreeSet};

use super::{Txn, TxnState, TxnWrite, txn_not_found};
use crate::model::{Answer, Model, Partition, PartitionState, Refusal, Table, TableState, ids::*};

/// The commit infos of a transaction, or of one of its sub transactions.
#[derive(Clone, Debug)]
pub struct CommitPart {
    /// The key of the pending rowsets.
    pub stid: TxnId,
    /// Sub transactions name their table.
    pub table: Option<TableId>,
    /// (tablet, backend) as reported.
    pub infos: Vec<(TabletId, BackendId)>,
}

/// Where a commit got to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CommitState {
    /// Wait for the publish.
    Committed,
    Visible,
}

impl Model {
    /// commitTxn up to COMMITTED. The caller waits for VISIBLE.
    ///
    /// The partitions of the transaction are those that own a reported tablet: infos that match nothing are ignored, and
    /// a commit without any is an empty transaction with status OK (seen). A committed or visible transaction is
    /// answered without a look at the infos. `parts`: one without sub transactions.
    pub fn commit_txn(&mut self, db: DbId, id: TxnId, parts: &[CommitPart]) -> Answer<CommitState> {
        let Some(txn) = self.txns.get(&id).filter(|txn| txn.db == db) else {
            return Err(txn_not_found(id));
        };
        self.check_txn_tables(txn)?;
        match txn.state {
            TxnState::Prepare => {}
            TxnState::Committed => return Ok(CommitState::Committed),
            TxnState::Visible => return Ok(CommitState::Visible),
            TxnState::Aborted => {
                let reason = &txn.reason;
                let text = format!("transaction [{id}] is already aborted. abort reason: {reason}");
                return Err(Refusal::analysis(text));
            }
        }
        let txn = txn.clone();
        let mut touched: Vec<(TxnId, TableId, PartitionId)> = Vec::new();
        let mut failed: Vec<ReplicaId> = Vec::new();
        for part in parts {
            self.check_part(&txn, part, &mut touched, &mut failed)?;
        }
        let mut writes = Vec::new();
        for (stid, table_id, partition_id) in touched {
            let Some(partition) =
                self.table_mut(db, table_id).and_then(|table| table.partition_by_id_mut(partition_id))
            else {
                continue;
            };
            let version = partition.next_version;
            partition.next_version = Version(version.0 + 1);
            writes.push(TxnWrite { stid, table: table_id, partition: partition_id, version });
        }
        self.journal();
        let (now, delay) = (self.now_ms, self.options.publish_delay_ms);
        if let Some(txn) = self.txns.get_mut(&id) {
            txn.state = TxnState::Committed;
            txn.committed_ms = Some(now);
            txn.publish_at_ms = now.saturating_add(delay);
            txn.writes = writes;
            txn.error_replicas = failed.into_iter().collect();
            if !txn.sub_txns.is_empty() {
                txn.sub_txns = parts.iter().map(|part| part.stid).collect();
            }
        }
        Ok(CommitState::Committed)
    }

    /// The partitions of one part, and the replicas that missed it.
    fn check_part(
        &self,
        txn: &Txn,
        part: &CommitPart,
        touched: &mut Vec<(TxnId, TableId, PartitionId)>,
        failed: &mut Vec<ReplicaId>,
    ) -> Answer<()> {
        let mut reported: BTreeMap<TabletId, BTreeSet<BackendId>> = BTreeMap::new();
        for (tablet, backend) in &part.infos {
            reported.entry(*tablet).or_default().insert(*backend);
        }
        let Some(db) = self.databases.get(&txn.db) else { return Ok(()) };
        let tables = txn.tables.iter().filter(|table| part.table.is_none_or(|only| only == **table));
        for table in tables.filter_map(|id| db.table_by_id(*id)) {
            for partition in table.all_partitions() {
                if !partition.tablets().any(|(_, tablet)| reported.contains_key(&tablet.id)) {
                    continue;
                }
                check_not_restoring(table, partition)?;
                self.check_quorum(txn.id, table, partition, &reported, failed)?;
                touched.push((part.stid, table.id, partition.id));
            }
        }
        Ok(())
    }

    /// Every tablet of every index needs enough replicas that were reported and never failed.
    fn check_quorum(
        &self,
        txn: TxnId,
        table: &Table,
        partition: &Partition,
        reported: &BTreeMap<TabletId, BTreeSet<BackendId>>,
        failed: &mut Vec<ReplicaId>,
    ) -> Answer<()> {
        let required = usize::try_from(table.required_replicas(partition)).unwrap_or(usize::MAX);
        for (_, tablet) in partition.tablets() {
            let backends = reported.get(&tablet.id);
            let (written, missed): (Vec<_>, Vec<_>) =
                tablet.replicas.iter().partition(|r| backends.is_some_and(|set| set.contains(&r.backend)));
            let succeeded: Vec<_> = written.iter().filter(|r| r.last_failed_version.is_none()).copied().collect();
            if succeeded.len() < required {
                let describe = |replicas: &[&crate::model::Replica]| {
                    let texts: Vec<String> = replicas
                        .iter()
                        .map(|r| {
                            let alive = self.backends.get(&r.backend).is_some_and(|be| be.alive);
                            format!(
                                "[replicaId={}, backendId={}, backendAlive={alive}, version={}, state=NORMAL]",
                                r.id, r.backend, r.version
                            )
                        })
                        .collect();
                    texts.join(", ")
                };
                let mut detail = String::new();
                if !succeeded.is_empty() {
                    detail = format!("{} replicas final succ: {{ {} }}; ", succeeded.len(), describe(&succeeded));
                }
                return Err(Refusal::analysis(format!(
                    "Failed to commit txn {txn}, cause tablet {} succ replica num {} < load required replica num \
                     {required}. table {}, partition: [ id={}, commit version {}, visible version {} ], this tablet \
                     detail: {detail}{} replicas write data failed: {{ {} }}, please check BE log for details; . \
                     Please try again later.",
                    tablet.id,
                    succeeded.len(),
                    table.id,
                    partition.id,
                    partition.committed_version(),
                    partition.visible_version,
                    missed.len(),
                    describe(&missed),
                )));
            }
            failed.extend(missed.iter().map(|r| r.id));
        }
        Ok(())
    }
}

/// Loads into what a restore builds or overwrites are refused at commit.
fn check_not_restoring(table: &Table, partition: &Partition) -> Answer<()> {
    let name = &table.name;
    if partition.state == PartitionState::Restore {
        let part = &partition.name;
        let text = format!("Table [{name}], Partition [{part}] is in restore process. Can not load into it");
        return Err(Refusal::analysis(text));
    }
    if table.state == TableState::Restore && table.created_by_restore {
        let text = format!("Table {name} is in restore process. Can not load into it");
        return Err(Refusal::analysis(text));
    }
    Ok(())
}
