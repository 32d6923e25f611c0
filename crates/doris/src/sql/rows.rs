//! The rows that are read, as values. One function a kind of answer: result set in, rows out.

use super::row::{RowError, rows};
use crate::{
    ids::{BackendId, Dest, PartitionId, TxnId, Version},
    net::ResultSet,
};

/// Beginnings of the statements whose answers are parsed here, with the columns that are read.
pub const PARSED_ROWS: &[(&str, &[&str])] = &[
    ("SHOW FRONTENDS", &["Host", "QueryPort", "RpcPort", "IsMaster", "Alive"]),
    ("SELECT Host", &["Host", "QueryPort", "RpcPort", "IsMaster", "Alive"]),
    ("SHOW BACKENDS", &["BackendId", "Host", "BePort", "HttpPort", "Alive"]),
    ("SHOW FULL TABLES", &["Table_type"]),
    ("SHOW BACKUP", &["SnapshotName", "State", "Status"]),
    ("SHOW RESTORE", &["Label", "State", "Status"]),
    ("SHOW PARTITIONS", &["PartitionId", "PartitionName", "Range", "VisibleVersion", "CommittedVersion"]),
    ("SHOW TEMPORARY PARTITIONS", &["PartitionId", "PartitionName", "Range", "VisibleVersion", "CommittedVersion"]),
    ("SHOW TRANSACTION", &["TransactionId", "Label", "TransactionStatus", "Reason"]),
    ("SHOW ALTER TABLE", &["JobId", "TableName", "RollupIndexName", "IndexName", "State", "Msg"]),
    ("SHOW BUILD INDEX", &["JobId", "TableName", "PartitionName", "AlterInvertedIndexes", "State", "Msg"]),
    ("SHOW INDEX", &["Key_name", "Column_name", "Index_type"]),
    ("DESC", &["Field", "IndexName", "Type", "Key", "Visible"]),
    ("SHOW DATABASES", &["Database"]),
    ("ADMIN SHOW FRONTEND CONFIG", &["Key", "Value"]),
    ("SHOW CREATE", &["Create Table", "Create View", "Create Materialized View", "Create Database"]),
];

type Parsed<T> = Result<Vec<T>, RowError>;

/// A row of `SHOW FRONTENDS` or `frontends()`; the host as Doris knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FrontendRow {
    pub host: String,
    /// 0 until the FE's first heartbeat.
    pub query_port: u16,
    pub rpc_port: u16,
    pub is_master: bool,
    pub alive: bool,
}

impl FrontendRow {
    /// Reads `SHOW FRONTENDS` or `frontends()`.
    pub fn parse(set: &ResultSet) -> Parsed<Self> {
        rows(set)
            .map(|row| {
                Ok(Self {
                    host: row.text("Host")?.to_owned(),
                    query_port: port(row.number::<i64>("QueryPort")?),
                    rpc_port: port(row.number::<i64>("RpcPort")?),
                    is_master: row.flag("IsMaster")?,
                    alive: row.flag("Alive")?,
                })
            })
            .collect()
    }
}

/// A row of `SHOW BACKENDS`; the host as Doris knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BackendRow<S> {
    pub id: BackendId<S>,
    pub host: String,
    pub be_port: u16,
    pub http_port: u16,
    pub alive: bool,
}

impl<S> BackendRow<S> {
    /// Reads `SHOW BACKENDS`.
    pub fn parse(set: &ResultSet) -> Parsed<Self> {
        rows(set)
            .map(|row| {
                Ok(Self {
                    id: BackendId::new(row.number("BackendId")?),
                    host: row.text("Host")?.to_owned(),
                    be_port: port(row.number::<i64>("BePort")?),
                    http_port: port(row.number::<i64>("HttpPort")?),
                    alive: row.flag("Alive")?,
                })
            })
            .collect()
    }
}

/// A row of `SHOW FULL TABLES`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableRow {
    pub name: String,
    pub is_view: bool,
}

impl TableRow {
    /// Reads `SHOW FULL TABLES`.
    pub fn parse(set: &ResultSet) -> Parsed<Self> {
        rows(set)
            .map(|row| {
                let name = row.starting_with("Tables_in_")?.to_owned();
                Ok(Self { name, is_view: row.text("Table_type")?.ends_with("VIEW") })
            })
            .collect()
    }
}

/// States of backup and restore jobs, as far as they matter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SnapshotJobState {
    /// Any state between PENDING and the end, in Doris's word.
    Running(String),
    Finished,
    Cancelled,
}

impl SnapshotJobState {
    fn parse(word: &str) -> Self {
        match word {
            "FINISHED" => Self::Finished,
            "CANCELLED" => Self::Cancelled,
            other => Self::Running(other.to_owned()),
        }
    }
}

/// A row of `SHOW BACKUP`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BackupRow {
    pub label: String,
    pub state: SnapshotJobState,
    /// `[OK]` or `[CODE, msg: text]`; lost by an FE restart.
    pub status: String,
}

impl BackupRow {
    /// Reads `SHOW BACKUP`: oldest first.
    pub fn parse(set: &ResultSet) -> Parsed<Self> {
        rows(set)
            .map(|row| {
                Ok(Self {
                    label: row.text("SnapshotName")?.to_owned(),
                    state: SnapshotJobState::parse(row.text("State")?),
                    status: row.text("Status")?.to_owned(),
                })
            })
            .collect()
    }
}

/// A row of `SHOW RESTORE`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RestoreRow {
    pub label: String,
    pub state: SnapshotJobState,
    /// `[OK]` or `[CODE, msg: text]`; lost by an FE restart.
    pub status: String,
}

impl RestoreRow {
    /// Reads `SHOW [BRIEF] RESTORE`: oldest first.
    pub fn parse(set: &ResultSet) -> Parsed<Self> {
        rows(set)
            .map(|row| {
                Ok(Self {
                    label: row.text("Label")?.to_owned(),
                    state: SnapshotJobState::parse(row.text("State")?),
                    status: row.text("Status")?.to_owned(),
                })
            })
            .collect()
    }
}

/// A row of `SHOW PARTITIONS`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartitionRow<S> {
    pub id: PartitionId<S>,
    pub name: String,
    pub range: String,
    pub visible_version: Version,
    /// The version the next committed transaction builds on; `None` where the Doris version does not show it (3.0).
    pub committed_version: Option<Version>,
}

impl<S> PartitionRow<S> {
    /// Reads `SHOW PARTITIONS`.
    pub fn parse(set: &ResultSet) -> Parsed<Self> {
        rows(set)
            .map(|row| {
                Ok(Self {
                    id: PartitionId::new(row.number("PartitionId")?),
                    name: row.text("PartitionName")?.to_owned(),
                    range: row.text("Range")?.to_owned(),
                    visible_version: Version(row.number("VisibleVersion")?),
                    committed_version: row.optional_number("CommittedVersion")?.map(Version),
                })
            })
            .collect()
    }
}

/// States of a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TxnStatus {
    Prepare,
    Precommitted,
    Committed,
    Visible,
    Aborted,
    Unknown,
}

impl TxnStatus {
    /// Doris's word, as `SHOW TRANSACTION` and the text of LABEL_ALREADY_EXISTS have it.
    pub fn parse(word: &str) -> Self {
        match word {
            "PREPARE" => Self::Prepare,
            "PRECOMMITTED" => Self::Precommitted,
            "COMMITTED" => Self::Committed,
            "VISIBLE" => Self::Visible,
            "ABORTED" => Self::Aborted,
            _ => Self::Unknown,
        }
    }
}

/// A row of `SHOW TRANSACTION`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TxnRow {
    pub id: TxnId<Dest>,
    pub label: String,
    pub status: TxnStatus,
    pub reason: String,
}

impl TxnRow {
    /// Reads `SHOW TRANSACTION`: in the order of the answer.
    pub fn parse(set: &ResultSet) -> Parsed<Self> {
        rows(set)
            .map(|row| {
                Ok(Self {
                    id: TxnId::new(row.number("TransactionId")?),
                    label: row.text("Label")?.to_owned(),
                    status: TxnStatus::parse(row.text("TransactionStatus")?),
                    reason: row.text("Reason")?.to_owned(),
                })
            })
            .collect()
    }
}

/// A row of `SHOW ALTER TABLE COLUMN` or `SHOW ALTER TABLE ROLLUP`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AlterJobRow {
    pub job_id: i64,
    pub table: String,
    /// The index that is changed or the rollup that is built.
    pub index: String,
    /// `PENDING`, `WAITING_TXN`, `RUNNING`, `FINISHED`, `CANCELLED`.
    pub state: String,
    pub message: String,
}

impl AlterJobRow {
    /// Reads either answer.
    pub fn parse(set: &ResultSet) -> Parsed<Self> {
        rows(set)
            .map(|row| {
                let index = row.find("RollupIndexName").map_or_else(|| row.text("IndexName"), Ok)?;
                Ok(Self {
                    job_id: row.number("JobId")?,
                    table: row.text("TableName")?.to_owned(),
                    index: index.to_owned(),
                    state: row.text("State")?.to_owned(),
                    message: row.text("Msg")?.to_owned(),
                })
            })
            .collect()
    }
}

/// A row of `SHOW BUILD INDEX`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BuildIndexRow {
    pub job_id: i64,
    pub table: String,
    /// The table's name where the table is unpartitioned.
    pub partition: String,
    /// As ``[ADD INDEX i1 (`s`) USING INVERTED], ``.
    pub indexes: String,
    pub state: String,
    pub message: String,
}

impl BuildIndexRow {
    /// Reads `SHOW BUILD INDEX`.
    pub fn parse(set: &ResultSet) -> Parsed<Self> {
        rows(set)
            .map(|row| {
                Ok(Self {
                    job_id: row.number("JobId")?,
                    table: row.text("TableName")?.to_owned(),
                    partition: row.text("PartitionName")?.to_owned(),
                    indexes: row.text("AlterInvertedIndexes")?.to_owned(),
                    state: row.text("State")?.to_owned(),
                    message: row.text("Msg")?.to_owned(),
                })
            })
            .collect()
    }
}

/// A column of `SHOW INDEX`; an index over several columns has several rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IndexRow {
    pub name: String,
    pub column: String,
    /// `INVERTED`, `BITMAP`, `NGRAM_BF`, ...
    pub kind: String,
}

impl IndexRow {
    /// Reads `SHOW INDEX`.
    pub fn parse(set: &ResultSet) -> Parsed<Self> {
        rows(set)
            .map(|row| {
                Ok(Self {
                    name: row.text("Key_name")?.to_owned(),
                    column: row.text("Column_name")?.to_owned(),
                    kind: row.text("Index_type")?.to_owned(),
                })
            })
            .collect()
    }
}

/// A column of one index (base table or rollup) of `DESC t ALL`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IndexColumnRow {
    pub index: String,
    pub column: String,
    pub column_type: String,
    pub is_key: bool,
    pub visible: bool,
}

impl IndexColumnRow {
    /// Reads `DESC t ALL`, where only the first row of an index names it and an empty row ends it.
    pub fn parse(set: &ResultSet) -> Parsed<Self> {
        let mut index = String::new();
        let mut columns = Vec::new();
        for row in rows(set) {
            let field = row.text("Field")?;
            if field.is_empty() {
                continue;
            }
            let name = row.text("IndexName")?;
            if !name.is_empty() {
                index = name.to_owned();
            }
            columns.push(Self {
                index: index.clone(),
                column: field.to_owned(),
                column_type: row.text("Type")?.to_owned(),
                is_key: row.flag("Key")?,
                visible: row.find("Visible").is_none() || row.flag("Visible")?,
            });
        }
        Ok(columns)
    }
}

/// The one column of `SHOW DATABASES`.
pub fn database_names(set: &ResultSet) -> Parsed<String> {
    rows(set).map(|row| Ok(row.text("Database")?.to_owned())).collect()
}

/// Key and value of `[ADMIN] SHOW FRONTEND CONFIG`.
pub fn config_items(set: &ResultSet) -> Parsed<(String, String)> {
    rows(set).map(|row| Ok((row.text("Key")?.to_owned(), row.text("Value")?.to_owned()))).collect()
}

/// The statement of `SHOW CREATE DATABASE`, `.. TABLE` or `.. VIEW`; `None` without a row.
pub fn create_statement(set: &ResultSet) -> Result<Option<String>, RowError> {
    let Some(row) = rows(set).last() else { return Ok(None) };
    let mut last = RowError::NoColumn("Create *".to_owned());
    for column in ["Create Table", "Create View", "Create Materialized View", "Create Database"] {
        match row.text(column) {
            Ok(text) => return Ok(Some(text.to_owned())),
            Err(error) => last = error,
        }
    }
    Err(last)
}

/// A port of a list; what is no port (0, -1) is 0: not known.
fn port(number: i64) -> u16 {
    u16::try_from(number).unwrap_or(0)
}
