//! Times as Doris prints them, in UTC.

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
    let (year, month, day) = civil(days);
    let two = |n: i64| format!("{n:02}");
    ([format!("{year:04}"), two(month), two(day)], [two(second / 3600), two(second / 60 % 60), two(second % 60)])
}

/// Year, month and day of a number of days since the epoch (Gregorian, with years that begin in March).
pub(super) fn civil(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

/// Days since the epoch of a date; the month may be 13, as the one after December.
pub(super) fn days_of(year: i64, month: i64, day: i64) -> i64 {
    let (year, month) = (year + (month - 1).div_euclid(12), (month - 1).rem_euclid(12) + 1);
    let year = year - i64::from(month <= 2);
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let month_from_march = (month + 9) % 12;
    let day_of_year = (153 * month_from_march + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_times_print_right() {
        assert_eq!(date_time_text(1_795_450_062_575), "2026-11-23 16:07:42");
        assert_eq!(date_time_text(951_782_400_000), "2000-02-29 00:00:00");
        assert_eq!(snapshot_time_text(0), "1970-01-01-00-00-00");
        for days in [-1, 0, 59, 11_016, 20_780, 100_000] {
            let (year, month, day) = civil(days);
            assert_eq!(days_of(year, month, day), days);
        }
        assert_eq!(days_of(2025, 13, 1), days_of(2026, 1, 1));
    }
}
