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

    /// `TGetSnapshotRequest`. The FE demands 2, 3, 4, 7, 8 and 9.
    GetSnapshotRequest {
        1 opt cluster: String,
        2 opt user: String,
        3 opt passwd: Secret,
        4 opt db: String,
        /// For the privilege check only.
        5 opt table: String,
        6 opt token: Secret,
        /// The label of the BACKUP.
        7 opt label_name: String,
        /// Must be set; its value is ignored.
        8 opt snapshot_name: String,
        /// Must be LOCAL.
        9 opt snapshot_type: SnapshotType,
        10 opt enable_compress: bool,
    }

    /// `TGetSnapshotResult`.
    GetSnapshotResult {
        1 opt status: Status,
        /// Serialized catalog, opaque.
        2 opt meta: Bytes,
        /// JSON of the backup job.
        3 opt job_info: Bytes,
        4 opt master_address: NetworkAddress,
        /// Both binaries are gzip.
        5 opt compressed: bool,
        /// Milliseconds since the epoch, the FE's clock; unset on FEs before 2024-11.
        6 opt expired_at as "expiredAt": i64,
        /// Position of the database when the BACKUP was submitted; unset or 0 on FEs before 2024-11.
        7 opt commit_seq: i64,
    }

    /// `TTableRef`. There is no id 2.
    TableRef { 1 opt table: String, 3 opt alias_name: String }

    /// `TRestoreSnapshotRequest`. The FE demands 2, 3, 4, 7, 8, 10, 11 and 12.
    RestoreSnapshotRequest {
        1 opt cluster: String,
        2 opt user: String,
        3 opt passwd: Secret,
        4 opt db: String,
        /// Ignored.
        5 opt table: String,
        6 opt token: Secret,
        /// The label of the restore job.
        7 opt label_name: String,
        /// `__keep_on_local__`.
        8 opt repo_name: String,
        /// Unset or empty = everything in the snapshot.
        9 opt table_refs: Vec<TableRef>,
        /// Must be set, may be empty.
        10 opt properties: BTreeMap<String, String>,
        11 opt meta: Bytes,
        /// With `extra_info`: holds the token of the source cluster.
        12 opt job_info: Bytes,
        13 opt clean_tables: bool,
        14 opt clean_partitions: bool,
        15 opt atomic_restore: bool,
        16 opt compressed: bool,
        17 opt force_replace: bool,
    }

    /// `TRestoreSnapshotResult`. OK means submitted.
    RestoreSnapshotResult { 1 opt status: Status, 2 opt master_address: NetworkAddress }
}
