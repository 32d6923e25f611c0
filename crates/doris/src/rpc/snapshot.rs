//! Snapshots, restores, and the token that opens a cluster's files.

use std::collections::BTreeMap;

use bytes::Bytes;

use crate::{
    rpc::{NetworkAddress, Status},
    secret::Secret,
    thrift::{thrift_enum, thrift_struct},
};

thrift_enum! {
    /// `TSnapshotType`.
    SnapshotType { REMOTE = 0, LOCAL = 1 }
}

thrift_struct! {
    /// `TGetMasterTokenRequest`.
    GetMasterTokenRequest { 1 opt cluster: String, 2 opt user: String, 3 opt password: Secret }

    /// `TGetMasterTokenResult`.
    GetMasterTokenResult { 1 opt status: Status, 2 opt token: Secret, 3 opt master_address: NetworkAddress }

    /// `TGetSnapshotRequest`.
    GetSnapshotRequest {
        1 opt cluster: String,
        2 opt user: String,
        3 opt passwd: Secret,
        4 opt db: String,
        5 opt table: String,
        6 opt token: Secret,
        7 opt label_name: String,
        8 opt snapshot_name: String,
        9 opt snapshot_type: SnapshotType,
        10 opt enable_compress: bool,
    }

    /// `TGetSnapshotResult`.
    GetSnapshotResult {
        1 opt status: Status,
        2 opt meta: Bytes,
        3 opt job_info: Bytes,
        4 opt master_address: NetworkAddress,
        5 opt compressed: bool,
        /// Milliseconds since the epoch.
        6 opt expired_at as "expiredAt": i64,
        7 opt commit_seq: i64,
    }

    /// `TTableRef`.
    TableRef { 1 opt table: String, 3 opt alias_name: String }

    /// `TRestoreSnapshotRequest`.
    RestoreSnapshotRequest {
        1 opt cluster: String,
        2 opt user: String,
        3 opt passwd: Secret,
        4 opt db: String,
        5 opt table: String,
        6 opt token: Secret,
        7 opt label_name: String,
        8 opt repo_name: String,
        9 opt table_refs: Vec<TableRef>,
        10 opt properties: BTreeMap<String, String>,
        11 opt meta: Bytes,
        12 opt job_info: Bytes,
        13 opt clean_tables: bool,
        14 opt clean_partitions: bool,
        15 opt atomic_restore: bool,
        16 opt compressed: bool,
        17 opt force_replace: bool,
    }

    /// `TRestoreSnapshotResult`.
    RestoreSnapshotResult { 1 opt status: Status, 2 opt master_address: NetworkAddress }
}
