//! What to do about each kind of failure, and what to tell the operator: one table.

use std::{fmt, time::Duration};

use doris::{Error, ErrorKind};
use serde::Serialize;

/// A code that names one situation in messages, events and documents.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Code(pub u16);

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CCR-{:04}", self.0)
    }
}

impl Serialize for Code {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

macro_rules! codes {
    ($(#[doc = $meaning:literal] $name:ident = $code:literal;)*) => {
        impl Code {
            $(#[doc = $meaning] pub const $name: Self = Self($code);)*

            /// Every code with what it means.
            pub const ALL: &[(Self, &str)] = &[$((Self::$name, $meaning),)*];
        }
    };
}

codes! {
    /// The request itself is wrong.
    INVALID_REQUEST = 1001;
    /// A job of that name exists.
    JOB_EXISTS = 1002;
    /// There is no such job.
    JOB_NOT_FOUND = 1003;
    /// The job belongs to another syncer.
    NOT_OWNER = 1004;
    /// The metadata database does not do what it should.
    STORE = 1101;
    /// A stored document cannot be understood.
    DOCUMENT = 1102;
    /// A cluster cannot be reached.
    UNREACHABLE = 2001;
    /// A cluster did not answer in time, or broke the connection.
    UNANSWERED = 2002;
    /// No FE of a cluster is master: an election.
    NO_MASTER = 2003;
    /// Login refused or privilege missing.
    ACCESS_DENIED = 2004;
    /// The binlog feature of an FE or BE is off.
    FEATURE_OFF = 2101;
    /// The database does not exist.
    DB_NOT_FOUND = 2102;
    /// Binlog is not enabled on the table or database.
    BINLOG_OFF = 2103;
    /// The table does not exist.
    TABLE_NOT_FOUND = 2104;
    /// The destination table exists already.
    DEST_EXISTS = 2105;
    /// A snapshot crosses versions that Doris does not support.
    VERSIONS = 2106;
    /// The source has no binlog stream for the table.
    NO_STREAM = 2201;
    /// Binlog records are missing between two versions of a partition.
    GAP = 2202;
    /// A record of a type that this version does not replicate.
    UNSUPPORTED_BINLOG = 2203;
    /// A record cannot be decoded.
    BAD_BINLOG = 2204;
    /// Source and destination metadata do not fit together.
    METADATA = 2301;
    /// Somebody else wrote to the destination table.
    FOREIGN_WRITE = 2302;
    /// Rows of a source version cannot be fetched any more.
    ROWS_GONE = 2303;
    /// A transaction could not be committed.
    COMMIT = 2304;
    /// Backup or restore failed.
    SNAPSHOT = 2401;
    /// A request was refused for another reason.
    REFUSED = 2901;
}

/// A failure as a person reads it: code, one sentence of cause, what to do next.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Failure {
    pub code: Code,
    pub message: String,
    pub hint: String,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.code, self.message)?;
        if self.hint.is_empty() { Ok(()) } else { write!(f, "; {}", self.hint) }
    }
}

impl std::error::Error for Failure {}

impl Failure {
    pub fn new(code: Code, message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { code, message: message.into(), hint: hint.into() }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let rule = rule(error.kind);
        Self::new(rule.code, error.to_string(), rule.hint)
    }
}

/// What a job does about a failure of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Try again from the last checkpoint, with back-off between `first` and `most`.
    Retry { first: Duration, most: Duration },
    /// The same, with all cached metadata thrown away first.
    RefreshAndRetry { first: Duration, most: Duration },
    /// Stop until an operator acts.
    Halt,
}

/// One row of the table.
#[derive(Clone, Copy, Debug)]
pub struct Rule {
    pub code: Code,
    pub action: Action,
    pub hint: &'static str,
}

const fn retry(first_ms: u64, most_s: u64) -> Action {
    Action::Retry { first: Duration::from_millis(first_ms), most: Duration::from_secs(most_s) }
}

const fn refresh(first_ms: u64, most_s: u64) -> Action {
    Action::RefreshAndRetry { first: Duration::from_millis(first_ms), most: Duration::from_secs(most_s) }
}

/// The table: from the kind of a failed call to code, action and hint.
pub fn rule(kind: ErrorKind) -> Rule {
    let (code, action, hint) = match kind {
        ErrorKind::Unreachable => (
            Code::UNREACHABLE,
            refresh(200, 15),
            "check that the FE or BE runs and that host, port and host mapping are right",
        ),
        ErrorKind::Unanswered | ErrorKind::Garbled => {
            (Code::UNANSWERED, retry(100, 15), "check load and network between the syncer and that host")
        }
        ErrorKind::NoMaster => {
            (Code::NO_MASTER, retry(100, 3), "an FE election is running; the job goes on when it ends")
        }
        ErrorKind::UnknownMethod => {
            (Code::REFUSED, Action::Halt, "this version of Doris lacks a call that the job needs: upgrade it")
        }
        ErrorKind::AccessDenied => (
            Code::ACCESS_DENIED,
            retry(1000, 30),
            "check user and password; the account needs SELECT and LOAD, ALTER, CREATE, DROP on the tables, defined as 'user'@'%'",
        ),
        ErrorKind::DbNotFound => (Code::DB_NOT_FOUND, retry(1000, 30), "check the name of the database"),
        ErrorKind::TableNotFound | ErrorKind::PartitionNotFound => {
            (Code::TABLE_NOT_FOUND, refresh(200, 15), "check that the table still exists on both sides")
        }
        ErrorKind::TabletNotFound => {
            (Code::METADATA, refresh(100, 15), "replicas are being moved; the job looks again")
        }
        ErrorKind::AlreadyExists => (Code::DEST_EXISTS, refresh(200, 15), ""),
        ErrorKind::TxnNotFound | ErrorKind::TxnAborted | ErrorKind::TxnCommitted => (Code::COMMIT, retry(100, 15), ""),
        ErrorKind::Quorum => (
            Code::COMMIT,
            refresh(100, 15),
            "too few replicas took the rows: check the destination's backends and running schema changes",
        ),
        ErrorKind::InRestore => (Code::COMMIT, retry(500, 10), "the destination table is being restored"),
        ErrorKind::TableState => {
            (Code::COMMIT, retry(500, 10), "wait for the running schema change or restore on the destination table")
        }
        ErrorKind::Busy => (Code::REFUSED, retry(200, 10), "Doris is busy; the job tries again"),
        ErrorKind::SnapshotJobRunning => {
            (Code::SNAPSHOT, retry(200, 3), "Doris runs one backup or restore per database; the job waits for its turn")
        }
        ErrorKind::SnapshotNotFound | ErrorKind::SnapshotExpired => {
            (Code::SNAPSHOT, retry(200, 10), "a new snapshot is made")
        }
        ErrorKind::Download => (
            Code::ROWS_GONE,
            refresh(200, 15),
            "check that source backends are up, that destination backends reach their HTTP ports, and binlog.ttl_seconds",
        ),
        ErrorKind::ColumnNotFound
        | ErrorKind::IndexNotFound
        | ErrorKind::WrongKind
        | ErrorKind::NothingChanged
        | ErrorKind::Refused => (Code::REFUSED, refresh(500, 30), ""),
    };
    Rule { code, action, hint }
}

impl From<ccr_store::StoreError> for Failure {
    fn from(error: ccr_store::StoreError) -> Self {
        use ccr_store::StoreErrorKind as Kind;
        let (code, hint) = match error.kind {
            Kind::NotFound => (Code::JOB_NOT_FOUND, ""),
            Kind::Exists => (Code::JOB_EXISTS, "choose another name or delete that job first"),
            Kind::NotOwner => (Code::NOT_OWNER, "another syncer runs this job now"),
            Kind::Corrupt => {
                (Code::DOCUMENT, "restore the metadata database from a backup, or delete and create the job again")
            }
            Kind::TooLarge => (Code::STORE, "raise max_allowed_packet of the metadata database"),
            Kind::Unavailable => {
                (Code::STORE, "check the metadata database; the job goes on by itself when it is back")
            }
        };
        Self::new(code, error.to_string(), hint)
    }
}
