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
    /// `TBeginTxnRequest`. The FE demands 2, 3, 4, 5 and 7.
    BeginTxnRequest {
        1 opt cluster: String,
        2 opt user: String,
        3 opt passwd: Secret,
        4 opt db: String,
        /// Must be set, may be empty.
        5 opt table_ids: Vec<i64>,
        6 opt user_ip: String,
        7 opt label: String,
        /// Deprecated.
        8 opt auth_code: i64,
        /// Seconds, 1 to 259200.
        9 opt timeout: i64,
        /// Idempotency key, effective until the commit.
        10 opt request_id: UniqueId,
        11 opt token: Secret,
        /// The coordinating BE.
        12 opt backend_id: i64,
        /// Unset rather than 0 for older FEs.
        13 opt sub_txn_num: i64,
    }

    /// `TBeginTxnResult`.
    BeginTxnResult {
        1 opt status: Status,
        2 opt txn_id: i64,
        /// With LABEL_ALREADY_EXISTS: `RUNNING`, `PRECOMMITTED` or `FINISHED`.
        3 opt job_status: String,
        4 opt db_id: i64,
        5 opt master_address: NetworkAddress,
        /// The first equals `txn_id`.
        6 opt sub_txn_ids: Vec<i64>,
    }

    /// `TTabletCommitInfo`: one replica that holds the rows.
    TabletCommitInfo { 1 req tablet_id as "tabletId": i64, 2 req backend_id as "backendId": i64, 3 opt invalid_dict_cols: Vec<String> }

    /// `TSubTxnInfo`.
    SubTxnInfo {
        1 opt sub_txn_id: i64,
        2 opt table_id: i64,
        3 opt tablet_commit_infos: Vec<TabletCommitInfo>,
        4 opt sub_txn_type: SubTxnType,
    }

    /// `TCommitTxnRequest`. The FE demands 2, 3, 4, 6 and 7 (14 with `txn_insert`). Id 9, an attachment, has no use
    /// here: never written, skipped when read.
    CommitTxnRequest {
        1 opt cluster: String,
        2 opt user: String,
        3 opt passwd: Secret,
        4 opt db: String,
        5 opt user_ip: String,
        6 opt txn_id: i64,
        7 opt commit_infos: Vec<TabletCommitInfo>,
        8 opt auth_code: i64,
        /// Milliseconds; the FE waits for half of it.
        10 opt thrift_rpc_timeout_ms: i64,
        11 opt token: Secret,
        /// Above 0: wins over `db`.
        12 opt db_id: i64,
        13 opt txn_insert: bool,
        14 opt sub_txn_infos: Vec<SubTxnInfo>,
        /// Do not wait for the publish; ignored by FEs before 2025.
        15 opt only_commit: bool,
    }

    /// `TCommitTxnResult`.
    CommitTxnResult { 1 opt status: Status, 2 opt master_address: NetworkAddress }

    /// `TRollbackTxnRequest`. The FE demands 2, 3, 4 and 6. There is no id 8; id 10 is the attachment (see
    /// [`CommitTxnRequest`]).
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
        /// Above 0: wins over `db`.
        12 opt db_id: i64,
    }

    /// `TRollbackTxnResult`.
    RollbackTxnResult { 1 opt status: Status, 2 opt master_address: NetworkAddress }

    /// `TWaitingTxnStatusRequest`.
    WaitingTxnStatusRequest { 1 opt db_id: i64, 2 opt txn_id: i64, 3 opt label: String }

    /// `TWaitingTxnStatusResult`: UNKNOWN 0, PREPARE 1, COMMITTED 2, VISIBLE 3, ABORTED 4, PRECOMMITTED 5.
    WaitingTxnStatusResult { 1 opt status: Status, 2 opt txn_status_id: i32 }
}
