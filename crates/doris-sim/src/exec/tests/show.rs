//! SHOW.

use super::Cluster;

async fn with_tables() -> Cluster {
    let mut c = Cluster::with_database().await;
    c.ok("CREATE TABLE range_less (k INT, d DATE, v INT) DUPLICATE KEY(k,d) PARTITION BY RANGE(d) (PARTITION p1 VALUES LESS THAN ('2024-01-01'), PARTITION p2 VALUES LESS THAN ('2024-02-01')) DISTRIBUTED BY HASH(k) BUCKETS 2 PROPERTIES ('replication_num'='1')").await;
    c.ok("CREATE TABLE rollups (k INT, a INT, v INT) DUPLICATE KEY(k,a) DISTRIBUTED BY HASH(k) BUCKETS 1 ROLLUP (r1 (a, v)) PROPERTIES ('replication_num'='1')").await;
    c.ok("CREATE VIEW vw AS SELECT k FROM rollups").await;
    c
}

/// The only cell of a column in the only row where another column has a value.
fn cell(result: &doris::net::ResultSet, wanted: &str, by: &str, value: &str) -> String {
    let at = |name: &str| result.columns.iter().position(|column| column == name).unwrap();
    let row = result.rows.iter().find(|row| row[at(by)].as_deref() == Some(value)).unwrap();
    row[at(wanted)].clone().unwrap()
}

#[tokio::test(start_paused = true)]
async fn the_cluster_shows_itself() {
    let mut c = Cluster::new();
    let frontends = c.result("SHOW FRONTENDS").await;
    assert_eq!(frontends.columns.len(), 20);
    assert_eq!(c.result("SELECT * FROM frontends()").await.columns, frontends.columns);
    assert_eq!(c.result("SHOW PROC '/frontends'").await.columns, frontends.columns);
    assert_eq!(
        c.lines("select Host, QueryPort, RpcPort, IsMaster, Alive, CurrentConnected from frontends();").await,
        ["127.0.0.1|9030|9020|true|true|Yes"]
    );
    let backends = c.result("show backends").await;
    assert_eq!(backends.columns.len(), 29);
    assert_eq!(cell(&backends, "Alive", "Host", "127.0.0.1"), "true");
    assert_eq!(cell(&backends, "BePort", "HttpPort", "8040"), "9060");
    assert_eq!(
        c.lines("ADMIN SHOW FRONTEND CONFIG LIKE \"%enable_feature_binlog%\"").await,
        [
            "experimental_enable_feature_binlog|true|boolean|false|false|",
            "force_enable_feature_binlog|false|boolean|false|false|"
        ]
    );
    assert_eq!(c.lines("SHOW FRONTEND CONFIG LIKE 'enable_feature_binlog'").await, Vec::<String>::new());
    c.ok("ADMIN SET FRONTEND CONFIG (\"restore_reset_index_id\"=\"true\")").await;
    assert_eq!(
        c.lines("SHOW FRONTEND CONFIG LIKE 'restore_reset_index_id'").await,
        ["restore_reset_index_id|true|boolean|true|true|"]
    );
    assert_eq!(
        c.lines("SHOW VARIABLES LIKE 'version%'").await,
        [
            "version|5.7.99|5.7.99|0",
            "version_comment|doris version doris-4.1.0-677147005f|doris version doris-4.1.0-677147005f|0"
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn lists_of_tables() {
    let mut c = with_tables().await;
    let tables = c.result("SHOW TABLES FROM d").await;
    assert_eq!(tables.columns, ["Tables_in_d"]);
    assert_eq!(c.lines("SHOW TABLES").await, ["range_less", "rollups", "vw"]);
    assert_eq!(c.lines("SHOW TABLES FROM d LIKE 'r%ups'").await, ["rollups"]);
    assert_eq!(
        c.lines("SHOW FULL TABLES").await,
        ["range_less|BASE TABLE|V2|V3", "rollups|BASE TABLE|V2|V3", "vw|VIEW|NONE|NONE"]
    );
    assert_eq!(c.lines("SHOW FULL TABLES WHERE table_type = 'VIEW'").await, ["vw|VIEW|NONE|NONE"]);
    assert_eq!(c.lines("SHOW VIEWS").await, ["vw"]);
    assert_eq!(c.rows("SHOW TABLE STATUS LIKE 'vw'").await.len(), 1);
    let views = "SELECT table_name FROM information_schema.tables WHERE table_schema = 'd' AND  table_type = 'VIEW'";
    assert_eq!(c.result(views).await.columns, ["table_name"]);
    assert_eq!(c.lines(views).await, ["vw"]);
    c.refusals(&[
        ("SHOW TABLES FROM d LIKE 'a$b'", "Forbidden charactor: '$'"),
        ("SHOW TABLES FROM zz", "Unknown database 'zz'"),
        ("SHOW TABLES `d`", "\nextraneous input '`d`' expecting {<EOF>, ';'}(line 1, pos 12)\n"),
        ("SHOW PARTITIONS FROM zz", "errCode = 7, detailMessage = table not found, tableName=zz"),
        (
            "SHOW PARTITIONS FROM vw",
            "errCode = 7, detailMessage = Type of vw doesn't match, expected data tables=[OLAP, HMS_EXTERNAL_TABLE, \
             MAX_COMPUTE_EXTERNAL_TABLE, PAIMON_EXTERNAL_TABLE]",
        ),
    ])
    .await;
}

#[tokio::test(start_paused = true)]
async fn the_catalog_is_a_tree_of_ids() {
    let mut c = with_tables().await;
    let db = cell(&c.result("show proc '/dbs/'").await, "DbId", "DbName", "d");
    let tables = c.result(&format!("show proc '/dbs/{db}/'")).await;
    let table = cell(&tables, "TableId", "TableName", "range_less");
    assert_eq!(cell(&tables, "PartitionColumnName", "TableName", "range_less"), "d");
    assert_eq!(cell(&tables, "Type", "TableName", "vw"), "VIEW");
    assert_eq!(cell(&tables, "PartitionNum", "TableName", "vw"), "1");
    assert_eq!(c.lines(&format!("SHOW TABLE {table}")).await, [format!("d|range_less|{db}")]);
    assert_eq!(c.lines("SHOW TABLE 99").await, Vec::<String>::new());
    let node = format!("/dbs/{db}/{table}");
    assert_eq!(
        c.lines(&format!("SHOW PROC '{node}'")).await,
        ["partitions", "temp_partitions", "index_schema", "indexes"]
    );
    let partitions = c.result(&format!("SHOW PROC '{node}/partitions'")).await;
    assert_eq!(partitions, c.result("SHOW PARTITIONS FROM range_less").await);
    assert_eq!(
        partitions.rows[0][2..].iter().map(|cell| cell.clone().unwrap_or("NULL".into())).collect::<Vec<_>>().join("|"),
        "1|2026-11-23 16:06:54|NORMAL|d|[types: [DATEV2]; keys: [0000-01-01]; ..types: [DATEV2]; keys: [2024-01-01]; )|k|2|1|HDD|\
         9999-12-31 15:59:59||NULL|0.000 |false|tag.location.default: 1|true|true|NULL|1|-1"
    );
    let partition = cell(&partitions, "PartitionId", "PartitionName", "p1");
    let indexes = c.result(&format!("SHOW PROC '{node}/partitions/{partition}'")).await;
    let index = cell(&indexes, "IndexId", "IndexName", "range_less");
    let tablets = c.result(&format!("SHOW PROC '{node}/partitions/{partition}/{index}'")).await;
    assert_eq!((tablets.rows.len(), tablets.columns.len()), (2, 23));
    assert_eq!(c.result("SHOW TABLETS FROM range_less").await.rows.len(), 4);
    assert!(c.lines(&format!("SHOW PROC '{node}/index_schema'")).await[0].ends_with("|COLUMN|DUP_KEYS(k, d)"));
    c.refusals(&[
        ("SHOW PROC '/dbs/99'", "Database 99 does not exist"),
        ("SHOW PROC '/dbs/x'", "Invalid db id format: x"),
        ("SHOW PROC '/zz'", "Proc path '/zz' doesn't exist"),
        (&format!("SHOW PROC '/dbs/{db}/99'"), "Table 99 does not exist"),
        (&format!("SHOW PROC '{node}/partitions/99'"), "Partition[99] does not exist"),
        (&format!("SHOW PROC '{node}/partitions/{partition}/99'"), "Index[99] does not exist."),
    ])
    .await;
}

#[tokio::test(start_paused = true)]
async fn columns_are_described() {
    let mut c = with_tables().await;
    assert_eq!(
        c.lines("DESC rollups").await,
        ["k|int|Yes|true|NULL|", "a|int|Yes|true|NULL|", "v|int|Yes|false|NULL|NONE"]
    );
    assert_eq!(
        c.lines("DESC d.rollups ALL").await,
        [
            "rollups|DUP_KEYS|k|int|int|Yes|true|NULL||true||",
            "||a|int|int|Yes|true|NULL||true||",
            "||v|int|int|Yes|false|NULL|NONE|true||",
            "|||||||||||",
            "r1|DUP_KEYS|a|int|int|Yes|true|NULL||true||",
            "||v|int|int|Yes|true|NULL||true||",
        ]
    );
    assert_eq!(c.lines("SHOW COLUMNS FROM range_less").await[1], "d|datev2|YES|YES|NULL|");
    assert_eq!(c.lines("SHOW INDEX FROM rollups").await, Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn transactions_are_found_by_id_and_label() {
    let mut c = with_tables().await;
    c.ok("INSERT INTO rollups WITH LABEL t1 VALUES (1, 1, 1)").await;
    c.ok("INSERT INTO rollups WITH LABEL t2 VALUES (1, 1, 1)").await;
    let found = c.result("SHOW TRANSACTION FROM d WHERE LABEL = 't1'").await;
    assert_eq!(found.columns.len(), 15);
    assert_eq!(cell(&found, "TransactionStatus", "Label", "t1"), "VISIBLE");
    let id = cell(&found, "TransactionId", "Label", "t1");
    assert_eq!(c.result(&format!("SHOW TRANSACTION FROM d WHERE id = {id}")).await, found);
    let labels: Vec<String> =
        c.rows("SHOW TRANSACTION WHERE label LIKE 't%'").await.into_iter().map(|row| row[1].clone()).collect();
    assert_eq!(labels, ["t2", "t1"], "newest first");
    let usage = "Where clause should looks like one of them: id = 123 or label =/like 'label' or status = \
                 'prepare/precommitted/committed/visible/aborted'";
    c.refusals(&[
        ("SHOW TRANSACTION WHERE STATUS='visible'", usage),
        ("SHOW TRANSACTION WHERE status = 'nonsense'", usage),
        ("SHOW TRANSACTION WHERE id = '1'", usage),
        ("SHOW TRANSACTION WHERE label = 't1' AND id = 1", usage),
        ("SHOW TRANSACTION", "Missing transaction id"),
        ("SHOW TRANSACTION WHERE ID = 99999999", "transaction with id 99999999 does not exist"),
        ("SHOW TRANSACTION WHERE LABEL = 'zz'", "transaction with label zz does not exist"),
        ("SHOW TRANSACTION FROM nope WHERE ID=1", "Unknown database 'nope'"),
    ])
    .await;
}

#[tokio::test(start_paused = true)]
async fn backups_are_submitted_and_listed() {
    let mut c = with_tables().await;
    c.refusals(&[
        ("BACKUP SNAPSHOT d.s5 TO `__keep_on_local__` ON (nope)", "Unknown table 'nope'"),
        (
            "BACKUP SNAPSHOT d.s5 TO `__keep_on_local__` ON (range_less PARTITION (nope))",
            "Unknown partition nope in tablerange_less",
        ),
        ("BACKUP SNAPSHOT d.s5 TO nope_repo ON (rollups)", "Repository nope_repo does not exist"),
        ("BACKUP SNAPSHOT d.x TO `__keep_on_local__` PROPERTIES ('zz'='1')", "Unknown backup job properties: [zz]"),
        ("CANCEL BACKUP FROM d", "No backup job is currently running"),
        ("CANCEL RESTORE FROM d", "No restore is currently running"),
        ("SHOW BACKUP FROM nope", "Unknown database 'nope'"),
        (
            "SHOW BACKUP FROM d WHERE State='x'",
            "Where clause should like: SnapshotName = \"your_snapshot_name\",  or SnapshotName LIKE \"matcher\"",
        ),
        (
            "SHOW RESTORE FROM d WHERE State='x'",
            "Where clause should like: LABEL = \"your_label_name\",  or LABEL LIKE \"matcher\"",
        ),
    ])
    .await;
    c.ok("BACKUP SNAPSHOT `d`.`s:1` TO `__keep_on_local__` ON ( `rollups`,`vw` ) PROPERTIES (\"type\" = \"full\")")
        .await;
    let now = c.sim.clock().now_ms();
    let finished = c
        .sim
        .wait_until(now + 60_000, |model| {
            let db = model.db_id("d").unwrap();
            model.snapshot_jobs(db).all(|job| job.head().state.is_final()).then_some(())
        })
        .await;
    assert!(finished.is_some());
    let shown = c.result("SHOW BACKUP FROM d WHERE SnapshotName = \"S:1\"").await;
    assert_eq!(shown.columns.len(), 14);
    assert_eq!(cell(&shown, "State", "SnapshotName", "s:1"), "FINISHED");
    assert_eq!(cell(&shown, "BackupObjs", "SnapshotName", "s:1"), "[d.rollups], [d.vw]");
    assert_eq!(c.lines("SHOW BACKUP FROM d WHERE SnapshotName LIKE \"zz%\"").await, Vec::<String>::new());
    assert_eq!(c.result("SHOW RESTORE FROM d").await.columns.len(), 21);
    let brief = c.result("SHOW BRIEF RESTORE FROM d WHERE Label = 'x'").await;
    assert!(!brief.columns.iter().any(|column| column == "RestoreObjs") && brief.columns.len() == 18);
}

#[tokio::test(start_paused = true)]
async fn without_a_master_only_local_statements_are_answered() {
    let mut c = with_tables().await;
    let follower = c.sim.with(|model| model.add_frontend("127.0.0.2", 9030, 9020));
    c.session.fe = follower;
    c.ok("CREATE DATABASE forwarded").await;
    c.sim.with(|model| model.frontends[0].alive = false);
    let text = |reply| match reply {
        doris::net::SqlReply::Error { code: 1105, message, .. } => message,
        other => panic!("{other:?}"),
    };
    let dead = text(c.run("SHOW FRONTENDS").await);
    assert!(
        dead.starts_with("ForwardToMasterException, msg: forward to master FE TNetworkAddress(hostname:127.0.0.1, "),
        "{dead}"
    );
    c.sim.with(|model| model.set_master(None));
    for sql in
        ["DROP DATABASE forwarded", "SHOW PROC '/dbs'", "SHOW BACKUP FROM d", "INSERT INTO rollups VALUES (1, 1, 1)"]
    {
        assert_eq!(text(c.run(sql).await), "Exception, msg: Failed to get master client.", "{sql}");
    }
    assert_eq!(c.lines("SHOW TABLES FROM d").await, ["range_less", "rollups", "vw"]);
    c.sim.with(|model| model.set_master(Some(follower)));
    c.ok("DROP DATABASE forwarded").await;
}
