//! What is to be backed up, as it is called now.

use std::collections::BTreeMap;

use doris::{
    Source,
    cluster::BinlogPage,
    ids::{CommitSeq, TableId},
};
use tracing::info;

use super::held::recreated;
use crate::{
    copy::CopyScope,
    incremental::Exit,
    job::Context,
    phase::Progress,
    policy::{Code, Failure},
};

pub(super) enum Objects {
    /// The whole database.
    Everything,
    /// Tables by name.
    Tables(Vec<String>),
    /// None: Doris refuses to back up nothing. The binlog continues after `start`.
    Nothing { start: CommitSeq },
}

/// The objects of the current copy. Tables that are gone from the source leave its scope.
pub(super) async fn objects(context: &Context, progress: &mut Progress) -> Result<Objects, Exit> {
    let scope = progress.own.copy.as_ref().map_or(CopyScope::All, |copy| copy.scope.clone());
    match scope {
        CopyScope::All if context.is_database() => {
            if has_tables(context).await? {
                return Ok(Objects::Everything);
            }
            // Whatever is created after the position was read is created by a record after it.
            let start = position(context).await?;
            let empty = !has_tables(context).await?;
            Ok(if empty { Objects::Nothing { start } } else { Objects::Everything })
        }
        CopyScope::All => {
            let id = context.ids().source_table;
            match names(context, &[id]).await?.remove(&id) {
                Some(name) => Ok(Objects::Tables(vec![name])),
                None => Err(gone(context).await?),
            }
        }
        CopyScope::Tables(tables) => {
            let ids: Vec<_> = tables.keys().copied().collect();
            let names = names(context, &ids).await?;
            if names.len() < ids.len() {
                if !context.is_database() {
                    return Err(gone(context).await?);
                }
                let missing: Vec<_> = ids.iter().filter(|id| !names.contains_key(id)).copied().collect();
                info!(job = context.name, ?missing, "tables are gone from the source and are not copied");
                context
                    .change(progress, |p| {
                        if let Some(CopyScope::Tables(tables)) = p.own.copy.as_mut().map(|copy| &mut copy.scope) {
                            tables.retain(|id, _| !missing.contains(id));
                        }
                    })
                    .await?;
            }
            if names.is_empty() {
                return Ok(Objects::Nothing { start: progress.commit_seq });
            }
            Ok(Objects::Tables(names.into_values().collect()))
        }
    }
}

/// Whether the database has tables. Views alone cannot be backed up.
async fn has_tables(context: &Context) -> Result<bool, Exit> {
    Ok(context.source.tables(&context.source_db).await?.iter().any(|row| !row.is_view))
}

/// The end of the database's binlog, or where that is not told, a record that was surely before this moment.
async fn position(context: &Context) -> Result<CommitSeq, Exit> {
    let scope = context.scope();
    let Some(lag) = context.source.get_binlog_lag(&scope, CommitSeq(0)).await? else { return Ok(CommitSeq(0)) };
    if let Some(last) = lag.last_commit_seq {
        return Ok(CommitSeq(last.max(0)));
    }
    Ok(match context.source.get_binlog(&scope, CommitSeq(0), 1).await? {
        BinlogPage::TooOld { last_collected } => last_collected,
        BinlogPage::Records(_) | BinlogPage::CaughtUp | BinlogPage::NoStream => CommitSeq(0),
    })
}

/// Names of tables by their ids; those that the source does not list are left out.
async fn names(context: &Context, ids: &[TableId<Source>]) -> Result<BTreeMap<TableId<Source>, String>, Exit> {
    let meta = context.source.get_meta(context.ids().source_db, Some(ids)).await?;
    let meta = meta.ok_or_else(|| unknown(context))?;
    Ok(meta.tables.into_iter().filter(|table| ids.contains(&table.id)).map(|table| (table.id, table.name)).collect())
}

fn unknown(context: &Context) -> Exit {
    Exit::retry(Failure::new(
        Code::TABLE_NOT_FOUND,
        format!("the source says nothing about database {}", context.source_db),
        "the job asks again",
    ))
}

/// A table job's table is not on the source under its id.
async fn gone(context: &Context) -> Result<Exit, Exit> {
    let (db, name, id) = (&context.source_db, context.source_table(), context.ids().source_table);
    let meta = context.source.get_meta_by_name(db, Some(&[&name])).await?.ok_or_else(|| unknown(context))?;
    if let Some(other) = meta.tables.iter().find(|table| table.name == name && table.id != id) {
        return Ok(recreated(context, &name, other.id));
    }
    Ok(Exit::refresh(Failure::new(
        Code::TABLE_NOT_FOUND,
        format!("table {db}.{name} (id {id}) does not exist on the source"),
        "recover the table, or delete the job",
    )))
}
