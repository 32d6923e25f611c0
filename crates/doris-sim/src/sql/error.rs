//! How the parser says no.

use std::fmt;

use sqlparser::tokenizer::Location;

/// A text that is no statement, in the words of Doris's parser: `mismatched input 'x' expecting {..}(line 1, pos 7)`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct SyntaxError {
    text: String,
    /// From 1.
    pub(super) line: u64,
    /// In characters, from 0.
    pub(super) position: u64,
    /// What stands there, as the parser of older versions calls it.
    pub(super) symbol: String,
    /// Printed below, with a mark at the place.
    pub(super) statement: Option<String>,
}

impl SyntaxError {
    pub(super) fn at(text: impl Into<String>, location: Location) -> Self {
        Self {
            text: text.into(),
            line: location.line.max(1),
            position: location.column.saturating_sub(1),
            symbol: "IDENTIFIER".into(),
            statement: None,
        }
    }

    pub(super) fn on(self, symbol: String) -> Self {
        Self { symbol, ..self }
    }

    /// Some refusals show the statement.
    pub(super) fn with_statement(mut self, statement: &str) -> Self {
        self.statement = Some(statement.to_owned());
        self
    }
}

impl fmt::Display for SyntaxError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { text, line, position, statement, .. } = self;
        writeln!(f, "\n{text}(line {line}, pos {position})")?;
        let Some(statement) = statement else { return Ok(()) };
        writeln!(f, "\n== SQL ==")?;
        for (at, written) in (1_u64..).zip(statement.lines()) {
            writeln!(f, "{written}")?;
            if at == *line {
                let dashes = usize::try_from(*position).unwrap_or_default();
                writeln!(f, "{}^^^", "-".repeat(dashes))?;
            }
        }
        Ok(())
    }
}
