//! getBinlog, getBinlogLag, lockBinlog.

use doris::rpc::{
    Binlog, BinlogType, FeReply as _, GetBinlogLagResult, GetBinlogRequest, GetBinlogResult, LockBinlogRequest,
    LockBinlogResult, Status, StatusCode,
};

use super::{Caller, FrontendService, account::Login, required};
use crate::model::{self, Privilege, Refusal};

impl FrontendService {
    pub(super) fn get_binlog(&self, request: GetBinlogRequest) -> GetBinlogResult {
        let profile = self.profile();
        let as_follower = profile.binlog_follower_reads && request.allow_follower_read.unwrap_or(false);
        if let (Some(status), false) = (self.not_master(), as_follower) {
            // The only method that names the master in this version.
            return GetBinlogResult::refusal(status, Some(self.master_address()));
        }
        self.settle((|| {
            let (db, after) = self.check_reader(&request)?;
            let answer = self.sim.look(|model| {
                let key = model.stream_key(db, request.table.as_deref(), request.table_id)?;
                Ok::<_, Refusal>(model.read_binlogs(
                    &key,
                    after,
                    request.num_acquired.filter(|_| profile.binlog_batches),
                ))
            })?;
            let records: Vec<Binlog> = answer.records.into_iter().map(wire_record).collect();
            Ok(GetBinlogResult {
                status: Some(Status::new(StatusCode(answer.status))),
                binlogs: (!records.is_empty()).then_some(records),
                ..GetBinlogResult::default()
            })
        })())
    }

    pub(super) fn get_binlog_lag(&self, request: GetBinlogRequest) -> GetBinlogLagResult {
        if let Some(status) = self.not_master() {
            return GetBinlogLagResult::refusal(status, None);
        }
        self.settle((|| {
            let (db, after) = self.check_reader(&request)?;
            let answer = self.sim.look(|model| {
                let key = model.stream_key(db, request.table.as_deref(), request.table_id)?;
                Ok::<_, Refusal>(model.binlog_lag(&key, after))
            })?;
            let status = Some(Status::new(StatusCode(answer.status)));
            if answer.status != 0 {
                return Ok(GetBinlogLagResult { status, ..GetBinlogLagResult::default() });
            }
            if !self.profile().binlog_lag_positions {
                return Ok(GetBinlogLagResult { status, lag: Some(answer.lag), ..GetBinlogLagResult::default() });
            }
            Ok(GetBinlogLagResult {
                status,
                lag: Some(answer.lag),
                master_address: None,
                first_commit_seq: Some(answer.first.0),
                last_commit_seq: Some(answer.last.0),
                first_binlog_timestamp: Some(answer.first.1),
                last_binlog_timestamp: Some(answer.last.1),
                next_commit_seq: Some(answer.next.0),
                next_binlog_timestamp: Some(answer.next.1),
            })
        })())
    }

    pub(super) fn lock_binlog(&self, request: LockBinlogRequest, caller: &Caller<'_>) -> LockBinlogResult {
        if let Some(status) = self.not_master() {
            return LockBinlogResult::refusal(status, None);
        }
        self.settle((|| {
            required(&request.user, "user")?;
            required(&request.passwd, "passwd")?;
            let db = required(&request.db, "db")?;
            let job = required(&request.job_unique_id, "job_unique_id")?;
            let login =
                Login { user: &request.user, password: &request.passwd, token: &request.token, ip: Some(caller.peer) };
            self.check_access(login, Privilege::Select, db, request.table.as_slice())?;
            let (status, seq) = self.sim.with(|model| {
                let key = model.stream_key(db, request.table.as_deref(), request.table_id)?;
                Ok::<_, Refusal>(model.lock_binlog(&key, job, request.lock_commit_seq))
            })?;
            Ok(LockBinlogResult {
                status: Some(Status::new(StatusCode(status))),
                locked_commit_seq: Some(seq),
                master_address: None,
            })
        })())
    }

    /// Fields and login of a reader: the database and the position.
    fn check_reader<'a>(&self, request: &'a GetBinlogRequest) -> Result<(&'a str, i64), Refusal> {
        required(&request.user, "user")?;
        required(&request.passwd, "passwd")?;
        let db = required(&request.db, "db")?;
        let after = *required(&request.prev_commit_seq, "prev_commit_seq")?;
        let login = Login {
            user: &request.user,
            password: &request.passwd,
            token: &request.token,
            ip: request.user_ip.as_deref(),
        };
        self.check_access(login, Privilege::Select, db, request.table.as_slice())?;
        Ok((db, after))
    }
}

fn wire_record(record: model::Binlog) -> Binlog {
    let is_dummy = record.belong.is_some();
    Binlog {
        commit_seq: Some(record.commit_seq.0),
        timestamp: Some(record.timestamp_ms),
        kind: Some(BinlogType(record.kind)),
        db_id: Some(record.db.get()),
        table_ids: (!record.table_ids.is_empty()).then(|| record.table_ids.iter().map(|id| id.get()).collect()),
        data: record.data,
        belong: record.belong,
        table_ref: (!is_dummy).then_some(record.table_ref),
        remove_enable_cache: (!is_dummy).then_some(record.remove_enable_cache),
    }
}
