//! Syntax that older versions do not have, and how their parser says no.

use sqlparser::tokenizer::{Location, Token};

use super::error::SyntaxError;

/// A construct of the newest grammar that some version does not know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Newer {
    /// `ADD PARTITIONS FROM .. TO .. INTERVAL ..`
    PartitionSteps,
    /// `TRUNCATE TABLE .. FORCE`
    TruncateForce,
    /// `c INT AS (a + b)`
    GeneratedColumn,
    /// `ALTER VIEW .. MODIFY COMMENT`
    ViewComment,
    /// `CREATE OR REPLACE VIEW`
    OrReplaceView,
}

/// Where a statement uses a construct: its first token that older versions do not expect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Mark {
    pub(crate) what: Newer,
    pub(crate) at: SyntaxError,
}

impl Newer {
    /// What the older parser says that it expected there (seen).
    pub(crate) fn expected(self) -> &'static str {
        match self {
            Self::PartitionSteps | Self::ViewComment | Self::OrReplaceView => "",
            Self::TruncateForce => "COMMA, FORCE is keyword, maybe `FORCE`",
            Self::GeneratedColumn => "COMMA",
        }
    }
}

/// The symbol of a token in the older parser.
pub(super) fn symbol(token: &Token) -> String {
    match token {
        Token::EOF => "EOF".into(),
        Token::Word(word) if word.quote_style.is_some() || word.keyword == sqlparser::keywords::Keyword::NoKeyword => {
            "IDENTIFIER".into()
        }
        Token::Word(word) => word.value.to_ascii_uppercase(),
        Token::Number(..) => "INTEGER LITERAL".into(),
        Token::SingleQuotedString(_) | Token::DoubleQuotedString(_) => "STRING LITERAL".into(),
        Token::Comma => "COMMA".into(),
        Token::LParen => "LPAREN".into(),
        Token::RParen => "RPAREN".into(),
        Token::Eq => "EQUAL".into(),
        other => other.to_string(),
    }
}

/// Most characters of a line that is shown in full.
const LINE: usize = 60;
/// Characters on either side of the place in a longer one.
const CONTEXT: usize = LINE / 2 - 3;

impl SyntaxError {
    /// As the older parser tells it: the line, or what is around the place, with a mark under the place.
    pub(crate) fn told_by_older_parser(&self, sql: &str, expected: &str) -> String {
        let line: Vec<char> =
            sql.lines().nth(usize::try_from(self.line - 1).unwrap_or(0)).unwrap_or("").chars().collect();
        let right = usize::try_from(self.position).unwrap_or(usize::MAX).saturating_add(1).min(line.len() + 1);
        let (mut shown, mut before) = (String::new(), right - 1);
        if line.len() <= LINE {
            shown.extend(&line);
        } else {
            let right = right.min(line.len());
            let start = if right > LINE / 2 { right - CONTEXT } else { 0 };
            let end = if line.len() - right > LINE / 2 { right + CONTEXT } else { line.len() };
            if start > 0 {
                shown.push_str("...");
                before = before - start + 3;
            }
            shown.extend(&line[start..end]);
            if end < line.len() {
                shown.push_str("...");
            }
        }
        let expected = if expected.is_empty() { String::new() } else { format!(": {expected}") };
        format!(
            "Syntax error in line {}:\n{shown}\n{}^\nEncountered: {}\nExpected{expected}\n",
            self.line,
            " ".repeat(before),
            self.symbol
        )
    }
}

/// A place that is no error in the newest grammar.
pub(super) fn place(token: &Token, location: Location) -> SyntaxError {
    SyntaxError::at(String::new(), location).on(symbol(token))
}
