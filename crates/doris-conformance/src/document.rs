//! Documents inside of values: JSON in a text, and the binary documents of a snapshot.

use std::io::Read as _;

use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde_json::Value;

/// The document in a text that is a JSON object or list.
pub(crate) fn in_text(text: &str) -> Option<Value> {
    let text = text.trim();
    let looks = (text.starts_with('{') && text.ends_with('}')) || (text.starts_with('[') && text.ends_with(']'));
    let value: Value = if looks { serde_json::from_str(text).ok()? } else { return None };
    (value.is_object() || value.is_array()).then_some(value)
}

/// The bytes of a binary value as recordings show it.
pub(crate) fn bytes(value: &Value) -> Option<Vec<u8>> {
    match (value.as_str(), value.get("base64").and_then(Value::as_str)) {
        (Some(text), _) => Some(text.as_bytes().to_vec()),
        (None, Some(encoded)) => BASE64_STANDARD.decode(encoded).ok(),
        (None, None) => None,
    }
}

/// A binary value taken apart: JSON, parts of JSON with their lengths before them, or either compressed.
pub(crate) fn of(value: &Value) -> Option<Value> {
    in_bytes(&bytes(value)?)
}

/// The document in bytes that are more than a number or a text.
pub(crate) fn in_bytes(bytes: &[u8]) -> Option<Value> {
    parse(bytes).filter(|value| value.is_object() || value.is_array())
}

fn parse(bytes: &[u8]) -> Option<Value> {
    if let Ok(value) = serde_json::from_slice(bytes) {
        return Some(value);
    }
    if bytes.starts_with(&[0x1f, 0x8b]) {
        let mut plain = Vec::new();
        flate2::read::GzDecoder::new(bytes).read_to_end(&mut plain).ok()?;
        return Some(serde_json::json!({ "compressed": parse(&plain)? }));
    }
    let mut parts = Vec::new();
    let mut rest = bytes;
    while !rest.is_empty() {
        let (length, after) = rest.split_first_chunk::<4>()?;
        let length = usize::try_from(u32::from_be_bytes(*length)).ok()?;
        parts.push(serde_json::from_slice::<Value>(after.get(..length)?).ok()?);
        rest = &after[length..];
    }
    (!parts.is_empty()).then(|| Value::from(parts))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_binary_of_parts_with_lengths_is_a_document() {
        let mut bytes = vec![0, 0, 0, 7];
        bytes.extend_from_slice(br#"{"a":1}"#);
        let value = json!({ "base64": BASE64_STANDARD.encode(&bytes) });
        assert_eq!(of(&value), Some(json!([{"a": 1}])));
        assert_eq!(of(&json!("no document")), None);
    }
}
