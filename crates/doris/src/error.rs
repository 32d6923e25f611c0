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
    /// The column does not exist.
    ColumnNotFound,
    /// The index, rollup or materialized view does not exist.
    IndexNotFound,
    /// The statement is for another kind of object: a view instead of a table, or the reverse.
    WrongKind,
    /// The statement names something that exists already.
    AlreadyExists,
    /// The schema is already as the statement wants it.
    NothingChanged,
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
    /// 1105 for nearly everything in 4.1, so only the text counts; the first match wins. All texts were seen in 2.1, 3.0 or
    /// 4.1, or read in their sources.
    pub fn classify(text: &str) -> Self {
        TABLE.iter().find(|(parts, _)| contains_in_order(text, parts)).map_or(Self::Refused, |(_, kind)| *kind)
    }
}

/// Parts of a text, which must occur in this order, and what they mean.
const TABLE: &[(&[&str], ErrorKind)] = &[
    // A text that would match below, but means nothing of the kind.
    (&["Unknown table property"], ErrorKind::Refused),
    // An FE that is no master, or an election.
    (&["FE is not master"], ErrorKind::NoMaster),
    (&["ForwardToMasterException"], ErrorKind::NoMaster),
    (&["Failed to get master client"], ErrorKind::NoMaster),
    (&["Node catalog is not ready"], ErrorKind::NoMaster),
    (&["Master FE is not ready"], ErrorKind::NoMaster),
    (&["Access denied"], ErrorKind::AccessDenied),
    (&["denied"], ErrorKind::AccessDenied),
    // Transactions.
    (&["is already COMMITTED"], ErrorKind::TxnCommitted),
    (&["is already VISIBLE"], ErrorKind::TxnCommitted),
    (&["is already aborted"], ErrorKind::TxnAborted),
    (&["transaction not found"], ErrorKind::TxnNotFound),
    (&["transaction [", "] not found"], ErrorKind::TxnNotFound),
    (&["transaction with id", "does not exist"], ErrorKind::TxnNotFound),
    (&["transaction with label", "does not exist"], ErrorKind::TxnNotFound),
    (&["txn does not exist"], ErrorKind::TxnNotFound),
    (&["succ replica num"], ErrorKind::Quorum),
    // States that pass.
    (&["is in restore process"], ErrorKind::InRestore),
    (&["in atomic restore"], ErrorKind::InRestore),
    (&["state(RESTORE)"], ErrorKind::InRestore),
    (&["state is RESTORE"], ErrorKind::InRestore),
    (&["waiting to be completed"], ErrorKind::Busy),
    (&["state is not NORMAL"], ErrorKind::TableState),
    (&[") is not NORMAL"], ErrorKind::TableState),
    (&["cannot be dropped"], ErrorKind::TableState),
    (&["has build index job"], ErrorKind::TableState),
    (&["write lock timeout"], ErrorKind::Busy),
    (&["try lock"], ErrorKind::Busy),
    (&["meta has been changed"], ErrorKind::Busy),
    (&["larger than limit"], ErrorKind::Busy),
    (&["too many transactions"], ErrorKind::Busy),
    (&["Reach limit of connections"], ErrorKind::Busy),
    (&["Another backup or restore job is being submitted"], ErrorKind::Busy),
    // Snapshots.
    (&["Can only run one backup or restore job"], ErrorKind::SnapshotJobRunning),
    (&["snapshot", "not exist"], ErrorKind::SnapshotNotFound),
    (&["snapshot", "is expired"], ErrorKind::SnapshotExpired),
    // Things that are not there. In a longer name first, since "table" is part of many texts.
    (&["nknown database"], ErrorKind::DbNotFound),
    (&["can't find db"], ErrorKind::DbNotFound),
    (&["Database [", "does not exist"], ErrorKind::DbNotFound),
    (&["Database ", " does not exist"], ErrorKind::DbNotFound),
    (&["database doesn't exist"], ErrorKind::DbNotFound),
    (&["Unknown partition"], ErrorKind::PartitionNotFound),
    (&["Error in list of partitions"], ErrorKind::PartitionNotFound),
    (&["No partition named"], ErrorKind::PartitionNotFound),
    (&["artition[", "] does not exist"], ErrorKind::PartitionNotFound),
    (&["Partition ", " does not exist"], ErrorKind::PartitionNotFound),
    (&["Materialized view [", "does not exist"], ErrorKind::IndexNotFound),
    (&["Rollup index[", "does not exist"], ErrorKind::IndexNotFound),
    (&["ndex", "not exist"], ErrorKind::IndexNotFound),
    (&["Unknown column"], ErrorKind::ColumnNotFound),
    (&["Column", "does not exist"], ErrorKind::ColumnNotFound),
    (&["can't find table"], ErrorKind::TableNotFound),
    (&["table not found"], ErrorKind::TableNotFound),
    (&["nknown table"], ErrorKind::TableNotFound),
    (&["Table [", "does not exist"], ErrorKind::TableNotFound),
    (&["Table ", "does not exist in snapshot"], ErrorKind::TableNotFound),
    (&["is not TABLE"], ErrorKind::WrongKind),
    (&["is not VIEW"], ErrorKind::WrongKind),
    // Things that are there already.
    (&["already exist"], ErrorKind::AlreadyExists),
    (&["database exists"], ErrorKind::AlreadyExists),
    (&["Duplicate partition name"], ErrorKind::AlreadyExists),
    (&["is already used"], ErrorKind::AlreadyExists),
    (&["has already been used"], ErrorKind::AlreadyExists),
    (&["has been built specified index"], ErrorKind::AlreadyExists),
    (&["Nothing is changed"], ErrorKind::NothingChanged),
];

fn contains_in_order(text: &str, parts: &[&str]) -> bool {
    let mut rest = text;
    parts.iter().all(|part| match rest.split_once(part) {
        Some((_, behind)) => {
            rest = behind;
            true
        }
        None => false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_of_doris() {
        use ErrorKind::*;
        for (text, kind) in [
            ("FE is not master", NoMaster),
            ("Exception, msg: Failed to get master client.", NoMaster),
            ("errCode = 2, detailMessage = Access denied for user 'root@null' (using password: YES)", AccessDenied),
            ("errCode = 2, detailMessage = transaction not found", TxnNotFound),
            ("errCode = 2, detailMessage = transaction [99] not found", TxnNotFound),
            ("errCode = 2, detailMessage = transaction [7] is already COMMITTED, could not abort.", TxnCommitted),
            ("errCode = 2, detailMessage = transaction [44] is already aborted. abort reason: because", TxnAborted),
            ("errCode = 2, detailMessage = transaction with label zz does not exist", TxnNotFound),
            ("Failed to commit txn 4, cause tablet 1 succ replica num 0 < load required replica num 1.", Quorum),
            ("Table [p], Partition [p2] is in restore process. Can not load into it", InRestore),
            ("Table[t] is in atomic restore state. Do not allow doing ALTER ops", InRestore),
            ("Table[a]'s state(SCHEMA_CHANGE) is not NORMAL. Do not allow doing ALTER ops", TableState),
            (
                "still some transactions in the COMMITTED state waiting to be completed. The partition [p2] cannot be dropped",
                Busy,
            ),
            ("get tableList write lock timeout, tableList=(", Busy),
            ("Can only run one backup or restore job of a database at same time", SnapshotJobRunning),
            ("snapshot c6s1 not exist", SnapshotNotFound),
            ("snapshot not exist", SnapshotNotFound),
            ("snapshot ev_snap is expired", SnapshotExpired),
            ("Unknown database 'nope'", DbNotFound),
            ("unknown database, database=cap3", DbNotFound),
            ("Can't drop database 'cap1b'; database doesn't exist", DbNotFound),
            ("Database [zz] does not exist.(line 1, pos 14)", DbNotFound),
            ("Table [zz] does not exist in database [cap8].(line 1, pos 14)", TableNotFound),
            ("errCode = 7, detailMessage = table not found, tableName=zz", TableNotFound),
            ("can't find table id: 1 in db: cap5", TableNotFound),
            ("Unknown table 'zz' in cap8", TableNotFound),
            ("Unknown table property: [zz]", Refused),
            ("Unknown partition nope in tablep", PartitionNotFound),
            ("Temp partition[zz] does not exist", PartitionNotFound),
            ("Partition[zz] does not exists", PartitionNotFound),
            ("Error in list of partitions to zz", PartitionNotFound),
            ("errCode = 7, detailMessage = Materialized view [zz] does not exist in table [u]", IndexNotFound),
            ("Index[i] is not exist in table[u]", IndexNotFound),
            ("index zz does not exist", IndexNotFound),
            ("Column does not exists: zz", ColumnNotFound),
            ("Unknown column 'zz' in 'table list' in PROJECT clause", ColumnNotFound),
            ("'cap8.vv' is not TABLE. Use 'DROP VIEW cap8.vv'.", WrongKind),
            ("Table 's2' already exists", AlreadyExists),
            ("index `i` already exist.", AlreadyExists),
            ("Can't create database 'cap1'; database exists", AlreadyExists),
            ("Column name[k] is already used", AlreadyExists),
            ("Duplicate partition name p1", AlreadyExists),
            ("Nothing is changed. please check your alter stmt.", NothingChanged),
            ("Can not change INT to TINYINT", Refused),
            ("", Refused),
        ] {
            assert_eq!(ErrorKind::classify(text), kind, "{text}");
        }
    }
}
