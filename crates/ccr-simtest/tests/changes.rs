//! Each change of a table that is replayed on the destination: applied once, whatever is lost or killed at any point of it.
#![allow(clippy::unwrap_used)]

mod world;

use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};

use ccr_engine::Run;
use ccr_store::{
    StoreError, StoreErrorKind,
    memory::{Moment, OperationKind},
};
use doris::net::SqlReply;
use doris_sim::{Session, SimCluster};
use world::{Process, World, seconds};

/// One kind of change.
struct Case {
    name: &'static str,
    create: &'static str,
    /// What the source executes; `{t}` is the table.
    change: &'static str,
    /// What shows that it was applied, to be the same on both sides.
    shows: &'static [&'static str],
    /// Written afterwards.
    after: &'static str,
    /// The source's table is called so afterwards.
    renamed: Option<&'static str>,
}

impl Case {
    const NONE: Self = Self {
        name: "",
        create: PARTITIONED,
        change: "",
        shows: &["SELECT * FROM {t} ORDER BY id"],
        after: "INSERT INTO {t} VALUES (5, 'later')",
        renamed: None,
    };
}

const PARTITIONED: &str = "CREATE TABLE shop.orders (id BIGINT NOT NULL, note VARCHAR(20) NULL) DUPLICATE KEY (id) \
     PARTITION BY RANGE(id) (PARTITION p1 VALUES LESS THAN (\"10\"), PARTITION p2 VALUES LESS THAN (\"20\")) \
     DISTRIBUTED BY HASH(id) BUCKETS 2 PROPERTIES (\"replication_num\" = \"1\", \"binlog.enable\" = \"true\")";

const PLAIN: &str = "CREATE TABLE shop.orders (id BIGINT NOT NULL, note VARCHAR(20) NULL) DUPLICATE KEY (id) \
     DISTRIBUTED BY HASH(id) BUCKETS 2 PROPERTIES (\"replication_num\" = \"1\", \"binlog.enable\" = \"true\")";

const ROLLED_UP: &str = "CREATE TABLE shop.orders (id BIGINT NOT NULL, note VARCHAR(20) NULL) DUPLICATE KEY (id) \
     DISTRIBUTED BY HASH(id) BUCKETS 2 ROLLUP (r1 (id), r2 (note)) \
     PROPERTIES (\"replication_num\" = \"1\", \"binlog.enable\" = \"true\")";

const WIDE_ROLLUP: &str = "CREATE TABLE shop.orders (id BIGINT NOT NULL, note VARCHAR(20) REPLACE NULL) AGGREGATE KEY (id) \
     DISTRIBUTED BY HASH(id) BUCKETS 2 ROLLUP (r1 (id, note)) \
     PROPERTIES (\"replication_num\" = \"1\", \"binlog.enable\" = \"true\")";

const INDEXED: &str = "CREATE TABLE shop.orders (id BIGINT NOT NULL, note VARCHAR(20) NULL, \
     INDEX i1 (note) USING INVERTED, INDEX i2 (id) USING INVERTED) DUPLICATE KEY (id) \
     DISTRIBUTED BY HASH(id) BUCKETS 2 PROPERTIES (\"replication_num\" = \"1\", \"binlog.enable\" = \"true\")";

const CREATE: &str = "SHOW CREATE TABLE {t}";

const PARTITION_NAMES: &str = "SHOW PARTITIONS FROM {t}";

const CASES: &[Case] = &[
    Case {
        name: "ADD PARTITION",
        change: "ALTER TABLE {t} ADD PARTITION p3 VALUES LESS THAN (\"30\") DISTRIBUTED BY HASH(id) BUCKETS 5",
        shows: &["SELECT * FROM {t} ORDER BY id", PARTITION_NAMES],
        after: "INSERT INTO {t} VALUES (25, 'in the new one'), (5, 'in an old one')",
        ..Case::NONE
    },
    Case {
        name: "DROP PARTITION",
        change: "ALTER TABLE {t} DROP PARTITION p2",
        shows: &["SELECT * FROM {t} ORDER BY id", PARTITION_NAMES],
        ..Case::NONE
    },
    Case {
        name: "DROP PARTITION FORCE",
        change: "ALTER TABLE {t} DROP PARTITION p2 FORCE",
        shows: &["SELECT * FROM {t} ORDER BY id", PARTITION_NAMES],
        ..Case::NONE
    },
    Case {
        name: "TRUNCATE TABLE",
        change: "TRUNCATE TABLE {t}",
        after: "INSERT INTO {t} VALUES (6, 'after'), (16, 'after')",
        ..Case::NONE
    },
    Case {
        name: "TRUNCATE of one partition",
        change: "TRUNCATE TABLE {t} PARTITION (p1)",
        after: "INSERT INTO {t} VALUES (6, 'after'), (16, 'after')",
        ..Case::NONE
    },
    Case { name: "TRUNCATE of an unpartitioned table", create: PLAIN, change: "TRUNCATE TABLE {t}", ..Case::NONE },
    Case { name: "RENAME TABLE", change: "ALTER TABLE {t} RENAME sales", renamed: Some("sales"), ..Case::NONE },
    Case {
        name: "RENAME PARTITION",
        change: "ALTER TABLE {t} RENAME PARTITION p1 first_one",
        shows: &["SELECT * FROM {t} ORDER BY id", PARTITION_NAMES],
        ..Case::NONE
    },
    Case {
        name: "ADD COLUMN",
        change: "ALTER TABLE {t} ADD COLUMN more INT NULL DEFAULT \"7\" COMMENT \"it's\" AFTER id",
        shows: &["SELECT * FROM {t} ORDER BY id", "DESC {t} ALL"],
        after: "INSERT INTO {t} VALUES (5, 1, 'later')",
        ..Case::NONE
    },
    Case {
        name: "several clauses",
        change: "ALTER TABLE {t} ADD COLUMN a DATETIME(3) NULL DEFAULT CURRENT_TIMESTAMP(3), DROP COLUMN note",
        shows: &["SELECT id FROM {t} ORDER BY id", "DESC {t} ALL"],
        after: "INSERT INTO {t} VALUES (5, '2026-01-01 00:00:00.125')",
        ..Case::NONE
    },
    Case {
        name: "DROP COLUMN",
        change: "ALTER TABLE {t} DROP COLUMN note",
        shows: &["SELECT * FROM {t} ORDER BY id", "DESC {t} ALL"],
        after: "INSERT INTO {t} VALUES (5)",
        ..Case::NONE
    },
    Case {
        name: "a longer VARCHAR",
        change: "ALTER TABLE {t} MODIFY COLUMN note VARCHAR(50) NULL",
        shows: &["SELECT * FROM {t} ORDER BY id", "DESC {t} ALL"],
        ..Case::NONE
    },
    Case {
        name: "RENAME COLUMN",
        change: "ALTER TABLE {t} RENAME COLUMN note remark",
        shows: &["SELECT * FROM {t} ORDER BY id", "DESC {t} ALL"],
        ..Case::NONE
    },
    Case {
        name: "the comment of a table",
        change: "ALTER TABLE {t} MODIFY COMMENT 'it\\'s \"new\"'",
        shows: &["SELECT * FROM {t} ORDER BY id", CREATE],
        ..Case::NONE
    },
    Case {
        name: "the comment of a column",
        change: "ALTER TABLE {t} MODIFY COLUMN note COMMENT \"it's\"",
        shows: &["SELECT * FROM {t} ORDER BY id", CREATE],
        ..Case::NONE
    },
    Case {
        name: "a property",
        change: "ALTER TABLE {t} SET (\"disable_auto_compaction\" = \"true\")",
        shows: &["SELECT * FROM {t} ORDER BY id", CREATE],
        ..Case::NONE
    },
    Case {
        name: "DROP ROLLUP",
        create: ROLLED_UP,
        change: "ALTER TABLE {t} DROP ROLLUP r1",
        shows: &["SELECT * FROM {t} ORDER BY id", "DESC {t} ALL"],
        ..Case::NONE
    },
    Case {
        // One record is written for both.
        name: "DROP ROLLUP of two",
        create: ROLLED_UP,
        change: "ALTER TABLE {t} DROP ROLLUP r1, r2",
        shows: &["SELECT * FROM {t} ORDER BY id"],
        ..Case::NONE
    },
    Case {
        // The base index stays as it is.
        name: "DROP COLUMN of a rollup",
        create: WIDE_ROLLUP,
        change: "ALTER TABLE {t} DROP COLUMN note FROM r1",
        shows: &["SELECT * FROM {t} ORDER BY id", "DESC {t} ALL"],
        ..Case::NONE
    },
    Case {
        name: "RENAME ROLLUP",
        create: ROLLED_UP,
        change: "ALTER TABLE {t} RENAME ROLLUP r1 r9",
        shows: &["SELECT * FROM {t} ORDER BY id", "DESC {t} ALL"],
        ..Case::NONE
    },
    Case {
        name: "DROP INDEX",
        create: INDEXED,
        change: "ALTER TABLE {t} DROP INDEX i1",
        shows: &["SELECT * FROM {t} ORDER BY id", CREATE],
        ..Case::NONE
    },
    Case {
        name: "MODIFY DISTRIBUTION",
        change: "ALTER TABLE {t} MODIFY DISTRIBUTION DISTRIBUTED BY HASH(id) BUCKETS 7",
        shows: &["SELECT * FROM {t} ORDER BY id", CREATE],
        ..Case::NONE
    },
];

impl Case {
    /// A world in which the job has caught up before the change.
    async fn world(&self) -> (World, Process) {
        let mut world = World::with_table(self.create).await;
        world.source("INSERT INTO shop.orders VALUES (1, 'a'), (11, 'b')").await;
        let process = world.start_incremental().await;
        world.source("INSERT INTO shop.orders VALUES (2, 'c'), (12, 'd')").await;
        seconds(5).await;
        (world, process)
    }

    async fn change(&self, world: &mut World) {
        world.source(&self.change.replace("{t}", "shop.orders")).await;
        if let Some(name) = self.renamed {
            name.clone_into(&mut world.source_table);
        }
    }

    /// Both sides show the same, and the job has not copied the table again.
    async fn check(&self, world: &World, (job, _): &Process, when: &str) {
        let status = job.status();
        assert_eq!(status.run, Run::Running, "{}, {when}: {:?}", self.name, status.error);
        assert!(
            status.full_sync_reason.starts_with("new job") && status.counters.partial_syncs == 0,
            "{}, {when}: copied again: {}{}",
            self.name,
            status.full_sync_reason,
            status.partial_sync_reason
        );
        for sql in self.shows {
            let source = show(world, &world.clusters.source, sql, &world.source_table).await;
            let dest = show(world, &world.clusters.dest, sql, "orders").await;
            assert_eq!(dest, source, "{}, {when}: {sql}", self.name);
        }
        assert!(!world.progress().await.contains("\"change\""), "{}, {when}: a change is left", self.name);
    }

    async fn finish(&self, world: &World, process: &Process, when: &str) {
        seconds(20).await;
        self.check(world, process, when).await;
        world.source(&self.after.replace("{t}", &format!("shop.{}", world.source_table))).await;
        seconds(5).await;
        self.check(world, process, &format!("{when}, and rows came")).await;
    }
}

/// What a cluster shows, without what belongs to one cluster: ids, times and sizes.
async fn show(world: &World, cluster: &SimCluster, sql: &str, table: &str) -> Vec<Vec<Option<String>>> {
    let SqlReply::Rows(set) = world.sql(cluster, &sql.replace("{t}", &format!("shop.{table}"))).await else {
        panic!("{sql}: no rows")
    };
    let partitions = sql == PARTITION_NAMES;
    let kept: Vec<usize> = (0..set.columns.len())
        .filter(|at| !partitions || ["PartitionName", "Range", "Buckets"].contains(&set.columns[*at].as_str()))
        .collect();
    let rows = set.rows.into_iter().map(|row| kept.iter().map(|at| row[*at].clone()).collect());
    let mut rows: Vec<Vec<Option<String>>> = rows.collect();
    rows.sort();
    if sql == CREATE {
        // A copy is marked as one.
        for cell in rows.iter_mut().flatten().flatten() {
            *cell = cell.lines().filter(|line| !line.contains("is_being_synced")).collect::<Vec<_>>().join("\n");
        }
    }
    rows
}

/// Defects: BIN-2, ENG-R-2, BIN-19.
#[tokio::test(start_paused = true)]
async fn every_change_is_applied_without_a_copy() {
    for case in CASES {
        let (mut world, process) = case.world().await;
        case.change(&mut world).await;
        case.finish(&world, &process, "undisturbed").await;
    }
}

/// What only a copy gives: the table is copied again, once, and rows go on.
///
/// Defects: BIN-3, BIN-23, MODEL-6, ENG-P-13, ENG-R-11.
#[tokio::test(start_paused = true)]
async fn what_needs_a_copy_is_copied_once() {
    for (create, change, why, after) in [
        (
            PLAIN,
            "ALTER TABLE {t} ADD COLUMN k2 INT KEY NULL DEFAULT \"0\"",
            "schema change",
            "INSERT INTO {t} VALUES (5, 1, 'x')",
        ),
        (PLAIN, "ALTER TABLE {t} ADD ROLLUP r1 (note)", "rollup", "INSERT INTO {t} VALUES (5, 'x')"),
        (PLAIN, "ALTER TABLE {t} ADD INDEX i (note) USING INVERTED", "index", "INSERT INTO {t} VALUES (5, 'x')"),
    ] {
        let case = Case { name: change, create, change, after, ..Case::NONE };
        let (mut world, process) = case.world().await;
        case.change(&mut world).await;
        for id in 100..110 {
            world.source(&format!("INSERT INTO shop.orders (id, note) VALUES ({id}, 'meanwhile')")).await;
            tokio::time::sleep(std::time::Duration::from_millis(300)).await;
        }
        seconds(60).await;
        let status = process.0.status();
        assert_eq!(status.run, Run::Running, "{change}: {:?}", status.error);
        assert_eq!((status.counters.full_syncs, status.counters.partial_syncs), (1, 1), "{change}: {why}");
        assert!(status.partial_sync_reason.contains(why), "{change}: {}", status.partial_sync_reason);
        world.source(&after.replace("{t}", "shop.orders")).await;
        seconds(10).await;
        for sql in ["SELECT * FROM {t} ORDER BY id", "DESC {t} ALL"] {
            let source = show(&world, &world.clusters.source, sql, "orders").await;
            assert_eq!(show(&world, &world.clusters.dest, sql, "orders").await, source, "{change}: {sql}");
        }
    }
}

/// Objects that take the place of others: the job goes on with what has the name now, by one copy.
///
/// Defects: MODEL-10, ENG-R-14.
#[tokio::test(start_paused = true)]
async fn what_takes_the_place_of_something_is_copied_once() {
    let fresh = PLAIN.replace("shop.orders", "shop.fresh");
    let replace =
        |swap: bool| format!("ALTER TABLE shop.orders REPLACE WITH TABLE fresh PROPERTIES (\"swap\" = \"{swap}\")");
    let rows = "INSERT INTO shop.fresh VALUES (70, 'of the other')".to_owned();
    for (create, statements, why) in [
        (PLAIN, vec![fresh.clone(), rows.clone(), replace(true)], "replaced"),
        (PLAIN, vec![fresh, rows, replace(false)], "replaced"),
        (
            PARTITIONED,
            vec!["INSERT OVERWRITE TABLE shop.orders PARTITION (p1) VALUES (3, 'x')".to_owned()],
            "temporary",
        ),
        (
            PARTITIONED,
            vec![
                "ALTER TABLE shop.orders DROP PARTITION p2".to_owned(),
                "RECOVER PARTITION p2 FROM shop.orders".to_owned(),
            ],
            "recycle bin",
        ),
    ] {
        let case = Case { name: why, create, ..Case::NONE };
        let (world, process) = case.world().await;
        for statement in &statements {
            world.source(statement).await;
        }
        seconds(60).await;
        world.source("INSERT INTO shop.orders VALUES (5, 'later')").await;
        seconds(20).await;
        let status = process.0.status();
        assert_eq!(status.run, Run::Running, "{statements:?}: {:?}", status.error);
        let reasons = format!("{}{}", status.full_sync_reason, status.partial_sync_reason);
        assert!(reasons.contains(why), "{statements:?}: {reasons}");
        // Another table under the name is everything that the job has.
        let copies = if why == "replaced" { (2, 0) } else { (1, 1) };
        assert_eq!((status.counters.full_syncs, status.counters.partial_syncs), copies, "{statements:?}: {reasons}");
        let sql = "SELECT * FROM {t} ORDER BY id";
        let source = show(&world, &world.clusters.source, sql, "orders").await;
        assert_eq!(show(&world, &world.clusters.dest, sql, "orders").await, source, "{statements:?}");
    }
}

/// A transaction of several statements is one on the destination too, with as many sub transactions.
///
/// Defects: WIRE-26, ENG-E-5.
#[tokio::test(start_paused = true)]
async fn several_statements_are_one_transaction() {
    let case = Case { name: "BEGIN", create: PARTITIONED, ..Case::NONE };
    let (world, process) = case.world().await;
    for round in 0..3 {
        let mut session = Session { user: "root".to_owned(), ..Session::default() };
        for statement in [
            "BEGIN",
            "INSERT INTO shop.orders SELECT id + 1, 'x' FROM shop.orders WHERE id IN (1, 11)",
            "INSERT INTO shop.orders SELECT id, 'y' FROM shop.orders WHERE id = 2",
            "COMMIT",
        ] {
            let reply = world.clusters.source.sql_service().execute(&mut session, statement).await;
            assert!(!matches!(reply, SqlReply::Error { .. }), "{statement}: {reply:?}");
        }
        seconds(5).await;
        case.check(&world, &process, &format!("round {round}")).await;
    }
    let mut versions = Vec::new();
    for cluster in [&world.clusters.source, &world.clusters.dest] {
        let SqlReply::Rows(set) = world.sql(cluster, "SHOW PARTITIONS FROM shop.orders").await else {
            panic!("no partitions")
        };
        let at = set.columns.iter().position(|name| name == "VisibleVersion").unwrap();
        versions.push(set.rows.into_iter().map(|row| row[at].clone().unwrap()).collect::<Vec<_>>());
    }
    // Two statements wrote p1 in each round, one of them p2 as well: each gave a version of its own.
    assert_eq!(versions, [["9", "6"], ["9", "6"]]);
    case.finish(&world, &process, "afterwards").await;
}

/// The process is killed around each of its writes of progress: before and after the intent, before and after the end.
///
/// Defects: BIN-13, BIN-40, SQL-29, ENG-R-1, BIN-4.
#[tokio::test(start_paused = true)]
async fn every_change_is_applied_once_wherever_the_process_is_killed() {
    for case in CASES {
        for nth in 1..=2 {
            for moment in [Moment::Before, Moment::After] {
                let (mut world, (job, mut tasks)) = case.world().await;
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
                case.change(&mut world).await;
                while writes.load(Ordering::Relaxed) < nth {
                    // RENAME TABLE writes its progress once.
                    if case.renamed.is_some() && writes.load(Ordering::Relaxed) > 0 {
                        break;
                    }
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

#[tokio::test(start_paused = true)]
async fn what_the_destination_already_has_is_not_done_again() {
    for (change, there) in [
        (
            &CASES[0],
            "ALTER TABLE shop.orders ADD PARTITION p3 VALUES LESS THAN (\"30\") DISTRIBUTED BY HASH(id) BUCKETS 5",
        ),
        (&CASES[1], "ALTER TABLE shop.orders DROP PARTITION p2"),
    ] {
        let (mut world, (job, mut tasks)) = change.world().await;
        // Stopped before, so that nobody sees the destination ahead of its records.
        job.stop().await;
        tasks.shutdown().await;
        let reply = world.sql(&world.clusters.dest, there).await;
        assert!(!matches!(reply, SqlReply::Error { .. }), "{reply:?}");
        change.change(&mut world).await;
        let process = world.start().await;
        change.finish(&world, &process, "there already").await;
    }
}

/// The job's document already names the new table when the process dies, and the stored progress is still of the old one.
///
/// Defects: BIN-12, BIN-39, MODEL-15, ENG-D-3, ENG-L-8.
#[tokio::test(start_paused = true)]
async fn a_replaced_table_is_copied_though_the_process_dies_between_the_two_documents() {
    let case = Case { name: "REPLACE", create: PLAIN, ..Case::NONE };
    let (mut world, (job, mut tasks)) = case.world().await;
    world.source(&PLAIN.replace("shop.orders", "shop.fresh")).await;
    world.source("INSERT INTO shop.fresh VALUES (70, 'of the other')").await;
    // The position passes everything that the other table's stream has.
    world.source("INSERT INTO shop.orders VALUES (3, 'e')").await;
    seconds(5).await;
    let dead = Arc::new(AtomicU32::new(0));
    let counter = Arc::clone(&dead);
    world.store.set_fault_hook(move |operation| {
        let kill = operation.kind == OperationKind::SaveProgress || counter.load(Ordering::Relaxed) > 0;
        kill.then(|| {
            counter.fetch_add(1, Ordering::Relaxed);
            StoreError { kind: StoreErrorKind::Unavailable, text: "killed here".to_owned() }
        })
    });
    world.source("ALTER TABLE shop.orders REPLACE WITH TABLE fresh PROPERTIES (\"swap\" = \"true\")").await;
    while dead.load(Ordering::Relaxed) == 0 {
        tokio::time::sleep(std::time::Duration::from_millis(1)).await;
    }
    drop(job);
    tasks.shutdown().await;
    world.store.clear_fault_hook();
    let (job, _tasks) = world.start().await;
    // No load follows that would show that the tables are others.
    seconds(90).await;
    world.assert_equal().await;
    assert!(job.status().full_sync_reason.contains("replaced"), "{}", job.status().full_sync_reason);
}

/// A partition of the name with another range is no counterpart, though it is empty.
///
/// Defects: BIN-30.
#[tokio::test(start_paused = true)]
async fn a_partition_of_another_range_is_not_taken_for_the_new_one() {
    let case = Case { name: "ADD PARTITION", create: PARTITIONED, ..Case::NONE };
    let (world, (job, _tasks)) = case.world().await;
    let spread = "DISTRIBUTED BY HASH(id) BUCKETS 2";
    let there = format!("ALTER TABLE shop.orders ADD PARTITION p3 VALUES [(\"50\"), (\"60\")) {spread}");
    let reply = world.sql(&world.clusters.dest, &there).await;
    assert!(!matches!(reply, SqlReply::Error { .. }), "{reply:?}");
    world.source(&format!("ALTER TABLE shop.orders ADD PARTITION p3 VALUES [(\"20\"), (\"30\")) {spread}")).await;
    world.source("INSERT INTO shop.orders VALUES (25, 'x')").await;
    seconds(60).await;
    let status = job.status();
    assert_eq!(status.run, Run::Running, "{:?}", status.error);
    assert!(status.partial_sync_reason.contains("range"), "{}", status.partial_sync_reason);
    let mut ranges = Vec::new();
    for cluster in [&world.clusters.source, &world.clusters.dest] {
        ranges.push(show(&world, cluster, PARTITION_NAMES, "orders").await);
    }
    assert_eq!(ranges[0], ranges[1]);
    world.assert_equal().await;
}

/// The metadata database is away for a moment while the job follows its table.
///
/// Defects: MODEL-16.
#[tokio::test(start_paused = true)]
async fn a_job_that_cannot_store_the_new_name_tries_again() {
    let case = Case { name: "RENAME", create: PLAIN, renamed: Some("sales"), ..Case::NONE };
    let (mut world, process) = case.world().await;
    let refused = Arc::new(AtomicU32::new(0));
    let counter = Arc::clone(&refused);
    world.store.set_fault_hook(move |operation| {
        let refuse = operation.kind == OperationKind::UpdateJob && counter.fetch_add(1, Ordering::Relaxed) < 2;
        refuse.then(|| StoreError { kind: StoreErrorKind::Unavailable, text: "away".to_owned() })
    });
    let case = Case { change: "ALTER TABLE {t} RENAME sales", ..case };
    case.change(&mut world).await;
    case.finish(&world, &process, "the store was away").await;
    assert!(refused.load(Ordering::Relaxed) > 2);
}
