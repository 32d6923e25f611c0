//! Functions of dates and times.

use super::{
    super::coerce::{coerce, moment},
    Builtin, big_int, int, integer, strict, string,
};
use crate::{
    exec::datetime::{Moment, date_of, days_of},
    model::{ColumnType, Value},
};

const MICROS: i64 = 1_000_000;

pub(super) const TABLE: &[Builtin] = &[
    strict("hour", (1, 1), small, |a| part(&a[0], |m| m.micros / MICROS / 3600)),
    strict("minute", (1, 1), small, |a| part(&a[0], |m| m.micros / MICROS / 60 % 60)),
    strict("second", (1, 1), small, |a| part(&a[0], |m| m.micros / MICROS % 60)),
    strict("quarter", (1, 1), small, |a| part(&a[0], |m| (date_of(m.days).1 + 2) / 3)),
    strict("dayofweek", (1, 1), small, |a| part(&a[0], |m| (m.days + 4).rem_euclid(7) + 1)),
    strict("dayofyear", (1, 1), small_int, |a| part(&a[0], day_of_year)),
    strict("datediff", (2, 2), int, |a| part(&a[0], |m| m.days).and_then(|v| less_days(v, &a[1]))),
    strict("to_days", (1, 1), int, |a| part(&a[0], |m| m.days + 719_528)),
    strict("last_day", (1, 1), date, last_day),
    strict("date_trunc", (2, 2), truncated_type, truncate),
    strict("date_format", (2, 2), string, format),
    strict("unix_timestamp", (1, 1), big_int, |a| part(&a[0], |m| m.days * 86_400 + m.micros / MICROS)),
    strict("from_unixtime", (1, 1), string, from_unix),
    strict("days_add", (2, 2), kept, |a| moved(a, 86_400)),
    strict("days_sub", (2, 2), kept, |a| moved(a, -86_400)),
    strict("hours_add", (2, 2), time, |a| moved(a, 3600)),
    strict("minutes_add", (2, 2), time, |a| moved(a, 60)),
    strict("seconds_add", (2, 2), time, |a| moved(a, 1)),
];

fn small(_: &[ColumnType]) -> ColumnType {
    ColumnType::TinyInt
}

fn small_int(_: &[ColumnType]) -> ColumnType {
    ColumnType::SmallInt
}

fn date(_: &[ColumnType]) -> ColumnType {
    ColumnType::Date
}

fn time(_: &[ColumnType]) -> ColumnType {
    ColumnType::DateTime { scale: 0 }
}

fn kept(arguments: &[ColumnType]) -> ColumnType {
    match arguments.first() {
        Some(time @ ColumnType::DateTime { .. }) => time.clone(),
        _ => ColumnType::Date,
    }
}

/// `date_trunc` takes its arguments in both orders.
fn truncated_type(arguments: &[ColumnType]) -> ColumnType {
    let is_date = arguments.contains(&ColumnType::Date);
    if is_date { ColumnType::Date } else { ColumnType::DateTime { scale: 0 } }
}

fn part(value: &Value, of: fn(Moment) -> i64) -> Option<Value> {
    Some(Value::Int(of(moment(value)?).into()))
}

fn less_days(days: Value, other: &Value) -> Option<Value> {
    Some(Value::Int(integer(&days)? - i128::from(moment(other)?.days)))
}

fn day_of_year(moment: Moment) -> i64 {
    moment.days - days_of(date_of(moment.days).0, 1, 1) + 1
}

fn last_day(arguments: &[Value]) -> Option<Value> {
    let (year, month, _) = date_of(moment(&arguments[0])?.days);
    let next = if month == 12 { days_of(year + 1, 1, 1) } else { days_of(year, month + 1, 1) };
    Some(Value::Date(Moment { days: next - 1, micros: 0 }.date_text()))
}

fn truncate(arguments: &[Value]) -> Option<Value> {
    let (value, unit) = match &arguments[0] {
        unit @ Value::Text(_) if moment(unit).is_none() => (&arguments[1], unit),
        value => (value, &arguments[1]),
    };
    let Moment { days, micros } = moment(value)?;
    let (year, month, _) = date_of(days);
    let day = |days| Moment { days, micros: 0 };
    let of_seconds = |length: i64| Moment { days, micros: micros - micros.rem_euclid(length * MICROS) };
    let begin = match unit.to_string().to_lowercase().as_str() {
        "year" => day(days_of(year, 1, 1)),
        "quarter" => day(days_of(year, (month - 1) / 3 * 3 + 1, 1)),
        "month" => day(days_of(year, month, 1)),
        // Weeks begin on Monday; the epoch was a Thursday.
        "week" => day(days - (days + 3).rem_euclid(7)),
        "day" => day(days),
        "hour" => of_seconds(3600),
        "minute" => of_seconds(60),
        "second" => of_seconds(1),
        _ => return None,
    };
    Some(match value {
        Value::Date(_) => Value::Date(begin.date_text()),
        _ => Value::DateTime(begin.text(0)),
    })
}

fn format(arguments: &[Value]) -> Option<Value> {
    const MONTHS: [&str; 12] = [
        "January",
        "February",
        "March",
        "April",
        "May",
        "June",
        "July",
        "August",
        "September",
        "October",
        "November",
        "December",
    ];
    const DAYS: [&str; 7] = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];
    let moment = moment(&arguments[0])?;
    let (year, month, day) = date_of(moment.days);
    let seconds = moment.micros / MICROS;
    let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    let month_name = *MONTHS.get(usize::try_from(month - 1).ok()?)?;
    let day_name = *DAYS.get(usize::try_from((moment.days + 4).rem_euclid(7)).ok()?)?;
    let mut text = String::new();
    let mut pattern = arguments[1].to_string();
    if !pattern.contains('%') {
        pattern = pattern
            .replace("yyyy", "%Y")
            .replace("MM", "%m")
            .replace("dd", "%d")
            .replace("HH", "%H")
            .replace("mm", "%i")
            .replace("ss", "%s");
    }
    let mut chars = pattern.chars();
    while let Some(c) = chars.next() {
        if c != '%' {
            text.push(c);
            continue;
        }
        match chars.next()? {
            'Y' => text += &format!("{year:04}"),
            'y' => text += &format!("{:02}", year % 100),
            'm' => text += &format!("{month:02}"),
            'c' => text += &month.to_string(),
            'M' => text += month_name,
            'b' => text.extend(month_name.chars().take(3)),
            'd' => text += &format!("{day:02}"),
            'e' => text += &day.to_string(),
            'W' => text += day_name,
            'a' => text.extend(day_name.chars().take(3)),
            'j' => text += &format!("{:03}", day_of_year(moment)),
            'H' => text += &format!("{hour:02}"),
            'k' => text += &hour.to_string(),
            'h' | 'I' => text += &format!("{:02}", (hour + 11) % 12 + 1),
            'i' => text += &format!("{minute:02}"),
            's' | 'S' => text += &format!("{second:02}"),
            'f' => text += &format!("{:06}", moment.micros % MICROS),
            'T' => text += &format!("{hour:02}:{minute:02}:{second:02}"),
            'p' => text += if hour < 12 { "AM" } else { "PM" },
            other => text.push(other),
        }
    }
    Some(Value::Text(text))
}

fn from_unix(arguments: &[Value]) -> Option<Value> {
    let seconds = i64::try_from(integer(&arguments[0])?).ok().filter(|v| (0..253_402_300_800).contains(v))?;
    Some(Value::Text(Moment::of_ms(seconds * 1000).text(0)))
}

/// Moved by a number of units of so many seconds; what was a date and stays at midnight stays one.
fn moved(arguments: &[Value], unit: i64) -> Option<Value> {
    const MOST: i128 = 10_000 * 366 * 86_400;
    let by = integer(&arguments[1])?.checked_mul(unit.into()).filter(|by| by.abs() <= MOST)?;
    let value = match &arguments[0] {
        text @ Value::Text(_) => &coerce(text, &ColumnType::DateTime { scale: 0 }).ok()?,
        other => other,
    };
    let moment = moment(value)?.plus_seconds(i64::try_from(by).ok()?);
    Some(match value {
        Value::Date(_) if unit.abs() == 86_400 => Value::Date(moment.date_text()),
        Value::DateTime(text) => {
            let scale = text.split_once('.').map_or(0, |(_, fraction)| fraction.len());
            Value::DateTime(moment.text(u8::try_from(scale).ok()?))
        }
        _ => Value::DateTime(moment.text(0)),
    })
}
