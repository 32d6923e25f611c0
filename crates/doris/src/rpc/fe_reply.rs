//! What all replies of a frontend have in common.

use super::*;

/// A reply of a method that only the master answers.
pub trait FeReply: Sized {
    /// The status. `None` is a protocol error: the IDL makes it optional, but every FE sends it.
    fn status(&self) -> Option<&Status>;

    /// Where the master is, as an FE that is not the master may tell ([`NetworkAddress`] can be an empty one).
    fn master_address(&self) -> Option<&NetworkAddress>;

    /// A reply that holds nothing else, as an FE refuses.
    fn refusal(status: Status, master_address: Option<NetworkAddress>) -> Self;
}

macro_rules! fe_replies {
    ($($reply:ident { $presence:ident status })*) => {$(
        impl FeReply for $reply {
            fn status(&self) -> Option<&Status> {
                fe_replies!(@get $presence self)
            }

            fn master_address(&self) -> Option<&NetworkAddress> {
                self.master_address.as_ref()
            }

            #[allow(clippy::needless_update, clippy::redundant_field_names, reason = "some replies hold these two fields only")]
            fn refusal(status: Status, master_address: Option<NetworkAddress>) -> Self {
                Self { status: fe_replies!(@set $presence status), master_address, ..Self::default() }
            }
        }
    )*};
    (@get opt $self:ident) => { $self.status.as_ref() };
    (@get req $self:ident) => { Some(&$self.status) };
    (@set opt $status:ident) => { Some($status) };
    (@set req $status:ident) => { $status };
}

fe_replies! {
    GetBinlogResult { opt status }
    GetBinlogLagResult { opt status }
    LockBinlogResult { opt status }
    BeginTxnResult { opt status }
    CommitTxnResult { opt status }
    RollbackTxnResult { opt status }
    GetMasterTokenResult { opt status }
    GetSnapshotResult { opt status }
    RestoreSnapshotResult { opt status }
    GetMetaResult { req status }
    GetBackendMetaResult { req status }
}
