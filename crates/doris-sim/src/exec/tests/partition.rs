//! Partitions, renames and recoveries: texts and records of a real FE (4.1), for statements that it was given.

use serde_json::{Value as Json, json};

use super::Cluster;

impl Cluster {
    /// Kind and payload of the records of `d` after a position.
    pub(super) fn records_after(&self, after: i64) -> Vec<(i32, Json)> {
        self.sim.look(|model| {
            let id = model.db_id("d").unwrap();
            let Some(binlogs) = model.binlogs.get(&id) else { return Vec::new() };
            let records = binlogs.stream.records().filter(|record| record.commit_seq.0 > after);
            records.map(|r| (r.kind, serde_json::from_str(r.data.as_deref().unwrap()).unwrap())).collect()
        })
    }

    pub(super) fn head(&self) -> i64 {
        self.sim.look(|model| {
            let id = model.db_id("d").unwrap();
            model.binlogs.get(&id).map_or(-1, |binlogs| binlogs.stream.head().0)
        })
    }

    /// The records of one statement that must succeed.
    pub(super) async fn recorded(&mut self, sql: &str) -> Vec<(i32, Json)> {
        let at = self.head();
        self.ok(sql).await;
        self.records_after(at)
    }
}

/// With the tables of the recordings.
pub(super) async fn with_tables() -> Cluster {
    let mut c = Cluster::with_database().await;
    c.ok("ALTER DATABASE d SET PROPERTIES (\"binlog.enable\"=\"true\")").await;
    let tables = [
        "n (k INT, v INT) UNIQUE KEY(k) PARTITION BY RANGE(k) (PARTITION p1 VALUES LESS THAN ('10'), PARTITION p2 VALUES \
         LESS THAN ('20'))",
        "u (k INT, v INT) DUPLICATE KEY(k)",
        "l (k INT, c VARCHAR(10)) DUPLICATE KEY(k,c) PARTITION BY LIST(c) (PARTITION pa VALUES IN ('a'))",
        "s (k INT, d DATE, v INT) UNIQUE KEY(k,d) PARTITION BY RANGE(d) (PARTITION p1 VALUES LESS THAN ('2024-01-01'))",
    ];
    for table in tables {
        let tail = "DISTRIBUTED BY HASH(k) BUCKETS 1 PROPERTIES (\"replication_num\"=\"1\")";
        c.ok(&format!("CREATE TABLE {table} {tail}")).await;
    }
    c.ok("CREATE VIEW vw AS SELECT k FROM n").await;
    c
}

#[tokio::test(start_paused = true)]
async fn refusals_around_partitions_and_names_are_those_of_doris() {
    let mut c = with_tables().await;
    c.refusals(&[
        ("ALTER TABLE n ADD PARTITION p1 VALUES LESS THAN ('10')", "Duplicate partition name p1"),
        (
            "ALTER TABLE n ADD PARTITION px VALUES LESS THAN ('15')",
            "Range [types: [INT]; keys: [10]; ..types: [INT]; keys: [15]; ) is intersected with range: [types: [INT]; keys: \
             [10]; ..types: [INT]; keys: [20]; )",
        ),
        (
            "ALTER TABLE l ADD PARTITION pd",
            "Invalid list value format: errCode = 2, detailMessage = Invalid data type for creating infinity: varchar(10)",
        ),
        (
            "ALTER TABLE l ADD PARTITION pb VALUES IN ('b', 'a')",
            "Invalid list value format: errCode = 2, detailMessage = The partition key[(\"a\")] in partition item[('b','a')] \
             is conflict with current partitionKeys[(\"a\")]",
        ),
        ("ALTER TABLE n DROP PARTITION zz", "Error in list of partitions to zz"),
        ("ALTER TABLE n RENAME PARTITION zz zy", "Partition[zz] does not exists"),
        ("ALTER TABLE n RENAME PARTITION p1 p2", "Partition name[p2] is already used"),
        (
            "ALTER TABLE u RENAME PARTITION u x",
            "Table[u] is single partitioned. no need to rename partition name.",
        ),
        ("ALTER TABLE u ADD PARTITION p1 VALUES LESS THAN ('3')", "Alter table [u] failed. Not a partitioned table"),
        ("ALTER TABLE u DROP PARTITION u", "Alter table [u] failed. Not a partitioned table"),
        (
            "ALTER TABLE n REPLACE PARTITION (p1) WITH TEMPORARY PARTITION (zz)",
            "Temp partition[zz] does not exist",
        ),
        (
            "ALTER TABLE n REPLACE PARTITION (p1) WITH PARTITION (p2)",
            "Only support replace partitions with temp partitions",
        ),
        ("ALTER TABLE n MODIFY PARTITION zz SET (\"replication_num\"=\"1\")", "Partition[zz] does not exist in table[n]"),
        ("TRUNCATE TABLE n PARTITION (zz)", "Partition zz does not exist"),
        ("ALTER TABLE u RENAME u", "Same table name"),
        ("ALTER TABLE u RENAME n", "Table name[n] is already used"),
        ("ALTER TABLE u RENAME ROLLUP zz zy", "Rollup index[zz] does not exists"),
        ("ALTER TABLE vw RENAME vw2", "Do not support alter VIEW table[vw]"),
        ("ALTER TABLE u REPLACE WITH TABLE zz", "errCode = 7, detailMessage = table not found, tableName=zz"),
        ("RECOVER TABLE zz", "Unknown table 'zz' or table id '-1' in d"),
        ("RECOVER PARTITION zz FROM n", "No partition named 'zz' or partition id '-1' in table n"),
        (
            "ALTER TABLE u RENAME x, SET (\"in_memory\"=\"false\")",
            "Alter operation MODIFY_TABLE_PROPERTY conflicts with operation RENAME",
        ),
    ])
    .await;
    c.ok("ALTER TABLE n ADD PARTITION IF NOT EXISTS p1 VALUES LESS THAN ('10')").await;
    c.ok("ALTER TABLE n DROP PARTITION IF EXISTS zz").await;
}

#[tokio::test(start_paused = true)]
async fn adding_partitions_leaves_one_record_each() {
    let mut c = with_tables().await;
    let sql_of = |records: &[(i32, Json)]| -> Vec<String> {
        assert!(records.iter().all(|(kind, _)| *kind == 1));
        records.iter().map(|(_, data)| data["sql"].as_str().unwrap().to_owned()).collect()
    };
    let one = c
        .recorded("ALTER TABLE n ADD PARTITION p4 VALUES [('30'),('40')) (\"replication_num\"=\"1\") DISTRIBUTED BY HASH(k) BUCKETS 4")
        .await;
    assert_eq!(sql_of(&one), ["ADD PARTITION `p4` VALUES [(\"30\"), (\"40\")) (\"version_info\" = \"1\");"]);
    assert_eq!(one[0].1["partition"]["di"]["bucketNum"], 4);
    let batch = c.recorded("ALTER TABLE n ADD PARTITIONS FROM (50) TO (65) INTERVAL 10").await;
    assert_eq!(
        sql_of(&batch),
        [
            "ADD PARTITION `p_50_60` VALUES [(\"50\"), (\"60\")) (\"version_info\" = \"1\");",
            "ADD PARTITION `p_60_65` VALUES [(\"60\"), (\"65\")) (\"version_info\" = \"1\");",
        ]
    );
    let list = c.recorded("ALTER TABLE l ADD PARTITION pb VALUES IN ('b','it''s',NULL)").await;
    assert_eq!(
        sql_of(&list),
        ["ADD PARTITION `pb` VALUES IN ((\"b\"),(\"it''s\"),(NULL)) (\"version_info\" = \"1\");"]
    );
    let months =
        c.recorded("ALTER TABLE s ADD PARTITIONS FROM ('2024-01-15') TO ('2024-03-10') INTERVAL 1 MONTH").await;
    assert_eq!(
        sql_of(&months),
        [
            "ADD PARTITION `p_202401` VALUES [('2024-01-15'), ('2024-02-01')) (\"version_info\" = \"1\");",
            "ADD PARTITION `p_202402` VALUES [('2024-02-01'), ('2024-03-01')) (\"version_info\" = \"1\");",
            "ADD PARTITION `p_202403` VALUES [('2024-03-01'), ('2024-03-10')) (\"version_info\" = \"1\");",
        ]
    );
    let weeks = c.recorded("ALTER TABLE s ADD PARTITIONS FROM ('2026-01-01') TO ('2026-01-14') INTERVAL 1 WEEK").await;
    let names: Vec<&str> = weeks.iter().map(|(_, data)| data["partition"]["nm"].as_str().unwrap()).collect();
    assert_eq!(names, ["p_2026_01", "p_2026_02", "p_2026_03"]);
    let temp = c.recorded("ALTER TABLE n ADD TEMPORARY PARTITION tp1 VALUES LESS THAN ('10')").await;
    assert_eq!(
        sql_of(&temp),
        ["ADD TEMPORARY PARTITION `tp1` VALUES [(\"-2147483648\"), (\"10\")) (\"version_info\" = \"1\");"]
    );
    assert_eq!(temp[0].1["isTempPartition"], true);
}

#[tokio::test(start_paused = true)]
async fn temporary_partitions_take_the_place_of_formal_ones() {
    let mut c = with_tables().await;
    c.ok("ALTER TABLE n ADD TEMPORARY PARTITION tp1 VALUES LESS THAN ('10')").await;
    c.ok("INSERT INTO n TEMPORARY PARTITION (tp1) VALUES (1, 7)").await;
    let records = c.recorded("ALTER TABLE n REPLACE PARTITION (p1) WITH TEMPORARY PARTITION (tp1)").await;
    let (kind, data) = &records[0];
    assert_eq!(*kind, 12);
    assert_eq!(data["partitions"], json!(["p1"]));
    assert_eq!((&data["strictRange"], &data["useTempPartitionName"]), (&json!(true), &json!(false)));
    assert_eq!(c.lines("SELECT k, v FROM n").await, ["1|7"]);
    let names = |c: &Cluster| {
        c.sim.look(|model| {
            let table = model.table("d", "n").unwrap();
            table.partitions.iter().map(|partition| partition.name.clone()).collect::<Vec<_>>()
        })
    };
    c.ok("ALTER TABLE n ADD TEMPORARY PARTITION tp2 VALUES LESS THAN ('9')").await;
    assert_eq!(
        c.refusal("ALTER TABLE n REPLACE PARTITION (p1) WITH TEMPORARY PARTITION (tp2)").await,
        "2 range lists are not stricly matched. [[types: [INT]; keys: [-2147483648]; ..types: [INT]; keys: [10]; )] vs. \
         [[types: [INT]; keys: [-2147483648]; ..types: [INT]; keys: [9]; )]"
    );
    c.ok("ALTER TABLE n REPLACE PARTITION (p1) WITH TEMPORARY PARTITION (tp2) PROPERTIES \
          (\"strict_range\"=\"false\",\"use_temp_partition_name\"=\"true\")")
        .await;
    assert_eq!(names(&c), ["p2", "tp2"]);
    c.ok("ALTER TABLE n ADD TEMPORARY PARTITION tp3 VALUES [('5'),('20'))").await;
    assert_eq!(
        c.refusal(
            "ALTER TABLE n REPLACE PARTITION (p2) WITH TEMPORARY PARTITION (tp3) PROPERTIES (\"strict_range\"=\"false\")"
        )
        .await,
        "Range: [types: [INT]; keys: [5]; ..types: [INT]; keys: [20]; ) conflicts with existing range"
    );
}

#[tokio::test(start_paused = true)]
async fn small_changes_have_their_records() {
    let mut c = with_tables().await;
    let (kind, data) = c.recorded("ALTER TABLE n RENAME PARTITION p2 p2r").await.remove(0);
    assert_eq!((kind, &data["oP"], &data["nP"]), (22, &json!("p2"), &json!("p2r")));
    let (kind, data) = c
        .recorded("ALTER TABLE n MODIFY PARTITION p2r SET (\"replication_num\"=\"1\", \"storage_medium\"=\"HDD\")")
        .await
        .remove(0);
    assert_eq!(kind, 11);
    let info = &data["infos"][0];
    assert_eq!(info["replicaAlloc"], json!({ "allocMap": [[{ "type": "location", "value": "default" }, 1]] }));
    assert_eq!(
        info["dataProperty"],
        json!({ "storageMedium": "HDD", "cooldownTimeMs": 253_402_271_999_000_i64, "storagePolicy": "", "isMutable": true })
    );
    let (_, data) = c.recorded("ALTER TABLE n MODIFY PARTITION (*) SET (\"storage_medium\"=\"HDD\")").await.remove(0);
    assert_eq!(data["infos"].as_array().unwrap().len(), 2);
    assert_eq!(data["infos"][0]["replicaAlloc"], json!({ "allocMap": {} }));
    let (kind, data) = c.recorded("ALTER TABLE n MODIFY DISTRIBUTION DISTRIBUTED BY HASH(k) BUCKETS 7").await.remove(0);
    assert_eq!((kind, &data["bucketNum"], &data["columnsName"]), (25, &json!(7), &json!("`k`")));
    let (kind, data) = c.recorded("ALTER TABLE n SET (\"skip_write_index_on_load\"=\"false\")").await.remove(0);
    assert_eq!((kind, &data["properties"]), (9, &json!({ "skip_write_index_on_load": "false" })));
    let create = c.rows("SHOW CREATE TABLE n").await;
    assert!(!create[0][1].contains("skip_write_index_on_load"), "it is shown only while it is true: {create:?}");
    c.ok("ALTER TABLE n DROP PARTITION p1").await;
    c.ok("RECOVER PARTITION p1 AS old FROM n").await;
    c.ok("DROP TABLE u").await;
    assert_eq!(c.lines("SHOW CATALOG RECYCLE BIN WHERE NAME = 'u'").await.len(), 1);
    c.ok("RECOVER TABLE u AS u2").await;
    c.ok("DROP DATABASE d FORCE").await;
    let bin = c.rows("SHOW CATALOG RECYCLE BIN").await;
    assert_eq!((bin[0][0].as_str(), bin[0][5].as_str()), ("Database", "NULL"), "FORCE has no time");
}

#[tokio::test(start_paused = true)]
async fn an_insert_overwrite_goes_through_temporary_partitions() {
    let mut c = with_tables().await;
    c.ok("INSERT INTO n VALUES (1, 1), (11, 1)").await;
    c.ok("INSERT INTO u VALUES (1, 1)").await;
    let kinds = |records: &[(i32, Json)]| records.iter().map(|(kind, _)| *kind).collect::<Vec<_>>();

    let records = c.recorded("INSERT OVERWRITE TABLE n VALUES (2, 2)").await;
    assert_eq!(kinds(&records), [1, 1, 0, 12]);
    assert_eq!(records[0].1["partition"]["nm"], "iot_temp_p1");
    let upsert = records[2].1["tableRecords"].as_object().unwrap().values().next().unwrap();
    assert_eq!(upsert["partitionRecords"][0]["isTempPartition"], true);
    assert_eq!(records[3].1["tempPartitions"], json!(["iot_temp_p1", "iot_temp_p2"]));
    assert_eq!(c.lines("SELECT * FROM n").await, ["2|2"], "everything is replaced");

    c.ok("INSERT INTO n VALUES (12, 3)").await;
    c.ok("INSERT OVERWRITE TABLE n PARTITION (p2) VALUES (13, 4)").await;
    assert_eq!(c.lines("SELECT * FROM n ORDER BY k").await, ["2|2", "13|4"]);
    let records = c.recorded("INSERT OVERWRITE TABLE n PARTITION (*) VALUES (14, 5)").await;
    assert_eq!(kinds(&records), [1, 0, 12], "only the partition that gets rows");
    assert_eq!(c.lines("SELECT * FROM n ORDER BY k").await, ["2|2", "14|5"]);

    c.ok("INSERT OVERWRITE TABLE u SELECT k + 1, v FROM u").await;
    assert_eq!(c.lines("SELECT * FROM u").await, ["2|1"], "an unpartitioned table has one partition");

    let at = c.head();
    c.refusal("INSERT OVERWRITE TABLE n PARTITION (p2) VALUES (1, 1)").await;
    assert_eq!(kinds(&c.records_after(at)), [1, 3], "a failure leaves nothing behind");
    assert_eq!(c.lines("SELECT * FROM n ORDER BY k").await, ["2|2", "14|5"]);
}

#[tokio::test(start_paused = true)]
async fn statements_without_a_record_are_answered() {
    let mut c = with_tables().await;
    c.ok("CREATE TABLE hh (k INT, v INT) DUPLICATE KEY(k) DISTRIBUTED BY HASH(k) BUCKETS 1 PROPERTIES (\"replication_num\"=\"1\")")
        .await;
    let at = c.head();
    c.ok("ADMIN SET TABLE hh STATUS PROPERTIES(\"state\"=\"normal\")").await;
    c.ok("ALTER TABLE hh ADD CONSTRAINT c1 UNIQUE (k)").await;
    assert_eq!(c.lines("SHOW CONSTRAINTS FROM hh").await, ["c1|UNIQUE|UNIQUE (k)"]);
    assert_eq!(c.rows("ANALYZE TABLE hh").await[0][1..], ["internal", "d", "hh", "[hh:v,hh:k]"]);
    c.ok("ALTER DATABASE d SET DATA QUOTA 10G").await;
    let dbs = c.rows("SHOW PROC '/dbs'").await;
    assert!(dbs.iter().any(|row| row[1] == "d" && row[4] == "10.000 GB"), "{dbs:?}");
    assert_eq!(c.records_after(at), []);
    c.ok("ADMIN SET TABLE hh STATUS PROPERTIES(\"state\"=\"schema_change\")").await;
    assert_eq!(
        c.refusal("TRUNCATE TABLE hh").await,
        "Table[hh]'s state(SCHEMA_CHANGE) is not NORMAL. Do not allow doing ALTER ops"
    );
}

#[tokio::test(start_paused = true)]
async fn the_binlogs_of_each_database_are_listed_with_their_size() {
    let mut c = with_tables().await;
    c.ok("INSERT INTO u VALUES (1, 1)").await;
    let expected = c.sim.look(|model| {
        let stream = &model.binlogs.values().next().unwrap().stream;
        let size = |data: &Option<String>, tables: usize| 80 + 8 * tables + data.as_ref().unwrap().len();
        stream.records().map(|record| size(&record.data, record.table_ids.len())).sum::<usize>().to_string()
    });
    let count = c.records_after(-1).len() + 1;
    let rows = c.rows("SHOW PROC '/binlog'").await;
    assert_eq!((rows[0][0].as_str(), rows[0][1].as_str(), rows[0][3].as_str()), ("d", "db", "false"));
    assert_eq!((&rows[0][4], &rows[0][5]), (&count.to_string(), &expected));
    c.ok("DROP DATABASE d").await;
    let rows = c.rows("SHOW PROC '/binlog'").await;
    assert_eq!((rows[0][0].as_str(), rows[0][3].as_str()), ("(dropped)", "true"));
}
