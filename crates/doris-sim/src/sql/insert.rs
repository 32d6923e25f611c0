//! INSERT.
//!
//! Bulk text is read by a scanner of its own: one pass over the bytes, literals only ([`parse_literals`]). Whatever it
//! does not know goes the general way.

use sqlparser::tokenizer::Token;

use super::{
    cursor::{Cursor, Parsed},
    literal, partition,
    statement::{Insert, InsertLiteral, InsertSource, ObjectName, Overwrite, Statement, TargetPartitions},
};

/// `INSERT (INTO | OVERWRITE TABLE) name [[TEMPORARY] PARTITION (..)] [WITH LABEL label] [(columns)] (VALUES (..), .. |
/// query)`
pub(super) fn insert(c: &mut Cursor<'_>) -> Parsed<Statement> {
    c.expect("INSERT")?;
    let mut overwrite = Overwrite::No;
    if c.take_all(&["OVERWRITE", "TABLE"]) {
        overwrite = Overwrite::Named;
    } else {
        c.expect("INTO")?;
        c.take("TABLE");
    }
    let table = c.object_name()?;
    let mut partitions = TargetPartitions::default();
    if overwrite == Overwrite::Named && partition::take_all_of_them(c) {
        overwrite = Overwrite::Detected;
    } else {
        partitions = partition::target(c)?;
    }
    // The order of the two is not fixed in Doris: the label follows the table.
    let mut label = label_clause(c)?;
    let columns = match c.peek() {
        Token::LParen if !is_query(c.peek_second()) => c.names()?,
        _ => Vec::new(),
    };
    if label.is_none() {
        label = label_clause(c)?;
    }
    let source = if c.take("VALUES") { InsertSource::Values(c.list(row)?) } else { InsertSource::Query(c.query()?) };
    Ok(Statement::Insert(Insert { table, overwrite, partitions, columns, label, source }))
}

fn is_query(token: &Token) -> bool {
    super::cursor::is_word(token, "SELECT") || super::cursor::is_word(token, "WITH") || token == &Token::LParen
}

fn label_clause(c: &mut Cursor<'_>) -> Parsed<Option<String>> {
    if c.take_all(&["WITH", "LABEL"]) { c.identifier().map(Some) } else { Ok(None) }
}

fn row(c: &mut Cursor<'_>) -> Parsed<Vec<Option<sqlparser::ast::Expr>>> {
    c.parenthesized(|c| if c.take("DEFAULT") { Ok(None) } else { c.expression().map(Some) })
}

/// An INSERT of nothing but literals; `None`: not one, or not certainly one.
pub(super) fn parse_literals(sql: &str) -> Option<Insert> {
    let mut s = Scanner { sql, at: 0 };
    s.word("INSERT")?;
    s.word("INTO")?;
    let first = s.name()?;
    let table = match s.symbol(b'.') {
        Some(()) => ObjectName { db: Some(first), name: s.name()? },
        None => ObjectName { db: None, name: first },
    };
    let mut columns = Vec::new();
    if s.symbol(b'(').is_some() {
        loop {
            columns.push(s.name()?);
            if s.symbol(b',').is_none() {
                break;
            }
        }
        s.symbol(b')')?;
    }
    let label = match s.word("WITH") {
        Some(()) => {
            s.word("LABEL")?;
            Some(s.name()?)
        }
        None => None,
    };
    s.word("VALUES")?;
    let mut rows: Vec<Vec<InsertLiteral>> = Vec::new();
    loop {
        s.symbol(b'(')?;
        let mut row = Vec::with_capacity(rows.first().map_or(8, Vec::len));
        loop {
            row.push(s.literal()?);
            if s.symbol(b',').is_none() {
                break;
            }
        }
        s.symbol(b')')?;
        rows.push(row);
        if s.symbol(b',').is_none() {
            break;
        }
    }
    while s.symbol(b';').is_some() {}
    s.blanks();
    (s.at == sql.len()).then(|| Insert {
        table,
        overwrite: Overwrite::No,
        partitions: TargetPartitions::default(),
        columns,
        label,
        source: InsertSource::Literals(rows),
    })
}

/// A position in the text. Every method skips blanks first and moves only if it finds what it looks for.
struct Scanner<'a> {
    sql: &'a str,
    at: usize,
}

impl<'a> Scanner<'a> {
    fn rest(&self) -> &'a [u8] {
        self.sql.as_bytes().get(self.at..).unwrap_or_default()
    }

    fn slice(&self, from: usize, to: usize) -> &'a str {
        self.sql.get(from..to).unwrap_or_default()
    }

    fn blanks(&mut self) {
        self.at += self.rest().iter().take_while(|b| b.is_ascii_whitespace()).count();
    }

    fn symbol(&mut self, symbol: u8) -> Option<()> {
        self.blanks();
        (self.rest().first() == Some(&symbol)).then(|| self.at += 1)
    }

    /// The length of the bare word here.
    fn word_length(&self) -> usize {
        self.rest().iter().take_while(|b| b.is_ascii_alphanumeric() || **b == b'_').count()
    }

    fn word(&mut self, word: &str) -> Option<()> {
        self.blanks();
        let length = self.word_length();
        self.slice(self.at, self.at + length).eq_ignore_ascii_case(word).then(|| self.at += length)
    }

    /// A name of ASCII letters, digits and `_`, or anything but a backtick in backticks.
    fn name(&mut self) -> Option<String> {
        self.blanks();
        if self.rest().first() == Some(&b'`') {
            let start = self.at + 1;
            let length = self.sql.get(start..)?.find('`')?;
            let end = start + length;
            if self.sql.as_bytes().get(end + 1) == Some(&b'`') {
                return None;
            }
            self.at = end + 1;
            return Some(self.slice(start, end).to_owned());
        }
        let length = self.word_length();
        let first = *self.rest().first()?;
        // Letters of other scripts, `a-b` and words of the grammar are for the general parser.
        let next = self.rest().get(length).copied().unwrap_or(b' ');
        if length == 0 || !(first.is_ascii_alphabetic() || first == b'_') || !next.is_ascii() || b"-$@".contains(&next)
        {
            return None;
        }
        let name = self.slice(self.at, self.at + length).to_owned();
        if super::cursor::is_reserved(&name) {
            return None;
        }
        self.at += length;
        Some(name)
    }

    fn literal(&mut self) -> Option<InsertLiteral> {
        self.blanks();
        match *self.rest().first()? {
            quote @ (b'\'' | b'"') => self.text(quote),
            b'0'..=b'9' | b'-' | b'+' | b'.' => self.number(),
            b'[' | b'{' => self.composite().map(InsertLiteral::Composite),
            _ => {
                let words = [
                    ("NULL", InsertLiteral::Null),
                    ("TRUE", InsertLiteral::Bool(true)),
                    ("FALSE", InsertLiteral::Bool(false)),
                    ("DEFAULT", InsertLiteral::Default),
                ];
                words.into_iter().find_map(|(word, literal)| self.word(word).map(|()| literal))
            }
        }
    }

    /// `[a, b]` or `{k: v}`, nested.
    fn composite(&mut self) -> Option<String> {
        let (open, close) = if self.symbol(b'[').is_some() { ('[', b']') } else { ('{', b'}') };
        if open == '{' {
            self.symbol(b'{')?;
        }
        let mut text = String::from(open);
        while self.symbol(close).is_none() {
            if text.len() > 1 {
                self.symbol(b',')?;
                text.push_str(", ");
            }
            text.push_str(&self.element()?);
            if open == '{' {
                self.symbol(b':')?;
                text.push(':');
                text.push_str(&self.element()?);
            }
        }
        text.push(char::from(close));
        Some(text)
    }

    fn element(&mut self) -> Option<String> {
        Some(match self.literal()? {
            InsertLiteral::Null => "null".to_owned(),
            InsertLiteral::Bool(value) => i32::from(value).to_string(),
            InsertLiteral::Number(text) | InsertLiteral::Composite(text) => text,
            InsertLiteral::Text(text) => format!("\"{text}\""),
            InsertLiteral::Default => return None,
        })
    }

    fn number(&mut self) -> Option<InsertLiteral> {
        let rest = self.rest();
        let signs = rest.iter().take_while(|b| matches!(b, b'-' | b'+')).count();
        let digits = |from: usize| rest.iter().skip(from).take_while(|b| b.is_ascii_digit()).count();
        let mut length = signs + digits(signs);
        if rest.get(length) == Some(&b'.') {
            length += 1 + digits(length + 1);
        }
        if matches!(rest.get(length), Some(b'e' | b'E')) {
            let sign = usize::from(matches!(rest.get(length + 1), Some(b'-' | b'+')));
            let exponent = digits(length + 1 + sign);
            if exponent == 0 {
                return None;
            }
            length += 1 + sign + exponent;
        }
        // `--1` starts a comment, `1 + 2` is an expression.
        let next = rest.get(length).copied().unwrap_or(b' ');
        if signs > 1 || length == signs || !(next.is_ascii_whitespace() || b",):]}".contains(&next)) {
            return None;
        }
        let start = self.at + usize::from(rest.first() == Some(&b'+'));
        let text = self.slice(start, self.at + length).to_owned();
        self.at += length;
        Some(InsertLiteral::Number(text))
    }

    fn text(&mut self, quote: u8) -> Option<InsertLiteral> {
        let start = self.at + 1;
        let bytes = self.sql.as_bytes();
        let (mut end, mut plain) = (start, true);
        loop {
            match *bytes.get(end)? {
                b'\\' => {
                    plain = false;
                    end += 2;
                }
                b if b == quote && bytes.get(end + 1) == Some(&quote) => {
                    plain = false;
                    end += 2;
                }
                b if b == quote => break,
                _ => end += 1,
            }
        }
        let written = self.sql.get(start..end)?;
        self.at = end + 1;
        Some(InsertLiteral::Text(if plain { written.to_owned() } else { literal::decode(written, char::from(quote)) }))
    }
}
