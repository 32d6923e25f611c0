//! How names and texts are written into SQL. Nothing outside this folder puts a quote around anything.

use serde::{Deserialize, Serialize};

/// A name in backticks, inner backticks doubled (Doris un-doubles them). Nothing is trimmed: a name is used exactly as
/// Doris gave it.
pub fn identifier(name: &str) -> String {
    let mut out = String::with_capacity(name.len() + 2);
    out.push('`');
    for c in name.chars() {
        if c == '`' {
            out.push('`');
        }
        out.push(c);
    }
    out.push('`');
    out
}

/// `` `db`.`name` ``.
pub fn qualified(db: &str, name: &str) -> String {
    format!("{}.{}", identifier(db), identifier(name))
}

/// Names in backticks, separated by `, `.
pub(super) fn identifiers<T: AsRef<str>>(names: &[T]) -> String {
    names.iter().map(|name| identifier(name.as_ref())).collect::<Vec<_>>().join(", ")
}

/// A string literal in double quotes for a place where Doris decodes backslash escapes: expressions, conditions and
/// properties (default `sql_mode`).
pub fn literal(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '\\' => out.push_str("\\\\"),
            '"' => out.push_str("\\\""),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\0' => out.push_str("\\0"),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

/// `"k" = "v", ...`, in the order given.
pub(super) fn properties(properties: &[(String, String)]) -> String {
    properties
        .iter()
        .map(|(key, value)| format!("{} = {}", literal(key), literal(value)))
        .collect::<Vec<_>>()
        .join(", ")
}

/// A text for the places where Doris keeps the characters between the quotes **undecoded** (`MODIFY COMMENT`,
/// `MODIFY COLUMN .. COMMENT`, column defaults, list partition values; seen in 2.1, 3.0, 4.1). Escaping there would change
/// the text, so it is put between a kind of quote that does not end it early.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VerbatimText {
    text: String,
    quote: char,
}

impl VerbatimText {
    /// `None`: the text cannot be written in SQL at all (both kinds of quotes unescaped, or a lone backslash at the end).
    pub fn new(text: impl Into<String>) -> Option<Self> {
        let text = text.into();
        let quote = ['\'', '"'].into_iter().find(|quote| survives(&text, *quote))?;
        Some(Self { text, quote })
    }

    /// The text as Doris stores it.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The text between its quotes.
    pub(crate) fn render(&self) -> String {
        format!("{quote}{text}{quote}", quote = self.quote, text = self.text)
    }
}

/// Whether the lexer reads `text` between two of `quote` as one literal: each inner quote is behind a backslash or doubled
/// and the closing quote is not behind a backslash.
fn survives(text: &str, quote: char) -> bool {
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        if c == '\\' {
            if chars.next().is_none() {
                return false;
            }
        } else if c == quote && chars.next() != Some(quote) {
            return false;
        }
    }
    true
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// Defects: SQL-11, BIN-35.
    #[test]
    fn identifiers_are_exact() {
        for (name, sql) in [
            ("t", "`t`"),
            (" t ", "` t `"),
            ("c`d", "`c``d`"),
            ("`", "````"),
            ("it's \"x\"", "`it's \"x\"`"),
            ("订单", "`订单`"),
            ("select", "`select`"),
            ("a\\b", "`a\\b`"),
        ] {
            assert_eq!(identifier(name), sql);
        }
        assert_eq!(qualified("d`b", "t"), "`d``b`.`t`");
    }

    #[test]
    fn literals_escape_backslash_and_quote() {
        assert_eq!(literal(r#"a\b"c'd"#), r#""a\\b\"c'd""#);
        assert_eq!(literal("a\nb"), r#""a\nb""#);
        assert_eq!(literal("100%_"), r#""100%_""#);
        assert_eq!(properties(&[("k".into(), "v\"".into()), ("l".into(), "".into())]), r#""k" = "v\"", "l" = """#);
    }

    #[test]
    fn verbatim_texts_choose_their_quote() {
        for (text, sql) in [
            ("plain", Some("'plain'")),
            ("it's", Some("\"it's\"")),
            ("it''s", Some("'it''s'")),
            (r"it\'s", Some(r"'it\'s'")),
            ("say \"x\"", Some("'say \"x\"'")),
            ("it's \"x\"", None),
            (r"b\\s", Some(r"'b\\s'")),
            (r"end\", None),
            (r"end\\", Some(r"'end\\'")),
            ("", Some("''")),
        ] {
            assert_eq!(VerbatimText::new(text).map(|v| v.render()).as_deref(), sql, "{text}");
        }
    }
}
