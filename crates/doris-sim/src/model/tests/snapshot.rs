use super::*;

const P: &str = "errCode = 2, detailMessage = ";

fn backup(model: &mut Model, label: &str, tables: &[&str]) -> Answer<()> {
    let object = |name: &&str| BackupObject { name: (*name).to_owned(), ..BackupObject::default() };
    model.submit_backup(&BackupSpec {
        db: "d".into(),
        label: label.into(),
        repository: "__keep_on_local__".into(),
        objects: (!tables.is_empty()).then(|| tables.iter().map(object).collect()),
        ..BackupSpec::default()
    })
}

/// A finished backup of these tables as a call of restoreSnapshot, with the extra info that its caller adds.
fn snapshot(model: &mut Model, label: &str, tables: &[&str]) -> RestoreSpec {
    backup(model, label, tables).unwrap();
    pass(model, 1);
    let found = model.local_snapshot(label).unwrap().clone();
    let mut info: serde_json::Value = serde_json::from_slice(&found.job_info).unwrap();
    info["extra_info"] = serde_json::json!({
        "be_network_map": model.backends.keys().map(|id| (id.to_string(), serde_json::json!({ "ip": "src", "port": 8040 })))
            .collect::<serde_json::Map<_, _>>(),
        "token": "token",
    });
    RestoreSpec {
        db: "d".into(),
        label: format!("r_{label}"),
        repository: "__keep_on_local__".into(),
        meta: found.meta,
        job_info: serde_json::to_vec(&info).unwrap().into(),
        properties: properties(&[("reserve_replica", "true")]),
        ..RestoreSpec::default()
    }
}

/// What the source's backends serve for a download.
fn served(source: &Model, path_and_query: &str) -> Result<BTreeMap<Version, SharedRowset>, String> {
    let mut parts = path_and_query.split("&file=").nth(1).unwrap().rsplitn(4, '/').skip(2);
    let (tablet, path) = (TabletId::new(parts.next().unwrap().parse().unwrap()), parts.next().unwrap());
    let found = source.backends.keys().find_map(|be| source.snapshot_rowsets(*be, path, tablet));
    found.cloned().ok_or_else(|| "file not exist.".to_owned())
}

/// Makes the downloads of all restores of `dest` from the snapshots of `source`.
fn download_all(dest: &mut Model, source: &Model) {
    loop {
        pass(dest, 1);
        let Some(task) = dest.take_download() else { return };
        let rowsets = served(source, &task.path_and_query);
        dest.finish_download(&task, rowsets);
    }
}

fn last_restore(model: &Model) -> (String, String) {
    let row = model.restore_rows(db(model)).pop().unwrap();
    (row[4].clone().unwrap(), row[19].clone().unwrap())
}

fn restore(dest: &mut Model, source: &Model, spec: &RestoreSpec) -> (String, String) {
    dest.submit_restore(spec).unwrap();
    download_all(dest, source);
    last_restore(dest)
}

#[test]
fn a_backup_walks_through_its_states_and_leaves_documents() {
    let mut model = cluster(1);
    model.options.snapshot_tick_ms = 3000;
    let t = model.create_table("d", spec("t", KeysType::Duplicate), false).unwrap();
    let u = model.create_table("d", partitioned("u"), false).unwrap();
    load(&mut model, "t", vec![row(1, "a")]);
    let at = head(&model);
    backup(&mut model, "s", &[]).unwrap();
    assert_eq!(
        text(backup(&mut model, "s2", &[])),
        format!(
            "{P}Can only run one backup or restore job of a database at same time , current running: label = s jobId = \
             -1, to run label = s2"
        )
    );
    let mut states = Vec::new();
    for _ in 0..7 {
        let row = model.backup_rows(db(&model)).pop().unwrap();
        states.push(row[3].clone().unwrap());
        pass(&mut model, 3000);
    }
    assert_eq!(
        states,
        ["PENDING", "SNAPSHOTING", "UPLOAD_SNAPSHOT", "UPLOADING", "SAVE_META", "UPLOAD_INFO", "FINISHED"]
    );
    let barriers = records(&model, at);
    assert_eq!(barriers.len(), 2);
    assert_eq!((barriers[0].0, barriers[0].1["binlogType"].as_i64()), (10, Some(0)));
    let found = model.local_snapshot("s").unwrap();
    let info: serde_json::Value = serde_json::from_slice(&found.job_info).unwrap();
    assert_eq!(info["backup_objects"]["t"]["partitions"]["t"]["version"], 2);
    assert_eq!(info["backup_objects"]["u"]["id"], u.get());
    let (first, second) = (&info["table_commit_seq_map"][t.to_string()], &info["table_commit_seq_map"][u.to_string()]);
    assert!(found.commit_seq.0 < first.as_i64().unwrap() && first.as_i64() < second.as_i64());
    assert_eq!(u32::from_be_bytes(found.meta[..4].try_into().unwrap()) as usize, found.meta.len() - 4);
    assert_eq!(model.local_snapshot("zz").unwrap_err().text, "snapshot zz not exist");
    model.expire_snapshot("s");
    let expired = model.local_snapshot("s").unwrap_err();
    assert_eq!((expired.status, expired.text.as_str()), (75, "snapshot s is expired"));
}

#[test]
fn a_backup_leaves_out_what_went_away_and_needs_something() {
    let mut model = cluster(1);
    backup(&mut model, "none", &[]).unwrap();
    pass(&mut model, 1);
    let row = model.backup_rows(db(&model)).pop().unwrap();
    assert_eq!(row[3].as_deref(), Some("CANCELLED"));
    assert_eq!(row[12].as_deref(), Some("[NOT_FOUND, msg: no valid tables found for backup]"));
    assert_eq!(row[4].as_deref(), Some(""));
    model.create_table("d", spec("t", KeysType::Duplicate), false).unwrap();
    model.create_table("d", spec("u", KeysType::Duplicate), false).unwrap();
    backup(&mut model, "s", &["t", "u"]).unwrap();
    model.rename_table("d", "t", "t9").unwrap();
    pass(&mut model, 1);
    let row = model.backup_rows(db(&model)).pop().unwrap();
    assert_eq!((row[3].as_deref(), row[12].as_deref()), (Some("FINISHED"), Some("[OK]")));
    assert_eq!(row[4].as_deref(), Some("[d.t], [d.u]"));
    let info: serde_json::Value = serde_json::from_slice(&model.local_snapshot("s").unwrap().job_info).unwrap();
    assert!(info["backup_objects"].get("t").is_none() && info["backup_objects"].get("u").is_some());

    assert_eq!(text(backup(&mut model, "x", &["gone"])), format!("{P}Unknown table 'gone'"));
    assert_eq!(
        text(model.cancel_snapshot_job("d", false)),
        format!("{P}Failed to cancel job: Job with label s can not be cancelled. state: FINISHED")
    );
    backup(&mut model, "c", &["u"]).unwrap();
    model.cancel_snapshot_job("d", false).unwrap();
    let row = model.backup_rows(db(&model)).pop().unwrap();
    assert_eq!(row[12].as_deref(), Some("[COMMON_ERROR, msg: user cancelled]"));
}

#[test]
fn ten_jobs_are_remembered_and_labels_are_shared_by_all_databases() {
    let mut model = cluster(1);
    model.create_table("d", spec("t", KeysType::Duplicate), false).unwrap();
    for n in 0..11 {
        backup(&mut model, &format!("s{n}"), &["t"]).unwrap();
        pass(&mut model, 1);
    }
    assert_eq!(model.backup_rows(db(&model)).len(), 10);
    assert!(model.local_snapshot("s0").is_err() && model.local_snapshot("s1").is_ok());
    model.drop_database("d", false, true).unwrap();
    assert!(model.local_snapshot("s5").is_ok(), "the snapshot outlives its database");
}

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
    assert_eq!(to.ddl_text(DdlText::Synced), from.ddl_text(DdlText::Synced));
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
fn what_does_not_fit_cancels_the_job_with_doris_words() {
    let mut source = cluster(1);
    source.create_table("d", spec("t", KeysType::Duplicate), false).unwrap();
    let call = snapshot(&mut source, "s", &["t"]);
    let view = ViewSpec {
        name: "t".into(),
        columns: Vec::new(),
        types: Vec::new(),
        definition: "SELECT 1".into(),
        comment: String::new(),
    };
    let other = TableSpec { columns: vec![Column::key("k", ColumnType::BigInt)], ..spec("t", KeysType::Duplicate) };
    let mut with_view = cluster(1);
    with_view.create_view("d", view, false, false).unwrap();
    let mut with_other = cluster(1);
    with_other.create_table("d", other, false).unwrap();
    let mut with_alias = cluster(1);
    with_alias.create_table("d", spec("x", KeysType::Duplicate), false).unwrap();
    let aliased = RestoreSpec { tables: vec![("t".into(), Some("x".into()))], ..call.clone() };
    let no_address = {
        let mut info: serde_json::Value = serde_json::from_slice(&call.job_info).unwrap();
        info["extra_info"]["be_network_map"] = serde_json::json!({});
        RestoreSpec { job_info: serde_json::to_vec(&info).unwrap().into(), ..call.clone() }
    };
    let unreserved = RestoreSpec { properties: BTreeMap::new(), ..call.clone() };
    let be = source.backends.keys().next().unwrap();
    let cases = [
        (with_view, &call, "COMMON_ERROR, msg: Only support restore OLAP table: t".to_owned()),
        (with_other, &call, "COMMON_ERROR, msg: Table t already exist but with different schema".to_owned()),
        (with_alias, &aliased, "COMMON_ERROR, msg: Table x already exist but with different schema".to_owned()),
        (cluster(1), &no_address, format!("NOT_FOUND, msg: failed to get remote be address of be: {be}")),
        (
            cluster(1),
            &unreserved,
            format!(
                "COMMON_ERROR, msg: {P}replication num should be less than the number of available backends. \
                 replication num is 3, available backend num is 1"
            ),
        ),
    ];
    for (mut dest, call, expected) in cases {
        let before = dest.databases[&db(&dest)].relations.len();
        assert_eq!(restore(&mut dest, &source, call), ("CANCELLED".into(), format!("[{expected}]")));
        assert_eq!(dest.databases[&db(&dest)].relations.len(), before, "nothing is left: {expected}");
    }
}

#[test]
fn bad_calls_of_restore_are_refused_at_once() {
    let mut source = cluster(1);
    source.create_table("d", spec("t", KeysType::Duplicate), false).unwrap();
    let call = snapshot(&mut source, "s", &["t"]);
    let without_extra = {
        let mut info: serde_json::Value = serde_json::from_slice(&call.job_info).unwrap();
        info.as_object_mut().unwrap().remove("extra_info");
        serde_json::to_vec(&info).unwrap().into()
    };
    let tables = |refs: &[(&str, Option<&str>)]| {
        let refs = refs.iter().map(|(name, alias)| ((*name).to_owned(), alias.map(str::to_owned))).collect();
        RestoreSpec { tables: refs, ..call.clone() }
    };
    let cases = [
        (RestoreSpec { db: "x".into(), ..call.clone() }, "Unknown database 'x', command: "),
        (RestoreSpec { meta: "junk".into(), ..call.clone() }, "deserialize meta and job info failed"),
        (RestoreSpec { job_info: without_extra, ..call.clone() }, "Invalid job extra info empty, command: "),
        (
            RestoreSpec { properties: properties(&[("what", "1")]), ..call.clone() },
            "Unknown restore job properties: [what], command: ",
        ),
        (
            RestoreSpec { properties: properties(&[("reserve_replica", "yes")]), ..call.clone() },
            "Invalid boolean property reserve_replica value: yes, command: ",
        ),
        (
            RestoreSpec { properties: properties(&[("timeout", "5")]), ..call.clone() },
            "timeout must be at least 10 min, command: ",
        ),
        (tables(&[("zz", None)]), "Table zz does not exist in snapshot s, command: "),
        (tables(&[("t", Some("t"))]), "Duplicated alias name: t, command: "),
        (tables(&[("t", None), ("t", Some("q"))]), "Duplicated table: t, command: "),
    ];
    let mut dest = cluster(1);
    for (call, expected) in cases {
        let found = text(dest.submit_restore(&call));
        assert!(found.starts_with(&format!("{P}{expected}")), "{found}");
    }
    // A document without objects restores nothing and finishes.
    let mut info: serde_json::Value = serde_json::from_slice(&call.job_info).unwrap();
    info.as_object_mut().unwrap().remove("backup_objects");
    let nothing = RestoreSpec { job_info: serde_json::to_vec(&info).unwrap().into(), ..call };
    assert_eq!(restore(&mut dest, &source, &nothing).0, "FINISHED");
    assert!(dest.databases[&db(&dest)].relations.is_empty());
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
