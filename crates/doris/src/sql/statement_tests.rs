#![allow(clippy::unwrap_used)]
use super::*;

/// A name that breaks every careless quoting.
const ODD: &str = "订 单`\"x\" it's";
const QUOTED: &str = "`订 单``\"x\" it's`";

fn s(text: &str) -> String {
    text.to_owned()
}

/// Defects: BIN-35, SQL-10, SQL-13, SQL-21, ENG-P-4.
#[test]
fn odd_names_stay_names() {
    let comment = VerbatimText::new("it's").unwrap();
    let db = || s(ODD);
    let cases = [
        (Statement::ShowFullTables { db: db() }, format!("SHOW FULL TABLES FROM {QUOTED}")),
        (Statement::ShowCreateTable { db: db(), table: s("select") }, format!("SHOW CREATE TABLE {QUOTED}.`select`")),
        (Statement::ShowPartitions { db: db(), table: s("t") }, format!("SHOW PARTITIONS FROM {QUOTED}.`t`")),
        (
            Statement::ShowBackup { db: db(), label: Some(s("a\"b\\")) },
            format!("SHOW BACKUP FROM {QUOTED} WHERE SnapshotName = \"a\\\"b\\\\\""),
        ),
        (Statement::ShowRestore { db: db(), label: None }, format!("SHOW BRIEF RESTORE FROM {QUOTED}")),
        (
            Statement::DropTable { db: db(), table: db(), force: true },
            format!("DROP TABLE IF EXISTS {QUOTED}.{QUOTED} FORCE"),
        ),
        (
            Statement::ReplaceTable { db: s("d"), origin: s("a"), new: db(), swap: false },
            format!("ALTER TABLE `d`.`a` REPLACE WITH TABLE {QUOTED} PROPERTIES (\"swap\" = \"false\")"),
        ),
        (Statement::RenameTable { db: s("d"), old: db(), new: s("n") }, format!("ALTER TABLE `d`.{QUOTED} RENAME `n`")),
        (
            Statement::SetColumnComments {
                db: s("d"),
                table: s("t"),
                comments: vec![(db(), comment.clone()), (s("v"), comment.clone())],
            },
            format!("ALTER TABLE `d`.`t` MODIFY COLUMN {QUOTED} COMMENT \"it's\", MODIFY COLUMN `v` COMMENT \"it's\""),
        ),
        (
            Statement::DropIndexes { db: s("d"), table: s("t"), indexes: vec![s("i"), db()] },
            format!("ALTER TABLE `d`.`t` DROP INDEX `i`, DROP INDEX {QUOTED}"),
        ),
        (
            Statement::Truncate { db: s("d"), table: db(), partitions: vec![s("p1"), db()], force: true },
            format!("TRUNCATE TABLE `d`.{QUOTED} PARTITIONS (`p1`, {QUOTED}) FORCE"),
        ),
        (
            Statement::BuildIndex { db: s("d"), table: s("t"), index: s("i"), partition: Some(db()) },
            format!("BUILD INDEX `i` ON `d`.`t` PARTITION ({QUOTED})"),
        ),
        (
            Statement::SetTableProperties { db: s("d"), table: s("t"), properties: vec![(s("k"), db())] },
            s("ALTER TABLE `d`.`t` SET (\"k\" = \"订 单`\\\"x\\\" it's\")"),
        ),
        (
            Statement::SetDistribution {
                db: s("d"),
                table: s("t"),
                distribution: Distribution::Hash(vec![s("a"), db()]),
                buckets: BucketCount::Fixed(4),
            },
            format!("ALTER TABLE `d`.`t` MODIFY DISTRIBUTION DISTRIBUTED BY HASH(`a`, {QUOTED}) BUCKETS 4"),
        ),
    ];
    for (statement, sql) in cases {
        assert_eq!(statement.to_string(), sql);
    }
}

/// Defects: SQL-8, ENG-P-9.
#[test]
fn backup_lists_what_is_asked() {
    let objects = vec![
        BackupObject { name: s("a"), partitions: vec![] },
        BackupObject { name: s("b"), partitions: vec![s("p1"), s("p`2")] },
    ];
    let sql = Statement::Backup { db: s("d"), label: s("ccrs_a-b:1"), objects }.to_string();
    let head = "BACKUP SNAPSHOT `d`.`ccrs_a-b:1` TO `__keep_on_local__`";
    assert_eq!(sql, format!("{head} ON (`a`, `b` PARTITION (`p1`, `p``2`)) PROPERTIES (\"type\" = \"full\")"));
    let sql = Statement::Backup { db: s("d"), label: s("ccrs_a-b:1"), objects: vec![] }.to_string();
    assert_eq!(sql, format!("{head} PROPERTIES (\"type\" = \"full\")"));
}

#[test]
fn only_questions_are_reads() {
    assert!(Statement::ShowFrontends.is_read());
    assert!(Statement::SelectFrontends.is_read());
    assert!(Statement::DescribeAll { db: s("d"), table: s("t") }.is_read());
    assert!(!Statement::CreateDatabase { db: s("d") }.is_read());
    assert!(!Statement::CancelRestore { db: s("d") }.is_read());
    assert!(!Statement::Ddl(s("SHOW TABLES")).is_read());
}
