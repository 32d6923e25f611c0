//! Calls and replies.

use bytes::Bytes;
use thrift::protocol::{TBinaryOutputProtocol, TInputProtocol, TMessageIdentifier, TMessageType, TOutputProtocol};

use super::{Input, Limits, Output, Scanner, ThriftError, Wire, thrift_struct};

/// A method: its name on the wire and what goes there and back.
pub trait Method {
    const NAME: &'static str;
    type Request: Wire;
    type Reply: Wire;
}

/// Kinds of `TApplicationException`.
pub mod application {
    /// The server does not have the method.
    pub const UNKNOWN_METHOD: i32 = 1;
    /// The server failed.
    pub const INTERNAL_ERROR: i32 = 6;
    /// The server could not decode the request.
    pub const PROTOCOL_ERROR: i32 = 7;
}

/// Kinds of message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MessageKind {
    Call,
    Reply,
    Exception,
    OneWay,
}

impl From<TMessageType> for MessageKind {
    fn from(kind: TMessageType) -> Self {
        match kind {
            TMessageType::Call => Self::Call,
            TMessageType::Reply => Self::Reply,
            TMessageType::Exception => Self::Exception,
            TMessageType::OneWay => Self::OneWay,
        }
    }
}

/// A received call: head decoded, arguments not yet.
#[derive(Clone, Debug)]
pub struct Call {
    pub name: String,
    pub seq: i32,
    pub kind: MessageKind,
    message: Bytes,
}

thrift_struct! {
    /// `TApplicationException`.
    ApplicationException { 1 opt message: String, 2 opt kind as "type": i32 }
}

/// Encodes a call: the request is field 1 of the arguments.
pub fn encode_call<T: Wire>(method: &str, seq: i32, request: &T) -> Result<Bytes, ThriftError> {
    encode(method, TMessageType::Call, seq, |output| {
        output.begin_struct()?;
        output.field(1, request)?;
        output.end_struct()
    })
}

/// Encodes a reply: the result is field 0.
pub fn encode_reply<T: Wire>(method: &str, seq: i32, reply: &T) -> Result<Bytes, ThriftError> {
    encode(method, TMessageType::Reply, seq, |output| {
        output.begin_struct()?;
        output.field(0, reply)?;
        output.end_struct()
    })
}

/// Encodes an exception of a kind of [`application`].
pub fn encode_exception(method: &str, seq: i32, kind: i32, text: &str) -> Result<Bytes, ThriftError> {
    let exception = ApplicationException { message: Some(text.to_owned()), kind: Some(kind) };
    encode(method, TMessageType::Exception, seq, |output| exception.write(output))
}

fn encode(
    method: &str,
    kind: TMessageType,
    seq: i32,
    body: impl FnOnce(&mut Output<'_>) -> Result<(), ThriftError>,
) -> Result<Bytes, ThriftError> {
    let mut message = Vec::new();
    let mut output = Output { protocol: TBinaryOutputProtocol::new(&mut message, true) };
    output.protocol.write_message_begin(&TMessageIdentifier::new(method, kind, seq))?;
    body(&mut output)?;
    output.protocol.write_message_end()?;
    Ok(message.into())
}

/// Verifies that the bytes are exactly one message.
fn verify(message: &[u8]) -> Result<(), ThriftError> {
    match Scanner::new(Limits { max_message: usize::MAX, ..Limits::default() }).scan(message)? {
        Some(end) if end == message.len() => Ok(()),
        Some(end) => Err(ThriftError::Malformed(format!("{} bytes after the message", message.len() - end))),
        None => Err(ThriftError::Malformed("the message is cut off".to_owned())),
    }
}

/// Decodes the head of a call.
pub fn decode_call(message: &Bytes) -> Result<Call, ThriftError> {
    verify(message)?;
    let head = Input::new(message.clone()).protocol.read_message_begin()?;
    let kind = head.message_type.into();
    if !matches!(kind, MessageKind::Call | MessageKind::OneWay) {
        return Err(ThriftError::Malformed(format!("a {kind:?} instead of a call")));
    }
    Ok(Call { name: head.name, seq: head.sequence_number, kind, message: message.clone() })
}

/// Decodes a call's request. `None`: the arguments lack it, which a server answers like any other bad request.
pub fn decode_args<T: Wire>(call: &Call) -> Result<Option<T>, ThriftError> {
    let mut input = Input::new(call.message.clone());
    input.protocol.read_message_begin()?;
    single_field(&mut input, 1, &call.name)
}

/// Decodes the reply to a call. The sequence id of an exception is not compared.
pub fn decode_reply<T: Wire>(message: &Bytes, method: &str, seq: i32) -> Result<T, ThriftError> {
    verify(message)?;
    let mut input = Input::new(message.clone());
    let head = input.protocol.read_message_begin()?;
    if head.message_type == TMessageType::Exception {
        let exception = ApplicationException::read(&mut input)?;
        return Err(ThriftError::Application {
            kind: exception.kind.unwrap_or(0),
            text: exception.message.unwrap_or_default(),
        });
    }
    if head.message_type != TMessageType::Reply {
        return Err(ThriftError::Malformed(format!("a {:?} instead of a reply", MessageKind::from(head.message_type))));
    }
    if head.sequence_number != seq {
        return Err(ThriftError::WrongSeq { expected: seq, found: head.sequence_number });
    }
    if head.name != method {
        return Err(ThriftError::WrongName { expected: method.to_owned(), found: head.name });
    }
    single_field(&mut input, 0, method)?.ok_or_else(|| ThriftError::Malformed("the reply has no result".to_owned()))
}

/// The one field of an argument or result struct.
fn single_field<T: Wire>(input: &mut Input, wanted: i16, method: &str) -> Result<Option<T>, ThriftError> {
    let mut found = None;
    input.begin_struct()?;
    while let Some((id, ty)) = input.next_field()? {
        if id == wanted && ty == T::TYPE {
            found = Some(T::read(input)?);
        } else if id == wanted {
            return Err(input.wrong_type(method, &wanted.to_string(), T::TYPE, ty));
        } else {
            input.skip(ty)?;
        }
    }
    Ok(found)
}
