//! Which value of the simulator stands for which recorded one: one to one per kind and cluster, by first appearance.

use std::collections::BTreeMap;

/// What a value names. Values of different kinds may be equal without meaning the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    /// Of a database, table, partition, index, tablet, replica, backend or job: one counter.
    Id,
    /// Transactions and their parts.
    Txn,
    /// Commit seqs: the edit log's ids.
    Seq,
    /// Hashes of schemas and paths.
    Hash,
    /// Names and tokens that a program made up: of frontends, snapshots, labels.
    Name,
    /// Hosts and ports.
    Host,
}

/// How often a rule excused that two values are not the same text.
pub(crate) type Hits = BTreeMap<&'static str, u64>;

/// Both directions of a pairing.
#[derive(Debug, Default)]
struct Pairs {
    forth: BTreeMap<String, String>,
    back: BTreeMap<String, String>,
}

/// All bindings of a script. A comparison that fails is taken back.
#[derive(Debug, Default)]
pub(crate) struct Bindings {
    pairs: BTreeMap<(char, Kind), Pairs>,
    /// Bound since the beginning, to take back.
    log: Vec<(char, Kind, String, String)>,
    pub(crate) hits: Hits,
}

/// A state to go back to.
#[derive(Debug)]
pub(crate) struct Mark {
    bound: usize,
    hits: Hits,
}

impl Bindings {
    pub(crate) fn mark(&self) -> Mark {
        Mark { bound: self.log.len(), hits: self.hits.clone() }
    }

    pub(crate) fn take_back(&mut self, mark: &Mark) {
        for (cluster, kind, recorded, actual) in self.log.split_off(mark.bound) {
            if let Some(pairs) = self.pairs.get_mut(&(cluster, kind)) {
                pairs.forth.remove(&recorded);
                pairs.back.remove(&actual);
            }
        }
        self.hits.clone_from(&mark.hits);
    }

    /// Whether `actual` stands for `recorded`, from now on if neither is bound yet.
    pub(crate) fn bind(&mut self, cluster: char, kind: Kind, recorded: &str, actual: &str) -> bool {
        let pairs = self.pairs.entry((cluster, kind)).or_default();
        match (pairs.forth.get(recorded), pairs.back.get(actual)) {
            (Some(known), _) => known == actual,
            (None, Some(_)) => false,
            (None, None) => {
                pairs.forth.insert(recorded.to_owned(), actual.to_owned());
                pairs.back.insert(actual.to_owned(), recorded.to_owned());
                self.log.push((cluster, kind, recorded.to_owned(), actual.to_owned()));
                true
            }
        }
    }

    /// Whether `actual` is known to stand for `recorded` as such a value, in this cluster or else in another.
    pub(crate) fn known(&self, cluster: char, kind: Kind, recorded: &str, actual: &str) -> bool {
        self.actual(cluster, kind, recorded) == Some(actual)
    }

    /// What stands for a recorded value.
    pub(crate) fn actual(&self, cluster: char, kind: Kind, recorded: &str) -> Option<&str> {
        let own = self.pairs.get(&(cluster, kind)).and_then(|pairs| pairs.forth.get(recorded));
        let others = self.pairs.iter().filter(|((c, k), _)| *c != cluster && *k == kind);
        own.or_else(|| others.filter_map(|(_, pairs)| pairs.forth.get(recorded)).next()).map(String::as_str)
    }

    /// What stands for a number that no answer has shown: in the same distance from the nearest known one below it, or
    /// else above it. Positions between records are asked for, and ids that the recorder looked up by itself.
    pub(crate) fn near(&self, cluster: char, kind: Kind, recorded: i64) -> i64 {
        let Some(pairs) = self.pairs.get(&(cluster, kind)) else { return recorded };
        let mut known: Vec<(i64, i64)> =
            pairs.forth.iter().filter_map(|(r, a)| Some((r.parse().ok()?, a.parse().ok()?))).collect();
        known.sort_unstable();
        let below = known.iter().rev().find(|(r, _)| *r <= recorded);
        match below.or_else(|| known.first()) {
            Some((r, a)) if recorded > 0 => {
                let near = a + (recorded - r);
                // What lies before a known one must lie before what stands for it.
                let above = known.iter().find(|(r, above)| *r > recorded && above > a && kind == Kind::Seq);
                above.map_or(near, |(_, above)| near.min(above - 1))
            }
            _ => recorded,
        }
    }

    pub(crate) fn hit(&mut self, rule: &'static str) -> bool {
        *self.hits.entry(rule).or_default() += 1;
        true
    }
}
