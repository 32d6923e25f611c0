//! Full copies that are disturbed, and how soon rows are there.
#![allow(clippy::unwrap_used)]

mod world;

use std::time::Duration;

use ccr_engine::{Run, Skip};
use ccr_store::documents::SyncState;
use doris::{ids::CommitSeq, net::SqlReply};
use doris_sim::{FaultRule, SimCluster, control::Command, serve::faults::Effect};
use tokio::time::Instant;
use world::{World, seconds};

const MOMENT: Duration = Duration::from_millis(1);

/// The cells of a column.
async fn cells(world: &World, cluster: &SimCluster, sql: &str, column: &str) -> Vec<String> {
    let SqlReply::Rows(set) = world.sql(cluster, sql).await else { return Vec::new() };
    let Some(at) = set.columns.iter().position(|name| name == column) else { return Vec::new() };
    set.rows.into_iter().filter_map(|mut row| row.swap_remove(at)).collect()
}

/// A snapshot whose time is over before it is restored: another one is made, and nobody's clock is compared.
///
/// Defects: MODEL-12, ENG-P-8.
#[tokio::test(start_paused = true)]
async fn an_expired_snapshot_is_made_again() {
    let mut world = World::new().await;
    let (job, _tasks) = world.start().await;
    let backups = "SHOW BACKUP FROM shop";
    while cells(&world, &world.clusters.source, backups, "State").await != ["FINISHED"] {
        tokio::time::sleep(MOMENT).await;
    }
    let label = cells(&world, &world.clusters.source, backups, "SnapshotName").await.remove(0);
    world.clusters.source.control().run(&Command::ExpireSnapshot(label)).unwrap();
    world.write(2).await;
    assert!(job.wait_for(|status| status.sync_state == SyncState::TableIncrementalSync).await);
    seconds(10).await;
    assert_eq!(job.status().run, Run::Running, "{:?}", job.status().error);
    assert_eq!(cells(&world, &world.clusters.source, backups, "State").await.len(), 2);
    world.assert_equal().await;
}

/// Looks at backups and restores that fail are seen in the status, and tried again.
///
/// Defects: SQL-18, ENG-P-7.
#[tokio::test(start_paused = true)]
async fn a_look_that_fails_is_seen_and_repeated() {
    for statement in ["SHOW BACKUP*", "SHOW *RESTORE*"] {
        let mut world = World::new().await;
        let fault = FaultRule::new(Effect::Fail { status: 1105, text: "something is out of order".to_owned() });
        world.clusters.dest.control().faults().add(fault.of(statement).times(3)).unwrap();
        let (job, _tasks) = world.start().await;
        let seen = job.wait_for(|status| {
            status.error.as_ref().is_some_and(|error| error.message.contains("something is out of order"))
        });
        assert!(seen.await, "{statement}");
        assert!(job.wait_for(|status| status.sync_state == SyncState::TableIncrementalSync).await);
        seconds(5).await;
        assert_eq!((job.status().run, job.status().error), (Run::Running, None), "{statement}");
        world.assert_equal().await;
    }
}

/// While everything is copied anew, what is there stays readable and complete.
///
/// Defects: ENG-P-12.
#[tokio::test(start_paused = true)]
async fn a_copy_is_readable_while_the_next_one_is_made() {
    let mut world = World::new().await;
    let (job, _tasks) = world.start_incremental().await;
    job.skip(Skip::FullSync { seq: CommitSeq(0) }).await.unwrap();
    assert!(job.wait_for(|status| status.sync_state == SyncState::TableFullSync).await);
    let mut least = world.ids(&world.clusters.dest).await.len();
    assert_eq!(least, 3);
    world.write(3).await;
    let mut looks = 0;
    while job.status().sync_state == SyncState::TableFullSync {
        let rows = world.ids(&world.clusters.dest).await.len();
        assert!(rows >= least, "{rows} rows after {least}");
        least = rows;
        looks += 1;
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(looks > 10, "{looks}");
    seconds(10).await;
    world.assert_equal().await;
}

/// A row that comes after a long silence is there within a second and what Doris needs.
///
/// Defects: ENG-T-8.
#[tokio::test(start_paused = true)]
async fn the_first_row_after_a_silence_is_there_soon() {
    let mut world = World::new().await;
    let (_job, _tasks) = world.start_incremental().await;
    seconds(3600).await;
    world.write(1).await;
    let written = Instant::now();
    while world.ids(&world.clusters.dest).await.len() < 4 {
        tokio::time::sleep(MOMENT).await;
    }
    assert!(written.elapsed() < Duration::from_millis(1500), "{:?}", written.elapsed());
}
