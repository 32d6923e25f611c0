//! What every reply carries.

use crate::thrift::{thrift_enum, thrift_struct};

thrift_enum! {
    /// `TStatusCode`. A BE copies any positive internal code, so other values are possible.
    StatusCode {
        OK = 0, CANCELLED = 1, ANALYSIS_ERROR = 2, NOT_IMPLEMENTED_ERROR = 3, RUNTIME_ERROR = 4, MEM_LIMIT_EXCEEDED = 5,
        INTERNAL_ERROR = 6, THRIFT_RPC_ERROR = 7, TIMEOUT = 8, LIMIT_REACH = 9, MEM_ALLOC_FAILED = 11,
        BUFFER_ALLOCATION_FAILED = 12, MINIMUM_RESERVATION_UNAVAILABLE = 13, PUBLISH_TIMEOUT = 14,
        LABEL_ALREADY_EXISTS = 15, TOO_MANY_TASKS = 16, END_OF_FILE = 30, NOT_FOUND = 31, CORRUPTION = 32,
        INVALID_ARGUMENT = 33, IO_ERROR = 34, ALREADY_EXIST = 35, NETWORK_ERROR = 36, ILLEGAL_STATE = 37,
        NOT_AUTHORIZED = 38, ABORTED = 39, DIRECTORY_NOT_EMPTY = 40, UNINITIALIZED = 42, INCOMPLETE = 44,
        OLAP_ERR_VERSION_ALREADY_MERGED = 45, DATA_QUALITY_ERROR = 46, INVALID_JSON_PATH = 47, JNI_ERROR = 48,
        BINLOG_DISABLE = 60, BINLOG_TOO_OLD_COMMIT_SEQ = 61, BINLOG_TOO_NEW_COMMIT_SEQ = 62, BINLOG_NOT_FOUND_DB = 63,
        BINLOG_NOT_FOUND_TABLE = 64, SNAPSHOT_NOT_EXIST = 70, HTTP_ERROR = 71, TABLET_MISSING = 72, NOT_MASTER = 73,
        OBTAIN_LOCK_FAILED = 74, SNAPSHOT_EXPIRED = 75, FINISHED = 76, DELETE_BITMAP_LOCK_ERROR = 100,
    }
}

thrift_struct! {
    /// `TStatus`.
    Status { 1 req status_code: StatusCode, 2 opt error_msgs: Vec<String> }

    /// `TNetworkAddress`. An FE that is not ready names host "" and port 0: no address.
    NetworkAddress { 1 req hostname: String, 2 req port: i32 }

    /// `TUniqueId`.
    UniqueId { 1 req hi: i64, 2 req lo: i64 }
}

impl Status {
    /// A status without text.
    pub fn new(status_code: StatusCode) -> Self {
        Self { status_code, error_msgs: None }
    }

    /// A status with one text.
    pub fn with_text(status_code: StatusCode, text: impl Into<String>) -> Self {
        Self { status_code, error_msgs: Some(vec![text.into()]) }
    }

    /// All texts, joined.
    pub fn text(&self) -> String {
        self.error_msgs.as_deref().unwrap_or_default().join("; ")
    }
}
