//! Columns, indexes, rollups and comments of tables that hold rows.

use std::time::Duration;

use serde_json::Value as Json;

use super::Cluster;

const TABLE: &str = "CREATE TABLE t (k INT, v INT, s VARCHAR(20) DEFAULT 'x') UNIQUE KEY(k) DISTRIBUTED BY HASH(k) \
                     BUCKETS 2 PROPERTIES (\"replication_num\"=\"1\")";
const PLAIN: &str = "CREATE TABLE p (k INT, v INT, w INT, s VARCHAR(10)) DUPLICATE KEY(k) DISTRIBUTED BY HASH(k) \
                     BUCKETS 1 PROPERTIES (\"replication_num\"=\"1\")";

impl Cluster {
    /// With binlogs and a UNIQUE and a DUPLICATE table.
    async fn with_tables() -> Self {
        let mut cluster = Self::with_database().await;
        cluster.ok("ALTER DATABASE d SET PROPERTIES (\"binlog.enable\"=\"true\")").await;
        cluster.ok(TABLE).await;
        cluster.ok(PLAIN).await;
        cluster
    }

    /// The payloads of all records of some kinds.
    fn records(&self, kinds: &[i32]) -> Vec<Json> {
        self.sim.look(|model| {
            let store = model.binlogs.values().next().unwrap();
            let of_kind = store.stream.records().filter(|record| kinds.contains(&record.kind));
            of_kind.map(|record| serde_json::from_str(record.data.as_deref().unwrap()).unwrap()).collect()
        })
    }

    fn last_record(&self, kind: i32) -> Json {
        self.records(&[kind]).pop().unwrap()
    }

    /// State of the newest job.
    async fn job_state(&mut self, what: &str) -> String {
        let rows = self.result(&format!("SHOW ALTER TABLE {what} FROM d")).await;
        let at = rows.columns.iter().position(|column| column == "State").unwrap();
        rows.rows.last().unwrap()[at].clone().unwrap()
    }

    /// Waits for the newest job; answers the states that it went through.
    async fn finish(&mut self, what: &str) -> Vec<String> {
        let mut states = vec![self.job_state(what).await];
        while !matches!(states.last().unwrap().as_str(), "FINISHED" | "CANCELLED") {
            tokio::time::advance(Duration::from_millis(500)).await;
            states.push(self.job_state(what).await);
        }
        states
    }
}

/// `name#unique id` of the columns of the first index of a map.
fn columns(schemas: &Json) -> Vec<String> {
    let (_, columns) = schemas.as_object().unwrap().iter().next_back().unwrap();
    columns.as_array().unwrap().iter().map(|c| format!("{}#{}", c["name"].as_str().unwrap(), c["uniqueId"])).collect()
}

#[tokio::test(start_paused = true)]
async fn a_light_change_takes_effect_at_once_and_old_rows_have_the_default() {
    let mut cluster = Cluster::with_tables().await;
    cluster.ok("INSERT INTO t VALUES (1, 10, 'a')").await;
    cluster.ok("ALTER TABLE t ADD COLUMN c1 INT NULL DEFAULT '5' COMMENT 'c \"1\"'").await;
    cluster.ok("INSERT INTO t VALUES (2, 20, 'b', 6)").await;
    assert_eq!(cluster.lines("SELECT * FROM t ORDER BY k").await, ["1|10|a|5", "2|20|b|6"]);
    let record = cluster.last_record(6);
    assert_eq!(record["rawSql"], "ALTER TABLE `d`.`t` ADD COLUMN `c1` INT NULL DEFAULT \"5\" COMMENT \"c \\\"1\\\"\"");
    let hidden = ["__DORIS_DELETE_SIGN__#3", "__DORIS_VERSION_COL__#4"];
    assert_eq!(columns(&record["oldIndexSchemaMap"]), [&["k#0", "v#1", "s#2"][..], &hidden].concat());
    assert_eq!(columns(&record["indexSchemaMap"]), [&["k#0", "v#1", "s#2", "c1#5"][..], &hidden].concat());
    let added = &record["indexSchemaMap"].as_object().unwrap().values().next().unwrap()[3];
    assert_eq!((&added["autoIncInitValue"], &added["comment"]), (&Json::from(0), &Json::from("c \"1\"")));
    let job = cluster.rows("SHOW ALTER TABLE COLUMN FROM d").await.pop().unwrap();
    assert_eq!((job[9].as_str(), job[12].as_str(), job[5] == job[6]), ("FINISHED", "1", true));
    assert!(job[7].starts_with("1:"), "{job:?}");
    cluster.ok("ALTER TABLE t DROP COLUMN c1").await;
    assert_eq!(cluster.lines("SELECT * FROM t ORDER BY k").await, ["1|10|a", "2|20|b"]);
    // The id of the dropped column is not used again.
    cluster.ok("ALTER TABLE t ADD COLUMN c2 INT AFTER k").await;
    assert_eq!(columns(&cluster.last_record(6)["indexSchemaMap"])[1], "c2#6");
    assert_eq!(cluster.lines("SELECT * FROM t ORDER BY k").await, ["1|NULL|10|a", "2|NULL|20|b"]);
}

#[tokio::test(start_paused = true)]
async fn a_heavy_change_goes_through_its_states_and_converts_rows() {
    let mut cluster = Cluster::with_tables().await;
    cluster.ok("INSERT INTO t VALUES (1, 10, 'a'), (2, 20, 'b')").await;
    cluster.ok("DELETE FROM t WHERE k = 2").await;
    cluster.ok("ALTER TABLE t MODIFY COLUMN v BIGINT").await;
    assert_eq!(
        cluster.refusal("TRUNCATE TABLE t").await,
        "Table[t]'s state(SCHEMA_CHANGE) is not NORMAL. Do not allow doing ALTER ops"
    );
    assert_eq!(cluster.finish("COLUMN").await, ["PENDING", "WAITING_TXN", "RUNNING", "FINISHED"]);
    assert_eq!(cluster.lines("DESC t").await[1], "v|bigint|Yes|false|NULL|NONE");
    cluster.ok("INSERT INTO t VALUES (3, 3000000000, 'c')").await;
    assert_eq!(cluster.lines("SELECT * FROM t ORDER BY k").await, ["1|10|a", "3|3000000000|c"]);
    cluster.ok("UPDATE t SET v = 11 WHERE k = 1").await;
    assert_eq!(cluster.lines("SELECT v FROM t WHERE k = 1").await, ["11"]);
    let states: Vec<Json> = cluster.records(&[5]).into_iter().map(|r| r["jobState"].clone()).collect();
    assert_eq!(states, ["PENDING", "WAITING_TXN", "FINISHED"]);
    let record = cluster.last_record(5);
    assert_eq!(record["rawSql"], "ALTER TABLE `d`.`t` MODIFY COLUMN `v` BIGINT NULL COMMENT \"\"");
    let (shadow, origin) = record["iim"].as_object().unwrap().iter().next().unwrap();
    assert_ne!(shadow.parse().ok(), origin.as_i64());
    cluster.sim.look(|model| {
        let table = model.table("d", "t").unwrap();
        assert_eq!((table.base_index.to_string(), table.indexes.len()), (shadow.clone(), 1));
        assert_eq!(table.indexes[&table.base_index].name, "t");
        let dropped = model.dropped(model.database("d").unwrap().id);
        assert!(dropped.indexes.iter().any(|(id, _)| Some(id.get()) == origin.as_i64()));
    });
}

#[tokio::test(start_paused = true)]
async fn loads_during_a_heavy_change_are_in_both_schemas() {
    let mut cluster = Cluster::with_tables().await;
    cluster.ok("INSERT INTO p VALUES (1, 1, 1, 'a')").await;
    cluster.ok("ALTER TABLE p MODIFY COLUMN w BIGINT, ADD COLUMN c6 INT DEFAULT '7'").await;
    cluster.ok("INSERT INTO p VALUES (2, 2, 2, 'b')").await;
    tokio::time::advance(Duration::from_millis(600)).await;
    assert_eq!(cluster.job_state("COLUMN").await, "WAITING_TXN");
    let names = |cluster: &Cluster| {
        cluster.sim.look(|model| {
            let table = model.table("d", "p").unwrap();
            table.indexes.values().map(|index| index.name.clone()).collect::<Vec<_>>()
        })
    };
    assert_eq!(names(&cluster), ["p", "__doris_shadow_p"]);
    cluster.ok("INSERT INTO p VALUES (3, 3, 3, 'c')").await;
    cluster.ok("DELETE FROM p WHERE k = 1").await;
    cluster.finish("COLUMN").await;
    assert_eq!(names(&cluster), ["p"]);
    assert_eq!(cluster.lines("SELECT * FROM p ORDER BY k").await, ["2|2|2|b|7", "3|3|3|c|7"]);
    let indexes =
        cluster.last_record(0)["tableRecords"].as_object().unwrap().values().next().unwrap()["indexIds"].clone();
    assert_eq!(indexes.as_array().unwrap().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_key_may_be_added_and_columns_be_reordered() {
    let mut cluster = Cluster::with_tables().await;
    cluster.ok("INSERT INTO t VALUES (1, 10, 'a')").await;
    cluster.ok("ALTER TABLE t ADD COLUMN k2 INT KEY DEFAULT '0'").await;
    cluster.finish("COLUMN").await;
    cluster.ok("INSERT INTO t VALUES (1, 1, 11, 'b')").await;
    assert_eq!(cluster.lines("SELECT * FROM t ORDER BY k2").await, ["1|0|10|a", "1|1|11|b"]);
    cluster.ok("ALTER TABLE t ORDER BY (k, k2, s, v)").await;
    cluster.finish("COLUMN").await;
    assert_eq!(cluster.lines("SELECT * FROM t ORDER BY k2").await, ["1|0|a|10", "1|1|b|11"]);
    assert_eq!(cluster.last_record(5)["rawSql"], "ALTER TABLE `d`.`t` ORDER BY `k`, `k2`, `s`, `v`");
}

#[tokio::test(start_paused = true)]
async fn what_a_change_may_not_do_is_refused_in_the_words_of_doris() {
    let mut cluster = Cluster::with_tables().await;
    cluster
        .refusals(&[
            ("ALTER TABLE t ADD COLUMN v INT", "Can not add column which already exists in base table: v"),
            ("ALTER TABLE t ADD COLUMN c INT FIRST", "Can't add value column c as First column"),
            ("ALTER TABLE t ADD COLUMN v INT AFTER k", "column v already exists in table t"),
            ("ALTER TABLE t ADD COLUMN c INT AFTER zz", "Column[zz] does not found"),
            ("ALTER TABLE t ADD COLUMN c INT NOT NULL", "Field 'c' doesn't have a default value"),
            ("ALTER TABLE t DROP COLUMN zz", "Column does not exists: zz"),
            ("ALTER TABLE t DROP COLUMN k", "Can not drop partition or distribution column : k"),
            ("ALTER TABLE t MODIFY COLUMN zz INT", "Column[zz] does not exists"),
            ("ALTER TABLE t MODIFY COLUMN v TINYINT", "Can not change INT to TINYINT"),
            ("ALTER TABLE t MODIFY COLUMN k BIGINT KEY", "Can not modify distribution column[k]. index[t]"),
            (
                "ALTER TABLE t MODIFY COLUMN s VARCHAR(10) DEFAULT 'x'",
                "Shorten type length is prohibited, srcType=varchar(20), dstType=varchar(10)",
            ),
            ("ALTER TABLE p MODIFY COLUMN w INT", "Nothing is changed. please check your alter stmt."),
            ("ALTER TABLE p ORDER BY (k, v)", "Reorder stmt should contains all columns"),
            ("ALTER TABLE t RENAME COLUMN zz zy", "Column[zz] does not exists"),
            ("ALTER TABLE t RENAME COLUMN v k", "Column name[k] is already used"),
            ("DROP INDEX zz ON t", "index zz does not exist"),
            ("BUILD INDEX zz ON t", "Index[zz] is not exist in table[t]"),
            (
                "ALTER TABLE t DROP ROLLUP zz",
                "errCode = 7, detailMessage = Materialized view [zz] does not exist in table [t]",
            ),
            ("CANCEL ALTER TABLE COLUMN FROM t", "Table[t] is not under SCHEMA_CHANGE."),
            ("ALTER TABLE zz ADD COLUMN v INT", "Unknown table 'zz'"),
        ])
        .await;
    // Taken as a change of a merge-on-write table once.
    cluster.ok("ALTER TABLE t MODIFY COLUMN v INT").await;
    cluster.finish("COLUMN").await;
    assert_eq!(
        cluster.refusal("ALTER TABLE t MODIFY COLUMN v INT").await,
        "Nothing is changed. please check your alter stmt."
    );
}

#[tokio::test(start_paused = true)]
async fn rollups_are_built_one_after_the_other_and_number_their_columns_themselves() {
    let mut cluster = Cluster::with_tables().await;
    cluster.ok("INSERT INTO p VALUES (1, 2, 3, 'a')").await;
    cluster.ok("ALTER TABLE p ADD ROLLUP r1 (v), r2 (w)").await;
    assert_eq!(cluster.sim.look(|model| model.table("d", "p").unwrap().state.name()), "ROLLUP");
    while cluster.lines("SHOW ALTER TABLE ROLLUP FROM d").await.iter().any(|row| !row.contains("FINISHED")) {
        tokio::time::advance(Duration::from_millis(500)).await;
    }
    let states: Vec<String> = cluster
        .records(&[5])
        .iter()
        .map(|r| format!("{} {} {}", r["rollUpIndexName"], r["jobState"], r["rawSql"]).replace('"', ""))
        .collect();
    assert_eq!(states, ["r2 WAITING_TXN ", "r2 FINISHED ", "r1 WAITING_TXN ", "r1 FINISHED "]);
    assert_eq!(cluster.sim.look(|model| model.table("d", "p").unwrap().state.name()), "NORMAL");
    cluster.ok("ALTER TABLE p ADD COLUMN y INT TO r1").await;
    let record = cluster.last_record(6);
    assert_eq!(record["rawSql"], "ALTER TABLE `d`.`p` ADD COLUMN `y` INT NULL COMMENT \"\" IN `r1`");
    let r1 = record["indexNameToId"]["r1"].to_string();
    assert_eq!(columns(&serde_json::json!({ "r1": record["indexSchemaMap"][&r1] })), ["v#0", "y#1"]);
    cluster.ok("INSERT INTO p VALUES (4, 5, 6, 'b', 7)").await;
    let rows = cluster.sim.look(|model| {
        let table = model.table("d", "p").unwrap();
        let tablet = &table.partitions[0].indexes[&crate::model::IndexId::new(r1.parse().unwrap())][0];
        let on_be = &model.backends[&tablet.replicas[0].backend].tablets[&tablet.id];
        on_be.rowsets.values().flat_map(|rowset| rowset.rows.iter().map(|row| row.values.clone())).collect::<Vec<_>>()
    });
    let texts: Vec<String> =
        rows.iter().map(|row| row.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")).collect();
    assert_eq!(texts, ["2", "5 7"]);
    cluster
        .refusals(&[
            ("ALTER TABLE p RENAME r1", "New name conflicts with rollup index name: r1"),
            ("ALTER TABLE p ADD ROLLUP r1 (v)", "Rollup index[r1] already exists"),
            ("ALTER TABLE p DROP COLUMN v", "Can not drop column contained by mv, mv=r1"),
            ("ALTER TABLE p ADD ROLLUP r3 (zz)", "Column[zz] does not exist in base index"),
        ])
        .await;
    // Two rollups, one entry of the edit log, one record.
    cluster.ok("ALTER TABLE p DROP ROLLUP r1, r2").await;
    assert_eq!(cluster.records(&[23]).len(), 1);
    let gone = cluster.sim.look(|model| model.dropped(model.database("d").unwrap().id).indexes.iter().count());
    assert_eq!(gone, 2);
    assert_eq!(cluster.lines("SELECT * FROM p ORDER BY k").await, ["1|2|3|a|NULL", "4|5|6|b|7"]);
}

#[tokio::test(start_paused = true)]
async fn a_synchronous_materialized_view_is_an_index_of_its_table() {
    let mut cluster = Cluster::with_tables().await;
    cluster.ok("CREATE MATERIALIZED VIEW mv1 AS SELECT v AS mk, sum(w) AS mw FROM p GROUP BY v").await;
    assert_eq!(cluster.finish("MATERIALIZED VIEW").await, ["PENDING", "WAITING_TXN", "RUNNING", "FINISHED"]);
    let states: Vec<Json> = cluster.records(&[5]).into_iter().map(|r| r["jobState"].clone()).collect();
    assert_eq!(states, ["PENDING", "WAITING_TXN", "FINISHED"]);
    assert_eq!(cluster.last_record(5).get("rawSql"), None);
    cluster.ok("INSERT INTO p VALUES (1, 2, 3, 'a')").await;
    assert_eq!(cluster.lines("SELECT * FROM p").await, ["1|2|3|a"]);
    cluster.ok("DROP MATERIALIZED VIEW mv1 ON p").await;
    assert_eq!(cluster.last_record(23)["forceDrop"], false);
    cluster.ok("DROP MATERIALIZED VIEW IF EXISTS mv1 ON p").await;
}

#[tokio::test(start_paused = true)]
async fn inverted_indexes_are_light_and_their_jobs_run_per_partition() {
    let mut cluster = Cluster::with_tables().await;
    cluster.ok("CREATE INDEX i1 ON t (s) USING INVERTED COMMENT 'c'").await;
    let record = cluster.last_record(19);
    assert_eq!(record["rawSql"], "ALTER TABLE `d`.`t` CREATE INDEX i1 ON `d`.`t` (`s`) USING INVERTED COMMENT 'c'");
    assert_eq!((&record["isDropInvertedIndex"], &record["indexes"][0]["in"]), (&false.into(), &"i1".into()));
    cluster.ok("ALTER TABLE t ADD COLUMN c5 STRING, ADD INDEX i2 (s) USING NGRAM_BF").await;
    cluster.finish("COLUMN").await;
    assert_eq!(cluster.refusal("CREATE INDEX i1 ON t (v) USING INVERTED").await, "index `i1` already exist.");
    cluster.ok("CREATE INDEX IF NOT EXISTS i1 ON t (v) USING INVERTED").await;
    cluster.ok("BUILD INDEX i1 ON t").await;
    assert_eq!(
        cluster.refusal("ALTER TABLE t MODIFY COLUMN v BIGINT").await,
        "current table t has build index job, schema change is not allowed."
    );
    let row = cluster.lines("SHOW BUILD INDEX FROM d").await.pop().unwrap();
    assert!(row.contains("|t|t|[ADD INDEX i1 (`s`) USING INVERTED COMMENT \"c\"], |"), "{row}");
    tokio::time::advance(Duration::from_secs(2)).await;
    let states: Vec<Json> = cluster.records(&[20]).into_iter().map(|r| r["jobState"].clone()).collect();
    assert_eq!(states, ["WAITING_TXN", "FINISHED"]);
    cluster.ok("ALTER TABLE t DROP INDEX i1, DROP COLUMN c5").await;
    let record = cluster.last_record(19);
    assert_eq!(record["rawSql"], "ALTER TABLE `d`.`t` DROP INDEX i1, \nDROP COLUMN `c5`");
    assert_eq!(cluster.last_record(20)["isDropOp"], true);
    cluster.ok("CANCEL BUILD INDEX ON t").await;
    assert_eq!(cluster.last_record(20)["jobState"], "CANCELLED");
    assert_eq!(cluster.refusal("CANCEL BUILD INDEX ON t").await, "No job to cancel for Table[t]");
}

#[tokio::test(start_paused = true)]
async fn a_cancelled_change_leaves_nothing_behind() {
    let mut cluster = Cluster::with_tables().await;
    cluster.ok("INSERT INTO p VALUES (1, 1, 1, 'a')").await;
    cluster.ok("ALTER TABLE p MODIFY COLUMN w BIGINT").await;
    tokio::time::advance(Duration::from_millis(600)).await;
    cluster.ok("CANCEL ALTER TABLE COLUMN FROM p").await;
    let job =
        cluster.lines("SHOW ALTER TABLE COLUMN FROM d WHERE TableName = 'p' ORDER BY CreateTime DESC LIMIT 1").await;
    assert!(job[0].contains("|CANCELLED|user cancelled|NULL|2592000"), "{job:?}");
    assert_eq!(cluster.last_record(5)["jobState"], "CANCELLED");
    cluster.ok("ALTER TABLE p ADD ROLLUP r1 (v)").await;
    assert_eq!(
        cluster.refusal("CANCEL ALTER TABLE ROLLUP FROM p").await,
        "Table[p] is not under ROLLUP. Maybe it has old alter job"
    );
    cluster.finish("ROLLUP").await;
    assert_eq!(cluster.lines("SELECT * FROM p").await, ["1|1|1|a"]);
    assert_eq!(cluster.sim.look(|model| model.table("d", "p").unwrap().indexes.len()), 2);
    // Values that are no numbers end a change.
    cluster.ok("ALTER TABLE p MODIFY COLUMN s INT").await;
    assert_eq!(cluster.finish("COLUMN").await.last().unwrap(), "CANCELLED");
    assert_eq!(cluster.lines("SELECT s FROM p").await, ["a"]);
}

#[tokio::test(start_paused = true)]
async fn a_change_waits_for_older_transactions_and_aborts_those_of_unknown_backends() {
    let mut cluster = Cluster::with_tables().await;
    let backend = cluster.sim.look(|model| model.backends.keys().next().unwrap().get());
    let begin = |cluster: &Cluster, label: &str, backend_id: i64| {
        cluster.sim.with(|model| {
            let table = model.table("d", "p").unwrap().id;
            let spec = crate::model::BeginTxnSpec {
                db: "d".into(),
                tables: vec![table],
                label: label.into(),
                backend_id,
                ..Default::default()
            };
            model.begin_txn(spec).unwrap().id
        })
    };
    let (unknown, known) = (begin(&cluster, "unknown", 0), begin(&cluster, "known", backend));
    cluster.ok("ALTER TABLE p MODIFY COLUMN w BIGINT").await;
    tokio::time::advance(Duration::from_secs(3)).await;
    assert_eq!(cluster.job_state("COLUMN").await, "WAITING_TXN");
    cluster.sim.look(|model| {
        let txn = model.txn(unknown).unwrap();
        assert_eq!((txn.state.name(), txn.reason.as_str()), ("ABORTED", "Cancel by schema change"));
        assert_eq!(model.txn(known).unwrap().state.name(), "PREPARE");
    });
    let db = cluster.sim.look(|model| model.database("d").unwrap().id);
    cluster.sim.with(|model| model.rollback_txn(db, known, None).unwrap());
    cluster.finish("COLUMN").await;
    assert_eq!(cluster.lines("DESC p").await[2], "w|bigint|Yes|false|NULL|NONE");
}

#[tokio::test(start_paused = true)]
async fn names_and_comments_change_without_a_job() {
    let mut cluster = Cluster::with_tables().await;
    cluster.ok("INSERT INTO t VALUES (1, 10, 'a')").await;
    cluster.ok("ALTER TABLE t RENAME COLUMN v vv").await;
    let record = cluster.last_record(15);
    assert_eq!((&record["colName"], &record["newColName"]), (&"v".into(), &"vv".into()));
    assert_eq!(record["indexIdToSchemaVersion"].as_object().unwrap().values().next().unwrap(), 1);
    assert_eq!(cluster.lines("SELECT vv FROM t").await, ["10"]);
    cluster.ok("ALTER TABLE t MODIFY COLUMN vv COMMENT 'b\\\\s \"q\" it''s', MODIFY COLUMN s COMMENT 'two'").await;
    let record = cluster.last_record(16);
    assert_eq!((&record["type"], &record["colToComment"]["vv"]), (&"COLUMN".into(), &"b\\\\s \"q\" it''s".into()));
    cluster.ok("ALTER TABLE t MODIFY COMMENT 'table ''comment'''").await;
    assert_eq!(cluster.last_record(16)["tblComment"], "table ''comment''");
    cluster.ok("ALTER TABLE t RENAME COLUMN k kk").await;
    cluster.ok("INSERT INTO t VALUES (2, 20, 'b')").await;
    assert_eq!(cluster.lines("SELECT kk FROM t ORDER BY kk").await, ["1", "2"]);
}

#[tokio::test(start_paused = true)]
async fn an_aggregate_table_gets_keys_and_values() {
    let mut cluster = Cluster::with_tables().await;
    cluster
        .ok("CREATE TABLE a (k INT, v INT SUM DEFAULT '0', m INT MAX) AGGREGATE KEY(k) DISTRIBUTED BY HASH(k) BUCKETS 1 \
             PROPERTIES (\"replication_num\"=\"1\")")
        .await;
    cluster.ok("INSERT INTO a VALUES (1, 10, 1), (1, 5, 7)").await;
    cluster.ok("ALTER TABLE a ADD COLUMN w BIGINT SUM DEFAULT '0'").await;
    let record = cluster.last_record(6);
    assert_eq!(record["rawSql"], "ALTER TABLE `d`.`a` ADD COLUMN `w` BIGINT SUM NULL DEFAULT \"0\" COMMENT \"\"");
    cluster.ok("INSERT INTO a VALUES (1, 1, 1, 100)").await;
    assert_eq!(cluster.lines("SELECT * FROM a").await, ["1|16|7|100"]);
    cluster.ok("ALTER TABLE a ADD ROLLUP r (k, v)").await;
    cluster.finish("ROLLUP").await;
    // Without an aggregation it is a key, which is no light change.
    cluster.ok("ALTER TABLE a ADD COLUMN k2 VARCHAR(5) DEFAULT 'x'").await;
    cluster.finish("COLUMN").await;
    cluster.ok("INSERT INTO a VALUES (1, 'x', 4, 1, 1), (1, 'y', 5, 1, 1)").await;
    assert_eq!(cluster.lines("SELECT * FROM a ORDER BY k2").await, ["1|x|20|7|101", "1|y|5|1|1"]);
    cluster
        .refusals(&[
            (
                "ALTER TABLE a ADD COLUMN z INT SUM DEFAULT '1'",
                "The default value of 'z' with SUM aggregation function must be zero",
            ),
            ("ALTER TABLE a MODIFY COLUMN v BIGINT MAX DEFAULT '0'", "Can not change aggregation type"),
            ("ALTER TABLE a ADD COLUMN k2 INT KEY", "Can not add column which already exists in base table: k2"),
            ("ALTER TABLE a DROP COLUMN v", "Can not drop column contained by mv, mv=r"),
        ])
        .await;
}

#[tokio::test(start_paused = true)]
async fn a_duplicate_table_loses_a_key_and_moves_columns() {
    let mut cluster = Cluster::with_database().await;
    cluster.ok("ALTER DATABASE d SET PROPERTIES (\"binlog.enable\"=\"true\")").await;
    cluster
        .ok("CREATE TABLE x (k INT, k2 INT, v INT, d DATETIME) DUPLICATE KEY(k, k2) DISTRIBUTED BY HASH(k) BUCKETS 1 \
             PROPERTIES (\"replication_num\"=\"1\")")
        .await;
    cluster.ok("INSERT INTO x VALUES (1, 2, 3, '2024-01-02 03:04:05')").await;
    cluster.ok("ALTER TABLE x DROP COLUMN k2").await;
    assert_eq!(cluster.finish("COLUMN").await.last().unwrap(), "FINISHED");
    assert_eq!(cluster.last_record(5)["rawSql"], "ALTER TABLE `d`.`x` DROP COLUMN `k2`");
    cluster.ok("ALTER TABLE x MODIFY COLUMN d DATE AFTER k").await;
    cluster.finish("COLUMN").await;
    assert_eq!(
        cluster.last_record(5)["rawSql"],
        "ALTER TABLE `d`.`x` MODIFY COLUMN `d` DATEV2 NULL COMMENT \"\" AFTER `k`"
    );
    assert_eq!(cluster.lines("SELECT * FROM x").await, ["1|2024-01-02|3"]);
    cluster.ok("ALTER TABLE x ADD COLUMN (a ARRAY<INT>, m DECIMAL(10, 2) DEFAULT '1.5')").await;
    assert_eq!(
        cluster.last_record(6)["rawSql"],
        "ALTER TABLE `d`.`x` ADD COLUMN (`a` ARRAY<INT> NULL COMMENT \"\", `m` DECIMALV3(10, 2) NULL DEFAULT \"1.5\" COMMENT \"\")"
    );
    cluster.ok("ALTER TABLE x SET (\"bloom_filter_columns\" = \"v\")").await;
    cluster.finish("COLUMN").await;
    assert!(cluster.lines("SHOW CREATE TABLE x").await[0].contains("\"bloom_filter_columns\" = \"v\""));
    assert_eq!(cluster.lines("SELECT * FROM x").await, ["1|2024-01-02|3|NULL|1.50"]);
    assert_eq!(
        cluster.refusal("CREATE INDEX n ON x (v) USING NGRAM_BF").await,
        "int is not supported in ngram_bf index. invalid column: v"
    );
    let features = [
        ("ALTER TABLE x ENABLE FEATURE \"BATCH_DELETE\"", "Batch delete only supported in unique tables."),
        ("ALTER TABLE x ENABLE FEATURE \"SEQUENCE_LOAD\"", "Sequence only supported in unique tables."),
    ];
    cluster.refusals(&features).await;
}
