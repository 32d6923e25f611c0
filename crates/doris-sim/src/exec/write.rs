//! What INSERT, DELETE and UPDATE have in common: one transaction, and waiting until it is visible.

use super::{reply::Reply, session::number};
use crate::{
    Session, Sim,
    model::{Answer, LoadSpec, LoadWrite, TxnId},
};

/// A transaction that was committed.
pub(super) struct Written {
    pub(super) txn: TxnId,
    pub(super) label: String,
    pub(super) affected: u64,
}

/// Loads into one table in one transaction.
pub(super) fn load(
    model: &mut crate::model::Model,
    db: &str,
    label: Option<String>,
    write: LoadWrite,
    affected: usize,
) -> Answer<Written> {
    let txn = model.load_txn(LoadSpec { db: db.to_owned(), label, writes: vec![write], sub_txns: false })?;
    let label = model.txn(txn).map(|txn| txn.label.clone()).unwrap_or_default();
    Ok(Written { txn, label, affected: u64::try_from(affected).unwrap_or(u64::MAX) })
}

/// Waits for VISIBLE (as long as `insert_visible_timeout_ms` says) and answers; `None`: nothing was to be written.
pub(super) async fn answer(sim: &Sim, session: &Session, written: Option<Written>) -> Reply {
    let Some(Written { txn, label, affected }) = written else { return Reply::done() };
    let deadline = sim.clock().now_ms().saturating_add(number(session, "insert_visible_timeout_ms", 10_000));
    let status = if sim.wait_visible(txn, deadline).await { "VISIBLE" } else { "COMMITTED" };
    Reply::affected(affected, format!("{{'label':'{label}', 'status':'{status}', 'txnId':'{txn}'}}"))
}
