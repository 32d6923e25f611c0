//! Times as Doris prints them, in UTC.

use super::datetime::date_of;

/// `YYYY-MM-DD hh:mm:ss` of milliseconds since the epoch.
pub fn date_time_text(ms: i64) -> String {
    let (date, time) = split(ms);
    format!("{} {}", date.join("-"), time.join(":"))
}

/// `YYYY-MM-DD-hh-mm-ss`: the timestamp of a snapshot.
pub fn snapshot_time_text(ms: i64) -> String {
    let (date, time) = split(ms);
    format!("{}-{}", date.join("-"), time.join("-"))
}

/// Year, month, day and hour, minute, second as digits.
fn split(ms: i64) -> ([String; 3], [String; 3]) {
    let seconds = ms.div_euclid(1000);
    let (days, second) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    let (year, month, day) = date_of(days);
    let two = |n: i64| format!("{n:02}");
    ([format!("{year:04}"), two(month), two(day)], [two(second / 3600), two(second / 60 % 60), two(second % 60)])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_times_print_right() {
        assert_eq!(date_time_text(1_795_450_062_575), "2026-11-23 16:07:42");
        assert_eq!(date_time_text(951_782_400_000), "2000-02-29 00:00:00");
        assert_eq!(snapshot_time_text(0), "1970-01-01-00-00-00");
    }
}
