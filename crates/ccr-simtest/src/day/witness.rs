//! Who looks at the destination all day: each state that a reader sees must be one that the source had, in the same order,
//! and none that the job claims to be past.

use std::hash::{DefaultHasher, Hash, Hasher};

use anyhow::{bail, ensure};
use ccr_store::documents::{ProgressDocument, SyncState};
use doris_sim::{SimCluster, model::Value};

use super::desk::DB;

/// What was seen of one table.
#[derive(Debug, Default)]
struct History {
    /// States of the source with the seq of the newest record then.
    states: Vec<(u64, i64)>,
    /// The rows of each state.
    rows: Vec<Vec<Vec<Value>>>,
    /// Earlier states are past on the destination.
    at: usize,
    /// Ids whose rows of states before this one nobody can fetch any more: partitions that were dropped, emptied or replaced
    /// since. Who copies an earlier state then goes without them.
    lost: Vec<(usize, (u64, u64))>,
}

impl History {
    /// Whether rows are those of a state, besides what cannot be fetched any more.
    fn fits(&self, at: usize, rows: &[Vec<Value>]) -> bool {
        let ranges: Vec<(u64, u64)> =
            self.lost.iter().filter(|(before, _)| at < *before).map(|(_, range)| *range).collect();
        let there = |row: &&Vec<Value>| {
            let id = row.first().and_then(Value::to_cell).and_then(|id| id.parse::<u64>().ok()).unwrap_or_default();
            !ranges.iter().any(|(low, high)| (*low..*high).contains(&id))
        };
        let state = self.rows.get(at).map(Vec::as_slice).unwrap_or_default();
        state.iter().filter(there).eq(rows.iter().filter(there))
    }

    /// The state that rows are nearest to, and the difference.
    fn nearest(&self, rows: &[Vec<Value>]) -> String {
        let less =
            |a: &[Vec<Value>], b: &[Vec<Value>]| a.iter().filter(|row| !b.contains(row)).cloned().collect::<Vec<_>>();
        let states = self.rows.iter().enumerate().map(|(at, state)| (less(state, rows), less(rows, state), at));
        match states.min_by_key(|(missing, surplus, _)| missing.len() + surplus.len()) {
            Some((missing, surplus, at)) => {
                format!(
                    "state {at} (of record {:?}) without {missing:?}, with {surplus:?}",
                    self.states.get(at).map(|s| s.1)
                )
            }
            None => "no state".to_owned(),
        }
    }
}

/// Looks at both sides of all tables.
#[derive(Debug)]
pub(super) struct Witness {
    names: Vec<String>,
    histories: Vec<History>,
    /// States of the source may have been missed: nothing can be said.
    pub(super) blind: bool,
    /// Looks that proved something.
    pub(super) looks: u64,
}

impl Witness {
    pub(super) fn new(names: &[String]) -> Self {
        let histories = names.iter().map(|_| History::default()).collect();
        Self { names: names.to_vec(), histories, blind: false, looks: 0 }
    }

    /// After each statement at the source.
    pub(super) fn note(&mut self, source: &SimCluster) {
        for (name, history) in self.names.iter().zip(&mut self.histories) {
            let Some(rows) = rows_of(source, name) else { continue };
            let hash = hash_of(&rows);
            if history.states.last().is_none_or(|(last, _)| *last != hash) {
                history.states.push((hash, newest_record(source, name)));
                history.rows.push(rows);
            }
        }
    }

    /// A statement at the source made rows of these ids unavailable to whoever copies earlier states.
    pub(super) fn lose(&mut self, table: usize, ids: (u64, u64)) {
        if let Some(history) = self.histories.get_mut(table) {
            history.lost.push((history.states.len(), ids));
        }
    }

    /// A reader of one table of the destination; `claimed` is its job's progress as it was stored before.
    pub(super) fn look(
        &mut self,
        dest: &SimCluster,
        table: usize,
        claimed: Option<&ProgressDocument>,
    ) -> anyhow::Result<()> {
        let (Some(name), Some(history)) = (self.names.get(table), self.histories.get_mut(table)) else { return Ok(()) };
        if self.blind {
            return Ok(());
        }
        // No table yet, or one that nobody can read now.
        let Some(rows) = rows_of(dest, name) else { return Ok(()) };
        let hash = hash_of(&rows);
        let is =
            |at: &usize| history.states.get(*at).is_some_and(|(state, _)| *state == hash) || history.fits(*at, &rows);
        let Some(first) = (history.at..history.states.len()).find(is) else {
            let before = (0..history.at).any(|at| is(&at));
            bail!(
                "readers of {name} see {} after state {} of {}: {}",
                if before { "an earlier state again" } else { "a state that the source never had" },
                history.at,
                history.states.len(),
                history.nearest(&rows)
            );
        };
        if let Some(claimed) = claimed
            && claimed.sync_state == SyncState::TableIncrementalSync
        {
            let seq = claimed.prev_commit_seq;
            let due = history.states.iter().rposition(|(_, state)| *state <= seq).unwrap_or_default();
            let last = (first..history.states.len()).rfind(is).unwrap_or(first);
            let seq_of = |at: usize| history.states.get(at).map(|(_, seq)| *seq).unwrap_or_default();
            ensure!(
                last >= due,
                "the job of {name} claims {seq}, and readers do not see it: state {last} (of record {}) of {}, {due} (of record {}) is due; {}",
                seq_of(last),
                history.states.len(),
                seq_of(due),
                claimed.to_json()
            );
        }
        history.at = first;
        self.looks += 1;
        Ok(())
    }
}

/// The three columns that every table has, of all rows, sorted.
fn rows_of(cluster: &SimCluster, name: &str) -> Option<Vec<Vec<Value>>> {
    let columns = ["id", "note", "v"].map(str::to_owned);
    let mut rows: Vec<Vec<Value>> = cluster.sim().look(|model| {
        let rows = model.rows(DB, name).ok()?;
        let table = model.table(DB, name).ok()?;
        Some(rows.iter().map(|row| table.key_of(&columns, row)).collect())
    })?;
    rows.sort();
    Some(rows)
}

/// Equal for equal rows.
fn hash_of(rows: &[Vec<Value>]) -> u64 {
    let mut hasher = DefaultHasher::new();
    for value in rows.iter().flatten() {
        value.to_cell().hash(&mut hasher);
    }
    hasher.finish()
}

/// The newest record of a table's stream.
fn newest_record(cluster: &SimCluster, name: &str) -> i64 {
    cluster.sim().look(|model| {
        let (Ok(db), Ok(table)) = (model.database(DB), model.table(DB, name)) else { return 0 };
        model.binlogs.get(&db.id).and_then(|binlogs| binlogs.tables.get(&table.id)).map_or(0, |stream| stream.head().0)
    })
}
