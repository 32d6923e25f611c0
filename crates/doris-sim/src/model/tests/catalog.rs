use super::*;

#[test]
fn ids_are_13_digits_and_grow() {
    let mut model = cluster(1);
    let first = model.create_table("d", spec("a", KeysType::Duplicate), false).unwrap();
    let second = model.create_table("d", spec("b", KeysType::Duplicate), false).unwrap();
    assert_eq!(first.to_string().len(), 13);
    assert!(second > first);
    let ids: Vec<TabletId> =
        model.table("d", "a").unwrap().partitions[0].tablets().map(|(_, tablet)| tablet.id).collect();
    assert_eq!(ids.len(), 2);
    assert!(ids[0] < ids[1], "tablets are in bucket order");
}

#[test]
fn names_that_are_missing_or_taken_are_refused_in_doris_words() {
    let mut model = cluster(1);
    model.create_table("d", spec("t", KeysType::Duplicate), false).unwrap();
    let view = |name: &str| ViewSpec {
        name: name.into(),
        columns: vec![("k".into(), String::new())],
        types: vec![ColumnType::Int],
        definition: "SELECT `internal`.`d`.`t`.`k` FROM `internal`.`d`.`t`".into(),
        comment: String::new(),
    };
    model.create_view("d", view("vw"), false, false).unwrap();
    let prefixed = |text: &str| format!("errCode = 2, detailMessage = {text}");
    let cases = [
        (text(model.create_database("d", &BTreeMap::new(), false)), "Can't create database 'd'; database exists"),
        (text(model.drop_database("x", false, false)), "Can't drop database 'x'; database doesn't exist"),
        (text(model.create_table("d", spec("t", KeysType::Duplicate), false)), "Table 't' already exists"),
        (text(model.create_view("d", view("t"), false, false)), "Table 't' already exists"),
        (text(model.create_table("x", spec("t", KeysType::Duplicate), false)), "Unknown database 'x'"),
        (text(model.drop_table("d", "x", false, false)), "Unknown table 'x' in d"),
        (text(model.drop_table("d", "vw", false, false)), "'d.vw' is not TABLE. Use 'DROP VIEW d.vw'."),
        (text(model.drop_view("d", "t", false)), "'d.t' is not VIEW. Use 'DROP TABLE d.t'."),
        (text(model.rename_table("d", "x", "y")), "Unknown table 'x'"),
        (text(model.rename_table("d", "t", "t")), "Same table name"),
        (text(model.rename_table("d", "t", "vw")), "Table name[vw] is already used"),
        (text(model.rename_table("d", "vw", "y")), "Do not support alter VIEW table[vw]"),
        (
            text(model.replace_table("d", "t", "x", true, false)),
            "errCode = 7, detailMessage = table not found, tableName=x",
        ),
        (text(model.truncate_table("d", "t", Some(&["x".into()]), false)), "Partition x does not exist"),
        (
            text(model.add_partition("d", "t", range("p", 0, 1), false, false)),
            "Alter table [t] failed. Not a partitioned table",
        ),
        (text(model.set_table_properties("d", "t", &properties(&[("zz", "1")]))), "Unknown table property: [zz]"),
        (
            text(model.set_table_properties("d", "t", &properties(&[("binlog.enable", "false")]))),
            "db binlog is enable, but table binlog is disable",
        ),
        (
            text(model.create_table(
                "d",
                TableSpec { properties: properties(&[("replication_num", "3")]), ..spec("three", KeysType::Duplicate) },
                false,
            )),
            "replication num should be less than the number of available backends. replication num is 3, available \
             backend num is 1",
        ),
    ];
    for (found, expected) in cases {
        assert_eq!(found, prefixed(expected));
    }
    assert!(model.create_table("d", spec("t", KeysType::Duplicate), true).is_ok());
    model.drop_table("d", "x", true, false).unwrap();
}

#[test]
fn show_create_prints_what_doris_prints() {
    let mut model = cluster(1);
    let mut agg = spec("agg", KeysType::Aggregate);
    agg.columns[1] = Column {
        aggregation: Some(Aggregation::Sum),
        default: ColumnDefault::Literal { text: "0".into(), value: Value::Int(0) },
        comment: "a \"sum\"".into(),
        ..Column::new("v", ColumnType::BigInt)
    };
    model.create_table("d", agg, false).unwrap();
    let text = model.create_table_text("d", "agg").unwrap();
    assert!(
        text.starts_with(
            "CREATE TABLE `agg` (\n  `k` int NULL,\n  `v` bigint SUM NULL DEFAULT \"0\" COMMENT \"a \\\"sum\\\"\"\n) \
             ENGINE=OLAP\nAGGREGATE KEY(`k`)\nDISTRIBUTED BY HASH(`k`) BUCKETS 2\nPROPERTIES (\n\
             \"replication_allocation\" = \"tag.location.default: 1\",\n\"min_load_replica_num\" = \"-1\",\n\
             \"is_being_synced\" = \"false\",\n\"storage_medium\" = \"hdd\",\n"
        ),
        "{text}"
    );
    assert!(text.contains("\"binlog.enable\" = \"true\",\n\"binlog.ttl_seconds\" = \"86400\""));
    assert!(text.ends_with("\"group_commit_data_bytes\" = \"134217728\"\n);"));

    let mut listed = spec("l", KeysType::Duplicate);
    listed.scheme = PartitionScheme { kind: PartitionKind::List, columns: vec!["v".into()], auto: None };
    listed.partitions = vec![PartitionSpec {
        item: PartitionItem::List(vec![vec![Value::Text("a".into())], vec![Value::Text("it''s".into())]]),
        ..range("pa", 0, 0)
    }];
    listed.distribution.hash_columns.clear();
    model.create_table("d", listed, false).unwrap();
    let text = model.create_table_text("d", "l").unwrap();
    assert!(text.contains("PARTITION BY LIST (`v`)\n(PARTITION pa VALUES IN (\"a\",\"it''s\"))\n"), "{text}");
    assert!(text.contains("DISTRIBUTED BY RANDOM BUCKETS 2\n"));

    model.create_table("d", partitioned("r"), false).unwrap();
    let text = model.create_table_text("d", "r").unwrap();
    assert!(text.contains("(PARTITION p1 VALUES [(\"0\"), (\"10\")),\nPARTITION p2 VALUES [(\"10\"), (\"20\")))\n"));
    let table = model.table("d", "r").unwrap();
    assert_eq!(table.range_text(&table.partitions[1]), "[types: [INT]; keys: [10]; ..types: [INT]; keys: [20]; )");
    let list = model.table("d", "l").unwrap();
    assert_eq!(
        list.range_text(&list.partitions[0]),
        "[types: [VARCHAR]; keys: [a]; , types: [VARCHAR]; keys: [it''s]; ]"
    );
    assert_eq!(
        model.create_database_text("d").unwrap(),
        "CREATE DATABASE `d`\nPROPERTIES (\n\"binlog.enable\" = \"true\"\n)"
    );
}

#[test]
fn rename_and_replace_take_index_and_partition_along() {
    let mut model = cluster(1);
    let a = model.create_table("d", spec("a", KeysType::Duplicate), false).unwrap();
    let b = model.create_table("d", spec("b", KeysType::Duplicate), false).unwrap();
    load(&mut model, "a", vec![row(1, "a")]);
    model.replace_table("d", "a", "b", true, false).unwrap();
    assert_eq!((model.table("d", "a").unwrap().id, model.table("d", "b").unwrap().id), (b, a));
    assert_eq!(rows(&model, "b"), ["1,a"], "the data stays with the id");
    let table = model.table("d", "b").unwrap();
    assert_eq!(table.partitions[0].name, "b");
    assert_eq!(table.indexes[&table.base_index].name, "b");

    model.replace_table("d", "a", "b", false, false).unwrap();
    assert_eq!(model.table("d", "a").unwrap().id, a);
    assert!(model.table("d", "b").is_err());
    assert!(model.dropped(db(&model)).tables.contains(b), "the origin counts as dropped");
    assert!(model.backends.values().all(|be| be.tablets.len() == 4), "its tablets are in the recycle bin");
    pass(&mut model, 86_500_000);
    assert!(model.backends.values().all(|be| be.tablets.len() == 2), "and are erased in the end");
}

#[test]
fn truncate_gives_new_partitions_and_forgets_the_rows() {
    let mut model = cluster(1);
    model.create_table("d", partitioned("t"), false).unwrap();
    load(&mut model, "t", vec![row(1, "a"), row(11, "b")]);
    let before: Vec<PartitionId> = model.table("d", "t").unwrap().partitions.iter().map(|p| p.id).collect();
    let at = head(&model);
    model.truncate_table("d", "t", Some(&["p2".into()]), false).unwrap();
    let after: Vec<PartitionId> = model.table("d", "t").unwrap().partitions.iter().map(|p| p.id).collect();
    assert_eq!(before[0], after[0]);
    assert_ne!(before[1], after[1]);
    assert_eq!(rows(&model, "t"), ["1,a"]);
    let record = &records(&model, at)[0];
    assert_eq!(record.0, 13);
    assert_eq!(record.1["op"][before[1].to_string()], "p2");
    // Empty partitions are replaced, too, but not with FORCE.
    model.truncate_table("d", "t", Some(&["p2".into()]), true).unwrap();
    assert_eq!(model.table("d", "t").unwrap().partitions[1].id, after[1]);
    assert_eq!(records(&model, at).len(), 1);
}

#[test]
fn partitions_must_not_overlap() {
    let mut model = cluster(1);
    model.create_table("d", partitioned("t"), false).unwrap();
    assert_eq!(
        text(model.add_partition("d", "t", range("px", 15, 25), false, false)),
        "errCode = 2, detailMessage = Range [types: [INT]; keys: [15]; ..types: [INT]; keys: [25]; ) is intersected \
         with range: [types: [INT]; keys: [10]; ..types: [INT]; keys: [20]; )"
    );
    assert_eq!(
        text(model.add_partition("d", "t", range("p1", 50, 60), false, false)),
        "errCode = 2, detailMessage = Duplicate partition name p1"
    );
    let at = head(&model);
    let id = model.add_partition("d", "t", range("p3", 20, 30), false, false).unwrap();
    let (kind, data) = records(&model, at).remove(0);
    assert_eq!((kind, data["partition"]["id"].as_i64()), (1, Some(id.get())));
    assert_eq!(data["sql"], "ADD PARTITION `p3` VALUES [(\"20\"), (\"30\")) (\"version_info\" = \"1\");");
    model.drop_partition("d", "t", "p3", false, false, false).unwrap();
    assert!(model.dropped(db(&model)).partitions.contains(id));
    assert_eq!(
        text(model.drop_partition("d", "t", "p3", false, false, false)),
        "errCode = 2, detailMessage = Error in list of partitions to p3"
    );
}
