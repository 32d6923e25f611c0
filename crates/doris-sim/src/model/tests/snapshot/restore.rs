use super::*;

#[test]
fn a_restored_table_is_the_source_with_other_ids() {
    let mut source = cluster(1);
    source.create_table("d", partitioned("t"), false).unwrap();
    load(&mut source, "t", vec![row(1, "a")]);
    load(&mut source, "t", vec![row(2, "b"), row(12, "c")]);
    let spec = snapshot(&mut source, "s", &["t"]);
    let mut dest = cluster(2);
    dest.create_database("other", &BTreeMap::new(), false).unwrap();
    dest.options.snapshot_tick_ms = 3000;
    dest.submit_restore(&spec).unwrap();
    let mut states = vec![last_restore(&dest).0];
    let mut listed_in = Vec::new();
    for _ in 0..12 {
        pass(&mut dest, 3000);
        while let Some(task) = dest.take_download() {
            let rowsets = served(&source, &task.path_and_query);
            dest.finish_download(&task, rowsets);
        }
        let state = last_restore(&dest).0;
        if dest.table("d", "t").is_ok() {
            listed_in.push(state.clone());
        }
        if states.last() != Some(&state) {
            states.push(state);
        }
    }
    assert_eq!(listed_in.first().map(String::as_str), Some("SNAPSHOTING"), "listed before it is finished");
    assert_eq!(
        states,
        ["PENDING", "CREATING", "SNAPSHOTING", "DOWNLOAD", "DOWNLOADING", "COMMIT", "COMMITTING", "FINISHED"]
    );
    assert_eq!(rows(&dest, "t"), rows(&source, "t"));
    let (from, to) = (source.table("d", "t").unwrap(), dest.table("d", "t").unwrap());
    assert_ne!(from.id, to.id);
    assert!(to.flag("is_being_synced") && to.flag("binlog.enable"));
    let versions = |t: &Table| t.partitions.iter().map(|p| (p.visible_version.0, p.next_version.0)).collect::<Vec<_>>();
    assert_eq!(versions(to), versions(from));
    assert!(!dest.binlogs.contains_key(&db(&dest)), "a restore writes no record");
    assert_eq!(
        to.ddl_text(DdlText::Synced, &crate::model::Profile::v4_1()),
        from.ddl_text(DdlText::Synced, &crate::model::Profile::v4_1())
    );
    load(&mut dest, "t", vec![row(3, "d")]);
    assert_eq!(dest.table("d", "t").unwrap().partitions[0].visible_version.0, 4);
}

#[test]
fn an_existing_table_is_overwritten_and_its_version_may_fall() {
    let mut source = cluster(1);
    source.create_table("d", spec("t", KeysType::Duplicate), false).unwrap();
    load(&mut source, "t", vec![row(1, "a")]);
    let spec_of = snapshot(&mut source, "s", &["t"]);
    let mut dest = cluster(1);
    let id = dest.create_table("d", spec("t", KeysType::Duplicate), false).unwrap();
    for n in 0..4 {
        load(&mut dest, "t", vec![row(n, "old")]);
    }
    dest.submit_restore(&spec_of).unwrap();
    dest.options.snapshot_tick_ms = 3000;
    pass(&mut dest, 1);
    assert_eq!(dest.table("d", "t").unwrap().state, TableState::Restore);
    assert!(text(dest.rows("d", "t")).contains("Partition state is not NORMAL: t:RESTORING"));
    assert_eq!(
        text(dest.load("d", "t", vec![row(9, "x")])),
        format!("{P}Table [t], Partition [t] is in restore process. Can not load into it")
    );
    assert_eq!(
        text(dest.rename_table("d", "t", "x")),
        format!("{P}Table[t]'s state(RESTORE) is not NORMAL. Do not allow doing ALTER ops")
    );
    assert!(text(dest.drop_table("d", "t", false, false)).contains("The table [t]'s state is RESTORE"));
    dest.options.snapshot_tick_ms = 0;
    pass(&mut dest, 3000);
    download_all(&mut dest, &source);
    assert_eq!(last_restore(&dest), ("FINISHED".into(), "[OK]".into()));
    let table = dest.table("d", "t").unwrap();
    assert_eq!((table.id, table.partitions[0].visible_version.0), (id, 2));
    assert_eq!(rows(&dest, "t"), ["1,a"]);
}

#[test]
fn another_master_begins_unjournaled_work_again_and_has_no_snapshots() {
    let mut source = cluster(1);
    source.add_frontend("fe2", 9030, 9020);
    source.options.snapshot_tick_ms = 3000;
    source.create_table("d", spec("t", KeysType::Duplicate), false).unwrap();
    backup(&mut source, "s", &["t"]).unwrap();
    pass(&mut source, 3000);
    let state = |model: &Model| {
        let row = model.backup_rows(db(model)).pop().unwrap();
        (row[0].clone().unwrap(), row[3].clone().unwrap())
    };
    let (first_id, first_state) = state(&source);
    assert_eq!(first_state, "SNAPSHOTING");
    let at = head(&source);
    source.set_master(Some(1));
    assert_eq!(state(&source), ("-1".into(), "PENDING".into()));
    pass(&mut source, 3000);
    assert_ne!(state(&source).0, first_id);
    assert_eq!(records(&source, at).len(), 1, "with another barrier");
    pass(&mut source, 18_000);
    assert!(source.local_snapshot("s").is_ok());
    source.set_master(Some(0));
    assert_eq!(source.local_snapshot("s").unwrap_err().text, "snapshot s not exist");
    assert_eq!(state(&source).1, "FINISHED");
    source.set_master(Some(1));
    assert!(source.local_snapshot("s").is_ok(), "its files are still there");

    let mut plain = cluster(1);
    plain.create_table("d", spec("t", KeysType::Duplicate), false).unwrap();
    let call = snapshot(&mut plain, "s", &["t"]);
    let mut dest = cluster(1);
    dest.options.snapshot_tick_ms = 3000;
    dest.submit_restore(&call).unwrap();
    pass(&mut dest, 6000);
    assert!(dest.table("d", "t").is_ok());
    dest.set_master(Some(0));
    assert_eq!(last_restore(&dest).0, "PENDING");
    assert!(dest.table("d", "t").is_err(), "what it made is undone");
    dest.options.snapshot_tick_ms = 0;
    pass(&mut dest, 3000);
    download_all(&mut dest, &plain);
    assert_eq!(last_restore(&dest).0, "FINISHED");
}

#[test]
fn views_are_restored_with_the_names_of_their_new_database() {
    let mut source = cluster(1);
    let t = |db: &str| format!("SELECT `internal`.`{db}`.`t`.`k` AS `k` FROM `internal`.`{db}`.`t`");
    let view = |definition: String| ViewSpec {
        name: "v".into(),
        columns: vec![("k".into(), String::new())],
        types: vec![ColumnType::Int],
        definition,
        comment: String::new(),
    };
    source.create_view("d", view(t("d")), false, false).unwrap();
    let call = RestoreSpec { db: "e".into(), ..snapshot(&mut source, "s", &["v"]) };
    let mut dest = cluster(1);
    dest.create_database("e", &BTreeMap::new(), false).unwrap();
    let run = |dest: &mut Model| {
        dest.submit_restore(&call).unwrap();
        pass(dest, 1);
        let row = dest.restore_rows(dest.db_id("e").unwrap()).pop().unwrap();
        (row[4].clone().unwrap(), row[19].clone().unwrap())
    };
    assert_eq!(run(&mut dest).0, "FINISHED");
    let text = dest.create_table_text("e", "v").unwrap();
    assert_eq!(text, format!("CREATE VIEW `v`\n(k)\n AS {};", t("e")));
    assert_eq!(run(&mut dest).0, "FINISHED", "the same view again fits");
    dest.create_view("e", view("SELECT 1 AS `k`".into()), false, true).unwrap();
    let expected = "[COMMON_ERROR, msg: View v already exist but with different schema]";
    assert_eq!(run(&mut dest), ("CANCELLED".into(), expected.into()));
}

#[test]
fn a_committed_transaction_is_overtaken_by_a_restore() {
    let mut source = cluster(1);
    source.create_table("d", spec("t", KeysType::Duplicate), false).unwrap();
    load(&mut source, "t", vec![row(1, "a")]);
    let call = snapshot(&mut source, "s", &["t"]);
    let mut dest = cluster(1);
    dest.create_table("d", spec("t", KeysType::Duplicate), false).unwrap();
    dest.hold_publish(true);
    let txn = dest.load("d", "t", vec![row(9, "lost")]).unwrap();
    assert_eq!(restore(&mut dest, &source, &call).0, "FINISHED");
    dest.hold_publish(false);
    pass(&mut dest, 100);
    assert_eq!(dest.txn(txn).unwrap().state, TxnState::Visible);
    assert_eq!(rows(&dest, "t"), ["1,a"]);
    load(&mut dest, "t", vec![row(2, "b")]);
    assert_eq!(rows(&dest, "t"), ["1,a", "2,b"]);
}

#[test]
fn missing_partitions_appear_at_the_end_of_creating_and_go_with_a_cancellation() {
    let mut source = cluster(1);
    source.create_table("d", partitioned("t"), false).unwrap();
    load(&mut source, "t", vec![row(1, "a"), row(11, "b")]);
    let call = snapshot(&mut source, "s", &["t"]);
    let mut dest = cluster(1);
    let one = TableSpec { partitions: vec![range("p1", 0, 10)], ..partitioned("t") };
    dest.create_table("d", one, false).unwrap();
    dest.options.snapshot_tick_ms = 3000;
    dest.submit_restore(&call).unwrap();
    let partitions = |model: &Model| model.table("d", "t").unwrap().partitions.len();
    let mut seen = Vec::new();
    for _ in 0..3 {
        seen.push((last_restore(&dest).0, partitions(&dest)));
        pass(&mut dest, 3000);
    }
    let expected = [("PENDING", 1), ("CREATING", 1), ("SNAPSHOTING", 2)];
    assert_eq!(seen, expected.map(|(state, n)| (state.to_owned(), n)));
    dest.cancel_snapshot_job("d", true).unwrap();
    let table = dest.table("d", "t").unwrap();
    assert_eq!((table.partitions.len(), table.state), (1, TableState::Normal));
    dest.options.snapshot_tick_ms = 0;
    assert_eq!(restore(&mut dest, &source, &call).0, "FINISHED");
    assert_eq!(rows(&dest, "t"), ["1,a", "11,b"]);
}

#[test]
fn times_and_versions_of_the_source_stay_where_nothing_was_before() {
    let mut source = cluster(1);
    source.create_table("d", partitioned("t"), false).unwrap();
    load(&mut source, "t", vec![row(1, "a")]);
    let call = snapshot(&mut source, "s", &["t"]);
    let mut dest = cluster(1);
    pass(&mut dest, 60_000);
    assert_eq!(restore(&mut dest, &source, &call).0, "FINISHED");
    let visible = |model: &Model| model.table("d", "t").unwrap().partitions.iter().map(|p| p.visible_ms).collect();
    let (from, to): (Vec<i64>, Vec<i64>) = (visible(&source), visible(&dest));
    assert_eq!(to, from);
    let table = dest.table("d", "t").unwrap();
    assert_eq!(table.version, Version(3), "the table has one more");
    assert!(table.version_ms >= NOW + 60_000);
    assert_eq!(table.created_ms / 1000, source.table("d", "t").unwrap().created_ms / 1000);
    pass(&mut dest, 60_000);
    assert_eq!(restore(&mut dest, &source, &call).0, "FINISHED");
    let to: Vec<i64> = visible(&dest);
    assert!(to.iter().all(|ms| *ms >= NOW + 120_000), "what was there before has a new time");
}

#[test]
fn what_goes_meanwhile_cancels_a_restore_or_is_made_again() {
    let mut source = cluster(1);
    source.create_table("d", spec("t", KeysType::Duplicate), false).unwrap();
    load(&mut source, "t", vec![row(1, "a")]);
    let call = snapshot(&mut source, "s", &["t"]);
    let mut dest = cluster(1);
    dest.create_table("d", spec("t", KeysType::Duplicate), false).unwrap();
    dest.options.snapshot_tick_ms = 3000;
    dest.submit_restore(&call).unwrap();
    dest.drop_table("d", "t", false, false).unwrap();
    pass(&mut dest, 6000);
    let id = dest.table("d", "t").unwrap().id;
    assert_eq!(last_restore(&dest).0, "SNAPSHOTING", "dropped while PENDING, it is made again");
    dest.drop_table("d", "t", false, true).unwrap();
    pass(&mut dest, 3000);
    let expected = format!("[NOT_FOUND, msg: table {id} has been dropped]");
    assert_eq!(last_restore(&dest), ("CANCELLED".into(), expected));
    dest.submit_restore(&call).unwrap();
    pass(&mut dest, 6000);
    let database = db(&dest);
    dest.drop_database("d", false, true).unwrap();
    pass(&mut dest, 3000);
    let row = dest.restore_rows(database).pop().unwrap();
    assert_eq!(row[19], Some(format!("[NOT_FOUND, msg: database {database} has been dropped]")));
}

#[test]
fn a_download_that_fails_is_tried_again() {
    let mut source = cluster(1);
    source.create_table("d", spec("t", KeysType::Duplicate), false).unwrap();
    load(&mut source, "t", vec![row(1, "a")]);
    let call = snapshot(&mut source, "s", &["t"]);
    let mut dest = cluster(1);
    dest.submit_restore(&call).unwrap();
    pass(&mut dest, 1);
    let mut failed = 0;
    while let Some(task) = dest.take_download() {
        dest.finish_download(&task, Err("no route".into()));
        failed += 1;
    }
    let row = dest.restore_rows(db(&dest)).pop().unwrap();
    let (unfinished, errors) = (row[16].clone().unwrap(), row[18].clone().unwrap());
    assert_eq!(failed, 2);
    assert!(errors.starts_with('[') && errors.ends_with(": no route]") && !errors.contains("], ["), "{errors}");
    let backend = dest.backends.keys().next().unwrap();
    assert!(unfinished.ends_with(&format!("={backend}]")), "one task for both tablets: {unfinished}");
    assert_eq!(last_restore(&dest), ("DOWNLOADING".into(), "[OK]".into()));
    pass(&mut dest, 10_000);
    download_all(&mut dest, &source);
    assert_eq!(last_restore(&dest).0, "FINISHED");
    assert_eq!(rows(&dest, "t"), ["1,a"]);
}

#[test]
fn properties_of_the_other_cluster_are_reset() {
    let mut source = cluster(3);
    let dynamic = [
        ("replication_num", "2"),
        ("dynamic_partition.enable", "true"),
        ("dynamic_partition.time_unit", "DAY"),
        ("dynamic_partition.end", "3"),
        ("dynamic_partition.prefix", "p"),
        ("dynamic_partition.buckets", "1"),
    ];
    let table = TableSpec { properties: properties(&dynamic), ..partitioned("t") };
    source.create_table("d", table, false).unwrap();
    let call = snapshot(&mut source, "s", &["t"]);
    let value = |model: &Model, key: &str| model.table("d", "t").unwrap().properties.get(key).cloned();
    let mut kept = cluster(3);
    let reserve = properties(&[("reserve_replica", "true"), ("reserve_dynamic_partition_enable", "true")]);
    assert_eq!(restore(&mut kept, &source, &RestoreSpec { properties: reserve, ..call.clone() }).0, "FINISHED");
    assert_eq!(value(&kept, "dynamic_partition.enable").as_deref(), Some("true"));
    assert_eq!(value(&kept, "replication_allocation").as_deref(), Some("tag.location.default: 2"));
    let mut reset = cluster(3);
    let num = properties(&[("replication_num", "1")]);
    assert_eq!(restore(&mut reset, &source, &RestoreSpec { properties: num, ..call }).0, "FINISHED");
    assert_eq!(value(&reset, "dynamic_partition.enable").as_deref(), Some("false"));
    assert_eq!(value(&reset, "replication_allocation").as_deref(), Some("tag.location.default: 1"));
    let replicas = |model: &Model| {
        model.table("d", "t").unwrap().partitions[0].tablets().map(|(_, t)| t.replicas.len()).collect::<Vec<_>>()
    };
    assert_eq!((replicas(&kept), replicas(&reset)), (vec![2, 2], vec![1, 1]));
}

#[test]
fn stand_in_backends_download_nothing() {
    let mut source = cluster(1);
    source.options.stand_in_backends = true;
    source.create_table("d", spec("t", KeysType::Duplicate), false).unwrap();
    let call = snapshot(&mut source, "s", &["t"]);
    assert!(String::from_utf8_lossy(&call.job_info).contains("\"/fake/snapshot/"));
    let mut dest = cluster(1);
    dest.options.stand_in_backends = true;
    dest.submit_restore(&call).unwrap();
    pass(&mut dest, 1);
    assert_eq!(last_restore(&dest), ("FINISHED".into(), "[OK]".into()));
}
