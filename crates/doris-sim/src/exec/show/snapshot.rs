//! SHOW BACKUP, SHOW RESTORE, SHOW SNAPSHOT.

use super::{
    super::{
        reply::Rows,
        scalar::LikePattern,
        session::{Context, db_of},
    },
    Simple, simple,
};
use crate::{
    model::{Answer, BACKUP_COLUMNS, RESTORE_COLUMNS, Refusal},
    sql::statement::Filter,
};

pub(super) fn backup(context: &Context<'_>, db: Option<&str>, filter: &Filter) -> Answer<Rows> {
    let db = context.model.database(db_of(context.session, db)?)?.id;
    let rows = Rows::of_texts(&BACKUP_COLUMNS, context.model.backup_rows(db));
    let usage = "SnapshotName = \"your_snapshot_name\",  or SnapshotName LIKE \"matcher\"";
    by_label(context, rows, filter, "snapshotname", usage)
}

pub(super) fn restore(context: &Context<'_>, db: Option<&str>, brief: bool, filter: &Filter) -> Answer<Rows> {
    let db = context.model.database(db_of(context.session, db)?)?.id;
    let rows = Rows::of_texts(&RESTORE_COLUMNS, context.model.restore_rows(db));
    let mut rows = by_label(context, rows, filter, "label", "LABEL = \"your_label_name\",  or LABEL LIKE \"matcher\"")?;
    if brief {
        for column in ["RestoreObjs", "Progress", "TaskErrMsg"] {
            if let Some(at) = rows.position(column) {
                rows.columns.remove(at);
                rows.rows.iter_mut().for_each(|row| {
                    row.remove(at);
                });
            }
        }
    }
    Ok(rows)
}

/// SHOW SNAPSHOT ON: no repository is modelled but the local one, and that one is none for this statement.
pub(super) fn snapshots(repository: &str) -> Answer<Rows> {
    Err(Refusal::analysis(format!("Repository {repository} does not exist")))
}

/// Rows by their label, the second column. Labels are compared without regard to case.
fn by_label(context: &Context<'_>, mut rows: Rows, filter: &Filter, column: &str, usage: &str) -> Answer<Rows> {
    let refusal = || Refusal::analysis(format!("Where clause should like: {usage}"));
    let test: Box<dyn Fn(&str) -> bool> = match filter {
        Filter::None => return Ok(rows),
        Filter::Like(pattern) => {
            let pattern = LikePattern::new(pattern, true);
            Box::new(move |label| pattern.matches(label))
        }
        Filter::Where(expr) => match simple(context, expr).ok_or_else(refusal)? {
            Simple::Eq(name, value) if name == column => Box::new(move |label| label.eq_ignore_ascii_case(&value)),
            Simple::Like(name, pattern) if name == column => {
                let pattern = LikePattern::new(&pattern, true);
                Box::new(move |label| pattern.matches(label))
            }
            _ => return Err(refusal()),
        },
    };
    rows.rows.retain(|row| row.get(1).and_then(Option::as_ref).is_some_and(|label| test(label)));
    Ok(rows)
}
