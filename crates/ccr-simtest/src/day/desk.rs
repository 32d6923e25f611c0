//! Who writes to a source table and changes it, with what they know about it.

use super::plan::Profile;
use crate::host::SeededRng;

/// The database on both sides.
pub(super) const DB: &str = "shop";

/// Key model of a table. All have the columns `id BIGINT`, `note VARCHAR`, `v BIGINT`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Model {
    /// A row that is applied twice is there twice.
    Duplicate,
    Unique,
    /// `v` is a sum: a row that is applied twice shows.
    Aggregate,
}

/// Statements that write rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Write {
    Insert,
    InsertMany,
    Delete,
    Update,
    /// Two sub transactions, one may be of another table.
    Transaction,
    Overwrite,
}

/// Statements that change a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Change {
    AddColumn,
    DropColumn,
    RenameColumn,
    ColumnComment,
    Comment,
    AddPartition,
    DropPartition,
    RecoverPartition,
    RenamePartition,
    ReplacePartition,
    TruncatePartition,
    Truncate,
    AddKey,
    WidenColumn,
    AddRollup,
    DropRollup,
    AddIndex,
    DropIndex,
    BloomFilter,
}

impl Write {
    pub(super) fn weights(profile: Profile) -> &'static [(Self, u64)] {
        match profile {
            Profile::SwapStorm => &[
                (Self::Insert, 50),
                (Self::InsertMany, 15),
                (Self::Delete, 8),
                (Self::Update, 5),
                (Self::Transaction, 5),
                (Self::Overwrite, 4),
            ],
            _ => &[
                (Self::Insert, 70),
                (Self::InsertMany, 15),
                (Self::Delete, 8),
                (Self::Update, 5),
                (Self::Transaction, 5),
            ],
        }
    }
}

impl Change {
    pub(super) fn weights(profile: Profile) -> &'static [(Self, u64)] {
        match profile {
            Profile::SwapStorm => &[
                (Self::Truncate, 4),
                (Self::TruncatePartition, 6),
                (Self::ReplacePartition, 6),
                (Self::AddPartition, 8),
                (Self::DropPartition, 6),
                (Self::RecoverPartition, 3),
                (Self::RenamePartition, 3),
            ],
            _ => &[
                (Self::AddColumn, 8),
                (Self::DropColumn, 5),
                (Self::RenameColumn, 4),
                (Self::ColumnComment, 2),
                (Self::Comment, 3),
                (Self::AddPartition, 8),
                (Self::DropPartition, 4),
                (Self::RecoverPartition, 1),
                (Self::RenamePartition, 3),
                (Self::ReplacePartition, 1),
                (Self::TruncatePartition, 3),
                (Self::Truncate, 1),
                (Self::AddKey, 1),
                (Self::WidenColumn, 1),
                (Self::AddRollup, 1),
                (Self::DropRollup, 1),
                (Self::AddIndex, 1),
                (Self::DropIndex, 1),
                (Self::BloomFilter, 1),
            ],
        }
    }

    /// Whether only a copy can bring it to the destination.
    pub(super) fn copies(self) -> bool {
        matches!(
            self,
            Self::RecoverPartition
                | Self::ReplacePartition
                | Self::AddKey
                | Self::WidenColumn
                | Self::AddRollup
                | Self::BloomFilter
                | Self::AddIndex
                | Self::DropIndex
                | Self::DropColumn
        )
    }

    /// Whether versions 2.1 and 3.0 leave a record of it.
    pub(super) fn old_versions_record(self) -> bool {
        !matches!(
            self,
            Self::RenameColumn
                | Self::ColumnComment
                | Self::Comment
                | Self::RenamePartition
                | Self::RecoverPartition
                | Self::DropRollup
                | Self::AddIndex
                | Self::DropIndex
        )
    }
}

/// A table as its writers know it.
#[derive(Clone, Debug)]
pub(super) struct Desk {
    pub(super) name: String,
    pub(super) model: Model,
    columns: Vec<String>,
    partitions: Vec<String>,
    dropped: Vec<String>,
    rollups: Vec<String>,
    indexes: Vec<String>,
    /// Names never come back.
    next: u64,
    next_id: u64,
    /// Added partitions so far: each has the next range.
    ranges: u64,
    keys: u64,
}

/// Ids of the base partition end here; each added partition has the next ten thousand.
const BASE: u64 = 1_000_000;

/// A statement, or several of one session, and what they make of the desk.
pub(super) struct Statement {
    pub(super) sql: Vec<String>,
    pub(super) done: Box<dyn FnOnce(&mut Desk) + Send>,
    /// Ids of partitions that are gone then: nobody can copy what was in them before.
    pub(super) lost: Option<(u64, u64)>,
}

impl Statement {
    fn losing(self, lost: (u64, u64)) -> Self {
        Self { lost: Some(lost), ..self }
    }
}

/// All ids.
const ALL: (u64, u64) = (0, u64::MAX);

/// The ids of an added partition.
fn range_of(partition: &str) -> (u64, u64) {
    (low_of(partition), low_of(partition) + 10_000)
}

fn plain(sql: String) -> Statement {
    then(sql, |_| {})
}

fn then(sql: String, done: impl FnOnce(&mut Desk) + Send + 'static) -> Statement {
    Statement { sql: vec![sql], done: Box::new(done), lost: None }
}

impl Desk {
    pub(super) fn new(name: &str, model: Model) -> Self {
        Self {
            name: name.to_owned(),
            model,
            columns: Vec::new(),
            partitions: Vec::new(),
            dropped: Vec::new(),
            rollups: Vec::new(),
            indexes: Vec::new(),
            next: 0,
            next_id: 0,
            ranges: 0,
            keys: 0,
        }
    }

    pub(super) fn create(&self, buckets: u64, replicas: usize) -> String {
        let name = &self.name;
        let (keys, note, v) = match self.model {
            Model::Duplicate => ("DUPLICATE", "VARCHAR(64) NULL", "BIGINT NULL"),
            Model::Unique => ("UNIQUE", "VARCHAR(64) NULL", "BIGINT NULL"),
            Model::Aggregate => ("AGGREGATE", "VARCHAR(64) REPLACE NULL", "BIGINT SUM NULL"),
        };
        format!(
            "CREATE TABLE {DB}.{name} (id BIGINT NOT NULL, note {note}, v {v}) {keys} KEY (id) \
             PARTITION BY RANGE(id) (PARTITION base VALUES [(\"0\"), (\"{BASE}\"))) DISTRIBUTED BY HASH(id) BUCKETS {buckets} \
             PROPERTIES (\"replication_num\" = \"{replicas}\", \"binlog.enable\" = \"true\", \"light_schema_change\" = \"true\")"
        )
    }

    fn alter(&self, clause: &str) -> String {
        format!("ALTER TABLE {DB}.{} {clause}", self.name)
    }

    /// A new id in one of the partitions; of tables with unique keys sometimes an old one.
    fn id(&mut self, rng: &SeededRng) -> u64 {
        self.next_id += 1;
        let number =
            if self.model != Model::Duplicate && rng.chance(250) { 1 + rng.below(self.next_id) } else { self.next_id };
        let number = number % 9_000;
        match self.partitions.get(rng.below(self.partitions.len() as u64 + 2) as usize) {
            Some(partition) => low_of(partition) + number,
            None => number,
        }
    }

    pub(super) fn insert(&mut self, rng: &SeededRng, rows: u64) -> String {
        let values: Vec<String> =
            (0..rows).map(|_| format!("({}, 'n{}', {})", self.id(rng), rng.below(1000), 1 + rng.below(9))).collect();
        format!("INSERT INTO {DB}.{} (id, note, v) VALUES {}", self.name, values.join(", "))
    }

    /// Rows; `other` is another table of the day, `old`: the cluster is older than 4.
    pub(super) fn write(&mut self, what: Write, other: &str, old: bool, rng: &SeededRng) -> Statement {
        let name = self.name.clone();
        match what {
            Write::Delete => plain(format!(
                "DELETE FROM {DB}.{name} PARTITION base WHERE id = {}",
                1 + rng.below(self.next_id.max(1))
            )),
            Write::Update if self.model == Model::Unique => plain(format!(
                "UPDATE {DB}.{name} SET note = 'u{}' WHERE id = {}",
                rng.below(1000),
                1 + rng.below(self.next_id.max(1))
            )),
            Write::Transaction if !old => {
                let from = 1 + rng.below(self.next_id.max(1));
                // A limit, or the rows of a table without unique keys double each time.
                let copy = |into: &str| {
                    format!(
                        "INSERT INTO {DB}.{into} (id, note, v) SELECT id, note, v FROM {DB}.{name} WHERE id < {from} \
                         ORDER BY id, note, v LIMIT 20"
                    )
                };
                Statement {
                    sql: vec!["BEGIN".into(), copy(&name), copy(other), "COMMIT".into()],
                    done: Box::new(|_| {}),
                    lost: None,
                }
            }
            Write::Overwrite => {
                let values: Vec<String> = (0..3).map(|_| format!("({}, 'o', 1)", self.id(rng))).collect();
                plain(format!("INSERT OVERWRITE TABLE {DB}.{name} (id, note, v) VALUES {}", values.join(", ")))
                    .losing(ALL)
            }
            Write::InsertMany => {
                let rows = 5 + rng.below(20);
                plain(self.insert(rng, rows))
            }
            Write::Insert | Write::Update | Write::Transaction => {
                let rows = 1 + rng.below(3);
                plain(self.insert(rng, rows))
            }
        }
    }

    /// A change, or another one when there is nothing for it to change.
    pub(super) fn change(&mut self, what: Change, old: bool, rng: &SeededRng) -> (Change, Statement) {
        let what = if old && !what.old_versions_record() { Change::AddColumn } else { what };
        self.next += 1;
        let number = self.next;
        let of = |list: &[String]| list.get(rng.below(list.len() as u64) as usize).cloned();
        let statement = match what {
            Change::DropColumn => of(&self.columns).map(|column| {
                then(self.alter(&format!("DROP COLUMN {column}")), move |desk| desk.columns.retain(|c| *c != column))
            }),
            Change::RenameColumn => of(&self.columns).map(|column| {
                then(self.alter(&format!("RENAME COLUMN {column} r{number}")), move |desk| {
                    desk.columns.retain(|c| *c != column);
                    desk.columns.push(format!("r{number}"));
                })
            }),
            Change::ColumnComment => of(&self.columns)
                .map(|column| plain(self.alter(&format!("MODIFY COLUMN {column} COMMENT 'c{number}'")))),
            Change::WidenColumn => of(&self.columns)
                .map(|column| plain(self.alter(&format!("MODIFY COLUMN {column} BIGINT NULL DEFAULT \"{number}\"")))),
            Change::Comment => Some(plain(self.alter(&format!("MODIFY COMMENT 'comment {number}'")))),
            Change::DropPartition => of(&self.partitions).map(|partition| {
                let lost = range_of(&partition);
                then(self.alter(&format!("DROP PARTITION {partition}")), move |desk| {
                    desk.partitions.retain(|p| *p != partition);
                    desk.dropped.push(partition);
                })
                .losing(lost)
            }),
            Change::RecoverPartition => of(&self.dropped).map(|partition| {
                then(format!("RECOVER PARTITION {partition} FROM {DB}.{}", self.name), move |desk| {
                    desk.dropped.retain(|p| *p != partition);
                    desk.partitions.push(partition);
                })
            }),
            Change::RenamePartition => of(&self.partitions).map(|partition| {
                // The range stays in the name.
                let new = format!("{}_{number}", partition.split('_').next().unwrap_or_default());
                then(self.alter(&format!("RENAME PARTITION {partition} {new}")), move |desk| {
                    desk.partitions.retain(|p| *p != partition);
                    desk.partitions.push(new);
                })
            }),
            Change::TruncatePartition => of(&self.partitions).map(|partition| {
                plain(format!("TRUNCATE TABLE {DB}.{} PARTITION ({partition})", self.name)).losing(range_of(&partition))
            }),
            Change::Truncate => Some(plain(format!("TRUNCATE TABLE {DB}.{}", self.name)).losing(ALL)),
            Change::ReplacePartition => of(&self.partitions).map(|partition| {
                let low = low_of(&partition);
                let name = &self.name;
                let sql = vec![
                    self.alter(&format!(
                        "ADD TEMPORARY PARTITION t{number} VALUES [(\"{low}\"), (\"{}\"))",
                        low + 10_000
                    )),
                    format!(
                        "INSERT INTO {DB}.{name} TEMPORARY PARTITION (t{number}) (id, note, v) VALUES ({}, 'r', 1)",
                        low + 1
                    ),
                    self.alter(&format!("REPLACE PARTITION ({partition}) WITH TEMPORARY PARTITION (t{number})")),
                ];
                Statement { sql, done: Box::new(|_| {}), lost: Some(range_of(&partition)) }
            }),
            Change::AddKey if self.keys < 2 => {
                Some(then(self.alter(&format!("ADD COLUMN k{number} INT KEY DEFAULT \"0\" AFTER id")), |desk| {
                    desk.keys += 1
                }))
            }
            Change::AddRollup if self.rollups.len() < 2 => {
                // An aggregate table's rollup must hold a key and a value.
                Some(then(self.alter(&format!("ADD ROLLUP u{number} (id, v)")), move |desk| {
                    desk.rollups.push(format!("u{number}"))
                }))
            }
            Change::DropRollup => of(&self.rollups).map(|rollup| {
                then(self.alter(&format!("DROP ROLLUP {rollup}")), move |desk| desk.rollups.retain(|r| *r != rollup))
            }),
            Change::AddIndex if self.indexes.is_empty() && self.model != Model::Aggregate => {
                Some(then(self.alter(&format!("ADD INDEX i{number} (note) USING INVERTED")), move |desk| {
                    desk.indexes.push(format!("i{number}"));
                }))
            }
            Change::DropIndex => of(&self.indexes).map(|index| {
                then(self.alter(&format!("DROP INDEX {index}")), move |desk| desk.indexes.retain(|i| *i != index))
            }),
            Change::BloomFilter => Some(plain(self.alter(if number.is_multiple_of(2) {
                "SET (\"bloom_filter_columns\" = \"id\")"
            } else {
                "SET (\"bloom_filter_columns\" = \"\")"
            }))),
            Change::AddPartition => {
                self.ranges += 1;
                let partition = format!("p{}", self.ranges);
                let low = low_of(&partition);
                let clause = format!(
                    "ADD PARTITION {partition} VALUES [(\"{low}\"), (\"{}\")) DISTRIBUTED BY HASH(id) BUCKETS {}",
                    low + 10_000,
                    1 + rng.below(4)
                );
                Some(then(self.alter(&clause), move |desk| desk.partitions.push(partition)))
            }
            Change::AddColumn | Change::AddKey | Change::AddRollup | Change::AddIndex => None,
        };
        match statement {
            Some(statement) => (what, statement),
            None => {
                let aggregation = if self.model == Model::Aggregate { "REPLACE " } else { "" };
                let clause = format!("ADD COLUMN c{number} INT {aggregation}NULL DEFAULT \"{number}\"");
                (Change::AddColumn, then(self.alter(&clause), move |desk| desk.columns.push(format!("c{number}"))))
            }
        }
    }
}

/// Where the range of an added partition begins: `p7` and `p7_12` are the seventh.
fn low_of(partition: &str) -> u64 {
    let number = partition.trim_start_matches('p').split('_').next().unwrap_or_default();
    BASE + number.parse::<u64>().unwrap_or_default() * 10_000
}
