//! The rules of the model, one file for each subject.
#![allow(clippy::unwrap_used)]

mod alter;
mod binlog;
mod catalog;
mod frontends;
mod publish;
mod recycle_bin;
mod rows;
mod snapshot;
mod txn;

use std::collections::BTreeMap;

use super::*;

/// A wall clock time that all tests begin at.
pub(super) const NOW: i64 = 1_795_448_790_000;

/// A cluster of this many backends with the database `d`, whose binlog is on.
pub(super) fn cluster(backends: usize) -> Model {
    let mut model = Model::new(Options::default(), NOW);
    model.add_frontend("fe1", 9030, 9020);
    for n in 1..=backends {
        model.add_backend(&format!("be{n}"), BackendPorts::default());
    }
    model.create_database("d", &properties(&[("binlog.enable", "true")]), false).unwrap();
    model
}

pub(super) fn properties(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()
}

/// `name (k INT, v VARCHAR(20))`, two buckets by k, one replica.
pub(super) fn spec(name: &str, keys: KeysType) -> TableSpec {
    let aggregation = (keys == KeysType::Aggregate).then_some(Aggregation::Replace);
    TableSpec {
        materialized: None,
        name: name.to_owned(),
        columns: vec![
            Column::key("k", ColumnType::Int),
            Column { aggregation, ..Column::new("v", ColumnType::Varchar { length: 20 }) },
        ],
        keys,
        scheme: PartitionScheme { kind: PartitionKind::Unpartitioned, columns: Vec::new(), auto: None },
        partitions: Vec::new(),
        distribution: Distribution { hash_columns: vec!["k".into()], buckets: 2, auto: false },
        secondary_indexes: Vec::new(),
        rollups: Vec::new(),
        comment: String::new(),
        properties: properties(&[("replication_num", "1")]),
    }
}

pub(super) fn range(name: &str, lower: i128, upper: i128) -> PartitionSpec {
    PartitionSpec {
        name: name.to_owned(),
        item: PartitionItem::Range {
            lower: vec![BoundValue::Value(Value::Int(lower))],
            upper: vec![BoundValue::Value(Value::Int(upper))],
        },
        buckets: None,
        properties: BTreeMap::new(),
    }
}

/// As [`spec`], with partitions p1 `[0, 10)` and p2 `[10, 20)`.
pub(super) fn partitioned(name: &str) -> TableSpec {
    TableSpec {
        scheme: PartitionScheme { kind: PartitionKind::Range, columns: vec!["k".into()], auto: None },
        partitions: vec![range("p1", 0, 10), range("p2", 10, 20)],
        ..spec(name, KeysType::Duplicate)
    }
}

pub(super) fn row(k: i128, v: &str) -> Vec<Value> {
    vec![Value::Int(k), Value::Text(v.into())]
}

/// Lets time pass.
pub(super) fn pass(model: &mut Model, ms: i64) {
    model.advance(model.now_ms() + ms);
}

/// Loads rows and waits until they are visible.
pub(super) fn load(model: &mut Model, table: &str, rows: Vec<Vec<Value>>) -> TxnId {
    let txn = model.load("d", table, rows).unwrap();
    pass(model, 100);
    assert_eq!(model.txn(txn).unwrap().state, TxnState::Visible);
    txn
}

/// Visible rows of a table as text, sorted.
pub(super) fn rows(model: &Model, table: &str) -> Vec<String> {
    let mut rows: Vec<String> = model
        .rows("d", table)
        .unwrap()
        .into_iter()
        .map(|row| row.iter().map(Value::to_string).collect::<Vec<_>>().join(","))
        .collect();
    rows.sort();
    rows
}

pub(super) fn db(model: &Model) -> DbId {
    model.db_id("d").unwrap()
}

/// The text of a refusal.
pub(super) fn text<T: std::fmt::Debug>(answer: Answer<T>) -> String {
    answer.unwrap_err().text
}

/// Kind and payload of all records of the database after a position.
pub(super) fn records(model: &Model, after: i64) -> Vec<(i32, serde_json::Value)> {
    let key = model.stream_key("d", None, None).unwrap();
    model
        .read_binlogs(&key, after, Some(255))
        .records
        .into_iter()
        .map(|r| (r.kind, serde_json::from_str(r.data.as_deref().unwrap_or("null")).unwrap()))
        .collect()
}

/// Position of the newest record.
pub(super) fn head(model: &Model) -> i64 {
    model.binlogs.get(&db(model)).map_or(-1, |b| b.stream.head().0)
}
