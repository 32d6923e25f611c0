//! One decoded record.

use super::*;
use crate::{
    ids::{CommitSeq, Source, TableId},
    rpc::BinlogType,
};

/// A binlog record with its payload. A record that an older branch wrapped in a BARRIER is the record itself.
#[derive(Clone, Debug, PartialEq)]
pub enum Record {
    Upsert(Upsert),
    AddPartition(AddPartition),
    CreateTable(CreateTable),
    DropPartition(DropPartition),
    DropTable(DropTable),
    AlterJob(AlterJob),
    ModifyColumns(ModifyColumns),
    /// Head of a stream: everything up to its seq was collected.
    Dummy,
    AlterDatabase(AlterDatabase),
    ModifyTableProperties(ModifyTableProperties),
    /// The mark of a backup.
    Barrier(Barrier),
    ModifyPartitions(ModifyPartitions),
    ReplacePartitions(ReplacePartitions),
    Truncate(Truncate),
    /// RENAME_TABLE, RENAME_ROLLUP or RENAME_PARTITION: one payload, and early FEs used the first for all three.
    Rename(Rename),
    RenameColumn(RenameColumn),
    ModifyComment(ModifyComment),
    ModifyView(ModifyView),
    ReplaceTable(ReplaceTable),
    ModifyIndexes(ModifyIndexes),
    IndexJob(IndexJob),
    DropRollup(DropRollup),
    Recover(Recover),
    ModifyBuckets(ModifyBuckets),
    /// MODIFY_DISTRIBUTION_TYPE: `SET ("distribution_type" = "random")`.
    SetRandomDistribution {
        table: TableId<Source>,
    },
    /// A type that this version does not know.
    Unknown {
        kind: BinlogType,
        payload: String,
    },
}

impl Record {
    /// Reads a record's `data`.
    ///
    /// # Errors
    /// Names the record, its seq and the key that is missing or of another type.
    pub fn decode(kind: BinlogType, seq: CommitSeq, data: &str) -> Result<Self, PayloadError> {
        if kind == BinlogType::BARRIER {
            let barrier = Barrier::read(fields::Fields::open(kind, seq, data)?)?;
            return match barrier {
                barrier::Read::Plain(barrier) => Ok(Self::Barrier(barrier)),
                barrier::Read::Wrapped { kind: BinlogType::BARRIER, data } => {
                    Ok(Self::Barrier(Barrier::read_mark(fields::Fields::open(kind, seq, &data)?)?))
                }
                barrier::Read::Wrapped { kind, data } => Self::decode_plain(kind, seq, &data),
            };
        }
        Self::decode_plain(kind, seq, data)
    }

    /// The one table that the record is about. `None`: UPSERT, MODIFY_PARTITIONS, or none.
    pub fn table(&self) -> Option<TableId<Source>> {
        match self {
            Self::AddPartition(record) => Some(record.table),
            Self::CreateTable(record) => Some(record.table),
            Self::DropPartition(record) => Some(record.table),
            Self::DropTable(record) => Some(record.table),
            Self::AlterJob(record) => Some(record.table),
            Self::ModifyColumns(record) => Some(record.table),
            Self::ModifyTableProperties(record) => Some(record.table),
            Self::Barrier(record) => record.table,
            Self::ReplacePartitions(record) => Some(record.table),
            Self::Truncate(record) => Some(record.table),
            Self::Rename(record) => Some(record.table),
            Self::RenameColumn(record) => Some(record.table),
            Self::ModifyComment(record) => Some(record.table),
            Self::ModifyView(record) => Some(record.view),
            Self::ReplaceTable(record) => Some(record.origin),
            Self::ModifyIndexes(record) => Some(record.table),
            Self::IndexJob(record) => Some(record.table),
            Self::DropRollup(record) => Some(record.table),
            Self::Recover(record) => Some(record.table),
            Self::ModifyBuckets(record) => Some(record.table),
            Self::SetRandomDistribution { table } => Some(*table),
            Self::Upsert(_)
            | Self::Dummy
            | Self::AlterDatabase(_)
            | Self::ModifyPartitions(_)
            | Self::Unknown { .. } => None,
        }
    }

    fn decode_plain(kind: BinlogType, seq: CommitSeq, data: &str) -> Result<Self, PayloadError> {
        if kind == BinlogType::DUMMY {
            return Ok(Self::Dummy);
        }
        if kind.0 < 0 || kind >= BinlogType::MIN_UNKNOWN {
            return Ok(Self::Unknown { kind, payload: data.to_owned() });
        }
        let fields = fields::Fields::open(kind, seq, data)?;
        Ok(match kind {
            BinlogType::UPSERT => Self::Upsert(Upsert::read(fields)?),
            BinlogType::ADD_PARTITION => Self::AddPartition(AddPartition::read(fields)?),
            BinlogType::CREATE_TABLE => Self::CreateTable(CreateTable::read(fields)?),
            BinlogType::DROP_PARTITION => Self::DropPartition(DropPartition::read(fields)?),
            BinlogType::DROP_TABLE => Self::DropTable(DropTable::read(fields)?),
            BinlogType::ALTER_JOB => Self::AlterJob(AlterJob::read(fields)?),
            BinlogType::MODIFY_TABLE_ADD_OR_DROP_COLUMNS => Self::ModifyColumns(ModifyColumns::read(fields)?),
            BinlogType::ALTER_DATABASE_PROPERTY => Self::AlterDatabase(AlterDatabase::read(fields)?),
            BinlogType::MODIFY_TABLE_PROPERTY => Self::ModifyTableProperties(ModifyTableProperties::read(fields)?),
            BinlogType::MODIFY_PARTITIONS => Self::ModifyPartitions(ModifyPartitions::read(fields)?),
            BinlogType::REPLACE_PARTITIONS => Self::ReplacePartitions(ReplacePartitions::read(fields)?),
            BinlogType::TRUNCATE_TABLE => Self::Truncate(Truncate::read(fields)?),
            BinlogType::RENAME_TABLE | BinlogType::RENAME_ROLLUP | BinlogType::RENAME_PARTITION => {
                Self::Rename(Rename::read(fields)?)
            }
            BinlogType::RENAME_COLUMN => Self::RenameColumn(RenameColumn::read(fields)?),
            BinlogType::MODIFY_COMMENT => Self::ModifyComment(ModifyComment::read(fields)?),
            BinlogType::MODIFY_VIEW_DEF => Self::ModifyView(ModifyView::read(fields)?),
            BinlogType::REPLACE_TABLE => Self::ReplaceTable(ReplaceTable::read(fields)?),
            BinlogType::MODIFY_TABLE_ADD_OR_DROP_INVERTED_INDICES => Self::ModifyIndexes(ModifyIndexes::read(fields)?),
            BinlogType::INDEX_CHANGE_JOB => Self::IndexJob(IndexJob::read(fields)?),
            BinlogType::DROP_ROLLUP => Self::DropRollup(DropRollup::read(fields)?),
            BinlogType::RECOVER_INFO => Self::Recover(Recover::read(fields)?),
            BinlogType::MODIFY_DISTRIBUTION_BUCKET_NUM => Self::ModifyBuckets(ModifyBuckets::read(fields)?),
            BinlogType::MODIFY_DISTRIBUTION_TYPE => Self::SetRandomDistribution { table: rename::table_of(fields)? },
            _ => Self::Unknown { kind, payload: data.to_owned() },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{super::testing::decode, *};

    #[test]
    fn a_wrapped_record_is_the_record() {
        let wrapped = r#"{"dbId":1,"tableId":2,"binlogType":14,"binlog":"{\"db\":1,\"tb\":2,\"nT\":\"x\"}"}"#;
        assert!(matches!(
            decode(BinlogType::BARRIER, wrapped),
            Ok(Record::Rename(Rename { table, new_table: Some(name), .. })) if table.get() == 2 && name == "x"
        ));
        let unknown = decode(BinlogType::BARRIER, r#"{"dbId":1,"tableId":2,"binlogType":40,"binlog":"later"}"#);
        assert_eq!(unknown, Ok(Record::Unknown { kind: BinlogType(40), payload: "later".to_owned() }));
        let nested = r#"{"tableId":2,"binlogType":10,"binlog":"{\"tableId\":3,\"binlogType\":14,\"binlog\":\"{}\"}"}"#;
        assert!(
            matches!(decode(BinlogType::BARRIER, nested), Ok(Record::Barrier(b)) if b.table.is_some_and(|t| t.get() == 3))
        );
    }

    #[test]
    fn a_dummy_and_types_of_the_future_are_no_errors() {
        assert_eq!(decode(BinlogType::DUMMY, ""), Ok(Record::Dummy));
        for kind in [BinlogType(27), BinlogType(99), BinlogType(-3)] {
            assert_eq!(decode(kind, "?"), Ok(Record::Unknown { kind, payload: "?".to_owned() }));
        }
    }

    #[test]
    fn every_family_names_the_key_that_it_misses() {
        for (kind, data, error) in [
            (0, "{}", "UPSERT record 7 cannot be read: tableRecords: missing"),
            (0, r#"{"tableRecords":[]}"#, "UPSERT record 7 cannot be read: tableRecords: invalid type: sequence"),
            (1, r#"{"tableId":0}"#, "ADD_PARTITION record 7 cannot be read: tableId: 0 is not an id"),
            (1, r#"{"tableId":1,"sql":"x"}"#, "partition: missing"),
            (2, r#"{"tableId":1,"sql":""}"#, "CREATE_TABLE record 7 cannot be read: sql: empty"),
            (3, r#"{"tableId":"1"}"#, "DROP_PARTITION record 7 cannot be read: tableId: invalid type: string"),
            (4, "{}", "DROP_TABLE record 7 cannot be read: tableId: missing"),
            (5, r#"{"tableId":1,"jobState":"PENDING"}"#, "ALTER_JOB record 7 cannot be read: type: missing"),
            (6, r#"{"tableId":1}"#, "MODIFY_TABLE_ADD_OR_DROP_COLUMNS record 7 cannot be read: rawSql: missing"),
            (9, r#"{"tableId":1}"#, "properties: missing"),
            (10, "[]", "BARRIER record 7 cannot be read: JSON: not an object"),
            (11, r#"{"infos":[{}]}"#, "infos: missing field `partitionId`"),
            (12, r#"{"tblId":1}"#, "partitions: missing"),
            (13, r#"{"table":"t"}"#, "tblId: missing"),
            (14, r#"{"db":1}"#, "RENAME_TABLE record 7 cannot be read: tb: missing"),
            (15, r#"{"tableId":1,"colName":"a"}"#, "newColName: missing"),
            (16, r#"{"tblId":1,"type":"VIEW"}"#, "type: \"VIEW\" is not known"),
            (17, "{}", "MODIFY_VIEW_DEF record 7 cannot be read: tableId: missing"),
            (18, r#"{"origTblId":1,"newTblName":"b","swapTable":true}"#, "newTblName: invalid type: string"),
            (19, r#"{"tableId":1,"isDropInvertedIndex":true}"#, "alterInvertedIndexes: missing"),
            (20, r#"{"tableId":1,"jobState":"FINISHED"}"#, "partitionId: missing"),
            (23, r#"{"tableId":1}"#, "indexName: missing"),
            (24, "{}", "tableId: missing"),
            (25, r#"{"tableId":1,"type":"HASH"}"#, "bucketNum: missing"),
            (26, "{}", "MODIFY_DISTRIBUTION_TYPE record 7 cannot be read: tb: missing"),
            (0, "", "UPSERT record 7 cannot be read: JSON: EOF"),
        ] {
            let found = decode(BinlogType(kind), data).err().unwrap_or_default();
            assert!(found.contains(error), "{kind} {data}: {found:?}");
        }
    }
}
