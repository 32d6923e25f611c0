//! Jobs of whole databases: everything is copied, each change of it is applied once, one table's trouble is its own.
#![allow(clippy::unwrap_used)]

mod world;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
};

use ccr_engine::Run;
use ccr_store::{
    StoreError, StoreErrorKind,
    documents::SyncState,
    memory::{Moment, OperationKind},
};
use doris::net::SqlReply;
use doris_sim::SimCluster;
use world::{Process, World, seconds};

const ORDERS: &str = "CREATE TABLE shop.orders (id BIGINT NOT NULL, note VARCHAR(20) NULL) DUPLICATE KEY (id) \
     PARTITION BY RANGE(id) (PARTITION p1 VALUES LESS THAN (\"10\"), PARTITION p2 VALUES LESS THAN (\"20\")) \
     DISTRIBUTED BY HASH(id) BUCKETS 2 PROPERTIES (\"replication_num\" = \"1\", \"binlog.enable\" = \"true\")";

const ITEMS: &str = "CREATE TABLE shop.items (id BIGINT NOT NULL, note VARCHAR(20) NULL) DUPLICATE KEY (id) \
     DISTRIBUTED BY HASH(id) BUCKETS 3 PROPERTIES (\"replication_num\" = \"1\", \"binlog.enable\" = \"true\")";

fn plain(name: &str) -> String {
    ITEMS.replace("shop.items", &format!("shop.{name}"))
}

/// Rows of a statement; `None`: refused.
async fn rows(world: &World, cluster: &SimCluster, sql: &str) -> Option<Vec<Vec<Option<String>>>> {
    match world.sql(cluster, sql).await {
        SqlReply::Rows(set) => Some(set.rows),
        _ => None,
    }
}

/// Names of what a database holds.
async fn names(world: &World, cluster: &SimCluster, db: &str) -> BTreeSet<String> {
    let rows = rows(world, cluster, &format!("SHOW TABLES FROM {db}")).await.unwrap();
    rows.into_iter().map(|row| row[0].clone().unwrap()).collect()
}

/// Everything that a reader sees of a database: the rows of each table and view.
async fn contents(world: &World, cluster: &SimCluster, db: &str) -> BTreeMap<String, Vec<Vec<Option<String>>>> {
    let mut contents = BTreeMap::new();
    for name in names(world, cluster, db).await {
        let mut found = rows(world, cluster, &format!("SELECT * FROM {db}.{name}")).await.unwrap_or_default();
        found.sort();
        contents.insert(name, found);
    }
    contents
}

async fn assert_equal(world: &World, when: &str) {
    let source = contents(world, &world.clusters.source, "shop").await;
    let dest = contents(world, &world.clusters.dest, "store").await;
    assert_eq!(dest, source, "{when}");
}

/// The job runs, and nothing but its first copy and `partial` copies of tables was made.
fn assert_copies((job, _): &Process, partial: u64, when: &str) {
    let status = job.status();
    assert_eq!(status.run, Run::Running, "{when}: {:?}", status.error);
    assert!(status.quarantined.is_empty(), "{when}: {:?}", status.quarantined);
    assert!(status.full_sync_reason.starts_with("new job"), "{when}: {}", status.full_sync_reason);
    assert_eq!(status.counters.partial_syncs, partial, "{when}: {:?}", status.counters.partial_syncs_by);
}

async fn shop() -> (World, Process) {
    let mut world = World::with_database(&[ORDERS, ITEMS]).await;
    world.source("INSERT INTO shop.orders VALUES (1, 'a'), (11, 'b')").await;
    world.source("INSERT INTO shop.items VALUES (1, 'x')").await;
    let process = world.start_incremental().await;
    world.source("INSERT INTO shop.orders VALUES (2, 'c')").await;
    seconds(5).await;
    (world, process)
}

#[tokio::test(start_paused = true)]
async fn a_database_is_copied_and_followed() {
    let (world, process) = shop().await;
    assert_equal(&world, "after the copy").await;
    assert_eq!(process.0.status().sync_state, SyncState::DBIncrementalSync);
    for id in 3..9 {
        world.source(&format!("INSERT INTO shop.orders VALUES ({id}, 'o'), ({}, 'p')", id + 10)).await;
        world.source(&format!("INSERT INTO shop.items VALUES ({id}, 'i')")).await;
    }
    seconds(10).await;
    assert_equal(&world, "after rows").await;
    assert_copies(&process, 0, "rows");
    assert_eq!(names(&world, &world.clusters.dest, "store").await.len(), 2);
}

#[tokio::test(start_paused = true)]
async fn rows_that_come_during_the_copy_are_neither_lost_nor_doubled() {
    let mut world = World::with_database(&[ORDERS, ITEMS]).await;
    let process = world.start().await;
    for id in 0..60 {
        world.source(&format!("INSERT INTO shop.orders VALUES ({}, 'o')", id % 20)).await;
        world.source(&format!("INSERT INTO shop.items VALUES ({id}, 'i')")).await;
        tokio::time::sleep(std::time::Duration::from_millis(700)).await;
    }
    seconds(30).await;
    assert_equal(&world, "after the copy").await;
    assert_copies(&process, 0, "after the copy");
}

#[tokio::test(start_paused = true)]
async fn an_empty_database_is_followed_from_its_first_table() {
    let mut world = World::with_database(&[]).await;
    let process = world.start_incremental().await;
    world.source(&plain("first")).await;
    world.source("INSERT INTO shop.first VALUES (1, 'a')").await;
    seconds(20).await;
    assert_equal(&world, "the first table").await;
    assert_copies(&process, 0, "the first table");
}

/// One change of the database.
struct Case {
    name: &'static str,
    change: &'static [&'static str],
    /// Written afterwards.
    after: &'static [&'static str],
}

const CASES: &[Case] = &[
    Case {
        name: "CREATE TABLE",
        change: &["CREATE TABLE shop.fresh (id BIGINT NOT NULL, v INT NULL DEFAULT \"7\") UNIQUE KEY (id) \
             PARTITION BY RANGE(id) (PARTITION p1 VALUES LESS THAN (\"10\"), PARTITION p2 VALUES LESS THAN (\"20\")) \
             DISTRIBUTED BY HASH(id) BUCKETS 2 PROPERTIES (\"replication_num\" = \"1\", \"binlog.enable\" = \"true\")"],
        after: &["INSERT INTO shop.fresh VALUES (1, 1), (11, 2)", "INSERT INTO shop.fresh VALUES (2, 1)"],
    },
    Case {
        name: "DROP TABLE",
        change: &["DROP TABLE shop.items"],
        after: &["INSERT INTO shop.orders VALUES (5, 'x')"],
    },
    Case {
        name: "DROP and CREATE of the same name",
        change: &[
            "DROP TABLE shop.items",
            "CREATE TABLE shop.items (id BIGINT NOT NULL) DUPLICATE KEY (id) DISTRIBUTED BY HASH(id) BUCKETS 1 \
             PROPERTIES (\"replication_num\" = \"1\", \"binlog.enable\" = \"true\")",
        ],
        after: &["INSERT INTO shop.items VALUES (5)"],
    },
    Case {
        name: "RENAME TABLE",
        change: &["ALTER TABLE shop.items RENAME things"],
        after: &["INSERT INTO shop.things VALUES (5, 'x')"],
    },
    Case {
        name: "RENAME in a circle",
        change: &[
            "ALTER TABLE shop.items RENAME spare",
            "ALTER TABLE shop.orders RENAME items",
            "ALTER TABLE shop.spare RENAME orders",
        ],
        after: &["INSERT INTO shop.items VALUES (5, 'x')", "INSERT INTO shop.orders VALUES (6, 'y')"],
    },
    Case {
        name: "REPLACE with swap",
        change: &["ALTER TABLE shop.orders REPLACE WITH TABLE items PROPERTIES (\"swap\" = \"true\")"],
        after: &["INSERT INTO shop.items VALUES (5, 'x')", "INSERT INTO shop.orders VALUES (6, 'y')"],
    },
    Case {
        name: "REPLACE without swap",
        change: &["ALTER TABLE shop.orders REPLACE WITH TABLE items PROPERTIES (\"swap\" = \"false\")"],
        after: &["INSERT INTO shop.orders VALUES (6, 'y')"],
    },
    Case {
        name: "ADD PARTITION",
        change: &["ALTER TABLE shop.orders ADD PARTITION p3 VALUES LESS THAN (\"30\")"],
        after: &["INSERT INTO shop.orders VALUES (25, 'x')"],
    },
    Case {
        name: "TRUNCATE TABLE",
        change: &["TRUNCATE TABLE shop.orders"],
        after: &["INSERT INTO shop.orders VALUES (6, 'x'), (16, 'y')"],
    },
    Case {
        name: "ADD COLUMN",
        change: &["ALTER TABLE shop.items ADD COLUMN more INT NULL DEFAULT \"3\""],
        after: &["INSERT INTO shop.items VALUES (6, 'x', 4)"],
    },
];

impl Case {
    async fn apply(&self, world: &World) {
        for statement in self.change {
            world.source(statement).await;
        }
    }

    async fn finish(&self, world: &World, process: &Process, when: &str) {
        let when = format!("{}, {when}", self.name);
        seconds(20).await;
        assert_equal(world, &when).await;
        for statement in self.after {
            world.source(statement).await;
        }
        seconds(15).await;
        assert_equal(world, &format!("{when}, and rows came")).await;
        assert_copies(process, 0, &when);
        assert!(!world.progress().await.contains("\"change\""), "{when}: a change is left");
    }
}

#[tokio::test(start_paused = true)]
async fn every_change_of_a_database_is_applied_without_a_copy() {
    for case in CASES {
        let (world, process) = shop().await;
        case.apply(&world).await;
        case.finish(&world, &process, "undisturbed").await;
    }
}

/// The process is killed around each of its writes of progress: before and after each intent, before and after its end.
#[tokio::test(start_paused = true)]
async fn every_change_of_a_database_is_applied_once_wherever_the_process_is_killed() {
    for case in CASES {
        for nth in 1..=2 * u32::try_from(case.change.len()).unwrap() {
            for moment in [Moment::Before, Moment::After] {
                let (mut world, (job, mut tasks)) = shop().await;
                let writes = Arc::new(AtomicU32::new(0));
                let counter = Arc::clone(&writes);
                world.store.set_fault_hook(move |operation| {
                    if operation.kind != OperationKind::SaveProgress {
                        return None;
                    }
                    if operation.moment == Moment::Before {
                        counter.fetch_add(1, Ordering::Relaxed);
                    }
                    let now = counter.load(Ordering::Relaxed);
                    let dead = now > nth || (now == nth && operation.moment == moment);
                    dead.then(|| StoreError { kind: StoreErrorKind::Unavailable, text: "killed here".to_owned() })
                });
                case.apply(&world).await;
                let limit = tokio::time::Instant::now() + std::time::Duration::from_secs(60);
                while writes.load(Ordering::Relaxed) < nth && tokio::time::Instant::now() < limit {
                    tokio::time::sleep(std::time::Duration::from_millis(1)).await;
                }
                drop(job);
                tasks.shutdown().await;
                world.store.clear_fault_hook();
                let process = world.start().await;
                case.finish(&world, &process, &format!("killed {moment:?} write {nth}")).await;
            }
        }
    }
}

/// What only a copy gives is copied alone: the other table is not touched.
#[tokio::test(start_paused = true)]
async fn one_table_is_copied_again_and_the_others_stay() {
    for (statements, after) in [
        (
            vec!["ALTER TABLE shop.items ADD COLUMN k2 INT KEY NULL DEFAULT \"0\""],
            "INSERT INTO shop.items VALUES (6, 1, 'x')",
        ),
        (vec!["ALTER TABLE shop.items ADD ROLLUP r1 (note)"], "INSERT INTO shop.items VALUES (6, 'x')"),
        (vec!["ALTER TABLE shop.items ADD INDEX i (note) USING INVERTED"], "INSERT INTO shop.items VALUES (6, 'x')"),
        (vec!["DROP TABLE shop.items", "RECOVER TABLE shop.items"], "INSERT INTO shop.items VALUES (6, 'x')"),
        (
            vec!["INSERT OVERWRITE TABLE shop.orders PARTITION (p1) VALUES (3, 'over')"],
            "INSERT INTO shop.orders VALUES (4, 'x')",
        ),
        (
            vec!["ALTER TABLE shop.orders DROP PARTITION p2", "RECOVER PARTITION p2 FROM shop.orders"],
            "INSERT INTO shop.orders VALUES (14, 'x')",
        ),
        (
            vec![
                "CREATE TABLE shop.indexed (id BIGINT NOT NULL, note VARCHAR(20) NULL, INDEX i (note) USING INVERTED) \
                 DUPLICATE KEY (id) DISTRIBUTED BY HASH(id) BUCKETS 1 \
                 PROPERTIES (\"replication_num\" = \"1\", \"binlog.enable\" = \"true\")",
            ],
            "INSERT INTO shop.indexed VALUES (6, 'x')",
        ),
    ] {
        let (world, process) = shop().await;
        let when = format!("{statements:?}");
        for statement in &statements {
            world.source(statement).await;
        }
        for id in 3..9 {
            world.source(&format!("INSERT INTO shop.orders VALUES ({id}, 'meanwhile')")).await;
            tokio::time::sleep(std::time::Duration::from_millis(500)).await;
        }
        seconds(60).await;
        assert_equal(&world, &when).await;
        world.source(after).await;
        seconds(20).await;
        assert_equal(&world, &format!("{when}, and rows came")).await;
        assert_copies(&process, 1, &when);
        assert_eq!(process.0.status().counters.tables_copied, 1, "{when}");
    }
}

/// Somebody writes to one copy: that table stops with a code, the others go on.
#[tokio::test(start_paused = true)]
async fn a_table_that_somebody_else_wrote_to_is_quarantined_alone() {
    let (world, process) = shop().await;
    let reply = world.sql(&world.clusters.dest, "INSERT INTO store.items VALUES (99, 'foreign')").await;
    assert!(!matches!(reply, SqlReply::Error { .. }), "{reply:?}");
    seconds(60).await;
    world.source("INSERT INTO shop.orders VALUES (5, 'goes on')").await;
    world.source("INSERT INTO shop.items VALUES (5, 'waits')").await;
    seconds(20).await;
    let status = process.0.status();
    assert_eq!(status.run, Run::Running, "{:?}", status.error);
    let [(name, failure)] = status.quarantined.as_slice() else { panic!("{:?}", status.quarantined) };
    assert_eq!((name.as_str(), failure.code.to_string().as_str()), ("items", "CCR-2302"), "{failure}");
    let orders = |db: &str| format!("SELECT * FROM {db}.orders ORDER BY id, note");
    assert_eq!(
        rows(&world, &world.clusters.dest, &orders("store")).await,
        rows(&world, &world.clusters.source, &orders("shop")).await
    );
}

/// A copy that somebody dropped is made again; nothing else is.
#[tokio::test(start_paused = true)]
async fn a_copy_that_was_dropped_by_hand_is_made_again() {
    let (world, process) = shop().await;
    let reply = world.sql(&world.clusters.dest, "DROP TABLE store.items FORCE").await;
    assert!(!matches!(reply, SqlReply::Error { .. }), "{reply:?}");
    for id in 3..9 {
        world.source(&format!("INSERT INTO shop.items VALUES ({id}, 'i')")).await;
    }
    seconds(120).await;
    assert_equal(&world, "dropped by hand").await;
    assert_copies(&process, 1, "dropped by hand");
}

/// Views follow their definitions, also those that are over other views, and end with their drop.
#[tokio::test(start_paused = true)]
async fn views_are_set_to_what_the_source_says() {
    let mut world = World::with_database(&[
        ORDERS,
        ITEMS,
        "CREATE VIEW shop.z_view (id COMMENT 'the id', note) COMMENT 'all of them' AS SELECT id, note FROM shop.orders",
    ])
    .await;
    world.source("INSERT INTO shop.orders VALUES (1, 'a'), (11, 'b')").await;
    // Before the one that it reads, in order of name.
    world.source("CREATE VIEW shop.a_view AS SELECT id FROM shop.z_view").await;
    let process = world.start_incremental().await;
    seconds(30).await;
    assert_equal(&world, "copied").await;
    for (statement, when) in [
        ("ALTER VIEW shop.z_view AS SELECT id, note FROM shop.items", "another query"),
        ("CREATE VIEW shop.later AS SELECT note FROM shop.items", "a new one"),
        ("ALTER TABLE shop.items ADD COLUMN more INT NULL DEFAULT \"3\"", "a column"),
        ("ALTER VIEW shop.later AS SELECT id, more FROM shop.items", "with the column"),
        ("DROP VIEW shop.later", "dropped"),
    ] {
        world.source(statement).await;
        world.source("INSERT INTO shop.items (id, note) VALUES (4, 'x')").await;
        seconds(30).await;
        assert_equal(&world, when).await;
    }
    assert_copies(&process, 0, "views");
}
