//! ALTER of databases, tables and views, as data.

use sqlparser::ast::{Expr, Query};

use super::{
    ColumnDef, DistributionDef, IndexDef, ObjectName, PartitionDef, PartitionValue, Properties, RollupDef,
    TargetPartitions,
};
use crate::{model::Position, sql::literal::Literal};

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AlterDatabase {
    SetProperties(Properties),
    Rename(String),
    /// As written: `10G`.
    DataQuota(String),
    ReplicaQuota(i64),
    TransactionQuota(i64),
}

#[derive(Clone, Debug, PartialEq)]
pub enum AlterView {
    Definition { columns: Vec<(String, Option<Literal>)>, query: Box<Query>, text: String },
    Comment(Literal),
}

/// One clause of ALTER TABLE.
#[derive(Clone, Debug, PartialEq)]
pub enum AlterClause {
    Rename(String),
    Replace { with: String, properties: Properties, force: bool },
    Set(Properties),
    RenameRollup { old: String, new: String },
    RenameColumn { old: String, new: String },
    TableComment(Literal),
    Schema(SchemaAlteration),
    AddRollups(Vec<RollupDef>),
    DropRollups(Vec<String>),
    ModifyDistribution(DistributionDef),
    AddConstraint { name: String, kind: ConstraintDef },
    DropConstraint(String),
    Partition(PartitionClause),
}

/// What a constraint says. Doris believes it and never checks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ConstraintDef {
    Primary(Vec<String>),
    Unique(Vec<String>),
    Foreign { columns: Vec<String>, table: ObjectName, references: Vec<String> },
}

/// A clause of ALTER TABLE on columns and indexes. `rollup`: IN, TO or FROM an index.
#[derive(Clone, Debug, PartialEq)]
pub enum SchemaAlteration {
    /// `list`: in parentheses.
    AddColumns {
        columns: Vec<ColumnDef>,
        list: bool,
        position: Position,
        rollup: Option<String>,
    },
    DropColumn {
        name: String,
        rollup: Option<String>,
    },
    ModifyColumn {
        column: ColumnDef,
        position: Position,
        rollup: Option<String>,
    },
    /// `MODIFY COLUMN name COMMENT '..'`
    ColumnComment {
        name: String,
        comment: Literal,
    },
    /// ORDER BY.
    Reorder {
        names: Vec<String>,
        rollup: Option<String>,
    },
    AddIndex {
        index: IndexDef,
        if_not_exists: bool,
    },
    DropIndex {
        name: String,
        if_exists: bool,
    },
    EnableFeature {
        name: String,
        properties: Properties,
    },
}

/// Which jobs CANCEL ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CancelAlter {
    Column,
    Rollup,
    BuildIndex,
}

/// A list of jobs in SHOW.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AlterJobs {
    Column,
    /// And of materialized views.
    Rollup,
    BuildIndex,
}

/// WHERE, ORDER BY and LIMIT of a list of jobs.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct JobFilter {
    pub condition: Option<Box<Expr>>,
    /// Columns, and whether descending.
    pub order_by: Vec<(String, bool)>,
    /// Offset and number of rows.
    pub limit: Option<(usize, usize)>,
}

/// A clause of ALTER TABLE on partitions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PartitionClause {
    Add {
        partition: PartitionDef,
        temp: bool,
        distribution: Option<DistributionDef>,
        properties: Properties,
    },
    /// `ADD PARTITIONS FROM .. TO .. INTERVAL ..`
    AddBatch {
        step: PartitionStep,
        temp: bool,
        distribution: Option<DistributionDef>,
        properties: Properties,
    },
    Drop {
        name: String,
        temp: bool,
        if_exists: bool,
        force: bool,
    },
    /// No names = `(*)`.
    Modify {
        names: Option<Vec<String>>,
        temp: bool,
        properties: Properties,
    },
    Replace {
        partitions: TargetPartitions,
        with: TargetPartitions,
        force: bool,
        properties: Properties,
    },
    Rename {
        old: String,
        new: String,
    },
}

/// Partitions that follow each other: `FROM (a) TO (b) INTERVAL n [unit]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartitionStep {
    pub from: Vec<PartitionValue>,
    pub to: Vec<PartitionValue>,
    pub interval: i64,
    /// `None` for numbers.
    pub unit: Option<String>,
}
