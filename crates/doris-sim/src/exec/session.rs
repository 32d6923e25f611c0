//! USE, ADMIN SET FRONTEND CONFIG; what statements look at.

use sqlparser::ast::Expr;

use super::{database, privilege::Access, query, reply::Reply, scalar::Binder};
use crate::{
    Session,
    model::{Answer, FeConfigItem, Model, Refusal, Value},
    sql::statement::Properties,
};

/// What a statement that reads looks at.
#[derive(Clone, Copy, Debug)]
pub(super) struct Context<'a> {
    pub(super) model: &'a Model,
    pub(super) session: &'a Session,
    /// Only the columns of queries are asked for: tables are not read.
    pub(super) without_rows: bool,
    /// A view's own definition is read: whoever may read the view may read that, too.
    pub(super) inside_view: bool,
    /// What WITH names, the innermost last.
    pub(super) named: &'a [(String, query::Relation)],
}

impl<'a> Context<'a> {
    pub(super) fn new(model: &'a Model, session: &'a Session) -> Self {
        Self { model, session, without_rows: false, inside_view: false, named: &[] }
    }

    /// The current database; `No database selected` without one.
    pub(super) fn current_db(&self) -> Answer<&'a str> {
        db_of(self.session, None)
    }
}

pub(super) fn db_of<'a>(session: &'a Session, db: Option<&'a str>) -> Answer<&'a str> {
    db.or(session.db.as_deref()).ok_or_else(|| Refusal::analysis("No database selected"))
}

/// Whether a database of this name can be used.
pub(super) fn database_exists(model: &Model, db: &str) -> bool {
    database::SYSTEM.contains(&db) || model.find_database(db).is_some()
}

/// USE, COM_INIT_DB and the database of a login: the one refusal with a code of its own.
pub(crate) fn use_db(model: &Model, session: &mut Session, db: &str) -> Answer<Reply> {
    if !database_exists(model, db) {
        return Err(Refusal::analysis(format!("Unknown database '{db}'")).with_mysql(1049, "42000"));
    }
    if !(Access { model, session }).sees(db, None) {
        return Err(Refusal::analysis(format!("Access denied for user '{}' to database '{db}'", session.user)));
    }
    session.db = Some(db.to_owned());
    Ok(Reply::done())
}

/// The text behind `SELECT version()` with the build, as in `version_comment`.
pub(super) const VERSION: &str = "doris-4.1.0-677147005f";

/// ADMIN SET FRONTEND CONFIG.
pub(super) fn set_frontend_config(model: &mut Model, config: &Properties) -> Answer<()> {
    let mut found = Vec::new();
    for (key, value) in config {
        let missing = || Refusal::analysis(format!("Config '{key}' does not exist"));
        let item = model.config_key(key).ok_or_else(missing)?;
        if !FeConfigItem::of(&item, value).mutable {
            return Err(Refusal::analysis(format!("Config '{key}' is not mutable")));
        }
        found.push((item, value.clone()));
    }
    model.config.extend(found);
    Ok(())
}

/// A value of a session-independent kind, for tests of equality in WHERE of SHOW statements.
pub(super) fn literal_text(context: &Context<'_>, expr: &Expr) -> Option<String> {
    let binder = Binder { context, scope: &[], grouped: None, clause: "WHERE" };
    match binder.bind(expr).ok()?.scalar.eval(&[]) {
        Value::Null => None,
        value => Some(value.to_string()),
    }
}
