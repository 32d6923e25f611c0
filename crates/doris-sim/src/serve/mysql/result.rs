//! Answers: OK, error, result set.

use std::io;

use bytes::BufMut as _;
use tokio::io::{AsyncRead, AsyncWrite};

use super::packet::{Packets, put_length, put_text};
use crate::{
    exec::{Reply, ResultColumn, Rows},
    model::{ColumnType, Refusal},
};

/// An EOF packet without warnings and flags.
const EOF: [u8; 5] = [0xfe, 0, 0, 0, 0];

pub(super) async fn write_reply<S: AsyncRead + AsyncWrite + Unpin>(
    packets: &mut Packets<S>,
    reply: &Reply,
) -> io::Result<()> {
    match reply {
        Reply::Done { affected, info } => write_ok(packets, *affected, info),
        Reply::Refused(refusal) => write_refusal(packets, refusal),
        Reply::Rows(rows) => write_rows(packets, rows).await?,
    }
    Ok(())
}

pub(super) fn write_ok<S: AsyncRead + AsyncWrite + Unpin>(packets: &mut Packets<S>, affected: u64, info: &str) {
    let mut out = vec![0];
    put_length(&mut out, affected);
    // Last insert id, status, warnings.
    out.put_slice(&[0, 0, 0, 0, 0]);
    if !info.is_empty() {
        put_text(&mut out, info);
    }
    packets.push(&out);
}

pub(super) fn write_refusal<S: AsyncRead + AsyncWrite + Unpin>(packets: &mut Packets<S>, refusal: &Refusal) {
    let mut out = vec![0xff];
    out.put_u16_le(refusal.mysql_code);
    out.put_u8(b'#');
    out.put_slice(refusal.sql_state.as_bytes());
    out.put_slice(refusal.text.as_bytes());
    packets.push(&out);
}

async fn write_rows<S: AsyncRead + AsyncWrite + Unpin>(packets: &mut Packets<S>, rows: &Rows) -> io::Result<()> {
    let mut out = Vec::new();
    put_length(&mut out, rows.columns.len() as u64);
    packets.push(&out);
    for column in &rows.columns {
        packets.push(&definition(column));
    }
    packets.push(&EOF);
    for row in &rows.rows {
        out.clear();
        for cell in row {
            match cell {
                Some(text) => put_text(&mut out, text),
                None => out.put_u8(0xfb),
            }
        }
        packets.push(&out);
        packets.flush_if_full().await?;
    }
    packets.push(&EOF);
    Ok(())
}

/// The answer to COM_FIELD_LIST: definitions, each with a default value of NULL.
pub(super) fn write_field_list<S: AsyncRead + AsyncWrite + Unpin>(packets: &mut Packets<S>, rows: &Rows) {
    for column in &rows.columns {
        let mut out = definition(column);
        out.put_u8(0xfb);
        packets.push(&out);
    }
    packets.push(&EOF);
}

fn definition(column: &ResultColumn) -> Vec<u8> {
    let mut out = Vec::new();
    put_text(&mut out, "def");
    // Schema, table, its original name.
    for _ in 0..3 {
        put_text(&mut out, "");
    }
    put_text(&mut out, &column.name);
    put_text(&mut out, &column.name);
    let (code, length, decimals) = type_of(&column.ty);
    out.put_u8(0x0c);
    out.put_u16_le(33);
    out.put_u32_le(length);
    out.put_u8(code);
    // Flags, then decimals and a filler.
    out.put_slice(&[0, 0, decimals, 0, 0]);
    out
}

/// The type's number in the protocol, its display width and its decimals.
fn type_of(ty: &ColumnType) -> (u8, u32, u8) {
    match ty {
        ColumnType::Boolean => (0x01, 1, 0),
        ColumnType::TinyInt => (0x01, 4, 0),
        ColumnType::SmallInt => (0x02, 6, 0),
        ColumnType::Int => (0x03, 11, 0),
        ColumnType::BigInt => (0x08, 20, 0),
        // No type of MySQL is as wide.
        ColumnType::LargeInt => (0xfe, 40, 0),
        ColumnType::Float => (0x04, 12, 31),
        ColumnType::Double => (0x05, 22, 31),
        ColumnType::Decimal { precision, scale } => (0xf6, u32::from(*precision) + 2, *scale),
        ColumnType::Date => (0x0a, 10, 0),
        ColumnType::DateTime { scale } => (0x0c, 26, *scale),
        ColumnType::Char { length } => (0xfe, length.saturating_mul(3), 0),
        ColumnType::Varchar { length } => (0xfd, length.saturating_mul(3), 0),
        ColumnType::String | ColumnType::Json | ColumnType::Other(_) => (0xfe, 0x7fff_ffff, 0),
    }
}
