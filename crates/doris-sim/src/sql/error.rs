//! How the parser says no.

use sqlparser::tokenizer::Location;

/// A text that is no statement, in the words of Doris's parser: `mismatched input 'x' expecting {..}(line 1, pos 7)`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("\n{text}(line {line}, pos {position})\n")]
pub struct SyntaxError {
    text: String,
    /// From 1.
    pub(super) line: u64,
    /// In characters, from 0.
    pub(super) position: u64,
    /// What stands there, as the parser of older versions calls it.
    pub(super) symbol: String,
}

impl SyntaxError {
    pub(super) fn at(text: impl Into<String>, location: Location) -> Self {
        Self {
            text: text.into(),
            line: location.line.max(1),
            position: location.column.saturating_sub(1),
            symbol: "IDENTIFIER".into(),
        }
    }

    pub(super) fn on(self, symbol: String) -> Self {
        Self { symbol, ..self }
    }
}
