//! Transactions.

use crate::{
    rpc::{NetworkAddress, Status, UniqueId},
    secret::Secret,
    thrift::{thrift_enum, thrift_struct},
};

thrift_enum! {
    /// `TSubTxnType`.
    SubTxnType { INSERT = 0, DELETE = 1 }
}

thrift_struct! {
    /// `TBeginTxnRequest`.
    BeginTxnRequest {
        1 opt cluster: String,
        2 opt user: String,
        3 opt passwd: Secret,
        4 opt db: String,
        5 opt table_ids: Vec<i64>,
        6 opt user_ip: String,
        7 opt label: String,
        8 opt auth_code: i64,
        /// Seconds.
        9 opt timeout: i64,
        10 opt request_id: UniqueId,
        11 opt token: Secret,
        12 opt backend_id: i64,
        13 opt sub_txn_num: i64,
    }

    /// `TBeginTxnResult`.
    BeginTxnResult {
        1 opt status: Status,
        2 opt txn_id: i64,
        3 opt job_status: String,
        4 opt db_id: i64,
        5 opt master_address: NetworkAddress,
        6 opt sub_txn_ids: Vec<i64>,
    }

    /// `TTabletCommitInfo`.
    TabletCommitInfo { 1 req tablet_id as "tabletId": i64, 2 req backend_id as "backendId": i64, 3 opt invalid_dict_cols: Vec<String> }

    /// `TSubTxnInfo`.
    SubTxnInfo {
        1 opt sub_txn_id: i64,
        2 opt table_id: i64,
        3 opt tablet_commit_infos: Vec<TabletCommitInfo>,
        4 opt sub_txn_type: SubTxnType,
    }

    /// `TCommitTxnRequest`, without the load attachment (id 9).
    CommitTxnRequest {
        1 opt cluster: String,
        2 opt user: String,
        3 opt passwd: Secret,
        4 opt db: String,
        5 opt user_ip: String,
        6 opt txn_id: i64,
        7 opt commit_infos: Vec<TabletCommitInfo>,
        8 opt auth_code: i64,
        10 opt thrift_rpc_timeout_ms: i64,
        11 opt token: Secret,
        12 opt db_id: i64,
        13 opt txn_insert: bool,
        14 opt sub_txn_infos: Vec<SubTxnInfo>,
        15 opt only_commit: bool,
    }

    /// `TCommitTxnResult`.
    CommitTxnResult { 1 opt status: Status, 2 opt master_address: NetworkAddress }

    /// `TRollbackTxnRequest`, without the load attachment (id 10).
    RollbackTxnRequest {
        1 opt cluster: String,
        2 opt user: String,
        3 opt passwd: Secret,
        4 opt db: String,
        5 opt user_ip: String,
        6 opt txn_id: i64,
        7 opt reason: String,
        9 opt auth_code: i64,
        11 opt token: Secret,
        12 opt db_id: i64,
    }

    /// `TRollbackTxnResult`.
    RollbackTxnResult { 1 opt status: Status, 2 opt master_address: NetworkAddress }

    /// `TWaitingTxnStatusRequest`.
    WaitingTxnStatusRequest { 1 opt db_id: i64, 2 opt txn_id: i64, 3 opt label: String }

    /// `TWaitingTxnStatusResult`: UNKNOWN 0, PREPARE 1, COMMITTED 2, VISIBLE 3, ABORTED 4, PRECOMMITTED 5.
    WaitingTxnStatusResult { 1 opt status: Status, 2 opt txn_status_id: i32 }
}
