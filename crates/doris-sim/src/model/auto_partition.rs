//! AUTO PARTITION: a load makes the partitions that its rows need.

use std::collections::BTreeMap;

use super::{
    Answer, BoundValue, Model, PartitionItem, PartitionKind, PartitionSpec, Refusal, Row, Table, Value,
    datetime::{date_of, days_of},
    time_text::date_time_text,
};

impl Model {
    /// Adds the partitions that rows of a load need; each has its ADD_PARTITION record, before the load's.
    pub(super) fn add_auto_partitions(&mut self, db: &str, table: &str, rows: &[Row]) -> Answer<()> {
        let found = self.table(db, table)?;
        if found.scheme.auto.is_none() {
            return Ok(());
        }
        let mut wanted: Vec<PartitionSpec> = Vec::new();
        for row in rows {
            let key = found.key_of(&found.scheme.columns, &row.values);
            let exists = found.partitions.iter().map(|p| &p.item).chain(wanted.iter().map(|w| &w.item));
            if !exists.into_iter().any(|item| item.contains(&key)) {
                wanted.push(auto_partition(found, &key)?);
            }
        }
        for spec in wanted {
            self.add_partition(db, table, spec, false, true)?;
        }
        Ok(())
    }
}

/// The partition that a key of an AUTO PARTITION table belongs to, with the name that Doris gives it.
fn auto_partition(table: &Table, key: &[Value]) -> Answer<PartitionSpec> {
    let (name, item) = match table.scheme.kind {
        PartitionKind::List => (list_name(key), PartitionItem::List(vec![key.to_vec()])),
        _ => {
            let value = key.first().unwrap_or(&Value::Null);
            let unit = table.scheme.auto.as_deref().and_then(unit_of).unwrap_or("day");
            range_of(value, unit)
                .ok_or_else(|| Refusal::analysis(format!("fail to create auto partition of {value} by {unit}")))?
        }
    };
    Ok(PartitionSpec { name, item, buckets: None, properties: BTreeMap::new() })
}

/// `p` and the values, each with its length after it (NULL is an `X` without one). Characters that are no letters or digits
/// are in hexadecimal, after a `_` if the first one is a minus (FE class PartitionExprUtil; names as the Go syncer's suites
/// see them: `pXX`, `pX11`, `p_2d122d12`).
fn list_name(key: &[Value]) -> String {
    let mut values = String::new();
    for value in key {
        if value.is_null() {
            values.push('X');
        } else {
            let text = value.to_string();
            values.push_str(&text);
            values.push_str(&text.chars().count().to_string());
        }
    }
    let mut name = String::from(if values.starts_with('-') { "p_" } else { "p" });
    for c in values.chars() {
        if c.is_ascii_alphanumeric() {
            name.push(c);
        } else {
            name.push_str(&format!("{:x}", u32::from(c)));
        }
    }
    name
}

/// The unit in ``date_trunc(`d`, 'day')``.
fn unit_of(expression: &str) -> Option<&str> {
    expression.split(['\'', '"']).nth(1)
}

/// `p20240101000000` and the range of the unit that a date or time lies in.
fn range_of(value: &Value, unit: &str) -> Option<(String, PartitionItem)> {
    let (text, is_date) = match value {
        Value::Date(text) => (text, true),
        Value::DateTime(text) => (text, false),
        _ => return None,
    };
    let mut numbers = text.split(['-', ' ', ':', '.']).map(str::parse::<i64>);
    let (year, month, day) = (numbers.next()?.ok()?, numbers.next()?.ok()?, numbers.next()?.ok()?);
    let mut time = [0; 3];
    for part in &mut time {
        *part = numbers.next().unwrap_or(Ok(0)).ok()?;
    }
    let days = days_of(year, month, day);
    let second = days * 86_400 + time[0] * 3600 + time[1] * 60 + time[2];
    let of_days = |from: i64, to: i64| (from * 86_400, to * 86_400);
    let of_months = |month: i64, count: i64| of_days(days_of(year, month, 1), days_of(year, month + count, 1));
    let of_seconds = |length: i64| (second - second.rem_euclid(length), second - second.rem_euclid(length) + length);
    let (lower, upper) = match unit.to_lowercase().as_str() {
        "year" => of_months(1, 12),
        "quarter" => of_months((month - 1) / 3 * 3 + 1, 3),
        "month" => of_months(month, 1),
        // Weeks begin on Monday; the epoch was a Thursday.
        "week" => of_days(days - (days + 3).rem_euclid(7), days - (days + 3).rem_euclid(7) + 7),
        "day" => of_days(days, days + 1),
        "hour" => of_seconds(3600),
        "minute" => of_seconds(60),
        "second" => of_seconds(1),
        _ => return None,
    };
    let bound = |second: i64| {
        let text = date_time_text(second * 1000);
        let value = match text.split_once(' ') {
            Some((date, _)) if is_date => Value::Date(date.to_owned()),
            _ => Value::DateTime(text),
        };
        vec![BoundValue::Value(value)]
    };
    let (year, month, day) = date_of(lower.div_euclid(86_400));
    let rest = lower.rem_euclid(86_400);
    let name = format!("p{year:04}{month:02}{day:02}{:02}{:02}{:02}", rest / 3600, rest / 60 % 60, rest % 60);
    Some((name, PartitionItem::Range { lower: bound(lower), upper: bound(upper) }))
}
