//! Databases, tables and views.

use doris::net::SqlReply;

use super::Cluster;

const TAIL: &str = r#""storage_medium" = "hdd",
"storage_format" = "V2",
"inverted_index_storage_format" = "V3",
"#;
const BINLOG: &str = r#""disable_auto_compaction" = "false",
"binlog.enable" = "true",
"binlog.ttl_seconds" = "86400",
"binlog.max_bytes" = "9223372036854775807",
"binlog.max_history_nums" = "9223372036854775807",
"enable_single_replica_compaction" = "false",
"group_commit_interval_ms" = "10000",
"group_commit_data_bytes" = "134217728""#;

/// The text of SHOW CREATE TABLE around columns, keys, partitions and distribution.
fn create_text(name: &str, body: &str, unique: bool) -> String {
    let (before, after) = match unique {
        true => ("\"enable_unique_key_merge_on_write\" = \"true\",\n", ",\n\"enable_mow_light_delete\" = \"false\""),
        false => ("", ""),
    };
    format!(
        "CREATE TABLE `{name}` (\n{body}\nPROPERTIES (\n\"replication_allocation\" = \"tag.location.default: \
         1\",\n\"min_load_replica_num\" = \"-1\",\n\"is_being_synced\" = \"false\",\n{TAIL}{before}\"light_schema_change\" \
         = \"true\",\n{BINLOG}{after}\n);"
    )
}

/// Texts of a real FE (4.1), for statements that it was given.
#[tokio::test(start_paused = true)]
async fn tables_are_shown_as_doris_shows_them() {
    let mut c = Cluster::with_database().await;
    c.ok("ALTER DATABASE d SET PROPERTIES (\"binlog.enable\"=\"true\")").await;
    let cases = [
        (
            "dup_plain",
            "(k INT, v VARCHAR(20)) DUPLICATE KEY(k) DISTRIBUTED BY HASH(k) BUCKETS 2",
            "  `k` int NULL,\n  `v` varchar(20) NULL\n) ENGINE=OLAP\nDUPLICATE KEY(`k`)\nDISTRIBUTED BY HASH(`k`) BUCKETS 2",
            false,
        ),
        (
            "uniq_mow",
            "(k BIGINT NOT NULL COMMENT 'key \"q\" it''s', v DECIMAL(18,4) DEFAULT '0', ts DATETIME(3) DEFAULT CURRENT_TIMESTAMP(3)) \
             UNIQUE KEY(k) COMMENT 'a comment' DISTRIBUTED BY HASH(k) BUCKETS 2",
            "  `k` bigint NOT NULL COMMENT \"key \\\"q\\\" it''s\",\n  `v` decimal(18,4) NULL DEFAULT \"0\",\n  `ts` datetime(3) \
             NULL DEFAULT CURRENT_TIMESTAMP(3)\n) ENGINE=OLAP\nUNIQUE KEY(`k`)\nCOMMENT 'a comment'\nDISTRIBUTED BY HASH(`k`) BUCKETS 2",
            true,
        ),
        (
            "agg",
            "(k1 INT, k2 DATE, s BIGINT SUM DEFAULT '0', mx INT MAX, mn INT MIN, r INT REPLACE, rn INT REPLACE_IF_NOT_NULL, \
             h HLL HLL_UNION, b BITMAP BITMAP_UNION, q QUANTILE_STATE QUANTILE_UNION) AGGREGATE KEY(k1, k2) DISTRIBUTED BY HASH(k1) BUCKETS 1",
            "  `k1` int NULL,\n  `k2` date NULL,\n  `s` bigint SUM NULL DEFAULT \"0\",\n  `mx` int MAX NULL,\n  `mn` int MIN NULL,\n  \
             `r` int REPLACE NULL,\n  `rn` int REPLACE_IF_NOT_NULL NULL,\n  `h` hll HLL_UNION NOT NULL,\n  `b` bitmap BITMAP_UNION NOT \
             NULL DEFAULT BITMAP_EMPTY,\n  `q` quantile_state QUANTILE_UNION NOT NULL\n) ENGINE=OLAP\nAGGREGATE KEY(`k1`, `k2`)\n\
             DISTRIBUTED BY HASH(`k1`) BUCKETS 1",
            false,
        ),
        (
            "types",
            "(k LARGEINT, a BOOLEAN, b TINYINT, c SMALLINT, d FLOAT, e DOUBLE, f DECIMAL(38,9), g CHAR(5), h VARCHAR(65533), i STRING, \
             j DATE, k2 DATETIME(6), l JSON, m VARIANT, n IPV4, o IPV6, p ARRAY<INT>, q MAP<STRING,INT>, r STRUCT<a:INT,b:STRING>) \
             DUPLICATE KEY(k) DISTRIBUTED BY HASH(k) BUCKETS 1",
            "  `k` largeint NULL,\n  `a` boolean NULL,\n  `b` tinyint NULL,\n  `c` smallint NULL,\n  `d` float NULL,\n  `e` double NULL,\n  \
             `f` decimal(38,9) NULL,\n  `g` char(5) NULL,\n  `h` varchar(65533) NULL,\n  `i` text NULL,\n  `j` date NULL,\n  `k2` \
             datetime(6) NULL,\n  `l` json NULL,\n  `m` variant NULL,\n  `n` ipv4 NULL,\n  `o` ipv6 NULL,\n  `p` array<int> NULL,\n  `q` \
             map<text,int> NULL,\n  `r` struct<a:int,b:text> NULL\n) ENGINE=OLAP\nDUPLICATE KEY(`k`)\nDISTRIBUTED BY HASH(`k`) BUCKETS 1",
            false,
        ),
        (
            "range_less",
            "(k INT, d DATE, v INT) DUPLICATE KEY(k,d) PARTITION BY RANGE(d) (PARTITION p1 VALUES LESS THAN ('2024-01-01'), PARTITION p2 \
             VALUES LESS THAN ('2024-02-01'), PARTITION pmax VALUES LESS THAN (MAXVALUE)) DISTRIBUTED BY HASH(k) BUCKETS 2",
            "  `k` int NULL,\n  `d` date NULL,\n  `v` int NULL\n) ENGINE=OLAP\nDUPLICATE KEY(`k`, `d`)\nPARTITION BY RANGE(`d`)\n(PARTITION \
             p1 VALUES [('0000-01-01'), ('2024-01-01')),\nPARTITION p2 VALUES [('2024-01-01'), ('2024-02-01')),\nPARTITION pmax VALUES \
             [('2024-02-01'), (MAXVALUE)))\nDISTRIBUTED BY HASH(`k`) BUCKETS 2",
            false,
        ),
        (
            "range_multi",
            "(a INT, b INT, v INT) DUPLICATE KEY(a,b) PARTITION BY RANGE(a,b) (PARTITION p1 VALUES LESS THAN ('1','100'), PARTITION p2 \
             VALUES LESS THAN ('2')) DISTRIBUTED BY HASH(a) BUCKETS 1",
            "  `a` int NULL,\n  `b` int NULL,\n  `v` int NULL\n) ENGINE=OLAP\nDUPLICATE KEY(`a`, `b`)\nPARTITION BY RANGE(`a`, `b`)\n\
             (PARTITION p1 VALUES [(\"-2147483648\", \"-2147483648\"), (\"1\", \"100\")),\nPARTITION p2 VALUES [(\"1\", \"100\"), (\"2\", \
             \"-2147483648\")))\nDISTRIBUTED BY HASH(`a`) BUCKETS 1",
            false,
        ),
        (
            "list_multi",
            "(k INT NOT NULL, c VARCHAR(10) NOT NULL, v INT) DUPLICATE KEY(k,c) PARTITION BY LIST(k,c) (PARTITION p1 VALUES IN \
             (('1','a'),('2','b'))) DISTRIBUTED BY HASH(k) BUCKETS 1",
            "  `k` int NOT NULL,\n  `c` varchar(10) NOT NULL,\n  `v` int NULL\n) ENGINE=OLAP\nDUPLICATE KEY(`k`, `c`)\nPARTITION BY LIST \
             (`k`, `c`)\n(PARTITION p1 VALUES IN ((\"1\", \"a\"),(\"2\", \"b\")))\nDISTRIBUTED BY HASH(`k`) BUCKETS 1",
            false,
        ),
        (
            "inv_idx",
            "(k INT, c STRING, INDEX idx_c (c) USING INVERTED PROPERTIES(\"parser\"=\"english\",\"support_phrase\"=\"true\") COMMENT 'idx') \
             DUPLICATE KEY(k) DISTRIBUTED BY HASH(k) BUCKETS 1",
            "  `k` int NULL,\n  `c` text NULL,\n  INDEX idx_c (`c`) USING INVERTED PROPERTIES(\"lower_case\" = \"true\", \"parser\" = \
             \"english\", \"support_phrase\" = \"true\") COMMENT \"idx\"\n) ENGINE=OLAP\nDUPLICATE KEY(`k`)\nDISTRIBUTED BY HASH(`k`) BUCKETS 1",
            false,
        ),
        (
            "order",
            "(`select` INT, `中文列` INT, `a b` INT) DUPLICATE KEY(`select`) DISTRIBUTED BY HASH(`select`) BUCKETS 1",
            "  `select` int NULL,\n  `中文列` int NULL,\n  `a b` int NULL\n) ENGINE=OLAP\nDUPLICATE KEY(`select`)\nDISTRIBUTED BY \
             HASH(`select`) BUCKETS 1",
            false,
        ),
        (
            "autoinc",
            "(id BIGINT NOT NULL AUTO_INCREMENT(100), v INT) UNIQUE KEY(id) DISTRIBUTED BY HASH(id) BUCKETS 1",
            "  `id` bigint NOT NULL AUTO_INCREMENT(100),\n  `v` int NULL\n) ENGINE=OLAP\nUNIQUE KEY(`id`)\nDISTRIBUTED BY HASH(`id`) BUCKETS 1",
            true,
        ),
    ];
    for (name, definition, body, unique) in cases {
        c.ok(&format!("CREATE TABLE d.`{name}` {definition} PROPERTIES (\"replication_num\"=\"1\")")).await;
        let shown = c.result(&format!("SHOW CREATE TABLE `{name}`")).await;
        assert_eq!(shown.columns, ["Table", "Create Table"]);
        assert_eq!(shown.rows, [[Some(name.to_owned()), Some(create_text(name, body, unique))]]);
        // The text is a statement again.
        let copy = create_text(name, body, unique).replacen(name, "copy", 1);
        c.ok(&copy).await;
        let text = c.rows("SHOW CREATE TABLE copy").await.remove(0).remove(1);
        assert_eq!(text, copy, "again: {name}");
        c.ok("DROP TABLE copy FORCE").await;
        c.ok(&format!("CREATE TABLE copy LIKE `{name}`")).await;
        let text = c.rows("SHOW CREATE TABLE copy").await.remove(0).remove(1);
        assert_eq!(text, copy, "LIKE {name}");
        c.ok("DROP TABLE copy FORCE").await;
    }
}

#[tokio::test(start_paused = true)]
async fn databases_live_and_die() {
    let mut c = Cluster::new();
    c.ok("CREATE DATABASE cap1").await;
    c.ok("CREATE DATABASE IF NOT EXISTS cap1").await;
    assert_eq!(c.lines("SHOW CREATE DATABASE cap1").await, ["cap1|CREATE DATABASE `cap1`"]);
    c.ok("ALTER DATABASE cap1 SET PROPERTIES (\"binlog.enable\"=\"true\")").await;
    c.ok("ALTER DATABASE cap1 SET PROPERTIES (\"binlog.ttl_seconds\"=\"3600\", \"binlog.max_bytes\"=\"1000000\")")
        .await;
    assert_eq!(
        c.rows("SHOW CREATE DATABASE cap1").await[0][1],
        "CREATE DATABASE `cap1`\nPROPERTIES (\n\"binlog.enable\" = \"true\",\n\"binlog.max_bytes\" = \
         \"1000000\",\n\"binlog.ttl_seconds\" = \"3600\"\n)"
    );
    c.ok("ALTER DATABASE cap1 RENAME cap1b").await;
    assert_eq!(c.lines("SHOW DATABASES LIKE 'cap1%'").await, ["cap1b"]);
    assert_eq!(c.lines("SHOW DATABASES").await, ["__internal_schema", "cap1b", "information_schema", "mysql"]);
    c.refusals(&[
        ("CREATE DATABASE cap1b", "Can't create database 'cap1b'; database exists"),
        ("ALTER DATABASE nope SET PROPERTIES (\"binlog.enable\"=\"true\")", "Unknown database 'nope'"),
        ("DROP DATABASE nope", "Can't drop database 'nope'; database doesn't exist"),
        ("SHOW CREATE DATABASE nope", "Unknown database 'nope'"),
        ("SHOW TABLES", "No database selected"),
    ])
    .await;
    c.ok("DROP DATABASE cap1b FORCE").await;
    c.ok("DROP DATABASE IF EXISTS cap1b").await;
    let SqlReply::Error { code, state, message } = c.run("USE zz").await else { panic!("USE zz was accepted") };
    assert_eq!((code, state.as_str()), (1049, "42000"));
    assert_eq!(message, "errCode = 2, detailMessage = Unknown database 'zz'");
}

#[tokio::test(start_paused = true)]
async fn alterations_and_their_refusals() {
    let mut c = Cluster::with_database().await;
    let create = |name: &str, tail: &str| {
        format!(
            "CREATE TABLE {name} (k INT, v INT) UNIQUE KEY(k) {tail} DISTRIBUTED BY HASH(k) BUCKETS 1 PROPERTIES ('replication_num'='1')"
        )
    };
    c.ok(&create(
        "n",
        "PARTITION BY RANGE(k) (PARTITION p1 VALUES LESS THAN ('10'), PARTITION p2 VALUES LESS THAN ('20'))",
    ))
    .await;
    c.ok(&create("u", "")).await;
    c.ok(&create("IF NOT EXISTS u", "")).await;
    c.ok("CREATE VIEW vw AS SELECT k FROM n").await;
    c.refusals(&[
        (&create("u", ""), "Table 'u' already exists"),
        ("ALTER TABLE n ADD PARTITION p1 VALUES LESS THAN ('10')", "Duplicate partition name p1"),
        (
            "ALTER TABLE n ADD PARTITION px VALUES LESS THAN ('15')",
            "Range [types: [INT]; keys: [10]; ..types: [INT]; keys: [15]; ) is intersected with range: [types: [INT]; keys: \
             [10]; ..types: [INT]; keys: [20]; )",
        ),
        (
            "ALTER TABLE n ADD PARTITION px VALUES [('12'),('14'))",
            "Range [types: [INT]; keys: [12]; ..types: [INT]; keys: [14]; ) is intersected with range: [types: [INT]; keys: \
             [10]; ..types: [INT]; keys: [20]; )",
        ),
        ("ALTER TABLE n DROP PARTITION zz", "Error in list of partitions to zz"),
        ("ALTER TABLE u ADD PARTITION p1 VALUES LESS THAN ('3')", "Alter table [u] failed. Not a partitioned table"),
        ("ALTER TABLE zz RENAME zy", "Unknown table 'zz'"),
        ("ALTER TABLE u RENAME n", "Table name[n] is already used"),
        ("ALTER TABLE u RENAME u", "Same table name"),
        ("ALTER TABLE u REPLACE WITH TABLE zz", "errCode = 7, detailMessage = table not found, tableName=zz"),
        (
            "ALTER TABLE u REPLACE WITH TABLE vw",
            "errCode = 7, detailMessage = Type of vw doesn't match, expected data tables=[OLAP, MATERIALIZED_VIEW]",
        ),
        ("ALTER TABLE n SET (\"zz\"=\"1\")", "Unknown table property: [zz]"),
        ("TRUNCATE TABLE zz", "Unknown table 'zz'"),
        ("TRUNCATE TABLE n PARTITION (zz)", "Partition zz does not exist"),
        ("DROP TABLE zz", "Unknown table 'zz' in d"),
        ("DROP TABLE zz.zz", "Unknown database 'zz'"),
        ("DROP TABLE vw", "'d.vw' is not TABLE. Use 'DROP VIEW d.vw'."),
        ("DROP VIEW n", "'d.n' is not VIEW. Use 'DROP TABLE d.n'."),
        ("DROP VIEW zz", "Unknown table 'zz' in d"),
        ("SHOW CREATE TABLE nope", "Unknown table 'nope'"),
        (
            "CREATE TABLE five (k INT) DUPLICATE KEY(k) DISTRIBUTED BY HASH(k) BUCKETS 1 PROPERTIES ('replication_num'='5')",
            "replication num should be less than the number of available backends. replication num is 5, available backend \
             num is 1",
        ),
        (
            "RESTORE SNAPSHOT d.x FROM `__keep_on_local__` PROPERTIES ('backup_timestamp'='2024-01-01-00-00-00')",
            "restore from the local repo via SQL call is not supported",
        ),
    ])
    .await;
    c.ok("ALTER TABLE n ADD PARTITION IF NOT EXISTS p1 VALUES LESS THAN ('10')").await;
    c.ok("ALTER TABLE n ADD PARTITION p3 VALUES [('20'), ('30')) ('version_info' = '1')").await;
    c.ok("ALTER TABLE n ADD PARTITION p4 VALUES LESS THAN ('40') DISTRIBUTED BY HASH(`k`) BUCKETS 3").await;
    c.ok("ALTER TABLE n DROP PARTITION IF EXISTS zz").await;
    c.ok("ALTER TABLE n DROP PARTITION p2, DROP PARTITION p3 FORCE").await;
    let partitions = c.rows("SHOW PARTITIONS FROM n").await;
    let seen: Vec<_> = partitions.iter().map(|row| (row[1].as_str(), row[6].as_str(), row[8].as_str())).collect();
    assert_eq!(
        seen,
        [
            ("p1", "[types: [INT]; keys: [-2147483648]; ..types: [INT]; keys: [10]; )", "1"),
            ("p4", "[types: [INT]; keys: [30]; ..types: [INT]; keys: [40]; )", "3"),
        ]
    );
    c.ok("ALTER TABLE u RENAME u2").await;
    c.ok(&create("u3", "")).await;
    c.ok("INSERT INTO u3 VALUES (1, 1)").await;
    c.ok("ALTER TABLE u2 REPLACE WITH TABLE u3 PROPERTIES(\"swap\"=\"true\")").await;
    assert_eq!(c.lines("SELECT * FROM u2").await, ["1|1"]);
    c.ok("ALTER TABLE u2 REPLACE WITH TABLE u3 PROPERTIES(\"swap\"=\"false\")").await;
    assert_eq!(c.lines("SELECT * FROM u2").await, Vec::<String>::new());
    assert_eq!(c.lines("SHOW TABLES").await, ["n", "u2", "vw"]);
    c.ok("ALTER TABLE u2 SET (\"binlog.enable\" = \"true\", \"binlog.ttl_seconds\"=\"60\")").await;
    assert!(c.rows("SHOW CREATE TABLE u2").await[0][1].contains("\"binlog.ttl_seconds\" = \"60\""));
}

#[tokio::test(start_paused = true)]
async fn views_are_stored_with_qualified_names() {
    let mut c = Cluster::with_database().await;
    for name in ["uniq_mor", "dup_plain"] {
        c.ok(&format!(
            "CREATE TABLE {name} (k INT, v INT) DUPLICATE KEY(k) DISTRIBUTED BY HASH(k) BUCKETS 1 PROPERTIES ('replication_num'='1')"
        ))
        .await;
    }
    c.ok("INSERT INTO uniq_mor VALUES (1, 1), (2, 2)").await;
    c.ok("INSERT INTO dup_plain VALUES (2, 20)").await;
    let cases = [
        (
            "vw (a, b COMMENT 'col') COMMENT 'view \"c\"' AS SELECT k, v FROM d.uniq_mor WHERE v > 1",
            "CREATE VIEW `vw`\n(a,b comment 'col')\n COMMENT 'view \"c\"' AS SELECT `internal`.`d`.`uniq_mor`.`k` AS `a`, \
             `internal`.`d`.`uniq_mor`.`v` AS `b` FROM `internal`.`d`.`uniq_mor` WHERE `internal`.`d`.`uniq_mor`.`v` > 1;",
            "2|2",
        ),
        (
            "vw2 AS SELECT t1.k, `t2`.v FROM uniq_mor t1 JOIN dup_plain t2 ON t1.k=t2.k",
            "CREATE VIEW `vw2`\n(k,v)\n AS SELECT `internal`.`d`.`t1`.`k`, `internal`.`d`.`t2`.`v` FROM `internal`.`d`.`uniq_mor` \
             `t1` JOIN `internal`.`d`.`dup_plain` `t2` ON `internal`.`d`.`t1`.`k`=`internal`.`d`.`t2`.`k`;",
            "2|20",
        ),
    ];
    for (definition, text, row) in cases {
        c.ok(&format!("CREATE VIEW {definition}")).await;
        let name = definition.split(' ').next().unwrap();
        let shown = c.result(&format!("SHOW CREATE VIEW {name}")).await;
        assert_eq!(shown.columns, ["View", "Create View", "character_set_client", "collation_connection"]);
        assert_eq!(shown.rows[0][1].as_deref(), Some(text));
        assert_eq!(c.lines(&format!("SELECT * FROM {name}")).await, [row]);
    }
    c.ok("CREATE VIEW IF NOT EXISTS uniq_mor AS SELECT 1 AS a").await;
    c.ok("CREATE OR REPLACE VIEW vw AS SELECT k FROM uniq_mor").await;
    assert_eq!(c.lines("SELECT a.k FROM vw a ORDER BY k DESC").await, ["2", "1"]);
    c.refusals(&[
        ("CREATE VIEW vw AS SELECT 1 AS a", "Table 'vw' already exists"),
        ("CREATE VIEW vv AS SELECT zz FROM vw", "Unknown column 'zz' in 'table list' in PROJECT clause(line 1, pos 7)"),
        ("CREATE VIEW vv AS SELECT k FROM zz", "Table [zz] does not exist in database [d].(line 1, pos 14)"),
        ("CREATE VIEW vz AS SELECT nofunc(k) FROM vw", "Can not found function 'nofunc'"),
        ("ALTER VIEW zz AS SELECT 1 AS a", "Unknown table 'zz'"),
        ("SHOW CREATE VIEW uniq_mor", "'d.uniq_mor' is not VIEW"),
    ])
    .await;
    c.ok("ALTER VIEW vw AS SELECT v AS k FROM uniq_mor").await;
    assert_eq!(c.lines("SELECT * FROM vw ORDER BY 1").await, ["1", "2"]);
    c.ok("DROP VIEW IF EXISTS vw").await;
}

/// What a CREATE_TABLE record says is a statement for another cluster.
#[tokio::test(start_paused = true)]
async fn recorded_statements_can_be_executed() {
    use crate::model::{DdlText, Relation};
    let mut c = Cluster::with_database().await;
    let by_range = "PARTITION BY RANGE(k) (PARTITION p1 VALUES LESS THAN ('10'))";
    for (name, keys, tail) in [
        ("plain", "DUPLICATE KEY(k, a)", "DISTRIBUTED BY HASH(k) BUCKETS AUTO ROLLUP (r1 (a, v))"),
        ("ranged", "UNIQUE KEY(k)", &format!("{by_range} DISTRIBUTED BY HASH(k) BUCKETS 4")),
        ("scattered", "DUPLICATE KEY(k)", "DISTRIBUTED BY RANDOM BUCKETS 2"),
    ] {
        c.ok(&format!(
            "CREATE TABLE {name} (k INT, a INT, v INT COMMENT 'x') {keys} {tail} PROPERTIES ('replication_num'='1')"
        ))
        .await;
        let recorded = |model: &mut crate::Model| match model.database("d").unwrap().relation(name) {
            Some(Relation::Table(table)) => table.ddl_text(DdlText::Synced, &crate::model::Profile::v4_1()),
            other => panic!("{other:?}"),
        };
        let text = c.sim.look(recorded);
        assert!(text.contains("\"is_being_synced\" = \"true\""), "{text}");
        c.ok(&format!("DROP TABLE {name} FORCE")).await;
        c.ok(&text.replacen('`', "`d`.`", 1)).await;
        assert_eq!(c.sim.look(recorded), text, "{name}");
    }
}
