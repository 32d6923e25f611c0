//! The JSON payloads of binlog records. One file a family. Every key is optional for the reader, as it is for the FE's
//! writer (`null` is omitted, older versions lack keys), and unknown keys are ignored; what a record cannot do without is
//! checked where it is used. A DUMMY has no payload.

mod barrier;
mod table;
mod upsert;

pub use barrier::{Barrier, Wrapped};
pub use table::{CreateTable, CreatedKind, DropTable};
pub use upsert::{PartitionRecord, TableRecord, Upsert};

use serde::de::DeserializeOwned;

/// A payload that is not what its type says.
#[derive(Debug, thiserror::Error)]
#[error("the payload of a {kind} record cannot be read: {why}")]
pub struct PayloadError {
    pub kind: &'static str,
    pub why: serde_json::Error,
}

fn parse<T: DeserializeOwned>(kind: &'static str, data: &str) -> Result<T, PayloadError> {
    serde_json::from_str(data).map_err(|why| PayloadError { kind, why })
}

/// A database name without the prefix that Doris 2.0 put before it.
fn plain_db_name(name: &str) -> &str {
    name.strip_prefix("default_cluster:").unwrap_or(name)
}
