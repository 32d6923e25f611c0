//! INSERT, DELETE, UPDATE, TRUNCATE.

use doris::net::SqlReply;

use super::Cluster;

fn table(name: &str, columns: &str, keys: &str) -> String {
    format!(
        "CREATE TABLE {name} ({columns}) {keys} DISTRIBUTED BY HASH(k) BUCKETS 3 PROPERTIES ('replication_num'='1')"
    )
}

#[tokio::test(start_paused = true)]
async fn inserted_rows_are_visible_and_labelled() {
    let mut c = Cluster::with_database().await;
    let columns = "k INT, s VARCHAR(20) DEFAULT 'none', d DECIMAL(10,2), t DATETIME(3), b BOOLEAN, f FLOAT, n LARGEINT";
    c.ok(&table("t", columns, "DUPLICATE KEY(k)")).await;
    let reply = c.run("INSERT INTO t WITH LABEL l1 VALUES (1, 'it''s', 1.005, '2024-01-02 03:04:05.6789', true, 1.1, 170141183460469231731687303715884105727), (2, NULL, -3, '2024-01-02', 0, 2, -1)").await;
    let SqlReply::Ok { affected, info } = reply else { panic!("{reply:?}") };
    assert_eq!(affected, 2);
    assert!(info.starts_with("{'label':'l1', 'status':'VISIBLE', 'txnId':'"), "{info}");
    assert_eq!(
        c.lines("SELECT * FROM t ORDER BY k").await,
        [
            "1|it's|1.01|2024-01-02 03:04:05.679|1|1.1|170141183460469231731687303715884105727",
            "2|NULL|-3.00|2024-01-02 00:00:00.000|0|2|-1",
        ]
    );
    assert_eq!(c.ok("INSERT INTO t (d, k) VALUES (1 + 2, 3), (DEFAULT, 4)").await, 2);
    assert_eq!(c.lines("SELECT k, s, d FROM t WHERE k > 2 ORDER BY k").await, ["3|none|3.00", "4|none|NULL"]);
    assert_eq!(c.ok("INSERT INTO t (k, s) SELECT k + 10, concat(s, '!') FROM t WHERE k = 3").await, 1);
    assert_eq!(c.lines("SELECT k, s FROM t WHERE k > 10").await, ["13|none!"]);
    assert_eq!(c.ok("INSERT INTO t (k) SELECT k FROM t WHERE k > 1000").await, 0);
    assert_eq!(c.lines("SHOW TRANSACTION WHERE label = 'l1'").await.len(), 1);
    let already = c.refusal("INSERT INTO t WITH LABEL l1 VALUES (9, NULL, NULL, NULL, NULL, NULL, NULL)").await;
    assert!(already.starts_with("Label [l1] has already been used, relate to txn ["), "{already}");
    c.refusals(&[
        ("INSERT INTO t VALUES (1)", "Column count doesn't match value count"),
        ("INSERT INTO t (k, zz) VALUES (1, 2)", "Unknown column 'zz' in target table."),
        ("INSERT INTO zz VALUES (1)", "Table [zz] does not exist in database [d]."),
        ("INSERT INTO zz.t VALUES (1)", "Database [zz] does not exist."),
        (
            "INSERT INTO t (k) VALUES ('x')",
            "Insert has filtered data in strict mode. column(k): the value 'x' is no int",
        ),
        (
            "INSERT INTO t (k) VALUES (2147483648)",
            "Insert has filtered data in strict mode. column(k): the value '2147483648' is no int",
        ),
    ])
    .await;
}

#[tokio::test(start_paused = true)]
async fn keys_are_replaced_deleted_and_updated() {
    for merge_on_write in ["true", "false"] {
        let mut c = Cluster::with_database().await;
        let create = table("u", "k INT, s STRING, n INT", "UNIQUE KEY(k)");
        c.ok(&create.replace("'1')", &format!("'1', 'enable_unique_key_merge_on_write'='{merge_on_write}')"))).await;
        c.ok("INSERT INTO u VALUES (1, 'a', 10), (2, 'b', 20), (3, 'c', NULL), (4, 'd', 40)").await;
        c.ok("INSERT INTO u VALUES (2, 'B', 21)").await;
        assert_eq!(c.ok("UPDATE u SET n = n + 1, s = concat(s, n) WHERE k IN (1, 3)").await, 2);
        c.ok("DELETE FROM u WHERE k = 4").await;
        c.ok("DELETE FROM u WHERE k > 100").await;
        assert_eq!(c.lines("SELECT * FROM u ORDER BY k").await, ["1|a10|11", "2|B|21", "3|NULL|NULL"]);
        c.ok("DELETE FROM u WHERE k % 2 = 0 OR s IS NULL").await;
        assert_eq!(c.lines("SELECT * FROM u").await, ["1|a10|11"], "merge on write: {merge_on_write}");
        c.refusals(&[
            ("UPDATE u SET k = 1", "Only value columns of unique table could be updated"),
            ("UPDATE u SET zz = 1", "unknown column zz"),
            ("DELETE FROM u", "delete all rows is forbidden temporary."),
            ("DELETE FROM zz WHERE k = 1", "Table [zz] does not exist in database [d]."),
        ])
        .await;
    }
}

#[tokio::test(start_paused = true)]
async fn duplicate_and_aggregate_tables_follow_their_models() {
    let mut c = Cluster::with_database().await;
    c.ok(&table("a", "k INT, s BIGINT SUM, x INT MAX, r STRING REPLACE", "AGGREGATE KEY(k)")).await;
    c.ok("INSERT INTO a VALUES (1, 1, 5, 'x'), (1, 2, 3, 'y'), (2, 1, 1, 'z')").await;
    c.ok("INSERT INTO a VALUES (1, 10, 4, 'w')").await;
    assert_eq!(c.lines("SELECT * FROM a ORDER BY k").await, ["1|13|5|w", "2|1|1|z"]);
    c.ok(&table("t", "k INT, v INT", "DUPLICATE KEY(k)")).await;
    c.ok("INSERT INTO t VALUES (1, 1), (1, 1), (2, 2), (3, NULL), (4, 4)").await;
    assert_eq!(c.lines("SELECT count(*), count(v) FROM t").await, ["5|4"]);
    c.ok("DELETE FROM t WHERE v IS NULL").await;
    c.ok("DELETE FROM t WHERE k BETWEEN 2 AND 3 AND v != 9").await;
    c.ok("INSERT INTO t VALUES (2, 22)").await;
    assert_eq!(c.lines("SELECT * FROM t ORDER BY k, v").await, ["1|1", "1|1", "2|22", "4|4"]);
    assert!(c.refusal("DELETE FROM t WHERE k = v").await.contains("Unknown column 'v'"));
    assert_eq!(c.refusal("UPDATE t SET v = 1 WHERE k = 1").await, "Only unique table could be updated.");
    c.ok("TRUNCATE TABLE t").await;
    assert_eq!(c.lines("SELECT * FROM t").await, Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn partitions_take_their_rows() {
    let mut c = Cluster::with_database().await;
    let by = "DUPLICATE KEY(k) PARTITION BY RANGE(k) (PARTITION p1 VALUES LESS THAN ('10'), PARTITION p2 VALUES LESS THAN ('20'))";
    c.ok(&table("t", "k INT, v INT", by)).await;
    c.ok("INSERT INTO t VALUES (1, 1), (12, 2)").await;
    assert_eq!(c.lines("SELECT * FROM t PARTITION (p2)").await, ["12|2"]);
    let text = c.refusal("INSERT INTO t VALUES (20, 1)").await;
    assert!(text.contains("no partition for this tuple"), "{text}");
    c.ok("TRUNCATE TABLE t PARTITIONS (p1)").await;
    assert_eq!(c.lines("SELECT * FROM t").await, ["12|2"]);
    c.ok("DELETE FROM t PARTITION p2 WHERE v = 2").await;
    assert_eq!(c.lines("SELECT * FROM t").await, Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn numbers_count_up_by_themselves() {
    let mut c = Cluster::with_database().await;
    c.ok(&table("t", "k BIGINT NOT NULL AUTO_INCREMENT(100), v INT", "UNIQUE KEY(k)")).await;
    c.ok("INSERT INTO t (v) VALUES (1), (2)").await;
    c.ok("INSERT INTO t VALUES (NULL, 3), (7, 4)").await;
    assert_eq!(c.lines("SELECT * FROM t ORDER BY k").await, ["7|4", "100|1", "101|2", "102|3"]);
}

#[tokio::test(start_paused = true)]
async fn an_insert_that_is_not_published_in_time_is_committed() {
    let mut c = Cluster::with_database().await;
    c.ok(&table("t", "k INT", "DUPLICATE KEY(k)")).await;
    c.sim.with(|model| model.hold_publish(true));
    c.ok("SET insert_visible_timeout_ms = 500").await;
    let SqlReply::Ok { info, .. } = c.run("INSERT INTO t VALUES (1)").await else { panic!("refused") };
    assert!(info.contains("'status':'COMMITTED'"), "{info}");
    assert_eq!(c.lines("SELECT * FROM t").await, Vec::<String>::new());
}
