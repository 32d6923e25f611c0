//! Packets: three bytes of length, a sequence number, at most 16 MiB - 1 of payload; longer payloads in several.

use std::io;

use bytes::{Buf as _, BufMut as _, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

/// The longest payload of one packet.
const MAX_PAYLOAD: usize = 0xff_ffff;
/// The longest request that is read.
const MAX_REQUEST: usize = 256 << 20;
/// As much is gathered before it is written.
const WRITE_CHUNK: usize = 1 << 18;

/// Why a connection ended early.
#[derive(Debug, thiserror::Error)]
pub(super) enum ProtocolError {
    #[error(transparent)]
    Io(#[from] io::Error),
    #[error("the client sent {0}")]
    Malformed(&'static str),
}

/// A stream of packets.
pub(super) struct Packets<S> {
    stream: S,
    incoming: BytesMut,
    outgoing: BytesMut,
    /// The number of the next packet.
    sequence: u8,
    /// Whether everything is gathered until [`Self::flush_part`].
    held: bool,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Packets<S> {
    pub(super) fn new(stream: S) -> Self {
        Self { stream, incoming: BytesMut::new(), outgoing: BytesMut::new(), sequence: 0, held: false }
    }

    /// The payload of the next request; `None`: the client is gone. The answer is numbered from 1.
    pub(super) async fn read_request(&mut self) -> Result<Option<Vec<u8>>, ProtocolError> {
        let mut payload = Vec::new();
        loop {
            if !self.fill(4).await? {
                return match payload.is_empty() && self.incoming.is_empty() {
                    true => Ok(None),
                    false => Err(ProtocolError::Malformed("a part of a packet")),
                };
            }
            let length = usize::try_from(self.incoming.get_uint_le(3)).unwrap_or(MAX_PAYLOAD);
            self.sequence = self.incoming.get_u8().wrapping_add(1);
            if payload.len() + length > MAX_REQUEST {
                return Err(ProtocolError::Malformed("a packet beyond the limit"));
            }
            if !self.fill(length).await? {
                return Err(ProtocolError::Malformed("a part of a packet"));
            }
            payload.extend_from_slice(&self.incoming.split_to(length));
            if self.incoming.is_empty() {
                // The room of a large request is not kept.
                self.incoming = BytesMut::new();
            }
            if length < MAX_PAYLOAD {
                return Ok(Some(payload));
            }
        }
    }

    /// Reads until that many bytes are there; `false`: the stream ended before.
    async fn fill(&mut self, wanted: usize) -> io::Result<bool> {
        while self.incoming.len() < wanted {
            // A claimed length is not trusted with memory.
            self.incoming.reserve((wanted - self.incoming.len()).clamp(1 << 12, 1 << 20));
            if self.stream.read_buf(&mut self.incoming).await? == 0 {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Appends one payload to what is to be written.
    pub(super) fn push(&mut self, payload: &[u8]) {
        let mut chunks = payload.chunks(MAX_PAYLOAD).peekable();
        loop {
            let chunk = chunks.next().unwrap_or_default();
            self.outgoing.put_uint_le(chunk.len() as u64, 3);
            self.outgoing.put_u8(self.sequence);
            self.outgoing.put_slice(chunk);
            self.sequence = self.sequence.wrapping_add(1);
            // A full packet is followed by another, be it empty.
            if chunk.len() < MAX_PAYLOAD {
                return;
            }
        }
    }

    /// Writes what has been gathered if that is much.
    pub(super) async fn flush_if_full(&mut self) -> io::Result<()> {
        if self.outgoing.len() >= WRITE_CHUNK && !self.held { self.flush().await } else { Ok(()) }
    }

    /// Writes nothing until [`Self::flush_part`].
    pub(super) fn hold(&mut self) {
        self.held = true;
    }

    /// Writes the first bytes of what has been gathered, and drops the rest.
    pub(super) async fn flush_part(&mut self, bytes: usize) -> io::Result<()> {
        self.outgoing.truncate(bytes);
        self.flush().await
    }

    pub(super) async fn flush(&mut self) -> io::Result<()> {
        self.stream.write_all(&self.outgoing).await?;
        self.outgoing.clear();
        self.stream.flush().await
    }
}

/// An integer of variable length.
pub(super) fn put_length(out: &mut Vec<u8>, value: u64) {
    match value {
        0..=250 => out.put_u8(value.to_le_bytes()[0]),
        251..=0xffff => {
            out.put_u8(0xfc);
            out.put_uint_le(value, 2);
        }
        0x1_0000..=0xff_ffff => {
            out.put_u8(0xfd);
            out.put_uint_le(value, 3);
        }
        _ => {
            out.put_u8(0xfe);
            out.put_u64_le(value);
        }
    }
}

/// A text with its length.
pub(super) fn put_text(out: &mut Vec<u8>, text: &str) {
    put_length(out, text.len() as u64);
    out.put_slice(text.as_bytes());
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[tokio::test]
    async fn payloads_of_every_length_survive() {
        for length in [0, 1, MAX_PAYLOAD - 1, MAX_PAYLOAD, MAX_PAYLOAD + 1, 2 * MAX_PAYLOAD] {
            let (a, b) = tokio::io::duplex(1 << 16);
            let payload: Vec<u8> = (0..length).map(|n| n.to_le_bytes()[0]).collect();
            let expected = payload.clone();
            let writer = tokio::spawn(async move {
                let mut packets = Packets::new(a);
                packets.push(&payload);
                packets.flush().await.unwrap();
            });
            let mut packets = Packets::new(b);
            assert!(packets.read_request().await.unwrap().unwrap() == expected, "{length}");
            writer.await.unwrap();
            assert!(packets.read_request().await.unwrap().is_none(), "end after {length}");
        }
    }

    #[tokio::test]
    async fn a_cut_packet_is_an_error() {
        let (mut a, b) = tokio::io::duplex(64);
        a.write_all(&[9, 0, 0, 0, 3, b'x']).await.unwrap();
        drop(a);
        let error = Packets::new(b).read_request().await.unwrap_err();
        assert_eq!(error.to_string(), "the client sent a part of a packet");
    }

    #[test]
    fn lengths_have_four_forms() {
        for (value, expected) in [
            (250_u64, vec![250]),
            (251, vec![0xfc, 251, 0]),
            (0x1_0000, vec![0xfd, 0, 0, 1]),
            (0x100_0000, vec![0xfe, 0, 0, 0, 1, 0, 0, 0, 0]),
        ] {
            let mut out = Vec::new();
            put_length(&mut out, value);
            assert_eq!(out, expected, "{value}");
        }
    }
}
