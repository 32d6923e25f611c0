//! Races and hazards that were once survived badly, one by one: each test is the story of what happened.
#![allow(clippy::unwrap_used)]

mod world;

use std::time::Duration;

use ccr_engine::{Code, Run};
use ccr_store::{
    Metastore, StoreError, StoreErrorKind,
    documents::SyncState,
    memory::{Moment, OperationKind},
};
use doris::net::SqlReply;
use futures::FutureExt;
use world::{JOB, OWNER, World, seconds};

fn away() -> StoreError {
    StoreError { kind: StoreErrorKind::Unavailable, text: "the database is away".to_owned() }
}

#[tokio::test(start_paused = true)]
async fn a_backup_that_is_executed_late_replaces_the_snapshot_but_loses_nothing() {
    let mut world = World::new().await;
    let (job, mut tasks) = world.start().await;
    // The restore of the first snapshot has begun.
    let submitted = async || match world.sql(&world.clusters.dest, "SHOW RESTORE FROM shop").await {
        SqlReply::Rows(set) => !set.rows.is_empty(),
        _ => false,
    };
    while !submitted().await {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let progress = world.progress().await;
    let label = progress.split("\"data\":\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
    tasks.shutdown().await;
    drop(job);
    // Rows come, and then the same BACKUP statement a second time.
    world.write(4).await;
    world.source(&format!("BACKUP SNAPSHOT shop.`{label}` TO `__keep_on_local__` ON (orders)")).await;
    seconds(10).await;
    let (job, _tasks) = world.start_incremental().await;
    world.write(1).await;
    seconds(30).await;
    assert_eq!(job.status().run, Run::Running, "{:?}", job.status().error);
    world.assert_equal().await;
}

/// Defects: ENG-R-13, ENG-R-10.
#[tokio::test(start_paused = true)]
async fn a_source_table_that_is_dropped_is_not_called_caught_up() {
    let mut world = World::new().await;
    let (job, _tasks) = world.start_incremental().await;
    let copied = world.ids(&world.clusters.dest).await;
    world.source("DROP TABLE shop.orders").await;
    seconds(120).await;
    let status = job.status();
    assert_eq!(status.run, Run::Halted);
    assert_eq!(status.error.unwrap().code, Code::TABLE_NOT_FOUND);
    assert_eq!(world.ids(&world.clusters.dest).await, copied, "the copy is left as it is");
}

/// Defects: SEEN-1.
#[tokio::test(start_paused = true)]
async fn writes_that_the_source_does_not_record_are_noticed() {
    let mut world = World::new().await;
    let (job, _tasks) = world.start_incremental().await;
    world.source("ALTER TABLE shop.orders SET (\"binlog.enable\" = \"false\")").await;
    seconds(60).await;
    world.write(5).await;
    seconds(600).await;
    let status = job.status();
    assert_eq!(status.run, Run::Halted, "{:?}", status.error);
    assert_eq!(status.error.unwrap().code, Code::BINLOG_OFF);
}

#[tokio::test(start_paused = true)]
async fn nothing_goes_on_from_a_state_that_could_not_be_stored() {
    let mut world = World::new().await;
    // The database goes away at the write that would end the full copy: the alias, with its id, was the one before.
    let store = world.store.clone();
    world.store.set_fault_hook(move |operation| {
        if operation.kind != OperationKind::SaveProgress || operation.moment != Moment::Before {
            return None;
        }
        let stored = store.progress(JOB).now_or_never()?.ok()??;
        (stored.contains("\"state\":4,") && stored.contains("\"dest\":")).then(away)
    });
    let (job, mut tasks) = world.start().await;
    seconds(20).await;
    world.write(3).await;
    seconds(20).await;
    assert_eq!(job.status().sync_state, SyncState::TableFullSync, "what is shown is what is stored");
    assert!(job.status().error.is_some());
    tasks.shutdown().await;
    world.store.clear_fault_hook();
    let (job, _tasks) = world.start_incremental().await;
    world.write(1).await;
    seconds(60).await;
    assert_eq!(job.status().run, Run::Running, "{:?}", job.status().error);
    world.assert_equal().await;
}

#[tokio::test(start_paused = true)]
async fn a_job_that_is_resumed_the_moment_it_halts_runs() {
    let mut world = World::new().await;
    let (job, _tasks) = world.start_incremental().await;
    // Another owner in the row halts it.
    world.store.set_owner(JOB, "127.0.0.1:9191");
    world.write(1).await;
    assert!(job.wait_for(|status| status.run == Run::Halted).await);
    world.store.set_owner(JOB, OWNER);
    job.resume().await.unwrap();
    world.write(1).await;
    seconds(60).await;
    assert_eq!(job.status().run, Run::Running);
    world.assert_equal().await;
}

#[tokio::test(start_paused = true)]
async fn a_resume_outlives_a_pause_whose_answer_was_lost() {
    let mut world = World::new().await;
    let (job, mut tasks) = world.start_incremental().await;
    world.store.set_fault_hook(|operation| {
        (operation.kind == OperationKind::UpdateJob && operation.moment == Moment::After).then(away)
    });
    assert!(job.pause().await.is_err());
    world.store.clear_fault_hook();
    job.resume().await.unwrap();
    tasks.shutdown().await;
    let (job, _tasks) = world.start().await;
    seconds(5).await;
    assert_eq!(job.status().run, Run::Running);
}

/// Defects: ENG-I-6.
#[tokio::test(start_paused = true)]
async fn a_paused_job_leaves_no_transaction_open_and_moves_again() {
    let mut world = World::new().await;
    let (job, _tasks) = world.start_incremental().await;
    world.write(20).await;
    job.pause().await.unwrap();
    seconds(10).await;
    let before = world.ids(&world.clusters.dest).await;
    world.write(5).await;
    seconds(60).await;
    assert_eq!(world.ids(&world.clusters.dest).await, before, "a paused job does nothing");
    let (again, _paused) = world.start().await;
    seconds(1).await;
    assert_eq!((again.status().run, again.status().sync_state), (Run::Paused, SyncState::TableIncrementalSync));
    let open = world.clusters.dest.with(|model| model.database("shop").map(|db| model.running_txns(db.id)).unwrap());
    assert_eq!(open, 0);
    job.resume().await.unwrap();
    seconds(10).await;
    world.assert_equal().await;
}

/// Defects: MODEL-14.
#[tokio::test(start_paused = true)]
async fn somebody_elses_write_to_the_copy_stops_the_job_with_a_code() {
    let mut world = World::new().await;
    let (job, _tasks) = world.start_incremental().await;
    let reply = world.sql(&world.clusters.dest, "INSERT INTO shop.orders VALUES (4711)").await;
    assert!(!matches!(reply, SqlReply::Error { .. }), "{reply:?}");
    seconds(60).await;
    let status = job.status();
    assert_eq!(status.run, Run::Halted);
    assert_eq!(status.error.unwrap().code, Code::FOREIGN_WRITE);
}

/// Defects: SVC-A6, ENG-L-1.
#[tokio::test(start_paused = true)]
async fn a_job_that_was_deleted_writes_nothing_into_one_of_the_same_name() {
    let mut world = World::new().await;
    let (job, _tasks) = world.start_incremental().await;
    world.write(10).await;
    let row = world.store.job(JOB).await.unwrap().unwrap();
    job.delete().await.unwrap();
    assert_eq!(world.store.job(JOB).await.unwrap(), None);
    world.store.add_job(&row).await.unwrap();
    seconds(60).await;
    assert_eq!(world.store.progress(JOB).await.unwrap(), None, "the old job came back");
}
