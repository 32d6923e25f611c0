//! What a record means for the destination: nothing, one transaction, a new copy, or a stop.

use doris::{
    Dest, Source,
    binlog::{PartitionRecord, PayloadError, Record, TableRecord, Upsert},
    cluster::Binlog,
    ids::*,
    rpc::BinlogType,
};

use super::{
    Exit, Shared,
    ddl::{self, Scope, Task},
};
use crate::{
    failpoints::{FAIL_AFTER, FAIL_BEFORE, HANDLE_BINLOG_FAILED, failure as failpoint_failure},
    job::Cause,
    ledger::{Continuity, Gap, Touched},
    mapping::{PartitionMapping, TabletPair},
    phase::CopiedIndex,
    policy::{Code, Failure},
};

/// What is to be done for one record.
#[derive(Debug)]
pub(super) enum Planned {
    /// Nothing of this record concerns the table.
    Nothing(CommitSeq),
    /// One transaction.
    Txn(TxnPlan),
}

impl Planned {
    pub(super) fn seq(&self) -> CommitSeq {
        match self {
            Self::Nothing(seq) => *seq,
            Self::Txn(plan) => plan.seq,
        }
    }
}

/// Everything one destination transaction consists of.
#[derive(Debug)]
pub(super) struct TxnPlan {
    pub seq: CommitSeq,
    /// Versions that the source transaction gave to partitions.
    pub touched: Touched,
    /// How many statements of a transaction of several wrote the table, each a sub transaction; 0: a plain one.
    pub sub_txns: usize,
    /// One entry per bucket of each index of each touched partition: complete, or Doris would commit less without a word.
    pub tablets: Vec<TabletPlan>,
}

#[derive(Debug)]
pub(super) struct TabletPlan {
    /// Position of the sub transaction; 0 in a plain transaction.
    pub sub_txn: usize,
    pub version: Version,
    pub dest_partition: PartitionId<Dest>,
    pub pair: TabletPair,
}

/// Why a record cannot be planned as things stand.
#[derive(Debug)]
pub(super) enum Refusal {
    /// A transaction of a partition is missing before this record.
    Gap(Gap),
    /// The cached metadata does not know an object that the record names.
    StaleMapping(String),
    /// Something that nothing may be in flight for.
    Barrier(Task),
    /// Another way out of the pipeline.
    Exit(Exit),
}

/// Plans one record. `continuity` moves on only if the record is planned.
pub(super) fn plan(shared: &Shared, record: &Binlog, continuity: &mut Continuity) -> Result<Planned, Refusal> {
    if shared.silenced.is_some_and(|(seq, _)| seq == record.seq) {
        return Err(Refusal::Barrier(skip(shared, record)?));
    }
    fail_for_tests(shared, record)?;
    let decoded = Record::decode(record.kind, record.seq, &record.data).map_err(|e| bad_record(&e))?;
    match decoded {
        Record::Upsert(upsert) => plan_upsert(shared, record, &upsert, continuity),
        Record::Dummy => {
            Err(full_sync(format!("the source collected the binlog up to {} before it was read", record.seq)))
        }
        Record::Unknown { kind, .. } => Err(Refusal::Exit(Exit::Halted(Failure::new(
            Code::UNSUPPORTED_BINLOG,
            format!("record {} has type {kind}, which this version does not know", record.seq),
            "upgrade the syncer, or delete the job and create it again with \"allow_table_exists\": true",
        )))),
        decoded => match ddl::scope(shared, record.kind, record.seq, &decoded) {
            Scope::Nothing => Ok(Planned::Nothing(record.seq)),
            Scope::Change => Err(Refusal::Barrier(Task::Record { seq: record.seq, record: Box::new(decoded) })),
            Scope::Copy(reason) => Err(full_sync(reason)),
        },
    }
}

/// What a test of the running program wants.
fn fail_for_tests(shared: &Shared, record: &Binlog) -> Result<(), Refusal> {
    let (points, job) = (&shared.context.env.settings.failpoints, shared.context.name.as_str());
    if !points.are_enabled() {
        return Ok(());
    }
    let kind = record.kind.to_string();
    // Loads are put on record by the checkpoint, many at a time.
    if record.kind != BinlogType::UPSERT && points.hit(job, FAIL_AFTER, &kind) {
        points.arm(job, record.seq);
    }
    if points.is_set(job, HANDLE_BINLOG_FAILED) || points.hit(job, FAIL_BEFORE, &kind) {
        return Err(Refusal::Exit(Exit::retry(failpoint_failure())));
    }
    Ok(())
}

/// A record that an operator wants skipped: nothing about it can be wrong enough to stop that.
fn skip(shared: &Shared, record: &Binlog) -> Result<Task, Refusal> {
    let mut touched = Touched::new();
    let decoded = Record::decode(record.kind, record.seq, &record.data);
    if let Ok(Record::Upsert(upsert)) = &decoded
        && let Some(table) = upsert.tables.get(&shared.mapping.source)
    {
        for partition in table.partitions.iter().filter(|partition| !partition.is_temp) {
            match counterpart(shared, partition) {
                // The partition has to be on record for the hole to be.
                Err(barrier @ Refusal::Barrier(_)) => return Err(barrier),
                Ok(_) | Err(_) => touched.push((partition.id, partition.version)),
            }
        }
        touched.sort_unstable();
    }
    Ok(Task::Skip { seq: record.seq, touched })
}

fn full_sync(reason: String) -> Refusal {
    Refusal::Exit(Exit::FullSync { cause: Cause::Change, reason })
}

fn plan_upsert(
    shared: &Shared,
    record: &Binlog,
    upsert: &Upsert,
    continuity: &mut Continuity,
) -> Result<Planned, Refusal> {
    // Records of an empty transaction, or whose table was dropped meanwhile, name no table.
    let Some(table) = upsert.tables.get(&shared.mapping.source) else { return Ok(Planned::Nothing(record.seq)) };
    let mut touched = Touched::new();
    let mut tablets = Vec::new();
    let partitions: Vec<_> = table.partitions.iter().filter(|p| !p.is_temp).collect();
    // The sub transactions of this table, in order.
    let wrote = |stid: &i64| partitions.iter().any(|partition| partition.stid == *stid);
    let sub_txns: Vec<i64> = upsert.stids.iter().copied().filter(wrote).collect();
    for partition in partitions {
        let Some(mapping) = counterpart(shared, partition)? else { continue };
        let sub_txn = match sub_txns.iter().position(|stid| *stid == partition.stid) {
            Some(at) => at,
            None if upsert.stids.is_empty() => 0,
            None => {
                return Err(full_sync(format!(
                    "record {} does not say which statement wrote partition {}; the table is copied again",
                    record.seq, partition.id
                )));
            }
        };
        touched.push((partition.id, partition.version));
        let planned = tablets.len();
        for index in loaded_indexes(shared, record.seq, table, partition.id, mapping)? {
            tablets.extend(index.iter().map(|pair| TabletPlan {
                sub_txn,
                version: partition.version,
                dest_partition: mapping.dest,
                pair: pair.clone(),
            }));
        }
        if tablets.len() == planned {
            // Committed without tablets, a partition would get no version, and nobody would say so.
            return Err(Refusal::StaleMapping(format!("partition {} without any tablet", partition.id)));
        }
    }
    // A record lists the partitions in any order; several statements give one partition consecutive versions.
    touched.sort_unstable();
    if touched.is_empty() {
        return Ok(Planned::Nothing(record.seq));
    }
    continuity.advance(&touched).map_err(Refusal::Gap)?;
    Ok(Planned::Txn(TxnPlan { seq: record.seq, touched, sub_txns: sub_txns.len(), tablets }))
}

/// The destination's counterpart of a partition. `None`: the partition is gone from the source and its rows with it; the
/// record of that lies ahead.
fn counterpart<'a>(shared: &'a Shared, partition: &PartitionRecord) -> Result<Option<&'a PartitionMapping>, Refusal> {
    let unknown = || Refusal::StaleMapping(format!("partition {} ({})", partition.id, partition.range));
    if shared.ledger.get(partition.id).is_none() {
        // Its first load since the destination's partition of its range was emptied.
        let dest = shared.mapping.dest_ranges.get(&partition.range).filter(|dest| shared.fresh.contains(dest));
        return match dest {
            Some(dest) => Err(Refusal::Barrier(Task::OpenPartition { source: partition.id, dest: *dest })),
            None => Err(unknown()),
        };
    }
    match shared.mapping.partitions.get(&partition.id) {
        Some(mapping) => Ok(Some(mapping)),
        // The source's metadata is younger than the entry in the ledger.
        None if !shared.mapping.source_ranges.contains_key(&partition.id) => Ok(None),
        None => Err(unknown()),
    }
}

/// Tablets of the indexes that a load wrote and that the destination has. The destination takes a load only with rows for all
/// of its indexes.
fn loaded_indexes<'a>(
    shared: &Shared,
    seq: CommitSeq,
    table: &TableRecord,
    partition: PartitionId<Source>,
    mapping: &'a PartitionMapping,
) -> Result<Vec<&'a Vec<TabletPair>>, Refusal> {
    if shared.indexes.is_empty() {
        // All of them were copied. A transaction that was itself replicated names none and means all.
        let named = table.index_ids.clone().unwrap_or_else(|| mapping.indexes.keys().copied().collect());
        let pairs = |index| {
            let unknown = || Refusal::StaleMapping(format!("index {index} of partition {partition}"));
            mapping.indexes.get(&index).ok_or_else(unknown)
        };
        return named.into_iter().map(pairs).collect();
    }
    let mut found = Vec::new();
    for (index, copied) in &shared.indexes {
        match (mapping.indexes.get(index), copied) {
            (Some(pairs), _) => found.push(pairs),
            (None, CopiedIndex::Base) => {
                return Err(full_sync(format!(
                    "record {seq} was loaded into an index that a schema change of the source has replaced since; the table is copied again"
                )));
            }
            (None, CopiedIndex::Rollup(_)) => {
                return Err(Refusal::Barrier(Task::DropVanishedRollup { index: *index }));
            }
        }
    }
    Ok(found)
}

fn bad_record(error: &PayloadError) -> Refusal {
    Refusal::Exit(Exit::Halted(Failure::new(
        Code::BAD_BINLOG,
        error.to_string(),
        "report it with the record; deleting the job and creating it again copies the table anew",
    )))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::{collections::BTreeMap, sync::Arc};

    use doris::cluster::{Backend, IndexMeta, PartitionMeta, ReplicaMeta, TableMeta, TabletMeta};

    use super::*;
    use crate::{
        ledger::Ledger,
        mapping::{Known, TableMapping},
        phase::CopiedIndexes,
        testing,
    };

    const TABLE: i64 = 100;

    /// Partitions 1 and 2 with one index of two buckets; the snapshot had versions 5 and 9. Partition 3 came later.
    fn shared() -> Shared {
        fn table<S: doris::Side>(base: i64) -> TableMeta<S> {
            let replica = || ReplicaMeta { id: ReplicaId::new(1), backend: BackendId::new(1), version: Version(1) };
            let tablet = |id| TabletMeta { id: TabletId::new(id), replicas: vec![replica()] };
            let partition = |n: i64| PartitionMeta {
                id: PartitionId::new(base + n),
                name: format!("p{n}"),
                range: format!("range {n}"),
                visible_version: Version(1),
                indexes: vec![IndexMeta {
                    id: IndexId::new(base + 50),
                    name: "t".to_owned(),
                    tablets: vec![tablet(base + 10 * n), tablet(base + 10 * n + 1)],
                }],
            };
            TableMeta {
                id: TableId::new(base),
                name: "t".to_owned(),
                table_type: None,
                partitions: vec![partition(1), partition(2), partition(3)],
            }
        }
        let backends =
            || vec![Backend { id: BackendId::new(1), host: "h".to_owned(), be_port: 1, http_port: 2, alive: true }];
        let ledger = Ledger::open([
            (PartitionId::new(101), PartitionId::new(1001), Version(5), Version(5)),
            (PartitionId::new(102), PartitionId::new(1002), Version(9), Version(3)),
        ]);
        let known = Known { partitions: Some(&ledger), indexes: &CopiedIndexes::new() };
        let mapping = TableMapping::pair(&table(TABLE), &table(1000), known, (backends(), Vec::new())).unwrap();
        testing::shared(Arc::new(mapping), ledger)
    }

    fn record(kind: BinlogType, data: &str) -> Binlog {
        Binlog {
            seq: CommitSeq(77),
            timestamp_ms: 0,
            kind,
            db_id: DbId::new(1),
            table_ids: vec![TableId::new(TABLE)],
            data: data.to_owned(),
        }
    }

    fn upsert(tables: &str, rest: &str) -> Binlog {
        record(
            BinlogType::UPSERT,
            &format!(
                r#"{{"commitSeq":77,"txnId":9,"timeStamp":1,"label":"l","dbId":1,"tableRecords":{tables}{rest}}}"#
            ),
        )
    }

    fn partition(id: i64, version: i64, rest: &str) -> String {
        format!(r#"{{"partitionId":{id},"range":"r","version":{version}{rest}}}"#)
    }

    fn of_table(partitions: &[String], rest: &str) -> String {
        format!(r#"{{"{TABLE}":{{"partitionRecords":[{}]{rest}}}}}"#, partitions.join(","))
    }

    /// Defects: SEEN-2.
    #[test]
    fn an_upsert_is_planned_completely() {
        let shared = shared();
        let mut continuity = Continuity::from_ledger(&shared.ledger);
        // With and without index ids: a transaction that was itself replicated names none and means all.
        for (version, rest) in [(0, r#","indexIds":[150]"#), (1, "")] {
            let both = [partition(101, 6 + version, ""), partition(102, 10 + version, "")];
            let Ok(Planned::Txn(plan)) = plan(&shared, &upsert(&of_table(&both, rest), ""), &mut continuity) else {
                panic!("not planned")
            };
            let tablets: BTreeMap<_, _> = plan
                .tablets
                .iter()
                .map(|t| (t.pair.source.get(), (t.pair.dest.get(), t.dest_partition.get())))
                .collect();
            assert_eq!(
                tablets,
                BTreeMap::from([(110, (1010, 1001)), (111, (1011, 1001)), (120, (1020, 1002)), (121, (1021, 1002))])
            );
            assert_eq!(
                plan.touched,
                [(PartitionId::new(101), Version(6 + version)), (PartitionId::new(102), Version(10 + version))]
            );
        }
    }

    #[test]
    fn several_statements_are_sub_transactions_in_their_order() {
        let shared = shared();
        let mut continuity = Continuity::from_ledger(&shared.ledger);
        // Statement 10 wrote another table.
        let parts = [
            partition(101, 7, r#","stid":11"#),
            partition(102, 10, r#","stid":11"#),
            partition(101, 6, r#","stid":9"#),
        ];
        let record = upsert(&of_table(&parts, ""), r#","stids":[9,10,11]"#);
        let Ok(Planned::Txn(plan)) = plan(&shared, &record, &mut continuity) else { panic!("not planned") };
        let written: std::collections::BTreeSet<_> =
            plan.tablets.iter().map(|t| (t.sub_txn, t.dest_partition.get(), t.version.0)).collect();
        assert_eq!(written.into_iter().collect::<Vec<_>>(), [(0, 1001, 6), (1, 1001, 7), (1, 1002, 10)]);
        assert_eq!((plan.sub_txns, continuity.last(PartitionId::new(101))), (2, Some(Version(7))));
    }

    /// Defects: BIN-15.
    #[test]
    fn what_a_record_means() {
        let temporary = partition(101, 6, r#","isTempPartition":true"#);
        let cases: Vec<(&str, Binlog, &str)> = vec![
            ("of no table", upsert("{}", ""), "nothing"),
            ("of another table", upsert(r#"{"5":{"partitionRecords":[]}}"#, ""), "nothing"),
            ("of a truncated table", upsert(&of_table(&[], ""), ""), "nothing"),
            ("of a temporary partition", upsert(&of_table(&[temporary], ""), ""), "nothing"),
            ("a gap", upsert(&of_table(&[partition(101, 7, "")], ""), ""), "gap"),
            ("a version that was there before", upsert(&of_table(&[partition(101, 5, "")], ""), ""), "gap"),
            ("an unknown partition", upsert(&of_table(&[partition(999, 2, "")], ""), ""), "stale"),
            ("a partition that is not in the ledger", upsert(&of_table(&[partition(103, 2, "")], ""), ""), "stale"),
            ("an unknown index", upsert(&of_table(&[partition(101, 6, "")], r#","indexIds":[150,151]"#), ""), "stale"),
            (
                "several statements without a word which",
                upsert(&of_table(&[partition(101, 6, "")], ""), r#","stids":[9,10]"#),
                "full sync",
            ),
            (
                "the mark of a backup",
                record(BinlogType::BARRIER, r#"{"dbId":1,"tableId":100,"binlogType":0}"#),
                "nothing",
            ),
            (
                "a wrapped record",
                record(BinlogType::BARRIER, r#"{"binlogType":14,"binlog":"{\"tb\":100,\"nT\":\"n\"}"}"#),
                "barrier",
            ),
            ("a dummy", record(BinlogType::DUMMY, ""), "full sync"),
            (
                "a schema change",
                record(BinlogType::MODIFY_TABLE_ADD_OR_DROP_COLUMNS, r#"{"tableId":100,"rawSql":"x"}"#),
                "barrier",
            ),
            ("an unknown type", record(BinlogType(99), "{}"), "halt"),
            ("no JSON", record(BinlogType::UPSERT, "{"), "halt"),
        ];
        let shared = shared();
        for (what, record, expected) in cases {
            let mut continuity = Continuity::from_ledger(&shared.ledger);
            let found = match plan(&shared, &record, &mut continuity) {
                Ok(Planned::Nothing(_)) => "nothing",
                Ok(Planned::Txn(_)) => "txn",
                Err(Refusal::Gap(_)) => "gap",
                Err(Refusal::StaleMapping(_)) => "stale",
                Err(Refusal::Barrier(_)) => "barrier",
                Err(Refusal::Exit(Exit::FullSync { .. })) => "full sync",
                Err(Refusal::Exit(Exit::Halted(_))) => "halt",
                Err(Refusal::Exit(other)) => panic!("{what}: {other:?}"),
            };
            assert_eq!(found, expected, "{what}");
            assert_eq!(continuity.last(PartitionId::new(101)), Some(Version(5)), "{what}: nothing moved");
        }
    }
}
