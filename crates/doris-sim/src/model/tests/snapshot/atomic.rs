use super::*;

#[test]
fn an_atomic_restore_keeps_the_old_table_readable_until_the_switch() {
    let mut source = cluster(1);
    source.create_table("d", partitioned("t"), false).unwrap();
    load(&mut source, "t", vec![row(1, "new")]);
    let mut call = snapshot(&mut source, "s", &["t"]);
    call.atomic_restore = true;
    let mut dest = cluster(1);
    let old = dest.create_table("d", spec("t", KeysType::Duplicate), false).unwrap();
    load(&mut dest, "t", vec![row(1, "old")]);
    let (state, status) = restore(&mut dest, &source, &call);
    assert_eq!(state, "CANCELLED");
    assert_eq!(
        status,
        "[COMMON_ERROR, msg: Table's partition type is different. local table: t, local type: UNPARTITIONED, another \
         table: t, another type: RANGE]"
    );
    call.force_replace = true;
    dest.submit_restore(&call).unwrap();
    pass(&mut dest, 1);
    assert_eq!(rows(&dest, "t"), ["1,old"]);
    assert!(dest.table("d", "__doris_atomic_restore_prefix__t").is_ok());
    assert_eq!(
        text(dest.rename_table("d", "t", "x")),
        format!("{P}Table[t] is in atomic restore state. Do not allow doing ALTER ops")
    );
    assert!(dest.create_table_text("d", "t").unwrap().contains("\"in_atomic_restore\" = \"true\""));
    assert!(text(dest.drop_table("d", "t", false, false)).contains("The table [t]'s state is in atomic restore"));
    load(&mut dest, "t", vec![row(2, "lost")]);
    download_all(&mut dest, &source);
    assert_eq!(last_restore(&dest).0, "FINISHED");
    assert_eq!(rows(&dest, "t"), ["1,new"]);
    assert_ne!(dest.table("d", "t").unwrap().id, old);
    assert!(dest.table("d", "__doris_atomic_restore_prefix__t").is_err());
}

#[test]
fn cleaning_goes_by_the_names_of_the_source() {
    let mut source = cluster(1);
    source.create_table("d", partitioned("t"), false).unwrap();
    let call = snapshot(&mut source, "s", &["t"]);
    let mut dest = cluster(1);
    dest.create_table("d", partitioned("t"), false).unwrap();
    dest.add_partition("d", "t", range("extra", 50, 60), false, false).unwrap();
    dest.create_table("d", spec("mine", KeysType::Duplicate), false).unwrap();
    let clean = RestoreSpec { clean_tables: true, clean_partitions: true, ..call.clone() };
    assert_eq!(restore(&mut dest, &source, &clean).0, "FINISHED");
    assert!(dest.table("d", "mine").is_err());
    assert_eq!(dest.table("d", "t").unwrap().partitions.len(), 2);
    let mut dest = cluster(1);
    let aliased = RestoreSpec { tables: vec![("t".into(), Some("x".into()))], clean_tables: true, ..call };
    assert_eq!(restore(&mut dest, &source, &aliased).0, "FINISHED");
    assert!(dest.table("d", "x").is_err(), "what was restored under an alias is cleaned away by its own restore");
}

#[test]
fn an_atomic_restore_builds_everything_under_hidden_names() {
    let mut source = cluster(1);
    source.create_table("d", spec("t", KeysType::Duplicate), false).unwrap();
    load(&mut source, "t", vec![row(1, "a")]);
    let view = ViewSpec {
        name: "v".into(),
        columns: vec![("k".into(), String::new())],
        types: vec![ColumnType::Int],
        definition: "SELECT `internal`.`d`.`t`.`k` FROM `internal`.`d`.`t`".into(),
        comment: String::new(),
    };
    source.create_view("d", view.clone(), false, false).unwrap();
    let call = RestoreSpec {
        tables: vec![("t".into(), Some("x".into())), ("v".into(), None)],
        atomic_restore: true,
        ..snapshot(&mut source, "s", &[])
    };
    let mut dest = cluster(1);
    dest.options.snapshot_tick_ms = 3000;
    dest.submit_restore(&call).unwrap();
    pass(&mut dest, 6000);
    let names = |model: &Model| {
        let mut names: Vec<_> = model.databases[&db(model)].relations.values().map(|r| r.name().to_owned()).collect();
        names.sort();
        names
    };
    assert_eq!(names(&dest), ["__doris_atomic_restore_prefix__v", "__doris_atomic_restore_prefix__x"]);
    dest.cancel_snapshot_job("d", true).unwrap();
    assert_eq!(last_restore(&dest).1, "[COMMON_ERROR, msg: user cancelled, current state: SNAPSHOTING]");
    assert!(names(&dest).is_empty());
    dest.options.snapshot_tick_ms = 0;
    dest.create_view("d", ViewSpec { definition: "SELECT 1 AS `k`".into(), ..view }, false, false).unwrap();
    let old = dest.databases[&db(&dest)].relation("v").unwrap().id();
    let call = RestoreSpec { force_replace: true, ..call };
    assert_eq!(restore(&mut dest, &source, &call).0, "FINISHED");
    assert_eq!(names(&dest), ["v", "x"]);
    assert_ne!(dest.databases[&db(&dest)].relation("v").unwrap().id(), old);
    assert_eq!(rows(&dest, "x"), ["1,a"]);
}

#[test]
fn a_switch_fails_where_something_else_took_the_name() {
    let mut source = cluster(1);
    source.create_table("d", spec("t", KeysType::Duplicate), false).unwrap();
    let call = RestoreSpec { atomic_restore: true, ..snapshot(&mut source, "s", &["t"]) };
    let mut dest = cluster(1);
    dest.options.snapshot_tick_ms = 3000;
    dest.submit_restore(&call).unwrap();
    pass(&mut dest, 6000);
    let view = ViewSpec {
        name: "t".into(),
        columns: Vec::new(),
        types: Vec::new(),
        definition: "SELECT 1".into(),
        comment: String::new(),
    };
    dest.create_view("d", view, false, false).unwrap();
    dest.options.snapshot_tick_ms = 0;
    pass(&mut dest, 3000);
    download_all(&mut dest, &source);
    let expected = "[COMMON_ERROR, msg: replace table failed, the origin table t is not OLAP table, it is VIEW]";
    assert_eq!(last_restore(&dest), ("CANCELLED".into(), expected.into()));
    assert_eq!(dest.databases[&db(&dest)].relations.len(), 1, "only the view is left");
}

#[test]
fn cleaning_is_recorded_and_can_be_recovered() {
    let mut source = cluster(1);
    source.create_table("d", partitioned("t"), false).unwrap();
    let call = snapshot(&mut source, "s", &["t"]);
    let mut dest = cluster(1);
    dest.create_table("d", partitioned("t"), false).unwrap();
    dest.add_partition("d", "t", range("extra", 50, 60), false, false).unwrap();
    dest.create_table("d", spec("mine", KeysType::Duplicate), false).unwrap();
    load(&mut dest, "mine", vec![row(7, "kept")]);
    let at = head(&dest);
    let clean = RestoreSpec { clean_tables: true, clean_partitions: true, ..call };
    assert_eq!(restore(&mut dest, &source, &clean).0, "FINISHED");
    let written = records(&dest, at);
    let kinds: Vec<i32> = written.iter().map(|(kind, _)| *kind).collect();
    assert_eq!(kinds, [3, 4], "DROP_PARTITION, DROP_TABLE");
    assert_eq!(written[0].1["partitionName"], "extra");
    assert_eq!(written[1].1["rawSql"], "DROP TABLE IF EXISTS `mine`");
    assert_eq!(dest.recycle_bin.relations.len(), 1);
    assert_eq!(dest.recycle_bin.partitions.len(), 1);
}
