//! LIKE patterns: `%`, `_`, and `\` before either.

/// A compiled pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LikePattern {
    parts: Vec<Part>,
    ignore_case: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Any,
    One,
    Char(char),
}

impl LikePattern {
    pub(crate) fn new(pattern: &str, ignore_case: bool) -> Self {
        let mut parts = Vec::new();
        let mut chars = pattern.chars();
        while let Some(c) = chars.next() {
            parts.push(match c {
                '%' => Part::Any,
                '_' => Part::One,
                '\\' => Part::Char(chars.next().unwrap_or('\\')),
                c => Part::Char(c),
            });
        }
        Self { parts, ignore_case }
    }

    pub(crate) fn matches(&self, text: &str) -> bool {
        let text: Vec<char> = text.chars().collect();
        // Greedy, with one place to come back to: after the last `%`.
        let (mut at, mut part) = (0, 0);
        let mut retry: Option<(usize, usize)> = None;
        loop {
            let matched = match (self.parts.get(part), text.get(at)) {
                (None, None) => return true,
                (Some(Part::Any), _) => {
                    retry = Some((part + 1, at));
                    part += 1;
                    continue;
                }
                (Some(Part::One), Some(_)) => true,
                (Some(Part::Char(expected)), Some(found)) => self.same(*expected, *found),
                _ => false,
            };
            if matched {
                (at, part) = (at + 1, part + 1);
                continue;
            }
            let Some((after_any, from)) = retry.filter(|(_, from)| *from < text.len()) else { return false };
            retry = Some((after_any, from + 1));
            (part, at) = (after_any, from + 1);
        }
    }

    fn same(&self, a: char, b: char) -> bool {
        a == b || (self.ignore_case && a.to_lowercase().eq(b.to_lowercase()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wildcards_and_escapes() {
        let cases = [
            ("a%c", "abbc", true),
            ("a%c", "abcd", false),
            ("%b%c", "abxbc", true),
            ("a_c", "abc", true),
            ("a\\_c", "abc", false),
            ("a\\_c", "a_c", true),
            ("", "", true),
            ("%", "", true),
            ("_", "中", true),
            ("A%", "abc", false),
        ];
        for (pattern, text, expected) in cases {
            assert_eq!(LikePattern::new(pattern, false).matches(text), expected, "{text} LIKE {pattern}");
        }
        assert!(LikePattern::new("A%", true).matches("abc"));
    }
}
