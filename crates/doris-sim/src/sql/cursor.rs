//! A position in the tokens of one statement, and the small pieces that every statement is made of.

use sqlparser::{
    ast::{Expr, Query, TableWithJoins},
    dialect::MySqlDialect,
    parser::{Parser, ParserError},
    tokenizer::{Location, Token, TokenWithSpan, Word},
};

use super::{
    error::SyntaxError,
    literal::Literal,
    newer::{self, Mark, Newer},
    statement::{ObjectName, Properties},
};

/// Doris's lexical rules are MySQL's.
pub(super) static DIALECT: MySqlDialect = MySqlDialect {};

/// The result of parsing something.
pub(super) type Parsed<T> = Result<T, SyntaxError>;

/// A position in one statement. String literals are kept as they were written ([`super::literal`] decodes them), because
/// Doris decodes them differently in different places.
pub(super) struct Cursor<'a> {
    parser: Parser<'a>,
    /// The whole text that was tokenized: locations refer to it.
    sql: &'a str,
    /// Where the last token of the statement ends.
    end: Location,
    /// Constructs of the statement that not every version has.
    newer: Vec<Mark>,
}

impl<'a> Cursor<'a> {
    pub(super) fn new(sql: &'a str, tokens: Vec<TokenWithSpan>) -> Self {
        let last = tokens.iter().rev().find(|token| !matches!(token.token, Token::Whitespace(_)));
        let end = last.map_or(Location::new(1, 1), |token| token.span.end);
        Self { parser: Parser::new(&DIALECT).with_tokens_with_locations(tokens), sql, end, newer: Vec::new() }
    }

    pub(super) fn peek(&self) -> &Token {
        &self.parser.peek_token_ref().token
    }

    /// The token after the next.
    pub(super) fn peek_second(&self) -> &Token {
        &self.parser.peek_nth_token_ref(1).token
    }

    /// The word `n` tokens ahead, in upper case if it is not quoted.
    pub(super) fn word_at(&self, n: usize) -> Option<String> {
        match &self.parser.peek_nth_token_ref(n).token {
            Token::Word(Word { value, quote_style: None, .. }) => Some(value.to_ascii_uppercase()),
            Token::Word(Word { value, .. }) => Some(format!("`{value}`")),
            _ => None,
        }
    }

    pub(super) fn advance(&mut self) {
        self.parser.advance_token();
    }

    pub(super) fn at_end(&self) -> bool {
        matches!(self.peek(), Token::EOF)
    }

    /// Refuses what is next.
    pub(super) fn unexpected<T>(&self, expecting: &str) -> Parsed<T> {
        let next = self.parser.peek_token_ref();
        let found = match &next.token {
            Token::EOF => "<EOF>".to_owned(),
            token => token.to_string(),
        };
        let text = format!("mismatched input '{found}' expecting {{{expecting}}}");
        Err(SyntaxError::at(text, self.location_of(next)).on(newer::symbol(&next.token)))
    }

    /// Notes that the token `n` ahead begins something that not every version has.
    pub(super) fn mark(&mut self, n: usize, what: Newer) {
        let token = self.parser.peek_nth_token_ref(n);
        let at = newer::place(&token.token, self.location_of(token));
        self.newer.push(Mark { what, at });
    }

    pub(super) fn into_marks(self) -> Vec<Mark> {
        self.newer
    }

    /// Refuses what Doris knows and the simulator does not.
    pub(super) fn not_modelled<T>(&self, what: &str) -> Parsed<T> {
        Err(SyntaxError::at(format!("doris-sim does not model {what}"), self.location_of(self.parser.peek_token_ref())))
    }

    /// `@'host'` behind a user's name; `None` if there is none. The tokenizer takes `@name` for one word.
    pub(super) fn take_at_sign(&mut self) -> Parsed<Option<String>> {
        if let Token::Word(Word { value, quote_style: None, .. }) = self.peek()
            && let Some(host) = value.strip_prefix('@')
        {
            let host = host.to_owned();
            self.advance();
            return Ok(Some(if host.is_empty() { self.string_or_identifier()? } else { host }));
        }
        if self.take_token(&Token::AtSign) { self.string_or_identifier().map(Some) } else { Ok(None) }
    }

    fn location_of(&self, token: &TokenWithSpan) -> Location {
        match token.token {
            Token::EOF => self.end,
            _ => token.span.start,
        }
    }

    /// Whether the next token is this unquoted word.
    pub(super) fn is_word(&self, word: &str) -> bool {
        is_word(self.peek(), word)
    }

    /// Whether the next tokens are these unquoted words.
    pub(super) fn are_words(&self, words: &[&str]) -> bool {
        words.iter().enumerate().all(|(n, word)| is_word(&self.parser.peek_nth_token_ref(n).token, word))
    }

    /// Takes the word if it is next.
    pub(super) fn take(&mut self, word: &str) -> bool {
        let found = self.is_word(word);
        if found {
            self.advance();
        }
        found
    }

    /// Takes all of the words if they are next, or none of them.
    pub(super) fn take_all(&mut self, words: &[&str]) -> bool {
        let found = self.are_words(words);
        if found {
            words.iter().for_each(|_| self.advance());
        }
        found
    }

    pub(super) fn expect(&mut self, word: &str) -> Parsed<()> {
        if self.take(word) { Ok(()) } else { self.unexpected(&format!("'{word}'")) }
    }

    pub(super) fn take_token(&mut self, token: &Token) -> bool {
        let found = self.peek() == token;
        if found {
            self.advance();
        }
        found
    }

    pub(super) fn expect_token(&mut self, token: &Token) -> Parsed<()> {
        if self.take_token(token) { Ok(()) } else { self.unexpected(&format!("'{token}'")) }
    }

    pub(super) fn if_exists(&mut self) -> bool {
        self.take_all(&["IF", "EXISTS"])
    }

    pub(super) fn if_not_exists(&mut self) -> bool {
        self.take_all(&["IF", "NOT", "EXISTS"])
    }

    /// One identifier, quoted with backticks or not; `` `` `` inside quotes is one backtick.
    pub(super) fn identifier(&mut self) -> Parsed<String> {
        let Token::Word(word) = self.peek() else { return self.unexpected("IDENTIFIER") };
        let name = match word.quote_style {
            Some('`') => word.value.replace("``", "`"),
            Some(_) => return self.unexpected("IDENTIFIER"),
            None if word.value.starts_with('@') || is_reserved(&word.value) => return self.unexpected("IDENTIFIER"),
            None => {
                self.refuse_hyphen()?;
                word.value.clone()
            }
        };
        self.advance();
        Ok(name)
    }

    /// Any unquoted word.
    pub(super) fn identifier_or_reserved(&mut self) -> Parsed<String> {
        let word = match self.peek() {
            Token::Word(Word { value, quote_style: None, .. }) => value.clone(),
            _ => return self.unexpected("IDENTIFIER"),
        };
        self.advance();
        Ok(word)
    }

    /// A variable: `name`, `@@name` or `@name`, in lower case.
    pub(super) fn variable(&mut self) -> Parsed<String> {
        Ok(match self.peek() {
            Token::Word(Word { quote_style: None, .. }) => self.identifier_or_reserved()?,
            _ => self.identifier()?,
        }
        .to_ascii_lowercase())
    }

    /// Whether `(name(` is next.
    pub(super) fn is_function_in_parentheses(&self) -> bool {
        let at = |n| &self.parser.peek_nth_token_ref(n).token;
        matches!((at(0), at(1), at(2)), (Token::LParen, Token::Word(_), Token::LParen))
    }

    /// Whether `(*)` follows the next token.
    pub(super) fn is_star_in_parentheses_after_next(&self) -> bool {
        let at = |n| &self.parser.peek_nth_token_ref(n).token;
        matches!((at(1), at(2), at(3)), (Token::LParen, Token::Mul, Token::RParen))
    }

    /// Whether `(name, ` or `(name)` is next.
    pub(super) fn is_names_only(&self) -> bool {
        let at = |n| &self.parser.peek_nth_token_ref(n).token;
        matches!((at(0), at(1), at(2)), (Token::LParen, Token::Word(_), Token::Comma | Token::RParen))
    }

    /// `a-b` without backticks has a text of its own.
    fn refuse_hyphen(&self) -> Parsed<()> {
        let (first, second) = (self.parser.peek_nth_token_ref(0), self.parser.peek_nth_token_ref(1));
        let touching = second.token == Token::Minus && first.span.end == second.span.start;
        let Some(Token::Word(tail)) = touching.then(|| &self.parser.peek_nth_token_ref(2).token) else { return Ok(()) };
        let name = format!("{}-{tail}", first.token);
        let text = format!(
            "Possibly unquoted identifier {name} detected. Please consider quoting it with back-quotes as `{name}`"
        );
        Err(SyntaxError::at(text, second.span.start).with_statement(self.sql))
    }

    /// `name`, `db.name` or `catalog.db.name`.
    pub(super) fn object_name(&mut self) -> Parsed<ObjectName> {
        let mut parts = vec![self.identifier()?];
        while self.take_token(&Token::Period) {
            parts.push(self.identifier()?);
        }
        let name = parts.pop().unwrap_or_default();
        let db = parts.pop();
        if parts.len() > 1 {
            return self.unexpected("IDENTIFIER");
        }
        Ok(ObjectName { db, name })
    }

    /// `[catalog.]db`.
    pub(super) fn db_name(&mut self) -> Parsed<String> {
        Ok(self.object_name()?.name)
    }

    /// `(FROM | IN) db`, where it is optional.
    pub(super) fn optional_db(&mut self) -> Parsed<Option<String>> {
        if self.take("FROM") || self.take("IN") { self.db_name().map(Some) } else { Ok(None) }
    }

    /// A string literal.
    pub(super) fn literal(&mut self) -> Parsed<Literal> {
        let literal = match self.peek() {
            Token::SingleQuotedString(text) => Literal { written: text.clone(), quote: '\'' },
            Token::DoubleQuotedString(text) => Literal { written: text.clone(), quote: '"' },
            _ => return self.unexpected("STRING_LITERAL"),
        };
        self.advance();
        Ok(literal)
    }

    /// A string literal with its escapes decoded, as in expressions.
    pub(super) fn string(&mut self) -> Parsed<String> {
        Ok(self.literal()?.value())
    }

    /// A string literal or an identifier.
    pub(super) fn string_or_identifier(&mut self) -> Parsed<String> {
        match self.peek() {
            Token::Word(_) => self.identifier(),
            _ => self.string(),
        }
    }

    /// An unsigned integer.
    pub(super) fn integer<T: std::str::FromStr>(&mut self) -> Parsed<T> {
        let value = match self.peek() {
            Token::Number(text, _) => text.parse().ok(),
            _ => None,
        };
        let Some(value) = value else { return self.unexpected("INTEGER_VALUE") };
        self.advance();
        Ok(value)
    }

    /// `item, item, ...`
    pub(super) fn list<T>(&mut self, mut item: impl FnMut(&mut Self) -> Parsed<T>) -> Parsed<Vec<T>> {
        let mut items = vec![item(self)?];
        while self.take_token(&Token::Comma) {
            items.push(item(self)?);
        }
        Ok(items)
    }

    /// `(item, item, ...)`
    pub(super) fn parenthesized<T>(&mut self, item: impl FnMut(&mut Self) -> Parsed<T>) -> Parsed<Vec<T>> {
        self.expect_token(&Token::LParen)?;
        let items = self.list(item)?;
        self.expect_token(&Token::RParen)?;
        Ok(items)
    }

    /// `(a, b)`: names.
    pub(super) fn names(&mut self) -> Parsed<Vec<String>> {
        self.parenthesized(Self::identifier)
    }

    /// `("k" = "v", ...)`; the quotes are optional around keys and bare values.
    pub(super) fn property_list(&mut self) -> Parsed<Properties> {
        let pairs = self.parenthesized(|c| {
            let key = c.string_or_identifier()?;
            c.expect_token(&Token::Eq)?;
            let value = match c.peek() {
                Token::Number(text, _) => {
                    let text = text.clone();
                    c.advance();
                    text
                }
                _ => c.string_or_identifier()?,
            };
            Ok((key, value))
        })?;
        Ok(pairs.into_iter().collect())
    }

    /// `PROPERTIES (...)`, where it is optional.
    pub(super) fn optional_properties(&mut self) -> Parsed<Properties> {
        if self.take("PROPERTIES") { self.property_list() } else { Ok(Properties::new()) }
    }

    /// An expression of the parser crate.
    pub(super) fn expression(&mut self) -> Parsed<Expr> {
        let parsed = self.parser.parse_expr();
        parsed.map_err(|error| self.foreign(error))
    }

    /// A query of the parser crate.
    pub(super) fn query(&mut self) -> Parsed<Box<Query>> {
        let parsed = self.parser.parse_query();
        parsed.map_err(|error| self.foreign(error))
    }

    /// A table, view or subquery with its joins, of the parser crate.
    pub(super) fn relation(&mut self) -> Parsed<TableWithJoins> {
        let parsed = self.parser.parse_table_and_joins();
        parsed.map_err(|error| self.foreign(error))
    }

    fn foreign(&self, error: ParserError) -> SyntaxError {
        let text = match error {
            ParserError::TokenizerError(text) | ParserError::ParserError(text) => text,
            ParserError::RecursionLimitExceeded => "the statement is nested too deeply".to_owned(),
        };
        SyntaxError::at(text, self.location_of(self.parser.peek_token_ref()))
    }

    /// Byte offset of the next token in the statement's text.
    pub(super) fn offset(&self) -> usize {
        offset_of(self.sql, self.location_of(self.parser.peek_token_ref()))
    }

    /// The text between an offset and the next token, without surrounding blanks.
    pub(super) fn text_since(&self, start: usize) -> &'a str {
        self.sql.get(start..self.offset()).unwrap_or_default().trim()
    }

    /// Nothing may follow the statement.
    pub(super) fn end(&self) -> Parsed<()> {
        if self.at_end() {
            return Ok(());
        }
        let next = self.parser.peek_token_ref();
        Err(SyntaxError::at(format!("extraneous input '{}' expecting {{<EOF>, ';'}}", next.token), next.span.start)
            .on(newer::symbol(&next.token)))
    }
}

/// Whether a name must be quoted: the words of Doris's grammar that are never identifiers (the common ones).
pub(super) fn is_reserved(word: &str) -> bool {
    const RESERVED: [&str; 58] = [
        "ADD",
        "ALL",
        "ALTER",
        "AND",
        "AS",
        "BETWEEN",
        "BY",
        "CASE",
        "CREATE",
        "CROSS",
        "DELETE",
        "DISTINCT",
        "DROP",
        "ELSE",
        "EXCEPT",
        "EXISTS",
        "FALSE",
        "FROM",
        "GROUP",
        "HAVING",
        "IN",
        "INDEX",
        "INNER",
        "INSERT",
        "INTERSECT",
        "INTERVAL",
        "INTO",
        "IS",
        "JOIN",
        "KEY",
        "LEFT",
        "LIKE",
        "LIMIT",
        "NOT",
        "NULL",
        "ON",
        "OR",
        "ORDER",
        "OUTER",
        "PARTITION",
        "PRIMARY",
        "RIGHT",
        "SELECT",
        "SET",
        "SHOW",
        "TABLE",
        "THEN",
        "TO",
        "TRUE",
        "UNION",
        "UPDATE",
        "USE",
        "USING",
        "VALUES",
        "WHEN",
        "WHERE",
        "WITH",
        "DESC",
    ];
    RESERVED.iter().any(|reserved| reserved.eq_ignore_ascii_case(word))
}

pub(super) fn is_word(token: &Token, word: &str) -> bool {
    matches!(token, Token::Word(Word { value, quote_style: None, .. }) if value.eq_ignore_ascii_case(word))
}

/// Byte offset of a location (lines and columns count from 1, columns in characters).
pub(crate) fn offset_of(sql: &str, location: Location) -> usize {
    let mut line_start = 0;
    for _ in 1..location.line {
        match sql.get(line_start..).and_then(|rest| rest.find('\n')) {
            Some(at) => line_start += at + 1,
            None => return sql.len(),
        }
    }
    let column = usize::try_from(location.column.saturating_sub(1)).unwrap_or(usize::MAX);
    let rest = sql.get(line_start..).unwrap_or_default();
    rest.char_indices().nth(column).map_or(sql.len(), |(at, _)| line_start + at)
}
