//! BARRIER: a mark in the stream, or an envelope for a type that the branch has no number for.

use serde::Deserialize;

use super::{PayloadError, parse, plain_db_name};
use crate::{
    ids::{DbId, Source, TableId},
    rpc::BinlogType,
};

/// A BACKUP writes one for each table of the database; older branches wrap newer record types in it.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Barrier {
    pub db_id: DbId<Source>,
    pub table_id: TableId<Source>,
    pub db_name: Option<String>,
    pub table_name: Option<String>,
    binlog_type: i32,
    binlog: Option<String>,
}

/// A record inside a BARRIER: handled as a record of this type with this payload and the BARRIER's seq and ids.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wrapped<'a> {
    pub kind: BinlogType,
    pub data: &'a str,
}

impl Default for Barrier {
    fn default() -> Self {
        Self {
            db_id: DbId::new(-1),
            table_id: TableId::new(-1),
            db_name: None,
            table_name: None,
            binlog_type: 0,
            binlog: None,
        }
    }
}

impl Barrier {
    /// Reads a record's `data`.
    pub fn parse(data: &str) -> Result<Self, PayloadError> {
        parse("BARRIER", data)
    }

    /// Whether there is a record inside.
    pub fn is_wrapper(&self) -> bool {
        self.wrapped().is_some()
    }

    /// The wrapped record. A plain barrier says `"binlogType": 0`, which is UPSERT, and has no text (seen in 4.1): only a
    /// text that is not empty counts.
    pub fn wrapped(&self) -> Option<Wrapped<'_>> {
        let data = self.binlog.as_deref().filter(|text| !text.is_empty())?;
        Some(Wrapped { kind: BinlogType(self.binlog_type), data })
    }

    /// The database's name without the prefix of Doris 2.0.
    pub fn db_name(&self) -> Option<&str> {
        self.db_name.as_deref().map(plain_db_name)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn only_a_text_is_a_wrapped_record() {
        let plain =
            Barrier::parse(r#"{"dbId":1,"dbName":"default_cluster:src","tableId":2,"tableName":"t","binlogType":0}"#)
                .unwrap();
        assert_eq!((plain.wrapped(), plain.db_name(), plain.table_id.get()), (None, Some("src"), 2));
        let empty = Barrier::parse(r#"{"dbId":1,"tableId":2,"binlogType":14,"binlog":""}"#).unwrap();
        assert_eq!(empty.wrapped(), None);
        let old = Barrier::parse(r#"{"dbId":1,"tableId":2,"tableName":"t"}"#).unwrap();
        assert_eq!(old.wrapped(), None);
        let full = Barrier::parse(r#"{"dbId":1,"tableId":2,"binlogType":14,"binlog":"{\"nT\":\"x\"}"}"#).unwrap();
        assert_eq!(full.wrapped(), Some(Wrapped { kind: BinlogType(14), data: "{\"nT\":\"x\"}" }));
    }
}
