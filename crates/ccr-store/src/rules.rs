//! What every store has in common: who may write, how it is said, and the forms of a progress column.

use std::sync::{Mutex, PoisonError};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::cluster::LONGEST_OWNER;
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

impl Backend {
    /// The job is the owner's, its lease is not.
    pub(crate) fn lease_ended(self, doing: &str, owner: &str) -> StoreError {
        StoreError {
            kind: StoreErrorKind::NotOwner,
            text: format!("{}: {doing} failed: the lease of syncer {owner} has ended", self.0),
        }
    }

    pub(crate) fn no_lease(self, doing: &str) -> StoreError {
        StoreError {
            kind: StoreErrorKind::NotOwner,
            text: format!("{}: {doing} failed: this syncer has no lease", self.0),
        }
    }

    pub(crate) fn check_identity(self, owner: &str) -> Result<()> {
        if owner.len() <= LONGEST_OWNER {
            return Ok(());
        }
        Err(StoreError {
            kind: StoreErrorKind::TooLarge,
            text: format!("{}: add syncer failed: {owner} is longer than {LONGEST_OWNER} bytes", self.0),
        })
    }
}

/// The lease in whose name a handle writes, once it has acquired one.
#[derive(Debug, Default)]
pub(crate) struct Fence(Mutex<Option<(String, i64)>>);

impl Fence {
    pub(crate) fn set(&self, owner: &str, epoch: i64) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some((owner.to_owned(), epoch));
    }

    /// Owner and epoch.
    pub(crate) fn get(&self) -> Option<(String, i64)> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The epoch that a write in the name of `owner` needs; 0 for a handle that is not fenced. Another owner than the lease's
    /// has no lease here.
    pub(crate) fn epoch(&self, owner: &str) -> i64 {
        match self.get() {
            None => 0,
            Some((held, epoch)) if held == owner => epoch,
            Some(_) => -1,
        }
    }
}

/// The progress column of MySQL and PostgreSQL.
pub(crate) fn encode_progress(document: &str) -> String {
    STANDARD.encode(document)
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
