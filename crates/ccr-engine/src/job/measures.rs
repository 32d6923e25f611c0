//! What a job did and how long it took, since its process started: what metrics show.

use std::{collections::BTreeMap, time::Duration};

use crate::policy::Code;

/// Why a copy is made, in a word. The sentence beside it has the particulars.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cause {
    /// The job is new, or was made anew.
    NewJob,
    /// The source collected records that the job had not read.
    BinlogCollected,
    /// A version was given to a partition by a record that is not in the stream.
    RecordMissing,
    /// The two sides' metadata do not fit together and nothing smaller helps.
    Metadata,
    /// Another table stands under the job's name now.
    TableReplaced,
    /// A change of the table that only a copy can give.
    Change,
    /// The destination refuses a change that later rows depend on.
    Refused,
    /// The stored progress does not say at which versions the destination stands.
    NoVersions,
    /// An operator asked for it.
    Operator,
}

impl Cause {
    /// As a label of metrics.
    pub fn label(self) -> &'static str {
        match self {
            Self::NewJob => "new_job",
            Self::BinlogCollected => "binlog_collected",
            Self::RecordMissing => "record_missing",
            Self::Metadata => "metadata",
            Self::TableReplaced => "table_replaced",
            Self::Change => "change",
            Self::Refused => "refused",
            Self::NoVersions => "no_versions",
            Self::Operator => "operator",
        }
    }
}

/// A part of a transaction's life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum TxnPhase {
    /// beginTxn, with whatever had to be cleared away before the label was free.
    Begin,
    /// The destination's backends pull the rows.
    Ingest,
    /// commitTxn.
    Commit,
    /// From the accepted commit until its versions were seen and claimed.
    Visible,
}

impl TxnPhase {
    pub const ALL: [Self; 4] = [Self::Begin, Self::Ingest, Self::Commit, Self::Visible];

    /// As a label of metrics.
    pub fn label(self) -> &'static str {
        match self {
            Self::Begin => "begin",
            Self::Ingest => "ingest",
            Self::Commit => "commit",
            Self::Visible => "visible",
        }
    }
}

/// Counts of durations by their upper bounds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Histogram {
    counts: [u64; Self::BOUNDS_MS.len()],
    longer: u64,
    sum: Duration,
}

impl Histogram {
    /// Upper bounds, milliseconds: those of the Go program's metrics.
    pub const BOUNDS_MS: [u64; 19] = [
        5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10_000, 15_000, 20_000, 25_000, 30_000, 35_000, 40_000, 45_000,
        50_000,
    ];

    pub fn observe(&mut self, took: Duration) {
        // A bound belongs to its bucket.
        let slot = Self::BOUNDS_MS.iter().position(|bound| took <= Duration::from_millis(*bound));
        match slot.and_then(|slot| self.counts.get_mut(slot)) {
            Some(count) => *count += 1,
            None => self.longer += 1,
        }
        self.sum = self.sum.saturating_add(took);
    }

    /// How many durations were observed.
    pub fn count(&self) -> u64 {
        self.counts.iter().sum::<u64>() + self.longer
    }

    /// All of them together.
    pub fn sum(&self) -> Duration {
        self.sum
    }

    /// Upper bound and count of each bucket, not cumulated; the last bucket has no bound.
    pub fn buckets(&self) -> impl Iterator<Item = (Option<Duration>, u64)> + '_ {
        let bounded = Self::BOUNDS_MS.iter().zip(&self.counts);
        bounded
            .map(|(bound, count)| (Some(Duration::from_millis(*bound)), *count))
            .chain(std::iter::once((None, self.longer)))
    }
}

/// What a job did since its process started.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Records completed.
    pub records: u64,
    /// Transactions committed on the destination.
    pub transactions: u64,
    /// Progress documents written while incremental.
    pub checkpoints: u64,
    /// Full copies begun.
    pub full_syncs: u64,
    /// The same by what they were made for.
    pub full_syncs_by: BTreeMap<Cause, u64>,
    /// Copies of single tables begun, after the job's first.
    pub partial_syncs: u64,
    /// The same by what they were made for.
    pub partial_syncs_by: BTreeMap<Cause, u64>,
    /// Tables in them.
    pub tables_copied: u64,
    /// Failures that were retried.
    pub failures: u64,
    /// The same by code.
    pub retries_by: BTreeMap<Code, u64>,
    /// Failures that stopped the job, by code.
    pub halts_by: BTreeMap<Code, u64>,
    /// From planning a record until it is on the destination.
    pub handling: Histogram,
    /// Writes of the progress.
    pub persisting: Histogram,
    /// Parts of transactions.
    pub phases: BTreeMap<TxnPhase, Histogram>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_counted_where_they_belong() {
        let mut histogram = Histogram::default();
        for ms in [0, 5, 6, 50_000, 50_001, 3_600_000] {
            histogram.observe(Duration::from_millis(ms));
        }
        let filled: Vec<_> = histogram.buckets().filter(|(_, count)| *count > 0).collect();
        let bound = |ms| Some(Duration::from_millis(ms));
        assert_eq!(filled, [(bound(5), 2), (bound(10), 1), (bound(50_000), 1), (None, 2)]);
        assert_eq!((histogram.count(), histogram.sum()), (6, Duration::from_millis(3_700_012)));
    }
}
