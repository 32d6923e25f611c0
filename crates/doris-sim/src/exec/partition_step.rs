//! `FROM (a) TO (b) INTERVAL n [unit]`: partitions that follow each other (`MultiPartitionDesc`).

use super::partition;
use crate::{
    model::{
        Answer, ColumnType, PartitionItem, Refusal,
        datetime::{Moment, date_of, days_of},
    },
    sql::statement::{PartitionStep, PartitionValue},
};

/// Most partitions of one statement (`max_multi_partition_num`).
const MAX: usize = 4096;

/// Names and items of the partitions.
pub(super) fn expand(step: &PartitionStep, types: &[ColumnType]) -> Answer<Vec<(String, PartitionItem)>> {
    if step.interval <= 0 {
        return Err(Refusal::analysis("Multi partition time interval must be larger than zero."));
    }
    let ([PartitionValue::Text(from)], [PartitionValue::Text(to)]) = (&step.from[..], &step.to[..]) else {
        return Err(Refusal::analysis(format!(
            "partition column number in multi partition clause must be one but start column size is {}, end column size is \
             {}.",
            step.from.len(),
            step.to.len()
        )));
    };
    let bounds = match &step.unit {
        None => numbers(from, to, step.interval)?,
        Some(unit) => times(from, to, step.interval, unit)?,
    };
    bounds
        .into_iter()
        .map(|(name, lower, upper)| {
            let value = |text: String| [PartitionValue::Text(text)];
            let lower = partition::bound(&value(lower), types)?;
            let upper = partition::bound(&value(upper), types)?;
            Ok((name, PartitionItem::Range { lower, upper }))
        })
        .collect()
}

/// Name, lower and upper bound of a partition.
type Named = (String, String, String);

fn too_many() -> Refusal {
    Refusal::analysis(format!("The number of Multi partitions too much, should not exceed:{MAX}"))
}

fn numbers(from: &str, to: &str, interval: i64) -> Answer<Vec<Named>> {
    // Doris compares the texts first.
    if from >= to {
        return Err(Refusal::analysis("Multi build partition start number should less than end number."));
    }
    let (Ok(mut at), Ok(end)) = (from.parse::<i64>(), to.parse::<i64>()) else {
        return Err(Refusal::analysis(
            "Batch build partition INTERVAL is number type but From or TO does not type match.",
        ));
    };
    if at >= end {
        return Err(Refusal::analysis("Batch build partition From value should less then TO value."));
    }
    let mut named = Vec::new();
    while at < end {
        let next = at.saturating_add(interval).min(end);
        named.push((format!("p_{at}_{next}"), at.to_string(), next.to_string()));
        if named.len() > MAX {
            return Err(too_many());
        }
        at = next;
    }
    Ok(named)
}

fn times(from: &str, to: &str, interval: i64, unit: &str) -> Answer<Vec<Named>> {
    let unit = match unit.to_uppercase().as_str() {
        "HOUR" => Unit::Hour,
        "DAY" => Unit::Day,
        "WEEK" => Unit::Week,
        "MONTH" => Unit::Month,
        "YEAR" => Unit::Year,
        other @ ("MINUTE" | "SECOND" | "QUARTER" | "MICROSECOND") => {
            let text = format!("Multi build partition does not support time interval type: {other}");
            return Err(Refusal::analysis(text));
        }
        _ => {
            let text = format!("Multi build partition got an unknown time interval type: {unit}");
            return Err(Refusal::analysis(text));
        }
    };
    let illegal = || Refusal::analysis("Multi build partition start or end time style is illegal.");
    let mut at = Moment::parse(from).ok_or_else(illegal)?;
    let end = Moment::parse(to).ok_or_else(illegal)?;
    if !is_before(at, end) {
        return Err(Refusal::analysis("Multi build partition start time should less than end time."));
    }
    let with_time = unit == Unit::Hour || from.len() >= 19;
    let text = |at: Moment| {
        let (year, month, day) = date_of(at.days);
        let date = format!("{year:04}-{month:02}-{day:02}");
        let second = at.micros / 1_000_000;
        match with_time {
            true => format!("{date} {:02}:{:02}:{:02}", second / 3600, second / 60 % 60, second % 60),
            false => date,
        }
    };
    let mut named = Vec::new();
    while is_before(at, end) {
        let mut next = unit.next(at, interval);
        if unit != Unit::Day && is_before(end, next) {
            next = end;
        }
        named.push((unit.name(at), text(at), text(next)));
        if named.len() > MAX {
            return Err(too_many());
        }
        at = next;
    }
    Ok(named)
}

fn is_before(a: Moment, b: Moment) -> bool {
    (a.days, a.micros) < (b.days, b.micros)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Unit {
    Hour,
    Day,
    Week,
    Month,
    Year,
}

impl Unit {
    /// `p_` and the beginning.
    fn name(self, at: Moment) -> String {
        let (year, month, day) = date_of(at.days);
        match self {
            Self::Hour => format!("p_{year:04}{month:02}{day:02}{:02}", at.micros / 3_600_000_000),
            Self::Day => format!("p_{year:04}{month:02}{day:02}"),
            Self::Week => format!("p_{year:04}_{:02}", week_of_year(at.days)),
            Self::Month => format!("p_{year:04}{month:02}"),
            Self::Year => format!("p_{year:04}"),
        }
    }

    /// Where the next partition begins: at a whole week, month or year, even if the first one did not.
    fn next(self, at: Moment, interval: i64) -> Moment {
        const HOUR: i64 = 3_600_000_000;
        const DAY: i64 = 24 * HOUR;
        let (year, month, _) = date_of(at.days);
        match self {
            Self::Hour => {
                let micros = at.micros.saturating_add(interval.saturating_mul(HOUR));
                Moment { days: at.days + micros.div_euclid(DAY), micros: micros.rem_euclid(DAY) }
            }
            Self::Day => Moment { days: at.days.saturating_add(interval), ..at },
            Self::Week => Moment { days: at.days - weekday(at.days) + interval.saturating_mul(7), ..at },
            Self::Month => {
                let months = year * 12 + month - 1 + interval;
                Moment { days: days_of(months.div_euclid(12), months.rem_euclid(12) + 1, 1), ..at }
            }
            Self::Year => Moment { days: days_of(year + interval, 1, 1), ..at },
        }
    }
}

/// 0 = Monday; the epoch was a Thursday.
fn weekday(days: i64) -> i64 {
    (days + 3).rem_euclid(7)
}

/// Weeks begin on Monday, and the first one is that of January 1st.
fn week_of_year(days: i64) -> i64 {
    let (year, ..) = date_of(days);
    let first = days_of(year, 1, 1);
    (days - first + weekday(first)) / 7 + 1
}
