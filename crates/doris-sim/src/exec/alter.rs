//! ALTER TABLE.

use super::{
    alter_partition::{self, check_nothing_left, take_flag},
    alter_schema, constraint, target,
};
use crate::{
    Session,
    model::{Answer, DistributionChange, Model, Refusal, SchemaClause},
    sql::statement::{AlterClause, Buckets, ObjectName, PartitionClause, SchemaAlteration},
};

pub(super) fn alter(model: &mut Model, session: &Session, table: &ObjectName, clauses: Vec<AlterClause>) -> Answer<()> {
    let (db, name) = target(session, table)?;
    check_conflicts(&clauses)?;
    if matches!(clauses.first(), Some(AlterClause::Schema(_))) {
        let clauses = clauses.into_iter().filter_map(|clause| match clause {
            AlterClause::Schema(clause) => Some(clause),
            _ => None,
        });
        return alter_schema::alter(model, db, name, clauses.collect());
    }
    for clause in clauses {
        match clause {
            AlterClause::Rename(new_name) => {
                check_table_name(&new_name)?;
                model.rename_table(db, name, &new_name)?;
            }
            AlterClause::RenameRollup { old, new } => model.rename_rollup(db, name, &old, &new)?,
            AlterClause::RenameColumn { old, new } => model.rename_column(db, name, &old, &new)?,
            AlterClause::TableComment(comment) => model.modify_table_comment(db, name, &comment.verbatim())?,
            AlterClause::AddRollups(rollups) => alter_schema::add_rollups(model, db, name, rollups)?,
            AlterClause::DropRollups(rollups) => model.drop_rollups(db, name, &rollups)?,
            AlterClause::Schema(clause) => alter_schema::alter(model, db, name, vec![clause])?,
            AlterClause::Replace { with, mut properties, force } => {
                let swap = take_flag(&mut properties, "swap", true);
                check_nothing_left(&properties)?;
                model.replace_table(db, name, &with, swap, force)?;
            }
            AlterClause::Set(properties) if properties.keys().any(|key| is_storage(key)) => {
                model.alter_schema(db, name, vec![SchemaClause::Storage(properties)])?;
            }
            AlterClause::Set(properties) => model.set_table_properties(db, name, &properties)?,
            AlterClause::ModifyDistribution(distribution) => {
                let buckets = match distribution.buckets {
                    Some(Buckets::Number(n)) => Some(n),
                    Some(Buckets::Auto) => None,
                    // Doris's default.
                    None => Some(10),
                };
                let change = DistributionChange { hash_columns: distribution.hash_columns, buckets };
                model.modify_distribution(db, name, &change)?;
            }
            AlterClause::AddConstraint { name: constraint, kind } => {
                constraint::add(model, session, (db, name), &constraint, &kind)?;
            }
            AlterClause::DropConstraint(constraint) => model.drop_constraint(db, name, &constraint)?,
            AlterClause::Partition(clause) => alter_partition::alter(model, db, name, clause)?,
        }
    }
    Ok(())
}

/// Which clauses may stand in one statement: only several of one kind, and only of some kinds.
fn check_conflicts(clauses: &[AlterClause]) -> Answer<()> {
    const IN_BATCH: [&str; 5] =
        ["SCHEMA_CHANGE", "ADD_ROLLUP", "DROP_ROLLUP", "MODIFY_COLUMN_COMMENT", "DROP_PARTITION"];
    let Some((first, others)) = clauses.split_first() else { return Ok(()) };
    let first = operation(first);
    match others.iter().map(operation).find(|other| *other != first || !IN_BATCH.contains(other)) {
        None => Ok(()),
        Some(other) => Err(Refusal::analysis(format!("Alter operation {other} conflicts with operation {first}"))),
    }
}

/// `AlterOpType` of a clause.
fn operation(clause: &AlterClause) -> &'static str {
    match clause {
        AlterClause::Rename(_) | AlterClause::RenameRollup { .. } => "RENAME",
        AlterClause::Replace { .. } => "REPLACE_TABLE",
        AlterClause::RenameColumn { .. } => "RENAME",
        AlterClause::TableComment(_) => "MODIFY_TABLE_COMMENT",
        AlterClause::AddRollups(_) => "ADD_ROLLUP",
        AlterClause::DropRollups(_) => "DROP_ROLLUP",
        AlterClause::Schema(SchemaAlteration::ColumnComment { .. }) => "MODIFY_COLUMN_COMMENT",
        AlterClause::Schema(_) => "SCHEMA_CHANGE",
        AlterClause::Set(_) => "MODIFY_TABLE_PROPERTY",
        AlterClause::ModifyDistribution(_) => "MODIFY_DISTRIBUTION",
        // A statement of its own in Doris's grammar.
        AlterClause::AddConstraint { .. } | AlterClause::DropConstraint(_) => "CONSTRAINT",
        AlterClause::Partition(clause) => match clause {
            PartitionClause::Add { .. } | PartitionClause::AddBatch { .. } => "ADD_PARTITION",
            PartitionClause::Drop { .. } => "DROP_PARTITION",
            PartitionClause::Modify { .. } => "MODIFY_PARTITION",
            PartitionClause::Replace { .. } => "REPLACE_PARTITION",
            PartitionClause::Rename { .. } => "RENAME",
        },
    }
}

/// Whether a property says how rows are stored: a change of it is a change of the schema.
fn is_storage(key: &str) -> bool {
    matches!(key, "bloom_filter_columns" | "bloom_filter_fpp" | "store_row_column" | "row_store_columns")
}

fn check_table_name(name: &str) -> Answer<()> {
    let valid = !name.is_empty() && name.chars().count() <= 64 && !name.ends_with(char::is_whitespace);
    if valid { Ok(()) } else { Err(Refusal::analysis(format!("Incorrect table name '{name}'"))) }
}
