use super::*;

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
fn objects_are_listed_in_the_order_of_java_or_of_their_names() {
    let mut model = cluster(1);
    for name in ["t", "p", "ag"] {
        model.create_table("d", spec(name, KeysType::Duplicate), false).unwrap();
    }
    let objects = |model: &Model| model.backup_rows(db(model)).pop().unwrap()[4].clone().unwrap();
    backup(&mut model, "all", &[]).unwrap();
    assert_eq!(objects(&model), "[d.p], [d.t], [d.ag]");
    pass(&mut model, 1);
    backup(&mut model, "some", &["t", "ag"]).unwrap();
    assert_eq!(objects(&model), "[d.ag], [d.t]");
    pass(&mut model, 1);
    let object = |name: &str| BackupObject { name: name.into(), ..BackupObject::default() };
    let without =
        BackupSpec { objects: Some(vec![object("t"), object("nobody")]), exclude: true, ..backup_spec("rest", &[]) };
    model.submit_backup(&without).unwrap();
    assert_eq!(objects(&model), "[d.p], [d.ag]");
    pass(&mut model, 1);
    let one = BackupObject { partitions: Some(vec!["t".into()]), ..object("t") };
    model.submit_backup(&BackupSpec { objects: Some(vec![one]), ..backup_spec("part", &[]) }).unwrap();
    assert_eq!(objects(&model), "[d.tPARTITIONS (t)]");
}

#[test]
fn bad_backups_are_refused_at_once() {
    let mut model = cluster(1);
    model.create_table("d", spec("t", KeysType::Duplicate), false).unwrap();
    let object = |db: Option<&str>, alias: Option<&str>| BackupObject {
        db: db.map(Into::into),
        name: "t".into(),
        partitions: None,
        alias: alias.map(Into::into),
    };
    let of = |objects: Vec<BackupObject>| BackupSpec { objects: Some(objects), ..backup_spec("l", &[]) };
    let with = |key: &str, value: &str| BackupSpec { properties: properties(&[(key, value)]), ..backup_spec("l", &[]) };
    let cases = [
        (
            of(vec![object(Some("d"), None)]),
            "Cannot specify database name on backup objects: t. Specify database name before label",
        ),
        (of(vec![object(None, None), object(None, None)]), "Duplicated table: t"),
        (of(vec![object(None, Some("x"))]), "Can not set alias for table in Backup Command: t"),
        (with("timeout", "5"), "timeout must be at least 10 min"),
        (with("timeout", "x"), "Invalid timeout format: x"),
        (with("type", "half"), "Invalid backup job type: half"),
        (with("content", "half"), "Invalid backup job content:half"),
        (with("zz", "1"), "Unknown backup job properties: [zz]"),
        (BackupSpec { repository: "r".into(), ..backup_spec("l", &[]) }, "Repository r does not exist"),
        (BackupSpec { db: "zz".into(), ..backup_spec("l", &[]) }, "Unknown database 'zz'"),
    ];
    let before = model.journal_id;
    for (spec, expected) in cases {
        assert_eq!(text(model.submit_backup(&spec)), format!("{P}{expected}"));
    }
    assert_eq!(model.journal_id, before);
    assert!(backup(&mut model, "l", &["nobody"]).is_err());
    assert!(model.journal_id > before, "the barrier comes before the objects are looked at");
}

#[test]
fn a_backup_ends_with_its_timeout_but_not_with_its_database() {
    let mut model = cluster(1);
    model.options.snapshot_tick_ms = 3000;
    model.create_table("d", spec("t", KeysType::Duplicate), false).unwrap();
    model.config.insert("backup_job_default_timeout_ms".into(), "4000".into());
    backup(&mut model, "slow", &["t"]).unwrap();
    pass(&mut model, 6000);
    let row = model.backup_rows(db(&model)).pop().unwrap();
    assert_eq!((row[3].as_deref(), row[12].as_deref()), (Some("CANCELLED"), Some("[TIMEOUT, msg: ]")));
    assert!(model.backends.values().all(|be| be.snapshots.is_empty()), "its files are gone");
    model.config.insert("backup_job_default_timeout_ms".into(), "86400000".into());
    backup(&mut model, "s", &["t"]).unwrap();
    pass(&mut model, 3000);
    model.drop_database("d", false, true).unwrap();
    pass(&mut model, 30_000);
    assert!(model.local_snapshot("s").is_ok());
}

#[test]
fn a_label_that_leaves_the_history_takes_the_newer_snapshot_of_its_name_with_it() {
    let mut model = cluster(1);
    model.create_table("d", spec("t", KeysType::Duplicate), false).unwrap();
    model.config.insert("max_backup_restore_job_num_per_db".into(), "2".into());
    for label in ["same", "same"] {
        backup(&mut model, label, &["t"]).unwrap();
        pass(&mut model, 1);
    }
    assert!(model.local_snapshot("same").is_ok());
    backup(&mut model, "other", &["t"]).unwrap();
    assert!(model.local_snapshot("same").is_err(), "though the second job of that label is still remembered");
    assert_eq!(model.backup_rows(db(&model)).len(), 2);
}

#[test]
fn only_the_meta_may_be_backed_up() {
    let mut source = cluster(1);
    source.create_table("d", spec("t", KeysType::Duplicate), false).unwrap();
    load(&mut source, "t", vec![row(1, "a")]);
    let at = head(&source);
    let meta_only = BackupSpec { properties: properties(&[("content", "metadata_only")]), ..backup_spec("s", &["t"]) };
    source.submit_backup(&meta_only).unwrap();
    pass(&mut source, 1);
    assert!(records(&source, at).is_empty(), "no barrier");
    let call = restore_call(&source, "s");
    let mut dest = cluster(1);
    assert_eq!(restore(&mut dest, &source, &call).0, "FINISHED");
    assert_eq!(dest.table("d", "t").unwrap().partitions[0].visible_version, Version(2));
    assert!(rows(&dest, "t").is_empty());
}
