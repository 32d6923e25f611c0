use super::*;

fn statuses(model: &Model, table: Option<&str>, positions: &[i64]) -> Vec<i32> {
    let key = model.stream_key("d", table, None).unwrap();
    positions.iter().map(|after| model.read_binlogs(&key, *after, None).status).collect()
}

#[test]
fn positions_are_answered_as_doris_does() {
    let mut model = cluster(1);
    let key = model.stream_key("d", None, None).unwrap();
    assert_eq!(model.read_binlogs(&key, -1, None).status, 63, "nothing was ever recorded");
    assert_eq!(model.binlog_lag(&key, -1).status, 63);
    let t = model.create_table("d", spec("t", KeysType::Duplicate), false).unwrap();
    assert_eq!(statuses(&model, Some("t"), &[-1]), [64], "CREATE_TABLE is in the database's stream only");
    load(&mut model, "t", vec![row(1, "a")]);
    load(&mut model, "t", vec![row(2, "b")]);
    let head = head(&model);
    assert_eq!(statuses(&model, None, &[-1, 0, head, head + 1_000_000]), [0, 0, 62, 62]);
    assert_eq!(statuses(&model, Some("t"), &[-1, head]), [0, 62]);
    let too_old = model.read_binlogs(&key, -2, None);
    assert_eq!((too_old.status, too_old.records[0].kind, too_old.records[0].commit_seq.0), (61, 7, -1));
    assert_eq!(too_old.records[0].belong, Some(-1));

    let count = |n| model.read_binlogs(&key, -1, n).records.len();
    assert_eq!([count(None), count(Some(-3)), count(Some(2)), count(Some(1000))], [1, 1, 2, 3]);
    let seqs: Vec<i64> = model.read_binlogs(&key, -1, Some(9)).records.iter().map(|r| r.commit_seq.0).collect();
    assert!(seqs.is_sorted(), "{seqs:?}");
    assert!(seqs[1] - seqs[0] >= 2, "a load takes at least two positions");

    let lag = model.binlog_lag(&key, -1);
    assert_eq!((lag.lag, lag.first.0, lag.last.0, lag.next.0), (3, -1, head, seqs[0]));
    assert_eq!(model.binlog_lag(&key, -2).lag, 4, "the dummy counts when the reader is too old");
    assert_eq!(model.binlog_lag(&key, head).next, (0, 0));

    let by_id = model.stream_key("d", Some("gone"), Some(t.get())).unwrap();
    assert_eq!(model.read_binlogs(&by_id, -1, None).status, 0, "the id wins over the name");
    assert_eq!(text(model.stream_key("d", Some(""), None)), "errCode = 7, detailMessage = table not found, tableName=");
    assert_eq!(text(model.stream_key("x", None, None)), "errCode = 2, detailMessage = unknown database, database=x");
}

#[test]
fn an_upsert_says_what_the_transaction_did() {
    let mut model = cluster(1);
    let table = model.create_table("d", partitioned("t"), false).unwrap();
    let txn = load(&mut model, "t", vec![row(1, "a"), row(12, "b")]);
    let (kind, data) = records(&model, -1).pop().unwrap();
    assert_eq!(kind, 0);
    assert_eq!(data["txnId"], txn.get());
    let upsert = &data["tableRecords"][table.to_string()];
    assert_eq!(upsert["partitionRecords"].as_array().unwrap().len(), 2);
    assert_eq!(upsert["partitionRecords"][0]["version"], 2);
    assert_eq!(upsert["partitionRecords"][0]["range"], "[types: [INT]; keys: [0]; ..types: [INT]; keys: [10]; )");
    assert_eq!(upsert["partitionRecords"][0]["stid"], -1);
    let base = model.table("d", "t").unwrap().base_index;
    assert_eq!(upsert["indexIds"], serde_json::json!([base]), "a planned load names its indexes");
    assert!(data.get("stids").is_none());
}

#[test]
fn sub_transactions_have_consecutive_versions() {
    let mut model = cluster(1);
    let table = model.create_table("d", spec("t", KeysType::Duplicate), false).unwrap();
    let write = |k| LoadWrite { table: "t".into(), rows: vec![Row::new(row(k, "x"))], ..LoadWrite::default() };
    let spec = LoadSpec { db: "d".into(), writes: vec![write(1), write(2)], sub_txns: true, ..LoadSpec::default() };
    let txn = model.load_txn(spec).unwrap();
    pass(&mut model, 10);
    let (_, data) = records(&model, -1).pop().unwrap();
    let parts = &data["tableRecords"][table.to_string()]["partitionRecords"];
    assert_eq!((&parts[0]["version"], &parts[1]["version"]), (&2.into(), &3.into()));
    assert_eq!(data["stids"][0], txn.get());
    assert_eq!(parts[1]["stid"], data["stids"][1]);
    assert_eq!(rows(&model, "t"), ["1,x", "2,x"]);
}

#[test]
fn a_table_alone_records_in_a_database_without_binlog() {
    let mut model = cluster(1);
    model.create_database("e", &BTreeMap::new(), false).unwrap();
    let enabled = properties(&[("replication_num", "1"), ("binlog.enable", "true")]);
    let on = TableSpec { properties: enabled, ..spec("on", KeysType::Duplicate) };
    model.create_table("e", on, false).unwrap();
    model.create_table("e", spec("off", KeysType::Duplicate), false).unwrap();
    for table in ["on", "off"] {
        model.load("e", table, vec![row(1, "a")]).unwrap();
    }
    pass(&mut model, 10);
    let key = model.stream_key("e", None, None).unwrap();
    let kinds: Vec<i32> = model.read_binlogs(&key, -1, Some(9)).records.iter().map(|r| r.kind).collect();
    assert_eq!(kinds, [2, 0], "only what concerns the table that is on");
    assert_eq!(
        text(model.set_database_properties("e", &properties(&[("binlog.enable", "true")]))),
        "errCode = 2, detailMessage = binlog is not enable in table[off] in db [e]"
    );
}

#[test]
fn switching_on_is_recorded_only_if_nothing_was_asked_before() {
    let mut model = cluster(1);
    for (name, used) in [("fresh", false), ("used", true)] {
        model.create_database(name, &BTreeMap::new(), false).unwrap();
        if used {
            let view = ViewSpec {
                name: "v".into(),
                columns: Vec::new(),
                types: Vec::new(),
                definition: "SELECT 1".into(),
                comment: String::new(),
            };
            model.create_view(name, view, false, false).unwrap();
        }
        model.set_database_properties(name, &properties(&[("binlog.enable", "true")])).unwrap();
        let id = model.db_id(name).unwrap();
        assert_eq!(model.binlogs.contains_key(&id), !used, "{name}");
    }
}

#[test]
fn collection_by_count_and_time_moves_the_dummy_and_takes_the_rowsets() {
    let mut model = cluster(1);
    let table = model.create_table("d", spec("t", KeysType::Duplicate), false).unwrap();
    for k in 0..4 {
        load(&mut model, "t", vec![row(k, "x")]);
    }
    let key = model.stream_key("d", None, None).unwrap();
    let seqs: Vec<i64> = model.read_binlogs(&key, -1, Some(9)).records.iter().map(|r| r.commit_seq.0).collect();
    model.set_database_properties("d", &properties(&[("binlog.max_history_nums", "4")])).unwrap();
    let kept = |model: &Model| model.backends.values().next().unwrap().tablets.values().next().unwrap().binlogs.len();
    assert_eq!(kept(&model), 4);
    model.collect_binlogs();
    // The record of the statement itself, and two more besides the dummy.
    let page = model.read_binlogs(&key, -1, None);
    assert_eq!((page.status, page.records[0].commit_seq.0), (61, seqs[2]));
    assert_eq!(model.read_binlogs(&key, seqs[2], None).status, 0, "the dummy's own position is not too old");
    let of_table = model.stream_key("d", None, Some(table.get())).unwrap();
    assert_eq!(model.read_binlogs(&of_table, seqs[1], None).status, 61, "table streams are cut at the same position");
    assert_eq!(kept(&model), 2, "backends threw away the rowsets of what was collected");

    pass(&mut model, 86_500_000);
    assert_eq!(model.read_binlogs(&key, seqs[4], None).status, 61, "the time of the rest is over");
}

#[test]
fn a_lock_protects_nothing_and_lets_go_of_what_is_below() {
    let mut model = cluster(1);
    model.create_table("d", spec("t", KeysType::Duplicate), false).unwrap();
    for k in 0..3 {
        load(&mut model, "t", vec![row(k, "x")]);
    }
    let key = model.stream_key("d", None, None).unwrap();
    let seqs: Vec<i64> = model.read_binlogs(&key, -1, Some(9)).records.iter().map(|r| r.commit_seq.0).collect();
    assert_eq!(model.lock_binlog(&key, "j", Some(seqs[3] + 1)), (62, -1));
    assert_eq!(model.lock_binlog(&key, "j", Some(seqs[1])), (0, seqs[1]));
    assert_eq!(model.lock_binlog(&key, "j", Some(seqs[0])), (0, seqs[1]), "a lock only moves forward");
    model.collect_binlogs();
    assert_eq!(model.read_binlogs(&key, -1, None).records[0].commit_seq.0, seqs[0]);
    assert_eq!(model.read_binlogs(&key, seqs[0], None).records[0].commit_seq.0, seqs[1], "the lock's own is kept");
    assert_eq!(model.lock_binlog(&key, "j", None), (0, seqs[3]));
    model.collect_binlogs();
    assert_eq!(model.read_binlogs(&key, seqs[1], None).status, 61, "a lock at the head takes everything else");
}

#[test]
fn dropped_things_are_remembered_until_a_later_record_is_collected() {
    let mut model = cluster(1);
    let table = model.create_table("d", spec("t", KeysType::Duplicate), false).unwrap();
    model.drop_table("d", "t", false, true).unwrap();
    let (kind, data) = records(&model, -1).pop().unwrap();
    assert_eq!((kind, data["rawSql"].as_str().unwrap()), (4, "DROP TABLE IF EXISTS `t`"));
    assert!(model.dropped(db(&model)).tables.contains(table));
    model.collect_binlogs();
    assert!(model.dropped(db(&model)).tables.contains(table), "kept while its record is");
    pass(&mut model, 86_500_000);
    assert!(model.dropped(db(&model)).tables.contains(table), "the collected position itself stays");
    model.create_table("d", spec("u", KeysType::Duplicate), false).unwrap();
    pass(&mut model, 86_500_000);
    assert!(!model.dropped(db(&model)).tables.contains(table));
}

#[test]
fn a_database_made_again_under_its_name_has_another_stream() {
    let mut model = cluster(1);
    model.create_table("d", spec("t", KeysType::Duplicate), false).unwrap();
    let at = head(&model);
    model.drop_database("d", false, true).unwrap();
    assert_eq!(text(model.stream_key("d", None, None)), "errCode = 2, detailMessage = unknown database, database=d");
    model.create_database("d", &properties(&[("binlog.enable", "true")]), false).unwrap();
    assert_eq!(statuses(&model, None, &[at]), [63]);
    model.create_table("d", spec("t", KeysType::Duplicate), false).unwrap();
    assert_eq!(statuses(&model, None, &[at]), [0], "any position is accepted: only the database's id tells");
}

#[test]
fn a_late_record_appears_below_the_head_of_the_database_but_in_order_in_its_table() {
    let mut model = cluster(1);
    let t = model.create_table("d", spec("t", KeysType::Duplicate), false).unwrap();
    model.create_table("d", spec("u", KeysType::Duplicate), false).unwrap();
    model.insert_next_upsert_late(1000);
    load(&mut model, "t", vec![row(1, "a")]);
    load(&mut model, "u", vec![row(1, "a")]);
    let at = head(&model);
    let seqs = |model: &Model, table: Option<i64>| {
        let key = model.stream_key("d", None, table).unwrap();
        model.read_binlogs(&key, -1, Some(99)).records.iter().map(|r| r.commit_seq.0).collect::<Vec<_>>()
    };
    assert_eq!(seqs(&model, None).len(), 3, "two tables and one load");
    pass(&mut model, 1000);
    let found = seqs(&model, None);
    assert_eq!((found.len(), head(&model)), (4, at));
    assert!(found[2] < at, "a reader that was at the head never sees it");
    model.insert_next_upsert_late(1000);
    load(&mut model, "t", vec![row(2, "b")]);
    load(&mut model, "t", vec![row(3, "c")]);
    assert_eq!(seqs(&model, Some(t.get())).len(), 3, "not later than the next record of its table");
}

#[test]
fn a_table_that_is_switched_off_is_cleared_at_the_next_collection() {
    let mut model = cluster(1);
    model.create_database("e", &BTreeMap::new(), false).unwrap();
    let on = properties(&[("replication_num", "1"), ("binlog.enable", "true")]);
    let table = TableSpec { properties: on, ..spec("t", KeysType::Duplicate) };
    model.create_table("e", table, false).unwrap();
    model.load("e", "t", vec![row(1, "a")]).unwrap();
    pass(&mut model, 10);
    let key = model.stream_key("e", Some("t"), None).unwrap();
    model.set_table_properties("e", "t", &properties(&[("binlog.enable", "false")])).unwrap();
    let records: Vec<_> = model.read_binlogs(&key, -1, Some(9)).records;
    assert_eq!(records.iter().map(|r| r.kind).collect::<Vec<_>>(), [0, 9], "the last record says it");
    model.load("e", "t", vec![row(2, "b")]).unwrap();
    pass(&mut model, 10);
    assert_eq!(model.read_binlogs(&key, records[1].commit_seq.0, None).status, 62);
    model.collect_binlogs();
    let page = model.read_binlogs(&key, records[0].commit_seq.0, None);
    assert_eq!((page.status, page.records[0].commit_seq), (61, records[1].commit_seq));
    model.set_table_properties("e", "t", &properties(&[("binlog.enable", "true")])).unwrap();
    assert_eq!(model.read_binlogs(&key, records[1].commit_seq.0, None).status, 62, "switching on leaves no record");
    model.load("e", "t", vec![row(3, "c")]).unwrap();
    pass(&mut model, 10);
    assert_eq!(model.read_binlogs(&key, records[1].commit_seq.0, None).records[0].kind, 0);
}
