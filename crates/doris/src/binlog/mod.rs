//! The JSON payloads of binlog records. One file a family. Every key is optional for the reader, as it is for the FE's
//! writer (`null` is omitted, older versions lack keys), and unknown keys are ignored; what a record cannot do without is
//! checked where it is used.

mod barrier;
mod table;
mod upsert;

pub use barrier::{Barrier, Wrapped};
pub use table::{CreateTable, CreatedKind, DropTable};
pub use upsert::{PartitionRecord, TableRecord, Upsert};

use serde::de::DeserializeOwned;

/// The type numbers (`TBinlogType`) of this crate's payloads. The numbers have never been reassigned.
pub mod kinds {
    use crate::rpc::BinlogType;

    pub const UPSERT: BinlogType = BinlogType(0);
    pub const CREATE_TABLE: BinlogType = BinlogType(2);
    pub const DROP_TABLE: BinlogType = BinlogType(4);
    pub const DUMMY: BinlogType = BinlogType(7);
    pub const BARRIER: BinlogType = BinlogType(10);
}

/// A payload that is not what its type says.
#[derive(Debug, thiserror::Error)]
#[error("the payload of a {kind} record cannot be read: {why}")]
pub struct PayloadError {
    pub kind: &'static str,
    pub why: serde_json::Error,
}

/// A payload of one binlog type.
pub trait Payload: DeserializeOwned {
    /// Doris's name of the type.
    const KIND: &'static str;

    /// Reads the JSON text of a record's `data`.
    fn parse(data: &str) -> Result<Self, PayloadError> {
        serde_json::from_str(data).map_err(|why| PayloadError { kind: Self::KIND, why })
    }
}

/// A database name without the prefix that Doris 2.0 put before it.
pub(crate) fn plain_db_name(name: &str) -> &str {
    name.strip_prefix("default_cluster:").unwrap_or(name)
}
