use super::*;

fn named(name: &str) -> RecoverSpec<'_> {
    RecoverSpec { name, ..RecoverSpec::default() }
}

#[test]
fn a_recovered_table_is_the_one_that_was_dropped() {
    let mut model = cluster(1);
    let t = model.create_table("d", spec("t", KeysType::Duplicate), false).unwrap();
    load(&mut model, "t", vec![row(1, "a")]);
    model.drop_table("d", "t", false, false).unwrap();
    assert!(model.dropped(db(&model)).tables.contains(t));
    let at = head(&model);
    model.recover_table("d", named("t")).unwrap();
    assert_eq!((model.table("d", "t").unwrap().id, rows(&model, "t")), (t, vec!["1,a".to_owned()]));
    assert!(!model.dropped(db(&model)).tables.contains(t), "a recovery takes it off the list");
    let (kind, data) = records(&model, at).remove(0);
    assert_eq!(kind, 24);
    assert_eq!(data["tableName"], "t");
    assert!(data.get("newTableName").is_none(), "only with AS");

    model.drop_table("d", "t", false, false).unwrap();
    let at = head(&model);
    model.recover_table("d", RecoverSpec { new_name: Some("u"), ..named("t") }).unwrap();
    let (_, data) = records(&model, at).remove(0);
    assert_eq!((&data["tableName"], &data["newTableName"]), (&"u".into(), &"u".into()));
    let table = model.table("d", "u").unwrap();
    assert_eq!(table.indexes[&table.base_index].name, "u");
}

#[test]
fn what_cannot_be_recovered_is_said_in_doris_words() {
    let mut model = cluster(1);
    model.create_table("d", partitioned("t"), false).unwrap();
    let with_id = |id| RecoverSpec { id: Some(id), ..named("x") };
    let cases = [
        (text(model.recover_database(named("d"))), "Database[d] already exist."),
        (text(model.recover_database(named("x"))), "Unknown database 'x' or database id '-1'"),
        (text(model.recover_table("d", named("t"))), "Table 't' already exists"),
        (text(model.recover_table("d", named("x"))), "Unknown table 'x' or table id '-1' in d"),
        (text(model.recover_table("d", with_id(7))), "Unknown table 'x' or table id '7' in d"),
        (text(model.recover_partition("d", "t", named("p1"))), "partition[p1] already exist in table[t]"),
        (text(model.recover_partition("d", "t", named("x"))), "No partition named 'x' or partition id '-1' in table t"),
        (text(model.recover_partition("d", "x", named("p"))), "Unknown table 'x'"),
    ];
    for (found, expected) in cases {
        assert_eq!(found, format!("errCode = 2, detailMessage = {expected}"));
    }
    model.truncate_table("d", "t", Some(&["p1".into()]), false).unwrap();
    assert_eq!(
        text(model.recover_partition("d", "t", RecoverSpec { new_name: Some("old"), ..named("p1") })),
        "errCode = 2, detailMessage = Can not recover partition[p1]. Partition item conflict."
    );
    model.drop_table("d", "t", false, true).unwrap();
    assert_eq!(model.recycle_bin.relations.len(), 1, "FORCE waits for the daemon");
    assert!(model.recover_table("d", named("t")).is_err(), "but is lost");
    pass(&mut model, 30_000);
    assert!(model.recycle_bin.relations.is_empty());
}

#[test]
fn a_recovered_partition_has_its_rows_and_its_version() {
    let mut model = cluster(1);
    model.create_table("d", partitioned("t"), false).unwrap();
    load(&mut model, "t", vec![row(1, "a"), row(11, "b")]);
    let id = model.table("d", "t").unwrap().partition("p2", false).unwrap().id;
    let at = head(&model);
    model.drop_partition("d", "t", "p2", false, false, false).unwrap();
    let (_, data) = records(&model, at).remove(0);
    assert_eq!((&data["version"], &data["pid"]), (&3.into(), &id.get().into()), "the table has a new version");
    assert_eq!(rows(&model, "t"), ["1,a"]);
    let at = head(&model);
    model.recover_partition("d", "t", RecoverSpec { new_name: Some("q"), ..named("p2") }).unwrap();
    assert_eq!(rows(&model, "t"), ["1,a", "11,b"]);
    assert_eq!(model.table("d", "t").unwrap().partition("q", false).unwrap().id, id);
    let (kind, data) = records(&model, at).remove(0);
    assert_eq!((kind, &data["partitionName"], &data["newPartitionName"]), (24, &"p2".into(), &"q".into()));
}

#[test]
fn a_recovered_database_has_its_tables_and_its_records() {
    let mut model = cluster(1);
    let t = model.create_table("d", spec("t", KeysType::Duplicate), false).unwrap();
    let at = head(&model);
    model.drop_database("d", false, false).unwrap();
    assert!(model.stream_key("d", None, None).is_err());
    model.recover_database(named("d")).unwrap();
    assert_eq!((model.table("d", "t").unwrap().id, head(&model)), (t, at), "no record of drop and recovery");
    model.drop_database("d", false, false).unwrap();
    model.create_database("d", &BTreeMap::new(), false).unwrap();
    model.recover_database(RecoverSpec { new_name: Some("e"), ..named("d") }).unwrap();
    assert!(model.table("e", "t").is_ok() && model.table("d", "t").is_err());
}

#[test]
fn the_bin_keeps_the_newest_of_a_name_and_erases_all_in_the_end() {
    let mut model = cluster(1);
    for _ in 0..5 {
        model.create_table("d", spec("t", KeysType::Duplicate), false).unwrap();
        model.drop_table("d", "t", false, false).unwrap();
    }
    let count = |model: &Model| model.recycle_bin.relations.len();
    pass(&mut model, 590_000);
    assert_eq!(count(&model), 5, "nothing is erased in the first ten minutes");
    pass(&mut model, 60_000);
    assert_eq!(count(&model), 3, "max_same_name_catalog_trash_num");
    pass(&mut model, 86_400_000);
    assert_eq!(count(&model), 0, "catalog_trash_expire_second");
    assert!(model.backends.values().all(|be| be.tablets.is_empty()), "only now the tablets go");
}
