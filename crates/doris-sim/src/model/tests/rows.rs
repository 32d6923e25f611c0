use super::*;

#[test]
fn a_unique_table_keeps_the_last_row_of_a_key_until_it_is_deleted() {
    for merge_on_write in [true, false] {
        let mut model = cluster(1);
        model.create_table("d", spec("t", KeysType::Unique { merge_on_write }), false).unwrap();
        load(&mut model, "t", vec![row(1, "a"), row(2, "b"), row(1, "c")]);
        assert_eq!(rows(&model, "t"), ["1,c", "2,b"]);
        let write = LoadWrite { table: "t".into(), rows: vec![Row::delete(row(2, ""))], ..LoadWrite::default() };
        model.load_txn(LoadSpec { db: "d".into(), writes: vec![write], ..LoadSpec::default() }).unwrap();
        assert_eq!(rows(&model, "t"), ["1,c", "2,b"], "not visible before the publish");
        pass(&mut model, 10);
        assert_eq!(rows(&model, "t"), ["1,c"]);
    }
}

#[test]
fn an_aggregate_table_combines_values() {
    let mut model = cluster(1);
    let value =
        |name: &str, aggregation| Column { aggregation: Some(aggregation), ..Column::new(name, ColumnType::BigInt) };
    let mut table = spec("t", KeysType::Aggregate);
    table.columns = vec![
        Column::key("k", ColumnType::Int),
        value("s", Aggregation::Sum),
        value("mn", Aggregation::Min),
        value("mx", Aggregation::Max),
        value("r", Aggregation::Replace),
        value("n", Aggregation::ReplaceIfNotNull),
    ];
    model.create_table("d", table, false).unwrap();
    let int = |v: i128| Value::Int(v);
    load(&mut model, "t", vec![vec![int(1), int(5), int(5), int(5), int(5), int(5)]]);
    load(&mut model, "t", vec![vec![int(1), int(2), int(2), int(9), Value::Null, Value::Null]]);
    assert_eq!(rows(&model, "t"), ["1,7,2,9,\\N,5"]);
}

#[test]
fn a_duplicate_table_keeps_everything_but_what_a_predicate_removes() {
    let mut model = cluster(1);
    model.create_table("d", spec("t", KeysType::Duplicate), false).unwrap();
    load(&mut model, "t", vec![row(1, "a"), row(1, "a"), row(2, "b")]);
    let condition = Condition { column: 0, op: Comparison::Eq, values: vec![Value::Int(1)] };
    let write = LoadWrite { table: "t".into(), delete: Some(vec![condition]), ..LoadWrite::default() };
    model.load_txn(LoadSpec { db: "d".into(), writes: vec![write], ..LoadSpec::default() }).unwrap();
    pass(&mut model, 10);
    load(&mut model, "t", vec![row(1, "c")]);
    assert_eq!(rows(&model, "t"), ["1,c", "2,b"], "later rows are not removed");
}

#[test]
fn rows_go_to_their_partition_or_are_refused() {
    let mut model = cluster(1);
    model.create_table("d", partitioned("t"), false).unwrap();
    load(&mut model, "t", vec![row(11, "b")]);
    let table = model.table("d", "t").unwrap();
    let versions: Vec<i64> = table.partitions.iter().map(|p| p.visible_version.0).collect();
    assert_eq!(versions, [1, 2], "a partition without rows gets no version");
    let refusal = text(model.load("d", "t", vec![row(1, "a"), row(99, "x")]));
    assert!(refusal.contains("no partition for this tuple"), "{refusal}");
    pass(&mut model, 100);
    assert_eq!(rows(&model, "t"), ["11,b"], "nothing of a refused load is visible");
}

#[test]
fn every_replica_has_the_rows_and_one_living_one_is_enough_to_read() {
    let mut model = cluster(3);
    let properties = properties(&[("replication_num", "3")]);
    model.create_table("d", TableSpec { properties, ..spec("t", KeysType::Duplicate) }, false).unwrap();
    load(&mut model, "t", vec![row(1, "a"), row(2, "b")]);
    let backends: Vec<BackendId> = model.backends.keys().copied().collect();
    model.set_backend_alive(backends[0], false).unwrap();
    model.set_backend_alive(backends[1], false).unwrap();
    assert_eq!(rows(&model, "t"), ["1,a", "2,b"]);
    model.set_backend_alive(backends[2], false).unwrap();
    assert!(text(model.rows("d", "t")).contains("no queryable replica"));
}
