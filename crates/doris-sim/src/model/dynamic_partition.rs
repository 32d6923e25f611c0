//! Dynamic partitions: properties, and the scheduler that adds partitions to come and drops old ones.

use std::collections::BTreeMap;

use super::{
    Answer, BoundValue, ColumnType, Model, PartitionItem, PartitionKind, PartitionSpec, Refusal, Table, TableSpec,
    Value,
    datetime::Moment,
    ids::*,
    properties::{self, DYNAMIC_PARTITION},
    table_property::dynamic,
};

/// `dynamic_partition_check_interval_seconds`.
pub(super) const CHECK_INTERVAL_MS: i64 = 600_000;

/// `dynamic_partition.start` of a table whose partitions are kept for ever.
const FOR_EVER: i64 = -2_147_483_648;

/// `max_dynamic_partition_num`.
const MOST_PARTITIONS: i64 = 500;

/// Checks the group of a new table and completes it with the values of keys that nobody wrote.
pub(super) fn check(spec: &TableSpec, written: &mut BTreeMap<String, String>) -> Answer<()> {
    if spec.scheme.kind != PartitionKind::Range {
        return refuse("Only support dynamic partition properties on range partition table".into());
    }
    if spec.scheme.columns.len() != 1 {
        return refuse("Dynamic partition only support single-column range partition".into());
    }
    let unknown = dynamic::unknown_keys(written);
    if !unknown.is_empty() {
        return refuse(format!("Invalid dynamic partition properties: {}", unknown.join(", ")));
    }
    for key in ["time_unit", "prefix", "end"] {
        let key = format!("dynamic_partition.{key}");
        if written.get(&key).is_none_or(String::is_empty) {
            return refuse(format!("Must assign {key} properties"));
        }
    }
    dynamic::check_all(written, &spec.columns, &spec.scheme)?;
    for (key, default) in DYNAMIC_PARTITION {
        if let Some(default) = default {
            written.entry(key.to_owned()).or_insert_with(|| default.to_owned());
        }
    }
    let buckets = spec.distribution.buckets.to_string();
    written.entry("dynamic_partition.buckets".into()).or_insert(buckets);
    if let Some(n) = written.remove("dynamic_partition.replication_num") {
        let n = n.parse().unwrap_or(1);
        written.insert("dynamic_partition.replication_allocation".into(), properties::allocation_text(n));
    }
    check_count(written)
}

fn refuse<T>(text: String) -> Answer<T> {
    Err(Refusal::analysis(text))
}

/// A history that is to be made has a beginning, and there are not too many partitions.
fn check_count(written: &BTreeMap<String, String>) -> Answer<()> {
    let get = |key: &str| written.get(&format!("dynamic_partition.{key}")).and_then(|v| v.parse::<i64>().ok());
    let history = written.get("dynamic_partition.create_history_partition").is_some_and(|v| v == "true");
    let (start, kept) = (get("start").unwrap_or(FOR_EVER), get("history_partition_num").unwrap_or(-1));
    if history && start == FOR_EVER && kept == -1 {
        return refuse("Provide start or history_partition_num property when creating history partition".into());
    }
    let first = if history { real_start(start, kept) } else { 0 };
    if get("end").unwrap_or(0) - first > MOST_PARTITIONS {
        return refuse(format!(
            "Too many dynamic partitions: {}. Limit: {MOST_PARTITIONS}",
            get("end").unwrap_or(0) - first
        ));
    }
    Ok(())
}

/// The first partition of the history.
fn real_start(start: i64, kept: i64) -> i64 {
    if kept < 0 { start } else { start.max(-kept) }
}

/// The group of a table.
struct Plan {
    unit: String,
    start: i64,
    /// The first partition to make.
    first: i64,
    end: i64,
    prefix: String,
    buckets: u32,
    replication: u32,
    /// 1 = Monday.
    day_of_week: i64,
    day_of_month: i64,
    ty: ColumnType,
    now: Moment,
}

impl Plan {
    /// `None`: the scheduler leaves the table alone.
    fn of(table: &Table, now_ms: i64) -> Option<Self> {
        let get = |key: &str| table.properties.get(&format!("dynamic_partition.{key}")).map(String::as_str);
        let number = |key: &str, default: i64| get(key).and_then(|v| v.parse::<i64>().ok()).unwrap_or(default);
        if !table.flag("dynamic_partition.enable") || table.flag("is_being_synced") {
            return None;
        }
        let start = number("start", FOR_EVER);
        let history = get("create_history_partition").is_some_and(|v| v == "true");
        let allocation = get("replication_allocation").and_then(|text| text.rsplit(':').next()?.trim().parse().ok());
        let replication = match allocation {
            Some(n) => n,
            None => properties::replication(&table.properties).ok()?,
        };
        Some(Self {
            unit: get("time_unit")?.to_uppercase(),
            start,
            first: if history { real_start(start, number("history_partition_num", -1)) } else { 0 },
            end: number("end", 0),
            prefix: get("prefix").unwrap_or_default().to_owned(),
            buckets: u32::try_from(number("buckets", 1)).unwrap_or(1),
            replication,
            day_of_week: number("start_day_of_week", 1),
            day_of_month: number("start_day_of_month", 1),
            ty: table.partition_types().first()?.clone(),
            now: Moment::of_ms(now_ms),
        })
    }

    /// Where the partition begins that is `offset` units away from the present.
    fn border(&self, offset: i64) -> Moment {
        let today = Moment { days: self.now.days, micros: 0 };
        match self.unit.as_str() {
            "HOUR" => {
                let hour = self.now.micros / 3_600_000_000;
                today.plus_seconds((hour + offset) * 3600)
            }
            "DAY" => today.plus_seconds(offset * 86_400),
            "WEEK" => {
                let since = (today.days + 3 - (self.day_of_week - 1)).rem_euclid(7);
                today.plus_seconds((offset * 7 - since) * 86_400)
            }
            "MONTH" => {
                let first = today.first_of_month().plus_seconds((self.day_of_month - 1) * 86_400);
                let begun = if first.days > today.days { first.plus_months(-1) } else { first };
                begun.plus_months(offset)
            }
            _ => today.first_of_year().plus_months(offset * 12),
        }
    }

    fn name(&self, border: Moment) -> String {
        let digits: String = border.text(0).chars().filter(char::is_ascii_digit).collect();
        let part = |length: usize| digits.get(..length).unwrap_or_default().to_owned();
        let text = match self.unit.as_str() {
            "HOUR" => part(10),
            "DAY" => part(8),
            "WEEK" => format!("{}_{:02}", part(4), java_week(border)),
            "MONTH" => part(6),
            _ => part(4),
        };
        format!("{}{text}", self.prefix)
    }

    /// A border as a value of the partition column.
    fn bound(&self, border: Moment) -> Vec<BoundValue> {
        let digits = || border.date_text().replace('-', "").parse::<i128>().unwrap_or(0);
        vec![BoundValue::Value(match &self.ty {
            ColumnType::Date => Value::Date(border.date_text()),
            ColumnType::DateTime { scale } => Value::DateTime(border.text(*scale)),
            _ => Value::Int(digits()),
        })]
    }

    fn partition(&self, offset: i64) -> PartitionSpec {
        let (lower, upper) = (self.border(offset), self.border(offset + 1));
        PartitionSpec {
            name: self.name(lower),
            item: PartitionItem::Range { lower: self.bound(lower), upper: self.bound(upper) },
            buckets: Some(self.buckets),
            properties: BTreeMap::from([("replication_num".to_owned(), self.replication.to_string())]),
        }
    }
}

/// `Calendar.WEEK_OF_YEAR` of Java: weeks begin on Sunday, and the week of the first of January is the first.
fn java_week(day: Moment) -> i64 {
    let first = day.first_of_year().days;
    ((day.days - first + (first + 4).rem_euclid(7)) / 7 + 1).min(53)
}

impl Model {
    /// The scheduler's round over all tables.
    pub(super) fn schedule_dynamic_partitions(&mut self) {
        let tables: Vec<(DbId, TableId)> = self
            .databases
            .values()
            .flat_map(|db| db.tables().filter(|t| t.flag("dynamic_partition.enable")).map(|t| (db.id, t.id)))
            .collect();
        for (db, table) in tables {
            // A table that is altered meanwhile waits for the next round.
            let _postponed = self.dynamic_partitions_of(db, table).is_err();
        }
    }

    /// Adds the partitions that are to come and drops those that are too old.
    pub(super) fn dynamic_partitions_of(&mut self, db: DbId, table: TableId) -> Answer<()> {
        let now_ms = self.now_ms;
        let Some((db_name, name, plan)) = self.databases.get(&db).and_then(|db| {
            let table = db.table_by_id(table)?;
            Some((db.name.clone(), table.name.clone(), Plan::of(table, now_ms)?))
        }) else {
            return Ok(());
        };
        if plan.start != FOR_EVER {
            let oldest = plan.bound(plan.border(plan.start));
            let old: Vec<String> = self
                .table(&db_name, &name)?
                .partitions
                .iter()
                .filter(|p| matches!(&p.item, PartitionItem::Range { upper, .. } if *upper <= oldest))
                .map(|p| p.name.clone())
                .collect();
            for partition in old {
                self.drop_dynamic_partition(&db_name, &name, &partition)?;
            }
        }
        for offset in plan.first..=plan.end {
            let spec = plan.partition(offset);
            let exists = self.table(&db_name, &name)?.partitions.iter().any(|p| p.item.overlaps(&spec.item));
            if !exists {
                self.add_dynamic_partition(&db_name, &name, spec)?;
            }
        }
        Ok(())
    }
}
