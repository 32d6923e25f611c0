//! Reading the keys of one payload, so that an error names record, position and key.

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::{ids::CommitSeq, rpc::BinlogType};

/// A payload that is not what its type says.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the payload of {kind} record {seq} cannot be read: {key}: {why}")]
pub struct PayloadError {
    pub kind: BinlogType,
    pub seq: CommitSeq,
    /// The key, or `JSON` where the payload as a whole is none.
    pub key: String,
    pub why: String,
}

/// What a key of several spellings is called in errors: the first.
type Names<'a> = &'a [&'a str];

/// The keys of one JSON object, taken one by one. What is left is unknown and ignored.
pub(super) struct Fields {
    kind: BinlogType,
    seq: CommitSeq,
    map: Map<String, Value>,
}

impl Fields {
    pub(super) fn open(kind: BinlogType, seq: CommitSeq, data: &str) -> Result<Self, PayloadError> {
        let unreadable = |why: String| PayloadError { kind, seq, key: "JSON".to_owned(), why };
        match serde_json::from_str(data) {
            Ok(Value::Object(map)) => Ok(Self { kind, seq, map }),
            Ok(_) => Err(unreadable("not an object".to_owned())),
            Err(error) => Err(unreadable(error.to_string())),
        }
    }

    pub(super) fn seq(&self) -> CommitSeq {
        self.seq
    }

    pub(super) fn error(&self, key: &str, why: impl Into<String>) -> PayloadError {
        PayloadError { kind: self.kind, seq: self.seq, key: key.to_owned(), why: why.into() }
    }

    /// A key that may be absent, in one of its spellings. `null` is absent; another type is an error.
    pub(super) fn any<T: DeserializeOwned>(&mut self, names: Names<'_>) -> Result<Option<T>, PayloadError> {
        for name in names {
            match self.map.remove(*name) {
                None | Some(Value::Null) => {}
                Some(value) => {
                    let read = serde_json::from_value(value);
                    return read.map(Some).map_err(|error| self.error(name, error.to_string()));
                }
            }
        }
        Ok(None)
    }

    /// A key that may be absent.
    pub(super) fn optional<T: DeserializeOwned>(&mut self, name: &str) -> Result<Option<T>, PayloadError> {
        self.any(&[name])
    }

    /// A key whose absence means the type's default.
    pub(super) fn or_default<T: DeserializeOwned + Default>(&mut self, name: &str) -> Result<T, PayloadError> {
        Ok(self.optional(name)?.unwrap_or_default())
    }

    /// A text that older versions leave out and newer ones write empty: both are none.
    pub(super) fn text(&mut self, name: &str) -> Result<Option<String>, PayloadError> {
        Ok(self.optional::<String>(name)?.filter(|text| !text.is_empty()))
    }

    /// A key that the record is nothing without.
    pub(super) fn need<T: DeserializeOwned>(&mut self, name: &str) -> Result<T, PayloadError> {
        self.need_any(&[name])
    }

    /// A key that the record is nothing without, in one of its spellings.
    pub(super) fn need_any<T: DeserializeOwned>(&mut self, names: Names<'_>) -> Result<T, PayloadError> {
        let name = names.first().copied().unwrap_or_default();
        self.any(names)?.ok_or_else(|| self.error(name, "missing"))
    }

    /// A text that the record is nothing without: present and not empty.
    pub(super) fn need_text(&mut self, name: &str) -> Result<String, PayloadError> {
        let text: String = self.need(name)?;
        if text.is_empty() { Err(self.error(name, "empty")) } else { Ok(text) }
    }

    /// An id that the record is nothing without: FEs write 0 or -1 where there is none.
    pub(super) fn need_id<T>(&mut self, name: &str, new: impl Fn(i64) -> T) -> Result<T, PayloadError> {
        let id: i64 = self.need(name)?;
        if id > 0 { Ok(new(id)) } else { Err(self.error(name, format!("{id} is not an id"))) }
    }

    /// An id that may be absent, 0 or -1: all mean none.
    pub(super) fn id<T>(&mut self, names: Names<'_>, new: impl Fn(i64) -> T) -> Result<Option<T>, PayloadError> {
        Ok(self.any::<i64>(names)?.filter(|id| *id > 0).map(new))
    }
}
