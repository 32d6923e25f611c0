//! What the lines of a scenario mean.

use std::{fmt, time::Duration};

/// What kind of job a scenario is played with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// One job for the whole database.
    Db,
    /// One job for each table that the scenario starts a copy of.
    Table,
    /// The same, and the copy has another name than the table.
    Alias,
}

impl Kind {
    /// The kind of that name.
    pub fn of_name(name: &str) -> Option<Self> {
        [Self::Db, Self::Table, Self::Alias].into_iter().find(|kind| kind.to_string() == name)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Db => "db",
            Self::Table => "table",
            Self::Alias => "alias",
        })
    }
}

/// One scenario.
#[derive(Clone, Debug)]
pub struct Scenario {
    pub name: String,
    /// File and line where it begins.
    pub place: String,
    /// One sentence.
    pub about: String,
    /// It is played once with each.
    pub kinds: Vec<Kind>,
    pub steps: Vec<Line>,
}

/// One step with its place.
#[derive(Clone, Debug)]
pub struct Line {
    /// File and line.
    pub place: String,
    pub text: String,
    /// Only with jobs of these kinds; empty: with all.
    pub only: Vec<Kind>,
    pub step: Step,
}

/// One of the two clusters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    Source,
    Dest,
}

/// What is done.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// Runs a statement, which must succeed.
    Sql {
        side: Side,
        sql: String,
    },
    /// Inserts a row for each number; `each`: each in a statement of its own.
    Fill {
        table: String,
        row: String,
        from: i64,
        to: i64,
        each: bool,
    },
    /// Binlog of the database on (database jobs), jobs created, and their full copies waited for.
    Initial {
        tables: Vec<String>,
    },
    /// Jobs created and not waited for. `also`: keys of the request besides the usual ones, as JSON.
    Start {
        tables: Vec<String>,
        also: Option<String>,
        refused: Option<String>,
    },
    /// A request about all jobs of the scenario.
    Control(Control),
    Failpoint {
        name: String,
        value: Option<String>,
    },
    /// A debug point of the source's FEs.
    DebugPoint {
        name: String,
        value: Option<String>,
        on: bool,
    },
    Wait(Duration),
    /// Until no schema change, rollup or index job of the table is under way on the source.
    Altered {
        table: String,
    },
    /// The full copies, snapshots and restores so far are those that the later checks compare with.
    Mark,
    /// Must come true.
    Check(Check),
    /// Must be true now and stay so.
    Stays(Duration, Check),
    /// `/get_lag` answers with every field and a lag that is not negative.
    Lag,
}

/// Requests about all jobs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Control {
    Pause,
    Resume,
    FullSync,
    Delete,
    Desync,
    /// The record at which the job stands.
    SkipSilence,
    SkipFullSync,
    SkipPartialSync(String),
}

/// What is looked at.
#[derive(Clone, Debug, PartialEq)]
pub enum Check {
    /// Rows of the destination's table.
    Rows { table: String, count: usize, filter: Option<String> },
    /// Both sides hold the same rows.
    Same { table: String },
    /// The answer to a statement.
    Gives { side: Side, sql: String, expected: Expected },
    /// The destination's CREATE TABLE.
    Ddl { table: String, has: bool, text: String },
    /// All columns of the destination's table in their order.
    Columns { table: String, columns: Vec<ColumnCheck> },
    /// Whether the destination has a table or view.
    Exists { table: String, there: bool },
    /// Partitions that the destination's table has, or none of which it has.
    Partitions { table: String, has: bool, names: Vec<String> },
    /// Names of all secondary indexes of the destination's table.
    Indexes { table: String, names: Vec<String> },
    /// A rollup of the destination's table.
    Rollup { table: String, name: String, there: bool },
    /// `DESC t ALL` is the same on both sides.
    SameDesc { table: String },
    /// The job is in one of these states.
    State { names: Vec<String> },
    /// All jobs run.
    Running,
    /// No full copy since the mark.
    NoFullSync,
    /// A full copy since the mark.
    FullSync,
    /// No snapshot of any kind since the mark.
    NoBackup,
    /// So many restores that mention the table have finished since the mark, at least.
    Restored { table: String, count: usize },
    /// No job is behind.
    CaughtUp,
    /// The record at which the job stood when it was skipped is behind it.
    Skipped,
}

/// One column of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ColumnCheck {
    pub name: String,
    pub key: bool,
    /// As SHOW COLUMNS writes it.
    pub ty: Option<String>,
}

/// What a statement must answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expected {
    /// These rows, in this order; NULL is `NULL`.
    Rows(Vec<Vec<String>>),
    /// Some cell contains the text.
    Has(String),
    /// No cell contains the text, and there is an answer.
    Lacks(String),
    /// It is refused with a text that contains this one.
    Fails(String),
}
