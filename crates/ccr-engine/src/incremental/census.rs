//! What a database job compares by names: views, which are set to what the source says now, and what no record tells.
//!
//! A view is its text and nothing else, so its records are not replayed: whatever a record says of a view, the text that
//! the source shows is set. A view whose query does not fit the destination's tables yet waits until the tables do. Doris 2.1
//! and 3.0 record neither changes of views nor new names of tables; those are found here too.

use std::collections::{BTreeMap, BTreeSet};

use doris::{
    ErrorKind, Source,
    error::Effect,
    ids::TableId,
    sql::{Statement, VerbatimText, rewrite},
};
use tracing::{info, warn};

use super::{Exit, ddl::Change};
use crate::{
    job::{Cause, Context},
    label,
    phase::Progress,
};

/// What earlier looks showed; memory only.
#[derive(Debug, Default)]
pub(super) struct Census {
    /// Views that the destination does not take yet, and why.
    waiting: BTreeMap<String, String>,
    /// Tables of the source that are not copied, as the last look showed them.
    strays: BTreeSet<TableId<Source>>,
    /// Copied tables that were called otherwise at the last look.
    renamed: BTreeMap<TableId<Source>, String>,
}

impl Census {
    /// Whether another look should come soon.
    pub(super) fn is_settled(&self) -> bool {
        self.waiting.is_empty() && self.strays.is_empty() && self.renamed.is_empty()
    }

    /// Sets the destination's views to what the source's are. Repeatable at any time.
    pub(super) async fn views(&mut self, context: &Context) -> Result<(), Exit> {
        let (source_db, dest_db) = (context.source_db.as_str(), context.dest_db.as_str());
        let views = context.source.tables(source_db).await?.into_iter().filter(|row| row.is_view);
        let mut wanted = BTreeMap::new();
        for row in views {
            let text = context.source.create_table_text(source_db, &row.name).await?;
            match rewrite::view(&text, source_db, dest_db, &row.name) {
                Ok(view) => wanted.insert(row.name, view),
                // An asynchronous materialized view, or a text that nobody can read.
                Err(error) => {
                    info!(job = context.name, view = row.name, %error, "not copied");
                    None
                }
            };
        }
        let there: BTreeMap<String, bool> =
            context.dest.tables(dest_db).await?.into_iter().map(|row| (row.name, row.is_view)).collect();
        let mut waiting = BTreeMap::new();
        // A view may be over another one: as long as some come to be, the others are tried again.
        loop {
            let mut left = BTreeMap::new();
            let before = wanted.len();
            for (name, view) in wanted {
                match set(context, &name, &view, there.get(&name).copied()).await? {
                    Ok(()) => {}
                    Err(why) => {
                        waiting.insert(name.clone(), why);
                        left.insert(name, view);
                    }
                }
            }
            wanted = left;
            if wanted.is_empty() || wanted.len() == before {
                break;
            }
        }
        waiting.retain(|name, _| wanted.contains_key(name));
        for (name, why) in waiting.iter().filter(|(name, _)| !self.waiting.contains_key(*name)) {
            warn!(job = context.name, view = name, why, "a view has to wait for its tables");
        }
        self.waiting = waiting;
        Ok(())
    }

    /// Compares the tables' names while the job is caught up. What differs at two looks has no record: a new name is
    /// followed by the returned change; a table that is not copied is.
    pub(super) async fn tables(&mut self, context: &Context, progress: &Progress) -> Result<Option<Change>, Exit> {
        let rows = context.source.tables(&context.source_db).await?;
        let named: BTreeSet<String> = rows.into_iter().filter(|row| !row.is_view).map(|row| row.name).collect();
        let known: BTreeSet<&String> = progress.own.tables.values().map(|state| &state.name).collect();
        let unknown: Vec<&str> =
            named.iter().filter(|name| !known.contains(name) && !label::is_alias(name)).map(String::as_str).collect();
        let (mut strays, mut renamed) = (BTreeSet::new(), BTreeMap::new());
        if !unknown.is_empty() {
            let meta = context.source.get_meta_by_name(&context.source_db, Some(&unknown)).await?;
            for table in meta.into_iter().flat_map(|db| db.tables) {
                if progress.own.tables.contains_key(&table.id) {
                    renamed.insert(table.id, table.name);
                } else if table.table_type.as_deref().is_none_or(|kind| kind == "OLAP") {
                    strays.insert(table.id);
                }
            }
        }
        let again = self.strays.intersection(&strays).next().copied();
        let follows = renamed.iter().find(|(id, name)| self.renamed.get(id) == Some(name));
        let follows = follows.map(|(id, name)| (*id, name.clone()));
        self.strays = strays;
        self.renamed = renamed;
        if let Some((id, name)) = follows {
            self.renamed.remove(&id);
            return super::ddl::follow(context, progress, id, name).await;
        }
        if let Some(id) = again {
            self.strays.remove(&id);
            if is_materialized(context, id).await? {
                return Ok(None);
            }
            let reason = format!("table {id} of the source is not copied and no record tells of it");
            return Err(Exit::resync(Cause::Metadata, id, reason, None));
        }
        Ok(None)
    }
}

/// Before 2024-12 only its text tells a materialized view from a table.
async fn is_materialized(context: &Context, id: TableId<Source>) -> Result<bool, Exit> {
    let meta = context.source.get_meta(context.ids().source_db, Some(&[id])).await?;
    let Some(table) = meta.and_then(|db| db.tables.into_iter().find(|table| table.id == id)) else { return Ok(true) };
    if table.table_type.is_some() {
        return Ok(false);
    }
    let text = context.source.create_table_text(&context.source_db, &table.name).await?;
    Ok(text.trim_start().starts_with("CREATE MATERIALIZED VIEW"))
}

/// Makes one view what it should be. The inner error says why that is not possible yet.
async fn set(
    context: &Context,
    name: &str,
    wanted: &rewrite::RewrittenView,
    there: Option<bool>,
) -> Result<Result<(), String>, Exit> {
    let dest_db = context.dest_db.as_str();
    let mut statements = Vec::new();
    match there {
        Some(false) => return Ok(Err("the destination has a table of that name".to_owned())),
        None => statements.push(Statement::Ddl(wanted.create())),
        Some(true) => {
            let text = context.dest.create_table_text(dest_db, name).await?;
            let found = rewrite::view(&text, dest_db, dest_db, name).ok();
            if found.as_ref().is_none_or(|found| found.alter() != wanted.alter()) {
                statements.push(Statement::Ddl(wanted.alter()));
            }
            let comment = |view: &rewrite::RewrittenView| view.comment.clone().unwrap_or_default();
            if found.as_ref().is_some_and(|found| comment(found) != comment(wanted))
                && let Some(comment) = VerbatimText::new(comment(wanted))
            {
                statements.push(Statement::SetViewComment { db: dest_db.to_owned(), view: name.to_owned(), comment });
            }
        }
    }
    for statement in statements {
        match context.dest.execute_ddl(statement.to_string()).await {
            Ok(()) => info!(job = context.name, view = name, "set to what the source says"),
            // Created meanwhile, by a statement that was executed late: the next look compares it.
            Err(error) if error.kind == ErrorKind::AlreadyExists => return Ok(Err(error.to_string())),
            Err(error) if error.kind.effect() == Effect::Unknown => return Err(error.into()),
            Err(error)
                if matches!(
                    error.kind,
                    ErrorKind::Refused
                        | ErrorKind::ColumnNotFound
                        | ErrorKind::TableNotFound
                        | ErrorKind::WrongKind
                        | ErrorKind::NothingChanged
                ) =>
            {
                return Ok(Err(error.to_string()));
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(Ok(()))
}
