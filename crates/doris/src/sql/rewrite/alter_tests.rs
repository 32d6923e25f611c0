#![allow(clippy::unwrap_used)]
use super::*;

fn schema(columns: &[(&str, &str)]) -> Vec<Column> {
    let column = |(name, rest): &(&str, &str)| {
        serde_json::from_str(&format!(r#"{{"name":"{name}","type":{{"type":"INT"}}{rest}}}"#)).unwrap()
    };
    columns.iter().map(column).collect()
}

fn rendered(raw: &str, columns: &[(&str, &str)]) -> String {
    let clauses = alter_clauses(raw, &schema(columns)).unwrap();
    clauses.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

/// Defects: BIN-9, BIN-36.
#[test]
fn what_real_frontends_write_comes_out_executable() {
    for (raw, columns, expected) in [
        (
            "ALTER TABLE `cap3`.`t` ADD COLUMN (`c2` INT NULL COMMENT \"\", `c3` TEXT NULL COMMENT \"\")",
            vec![],
            "ADD COLUMN (`c2` INT NULL COMMENT \"\", `c3` TEXT NULL COMMENT \"\")",
        ),
        (
            "ALTER TABLE `spec`.`t` ADD COLUMN `c1` INT NULL COMMENT \"\", \nADD COLUMN `c2` INT NULL DEFAULT \"3\" COMMENT \"\", \nDROP COLUMN `x`",
            vec![("c2", r#","defaultValue":"3","comment":"""#)],
            "ADD COLUMN `c1` INT NULL COMMENT \"\", ADD COLUMN `c2` INT NULL DEFAULT '3' COMMENT \"\", DROP COLUMN `x`",
        ),
        (
            "ALTER TABLE `default_cluster:src`.`t` ADD COLUMN `y` DECIMALV3(10, 2) SUM NULL COMMENT \"\" AFTER `a``b` IN `r1`",
            vec![],
            "ADD COLUMN `y` DECIMALV3(10, 2) SUM NULL COMMENT \"\" AFTER `a``b` IN `r1`",
        ),
        (
            "ALTER TABLE `s`.`t` MODIFY COLUMN `k` VARCHAR(50) NOT NULL COMMENT \"\" FIRST, DROP COLUMN `c` FROM `r1`",
            vec![("K", r#","isKey":true,"comment":"""#)],
            "MODIFY COLUMN `k` VARCHAR(50) KEY NOT NULL COMMENT \"\" FIRST, DROP COLUMN `c` FROM `r1`",
        ),
        (
            "ALTER TABLE `s`.`t` ADD COLUMN `a` DATETIMEV2(3) NULL DEFAULT \"CURRENT_TIMESTAMP(3)\" COMMENT \"\"",
            vec![(
                "a",
                r#","defaultValue":"CURRENT_TIMESTAMP(3)","defaultValueExprDef":{"exprName":"now","precision":3},
                   "hasOnUpdateDefaultValue":true,"onUpdateDefaultValueExprDef":{"exprName":"now","precision":3},"comment":"""#,
            )],
            "ADD COLUMN `a` DATETIMEV2(3) NULL DEFAULT CURRENT_TIMESTAMP(3) ON UPDATE CURRENT_TIMESTAMP(3) COMMENT \"\"",
        ),
        // A text that only looks like an expression.
        (
            "ALTER TABLE `s`.`t` ADD COLUMN `a` VARCHAR(50) NULL DEFAULT \"CURRENT_TIMESTAMP\"",
            vec![("a", r#","defaultValue":"CURRENT_TIMESTAMP""#)],
            "ADD COLUMN `a` VARCHAR(50) NULL DEFAULT 'CURRENT_TIMESTAMP'",
        ),
        (
            "ALTER TABLE `s`.`t` ADD COLUMN `a` INT REPLACE_IF_NOT_NULL NULL DEFAULT \"null\" COMMENT \"\"",
            vec![("a", r#","comment":"""#)],
            "ADD COLUMN `a` INT REPLACE_IF_NOT_NULL NULL DEFAULT NULL COMMENT \"\"",
        ),
        // 2.1 and 3.0 do not escape what is in a comment.
        (
            "ALTER TABLE `s`.`t` ADD COLUMN `a` ARRAY<MAP<TEXT,INT>> NULL COMMENT \"c \"1\", DROP COLUMN `k`\", ADD COLUMN `b` INT NULL DEFAULT 5",
            vec![("a", r#","comment":"c \"1\", DROP COLUMN `k`""#)],
            "ADD COLUMN `a` ARRAY<MAP<TEXT,INT>> NULL COMMENT \"c \\\"1\\\", DROP COLUMN `k`\", ADD COLUMN `b` INT NULL DEFAULT 5",
        ),
        // 4.1 escapes a default's quotes, which are kept as written when it is executed.
        (
            "ALTER TABLE `s`.`t` ADD COLUMN `a` TEXT NULL DEFAULT \"say \\\"x\\\"\" COMMENT \"it's\"",
            vec![("a", r#","defaultValue":"say \"x\"","comment":"it's""#)],
            "ADD COLUMN `a` TEXT NULL DEFAULT 'say \"x\"' COMMENT \"it's\"",
        ),
        // 2.1 and 3.0 do not escape what is in a default either.
        (
            "ALTER TABLE `s`.`t` ADD COLUMN `a` TEXT NULL DEFAULT \"x\", DROP COLUMN `k`, ADD COLUMN `b` TEXT NULL DEFAULT \"y\" COMMENT \"\"",
            vec![("a", r#","defaultValue":"x\", DROP COLUMN `k`, ADD COLUMN `b` TEXT NULL DEFAULT \"y","comment":"""#)],
            "ADD COLUMN `a` TEXT NULL DEFAULT 'x\", DROP COLUMN `k`, ADD COLUMN `b` TEXT NULL DEFAULT \"y' COMMENT \"\"",
        ),
        (
            "ALTER TABLE `s`.`t` ENABLE FEATURE \"SEQUENCE_LOAD\" WITH PROPERTIES (\"function_column.sequence_type\" = \"Date\")",
            vec![],
            "ENABLE FEATURE \"SEQUENCE_LOAD\" WITH PROPERTIES (\"function_column.sequence_type\" = \"Date\")",
        ),
        (
            "ALTER TABLE `s`.`t` ADD COLUMN `a` BIGINT NOT NULL AUTO_INCREMENT (1) COMMENT \"\"",
            vec![],
            "ADD COLUMN `a` BIGINT NOT NULL AUTO_INCREMENT(1) COMMENT \"\"",
        ),
        (
            "ALTER TABLE `s`.`t` ADD COLUMN `a` DOUBLE NULL DEFAULT -1.5 COMMENT \"\"",
            vec![],
            "ADD COLUMN `a` DOUBLE NULL DEFAULT -1.5 COMMENT \"\"",
        ),
    ] {
        assert_eq!(rendered(raw, &columns), expected, "{raw}");
    }
}

#[test]
fn other_clauses_are_not_taken_for_changes_of_columns() {
    for raw in [
        "ALTER TABLE `d`.`t` INDEX i2 (`c3`) USING INVERTED COMMENT ''",
        "ALTER TABLE `d`.`t` ADD COLUMN `a` INT NULL, ADD INDEX i (`a`) USING INVERTED",
        "ALTER TABLE `d`.`t` CREATE INDEX i1 ON `d`.`t` (`a`)",
        "ALTER TABLE `d`.`t` ADD COLUMN `a` INT NULL COMMENT \"x",
        "ALTER TABLE `d`.`t` ADD COLUMN `a`",
        "DROP TABLE t",
        "",
    ] {
        assert!(alter_clauses(raw, &[]).is_err(), "{raw}");
    }
}

/// Defects: BIN-9.
#[test]
fn a_backslash_in_a_comment_needs_a_statement_of_its_own() {
    let columns = schema(&[("a", r#","comment":"b\\s""#)]);
    let clauses = alter_clauses(r#"ALTER TABLE `d`.`t` ADD COLUMN `a` INT NULL COMMENT "b\s""#, &columns).unwrap();
    assert_eq!(clauses[0].to_string(), r#"ADD COLUMN `a` INT NULL COMMENT "bs""#);
    assert_eq!(clauses_need_comments(&clauses), [("a".to_owned(), "b\\s".to_owned())]);
}
