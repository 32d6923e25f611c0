//! What INSERT, DELETE and UPDATE have in common: one transaction, and waiting until it is visible.

use super::{reply::Reply, txn, variables::number};
use crate::{
    Session, Sim,
    model::{Answer, LoadKind, LoadSpec, LoadWrite, Model, TxnId},
};

/// What one statement writes.
pub(super) struct Write {
    pub(super) db: String,
    pub(super) label: Option<String>,
    pub(super) what: LoadWrite,
    pub(super) affected: usize,
    pub(super) kind: WriteKind,
}

/// What kind of statement writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum WriteKind {
    /// INSERT ... VALUES.
    Values,
    /// Rows that were read and computed: INSERT ... SELECT, UPDATE, DELETE of a table that marks its rows as deleted.
    Rows,
    /// DELETE with a predicate.
    Predicate,
}

/// What became of it.
pub(super) enum Written {
    Committed {
        txn: TxnId,
        label: String,
        affected: usize,
    },
    /// Part of a transaction that the session has begun.
    Prepared {
        txn: TxnId,
        label: String,
        affected: usize,
    },
}

/// Loads into one table: in one transaction, or as a part of the session's.
pub(super) fn write(model: &mut Model, session: &mut Session, write: Write) -> Answer<Written> {
    if session.txn.is_some() {
        return txn::write(model, session, write);
    }
    let Write { db, label, what, affected, kind } = write;
    let kind = if kind == WriteKind::Predicate { LoadKind::Delete } else { LoadKind::Insert };
    let txn = model.load_txn(LoadSpec { db, label, writes: vec![what], kind, ..LoadSpec::default() })?;
    let label = model.txn(txn).map(|txn| txn.label.clone()).unwrap_or_default();
    Ok(Written::Committed { txn, label, affected })
}

/// Waits for VISIBLE (as long as `insert_visible_timeout_ms` says) and answers; `None`: nothing was to be written.
pub(super) async fn answer(sim: &Sim, session: &Session, written: Option<Written>) -> Reply {
    let (txn, label, affected, status) = match written {
        None => return Reply::done(),
        Some(Written::Prepared { txn, label, affected }) => (txn, label, affected, "PREPARE"),
        Some(Written::Committed { txn, label, affected }) => {
            let wait = sim.look(|model| number(model, session, "insert_visible_timeout_ms", 10_000));
            let visible = sim.wait_visible(txn, sim.clock().now_ms().saturating_add(wait)).await;
            (txn, label, affected, if visible { "VISIBLE" } else { "COMMITTED" })
        }
    };
    Reply::affected(u64::try_from(affected).unwrap_or(u64::MAX), txn::info(&label, status, txn))
}
