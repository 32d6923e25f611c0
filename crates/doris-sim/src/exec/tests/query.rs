//! SELECT.

use super::Cluster;

async fn with_rows() -> Cluster {
    let mut c = Cluster::with_database().await;
    for create in [
        "CREATE TABLE o (k INT, c VARCHAR(10), p DECIMAL(10,2), d DATE) DUPLICATE KEY(k)",
        "CREATE TABLE c (c VARCHAR(10), name STRING) DUPLICATE KEY(c)",
    ] {
        let key = if create.contains("TABLE o") { "k" } else { "c" };
        c.ok(&format!("{create} DISTRIBUTED BY HASH({key}) BUCKETS 2 PROPERTIES ('replication_num'='1')")).await;
    }
    c.ok("INSERT INTO o VALUES (1, 'a', 1.50, '2024-01-01'), (2, 'b', 2.25, '2024-02-29'), (3, 'a', 3.00, NULL), (4, NULL, NULL, '2023-12-31')").await;
    c.ok("INSERT INTO c VALUES ('a', 'Anna'), ('b', 'Bert'), ('z', 'Zoe')").await;
    c
}

#[tokio::test(start_paused = true)]
async fn queries_over_tables() {
    let mut c = with_rows().await;
    let cases: &[(&str, &[&str])] = &[
        ("SELECT k FROM o ORDER BY k DESC LIMIT 2", &["4", "3"]),
        ("SELECT k FROM o ORDER BY k LIMIT 1 OFFSET 2", &["3"]),
        ("SELECT k FROM o ORDER BY k LIMIT 2, 5", &["3", "4"]),
        ("SELECT k FROM o WHERE c = 'a' AND NOT p > 2", &["1"]),
        ("SELECT k FROM o WHERE c <> 'a'", &["2"]),
        ("SELECT k FROM o WHERE c IS NULL OR k IN (1, 9) ORDER BY k", &["1", "4"]),
        ("SELECT k FROM o WHERE k NOT IN (1, 2, 3)", &["4"]),
        ("SELECT k FROM o WHERE d BETWEEN '2024-01-01' AND '2024-12-31' ORDER BY d DESC", &["2", "1"]),
        ("SELECT k FROM o WHERE d < '2024-01-01 00:00:01' ORDER BY 1", &["1", "4"]),
        ("SELECT k FROM o WHERE d >= DATE '2024-01-31' - INTERVAL 1 MONTH ORDER BY k", &["1", "2", "4"]),
        ("SELECT k FROM o WHERE k = '2'", &["2"]),
        ("SELECT k FROM o WHERE c LIKE 'a%' ORDER BY k", &["1", "3"]),
        (
            "SELECT count(*), count(c), count(DISTINCT c), sum(p), min(p), max(d), avg(k) FROM o",
            &["4|3|2|6.75|1.50|2024-02-29|2.5"],
        ),
        ("SELECT avg(p) FROM o", &["2.2500"]),
        ("SELECT c, count(*) n, sum(p) FROM o GROUP BY c ORDER BY n DESC, c", &["a|2|4.50", "NULL|1|NULL", "b|1|2.25"]),
        ("SELECT c AS x, sum(k) + 1 FROM o GROUP BY x HAVING sum(k) > 3 ORDER BY sum(k)", &["NULL|5", "a|5"]),
        ("SELECT year(d), count(*) FROM o WHERE d IS NOT NULL GROUP BY 1 ORDER BY 1", &["2023|1", "2024|2"]),
        ("SELECT count(*) FROM o WHERE k > 100", &["0"]),
        ("SELECT sum(k) FROM o WHERE k > 100", &["NULL"]),
        ("SELECT c FROM o WHERE k > 100 GROUP BY c", &[]),
        ("SELECT DISTINCT c FROM o ORDER BY c", &["NULL", "a", "b"]),
        ("SELECT o.k, c.name FROM o JOIN c ON o.c = c.c ORDER BY o.k", &["1|Anna", "2|Bert", "3|Anna"]),
        ("SELECT name, k FROM c LEFT JOIN o USING (c) WHERE k IS NULL OR k = 2 ORDER BY name", &["Bert|2", "Zoe|NULL"]),
        ("SELECT a.k, b.k FROM o a, o b WHERE a.c = b.c AND a.k < b.k", &["1|3"]),
        ("SELECT x.n FROM (SELECT c, count(*) AS n FROM o GROUP BY c) x WHERE x.c = 'a'", &["2"]),
        ("SELECT k FROM o WHERE c IN (SELECT c FROM c WHERE name LIKE 'B%')", &["2"]),
        ("SELECT k FROM o WHERE k = (SELECT max(k) FROM o)", &["4"]),
        ("SELECT k FROM o WHERE k < 2 UNION ALL SELECT 7 UNION ALL SELECT 7 ORDER BY k", &["1", "7", "7"]),
        ("SELECT k FROM o WHERE k < 2 UNION SELECT 1", &["1"]),
        (
            "SELECT CASE c WHEN 'a' THEN 'first' ELSE 'other' END FROM o ORDER BY k",
            &["first", "other", "first", "other"],
        ),
        ("SELECT CASE WHEN p > 2 THEN 1 END FROM o ORDER BY k", &["NULL", "1", "1", "NULL"]),
        ("SELECT * FROM numbers(\"number\" = \"3\")", &["0", "1", "2"]),
        ("SELECT o.* FROM d.o WHERE internal.d.o.k = 1", &["1|a|1.50|2024-01-01"]),
    ];
    for (sql, expected) in cases {
        assert_eq!(c.lines(sql).await, *expected, "{sql}");
    }
}

#[tokio::test(start_paused = true)]
async fn expressions_without_tables() {
    let mut c = Cluster::with_database().await;
    let cases = [
        ("SELECT 1", "1"),
        ("SELECT 1 + 2 * 3, 7 / 2, 7 DIV 2, 7 % 4, -5", "7|3.5|3|3|-5"),
        ("SELECT 1.5 + 1, 1.10 * 2.5, 1.0 / 3, 1 / 0", "2.5|2.750|0.33333|NULL"),
        ("SELECT 'it''s', \"a\\\"b\", 'a\\nb', '50\\%'", "it's|a\"b|a\nb|50\\%"),
        ("SELECT NULL IS NULL, NULL = NULL, NULL <=> NULL, NULL AND FALSE, NULL OR TRUE", "1|NULL|1|0|1"),
        ("SELECT 1 = 1.0, 'b' > 'a', '10' > 9, true = 1", "1|1|1|1"),
        ("SELECT upper('ab'), length('中'), char_length('中'), substring('hello', 2, 3), trim(' x ')", "AB|3|1|ell|x"),
        ("SELECT if(1 > 2, 'a', 'b'), ifnull(NULL, 3), coalesce(NULL, NULL, 4), nullif(1, 1)", "b|3|4|NULL"),
        ("SELECT round(2.345, 2), floor(2.7), ceil(2.1), abs(-3)", "2.35|2|3|3"),
        (
            "SELECT cast('12' AS INT), cast(1.9 AS INT), cast('x' AS INT), cast('2024-02-03' AS DATE)",
            "12|1|NULL|2024-02-03",
        ),
        (
            "SELECT year('2024-02-03'), DATE '2024-01-31' + INTERVAL 1 MONTH, DATE '2024-03-01' - INTERVAL 1 DAY",
            "2024|2024-02-29|2024-02-29",
        ),
        // At the edges of what can be computed, nothing breaks.
        (
            "SELECT floor(-1701411834604692317316873037158841057.27 - 0.01), ceil(-1701411834604692317316873037158841057.27 - 0.01)",
            "-1701411834604692317316873037158841058|NULL",
        ),
        (
            "SELECT 0.0000000000000000000000000000000000000000001 * 2, cast(-170141183460469231731687303715884105728 AS DECIMAL(38,0))",
            "2e-43|NULL",
        ),
        (
            "SELECT DATE '2024-01-01' + INTERVAL 9223372036854775807 MONTH, repeat('x', 999999999999), substring('ab', -5)",
            "NULL|NULL|NULL",
        ),
        ("SELECT 1e20, 1e15, 0.1e0, 1e-5, -2.5e100", "1e+20|1000000000000000|0.1|1e-05|-2.5e+100"),
        ("SELECT now(), curdate()", "2026-11-23 16:06:54|2026-11-23"),
        ("SELECT VERSION(), database(), connection_id(), current_user()", "5.7.99|d|7|'root'@'%'"),
        (
            "SELECT @@version_comment, @@max_allowed_packet, @@session.autocommit, @@tx_isolation",
            "doris version doris-4.1.0-677147005f|16777216|1|REPEATABLE-READ",
        ),
    ];
    for (sql, expected) in cases {
        assert_eq!(c.lines(sql).await, [expected], "{sql}");
    }
    let labels = c
        .result("SELECT VERSION(), @@version_comment, database(), 1 AS `one`, count(*) FROM numbers('number'='1')")
        .await;
    assert_eq!(labels.columns, ["VERSION()", "@@version_comment", "database()", "one", "count(*)"]);
    c.refusals(&[
        ("SELECT @@max_allowed_packet,@@wait_timeout,@@socket", "Unsupported system variable: socket"),
        ("SELECT * FROM zz.zz", "Database [zz] does not exist.(line 1, pos 14)"),
        ("SELECT * FROM d.zz", "Table [zz] does not exist in database [d].(line 1, pos 14)"),
        ("SELECT zz", "Unknown column 'zz' in 'table list' in PROJECT clause(line 1, pos 7)"),
        ("SELECT 1 WHERE zz = 1", "Unknown column 'zz' in 'table list' in FILTER clause(line 1, pos 15)"),
        ("SELECT nofunc(1)", "Can not found function 'nofunc'"),
        ("KILL 99999", "Unknown thread id: 99999"),
        (
            "SET zz=1",
            "Unknown system variable 'zz',the similar variables are {'enable_fuzzy_blockable_task', 'analyze_timeout', \
             'auto_analyze_end_time'}",
        ),
        ("ADMIN SET FRONTEND CONFIG (\"zz\"=\"true\")", "Config 'zz' does not exist"),
    ])
    .await;
    c.ok("").await;
    c.ok("SET NAMES utf8mb4").await;
    c.ok("SET sql_mode='', autocommit=0, @@session.query_timeout = 5").await;
    assert_eq!(c.lines("SHOW SESSION VARIABLES LIKE 'sql_mode'").await, ["sql_mode||ONLY_FULL_GROUP_BY|1"]);
    assert_eq!(c.lines("SELECT @@autocommit, @@query_timeout").await, ["0|5"]);
}

#[tokio::test(start_paused = true)]
async fn every_statement_of_a_text_is_executed_until_one_fails() {
    let mut c = Cluster::new();
    let replies =
        super::super::execute_all(&c.sim, &mut c.session, "CREATE DATABASE a; USE nope; CREATE DATABASE b").await;
    assert_eq!(replies.len(), 2);
    assert_eq!(c.lines("SHOW DATABASES LIKE '_'").await, ["a"]);
    let replies = super::super::execute_all(&c.sim, &mut c.session, "CREATE DATABASE c; SELEC 1").await;
    assert_eq!(replies.len(), 1, "a text with a mistake is not begun");
    assert_eq!(c.lines("SHOW DATABASES LIKE '_'").await, ["a"]);
}

#[tokio::test(start_paused = true)]
async fn joins_keep_what_they_say() {
    let mut c = Cluster::with_database().await;
    for (name, values) in [("a", "(1, 'x'), (2, 'y'), (NULL, 'n')"), ("b", "(2, 'Y'), (2, 'YY'), (3, 'Z')")] {
        c.ok(&format!(
            "CREATE TABLE {name} (k INT, v VARCHAR(9)) DUPLICATE KEY(k) DISTRIBUTED BY HASH(k) BUCKETS 1 \
             PROPERTIES ('replication_num'='1')"
        ))
        .await;
        c.ok(&format!("INSERT INTO {name} VALUES {values}")).await;
    }
    for (kind, expected) in [
        ("JOIN", &["y|Y", "y|YY"][..]),
        ("LEFT JOIN", &["n|NULL", "x|NULL", "y|Y", "y|YY"]),
        ("RIGHT OUTER JOIN", &["NULL|Z", "y|Y", "y|YY"]),
        ("FULL OUTER JOIN", &["NULL|Z", "n|NULL", "x|NULL", "y|Y", "y|YY"]),
    ] {
        let sql = format!("SELECT a.v, b.v FROM a {kind} b ON a.k = b.k ORDER BY 1, 2");
        assert_eq!(c.lines(&sql).await, expected, "{kind}");
    }
    assert_eq!(c.lines("SELECT a.v FROM a LEFT SEMI JOIN b ON a.k = b.k").await, ["y"]);
    assert_eq!(c.lines("SELECT a.v FROM a LEFT ANTI JOIN b ON a.k = b.k ORDER BY 1").await, ["n", "x"]);
    assert_eq!(
        c.lines(
            "WITH w AS (SELECT k FROM b), n (m) AS (SELECT max(k) FROM w) SELECT w.k, n.m FROM w, n ORDER BY 1 LIMIT 1"
        )
        .await,
        ["2|3"]
    );
    assert_eq!(c.lines("SELECT k FROM a INTERSECT SELECT k FROM b").await, ["2"]);
    assert_eq!(c.lines("SELECT k FROM b EXCEPT SELECT k FROM a").await, ["3"]);
    assert_eq!(c.lines("SELECT count(DISTINCT k, v), ndv(k) FROM b").await, ["3|2"]);
    assert_eq!(c.lines("SELECT group_concat(v, '-') FROM a").await, ["x-y-n"]);
    for sql in ["SELECT row_number() OVER (ORDER BY k) FROM a", "SELECT rand()", "SELECT * FROM a NATURAL JOIN b"] {
        assert!(c.refusal(sql).await.contains("doris-sim does not model"), "{sql}");
    }
}

#[tokio::test(start_paused = true)]
async fn functions_have_their_values() {
    let mut c = Cluster::new();
    for (expression, expected) in [
        ("concat_ws('-', 'a', NULL, 'b')", "a-b"),
        ("replace('abcab', 'ab', 'x')", "xcx"),
        ("concat(left('größe', 3), '|', right('größe', 2))", "grö|ße"),
        ("concat(lpad('7', 3, '0'), rpad('ab', 5, 'xy'))", "007abxyx"),
        ("instr('foobar', 'bar')", "4"),
        ("locate('o', 'foobar', 3)", "3"),
        ("split_part('a,b,c', ',', -1)", "c"),
        ("substring_index('a.b.c', '.', 2)", "a.b"),
        ("mod(7, 4)", "3"),
        ("power(2, 10)", "1024"),
        ("greatest(1, 5, 3)", "5"),
        ("least('b', 'a')", "a"),
        ("date_add(CAST('2024-01-31' AS DATE), INTERVAL 1 MONTH)", "2024-02-29"),
        ("date_sub(CAST('2024-01-01' AS DATE), 1)", "2023-12-31"),
        ("datediff('2024-03-01', '2024-02-01')", "29"),
        ("date_trunc(CAST('2024-05-17 10:20:30' AS DATETIME), 'month')", "2024-05-01 00:00:00"),
        ("date_format('2024-05-07 09:08:07', '%Y/%c/%e %H:%i:%s %p %a')", "2024/5/7 09:08:07 AM Tue"),
        ("last_day('2023-02-03')", "2023-02-28"),
        ("unix_timestamp('1970-01-02 00:00:01')", "86401"),
        ("hour('2024-01-01 13:14:15')", "13"),
        ("bitmap_to_string(bitmap_or(to_bitmap(3), bitmap_from_string('1,2')))", "1,2,3"),
        ("bitmap_count(bitmap_from_string('1,2,2'))", "2"),
        ("array(1, 'a', NULL)", "[1, \"a\", null]"),
        ("named_struct('k', 1, 'v', array(2))", "{\"k\":1, \"v\":[2]}"),
        ("hex(255)", "FF"),
        ("replace(NULL, 'a', 'b')", "NULL"),
    ] {
        assert_eq!(c.lines(&format!("SELECT {expression}")).await, [expected], "{expression}");
    }
}

#[tokio::test(start_paused = true)]
async fn composite_values_and_sets_are_kept() {
    let mut c = Cluster::with_database().await;
    c.ok("CREATE TABLE t (k INT, a ARRAY<ARRAY<CHAR(5)>>, m MAP<STRING,INT>) DUPLICATE KEY(k) \
          DISTRIBUTED BY HASH(k) BUCKETS 1 PROPERTIES ('replication_num'='1')")
        .await;
    c.ok("INSERT INTO t VALUES (1, [['a', 'b'], [], NULL], {'x': 1, 'y': NULL}), (2, NULL, {})").await;
    assert_eq!(
        c.lines("SELECT * FROM t ORDER BY k").await,
        ["1|[[\"a\", \"b\"], [], null]|{\"x\":1, \"y\":null}", "2|NULL|{}"]
    );
    c.ok("CREATE TABLE s (k INT, b BITMAP BITMAP_UNION, h HLL HLL_UNION) AGGREGATE KEY(k) \
          DISTRIBUTED BY HASH(k) BUCKETS 1 PROPERTIES ('replication_num'='1')")
        .await;
    c.ok("INSERT INTO s VALUES (1, to_bitmap(1), hll_hash('a')), (1, to_bitmap(2), hll_hash('b'))").await;
    c.ok("INSERT INTO s VALUES (1, bitmap_from_string('2,3'), hll_hash('a'))").await;
    assert_eq!(c.lines("SELECT bitmap_to_string(b), hll_cardinality(h) FROM s").await, ["1,2,3|2"]);
    assert_eq!(c.lines("SELECT bitmap_union_count(b), hll_union_agg(h) FROM s").await, ["3|2"]);
    assert_eq!(c.lines("SELECT * FROM s").await, ["1|NULL|NULL"], "such values have no text");
}
