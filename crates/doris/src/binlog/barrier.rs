//! BARRIER: a mark in the stream, or an envelope for a type that the branch has no number for.

use super::{PayloadError, fields::Fields, plain_db_name};
use crate::{
    ids::{Source, TableId},
    rpc::BinlogType,
};

/// The mark that a BACKUP leaves, one for each table of the database.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Barrier {
    pub table: Option<TableId<Source>>,
    pub db_name: Option<String>,
    pub table_name: Option<String>,
}

/// What a BARRIER is.
pub(super) enum Read {
    Plain(Barrier),
    /// A record inside: of this type with this payload, and the BARRIER's seq and ids.
    Wrapped {
        kind: BinlogType,
        data: String,
    },
}

impl Barrier {
    /// A plain barrier says `"binlogType": 0`, which is UPSERT, and has no text (seen in 4.1): only a text that is not empty
    /// is a wrapped record.
    pub(super) fn read(mut fields: Fields) -> Result<Read, PayloadError> {
        match fields.text("binlog")? {
            Some(data) => Ok(Read::Wrapped { kind: BinlogType(fields.need("binlogType")?), data }),
            None => Ok(Read::Plain(Self::read_mark(fields)?)),
        }
    }

    /// The mark alone: an envelope within an envelope is not opened.
    pub(super) fn read_mark(mut fields: Fields) -> Result<Self, PayloadError> {
        Ok(Self {
            table: fields.id(&["tableId"], TableId::new)?,
            db_name: fields.text("dbName")?.map(|name| plain_db_name(&name).to_owned()),
            table_name: fields.text("tableName")?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{
        super::{Record, testing::decode},
        *,
    };

    #[test]
    fn only_a_text_is_a_wrapped_record() {
        let plain = Record::Barrier(Barrier {
            table: Some(TableId::new(2)),
            db_name: Some("src".to_owned()),
            table_name: Some("t".to_owned()),
        });
        for data in [
            r#"{"dbId":1,"dbName":"default_cluster:src","tableId":2,"tableName":"t","binlogType":0}"#,
            r#"{"dbId":1,"dbName":"src","tableId":2,"tableName":"t","binlogType":14,"binlog":""}"#,
            r#"{"dbId":1,"dbName":"src","tableId":2,"tableName":"t"}"#,
        ] {
            assert_eq!(decode(BinlogType::BARRIER, data).as_ref(), Ok(&plain), "{data}");
        }
    }
}
