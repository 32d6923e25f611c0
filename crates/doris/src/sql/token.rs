//! Doris's SQL as tokens: enough to tell names, texts and words apart.

use super::rewrite::Unreadable;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TokenKind {
    /// Bare: a keyword, an unquoted name or a number.
    Word,
    /// In backticks.
    Name,
    /// In single or double quotes.
    Text,
    Symbol,
}

/// A piece of a statement and where it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Token<'a> {
    pub(super) kind: TokenKind,
    /// As written, quotes included.
    pub(super) text: &'a str,
    pub(super) start: usize,
}

impl<'a> Token<'a> {
    pub(super) fn end(&self) -> usize {
        self.start + self.text.len()
    }

    pub(super) fn is_word(&self, word: &str) -> bool {
        self.kind == TokenKind::Word && self.text.eq_ignore_ascii_case(word)
    }

    pub(super) fn is_symbol(&self, symbol: &str) -> bool {
        self.kind == TokenKind::Symbol && self.text == symbol
    }

    /// The name that a bare word or a backticked name stands for.
    pub(super) fn name(&self) -> Option<String> {
        match self.kind {
            TokenKind::Word => Some(self.text.to_owned()),
            TokenKind::Name => Some(self.text[1..self.text.len() - 1].replace("``", "`")),
            TokenKind::Text | TokenKind::Symbol => None,
        }
    }

    /// What stands between the quotes of a text, undecoded.
    pub(super) fn inner(&self) -> Option<&'a str> {
        (self.kind == TokenKind::Text).then(|| &self.text[1..self.text.len() - 1])
    }
}

/// Reads tokens one after the other.
#[derive(Clone, Debug)]
pub(super) struct Cursor<'a> {
    sql: &'a str,
    at: usize,
}

impl<'a> Cursor<'a> {
    pub(super) fn new(sql: &'a str) -> Self {
        Self { sql, at: 0 }
    }

    /// What has not been read.
    pub(super) fn rest(&self) -> &'a str {
        &self.sql[self.at..]
    }

    pub(super) fn at(&self) -> usize {
        self.at
    }

    /// Goes on behind something that is no token.
    pub(super) fn skip(&mut self, bytes: usize) {
        self.at += bytes;
    }

    pub(super) fn skip_blanks(&mut self) {
        loop {
            let rest = self.rest();
            let blanks = rest.len() - rest.trim_start().len();
            let comment = match &rest[blanks..] {
                text if text.starts_with("--") => text.find('\n').unwrap_or(text.len()),
                text if text.starts_with("/*") => text.find("*/").map_or(text.len(), |end| end + 2),
                _ => 0,
            };
            self.at += blanks + comment;
            if comment == 0 {
                return;
            }
        }
    }

    /// The next token, left in place.
    pub(super) fn peek(&self) -> Result<Option<Token<'a>>, Unreadable> {
        self.clone().next()
    }

    /// The next token; `None` at the end.
    pub(super) fn next(&mut self) -> Result<Option<Token<'a>>, Unreadable> {
        self.skip_blanks();
        let (start, rest) = (self.at, self.rest());
        let Some(first) = rest.chars().next() else { return Ok(None) };
        let (kind, length) = match first {
            '`' => (TokenKind::Name, quoted_length(rest, '`', false)),
            '\'' | '"' => (TokenKind::Text, quoted_length(rest, first, true)),
            c if is_word_part(c) => (TokenKind::Word, rest.find(|c| !is_word_part(c)).or(Some(rest.len()))),
            c => (TokenKind::Symbol, Some(c.len_utf8())),
        };
        let length = length.ok_or_else(|| self.unreadable("a quote that does not end"))?;
        self.at += length;
        Ok(Some(Token { kind, text: &rest[..length], start }))
    }

    pub(super) fn eat_word(&mut self, word: &str) -> Result<bool, Unreadable> {
        self.eat(|token| token.is_word(word))
    }

    pub(super) fn eat_words(&mut self, words: &[&str]) -> Result<bool, Unreadable> {
        let mut ahead = self.clone();
        for word in words {
            if !ahead.eat_word(word)? {
                return Ok(false);
            }
        }
        *self = ahead;
        Ok(true)
    }

    pub(super) fn eat_symbol(&mut self, symbol: &str) -> Result<bool, Unreadable> {
        self.eat(|token| token.is_symbol(symbol))
    }

    fn eat(&mut self, wanted: impl Fn(&Token<'_>) -> bool) -> Result<bool, Unreadable> {
        let mut ahead = self.clone();
        let found = ahead.next()?.is_some_and(|token| wanted(&token));
        if found {
            *self = ahead;
        }
        Ok(found)
    }

    /// A name, quoted or not.
    pub(super) fn name(&mut self) -> Result<String, Unreadable> {
        match self.next()?.and_then(|token| token.name()) {
            Some(name) => Ok(name),
            None => Err(self.unreadable("a name is missing")),
        }
    }

    pub(super) fn unreadable(&self, why: &str) -> Unreadable {
        Unreadable { why: why.to_owned(), at: self.at }
    }
}

fn is_word_part(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '_' | '$' | '@')
}

/// Length of what begins with a quote, both quotes included; `None`: it does not end.
fn quoted_length(text: &str, quote: char, backslashes: bool) -> Option<usize> {
    let mut chars = text.char_indices().skip(1).peekable();
    while let Some((at, c)) = chars.next() {
        if c == '\\' && backslashes {
            chars.next()?;
        } else if c == quote {
            match chars.peek() {
                Some((_, next)) if *next == quote => {
                    chars.next();
                }
                _ => return Some(at + quote.len_utf8()),
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn names_texts_words_and_symbols() {
        let sql = "ALTER `a``b`.t1 /* `x` */ 'it''s \\' \"' \"q\\\"\" -- end\n(9.5);";
        let mut cursor = Cursor::new(sql);
        let mut found = Vec::new();
        while let Some(token) = cursor.next().unwrap() {
            assert_eq!(&sql[token.start..token.end()], token.text);
            found.push((token.kind, token.text));
        }
        use TokenKind::{Name, Symbol, Text, Word};
        assert_eq!(
            found,
            [
                (Word, "ALTER"),
                (Name, "`a``b`"),
                (Symbol, "."),
                (Word, "t1"),
                (Text, "'it''s \\' \"'"),
                (Text, "\"q\\\"\""),
                (Symbol, "("),
                (Word, "9"),
                (Symbol, "."),
                (Word, "5"),
                (Symbol, ")"),
                (Symbol, ";"),
            ]
        );
    }

    #[test]
    fn what_does_not_end_is_unreadable() {
        for sql in ["`a", "'a\\'", "\"a"] {
            assert!(Cursor::new(sql).next().is_err(), "{sql}");
        }
        assert_eq!(Cursor::new("  -- nothing").next().unwrap(), None);
    }
}
