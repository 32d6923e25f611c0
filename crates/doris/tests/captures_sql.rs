//! Everything that real FEs of 2.1, 3.0 and 4.1 were recorded to say must be understood: result sets, error texts, binlog
//! payloads, snapshot documents. The recordings are no part of the repository; without them there is nothing to check.

#![allow(clippy::unwrap_used, clippy::print_stdout)]

use std::{collections::BTreeMap, fs, path::PathBuf};

use base64::Engine;
use bytes::Bytes;
use doris::{
    ErrorKind, Source,
    binlog::{CreatedKind, Record},
    ids::{BackendId, CommitSeq},
    net::{Endpoint, ResultSet},
    rpc::BinlogType,
    secret::Secret,
    snapshot::JobInfo,
    sql::*,
};
use serde_json::Value;

/// All recorded steps, or `None` where there are no recordings.
fn steps() -> Option<Vec<Value>> {
    let default = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/captures");
    let root = std::env::var_os("DORIS_CAPTURES").map_or(default, PathBuf::from);
    let mut steps = Vec::new();
    for folder in [root.clone(), root.join("2.1"), root.join("3.0")] {
        let Ok(files) = fs::read_dir(&folder) else { continue };
        for file in files.map(|file| file.unwrap().path()).filter(|path| path.extension().is_some_and(|e| e == "json"))
        {
            let recorded: Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
            steps.extend(recorded["steps"].as_array().unwrap().iter().cloned());
        }
    }
    if steps.is_empty() {
        println!("skipped: no recordings in {}", root.display());
        return None;
    }
    Some(steps)
}

fn result_set(answer: &Value) -> Option<ResultSet> {
    let text = |cell: &Value| match cell {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    };
    let columns = answer["columns"].as_array()?.iter().map(|name| name.as_str().unwrap().to_owned()).collect();
    let rows = answer["rows"].as_array()?;
    let rows = rows.iter().map(|row| row.as_array().unwrap().iter().map(text).collect()).collect();
    Some(ResultSet { columns, rows })
}

/// Number of rows read, or why not; `None`: no statement of ours.
fn read(statement: &str, set: &ResultSet) -> Option<Result<usize, RowError>> {
    let words = statement.split_whitespace().map(str::to_ascii_uppercase).collect::<Vec<_>>();
    let words = words.iter().map(String::as_str).collect::<Vec<_>>();
    Some(match words.as_slice() {
        ["SHOW", "FRONTENDS", ..] => FrontendRow::parse(set).map(|rows| rows.len()),
        ["SELECT", "HOST,", "QUERYPORT,", "RPCPORT,", "ISMASTER,", "ALIVE", ..] => {
            FrontendRow::parse(set).map(|rows| rows.len())
        }
        ["SHOW", "BACKENDS", ..] => BackendRow::<Source>::parse(set).map(|rows| rows.len()),
        ["SHOW", "DATABASES", ..] => database_names(set).map(|rows| rows.len()),
        ["SHOW", "FULL", "TABLES", ..] => TableRow::parse(set).map(|rows| rows.len()),
        ["SHOW", "BACKUP", ..] => BackupRow::parse(set).map(|rows| rows.len()),
        ["SHOW", "RESTORE", ..] | ["SHOW", "BRIEF", "RESTORE", ..] => RestoreRow::parse(set).map(|rows| rows.len()),
        ["SHOW", "PARTITIONS", ..] | ["SHOW", "TEMPORARY", "PARTITIONS", ..] => {
            PartitionRow::<Source>::parse(set).map(|rows| rows.len())
        }
        ["SHOW", "TRANSACTION", ..] => TxnRow::parse(set).map(|rows| rows.len()),
        ["SHOW", "ALTER", "TABLE", "COLUMN" | "ROLLUP", ..] => AlterJobRow::parse(set).map(|rows| rows.len()),
        ["SHOW", "BUILD", "INDEX", ..] => BuildIndexRow::parse(set).map(|rows| rows.len()),
        ["SHOW", "INDEX", ..] => IndexRow::parse(set).map(|rows| rows.len()),
        // Empty rows between the indexes are left out.
        ["DESC", _, "ALL"] => IndexColumnRow::parse(set).map(|rows| {
            assert!(!rows.is_empty() && rows.iter().all(|row| !row.index.is_empty()), "{statement}");
            set.rows.len()
        }),
        ["ADMIN", "SHOW", "FRONTEND", "CONFIG", ..] | ["SHOW", "FRONTEND", "CONFIG", ..] => {
            config_items(set).map(|rows| rows.len())
        }
        ["SHOW", "CREATE", "TABLE" | "VIEW" | "DATABASE" | "MATERIALIZED", ..] => {
            create_statement(set).map(|text| text.iter().filter(|text| text.starts_with("CREATE ")).count())
        }
        _ => return None,
    })
}

#[test]
fn every_recorded_result_set_is_read() {
    let Some(steps) = steps() else { return };
    let mut sets = BTreeMap::<String, (usize, usize)>::new();
    for step in &steps {
        let Some(statement) = step["sql"].as_str() else { continue };
        let Some(set) = result_set(&step["answer"]) else { continue };
        let Some(outcome) = read(statement, &set) else { continue };
        let rows = outcome.unwrap_or_else(|error| panic!("{statement}: {error}"));
        assert_eq!(rows, set.rows.len(), "{statement}");
        let kind = statement.split_whitespace().take(3).collect::<Vec<_>>().join(" ").to_ascii_uppercase();
        let count = sets.entry(kind).or_default();
        *count = (count.0 + 1, count.1 + rows);
    }
    for (kind, (count, rows)) in &sets {
        println!("{kind}: {count} result sets, {rows} rows");
    }
    for needed in ["SHOW FRONTENDS", "SHOW BACKENDS", "SHOW DATABASES", "SHOW CREATE TABLE", "SHOW CREATE DATABASE"] {
        assert!(sets.get(needed).is_some_and(|(_, rows)| *rows > 0), "{needed}");
    }
    let total = sets.values().map(|(count, _)| count).sum::<usize>();
    println!("{total} result sets in all");
    assert!(total > 1000);
}

#[test]
fn every_recorded_error_is_classified() {
    let Some(steps) = steps() else { return };
    let mut kinds = BTreeMap::<ErrorKind, usize>::new();
    let mut count = |text: &str| {
        let kind = ErrorKind::classify(text);
        *kinds.entry(kind).or_default() += 1;
        // What must not be overlooked in a text nobody has a rule for.
        if kind == ErrorKind::Refused {
            for word in ["not found", "Unknown database", "COMMITTED", "is not NORMAL", "not master"] {
                let known = ["Can not found function", "UNIMPLEMENTED: Method not found"];
                assert!(!text.contains(word) || known.iter().any(|known| text.contains(known)), "{word}: {text}");
            }
        }
    };
    for step in &steps {
        let answer = &step["answer"];
        if let Some(text) = answer["error"]["message"].as_str() {
            count(text);
        }
        for text in answer["status"]["error_msgs"].as_array().into_iter().flatten() {
            count(text.as_str().unwrap());
        }
        for seen in step["watch"].as_array().into_iter().flatten() {
            if let Some(text) = seen["answer"]["message"].as_str() {
                count(text);
            }
        }
    }
    println!("{kinds:?}");
    for needed in [
        ErrorKind::NoMaster,
        ErrorKind::AccessDenied,
        ErrorKind::DbNotFound,
        ErrorKind::TableNotFound,
        ErrorKind::PartitionNotFound,
        ErrorKind::TxnNotFound,
        ErrorKind::TxnCommitted,
        ErrorKind::TxnAborted,
        ErrorKind::Quorum,
        ErrorKind::InRestore,
        ErrorKind::TableState,
        ErrorKind::SnapshotJobRunning,
        ErrorKind::SnapshotNotFound,
        ErrorKind::SnapshotExpired,
        ErrorKind::AlreadyExists,
    ] {
        assert!(kinds.get(&needed).is_some_and(|count| *count > 0), "{needed:?}");
    }
}

#[test]
fn every_recorded_payload_is_read() {
    let Some(steps) = steps() else { return };
    let mut read = BTreeMap::<i32, usize>::new();
    for step in &steps {
        for record in step["answer"]["binlogs"].as_array().into_iter().flatten() {
            let kind = BinlogType(record["type"].as_i64().unwrap().try_into().unwrap());
            let data = record["data"].as_str().unwrap_or_default();
            let seq = CommitSeq(record["commit_seq"].as_i64().unwrap());
            let decoded = Record::decode(kind, seq, data).unwrap_or_else(|error| panic!("{error}\n{data}"));
            let tables: Vec<i64> =
                record["table_ids"].as_array().into_iter().flatten().filter_map(Value::as_i64).collect();
            check_payload(&decoded, &tables, data);
            // What a later version may add changes nothing.
            if let Ok(Value::Object(mut keys)) = serde_json::from_str(data) {
                keys.insert("aKeyOfTheFuture".to_owned(), serde_json::json!({"x": [1, null]}));
                let more = Record::decode(kind, seq, &Value::Object(keys).to_string());
                assert_eq!(more.as_ref(), Ok(&decoded), "{data}");
            }
            *read.entry(kind.0).or_default() += 1;
        }
    }
    println!("payloads by type: {read:?}");
    assert_eq!(read.keys().copied().collect::<Vec<_>>(), (0..27).collect::<Vec<_>>());
}

/// A record names the table that its envelope names, and holds what its replay needs.
fn check_payload(record: &Record, tables: &[i64], data: &str) {
    let (table, complete) = match record {
        Record::Upsert(upsert) => {
            for partition in upsert.tables.values().flat_map(|table| &table.partitions) {
                assert!(partition.id.get() > 0 && partition.version.0 > 1, "{data}");
            }
            assert!(upsert.tables.keys().all(|id| tables.contains(&id.get())), "{data}");
            return;
        }
        Record::Dummy | Record::AlterDatabase(_) => return,
        Record::ModifyPartitions(record) => (record.partitions[0].table, record.partitions[0].partition.get() > 0),
        Record::CreateTable(record) => {
            let view = record.kind() == CreatedKind::View;
            (record.table, view == record.sql.starts_with("CREATE VIEW") && record.table_name.is_some())
        }
        Record::Barrier(record) => (record.table.unwrap(), record.table_name.is_some()),
        Record::AddPartition(record) => {
            (record.table, record.partition.get() > 0 && record.distribution.buckets > 0 && !record.sql.is_empty())
        }
        Record::DropPartition(record) => (record.table, !record.partition_name.is_empty()),
        Record::DropTable(record) => (record.table, record.table_name.is_some()),
        Record::AlterJob(record) => (record.table, record.job_id > 0 && record.table_name.is_some()),
        Record::ModifyColumns(record) => {
            (record.table, record.base_schema().is_some_and(|columns| columns.iter().any(|column| column.is_key)))
        }
        Record::ModifyTableProperties(record) => (record.table, !record.properties.is_empty()),
        Record::ReplacePartitions(record) => (record.table, record.partitions.len() == record.temp_partitions.len()),
        Record::Truncate(record) => (record.table, record.entire == record.names().is_empty()),
        Record::Rename(record) => (record.table, true),
        Record::RenameColumn(record) => (record.table, record.old != record.new),
        Record::ModifyComment(record) => (record.table, true),
        Record::ModifyView(record) => (record.view, record.definition.is_some() || record.comment.is_some()),
        Record::ReplaceTable(record) => (record.origin, record.origin_name.is_some() && record.new_name.is_some()),
        Record::ModifyIndexes(record) => (record.table, !record.changed.is_empty()),
        Record::IndexJob(record) => (record.table, record.partition_name.is_some() && record.indexes.len() == 1),
        Record::DropRollup(record) => (record.table, record.rollup.is_some()),
        Record::Recover(record) => (record.table, record.table_name.is_some()),
        Record::ModifyBuckets(record) => (record.table, (record.kind == "HASH") != record.columns.is_empty()),
        Record::SetRandomDistribution { table } => (*table, true),
        Record::Unknown { .. } => panic!("a type that real FEs write is unknown: {data}"),
    };
    assert!(complete, "{data}");
    assert_eq!(tables, [table.get()], "{data}");
}

#[test]
fn recorded_statements_are_rebuilt_for_another_database() {
    let Some(steps) = steps() else { return };
    let options = rewrite::CreateOptions { db: "dest", name: "x", keep_storage_medium: false, replication_num: None };
    let (mut rebuilt, mut unreadable) = (0, Vec::new());
    for step in &steps {
        for record in step["answer"]["binlogs"].as_array().into_iter().flatten() {
            let kind = BinlogType(record["type"].as_i64().unwrap().try_into().unwrap());
            let data = record["data"].as_str().unwrap_or_default();
            let (text, result) = match Record::decode(kind, CommitSeq(1), data).unwrap() {
                Record::CreateTable(create) => match create.kind() {
                    CreatedKind::Table => {
                        let result = rewrite::create_table(&create.sql, &options).map(|created| created.sql);
                        (create.sql, result)
                    }
                    CreatedKind::View => {
                        let db = create.db_name.unwrap();
                        let result = rewrite::create_view(&create.sql, &db, &options);
                        assert!(!result.as_ref().is_ok_and(|sql| sql.contains(&format!("`{db}`"))), "{result:?}");
                        (create.sql, result)
                    }
                    CreatedKind::MaterializedView | CreatedKind::External => continue,
                },
                Record::ModifyColumns(change) => {
                    let clauses = rewrite::alter_clauses(&change.raw_sql, change.base_schema().unwrap_or_default());
                    let text = clauses.map(|c| c.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "));
                    (change.raw_sql, text)
                }
                Record::ModifyView(change) if change.definition.is_some() => {
                    let definition = change.definition.unwrap_or_default();
                    let result = rewrite::view_query(&definition, "cap3", "dest");
                    (definition, result)
                }
                Record::ModifyBuckets(change) => {
                    let result = rewrite::names(&change.columns).map(|names| names.join(" "));
                    (change.columns, result)
                }
                _ => continue,
            };
            match result {
                Ok(_) => rebuilt += 1,
                Err(error) => unreadable.push(format!("{error}: {text}")),
            }
        }
    }
    println!("statements: {rebuilt} rebuilt, {} not:\n{}", unreadable.len(), unreadable.join("\n"));
    assert!(unreadable.len() * 50 < rebuilt, "{} of {rebuilt} cannot be read", unreadable.len());
}

#[test]
fn every_recorded_snapshot_document_is_read_and_kept() {
    let Some(steps) = steps() else { return };
    let (mut plain, mut packed) = (0, 0);
    for step in steps.iter().filter(|step| step["rpc"] == "getSnapshot") {
        let answer = &step["answer"];
        let document: Bytes = match (&answer["job_info"], answer["job_info"]["base64"].as_str()) {
            (Value::String(text), _) => text.clone().into(),
            (_, Some(encoded)) => base64::engine::general_purpose::STANDARD.decode(encoded).unwrap().into(),
            _ => continue,
        };
        let compressed = answer["compressed"] == true;
        let info = JobInfo::parse(&document, compressed).unwrap();
        assert!(info.database_id().get() > 0);
        for (name, table) in info.tables() {
            assert!(info.commit_seq(table.id).is_some(), "{name}");
            let indexes = table.partitions.iter().flat_map(|partition| &partition.indexes);
            for tablet in indexes.flat_map(|index| &index.tablets) {
                assert!(info.backend(*tablet).is_some(), "{name}: {tablet}");
            }
        }
        let map = BTreeMap::from([(BackendId::new(1), Endpoint::new("10.0.0.1", 8040))]);
        let out = info.with_extra_info(&map, &Secret::new("t")).unwrap();
        let mut out: BTreeMap<String, Value> = serde_json::from_slice(&out).unwrap();
        assert_eq!(out.remove("extra_info").unwrap()["token"], "t");
        let original = doris::snapshot::plain(&document, compressed).unwrap();
        assert_eq!(out, serde_json::from_slice::<BTreeMap<String, Value>>(&original).unwrap());
        *(if compressed { &mut packed } else { &mut plain }) += 1;
    }
    println!("snapshot documents: {plain} plain, {packed} packed");
    assert!(plain > 0 && packed > 0);
}
