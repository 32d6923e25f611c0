//! Dates and times as Doris writes them. All clusters live in UTC.

/// A day of the (proleptic) Gregorian calendar as the number of days since 1970-01-01; the month may be 13, as the one after
/// December.
pub(crate) fn days_of(year: i64, month: i64, day: i64) -> i64 {
    let (year, month) = (year + (month - 1).div_euclid(12), (month - 1).rem_euclid(12) + 1);
    // Years begin in March: leap days are then the last days of a year.
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

/// Year, month and day of a number of days since 1970-01-01.
pub(crate) fn date_of(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

fn days_in_month(year: i64, month: i64) -> i64 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// A point in time: days since 1970-01-01 and microseconds of the day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Moment {
    pub(crate) days: i64,
    pub(crate) micros: i64,
}

const MICROS_PER_DAY: i64 = 86_400_000_000;

impl Moment {
    /// Milliseconds since the epoch.
    pub(crate) fn of_ms(ms: i64) -> Self {
        Self { days: ms.div_euclid(86_400_000), micros: ms.rem_euclid(86_400_000) * 1000 }
    }

    /// `YYYY-MM-DD[ hh:mm[:ss[.ffffff]]]`, `T` in place of the blank, or digits only; `None`: no such time.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let (date, time) = match text.find([' ', 'T']) {
            Some(at) => (text.get(..at)?, text.get(at + 1..)?),
            None => (text, ""),
        };
        if date.bytes().all(|b| b.is_ascii_digit()) {
            return Self::parse_digits(date, time);
        }
        let mut parts = date.split('-');
        let (year, month, day) = (number(parts.next()?)?, number(parts.next()?)?, number(parts.next()?)?);
        if parts.next().is_some() {
            return None;
        }
        Self::from_parts(year, month, day, parse_time(time)?)
    }

    /// `YYYYMMDD` or `YYYYMMDDhhmmss`.
    fn parse_digits(date: &str, time: &str) -> Option<Self> {
        let micros = match date.len() {
            8 => parse_time(time)?,
            14 if time.is_empty() => {
                let part = |range: std::ops::Range<usize>| number(date.get(range)?);
                time_of(part(8..10)?, part(10..12)?, part(12..14)?, 0)?
            }
            _ => return None,
        };
        Self::from_parts(number(date.get(..4)?)?, number(date.get(4..6)?)?, number(date.get(6..8)?)?, micros)
    }

    fn from_parts(year: i64, month: i64, day: i64, micros: i64) -> Option<Self> {
        let valid =
            (0..=9999).contains(&year) && (1..=12).contains(&month) && (1..=days_in_month(year, month)).contains(&day);
        valid.then(|| Self { days: days_of(year, month, day), micros })
    }

    pub(crate) fn date_text(self) -> String {
        let (year, month, day) = date_of(self.days);
        format!("{year:04}-{month:02}-{day:02}")
    }

    /// With `scale` digits after the second, rounded to them.
    pub(crate) fn text(self, scale: u8) -> String {
        let scale = u32::from(scale.min(6));
        let unit = 10_i64.pow(6 - scale);
        let rounded = (self.micros + unit / 2) / unit * unit;
        let moment =
            Self { days: self.days + rounded.div_euclid(MICROS_PER_DAY), micros: rounded.rem_euclid(MICROS_PER_DAY) };
        let seconds = moment.micros / 1_000_000;
        let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
        let text = format!("{} {hour:02}:{minute:02}:{second:02}", moment.date_text());
        match usize::try_from(scale) {
            Ok(width @ 1..) => format!("{text}.{:0width$}", moment.micros % 1_000_000 / unit),
            _ => text,
        }
    }

    /// Moved by whole months; the day is cut to the month's last.
    pub(crate) fn plus_months(self, months: i64) -> Self {
        let (year, month, day) = date_of(self.days);
        let total = year * 12 + month - 1 + months;
        let (year, month) = (total.div_euclid(12), total.rem_euclid(12) + 1);
        Self { days: days_of(year, month, day.min(days_in_month(year, month))), ..self }
    }

    pub(crate) fn first_of_month(self) -> Self {
        let (year, month, _) = date_of(self.days);
        Self { days: days_of(year, month, 1), ..self }
    }

    pub(crate) fn first_of_year(self) -> Self {
        let (year, ..) = date_of(self.days);
        Self { days: days_of(year, 1, 1), ..self }
    }

    pub(crate) fn plus_seconds(self, seconds: i64) -> Self {
        let micros = self.micros + seconds * 1_000_000;
        Self { days: self.days + micros.div_euclid(MICROS_PER_DAY), micros: micros.rem_euclid(MICROS_PER_DAY) }
    }
}

/// `YYYY-MM-DD hh:mm:ss`, as SHOW statements print times.
pub(crate) fn format_ms(ms: i64) -> String {
    let moment = Moment::of_ms(ms);
    Moment { micros: moment.micros / 1_000_000 * 1_000_000, ..moment }.text(0)
}

fn number(text: &str) -> Option<i64> {
    let digits = !text.is_empty() && text.len() <= 6 && text.bytes().all(|b| b.is_ascii_digit());
    if digits { text.parse().ok() } else { None }
}

fn time_of(hour: i64, minute: i64, second: i64, micros: i64) -> Option<i64> {
    let valid = (0..24).contains(&hour) && (0..60).contains(&minute) && (0..60).contains(&second);
    valid.then(|| ((hour * 60 + minute) * 60 + second) * 1_000_000 + micros)
}

/// Microseconds of the day of `hh:mm[:ss[.f]]`; nothing is midnight.
fn parse_time(text: &str) -> Option<i64> {
    if text.is_empty() {
        return Some(0);
    }
    let (time, fraction) = text.split_once('.').unwrap_or((text, ""));
    let mut parts = time.split(':');
    let hour = number(parts.next()?)?;
    let minute = parts.next().map_or(Some(0), number)?;
    let second = parts.next().map_or(Some(0), number)?;
    if parts.next().is_some() || !fraction.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let digits: String = fraction.chars().chain("000000".chars()).take(6).collect();
    time_of(hour, minute, second, digits.parse().ok()?)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn times_are_read_and_written() {
        let cases = [
            ("2024-02-29", 0, "2024-02-29 00:00:00"),
            ("2024-1-2 3:4:5", 0, "2024-01-02 03:04:05"),
            ("20240102030405", 0, "2024-01-02 03:04:05"),
            ("2024-01-01T23:59:59.9999996", 6, "2024-01-01 23:59:59.999999"),
            ("2023-12-31 23:59:59.9996", 3, "2024-01-01 00:00:00.000"),
            ("0000-01-01", 0, "0000-01-01 00:00:00"),
            ("9999-12-31 15:59:59", 3, "9999-12-31 15:59:59.000"),
        ];
        for (text, scale, expected) in cases {
            assert_eq!(Moment::parse(text).unwrap().text(scale), expected, "{text}");
        }
        for wrong in ["2023-02-29", "2024-13-01", "x", "", "2024-01-01 25:00:00", "2024-01", "2024-01-01-01"] {
            assert_eq!(Moment::parse(wrong), None, "{wrong}");
        }
        assert_eq!(format_ms(1_795_450_014_883), "2026-11-23 16:06:54");
        assert_eq!(Moment::parse("2024-01-31").unwrap().plus_months(1).date_text(), "2024-02-29");
    }

    #[test]
    fn days_and_dates_are_each_others_inverse() {
        for days in [-1, 0, 59, 11_016, 20_780, 100_000] {
            let (year, month, day) = date_of(days);
            assert_eq!(days_of(year, month, day), days);
        }
        assert_eq!(days_of(2025, 13, 1), days_of(2026, 1, 1));
    }
}
