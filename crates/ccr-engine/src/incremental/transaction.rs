//! One source transaction becomes one destination transaction, exactly once.
//!
//! The label is a function of the record, so whoever comes later (the same process after an error, another one after a
//! crash) meets what was begun before and resolves it: a transaction that is not committed is rolled back, which also
//! fences a commit that is still on its way; one that is committed is the proof that the record was applied. When Doris
//! has forgotten the label, the versions of the partitions decide. A commit is never simply repeated: Doris 3.0 allots a
//! new version for every repetition.

use std::sync::Arc;

use doris::{
    Dest, Error, ErrorKind,
    cluster::{BeginTxn, Begun, TxnStatus},
    error::Effect,
    ids::{CommitSeq, TxnId},
};
use tokio::time::Instant;
use tracing::{debug, warn};

use super::{
    Exit, Shared, TableView,
    ingest::{self, Ingested, OpenTxn},
    plan::TxnPlan,
};
use crate::{
    job::TxnPhase,
    label,
    ledger::{Applied, Reading, Touched, applied},
    policy::{Code, Failure},
};

/// How often a call that may be repeated is repeated before its failure becomes the pipeline's.
const REPEATS: u32 = 3;

/// What stands behind a record once its rows are on the destination's backends.
#[derive(Debug)]
pub(super) enum Prepared {
    /// The transaction holds all rows and waits for its commit.
    Ready { txn: TxnId<Dest>, rows: Ingested },
    /// A predecessor committed this record.
    Applied,
}

/// Begins the transaction of a record and has the destination's backends pull its rows.
///
/// With `doubt`, a predecessor may have committed this record and Doris may have forgotten its label: then the partition
/// versions are read once the label is ours.
pub(super) async fn prepare(shared: &Shared, plan: &TxnPlan, doubt: bool) -> Result<Prepared, Exit> {
    let label = label::txn_label(&shared.incarnation, shared.label_id, plan.seq);
    let begun = Instant::now();
    let Some(txn) = begin(shared, plan, &label).await? else { return Ok(Prepared::Applied) };
    shared.context.status.phase(TxnPhase::Begin, begun.elapsed());
    if doubt {
        let reading = read(&plan.tables).await?;
        match applied(&reading, &plan.touched) {
            Applied::Nothing => {}
            Applied::All => {
                roll_back(shared, plan.seq, txn.id, "applied earlier").await?;
                return Ok(Prepared::Applied);
            }
            Applied::Partly => {
                // A transaction becomes visible as a whole. The table that lags behind its record was set back, or the other
                // was written by somebody else.
                let view = plan.tables.iter().find(|view| {
                    let mine = |(partition, _): &&_| view.ledger.get(*partition).is_some();
                    let part: Touched = plan.touched.iter().filter(mine).copied().collect();
                    applied(&reading, &part) != Applied::Nothing
                });
                let (view, text) = (view.or(plan.tables.first()), "already have the versions of record");
                return Err(match view {
                    Some(view) => view.foreign(format!(
                        "some partitions of {}.{} {text} {} and others do not: somebody else wrote to the table",
                        shared.context.dest_db, view.dest_table, plan.seq
                    )),
                    None => Exit::retry(Failure::new(Code::METADATA, "a record without tables", "")),
                });
            }
        }
    }
    let begun = Instant::now();
    let rows = ingest::ingest(shared, plan, &txn).await?;
    shared.context.status.phase(TxnPhase::Ingest, begun.elapsed());
    Ok(Prepared::Ready { txn: txn.id, rows })
}

/// The source versions that the copies hold.
pub(super) async fn read(tables: &[Arc<TableView>]) -> Result<Reading, Exit> {
    let mut reading = Reading::new();
    for view in tables {
        let rows = view.context.dest.partitions(&view.context.dest_db, &view.dest_table).await?;
        reading.extend(view.ledger.read(&rows).map_err(|gone| view.partition_gone(gone))?);
    }
    Ok(reading)
}

/// Takes the label. `None`: a predecessor's transaction of that label is committed.
async fn begin(shared: &Shared, plan: &TxnPlan, label: &str) -> Result<Option<OpenTxn>, Exit> {
    let context = &shared.context;
    let request = BeginTxn {
        label: label.to_owned(),
        tables: plan.tables.iter().map(|view| view.mapping.dest).collect(),
        request_id: label::request_id(label, shared.attempt),
        backend: plan.tables.iter().find_map(|view| view.mapping.coordinator()),
        timeout: context.env.settings.txn_timeout,
        sub_txns: plan.sub_txns.len(),
    };
    context.open.beginning(label);
    // Each round either takes the label, finds the record applied, or removes one transaction that held the label.
    for _ in 0..=REPEATS {
        let (holder, status) = match repeat(|| context.dest.begin_txn(&context.dest_db, &request)).await? {
            // A repeated answer does not name the sub transactions: that transaction is of no use.
            Begun::New { txn, sub_txns } if sub_txns.len() < plan.sub_txns.len() => (Some(txn), TxnStatus::Prepare),
            Begun::New { txn, sub_txns } => {
                shared.opened(plan.seq, txn);
                let sub_txns = sub_txns.into_iter().take(plan.sub_txns.len()).collect();
                return Ok(Some(OpenTxn { id: txn, sub_txns }));
            }
            Begun::LabelTaken { txn, status } => (txn, status),
        };
        let (holder, status) = match (holder, status) {
            (Some(txn), status) if status != TxnStatus::Unknown => (txn, status),
            _ => {
                let rows = context.dest.transactions_by_label(&context.dest_db, label).await?;
                match rows.iter().rev().find(|row| row.status != TxnStatus::Aborted) {
                    Some(row) => (row.id, row.status),
                    // It ended between the two calls.
                    None => continue,
                }
            }
        };
        match status {
            TxnStatus::Committed | TxnStatus::Visible => {
                debug!(seq = %plan.seq, txn = %holder, "applied by a predecessor");
                context.open.ended(label);
                return Ok(None);
            }
            TxnStatus::Aborted => {}
            TxnStatus::Prepare | TxnStatus::Precommitted | TxnStatus::Unknown => {
                debug!(seq = %plan.seq, txn = %holder, "rolling back a predecessor's transaction");
                match context.dest.rollback_txn(&context.dest_db, holder, "superseded").await {
                    Ok(()) => {}
                    Err(error) if error.kind == ErrorKind::TxnCommitted => return Ok(None),
                    // Ended meanwhile, or the answer is lost: the next beginTxn tells.
                    Err(error) if error.kind == ErrorKind::TxnNotFound || error.kind.effect() == Effect::Unknown => {}
                    Err(error) => return Err(error.into()),
                }
            }
        }
    }
    Err(Exit::retry(Failure::new(
        Code::COMMIT,
        format!("label {label} is taken by a transaction that can neither be finished nor rolled back"),
        "look at SHOW TRANSACTION on the destination",
    )))
}

/// Makes sure that nothing which was begun for a record is committed from now on. `true`: it is committed already.
pub(super) async fn fence(shared: &Shared, seq: CommitSeq) -> Result<bool, Exit> {
    let (dest, db) = (&shared.context.dest, shared.context.dest_db.as_str());
    let label = label::txn_label(&shared.incarnation, shared.label_id, seq);
    for row in repeat(|| dest.transactions_by_label(db, &label)).await? {
        match row.status {
            TxnStatus::Committed | TxnStatus::Visible => return Ok(true),
            TxnStatus::Aborted => {}
            TxnStatus::Prepare | TxnStatus::Precommitted | TxnStatus::Unknown => {
                match repeat(|| dest.rollback_txn(db, row.id, "its record is skipped")).await {
                    Ok(()) => {}
                    Err(error) if error.kind == ErrorKind::TxnCommitted => return Ok(true),
                    // Ended between the two calls: the next try finds out how.
                    Err(error) => return Err(error.into()),
                }
            }
        }
    }
    shared.closed(seq);
    Ok(false)
}

/// Commits a prepared transaction. `Ok`: it is committed; when its versions are seen, it is applied.
pub(super) async fn commit(shared: &Shared, seq: CommitSeq, txn: TxnId<Dest>, rows: &Ingested) -> Result<(), Exit> {
    let context = &shared.context;
    let sent = match rows {
        Ingested::Plain(infos) => context.dest.commit_txn(&context.dest_db, txn, infos, true).await,
        Ingested::SubTxns(sub_txns) => context.dest.commit_sub_txns(&context.dest_db, txn, sub_txns).await,
    };
    let error = match sent {
        Ok(_) => {
            shared.closed(seq);
            return Ok(());
        }
        Err(error) => error,
    };
    if error.kind.effect() == Effect::None {
        return Err(error.into());
    }
    warn!(%seq, %txn, %error, "the outcome of a commit is unclear, looking");
    let row = repeat(|| context.dest.transaction(&context.dest_db, txn)).await?;
    match row.map(|row| row.status) {
        Some(TxnStatus::Committed | TxnStatus::Visible) => {
            shared.closed(seq);
            Ok(())
        }
        // Not committed (yet), or forgotten: the pipeline begins anew at its checkpoint, where label and versions tell.
        _ => Err(error.into()),
    }
}

/// Rolls a transaction of ours back. Its being gone already is as good.
pub(super) async fn roll_back(shared: &Shared, seq: CommitSeq, txn: TxnId<Dest>, reason: &str) -> Result<(), Error> {
    let result = repeat(|| shared.context.dest.rollback_txn(&shared.context.dest_db, txn, reason)).await;
    match result {
        Err(error) if error.kind == ErrorKind::TxnNotFound => {}
        other => other?,
    }
    shared.closed(seq);
    Ok(())
}

/// Repeats a call whose repetition is harmless while its answer is lost.
async fn repeat<T, F: Future<Output = Result<T, Error>>>(call: impl Fn() -> F) -> Result<T, Error> {
    let mut lost = 0;
    loop {
        match call().await {
            Err(error) if error.kind.effect() == Effect::Unknown && lost < REPEATS => lost += 1,
            other => return other,
        }
    }
}
