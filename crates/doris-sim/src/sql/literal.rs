//! String literals. They are kept as they were written; Doris decodes them differently in different places (4.1: the plan
//! builder of the FE), and nowhere in DDL is a doubled quote undone.

/// A string literal: the text between the quotes, exactly as written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Literal {
    pub written: String,
    pub quote: char,
}

impl Literal {
    /// In expressions, queries, properties and patterns: backslash escapes (`\%` and `\_` keep their backslash), and a
    /// doubled quote is one quote.
    pub fn value(&self) -> String {
        decode(&self.written, self.quote)
    }

    /// MODIFY COMMENT, DEFAULT of a column, values of a list partition.
    pub fn verbatim(self) -> String {
        self.written
    }

    /// COMMENT of a column in CREATE TABLE and ADD COLUMN: every backslash is dropped.
    pub fn column_comment(&self) -> String {
        self.written.replace('\\', "")
    }

    /// COMMENT of a table or view: backslash escapes.
    pub fn table_comment(&self) -> String {
        decode(&self.written, '\0')
    }
}

/// Backslash escapes, and doubled `quote`s.
pub fn decode(written: &str, quote: char) -> String {
    if !written.contains(['\\', quote]) {
        return written.to_owned();
    }
    let mut decoded = String::with_capacity(written.len());
    let mut chars = written.chars().peekable();
    while let Some(c) = chars.next() {
        if c == quote {
            chars.next_if_eq(&quote);
        }
        if c != '\\' {
            decoded.push(c);
            continue;
        }
        match chars.next() {
            Some('n') => decoded.push('\n'),
            Some('t') => decoded.push('\t'),
            Some('r') => decoded.push('\r'),
            Some('b') => decoded.push('\u{8}'),
            Some('0') => decoded.push('\0'),
            Some('Z') => decoded.push('\u{1a}'),
            Some(wildcard @ ('%' | '_')) => decoded.extend(['\\', wildcard]),
            Some(other) => decoded.push(other),
            None => decoded.push('\\'),
        }
    }
    decoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_position_decodes_in_its_own_way() {
        // (written, value, column comment, table comment)
        let cases = [
            (r"a\'b", "a'b", "a'b", "a'b"),
            (r"a\\b", r"a\b", "ab", r"a\b"),
            (r"a\nb", "a\nb", "anb", "a\nb"),
            ("a''b", "a'b", "a''b", "a''b"),
            (r#"a""b"#, r#"a""b"#, r#"a""b"#, r#"a""b"#),
            (r"50\%", r"50\%", "50%", r"50\%"),
        ];
        for (written, value, column, table) in cases {
            let literal = Literal { written: written.into(), quote: '\'' };
            assert_eq!(literal.value(), value, "value of {written}");
            assert_eq!(literal.column_comment(), column, "column comment {written}");
            assert_eq!(literal.table_comment(), table, "table comment {written}");
            assert_eq!(literal.verbatim(), written);
        }
    }
}
