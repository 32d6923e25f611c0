use rand::{RngExt as _, SeedableRng as _};

use super::{
    txn::{begin, commit},
    *,
};

fn add(name: &str, ty: ColumnType, default: &str, value: Value) -> SchemaClause {
    let default = ColumnDefault::Literal { text: default.into(), value };
    let column = Column { default, ..Column::new(name, ty) };
    SchemaClause::AddColumns { columns: vec![column], list: false, position: Position::Unsaid, rollup: None }
}

fn drop_column(name: &str) -> SchemaClause {
    SchemaClause::DropColumn { name: name.into(), rollup: None }
}

fn modify(name: &str, ty: ColumnType) -> SchemaClause {
    SchemaClause::ModifyColumn { column: Column::new(name, ty), position: Position::Unsaid, rollup: None }
}

fn state_of_job(model: &Model) -> AlterState {
    model.alter_jobs.values().next_back().unwrap().state
}

/// The base tablets of a table, in order, with the backend of the first replica.
fn tablets(model: &Model, table: &str) -> Vec<(TabletId, BackendId)> {
    let table = model.table("d", table).unwrap();
    let list = table.partitions[0].indexes[&table.base_index].iter();
    list.map(|tablet| (tablet.id, tablet.replicas[0].backend)).collect()
}

#[test]
fn a_rowset_binlog_from_before_a_light_change_is_read_by_the_ids_of_columns() {
    let (mut source, mut dest) = (cluster(1), cluster(1));
    for model in [&mut source, &mut dest] {
        model.create_table("d", spec("t", KeysType::Duplicate), false).unwrap();
        model.backends.values_mut().for_each(|be| {
            be.config.insert("enable_feature_binlog".into(), "true".into());
        });
    }
    source.alter_schema("d", "t", vec![add("x", ColumnType::Int, "7", Value::Int(7))]).unwrap();
    dest.alter_schema("d", "t", vec![add("x", ColumnType::Int, "7", Value::Int(7))]).unwrap();
    let row = |k: i128, v: &str, x: i128| vec![Value::Int(k), Value::Text(v.into()), Value::Int(x)];
    load(&mut source, "t", vec![row(1, "a", 1), row(2, "b", 2), row(3, "c", 3)]);
    for model in [&mut source, &mut dest] {
        model.rename_column("d", "t", "v", "w").unwrap();
        model.alter_schema("d", "t", vec![drop_column("x")]).unwrap();
        model.alter_schema("d", "t", vec![add("y", ColumnType::Int, "9", Value::Int(9))]).unwrap();
    }
    let id = dest.table("d", "t").unwrap().id;
    let txn = begin(&mut dest, "l", &[id]).unwrap().id;
    let mut infos = Vec::new();
    for ((from, at), (to, be)) in tablets(&source, "t").into_iter().zip(tablets(&dest, "t")) {
        dest.begin_ingest(be, txn, to).unwrap();
        let meta = source.rowset_meta(at, from, Version(2)).unwrap();
        let rowset = source.rowset_binlog(at, from, Version(2)).unwrap();
        dest.end_ingest(be, txn, to, Ok((meta, (**rowset).clone()))).unwrap();
        infos.push((to, be));
    }
    commit(&mut dest, txn, infos).unwrap();
    pass(&mut dest, 100);
    assert_eq!(rows(&dest, "t"), ["1,a,9", "2,b,9", "3,c,9"]);
    assert_eq!(rows(&dest, "t"), rows(&source, "t"));
}

#[test]
fn a_rowset_with_a_column_that_the_table_never_had_fits_nowhere() {
    let (mut source, mut dest) = (cluster(1), cluster(1));
    for model in [&mut source, &mut dest] {
        model.create_table("d", spec("t", KeysType::Duplicate), false).unwrap();
        model.backends.values_mut().for_each(|be| {
            be.config.insert("enable_feature_binlog".into(), "true".into());
        });
    }
    source.alter_schema("d", "t", vec![add("x", ColumnType::Int, "7", Value::Int(7))]).unwrap();
    load(&mut source, "t", vec![vec![Value::Int(1), Value::Null, Value::Int(2)]]);
    let id = dest.table("d", "t").unwrap().id;
    let txn = begin(&mut dest, "l", &[id]).unwrap().id;
    let ((from, at), (to, be)) = (tablets(&source, "t")[0], tablets(&dest, "t")[0]);
    dest.begin_ingest(be, txn, to).unwrap();
    let meta = source.rowset_meta(at, from, Version(2)).unwrap();
    let rowset = source.rowset_binlog(at, from, Version(2)).unwrap();
    let refusal = dest.end_ingest(be, txn, to, Ok((meta, (**rowset).clone()))).unwrap_err();
    assert!(refusal.text.contains("no column `x` int with unique id 2"), "{}", refusal.text);
}

#[test]
fn whatever_happens_to_columns_the_rows_are_those_that_were_written() {
    for seed in 0..30 {
        let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(seed);
        let mut model = cluster(3);
        let unique = seed % 2 == 0;
        let keys = if unique { KeysType::Unique { merge_on_write: true } } else { KeysType::Duplicate };
        let three = properties(&[("replication_num", "3")]);
        model.create_table("d", TableSpec { properties: three, ..spec("t", keys) }, false).unwrap();
        // By key: the text of each column.
        let mut expected: BTreeMap<i128, Vec<String>> = BTreeMap::new();
        let mut widths = vec![("v".to_owned(), ColumnType::Varchar { length: 20 })];
        for step in 0..40_i128 {
            let table = model.table("d", "t").unwrap();
            let running = table.state != TableState::Normal;
            if !running {
                widths = table.columns.iter().skip(1).map(|c| (c.name.clone(), c.ty.clone())).collect();
            }
            match rng.random_range(0..6) {
                0 if !running => {
                    let name = format!("c{step}");
                    model.alter_schema("d", "t", vec![add(&name, ColumnType::Int, "5", Value::Int(5))]).unwrap();
                    widths.push((name, ColumnType::Int));
                    expected.values_mut().for_each(|row| row.push("5".into()));
                }
                1 if !running && widths.len() > 1 => {
                    let at = rng.random_range(0..widths.len());
                    model.alter_schema("d", "t", vec![drop_column(&widths[at].0)]).unwrap();
                    widths.remove(at);
                    expected.values_mut().for_each(|row| {
                        row.remove(at);
                    });
                }
                2 if !running => {
                    let Some(at) = widths.iter().position(|(_, ty)| *ty == ColumnType::Int) else { continue };
                    let default = ColumnDefault::Literal { text: "5".into(), value: Value::Int(5) };
                    let column = Column { default, ..Column::new(&widths[at].0, ColumnType::BigInt) };
                    let clause = SchemaClause::ModifyColumn { column, position: Position::Unsaid, rollup: None };
                    model.alter_schema("d", "t", vec![clause]).unwrap();
                }
                3 => pass(&mut model, 400),
                _ => {
                    let table = model.table("d", "t").unwrap();
                    let columns: Vec<_> =
                        table.columns.iter().skip(1).map(|c| (c.name.clone(), c.ty.clone())).collect();
                    widths = columns;
                    let values = widths.iter().map(|(_, ty)| match ty {
                        ColumnType::Varchar { .. } => Value::Text(format!("s{step}")),
                        _ => Value::Int(step),
                    });
                    let values: Vec<Value> = values.collect();
                    let key = if unique { step % 7 } else { step };
                    expected.insert(key, values.iter().map(Value::to_string).collect());
                    let row = std::iter::once(Value::Int(key)).chain(values).collect();
                    load(&mut model, "t", vec![row]);
                }
            }
            let mut texts: Vec<String> = expected.iter().map(|(k, row)| format!("{k},{}", row.join(","))).collect();
            texts.sort();
            assert_eq!(rows(&model, "t"), texts, "seed {seed}, step {step}");
        }
        pass(&mut model, 5000);
        assert_eq!(model.table("d", "t").unwrap().state, TableState::Normal);
        let mut replicas = model.table("d", "t").unwrap().partitions[0].tablets().flat_map(|(_, t)| &t.replicas);
        assert!(replicas.all(|r| r.last_failed_version.is_none()), "seed {seed}");
    }
}

#[test]
fn transactions_from_before_a_change_need_no_rows_in_the_new_index_but_infos_of_it() {
    let mut model = cluster(1);
    model.create_table("d", spec("t", KeysType::Duplicate), false).unwrap();
    load(&mut model, "t", vec![row(1, "a")]);
    model.hold_publish(true);
    let held = model.load("d", "t", vec![row(2, "b")]).unwrap();
    model.alter_schema("d", "t", vec![modify("v", ColumnType::String)]).unwrap();
    pass(&mut model, 2000);
    assert_eq!(state_of_job(&model), AlterState::WaitingTxn);
    model.hold_publish(false);
    pass(&mut model, 2000);
    assert_eq!(model.txn(held).unwrap().state, TxnState::Visible);
    assert_eq!(state_of_job(&model), AlterState::Finished);
    assert_eq!(rows(&model, "t"), ["1,a", "2,b"]);
    // From WAITING_TXN on a commit without the tablets of the new index is refused.
    let be = *model.backends.keys().next().unwrap();
    let id = model.table("d", "t").unwrap().id;
    let blocking = model
        .begin_txn(BeginTxnSpec {
            db: "d".into(),
            tables: vec![id],
            label: "x".into(),
            backend_id: be.get(),
            ..Default::default()
        })
        .unwrap()
        .id;
    model
        .alter_schema("d", "t", vec![add("k2", ColumnType::Int, "1", Value::Int(1)), modify("v", ColumnType::Json)])
        .unwrap();
    pass(&mut model, 700);
    let infos = tablets(&model, "t");
    let refusal = text(commit(&mut model, blocking, infos));
    assert!(refusal.contains("succ replica num 0 < load required replica num 1"), "{refusal}");
    assert!(refusal.contains("state=ALTER"), "{refusal}");
    model.rollback_txn(db(&model), blocking, None).unwrap();
}

#[test]
fn a_dropped_table_and_a_new_master_end_or_resume_jobs() {
    let mut model = cluster(1);
    model.create_table("d", spec("t", KeysType::Duplicate), false).unwrap();
    load(&mut model, "t", vec![row(1, "a")]);
    model.alter_schema("d", "t", vec![modify("v", ColumnType::String)]).unwrap();
    pass(&mut model, 1100);
    assert_eq!(state_of_job(&model), AlterState::Running);
    model.set_master(None);
    pass(&mut model, 5000);
    assert_eq!(state_of_job(&model), AlterState::Running);
    model.set_master(Some(0));
    assert_eq!(state_of_job(&model), AlterState::WaitingTxn);
    pass(&mut model, 2000);
    assert_eq!(state_of_job(&model), AlterState::Finished);
    assert_eq!(rows(&model, "t"), ["1,a"]);
    model.alter_schema("d", "t", vec![modify("v", ColumnType::Json)]).unwrap();
    assert!(text(model.drop_table("d", "t", false, false)).contains("The table [t]'s state is SCHEMA_CHANGE"));
    model.drop_table("d", "t", false, true).unwrap();
    pass(&mut model, 1000);
    assert_eq!(state_of_job(&model), AlterState::Cancelled);
    pass(&mut model, 600_000);
    assert!(model.backends.values().all(|be| be.tablets.is_empty()));
}
