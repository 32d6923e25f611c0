//! The methods: names on the wire, requests and replies.

use super::*;
use crate::thrift::Method;

macro_rules! methods {
    ($($(#[$doc:meta])* $marker:ident = $name:literal: $request:ident => $reply:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug)]
        pub enum $marker {}

        impl Method for $marker {
            const NAME: &'static str = $name;
            type Request = $request;
            type Reply = $reply;
        }
    )*

    /// Names of all methods.
    pub const METHODS: &[&str] = &[$($name),*];

        /// Calls a generic function once for each method.
        #[cfg(test)]
        macro_rules! for_each_method {
            ($visit:ident) => { $($visit::<$crate::rpc::$marker>();)* };
        }
        #[cfg(test)]
        pub(crate) use for_each_method;
    };
}

methods! {
    /// FE, master or (since 2025-05) a follower that is asked to.
    GetBinlog = "getBinlog": GetBinlogRequest => GetBinlogResult;
    /// FE, master.
    GetBinlogLag = "getBinlogLag": GetBinlogRequest => GetBinlogLagResult;
    /// FE, master; since 2025-01.
    LockBinlog = "lockBinlog": LockBinlogRequest => LockBinlogResult;
    /// FE, master.
    BeginTxn = "beginTxn": BeginTxnRequest => BeginTxnResult;
    /// FE, master. Never repeated blindly.
    CommitTxn = "commitTxn": CommitTxnRequest => CommitTxnResult;
    /// FE, master.
    RollbackTxn = "rollbackTxn": RollbackTxnRequest => RollbackTxnResult;
    /// FE, any: polls a transaction until its end.
    WaitingTxnStatus = "waitingTxnStatus": WaitingTxnStatusRequest => WaitingTxnStatusResult;
    /// FE, master.
    GetMasterToken = "getMasterToken": GetMasterTokenRequest => GetMasterTokenResult;
    /// FE, master.
    GetSnapshot = "getSnapshot": GetSnapshotRequest => GetSnapshotResult;
    /// FE, master.
    RestoreSnapshot = "restoreSnapshot": RestoreSnapshotRequest => RestoreSnapshotResult;
    /// FE, master.
    GetMeta = "getMeta": GetMetaRequest => GetMetaResult;
    /// FE, master (any since 2025-12).
    GetBackendMeta = "getBackendMeta": GetBackendMetaRequest => GetBackendMetaResult;
    /// BE.
    IngestBinlog = "ingest_binlog": IngestBinlogRequest => IngestBinlogResult;
    /// BE.
    QueryIngestBinlog = "query_ingest_binlog": QueryIngestBinlogRequest => QueryIngestBinlogResult;
}
