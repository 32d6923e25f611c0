//! The statements that are sent to a cluster.

use std::fmt;

use super::quote::{VerbatimText, identifier, identifiers, literal, properties, qualified};

/// One statement with its values; rendered by `Display`, without a trailing `;`. Names are the bare names, unquoted.
///
/// `LIKE` takes a constant pattern only ([`Statement::ShowFrontendConfig`]): in a name `%` and `_` would be wildcards and
/// Doris refuses a dozen other characters. Lists are read whole and compared exactly by the caller.
#[derive(Clone, Debug, PartialEq)]
pub enum Statement {
    // ---- questions ----
    /// FEs of the cluster; needs neither a BE nor ADMIN (4.1).
    ShowFrontends,
    /// The same from the table function: for accounts that may not `SHOW FRONTENDS`; needs a live BE.
    SelectFrontends,
    ShowBackends,
    ShowDatabases,
    /// Tables and views with their kind. `information_schema` would need a BE.
    ShowFullTables {
        db: String,
    },
    /// Name of a table by its id; needs ADMIN.
    ShowTableById {
        id: i64,
    },
    ShowCreateDatabase {
        db: String,
    },
    /// Of a table or of a view.
    ShowCreateTable {
        db: String,
        table: String,
    },
    ShowCreateView {
        db: String,
        view: String,
    },
    /// `pattern` is a constant of the program, never a name from outside.
    ShowFrontendConfig {
        pattern: &'static str,
    },
    /// Version of the FE that answers, as text behind `doris-`.
    ShowVersion,
    ShowPartitions {
        db: String,
        table: String,
    },
    /// Temporary partitions.
    ShowTemporaryPartitions {
        db: String,
        table: String,
    },
    ShowBackup {
        db: String,
        label: Option<String>,
    },
    /// `BRIEF`: without the object list, which can be megabytes (2.1, 3.0 and 4.1 know it).
    ShowRestore {
        db: String,
        label: Option<String>,
    },
    ShowTransactionById {
        db: String,
        id: i64,
    },
    ShowTransactionByLabel {
        db: String,
        label: String,
    },
    /// Heavy and light schema changes.
    ShowAlterTableColumn {
        db: String,
    },
    ShowAlterTableRollup {
        db: String,
    },
    ShowBuildIndex {
        db: String,
    },
    ShowIndex {
        db: String,
        table: String,
    },
    /// Columns of all indexes (rollups) of a table.
    DescribeAll {
        db: String,
        table: String,
    },
    /// Views that refer to a table.
    ShowViews {
        db: String,
        table: String,
    },

    // ---- backup and restore ----
    /// `objects` empty = the whole database. The files stay on the BEs (`__keep_on_local__`).
    Backup {
        db: String,
        label: String,
        objects: Vec<BackupObject>,
    },
    /// Cancels whatever backup runs in the database.
    CancelBackup {
        db: String,
    },
    /// Cancels whatever restore runs in the database.
    CancelRestore {
        db: String,
    },

    // ---- databases, tables, views ----
    CreateDatabase {
        db: String,
    },
    SetDatabaseProperties {
        db: String,
        properties: Vec<(String, String)>,
    },
    DropTable {
        db: String,
        table: String,
        force: bool,
    },
    DropView {
        db: String,
        view: String,
    },
    RenameTable {
        db: String,
        old: String,
        new: String,
    },
    /// `swap`: the two tables exchange their names; **a second execution swaps back**. Else `new` takes the place of
    /// `origin`, which is dropped.
    ReplaceTable {
        db: String,
        origin: String,
        new: String,
        swap: bool,
    },
    /// `partitions` empty = the whole table.
    Truncate {
        db: String,
        table: String,
        partitions: Vec<String>,
        force: bool,
    },
    /// Keep a `dynamic_partition.*` or `binlog.*` group together; of others Doris takes one a statement.
    SetTableProperties {
        db: String,
        table: String,
        properties: Vec<(String, String)>,
    },
    SetTableComment {
        db: String,
        table: String,
        comment: VerbatimText,
    },
    /// `columns` empty = names as the query has them. `query` is SQL text.
    AlterView {
        db: String,
        view: String,
        columns: Vec<String>,
        query: String,
    },
    SetViewComment {
        db: String,
        view: String,
        comment: VerbatimText,
    },
    /// `ALTER TABLE db.table clause`, with a clause that was rebuilt elsewhere (`ADD PARTITION ..`, `ADD COLUMN ..`).
    AlterTable {
        db: String,
        table: String,
        clause: String,
    },

    // ---- partitions ----
    DropPartition {
        db: String,
        table: String,
        partition: String,
        force: bool,
    },
    RenamePartition {
        db: String,
        table: String,
        old: String,
        new: String,
    },
    SetPartitionProperties {
        db: String,
        table: String,
        partitions: Vec<String>,
        properties: Vec<(String, String)>,
    },
    SetDistribution {
        db: String,
        table: String,
        distribution: Distribution,
        buckets: BucketCount,
    },

    // ---- columns, rollups, indexes ----
    RenameColumn {
        db: String,
        table: String,
        old: String,
        new: String,
    },
    /// Column and comment, in order.
    SetColumnComments {
        db: String,
        table: String,
        comments: Vec<(String, VerbatimText)>,
    },
    RenameRollup {
        db: String,
        table: String,
        old: String,
        new: String,
    },
    DropRollup {
        db: String,
        table: String,
        rollup: String,
    },
    DropIndexes {
        db: String,
        table: String,
        indexes: Vec<String>,
    },
    /// `partition: None` for an unpartitioned table, which refuses the clause.
    BuildIndex {
        db: String,
        table: String,
        index: String,
        partition: Option<String>,
    },

    // ---- text of a replayed DDL ----
    /// A whole statement, rebuilt elsewhere (`CREATE TABLE`, `CREATE VIEW`). One statement only.
    Ddl(String),
}

/// A table (or view) to back up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BackupObject {
    pub name: String,
    /// Empty = all.
    pub partitions: Vec<String>,
}

/// How rows are spread over buckets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Distribution {
    Hash(Vec<String>),
    Random,
}

/// How many buckets a future partition gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BucketCount {
    Auto,
    Fixed(u32),
}

impl Statement {
    /// The statement's first words, for messages. Never holds a value.
    pub fn name(&self) -> &'static str {
        match self {
            Self::ShowFrontends => "SHOW FRONTENDS",
            Self::SelectFrontends => "SELECT frontends()",
            Self::ShowBackends => "SHOW BACKENDS",
            Self::ShowDatabases => "SHOW DATABASES",
            Self::ShowFullTables { .. } => "SHOW FULL TABLES",
            Self::ShowTableById { .. } => "SHOW TABLE",
            Self::ShowCreateDatabase { .. } => "SHOW CREATE DATABASE",
            Self::ShowCreateTable { .. } => "SHOW CREATE TABLE",
            Self::ShowCreateView { .. } => "SHOW CREATE VIEW",
            Self::ShowFrontendConfig { .. } => "SHOW FRONTEND CONFIG",
            Self::ShowVersion => "SHOW VARIABLES",
            Self::ShowPartitions { .. } => "SHOW PARTITIONS",
            Self::ShowTemporaryPartitions { .. } => "SHOW TEMPORARY PARTITIONS",
            Self::ShowBackup { .. } => "SHOW BACKUP",
            Self::ShowRestore { .. } => "SHOW RESTORE",
            Self::ShowTransactionById { .. } | Self::ShowTransactionByLabel { .. } => "SHOW TRANSACTION",
            Self::ShowAlterTableColumn { .. } => "SHOW ALTER TABLE COLUMN",
            Self::ShowAlterTableRollup { .. } => "SHOW ALTER TABLE ROLLUP",
            Self::ShowBuildIndex { .. } => "SHOW BUILD INDEX",
            Self::ShowIndex { .. } => "SHOW INDEX",
            Self::DescribeAll { .. } => "DESC ALL",
            Self::ShowViews { .. } => "SHOW VIEW",
            Self::Backup { .. } => "BACKUP SNAPSHOT",
            Self::CancelBackup { .. } => "CANCEL BACKUP",
            Self::CancelRestore { .. } => "CANCEL RESTORE",
            Self::CreateDatabase { .. } => "CREATE DATABASE",
            Self::SetDatabaseProperties { .. } => "ALTER DATABASE SET PROPERTIES",
            Self::DropTable { .. } => "DROP TABLE",
            Self::DropView { .. } => "DROP VIEW",
            Self::RenameTable { .. } => "ALTER TABLE RENAME",
            Self::ReplaceTable { .. } => "ALTER TABLE REPLACE WITH TABLE",
            Self::Truncate { .. } => "TRUNCATE TABLE",
            Self::SetTableProperties { .. } => "ALTER TABLE SET",
            Self::SetTableComment { .. } => "ALTER TABLE MODIFY COMMENT",
            Self::AlterView { .. } => "ALTER VIEW",
            Self::SetViewComment { .. } => "ALTER VIEW MODIFY COMMENT",
            Self::AlterTable { .. } => "ALTER TABLE",
            Self::DropPartition { .. } => "ALTER TABLE DROP PARTITION",
            Self::RenamePartition { .. } => "ALTER TABLE RENAME PARTITION",
            Self::SetPartitionProperties { .. } => "ALTER TABLE MODIFY PARTITION",
            Self::SetDistribution { .. } => "ALTER TABLE MODIFY DISTRIBUTION",
            Self::RenameColumn { .. } => "ALTER TABLE RENAME COLUMN",
            Self::SetColumnComments { .. } => "ALTER TABLE MODIFY COLUMN COMMENT",
            Self::RenameRollup { .. } => "ALTER TABLE RENAME ROLLUP",
            Self::DropRollup { .. } => "ALTER TABLE DROP ROLLUP",
            Self::DropIndexes { .. } => "ALTER TABLE DROP INDEX",
            Self::BuildIndex { .. } => "BUILD INDEX",
            Self::Ddl(_) => "DDL",
        }
    }

    /// Whether the statement only asks: it may be sent again, to any FE, whatever became of the first time.
    pub fn is_read(&self) -> bool {
        ["SHOW", "SELECT", "DESC"].iter().any(|word| self.name().starts_with(word))
    }
}

impl fmt::Display for Statement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ShowFrontends => f.write_str("SHOW FRONTENDS"),
            Self::SelectFrontends => f.write_str("SELECT Host, QueryPort, RpcPort, IsMaster, Alive FROM frontends()"),
            Self::ShowBackends => f.write_str("SHOW BACKENDS"),
            Self::ShowDatabases => f.write_str("SHOW DATABASES"),
            Self::ShowFullTables { db } => write!(f, "SHOW FULL TABLES FROM {}", identifier(db)),
            Self::ShowTableById { id } => write!(f, "SHOW TABLE {id}"),
            Self::ShowCreateDatabase { db } => write!(f, "SHOW CREATE DATABASE {}", identifier(db)),
            Self::ShowCreateTable { db, table } => write!(f, "SHOW CREATE TABLE {}", qualified(db, table)),
            Self::ShowCreateView { db, view } => write!(f, "SHOW CREATE VIEW {}", qualified(db, view)),
            Self::ShowFrontendConfig { pattern } => write!(f, "SHOW FRONTEND CONFIG LIKE {}", literal(pattern)),
            Self::ShowVersion => f.write_str("SHOW VARIABLES LIKE \"version_comment\""),
            Self::ShowPartitions { db, table } => write!(f, "SHOW PARTITIONS FROM {}", qualified(db, table)),
            Self::ShowTemporaryPartitions { db, table } => {
                write!(f, "SHOW TEMPORARY PARTITIONS FROM {}", qualified(db, table))
            }
            Self::ShowBackup { db, label } => {
                write!(f, "SHOW BACKUP FROM {}", identifier(db))?;
                label.iter().try_for_each(|label| write!(f, " WHERE SnapshotName = {}", literal(label)))
            }
            Self::ShowRestore { db, label } => {
                write!(f, "SHOW BRIEF RESTORE FROM {}", identifier(db))?;
                label.iter().try_for_each(|label| write!(f, " WHERE Label = {}", literal(label)))
            }
            Self::ShowTransactionById { db, id } => {
                write!(f, "SHOW TRANSACTION FROM {} WHERE id = {id}", identifier(db))
            }
            Self::ShowTransactionByLabel { db, label } => {
                write!(f, "SHOW TRANSACTION FROM {} WHERE label = {}", identifier(db), literal(label))
            }
            Self::ShowAlterTableColumn { db } => write!(f, "SHOW ALTER TABLE COLUMN FROM {}", identifier(db)),
            Self::ShowAlterTableRollup { db } => write!(f, "SHOW ALTER TABLE ROLLUP FROM {}", identifier(db)),
            Self::ShowBuildIndex { db } => write!(f, "SHOW BUILD INDEX FROM {}", identifier(db)),
            Self::ShowIndex { db, table } => write!(f, "SHOW INDEX FROM {}", qualified(db, table)),
            Self::DescribeAll { db, table } => write!(f, "DESC {} ALL", qualified(db, table)),
            Self::ShowViews { db, table } => write!(f, "SHOW VIEW FROM {}", qualified(db, table)),

            Self::Backup { db, label, objects } => write_backup(f, db, label, objects),
            Self::CancelBackup { db } => write!(f, "CANCEL BACKUP FROM {}", identifier(db)),
            Self::CancelRestore { db } => write!(f, "CANCEL RESTORE FROM {}", identifier(db)),

            Self::CreateDatabase { db } => write!(f, "CREATE DATABASE IF NOT EXISTS {}", identifier(db)),
            Self::SetDatabaseProperties { db, properties: values } => {
                write!(f, "ALTER DATABASE {} SET PROPERTIES ({})", identifier(db), properties(values))
            }
            Self::DropTable { db, table, force } => {
                write!(f, "DROP TABLE IF EXISTS {}{}", qualified(db, table), forced(*force))
            }
            Self::DropView { db, view } => write!(f, "DROP VIEW IF EXISTS {}", qualified(db, view)),
            Self::Truncate { db, table, partitions, force } => {
                write!(f, "TRUNCATE TABLE {}", qualified(db, table))?;
                if !partitions.is_empty() {
                    write!(f, " PARTITIONS ({})", identifiers(partitions))?;
                }
                f.write_str(forced(*force))
            }
            Self::AlterView { db, view, columns, query } => {
                write!(f, "ALTER VIEW {}", qualified(db, view))?;
                if !columns.is_empty() {
                    write!(f, " ({})", identifiers(columns))?;
                }
                write!(f, " AS {query}")
            }
            Self::SetViewComment { db, view, comment } => {
                write!(f, "ALTER VIEW {} MODIFY COMMENT {}", qualified(db, view), comment.render())
            }
            Self::BuildIndex { db, table, index, partition } => {
                write!(f, "BUILD INDEX {} ON {}", identifier(index), qualified(db, table))?;
                partition.iter().try_for_each(|partition| write!(f, " PARTITION ({})", identifier(partition)))
            }
            Self::RenameTable { db, old, new } => {
                write!(f, "ALTER TABLE {} RENAME {}", qualified(db, old), identifier(new))
            }
            Self::ReplaceTable { db, origin, new, swap } => write!(
                f,
                "ALTER TABLE {} REPLACE WITH TABLE {} PROPERTIES (\"swap\" = \"{swap}\")",
                qualified(db, origin),
                identifier(new)
            ),
            Self::SetTableProperties { db, table, properties: values } => {
                write!(f, "ALTER TABLE {} SET ({})", qualified(db, table), properties(values))
            }
            Self::SetTableComment { db, table, comment } => {
                write!(f, "ALTER TABLE {} MODIFY COMMENT {}", qualified(db, table), comment.render())
            }
            Self::AlterTable { db, table, clause } => write!(f, "ALTER TABLE {} {clause}", qualified(db, table)),
            Self::DropPartition { db, table, partition, force } => write!(
                f,
                "ALTER TABLE {} DROP PARTITION IF EXISTS {}{}",
                qualified(db, table),
                identifier(partition),
                forced(*force)
            ),
            Self::RenamePartition { db, table, old, new } => write!(
                f,
                "ALTER TABLE {} RENAME PARTITION {} {}",
                qualified(db, table),
                identifier(old),
                identifier(new)
            ),
            Self::SetPartitionProperties { db, table, partitions, properties: values } => write!(
                f,
                "ALTER TABLE {} MODIFY PARTITION ({}) SET ({})",
                qualified(db, table),
                identifiers(partitions),
                properties(values)
            ),
            Self::SetDistribution { db, table, distribution, buckets } => {
                write!(f, "ALTER TABLE {} MODIFY DISTRIBUTION DISTRIBUTED BY ", qualified(db, table))?;
                match distribution {
                    Distribution::Hash(columns) => write!(f, "HASH({})", identifiers(columns))?,
                    Distribution::Random => f.write_str("RANDOM")?,
                }
                match buckets {
                    BucketCount::Auto => f.write_str(" BUCKETS AUTO"),
                    BucketCount::Fixed(number) => write!(f, " BUCKETS {number}"),
                }
            }
            Self::RenameColumn { db, table, old, new } => {
                write!(f, "ALTER TABLE {} RENAME COLUMN {} {}", qualified(db, table), identifier(old), identifier(new))
            }
            Self::SetColumnComments { db, table, comments } => {
                write!(f, "ALTER TABLE {} ", qualified(db, table))?;
                for (position, (column, comment)) in comments.iter().enumerate() {
                    let separator = if position == 0 { "" } else { ", " };
                    write!(f, "{separator}MODIFY COLUMN {} COMMENT {}", identifier(column), comment.render())?;
                }
                Ok(())
            }
            Self::RenameRollup { db, table, old, new } => {
                write!(f, "ALTER TABLE {} RENAME ROLLUP {} {}", qualified(db, table), identifier(old), identifier(new))
            }
            Self::DropRollup { db, table, rollup } => {
                write!(f, "ALTER TABLE {} DROP ROLLUP {}", qualified(db, table), identifier(rollup))
            }
            Self::DropIndexes { db, table, indexes } => {
                write!(f, "ALTER TABLE {} ", qualified(db, table))?;
                for (position, index) in indexes.iter().enumerate() {
                    let separator = if position == 0 { "" } else { ", " };
                    write!(f, "{separator}DROP INDEX {}", identifier(index))?;
                }
                Ok(())
            }

            Self::Ddl(text) => f.write_str(text),
        }
    }
}

fn write_backup(f: &mut fmt::Formatter<'_>, db: &str, label: &str, objects: &[BackupObject]) -> fmt::Result {
    write!(f, "BACKUP SNAPSHOT {} TO `__keep_on_local__`", qualified(db, label))?;
    for (position, object) in objects.iter().enumerate() {
        f.write_str(if position == 0 { " ON (" } else { ", " })?;
        f.write_str(&identifier(&object.name))?;
        if !object.partitions.is_empty() {
            write!(f, " PARTITION ({})", identifiers(&object.partitions))?;
        }
    }
    if !objects.is_empty() {
        f.write_str(")")?;
    }
    f.write_str(" PROPERTIES (\"type\" = \"full\")")
}

fn forced(force: bool) -> &'static str {
    if force { " FORCE" } else { "" }
}

#[cfg(test)]
#[path = "statement_tests.rs"]
mod tests;
