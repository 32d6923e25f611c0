use super::{
    txn::{P, begin, begin_with, commit, state, write_all},
    *,
};

fn three_replicas(model: &mut Model, more: &[(&str, &str)]) -> TableId {
    let properties = properties(&[&[("replication_num", "3")], more].concat());
    model.create_table("d", TableSpec { properties, ..spec("t", KeysType::Duplicate) }, false).unwrap()
}

fn replicas(model: &Model) -> Vec<Replica> {
    let table = model.table("d", "t").unwrap();
    table.partitions.iter().flat_map(Partition::tablets).flat_map(|(_, t)| t.replicas.clone()).collect()
}

#[test]
fn stand_in_backends_publish_without_an_ingest() {
    let mut model = cluster(3);
    model.options.stand_in_backends = true;
    let table = three_replicas(&mut model, &[]);
    let txn = begin(&mut model, "l", &[table]).unwrap().id;
    let all: Vec<_> = {
        let table = model.table("d", "t").unwrap();
        let tablets = table.partitions[0].tablets();
        tablets.flat_map(|(_, t)| t.replicas.iter().map(|r| (t.id, r.backend))).collect()
    };
    // Two of three replicas are reported: the third one is told to publish, too, and is not behind.
    let reported = all.iter().enumerate().filter(|(n, _)| n % 3 != 0).map(|(_, info)| *info).collect();
    commit(&mut model, txn, reported).unwrap();
    assert_eq!(model.txn(txn).unwrap().error_replicas.len(), 2);
    pass(&mut model, 10);
    assert_eq!(state(&model, txn), TxnState::Visible);
    assert!(model.txn(txn).unwrap().error_replicas.is_empty());
    assert!(replicas(&model).iter().all(|r| r.version == Version(2) && r.last_failed_version.is_none()));
    assert!(rows(&model, "t").is_empty());
}

#[test]
fn a_replica_that_was_not_reported_but_has_the_data_is_published_all_the_same() {
    let mut model = cluster(3);
    let table = three_replicas(&mut model, &[]);
    let txn = begin(&mut model, "l", &[table]).unwrap().id;
    let infos = write_all(&mut model, "t", txn);
    let silent = infos[0].1;
    model.hold_publish(true);
    commit(&mut model, txn, infos.iter().filter(|(_, be)| *be != silent).copied().collect()).unwrap();
    let failed = |model: &Model| replicas(model).iter().filter(|r| r.last_failed_version.is_some()).count();
    assert_eq!((model.txn(txn).unwrap().error_replicas.len(), failed(&model)), (2, 2));
    // Until then, another commit counts it as one that misses a version.
    let other = begin(&mut model, "m", &[table]).unwrap().id;
    let others = write_all(&mut model, "t", other);
    let refusal = text(commit(&mut model, other, others.iter().filter(|(_, be)| *be == silent).copied().collect()));
    assert!(
        refusal.contains("1 replicas write data succ but miss previous version: { [replicaId=")
            && refusal
                .contains("lastFailedVersion=2, state=NORMAL] }, please check output of SHOW TABLET for details. "),
        "{refusal}"
    );
    model.hold_publish(false);
    pass(&mut model, 100);
    assert_eq!((state(&model, txn), failed(&model)), (TxnState::Visible, 0));
}

#[test]
fn min_load_replica_num_lowers_the_quorum() {
    let mut model = cluster(3);
    let table = three_replicas(&mut model, &[("min_load_replica_num", "1")]);
    let txn = begin(&mut model, "l", &[table]).unwrap().id;
    let infos = write_all(&mut model, "t", txn);
    let only = infos[0].1;
    model.backends.values_mut().filter(|be| be.id != only).for_each(|be| be.alive = false);
    commit(&mut model, txn, infos.into_iter().filter(|(_, be)| *be == only).collect()).unwrap();
    pass(&mut model, 10);
    assert_eq!((state(&model, txn), model.txn(txn).unwrap().error_replicas.len()), (TxnState::Visible, 4));
}

#[test]
fn a_transaction_that_waits_says_for_what() {
    let mut model = cluster(1);
    let table = model.create_table("d", spec("t", KeysType::Duplicate), false).unwrap();
    let (first, second) = (begin(&mut model, "a", &[table]).unwrap().id, begin(&mut model, "b", &[table]).unwrap().id);
    let infos = write_all(&mut model, "t", second);
    commit(&mut model, first, infos.clone()).unwrap();
    commit(&mut model, second, infos.clone()).unwrap();
    pass(&mut model, 40);
    let partition = model.table("d", "t").unwrap().partitions[0].id;
    let reason = |model: &Model, txn: TxnId| model.txn(txn).unwrap().wait_reason.clone();
    assert_eq!(
        (reason(&model, first), reason(&model, second)),
        (
            format!(
                "publish on tablet {} failed. succeed replica num 0 < load required replica num 1. table: {table}, \
                 partition: {partition}, publish version: 2",
                infos[0].0
            ),
            format!("wait for publishing partition {partition} version 2. self version: 3. table {table}"),
        )
    );
    assert!(model.txn(first).unwrap().published_ms.is_some(), "its publish was begun");
    write_all(&mut model, "t", first);
    pass(&mut model, 1000);
    assert_eq!((state(&model, second), reason(&model, second)), (TxnState::Visible, String::new()));
}

#[test]
fn a_planned_load_needs_the_indexes_of_its_plan_only() {
    let mut model = cluster(1);
    model.options.stand_in_backends = true;
    let table = model.create_table("d", spec("t", KeysType::Duplicate), false).unwrap();
    let (planned, unplanned) =
        (begin(&mut model, "p", &[table]).unwrap().id, begin(&mut model, "u", &[table]).unwrap().id);
    model.plan_load(planned);
    let infos: Vec<_> = write_all(&mut model, "t", planned);
    // Another index comes, as a rollup job makes it.
    let index = IndexId::new(model.ids.next_raw());
    let stored = model.table_mut(db(&model), table).unwrap();
    let partition = &mut stored.partitions[0];
    let mut tablets = partition.indexes[&stored.base_index].clone();
    tablets.iter_mut().for_each(|tablet| tablet.id = TabletId::new(tablet.id.get() + 1_000_000));
    partition.indexes.insert(index, tablets);
    let schema = IndexSchema { id: index, shadow: true, ..stored.indexes[&stored.base_index].clone() };
    stored.indexes.insert(index, schema);
    let refusal = text(commit(&mut model, unplanned, infos.clone()));
    assert!(refusal.contains("succ replica num 0 < load required") && refusal.contains("state=ALTER]"), "{refusal}");
    let base = model.table("d", "t").unwrap().base_index;
    let at = head(&model);
    commit(&mut model, planned, infos).unwrap();
    pass(&mut model, 10);
    let (_, record) = records(&model, at).pop().unwrap();
    assert_eq!(record["tableRecords"][table.to_string()]["indexIds"], serde_json::json!([base]));
}

#[test]
fn sub_transactions_may_name_any_id_and_any_table_of_the_database() {
    let mut model = cluster(1);
    model.options.stand_in_backends = true;
    let table = model.create_table("d", spec("t", KeysType::Duplicate), false).unwrap();
    let other = model.create_table("d", spec("u", KeysType::Duplicate), false).unwrap();
    let txn = begin_with(&mut model, "l", &[table], |spec| spec.sub_txn_num = 3).unwrap();
    assert_eq!((txn.sub_txns.len(), txn.sub_txns[0]), (3, txn.id));
    let infos = |model: &Model, name: &str| -> Vec<(TabletId, BackendId)> {
        let table = model.table("d", name).unwrap();
        table.partitions[0].tablets().flat_map(|(_, t)| t.replicas.iter().map(|r| (t.id, r.backend))).collect()
    };
    let part = |stid: i64, table: TableId, infos| CommitPart { stid: TxnId::new(stid), table: Some(table), infos };
    let parts = [
        part(9_000, other, infos(&model, "u")),
        part(9_001, TableId::new(1), infos(&model, "t")),
        part(9_002, table, infos(&model, "t")),
        part(9_003, other, infos(&model, "u")),
    ];
    let (at, db) = (head(&model), db(&model));
    model.commit_txn(db, txn.id, &parts).unwrap();
    pass(&mut model, 10);
    let (_, record) = records(&model, at).pop().unwrap();
    assert_eq!(record["stids"], serde_json::json!([9000, 9002, 9003]), "the one of an unknown table is left out");
    let of_other = &record["tableRecords"][other.to_string()]["partitionRecords"];
    assert_eq!((&of_other[0]["version"], &of_other[0]["stid"]), (&2.into(), &9000.into()));
    assert_eq!((&of_other[1]["version"], &of_other[1]["stid"]), (&3.into(), &9003.into()));
    // No sub transaction at all is an empty transaction, whose record has an empty list.
    let txn = begin_with(&mut model, "m", &[table], |spec| spec.sub_txn_num = 2).unwrap().id;
    model.commit_txn(db, txn, &[]).unwrap();
    pass(&mut model, 10);
    let (_, record) = records(&model, at).pop().unwrap();
    assert_eq!((&record["stids"], &record["tableRecords"]), (&serde_json::json!([]), &serde_json::json!({})));
}

#[test]
fn limits_refuse_further_transactions() {
    let mut model = cluster(1);
    let table = model.create_table("d", spec("t", KeysType::Duplicate), false).unwrap();
    let id = db(&model);
    let mut refused = |key: &str, value: &str| {
        let before = model.config.insert(key.into(), value.into());
        let text = begin(&mut model, "x", &[table]).unwrap_err().refusal.text;
        model.config.insert(key.into(), before.unwrap());
        text.strip_prefix(P).unwrap().to_owned()
    };
    assert_eq!(
        refused("max_running_txn_num_per_db", "0"),
        format!("current running txns on db {id} is 0, larger than limit 0")
    );
    assert_eq!(
        refused("max_publishing_txn_num_per_table", "0"),
        format!("current committed txns on table {table} is 0, larger than limit 0")
    );
    assert_eq!(refused("disable_load_job", "true"), "disable_load_job is set to true, all load jobs are prevented");
}

#[test]
fn what_a_lost_backend_coordinated_is_aborted() {
    let mut model = cluster(2);
    let table = model.create_table("d", spec("t", KeysType::Duplicate), false).unwrap();
    let ids: Vec<BackendId> = model.backends.keys().copied().collect();
    let mut of = |label: &str, host: &str, backend: i64| {
        let change = |spec: &mut BeginTxnSpec| (spec.peer, spec.backend_id) = (host.into(), backend);
        begin_with(&mut model, label, &[table], change).unwrap().id
    };
    let (any, named, other) = (of("a", "be1", 0), of("b", "be1", ids[0].get()), of("c", "be1", ids[1].get()));
    let elsewhere = of("d", "10.0.0.9", 0);
    model.set_backend_alive(ids[0], false).unwrap();
    pass(&mut model, 290_000);
    assert_eq!(state(&model, any), TxnState::Prepare);
    pass(&mut model, 60_000);
    for id in [any, named] {
        assert_eq!(model.txn(id).unwrap().reason, "coordinate BE is down");
    }
    assert_eq!((state(&model, other), state(&model, elsewhere)), (TxnState::Prepare, TxnState::Prepare));
}

#[test]
fn backends_learn_a_binlog_switch_late() {
    let mut model = cluster(1);
    model.options.binlog_switch_delay_ms = 2000;
    model.create_database("e", &BTreeMap::new(), false).unwrap();
    model.create_table("e", spec("t", KeysType::Duplicate), false).unwrap();
    model.set_table_properties("e", "t", &properties(&[("binlog.enable", "true")])).unwrap();
    let mut versions = |wait: i64| {
        pass(&mut model, wait);
        model.load("e", "t", vec![row(1, "a")]).unwrap();
        pass(&mut model, 10);
        let tablets = model.backends.values().flat_map(|be| be.tablets.values());
        tablets.flat_map(|tablet| tablet.binlogs.keys().map(|v| v.0)).collect::<std::collections::BTreeSet<_>>()
    };
    assert!(versions(0).is_empty(), "recorded by the frontend, unknown to the backend");
    assert_eq!(versions(2000).into_iter().collect::<Vec<_>>(), [3]);
    let tablets: Vec<TabletId> = model.backends.values().flat_map(|be| be.tablets.keys().copied()).collect();
    tablets.iter().for_each(|tablet| model.lose_rowset_binlogs(*tablet));
    assert!(model.backends.values().flat_map(|be| be.tablets.values()).all(|tablet| tablet.binlogs.is_empty()));
}

#[test]
fn a_moved_replica_may_leave_its_binlogs_behind() {
    let mut model = cluster(2);
    model.options.clones_without_binlogs = true;
    model.create_table("d", spec("t", KeysType::Duplicate), false).unwrap();
    load(&mut model, "t", vec![row(1, "a")]);
    let (tablet, from) = {
        let table = model.table("d", "t").unwrap();
        let (_, tablet) = table.partitions[0].tablets().next().unwrap();
        (tablet.id, tablet.replicas[0].backend)
    };
    let to = model.backends.keys().copied().find(|id| *id != from).unwrap();
    model.move_replica(tablet, from, to).unwrap();
    assert!(model.backends[&to].tablets[&tablet].binlogs.is_empty());
    assert_eq!(rows(&model, "t"), ["1,a"]);
}

#[test]
fn rows_of_a_forgotten_transaction_are_thrown_away() {
    let mut model = cluster(1);
    let table = model.create_table("d", spec("t", KeysType::Duplicate), false).unwrap();
    let (lost, kept) = (begin(&mut model, "a", &[table]).unwrap().id, begin(&mut model, "b", &[table]).unwrap().id);
    write_all(&mut model, "t", lost);
    model.lose_prepared(lost);
    write_all(&mut model, "t", kept);
    let waiting = |model: &Model| {
        let tablets = model.backends.values().flat_map(|be| be.tablets.values());
        tablets.flat_map(|tablet| tablet.pending.keys().copied()).collect::<std::collections::BTreeSet<_>>()
    };
    pass(&mut model, 1_700_000);
    assert_eq!(waiting(&model).len(), 2);
    pass(&mut model, 200_000);
    assert_eq!(waiting(&model).into_iter().collect::<Vec<_>>(), [kept]);
}
