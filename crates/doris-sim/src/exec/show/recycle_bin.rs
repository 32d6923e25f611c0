//! SHOW CATALOG RECYCLE BIN.

use super::{
    super::{datetime::format_ms, reply::Rows, session::Context},
    cell, filtered,
};
use crate::{model::Answer, sql::statement::Filter};

const COLUMNS: [&str; 8] = ["Type", "Name", "DbId", "TableId", "PartitionId", "DropTime", "DataSize", "RemoteDataSize"];

/// Databases, tables (and views), partitions, each sorted by name and time. What was dropped with FORCE has no time.
pub(super) fn recycle_bin(context: &Context<'_>, filter: &Filter) -> Answer<Rows> {
    let bin = &context.model.recycle_bin;
    let row = |kind: &str, name: &str, ids: [String; 3], dropped_ms: Option<i64>| {
        let [db, table, partition] = ids;
        let size = || cell("0.000 ");
        vec![cell(kind), cell(name), cell(db), cell(table), cell(partition), dropped_ms.map(format_ms), size(), size()]
    };
    let mut rows = sorted(bin.databases.iter().map(|(id, entry)| {
        let ids = [id.to_string(), String::new(), String::new()];
        row("Database", &entry.what.db.name, ids, entry.dropped_ms)
    }));
    rows.extend(sorted(bin.relations.iter().map(|(id, entry)| {
        let ids = [entry.what.db.to_string(), id.to_string(), String::new()];
        row("Table", entry.what.relation.name(), ids, entry.dropped_ms)
    })));
    rows.extend(sorted(bin.partitions.iter().map(|(id, entry)| {
        let ids = [entry.what.db.to_string(), entry.what.table.to_string(), id.to_string()];
        row("Partition", &entry.what.partition.name, ids, entry.dropped_ms)
    })));
    filtered(context, Rows::of_texts(&COLUMNS, rows), filter)
}

fn sorted(rows: impl Iterator<Item = Vec<Option<String>>>) -> Vec<Vec<Option<String>>> {
    let mut rows: Vec<_> = rows.collect();
    rows.sort_by(|a, b| (a.get(1), a.get(5)).cmp(&(b.get(1), b.get(5))));
    rows
}
