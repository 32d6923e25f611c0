//! Collection (GC) of binlogs: by time, count, size and locks; backends are told what went.

use std::collections::BTreeMap;

use super::{Binlog, BinlogStream, DbBinlogs};
use crate::model::{Model, ids::*, properties::BINLOG_DEFAULTS};

/// The limits of one database or table.
#[derive(Clone, Copy, Debug)]
pub struct BinlogLimits {
    pub ttl_seconds: i64,
    pub max_bytes: i64,
    pub max_history_nums: i64,
}

impl BinlogLimits {
    /// From properties; the defaults where there are none.
    pub fn of(properties: Option<&BTreeMap<String, String>>) -> Self {
        let number = |key: &str| {
            let default = BINLOG_DEFAULTS.iter().find(|(k, _)| *k == key).map_or("0", |(_, v)| v);
            let text = properties.and_then(|all| all.get(key)).map_or(default, String::as_str);
            text.parse::<i64>().unwrap_or(i64::MAX)
        };
        Self {
            ttl_seconds: number("binlog.ttl_seconds"),
            max_bytes: number("binlog.max_bytes"),
            max_history_nums: number("binlog.max_history_nums"),
        }
    }
}

impl Model {
    /// One round of the collection over all databases.
    pub fn collect_binlogs(&mut self) {
        let ids: Vec<DbId> = self.binlogs.keys().copied().collect();
        for id in ids {
            self.collect_database(id);
        }
    }

    /// Removes every record of a database, whatever its properties and locks keep: as if all had expired.
    pub fn discard_binlogs(&mut self, id: DbId) {
        let Some(store) = self.binlogs.get_mut(&id) else { return };
        let mut gone = BTreeMap::new();
        let mut newest = CommitSeq(-1);
        for stream in std::iter::once(&mut store.stream).chain(store.tables.values_mut()) {
            newest = newest.max(stream.head());
            stream.cut(stream.head(), &mut gone);
        }
        store.dropped.collect(newest);
        self.tell_backends(&gone);
    }

    fn collect_database(&mut self, id: DbId) {
        // Nothing is collected while the database is missing (seen).
        let Some(db) = self.databases.get(&id) else { return };
        let by_db = db.binlog_enabled();
        let db_limits = BinlogLimits::of(Some(&db.properties));
        let tables: BTreeMap<TableId, Option<BinlogLimits>> = db
            .tables()
            .map(|table| (table.id, table.flag("binlog.enable").then(|| BinlogLimits::of(Some(&table.properties)))))
            .collect();
        let now = self.now_ms;
        let Some(store) = self.binlogs.get_mut(&id) else { return };
        let mut gone = BTreeMap::new();
        let cut = if by_db {
            let cut = store.stream.expired(db_limits, now, store.lowest_lock());
            if let Some(cut) = cut {
                store.stream.cut(cut, &mut gone);
                store.tables.values_mut().for_each(|stream| stream.cut(cut, &mut gone));
            }
            cut
        } else {
            store.collect_tables(&tables, now, &mut gone)
        };
        if let Some(cut) = cut {
            store.dropped.collect(cut);
        }
        self.tell_backends(&gone);
    }

    /// Backends delete rowset binlogs up to the version of the last collected UPSERT of each partition.
    fn tell_backends(&mut self, gone: &BTreeMap<PartitionId, Version>) {
        if gone.is_empty() {
            return;
        }
        for be in self.backends.values_mut() {
            for tablet in be.tablets.values_mut() {
                if let Some(version) = gone.get(&tablet.partition) {
                    tablet.binlogs.retain(|v, _| v > version);
                }
            }
        }
    }
}

impl DbBinlogs {
    fn lowest_lock(&self) -> Option<CommitSeq> {
        let streams = std::iter::once(&self.stream).chain(self.tables.values());
        streams.flat_map(|stream| stream.locks.values()).min().copied()
    }

    /// The database's switch is off: each table by its own limits, a table that is off completely; then the database's
    /// stream loses what no table holds any more. Answers up to where something went.
    fn collect_tables(
        &mut self,
        tables: &BTreeMap<TableId, Option<BinlogLimits>>,
        now: i64,
        gone: &mut BTreeMap<PartitionId, Version>,
    ) -> Option<CommitSeq> {
        let mut newest = None;
        for (id, stream) in &mut self.tables {
            let cut = match tables.get(id) {
                Some(Some(limits)) => stream.expired(*limits, now, stream.locks.values().min().copied()),
                Some(None) => Some(stream.head()),
                None => None,
            };
            if let Some(cut) = cut.filter(|cut| stream.records.range(..=*cut).next().is_some()) {
                stream.cut(cut, gone);
                newest = newest.max(Some(cut));
            }
        }
        self.drop_unheld(newest?);
        newest
    }

    /// Takes records up to a position out of the database's stream that no table's stream holds. The DUMMY moves as long
    /// as nothing older stays; its time does not (as in Doris).
    fn drop_unheld(&mut self, up_to: CommitSeq) {
        let held = |seq: &CommitSeq| self.tables.values().any(|stream| stream.records.contains_key(seq));
        let seqs: Vec<CommitSeq> = self.stream.records.range(..=up_to).map(|(seq, _)| *seq).collect();
        let mut all_gone = true;
        for seq in seqs {
            if held(&seq) {
                all_gone = false;
                continue;
            }
            self.stream.records.remove(&seq);
            if all_gone {
                self.stream.dummy_seq = seq;
            }
        }
    }
}

impl Binlog {
    /// What Doris reckons a record to take (`BinlogUtils.getApproximateMemoryUsage`).
    fn bytes(&self) -> i64 {
        let data = self.data.as_ref().map_or(0, String::len);
        i64::try_from(80 + 8 * self.table_ids.len() + data).unwrap_or(i64::MAX)
    }
}

impl BinlogStream {
    /// What the records take; the DUMMY counts nothing.
    pub fn bytes(&self) -> i64 {
        self.records.values().map(|record| record.bytes()).fold(0, i64::saturating_add)
    }

    /// Up to which seq the entries are to go; `None`: none.
    fn expired(&self, limits: BinlogLimits, now: i64, lowest_lock: Option<CommitSeq>) -> Option<CommitSeq> {
        let mut bytes = self.bytes();
        let mut count = i64::try_from(self.records.len()).unwrap_or(i64::MAX).saturating_add(1);
        // Doris reckons in whole seconds.
        let oldest_kept = (now - now.rem_euclid(1000)).saturating_sub(limits.ttl_seconds.saturating_mul(1000));
        // A record without time goes with the next one that has one.
        let is_old = |record: &super::Binlog| (1..=oldest_kept).contains(&record.timestamp_ms);
        let by_time = self.records.iter().rev().find(|(_, r)| is_old(r)).map(|(seq, _)| *seq);
        let mut cut = by_time;
        for (seq, record) in &self.records {
            if bytes <= limits.max_bytes && count <= limits.max_history_nums {
                break;
            }
            bytes = bytes.saturating_sub(record.bytes());
            count -= 1;
            cut = cut.max(Some(*seq));
        }
        // A lock does not protect: it lets go of everything below it.
        let below_lock = lowest_lock.map(|lock| CommitSeq(lock.0 - 1));
        let last_below = below_lock.and_then(|below| self.records.range(..=below).last().map(|(seq, _)| *seq));
        cut.max(last_below)
    }

    /// Removes everything up to `cut`; the DUMMY takes the place of the last that went.
    fn cut(&mut self, cut: CommitSeq, gone: &mut BTreeMap<PartitionId, Version>) {
        let kept = self.records.split_off(&CommitSeq(cut.0.saturating_add(1)));
        let removed = std::mem::replace(&mut self.records, kept);
        self.locks.retain(|_, seq| *seq > cut);
        for record in removed.values() {
            for (_, partition, version) in &record.versions {
                let newest = gone.entry(*partition).or_insert(*version);
                *newest = (*newest).max(*version);
            }
        }
        if let Some((seq, record)) = removed.last_key_value() {
            self.dummy_seq = *seq;
            self.dummy_ms = record.timestamp_ms;
        }
    }
}
