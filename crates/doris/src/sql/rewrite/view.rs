//! Queries of views: names of the source's database become those of the destination's.

use super::Unreadable;
use crate::sql::{
    identifier,
    token::{Cursor, Token},
};

/// A view's query with every chain of names that begins with the source's database turned to the destination's.
///
/// Doris qualifies tables, and in 2.1 and 4.1 also columns and aliases of tables, as `` `internal`.`db`.`t` ``. 3.0 leaves
/// columns as they were typed, so a chain without catalog is rewritten only where it must name a table: with three parts, or
/// behind FROM, JOIN or a comma of the FROM list; and as `` `default_cluster:db` `` (2.0) anywhere.
///
/// # Errors
/// If the text cannot be read.
pub fn view_query(query: &str, source_db: &str, dest_db: &str) -> Result<String, Unreadable> {
    let mut out = String::with_capacity(query.len() + 32);
    let mut copied = 0;
    for token in database_tokens(query, source_db)? {
        out.push_str(&query[copied..token.start]);
        out.push_str(&identifier(dest_db));
        copied = token.end();
    }
    out.push_str(&query[copied..]);
    Ok(out)
}

/// The tokens that name the source's database.
fn database_tokens<'a>(query: &'a str, source_db: &str) -> Result<Vec<Token<'a>>, Unreadable> {
    let old_style = format!("default_cluster:{source_db}");
    let mut cursor = Cursor::new(query);
    let mut found = Vec::new();
    let mut position = Position::default();
    while let Some(first) = cursor.next()? {
        let mut chain = vec![first];
        // The dot behind a number is its own: `1. FROM t`.
        let number = first.text.bytes().all(|byte| byte.is_ascii_digit());
        while !number && first.name().is_some() && cursor.eat_symbol(".")? {
            match cursor.next()? {
                Some(part) => chain.push(part),
                None => return Err(cursor.unreadable("a name is missing behind a dot")),
            }
        }
        let names: Vec<_> = chain.iter().map(|part| part.name().unwrap_or_default()).collect();
        if names.len() > 1 {
            if names[0] == "internal" && names.len() > 2 && (names[1] == source_db || names[1] == old_style) {
                found.push(chain[1]);
            } else if names[0] == old_style || (names[0] == source_db && (names.len() > 2 || position.names_a_table()))
            {
                found.push(chain[0]);
            }
        }
        position.pass(&first, chain.len());
    }
    Ok(found)
}

/// Whether the next chain stands where a table is named.
#[derive(Default)]
struct Position {
    /// For each open parenthesis and the text outside of them: within a FROM list, and behind FROM, JOIN or a comma of it.
    levels: Vec<(bool, bool)>,
    outside: (bool, bool),
}

impl Position {
    fn names_a_table(&self) -> bool {
        let (in_from, expects) = *self.levels.last().unwrap_or(&self.outside);
        in_from && expects
    }

    fn pass(&mut self, token: &Token<'_>, parts: usize) {
        if token.is_symbol("(") {
            // A parenthesis in a FROM list may hold tables: `FROM (a JOIN b)`.
            let inherited = self.names_a_table();
            return self.levels.push((inherited, inherited));
        }
        if token.is_symbol(")") {
            self.levels.pop();
        }
        let level = self.levels.last_mut().unwrap_or(&mut self.outside);
        let is = |words: &[&str]| parts == 1 && words.iter().any(|word| token.is_word(word));
        if is(&["FROM", "JOIN"]) {
            *level = (true, true);
        } else if is(&["SELECT", "WHERE", "ON", "USING", "GROUP", "HAVING", "ORDER", "LIMIT", "UNION", "LATERAL"]) {
            *level = (false, false);
        } else if token.is_symbol(",") {
            level.1 = level.0;
        } else {
            level.1 = false;
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// Defects: BIN-34, SQL-22.
    #[test]
    fn only_names_of_the_database_change() {
        for (query, expected) in [
            // 4.1 and 2.1: everything is qualified, aliases of tables too.
            (
                "SELECT `internal`.`src`.`a`.`k` AS `src` FROM `internal`.`src`.`t` `a` WHERE `internal`.`src`.`a`.`s` = '`src`.`t` it''s'",
                "SELECT `internal`.`dst`.`a`.`k` AS `src` FROM `internal`.`dst`.`t` `a` WHERE `internal`.`dst`.`a`.`s` = '`src`.`t` it''s'",
            ),
            // Another database, a table that is called like the database.
            (
                "SELECT `internal`.`other`.`src`.`k` FROM `internal`.`other`.`src`",
                "SELECT `internal`.`other`.`src`.`k` FROM `internal`.`other`.`src`",
            ),
            // 3.0: columns as typed; `src` is an alias here.
            ("SELECT src.k FROM `internal`.`src`.`t` src", "SELECT src.k FROM `internal`.`dst`.`t` src"),
            ("SELECT src.t.k FROM src.t, src.u JOIN src.v", "SELECT `dst`.t.k FROM `dst`.t, `dst`.u JOIN `dst`.v"),
            ("SELECT(SELECT max(src.k)FROM(src.t))", "SELECT(SELECT max(src.k)FROM(`dst`.t))"),
            ("SELECT 1. FROM src.t", "SELECT 1. FROM `dst`.t"),
            ("SELECT 1 FROM `default_cluster:src`.`t`", "SELECT 1 FROM `dst`.`t`"),
            ("SELECT k FROM t WHERE src.k IN (1, src.j)", "SELECT k FROM t WHERE src.k IN (1, src.j)"),
        ] {
            assert_eq!(view_query(query, "src", "dst").unwrap(), expected);
        }
        assert_eq!(view_query("SELECT 1 FROM `s``1`.`t`", "s`1", "d`$1").unwrap(), "SELECT 1 FROM `d``$1`.`t`");
        assert!(view_query("SELECT 'x", "src", "dst").is_err());
    }
}
