//! A process that dies at each point of a scenario, one after the other: none is left out.
#![allow(clippy::unwrap_used)]

use ccr_simtest::crash::{self, Death, Kill, Scenario};

const TABLE: Scenario = Scenario {
    name: "a table job",
    before: &[
        "CREATE DATABASE shop",
        "CREATE TABLE shop.orders (id BIGINT NOT NULL, note VARCHAR(20) NULL) DUPLICATE KEY (id) \
         PARTITION BY RANGE(id) (PARTITION p1 VALUES LESS THAN (\"10\"), PARTITION p2 VALUES LESS THAN (\"20\")) \
         DISTRIBUTED BY HASH(id) BUCKETS 2 PROPERTIES (\"replication_num\" = \"1\", \"binlog.enable\" = \"true\")",
        "INSERT INTO shop.orders VALUES (1, 'a'), (11, 'b')",
    ],
    table: Some("orders"),
    alias: None,
    steps: &[
        &["INSERT INTO shop.orders VALUES (2, 'c'), (12, 'd')"],
        &[
            "ALTER TABLE shop.orders ADD PARTITION p3 VALUES LESS THAN (\"30\")",
            "INSERT INTO shop.orders VALUES (25, 'e')",
        ],
        &[
            "ALTER TABLE shop.orders ADD COLUMN more INT NULL DEFAULT \"7\"",
            "INSERT INTO shop.orders VALUES (3, 'f', 1)",
        ],
        &["ALTER TABLE shop.orders RENAME COLUMN more less", "INSERT INTO shop.orders VALUES (4, 'g', 2)"],
        &["ALTER TABLE shop.orders RENAME PARTITION p3 third"],
        &["TRUNCATE TABLE shop.orders PARTITION (p1)", "INSERT INTO shop.orders VALUES (5, 'h', 3)"],
        &["ALTER TABLE shop.orders DROP PARTITION p2"],
        &["ALTER TABLE shop.orders DROP COLUMN less", "DELETE FROM shop.orders PARTITION third WHERE id = 25"],
        &[
            "BEGIN",
            "INSERT INTO shop.orders SELECT id + 1, 'x' FROM shop.orders WHERE id = 5",
            "INSERT INTO shop.orders SELECT id + 2, 'y' FROM shop.orders WHERE id = 5",
            "COMMIT",
        ],
        &["ALTER TABLE shop.orders MODIFY COMMENT 'it\\'s'", "INSERT INTO shop.orders VALUES (7, 'z')"],
    ],
    copies: 1,
};

fn play(scenario: &Scenario, kills: &[Kill]) -> Vec<Vec<crash::Point>> {
    let (outcome, trace) = crash::run(scenario, kills);
    match outcome {
        Ok(outcome) => outcome.points,
        Err(error) => panic!("{}, {kills:?}: {error:#}\n{}", scenario.name, trace.join("\n")),
    }
}

/// Two halves, as many as the machine has cores at least: the test programs run one after the other.
#[test]
fn a_table_job_survives_the_death_of_its_process_at_every_point() {
    let undisturbed = play(&TABLE, &[]).remove(0);
    let kills: Vec<Kill> = undisturbed
        .iter()
        .enumerate()
        .flat_map(|(point, passed)| {
            let deaths: &[Death] =
                if passed.write { &[Death::Before, Death::After] } else { &[Death::Before, Death::After, Death::Late] };
            deaths.iter().map(move |&death| Kill { point, death })
        })
        .collect();
    assert!(undisturbed.iter().filter(|point| point.write).count() > 20, "{undisturbed:?}");
    std::thread::scope(|scope| {
        for half in 0..2 {
            let kills = &kills;
            scope.spawn(move || {
                for &kill in kills.iter().skip(half).step_by(2) {
                    assert_eq!(play(&TABLE, &[kill]).len(), 2, "{kill:?}: nobody died");
                }
            });
        }
    });
}
