//! Finds the end of one message in a growing buffer.

use bytes::{Bytes, BytesMut};

use super::ThriftError;

/// What a message may claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Longest message, bytes.
    pub max_message: usize,
    /// Deepest nesting of structs and containers. Doris's messages stay below 16.
    pub max_depth: usize,
}

impl Default for Limits {
    /// 1 GiB (snapshots of large databases pass 100 MiB), 64 levels.
    fn default() -> Self {
        Self { max_message: 1 << 30, max_depth: 64 }
    }
}

/// Longest method name, bytes; Doris's are below 40.
const MAX_NAME: usize = 1024;

/// A value that has begun and not ended.
#[derive(Clone, Copy, Debug)]
enum Open {
    Struct,
    /// `left` values: of the first type where an even number is left, else of the second. A map's keys and values; the
    /// same type twice in lists and sets.
    Sequence {
        types: [u8; 2],
        left: u64,
    },
}

/// One step of the scan.
enum Step {
    Done,
    /// More bytes are needed.
    Wait,
}

/// A resumable scanner of one message. It looks at each byte once, however the bytes arrive, and holds a few bytes for
/// each level of nesting.
#[derive(Clone, Debug)]
pub struct Scanner {
    limits: Limits,
    /// All before is understood. May lie beyond the buffer: a value of known length is passed in one step.
    pos: usize,
    in_header: bool,
    open: Vec<Open>,
    /// The type of the value that begins at `pos`.
    value: Option<u8>,
}

impl Scanner {
    /// A scanner at the start of a message.
    pub fn new(limits: Limits) -> Self {
        Self { limits, pos: 0, in_header: true, open: Vec::new(), value: None }
    }

    /// Looks at what has arrived (`buf` always begins with the message). `Some(n)`: the message is the first `n` bytes.
    /// `None`: more bytes are needed. After an error no further byte of the stream can be understood.
    pub fn scan(&mut self, buf: &[u8]) -> Result<Option<usize>, ThriftError> {
        loop {
            let step = if self.in_header {
                self.header(buf)?
            } else if let Some(ty) = self.value {
                self.value(buf, ty)?
            } else {
                match self.open.last_mut() {
                    None if self.pos <= buf.len() => return Ok(Some(self.pos)),
                    None => Step::Wait,
                    Some(Open::Struct) => self.field(buf)?,
                    Some(Open::Sequence { left: 0, .. }) => {
                        self.open.pop();
                        Step::Done
                    }
                    Some(Open::Sequence { types, left }) => {
                        self.value = Some(types[usize::from(*left % 2 == 1)]);
                        *left -= 1;
                        Step::Done
                    }
                }
            };
            if let Step::Wait = step {
                return Ok(None);
            }
        }
    }

    /// Takes the message out of the buffer once it is complete, and begins anew with the bytes behind it. An emptied
    /// buffer does not keep the memory of a large message.
    pub fn take(&mut self, buf: &mut BytesMut) -> Result<Option<Bytes>, ThriftError> {
        let Some(end) = self.scan(buf)? else { return Ok(None) };
        let message = buf.split_to(end).freeze();
        if buf.is_empty() {
            *buf = BytesMut::new();
        }
        *self = Self::new(self.limits);
        Ok(Some(message))
    }

    fn header(&mut self, buf: &[u8]) -> Result<Step, ThriftError> {
        // Refused at the first wrong byte: what speaks another protocol may never send another one.
        if buf.iter().zip([0x80, 0x01]).any(|(found, expected)| *found != expected) {
            return Err(ThriftError::Malformed("not a message of the strict binary protocol".to_owned()));
        }
        if let Some(kind) = buf.get(3)
            && !(1..=4).contains(kind)
        {
            return Err(ThriftError::Malformed(format!("a message of type {kind}")));
        }
        let Some(length) = i32_at(buf, 4) else { return Ok(Step::Wait) };
        match usize::try_from(length) {
            Ok(length) if length <= MAX_NAME => self.advance(8 + length as u64 + 4)?,
            _ => return Err(ThriftError::Malformed(format!("a method name of {length} bytes"))),
        }
        self.in_header = false;
        self.open.push(Open::Struct);
        Ok(Step::Done)
    }

    /// The head of a struct's next field, or its end.
    fn field(&mut self, buf: &[u8]) -> Result<Step, ThriftError> {
        let Some(&ty) = buf.get(self.pos) else { return Ok(Step::Wait) };
        if ty == 0 {
            self.advance(1)?;
            self.open.pop();
        } else {
            check_type(ty)?;
            self.advance(3)?;
            self.value = Some(ty);
        }
        Ok(Step::Done)
    }

    /// Passes a value of known length, opens any other.
    fn value(&mut self, buf: &[u8], ty: u8) -> Result<Step, ThriftError> {
        match ty {
            STRUCT => self.push(Open::Struct)?,
            STRING => {
                let Some(length) = i32_at(buf, self.pos) else { return Ok(Step::Wait) };
                self.advance(4 + length_of(length)?)?;
            }
            MAP | SET | LIST => {
                let types = if ty == MAP { 2 } else { 1 };
                let Some(count) = i32_at(buf, self.pos.saturating_add(types)) else {
                    return Ok(Step::Wait);
                };
                let count = length_of(count)?;
                let (first, last) = match buf.get(self.pos..self.pos + types) {
                    Some(&[key, value]) => (key, value),
                    Some(&[element]) => (element, element),
                    _ => return Ok(Step::Wait),
                };
                self.advance(types as u64 + 4)?;
                // An empty container needs no types.
                if count > 0 {
                    check_type(first)?;
                    check_type(last)?;
                    let pairs = if types == 2 { least_width(first) + least_width(last) } else { least_width(first) };
                    if width(first).is_some() && width(last).is_some() {
                        self.advance(count * pairs)?;
                    } else {
                        self.check(self.pos as u64 + count * pairs)?;
                        self.push(Open::Sequence { types: [first, last], left: count * types as u64 })?;
                    }
                }
            }
            scalar => self.advance(width(scalar).unwrap_or_default())?,
        }
        self.value = None;
        Ok(Step::Done)
    }

    fn push(&mut self, open: Open) -> Result<(), ThriftError> {
        if self.open.len() >= self.limits.max_depth {
            return Err(ThriftError::Malformed(format!("nested deeper than {}", self.limits.max_depth)));
        }
        self.open.push(open);
        Ok(())
    }

    /// Passes bytes, checked against the limit before they are there.
    fn advance(&mut self, bytes: u64) -> Result<(), ThriftError> {
        self.pos = self.check((self.pos as u64).saturating_add(bytes))?;
        Ok(())
    }

    fn check(&self, claimed: u64) -> Result<usize, ThriftError> {
        let limit = self.limits.max_message;
        usize::try_from(claimed)
            .ok()
            .filter(|claimed| *claimed <= limit)
            .ok_or(ThriftError::TooLarge { claimed, limit: limit as u64 })
    }
}

const STRING: u8 = 11;
const STRUCT: u8 = 12;
const MAP: u8 = 13;
const SET: u8 = 14;
const LIST: u8 = 15;

/// Bytes of a value of fixed size.
fn width(ty: u8) -> Option<u64> {
    match ty {
        2 | 3 => Some(1),
        6 => Some(2),
        8 => Some(4),
        4 | 10 => Some(8),
        16 => Some(16),
        _ => None,
    }
}

/// Bytes that a value of this type has at least.
fn least_width(ty: u8) -> u64 {
    width(ty).unwrap_or(match ty {
        STRING => 4,
        MAP => 6,
        SET | LIST => 5,
        _ => 1,
    })
}

fn check_type(ty: u8) -> Result<(), ThriftError> {
    match ty {
        2 | 3 | 4 | 6 | 8 | 10..=16 => Ok(()),
        other => Err(ThriftError::Malformed(format!("a value of type {other}"))),
    }
}

fn i32_at(buf: &[u8], pos: usize) -> Option<i32> {
    let bytes = buf.get(pos..pos.checked_add(4)?)?;
    Some(i32::from_be_bytes(bytes.try_into().ok()?))
}

fn length_of(claimed: i32) -> Result<u64, ThriftError> {
    u64::try_from(claimed).map_err(|_| ThriftError::Malformed(format!("a negative length, {claimed}")))
}
