//! commitTxn: which partitions get a version, and whether enough replicas have the data.

use std::collections::BTreeSet;

use super::{Txn, TxnState, TxnWrite, quorum::Reported};
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
    /// answered without a look at the infos. `parts`: one without sub transactions; with them one for each, in order,
    /// and those whose table is gone are left out.
    pub fn commit_txn(&mut self, db: DbId, id: TxnId, parts: &[CommitPart]) -> Answer<CommitState> {
        let txn = self.known_txn(db, id)?;
        match txn.state {
            TxnState::Prepare => {}
            TxnState::Committed if self.profile().repeated_commit_is_harmless => return Ok(CommitState::Committed),
            TxnState::Visible if self.profile().repeated_commit_is_harmless => return Ok(CommitState::Visible),
            TxnState::Committed | TxnState::Visible => {}
            TxnState::Aborted => {
                let reason = &txn.reason;
                let text = format!("transaction [{id}] is already aborted. abort reason: {reason}");
                return Err(Refusal::analysis(text));
            }
        }
        let txn = txn.clone();
        let mut touched: Vec<(TxnId, TableId, PartitionId)> = Vec::new();
        let mut failed: BTreeSet<ReplicaId> = BTreeSet::new();
        for part in parts {
            self.check_part(&txn, part, &mut touched, &mut failed)?;
        }
        if txn.state != TxnState::Prepare {
            return Ok(self.repeat_commit(txn, &touched));
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
            let write = TxnWrite { stid, table: table_id, partition: partition_id, version };
            self.fail_replicas(db, &write, &failed);
            writes.push(write);
        }
        let known = |part: &&CommitPart| {
            part.table.is_some_and(|id| self.databases.get(&db).is_some_and(|db| db.table_by_id(id).is_some()))
        };
        let committed = parts.iter().filter(known).map(|part| part.stid).collect();
        self.journal();
        let (now, delay) = (self.now_ms, self.options.publish_delay_ms);
        if let Some(txn) = self.txns.get_mut(&id) {
            txn.state = TxnState::Committed;
            txn.committed_ms = Some(now);
            txn.publish_at_ms = now.saturating_add(delay);
            txn.writes = writes;
            txn.error_replicas = failed;
            if parts.iter().all(|part| part.table.is_some()) {
                txn.with_sub_txns = true;
                txn.sub_txns = committed;
            }
        }
        Ok(CommitState::Committed)
    }

    /// What a repeated commit does where it is not noticed: each partition that it names has its next version taken, by
    /// nobody if the transaction is visible, and otherwise by it, in place of the one it had: whatever is committed later
    /// waits for the hole for ever. If its publishing had begun, the publisher of the whole cluster stumbles over it from
    /// there on.
    fn repeat_commit(&mut self, mut txn: Txn, touched: &[(TxnId, TableId, PartitionId)]) -> CommitState {
        let mut writes = Vec::new();
        for &(stid, table, partition) in touched {
            let found = self.table_mut(txn.db, table).and_then(|table| table.partition_by_id_mut(partition));
            let Some(found) = found else { continue };
            writes.push(TxnWrite { stid, table, partition, version: found.next_version });
            found.next_version = Version(found.next_version.0 + 1);
        }
        let seq = self.journal();
        txn.writes = writes;
        if txn.state == TxnState::Visible {
            // It is recorded once more, with versions that will never be (seen); not if nothing was named.
            if !txn.writes.is_empty() {
                self.record_upsert(&txn, seq);
            }
            return CommitState::Visible;
        }
        self.publisher_fails |= txn.published_ms.is_some();
        self.txns.insert(txn.id, txn);
        CommitState::Committed
    }

    /// The partitions of one part, and the replicas that missed it.
    fn check_part(
        &self,
        txn: &Txn,
        part: &CommitPart,
        touched: &mut Vec<(TxnId, TableId, PartitionId)>,
        failed: &mut BTreeSet<ReplicaId>,
    ) -> Answer<()> {
        let mut reported = Reported::new();
        for (tablet, backend) in &part.infos {
            reported.entry(*tablet).or_default().insert(*backend);
        }
        let Some(db) = self.databases.get(&txn.db) else { return Ok(()) };
        // A sub transaction may name a table that beginTxn did not.
        let tables = part.table.map_or_else(|| txn.tables.clone(), |table| vec![table]);
        for table in tables.iter().filter_map(|id| db.table_by_id(*id)) {
            for partition in table.all_partitions() {
                if !partition.tablets().any(|(_, tablet)| reported.contains_key(&tablet.id)) {
                    continue;
                }
                check_not_restoring(table, partition)?;
                failed.extend(self.check_quorum(txn, table, partition, &reported)?);
                touched.push((part.stid, table.id, partition.id));
            }
        }
        Ok(())
    }

    /// Replicas that were not reported have missed the version, until their backend publishes it all the same.
    fn fail_replicas(&mut self, db: DbId, write: &TxnWrite, failed: &BTreeSet<ReplicaId>) {
        let Some(partition) =
            self.table_mut(db, write.table).and_then(|table| table.partition_by_id_mut(write.partition))
        else {
            return;
        };
        let replicas = partition.indexes.values_mut().flatten().flat_map(|tablet| &mut tablet.replicas);
        for replica in replicas.filter(|replica| failed.contains(&replica.id)) {
            replica.last_failed_version.get_or_insert(write.version);
        }
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
