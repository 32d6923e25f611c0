//! How the destination shows that a statement was executed.

use std::collections::{BTreeMap, BTreeSet};

use doris::{
    Dest,
    cluster::TableMeta,
    ids::{PartitionId, TableId},
    sql::IndexColumnRow,
};
use serde::{Deserialize, Serialize};

use super::Exit;
use crate::job::Context;

/// What is true of the destination table exactly after a statement.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Proof {
    /// Nothing that can be looked up; executing it again does no harm.
    Repeatable,
    /// There is a partition of this name.
    PartitionNamed(String),
    /// None of these partitions is there any more.
    PartitionsGone(BTreeSet<PartitionId<Dest>>),
    /// The partition has this name.
    PartitionCalled {
        id: PartitionId<Dest>,
        name: String,
    },
    /// The base index has exactly these visible columns, by name, in any order.
    Columns(BTreeSet<String>),
    /// The same, and each of these rollups has exactly these.
    ColumnsOfIndexes {
        base: BTreeSet<String>,
        rollups: BTreeMap<String, BTreeSet<String>>,
    },
    /// The base index has the one column and not the other.
    ColumnRenamed {
        old: String,
        new: String,
    },
    /// None of these indexes over columns is there any more.
    IndexesGone(BTreeSet<String>),
    RollupGone(String),
    RollupRenamed {
        old: String,
        new: String,
    },
    /// Rows of future partitions are spread at random.
    RandomDistribution,
    /// There is a table of this name.
    TableNamed(String),
    /// The table of this id has this name.
    TableCalled {
        id: TableId<Dest>,
        name: String,
    },
    /// There is no table of this id any more.
    TableGone(TableId<Dest>),
}

impl Proof {
    /// Whether the copy's name is needed to look.
    pub(super) fn needs_table(&self) -> bool {
        !matches!(self, Self::Repeatable | Self::TableNamed(_) | Self::TableCalled { .. } | Self::TableGone(_))
    }

    /// Asks the destination's master.
    pub(super) async fn shown(&self, context: &Context, table: &str) -> Result<bool, Exit> {
        let (dest, db) = (&context.dest, context.dest_db.as_str());
        Ok(match self {
            Self::Repeatable => false,
            Self::PartitionNamed(name) => dest.partitions(db, table).await?.iter().any(|row| row.name == *name),
            Self::PartitionsGone(ids) => {
                let rows = dest.partitions(db, table).await?;
                !rows.iter().any(|row| ids.contains(&row.id)) && (!rows.is_empty() || is_there(context, table).await?)
            }
            Self::PartitionCalled { id, name } => {
                dest.partitions(db, table).await?.iter().any(|row| row.id == *id && row.name == *name)
            }
            Self::Columns(expected) => {
                let columns = dest.index_columns(db, table).await?;
                columns.first().is_some_and(|base| visible(&columns, &base.index) == *expected)
            }
            Self::ColumnsOfIndexes { base: expected, rollups } => {
                let columns = dest.index_columns(db, table).await?;
                columns.first().is_some_and(|base| visible(&columns, &base.index) == *expected)
                    && rollups.iter().all(|(rollup, expected)| visible(&columns, rollup) == *expected)
            }
            Self::ColumnRenamed { old, new } => {
                let columns = dest.index_columns(db, table).await?;
                let has = |name: &String| columns.iter().any(|column| column.column.eq_ignore_ascii_case(name));
                // Names of columns do not differ in case only, but may be renamed to another case.
                if old.eq_ignore_ascii_case(new) {
                    columns.iter().any(|c| c.column == *new)
                } else {
                    has(new) && !has(old)
                }
            }
            Self::IndexesGone(names) => {
                let rows = dest.indexes(db, table).await?;
                !rows.iter().any(|row| names.contains(&row.name))
                    && (!rows.is_empty() || is_there(context, table).await?)
            }
            Self::RollupGone(name) => {
                let columns = dest.index_columns(db, table).await?;
                // Each table has a base index: an empty answer shows nothing.
                !columns.is_empty() && !columns.iter().any(|column| column.index == *name)
            }
            Self::RollupRenamed { old, new } => {
                let columns = dest.index_columns(db, table).await?;
                let has = |name: &String| columns.iter().any(|column| column.index == *name);
                has(new) && !has(old)
            }
            Self::TableNamed(name) => dest.tables(db).await?.iter().any(|row| row.name == *name),
            Self::TableCalled { id, name } => table_by_id(context, *id).await?.is_some_and(|table| table.name == *name),
            Self::TableGone(id) => table_by_id(context, *id).await?.is_none(),
            Self::RandomDistribution => dest.create_table_text(db, table).await?.contains("\nDISTRIBUTED BY RANDOM"),
        })
    }
}

/// Whether the destination shows the table at all: each has columns. An empty list of its parts proves nothing without.
async fn is_there(context: &Context, table: &str) -> Result<bool, Exit> {
    Ok(!context.dest.index_columns(&context.dest_db, table).await?.is_empty())
}

/// A destination table by its id. A database that the destination says nothing about is no answer.
pub(super) async fn table_by_id(context: &Context, id: TableId<Dest>) -> Result<Option<TableMeta<Dest>>, Exit> {
    let meta = context.dest.get_meta(context.ids().dest_db, Some(&[id])).await?;
    let meta = meta.ok_or_else(|| super::change::not_yet("the destination says nothing about its database"))?;
    Ok(meta.tables.into_iter().find(|table| table.id == id))
}

/// Names of the visible columns of one index.
fn visible(columns: &[IndexColumnRow], index: &str) -> BTreeSet<String> {
    columns
        .iter()
        .filter(|column| column.index == index && column.visible)
        .map(|column| column.column.clone())
        .collect()
}
