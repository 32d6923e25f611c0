//! SHOW, DESCRIBE, ADMIN.

use sqlparser::tokenizer::Token;

use super::{
    account,
    cursor::{Cursor, Parsed},
    partition,
    statement::{AlterJobs, Filter, JobFilter, Show, ShowGrants, Statement},
};

/// `SHOW ..`
pub(super) fn show(c: &mut Cursor<'_>) -> Parsed<Statement> {
    c.expect("SHOW")?;
    Ok(Statement::Show(what(c)?))
}

fn what(c: &mut Cursor<'_>) -> Parsed<Show> {
    if c.take("FRONTENDS") {
        return Ok(Show::Frontends);
    }
    if c.take("BACKENDS") {
        return Ok(Show::Backends);
    }
    if c.take("DATABASES") || c.take("SCHEMAS") {
        c.optional_db()?;
        return Ok(Show::Databases(filter(c)?));
    }
    if c.take("TABLES") {
        return tables(c, false, false);
    }
    if c.take_all(&["FULL", "TABLES"]) {
        return tables(c, true, false);
    }
    if c.take("VIEWS") {
        return tables(c, false, true);
    }
    if c.take_all(&["TABLE", "STATUS"]) {
        return Ok(Show::TableStatus { db: c.optional_db()?, filter: filter(c)? });
    }
    if c.take("TABLE") {
        return Ok(Show::TableId(c.integer()?));
    }
    if c.take_all(&["CREATE", "DATABASE"]) || c.take_all(&["CREATE", "SCHEMA"]) {
        return Ok(Show::CreateDatabase(c.db_name()?));
    }
    if c.take_all(&["CREATE", "TABLE"]) {
        return Ok(Show::CreateTable(c.object_name()?));
    }
    if c.take_all(&["CREATE", "MATERIALIZED", "VIEW"]) {
        let view = c.object_name()?;
        if c.is_word("ON") {
            return c.not_modelled("SHOW CREATE of synchronous materialized views");
        }
        return Ok(Show::CreateMaterializedView(view));
    }
    if c.take_all(&["CREATE", "VIEW"]) {
        return Ok(Show::CreateView(c.object_name()?));
    }
    if c.take("VIEW") {
        return Ok(Show::ViewsOf(table_from(c)?));
    }
    if c.take_all(&["TEMPORARY", "PARTITIONS"]) {
        return partitions(c, true);
    }
    if c.take("PARTITIONS") {
        return partitions(c, false);
    }
    if c.take("TABLETS") {
        c.expect("FROM")?;
        return Ok(Show::Tablets { table: c.object_name()?, partitions: partition::target(c)? });
    }
    let full_columns = c.take_all(&["FULL", "COLUMNS"]) || c.take_all(&["FULL", "FIELDS"]);
    if full_columns || c.take("COLUMNS") || c.take("FIELDS") {
        return Ok(Show::Columns { table: table_from(c)?, full: full_columns });
    }
    if c.take("INDEX") || c.take("INDEXES") || c.take("KEY") || c.take("KEYS") {
        return Ok(Show::Index { table: table_from(c)? });
    }
    if c.take("BACKUP") {
        return Ok(Show::Backup { db: c.optional_db()?, filter: filter(c)? });
    }
    if c.take_all(&["SNAPSHOT", "ON"]) {
        let repository = c.identifier()?;
        filter(c)?;
        return Ok(Show::Snapshot { repository });
    }
    if c.take_all(&["BRIEF", "RESTORE"]) {
        return Ok(Show::Restore { db: c.optional_db()?, brief: true, filter: filter(c)? });
    }
    if c.take("RESTORE") {
        return Ok(Show::Restore { db: c.optional_db()?, brief: false, filter: filter(c)? });
    }
    if c.take("TRANSACTION") {
        return Ok(Show::Transaction { db: c.optional_db()?, filter: filter(c)? });
    }
    if c.take_all(&["FRONTEND", "CONFIG"]) {
        return frontend_config(c);
    }
    let _scope = c.take("SESSION") || c.take("GLOBAL");
    if c.take("VARIABLES") {
        return Ok(Show::Variables(filter(c)?));
    }
    if c.take("CONSTRAINTS") {
        return Ok(Show::Constraints(table_from(c)?));
    }
    if c.take_all(&["CATALOG", "RECYCLE", "BIN"]) {
        return Ok(Show::RecycleBin(filter(c)?));
    }
    if let Some(jobs) = alter_jobs(c)? {
        return Ok(Show::AlterJobs { jobs, db: c.optional_db()?, filter: job_filter(c)? });
    }
    if c.take("PROC") {
        return Ok(Show::Proc(c.string()?));
    }
    if let Some(show) = grants(c)? {
        return Ok(show);
    }
    match constant(c) {
        Some(show) => Ok(show),
        None => rest(c),
    }
}

/// What else SHOW can be in Doris, and the simulator does not know.
const OTHERS: &[&str] = &[
    "ANALYZE",
    "BROKER",
    "CATALOG",
    "CATALOGS",
    "CLUSTERS",
    "COLLATION",
    "COLUMN",
    "COMPUTE",
    "CONVERT_LSC",
    "CREATE",
    "DATA",
    "DATABASE",
    "DELETE",
    "DICTIONARIES",
    "DYNAMIC",
    "ENCRYPTKEYS",
    "EVENTS",
    "EXPORT",
    "FILE",
    "FUNCTIONS",
    "GLOBAL",
    "JOB",
    "LOAD",
    "OPEN",
    "PLUGINS",
    "POLICY",
    "PRIVILEGES",
    "PROCEDURE",
    "PROCESSLIST",
    "PROPERTY",
    "QUERY",
    "QUEUED",
    "REPLICA",
    "REPOSITORIES",
    "RESOURCES",
    "ROUTINE",
    "ROW",
    "SMALL",
    "SQL_BLOCK_RULE",
    "STAGES",
    "STORAGE",
    "STREAM",
    "SYNC",
    "TABLET",
    "TRASH",
    "TRIGGERS",
    "TYPECAST",
    "USER",
    "WARM",
    "WORKLOAD",
];

/// Who may do what.
fn grants(c: &mut Cursor<'_>) -> Parsed<Option<Show>> {
    if c.take_all(&["ALL", "GRANTS"]) {
        return Ok(Some(Show::Grants(ShowGrants::All)));
    }
    if c.take("GRANTS") {
        let whose = if c.take("FOR") { ShowGrants::Of(account::user(c)?) } else { ShowGrants::Own };
        return Ok(Some(Show::Grants(whose)));
    }
    Ok(c.take("ROLES").then_some(Show::Roles))
}

/// Lists that never change.
fn constant(c: &mut Cursor<'_>) -> Option<Show> {
    if c.take("ENGINES") || c.take_all(&["STORAGE", "ENGINES"]) {
        return Some(Show::Engines);
    }
    if c.take("CHARSET") || c.take_all(&["CHARACTER", "SET"]) {
        return Some(Show::Charset);
    }
    c.take_all(&["LAST", "INSERT"]).then_some(Show::LastInsert)
}

/// Lists that are always empty here, and what is not modelled.
fn rest(c: &mut Cursor<'_>) -> Parsed<Show> {
    if let Some(word) = c.word_at(0).filter(|word| OTHERS.contains(&word.as_str())) {
        return c.not_modelled(&format!("SHOW {word}"));
    }
    let columns: &[&str] = if c.take("STATUS") {
        &["Variable_name", "Value"]
    } else if c.take("WARNINGS") || c.take("ERRORS") {
        &["Level", "Code", "Message"]
    } else {
        return c.unexpected(
            "'BACKENDS', 'BACKUP', 'BRIEF', 'COLUMNS', 'CREATE', 'DATABASES', 'FRONTEND', 'FRONTENDS', 'FULL', 'INDEX', \
             'PARTITIONS', 'PROC', 'RESTORE', 'TABLE', 'TABLES', 'TABLETS', 'TRANSACTION', 'VARIABLES', 'VIEWS'",
        );
    };
    filter(c)?;
    Ok(Show::Nothing(columns))
}

/// `ALTER TABLE (COLUMN | ROLLUP | MATERIALIZED VIEW)`, `BUILD INDEX`
fn alter_jobs(c: &mut Cursor<'_>) -> Parsed<Option<AlterJobs>> {
    if c.take_all(&["BUILD", "INDEX"]) {
        return Ok(Some(AlterJobs::BuildIndex));
    }
    if !c.take_all(&["ALTER", "TABLE"]) {
        return Ok(None);
    }
    if c.take("COLUMN") {
        return Ok(Some(AlterJobs::Column));
    }
    if c.take("ROLLUP") || c.take_all(&["MATERIALIZED", "VIEW"]) {
        return Ok(Some(AlterJobs::Rollup));
    }
    c.unexpected("'COLUMN', 'MATERIALIZED', 'ROLLUP'")
}

/// `[WHERE ..] [ORDER BY column [ASC | DESC], ..] [LIMIT [offset,] n | LIMIT n OFFSET offset]`
fn job_filter(c: &mut Cursor<'_>) -> Parsed<JobFilter> {
    let condition = if c.take("WHERE") { Some(Box::new(c.expression()?)) } else { None };
    let order_by = match c.take_all(&["ORDER", "BY"]) {
        false => Vec::new(),
        true => c.list(|c| {
            let column = c.identifier()?;
            let descending = c.take("DESC");
            if !descending {
                c.take("ASC");
            }
            Ok((column, descending))
        })?,
    };
    let limit = match c.take("LIMIT") {
        false => None,
        true => {
            let first = c.integer()?;
            Some(if c.take_token(&Token::Comma) {
                (first, c.integer()?)
            } else if c.take("OFFSET") {
                (c.integer()?, first)
            } else {
                (0, first)
            })
        }
    };
    Ok(JobFilter { condition, order_by, limit })
}

fn tables(c: &mut Cursor<'_>, full: bool, views: bool) -> Parsed<Show> {
    Ok(Show::Tables { full, views, db: c.optional_db()?, filter: filter(c)? })
}

fn partitions(c: &mut Cursor<'_>, temp: bool) -> Parsed<Show> {
    c.expect("FROM")?;
    Ok(Show::Partitions { table: c.object_name()?, temp, filter: filter(c)? })
}

/// `(FROM | IN) table [(FROM | IN) db]`
fn table_from(c: &mut Cursor<'_>) -> Parsed<super::statement::ObjectName> {
    if !c.take("FROM") && !c.take("IN") {
        return c.unexpected("'FROM', 'IN'");
    }
    let mut table = c.object_name()?;
    if let Some(db) = c.optional_db()? {
        table.db = Some(db);
    }
    Ok(table)
}

fn frontend_config(c: &mut Cursor<'_>) -> Parsed<Show> {
    let pattern = if c.take("LIKE") { Some(c.string()?) } else { None };
    Ok(Show::FrontendConfig { pattern })
}

/// `[LIKE '..' | WHERE ..]`
fn filter(c: &mut Cursor<'_>) -> Parsed<Filter> {
    if c.take("LIKE") {
        return Ok(Filter::Like(c.string()?));
    }
    if c.take("WHERE") {
        return Ok(Filter::Where(Box::new(c.expression()?)));
    }
    Ok(Filter::None)
}

/// `(DESC | DESCRIBE) name [ALL]`
pub(super) fn describe(c: &mut Cursor<'_>) -> Parsed<Statement> {
    c.advance();
    c.take("TABLE");
    let table = c.object_name()?;
    Ok(Statement::Describe { table, all: c.take("ALL") })
}

/// `ADMIN SHOW FRONTEND CONFIG [LIKE '..']`, `ADMIN SET [ALL] FRONTEND[S] CONFIG ("k" = "v")`
pub(super) fn admin(c: &mut Cursor<'_>) -> Parsed<Statement> {
    c.expect("ADMIN")?;
    if c.take_all(&["SHOW", "FRONTEND", "CONFIG"]) {
        return Ok(Statement::Show(frontend_config(c)?));
    }
    if !c.is_word("SET") && matches!(c.peek(), Token::Word(_)) {
        return c.not_modelled("this form of ADMIN");
    }
    c.expect("SET")?;
    if c.take("TABLE") {
        let table = c.object_name()?;
        c.expect("STATUS")?;
        return Ok(Statement::AdminSetTableStatus { table, properties: c.optional_properties()? });
    }
    if c.take_all(&["REPLICA", "STATUS"]) {
        return Ok(Statement::AdminSetReplicaStatus(c.optional_properties()?));
    }
    if ["REPLICA", "PARTITION", "ENCRYPTION"].iter().any(|word| c.is_word(word)) {
        return c.not_modelled("this form of ADMIN SET");
    }
    c.take("ALL");
    if !c.take("FRONTEND") && !c.take("FRONTENDS") {
        return c.unexpected("'FRONTEND', 'FRONTENDS'");
    }
    c.expect("CONFIG")?;
    if c.peek() != &Token::LParen {
        return c.unexpected("'('");
    }
    Ok(Statement::AdminSetFrontendConfig(c.property_list()?))
}

/// `ANALYZE TABLE name [(columns)] [WITH SYNC]`
pub(super) fn analyze(c: &mut Cursor<'_>) -> Parsed<Statement> {
    c.expect("ANALYZE")?;
    c.expect("TABLE")?;
    let table = c.object_name()?;
    let columns = if c.peek() == &Token::LParen { c.names()? } else { Vec::new() };
    Ok(Statement::Analyze { table, columns, sync: c.take_all(&["WITH", "SYNC"]) })
}
