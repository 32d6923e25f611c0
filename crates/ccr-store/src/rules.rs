//! What every store has in common: who may write, how it is said, and the forms of a progress column.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::{Result, StoreError, StoreErrorKind};

/// The prefix of a store's error texts.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Backend(pub(crate) &'static str);

impl Backend {
    pub(crate) fn exists(self, name: &str) -> StoreError {
        StoreError { kind: StoreErrorKind::Exists, text: format!("{}: job exists, name: {name}", self.0) }
    }

    /// `found` is the owner in the job's row, `None` if there is no row.
    pub(crate) fn check_owner(self, doing: &str, found: Option<&str>, owner: &str) -> Result<()> {
        match found {
            Some(found) if found == owner => Ok(()),
            Some(found) => Err(StoreError {
                kind: StoreErrorKind::NotOwner,
                text: format!("{}: {doing} failed: the job belongs to {found}, not to {owner}", self.0),
            }),
            None => Err(StoreError {
                kind: StoreErrorKind::NotFound,
                text: format!("{}: {doing} failed: job not exists", self.0),
            }),
        }
    }
}

/// The JSON in a progress column: as it is (SQLite) or in base64 (MySQL and PostgreSQL of the Go program). Either is
/// understood everywhere, so that rows can be copied between databases.
pub(crate) fn decode_progress(backend: Backend, name: &str, stored: String) -> Result<String> {
    if stored.trim_start().starts_with('{') {
        return Ok(stored);
    }
    STANDARD.decode(stored.trim()).ok().and_then(|bytes| String::from_utf8(bytes).ok()).ok_or_else(|| StoreError {
        kind: StoreErrorKind::Corrupt,
        text: format!("{}: progress of job {name} is neither JSON nor base64: base64 decode error", backend.0),
    })
}
