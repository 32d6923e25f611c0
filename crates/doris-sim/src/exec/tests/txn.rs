//! BEGIN ... COMMIT, and what DELETE and UPDATE find.

use doris::net::SqlReply;

use super::Cluster;
use crate::model::{Model, TxnState};

async fn cluster() -> Cluster {
    let mut c = Cluster::with_database().await;
    c.ok("ALTER DATABASE d SET PROPERTIES ('binlog.enable' = 'true')").await;
    let more = "PROPERTIES ('replication_num' = '1', 'enable_unique_key_merge_on_write' = 'false')";
    c.ok(&format!(
        "CREATE TABLE t1 (user_id LARGEINT, date DATE, city VARCHAR(20)) UNIQUE KEY(user_id, date) \
         PARTITION BY RANGE(date) (PARTITION p201701 VALUES LESS THAN ('2017-02-01'), \
         PARTITION p201702 VALUES LESS THAN ('2017-03-01'), PARTITION p201703 VALUES LESS THAN ('2017-04-01')) \
         DISTRIBUTED BY HASH(user_id) BUCKETS 2 {more}"
    ))
    .await;
    c.ok(&format!("CREATE TABLE t2 (id INT) UNIQUE KEY(id) DISTRIBUTED BY HASH(id) BUCKETS 2 {more}")).await;
    c.ok("INSERT INTO t1 VALUES (1, '2017-03-31', 'a'), (2, '2017-02-28', 'b'), (3, '2017-02-28', 'c')").await;
    c.ok("INSERT INTO t2 VALUES (3), (4), (5)").await;
    c
}

async fn info(c: &mut Cluster, sql: &str) -> String {
    match c.run(sql).await {
        SqlReply::Ok { info, .. } => info,
        other => panic!("{sql}: {other:?}"),
    }
}

/// The newest UPSERT record.
fn upsert(c: &Cluster) -> serde_json::Value {
    c.sim.look(|model| {
        let key = model.stream_key("d", None, None).unwrap();
        let records = model.read_binlogs(&key, -1, Some(255)).records;
        let newest = records.iter().rev().find(|record| record.kind == 0).unwrap();
        serde_json::from_str(newest.data.as_deref().unwrap()).unwrap()
    })
}

fn versions(model: &Model, table: &str) -> Vec<i64> {
    model.table("d", table).unwrap().partitions.iter().map(|p| p.visible_version.0).collect()
}

#[tokio::test(start_paused = true)]
async fn statements_between_begin_and_commit_become_one_record() {
    let mut c = cluster().await;
    assert_eq!(info(&mut c, "BEGIN WITH LABEL mine").await, "{'label':'mine', 'status':'PREPARE', 'txnId':''}");
    let first = info(&mut c, "INSERT INTO t1 SELECT id, '2017-02-28', 'y1' FROM t2 WHERE id = 5").await;
    let id = first.strip_prefix("{'label':'mine', 'status':'PREPARE', 'txnId':'").unwrap().trim_end_matches("'}");
    let id: i64 = id.parse().unwrap();
    assert_eq!(c.ok("INSERT INTO t2 SELECT user_id + 10 FROM t1").await, 4, "it sees what it wrote before");
    assert_eq!(c.ok("DELETE FROM t1 PARTITION p201702 WHERE user_id = 2").await, 0);
    assert_eq!(c.ok("UPDATE t1 SET city = 'new' WHERE user_id = 3").await, 1);
    assert_eq!(
        c.refusal("SELECT 1").await,
        "This is in a transaction, only insert, update, delete, commit, rollback is acceptable."
    );
    let commit = info(&mut c, "COMMIT").await;
    assert_eq!(commit, format!("{{'label':'mine', 'status':'VISIBLE', 'txnId':'{id}'}}"));
    assert_eq!(
        c.lines("SELECT user_id, city FROM t1 ORDER BY user_id").await,
        ["1|a", "3|new", "5|y1"],
        "statements take effect in their order"
    );
    assert_eq!(c.lines("SELECT count(*) FROM t2").await, ["7"]);
    let record = upsert(&c);
    let (t1, t2) = c.sim.look(|m| (m.table("d", "t1").unwrap().id, m.table("d", "t2").unwrap().id));
    assert_eq!(record["stids"], serde_json::json!([id, id + 1, id + 2, id + 3]));
    let of = |table: &str| record["tableRecords"][table]["partitionRecords"].as_array().unwrap().clone();
    let parts: Vec<_> = of(&t1.to_string()).iter().map(|p| (p["version"].clone(), p["stid"].clone())).collect();
    assert_eq!(parts, [(3.into(), id.into()), (4.into(), (id + 2).into()), (5.into(), (id + 3).into())]);
    assert_eq!(of(&t2.to_string()).len(), 1);
    assert!(record["tableRecords"][t1.to_string()].get("indexIds").is_some());
    let shown = c.rows(&format!("SHOW TRANSACTION WHERE id = {}", id + 1)).await;
    assert_eq!((shown[0][0].as_str(), shown[0][4].as_str()), (id.to_string().as_str(), "INSERT_STREAMING"));
    let db = c.sim.look(|model| model.db_id("d").unwrap());
    assert_eq!(
        c.rows(&format!("SHOW PROC '/transactions/{db}/finished/{id}/{t1}'"))
            .await
            .iter()
            .map(|r| &r[1])
            .collect::<Vec<_>>(),
        ["3", "4", "5"]
    );
    assert_eq!(c.lines(&format!("SHOW PROC '/transactions/{db}'")).await, ["running|0", "finished|3"]);
    assert_eq!(c.rows(&format!("SHOW PROC '/transactions/{db}/finished'")).await[0][1], "mine");
    assert_eq!(c.refusal(&format!("SHOW PROC '/transactions/{db}/over'")).await, "State is invalid");
    assert_eq!(
        c.refusal(&format!("SHOW PROC '/transactions/{db}/finished/99999'")).await,
        "Transaction[99999] does not exist."
    );
}

#[tokio::test(start_paused = true)]
async fn inserted_values_are_one_transaction_of_one_table() {
    let mut c = cluster().await;
    c.ok("BEGIN").await;
    c.ok("INSERT INTO t2 VALUES (7)").await;
    c.ok("INSERT INTO t2 VALUES (8), (9)").await;
    let mixed = "Transaction insert can not insert into values and insert into select at the same time";
    c.refusals(&[
        ("INSERT INTO t1 VALUES (9, '2017-01-01', 'x')", "Only one table can be inserted in one transaction."),
        ("INSERT INTO t2 SELECT 10", mixed),
        ("DELETE FROM t1 WHERE user_id = 1", mixed),
    ])
    .await;
    assert!(info(&mut c, "COMMIT WORK").await.contains("'status':'VISIBLE'"));
    assert_eq!(c.lines("SELECT id FROM t2 ORDER BY id").await, ["3", "4", "5", "7", "8", "9"]);
    let record = upsert(&c);
    assert!(record.get("stids").is_none());
    assert_eq!(c.sim.look(|model| versions(model, "t2")), [3], "one version for all statements");
    c.ok("BEGIN").await;
    c.ok("INSERT INTO t2 SELECT 20").await;
    assert_eq!(c.refusal("INSERT INTO t2 VALUES (21)").await, mixed);
    c.ok("ROLLBACK").await;
}

#[tokio::test(start_paused = true)]
async fn what_is_rolled_back_or_left_behind_leaves_nothing() {
    let mut c = cluster().await;
    for end in ["COMMIT", "ROLLBACK"] {
        assert_eq!(info(&mut c, end).await, "", "without BEGIN");
        c.ok("BEGIN").await;
        assert_eq!(info(&mut c, end).await, "", "without a statement");
    }
    c.ok("BEGIN WITH LABEL gone").await;
    c.ok("INSERT INTO t2 SELECT 20").await;
    assert!(info(&mut c, "ROLLBACK").await.starts_with("{'label':'gone', 'status':'ABORTED', 'txnId':'"));
    let shown = c.rows("SHOW TRANSACTION WHERE label = 'gone'").await;
    assert_eq!((shown[0][3].as_str(), shown[0][10].as_str()), ("ABORTED", "user rollback"));
    // A connection that breaks.
    c.ok("BEGIN WITH LABEL gone").await;
    c.ok("INSERT INTO t2 SELECT 21").await;
    c.sim.with(|model| crate::exec::close_txn(model, &mut c.session));
    // A commit that is refused.
    c.ok("BEGIN WITH LABEL gone").await;
    c.ok("INSERT INTO t2 SELECT 22").await;
    let at = c.session.txn.clone().and_then(|txn| txn.begun).unwrap().id;
    c.sim.with(|model| model.abort_unfinished(at, "timeout by txn manager"));
    let refusal = c.refusal("COMMIT").await;
    assert!(refusal.ends_with("is already aborted. abort reason: timeout by txn manager"), "{refusal}");
    assert_eq!(c.lines("SELECT id FROM t2 ORDER BY id").await, ["3", "4", "5"]);
    assert!(
        c.sim.look(|model| model.backends.values().flat_map(|be| be.tablets.values()).all(|t| t.pending.is_empty()))
    );
    // A statement that is refused leaves the others alone.
    c.ok("BEGIN").await;
    assert!(c.refusal("INSERT INTO zz SELECT 1").await.contains("does not exist"));
    c.ok("INSERT INTO t2 SELECT 23").await;
    assert!(c.refusal("INSERT INTO t1 SELECT 1, '2030-01-01', 'x'").await.contains("no partition for this tuple"));
    c.ok("COMMIT").await;
    assert_eq!(c.lines("SELECT count(*) FROM t2").await, ["4"]);
}

#[tokio::test(start_paused = true)]
async fn a_predicate_touches_the_partitions_that_it_can_hold_in() {
    let mut c = cluster().await;
    let (before, p) = (c.sim.look(|model| versions(model, "t1")), "DELETE FROM t1");
    assert_eq!(before, [1, 2, 2]);
    c.ok(&format!("{p} WHERE date >= '2017-03-01'")).await;
    c.ok(&format!("{p} WHERE date = '2017-02-28' AND user_id = 2")).await;
    c.ok(&format!("{p} WHERE date > '2018-01-01'")).await;
    assert_eq!(c.sim.look(|model| versions(model, "t1")), [1, 3, 3]);
    c.ok(&format!("{p} PARTITION (p201701, p201702) WHERE user_id > 100")).await;
    assert_eq!(c.sim.look(|model| versions(model, "t1")), [2, 4, 3]);
    assert_eq!(c.lines("SELECT user_id FROM t1").await, ["3"]);
    let shown = c.rows("SHOW TRANSACTION WHERE label LIKE 'delete_%'").await;
    assert_eq!((shown.len(), shown[0][4].as_str()), (3, "FRONTEND"), "one that finds no partition is none");
    // A value column of a table that is not merge-on-write: rows are read, and marked as deleted.
    assert_eq!(c.ok(&format!("{p} WHERE city = 'c'")).await, 1);
    assert_eq!(c.lines("SELECT user_id FROM t1").await, Vec::<String>::new());
    assert!(c.refusal(&format!("{p} PARTITION p9 WHERE user_id = 1")).await.starts_with("Unknown partition: p9"));
}

#[tokio::test(start_paused = true)]
async fn other_tables_decide_what_is_deleted_and_updated() {
    let mut c = cluster().await;
    assert_eq!(c.ok("UPDATE t1 x SET city = concat(x.city, y.id) FROM t2 y WHERE x.user_id = y.id").await, 1);
    assert_eq!(c.lines("SELECT city FROM t1 WHERE user_id = 3").await, ["c3"]);
    c.ok("UPDATE t1 SET city = DEFAULT WHERE user_id = 1").await;
    assert_eq!(c.lines("SELECT city FROM t1 WHERE user_id = 1").await, ["NULL"]);
    assert_eq!(c.ok("DELETE FROM t1 USING t2 WHERE t1.user_id = t2.id").await, 1);
    assert_eq!(c.lines("SELECT user_id FROM t1 ORDER BY 1").await, ["1", "2"]);
    c.ok(
        "CREATE TABLE dup (k INT) DUPLICATE KEY(k) DISTRIBUTED BY HASH(k) BUCKETS 1 PROPERTIES ('replication_num'='1')",
    )
    .await;
    assert!(c.refusal("DELETE FROM dup USING t2 WHERE k = t2.id").await.contains("not explicitly supported"));
}

#[tokio::test(start_paused = true)]
async fn partitions_and_hidden_columns_can_be_named() {
    let mut c = cluster().await;
    c.ok("INSERT INTO t1 PARTITION (p201701) VALUES (9, '2017-01-05', 'p')").await;
    let refusal = c.refusal("INSERT INTO t1 PARTITION (p201701) VALUES (9, '2017-02-05', 'p')").await;
    assert!(refusal.contains("no partition for this tuple"), "{refusal}");
    c.ok("ALTER TABLE t1 ADD TEMPORARY PARTITION tp VALUES LESS THAN ('2017-02-01')").await;
    c.ok("INSERT INTO t1 TEMPORARY PARTITION (tp) VALUES (10, '2017-01-06', 't')").await;
    assert_eq!(c.lines("SELECT user_id FROM t1 PARTITION (p201701)").await, ["9"]);
    for (of, count) in [("", 6), (" PARTITION (p201701, p201702)", 4), (" TEMPORARY PARTITION tp", 2)] {
        assert_eq!(c.rows(&format!("SHOW TABLETS FROM t1{of}")).await.len(), count, "{of}");
    }
    assert_eq!(c.sim.look(|model| model.table("d", "t1").unwrap().temp_partitions[0].visible_version.0), 2);
    c.ok("INSERT INTO t2 (id, __DORIS_DELETE_SIGN__) VALUES (3, 1), (6, 0)").await;
    assert_eq!(c.lines("SELECT id FROM t2 ORDER BY 1").await, ["4", "5", "6"]);
    for merge_on_write in ["true", "false"] {
        let name = format!("s_{merge_on_write}");
        c.ok(&format!(
            "CREATE TABLE {name} (k INT, v INT) UNIQUE KEY(k) DISTRIBUTED BY HASH(k) BUCKETS 1 PROPERTIES \
             ('replication_num'='1', 'function_column.sequence_type'='int', \
             'enable_unique_key_merge_on_write'='{merge_on_write}')"
        ))
        .await;
        c.ok(&format!("INSERT INTO {name} (k, v, __DORIS_SEQUENCE_COL__) VALUES (1, 10, 5)")).await;
        c.ok(&format!("INSERT INTO {name} (k, v, __DORIS_SEQUENCE_COL__) VALUES (1, 11, 4), (2, 20, 1)")).await;
        c.ok(&format!("INSERT INTO {name} (k, v, __DORIS_SEQUENCE_COL__) VALUES (2, 21, 1)")).await;
        assert_eq!(c.lines(&format!("SELECT * FROM {name} ORDER BY k")).await, ["1|10", "2|21"]);
        assert_eq!(
            c.refusal(&format!("INSERT INTO {name} VALUES (1, 1)")).await,
            format!("Table {name} has sequence column, need to specify the sequence column")
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_transaction_that_found_nothing_is_committed_all_the_same() {
    let mut c = cluster().await;
    let before = c.sim.look(|model| versions(model, "t2"));
    assert!(info(&mut c, "INSERT INTO t2 SELECT id FROM t2 WHERE id > 100").await.contains("'status':'VISIBLE'"));
    assert_eq!(c.sim.look(|model| versions(model, "t2")), before);
    let record = upsert(&c);
    assert_eq!(record["tableRecords"], serde_json::json!({}));
    let visible = c.sim.look(|model| {
        let db = model.db_id("d").unwrap();
        model.txns_of(db).last().map(|txn| txn.state)
    });
    assert_eq!(visible, Some(TxnState::Visible));
}

#[tokio::test(start_paused = true)]
async fn labels_can_be_cleaned_and_transactions_limited() {
    let mut c = cluster().await;
    c.ok("INSERT INTO t2 WITH LABEL a VALUES (7)").await;
    c.ok("INSERT INTO t2 WITH LABEL b VALUES (8)").await;
    c.ok("CLEAN LABEL a FROM d").await;
    assert_eq!(c.refusal("SHOW TRANSACTION WHERE label = 'a'").await, "transaction with label a does not exist");
    c.ok("INSERT INTO t2 WITH LABEL a VALUES (9)").await;
    assert!(c.refusal("INSERT INTO t2 WITH LABEL b VALUES (9)").await.starts_with("Label [b] has already been used"));
    c.ok("CLEAN LABEL IN d").await;
    c.ok("INSERT INTO t2 WITH LABEL b VALUES (9)").await;
    assert_eq!(c.refusal("CLEAN LABEL FROM nope").await, "Unknown database 'nope'");
    c.ok("ALTER DATABASE d SET TRANSACTION QUOTA 1").await;
    c.ok("BEGIN").await;
    c.ok("INSERT INTO t2 SELECT 10").await;
    let other = &mut crate::Session { user: "root".into(), db: Some("d".into()), ..crate::Session::default() };
    let refused = crate::exec::execute(&c.sim, other, "INSERT INTO t2 VALUES (11)").await;
    let SqlReply::Error { message, .. } = refused else { panic!("{refused:?}") };
    assert!(
        message.contains("current running txns on db") && message.ends_with("is 1, larger than limit 1"),
        "{message}"
    );
}
