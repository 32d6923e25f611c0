//! What an operator asks of a job that cannot, or should not, go on by itself. A request is stored in the job document, and
//! the worker that fulfils it writes the request's id into the progress together with the effect: it is fulfilled exactly
//! once, whenever the process ends.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use ccr_store::documents::{JobDocument, JobExtra, SkipMethod};
use doris::{
    Cluster, Dest, Source,
    cluster::TxnStatus,
    ids::{CommitSeq, TableId, TxnId},
};
use futures::{StreamExt, stream::FuturesUnordered};
use tracing::{debug, info};

use super::{Cause, Context, Control};
use crate::{
    copy::CopyScope,
    env::Rng,
    incremental::{Exit, Memory},
    phase::{Phase, Progress},
    policy::{Code, Failure},
};

/// How a record, or everything, is skipped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Skip {
    /// The record of this commit seq is passed over, whatever it is. Its rows are missing on the destination for good, which
    /// the version ledger puts on record.
    Silence { seq: CommitSeq },
    /// Everything is copied anew. The commit seq is for the reason only.
    FullSync { seq: CommitSeq },
    /// One table, named by name and source id, is copied anew.
    PartialSync { table: String, table_id: i64 },
}

/// A skip that was asked for and is not on record as fulfilled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Request {
    /// Different for each request.
    pub(crate) id: i64,
    pub(crate) skip: Skip,
}

impl Request {
    /// The request in a document. Those of the Go program have no id: it is made of what they ask for.
    pub(crate) fn from_document(extra: &JobExtra) -> Option<Self> {
        let seq = CommitSeq(extra.skip_commit_seq);
        let skip = match extra.skip_method()? {
            SkipMethod::Silence => Skip::Silence { seq },
            SkipMethod::FullSync => Skip::FullSync { seq },
            SkipMethod::PartialSync => {
                Skip::PartialSync { table: extra.skip_table.clone(), table_id: extra.skip_table_id }
            }
        };
        let id = if extra.ccr_skip_id == 0 { -1 - extra.skip_commit_seq.max(0) } else { extra.ccr_skip_id };
        Some(Self { id, skip })
    }

    /// Puts a new request into a document; it replaces an earlier one.
    pub(crate) fn put(extra: &mut JobExtra, skip: &Skip, rng: &dyn Rng) {
        clear(extra);
        extra.skip_binlog = true;
        // Positive, and never the 0 of a request without id.
        extra.ccr_skip_id = i64::try_from(rng.next_u64() >> 1).unwrap_or(i64::MAX).max(1);
        let method = match skip {
            Skip::Silence { seq } => {
                extra.skip_commit_seq = seq.0;
                SkipMethod::Silence
            }
            Skip::FullSync { seq } => {
                extra.skip_commit_seq = seq.0;
                SkipMethod::FullSync
            }
            Skip::PartialSync { table, table_id } => {
                table.clone_into(&mut extra.skip_table);
                extra.skip_table_id = *table_id;
                SkipMethod::PartialSync
            }
        };
        method.text().clone_into(&mut extra.skip_by);
    }

    /// The record to pass over.
    pub(crate) fn silenced(&self) -> Option<CommitSeq> {
        match self.skip {
            Skip::Silence { seq } => Some(seq),
            Skip::FullSync { .. } | Skip::PartialSync { .. } => None,
        }
    }
}

/// Takes the request out of a document.
pub(crate) fn clear(extra: &mut JobExtra) {
    let reuse_binlog_label = extra.reuse_binlog_label;
    *extra = JobExtra { reuse_binlog_label, ..JobExtra::default() };
}

/// Whether a job can fulfil a request at all.
pub(crate) fn check(document: &JobDocument, skip: &Skip) -> Result<(), Failure> {
    let refused = |what: String, hint: &str| Err(Failure::new(Code::INVALID_REQUEST, what, hint));
    match skip {
        Skip::Silence { seq } if seq.0 <= 0 => refused(
            format!("commit seq is not specified for silence, commit seq: {seq}"),
            "give skip_commit_seq, the last_commit_seq of /job_progress; to have everything copied anew instead, use \"skip_by\": \"fullsync\"",
        ),
        Skip::PartialSync { table, table_id } if table.is_empty() || *table_id <= 0 => refused(
            format!("[normal] invalid skip table: {table}, table id: {table_id}"),
            "give skip_table and skip_table_id, name and id of a table of the source",
        ),
        Skip::PartialSync { table, table_id }
            if !document.src.table.is_empty()
                && (*table != document.src.table || *table_id != document.src.table_id) =>
        {
            refused(
                format!("[normal] invalid skip table: {table}, table id: {table_id}"),
                &format!("the job copies table {} with id {}", document.src.table, document.src.table_id),
            )
        }
        _ => Ok(()),
    }
}

/// Fulfils the request of this worker as far as it concerns the progress as a whole. A record ahead of the position is left
/// to the pipeline, which meets it in its order.
pub(crate) async fn fulfil(
    context: &Context,
    progress: &mut Progress,
    memory: &mut Memory,
    control: &Control,
) -> Result<(), Exit> {
    let Some(request) = context.skip.clone() else { return Ok(()) };
    if progress.own.answered == Some(request.id) {
        control.skip_done(request.id).await;
        return Ok(());
    }
    let clock = &*context.env.clock;
    match request.skip {
        Skip::FullSync { seq } => {
            let reason = format!("the user required skipping the binlog, commit seq {seq}");
            copy_anew(context, progress, memory, request.id, &reason).await?;
        }
        Skip::PartialSync { table, table_id } => {
            let reason = format!("the user required a copy of table {table}, id {table_id}");
            let table = TableId::new(table_id);
            copy_table(context, progress, memory, request.id, (table, reason)).await?;
        }
        Skip::Silence { seq } if seq <= progress.commit_seq => {
            info!(job = context.name, %seq, "the record that is to be skipped was done already");
            context.change(progress, |p| p.own.answered = Some(request.id)).await?;
        }
        Skip::Silence { seq }
            if progress.phase == Phase::Incremental
                && progress.own.change.as_ref().is_some_and(|change| change.seq() == Some(seq)) =>
        {
            // It has begun. Whatever was done of it stays; the record is passed over.
            context
                .change(progress, |p| {
                    p.own.change = None;
                    p.own.answered = Some(request.id);
                    p.advance(clock, seq, seq);
                })
                .await?;
            memory.refresh();
            skipped(context, progress, seq);
        }
        Skip::Silence { .. } => return Ok(()),
    }
    control.skip_done(request.id).await;
    Ok(())
}

/// A record was passed over, durably.
pub(crate) fn skipped(context: &Context, progress: &Progress, seq: CommitSeq) {
    info!(job = context.name, %seq, "the record was skipped as the operator asked: its rows are missing on the destination");
    context.status.committed(seq, false);
    context.status.checkpointed(progress);
}

/// Copies one table anew. While everything is being copied, that is done with it.
async fn copy_table(
    context: &Context,
    progress: &mut Progress,
    memory: &mut Memory,
    id: i64,
    (table, reason): (TableId<Source>, String),
) -> Result<(), Exit> {
    info!(job = context.name, reason, "a copy was asked for");
    let clock = &*context.env.clock;
    let full = matches!(progress.phase, Phase::FullSync(_));
    let mut tables = BTreeMap::from([(table, reason)]);
    let copy = progress.own.copy.as_ref();
    let stands_for = copy.and_then(|copy| copy.stands_for);
    if let Some(CopyScope::Tables(before)) = copy.map(|copy| &copy.scope) {
        tables.extend(before.clone());
    }
    context
        .change(progress, |p| {
            if !full {
                p.start_partial_sync(clock, tables, stands_for);
            }
            p.own.answered = Some(id);
        })
        .await?;
    if !full {
        context.status.copying_tables(Cause::Operator, 1);
    }
    memory.refresh();
    Ok(())
}

async fn copy_anew(
    context: &Context,
    progress: &mut Progress,
    memory: &mut Memory,
    id: i64,
    reason: &str,
) -> Result<(), Exit> {
    info!(job = context.name, reason, "a full copy was asked for");
    let clock = &*context.env.clock;
    context
        .change(progress, |p| {
            p.start_full_sync(clock, reason);
            p.own.answered = Some(id);
        })
        .await?;
    context.status.copying(Cause::Operator);
    memory.refresh();
    Ok(())
}

/// Longest time that a deleted job's open transactions are rolled back for.
const ROLL_BACK_LIMIT: Duration = Duration::from_secs(5);

/// Labels of transactions that were, or are being, begun on the destination and are not known to have ended. They outlive the
/// worker that began them.
#[derive(Clone, Debug, Default)]
pub(crate) struct OpenTxns(Arc<Mutex<BTreeMap<String, Option<TxnId<Dest>>>>>);

impl OpenTxns {
    /// The label is about to be taken.
    pub(crate) fn beginning(&self, label: &str) {
        self.lock().insert(label.to_owned(), None);
    }

    pub(crate) fn begun(&self, label: &str, txn: TxnId<Dest>) {
        self.lock().insert(label.to_owned(), Some(txn));
    }

    pub(crate) fn ended(&self, label: &str) {
        self.lock().remove(label);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, Option<TxnId<Dest>>>> {
        // Every change is one insertion or removal.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Rolls back what is left of a job that is gone, within a limit of time. What cannot be rolled back dies of its timeout.
    pub(crate) async fn roll_back(&self, dest: &Cluster<Dest>, db: &str) {
        let open = std::mem::take(&mut *self.lock());
        let mut calls: FuturesUnordered<_> = open
            .into_iter()
            .map(|(label, txn)| async move {
                if let Err(error) = roll_back(dest, db, &label, txn).await {
                    debug!(label, %error, "a transaction of a deleted job was not rolled back");
                }
            })
            .collect();
        let all = async { while calls.next().await.is_some() {} };
        if tokio::time::timeout(ROLL_BACK_LIMIT, all).await.is_err() {
            debug!("open transactions of a deleted job are left to their timeout");
        }
    }
}

async fn roll_back(dest: &Cluster<Dest>, db: &str, label: &str, txn: Option<TxnId<Dest>>) -> doris::Result<()> {
    let found = match txn {
        Some(txn) => vec![txn],
        None => dest
            .transactions_by_label(db, label)
            .await?
            .into_iter()
            .filter(|row| matches!(row.status, TxnStatus::Prepare | TxnStatus::Precommitted))
            .map(|row| row.id)
            .collect(),
    };
    for txn in found {
        dest.rollback_txn(db, txn, "the job was deleted").await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    struct Fixed(u64);
    impl Rng for Fixed {
        fn next_u64(&self) -> u64 {
            self.0
        }
    }

    #[test]
    fn a_request_survives_in_the_document_and_replaces_the_one_before() {
        let mut extra = JobExtra { reuse_binlog_label: true, ..JobExtra::default() };
        for skip in [
            Skip::PartialSync { table: "t".to_owned(), table_id: 7 },
            Skip::Silence { seq: CommitSeq(1001) },
            Skip::FullSync { seq: CommitSeq(0) },
        ] {
            Request::put(&mut extra, &skip, &Fixed(u64::MAX));
            let request = Request::from_document(&extra).unwrap();
            assert_eq!((request.skip, request.id), (skip, i64::MAX));
        }
        assert_eq!((extra.skip_table.as_str(), extra.skip_table_id, extra.skip_commit_seq), ("", 0, 0));
        clear(&mut extra);
        assert_eq!(extra, JobExtra { reuse_binlog_label: true, ..JobExtra::default() });
        assert_eq!(Request::from_document(&extra), None);
        Request::put(&mut extra, &Skip::FullSync { seq: CommitSeq(0) }, &Fixed(0));
        assert_eq!(Request::from_document(&extra).unwrap().id, 1);
    }

    /// Defects: SVC-A4, ENG-C-4.
    #[test]
    fn requests_of_the_go_program_are_understood_in_any_case_of_letters() {
        let extra =
            JobExtra { skip_binlog: true, skip_commit_seq: 1001, skip_by: "Silence".to_owned(), ..JobExtra::default() };
        let request = Request::from_document(&extra).unwrap();
        assert_eq!(request, Request { id: -1002, skip: Skip::Silence { seq: CommitSeq(1001) } });
        assert_eq!(request.silenced(), Some(CommitSeq(1001)));
        let unknown = JobExtra { skip_by: "somehow".to_owned(), ..extra };
        assert_eq!(Request::from_document(&unknown), None);
    }

    #[test]
    fn what_cannot_be_fulfilled_is_refused_with_the_way_out() {
        let mut document = JobDocument::default();
        (document.src.table, document.src.table_id) = ("t".to_owned(), 7);
        let partial = |table: &str, table_id| Skip::PartialSync { table: table.to_owned(), table_id };
        assert_eq!(check(&document, &partial("t", 7)), Ok(()));
        assert_eq!(check(&document, &Skip::FullSync { seq: CommitSeq(0) }), Ok(()));
        assert_eq!(check(&document, &Skip::Silence { seq: CommitSeq(1) }), Ok(()));
        let silent = check(&document, &Skip::Silence { seq: CommitSeq(0) }).unwrap_err();
        assert!(silent.hint.contains("\"skip_by\": \"fullsync\""), "{silent}");
        for skip in [partial("", 7), partial("t", 0), partial("t", 8), partial("u", 7)] {
            assert!(check(&document, &skip).unwrap_err().message.starts_with("[normal] invalid skip table: "));
        }
    }
}
