//! The `rawSql` of a light schema change, as typed clauses.

use std::fmt;

use super::Unreadable;
use crate::{
    binlog::Column,
    sql::{
        VerbatimText, identifier,
        quote::identifiers,
        token::{Cursor, TokenKind},
    },
};

/// One clause of ALTER TABLE; rendered by `Display`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AlterClause {
    /// Several columns in parentheses take no place.
    AddColumns {
        columns: Vec<ColumnDef>,
        place: Place,
        rollup: Option<String>,
    },
    DropColumn {
        column: String,
        rollup: Option<String>,
    },
    ModifyColumn {
        column: ColumnDef,
        place: Place,
        rollup: Option<String>,
    },
    /// `ENABLE FEATURE "x" ...`, as written.
    EnableFeature(String),
}

/// Where a column goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// Not said: last, or where it is.
    Unsaid,
    First,
    After(String),
}

/// A column as a clause defines it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ColumnDef {
    pub name: String,
    /// As written.
    pub column_type: String,
    pub key: bool,
    pub aggregation: Option<String>,
    pub nullable: Option<bool>,
    /// What stands behind AUTO_INCREMENT.
    pub auto_increment: Option<String>,
    pub default: Option<DefaultValue>,
    /// Digits of the fraction of `ON UPDATE CURRENT_TIMESTAMP(n)`.
    pub on_update: Option<i64>,
    /// As Doris stores it.
    pub comment: Option<String>,
}

/// The default of a column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DefaultValue {
    Null,
    /// `CURRENT_TIMESTAMP(3)`, `BITMAP_EMPTY`, a number: as written.
    Expression(String),
    /// A text, with its quotes.
    Text(String),
}

/// Reads `ALTER TABLE db.t clause, ...`. `schema` is the base index's new schema: it tells what the text leaves out (KEY, ON
/// UPDATE) and what it garbles (comments of 2.1 and 3.0, defaults that are expressions).
///
/// # Errors
/// If there is a clause of another kind, or the text cannot be read.
pub fn alter_clauses(raw_sql: &str, schema: &[Column]) -> Result<Vec<AlterClause>, Unreadable> {
    let mut cursor = Cursor::new(raw_sql);
    if !cursor.eat_words(&["ALTER", "TABLE"])? {
        return Err(cursor.unreadable("not an ALTER TABLE"));
    }
    cursor.name()?;
    while cursor.eat_symbol(".")? {
        cursor.name()?;
    }
    let mut clauses = vec![clause(&mut cursor, schema)?];
    while cursor.eat_symbol(",")? {
        clauses.push(clause(&mut cursor, schema)?);
    }
    cursor.eat_symbol(";")?;
    if cursor.peek()?.is_some() {
        return Err(cursor.unreadable("more than clauses"));
    }
    Ok(clauses)
}

/// Columns whose comment the clauses cannot set: Doris removes every backslash from a comment in ADD and MODIFY COLUMN. They
/// are set by MODIFY COLUMN .. COMMENT afterwards.
pub fn clauses_need_comments(clauses: &[AlterClause]) -> Vec<(String, String)> {
    let columns = clauses.iter().flat_map(|clause| match clause {
        AlterClause::AddColumns { columns, .. } => columns.as_slice(),
        AlterClause::ModifyColumn { column, .. } => std::slice::from_ref(column),
        AlterClause::DropColumn { .. } | AlterClause::EnableFeature(_) => &[],
    });
    let commented = columns.filter_map(|column| Some((column.name.clone(), column.comment.clone()?)));
    commented.filter(|(_, comment)| comment.contains('\\')).collect()
}

fn clause(cursor: &mut Cursor<'_>, schema: &[Column]) -> Result<AlterClause, Unreadable> {
    if cursor.eat_words(&["ADD", "COLUMN"])? {
        let mut columns = Vec::new();
        if cursor.eat_symbol("(")? {
            columns.push(column(cursor, schema)?);
            while cursor.eat_symbol(",")? {
                columns.push(column(cursor, schema)?);
            }
            if !cursor.eat_symbol(")")? {
                return Err(cursor.unreadable("a parenthesis is not closed"));
            }
        } else {
            columns.push(column(cursor, schema)?);
        }
        return Ok(AlterClause::AddColumns { columns, place: place(cursor)?, rollup: rollup(cursor, "IN")? });
    }
    if cursor.eat_words(&["DROP", "COLUMN"])? {
        return Ok(AlterClause::DropColumn { column: cursor.name()?, rollup: rollup(cursor, "FROM")? });
    }
    if cursor.eat_words(&["MODIFY", "COLUMN"])? {
        let column = column(cursor, schema)?;
        return Ok(AlterClause::ModifyColumn { column, place: place(cursor)?, rollup: rollup(cursor, "IN")? });
    }
    cursor.skip_blanks();
    let start = cursor.rest();
    if cursor.eat_words(&["ENABLE", "FEATURE"])? {
        let length = balanced_length(cursor, start, |cursor| {
            Ok(cursor.peek()?.is_none_or(|t| t.is_symbol(",") || t.is_symbol(";")))
        })?;
        return Ok(AlterClause::EnableFeature(start[..length].trim_end().to_owned()));
    }
    Err(cursor.unreadable("a clause that is no light change of columns"))
}

fn place(cursor: &mut Cursor<'_>) -> Result<Place, Unreadable> {
    if cursor.eat_word("FIRST")? {
        return Ok(Place::First);
    }
    Ok(if cursor.eat_word("AFTER")? { Place::After(cursor.name()?) } else { Place::Unsaid })
}

fn rollup(cursor: &mut Cursor<'_>, word: &str) -> Result<Option<String>, Unreadable> {
    Ok(if cursor.eat_word(word)? { Some(cursor.name()?) } else { None })
}

/// Passes everything up to the first token outside of brackets that ends it; returns its length from `start`.
fn balanced_length(
    cursor: &mut Cursor<'_>,
    start: &str,
    ends: impl Fn(&Cursor<'_>) -> Result<bool, Unreadable>,
) -> Result<usize, Unreadable> {
    let mut depth = 0;
    while depth > 0 || !ends(cursor)? {
        let Some(token) = cursor.next()? else { return Err(cursor.unreadable("a bracket is not closed")) };
        match token.text {
            "(" | "<" if token.kind == TokenKind::Symbol => depth += 1,
            ")" | ">" if token.kind == TokenKind::Symbol => depth -= 1,
            _ => {}
        }
    }
    Ok(start.len() - cursor.rest().len())
}

/// Words that end the type of a column.
const BEHIND_TYPE: &[&str] = &["KEY", "NULL", "NOT", "AUTO_INCREMENT", "DEFAULT", "ON", "COMMENT", "AS", "GENERATED"];
const AGGREGATIONS: &[&str] =
    &["SUM", "MIN", "MAX", "REPLACE", "REPLACE_IF_NOT_NULL", "HLL_UNION", "BITMAP_UNION", "QUANTILE_UNION", "GENERIC"];

fn column(cursor: &mut Cursor<'_>, schema: &[Column]) -> Result<ColumnDef, Unreadable> {
    let name = cursor.name()?;
    // Names of columns do not differ in case only.
    let known = schema.iter().find(|column| column.name.eq_ignore_ascii_case(&name));
    cursor.skip_blanks();
    let start = cursor.rest();
    let behind_type = |cursor: &Cursor<'_>| {
        let next = cursor.peek()?;
        Ok(next.is_none_or(|token| BEHIND_TYPE.iter().chain(AGGREGATIONS).any(|word| token.is_word(word))))
    };
    let length = balanced_length(cursor, start, behind_type)?;
    let mut def = ColumnDef {
        name,
        column_type: start[..length].trim_end().to_owned(),
        key: known.is_some_and(|column| column.is_key),
        aggregation: None,
        nullable: None,
        auto_increment: None,
        default: None,
        on_update: known.filter(|c| c.has_on_update_default_value).map(Column::on_update_precision),
        comment: known.and_then(|column| column.comment.clone()),
    };
    if def.column_type.is_empty() {
        return Err(cursor.unreadable("a column without a type"));
    }
    loop {
        if cursor.eat_word("KEY")? {
            def.key = true;
        } else if cursor.eat_words(&["NOT", "NULL"])? {
            def.nullable = Some(false);
        } else if cursor.eat_word("NULL")? {
            def.nullable = Some(true);
        } else if cursor.eat_word("AUTO_INCREMENT")? {
            def.auto_increment = Some(parenthesised(cursor)?);
        } else if cursor.eat_word("DEFAULT")? {
            def.default = Some(default(cursor, known)?);
        } else if cursor.eat_words(&["ON", "UPDATE"])? {
            cursor.name()?;
            let precision = parenthesised(cursor)?;
            def.on_update = def.on_update.or_else(|| precision.trim_matches(['(', ')', ' ']).parse().ok()).or(Some(0));
        } else if cursor.eat_word("COMMENT")? {
            comment(cursor, &mut def)?;
        } else if let Some(word) = cursor.peek()?.filter(|t| AGGREGATIONS.iter().any(|word| t.is_word(word))) {
            cursor.next()?;
            def.aggregation = Some(word.text.to_owned());
        } else {
            return Ok(def);
        }
    }
}

/// `(..)` as written, or nothing.
fn parenthesised(cursor: &mut Cursor<'_>) -> Result<String, Unreadable> {
    if !cursor.peek()?.is_some_and(|token| token.is_symbol("(")) {
        return Ok(String::new());
    }
    cursor.skip_blanks();
    let start = cursor.rest();
    cursor.next()?;
    let inner = cursor.rest();
    let length = balanced_length(cursor, inner, |c| Ok(c.peek()?.is_none_or(|token| token.is_symbol(")"))))?;
    if !cursor.eat_symbol(")")? {
        return Err(cursor.unreadable("a parenthesis is not closed"));
    }
    debug_assert!(length <= start.len());
    Ok(start[..start.len() - cursor.rest().len()].to_owned())
}

/// The value behind DEFAULT: from the schema where that has the column, since the text quotes expressions and escapes what is
/// kept as written.
fn default(cursor: &mut Cursor<'_>, known: Option<&Column>) -> Result<DefaultValue, Unreadable> {
    // 2.1 and 3.0 do not escape quotes in it: then only the schema tells where it ends.
    let is_text = known.is_some_and(|column| column.default_value_expr_def.is_none());
    if let Some(stored) =
        known.and_then(|column| column.default_value.as_deref()).filter(|text| is_text && text.contains('"'))
        && eat_written(cursor, stored)
    {
        let text = VerbatimText::new(stored).ok_or_else(|| cursor.unreadable("a default that SQL cannot hold"))?;
        return Ok(DefaultValue::Text(text.render()));
    }
    let Some(token) = cursor.next()? else { return Err(cursor.unreadable("a default is missing")) };
    let stored = known.and_then(|column| column.default_value.as_deref());
    let is_expression = known.is_some_and(|column| column.default_value_expr_def.is_some());
    if token.kind != TokenKind::Text {
        if token.is_word("NULL") {
            return Ok(DefaultValue::Null);
        }
        let mut text = token.text.to_owned();
        // A signed number or one with a fraction.
        while let Some(more) = cursor.peek()?.filter(|more| {
            let adjacent = more.start == cursor.at();
            adjacent && (text == "-" || text == "+" || more.is_symbol(".") || text.ends_with('.'))
        }) {
            cursor.next()?;
            text.push_str(more.text);
        }
        return Ok(DefaultValue::Expression(text + &parenthesised(cursor)?));
    }
    Ok(match stored {
        Some("BITMAP_EMPTY_DEFAULT_VALUE") if is_expression => DefaultValue::Expression("BITMAP_EMPTY".to_owned()),
        Some(stored) if is_expression => DefaultValue::Expression(stored.to_owned()),
        Some(stored) => match VerbatimText::new(stored) {
            Some(text) => DefaultValue::Text(text.render()),
            None => DefaultValue::Text(token.text.to_owned()),
        },
        // apache/doris#41205: the default NULL of such a column is printed as a text.
        None if known.is_some() && token.inner().is_some_and(|text| text.eq_ignore_ascii_case("null")) => {
            DefaultValue::Null
        }
        None => DefaultValue::Text(token.text.to_owned()),
    })
}

/// Passes a known text between quotes, with its own quotes escaped or not.
fn eat_written(cursor: &mut Cursor<'_>, known: &str) -> bool {
    cursor.skip_blanks();
    for written in [known.replace('"', "\\\""), known.to_owned()] {
        for quote in ['"', '\''] {
            let whole = format!("{quote}{written}{quote}");
            if cursor.rest().starts_with(&whole) {
                cursor.skip(whole.len());
                return true;
            }
        }
    }
    false
}

/// Passes the comment. 2.1 and 3.0 do not escape quotes in it, so that the schema's comment tells where it ends.
fn comment(cursor: &mut Cursor<'_>, def: &mut ColumnDef) -> Result<(), Unreadable> {
    cursor.skip_blanks();
    if def.comment.as_deref().is_some_and(|known| eat_written(cursor, known)) {
        return Ok(());
    }
    let token = cursor.next()?;
    let inner = token.as_ref().and_then(|token| token.inner());
    let inner = inner.ok_or_else(|| cursor.unreadable("a comment is missing"))?;
    def.comment.get_or_insert_with(|| inner.replace("\\\"", "\""));
    Ok(())
}

impl fmt::Display for ColumnDef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", identifier(&self.name), self.column_type)?;
        if self.key {
            f.write_str(" KEY")?;
        }
        if let Some(aggregation) = &self.aggregation {
            write!(f, " {aggregation}")?;
        }
        match self.nullable {
            Some(true) => f.write_str(" NULL")?,
            Some(false) => f.write_str(" NOT NULL")?,
            None => {}
        }
        if let Some(start) = &self.auto_increment {
            write!(f, " AUTO_INCREMENT{start}")?;
        }
        match &self.default {
            None => {}
            Some(DefaultValue::Null) => f.write_str(" DEFAULT NULL")?,
            Some(DefaultValue::Expression(text) | DefaultValue::Text(text)) => write!(f, " DEFAULT {text}")?,
        }
        match self.on_update {
            None => {}
            Some(0) => f.write_str(" ON UPDATE CURRENT_TIMESTAMP")?,
            Some(precision) => write!(f, " ON UPDATE CURRENT_TIMESTAMP({precision})")?,
        }
        match &self.comment {
            None => Ok(()),
            // Doris removes backslashes here, and only them.
            Some(comment) => write!(f, " COMMENT \"{}\"", comment.replace('\\', "").replace('"', "\\\"")),
        }
    }
}

impl fmt::Display for AlterClause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tail = |f: &mut fmt::Formatter<'_>, place: &Place, rollup: &Option<String>| {
            match place {
                Place::Unsaid => {}
                Place::First => f.write_str(" FIRST")?,
                Place::After(column) => write!(f, " AFTER {}", identifier(column))?,
            }
            rollup.iter().try_for_each(|rollup| write!(f, " IN {}", identifier(rollup)))
        };
        match self {
            Self::AddColumns { columns, place, rollup } => {
                if let [column] = columns.as_slice() {
                    write!(f, "ADD COLUMN {column}")?;
                } else {
                    let columns: Vec<_> = columns.iter().map(ToString::to_string).collect();
                    write!(f, "ADD COLUMN ({})", columns.join(", "))?;
                }
                tail(f, place, rollup)
            }
            Self::DropColumn { column, rollup } => {
                write!(f, "DROP COLUMN {}", identifiers(&[column]))?;
                rollup.iter().try_for_each(|rollup| write!(f, " FROM {}", identifier(rollup)))
            }
            Self::ModifyColumn { column, place, rollup } => {
                write!(f, "MODIFY COLUMN {column}")?;
                tail(f, place, rollup)
            }
            Self::EnableFeature(text) => f.write_str(text),
        }
    }
}

#[cfg(test)]
#[path = "alter_tests.rs"]
mod tests;
