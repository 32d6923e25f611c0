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

#[test]
fn an_auto_partitioned_table_makes_the_partitions_that_a_load_needs() {
    let mut model = cluster(1);
    let mut by_month = spec("m", KeysType::Duplicate);
    by_month.columns = vec![Column::key("d", ColumnType::DateTime { scale: 0 }), Column::new("v", ColumnType::Int)];
    by_month.distribution.hash_columns = vec!["d".into()];
    let auto = Some("date_trunc(`d`, 'month')".to_owned());
    by_month.scheme = PartitionScheme { kind: PartitionKind::Range, columns: vec!["d".into()], auto };
    let mut by_value = spec("l", KeysType::Duplicate);
    by_value.scheme =
        PartitionScheme { kind: PartitionKind::List, columns: vec!["v".into()], auto: Some("`v`".into()) };
    model.create_table("d", by_month, false).unwrap();
    model.create_table("d", by_value, false).unwrap();
    let at = head(&model);
    let row_of = |text: &str| vec![Value::DateTime(text.into()), Value::Int(1)];
    load(
        &mut model,
        "m",
        vec![row_of("2024-12-31 23:59:59"), row_of("2024-12-01 00:00:00"), row_of("2025-01-01 00:00:00")],
    );
    load(&mut model, "l", vec![row(1, "b-x"), row(2, "b-x")]);
    load(&mut model, "l", vec![row(3, "b-x")]);
    let names = |table: &str| {
        let table = model.table("d", table).unwrap();
        table.partitions.iter().map(|p| (p.name.clone(), table.range_text(p))).collect::<Vec<_>>()
    };
    assert_eq!(
        names("m")[0],
        (
            "p20241201000000".to_owned(),
            "[types: [DATETIMEV2]; keys: [2024-12-01 00:00:00]; ..types: [DATETIMEV2]; keys: [2025-01-01 00:00:00]; )"
                .to_owned()
        )
    );
    assert_eq!(names("m").len(), 2);
    assert_eq!(names("l"), [("pb2dx3".to_owned(), "[types: [VARCHAR]; keys: [b-x]; ]".to_owned())]);
    let kinds: Vec<i32> = records(&model, at).into_iter().map(|(kind, _)| kind).collect();
    assert_eq!(kinds, [1, 1, 0, 1, 0, 0], "partitions come before the load that needs them");
}
