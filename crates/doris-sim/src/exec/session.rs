//! USE, SET and the variables of a session; what statements look at.

use sqlparser::ast::Expr;

use super::{
    database, query,
    reply::Reply,
    scalar::{Binder, unquoted},
};
use crate::{
    Session,
    model::{Answer, IMMUTABLE_CONFIG, Model, Refusal, Value},
    sql::statement::Properties,
};

/// What a statement that reads looks at.
#[derive(Clone, Copy, Debug)]
pub(super) struct Context<'a> {
    pub(super) model: &'a Model,
    pub(super) session: &'a Session,
    /// Only the columns of queries are asked for: tables are not read.
    pub(super) without_rows: bool,
    /// What WITH names, the innermost last.
    pub(super) named: &'a [(String, query::Relation)],
}

impl<'a> Context<'a> {
    pub(super) fn new(model: &'a Model, session: &'a Session) -> Self {
        Self { model, session, without_rows: false, named: &[] }
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
    session.db = Some(db.to_owned());
    Ok(Reply::done())
}

/// The text behind `SELECT version()` with the build, as in `version_comment`.
pub(super) const VERSION: &str = "doris-4.1.0-677147005f";

/// Variables and their defaults: what drivers and test suites ask for or set.
const VARIABLES: [(&str, &str); 62] = [
    ("auto_increment_increment", "1"),
    ("autocommit", "true"),
    ("batch_size", "4064"),
    ("character_set_client", "utf8mb4"),
    ("character_set_connection", "utf8mb4"),
    ("character_set_results", "utf8mb4"),
    ("character_set_server", "utf8mb4"),
    ("collation_connection", "utf8mb4_0900_bin"),
    ("collation_database", "utf8mb4_0900_bin"),
    ("collation_server", "utf8mb4_0900_bin"),
    ("default_storage_engine", "olap"),
    ("delete_without_partition", "false"),
    ("div_precision_increment", "4"),
    ("enable_agg_state", "false"),
    ("enable_auto_create_when_overwrite", "false"),
    ("enable_decimal256", "false"),
    ("enable_fallback_to_original_planner", "false"),
    ("enable_insert_strict", "true"),
    ("enable_memtable_on_sink_node", "true"),
    ("enable_nereids_planner", "true"),
    ("enable_pipeline_engine", "true"),
    ("enable_profile", "false"),
    ("enable_sql_cache", "false"),
    ("enable_strict_cast", "false"),
    ("enable_unicode_name_support", "true"),
    ("enable_unique_key_partial_update", "false"),
    ("enable_variant_access_in_original_planner", "false"),
    ("exec_mem_limit", "100147483648"),
    ("forward_to_master", "true"),
    ("group_commit", "off_mode"),
    ("init_connect", ""),
    ("insert_max_filter_ratio", "1.0"),
    ("insert_timeout", "14400"),
    ("insert_visible_timeout_ms", "10000"),
    ("interactive_timeout", "3600"),
    ("language", "/mysql/share/english/"),
    ("license", "Apache License, Version 2.0"),
    ("lower_case_table_names", "0"),
    ("max_allowed_packet", "16777216"),
    ("net_buffer_length", "16384"),
    ("net_read_timeout", "60"),
    ("net_write_timeout", "60"),
    ("parallel_pipeline_task_num", "0"),
    ("performance_schema", "OFF"),
    ("query_cache_size", "1048576"),
    ("query_timeout", "900"),
    ("skip_missing_version", "false"),
    ("sql_auto_is_null", "false"),
    ("sql_mode", "ONLY_FULL_GROUP_BY"),
    ("sql_safe_updates", "false"),
    ("sql_select_limit", "-1"),
    ("storage_engine", "olap"),
    ("system_time_zone", "Etc/UTC"),
    ("time_zone", "Etc/UTC"),
    ("transaction_isolation", "REPEATABLE-READ"),
    ("transaction_read_only", "false"),
    ("tx_isolation", "REPEATABLE-READ"),
    ("tx_read_only", "false"),
    ("unique_checks", "true"),
    ("version", "5.7.99"),
    ("version_comment", "doris version doris-4.1.0-677147005f"),
    ("wait_timeout", "28800"),
];

/// Name, value and default of every variable, sorted: those of the session first have their own value.
pub(super) fn variables(session: &Session) -> impl Iterator<Item = (&'static str, String, &'static str)> {
    VARIABLES.iter().map(|(name, default)| {
        let value = session.variables.get(*name).map_or(*default, String::as_str);
        (*name, value.to_owned(), *default)
    })
}

/// The value of `@@name`.
pub(super) fn system_variable(context: &Context<'_>, name: &str) -> Option<String> {
    let value = variables(context.session).find(|(known, ..)| *known == name).map(|(_, value, _)| value)?;
    // Truth values are numbers in a query.
    Some(match value.as_str() {
        "true" => "1".into(),
        "false" => "0".into(),
        _ => value,
    })
}

/// SET.
pub(super) fn set(model: &Model, session: &mut Session, assignments: &[(String, Expr)]) -> Answer<Reply> {
    for (name, expr) in assignments {
        if name.starts_with('@') {
            continue;
        }
        let Some((_, default)) = VARIABLES.iter().find(|(known, _)| known == name) else {
            return Err(Refusal::analysis(format!("Unknown system variable '{name}'")));
        };
        let value = match expr {
            Expr::Identifier(word) if word.value.eq_ignore_ascii_case("DEFAULT") => (*default).to_owned(),
            Expr::Identifier(word) if !word.value.starts_with('@') => unquoted(word),
            expr => {
                let context = Context::new(model, session);
                let binder = Binder { context: &context, scope: &[], grouped: None, clause: "SET" };
                binder.bind(expr)?.scalar.eval(&[]).to_string()
            }
        };
        let value = match (*default, value.to_ascii_lowercase().as_str()) {
            ("true" | "false", "1" | "on" | "true") => "true".to_owned(),
            ("true" | "false", "0" | "off" | "false") => "false".to_owned(),
            _ => value,
        };
        session.variables.insert(name.clone(), value);
    }
    Ok(Reply::done())
}

/// A number that the session has set, or its default.
pub(super) fn number(session: &Session, name: &str, absent: i64) -> i64 {
    variables(session).find(|(known, ..)| *known == name).and_then(|(_, value, _)| value.parse().ok()).unwrap_or(absent)
}

/// ADMIN SET FRONTEND CONFIG.
pub(super) fn set_frontend_config(model: &mut Model, config: &Properties) -> Answer<()> {
    for key in config.keys() {
        let bare = key.strip_prefix("experimental_").unwrap_or(key);
        if !model.config.contains_key(bare) {
            return Err(Refusal::analysis(format!("Config '{key}' does not exist")));
        }
        if IMMUTABLE_CONFIG.contains(&bare) {
            return Err(Refusal::analysis(format!("Config '{key}' is not mutable")));
        }
    }
    for (key, value) in config {
        let bare = key.strip_prefix("experimental_").unwrap_or(key);
        model.config.insert(bare.to_owned(), value.clone());
    }
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
