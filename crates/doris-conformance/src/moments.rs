//! When a step happened at the latest: recordings have no times of their own, but their answers are full of them.

use serde_json::Value;
use time::{PrimitiveDateTime, format_description::BorrowedFormatItem, macros::format_description};

use crate::{
    atoms::{Atom, atoms},
    document,
    kinds::{Meaning, meaning},
    recording::{Recording, Step, What},
};

/// For each step a time (milliseconds since the epoch) at which it had happened. They never go back.
pub(crate) fn of(recording: &Recording) -> Vec<i64> {
    let own: Vec<Vec<i64>> = recording.steps.iter().map(times).collect();
    let label = recording.steps.iter().find_map(|step| match &step.what {
        What::Load(load) => label_time(&load.label),
        _ => None,
    });
    // Without a load: nearly everything that is shown happened meanwhile, so the median is of the run.
    let mut all: Vec<i64> = own.iter().flatten().copied().collect();
    all.sort_unstable();
    let middle = label.or_else(|| all.get(all.len() / 2).copied()).unwrap_or(DEFAULT_MS);
    #[allow(clippy::cast_possible_truncation)] // A script takes seconds.
    let length = (recording.seconds * 1000.0) as i64 + 2000;
    let run = middle - length..middle + length;
    let first = all.iter().copied().find(|time| run.contains(time)).unwrap_or(middle);
    let last = first + length;
    let mut now = first - 1;
    own.iter()
        .map(|times| {
            now = times.iter().copied().filter(|time| (first..last).contains(time)).fold(now, i64::max);
            now
        })
        .collect()
}

/// A recording in which nothing shows a time.
const DEFAULT_MS: i64 = 1_795_448_790_000;

fn times(step: &Step) -> Vec<i64> {
    let mut times = Vec::new();
    match &step.what {
        What::Sql { answer, .. } => {
            let columns = answer["columns"].as_array().map(Vec::as_slice).unwrap_or_default();
            let rows = answer["rows"].as_array().map(Vec::as_slice).unwrap_or_default();
            for row in rows.iter().filter_map(Value::as_array) {
                for (column, cell) in columns.iter().zip(row) {
                    collect(column.as_str().unwrap_or_default(), cell, &mut times);
                }
            }
        }
        What::Rpc { answer, .. } => collect("", answer, &mut times),
        What::Load(load) => times.extend(label_time(&load.label)),
        What::Watch(_) | What::Note => {}
    }
    times
}

/// The recorder's own labels hold the time in nanoseconds.
fn label_time(label: &str) -> Option<i64> {
    let (_, nanoseconds) = label.rsplit_once('_')?;
    (nanoseconds.len() == 19).then(|| nanoseconds.parse::<i64>().ok()).flatten().map(|ns| ns / 1_000_000)
}

fn collect(field: &str, value: &Value, times: &mut Vec<i64>) {
    match value {
        Value::Number(number) if meaning(field) == Meaning::Time => {
            times.extend(number.as_i64().filter(|ms| *ms > 1_000_000_000_000));
        }
        Value::Number(_) | Value::Null | Value::Bool(_) => {}
        Value::String(text) => match document::in_text(text) {
            Some(inner) => collect(field, &inner, times),
            None if text.len() < 40 => times.extend(atoms(text).iter().filter_map(|atom| match atom {
                Atom::Time(time) => milliseconds(time),
                _ => None,
            })),
            None => {}
        },
        Value::Array(list) => list.iter().for_each(|entry| collect(field, entry, times)),
        Value::Object(map) => map.iter().for_each(|(key, entry)| collect(key, entry, times)),
    }
}

/// `2026-11-23 16:09:54` as milliseconds since the epoch, in UTC.
fn milliseconds(time: &str) -> Option<i64> {
    const SECONDS: &[BorrowedFormatItem<'_>] = format_description!("[year]-[month]-[day] [hour]:[minute]:[second]");
    let time = PrimitiveDateTime::parse(&time.get(..19)?.replace('T', " "), SECONDS).ok()?;
    Some(time.assume_utc().unix_timestamp() * 1000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_in_words_is_the_same_time_in_milliseconds() {
        assert_eq!(milliseconds("1970-01-01 00:00:01"), Some(1000));
        assert_eq!(milliseconds("2026-11-23 15:46:30"), Some(DEFAULT_MS));
    }

    #[test]
    fn a_label_of_the_recorder_holds_its_time() {
        assert_eq!(label_time("l_1795450194831645474"), Some(1_795_450_194_831));
        assert_eq!(label_time("h1"), None);
    }
}
