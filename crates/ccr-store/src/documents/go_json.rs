//! JSON as Go's `encoding/json` writes and reads it.

use std::collections::BTreeMap;
use std::io;

use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::ser::{CharEscape, Formatter};

/// Serialises with the bytes of Go's `json.Marshal`: compact, `<`, `>`, `&`, U+2028 and U+2029 escaped, backspace and form
/// feed as `\u0008` and `\u000c` (Go before 1.22).
///
/// # Panics
/// If `value` refuses to be JSON (a map whose keys are not strings); no document type does.
pub fn to_go_json<T: Serialize + ?Sized>(value: &T) -> String {
    let mut bytes = Vec::with_capacity(512);
    let mut serializer = serde_json::Serializer::with_formatter(&mut bytes, GoFormatter);
    value.serialize(&mut serializer).expect("a document has string keys only and memory does not fail to be written");
    String::from_utf8(bytes).expect("serde_json writes UTF-8")
}

struct GoFormatter;

impl Formatter for GoFormatter {
    fn write_string_fragment<W: ?Sized + io::Write>(&mut self, writer: &mut W, fragment: &str) -> io::Result<()> {
        let mut rest = fragment;
        while let Some((at, found)) =
            rest.char_indices().find(|(_, c)| matches!(c, '<' | '>' | '&' | '\u{2028}' | '\u{2029}'))
        {
            let (plain, tail) = rest.split_at(at);
            writer.write_all(plain.as_bytes())?;
            write!(writer, "\\u{:04x}", u32::from(found))?;
            rest = tail.get(found.len_utf8()..).unwrap_or_default();
        }
        writer.write_all(rest.as_bytes())
    }

    fn write_char_escape<W: ?Sized + io::Write>(&mut self, writer: &mut W, escape: CharEscape) -> io::Result<()> {
        match escape {
            CharEscape::Quote => writer.write_all(b"\\\""),
            CharEscape::ReverseSolidus => writer.write_all(b"\\\\"),
            CharEscape::Solidus => writer.write_all(b"/"),
            CharEscape::LineFeed => writer.write_all(b"\\n"),
            CharEscape::CarriageReturn => writer.write_all(b"\\r"),
            CharEscape::Tab => writer.write_all(b"\\t"),
            CharEscape::Backspace => writer.write_all(b"\\u0008"),
            CharEscape::FormFeed => writer.write_all(b"\\u000c"),
            CharEscape::AsciiControl(byte) => write!(writer, "\\u{byte:04x}"),
        }
    }
}

/// `deserialize_with`: null is the zero value, as in Go.
pub(super) fn null_is_zero<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Default + Deserialize<'de>,
{
    Ok(Option::<T>::deserialize(deserializer)?.unwrap_or_default())
}

/// `skip_serializing_if` of Go's `omitempty`.
pub(super) fn is_zero<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// `serialize_with` of a map with integer keys: Go sorts the keys as strings (`10` before `9`).
pub(super) fn id_map<S: Serializer, V: Serialize>(map: &BTreeMap<i64, V>, serializer: S) -> Result<S::Ok, S::Error> {
    let sorted: BTreeMap<String, &V> = map.iter().map(|(id, value)| (id.to_string(), value)).collect();
    let mut out = serializer.serialize_map(Some(sorted.len()))?;
    for (id, value) in sorted {
        out.serialize_entry(&id, value)?;
    }
    out.end()
}

/// [`id_map`], `None` being null.
pub(super) fn id_map_or_null<S: Serializer, V: Serialize>(
    map: &Option<BTreeMap<i64, V>>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    match map {
        Some(map) => id_map(map, serializer),
        None => serializer.serialize_none(),
    }
}
