use super::*;

pub(super) fn begin(model: &mut Model, label: &str, tables: &[TableId]) -> Result<BegunTxn, BeginRefusal> {
    begin_with(model, label, tables, |_| {})
}

pub(super) fn begin_with(
    model: &mut Model,
    label: &str,
    tables: &[TableId],
    change: impl FnOnce(&mut BeginTxnSpec),
) -> Result<BegunTxn, BeginRefusal> {
    let mut spec = BeginTxnSpec {
        db: "d".into(),
        tables: tables.to_vec(),
        label: label.into(),
        peer: "127.0.0.1".into(),
        ..BeginTxnSpec::default()
    };
    change(&mut spec);
    model.begin_txn(spec)
}

/// Puts an empty rowset into every tablet of a table, as ingests do, and answers the commit infos.
pub(super) fn write_all(model: &mut Model, table: &str, txn: TxnId) -> Vec<(TabletId, BackendId)> {
    let table = model.table("d", table).unwrap().clone();
    let mut infos = Vec::new();
    for (_, tablet) in table.partitions.iter().flat_map(Partition::tablets) {
        for replica in &tablet.replicas {
            let be = model.backends.get_mut(&replica.backend).unwrap();
            be.tablets.get_mut(&tablet.id).unwrap().pending.insert(txn, SharedRowset::default());
            infos.push((tablet.id, replica.backend));
        }
    }
    infos
}

pub(super) fn commit(model: &mut Model, txn: TxnId, infos: Vec<(TabletId, BackendId)>) -> Answer<CommitState> {
    let db = db(model);
    model.commit_txn(db, txn, &[CommitPart { stid: txn, table: None, infos }])
}

pub(super) fn state(model: &Model, txn: TxnId) -> TxnState {
    model.txn(txn).unwrap().state
}

pub(super) const P: &str = "errCode = 2, detailMessage = ";

#[test]
fn a_transaction_goes_from_prepare_to_visible() {
    let mut model = cluster(1);
    let table = model.create_table("d", partitioned("t"), false).unwrap();
    let begun = begin(&mut model, "l", &[table]).unwrap();
    let infos = write_all(&mut model, "t", begun.id);
    let at = head(&model);
    assert_eq!(commit(&mut model, begun.id, infos), Ok(CommitState::Committed));
    let partition = &model.table("d", "t").unwrap().partitions[0];
    assert_eq!((partition.visible_version.0, partition.committed_version().0), (1, 2));
    assert!(records(&model, at).is_empty(), "recorded when visible, not when committed");
    pass(&mut model, 10);
    assert_eq!(state(&model, begun.id), TxnState::Visible);
    assert_eq!(model.table("d", "t").unwrap().partitions[0].visible_version.0, 2);
    let (_, data) = records(&model, at).pop().unwrap();
    assert!(data["tableRecords"][table.to_string()].get("indexIds").is_none(), "nobody planned it here");
    assert_eq!(commit(&mut model, begun.id, Vec::new()), Ok(CommitState::Visible), "whatever the infos are");
}

#[test]
fn labels_belong_to_one_transaction_that_is_not_aborted() {
    let mut model = cluster(1);
    let table = model.create_table("d", spec("t", KeysType::Duplicate), false).unwrap();
    let request = |id| move |spec: &mut BeginTxnSpec| spec.request_id = Some((1, id));
    let first = begin_with(&mut model, "l", &[table], request(1)).unwrap();
    let again = begin_with(&mut model, "l", &[table], request(1)).unwrap();
    assert_eq!((again.id, again.repeated, first.repeated), (first.id, true, false));
    let refused = begin_with(&mut model, "l", &[table], request(2)).unwrap_err();
    assert_eq!((refused.refusal.status, refused.job_status), (15, Some("RUNNING")));
    assert_eq!(
        refused.refusal.text,
        format!("{P}Label [l] has already been used, relate to txn [{}], status [PREPARE].", first.id)
    );
    let infos = write_all(&mut model, "t", first.id);
    commit(&mut model, first.id, infos).unwrap();
    let refused = begin_with(&mut model, "l", &[table], request(1)).unwrap_err();
    assert_eq!(refused.job_status, Some("FINISHED"), "after the commit the request id helps no more");

    let second = begin(&mut model, "m", &[table]).unwrap();
    let db = db(&model);
    model.rollback_txn(db, second.id, Some("because")).unwrap();
    assert_ne!(begin(&mut model, "m", &[table]).unwrap().id, second.id, "the label of an aborted one is free");
    for (label, expected) in [
        ("", "empty label in begin request"),
        ("a b!", r"Label format error. regex: ^[\-_A-Za-z0-9:\p{L}]{1,128}$, label: a b!"),
    ] {
        assert_eq!(begin(&mut model, label, &[table]).unwrap_err().refusal.text, format!("{P}{expected}"));
    }
    let refusal = begin(&mut model, "x", &[TableId::new(1)]).unwrap_err().refusal.text;
    assert_eq!(refusal, format!("{P}can't find table id: 1 in db: d"));
    let refusal = begin_with(&mut model, "x", &[table], |s| s.timeout_s = Some(0)).unwrap_err().refusal.text;
    assert!(refusal.ends_with("Timeout should be higher than Config.min_load_timeout_second: 1"), "{refusal}");
}

#[test]
fn rollback_answers_by_state() {
    let mut model = cluster(1);
    let table = model.create_table("d", spec("t", KeysType::Duplicate), false).unwrap();
    let db = db(&model);
    let aborted = begin(&mut model, "a", &[table]).unwrap().id;
    write_all(&mut model, "t", aborted);
    model.rollback_txn(db, aborted, Some("because")).unwrap();
    assert!(model.backends.values().flat_map(|be| be.tablets.values()).all(|t| t.pending.is_empty()));
    let visible = begin(&mut model, "v", &[table]).unwrap().id;
    let infos = write_all(&mut model, "t", visible);
    commit(&mut model, visible, infos).unwrap();
    let committed = format!("{P}transaction [{visible}] is already COMMITTED, could not abort.");
    assert_eq!(text(model.rollback_txn(db, visible, None)), committed);
    pass(&mut model, 10);
    for id in [visible, aborted] {
        assert_eq!(text(model.rollback_txn(db, id, None)), format!("{P}transaction not found"));
    }
    let unknown = TxnId::new(99_999);
    assert_eq!(text(model.rollback_txn(db, unknown, None)), format!("{P}transaction [99999] not found"));
    assert_eq!(text(commit(&mut model, unknown, Vec::new())), format!("{P}transaction [99999] not found"));
    assert_eq!(
        text(commit(&mut model, aborted, Vec::new())),
        format!("{P}transaction [{aborted}] is already aborted. abort reason: because")
    );
}

#[test]
fn the_infos_decide_which_partitions_get_a_version() {
    let mut model = cluster(1);
    let table = model.create_table("d", partitioned("t"), false).unwrap();
    let other = model.create_table("d", spec("other", KeysType::Duplicate), false).unwrap();
    let versions =
        |model: &Model| model.table("d", "t").unwrap().partitions.iter().map(|p| p.next_version.0).collect::<Vec<_>>();
    // Nothing matches: an empty transaction that is OK, with a record in the database's stream.
    let empty = begin(&mut model, "e", &[table]).unwrap().id;
    let strangers = write_all(&mut model, "other", empty);
    let at = head(&model);
    commit(&mut model, empty, strangers).unwrap();
    pass(&mut model, 10);
    assert_eq!((state(&model, empty), versions(&model)), (TxnState::Visible, vec![2, 2]));
    let key = model.stream_key("d", None, None).unwrap();
    let record = model.read_binlogs(&key, at, None).records.remove(0);
    assert!(record.table_ids.is_empty() && record.data.unwrap().contains("\"tableRecords\":{}"));
    let _ = other;
    // One partition only.
    let half = begin(&mut model, "h", &[table]).unwrap().id;
    let infos = write_all(&mut model, "t", half);
    commit(&mut model, half, infos[..2].to_vec()).unwrap();
    assert_eq!(versions(&model), [3, 2]);
    // A tablet of a touched partition is missing, or its backend is unknown.
    let bad = begin(&mut model, "b", &[table]).unwrap().id;
    let infos = write_all(&mut model, "t", bad);
    let (missing, stranger) = (infos[1].0, BackendId::new(1));
    let refusal = text(commit(&mut model, bad, vec![infos[0]]));
    assert!(
        refusal.starts_with(&format!(
            "{P}Failed to commit txn {bad}, cause tablet {missing} succ replica num 0 < load required replica num 1. \
             table {table}, partition: [ id="
        )),
        "{refusal}"
    );
    assert!(text(commit(&mut model, bad, vec![infos[0], (missing, stranger)])).contains("succ replica num 0"));
    assert_eq!(state(&model, bad), TxnState::Prepare, "it can be committed with better infos");
    commit(&mut model, bad, infos).unwrap();
}

#[test]
fn two_of_three_replicas_are_a_quorum() {
    let mut model = cluster(3);
    let three = properties(&[("replication_num", "3")]);
    let table =
        model.create_table("d", TableSpec { properties: three, ..spec("t", KeysType::Duplicate) }, false).unwrap();
    let txn = begin(&mut model, "q", &[table]).unwrap().id;
    let infos = write_all(&mut model, "t", txn);
    let dead = infos[0].1;
    let one_each: Vec<_> = infos.iter().filter(|(_, be)| *be == dead).copied().collect();
    assert!(text(commit(&mut model, txn, one_each)).contains("succ replica num 1 < load required replica num 2"));
    // A dead backend counts at the commit and misses the publish.
    model.set_backend_alive(dead, false).unwrap();
    commit(&mut model, txn, infos).unwrap();
    pass(&mut model, 10);
    assert_eq!(state(&model, txn), TxnState::Visible);
    assert_eq!(model.txn(txn).unwrap().error_replicas.len(), 2);
    let behind = model.table("d", "t").unwrap().partitions[0]
        .tablets()
        .flat_map(|(_, t)| &t.replicas)
        .filter(|r| r.last_failed_version == Some(Version(2)))
        .count();
    assert_eq!(behind, 2);
}

#[test]
fn a_committed_transaction_without_data_never_becomes_visible() {
    let mut model = cluster(1);
    let table = model.create_table("d", spec("t", KeysType::Duplicate), false).unwrap();
    let (a, b) = (begin(&mut model, "a", &[table]).unwrap().id, begin(&mut model, "b", &[table]).unwrap().id);
    let infos = write_all(&mut model, "t", b);
    commit(&mut model, a, infos.clone()).unwrap();
    commit(&mut model, b, infos).unwrap();
    pass(&mut model, 60_000);
    assert_eq!((state(&model, a), state(&model, b)), (TxnState::Committed, TxnState::Committed), "b waits for a");
    write_all(&mut model, "t", a);
    pass(&mut model, 1000);
    assert_eq!((state(&model, a), state(&model, b)), (TxnState::Visible, TxnState::Visible));
}

#[test]
fn publishes_that_are_held_back_refuse_drops_and_follow_later_ddl() {
    let mut model = cluster(1);
    model.create_table("d", spec("t", KeysType::Duplicate), false).unwrap();
    model.create_table("d", spec("u", KeysType::Duplicate), false).unwrap();
    model.hold_publish(true);
    let txn = model.load("d", "t", vec![row(1, "a")]).unwrap();
    let dropped = model.load("d", "u", vec![row(1, "a")]).unwrap();
    pass(&mut model, 1000);
    assert_eq!(state(&model, txn), TxnState::Committed);
    assert!(
        text(model.drop_table("d", "t", false, false))
            .starts_with(&format!("{P}There are still some transactions in the COMMITTED state")),
    );
    let at = head(&model);
    model.truncate_table("d", "t", None, false).unwrap();
    model.drop_table("d", "u", false, true).unwrap();
    model.hold_publish(false);
    pass(&mut model, 10);
    assert_eq!((state(&model, txn), state(&model, dropped)), (TxnState::Visible, TxnState::Visible));
    let found = records(&model, at);
    assert_eq!(found.iter().map(|(kind, _)| *kind).collect::<Vec<_>>(), [13, 4, 0, 0]);
    let table = model.table("d", "t").unwrap().id;
    assert_eq!(found[2].1["tableRecords"][table.to_string()]["partitionRecords"], serde_json::json!([]));
    assert_eq!(found[3].1["tableRecords"], serde_json::json!({}));
    assert!(rows(&model, "t").is_empty());
}

#[test]
fn a_dropped_table_blocks_commit_and_rollback() {
    let mut model = cluster(1);
    let table = model.create_table("d", spec("t", KeysType::Duplicate), false).unwrap();
    let txn = begin(&mut model, "l", &[table]).unwrap().id;
    let infos = write_all(&mut model, "t", txn);
    model.drop_table("d", "t", false, false).unwrap();
    let expected = format!("errCode = 7, detailMessage = table not found, tableId={table}");
    let db = db(&model);
    assert_eq!(text(commit(&mut model, txn, infos)), expected);
    assert_eq!(text(model.rollback_txn(db, txn, None)), expected);
    assert_eq!(state(&model, txn), TxnState::Prepare);
}

#[test]
fn an_expired_prepare_is_aborted_at_the_next_round() {
    let mut model = cluster(1);
    let table = model.create_table("d", spec("t", KeysType::Duplicate), false).unwrap();
    let txn = begin_with(&mut model, "l", &[table], |s| s.timeout_s = Some(1)).unwrap().id;
    pass(&mut model, 900);
    assert_eq!(state(&model, txn), TxnState::Prepare);
    pass(&mut model, 31_000);
    assert_eq!(
        (state(&model, txn), model.txn(txn).unwrap().reason.as_str()),
        (TxnState::Aborted, "timeout by txn manager")
    );
}

#[test]
fn a_forgotten_transaction_is_unknown_by_id_and_label() {
    let mut model = cluster(1);
    let table = model.create_table("d", spec("t", KeysType::Duplicate), false).unwrap();
    let mut ids = Vec::new();
    for n in 0..3 {
        let txn = begin(&mut model, &format!("l{n}"), &[table]).unwrap().id;
        let infos = write_all(&mut model, "t", txn);
        commit(&mut model, txn, infos).unwrap();
        pass(&mut model, 10);
        ids.push(txn);
    }
    model.config.insert("label_num_threshold".into(), "2".into());
    pass(&mut model, 31_000);
    assert!(model.txn(ids[0]).is_none() && model.txn(ids[1]).is_some());
    assert_eq!(text(commit(&mut model, ids[0], Vec::new())), format!("{P}transaction [{}] not found", ids[0]));
    let again = begin(&mut model, "l0", &[table]).unwrap();
    assert!(!again.repeated && again.id > ids[2], "its label begins a new one");
    pass(&mut model, 43_200_000 + 31_000);
    assert!(model.txn(ids[2]).is_none(), "by age");
}

#[test]
fn another_master_does_not_know_prepared_transactions() {
    let mut model = cluster(1);
    model.add_frontend("fe2", 9030, 9020);
    let table = model.create_table("d", spec("t", KeysType::Duplicate), false).unwrap();
    let prepared = begin(&mut model, "l", &[table]).unwrap().id;
    let committed = begin(&mut model, "m", &[table]).unwrap().id;
    let infos = write_all(&mut model, "t", committed);
    commit(&mut model, committed, infos).unwrap();
    model.set_master(Some(1));
    assert!(model.txn(prepared).is_none());
    pass(&mut model, 10);
    assert_eq!(state(&model, committed), TxnState::Visible);
    assert!(begin(&mut model, "l", &[table]).unwrap().id > committed, "ids are not used again");
}

#[test]
fn a_replica_that_missed_a_version_is_repaired_and_counts_again() {
    let mut model = cluster(3);
    let three = properties(&[("replication_num", "3")]);
    model.create_table("d", TableSpec { properties: three, ..spec("t", KeysType::Duplicate) }, false).unwrap();
    let dead = *model.backends.keys().next().unwrap();
    model.set_backend_alive(dead, false).unwrap();
    load(&mut model, "t", vec![row(1, "a")]);
    let failed = |model: &Model| {
        let table = model.table("d", "t").unwrap();
        table.partitions[0].tablets().flat_map(|(_, t)| &t.replicas).filter(|r| r.last_failed_version.is_some()).count()
    };
    assert_eq!(failed(&model), 2);
    pass(&mut model, 60_000);
    assert_eq!(failed(&model), 2, "not while its backend is dead");
    model.set_backend_alive(dead, true).unwrap();
    pass(&mut model, 20_000);
    assert_eq!(failed(&model), 0);
    for other in model.backends.keys().copied().filter(|id| *id != dead).collect::<Vec<_>>() {
        model.set_backend_alive(other, false).unwrap();
    }
    assert_eq!(rows(&model, "t"), ["1,a"]);
}

#[test]
fn a_moved_replica_is_found_on_its_new_backend_only() {
    let mut model = cluster(2);
    let table = model.create_table("d", spec("t", KeysType::Duplicate), false).unwrap();
    load(&mut model, "t", vec![row(1, "a")]);
    let txn = begin(&mut model, "l", &[table]).unwrap().id;
    let infos = write_all(&mut model, "t", txn);
    let (tablet, from) = infos[0];
    let to = model.backends.keys().copied().find(|id| *id != from).unwrap();
    model.move_replica(tablet, from, to).unwrap();
    assert!(text(commit(&mut model, txn, infos)).contains("succ replica num 0"));
    assert_eq!(rows(&model, "t"), ["1,a"]);
    assert_eq!(model.backends[&to].tablets[&tablet].binlogs.len(), 1);
}
