//! Types of columns, as Doris prints them.

use sqlparser::tokenizer::Token;

use super::cursor::{Cursor, Parsed};
use crate::model::ColumnType;

/// A type, with Doris's defaults for what is left out.
pub(super) fn column_type(c: &mut Cursor<'_>) -> Parsed<ColumnType> {
    Reader { c, open: 0 }.any()
}

/// `(n)`, where it is optional.
pub(super) fn precision(c: &mut Cursor<'_>) -> Parsed<Option<u32>> {
    if !c.take_token(&Token::LParen) {
        return Ok(None);
    }
    let digits = if matches!(c.peek(), Token::RParen) { None } else { Some(c.integer()?) };
    c.expect_token(&Token::RParen)?;
    Ok(digits)
}

struct Reader<'c, 's> {
    c: &'c mut Cursor<'s>,
    /// A `>>` that has been taken closes one type more.
    open: u32,
}

impl Reader<'_, '_> {
    fn any(&mut self) -> Parsed<ColumnType> {
        let c = &mut *self.c;
        let name = c.identifier_or_reserved()?.to_ascii_uppercase();
        Ok(match name.as_str() {
            "BOOLEAN" | "BOOL" => ColumnType::Boolean,
            "TINYINT" => self.integer(ColumnType::TinyInt)?,
            "SMALLINT" => self.integer(ColumnType::SmallInt)?,
            "INT" | "INTEGER" => self.integer(ColumnType::Int)?,
            "BIGINT" => self.integer(ColumnType::BigInt)?,
            "LARGEINT" => self.integer(ColumnType::LargeInt)?,
            "FLOAT" => ColumnType::Float,
            "DOUBLE" => ColumnType::Double,
            "DECIMAL" | "DECIMALV2" | "DECIMALV3" | "NUMERIC" => self.decimal()?,
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
            "HLL" | "BITMAP" | "QUANTILE_STATE" | "IPV4" | "IPV6" => ColumnType::Other(name.to_ascii_lowercase()),
            "VARIANT" => ColumnType::Other(self.variant()?),
            "ARRAY" => {
                self.opening()?;
                let item = self.any()?;
                self.closing()?;
                ColumnType::Other(format!("array<{item}>"))
            }
            "MAP" => {
                self.opening()?;
                let key = self.any()?;
                self.c.expect_token(&Token::Comma)?;
                let value = self.any()?;
                self.closing()?;
                ColumnType::Other(format!("map<{key},{value}>"))
            }
            "STRUCT" => ColumnType::Other(self.structure()?),
            "AGG_STATE" => ColumnType::Other(self.aggregate_state()?),
            _ => return c.unexpected("a type"),
        })
    }

    /// A display width has no meaning.
    fn integer(&mut self, ty: ColumnType) -> Parsed<ColumnType> {
        precision(self.c)?;
        Ok(ty)
    }

    fn decimal(&mut self) -> Parsed<ColumnType> {
        let c = &mut *self.c;
        if !c.take_token(&Token::LParen) {
            return Ok(ColumnType::Decimal { precision: 38, scale: 9 });
        }
        let precision: u8 = c.integer()?;
        let scale: u8 = if c.take_token(&Token::Comma) { c.integer()? } else { 0 };
        c.expect_token(&Token::RParen)?;
        if !(1..=76).contains(&precision) || scale > precision {
            return c.unexpected("a precision between 1 and 76 and a scale of at most the precision");
        }
        Ok(ColumnType::Decimal { precision, scale })
    }

    /// `struct<a:int,b:text comment 'x'>`: names in lower case.
    fn structure(&mut self) -> Parsed<String> {
        self.opening()?;
        let mut fields = Vec::new();
        loop {
            let name = self.c.identifier()?.to_lowercase();
            // The tokenizer takes `a:int` apart at the colon.
            self.c.expect_token(&Token::Colon)?;
            let ty = self.any()?;
            let comment = if self.c.take("COMMENT") { self.c.string()? } else { String::new() };
            let comment = if comment.is_empty() { comment } else { format!(" comment '{comment}'") };
            fields.push(format!("{name}:{ty}{comment}"));
            if self.open > 0 || !self.c.take_token(&Token::Comma) {
                break;
            }
        }
        self.closing()?;
        Ok(format!("struct<{}>", fields.join(",")))
    }

    /// `agg_state<sum(int)>`: arguments may be NULL unless they say otherwise.
    fn aggregate_state(&mut self) -> Parsed<String> {
        self.opening()?;
        let function = self.c.identifier_or_reserved()?.to_ascii_lowercase();
        self.c.expect_token(&Token::LParen)?;
        let mut arguments = Vec::new();
        while self.c.peek() != &Token::RParen {
            let ty = self.any()?;
            let null = !self.c.take_all(&["NOT", "NULL"]);
            if null {
                self.c.take("NULL");
            }
            arguments.push(format!("{ty}{}", if null { " null" } else { "" }));
            if !self.c.take_token(&Token::Comma) {
                break;
            }
        }
        self.c.expect_token(&Token::RParen)?;
        self.closing()?;
        Ok(format!("agg_state<{function}({})>", arguments.join(", ")))
    }

    /// `variant`, or with typed paths and properties: ``variant<'a.b':int,PROPERTIES ("k" = "v")>``.
    fn variant(&mut self) -> Parsed<String> {
        if self.c.peek() != &Token::Lt {
            return Ok("variant".into());
        }
        self.opening()?;
        let mut parts = Vec::new();
        loop {
            if self.c.take("PROPERTIES") {
                let pairs = self.c.property_list()?;
                let pairs: Vec<String> = pairs.iter().map(|(k, v)| format!("\"{k}\" = \"{v}\"")).collect();
                parts.push(format!("PROPERTIES ({})", pairs.join(",")));
                break;
            }
            let exact = self.c.take("MATCH_NAME");
            let _glob = !exact && self.c.take("MATCH_NAME_GLOB");
            let path = self.c.string()?;
            self.c.expect_token(&Token::Colon)?;
            let ty = self.any()?;
            let word = if exact { "MATCH_NAME " } else { "" };
            parts.push(format!("{word}'{path}':{ty}"));
            if self.open > 0 || !self.c.take_token(&Token::Comma) {
                break;
            }
        }
        self.closing()?;
        Ok(format!("variant<{}>", parts.join(",")))
    }

    fn opening(&mut self) -> Parsed<()> {
        self.c.expect_token(&Token::Lt)
    }

    fn closing(&mut self) -> Parsed<()> {
        if self.open > 0 {
            self.open -= 1;
            return Ok(());
        }
        if self.c.take_token(&Token::ShiftRight) {
            self.open += 1;
            return Ok(());
        }
        self.c.expect_token(&Token::Gt)
    }
}
