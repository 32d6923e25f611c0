//! The status that every reply carries, as an error of its kind.

use super::pool::Pool;
use crate::{
    error::{Error, ErrorKind, Result},
    rpc::{FeReply, Status, StatusCode},
};

impl Pool {
    /// The reply's status code. No status is no reply.
    pub(super) fn status_code(&self, what: &str, reply: &impl FeReply) -> Result<StatusCode> {
        let status = reply.status().map(|status| status.status_code);
        status.ok_or_else(|| self.refusal(what, None))
    }

    /// The error that a reply is.
    pub(super) fn refused(&self, what: &str, reply: &impl FeReply) -> Error {
        self.refusal(what, reply.status())
    }

    /// An error unless the status is OK.
    pub(super) fn check(&self, what: &str, reply: &impl FeReply) -> Result<()> {
        self.check_status(what, reply.status())
    }

    /// An error unless the status is OK.
    pub(super) fn check_status(&self, what: &str, status: Option<&Status>) -> Result<()> {
        match status {
            Some(status) if status.status_code == StatusCode::OK => Ok(()),
            status => Err(self.refusal(what, status)),
        }
    }

    fn refusal(&self, what: &str, status: Option<&Status>) -> Error {
        let Some(status) = status else {
            return self.error(ErrorKind::Garbled, what, "a reply without a status");
        };
        let text = match status.text() {
            text if text.is_empty() => status.status_code.to_string(),
            text => text,
        };
        self.error(kind(status.status_code, &text), what, text)
    }
}

/// The kind of a refusal: by code where the code says enough, else by text.
fn kind(code: StatusCode, text: &str) -> ErrorKind {
    match code {
        StatusCode::NOT_MASTER => ErrorKind::NoMaster,
        StatusCode::NOT_AUTHORIZED => ErrorKind::AccessDenied,
        StatusCode::SNAPSHOT_NOT_EXIST => ErrorKind::SnapshotNotFound,
        StatusCode::SNAPSHOT_EXPIRED => ErrorKind::SnapshotExpired,
        StatusCode::HTTP_ERROR => ErrorKind::Download,
        StatusCode::TABLET_MISSING => ErrorKind::TabletNotFound,
        StatusCode::OBTAIN_LOCK_FAILED | StatusCode::LIMIT_REACH | StatusCode::TOO_MANY_TASKS => ErrorKind::Busy,
        _ => ErrorKind::classify(text),
    }
}
