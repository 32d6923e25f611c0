//! Partition versions as the last word on what was applied.
//!
//! In Doris each transaction raises the visible version of each partition it touches by one, and a restored partition
//! starts at the source's version. So `source version - destination version` of a partition stays what it was when the
//! partition was restored, for as long as each source transaction is applied once and nobody else writes. Labels and
//! transaction ids are forgotten after a while and then prove nothing; versions are never forgotten.

use std::collections::BTreeMap;

use doris::{
    Dest, Source,
    cluster::PartitionRow,
    ids::{PartitionId, Version},
};
use serde::{Deserialize, Serialize};

/// What is known of one replicated partition. Durable.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    pub dest: PartitionId<Dest>,
    /// Source version minus destination version.
    pub offset: i64,
    /// The source version up to which the destination was seen to hold everything, at the checkpoint's commit seq.
    pub verified: Version,
}

impl Entry {
    /// The source version that a destination version stands for.
    pub fn source_version(&self, dest: Version) -> Version {
        Version(dest.0.saturating_add(self.offset))
    }
}

/// The versions that a transaction gave to partitions of the source.
pub type Touched = Vec<(PartitionId<Source>, Version)>;

/// All replicated partitions of one table.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Ledger {
    entries: BTreeMap<PartitionId<Source>, Entry>,
}

/// Source versions that the destination holds, by source partition: one reading of `SHOW PARTITIONS` at the master.
pub type Reading = BTreeMap<PartitionId<Source>, Version>;

impl Ledger {
    /// Opens the ledger after a restore. `restored`: source partition, destination partition, source version in the
    /// snapshot, visible version seen on the destination.
    pub fn open(
        restored: impl IntoIterator<Item = (PartitionId<Source>, PartitionId<Dest>, Version, Version)>,
    ) -> Self {
        let entries = restored
            .into_iter()
            .map(|(source, dest, in_snapshot, on_dest)| {
                (source, Entry { dest, offset: in_snapshot.0 - on_dest.0, verified: in_snapshot })
            })
            .collect();
        Self { entries }
    }

    pub fn get(&self, partition: PartitionId<Source>) -> Option<&Entry> {
        self.entries.get(&partition)
    }

    pub fn entries(&self) -> impl Iterator<Item = (&PartitionId<Source>, &Entry)> {
        self.entries.iter()
    }

    /// Opens the entry of a partition that was created empty on both sides: version 1 is its first.
    pub fn open_empty(&mut self, source: PartitionId<Source>, dest: PartitionId<Dest>) {
        self.entries.insert(source, Entry { dest, offset: 0, verified: Version(1) });
    }

    /// Forgets the entry of a destination partition.
    pub fn forget(&mut self, dest: PartitionId<Dest>) {
        self.entries.retain(|_, entry| entry.dest != dest);
    }

    /// Translates destination versions into the source versions they stand for. A partition of the ledger that is missing
    /// among the rows is an error: the destination was altered by somebody else.
    pub fn read(&self, rows: &[PartitionRow<Dest>]) -> Result<Reading, PartitionId<Dest>> {
        let by_id: BTreeMap<_, _> = rows.iter().map(|row| (row.id, row.visible_version)).collect();
        self.entries
            .iter()
            .map(|(source, entry)| match by_id.get(&entry.dest) {
                Some(version) => Ok((*source, entry.source_version(*version))),
                None => Err(entry.dest),
            })
            .collect()
    }

    /// The destination is not given the versions after the verified one up to `version`, on purpose: what it has stands for
    /// `version` from now on. Nothing if the partition is not replicated or has that version.
    pub fn leave_out(&mut self, partition: PartitionId<Source>, version: Version) {
        if let Some(entry) = self.entries.get_mut(&partition)
            && version > entry.verified
        {
            entry.offset += version.0 - entry.verified.0;
            entry.verified = version;
        }
    }

    /// Records that the destination was seen to hold these versions.
    pub fn verify(&mut self, touched: &Touched) {
        for (partition, version) in touched {
            if let Some(entry) = self.entries.get_mut(partition) {
                entry.verified = entry.verified.max(*version);
            }
        }
    }
}

/// How much of a transaction a reading shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Applied {
    All,
    Nothing,
    /// Some partitions have it and some do not. A transaction becomes visible as a whole, so somebody else wrote.
    Partly,
}

/// Whether `reading` shows that a transaction with these versions is visible.
pub fn applied(reading: &Reading, touched: &Touched) -> Applied {
    let there =
        touched.iter().filter(|(partition, version)| reading.get(partition).is_some_and(|v| v >= version)).count();
    match there {
        0 => Applied::Nothing,
        n if n == touched.len() => Applied::All,
        _ => Applied::Partly,
    }
}

/// A version in a record that is not the one after its predecessor's: a transaction of that partition is missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gap {
    pub partition: PartitionId<Source>,
    pub expected: Version,
    pub found: Version,
}

/// The versions that the planner has seen, ahead of what is verified.
#[derive(Clone, Debug, Default)]
pub struct Continuity {
    last: BTreeMap<PartitionId<Source>, Version>,
    /// What the last step changed: partitions with their versions before it.
    undo: Vec<(PartitionId<Source>, Option<Version>)>,
}

impl Continuity {
    /// Starts at the ledger's verified versions.
    pub fn from_ledger(ledger: &Ledger) -> Self {
        let mut continuity = Self::default();
        continuity.add(ledger);
        continuity
    }

    /// Adds the partitions of another table.
    pub fn add(&mut self, ledger: &Ledger) {
        self.last.extend(ledger.entries.iter().map(|(partition, entry)| (*partition, entry.verified)));
    }

    /// Takes the last step back: its record is planned again later.
    pub fn take_back(&mut self) {
        for (partition, before) in self.undo.drain(..) {
            match before {
                Some(version) => self.last.insert(partition, version),
                None => self.last.remove(&partition),
            };
        }
    }

    /// Checks that each version continues its partition and moves on. Nothing moves when there is a gap. A partition that
    /// occurs more than once (sub transactions) takes consecutive versions.
    pub fn advance(&mut self, touched: &Touched) -> Result<(), Gap> {
        let mut next = BTreeMap::new();
        for (partition, found) in touched {
            let last = next.get(partition).or_else(|| self.last.get(partition)).copied().unwrap_or(Version(1));
            let expected = Version(last.0 + 1);
            if *found != expected {
                return Err(Gap { partition: *partition, expected, found: *found });
            }
            next.insert(*partition, *found);
        }
        self.undo.clear();
        for (partition, version) in next {
            let before = self.last.insert(partition, version);
            self.undo.push((partition, before));
        }
        Ok(())
    }

    /// The highest version planned for a partition.
    pub fn last(&self, partition: PartitionId<Source>) -> Option<Version> {
        self.last.get(&partition).copied()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn source(id: i64) -> PartitionId<Source> {
        PartitionId::new(id)
    }

    fn row(id: i64, version: i64) -> PartitionRow<Dest> {
        PartitionRow {
            id: PartitionId::new(id),
            name: format!("p{id}"),
            range: String::new(),
            visible_version: Version(version),
            committed_version: None,
        }
    }

    fn ledger() -> Ledger {
        Ledger::open([
            (source(1), PartitionId::new(11), Version(5), Version(5)),
            (source(2), PartitionId::new(12), Version(9), Version(3)),
        ])
    }

    #[test]
    fn a_reading_speaks_in_source_versions() {
        let reading = ledger().read(&[row(11, 6), row(12, 3), row(99, 1)]).unwrap();
        assert_eq!(reading, BTreeMap::from([(source(1), Version(6)), (source(2), Version(9))]));
        assert_eq!(ledger().read(&[row(11, 6)]), Err(PartitionId::new(12)));
    }

    #[test]
    fn a_transaction_is_applied_as_a_whole_or_not_at_all() {
        let reading = ledger().read(&[row(11, 6), row(12, 3)]).unwrap();
        for (touched, expected) in [
            (vec![(source(1), Version(6))], Applied::All),
            (vec![(source(1), Version(7))], Applied::Nothing),
            (vec![(source(1), Version(6)), (source(2), Version(10))], Applied::Partly),
            (vec![(source(3), Version(2))], Applied::Nothing),
        ] {
            assert_eq!(applied(&reading, &touched), expected, "{touched:?}");
        }
    }

    #[test]
    fn versions_that_are_left_out_shift_what_the_destination_stands_for() {
        let mut ledger = ledger();
        ledger.leave_out(source(1), Version(7));
        ledger.leave_out(source(2), Version(9));
        ledger.leave_out(source(9), Version(9));
        // The destination still has 5 and 3; the next transaction of the source is 8, and 6 there.
        let reading = ledger.read(&[row(11, 5), row(12, 3)]).unwrap();
        assert_eq!(reading, BTreeMap::from([(source(1), Version(7)), (source(2), Version(9))]));
        let reading = ledger.read(&[row(11, 6), row(12, 3)]).unwrap();
        assert_eq!(applied(&reading, &vec![(source(1), Version(8))]), Applied::All);
        let mut continuity = Continuity::from_ledger(&ledger);
        assert_eq!(continuity.advance(&vec![(source(1), Version(8))]), Ok(()));
    }

    /// Defects: MODEL-7.
    #[test]
    fn continuity_notices_what_is_missing_and_moves_only_as_a_whole() {
        let mut continuity = Continuity::from_ledger(&ledger());
        assert_eq!(continuity.advance(&vec![(source(1), Version(6)), (source(2), Version(10))]), Ok(()));
        let gap = continuity.advance(&vec![(source(1), Version(7)), (source(2), Version(12))]).unwrap_err();
        assert_eq!(gap, Gap { partition: source(2), expected: Version(11), found: Version(12) });
        assert_eq!(continuity.last(source(1)), Some(Version(6)));
        // Sub transactions: one partition, consecutive versions.
        assert_eq!(continuity.advance(&vec![(source(1), Version(7)), (source(1), Version(8))]), Ok(()));
        // A restore on the source sets versions back: a gap as well.
        assert!(continuity.advance(&vec![(source(1), Version(4))]).is_err());
        // A partition that the ledger does not know starts empty, at version 1.
        assert_eq!(continuity.advance(&vec![(source(7), Version(2))]), Ok(()));
    }
}
