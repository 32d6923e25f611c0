//! What can go wrong between a client and a cluster, as one table of kinds.
//!
//! The kind says *what* happened and whether the request may have been executed; what to do about it is the caller's
//! policy. Texts of Doris are matched here ([`classify`]) and nowhere else.

use std::fmt;

/// The result of a call to a cluster.
pub type Result<T> = std::result::Result<T, Error>;

/// A failed call: what kind of failure, of which call, in the server's or our words. Never holds a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    pub kind: ErrorKind,
    /// The call, as `commitTxn on dest 10.0.0.2:9020` or `SHOW BACKUP on source 10.0.0.1:9030`.
    pub call: String,
    /// One sentence: the server's text where it gave one.
    pub text: String,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.call, self.text)
    }
}

impl std::error::Error for Error {}

impl Error {
    pub fn new(kind: ErrorKind, call: impl Into<String>, text: impl Into<String>) -> Self {
        Self { kind, call: call.into(), text: text.into() }
    }
}

/// Whether a failed request had an effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// The server said no, or nothing was ever sent.
    None,
    /// It may have been executed, may be executed later, or not at all.
    Unknown,
}

/// The kinds of failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ErrorKind {
    /// No connection to any known FE or to the BE; nothing was sent.
    Unreachable,
    /// The connection broke or the deadline passed after the request was sent.
    Unanswered,
    /// The reply could not be understood.
    Garbled,
    /// No FE says it is the master, or none can name it: an election. Wait and retry.
    NoMaster,
    /// This Doris does not know the Thrift method.
    UnknownMethod,
    /// Login refused or a privilege is missing.
    AccessDenied,
    /// The database does not exist (under that name).
    DbNotFound,
    /// The table does not exist.
    TableNotFound,
    /// The partition does not exist.
    PartitionNotFound,
    /// The statement names something that exists already.
    AlreadyExists,
    /// The transaction is unknown to the FE, or ended and not searched: proves nothing.
    TxnNotFound,
    /// The transaction was aborted.
    TxnAborted,
    /// The transaction is committed and cannot be rolled back.
    TxnCommitted,
    /// The commit lacks replicas of a tablet.
    Quorum,
    /// The table or partition is being restored.
    InRestore,
    /// The table is in another state than NORMAL.
    TableState,
    /// Too many transactions, lock not obtained in time, or another passing refusal.
    Busy,
    /// A backup or restore of the database is running.
    SnapshotJobRunning,
    /// The snapshot does not exist, or exists no more.
    SnapshotNotFound,
    /// The snapshot's time is over.
    SnapshotExpired,
    /// The BE no longer has the rowset, or cannot fetch it from the source BE.
    Download,
    /// The tablet is not on that BE.
    TabletNotFound,
    /// Anything else that the server refused.
    Refused,
}

impl ErrorKind {
    /// Whether the request may have had an effect.
    pub fn effect(self) -> Effect {
        match self {
            Self::Unanswered | Self::Garbled => Effect::Unknown,
            _ => Effect::None,
        }
    }

    /// Classifies a refusal by Doris's text (FE status, SQL error or BE status). Codes differ between versions and are
    /// 1105 for nearly everything in 4.1, so only the text counts; the first match wins.
    pub fn classify(text: &str) -> Self {
        const TABLE: &[(&str, ErrorKind)] = &[
            ("Access denied", ErrorKind::AccessDenied),
            ("denied", ErrorKind::AccessDenied),
            ("is already COMMITTED", ErrorKind::TxnCommitted),
            ("is already aborted", ErrorKind::TxnAborted),
            ("transaction not found", ErrorKind::TxnNotFound),
            ("transaction with id", ErrorKind::TxnNotFound),
            ("transaction with label", ErrorKind::TxnNotFound),
            ("succ replica num", ErrorKind::Quorum),
            ("is in restore process", ErrorKind::InRestore),
            ("in atomic restore", ErrorKind::InRestore),
            ("state is not NORMAL", ErrorKind::TableState),
            (") is not NORMAL", ErrorKind::TableState),
            ("cannot be dropped", ErrorKind::TableState),
            ("write lock timeout", ErrorKind::Busy),
            ("larger than limit", ErrorKind::Busy),
            ("too many transactions", ErrorKind::Busy),
            ("Another backup or restore job is being submitted", ErrorKind::Busy),
            ("waiting to be completed", ErrorKind::Busy),
            ("Can only run one backup or restore job", ErrorKind::SnapshotJobRunning),
            ("snapshot not exist", ErrorKind::SnapshotNotFound),
            ("unknown database", ErrorKind::DbNotFound),
            ("Unknown database", ErrorKind::DbNotFound),
            ("can't find db", ErrorKind::DbNotFound),
            ("Database [", ErrorKind::DbNotFound),
            ("can't find table", ErrorKind::TableNotFound),
            ("table not found", ErrorKind::TableNotFound),
            ("unknown table", ErrorKind::TableNotFound),
            ("Unknown table", ErrorKind::TableNotFound),
            ("Table [", ErrorKind::TableNotFound),
            ("Unknown partition", ErrorKind::PartitionNotFound),
            ("already exist", ErrorKind::AlreadyExists),
            ("is already used", ErrorKind::AlreadyExists),
        ];
        if let Some(kind) = bracketed_txn_not_found(text) {
            return kind;
        }
        TABLE.iter().find(|(part, _)| text.contains(part)).map_or(Self::Refused, |(_, kind)| *kind)
    }
}

/// `transaction [N] not found`, whatever N is.
fn bracketed_txn_not_found(text: &str) -> Option<ErrorKind> {
    let rest = &text[text.find("transaction [")? + "transaction [".len()..];
    let rest = &rest[rest.find(']')?..];
    rest.starts_with("] not found").then_some(ErrorKind::TxnNotFound)
}
