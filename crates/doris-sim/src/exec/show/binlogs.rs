//! SHOW PROC '/binlog': what is kept of each database, or of each table where the database's switch is off.

use super::{
    super::{datetime::format_ms, reply::Rows, session::Context},
    cell,
};
use crate::model::{BinlogLimits, BinlogStream, DbBinlogs, DbId, Relation, TableId};

const COLUMNS: [&str; 13] = [
    "Name",
    "Type",
    "Id",
    "Dropped",
    "BinlogLength",
    "BinlogSize",
    "FirstBinlogCommittedTime",
    "ReadableFirstBinlogCommittedTime",
    "LastBinlogCommittedTime",
    "ReadableLastBinlogCommittedTime",
    "BinlogTtlSeconds",
    "BinlogMaxBytes",
    "BinlogMaxHistoryNums",
];

/// What stands before the numbers of a row.
struct Head {
    name: String,
    kind: &'static str,
    id: i64,
    dropped: bool,
}

pub(super) fn binlogs(context: &Context<'_>) -> Rows {
    let mut rows = Vec::new();
    for (id, store) in &context.model.binlogs {
        database(context, *id, store, &mut rows);
    }
    Rows::of_texts(&COLUMNS, rows)
}

fn database(context: &Context<'_>, id: DbId, store: &DbBinlogs, rows: &mut Vec<Vec<Option<String>>>) {
    let model = context.model;
    let db = model.databases.get(&id);
    // The FE remembers the configuration of a dropped database.
    let known = db.or_else(|| model.recycle_bin.databases.get(&id).map(|entry| &entry.what.db));
    let name = db.map_or("(dropped)", |db| &db.name);
    if known.is_none_or(|db| db.binlog_enabled()) {
        let limits = BinlogLimits::of(known.map(|db| &db.properties));
        let head = Head { name: name.to_owned(), kind: "db", id: id.get(), dropped: db.is_none() };
        // Times are those of the records: the DUMMY has none here.
        let first = store.stream.records().next().map(|record| record.timestamp_ms);
        let last = store.stream.records().last().map(|record| record.timestamp_ms);
        rows.push(row(head, &store.stream, (first, last), limits));
        return;
    }
    for (table, stream) in &store.tables {
        rows.push(of_table(context, id, name, *table, stream));
    }
}

fn of_table(
    context: &Context<'_>,
    db: DbId,
    db_name: &str,
    table: TableId,
    stream: &BinlogStream,
) -> Vec<Option<String>> {
    let model = context.model;
    let relation = model.databases.get(&db).and_then(|db| db.relations.get(&table));
    let dropped = !model.databases.contains_key(&db);
    let recycled = model.recycle_bin.relations.get(&table).map(|entry| &entry.what.relation);
    let known = relation.or(recycled).and_then(Relation::as_table);
    let name = match relation.and_then(Relation::as_table) {
        Some(table) => format!("{db_name}.{}", table.name),
        None if dropped => format!("{db_name}.(unknown)"),
        None => format!("{db_name}.(not_olaptable)"),
    };
    let limits = BinlogLimits::of(known.map(|table| &table.properties));
    let first = stream.dummy_ms();
    let last = stream.records().last().map_or(first, |record| record.timestamp_ms);
    let head = Head { name, kind: "table", id: table.get(), dropped };
    row(head, stream, (Some(first), Some(last)), limits)
}

fn row(
    head: Head,
    stream: &BinlogStream,
    (first, last): (Option<i64>, Option<i64>),
    limits: BinlogLimits,
) -> Vec<Option<String>> {
    vec![
        cell(head.name),
        cell(head.kind),
        cell(head.id),
        cell(head.dropped),
        // The DUMMY counts.
        cell(stream.records().count() + 1),
        cell(stream.bytes()),
        first.map(|ms| ms.to_string()),
        first.map(format_ms),
        last.map(|ms| ms.to_string()),
        last.map(format_ms),
        cell(limits.ttl_seconds),
        cell(limits.max_bytes),
        cell(limits.max_history_nums),
    ]
}
