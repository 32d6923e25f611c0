//! What a record means for the destination: nothing, one transaction, a new copy, or a stop.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use doris::{
    Dest, Source,
    binlog::{PartitionRecord, PayloadError, Record, TableRecord, Upsert},
    cluster::Binlog,
    ids::*,
    rpc::BinlogType,
};

use super::{
    Exit, TableView,
    ddl::{self, Scope, Task},
};
use crate::{
    failpoints::{FAIL_AFTER, FAIL_BEFORE, HANDLE_BINLOG_FAILED, failure as failpoint_failure},
    job::{Cause, Context},
    ledger::{Continuity, Gap, Touched},
    mapping::{PartitionMapping, TabletPair},
    phase::Progress,
    policy::{Code, Failure},
    tables::CopiedIndex,
};

/// What records are planned with.
#[derive(Clone, Copy, Debug)]
pub(super) struct Planner<'a> {
    pub(super) context: &'a Context,
    pub(super) progress: &'a Progress,
    /// Tables whose metadata is at hand.
    pub(super) views: &'a BTreeMap<TableId<Source>, Arc<TableView>>,
    /// Tables whose loads are passed over.
    pub(super) passed_over: &'a BTreeSet<TableId<Source>>,
    /// The record that an operator wants skipped.
    pub(super) silenced: Option<CommitSeq>,
}

/// What is to be done for one record.
#[derive(Debug)]
pub(super) enum Planned {
    /// Nothing of this record is to be done.
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
    /// The tables that it writes, at least one.
    pub tables: Vec<Arc<TableView>>,
    /// Versions that the source transaction gave to partitions.
    pub touched: Touched,
    /// The sub transactions of a transaction of several statements, in order: the table that each wrote, by its position.
    /// Empty: a plain transaction.
    pub sub_txns: Vec<usize>,
    /// One entry per bucket of each index of each touched partition: complete, or Doris would commit less without a word.
    pub tablets: Vec<TabletPlan>,
}

#[derive(Debug)]
pub(super) struct TabletPlan {
    /// Position of the table.
    pub table: usize,
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
    Gap(TableId<Source>, Gap),
    /// The cached metadata does not know an object that the record names.
    StaleMapping(TableId<Source>, String),
    /// The metadata of these tables is not at hand.
    Load(BTreeSet<TableId<Source>>),
    /// Something that nothing may be in flight for.
    Barrier(Task),
    /// Another way out of the pipeline.
    Exit(Exit),
}

/// Plans one record. `continuity` moves on only if the record is planned.
pub(super) fn plan(planner: Planner<'_>, record: &Binlog, continuity: &mut Continuity) -> Result<Planned, Refusal> {
    if planner.silenced == Some(record.seq) {
        return Err(Refusal::Barrier(skip(planner, record)?));
    }
    fail_for_tests(planner.context, record)?;
    let decoded = Record::decode(record.kind, record.seq, &record.data).map_err(|e| bad_record(&e))?;
    match decoded {
        Record::Upsert(upsert) => plan_upsert(planner, record, &upsert, continuity),
        Record::Dummy => Err(Refusal::Exit(Exit::FullSync {
            cause: Cause::BinlogCollected,
            reason: format!("the source collected the binlog up to {} before it was read", record.seq),
        })),
        Record::Unknown { kind, .. } => Err(Refusal::Exit(Exit::Halted(Failure::new(
            Code::UNSUPPORTED_BINLOG,
            format!("record {} has type {kind}, which this version does not know", record.seq),
            "upgrade the syncer, or delete the job and create it again with \"allow_table_exists\": true",
        )))),
        decoded => match ddl::scope(planner, record.kind, record.seq, &decoded) {
            Scope::Nothing => Ok(Planned::Nothing(record.seq)),
            Scope::Change | Scope::Copy(_) => {
                Err(Refusal::Barrier(Task::Record { seq: record.seq, kind: record.kind, record: Box::new(decoded) }))
            }
        },
    }
}

/// What a test of the running program wants.
fn fail_for_tests(context: &Context, record: &Binlog) -> Result<(), Refusal> {
    let (points, job) = (&context.env.settings.failpoints, context.name.as_str());
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
fn skip(planner: Planner<'_>, record: &Binlog) -> Result<Task, Refusal> {
    let mut tables: BTreeMap<TableId<Source>, Touched> = BTreeMap::new();
    if let Ok(Record::Upsert(upsert)) = Record::decode(record.kind, record.seq, &record.data) {
        for (view, table) in wanted(planner, record.seq, &upsert)? {
            let touched = tables.entry(view.id()).or_default();
            for partition in table.partitions.iter().filter(|partition| !partition.is_temp) {
                match counterpart(view, partition) {
                    // The partition has to be on record for the hole to be.
                    Err(barrier @ Refusal::Barrier(_)) => return Err(barrier),
                    Ok(_) | Err(_) => touched.push((partition.id, partition.version)),
                }
            }
            touched.sort_unstable();
        }
    }
    Ok(Task::Skip { seq: record.seq, touched: tables })
}

fn resync(table: &TableView, reason: String) -> Refusal {
    Refusal::Exit(Exit::resync(Cause::Change, table.id(), reason, None))
}

/// The tables of a record whose rows are still to be copied.
fn wanted<'a>(
    planner: Planner<'a>,
    seq: CommitSeq,
    upsert: &'a Upsert,
) -> Result<Vec<(&'a Arc<TableView>, &'a TableRecord)>, Refusal> {
    let mut wanted = Vec::new();
    let mut missing = BTreeSet::new();
    for (id, record) in &upsert.tables {
        let written = record.partitions.iter().any(|partition| !partition.is_temp);
        let of_job = planner.context.is_database() || *id == planner.context.ids().source_table;
        if !written || !of_job || planner.passed_over.contains(id) {
            continue;
        }
        if let Some(state) = planner.progress.own.tables.get(id)
            && (!state.standing.is_in_step() || seq <= state.floor)
        {
            continue;
        }
        match planner.views.get(id) {
            Some(view) => wanted.push((view, record)),
            None => {
                missing.insert(*id);
            }
        }
    }
    if missing.is_empty() { Ok(wanted) } else { Err(Refusal::Load(missing)) }
}

fn plan_upsert(
    planner: Planner<'_>,
    record: &Binlog,
    upsert: &Upsert,
    continuity: &mut Continuity,
) -> Result<Planned, Refusal> {
    // Records of an empty transaction, or whose table was dropped meanwhile, name no table.
    let mut plan =
        TxnPlan { seq: record.seq, tables: Vec::new(), touched: Vec::new(), sub_txns: Vec::new(), tablets: Vec::new() };
    let wanted = wanted(planner, record.seq, upsert)?;
    // The sub transactions of these tables, in order. Each wrote one table.
    for stid in &upsert.stids {
        let wrote = |(_, table): &(_, &TableRecord)| table.partitions.iter().any(|p| !p.is_temp && p.stid == *stid);
        if let Some(table) = wanted.iter().position(wrote) {
            plan.sub_txns.push(table);
        }
    }
    let sub_txns: Vec<i64> = upsert
        .stids
        .iter()
        .copied()
        .filter(|stid| wanted.iter().any(|(_, t)| t.partitions.iter().any(|p| !p.is_temp && p.stid == *stid)))
        .collect();
    for (view, table) in &wanted {
        for partition in table.partitions.iter().filter(|p| !p.is_temp) {
            let Some(mapping) = counterpart(view, partition)? else { continue };
            let sub_txn = match sub_txns.iter().position(|stid| *stid == partition.stid) {
                Some(at) => at,
                None if upsert.stids.is_empty() => 0,
                None => {
                    return Err(resync(
                        view,
                        format!(
                            "record {} does not say which statement wrote partition {}; the table is copied again",
                            record.seq, partition.id
                        ),
                    ));
                }
            };
            plan.touched.push((partition.id, partition.version));
            let planned = plan.tablets.len();
            for index in loaded_indexes(view, record.seq, table, partition.id, mapping)? {
                plan.tablets.extend(index.iter().map(|pair| TabletPlan {
                    table: plan.tables.len(),
                    sub_txn,
                    version: partition.version,
                    dest_partition: mapping.dest,
                    pair: pair.clone(),
                }));
            }
            if plan.tablets.len() == planned {
                // Committed without tablets, a partition would get no version, and nobody would say so.
                let what = format!("partition {} without any tablet", partition.id);
                return Err(Refusal::StaleMapping(view.id(), what));
            }
        }
        plan.tables.push(Arc::clone(view));
    }
    if plan.touched.is_empty() {
        return Ok(Planned::Nothing(record.seq));
    }
    // A record lists the partitions in any order; several statements give one partition consecutive versions.
    plan.touched.sort_unstable();
    continuity.advance(&plan.touched).map_err(|gap| {
        let of = plan.tables.iter().find(|view| view.ledger.get(gap.partition).is_some());
        Refusal::Gap(of.or(plan.tables.first()).map_or(TableId::new(-1), |view| view.id()), gap)
    })?;
    Ok(Planned::Txn(plan))
}

/// The destination's counterpart of a partition. `None`: the partition is gone from the source and its rows with it; the
/// record of that lies ahead.
fn counterpart<'a>(view: &'a TableView, partition: &PartitionRecord) -> Result<Option<&'a PartitionMapping>, Refusal> {
    let unknown = || Refusal::StaleMapping(view.id(), format!("partition {} ({})", partition.id, partition.range));
    if view.ledger.get(partition.id).is_none() {
        // Its first load since the destination's partition of its range was emptied.
        let dest = view.mapping.dest_ranges.get(&partition.range).filter(|dest| view.fresh.contains(dest));
        return match dest {
            Some(dest) => {
                Err(Refusal::Barrier(Task::OpenPartition { table: view.id(), source: partition.id, dest: *dest }))
            }
            None => Err(unknown()),
        };
    }
    match view.mapping.partitions.get(&partition.id) {
        Some(mapping) => Ok(Some(mapping)),
        // The source's metadata is younger than the entry in the ledger.
        None if !view.mapping.source_ranges.contains_key(&partition.id) => Ok(None),
        None => Err(unknown()),
    }
}

/// Tablets of the indexes that a load wrote and that the destination has. The destination takes a load only with rows for all
/// of its indexes.
fn loaded_indexes<'a>(
    view: &TableView,
    seq: CommitSeq,
    table: &TableRecord,
    partition: PartitionId<Source>,
    mapping: &'a PartitionMapping,
) -> Result<Vec<&'a Vec<TabletPair>>, Refusal> {
    if view.indexes.is_empty() {
        // All of them were copied. A transaction that was itself replicated names none and means all.
        let named = table.index_ids.clone().unwrap_or_else(|| mapping.indexes.keys().copied().collect());
        let pairs = |index| {
            let unknown = || Refusal::StaleMapping(view.id(), format!("index {index} of partition {partition}"));
            mapping.indexes.get(&index).ok_or_else(unknown)
        };
        return named.into_iter().map(pairs).collect();
    }
    let replaced = || {
        let text =
            "was loaded into an index that a schema change of the source has replaced since; the table is copied again";
        resync(view, format!("record {seq} {text}"))
    };
    let mut found = Vec::new();
    for (index, copied) in &view.indexes {
        match (mapping.indexes.get(index), copied) {
            (Some(pairs), _) => found.push(pairs),
            (None, CopiedIndex::Base) => {
                return Err(replaced());
            }
            (None, CopiedIndex::Rollup(_)) => {
                return Err(Refusal::Barrier(Task::DropVanishedRollup { table: view.id(), index: *index }));
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
        incremental::table::Pair,
        ledger::Ledger,
        mapping::{Known, TableMapping},
        tables::{CopiedIndexes, Standing, TableState, Tables},
        testing,
    };
    use ccr_store::documents::SyncType;

    const TABLE: i64 = 100;

    /// A job with its tables.
    struct Fixture {
        context: Arc<Context>,
        progress: Progress,
        views: BTreeMap<TableId<Source>, Arc<TableView>>,
    }

    impl Fixture {
        fn new(kind: SyncType, tables: &[i64]) -> Self {
            let context = testing::context(kind);
            let (mut states, mut pairs) = (Tables::new(), Vec::new());
            for base in tables {
                let (pair, state) = table(*base);
                states.insert(TableId::new(*base), state);
                pairs.push(pair);
            }
            let progress = testing::progress(&context, states);
            let views = pairs
                .iter()
                .map(|pair| {
                    let id = pair.mapping.source;
                    (id, Arc::new(TableView::new(&context, pair, &progress.own.tables[&id])))
                })
                .collect();
            Self { context, progress, views }
        }

        fn continuity(&self) -> Continuity {
            let mut continuity = Continuity::default();
            self.views.values().for_each(|view| continuity.add(&view.ledger));
            continuity
        }

        fn plan(&self, record: &Binlog, continuity: &mut Continuity) -> Result<Planned, Refusal> {
            let planner = Planner {
                context: &self.context,
                progress: &self.progress,
                views: &self.views,
                passed_over: &BTreeSet::new(),
                silenced: None,
            };
            plan(planner, record, continuity)
        }
    }

    /// Partitions 1 and 2 with one index of two buckets; the snapshot had versions 5 and 9. Partition 3 came later.
    fn table(base: i64) -> (Pair, TableState) {
        fn meta<S: doris::Side>(base: i64) -> TableMeta<S> {
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
            (PartitionId::new(base + 1), PartitionId::new(10 * base + 1), Version(5), Version(5)),
            (PartitionId::new(base + 2), PartitionId::new(10 * base + 2), Version(9), Version(3)),
        ]);
        let known = Known { partitions: Some(&ledger), indexes: &CopiedIndexes::new() };
        let mapping = TableMapping::pair(&meta(base), &meta(10 * base), known, (backends(), Vec::new())).unwrap();
        let state = TableState {
            dest: TableId::new(10 * base),
            name: "t".to_owned(),
            floor: CommitSeq(70),
            indexes: CopiedIndexes::new(),
            fresh: BTreeSet::new(),
            ledger,
            standing: Standing::InStep,
        };
        (Pair { mapping: Arc::new(mapping), dest_table: "t".to_owned() }, state)
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
        let fixture = Fixture::new(SyncType::Table, &[TABLE]);
        let mut continuity = fixture.continuity();
        // With and without index ids: a transaction that was itself replicated names none and means all.
        for (version, rest) in [(0, r#","indexIds":[150]"#), (1, "")] {
            let both = [partition(101, 6 + version, ""), partition(102, 10 + version, "")];
            let Ok(Planned::Txn(plan)) = fixture.plan(&upsert(&of_table(&both, rest), ""), &mut continuity) else {
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
        let fixture = Fixture::new(SyncType::Table, &[TABLE]);
        let mut continuity = fixture.continuity();
        // Statement 10 wrote another table.
        let parts = [
            partition(101, 7, r#","stid":11"#),
            partition(102, 10, r#","stid":11"#),
            partition(101, 6, r#","stid":9"#),
        ];
        let record = upsert(&of_table(&parts, ""), r#","stids":[9,10,11]"#);
        let Ok(Planned::Txn(plan)) = fixture.plan(&record, &mut continuity) else { panic!("not planned") };
        let written: std::collections::BTreeSet<_> =
            plan.tablets.iter().map(|t| (t.sub_txn, t.dest_partition.get(), t.version.0)).collect();
        assert_eq!(written.into_iter().collect::<Vec<_>>(), [(0, 1001, 6), (1, 1001, 7), (1, 1002, 10)]);
        assert_eq!((plan.sub_txns.len(), continuity.last(PartitionId::new(101))), (2, Some(Version(7))));
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
                "resync",
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
        let fixture = Fixture::new(SyncType::Table, &[TABLE]);
        for (what, record, expected) in cases {
            let mut continuity = fixture.continuity();
            let found = match fixture.plan(&record, &mut continuity) {
                Ok(Planned::Nothing(_)) => "nothing",
                Ok(Planned::Txn(_)) => "txn",
                Err(Refusal::Gap(..)) => "gap",
                Err(Refusal::StaleMapping(..)) => "stale",
                Err(Refusal::Load(_)) => "load",
                Err(Refusal::Barrier(_)) => "barrier",
                Err(Refusal::Exit(Exit::FullSync { .. })) => "full sync",
                Err(Refusal::Exit(Exit::Resync { .. })) => "resync",
                Err(Refusal::Exit(Exit::Halted(_))) => "halt",
                Err(Refusal::Exit(other)) => panic!("{what}: {other:?}"),
            };
            assert_eq!(found, expected, "{what}");
            assert_eq!(continuity.last(PartitionId::new(101)), Some(Version(5)), "{what}: nothing moved");
        }
    }

    /// A record of two tables, each with one partition.
    fn of_both() -> Binlog {
        let part =
            |table: i64, rest: &str| format!(r#""{table}":{{"partitionRecords":[{}]}}"#, partition(table + 1, 6, rest));
        upsert(&format!("{{{},{}}}", part(100, ""), part(200, "")), "")
    }

    #[test]
    fn a_transaction_of_several_tables_is_one() {
        let fixture = Fixture::new(SyncType::Database, &[100, 200]);
        let Ok(Planned::Txn(plan)) = fixture.plan(&of_both(), &mut fixture.continuity()) else { panic!("not planned") };
        assert_eq!(plan.tables.iter().map(|view| view.mapping.dest.get()).collect::<Vec<_>>(), [1000, 2000]);
        let written: BTreeSet<_> = plan.tablets.iter().map(|t| (t.table, t.dest_partition.get())).collect();
        assert_eq!(written.into_iter().collect::<Vec<_>>(), [(0, 1001), (1, 2001)]);
        // In a table job it is one of its own table.
        let table = Fixture::new(SyncType::Table, &[100]);
        let Ok(Planned::Txn(plan)) = table.plan(&of_both(), &mut table.continuity()) else { panic!("not planned") };
        assert_eq!(plan.tables.len(), 1);
    }

    #[test]
    fn statements_of_several_tables_keep_their_order_and_their_table() {
        let fixture = Fixture::new(SyncType::Database, &[100, 200]);
        let part = |table: i64, stid: i64| {
            let rest = format!(r#","stid":{stid}"#);
            format!(r#""{table}":{{"partitionRecords":[{}]}}"#, partition(table + 1, 6, &rest))
        };
        let record = upsert(&format!("{{{},{}}}", part(100, 11), part(200, 9)), r#","stids":[9,10,11]"#);
        let Ok(Planned::Txn(plan)) = fixture.plan(&record, &mut fixture.continuity()) else { panic!("not planned") };
        assert_eq!(plan.sub_txns, [1, 0]);
        let written: BTreeSet<_> = plan.tablets.iter().map(|t| (t.table, t.sub_txn)).collect();
        assert_eq!(written.into_iter().collect::<Vec<_>>(), [(0, 1), (1, 0)]);
    }

    #[test]
    fn what_a_snapshot_holds_already_and_what_is_quarantined_is_left_out() {
        let quarantined = Standing::Quarantined(crate::tables::Quarantine::new(
            &Failure::new(Code::FOREIGN_WRITE, "x", ""),
            CommitSeq(1),
        ));
        for (floor, standing, expected) in [
            (CommitSeq(76), Standing::InStep, 2),
            (CommitSeq(77), Standing::InStep, 1),
            (CommitSeq(70), quarantined, 1),
        ] {
            let mut fixture = Fixture::new(SyncType::Database, &[100, 200]);
            let state = fixture.progress.own.tables.get_mut(&TableId::new(200)).unwrap();
            (state.floor, state.standing) = (floor, standing);
            let Ok(Planned::Txn(plan)) = fixture.plan(&of_both(), &mut fixture.continuity()) else { panic!("{floor}") };
            assert_eq!(plan.tables.len(), expected, "{floor}");
        }
    }

    #[test]
    fn unknown_tables_of_a_database_are_looked_for() {
        let fixture = Fixture::new(SyncType::Database, &[100]);
        let mut continuity = fixture.continuity();
        let Err(Refusal::Load(missing)) = fixture.plan(&of_both(), &mut continuity) else { panic!("planned") };
        assert_eq!(missing, BTreeSet::from([TableId::new(200)]));
        assert_eq!(continuity.last(PartitionId::new(101)), Some(Version(5)), "nothing moved");
    }
}
