//! The `sql` of CREATE_TABLE records.

use super::{Unreadable, view_query};
use crate::sql::{
    identifier, literal, qualified,
    token::{Cursor, Token, TokenKind},
};

/// Where a table or view is created, and what of it is not taken over.
#[derive(Clone, Debug)]
pub struct CreateOptions<'a> {
    pub db: &'a str,
    pub name: &'a str,
    /// Whether `storage_medium` is kept.
    pub keep_storage_medium: bool,
    /// Replicas in place of the source's number.
    pub replication_num: Option<u32>,
}

/// A CREATE TABLE for the destination.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RewrittenCreate {
    pub sql: String,
    /// BUCKETS AUTO: the destination chooses its own number for the partitions in the statement.
    pub auto_buckets: bool,
    /// There is an inverted index, whose id only a restore keeps.
    pub inverted_index: bool,
}

/// Properties that mean something to the source alone.
const DROPPED: &[&str] =
    &["in_atomic_restore", "dynamic_partition.storage_policy", "storage_vault_name", "storage_vault_id"];

/// Changes to a text: ranges and what takes their place, in order.
struct Edits<'a> {
    sql: &'a str,
    out: String,
    copied: usize,
}

impl<'a> Edits<'a> {
    fn new(sql: &'a str) -> Self {
        Self { sql, out: String::with_capacity(sql.len() + 64), copied: 0 }
    }

    fn replace(&mut self, start: usize, end: usize, text: &str) {
        self.out.push_str(&self.sql[self.copied..start]);
        self.out.push_str(text);
        self.copied = end;
    }

    fn finish(mut self, end: usize) -> String {
        self.out.push_str(&self.sql[self.copied..end]);
        self.out
    }
}

/// A CREATE TABLE record's text for the destination.
///
/// # Errors
/// If the text cannot be read: then only a copy gives the same table.
pub fn create_table(sql: &str, options: &CreateOptions<'_>) -> Result<RewrittenCreate, Unreadable> {
    let sql = sql.trim_end().trim_end_matches(';');
    let mut cursor = Cursor::new(sql);
    let mut edits = Edits::new(sql);
    if !cursor.eat_words(&["CREATE", "TABLE"])? {
        return Err(cursor.unreadable("not a CREATE TABLE"));
    }
    cursor.eat_words(&["IF", "NOT", "EXISTS"])?;
    header(&mut cursor, &mut edits, options)?;
    let (mut auto_buckets, mut inverted_index, mut depth) = (false, false, 0usize);
    let mut before: Option<Token<'_>> = None;
    while let Some(token) = cursor.next()? {
        let at_start = before.is_some_and(|before| before.is_symbol("(") || before.is_symbol(","));
        match token.text {
            "(" => depth += 1,
            ")" => depth = depth.saturating_sub(1),
            _ if depth == 1 && at_start && token.is_word("INDEX") => index_name(&mut cursor, &mut edits)?,
            _ if depth == 1 && at_start && token.is_word("PARTITION") => partition_name(&mut cursor, &mut edits)?,
            _ if token.is_word("INVERTED") && before.is_some_and(|before| before.is_word("USING")) => {
                inverted_index = true;
            }
            _ if token.is_word("AUTO") && before.is_some_and(|before| before.is_word("BUCKETS")) => auto_buckets = true,
            _ if depth == 0 && token.is_word("COMMENT") => table_comment(&mut cursor, &mut edits)?,
            _ if depth == 0 && token.is_word("PROPERTIES") => properties(&mut cursor, &mut edits, options)?,
            // apache/doris#44834: several columns of a partition's upper bound run together.
            text if token.kind == TokenKind::Word && text.len() > 8 && text.replace("MAXVALUE", "").is_empty() => {
                let values = vec!["MAXVALUE"; text.len() / 8].join(", ");
                edits.replace(token.start, token.end(), &values);
            }
            _ => {}
        }
        before = Some(token);
    }
    if depth > 0 {
        return Err(cursor.unreadable("a parenthesis is not closed"));
    }
    Ok(RewrittenCreate { sql: edits.finish(sql.len()), auto_buckets, inverted_index })
}

/// The name of what is created.
fn header(cursor: &mut Cursor<'_>, edits: &mut Edits<'_>, options: &CreateOptions<'_>) -> Result<(), Unreadable> {
    cursor.skip_blanks();
    let start = cursor.at();
    cursor.name()?;
    while cursor.eat_symbol(".")? {
        cursor.name()?;
    }
    edits.replace(start, cursor.at(), &qualified(options.db, options.name));
    Ok(())
}

/// Doris does not quote names of indexes: everything up to the columns is the name.
fn index_name(cursor: &mut Cursor<'_>, edits: &mut Edits<'_>) -> Result<(), Unreadable> {
    cursor.skip_blanks();
    if cursor.peek()?.is_some_and(|token| token.kind == TokenKind::Name) {
        return Ok(());
    }
    let start = cursor.at();
    let length = cursor.rest().find(" (").ok_or_else(|| cursor.unreadable("an index without columns"))?;
    edits.replace(start, start + length, &identifier(&cursor.rest()[..length]));
    cursor.skip(length);
    Ok(())
}

/// Nor those of partitions.
fn partition_name(cursor: &mut Cursor<'_>, edits: &mut Edits<'_>) -> Result<(), Unreadable> {
    cursor.skip_blanks();
    let start = cursor.at();
    let length = cursor.rest().find(char::is_whitespace);
    let length = length.ok_or_else(|| cursor.unreadable("a partition without values"))?;
    let name = &cursor.rest()[..length];
    if !name.starts_with('`') {
        edits.replace(start, start + length, &identifier(name));
    }
    cursor.skip(length);
    Ok(())
}

/// The table's comment: in single quotes, `"` escaped and `'` not. It ends where the next clause begins.
fn table_comment(cursor: &mut Cursor<'_>, edits: &mut Edits<'_>) -> Result<(), Unreadable> {
    cursor.skip_blanks();
    let (start, rest) = (cursor.at(), cursor.rest());
    let clauses = ["PARTITION BY", "AUTO PARTITION BY", "DISTRIBUTED BY", "PROPERTIES"];
    let ends =
        rest.match_indices("'\n").find(|(at, _)| clauses.iter().any(|clause| rest[at + 2..].starts_with(clause)));
    if let (true, Some((end, _))) = (rest.starts_with('\''), ends) {
        edits.replace(start, start + end + 1, &literal(&rest[1..end].replace("\\\"", "\"")));
        cursor.skip(end + 1);
        return Ok(());
    }
    match cursor.next()?.map(|token| token.kind) {
        Some(TokenKind::Text) => Ok(()),
        _ => Err(cursor.unreadable("a comment is missing")),
    }
}

/// The table's properties, without those that mean nothing to the destination.
fn properties(cursor: &mut Cursor<'_>, edits: &mut Edits<'_>, options: &CreateOptions<'_>) -> Result<(), Unreadable> {
    if !cursor.eat_symbol("(")? {
        return Err(cursor.unreadable("properties without a parenthesis"));
    }
    let start = cursor.at();
    let mut kept = Vec::new();
    while let Some(token) = cursor.next()? {
        if token.is_symbol(")") {
            edits.replace(start, token.start, &format!("\n{}\n", kept.join(",\n")));
            return Ok(());
        }
        if token.is_symbol(",") {
            continue;
        }
        let equals = cursor.eat_symbol("=")?;
        let (Some(key), Some(value)) = (token.inner(), cursor.next()?) else { break };
        let Some(text) = value.inner().filter(|_| equals) else { break };
        let dropped = DROPPED.contains(&key) || (key == "storage_medium" && !options.keep_storage_medium);
        if dropped {
            continue;
        }
        match options.replication_num {
            Some(number) if key.ends_with("replication_allocation") => {
                kept.push(format!("\"{key}\" = \"{}\"", with_replicas(text, number)));
            }
            Some(number) if key.ends_with("replication_num") => kept.push(format!("\"{key}\" = \"{number}\"")),
            _ => kept.push(format!("\"{key}\" = {}", value.text)),
        }
    }
    Err(cursor.unreadable("properties that are no pairs of texts"))
}

/// `tag.location.a: 3, tag.location.b: 1` with another number for each tag.
fn with_replicas(allocation: &str, number: u32) -> String {
    let tag = |part: &str| match part.split_once(':') {
        Some((tag, _)) => format!("{}: {number}", tag.trim()),
        None => part.trim().to_owned(),
    };
    allocation.split(',').map(tag).collect::<Vec<_>>().join(", ")
}

/// A view for the destination.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RewrittenView {
    db: String,
    name: String,
    /// With their comments, as SQL.
    columns: Vec<String>,
    pub comment: Option<String>,
    query: String,
}

impl RewrittenView {
    /// The statement that creates it.
    pub fn create(&self) -> String {
        let comment = self.comment.as_ref().map(|comment| format!(" COMMENT {}", literal(comment)));
        self.statement("CREATE", &comment.unwrap_or_default())
    }

    /// The statement that gives a view of its name its columns and its query; the comment stays.
    pub fn alter(&self) -> String {
        self.statement("ALTER", "")
    }

    fn statement(&self, verb: &str, comment: &str) -> String {
        let columns = if self.columns.is_empty() { String::new() } else { format!(" ({})", self.columns.join(", ")) };
        format!("{verb} VIEW {}{columns}{comment} AS {}", qualified(&self.db, &self.name), self.query)
    }
}

/// A CREATE VIEW record's text for the destination.
///
/// # Errors
/// If the text cannot be read.
pub fn create_view(sql: &str, source_db: &str, options: &CreateOptions<'_>) -> Result<String, Unreadable> {
    Ok(view(sql, source_db, options.db, options.name)?.create())
}

/// The same in parts: of a record, or of SHOW CREATE VIEW.
///
/// # Errors
/// If the text cannot be read.
pub fn view(sql: &str, source_db: &str, db: &str, name: &str) -> Result<RewrittenView, Unreadable> {
    let sql = sql.trim_end().trim_end_matches(';');
    let mut cursor = Cursor::new(sql);
    if !cursor.eat_words(&["CREATE", "VIEW"])? {
        return Err(cursor.unreadable("not a CREATE VIEW"));
    }
    cursor.eat_words(&["IF", "NOT", "EXISTS"])?;
    cursor.name()?;
    while cursor.eat_symbol(".")? {
        cursor.name()?;
    }
    let columns = if cursor.eat_symbol("(")? { view_columns(&mut cursor)? } else { Vec::new() };
    let comment = match cursor.eat_word("COMMENT")? {
        true => Some(loose_text(&mut cursor, &["' AS "])?.to_owned()),
        false => None,
    };
    if !cursor.eat_word("AS")? {
        return Err(cursor.unreadable("a view without a query"));
    }
    let query = view_query(cursor.rest().trim_start(), source_db, db)?;
    Ok(RewrittenView { db: db.to_owned(), name: name.to_owned(), columns, comment, query })
}

/// Columns of a view: names without quotes, comments in single quotes that are not escaped.
fn view_columns(cursor: &mut Cursor<'_>) -> Result<Vec<String>, Unreadable> {
    let mut columns = Vec::new();
    loop {
        cursor.skip_blanks();
        let rest = cursor.rest();
        let mut column = if rest.starts_with('`') {
            identifier(&cursor.name()?)
        } else {
            let length = rest.find([',', ')']).ok_or_else(|| cursor.unreadable("a parenthesis is not closed"))?;
            let length = rest[..length].find(" comment '").unwrap_or(length);
            cursor.skip(length);
            identifier(rest[..length].trim())
        };
        if cursor.eat_word("COMMENT")? {
            let comment = loose_text(cursor, &["',", "')"])?;
            column.push_str(&format!(" COMMENT {}", literal(comment)));
        }
        columns.push(column);
        if cursor.eat_symbol(")")? {
            return Ok(columns);
        }
        if !cursor.eat_symbol(",")? {
            return Err(cursor.unreadable("a comma is missing"));
        }
    }
}

/// A text in single quotes that may hold others: it ends at the first of `ends`, whose first character is its last quote.
fn loose_text<'a>(cursor: &mut Cursor<'a>, ends: &[&str]) -> Result<&'a str, Unreadable> {
    cursor.skip_blanks();
    let rest = cursor.rest();
    let end = ends.iter().filter_map(|end| rest.get(1..)?.find(end)).min().map(|end| end + 1);
    match end {
        Some(end) if rest.starts_with('\'') => {
            cursor.skip(end + 1);
            Ok(&rest[1..end])
        }
        _ => Err(cursor.unreadable("a comment that does not end")),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn options() -> CreateOptions<'static> {
        CreateOptions { db: "d`st", name: "orders", keep_storage_medium: false, replication_num: None }
    }

    const ORDERS: &str = "CREATE TABLE `orders` (\n  `id` bigint NOT NULL,\n  `v` varchar(64) NULL DEFAULT \"COMMENT 'x'\" COMMENT \"PROPERTIES (\",\n  INDEX a-b (`v`) USING INVERTED PROPERTIES(\"parser\" = \"english\", \"storage_medium\" = \"x\")\n) ENGINE=OLAP\nDUPLICATE KEY(`id`)\nCOMMENT 'it's \\\"so\\\"'\nPARTITION BY RANGE(`dt`)\n(PARTITION p1 VALUES [(\"1\", \"2\"), (MAXVALUEMAXVALUE)))\nDISTRIBUTED BY HASH(`id`) BUCKETS 4\nPROPERTIES (\n\"replication_allocation\" = \"tag.location.default: 3, tag.location.b: 1\",\n\"storage_medium\" = \"hdd\",\n\"in_atomic_restore\" = \"true\",\n\"storage_format\" = \"V2\",\n\"dynamic_partition.storage_policy\" = \"\"\n);";

    /// Defects: BIN-31, BIN-32, BIN-33, SQL-24, SQL-25.
    #[test]
    fn a_table_is_created_under_another_name_and_nothing_else_is_touched() {
        let created = create_table(ORDERS, &options()).unwrap();
        assert_eq!(
            created.sql,
            "CREATE TABLE `d``st`.`orders` (\n  `id` bigint NOT NULL,\n  `v` varchar(64) NULL DEFAULT \"COMMENT 'x'\" COMMENT \"PROPERTIES (\",\n  INDEX `a-b` (`v`) USING INVERTED PROPERTIES(\"parser\" = \"english\", \"storage_medium\" = \"x\")\n) ENGINE=OLAP\nDUPLICATE KEY(`id`)\nCOMMENT \"it's \\\"so\\\"\"\nPARTITION BY RANGE(`dt`)\n(PARTITION `p1` VALUES [(\"1\", \"2\"), (MAXVALUE, MAXVALUE)))\nDISTRIBUTED BY HASH(`id`) BUCKETS 4\nPROPERTIES (\n\"replication_allocation\" = \"tag.location.default: 3, tag.location.b: 1\",\n\"storage_format\" = \"V2\"\n)"
        );
        assert!(created.inverted_index && !created.auto_buckets);
    }

    #[test]
    fn replicas_and_medium_follow_the_options() {
        let options = CreateOptions { keep_storage_medium: true, replication_num: Some(2), ..options() };
        let created = create_table(ORDERS, &options).unwrap().sql;
        assert!(created.contains("\"tag.location.default: 2, tag.location.b: 2\""), "{created}");
        assert!(created.contains("\"storage_medium\" = \"hdd\""), "{created}");
        let auto = "CREATE TABLE `t` (`k` int) DISTRIBUTED BY HASH(`k`) BUCKETS AUTO PROPERTIES (\"a\" = \"b\");";
        assert!(create_table(auto, &options).unwrap().auto_buckets);
    }

    /// Defects: BIN-37, SQL-22.
    #[test]
    fn a_view_follows_its_database() {
        let sql = "CREATE VIEW `v_orders`\n(k1,total comment 'it's (a) sum', `odd`)\n COMMENT 'daily' AS SELECT `internal`.`src`.`orders`.`id` AS `k1` FROM `internal`.`src`.`orders`;";
        let options = CreateOptions { name: "v", ..options() };
        assert_eq!(
            create_view(sql, "src", &options).unwrap(),
            "CREATE VIEW `d``st`.`v` (`k1`, `total` COMMENT \"it's (a) sum\", `odd`) COMMENT \"daily\" AS SELECT `internal`.`d``st`.`orders`.`id` AS `k1` FROM `internal`.`d``st`.`orders`"
        );
        let old = "CREATE VIEW `v` AS SELECT k AS `a` FROM `internal`.`src`.`t`;";
        assert_eq!(
            create_view(old, "src", &options).unwrap(),
            "CREATE VIEW `d``st`.`v` AS SELECT k AS `a` FROM `internal`.`d``st`.`t`"
        );
    }

    #[test]
    fn what_cannot_be_read_is_said_to_be() {
        for sql in
            ["CREATE TABLE `t` (`k` int", "CREATE VIEW `v` AS SELECT 1", "CREATE TABLE `t` (`k` int COMMENT \"x)"]
        {
            assert!(create_table(sql, &options()).is_err(), "{sql}");
        }
        assert!(create_view("CREATE VIEW `v` (a", "src", &options()).is_err());
    }
}
