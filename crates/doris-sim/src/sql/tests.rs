#![allow(clippy::unwrap_used)]

use super::{statement::*, *};
use crate::model::ColumnType;

fn one(sql: &str) -> Statement {
    let mut statements = parse(sql).unwrap_or_else(|error| panic!("{sql}: {error}"));
    assert_eq!(statements.len(), 1, "{sql}");
    statements.remove(0)
}

fn name(db: Option<&str>, name: &str) -> ObjectName {
    ObjectName { db: db.map(Into::into), name: name.into() }
}

fn map(pairs: &[(&str, &str)]) -> Properties {
    pairs.iter().map(|(k, v)| ((*k).into(), (*v).into())).collect()
}

#[test]
fn statements_without_expressions() {
    let db = || Some("d".to_owned());
    let cases = [
        ("", Statement::Empty),
        (" -- nothing\n ; /* at all */", Statement::Empty),
        ("use `d`;", Statement::Use("d".into())),
        ("USE internal.d", Statement::Use("d".into())),
        ("SET NAMES utf8mb4 COLLATE utf8mb4_bin", Statement::Set(vec![])),
        ("set session transaction isolation level read committed", Statement::Set(vec![])),
        ("KILL CONNECTION 7", Statement::Kill(7)),
        (
            "CREATE DATABASE IF NOT EXISTS `a``b` PROPERTIES ('binlog.enable' = \"true\")",
            Statement::CreateDatabase {
                name: "a`b".into(),
                if_not_exists: true,
                properties: map(&[("binlog.enable", "true")]),
            },
        ),
        ("DROP DATABASE IF EXISTS d FORCE", Statement::DropDatabase { name: "d".into(), if_exists: true, force: true }),
        (
            "ALTER DATABASE d SET properties (\"binlog.ttl_seconds\" = \"86400\", \"binlog.max_bytes\"=1)",
            Statement::AlterDatabase {
                name: "d".into(),
                change: AlterDatabase::SetProperties(map(&[
                    ("binlog.ttl_seconds", "86400"),
                    ("binlog.max_bytes", "1"),
                ])),
            },
        ),
        (
            "DROP TABLE IF EXISTS `d`.`表 1` FORCE",
            Statement::DropTable { name: name(Some("d"), "表 1"), if_exists: true, force: true },
        ),
        ("DROP VIEW v", Statement::DropView { name: name(None, "v"), if_exists: false }),
        (
            "TRUNCATE TABLE t PARTITION (p1, `p-2`) FORCE",
            Statement::Truncate { table: name(None, "t"), partitions: vec!["p1".into(), "p-2".into()], force: true },
        ),
        (
            "ALTER TABLE `d`.`t` REPLACE WITH TABLE `__ccr_t_1` PROPERTIES(\"swap\"=\"false\") FORCE",
            Statement::AlterTable {
                table: name(Some("d"), "t"),
                clauses: vec![AlterClause::Replace {
                    with: "__ccr_t_1".into(),
                    properties: map(&[("swap", "false")]),
                    force: true,
                }],
            },
        ),
        (
            "ALTER TABLE t DROP PARTITION a, DROP TEMPORARY PARTITION IF EXISTS b FORCE",
            Statement::AlterTable {
                table: name(None, "t"),
                clauses: vec![
                    AlterClause::Partition(PartitionClause::Drop {
                        name: "a".into(),
                        temp: false,
                        if_exists: false,
                        force: false,
                    }),
                    AlterClause::Partition(PartitionClause::Drop {
                        name: "b".into(),
                        temp: true,
                        if_exists: true,
                        force: true,
                    }),
                ],
            },
        ),
        (
            "BACKUP SNAPSHOT `d`.`l:1` TO `__keep_on_local__` ON ( `t` PARTITION (`p1`,`p2`),u ) PROPERTIES (\"type\" = \"full\")",
            Statement::Backup(Backup {
                label: name(Some("d"), "l:1"),
                repository: "__keep_on_local__".into(),
                tables: Some(vec![
                    BackupTable { name: name(None, "t"), partitions: vec!["p1".into(), "p2".into()], alias: None },
                    BackupTable { name: name(None, "u"), partitions: vec![], alias: None },
                ]),
                exclude: false,
                properties: map(&[("type", "full")]),
            }),
        ),
        ("CANCEL RESTORE FROM d", Statement::CancelRestore { db: db() }),
        ("CANCEL BACKUP", Statement::CancelBackup { db: None }),
        ("show  frontends", Statement::Show(Show::Frontends)),
        ("SHOW DATABASES LIKE 'a\\_b%'", Statement::Show(Show::Databases(Filter::Like("a\\_b%".into())))),
        (
            "SHOW FULL TABLES IN d",
            Statement::Show(Show::Tables { full: true, views: false, db: db(), filter: Filter::None }),
        ),
        ("SHOW TABLE 123", Statement::Show(Show::TableId(123))),
        ("SHOW PROC '/dbs/1/'", Statement::Show(Show::Proc("/dbs/1/".into()))),
        (
            "ADMIN SHOW FRONTEND CONFIG LIKE \"%enable_feature_binlog%\"",
            Statement::Show(Show::FrontendConfig { pattern: Some("%enable_feature_binlog%".into()) }),
        ),
        ("ADMIN SET FRONTEND CONFIG (\"a\" = \"b\")", Statement::AdminSetFrontendConfig(map(&[("a", "b")]))),
        ("DESC d.t ALL", Statement::Describe { table: name(Some("d"), "t"), all: true }),
    ];
    for (sql, expected) in cases {
        assert_eq!(one(sql), expected, "{sql}");
    }
}

#[test]
fn create_table_reads_every_clause() {
    let sql = "CREATE TABLE IF NOT EXISTS d.`t` (
        k LARGEINT NOT NULL COMMENT 'key \"q\" it''s', # a comment
        s BIGINT SUM DEFAULT '0', n INT REPLACE_IF_NOT_NULL NULL DEFAULT NULL, neg INT DEFAULT -5,
        c CHAR(5), v varchar(*), st STRING, dec1 DECIMAL(18, 4), dec2 DECIMAL, ts DATETIME(3) DEFAULT CURRENT_TIMESTAMP(3),
        id BIGINT NOT NULL AUTO_INCREMENT(100), q MAP<STRING, ARRAY<ARRAY<INT>>>, b BITMAP BITMAP_UNION,
        INDEX idx (`c`, v) USING INVERTED PROPERTIES(\"parser\" = \"english\") COMMENT 'i'
      ) ENGINE=olap AGGREGATE KEY(k) COMMENT \"table\"
      PARTITION BY RANGE(k, `c`) (
        PARTITION p1 VALUES LESS THAN ('1', '-100'), PARTITION IF NOT EXISTS p2 VALUES [(1, MAXVALUE), ('2', 3)) ('replication_num'='1'),
        PARTITION p3 VALUES LESS THAN MAXVALUE)
      DISTRIBUTED BY HASH(k) BUCKETS AUTO
      ROLLUP (r1 (k, s))
      PROPERTIES ('replication_num' = '1');";
    let Statement::CreateTable(table) = one(sql) else { panic!("not a table") };
    let columns: Vec<(&str, String)> = table.columns.iter().map(|c| (c.name.as_str(), c.ty.to_string())).collect();
    let expected = [
        ("k", "largeint"),
        ("s", "bigint"),
        ("n", "int"),
        ("neg", "int"),
        ("c", "char(5)"),
        ("v", "varchar(65533)"),
        ("st", "text"),
        ("dec1", "decimal(18,4)"),
        ("dec2", "decimal(38,9)"),
        ("ts", "datetime(3)"),
        ("id", "bigint"),
        ("q", "map<text,array<array<int>>>"),
        ("b", "bitmap"),
    ];
    assert_eq!(columns, expected.map(|(n, t)| (n, t.to_owned())));
    assert_eq!(table.columns[0].nullable, Some(false));
    assert_eq!(table.columns[0].comment.as_ref().unwrap().column_comment(), "key \"q\" it''s");
    assert_eq!(table.columns[1].default, DefaultDef::Text("0".into()));
    assert_eq!(table.columns[2].default, DefaultDef::Null);
    assert_eq!(table.columns[3].default, DefaultDef::Text("-5".into()));
    assert_eq!(table.columns[9].default, DefaultDef::Expression("CURRENT_TIMESTAMP(3)".into()));
    assert_eq!(table.columns[10].auto_increment, Some(100));
    assert_eq!(table.indexes[0].columns, ["c", "v"]);
    assert_eq!(table.keys, Some(KeysDef { kind: KeysKind::Aggregate, columns: vec!["k".into()] }));
    let text = |t: &str| PartitionValue::Text(t.into());
    let partitions = table.partition_by.unwrap().partitions;
    assert_eq!(*values(&partitions[0]), PartitionValues::LessThan(vec![text("1"), text("-100")]));
    assert_eq!(
        *values(&partitions[1]),
        PartitionValues::Fixed { lower: vec![text("1"), PartitionValue::MaxValue], upper: vec![text("2"), text("3")] }
    );
    assert_eq!(*values(&partitions[2]), PartitionValues::LessThan(vec![PartitionValue::MaxValue]));
    assert_eq!(table.distribution.unwrap().buckets, Some(Buckets::Auto));
    assert_eq!(
        table.rollups,
        [RollupDef {
            name: "r1".into(),
            columns: vec!["k".into(), "s".into()],
            duplicate_keys: Vec::new(),
            base: None
        }]
    );
    assert_eq!(table.properties, map(&[("replication_num", "1")]));
}

#[test]
fn lists_and_automatic_partitions() {
    let by = |clause: &str| {
        let sql = format!("CREATE TABLE t (k INT) {clause} DISTRIBUTED BY RANDOM BUCKETS 3");
        let Statement::CreateTable(table) = one(&sql) else { panic!("not a table") };
        table.partition_by.unwrap()
    };
    let text = |t: &str| PartitionValue::Text(t.into());
    let list = by("PARTITION BY LIST(c) (PARTITION p VALUES IN ('a', 'it''s', NULL), PARTITION d)");
    assert!(list.list);
    assert_eq!(
        *values(&list.partitions[0]),
        PartitionValues::In(vec![vec![text("a")], vec![text("it''s")], vec![PartitionValue::Null]])
    );
    assert_eq!(*values(&list.partitions[1]), PartitionValues::Default);
    let tuples = by("PARTITION BY LIST(k, c) (PARTITION p VALUES IN ((1, 'a'), ('2', 'b')))");
    assert_eq!(
        *values(&tuples.partitions[0]),
        PartitionValues::In(vec![vec![text("1"), text("a")], vec![text("2"), text("b")]])
    );
    let auto = by("AUTO PARTITION BY RANGE (date_trunc(`d`, 'day')) ()");
    assert_eq!((auto.columns, auto.auto.as_deref()), (vec!["d".to_owned()], Some("date_trunc(`d`, 'day')")));
    let auto = by("AUTO PARTITION BY LIST (c)");
    assert_eq!((auto.columns, auto.auto.as_deref()), (vec!["c".to_owned()], Some("`c`")));
}

#[test]
fn inserts_of_literals_are_read_both_ways_alike() {
    let sql = r#"INSERT INTO `d`.t (a, `b c`) WITH LABEL l1 VALUES (1, 'it''s \'x\' "y" 中'), (-2.50, NULL), (1e3,"a""b"),(true , DEFAULT) ;"#;
    let fast = insert::parse_literals(sql).unwrap();
    assert_eq!((fast.table.clone(), fast.label.as_deref()), (name(Some("d"), "t"), Some("l1")));
    assert_eq!(fast.columns, ["a", "b c"]);
    let number = |t: &str| InsertLiteral::Number(t.into());
    let text = |t: &str| InsertLiteral::Text(t.into());
    assert_eq!(
        fast.source,
        InsertSource::Literals(vec![
            vec![number("1"), text("it's 'x' \"y\" 中")],
            vec![number("-2.50"), InsertLiteral::Null],
            vec![number("1e3"), text("a\"b")],
            vec![InsertLiteral::Bool(true), InsertLiteral::Default],
        ])
    );
    for not_literal in [
        "INSERT INTO t VALUES (1 + 1)",
        "INSERT INTO t VALUES (now())",
        "INSERT INTO t VALUES (1 -- one\n)",
        "INSERT INTO t VALUES (1); SELECT 1",
        "INSERT INTO t SELECT 1",
        "INSERT INTO t VALUES ('a' 'b')",
    ] {
        assert_eq!(insert::parse_literals(not_literal), None, "{not_literal}");
        assert!(parse(not_literal).is_ok(), "{not_literal}");
    }
    let Statement::Insert(insert) = one("INSERT INTO t (a) SELECT k FROM u") else { panic!("not an insert") };
    assert!(matches!(insert.source, InsertSource::Query(_)));
    assert_eq!(insert.columns, ["a"]);
}

#[test]
fn a_thousand_rows_are_read_quickly() {
    let row = "(123456, 'some text of a row', 12.34, '2024-01-01', NULL, 5, 6, 7, 8, 9, 10, 11, 'x', 'y', 'z', 16)";
    let sql = format!("INSERT INTO t VALUES {}", vec![row; 1000].join(","));
    let started = std::time::Instant::now();
    let insert = insert::parse_literals(&sql).unwrap();
    let elapsed = started.elapsed();
    let InsertSource::Literals(rows) = insert.source else { panic!("not literals") };
    assert_eq!((rows.len(), rows[999].len()), (1000, 16));
    assert!(elapsed < std::time::Duration::from_millis(250), "took {elapsed:?}");
}

#[test]
fn views_keep_their_text() {
    let Statement::CreateView(view) =
        one("CREATE OR REPLACE VIEW d.v (a COMMENT 'x', b) COMMENT 'c' AS SELECT k,  v FROM t WHERE k > 1 ; ")
    else {
        panic!("not a view")
    };
    assert_eq!(view.text, "SELECT k,  v FROM t WHERE k > 1");
    assert!(view.or_replace);
    assert_eq!(view.columns[0].0, "a");
    assert_eq!(view.columns.len(), 2);
}

#[test]
fn several_statements_are_separated() {
    let statements = parse("USE a; SELECT ';' ;;DROP TABLE t").unwrap();
    assert_eq!(statements.len(), 3);
    assert_eq!(statements[0], Statement::Use("a".into()));
}

#[test]
fn refusals_name_the_place() {
    let cases = [
        ("SELEC 1", "\nmismatched input 'SELEC' expecting {<EOF>, ';', '(',"),
        ("SHOW TABLES `spec_1`", "\nextraneous input '`spec_1`' expecting {<EOF>, ';'}(line 1, pos 12)\n"),
        (
            "BACKUP SNAPSHOT spec_1.a-b TO `__keep_on_local__` ON (n)",
            "\nPossibly unquoted identifier a-b detected. Please consider quoting it with back-quotes as `a-b`(line 1, pos 24)\n",
        ),
        ("DROP TABLE", "\nmismatched input '<EOF>' expecting {IDENTIFIER}(line 1, pos 10)\n"),
        ("DROP TABLE\n  'x'", "\nmismatched input ''x'' expecting {IDENTIFIER}(line 2, pos 2)\n"),
        ("CREATE TABLE t (k NOSUCH)", "\nmismatched input"),
        ("CREATE TABLE select (k INT)", "\nmismatched input 'select' expecting {IDENTIFIER}(line 1, pos 13)\n"),
        ("SELECT 'open", "\nUnterminated string literal"),
        ("SELECT 1 +", "\n"),
        ("INSERT INTO t VALUES (1", "\n"),
    ];
    for (sql, expected) in cases {
        let error = parse(sql).unwrap_err().to_string();
        assert!(error.starts_with(expected), "{sql}: {error}");
    }
}

#[test]
fn types_print_as_doris_prints_them() {
    let ty = |text: &str| {
        let Statement::CreateTable(table) = one(&format!("CREATE TABLE t (c {text})")) else { panic!("not a table") };
        table.columns[0].ty.clone()
    };
    assert_eq!(ty("DATETIMEV2(6)"), ColumnType::DateTime { scale: 6 });
    assert_eq!(ty("INT(11)"), ColumnType::Int);
    assert_eq!(ty("STRUCT<a:INT, b:STRING>").to_string(), "struct<a:int,b:text>");
    assert_eq!(ty("DECIMALV3(10)").to_string(), "decimal(10,0)");
}

fn values(entry: &PartitionEntry) -> &PartitionValues {
    match entry {
        PartitionEntry::One(definition) => &definition.values,
        PartitionEntry::Steps(..) => panic!("{entry:?}"),
    }
}
