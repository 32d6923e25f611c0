//! Columns and their types.

use sqlparser::tokenizer::Token;

use super::{
    cursor::{Cursor, Parsed},
    statement::{ColumnDef, DefaultDef, IndexDef},
};
use crate::model::{Aggregation, ColumnType};

/// `name type [KEY] [aggregation] [[NOT] NULL] [AUTO_INCREMENT[(n)]] [DEFAULT ..] [ON UPDATE ..] [COMMENT '..']`
pub(super) fn column(c: &mut Cursor<'_>) -> Parsed<ColumnDef> {
    let name = c.identifier()?;
    let ty = column_type(c)?;
    let key = c.take("KEY");
    let aggregation = aggregation(c);
    let nullable = if c.take_all(&["NOT", "NULL"]) {
        Some(false)
    } else if c.take("NULL") {
        Some(true)
    } else {
        None
    };
    let auto_increment = match c.take("AUTO_INCREMENT") {
        false => None,
        true if c.take_token(&Token::LParen) => {
            let start = c.integer()?;
            c.expect_token(&Token::RParen)?;
            Some(start)
        }
        true => Some(1),
    };
    let default = if c.take("DEFAULT") { default_value(c)? } else { DefaultDef::None };
    let on_update = c.take_all(&["ON", "UPDATE"]);
    if on_update {
        c.expect("CURRENT_TIMESTAMP")?;
        precision(c)?;
    }
    let comment = if c.take("COMMENT") { Some(c.literal()?) } else { None };
    Ok(ColumnDef { name, ty, key, aggregation, nullable, auto_increment, default, on_update, comment })
}

fn aggregation(c: &mut Cursor<'_>) -> Option<Aggregation> {
    Aggregation::ALL.into_iter().find(|aggregation| c.take(&aggregation.to_string()))
}

fn default_value(c: &mut Cursor<'_>) -> Parsed<DefaultDef> {
    for name in ["CURRENT_TIMESTAMP", "CURRENT_DATE", "BITMAP_EMPTY", "PI", "E"] {
        if c.take(name) {
            return Ok(DefaultDef::Expression(match precision(c)? {
                Some(digits) => format!("{name}({digits})"),
                None => name.to_owned(),
            }));
        }
    }
    if c.take("NULL") {
        return Ok(DefaultDef::Null);
    }
    let sign = if c.take_token(&Token::Minus) { "-" } else { "" };
    if let Token::Number(digits, _) = c.peek() {
        let text = format!("{sign}{digits}");
        c.advance();
        return Ok(DefaultDef::Text(text));
    }
    if c.is_word("TRUE") || c.is_word("FALSE") {
        return Ok(DefaultDef::Text(c.identifier_or_reserved()?.to_ascii_lowercase()));
    }
    Ok(DefaultDef::Text(c.literal()?.verbatim()))
}

/// `(n)`, where it is optional.
fn precision(c: &mut Cursor<'_>) -> Parsed<Option<u32>> {
    if !c.take_token(&Token::LParen) {
        return Ok(None);
    }
    let digits = if matches!(c.peek(), Token::RParen) { None } else { Some(c.integer()?) };
    c.expect_token(&Token::RParen)?;
    Ok(digits)
}

/// A type, with Doris's defaults for what is left out.
pub(super) fn column_type(c: &mut Cursor<'_>) -> Parsed<ColumnType> {
    let name = c.identifier_or_reserved()?.to_ascii_uppercase();
    Ok(match name.as_str() {
        "BOOLEAN" | "BOOL" => ColumnType::Boolean,
        "TINYINT" => integer(c, ColumnType::TinyInt)?,
        "SMALLINT" => integer(c, ColumnType::SmallInt)?,
        "INT" | "INTEGER" => integer(c, ColumnType::Int)?,
        "BIGINT" => integer(c, ColumnType::BigInt)?,
        "LARGEINT" => integer(c, ColumnType::LargeInt)?,
        "FLOAT" => ColumnType::Float,
        "DOUBLE" => ColumnType::Double,
        "DECIMAL" | "DECIMALV2" | "DECIMALV3" | "NUMERIC" => decimal(c)?,
        "DATE" | "DATEV2" => ColumnType::Date,
        "DATETIME" | "DATETIMEV2" | "TIMESTAMP" => {
            let scale = precision(c)?.unwrap_or(0);
            let Some(scale) = u8::try_from(scale).ok().filter(|scale| *scale <= 6) else {
                return c.unexpected("a scale between 0 and 6");
            };
            ColumnType::DateTime { scale }
        }
        "CHAR" => ColumnType::Char { length: precision(c)?.unwrap_or(1) },
        "VARCHAR" if c.peek() == &Token::LParen && c.peek_second() == &Token::Mul => {
            c.advance();
            c.advance();
            c.expect_token(&Token::RParen)?;
            ColumnType::Varchar { length: 65533 }
        }
        "VARCHAR" => ColumnType::Varchar { length: precision(c)?.unwrap_or(65533) },
        "STRING" | "TEXT" => ColumnType::String,
        "JSON" | "JSONB" => ColumnType::Json,
        "HLL" | "BITMAP" | "QUANTILE_STATE" | "VARIANT" | "IPV4" | "IPV6" => {
            ColumnType::Other(name.to_ascii_lowercase())
        }
        "ARRAY" | "MAP" | "STRUCT" | "AGG_STATE" => ColumnType::Other(name.to_ascii_lowercase() + &type_arguments(c)?),
        _ => {
            return c.unexpected("a type");
        }
    })
}

/// A display width has no meaning.
fn integer(c: &mut Cursor<'_>, ty: ColumnType) -> Parsed<ColumnType> {
    precision(c)?;
    Ok(ty)
}

fn decimal(c: &mut Cursor<'_>) -> Parsed<ColumnType> {
    if !c.take_token(&Token::LParen) {
        return Ok(ColumnType::Decimal { precision: 38, scale: 9 });
    }
    let precision: u8 = c.integer()?;
    let scale: u8 = if c.take_token(&Token::Comma) { c.integer()? } else { 0 };
    c.expect_token(&Token::RParen)?;
    if !(1..=38).contains(&precision) || scale > precision {
        return c.unexpected("a precision between 1 and 38 and a scale of at most the precision");
    }
    Ok(ColumnType::Decimal { precision, scale })
}

/// `<..>` as Doris prints it: lower case, without blanks, `string` as `text`.
fn type_arguments(c: &mut Cursor<'_>) -> Parsed<String> {
    let mut text = String::new();
    let mut depth = 0_i32;
    loop {
        let piece = match c.peek() {
            Token::Lt => {
                depth += 1;
                "<".to_owned()
            }
            Token::Gt => {
                depth -= 1;
                ">".to_owned()
            }
            Token::ShiftRight => {
                depth -= 2;
                ">>".to_owned()
            }
            Token::Word(word) if word.quote_style.is_none() && word.value.eq_ignore_ascii_case("string") => {
                "text".to_owned()
            }
            Token::Word(_) | Token::Number(..) | Token::Comma | Token::Colon | Token::LParen | Token::RParen => {
                c.peek().to_string().to_ascii_lowercase()
            }
            _ => return c.unexpected("'<', '>'"),
        };
        if text.is_empty() && piece != "<" {
            return c.unexpected("'<'");
        }
        text.push_str(&piece);
        c.advance();
        match depth {
            0 => return Ok(text),
            ..0 => return c.unexpected("'>'"),
            _ => {}
        }
    }
}

/// `INDEX [IF NOT EXISTS] name (columns) [USING kind] [PROPERTIES (..)] [COMMENT '..']`; INDEX has been taken.
pub(super) fn index(c: &mut Cursor<'_>) -> Parsed<IndexDef> {
    c.if_not_exists();
    let name = c.identifier()?;
    index_of(c, name)
}

/// What follows the name of an index (and its table).
pub(super) fn index_of(c: &mut Cursor<'_>, name: String) -> Parsed<IndexDef> {
    let columns = c.names()?;
    let kind = if c.take("USING") { c.identifier()?.to_ascii_uppercase() } else { "INVERTED".to_owned() };
    let properties = c.optional_properties()?;
    let comment = if c.take("COMMENT") { Some(c.literal()?) } else { None };
    Ok(IndexDef { name, columns, kind, properties, comment })
}
