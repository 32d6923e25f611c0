//! A text in pieces: what may differ between two runs (numbers, times, addresses, made-up names), and the rest.

/// A piece of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Atom<'a> {
    /// Digits that are no part of a word.
    Number(&'a str),
    /// `2026-11-23 16:09:54`, with `T` or fractions, too.
    Time(&'a str),
    /// An address of four numbers.
    Address(&'a str),
    /// A word of letters, digits, `_` and `-` that only a program makes up: at least 16 hexadecimal digits in it.
    MadeUp(&'a str),
    /// What Java prints of an object that has no words of its own: `@1b2c3d4e`.
    JavaIdentity(&'a str),
    /// Everything else: a word, or one character.
    Literal(&'a str),
}

/// Splits a text.
pub(crate) fn atoms(text: &str) -> Vec<Atom<'_>> {
    let mut atoms = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let (atom, length) = next(rest, first);
        atoms.push(atom);
        rest = &rest[length..];
    }
    atoms
}

fn next(rest: &str, first: char) -> (Atom<'_>, usize) {
    if let Some(length) = time_length(rest) {
        return (Atom::Time(&rest[..length]), length);
    }
    if let Some(length) = address_length(rest) {
        return (Atom::Address(&rest[..length]), length);
    }
    if let Some(hash) = rest.strip_prefix('@') {
        let length = span(hash, |c| c.is_ascii_alphanumeric());
        if (5..=8).contains(&length) && hash[..length].bytes().all(|b| b.is_ascii_hexdigit()) {
            return (Atom::JavaIdentity(&rest[..=length]), length + 1);
        }
    }
    if first.is_ascii_alphanumeric() || first == '_' {
        let wide = span(rest, |c| c.is_ascii_alphanumeric() || c == '_' || c == '-');
        if is_made_up(&rest[..wide]) {
            return (Atom::MadeUp(&rest[..wide]), wide);
        }
        let word = span(rest, |c| c.is_ascii_alphanumeric() || c == '_');
        let atom = match rest[..word].bytes().all(|b| b.is_ascii_digit()) {
            true => Atom::Number(&rest[..word]),
            false => Atom::Literal(&rest[..word]),
        };
        return (atom, word);
    }
    let length = first.len_utf8();
    (Atom::Literal(&rest[..length]), length)
}

fn span(text: &str, part: impl Fn(char) -> bool) -> usize {
    text.find(|c| !part(c)).unwrap_or(text.len())
}

/// Sixteen hexadecimal digits of which some are digits and some letters, or a long number at the end of a word.
fn is_made_up(word: &str) -> bool {
    let hex = word.bytes().filter(u8::is_ascii_hexdigit).count();
    let digits = word.bytes().filter(u8::is_ascii_digit).count();
    let others = word.bytes().filter(|b| !b.is_ascii_hexdigit() && *b != b'-' && *b != b'_').count();
    let letters = word.bytes().any(|b| b.is_ascii_alphabetic());
    letters && digits >= 5 && hex >= 16 && others <= 12
}

fn matches_shape(text: &str, shape: &str) -> bool {
    text.len() >= shape.len()
        && text.bytes().zip(shape.bytes()).all(|(b, s)| match s {
            b'd' => b.is_ascii_digit(),
            b' ' => b == b' ' || b == b'T',
            s => b == s,
        })
}

fn time_length(text: &str) -> Option<usize> {
    const SHAPE: &str = "dddd-dd-dd dd:dd:dd";
    /// Of a backup.
    const DASHED: &str = "dddd-dd-dd-dd-dd-dd";
    if matches_shape(text, DASHED) {
        return Some(DASHED.len());
    }
    if !matches_shape(text, SHAPE) {
        return None;
    }
    let fraction = match text[SHAPE.len()..].strip_prefix(['.', ',']) {
        Some(rest) => 1 + span(rest, |c| c.is_ascii_digit()),
        None => 0,
    };
    Some(SHAPE.len() + if fraction > 1 { fraction } else { 0 })
}

fn address_length(text: &str) -> Option<usize> {
    let length = span(text, |c| c.is_ascii_digit() || c == '.');
    let address = text[..length].trim_end_matches('.');
    let parts: Vec<&str> = address.split('.').collect();
    (parts.len() == 4 && parts.iter().all(|part| part.parse::<u8>().is_ok())).then_some(address.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_differ_is_told_from_what_may_not() {
        let of = |text| atoms(text).into_iter().filter(|a| !matches!(a, Atom::Literal(_))).collect::<Vec<_>>();
        assert_eq!(of("table 17 at 2026-11-23 16:09:54."), [Atom::Number("17"), Atom::Time("2026-11-23 16:09:54")]);
        assert_eq!(of("10.99.0.1:9020"), [Atom::Address("10.99.0.1"), Atom::Number("9020")]);
        assert_eq!(of("t1 and c2r"), []);
        assert_eq!(
            of("fe_637d2edf_57ab_4870_8312_8e95c7c22b28"),
            [Atom::MadeUp("fe_637d2edf_57ab_4870_8312_8e95c7c22b28")]
        );
        assert_eq!(
            of("9155c0ef-8f3a-4b7b-bd0e-0d9c3a1b2c3d x"),
            [Atom::MadeUp("9155c0ef-8f3a-4b7b-bd0e-0d9c3a1b2c3d")]
        );
    }
}
