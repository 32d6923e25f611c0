//! The clauses of ALTER TABLE on columns, indexes, rollups and comments; CREATE, DROP and BUILD INDEX; synchronous
//! materialized views; CANCEL ALTER TABLE.

use sqlparser::tokenizer::Token;

use super::{
    column, create_table,
    cursor::{Cursor, Parsed},
    partition,
    statement::{
        AlterClause, CancelAlter, CreateMaterializedView, CreateTable, ObjectName, SchemaAlteration, Statement,
    },
};
use crate::model::Position;

/// The clause that is next, if it is of this family.
pub(super) fn clause(c: &mut Cursor<'_>) -> Parsed<Option<AlterClause>> {
    if let Some(clause) = alteration(c)? {
        return Ok(Some(AlterClause::Schema(clause)));
    }
    if c.take_all(&["RENAME", "COLUMN"]) {
        return Ok(Some(AlterClause::RenameColumn { old: c.identifier()?, new: c.identifier()? }));
    }
    if c.take_all(&["MODIFY", "COMMENT"]) {
        return Ok(Some(AlterClause::TableComment(c.literal()?)));
    }
    Ok(None)
}

fn alteration(c: &mut Cursor<'_>) -> Parsed<Option<SchemaAlteration>> {
    Ok(Some(if c.take_all(&["ADD", "COLUMN"]) {
        let list = matches!(c.peek(), Token::LParen);
        let columns = if list { c.parenthesized(column::column)? } else { vec![column::column(c)?] };
        let position = if list { Position::Unsaid } else { position(c)? };
        let rollup = rollup(c, &["TO", "IN"])?;
        c.optional_properties()?;
        SchemaAlteration::AddColumns { columns, list, position, rollup }
    } else if c.take_all(&["DROP", "COLUMN"]) {
        let name = c.identifier()?;
        let rollup = rollup(c, &["FROM", "IN"])?;
        c.optional_properties()?;
        SchemaAlteration::DropColumn { name, rollup }
    } else if c.take_all(&["MODIFY", "COLUMN"]) {
        if matches!(c.peek_second(), Token::Word(word) if word.quote_style.is_none() && word.value.eq_ignore_ascii_case("COMMENT"))
        {
            let name = c.identifier()?;
            c.expect("COMMENT")?;
            return Ok(Some(SchemaAlteration::ColumnComment { name, comment: c.literal()? }));
        }
        let column = column::column(c)?;
        let position = position(c)?;
        let rollup = rollup(c, &["FROM", "IN"])?;
        c.optional_properties()?;
        SchemaAlteration::ModifyColumn { column, position, rollup }
    } else if c.take_all(&["ORDER", "BY"]) {
        let names = c.names()?;
        let rollup = rollup(c, &["FROM", "IN"])?;
        c.optional_properties()?;
        SchemaAlteration::Reorder { names, rollup }
    } else if c.take_all(&["ADD", "INDEX"]) {
        let if_not_exists = c.if_not_exists();
        SchemaAlteration::AddIndex { index: column::index(c)?, if_not_exists }
    } else if c.take_all(&["DROP", "INDEX"]) {
        let if_exists = c.if_exists();
        SchemaAlteration::DropIndex { name: c.identifier()?, if_exists }
    } else if c.take_all(&["ENABLE", "FEATURE"]) {
        let name = c.string()?;
        let properties = if c.take("WITH") { c.optional_properties()? } else { super::statement::Properties::new() };
        SchemaAlteration::EnableFeature { name, properties }
    } else {
        return Ok(None);
    }))
}

/// `[FIRST | AFTER column]`
fn position(c: &mut Cursor<'_>) -> Parsed<Position> {
    Ok(if c.take("FIRST") {
        Position::First
    } else if c.take("AFTER") {
        Position::After(c.identifier()?)
    } else {
        Position::Unsaid
    })
}

fn rollup(c: &mut Cursor<'_>, words: &[&str]) -> Parsed<Option<String>> {
    if words.iter().any(|word| c.take(word)) { c.identifier().map(Some) } else { Ok(None) }
}

/// `ADD ROLLUP r (..) .., s (..) ..` and `DROP ROLLUP [IF EXISTS] r, s`: a statement of their own.
pub(super) fn rollups(c: &mut Cursor<'_>) -> Parsed<Option<AlterClause>> {
    if c.take_all(&["ADD", "ROLLUP"]) {
        return Ok(Some(AlterClause::AddRollups(c.list(create_table::rollup)?)));
    }
    if c.take_all(&["DROP", "ROLLUP"]) {
        return Ok(Some(AlterClause::DropRollups(c.list(|c| {
            let name = c.identifier()?;
            c.optional_properties()?;
            Ok(name)
        })?)));
    }
    Ok(None)
}

/// `INDEX [IF NOT EXISTS] name ON table (columns) [USING kind] [PROPERTIES (..)] [COMMENT '..']`; CREATE has been taken.
pub(super) fn create_index(c: &mut Cursor<'_>) -> Parsed<Statement> {
    c.expect("INDEX")?;
    let if_not_exists = c.if_not_exists();
    let name = c.identifier()?;
    c.expect("ON")?;
    let table = c.object_name()?;
    let index = column::index_of(c, name)?;
    Ok(Statement::CreateIndex { table, index, if_not_exists })
}

/// `INDEX [IF EXISTS] name ON table`; DROP has been taken.
pub(super) fn drop_index(c: &mut Cursor<'_>) -> Parsed<Statement> {
    c.expect("INDEX")?;
    let if_exists = c.if_exists();
    let name = c.identifier()?;
    c.expect("ON")?;
    Ok(Statement::DropIndex { table: c.object_name()?, name, if_exists })
}

/// `BUILD INDEX name ON table [PARTITION[S] (p, ..)]`
pub(super) fn build_index(c: &mut Cursor<'_>) -> Parsed<Statement> {
    c.expect("BUILD")?;
    c.expect("INDEX")?;
    let name = c.identifier()?;
    c.expect("ON")?;
    let table = c.object_name()?;
    Ok(Statement::BuildIndex { table, name, partitions: partition::optional_names(c)? })
}

/// Whether `MATERIALIZED VIEW [IF NOT EXISTS] name AS` is next: nothing but a name and a query makes a synchronous one.
pub(super) fn is_synchronous_view(c: &Cursor<'_>) -> bool {
    let words: Vec<String> = (0..16).map_while(|n| c.word_at(n)).collect();
    let rest = match words.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["MATERIALIZED", "VIEW", "IF", "NOT", "EXISTS", ..] => &words[5..],
        ["MATERIALIZED", "VIEW", ..] => &words[2..],
        _ => return false,
    };
    rest.get(1).is_some_and(|word| word == "AS")
}

/// `MATERIALIZED VIEW name AS query`; CREATE has been taken.
pub(super) fn create_view(c: &mut Cursor<'_>) -> Parsed<Statement> {
    c.expect("MATERIALIZED")?;
    c.expect("VIEW")?;
    c.if_not_exists();
    let name = c.identifier()?;
    c.expect("AS")?;
    Ok(Statement::CreateRollupView { name, query: c.query()? })
}

/// `MATERIALIZED VIEW [IF NOT EXISTS] name [(columns)] [BUILD ..] [REFRESH ..] .. AS query`, a table of its own; CREATE has
/// been taken.
pub(super) fn create_materialized(c: &mut Cursor<'_>) -> Parsed<Statement> {
    c.expect("MATERIALIZED")?;
    c.expect("VIEW")?;
    let if_not_exists = c.if_not_exists();
    let name = c.object_name()?;
    let query_columns = if c.peek() == &Token::LParen { c.names()? } else { Vec::new() };
    let build = match c.take("BUILD") {
        true if c.take("DEFERRED") => "DEFERRED",
        true => {
            c.expect("IMMEDIATE")?;
            "IMMEDIATE"
        }
        false => "IMMEDIATE",
    };
    let method = match c.take("REFRESH") {
        true if c.take("COMPLETE") => "COMPLETE",
        true => {
            c.take("AUTO");
            "AUTO"
        }
        false => "AUTO",
    };
    if c.take("ON") && !c.take("MANUAL") {
        return c.not_modelled("materialized views that refresh themselves");
    }
    let keys = create_table::keys(c)?;
    let comment = if c.take("COMMENT") { Some(c.literal()?) } else { None };
    if c.is_word("PARTITION") {
        return c.not_modelled("partitioned materialized views");
    }
    let distribution = if c.is_word("DISTRIBUTED") { Some(create_table::distribution(c)?) } else { None };
    let properties = c.optional_properties()?;
    c.expect("AS")?;
    let start = c.offset();
    let query = c.query()?;
    let text = c.text_since(start).to_owned();
    Ok(Statement::CreateMaterializedView(Box::new(CreateMaterializedView {
        table: CreateTable {
            name,
            if_not_exists,
            columns: Vec::new(),
            indexes: Vec::new(),
            engine: None,
            keys,
            cluster_by: Vec::new(),
            comment,
            partition_by: None,
            distribution,
            rollups: Vec::new(),
            properties,
            query: Some(query),
            query_columns,
        },
        text,
        refresh: format!("BUILD {build} REFRESH {method} ON MANUAL"),
        immediate: build == "IMMEDIATE",
    })))
}

/// `MATERIALIZED VIEW [IF EXISTS] name [ON table]`; DROP has been taken. `None`: no ON, so it is a table of its own.
pub(super) fn drop_view(c: &mut Cursor<'_>) -> Parsed<(ObjectName, bool, Option<ObjectName>)> {
    c.expect("MATERIALIZED")?;
    c.expect("VIEW")?;
    let if_exists = c.if_exists();
    let name = c.object_name()?;
    let table = if c.take("ON") { Some(c.object_name()?) } else { None };
    Ok((name, if_exists, table))
}

/// `CANCEL ALTER TABLE (COLUMN | ROLLUP | MATERIALIZED VIEW) FROM table [(job, ..)]`, `CANCEL BUILD INDEX ON table [..]`;
/// CANCEL has been taken.
pub(super) fn cancel(c: &mut Cursor<'_>) -> Parsed<Option<Statement>> {
    let what = if c.take_all(&["ALTER", "TABLE"]) {
        let what = if c.take("COLUMN") {
            CancelAlter::Column
        } else if c.take("ROLLUP") || c.take_all(&["MATERIALIZED", "VIEW"]) {
            CancelAlter::Rollup
        } else {
            return c.unexpected("'COLUMN', 'MATERIALIZED', 'ROLLUP'");
        };
        c.expect("FROM")?;
        what
    } else if c.take_all(&["BUILD", "INDEX"]) {
        c.expect("ON")?;
        CancelAlter::BuildIndex
    } else {
        return Ok(None);
    };
    let table = c.object_name()?;
    let jobs = if matches!(c.peek(), Token::LParen) { c.parenthesized(Cursor::integer)? } else { Vec::new() };
    Ok(Some(Statement::CancelAlter { table, what, jobs }))
}
