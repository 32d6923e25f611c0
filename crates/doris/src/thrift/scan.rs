//! Finds the end of one message in a growing buffer.

use super::ThriftError;

/// What a message may claim.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Longest message, bytes.
    pub max_message: usize,
    /// Deepest nesting of structs and containers.
    pub max_depth: usize,
}

impl Default for Limits {
    /// 1 GiB (snapshots of large databases pass 100 MiB), 64 levels.
    fn default() -> Self {
        Self { max_message: 1 << 30, max_depth: 64 }
    }
}

/// Longest method name.
const MAX_NAME: usize = 1024;

enum Frame {
    /// The fields of a struct.
    Struct,
    /// One value of this type.
    Value(u8),
    /// Elements of a list or set.
    Seq { ty: u8, left: u32 },
    /// Keys and values of a map, one after the other.
    Map { key: u8, value: u8, left: u64 },
}

/// A resumable scanner of one message. Bytes already looked at are not looked at again.
pub struct Scanner {
    limits: Limits,
    pos: usize,
    stack: Vec<Frame>,
    in_header: bool,
}

impl std::fmt::Debug for Scanner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Scanner").field("pos", &self.pos).field("depth", &self.stack.len()).finish_non_exhaustive()
    }
}

impl Scanner {
    pub fn new(limits: Limits) -> Self {
        Self { limits, pos: 0, stack: Vec::new(), in_header: true }
    }

    /// Looks at what has arrived (`buf` always begins with the message). `Some(n)`: the message is the first `n` bytes.
    /// `None`: more bytes are needed.
    pub fn scan(&mut self, buf: &[u8]) -> Result<Option<usize>, ThriftError> {
        if self.in_header && !self.header(buf)? {
            return Ok(None);
        }
        while let Some(frame) = self.stack.pop() {
            if !self.step(buf, frame)? {
                return Ok(None);
            }
        }
        if self.pos > buf.len() { Ok(None) } else { Ok(Some(self.pos)) }
    }

    /// Bytes that are still missing at least, after a scan of `buf` without a result. A claim of the peer: reserve no
    /// more memory than it may cost.
    pub fn missing(&self, buf: &[u8]) -> usize {
        self.pos.saturating_sub(buf.len()).max(1)
    }

    /// `false`: incomplete.
    fn header(&mut self, buf: &[u8]) -> Result<bool, ThriftError> {
        if buf.len() >= 2 && buf[..2] != [0x80, 0x01] {
            return Err(ThriftError::Malformed("not a message of the strict binary protocol".to_owned()));
        }
        let Some(length) = u32_at(buf, 4) else { return Ok(false) };
        let length = length as usize;
        if length > MAX_NAME {
            return Err(ThriftError::Malformed(format!("a method name of {length} bytes")));
        }
        self.in_header = false;
        self.pos = 8 + length + 4;
        self.stack.push(Frame::Struct);
        self.check()?;
        Ok(true)
    }

    /// Handles one frame. `false`: incomplete, the frame is back on the stack.
    fn step(&mut self, buf: &[u8], frame: Frame) -> Result<bool, ThriftError> {
        match frame {
            Frame::Struct => {
                let Some(&ty) = buf.get(self.pos) else { return self.wait(Frame::Struct) };
                if ty == 0 {
                    self.pos += 1;
                    return self.check();
                }
                self.pos += 3;
                self.push(Frame::Struct)?;
                self.push(Frame::Value(ty))?;
                self.check()
            }
            Frame::Value(ty) => self.value(buf, ty),
            Frame::Seq { left: 0, .. } | Frame::Map { left: 0, .. } => Ok(true),
            Frame::Seq { ty, left } => {
                self.push(Frame::Seq { ty, left: left - 1 })?;
                self.push(Frame::Value(ty))?;
                Ok(true)
            }
            Frame::Map { key, value, left } => {
                // The side that comes next is the key while an even number is left.
                let next = if left % 2 == 0 { key } else { value };
                self.push(Frame::Map { key, value, left: left - 1 })?;
                self.push(Frame::Value(next))?;
                Ok(true)
            }
        }
    }

    fn value(&mut self, buf: &[u8], ty: u8) -> Result<bool, ThriftError> {
        if let Some(width) = width(ty) {
            self.pos += width;
            return self.check();
        }
        match ty {
            11 => {
                let Some(length) = u32_at(buf, self.pos) else { return self.wait(Frame::Value(ty)) };
                self.pos += 4;
                self.claim(length, 1)
            }
            12 => {
                self.push(Frame::Struct)?;
                Ok(true)
            }
            13 => {
                let (Some(&key), Some(&value), Some(count)) =
                    (buf.get(self.pos), buf.get(self.pos + 1), u32_at(buf, self.pos + 2))
                else {
                    return self.wait(Frame::Value(ty));
                };
                self.pos += 6;
                if count > i32::MAX as u32 {
                    return Err(negative());
                }
                if let (Some(key), Some(value)) = (width(key), width(value)) {
                    return self.claim(count, key + value);
                }
                if count > 0 {
                    self.push(Frame::Map { key, value, left: u64::from(count) * 2 })?;
                }
                self.check()
            }
            14 | 15 => {
                let (Some(&element), Some(count)) = (buf.get(self.pos), u32_at(buf, self.pos + 1)) else {
                    return self.wait(Frame::Value(ty));
                };
                self.pos += 5;
                if let Some(width) = width(element) {
                    return self.claim(count, width);
                }
                if count > i32::MAX as u32 {
                    return Err(negative());
                }
                if count > 0 {
                    self.push(Frame::Seq { ty: element, left: count })?;
                }
                self.check()
            }
            other => Err(ThriftError::Malformed(format!("a value of type {other}"))),
        }
    }

    /// Passes over `count` things of `width` bytes, checked before they are read.
    fn claim(&mut self, count: u32, width: usize) -> Result<bool, ThriftError> {
        if count > i32::MAX as u32 {
            return Err(negative());
        }
        self.pos = self.pos.saturating_add((count as usize).saturating_mul(width));
        self.check()
    }

    fn wait(&mut self, frame: Frame) -> Result<bool, ThriftError> {
        self.stack.push(frame);
        Ok(false)
    }

    fn push(&mut self, frame: Frame) -> Result<(), ThriftError> {
        // A level is at most two frames deep: the container and the value in it.
        if self.stack.len() >= self.limits.max_depth * 2 {
            return Err(ThriftError::Malformed(format!("nested deeper than {}", self.limits.max_depth)));
        }
        self.stack.push(frame);
        Ok(())
    }

    fn check(&self) -> Result<bool, ThriftError> {
        if self.pos > self.limits.max_message {
            return Err(ThriftError::TooLarge { claimed: self.pos as u64, limit: self.limits.max_message as u64 });
        }
        Ok(true)
    }
}

fn negative() -> ThriftError {
    ThriftError::Malformed("a negative length".to_owned())
}

fn u32_at(buf: &[u8], pos: usize) -> Option<u32> {
    let bytes = buf.get(pos..pos.checked_add(4)?)?;
    Some(u32::from_be_bytes(bytes.try_into().ok()?))
}

/// Bytes of a value of fixed size.
fn width(ty: u8) -> Option<usize> {
    match ty {
        2 | 3 => Some(1),
        6 => Some(2),
        8 => Some(4),
        4 | 10 => Some(8),
        16 => Some(16),
        _ => None,
    }
}
