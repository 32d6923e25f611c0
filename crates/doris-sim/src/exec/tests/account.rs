//! Users, privileges, and what is not modelled.

use super::Cluster;

/// A cluster with the tables `t` and `u` of the database `d`, and the user `ccr` whose session it is.
async fn with_user(grants: &[&str]) -> Cluster {
    let mut c = Cluster::with_database().await;
    for table in ["t", "u"] {
        c.ok(&format!("CREATE TABLE {table} (k INT) DUPLICATE KEY(k) DISTRIBUTED BY HASH(k) BUCKETS 1")).await;
    }
    c.ok("CREATE DATABASE other").await;
    c.ok("CREATE USER 'ccr'@'%' IDENTIFIED BY 'secret'").await;
    for grant in grants {
        c.ok(grant).await;
    }
    c.session.user = "ccr".into();
    c.session.host = "10.0.0.7".into();
    c
}

#[tokio::test(start_paused = true)]
async fn a_user_without_a_privilege_is_refused() {
    let mut c = with_user(&["GRANT SELECT_PRIV ON d.t TO 'ccr'@'%'"]).await;
    assert_eq!(c.lines("SHOW DATABASES").await, ["d", "information_schema", "mysql"]);
    assert_eq!(c.lines("SHOW TABLES").await, ["t"]);
    assert_eq!(c.lines("SELECT k FROM t").await, Vec::<String>::new());
    assert_eq!(c.lines("SELECT current_user()").await, ["'ccr'@'%'"]);
    let on = |names: &str, what: &str| {
        format!("Access denied; you need (at least one of) the ({names}) privilege(s) {what}for this operation")
    };
    c.refusals(&[
        (
            "SELECT k FROM u",
            "Permission denied: user ['ccr'@'%'] does not have privilege for [priv predicate: OR, Admin_priv,Select_priv] \
             command on [internal].[d].[u].[k]",
        ),
        ("INSERT INTO t VALUES (1)", "LOAD command denied to user 'ccr'@'10.0.0.7' for table 'd.t'"),
        ("ALTER TABLE t MODIFY COMMENT 'x'", &on("Admin_priv,Alter_priv", "on table t ")),
        ("DROP TABLE t", &on("Admin_priv,Drop_priv", "on table t ")),
        ("BACKUP SNAPSHOT d.s TO `__keep_on_local__`", &on("Admin_priv,Load_priv", "on database d ")),
        ("CREATE DATABASE e", "Access denied for user 'ccr' to database 'e'"),
        ("USE other", "Access denied for user 'ccr' to database 'other'"),
        ("SHOW PROC '/dbs'", &on("ADMIN/NODE", "")),
        ("ADMIN SET FRONTEND CONFIG ('label_num_threshold' = '1')", &on("ADMIN", "")),
        ("CREATE USER x", &on("GRANT", "")),
    ])
    .await;
}

#[tokio::test(start_paused = true)]
async fn grants_are_shown_and_revoked() {
    let mut c = with_user(&[
        "GRANT SELECT_PRIV, LOAD_PRIV ON *.* TO 'ccr'@'%'",
        "GRANT ALTER_PRIV ON d.t TO 'ccr'@'%'",
        "CREATE ROLE writer",
        "GRANT DROP_PRIV ON *.*.* TO ROLE 'writer'",
        "GRANT 'writer' TO 'ccr'@'%'",
    ])
    .await;
    assert_eq!(
        c.lines("SHOW GRANTS").await,
        ["'ccr'@'%'||Yes|writer|Drop_priv|internal: Select_priv,Load_priv|internal.information_schema: Select_priv; \
          internal.mysql: Select_priv|internal.d.t: Alter_priv|NULL|NULL|NULL|NULL|NULL|normal: Usage_priv|NULL"]
    );
    c.ok("INSERT INTO u VALUES (1)").await;
    c.ok("DROP TABLE u").await;
    c.session.user = "root".into();
    c.ok("REVOKE 'writer' FROM 'ccr'@'%'").await;
    c.ok("REVOKE LOAD_PRIV ON *.* FROM 'ccr'@'%'").await;
    c.session.user = "ccr".into();
    assert!(c.refusal("INSERT INTO t VALUES (1)").await.starts_with("LOAD command denied"));
    assert!(c.refusal("DROP TABLE t").await.starts_with("Access denied"));
    c.session.user = "root".into();
    c.ok("DROP USER 'ccr'@'%'").await;
    c.refusals(&[
        ("DROP USER 'ccr'@'%'", "User `ccr`@`%` does not exist."),
        ("SHOW GRANTS FOR 'ccr'@'%'", "User: 'ccr'@'%' does not exist"),
        ("GRANT SELECT_PRIV ON *.* TO 'ccr'@'%'", "user 'ccr'@'%' does not exist"),
    ])
    .await;
}

#[tokio::test(start_paused = true)]
async fn what_is_not_modelled_says_so() {
    let mut c = Cluster::with_database().await;
    for sql in ["EXPORT TABLE t TO 'x'", "SHOW DATA", "ADMIN CHECK TABLET (1)", "SHOW PROC '/auth'", "EXPLAIN SELECT 1"]
    {
        let refusal = c.refusal(sql).await;
        assert!(refusal.contains("doris-sim does not model"), "{sql}: {refusal}");
    }
    let refusal = c.refusal("SELEC 1").await;
    assert!(refusal.starts_with("\nmismatched input 'SELEC' expecting {<EOF>, ';',"), "{refusal}");
    assert!(refusal.ends_with("(line 1, pos 0)\n"), "{refusal}");
}

#[tokio::test(start_paused = true)]
async fn a_materialized_view_of_its_own_is_a_table_that_is_not_recorded() {
    let mut c = Cluster::with_database().await;
    c.ok("ALTER DATABASE d SET PROPERTIES ('binlog.enable' = 'true')").await;
    c.ok("CREATE TABLE t (k INT, v INT) UNIQUE KEY(k) DISTRIBUTED BY HASH(k) BUCKETS 1").await;
    c.ok("INSERT INTO t VALUES (1, 2)").await;
    let recorded =
        |c: &Cluster| c.sim.look(|model| model.binlogs.values().map(|b| b.stream.records().count()).sum::<usize>());
    let before = recorded(&c);
    let rest = "REFRESH COMPLETE ON MANUAL DISTRIBUTED BY HASH(k) BUCKETS 1 PROPERTIES ('replication_num'='1') AS SELECT k, v FROM t";
    c.ok(&format!("CREATE MATERIALIZED VIEW lazy BUILD DEFERRED {rest}")).await;
    c.ok(&format!("CREATE MATERIALIZED VIEW eager BUILD IMMEDIATE {rest}")).await;
    assert_eq!(c.lines("SELECT * FROM lazy").await, Vec::<String>::new());
    assert_eq!(c.lines("SELECT * FROM eager").await, ["1|2"]);
    let shown = c.result("SHOW CREATE MATERIALIZED VIEW lazy").await;
    let text = shown.rows[0][1].clone().unwrap();
    assert!(
        text.starts_with(
            "CREATE MATERIALIZED VIEW lazy\n(k,v)\nBUILD DEFERRED REFRESH COMPLETE ON MANUAL\nDUPLICATE KEY(`k`, `v`)\n\
         DISTRIBUTED BY HASH(`k`) BUCKETS 1\nPROPERTIES (\n"
        ),
        "{text}"
    );
    assert!(
        text.ends_with("\n)\nAS SELECT `internal`.`d`.`t`.`k`, `internal`.`d`.`t`.`v` FROM `internal`.`d`.`t`"),
        "{text}"
    );
    c.refusals(&[
        ("DROP TABLE lazy", "'d.lazy' is not TABLE. Use 'DROP MATERIALIZED VIEW d.lazy'."),
        ("DROP MATERIALIZED VIEW t", "'d.t' is not MATERIALIZED_VIEW. Use 'DROP TABLE d.t'."),
        ("CREATE TEMPORARY TABLE x (k INT)", "Cannot create temporary table with binlog enable"),
    ])
    .await;
    c.ok("DROP MATERIALIZED VIEW lazy").await;
    c.ok("DROP MATERIALIZED VIEW IF EXISTS lazy").await;
    assert_eq!(recorded(&c), before);
}
