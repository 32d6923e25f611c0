//! Transactions: PREPARE, COMMITTED, VISIBLE or ABORTED; labels; what is remembered how long.

mod begin;
mod commit;
mod publish;
mod quorum;
mod retention;

use std::collections::{BTreeMap, BTreeSet};

use super::{Answer, Model, Refusal, ids::*};

pub use begin::{BeginRefusal, BeginTxnSpec, BegunTxn};
pub(crate) use begin::{check_label, label_used};
pub use commit::{CommitPart, CommitState};

/// `TransactionStatus`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TxnState {
    Prepare,
    Committed,
    Visible,
    Aborted,
}

impl TxnState {
    /// Doris's word.
    pub fn name(self) -> &'static str {
        match self {
            Self::Prepare => "PREPARE",
            Self::Committed => "COMMITTED",
            Self::Visible => "VISIBLE",
            Self::Aborted => "ABORTED",
        }
    }

    /// Whether nothing changes any more.
    pub fn is_final(self) -> bool {
        matches!(self, Self::Visible | Self::Aborted)
    }
}

/// One version that a transaction makes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TxnWrite {
    /// The sub transaction, or the transaction itself: the key of the pending rowsets on the backends.
    pub stid: TxnId,
    pub table: TableId,
    pub partition: PartitionId,
    pub version: Version,
}

/// A transaction.
#[derive(Clone, Debug)]
pub struct Txn {
    pub id: TxnId,
    pub db: DbId,
    pub label: String,
    /// Idempotency key of beginTxn: (hi, lo).
    pub request_id: Option<(i64, i64)>,
    pub tables: Vec<TableId>,
    pub state: TxnState,
    /// `BE: 10.0.0.1` or `FE: ...`.
    pub coordinator: String,
    /// `BACKEND_STREAMING` (replicated transactions, stream loads) or `INSERT_STREAMING`.
    pub source_type: &'static str,
    /// The id of a live backend in beginTxn; 0 = none.
    pub backend_id: i64,
    pub timeout_ms: i64,
    pub prepared_ms: i64,
    pub committed_ms: Option<i64>,
    pub published_ms: Option<i64>,
    pub finished_ms: Option<i64>,
    /// Why it was aborted.
    pub reason: String,
    /// Committed as sub transactions: its record then has `stids`, even if empty.
    pub with_sub_txns: bool,
    /// The sub transactions that were committed, in order.
    pub sub_txns: Vec<TxnId>,
    /// Those that SQL statements began.
    pub begun_sub_txns: Vec<TxnId>,
    /// From COMMITTED on.
    pub writes: Vec<TxnWrite>,
    /// The indexes of loads that this FE planned.
    pub planned_indexes: BTreeMap<TableId, Vec<IndexId>>,
    /// When the publisher looks at it first.
    pub publish_at_ms: i64,
    /// Not before this again, after an attempt in vain.
    pub(crate) retry_at_ms: i64,
    /// Replicas that missed the version.
    pub error_replicas: BTreeSet<ReplicaId>,
    /// Why it is not visible yet (SHOW TRANSACTION `ErrMsg`).
    pub wait_reason: String,
}

impl Txn {
    /// When an unfinished PREPARE is over.
    pub fn expires_ms(&self) -> i64 {
        self.prepared_ms.saturating_add(self.timeout_ms)
    }
}

impl Model {
    /// A transaction that is still remembered.
    pub fn txn(&self, id: TxnId) -> Option<&Txn> {
        self.txns.get(&id)
    }

    /// Transactions of a database, oldest first.
    pub fn txns_of(&self, db: DbId) -> impl Iterator<Item = &Txn> {
        self.txns.values().filter(move |txn| txn.db == db)
    }

    /// Whether transactions wait for their publish, in a database or on one table.
    pub(crate) fn has_committed_txns(&self, db: DbId, table: Option<TableId>) -> bool {
        self.unfinished_txns().filter(|txn| txn.db == db).any(|txn| {
            txn.state == TxnState::Committed && table.is_none_or(|table| txn.writes.iter().any(|w| w.table == table))
        })
    }

    /// Number of unfinished transactions of a database (SHOW PROC `RunningTransactionNum`).
    pub fn running_txns(&self, db: DbId) -> usize {
        self.unfinished_txns().filter(|txn| txn.db == db).count()
    }

    pub(crate) fn next_txn_id(&mut self) -> TxnId {
        let id = TxnId::new(self.next_txn);
        self.next_txn += 1;
        id
    }

    /// rollbackTxn.
    pub fn rollback_txn(&mut self, db: DbId, id: TxnId, reason: Option<&str>) -> Answer<()> {
        let txn = self.known_txn(db, id)?;
        match txn.state {
            TxnState::Prepare => {
                self.abort(id, reason.unwrap_or("system cancel"));
                Ok(())
            }
            TxnState::Committed => {
                Err(Refusal::analysis(format!("transaction [{id}] is already COMMITTED, could not abort.")))
            }
            // Ended ones are not searched (seen).
            TxnState::Visible | TxnState::Aborted => Err(Refusal::analysis("transaction not found")),
        }
    }

    /// A transaction whose tables all exist: one of a dropped table can neither be committed nor rolled back (seen).
    pub(crate) fn known_txn(&self, db: DbId, id: TxnId) -> Answer<&Txn> {
        let txn = self.txns.get(&id).filter(|txn| txn.db == db);
        let txn = txn.ok_or_else(|| Refusal::analysis(format!("transaction [{id}] not found")))?;
        let exists = |table: &TableId| self.databases.get(&db).is_some_and(|db| db.table_by_id(*table).is_some());
        match txn.tables.iter().find(|table| !exists(table)) {
            Some(table) => Err(Refusal::not_found(format!("table not found, tableId={table}"))),
            None => Ok(txn),
        }
    }

    /// The transaction that an id stands for: its own, or that of one of its sub transactions begun by SQL.
    pub fn txn_or_parent(&self, id: TxnId) -> Option<&Txn> {
        self.txns.get(&id).or_else(|| self.txns.values().find(|txn| txn.begun_sub_txns.contains(&id)))
    }

    /// Notes that this FE plans the load of a transaction: its record will name the indexes that exist now, and its
    /// commit needs no others. A stream load asks for a plan between begin and commit; a replicated transaction does not.
    pub fn plan_load(&mut self, id: TxnId) {
        let Some(txn) = self.txns.get(&id) else { return };
        let Some(db) = self.databases.get(&txn.db) else { return };
        let tables = txn.tables.iter().filter_map(|table| db.table_by_id(*table));
        let planned = tables.map(|table| (table.id, table.indexes.keys().copied().collect())).collect();
        if let Some(txn) = self.txns.get_mut(&id) {
            txn.planned_indexes = planned;
        }
    }

    /// A further sub transaction of an SQL transaction, for one statement that writes a table. `parts`: how many it has.
    pub(crate) fn begin_sub_txn(&mut self, id: TxnId, table: TableId, parts: usize) -> Answer<TxnId> {
        let limit = self.config_number("max_sub_transactions_in_transaction_load", 10_000);
        if i64::try_from(parts).unwrap_or(i64::MAX) >= limit {
            let text = format!("Transaction load can not have more than {limit} sub transactions");
            return Err(Refusal::analysis(text));
        }
        let stid = self.next_txn_id();
        if let Some(txn) = self.txns.get_mut(&id) {
            txn.begun_sub_txns.push(stid);
            if !txn.tables.contains(&table) {
                txn.tables.push(table);
            }
        }
        self.plan_load(id);
        Ok(stid)
    }

    /// Aborts a transaction if it is PREPARE.
    pub(crate) fn abort_unfinished(&mut self, id: TxnId, reason: &str) {
        if self.txns.get(&id).is_some_and(|txn| txn.state == TxnState::Prepare) {
            self.abort(id, reason);
        }
    }

    /// Aborts a PREPARE transaction; backends forget what it wrote.
    pub(crate) fn abort(&mut self, id: TxnId, reason: &str) {
        self.journal();
        let now = self.now_ms;
        let mut keys = vec![id];
        if let Some(txn) = self.txns.get_mut(&id) {
            txn.state = TxnState::Aborted;
            reason.clone_into(&mut txn.reason);
            txn.finished_ms = Some(now);
            keys.extend(&txn.begun_sub_txns);
            keys.extend(&txn.sub_txns);
        }
        self.active_txns.remove(&id);
        for be in self.backends.values_mut() {
            for tablet in be.tablets.values_mut() {
                for key in &keys {
                    tablet.pending.remove(key);
                    tablet.overlapped.remove(key);
                }
            }
        }
    }
}
