//! What an operator does to a job: answered at once whatever the job is doing, effective at its next safe point, done once.
#![allow(clippy::unwrap_used)]

mod world;

use std::{collections::BTreeMap, time::Duration};

use ccr_engine::{
    Job, JobStatus, Run, Skip,
    failpoints::{FAIL_AFTER, FAIL_BEFORE, HANDLE_BINLOG_FAILED},
};
use ccr_store::{
    JobRow, Metastore, StoreError, StoreErrorKind,
    documents::{ProgressDocument, SyncState},
    memory::{Moment, OperationKind},
};
use doris::{ids::CommitSeq, net::SqlReply};
use doris_sim::{FaultRule, control::Command, serve::faults::Effect};
use tokio::time::Instant;
use world::{JOB, OWNER, Process, World, seconds};

/// Faults of the network that both clusters are on.
impl World {
    fn fault(&self, rule: FaultRule) {
        self.clusters.dest.control().faults().add(rule).unwrap();
    }

    fn heal(&self) {
        self.clusters.dest.control().faults().clear();
    }

    async fn progress_document(&self) -> ProgressDocument {
        ProgressDocument::parse(&self.progress().await).unwrap()
    }

    async fn dest_ids(&self) -> Vec<String> {
        self.ids(&self.clusters.dest).await
    }

    /// Nothing is missing but these rows.
    async fn assert_missing(&self, missing: &[&str]) {
        let mut expected = self.ids(&self.clusters.source).await;
        expected.retain(|id| !missing.contains(&id.as_str()));
        assert_eq!(self.dest_ids().await, expected);
    }

    /// The transactions of the destination, by state.
    async fn transactions(&self) -> BTreeMap<String, usize> {
        let SqlReply::Rows(set) =
            self.sql(&self.clusters.dest, "SHOW TRANSACTION FROM shop WHERE LABEL LIKE 'ccrj%'").await
        else {
            panic!("no rows")
        };
        let at = set.columns.iter().position(|column| column == "TransactionStatus").unwrap();
        let mut found = BTreeMap::new();
        for row in set.rows {
            *found.entry(row[at].clone().unwrap()).or_default() += 1;
        }
        found
    }
}

async fn blocked(job: &Job) -> CommitSeq {
    assert!(job.wait_for(|status| status.blocked_seq.is_some()).await);
    CommitSeq(job.status().blocked_seq.unwrap())
}

fn running(status: &JobStatus) {
    assert_eq!((status.run, &status.error), (Run::Running, &None));
}

/// A job that caught up, whose next transactions on the destination meet a fault.
async fn with_fault(rule: FaultRule) -> (World, Process) {
    let mut world = World::new().await;
    let process = world.start_incremental().await;
    world.fault(rule);
    (world, process)
}

/// Defects: ENG-C-1, ENG-C-3, SVC-A5.
#[tokio::test(start_paused = true)]
async fn a_record_that_is_stuck_in_begin_is_skipped_and_the_hole_is_on_record() {
    for effect in [Effect::Unreachable, Effect::Hang, Effect::Fail { status: 2, text: "no".to_owned() }] {
        let hangs = effect == Effect::Hang;
        let (mut world, (job, mut tasks)) = with_fault(FaultRule::new(effect).of("beginTxn")).await;
        let before = job.status().commit_seq;
        world.write(1).await;
        let seq = blocked(&job).await;
        assert!(seq.0 > before);
        if !hangs {
            world.write(2).await;
            seconds(20).await;
            assert_eq!(job.status().blocked_seq, Some(seq.0), "the lowest one that fails");
        }
        let full_syncs = job.status().counters.full_syncs;
        job.skip(Skip::Silence { seq }).await.unwrap();
        assert!(job.wait_for(|status| status.commit_seq >= seq.0).await);
        world.heal();
        world.write(3).await;
        // Long enough for the comparison of both sides' versions.
        seconds(120).await;
        world.assert_missing(&["4"]).await;
        running(&job.status());
        assert_eq!(job.status().counters.full_syncs, full_syncs);
        let stored = world.document().await;
        assert!(!stored.extra.skip_binlog, "{stored:?}");
        let own = world.progress_document().await.ccr.unwrap();
        assert_eq!(own["holes"][0]["seq"], seq.0);
        assert_eq!(own["holes"][0]["versions"].as_object().map(serde_json::Map::len), Some(1), "{own}");
        // The next process finds everything as it should be.
        tasks.shutdown().await;
        let (job, _tasks) = world.start().await;
        world.write(1).await;
        seconds(60).await;
        world.assert_missing(&["4"]).await;
        running(&job.status());
    }
}

#[tokio::test(start_paused = true)]
async fn a_record_whose_transaction_was_committed_meanwhile_is_not_missing() {
    for forgotten in [false, true] {
        // The commit is executed and its answer never comes; whoever asks gets no answer either.
        let (mut world, (job, _tasks)) = with_fault(FaultRule::new(Effect::Hang).of("commitTxn").after()).await;
        world.write(1).await;
        seconds(5).await;
        let seq = CommitSeq(job.status().last_commit_seq);
        assert!(seq.0 > job.status().commit_seq);
        if forgotten {
            world.fault(
                FaultRule::new(Effect::Fail { status: 1105, text: "transaction with label does not exist".to_owned() })
                    .of("SHOW TRANSACTION*"),
            );
        }
        job.skip(Skip::Silence { seq }).await.unwrap();
        seconds(30).await;
        world.heal();
        world.write(1).await;
        seconds(120).await;
        world.assert_missing(&[]).await;
        running(&job.status());
        assert!(!world.document().await.extra.skip_binlog);
        let own = world.progress_document().await.ccr.unwrap();
        assert_eq!(own.get("holes"), None, "{own}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_transaction_that_is_skipped_is_rolled_back_first() {
    let (mut world, (job, _tasks)) = with_fault(FaultRule::new(Effect::Hang).of("ingest_binlog")).await;
    world.write(1).await;
    seconds(5).await;
    assert_eq!(world.transactions().await.get("PREPARE"), Some(&1));
    job.skip(Skip::Silence { seq: CommitSeq(job.status().last_commit_seq) }).await.unwrap();
    seconds(30).await;
    assert_eq!(world.transactions().await.get("PREPARE"), None);
    world.heal();
    world.write(2).await;
    seconds(60).await;
    world.assert_missing(&["4"]).await;
    running(&job.status());
}

/// Defects: ENG-C-2.
#[tokio::test(start_paused = true)]
async fn only_the_record_that_was_named_is_skipped_and_a_wrong_name_does_no_harm() {
    let mut world = World::new().await;
    let (job, _tasks) = world.start_incremental().await;
    let position = CommitSeq(job.status().commit_seq);
    // One that was done long ago, one between two records, one far ahead.
    for seq in [position, CommitSeq(position.0 + 1), CommitSeq(position.0 + 1_000_000)] {
        job.skip(Skip::Silence { seq }).await.unwrap();
        world.write(3).await;
        seconds(30).await;
        world.assert_missing(&[]).await;
        assert_eq!(world.document().await.extra.skip_binlog, seq.0 > position.0 + 1);
    }
    running(&job.status());
}

#[tokio::test(start_paused = true)]
async fn a_change_that_cannot_be_carried_out_is_skipped() {
    let mut world = World::with_table(
        "CREATE TABLE shop.orders (id BIGINT NOT NULL, note VARCHAR(20) NULL) DUPLICATE KEY (id) \
         DISTRIBUTED BY HASH(id) BUCKETS 2 PROPERTIES (\"replication_num\" = \"1\", \"binlog.enable\" = \"true\")",
    )
    .await;
    let (job, _tasks) = world.start_incremental().await;
    let comment = "ALTER TABLE shop.orders MODIFY COLUMN note COMMENT 'said by the source'";
    world.fault(FaultRule { to: Some(query_port(&world)), ..FaultRule::new(Effect::Unreachable).of("ALTER TABLE*") });
    world.source(comment).await;
    let seq = blocked(&job).await;
    assert!(world.progress().await.contains("\"change\""), "it has begun");
    job.skip(Skip::Silence { seq }).await.unwrap();
    assert!(job.wait_for(|status| status.commit_seq >= seq.0).await);
    world.heal();
    world.source("INSERT INTO shop.orders VALUES (1, 'x')").await;
    seconds(60).await;
    running(&job.status());
    assert_eq!(world.dest_ids().await, ["1"]);
    let shown = format!("{:?}", world.sql(&world.clusters.dest, "SHOW CREATE TABLE shop.orders").await);
    assert!(!shown.contains("said by the source"), "{shown}");
}

fn query_port(world: &World) -> String {
    world.clusters.dest.frontends()[0].query.to_string()
}

#[tokio::test(start_paused = true)]
async fn a_failpoint_blocks_a_job_until_its_record_is_skipped_or_it_is_taken_back() {
    let mut world = World::new().await;
    let (job, _tasks) = world.start_incremental().await;
    world.failpoints.set(JOB, HANDLE_BINLOG_FAILED, "true".to_owned());
    world.write(2).await;
    let first = blocked(&job).await;
    job.skip(Skip::Silence { seq: first }).await.unwrap();
    assert!(job.wait_for(|status| status.commit_seq >= first.0).await);
    assert!(job.wait_for(|status| status.blocked_seq.is_some_and(|seq| seq > first.0)).await);
    world.failpoints.disable();
    seconds(60).await;
    world.assert_missing(&["4"]).await;
    running(&job.status());
}

/// Defects: ENG-C-1, SVC-A5.
#[tokio::test(start_paused = true)]
async fn a_full_copy_that_is_asked_for_is_made_once_in_every_state() {
    // Caught up.
    let mut world = World::new().await;
    let (job, mut tasks) = world.start_incremental().await;
    let sync_id = world.progress_document().await.job_sync_id;
    job.skip(Skip::FullSync { seq: CommitSeq(0) }).await.unwrap();
    assert!(job.wait_for(|status| status.sync_state == SyncState::TableFullSync).await);
    assert_eq!(job.status().full_sync_reason, "the user required skipping the binlog, commit seq 0");
    // While it is made: it begins anew.
    job.skip(Skip::FullSync { seq: CommitSeq(7) }).await.unwrap();
    assert!(job.wait_for(|status| status.full_sync_reason.ends_with("commit seq 7")).await);
    assert!(job.wait_for(|status| status.sync_state == SyncState::TableIncrementalSync).await);
    assert_eq!(world.progress_document().await.job_sync_id, sync_id + 2);
    assert!(!world.document().await.extra.skip_binlog);
    // Paused: when it is resumed.
    job.pause().await.unwrap();
    job.skip(Skip::FullSync { seq: CommitSeq(8) }).await.unwrap();
    seconds(30).await;
    assert_eq!((job.status().run, world.progress_document().await.job_sync_id), (Run::Paused, sync_id + 2));
    job.resume().await.unwrap();
    assert!(job.wait_for(|status| status.full_sync_reason.ends_with("commit seq 8")).await);
    assert!(job.wait_for(|status| status.sync_state == SyncState::TableIncrementalSync).await);
    // While nothing works: the back-off is not waited for.
    world.fault(FaultRule::new(Effect::Unreachable).of("beginTxn"));
    world.write(1).await;
    blocked(&job).await;
    job.skip(Skip::FullSync { seq: CommitSeq(9) }).await.unwrap();
    assert!(job.wait_for(|status| status.sync_state == SyncState::TableFullSync).await);
    assert!(job.wait_for(|status| status.sync_state == SyncState::TableIncrementalSync).await);
    world.assert_equal().await;
    world.heal();
    // Halted: it runs again. Somebody wrote to the destination.
    let insert = "INSERT INTO shop.orders VALUES (4711)";
    assert!(!matches!(world.sql(&world.clusters.dest, insert).await, SqlReply::Error { .. }));
    assert!(job.wait_for(|status| status.run == Run::Halted).await);
    job.skip(Skip::PartialSync { table: "orders".to_owned(), table_id: world.document().await.src.table_id })
        .await
        .unwrap();
    let copying = |status: &ccr_engine::JobStatus| status.sync_state == SyncState::TablePartialSync;
    assert!(job.wait_for(|status| status.run == Run::Running && copying(status)).await);
    assert!(job.wait_for(|status| status.sync_state == SyncState::TableIncrementalSync).await);
    world.write(1).await;
    seconds(60).await;
    running(&job.status());
    world.assert_equal().await;
    let sync_id = world.progress_document().await.job_sync_id;
    // The process ends when the copy has begun and the request is still in the document.
    let store = world.store.clone();
    world.store.set_fault_hook(move |operation| {
        let begun = || {
            futures::FutureExt::now_or_never(store.progress(JOB)).unwrap().unwrap().unwrap().contains("commit seq 10")
        };
        (operation.kind == OperationKind::UpdateJob && operation.moment == Moment::Before && begun())
            .then(|| StoreError { kind: StoreErrorKind::Unavailable, text: "the database is away".to_owned() })
    });
    job.skip(Skip::FullSync { seq: CommitSeq(10) }).await.unwrap();
    assert!(job.wait_for(|status| status.full_sync_reason.ends_with("commit seq 10")).await);
    tasks.shutdown().await;
    assert!(world.document().await.extra.skip_binlog);
    world.store.clear_fault_hook();
    let (job, _tasks) = world.start().await;
    assert!(job.wait_for(|status| status.sync_state == SyncState::TableIncrementalSync).await);
    seconds(30).await;
    assert_eq!(world.progress_document().await.job_sync_id, sync_id + 1);
    assert!(!world.document().await.extra.skip_binlog);
    world.assert_equal().await;
}

/// Defects: ENG-C-4, SVC-A4.
#[tokio::test(start_paused = true)]
async fn a_request_of_the_go_program_is_fulfilled_once() {
    let mut world = World::new().await;
    let (job, mut tasks) = world.start_incremental().await;
    job.stop().await;
    tasks.shutdown().await;
    let sync_id = world.progress_document().await.job_sync_id;
    let mut document = world.document().await;
    document.extra.skip_binlog = true;
    "FullSync".clone_into(&mut document.extra.skip_by);
    world.store.update_job(JOB, OWNER, &document.to_json()).await.unwrap();
    for _ in 0..2 {
        let (job, mut tasks) = world.start().await;
        seconds(60).await;
        assert_eq!(world.progress_document().await.job_sync_id, sync_id + 1);
        assert!(!world.document().await.extra.skip_binlog);
        running(&job.status());
        tasks.shutdown().await;
    }
    world.assert_equal().await;
}

/// Longest virtual time that an answer may take: nothing outside is waited for.
const AT_ONCE: Duration = Duration::from_millis(20);

/// Defects: ENG-C-5, ENG-C-6, SVC-A2, ENG-T-6.
#[tokio::test(start_paused = true)]
async fn every_command_is_answered_at_once_in_every_state() {
    let states: [(&str, Option<FaultRule>); 12] = [
        ("caught up", None),
        ("polling in vain", Some(FaultRule::new(Effect::Hang).of("getBinlog"))),
        ("in begin", Some(FaultRule::new(Effect::Hang).of("beginTxn"))),
        ("in ingest", Some(FaultRule::new(Effect::Hang).of("ingest_binlog"))),
        ("in commit", Some(FaultRule::new(Effect::Hang).of("commitTxn"))),
        ("in commit, executed", Some(FaultRule::new(Effect::Hang).of("commitTxn").after())),
        ("waiting for versions", Some(FaultRule::new(Effect::Hang).of("SHOW PARTITIONS*"))),
        ("trying again", Some(FaultRule::new(Effect::Unreachable).of("beginTxn"))),
        ("without FEs", Some(FaultRule::new(Effect::Hang))),
        ("backing up", Some(FaultRule::new(Effect::Hang).of("SHOW BACKUP*"))),
        ("restoring", Some(FaultRule::new(Effect::Hang).of("SHOW RESTORE*"))),
        ("not published", None),
    ];
    for (state, rule) in states {
        for command in ["pause", "resume", "silence", "fullsync", "map hosts", "reload", "delete"] {
            let mut world = World::new().await;
            let copying = state == "backing up" || state == "restoring";
            let (job, _tasks) = if copying { world.start().await } else { world.start_incremental().await };
            if state == "not published" {
                world.clusters.dest.control().run(&Command::HoldPublish).unwrap();
            }
            if let Some(rule) = rule.clone() {
                world.fault(FaultRule { to: None, ..rule });
            }
            // Written without the network that has the faults.
            let source = &world.clusters.source;
            source.load("shop", "orders", vec![vec![doris_sim::model::Value::Int(100)]]).await.unwrap();
            seconds(7).await;
            let asked = Instant::now();
            let seq = CommitSeq(job.status().last_commit_seq.max(1));
            match command {
                "pause" => job.pause().await,
                "resume" => job.resume().await,
                "silence" => job.skip(Skip::Silence { seq }).await,
                "fullsync" => job.skip(Skip::FullSync { seq }).await,
                "map hosts" => job.map_hosts(BTreeMap::new(), BTreeMap::new()).await,
                "reload" => job.reload().await,
                _ => job.delete().await,
            }
            .unwrap();
            assert!(asked.elapsed() <= AT_ONCE, "{command} while {state}: {:?}", asked.elapsed());
            // What was asked for takes effect although the fault lasts.
            seconds(30).await;
            match command {
                "pause" => assert_eq!(job.status().run, Run::Paused, "{state}"),
                "delete" => {
                    assert!(!job.wait_for(|_| false).await, "its actor has ended while {state}");
                    assert_eq!(world.store.job(JOB).await.unwrap(), None);
                    assert_eq!(world.store.progress(JOB).await.unwrap(), None);
                }
                "fullsync" if !copying => {
                    assert_eq!(job.status().counters.full_syncs, 2, "{state}");
                }
                _ => assert_ne!(job.status().run, Run::Paused, "{state}"),
            }
        }
    }
}

/// Defects: ENG-L-1, ENG-L-6, SVC-A6, ENG-I-5.
#[tokio::test(start_paused = true)]
async fn a_deleted_job_leaves_no_transaction_open_and_its_name_is_free_at_once() {
    for call in ["ingest_binlog", "commitTxn", "beginTxn"] {
        // The begin is executed, and its answer does not come: only the label is known.
        let rule = FaultRule::new(Effect::Hang).of(call);
        let (mut world, (job, _old)) = with_fault(if call == "beginTxn" { rule.after().times(1) } else { rule }).await;
        world.write(5).await;
        seconds(2).await;
        assert!(world.transactions().await.get("PREPARE").is_some_and(|open| *open > 0));
        let document = world.document().await.to_json();
        job.delete().await.unwrap();
        world.heal();
        // Created again while the old one tidies up.
        let row = JobRow { name: JOB.to_owned(), document, owner: OWNER.to_owned() };
        world.store.add_job(&row).await.unwrap();
        let (new, _tasks) = world.start_incremental().await;
        assert_eq!(world.transactions().await.get("PREPARE"), None, "{call}");
        world.write(2).await;
        seconds(60).await;
        running(&new.status());
        world.assert_equal().await;
        assert!(!job.wait_for(|_| false).await);
    }
}

#[tokio::test(start_paused = true)]
async fn a_delete_does_not_wait_for_a_destination_that_is_gone() {
    let (mut world, (job, _tasks)) = with_fault(FaultRule::new(Effect::Hang).of("ingest_binlog")).await;
    world.write(5).await;
    seconds(2).await;
    world.heal();
    world.fault(FaultRule::new(Effect::Hang));
    let asked = Instant::now();
    job.delete().await.unwrap();
    assert!(asked.elapsed() <= AT_ONCE);
    assert!(!job.wait_for(|_| false).await, "it gives up");
    assert!(asked.elapsed() <= Duration::from_secs(6), "{:?}", asked.elapsed());
}

/// Defects: ENG-L-7.
#[tokio::test(start_paused = true)]
async fn tables_are_handed_back_and_taken_again() {
    let mut world = World::new().await;
    let env = world.env();
    let shown =
        async |world: &World| format!("{:?}", world.sql(&world.clusters.dest, "SHOW CREATE TABLE shop.orders").await);
    let early = ccr_engine::desync::set_being_synced(&env, &world.document().await, false).await.unwrap_err();
    assert!(early.message.contains("is not complete"), "{early}");
    let (job, _tasks) = world.start_incremental().await;
    assert!(shown(&world).await.contains(r#"\"is_being_synced\" = \"true\""#));
    for (being_synced, text) in
        [(false, r#"\"is_being_synced\" = \"false\""#), (true, r#"\"is_being_synced\" = \"true\""#)]
    {
        for _ in 0..2 {
            ccr_engine::desync::set_being_synced(&env, &world.document().await, being_synced).await.unwrap();
            assert!(shown(&world).await.contains(text), "{}", shown(&world).await);
        }
    }
    world.fault(FaultRule::new(Effect::Fail { status: 1105, text: "not today".to_owned() }).of("ALTER TABLE*"));
    let failed = ccr_engine::desync::set_being_synced(&env, &world.document().await, false).await.unwrap_err();
    assert!(failed.message.starts_with("failed tables: orders (") && failed.message.contains("not today"), "{failed}");
    seconds(30).await;
    running(&job.status());
}

#[tokio::test(start_paused = true)]
async fn a_change_that_fails_before_and_after_it_is_made_is_made_once() {
    let create = "CREATE TABLE shop.orders (id BIGINT NOT NULL, note VARCHAR(20) NULL) DUPLICATE KEY (id) \
         DISTRIBUTED BY HASH(id) BUCKETS 2 PROPERTIES (\"replication_num\" = \"1\", \"binlog.enable\" = \"true\")";
    let mut world = World::with_table(create).await;
    let (job, _tasks) = world.start_incremental().await;
    for point in [FAIL_BEFORE, FAIL_AFTER] {
        world.failpoints.set(JOB, point, "modify_table_add_or_drop_columns".to_owned());
    }
    let failures = job.status().counters.failures;
    world.source("ALTER TABLE shop.orders ADD COLUMN more INT NULL DEFAULT \"7\"").await;
    world.source("INSERT INTO shop.orders VALUES (1, 'x', 2)").await;
    seconds(30).await;
    world.assert_equal().await;
    running(&job.status());
    assert_eq!(job.status().counters.failures, failures + 2);
    let columns = format!("{:?}", world.sql(&world.clusters.dest, "DESC shop.orders").await);
    assert_eq!(columns.matches("\"more\"").count(), 1, "{columns}");
}
