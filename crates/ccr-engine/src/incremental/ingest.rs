//! Has the destination's backends pull the rows of one transaction: one `ingest_binlog` per destination replica.
//!
//! After an *answered* failure another source replica is tried. After a timeout or a cut the first call may still run, and
//! two overlapping ingests of one tablet corrupt a merge-on-write table: then the transaction is given up and begun anew.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, Mutex, PoisonError, atomic::Ordering},
    time::Duration,
};

use doris::{
    Dest, Error, ErrorKind,
    cluster::{Backend, CommitInfo, IngestBinlog, IngestStatus, SubTxn},
    error::Effect,
    ids::TxnId,
    net::Endpoint,
};
use futures::{StreamExt, stream::FuturesUnordered};
use tokio::sync::Semaphore;

use super::{
    Exit, Shared,
    plan::{TabletPlan, TxnPlan},
};
use crate::{
    mapping::TableMapping,
    policy::{Code, Failure},
};

/// Windows of concurrent ingests, one per destination BE, shared by all jobs of the process.
pub struct IngestWindows {
    width: usize,
    windows: Mutex<BTreeMap<Endpoint, Arc<Semaphore>>>,
}

impl fmt::Debug for IngestWindows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IngestWindows").field("width", &self.width).finish_non_exhaustive()
    }
}

impl IngestWindows {
    /// Windows of `width` calls each (at least one).
    pub fn new(width: usize) -> Self {
        Self { width: width.max(1), windows: Mutex::default() }
    }

    fn of(&self, backend: &Backend<Dest>) -> Arc<Semaphore> {
        let mut windows = self.windows.lock().unwrap_or_else(PoisonError::into_inner);
        let window = windows
            .entry(Endpoint::new(&backend.host, backend.be_port))
            .or_insert_with(|| Arc::new(Semaphore::new(self.width)));
        Arc::clone(window)
    }
}

/// A transaction that was begun.
#[derive(Clone, Debug)]
pub(super) struct OpenTxn {
    pub(super) id: TxnId<Dest>,
    /// Its sub transactions; empty for a plain transaction.
    pub(super) sub_txns: Vec<TxnId<Dest>>,
}

/// Where the rows of a transaction are.
#[derive(Debug)]
pub(super) enum Ingested {
    Plain(Vec<CommitInfo>),
    /// In order.
    SubTxns(Vec<SubTxn>),
}

/// Ingests everything the plan names. The result is complete: each tablet has a majority of its replicas.
pub(super) async fn ingest(shared: &Shared, plan: &TxnPlan, txn: &OpenTxn) -> Result<Ingested, Exit> {
    let mut tablets: FuturesUnordered<_> = plan
        .tablets
        .iter()
        .map(|tablet| async move {
            let id = txn.sub_txns.get(tablet.sub_txn).copied().unwrap_or(txn.id);
            Ok::<_, Exit>((
                tablet.sub_txn,
                ingest_tablet(shared, &plan.tables[tablet.table].mapping, tablet, id).await?,
            ))
        })
        .collect();
    let mut parts = vec![Vec::new(); txn.sub_txns.len().max(1)];
    while let Some(done) = tablets.next().await {
        let (part, infos) = done?;
        parts[part].extend(infos);
    }
    // The order in which backends answer is chance; what is sent is not.
    for infos in &mut parts {
        infos.sort_unstable();
    }
    if txn.sub_txns.is_empty() {
        return Ok(Ingested::Plain(parts.into_iter().flatten().collect()));
    }
    let wrote = plan.sub_txns.iter().filter_map(|table| plan.tables.get(*table));
    let sub_txns = txn.sub_txns.iter().zip(wrote).zip(parts);
    Ok(Ingested::SubTxns(
        sub_txns.map(|((txn, view), infos)| SubTxn { txn: *txn, table: view.mapping.dest, infos }).collect(),
    ))
}

/// Ingests into all replicas of one tablet. A replica that fails is left out as long as a majority is left.
async fn ingest_tablet(
    shared: &Shared,
    mapping: &TableMapping,
    tablet: &TabletPlan,
    txn: TxnId<Dest>,
) -> Result<Vec<CommitInfo>, Exit> {
    let replicas = &tablet.pair.dest_replicas;
    if replicas.is_empty() {
        return Err(Exit::refresh(Failure::new(
            Code::METADATA,
            format!("tablet {} of the destination has no replicas", tablet.pair.dest),
            "the job reads the metadata again",
        )));
    }
    let mut calls: FuturesUnordered<_> =
        replicas
            .iter()
            .enumerate()
            .map(|(nth, backend)| async move {
                (*backend, ingest_replica((shared, mapping), tablet, txn, *backend, nth).await)
            })
            .collect();
    let (mut infos, mut failure) = (Vec::with_capacity(replicas.len()), None);
    while let Some((backend, outcome)) = calls.next().await {
        match outcome {
            Ok(()) => infos.push(CommitInfo { tablet: tablet.pair.dest, backend }),
            // The call may still run: only a new transaction is safe.
            Err(ReplicaFailure::Unclear(error)) => return Err(Exit::refresh(error.into())),
            Err(ReplicaFailure::Failed(exit)) => failure = Some(exit),
        }
    }
    match failure {
        Some(exit) if infos.len() <= replicas.len() / 2 => Err(exit),
        Some(_) => {
            shared.stale.store(true, Ordering::Relaxed);
            Ok(infos)
        }
        None => Ok(infos),
    }
}

enum ReplicaFailure {
    Unclear(Error),
    Failed(Exit),
}

async fn ingest_replica(
    (shared, mapping): (&Shared, &TableMapping),
    tablet: &TabletPlan,
    txn: TxnId<Dest>,
    backend: doris::ids::BackendId<Dest>,
    nth: usize,
) -> Result<(), ReplicaFailure> {
    let Some(to) = mapping.dest_backends.get(&backend).filter(|b| b.alive) else {
        return Err(ReplicaFailure::Failed(Exit::refresh(Failure::new(
            Code::UNREACHABLE,
            format!("backend {backend} of the destination is down or gone"),
            "start it or let Doris repair its replicas",
        ))));
    };
    let sources = &tablet.pair.source_replicas;
    let mut last = None;
    for turn in 0..sources.len() {
        let source = sources[(nth + turn) % sources.len()];
        let Some(from) = mapping.source_backends.get(&source).filter(|b| b.alive) else { continue };
        let request = IngestBinlog {
            txn,
            source_tablet: tablet.pair.source,
            version: tablet.version,
            source_http: Endpoint::new(&from.host, from.http_port),
            dest_partition: tablet.dest_partition,
            dest_tablet: tablet.pair.dest,
        };
        match call(shared, to, &request).await {
            Ok(()) => return Ok(()),
            Err(error) if error.kind.effect() == Effect::Unknown => return Err(ReplicaFailure::Unclear(error)),
            Err(error) => last = Some(error),
        }
    }
    Err(ReplicaFailure::Failed(match last {
        Some(error) => error.into(),
        None => Exit::refresh(Failure::new(
            Code::UNREACHABLE,
            format!("no live source backend holds tablet {}", tablet.pair.source),
            "start the source's backends",
        )),
    }))
}

/// One call, and where the BE works asynchronously, the wait for its end.
async fn call(shared: &Shared, to: &Backend<Dest>, request: &IngestBinlog) -> Result<(), Error> {
    let window = shared.context.env.windows.of(to);
    let _permit = window
        .acquire()
        .await
        .map_err(|_| Error::new(ErrorKind::Busy, "ingest_binlog", "the window of the backend is closed"))?;
    let dest = &shared.context.dest;
    if !dest.ingest_binlog(to, request).await? {
        return Ok(());
    }
    let mut pause = Duration::from_millis(10);
    loop {
        match dest.query_ingest_binlog(to, request).await? {
            IngestStatus::Done => return Ok(()),
            IngestStatus::Doing => {}
            IngestStatus::Failed(text) => return Err(Error::new(ErrorKind::Download, "ingest_binlog", text)),
            IngestStatus::NotFound | IngestStatus::Unknown => {
                return Err(Error::new(
                    ErrorKind::Unanswered,
                    "query_ingest_binlog",
                    "the backend has forgotten an ingest that it accepted",
                ));
            }
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(Duration::from_secs(1));
    }
}
