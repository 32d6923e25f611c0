use super::*;

/// A table with as much as fits into one.
fn rich() -> TableSpec {
    let text = |value: &str| ColumnDefault::Literal { text: value.into(), value: Value::Text(value.into()) };
    TableSpec {
        columns: vec![
            Column { nullable: false, ..Column::key("c", ColumnType::Varchar { length: 10 }) },
            Column {
                comment: "a \"quoted\" number".into(),
                ..Column::key("k", ColumnType::Decimal { precision: 12, scale: 2 })
            },
            Column { default: text("x"), ..Column::new("v", ColumnType::Varchar { length: 20 }) },
            Column {
                default: ColumnDefault::Expression("CURRENT_TIMESTAMP(3)".into()),
                ..Column::new("at", ColumnType::DateTime { scale: 3 })
            },
            Column::new("many", ColumnType::Other("array<int>".into())),
        ],
        keys: KeysType::Unique { merge_on_write: true },
        scheme: PartitionScheme { kind: PartitionKind::List, columns: vec!["c".into()], auto: None },
        partitions: vec![list("pa", &["a", "it's"]), list("pb", &["b"])],
        distribution: Distribution { hash_columns: vec!["k".into()], buckets: 3, auto: false },
        secondary_indexes: vec![SecondaryIndex {
            id: -1,
            name: "ii".into(),
            columns: vec!["v".into()],
            kind: "INVERTED".into(),
            properties: properties(&[("parser", "english")]),
            comment: "words".into(),
        }],
        comment: "every kind of thing".into(),
        ..spec("rich", KeysType::Duplicate)
    }
}

fn list(name: &str, values: &[&str]) -> PartitionSpec {
    let tuples = values.iter().map(|value| vec![Value::Text((*value).into())]).collect();
    PartitionSpec { name: name.into(), item: PartitionItem::List(tuples), buckets: None, properties: BTreeMap::new() }
}

#[test]
fn a_table_is_read_as_it_was_written() {
    let mut source = cluster(1);
    source.create_table("d", rich(), false).unwrap();
    let at = || Value::DateTime("2026-11-23 01:02:03.500".into());
    let key = |unscaled| Value::Decimal { unscaled, scale: 2 };
    let row =
        |c: &str, n| vec![Value::Text(c.into()), key(n), Value::Text("v".into()), at(), Value::Text("[1]".into())];
    load(&mut source, "rich", vec![row("it's", 150), row("b", 250)]);
    let call = snapshot(&mut source, "s", &["rich"]);
    let mut dest = cluster(1);
    assert_eq!(restore(&mut dest, &source, &call), ("FINISHED".into(), "[OK]".into()));
    let (from, to) = (source.table("d", "rich").unwrap(), dest.table("d", "rich").unwrap());
    assert_eq!(
        to.ddl_text(DdlText::Synced, &crate::model::Profile::v4_1()),
        from.ddl_text(DdlText::Synced, &crate::model::Profile::v4_1())
    );
    assert_eq!((&to.columns, &to.hidden_columns), (&from.columns, &from.hidden_columns));
    assert_eq!((to.keys, to.max_unique_id), (from.keys, from.max_unique_id));
    assert_eq!(to.secondary_indexes, from.secondary_indexes, "also the ids, by default");
    let items = |table: &Table| table.partitions.iter().map(|p| (p.name.clone(), p.item.clone())).collect::<Vec<_>>();
    assert_eq!(items(to), items(from));
    assert_eq!(rows(&dest, "rich"), rows(&source, "rich"));
    dest.config.insert("restore_reset_index_id".into(), "true".into());
    let again = RestoreSpec { tables: vec![("rich".into(), Some("reset".into()))], ..call };
    assert_eq!(restore(&mut dest, &source, &again).0, "FINISHED");
    assert_ne!(dest.table("d", "reset").unwrap().secondary_indexes[0].id, from.secondary_indexes[0].id);
}

#[test]
fn rollups_are_restored_with_their_data() {
    let mut source = cluster(1);
    let rollup = RollupSpec { name: "r".into(), columns: vec!["v".into()], duplicate_keys: Vec::new() };
    source.create_table("d", TableSpec { rollups: vec![rollup], ..partitioned("t") }, false).unwrap();
    load(&mut source, "t", vec![row(1, "a"), row(11, "b")]);
    let call = snapshot(&mut source, "s", &["t"]);
    let mut dest = cluster(1);
    assert_eq!(restore(&mut dest, &source, &call).0, "FINISHED");
    let table = dest.table("d", "t").unwrap();
    let rollup = table.indexes.values().find(|index| index.name == "r").unwrap();
    let of_partition = |p: &Partition| {
        let tablets = p.indexes[&rollup.id].iter().map(|tablet| tablet.id);
        let on_be = |id| dest.backends.values().find_map(|be| be.tablets.get(&id));
        tablets.filter_map(on_be).map(|tablet| tablet.rowsets.values().map(|r| r.rows.len()).sum::<usize>()).sum()
    };
    let rows: Vec<usize> = table.partitions.iter().map(of_partition).collect();
    assert_eq!(rows, [1, 1]);
    load(&mut dest, "t", vec![row(2, "c")]);
    assert_eq!(super::rows(&dest, "t"), ["1,a", "11,b", "2,c"]);
}

#[test]
fn the_documents_have_the_keys_of_doris_in_their_order() {
    let mut model = cluster(1);
    model.create_table("d", spec("t", KeysType::Unique { merge_on_write: true }), false).unwrap();
    backup(&mut model, "s", &[]).unwrap();
    pass(&mut model, 1);
    let found = model.local_snapshot("s").unwrap();
    let meta = std::str::from_utf8(&found.meta[4..]).unwrap();
    let begins = r#"{"tblNameMap":{"t":{"clazz":"OlapTable","tst":"NORMAL","itm":{""#;
    assert!(meta.starts_with(begins), "{meta}");
    assert!(
        meta.ends_with(r#""isTemporary":false,"signature":-1,"lastCheckTime":-1}},"resourceNameMap":{}}"#),
        "{meta}"
    );
    for part in [
        r#""pi":{"clazz":"SinglePartitionInfo","Type":"UNPARTITIONED","pc":[],"IdToItem":{},"IdToTempItem":{},"#,
        r#""di":{"clazz":"HashDistributionInfo","distributionColumns":[{"name":"k","#,
        r#""tps":{"idToPartition":{}},"bfFpp":0.0,"indexes":{"indexes":[],"properties":{}},"bid":"#,
        r#"{"name":"__DORIS_DELETE_SIGN__","type":{"clazz":"ScalarType","type":"TINYINT","#,
    ] {
        assert!(meta.contains(part), "{part} in {meta}");
    }
    let info = std::str::from_utf8(&found.job_info).unwrap();
    assert!(info.starts_with(r#"{"name":"s","database":"d","id":"#), "{info}");
    assert!(info.contains(r#""content":"ALL","backup_objects":{"t":{"id":"#), "{info}");
    assert!(
        info.contains(
            r#""new_backup_objects":{"views":[],"odbc_tables":[],"odbc_resources":[]},"backup_result":"succeed","meta_version":140,"major_version":4,"minor_version":1,"patch_version":0,"is_force_replication_allocation":false,"tablet_be_map":{"#
        ),
        "{info}"
    );
    assert!(info.ends_with(r#","tblalias":{}}"#), "{info}");
}

#[test]
fn a_materialized_view_goes_on_after_a_restore() {
    let mut source = cluster(1);
    source.create_table("d", partitioned("t"), false).unwrap();
    load(&mut source, "t", vec![row(1, "a"), row(2, "a")]);
    let column = |name: &str, from: &str, aggregation| MvColumn { name: name.into(), source: from.into(), aggregation };
    let columns = vec![column("mv_v", "v", None), column("mva_MAX__k", "k", None)];
    let view = MaterializedViewSpec { name: "mv".into(), columns, grouped: false };
    source.create_materialized_view("d", "t", &view).unwrap();
    for _ in 0..60 {
        pass(&mut source, 1000);
    }
    let of_view = |model: &Model| {
        let table = model.table("d", "t").unwrap();
        table.indexes.values().find(|index| index.name == "mv").unwrap().columns.clone()
    };
    let call = snapshot(&mut source, "s", &["t"]);
    let mut dest = cluster(1);
    assert_eq!(restore(&mut dest, &source, &call).0, "FINISHED");
    assert_eq!(of_view(&dest), of_view(&source));
    assert!(of_view(&dest).iter().all(|column| column.source.is_some()));
}
