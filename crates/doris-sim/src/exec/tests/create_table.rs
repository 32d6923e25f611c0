//! CREATE TABLE in its rarer forms.

use super::Cluster;

const PROPERTIES: &str = "PROPERTIES (\"replication_num\"=\"1\"";

impl Cluster {
    async fn create(&mut self, name: &str, definition: &str, more: &str) {
        self.ok(&format!("CREATE TABLE {name} {definition} {PROPERTIES}{more})")).await;
    }

    async fn shown(&mut self, name: &str) -> String {
        self.rows(&format!("SHOW CREATE TABLE {name}")).await.remove(0).remove(1)
    }
}

#[tokio::test(start_paused = true)]
async fn generated_columns_are_printed_with_casts_and_computed() {
    let mut c = Cluster::with_database().await;
    c.create("g", "(a INT, b INT, c INT AS (a+b)) DUPLICATE KEY(a) DISTRIBUTED BY HASH(a) BUCKETS 1", "").await;
    let text = c.shown("g").await;
    assert!(text.contains("  `c` int AS ((CAST(`a` AS bigint) + CAST(`b` AS bigint))) NULL\n"), "{text}");
    c.ok("INSERT INTO g VALUES (1, 2), (3, 4)").await;
    assert_eq!(c.lines("SELECT * FROM g ORDER BY a").await, ["1|2|3", "3|4|7"]);
    c.refusals(&[
        (
            "INSERT INTO g (a, b, c) VALUES (1, 2, 3)",
            "The value specified for generated column 'c' in table 'g' is not allowed.",
        ),
        (
            "CREATE TABLE h (a INT, b INT AS (zz + 1)) DISTRIBUTED BY HASH(a) BUCKETS 1",
            "Unknown column 'zz' in 'generated column function'",
        ),
    ])
    .await;
}

#[tokio::test(start_paused = true)]
async fn cluster_keys_types_and_properties_are_printed_as_doris_prints_them() {
    let mut c = Cluster::with_database().await;
    let definition = "(k INT, v INT, s STRUCT<A:ARRAY<MAP<STRING,INT>>,b:DECIMAL(5,2)>, t DATETIME DEFAULT \
                      CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP, n INT DEFAULT NULL) UNIQUE KEY(k) CLUSTER BY (v) \
                      COMMENT 'a \"q\"' DISTRIBUTED BY HASH(k) BUCKETS AUTO";
    c.create("t", definition, ", \"store_row_column\"=\"true\", \"compression\"=\"LZ4F\"").await;
    let text = c.shown("t").await;
    for part in [
        "`s` struct<a:array<map<text,int>>,b:decimal(5,2)> NULL",
        "`t` datetime NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP",
        "`n` int NULL\n",
        "UNIQUE KEY(`k`)\nCLUSTER BY (`v`)\nCOMMENT 'a \\\"q\\\"'\n",
        "BUCKETS AUTO\n",
        "\"inverted_index_storage_format\" = \"V3\",\n\"compression\" = \"LZ4F\",\n\"enable_unique",
        "\"store_row_column\" = \"true\",\n\"row_store_page_size\" = \"16384\",\n",
    ] {
        assert!(text.contains(part), "{part} in {text}");
    }
    assert!(!text.contains("estimate_partition_size"), "{text}");
}

#[tokio::test(start_paused = true)]
async fn dynamic_partitions_are_made_at_once_and_every_ten_minutes() {
    let mut c = Cluster::with_database().await;
    let definition = "(k INT, d DATE) DUPLICATE KEY(k) PARTITION BY RANGE(d) () DISTRIBUTED BY HASH(k) BUCKETS 1";
    let group = ", \"dynamic_partition.time_unit\"=\"DAY\", \"dynamic_partition.start\"=\"-1\", \
                 \"dynamic_partition.end\"=\"1\", \"dynamic_partition.prefix\"=\"p\"";
    c.create("t", definition, group).await;
    let names = |rows: Vec<Vec<String>>| rows.into_iter().map(|row| row[1].clone()).collect::<Vec<_>>();
    assert_eq!(names(c.rows("SHOW PARTITIONS FROM t").await), ["p20261123", "p20261124"]);
    let text = c.shown("t").await;
    assert!(text.contains("\"dynamic_partition.hot_partition_num\" = \"0\",\n"), "{text}");
    tokio::time::advance(std::time::Duration::from_secs(2 * 86_400)).await;
    let later = names(c.rows("SHOW PARTITIONS FROM t").await);
    assert_eq!(later, ["p20261124", "p20261125", "p20261126"]);
    c.refusals(&[(
        "CREATE TABLE u (d DATE) PARTITION BY RANGE(d) () DISTRIBUTED BY HASH(d) BUCKETS 1 PROPERTIES \
         (\"dynamic_partition.time_unit\"=\"DAY\", \"dynamic_partition.prefix\"=\"p\")",
        "Must assign dynamic_partition.end properties",
    )])
    .await;
}

#[tokio::test(start_paused = true)]
async fn partitions_come_in_steps_and_are_listed_in_order() {
    let mut c = Cluster::with_database().await;
    let steps = "(k INT) DUPLICATE KEY(k) PARTITION BY RANGE(k) (FROM (1) TO (30) INTERVAL 10) DISTRIBUTED BY HASH(k) \
                 BUCKETS 1";
    c.create("ex", steps, "").await;
    let text = c.shown("ex").await;
    assert!(text.contains("PARTITION p_21_30 VALUES [(\"21\"), (\"30\")))"), "{text}");
    let list = "(k INT, c VARCHAR(10) NOT NULL) DUPLICATE KEY(k,c) PARTITION BY LIST(c) (PARTITION pa VALUES IN \
                ('z','a'), PARTITION pb VALUES IN ('m')) DISTRIBUTED BY HASH(k) BUCKETS 1";
    c.create("nn", list, "").await;
    let rows = c.rows("SHOW PARTITIONS FROM nn").await;
    assert_eq!((rows[0][1].as_str(), rows[1][1].as_str()), ("pb", "pa"));
}

#[tokio::test(start_paused = true)]
async fn a_query_makes_a_table_of_its_columns_and_rows() {
    let mut c = Cluster::with_database().await;
    c.create("t", "(k INT NOT NULL, s VARCHAR(5)) DUPLICATE KEY(k) DISTRIBUTED BY HASH(k) BUCKETS 1", "").await;
    c.ok("INSERT INTO t VALUES (1, 'a'), (2, 'b')").await;
    c.ok("CREATE TABLE u PROPERTIES (\"replication_num\"=\"1\") AS SELECT k, s FROM t WHERE k > 1").await;
    assert_eq!(c.lines("SELECT * FROM u").await, ["2|b"]);
    let text = c.shown("u").await;
    assert!(text.contains("  `k` int NOT NULL,\n  `s` varchar(5) NULL\n"), "{text}");
    assert!(text.contains("DISTRIBUTED BY HASH(`k`) BUCKETS 10\n"), "{text}");
}

#[tokio::test(start_paused = true)]
async fn what_is_no_table_is_refused_in_doris_words() {
    let mut c = Cluster::with_database().await;
    c.refusals(&[
        (
            "CREATE TABLE t (k INT) UNIQUE KEY(k) DISTRIBUTED BY RANDOM BUCKETS 1",
            "Create unique keys table should not contain random distribution desc",
        ),
        ("CREATE TABLE t (k INT, k INT) DISTRIBUTED BY HASH(k) BUCKETS 1", "Duplicate column name 'k'"),
        (
            "CREATE TABLE t (k DOUBLE) DUPLICATE KEY(k) DISTRIBUTED BY HASH(k) BUCKETS 1",
            "Float or double can not used as a key, use decimal instead.",
        ),
        ("CREATE TABLE t (k INT) DISTRIBUTED BY HASH(z) BUCKETS 1", "column z is not found in distribution desc"),
        (
            "CREATE TABLE t (k INT, v AGG_STATE<sum(INT)> GENERIC) AGGREGATE KEY(k) DISTRIBUTED BY HASH(k) BUCKETS 1",
            "agg state not enable, need set enable_agg_state=true",
        ),
        (
            "CREATE TABLE t (k INT, v INT) AGGREGATE KEY(k) DISTRIBUTED BY HASH(k) BUCKETS 1",
            "AGG_KEYS table should specify aggregate type for non-key column[v]",
        ),
        (
            "CREATE TABLE t (k INT, INDEX i (z)) DISTRIBUTED BY HASH(k) BUCKETS 1",
            "Column does not exist in table. invalid column: z",
        ),
        (
            "CREATE TABLE t (k INT) PARTITION BY LIST(z) () DISTRIBUTED BY HASH(k) BUCKETS 1",
            "partition key z is not exists",
        ),
        (
            "CREATE TABLE t (k INT) DISTRIBUTED BY HASH(k) BUCKETS 1 PROPERTIES ('bloom_filter_columns'='z')",
            "Bloom filter column does not exist in table. invalid column: z",
        ),
    ])
    .await;
}

#[tokio::test(start_paused = true)]
async fn comments_of_views_change() {
    let mut c = Cluster::with_database().await;
    c.create("t", "(k INT) DUPLICATE KEY(k) DISTRIBUTED BY HASH(k) BUCKETS 1", "").await;
    c.ok("CREATE VIEW v COMMENT 'old' AS SELECT k FROM t").await;
    c.ok("ALTER VIEW v MODIFY COMMENT 'new'").await;
    let text = c.rows("SHOW CREATE VIEW v").await.remove(0).remove(1);
    assert!(text.contains(" COMMENT 'new' AS SELECT"), "{text}");
    c.refusals(&[("ALTER VIEW t AS SELECT 1", "ALTER VIEW not allowed on a table:d.t")]).await;
}
