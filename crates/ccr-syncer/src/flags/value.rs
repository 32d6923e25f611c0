//! Values of flags, read as Go's `flag` package reads them.

use std::time::Duration;

use ccr_store::documents::Password;

/// A type of flag.
pub trait FlagValue: Sized {
    /// The word that the usage text shows after the flag; empty for booleans.
    const KIND: &'static str;

    /// Reads the text of a value. The error is Go's short word for it.
    fn parse(text: &str) -> Result<Self, &'static str>;

    /// The value as the usage text shows a default; `None` where Go shows none (zero values).
    fn shown(&self) -> Option<String>;

    /// Whether it is on; `None` for what is no switch.
    fn switch(&self) -> Option<bool> {
        None
    }
}

const PARSE_ERROR: &str = "parse error";
const OUT_OF_RANGE: &str = "value out of range";

impl FlagValue for bool {
    const KIND: &'static str = "";

    fn parse(text: &str) -> Result<Self, &'static str> {
        match text {
            "1" | "t" | "T" | "TRUE" | "true" | "True" => Ok(true),
            "0" | "f" | "F" | "FALSE" | "false" | "False" => Ok(false),
            _ => Err(PARSE_ERROR),
        }
    }

    fn shown(&self) -> Option<String> {
        self.then(|| "true".to_owned())
    }

    fn switch(&self) -> Option<bool> {
        Some(*self)
    }
}

impl FlagValue for String {
    const KIND: &'static str = "string";

    fn parse(text: &str) -> Result<Self, &'static str> {
        Ok(text.to_owned())
    }

    fn shown(&self) -> Option<String> {
        (!self.is_empty()).then(|| format!("{self:?}"))
    }
}

impl FlagValue for Password {
    const KIND: &'static str = "string";

    fn parse(text: &str) -> Result<Self, &'static str> {
        Ok(Self::new(text))
    }

    fn shown(&self) -> Option<String> {
        None
    }
}

impl FlagValue for i64 {
    const KIND: &'static str = "int";

    fn parse(text: &str) -> Result<Self, &'static str> {
        integer(text)
    }

    fn shown(&self) -> Option<String> {
        (*self != 0).then(|| self.to_string())
    }
}

impl FlagValue for u16 {
    const KIND: &'static str = "int";

    fn parse(text: &str) -> Result<Self, &'static str> {
        Self::try_from(integer(text)?).map_err(|_| OUT_OF_RANGE)
    }

    fn shown(&self) -> Option<String> {
        (*self != 0).then(|| self.to_string())
    }
}

impl FlagValue for usize {
    const KIND: &'static str = "int";

    fn parse(text: &str) -> Result<Self, &'static str> {
        Self::try_from(integer(text)?).map_err(|_| OUT_OF_RANGE)
    }

    fn shown(&self) -> Option<String> {
        (*self != 0).then(|| self.to_string())
    }
}

impl FlagValue for Duration {
    const KIND: &'static str = "duration";

    fn parse(text: &str) -> Result<Self, &'static str> {
        duration(text)
    }

    fn shown(&self) -> Option<String> {
        (!self.is_zero()).then(|| format!("{self:?}"))
    }
}

/// Go's `strconv.ParseInt(text, 0, 64)`: sign, base prefix `0x`, `0o`, `0b` or a leading 0 (octal), `_` between digits of a
/// number that has a prefix.
fn integer(text: &str) -> Result<i64, &'static str> {
    let (negative, digits) = match text.as_bytes().first() {
        Some(b'-') => (true, &text[1..]),
        Some(b'+') => (false, &text[1..]),
        _ => (false, text),
    };
    let lower = digits.to_ascii_lowercase();
    let (radix, rest) = if let Some(rest) = lower.strip_prefix("0x") {
        (16, rest)
    } else if let Some(rest) = lower.strip_prefix("0o") {
        (8, rest)
    } else if let Some(rest) = lower.strip_prefix("0b") {
        (2, rest)
    } else if let Some(rest) = lower.strip_prefix('0').filter(|rest| !rest.is_empty()) {
        (8, rest)
    } else {
        (10, lower.as_str())
    };
    let plain = if radix == 10 { rest.to_owned() } else { rest.replace('_', "") };
    // from_str_radix would take another sign.
    if plain.is_empty() || !plain.chars().all(|c| c.is_digit(radix)) {
        return Err(PARSE_ERROR);
    }
    let magnitude = i128::from_str_radix(&plain, radix).map_err(|_| OUT_OF_RANGE)?;
    i64::try_from(if negative { -magnitude } else { magnitude }).map_err(|_| OUT_OF_RANGE)
}

/// Go's `time.ParseDuration` without negative durations, of which no flag has any use: `0`, `300ms`, `1.5h`, `2m3s`.
fn duration(text: &str) -> Result<Duration, &'static str> {
    let mut rest = text.strip_prefix('+').unwrap_or(text);
    if rest == "0" {
        return Ok(Duration::ZERO);
    }
    let mut nanos: u128 = 0;
    while !rest.is_empty() {
        let (whole, after) = digits(rest);
        let (fraction, after) = match after.strip_prefix('.') {
            Some(after) => digits(after),
            None => ("", after),
        };
        if whole.is_empty() && fraction.is_empty() {
            return Err(PARSE_ERROR);
        }
        let end = after.find(|c: char| c == '.' || c.is_ascii_digit()).unwrap_or(after.len());
        let (unit, after) = after.split_at(end);
        let unit: u128 = match unit {
            "ns" => 1,
            "us" | "µs" | "μs" => 1_000,
            "ms" => 1_000_000,
            "s" => 1_000_000_000,
            "m" => 60_000_000_000,
            "h" => 3_600_000_000_000,
            _ => return Err(PARSE_ERROR),
        };
        if !whole.is_empty() {
            let whole: u128 = whole.parse().map_err(|_| OUT_OF_RANGE)?;
            nanos = whole.checked_mul(unit).and_then(|n| n.checked_add(nanos)).ok_or(OUT_OF_RANGE)?;
        }
        let mut scale = unit;
        for digit in fraction.bytes() {
            scale /= 10;
            nanos += u128::from(digit - b'0') * scale;
        }
        rest = after;
    }
    if text.is_empty() {
        return Err(PARSE_ERROR);
    }
    // Go's durations are 64-bit nanoseconds, about 292 years.
    match i64::try_from(nanos) {
        Ok(nanos) => Ok(Duration::from_nanos(nanos.unsigned_abs())),
        Err(_) => Err(OUT_OF_RANGE),
    }
}

fn digits(text: &str) -> (&str, &str) {
    text.split_at(text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_are_read_as_go_reads_them() {
        for (text, expected) in [
            ("0", Ok(0)),
            ("9190", Ok(9190)),
            ("-5", Ok(-5)),
            ("+5", Ok(5)),
            ("0x1F", Ok(31)),
            ("0o17", Ok(15)),
            ("017", Ok(15)),
            ("0b101", Ok(5)),
            ("0x_ff", Ok(255)),
            ("9223372036854775807", Ok(i64::MAX)),
            ("9223372036854775808", Err(OUT_OF_RANGE)),
            ("", Err(PARSE_ERROR)),
            ("-", Err(PARSE_ERROR)),
            ("--5", Err(PARSE_ERROR)),
            ("0x+5", Err(PARSE_ERROR)),
            ("1.0", Err(PARSE_ERROR)),
            ("1_000", Err(PARSE_ERROR)),
            ("08", Err(PARSE_ERROR)),
            (" 1", Err(PARSE_ERROR)),
        ] {
            assert_eq!(integer(text), expected, "{text:?}");
        }
        assert_eq!(u16::parse("65535"), Ok(65535));
        assert_eq!(u16::parse("65536"), Err(OUT_OF_RANGE));
        assert_eq!(u16::parse("-1"), Err(OUT_OF_RANGE));
    }

    #[test]
    fn durations_are_read_as_go_reads_them() {
        for (text, expected) in [
            ("0", Ok(0)),
            ("10s", Ok(10_000)),
            ("300ms", Ok(300)),
            ("1.5h", Ok(5_400_000)),
            ("2m3s", Ok(123_000)),
            (".5s", Ok(500)),
            ("1.s", Ok(1000)),
            ("0s", Ok(0)),
            ("10", Err(PARSE_ERROR)),
            ("", Err(PARSE_ERROR)),
            ("s", Err(PARSE_ERROR)),
            (".s", Err(PARSE_ERROR)),
            ("-1s", Err(PARSE_ERROR)),
            ("1d", Err(PARSE_ERROR)),
            ("9999999h", Err(OUT_OF_RANGE)),
            ("99999999999999999999999999999999999999999s", Err(OUT_OF_RANGE)),
        ] {
            assert_eq!(duration(text), expected.map(Duration::from_millis), "{text:?}");
        }
    }

    #[test]
    fn booleans_are_read_as_go_reads_them() {
        for text in ["1", "t", "T", "TRUE", "true", "True"] {
            assert_eq!(bool::parse(text), Ok(true));
        }
        for text in ["0", "f", "F", "FALSE", "false", "False"] {
            assert_eq!(bool::parse(text), Ok(false));
        }
        for text in ["yes", "tRUE", "", "2"] {
            assert_eq!(bool::parse(text), Err(PARSE_ERROR));
        }
    }
}
