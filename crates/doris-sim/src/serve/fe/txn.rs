//! beginTxn, commitTxn, rollbackTxn, waitingTxnStatus.

use doris::rpc::{
    BeginTxnRequest, BeginTxnResult, CommitTxnRequest, CommitTxnResult, FeReply as _, RollbackTxnRequest,
    RollbackTxnResult, Status, StatusCode, TabletCommitInfo, WaitingTxnStatusRequest, WaitingTxnStatusResult,
};

use super::{Caller, FrontendService, account::Login, ok_status, required};
use crate::model::{
    Answer, BackendId, BeginTxnSpec, CommitPart, CommitState, DbId, Model, Privilege, Refusal, TableId, TabletId,
    TxnId, TxnState,
};

/// Longest wait of waitingTxnStatus.
const WAITING_MS: i64 = 30_000;

impl FrontendService {
    pub(super) fn begin_txn(&self, request: BeginTxnRequest, caller: &Caller<'_>) -> BeginTxnResult {
        if let Some(status) = self.not_master() {
            return BeginTxnResult::refusal(status, None);
        }
        let profile = self.profile();
        let checked = (|| {
            required(&request.user, "user")?;
            required(&request.passwd, "passwd")?;
            let db = required(&request.db, "db")?;
            let tables = required(&request.table_ids, "table_ids")?;
            let label = required(&request.label, "label")?;
            let spec = BeginTxnSpec {
                db: db.clone(),
                tables: tables.iter().map(|id| TableId::new(*id)).collect(),
                label: label.clone(),
                timeout_s: request.timeout,
                request_id: request.request_id.as_ref().map(|id| (id.hi, id.lo)),
                backend_id: request.backend_id.filter(|_| profile.begin_txn_backend).unwrap_or(0),
                sub_txn_num: request.sub_txn_num.filter(|_| profile.sub_transactions).unwrap_or(0),
                peer: caller.peer.to_owned(),
            };
            self.sim.look(|model| model.check_begin(&spec))?;
            let login = Login {
                user: &request.user,
                password: &request.passwd,
                token: &request.token,
                ip: request.user_ip.as_deref(),
            };
            let names = self.sim.look(|model| model.table_names(db, &spec.tables));
            self.check_access(login, Privilege::Load, db, &names)?;
            Ok(spec)
        })();
        let spec = match checked {
            Ok(spec) => spec,
            Err(refusal) => return BeginTxnResult::refusal(self.status_of(refusal), None),
        };
        match self.sim.with(|model| model.begin_txn(spec)) {
            Ok(begun) => BeginTxnResult {
                status: ok_status(),
                txn_id: Some(begun.id.get()),
                db_id: (!begun.repeated).then(|| begun.db.get()),
                sub_txn_ids: (!begun.sub_txns.is_empty()).then(|| begun.sub_txns.iter().map(|id| id.get()).collect()),
                ..BeginTxnResult::default()
            },
            Err(refused) => BeginTxnResult {
                job_status: refused.job_status.map(str::to_owned),
                ..BeginTxnResult::refusal(self.status_of(refused.refusal), None)
            },
        }
    }

    pub(super) async fn commit_txn(&self, request: CommitTxnRequest) -> CommitTxnResult {
        if let Some(status) = self.not_master() {
            return CommitTxnResult::refusal(status, None);
        }
        let committed = self.commit(&request);
        let (id, state) = match committed {
            Ok(committed) => committed,
            Err(refusal) => return CommitTxnResult::refusal(self.status_of(refusal), None),
        };
        let profile = self.profile();
        let txn_insert = profile.sub_transactions && request.txn_insert.unwrap_or(false);
        let only_commit = profile.only_commit && request.only_commit.unwrap_or(false);
        let done = CommitTxnResult { status: ok_status(), master_address: None };
        if state == CommitState::Visible || (only_commit && !txn_insert) {
            return done;
        }
        let budget = match request.thrift_rpc_timeout_ms {
            Some(limit) => limit / 2,
            None => self.sim.look(|model| model.config_number("try_commit_lock_timeout_seconds", 5)) * 1000,
        };
        let deadline = self.sim.clock().now_ms().saturating_add(budget.max(0));
        if self.sim.wait_visible(id, deadline).await {
            return done;
        }
        let text = "transaction commit successfully, BUT data will be visible later";
        CommitTxnResult::refusal(Status::with_text(StatusCode::PUBLISH_TIMEOUT, text), None)
    }

    fn commit(&self, request: &CommitTxnRequest) -> Answer<(TxnId, CommitState)> {
        required(&request.user, "user")?;
        required(&request.passwd, "passwd")?;
        let db = required(&request.db, "db")?;
        let id = TxnId::new(*required(&request.txn_id, "txn_id")?);
        let parts = if self.profile().sub_transactions && request.txn_insert.unwrap_or(false) {
            sub_txn_parts(request)?
        } else {
            let infos = required(&request.commit_infos, "commit_infos")?;
            vec![CommitPart { stid: id, table: None, infos: infos.iter().map(commit_info).collect() }]
        };
        let db = self.known_txn(db, request.db_id, id)?;
        let login =
            Login { user: &request.user, password: &request.passwd, token: &None, ip: request.user_ip.as_deref() };
        let (name, tables) = self.sim.look(|model| model.txn_tables(db, id));
        self.check_access(login, Privilege::Load, &name, &tables)?;
        let state = self.sim.with(|model| model.commit_txn(db, id, &parts))?;
        Ok((id, state))
    }

    pub(super) fn rollback_txn(&self, request: RollbackTxnRequest) -> RollbackTxnResult {
        if let Some(status) = self.not_master() {
            return RollbackTxnResult::refusal(status, None);
        }
        self.settle((|| {
            required(&request.user, "user")?;
            required(&request.passwd, "passwd")?;
            let db = required(&request.db, "db")?;
            let id = TxnId::new(*required(&request.txn_id, "txn_id")?);
            let db = self.known_txn(db, request.db_id, id)?;
            let login =
                Login { user: &request.user, password: &request.passwd, token: &None, ip: request.user_ip.as_deref() };
            let (name, tables) = self.sim.look(|model| model.txn_tables(db, id));
            self.check_access(login, Privilege::Load, &name, &tables)?;
            self.sim.with(|model| model.rollback_txn(db, id, request.reason.as_deref()))?;
            Ok(RollbackTxnResult { status: ok_status(), master_address: None })
        })())
    }

    /// The database of a transaction that is known and whose tables exist: looked up before the login is checked. The
    /// database's id, where one is given, outranks its name.
    fn known_txn(&self, name: &str, db: Option<i64>, id: TxnId) -> Answer<DbId> {
        self.sim.look(|model| {
            let db = match db.filter(|id| *id > 0).map(DbId::new) {
                Some(db) if model.databases.contains_key(&db) => db,
                Some(_) => return Err(Refusal::analysis(format!("unknown database, database={name}"))),
                None => model.thrift_database(name)?.id,
            };
            model.known_txn(db, id).map(|_| db)
        })
    }

    /// No login and no master check: every FE answers from its own state.
    pub(super) async fn waiting_txn_status(&self, request: WaitingTxnStatusRequest) -> WaitingTxnStatusResult {
        let failed = |code, text: String| WaitingTxnStatusResult {
            status: Some(Status::with_text(code, text)),
            txn_status_id: None,
        };
        let db = DbId::new(request.db_id.unwrap_or(0));
        let deadline = self.sim.clock().now_ms().saturating_add(WAITING_MS);
        let look = |model: &mut Model| TxnLook::of(model, db, &request);
        let ended = self
            .sim
            .wait_until(deadline, |model| Some(look(model)).filter(|found| !matches!(found, TxnLook::Unfinished(_))))
            .await;
        match ended.unwrap_or_else(|| self.sim.look(look)) {
            TxnLook::Unknown(text) => failed(StatusCode::INTERNAL_ERROR, text),
            TxnLook::Unfinished(state) => {
                failed(StatusCode::INCOMPLETE, format!("Operation is timeout, txn status is {state}"))
            }
            TxnLook::Answer(code, reason) => WaitingTxnStatusResult {
                status: if reason.is_empty() { ok_status() } else { Some(Status::with_text(StatusCode::OK, reason)) },
                txn_status_id: Some(code),
            },
        }
    }
}

/// What waitingTxnStatus sees at one look.
enum TxnLook {
    /// An unknown id or database is a failure, an unknown label an answer (seen).
    Unknown(String),
    Unfinished(&'static str),
    /// `txn_status_id`, and why it was aborted: told only to those who ask by id.
    Answer(i32, String),
}

impl TxnLook {
    fn of(model: &Model, db: DbId, request: &WaitingTxnStatusRequest) -> Self {
        const UNKNOWN: i32 = 0;
        let txn = match request.txn_id {
            Some(id) => {
                let found = model.txn_or_parent(TxnId::new(id)).filter(|txn| txn.db == db);
                let Some(txn) = found else {
                    return Self::Unknown(format!("errCode = 2, detailMessage = txn does not exist: {id}"));
                };
                txn
            }
            None if !model.databases.contains_key(&db) => {
                let text = format!("errCode = 2, detailMessage = databaseTransactionMgr[{db}] does not exist");
                return Self::Unknown(text);
            }
            None => {
                let label = request.label.as_deref().unwrap_or_default();
                match model.txns_of(db).filter(|txn| txn.label == label).last() {
                    Some(txn) => txn,
                    None => return Self::Answer(UNKNOWN, String::new()),
                }
            }
        };
        let code = match txn.state {
            TxnState::Visible => 3,
            TxnState::Aborted => 4,
            TxnState::Prepare | TxnState::Committed => return Self::Unfinished(txn.state.name()),
        };
        Self::Answer(code, if request.txn_id.is_some() { txn.reason.trim().to_owned() } else { String::new() })
    }
}

/// Infos of sub transactions whose table is gone are left out by the commit itself.
fn sub_txn_parts(request: &CommitTxnRequest) -> Answer<Vec<CommitPart>> {
    let infos = required(&request.sub_txn_infos, "sub_txn_infos")?;
    Ok(infos
        .iter()
        .map(|info| CommitPart {
            stid: TxnId::new(info.sub_txn_id.unwrap_or(0)),
            table: Some(TableId::new(info.table_id.unwrap_or(0))),
            infos: info.tablet_commit_infos.iter().flatten().map(commit_info).collect(),
        })
        .collect())
}

fn commit_info(info: &TabletCommitInfo) -> (TabletId, BackendId) {
    (TabletId::new(info.tablet_id), BackendId::new(info.backend_id))
}
