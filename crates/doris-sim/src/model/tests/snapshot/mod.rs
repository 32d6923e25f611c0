//! Backups and restores.

mod atomic;
mod backup;
mod checks;
mod documents;
mod restore;

use super::*;

const P: &str = "errCode = 2, detailMessage = ";

const LOCAL: &str = "__keep_on_local__";

fn backup_spec(label: &str, tables: &[&str]) -> BackupSpec {
    let object = |name: &&str| BackupObject { name: (*name).to_owned(), ..BackupObject::default() };
    BackupSpec {
        db: "d".into(),
        label: label.into(),
        repository: LOCAL.into(),
        objects: (!tables.is_empty()).then(|| tables.iter().map(object).collect()),
        ..BackupSpec::default()
    }
}

fn backup(model: &mut Model, label: &str, tables: &[&str]) -> Answer<()> {
    model.submit_backup(&backup_spec(label, tables))
}

/// A finished backup of these tables as a call of restoreSnapshot.
fn snapshot(model: &mut Model, label: &str, tables: &[&str]) -> RestoreSpec {
    backup(model, label, tables).unwrap();
    pass(model, 1);
    restore_call(model, label)
}

/// A snapshot as a call of restoreSnapshot, with the extra info that its caller adds.
fn restore_call(model: &Model, label: &str) -> RestoreSpec {
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
        repository: LOCAL.into(),
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
