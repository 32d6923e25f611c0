//! What every reply carries: a status, and of an FE perhaps the master's address.

use super::pool::Pool;
use crate::{
    error::{Error, ErrorKind, Result},
    rpc::{self, NetworkAddress, Status, StatusCode},
};

/// A reply with a status.
pub(super) trait Checked {
    fn status(&self) -> Option<&Status>;
}

/// A reply of an FE, which may name the master.
pub(super) trait FeReply: Checked {
    fn master_address(&self) -> Option<&NetworkAddress>;
}

macro_rules! fe_replies {
    (required: $($reply:ident)*) => {$(
        impl Checked for rpc::$reply {
            fn status(&self) -> Option<&Status> {
                Some(&self.status)
            }
        }

        impl FeReply for rpc::$reply {
            fn master_address(&self) -> Option<&NetworkAddress> {
                self.master_address.as_ref()
            }
        }
    )*};
    ($($reply:ident)*) => {$(
        impl Checked for rpc::$reply {
            fn status(&self) -> Option<&Status> {
                self.status.as_ref()
            }
        }

        impl FeReply for rpc::$reply {
            fn master_address(&self) -> Option<&NetworkAddress> {
                self.master_address.as_ref()
            }
        }
    )*};
}

fe_replies! {
    GetBinlogResult GetBinlogLagResult LockBinlogResult BeginTxnResult CommitTxnResult RollbackTxnResult
    GetMasterTokenResult GetSnapshotResult RestoreSnapshotResult
}
fe_replies! { required: GetMetaResult GetBackendMetaResult }

impl Checked for rpc::IngestBinlogResult {
    fn status(&self) -> Option<&Status> {
        self.status.as_ref()
    }
}

impl Pool {
    /// The reply's status code. No status is no reply.
    pub(super) fn status_code(&self, what: &str, reply: &impl Checked) -> Result<StatusCode> {
        let status = reply.status().map(|status| status.status_code);
        status.ok_or_else(|| self.error(ErrorKind::Garbled, what, "a reply without a status"))
    }

    /// The error that a reply is.
    pub(super) fn refused(&self, what: &str, reply: &impl Checked) -> Error {
        let Some(status) = reply.status() else {
            return self.error(ErrorKind::Garbled, what, "a reply without a status");
        };
        let text = match status.text() {
            text if text.is_empty() => status.status_code.to_string(),
            text => text,
        };
        self.error(kind(status.status_code, &text), what, text)
    }

    /// An error unless the status is OK.
    pub(super) fn check(&self, what: &str, reply: &impl Checked) -> Result<()> {
        match self.status_code(what, reply)? {
            StatusCode::OK => Ok(()),
            _ => Err(self.refused(what, reply)),
        }
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
