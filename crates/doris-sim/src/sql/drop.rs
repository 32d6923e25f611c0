//! DROP, TRUNCATE.

use sqlparser::tokenizer::Token;

use super::{
    account, alter_schema,
    cursor::{Cursor, Parsed},
    newer::Newer,
    partition,
    statement::Statement,
};

/// `DROP (DATABASE | TABLE | VIEW) [IF EXISTS] name [FORCE]`
pub(super) fn drop(c: &mut Cursor<'_>) -> Parsed<Statement> {
    c.expect("DROP")?;
    if c.take("DATABASE") || c.take("SCHEMA") {
        let if_exists = c.if_exists();
        let name = c.db_name()?;
        return Ok(Statement::DropDatabase { name, if_exists, force: c.take("FORCE") });
    }
    if c.take_all(&["CATALOG", "RECYCLE", "BIN", "WHERE"]) {
        let kind = c.string()?;
        c.expect_token(&Token::Eq)?;
        return Ok(Statement::EraseRecycled { kind, id: c.integer()? });
    }
    if c.take("TABLE") {
        let if_exists = c.if_exists();
        let name = c.object_name()?;
        return Ok(Statement::DropTable { name, if_exists, force: c.take("FORCE") });
    }
    if c.is_word("USER") || c.is_word("ROLE") {
        return account::drop(c);
    }
    if c.is_word("INDEX") {
        return alter_schema::drop_index(c);
    }
    if c.is_word("MATERIALIZED") {
        let (name, if_exists, table) = alter_schema::drop_view(c)?;
        return match table {
            Some(table) => Ok(Statement::DropRollupView { name: name.name, table, if_exists }),
            None => Ok(Statement::DropMaterializedView { name, if_exists }),
        };
    }
    if c.take("VIEW") {
        let if_exists = c.if_exists();
        return Ok(Statement::DropView { name: c.object_name()?, if_exists });
    }
    c.unexpected("'DATABASE', 'INDEX', 'MATERIALIZED', 'SCHEMA', 'TABLE', 'VIEW'")
}

/// `TRUNCATE TABLE name [PARTITION[S] (p, ..)] [FORCE]`
pub(super) fn truncate(c: &mut Cursor<'_>) -> Parsed<Statement> {
    c.expect("TRUNCATE")?;
    c.expect("TABLE")?;
    let table = c.object_name()?;
    let partitions = partition::optional_names(c)?;
    if c.is_word("FORCE") {
        c.mark(0, Newer::TruncateForce);
    }
    Ok(Statement::Truncate { table, partitions, force: c.take("FORCE") })
}
