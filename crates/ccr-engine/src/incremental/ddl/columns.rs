//! MODIFY_TABLE_ADD_OR_DROP_COLUMNS, RENAME_COLUMN, MODIFY_COMMENT.

use std::collections::{BTreeMap, BTreeSet};

use doris::{
    binlog::{Column, CommentChange, ModifyColumns, ModifyComment, RenameColumn},
    ids::CommitSeq,
    sql::{
        Statement, VerbatimText,
        rewrite::{self, AlterClause},
    },
};
use tracing::warn;

use super::{Change, Exit, Prepared, TableView, proof::Proof};
use crate::tables::CopiedIndex;

/// A light schema change.
pub(super) fn modify(view: &TableView, seq: CommitSeq, change: &ModifyColumns) -> Result<Prepared, Exit> {
    let schema = change.base_schema().unwrap_or_default();
    let mut clauses = rewrite::alter_clauses(&change.raw_sql, schema).map_err(|error| super::copy(view, seq, error))?;
    for clause in &mut clauses {
        // The base index is called as its table, which has a name of its own on the destination.
        let rollup = match clause {
            AlterClause::AddColumns { rollup, .. }
            | AlterClause::DropColumn { rollup, .. }
            | AlterClause::ModifyColumn { rollup, .. } => rollup,
            AlterClause::EnableFeature(_) => continue,
        };
        if rollup.as_ref().is_some_and(|name| *name == view.mapping.source_name) {
            *rollup = None;
        }
    }
    let adds_or_drops =
        |clause: &AlterClause| matches!(clause, AlterClause::AddColumns { .. } | AlterClause::DropColumn { .. });
    let proof = if clauses.iter().any(adds_or_drops) && !schema.is_empty() {
        let rollups = clauses.iter().filter(|clause| adds_or_drops(clause)).filter_map(rollup_of);
        // The base index alone does not show what was done to a rollup.
        let rollups: BTreeMap<_, _> = rollups
            .map(|name| Ok((name.clone(), visible(rollup_schema(view, seq, change, name)?))))
            .collect::<Result<_, Exit>>()?;
        match rollups.is_empty() {
            true => Proof::Columns(visible(schema)),
            false => Proof::ColumnsOfIndexes { base: visible(schema), rollups },
        }
    } else {
        Proof::Repeatable
    };
    let text = clauses.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    let statement =
        Statement::AlterTable { db: view.context.dest_db.clone(), table: view.dest_table.clone(), clause: text };
    let mut planned =
        Change::new(view.id(), seq, format!("record {seq} (MODIFY_TABLE_ADD_OR_DROP_COLUMNS)")).step(&statement, proof);
    if let Some(statement) = comments(view, rewrite::clauses_need_comments(&clauses)) {
        planned = planned.step(&statement, Proof::Repeatable);
    }
    Ok(Prepared::Change(planned))
}

fn rollup_of(clause: &AlterClause) -> Option<&String> {
    match clause {
        AlterClause::AddColumns { rollup, .. }
        | AlterClause::DropColumn { rollup, .. }
        | AlterClause::ModifyColumn { rollup, .. } => rollup.as_ref(),
        AlterClause::EnableFeature(_) => None,
    }
}

fn visible(schema: &[Column]) -> BTreeSet<String> {
    schema.iter().filter(|column| column.visible).map(|column| column.name.clone()).collect()
}

/// The columns that the record gives to a rollup.
fn rollup_schema<'a>(
    view: &TableView,
    seq: CommitSeq,
    change: &'a ModifyColumns,
    name: &str,
) -> Result<&'a [Column], Exit> {
    let copied = CopiedIndex::Rollup(name.to_owned());
    let on_record = view.indexes.iter().find(|(_, index)| **index == copied).map(|(id, _)| *id);
    let schema = on_record.or_else(|| change.index_names.get(name).copied()).and_then(|id| change.schemas.get(&id));
    let schema = schema.ok_or_else(|| super::copy(view, seq, format!("the columns of rollup {name} are not known")))?;
    Ok(schema.as_slice())
}

/// RENAME COLUMN.
pub(super) fn rename(view: &TableView, seq: CommitSeq, rename: &RenameColumn) -> Prepared {
    let (old, new) = (rename.old.clone(), rename.new.clone());
    let statement = Statement::RenameColumn {
        db: view.context.dest_db.clone(),
        table: view.dest_table.clone(),
        old: old.clone(),
        new: new.clone(),
    };
    let change = Change::new(view.id(), seq, format!("record {seq} (RENAME_COLUMN {old} to {new})"));
    Prepared::Change(change.step(&statement, Proof::ColumnRenamed { old, new }))
}

/// Comments of the table or of columns, as they are: Doris decodes nothing here.
pub(super) fn comment(view: &TableView, seq: CommitSeq, change: &ModifyComment) -> Prepared {
    let statement = match &change.change {
        CommentChange::Table(text) => match VerbatimText::new(text) {
            Some(comment) => Some(Statement::SetTableComment {
                db: view.context.dest_db.clone(),
                table: view.dest_table.clone(),
                comment,
            }),
            None => {
                warn!(job = view.context.name, %seq, "a comment of the table cannot be written in SQL and is left as it is");
                None
            }
        },
        CommentChange::Columns(texts) => {
            comments(view, texts.iter().map(|(column, text)| (column.clone(), text.clone())).collect())
        }
    };
    match statement {
        Some(statement) => {
            let planned = Change::new(view.id(), seq, format!("record {seq} (MODIFY_COMMENT)")).optional();
            Prepared::Change(planned.step(&statement, Proof::Repeatable))
        }
        None => Prepared::Nothing,
    }
}

/// MODIFY COLUMN .. COMMENT for every text that SQL can hold.
fn comments(view: &TableView, texts: Vec<(String, String)>) -> Option<Statement> {
    let mut comments = Vec::new();
    for (column, text) in texts {
        match VerbatimText::new(text) {
            Some(text) => comments.push((column, text)),
            None => warn!(job = view.context.name, column, "a comment cannot be written in SQL and is left as it is"),
        }
    }
    (!comments.is_empty()).then(|| Statement::SetColumnComments {
        db: view.context.dest_db.clone(),
        table: view.dest_table.clone(),
        comments,
    })
}
