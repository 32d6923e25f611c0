//! Transactions of the destination: beginTxn, commitTxn, rollbackTxn.

use std::time::Duration;

use super::{Cluster, TxnStatus, pool::Repeat};
use crate::{
    error::{ErrorKind, Result},
    ids::{BackendId, Dest, TableId, TabletId, TxnId},
    rpc::{self, StatusCode},
};

/// A 128-bit idempotency key of beginTxn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RequestId {
    pub hi: i64,
    pub lo: i64,
}

#[derive(Clone, Debug)]
pub struct BeginTxn {
    pub label: String,
    pub tables: Vec<TableId<Dest>>,
    pub request_id: RequestId,
    /// A live BE: with it a BE restart or a schema change does not abort the transaction for a wrong coordinator.
    pub backend: Option<BackendId<Dest>>,
    pub timeout: Duration,
    /// Number of sub transactions; 0 = a plain transaction.
    pub sub_txns: usize,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Begun {
    /// A transaction in PREPARE. `sub_txns` is empty without sub transactions **and when the call was a repetition**.
    New { txn: TxnId<Dest>, sub_txns: Vec<TxnId<Dest>> },
    /// The label belongs to a transaction that is not aborted. `txn` is `None` where the text did not name it.
    LabelTaken { txn: Option<TxnId<Dest>>, status: TxnStatus },
}

/// One replica that holds the rows of a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct CommitInfo {
    pub tablet: TabletId<Dest>,
    pub backend: BackendId<Dest>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Committed {
    /// OK. With `only_commit` (or an FE that ignores it) visible or soon visible.
    Accepted,
    /// PUBLISH_TIMEOUT (14): committed, visible later.
    PublishPending,
}

/// A sub transaction with the replicas that hold its rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SubTxn {
    pub txn: TxnId<Dest>,
    pub table: TableId<Dest>,
    pub infos: Vec<CommitInfo>,
}

impl Cluster<Dest> {
    /// Begins a transaction. After an unclear outcome the same request may be sent again: label and request id find the
    /// transaction that it began.
    pub async fn begin_txn(&self, db: &str, request: &BeginTxn) -> Result<Begun> {
        let what = "beginTxn";
        let message = rpc::BeginTxnRequest {
            user: Some(self.pool.user()),
            passwd: Some(self.pool.password()),
            db: Some(db.to_owned()),
            table_ids: Some(request.tables.iter().map(|table| table.get()).collect()),
            label: Some(request.label.clone()),
            timeout: Some(i64::try_from(request.timeout.as_secs().max(1)).unwrap_or(i64::MAX)),
            request_id: Some(rpc::UniqueId { hi: request.request_id.hi, lo: request.request_id.lo }),
            backend_id: request.backend.map(BackendId::get),
            sub_txn_num: i64::try_from(request.sub_txns).ok().filter(|number| *number > 0),
            ..Default::default()
        };
        let reply = self.pool.call_master::<rpc::BeginTxn>(&message, self.pool.timeouts.rpc, Repeat::Never).await?;
        match self.pool.status_code(what, &reply)? {
            StatusCode::OK => {}
            StatusCode::LABEL_ALREADY_EXISTS => return Ok(label_taken(&reply)),
            _ => return Err(self.pool.refused(what, &reply)),
        }
        let txn = reply.txn_id.filter(|id| *id > 0);
        let txn = txn.ok_or_else(|| self.pool.error(ErrorKind::Garbled, what, "status OK without a transaction"))?;
        let sub_txns = reply.sub_txn_ids.unwrap_or_default().into_iter().map(TxnId::new).collect();
        Ok(Begun::New { txn: TxnId::new(txn), sub_txns })
    }

    /// Commits. The FE takes silence for agreement: infos that match nothing, and a partition without any, are not noticed,
    /// so `infos` must be complete. `only_commit`: do not wait for the publish (ignored by older FEs). **Never to be
    /// repeated blindly**: 3.0 allots a second version.
    pub async fn commit_txn(
        &self,
        db: &str,
        txn: TxnId<Dest>,
        infos: &[CommitInfo],
        only_commit: bool,
    ) -> Result<Committed> {
        let request = rpc::CommitTxnRequest {
            commit_infos: Some(wire_infos(infos)),
            only_commit: only_commit.then_some(true),
            ..self.commit_request(db, txn)
        };
        self.commit(request).await
    }

    /// Commits and waits at most `wait` for locks and publish, also where the FE does not know `only_commit`: 5 ms answered
    /// `PublishPending` in 2.1, 3.0 and 4.1, 1 ms was sometimes refused for a lock.
    pub async fn commit_txn_within(
        &self,
        db: &str,
        txn: TxnId<Dest>,
        infos: &[CommitInfo],
        wait: Duration,
    ) -> Result<Committed> {
        let request = rpc::CommitTxnRequest {
            commit_infos: Some(wire_infos(infos)),
            // The FE takes half of it.
            thrift_rpc_timeout_ms: Some(i64::try_from(wait.as_millis().saturating_mul(2)).unwrap_or(i64::MAX)),
            ..self.commit_request(db, txn)
        };
        self.commit(request).await
    }

    /// Commits a transaction of several statements, whose sub transactions are applied in this order.
    pub async fn commit_sub_txns(&self, db: &str, txn: TxnId<Dest>, sub_txns: &[SubTxn]) -> Result<Committed> {
        let infos = sub_txns.iter().map(|sub| rpc::SubTxnInfo {
            sub_txn_id: Some(sub.txn.get()),
            table_id: Some(sub.table.get()),
            tablet_commit_infos: Some(wire_infos(&sub.infos)),
            sub_txn_type: None,
        });
        let request = rpc::CommitTxnRequest {
            txn_insert: Some(true),
            sub_txn_infos: Some(infos.collect()),
            ..self.commit_request(db, txn)
        };
        self.commit(request).await
    }

    fn commit_request(&self, db: &str, txn: TxnId<Dest>) -> rpc::CommitTxnRequest {
        rpc::CommitTxnRequest {
            user: Some(self.pool.user()),
            passwd: Some(self.pool.password()),
            db: Some(db.to_owned()),
            txn_id: Some(txn.get()),
            ..Default::default()
        }
    }

    async fn commit(&self, request: rpc::CommitTxnRequest) -> Result<Committed> {
        let what = "commitTxn";
        let reply = self.pool.call_master::<rpc::CommitTxn>(&request, self.pool.timeouts.commit, Repeat::Never).await?;
        match self.pool.status_code(what, &reply)? {
            StatusCode::OK => Ok(Committed::Accepted),
            StatusCode::PUBLISH_TIMEOUT => Ok(Committed::PublishPending),
            // Something broke inside the FE, perhaps behind the commit.
            StatusCode::INTERNAL_ERROR | StatusCode::THRIFT_RPC_ERROR | StatusCode::TIMEOUT => {
                let refused = self.pool.refused(what, &reply);
                let kind = match refused.kind {
                    ErrorKind::Refused => ErrorKind::Unanswered,
                    kind => kind,
                };
                Err(crate::Error { kind, ..refused })
            }
            _ => Err(self.pool.refused(what, &reply)),
        }
    }

    /// `TxnCommitted`, `TxnNotFound` are errors of these kinds.
    pub async fn rollback_txn(&self, db: &str, txn: TxnId<Dest>, reason: &str) -> Result<()> {
        let request = rpc::RollbackTxnRequest {
            user: Some(self.pool.user()),
            passwd: Some(self.pool.password()),
            db: Some(db.to_owned()),
            txn_id: Some(txn.get()),
            reason: Some(reason.to_owned()),
            ..Default::default()
        };
        let reply = self.pool.call_master::<rpc::RollbackTxn>(&request, self.pool.timeouts.rpc, Repeat::Never).await?;
        self.pool.check("rollbackTxn", &reply)
    }
}

fn wire_infos(infos: &[CommitInfo]) -> Vec<rpc::TabletCommitInfo> {
    let wire = |info: &CommitInfo| rpc::TabletCommitInfo {
        tablet_id: info.tablet.get(),
        backend_id: info.backend.get(),
        invalid_dict_cols: None,
    };
    infos.iter().map(wire).collect()
}

/// `Label [l] has already been used, relate to txn [7], status [PREPARE].`; 3.0 leaves the status out, where `job_status`
/// tells a running transaction from an ended one.
fn label_taken(reply: &rpc::BeginTxnResult) -> Begun {
    let text = reply.status.as_ref().map(rpc::Status::text).unwrap_or_default();
    let txn = bracketed(&text, "relate to txn [").and_then(|id| id.parse().ok()).map(TxnId::new);
    let status = match (bracketed(&text, "status ["), reply.job_status.as_deref()) {
        (Some(word), _) => TxnStatus::parse(word),
        (None, Some("RUNNING")) => TxnStatus::Prepare,
        (None, Some("PRECOMMITTED")) => TxnStatus::Precommitted,
        // Committed or visible.
        (None, Some("FINISHED")) => TxnStatus::Committed,
        (None, _) => TxnStatus::Unknown,
    };
    Begun::LabelTaken { txn, status }
}

fn bracketed<'a>(text: &'a str, before: &str) -> Option<&'a str> {
    // A label may hold anything but brackets; the parts that count come last.
    let (_, behind) = text.rsplit_once(before)?;
    behind.split_once(']').map(|(inside, _)| inside)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_owner_of_a_label_is_named() {
        for (text, job_status, txn, status) in [
            (
                "errCode = 2, detailMessage = Label [t1] has already been used, relate to txn [361], status [PREPARE].",
                "RUNNING",
                Some(361),
                TxnStatus::Prepare,
            ),
            (
                "Label [h1] has already been used, relate to txn [5], status [VISIBLE].",
                "FINISHED",
                Some(5),
                TxnStatus::Visible,
            ),
            ("Label [t1] has already been used, relate to txn [32]", "RUNNING", Some(32), TxnStatus::Prepare),
            ("Label [t1] has already been used, relate to txn [32]", "FINISHED", Some(32), TxnStatus::Committed),
            ("", "FINISHED", None, TxnStatus::Committed),
            ("Label [x] relate to txn [y]", "", None, TxnStatus::Unknown),
        ] {
            let reply = rpc::BeginTxnResult {
                status: Some(rpc::Status::with_text(StatusCode::LABEL_ALREADY_EXISTS, text)),
                job_status: Some(job_status.to_owned()),
                ..Default::default()
            };
            assert_eq!(label_taken(&reply), Begun::LabelTaken { txn: txn.map(TxnId::new), status }, "{text}");
        }
    }
}
