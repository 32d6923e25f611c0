//! The Thrift binary protocol over complete messages.
//!
//! A stream has no lengths, so a message is read in two steps: [`Scanner`] finds its end in a growing buffer, verifying
//! every claimed length against what arrived, and the codec then decodes the complete message. Neither allocates for what
//! a message only claims.

mod codec;
mod message;
#[cfg(test)]
mod sample;
mod scan;
mod structs;
#[cfg(test)]
mod tests;

pub(crate) use codec::Shown;
#[cfg(any(test, feature = "recordings"))]
pub(crate) use codec::unfit;
pub use codec::{Input, Output, Wire};
pub use message::{
    ApplicationException, Call, MessageKind, Method, application, decode_args, decode_call, decode_reply, encode_call,
    encode_exception, encode_reply,
};
#[cfg(test)]
pub(crate) use sample::{Entropy, Sample};
pub use scan::{Limits, Scanner};
pub(crate) use structs::{thrift_enum, thrift_struct};

/// Why a message cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ThriftError {
    /// The server answered with an exception: `kind` as in [`application`].
    #[error("{text} (TApplicationException {kind})")]
    Application { kind: i32, text: String },
    /// The reply is to another call.
    #[error("the reply has sequence id {found} instead of {expected}")]
    WrongSeq { expected: i32, found: i32 },
    /// The reply is to another method.
    #[error("the reply is to {found} instead of {expected}")]
    WrongName { expected: String, found: String },
    /// The message is larger than the limit.
    #[error("a message of {claimed} bytes exceeds the limit of {limit}")]
    TooLarge { claimed: u64, limit: u64 },
    /// The bytes are no message of this protocol, or not of this type.
    #[error("malformed message: {0}")]
    Malformed(String),
}

impl From<thrift::Error> for ThriftError {
    fn from(error: thrift::Error) -> Self {
        let text = match error {
            thrift::Error::Protocol(error) => error.message,
            thrift::Error::Transport(error) => error.message,
            thrift::Error::Application(error) => error.message,
            thrift::Error::User(error) => error.to_string(),
        };
        Self::Malformed(text)
    }
}
