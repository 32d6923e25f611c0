//! SHOW PROC: the catalog as a tree of ids.

use super::{
    super::{datetime::format_ms, reply::Rows, session::Context},
    binlogs, cell, cluster, partitions, transaction,
};
use crate::model::{
    Answer, Database, DbId, IndexId, KeysType, Partition, PartitionId, Quotas, Refusal, Relation, Table, TableId,
};

/// The node of a path; a trailing `/` is ignored.
pub(super) fn proc(context: &Context<'_>, path: &str) -> Answer<Rows> {
    let missing = || Refusal::analysis(format!("Proc path '{path}' doesn't exist"));
    let Some(inside) = path.strip_prefix('/') else { return Err(missing()) };
    let parts: Vec<&str> = inside.trim_end_matches('/').split('/').filter(|part| !part.is_empty()).collect();
    match parts[..] {
        [] => Ok(names("name", &ROOT)),
        ["frontends"] => Ok(cluster::frontends(context)),
        ["backends"] => Ok(cluster::backends(context)),
        ["binlog"] => Ok(binlogs::binlogs(context)),
        ["transactions"] => Ok(transactions(context)),
        ["transactions", db, ref rest @ ..] => transactions_of(context, db, rest, missing),
        ["dbs"] => Ok(databases(context)),
        ["dbs", "0" | "1"] => Err(Refusal::analysis("doris-sim does not model the tables of this database")),
        ["dbs", db] if is_internal(context, db) => {
            Err(Refusal::analysis("doris-sim does not model the tables of this database"))
        }
        ["dbs", db] => Ok(tables(context, database(context, db)?)),
        ["dbs", db, table, ref rest @ ..] => {
            let table = self::table(database(context, db)?, table)?;
            match rest {
                [] => Ok(names("Nodes", &["partitions", "temp_partitions", "index_schema", "indexes"])),
                ["partitions"] => Ok(partitions::rows_of(context.model, table, false)),
                ["temp_partitions"] => Ok(partitions::rows_of(context.model, table, true)),
                ["index_schema"] => Ok(index_schema(table)),
                ["indexes"] => Ok(secondary_indexes(table)),
                ["partitions" | "temp_partitions", partition] => Ok(indexes(table, self::partition(table, partition)?)),
                ["partitions" | "temp_partitions", partition, index] => {
                    let partition = self::partition(table, partition)?;
                    let id = IndexId::new(number(index, "Invalid index id format")?);
                    let tablets = partition.indexes.get(&id);
                    let tablets = tablets.ok_or_else(|| Refusal::analysis(format!("Index[{id}] does not exist.")))?;
                    let schema = table.indexes.get(&id);
                    Ok(partitions::tablet_rows(context.model, tablets.iter().map(|tablet| (schema, tablet))))
                }
                ["partitions" | "temp_partitions", partition, index, tablet] => {
                    let partition = self::partition(table, partition)?;
                    let id = IndexId::new(number(index, "Invalid index id format")?);
                    let wanted = number(tablet, "Invalid tablet id format")?;
                    let tablets = partition.indexes.get(&id).into_iter().flatten();
                    let tablet = tablets.into_iter().find(|tablet| tablet.id.get() == wanted);
                    let tablet = tablet.ok_or_else(|| Refusal::analysis(format!("Can't find tablet id: {wanted}")))?;
                    Ok(partitions::replica_rows(context.model, table.indexes.get(&id), tablet))
                }
                _ => Err(missing()),
            }
        }
        [name, ..] if ROOT.contains(&name) => {
            Err(Refusal::analysis(format!("doris-sim does not model the proc node {name}")))
        }
        _ => Err(missing()),
    }
}

/// Nodes below `/`.
const ROOT: [&str; 24] = [
    "auth",
    "backends",
    "bdbje",
    "binlog",
    "brokers",
    "catalogs",
    "cluster_balance",
    "cluster_health",
    "colocation_group",
    "current_backend_instances",
    "current_queries",
    "current_query_stmts",
    "dbs",
    "diagnose",
    "frontends",
    "jobs",
    "monitor",
    "resources",
    "routine_loads",
    "statistic",
    "stream_loads",
    "tasks",
    "transactions",
    "trash",
];

/// Whether an id is that of the FE's own database.
fn is_internal(context: &Context<'_>, db: &str) -> bool {
    db.parse() == Ok(context.model.internal_schema.get())
}

fn names(column: &str, names: &[&str]) -> Rows {
    Rows::of_texts(&[column], names.iter().map(|name| vec![cell(name)]).collect())
}

fn number(text: &str, refusal: &str) -> Answer<i64> {
    text.parse().map_err(|_| Refusal::analysis(format!("{refusal}: {text}")))
}

fn database<'a>(context: &Context<'a>, id: &str) -> Answer<&'a Database> {
    let id = number(id, "Invalid db id format")?;
    let found = context.model.databases.values().find(|db| db.id.get() == id);
    found.ok_or_else(|| Refusal::analysis(format!("Database {id} does not exist")))
}

fn table<'a>(db: &'a Database, id: &str) -> Answer<&'a Table> {
    let id = TableId::new(number(id, "Invalid table id format")?);
    db.table_by_id(id).ok_or_else(|| Refusal::analysis(format!("Table {id} does not exist")))
}

fn partition<'a>(table: &'a Table, id: &str) -> Answer<&'a Partition> {
    let id = PartitionId::new(number(id, "Invalid partition id format")?);
    table.partition_by_id(id).ok_or_else(|| Refusal::analysis(format!("Partition[{id}] does not exist")))
}

fn replicas(table: &Table) -> usize {
    table.all_partitions().flat_map(Partition::tablets).map(|(_, tablet)| tablet.replicas.len()).sum()
}

/// A number of bytes as Doris prints it.
fn volume(bytes: i64) -> String {
    let units = [(1_i64 << 40, "TB"), (1 << 30, "GB"), (1 << 20, "MB"), (1 << 10, "KB")];
    let (unit, name) = units.into_iter().find(|(unit, _)| bytes >= *unit).unwrap_or((1, ""));
    // Three digits are enough for what a double cannot hold.
    format!("{:.3} {name}", bytes as f64 / unit as f64)
}

fn databases(context: &Context<'_>) -> Rows {
    let row = |id: i64, name: &str, tables: usize, replicas: usize, running: usize, quotas: Quotas| {
        vec![
            cell(id),
            cell(name),
            cell(tables),
            cell("0.000 "),
            cell(volume(quotas.data_bytes)),
            None,
            cell(replicas),
            cell(quotas.replicas),
            cell(running),
            cell(
                quotas
                    .transactions
                    .unwrap_or_else(|| context.model.config_number("max_running_txn_num_per_db", 10_000)),
            ),
            None,
        ]
    };
    // What a FE makes by itself: tables of statistics and of the audit log, with their replicas.
    let own = context.model.internal_schema.get();
    let mut rows = vec![
        row(0, "information_schema", 52, 0, 0, Quotas::default()),
        row(1, "mysql", 2, 0, 0, Quotas::default()),
        row(own, "__internal_schema", 3, 22, 0, Quotas::default()),
    ];
    for db in context.model.databases.values() {
        let count = db.tables().map(replicas).sum();
        rows.push(row(db.id.get(), &db.name, db.relations.len(), count, context.model.running_txns(db.id), db.quotas));
    }
    let columns = [
        "DbId",
        "DbName",
        "TableNum",
        "Size",
        "Quota",
        "LastConsistencyCheckTime",
        "ReplicaCount",
        "ReplicaQuota",
        "RunningTransactionNum",
        "TransactionQuota",
        "LastUpdateTime",
    ];
    Rows::of_texts(&columns, rows)
}

fn tables(context: &Context<'_>, db: &Database) -> Rows {
    let running = |id: TableId| {
        context.model.txns_of(db.id).filter(|txn| !txn.state.is_final() && txn.tables.contains(&id)).count()
    };
    let counts = context.model.profile().proc_counts_replicas;
    let row = |relation: &Relation| match relation {
        Relation::Table(table) => {
            // Only a range counts as partitioned here.
            let ranges = table.scheme.kind == crate::model::PartitionKind::Range;
            vec![
                cell(table.id),
                cell(&table.name),
                cell(table.indexes.len()),
                ranges.then(|| table.scheme.columns.join(", ")),
                cell(if ranges { table.partitions.len() } else { 1 }),
                cell(table.state.name()),
                cell(table.type_name()),
                None,
                // In newer versions known to the statistics only, which come late.
                cell(if counts { replicas(table) } else { 0 }),
                cell(table.version),
                cell(table.version_ms),
                cell(running(table.id)),
                table.partitions.iter().map(|p| p.visible_ms).max().and_then(|ms| cell(format_ms(ms))),
            ]
        }
        Relation::View(view) => {
            let mut row = vec![cell(view.id), cell(&view.name), None, None, cell(1), None, cell("VIEW"), None];
            row.extend([cell(0), None, None, cell(0), None]);
            row
        }
    };
    let columns = [
        "TableId",
        "TableName",
        "IndexNum",
        "PartitionColumnName",
        "PartitionNum",
        "State",
        "Type",
        "LastConsistencyCheckTime",
        "ReplicaCount",
        "VisibleVersion",
        "VisibleVersionTime",
        "RunningTransactionNum",
        "LastUpdateTime",
    ];
    Rows::of_texts(&columns, db.relations.values().map(row).collect())
}

fn indexes(table: &Table, partition: &Partition) -> Rows {
    let row = |id: &IndexId| {
        let schema = table.indexes.get(id);
        let shadow = schema.is_some_and(|schema| schema.shadow);
        let name = schema.map_or("", |schema| schema.name.as_str());
        vec![cell(id), cell(name), cell(if shadow { "SHADOW" } else { "NORMAL" }), None]
    };
    let columns = ["IndexId", "IndexName", "State", "LastConsistencyCheckTime"];
    Rows::of_texts(&columns, partition.indexes.keys().map(row).collect())
}

fn index_schema(table: &Table) -> Rows {
    let keys_type = match table.keys {
        KeysType::Duplicate => "DUP_KEYS",
        KeysType::Unique { .. } => "UNIQUE_KEYS",
        KeysType::Aggregate => "AGG_KEYS",
    };
    let rows = table.indexes.values().map(|index| {
        let columns = table.index_columns(index).into_iter();
        let keys: Vec<&str> = columns.filter(|column| column.is_key).map(|column| column.name.as_str()).collect();
        vec![
            cell(index.id),
            cell(&index.name),
            cell(index.schema_version),
            cell(index.schema_hash),
            cell(keys.len()),
            cell("COLUMN"),
            cell(format!("{keys_type}({})", keys.join(", "))),
        ]
    });
    let columns = ["IndexId", "IndexName", "SchemaVersion", "SchemaHash", "ShortKeyColumnCount", "StorageType", "Keys"];
    Rows::of_texts(&columns, rows.collect())
}

fn secondary_indexes(table: &Table) -> Rows {
    let rows = table.secondary_indexes.iter().map(|index| {
        let mut row = vec![
            cell(&table.name),
            cell(index.id),
            cell(""),
            cell(&index.name),
            cell(""),
            cell(index.columns.join(",")),
        ];
        row.extend(std::iter::repeat_n(cell(""), 5));
        row.extend([cell(&index.kind), cell(&index.comment), cell("")]);
        row
    });
    let columns = [
        "Table",
        "IndexId",
        "NonUnique",
        "KeyName",
        "SeqInIndex",
        "ColumnName",
        "Collation",
        "Cardinality",
        "SubPart",
        "Packed",
        "Null",
        "IndexType",
        "Comment",
        "Properties",
    ];
    Rows::of_texts(&columns, rows.collect())
}

fn transactions(context: &Context<'_>) -> Rows {
    let mut total = 0;
    let mut rows = vec![vec![cell(context.model.internal_schema), cell("__internal_schema"), cell(0)]];
    for db in context.model.databases.values() {
        let running = context.model.running_txns(db.id);
        total += running;
        rows.push(vec![cell(db.id), cell(&db.name), cell(running)]);
    }
    rows.push(vec![cell(0), cell("Total"), cell(total)]);
    Rows::of_texts(&["DbId", "DbName", "RunningTransactionNum"], rows)
}

fn transactions_of(context: &Context<'_>, db: &str, rest: &[&str], missing: impl Fn() -> Refusal) -> Answer<Rows> {
    let id = DbId::new(number(db, "Invalid db id format")?);
    if !context.model.databases.contains_key(&id) {
        return Err(Refusal::analysis(format!("databaseTransactionMgr[{id}] does not exist")));
    }
    // What does not parse is answered with the value it would have had.
    let txn = |text: &str| text.parse::<i64>().map_err(|_| Refusal::analysis("Invalid transaction id format: -1"));
    match *rest {
        [] => Ok(transaction::states(context, id)),
        [state, ..] if state != "running" && state != "finished" => Err(Refusal::analysis("State is invalid")),
        [state] => Ok(transaction::list(context, id, state == "running")),
        [_, id_text] => transaction::tables(context, id, txn(id_text)?),
        [_, id_text, table] => {
            transaction::partitions(context, id, txn(id_text)?, number(table, "Invalid table id format")?)
        }
        _ => Err(missing()),
    }
}
