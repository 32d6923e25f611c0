//! From `$1` to what a database understands.

/// The statement with `?` in place of `$n`, and which argument (from 0) each stands for.
pub(crate) fn positional(statement: &str) -> (String, Vec<usize>) {
    let mut text = String::with_capacity(statement.len());
    let mut order = Vec::new();
    let mut rest = statement;
    while let Some((before, after)) = rest.split_once('$') {
        text.push_str(before);
        text.push('?');
        let digits = after.find(|c: char| !c.is_ascii_digit()).unwrap_or(after.len());
        order.push(after[..digits].parse::<usize>().unwrap_or(1).saturating_sub(1));
        rest = &after[digits..];
    }
    text.push_str(rest);
    (text, order)
}

/// How many arguments a statement has: the highest `$n`.
pub(crate) fn arguments(statement: &str) -> usize {
    positional(statement).1.into_iter().map(|index| index + 1).max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_come_in_the_order_of_the_text() {
        let (text, order) = positional("UPDATE t SET a = $3 WHERE b = $1 AND c = $10 OR b = $1");
        assert_eq!((text.as_str(), order), ("UPDATE t SET a = ? WHERE b = ? AND c = ? OR b = ?", vec![2, 0, 9, 0]));
        assert_eq!(positional("SELECT 1"), ("SELECT 1".to_owned(), vec![]));
        assert_eq!((arguments("a $2 $1"), arguments("a")), (2, 0));
    }
}
