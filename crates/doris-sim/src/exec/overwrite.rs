//! INSERT OVERWRITE: the rows go into temporary partitions, which then take the place of the formal ones.

use super::{
    insert::Prepared,
    reply::Reply,
    write::{self, Write, WriteKind},
};
use crate::{
    Session, Sim,
    model::{Answer, LoadWrite, Model, Refusal, ReplaceSpec, java_string_hash},
    sql::statement::Overwrite,
};

/// What was made before the rows were written.
struct Plan {
    formal: Vec<String>,
    temporary: Vec<String>,
}

pub(super) async fn overwrite(sim: &Sim, session: &mut Session, prepared: Prepared) -> Answer<Reply> {
    if session.txn.is_some() {
        return Err(Refusal::analysis(
            "This is in a transaction, only insert, update, delete, commit, rollback is acceptable.",
        ));
    }
    let (db, table) = (prepared.db.clone(), prepared.table.clone());
    let (plan, written) = sim.with(|model| {
        let plan = plan(model, &prepared)?;
        for (formal, temporary) in plan.formal.iter().zip(&plan.temporary) {
            if let Err(refusal) = model.add_temp_partition_like(&db, &table, formal, temporary) {
                drop_temporary(model, &db, &table, &plan);
                return Err(refusal);
            }
        }
        match load(model, session, prepared, &plan) {
            Ok(written) => Ok((plan, written)),
            Err(refusal) => {
                drop_temporary(model, &db, &table, &plan);
                Err(refusal)
            }
        }
    })?;
    let reply = write::answer(sim, session, written).await;
    sim.with(|model| {
        let spec = ReplaceSpec {
            partitions: &plan.formal,
            temp_partitions: &plan.temporary,
            strict_range: true,
            use_temp_partition_name: false,
            force: false,
        };
        let replaced = if plan.formal.is_empty() { Ok(()) } else { model.replace_partitions(&db, &table, &spec) };
        if replaced.is_err() {
            drop_temporary(model, &db, &table, &plan);
        }
        replaced
    })?;
    Ok(reply)
}

/// Which partitions are replaced, and what stands in for them meanwhile.
fn plan(model: &Model, prepared: &Prepared) -> Answer<Plan> {
    let table = model.table(&prepared.db, &prepared.table)?;
    let formal: Vec<String> = match prepared.overwrite {
        Overwrite::Detected => {
            let hit = table.partitions.iter().filter(|partition| {
                let holds = |row: &crate::model::Row| {
                    partition.item.contains(&table.key_of(&table.scheme.columns, &row.values))
                };
                prepared.rows.iter().any(holds)
            });
            hit.map(|partition| partition.name.clone()).collect()
        }
        _ if prepared.partitions.names.is_empty() => {
            table.partitions.iter().map(|partition| partition.name.clone()).collect()
        }
        _ => prepared.partitions.names.clone(),
    };
    if let Some(missing) = formal.iter().find(|name| table.partition(name, false).is_none()) {
        return Err(Refusal::analysis(format!("partition {missing} is not existed in table {}", table.name)));
    }
    let temporary = formal.iter().map(|name| temporary_name(name, model.now_ms())).collect();
    Ok(Plan { formal, temporary })
}

/// As Doris makes it up; a long one is cut and told apart by hash and time.
fn temporary_name(partition: &str, now_ms: i64) -> String {
    let name = format!("iot_temp_{partition}");
    if name.chars().count() <= 50 {
        return name;
    }
    let head: String = name.chars().take(30).collect();
    // `Objects.hash` of one text.
    let hash = java_string_hash(&name).wrapping_add(31);
    format!("{head}{}_{now_ms}", hash.unsigned_abs())
}

fn load(model: &mut Model, session: &mut Session, prepared: Prepared, plan: &Plan) -> Answer<Option<write::Written>> {
    let affected = prepared.rows.len();
    // A load without rows has nothing to write, and the partitions become empty.
    if prepared.rows.is_empty() {
        return Ok(None);
    }
    let what = LoadWrite {
        table: prepared.table,
        rows: prepared.rows,
        partitions: Some(plan.temporary.clone()),
        temp: true,
        delete: None,
    };
    let write = Write { db: prepared.db, label: prepared.label, what, affected, kind: WriteKind::Rows };
    write::write(model, session, write).map(Some)
}

fn drop_temporary(model: &mut Model, db: &str, table: &str, plan: &Plan) {
    for name in &plan.temporary {
        // Those that were never made are not there.
        let _ = model.drop_partition(db, table, name, true, true, true);
    }
}
