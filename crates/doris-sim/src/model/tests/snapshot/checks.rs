use super::*;

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

/// The status of a restore that is cancelled.
fn refused(dest: &mut Model, source: &Model, call: &RestoreSpec) -> String {
    let (state, status) = restore(dest, source, call);
    assert_eq!(state, "CANCELLED", "{status}");
    status
}

#[test]
fn partitions_are_compared_one_by_one() {
    let mut source = cluster(1);
    source.create_table("d", partitioned("t"), false).unwrap();
    let call = snapshot(&mut source, "s", &["t"]);
    let with = |partitions: Vec<PartitionSpec>| {
        let mut dest = cluster(2);
        dest.create_table("d", TableSpec { partitions, ..partitioned("t") }, false).unwrap();
        dest
    };
    let other = refused(&mut with(vec![range("p1", 0, 9)]), &source, &call);
    assert_eq!(
        other,
        "[COMMON_ERROR, msg: Partition p1 in table t has different partition item with partition in repository]"
    );
    let overlaps = refused(&mut with(vec![range("x", 5, 15)]), &source, &call);
    assert_eq!(
        overlaps,
        "[COMMON_ERROR, msg: Partition p1 in table t has conflict partition item with existing items]"
    );
    let unreserved = RestoreSpec { properties: properties(&[("replication_num", "2")]), ..call.clone() };
    let replication = refused(&mut with(vec![range("p1", 0, 10)]), &source, &unreserved);
    assert_eq!(
        replication,
        "[COMMON_ERROR, msg: Partition p1 in table t has different replication num '1' with partition in repository, \
         which is 2]"
    );
    let mut temporary = with(vec![range("p1", 0, 10)]);
    temporary.add_partition("d", "t", range("tp", 0, 10), true, false).unwrap();
    for atomic_restore in [false, true] {
        let call = RestoreSpec { atomic_restore, force_replace: atomic_restore, ..call.clone() };
        let text = "[COMMON_ERROR, msg: Do not support restoring table with temp partitions]";
        assert_eq!(refused(&mut temporary, &source, &call), text);
    }
}

#[test]
fn what_a_failed_check_has_marked_is_normal_again() {
    let mut source = cluster(1);
    for name in ["a", "b"] {
        source.create_table("d", spec(name, KeysType::Duplicate), false).unwrap();
    }
    let call = snapshot(&mut source, "s", &[]);
    let mut dest = cluster(1);
    let a = dest.create_table("d", spec("a", KeysType::Duplicate), false).unwrap();
    let wide = TableSpec { columns: vec![Column::key("k", ColumnType::BigInt)], ..spec("b", KeysType::Duplicate) };
    dest.create_table("d", wide, false).unwrap();
    let status = refused(&mut dest, &source, &call);
    assert_eq!(status, "[COMMON_ERROR, msg: Table b already exist but with different schema]");
    let table = dest.table("d", "a").unwrap();
    assert_eq!((table.id, table.state, table.partitions[0].state), (a, TableState::Normal, PartitionState::Normal));
    let atomic = RestoreSpec { atomic_restore: true, ..call };
    assert_eq!(refused(&mut dest, &source, &atomic), status);
    assert!(!dest.table("d", "a").unwrap().in_atomic_restore);
    assert_eq!(dest.databases[&db(&dest)].relations.len(), 2);
}

#[test]
fn a_restore_statement_never_finds_its_repository() {
    let model = cluster(1);
    let statement = |repository: &str, properties: BTreeMap<String, String>| RestoreStatement {
        db: "d".into(),
        label: "s".into(),
        repository: repository.into(),
        properties,
        ..RestoreStatement::default()
    };
    let stamp = || properties(&[("backup_timestamp", "2026-01-01-00-00-00")]);
    let cases = [
        (statement(LOCAL, stamp()), "restore from the local repo via SQL call is not supported"),
        (statement("r", properties(&[])), "Missing backup_timestamp property"),
        (statement("r", stamp()), "Repository r does not exist"),
        (statement("r", properties(&[("zz", "1"), ("backup_timestamp", "x")])), "Unknown restore job properties: [zz]"),
    ];
    for (statement, expected) in cases {
        assert_eq!(text(model.submit_restore_statement(&statement)), format!("{P}{expected}"));
    }
}
