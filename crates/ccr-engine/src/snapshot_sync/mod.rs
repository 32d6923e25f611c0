//! Copies by backup and restore: of everything that a job is about, or of some of its tables.
//!
//! Each stage adopts what a predecessor began: backups and restores are found by labels that are functions of durable
//! state. Nothing is ever restored to the name of a destination table, not even when that is free: each copy is made under
//! an alias and takes its place when it is complete. So a table that was readable stays readable, readers never see
//! half a copy, and a restoreSnapshot that Doris executes late, after a second one has done its work (labels of restores
//! may repeat), makes an orphan and does not set the live table back.

use std::{sync::Arc, time::Duration};

use doris::{
    ErrorKind,
    cluster::{RestoreSnapshot, Snapshot, SnapshotJobState},
    error::Effect,
    net::Endpoint,
    snapshot::JobInfo,
    sql::BackupObject,
};
use tokio_util::sync::CancellationToken;
use tracing::info;

use crate::{
    copy::Held,
    incremental::Exit,
    job::{Context, Control},
    label,
    phase::{Progress, SnapshotStage},
    policy::{Action, Code, Failure},
};

mod finish;
mod held;
mod scope;

use scope::Objects;

/// Runs the current stage and those after it until the copy is complete ([`Exit::Done`]) or cannot go on.
pub(crate) async fn run(
    context: &Arc<Context>,
    progress: &mut Progress,
    control: &Control,
    cancel: &CancellationToken,
) -> Exit {
    let stages = async {
        loop {
            let Some(stage) = progress.phase.stage().cloned() else { return Ok(Exit::Done) };
            context.status.entered(progress);
            match stage {
                SnapshotStage::Backup => back_up(context, progress).await?,
                SnapshotStage::Restore { snapshot } => restore(context, progress, &snapshot).await?,
                SnapshotStage::Finish { .. } => finish::finish(context, progress, control).await?,
            }
        }
    };
    // Nothing here is lost by stopping anywhere: all that counts is durable or found again.
    tokio::select! {
        biased;
        () = cancel.cancelled() => Exit::Cancelled,
        result = stages => result.unwrap_or_else(|exit: Exit| exit),
    }
}

/// Pauses between looks at a running job of Doris.
struct Patience(Duration);

impl Patience {
    fn new() -> Self {
        Self(Duration::from_millis(50))
    }

    async fn wait(&mut self) {
        tokio::time::sleep(self.0).await;
        self.0 = (self.0 * 2).min(Duration::from_secs(3));
    }
}

/// Finds or begins the backup and waits for its end.
async fn back_up(context: &Context, progress: &mut Progress) -> Result<(), Exit> {
    let (source, db) = (&context.source, context.source_db.as_str());
    let label = progress.snapshot_label(&context.name);
    let mut patience = Patience::new();
    loop {
        match source.backups(db, &label).await?.pop().map(|row| (row.state, row.status)) {
            Some((SnapshotJobState::Finished, _)) => break,
            Some((SnapshotJobState::Running(_), _)) => patience.wait().await,
            Some((SnapshotJobState::Cancelled, status)) => {
                return Err(again(context, progress, &format!("backup {label} was cancelled: {status}")).await?);
            }
            None => {
                let objects: Vec<BackupObject> = match scope::objects(context, progress).await? {
                    Objects::Everything => Vec::new(),
                    Objects::Tables(names) => {
                        names.into_iter().map(|name| BackupObject { name, partitions: Vec::new() }).collect()
                    }
                    Objects::Nothing { start } => return nothing(context, progress, start).await,
                };
                match source.backup_objects(db, &label, objects).await {
                    Ok(()) => info!(job = context.name, %label, "backup begun"),
                    Err(error) if must_wait(error.kind) => patience.wait().await,
                    // It may have been accepted: look before anything else.
                    Err(error) if error.kind.effect() == Effect::Unknown => patience.wait().await,
                    Err(error) => return Err(error.into()),
                }
            }
        }
    }
    context.change(progress, |p| p.enter(SnapshotStage::Restore { snapshot: label })).await
}

/// There is nothing to back up: the copy is complete without.
async fn nothing(context: &Context, progress: &mut Progress, start: doris::ids::CommitSeq) -> Result<(), Exit> {
    info!(job = context.name, %start, "there is nothing to back up");
    context
        .change(progress, |p| {
            p.hold(Held { start, ..Held::default() });
            p.enter(SnapshotStage::Finish { restore: String::new() });
        })
        .await
}

/// How often a snapshot's restore may be cancelled before another snapshot is made: its files may be gone for good.
const RESTORES: u32 = 3;

/// Fetches the snapshot, finds or begins its restore and waits for its end.
///
/// What the snapshot holds becomes durable together with the aliases, before the restore begins, and is never read again:
/// another backup of the label, executed late, replaces the snapshot that the label names, but not what was restored.
async fn restore(context: &Context, progress: &mut Progress, snapshot_label: &str) -> Result<(), Exit> {
    let mut fetched = None;
    let mut patience = Patience::new();
    loop {
        let copy = progress.own.copy.clone().unwrap_or(crate::copy::Copying::of(crate::copy::CopyScope::All));
        let Some(held) = copy.held else {
            let found = fetch_or_again(context, progress, snapshot_label).await?;
            let held = found.2.clone();
            fetched = Some(found);
            context.change(progress, |p| p.hold(held)).await?;
            continue;
        };
        let label = label::restore_label(snapshot_label, copy.restore_attempt);
        match context.dest.restores(&context.dest_db, &label).await?.pop().map(|row| (row.state, row.status)) {
            Some((SnapshotJobState::Finished, _)) => {
                return context.change(progress, |p| p.enter(SnapshotStage::Finish { restore: label })).await;
            }
            Some((SnapshotJobState::Running(_), _)) => patience.wait().await,
            Some((SnapshotJobState::Cancelled, status)) => {
                let why = format!("restore {label} was cancelled: {status}");
                if copy.restore_attempt + 1 >= RESTORES {
                    return Err(again(context, progress, &why).await?);
                }
                // The next restore has another label, durably, so that this one is not found again.
                context.change(progress, Progress::next_restore).await?;
                let hint = "look at SHOW RESTORE on the destination; the job tries again";
                let action = Action::Retry { first: Duration::from_millis(500), most: Duration::from_secs(30) };
                return Err(Exit::Failed { failure: Failure::new(Code::SNAPSHOT, why, hint), action });
            }
            None => {
                let (snapshot, info, found) = match fetched.take() {
                    Some(fetched) => fetched,
                    None => fetch_or_again(context, progress, snapshot_label).await?,
                };
                if found != held {
                    let why = format!("snapshot {snapshot_label} was replaced by a later one of its label");
                    return Err(again(context, progress, &why).await?);
                }
                match begin_restore(context, &held, &snapshot, &info, &label).await {
                    Ok(()) => info!(job = context.name, %label, "restore begun"),
                    Err(error) if must_wait(error.kind) || error.kind.effect() == Effect::Unknown => {
                        patience.wait().await;
                    }
                    Err(error) => return Err(error.into()),
                }
                // Fetched again before the next attempt: only the source's own clock tells that a snapshot expired.
            }
        }
    }
}

/// A usable snapshot and what it holds; where there is none, the copy begins again with a new one.
async fn fetch_or_again(
    context: &Context,
    progress: &mut Progress,
    label: &str,
) -> Result<(Snapshot, JobInfo, Held), Exit> {
    match fetch(context, progress, label).await? {
        Ok(found) => Ok(found),
        Err(why) => Err(again(context, progress, &why).await?),
    }
}

/// Whether the one backup or restore that a database may run is somebody else's: wait, it is no error.
fn must_wait(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::SnapshotJobRunning | ErrorKind::Busy)
}

/// The snapshot of a finished backup, checked: it must be of our database and hold what was asked for. The inner error
/// says why another snapshot is needed.
async fn fetch(
    context: &Context,
    progress: &Progress,
    label: &str,
) -> Result<Result<(Snapshot, JobInfo, Held), String>, Exit> {
    let table = context.source_table();
    let table = (!table.is_empty()).then_some(table.as_str());
    let snapshot = match context.source.get_snapshot(&context.source_db, table, label).await {
        Ok(snapshot) => snapshot,
        Err(error) if matches!(error.kind, ErrorKind::SnapshotNotFound | ErrorKind::SnapshotExpired) => {
            return Ok(Err(error.to_string()));
        }
        Err(error) => return Err(error.into()),
    };
    let info = match JobInfo::parse(&snapshot.job_info, snapshot.compressed) {
        Ok(info) => info,
        Err(error) => return Ok(Err(format!("snapshot {label}: {error}"))),
    };
    let expected = context.ids().source_db;
    if info.database_id() != expected {
        // Labels are global: it was made in another database of that name.
        return Ok(Err(format!("snapshot {label} is of database id {}, not {expected}", info.database_id())));
    }
    Ok(held::held(context, progress, &snapshot, &info)?.map(|held| (snapshot, info, held)))
}

async fn begin_restore(
    context: &Context,
    held: &Held,
    snapshot: &Snapshot,
    info: &JobInfo,
    label: &str,
) -> doris::Result<()> {
    let token = context.source.get_master_token().await?;
    let backends = context.source.backends().await?;
    let map = backends.iter().map(|b| (b.id, Endpoint::new(&b.host, b.http_port))).collect();
    let request = RestoreSnapshot {
        db: context.dest_db.clone(),
        label: label.to_owned(),
        tables: held.tables.values().map(|table| (table.name.clone(), Some(table.alias.clone()))).collect(),
        properties: [("reserve_replica".to_owned(), "true".to_owned())].into(),
        meta: doris::snapshot::plain(&snapshot.meta, snapshot.compressed)?,
        job_info: info.with_extra_info(&map, &token)?,
        compressed: false,
        clean_tables: false,
        clean_partitions: false,
        atomic_restore: false,
        force_replace: false,
    };
    context.dest.restore_snapshot(&request).await
}

/// Begins again with a new snapshot; what it returns is how this run ends.
async fn again(context: &Context, progress: &mut Progress, why: &str) -> Result<Exit, Exit> {
    context.change(progress, Progress::restart_snapshot).await?;
    Ok(Exit::retry(Failure::new(Code::SNAPSHOT, why.to_owned(), "the job makes a new snapshot")))
}
