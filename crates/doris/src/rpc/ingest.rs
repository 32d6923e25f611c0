//! What a destination BE is asked for.

use crate::{
    rpc::{Status, UniqueId},
    thrift::{thrift_enum, thrift_struct},
};

thrift_enum! {
    /// `TIngestBinlogStatus`.
    IngestBinlogStatus { ANALYSIS_ERROR = 0, UNKNOWN = 1, NOT_FOUND = 2, OK = 3, FAILED = 4, DOING = 5 }
}

thrift_struct! {
    /// `TIngestBinlogRequest`. The BE demands all of them.
    IngestBinlogRequest {
        /// Of the destination: the transaction, or the sub transaction.
        1 opt txn_id: i64,
        /// The source tablet.
        2 opt remote_tablet_id: i64,
        /// The partition's version in the UPSERT record.
        3 opt binlog_version: i64,
        /// The source BE as the destination BE reaches it; goes verbatim into a URL, so an IPv6 address needs brackets.
        4 opt remote_host: String,
        /// The source BE's **HTTP** port, in decimal.
        5 opt remote_port: String,
        /// The destination partition.
        6 opt partition_id: i64,
        /// The destination tablet.
        7 opt local_tablet_id: i64,
        8 opt load_id: UniqueId,
    }

    /// `TIngestBinlogResult`.
    IngestBinlogResult { 1 opt status: Status, 2 opt is_async: bool }

    /// `TQueryIngestBinlogRequest`. The BE demands all of them.
    QueryIngestBinlogRequest { 1 opt txn_id: i64, 2 opt partition_id: i64, 3 opt tablet_id: i64, 4 opt load_id: UniqueId }

    /// `TQueryIngestBinlogResult`.
    QueryIngestBinlogResult { 1 opt status: IngestBinlogStatus, 2 opt err_msg: String }
}
