//! Who else is there, and who should have which job. Decides; changes nothing.
//!
//! A syncer of this program is dead when its lease has ended. A Go program has none: it is dead when its stamp has not changed
//! for the 12 s of its own rule, by the clock of whoever looks - stamps are times of other machines and are never compared
//! with a clock. Jobs are moved to syncers of this program only.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use ccr_store::{ClusterView, Lease};

/// Two of a Go program's ticks and 2 s.
const GO_TIMEOUT: Duration = Duration::from_secs(12);
/// How long a syncer must have been there before jobs are moved to it from living ones.
const SETTLED: Duration = Duration::from_secs(2);

/// What was seen of the others, and since when it has been so.
#[derive(Debug, Default)]
pub(super) struct Peers {
    /// Stamp of an identity without a lease; `None`: it has jobs and no row.
    stamps: BTreeMap<String, (Option<i64>, Duration)>,
    /// Epoch of a living lease.
    epochs: BTreeMap<String, (i64, Duration)>,
}

/// A look at the others.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Look {
    /// Syncers of this program whose leases are alive.
    pub(super) alive: BTreeSet<String>,
    /// Those of them that are there for long enough to be given jobs of others that live, too.
    pub(super) settled: BTreeSet<String>,
    /// Identities that nobody acts as.
    pub(super) dead: BTreeSet<String>,
    /// The highest stamp of a living Go program.
    pub(super) go_stamp_ns: Option<i64>,
}

/// A job and who should have it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Move {
    pub(super) job: String,
    pub(super) from: String,
    pub(super) to: String,
}

/// Whether the row of an identity in table `syncers` was written by a Go program, or by nobody that is known.
pub(super) fn is_foreign(stamp_ns: i64, lease: Option<&Lease>) -> bool {
    stamp_ns != 0 && lease.is_none_or(|lease| lease.stamp_ns != stamp_ns)
}

impl Peers {
    /// Looks at everybody but `me`. `now`: of a clock that never goes back.
    pub(super) fn look(&mut self, view: &ClusterView, me: &str, now: Duration) -> Look {
        let mut look = Look::default();
        let hosts = view.owners.values().chain(view.syncers.keys()).chain(view.leases.keys());
        let hosts: BTreeSet<&String> = hosts.collect();
        let alive = |host: &str| view.leases.get(host).filter(|lease| lease.is_alive());
        self.stamps.retain(|host, _| hosts.contains(host) && alive(host).is_none());
        self.epochs.retain(|host, _| alive(host).is_some());
        for host in hosts {
            let lease = view.leases.get(host);
            if let Some(lease) = alive(host) {
                let (epoch, since) = self.epochs.entry(host.clone()).or_insert((lease.epoch, now));
                if *epoch != lease.epoch {
                    (*epoch, *since) = (lease.epoch, now);
                }
                if now.saturating_sub(*since) >= SETTLED {
                    look.settled.insert(host.clone());
                }
                look.alive.insert(host.clone());
                continue;
            }
            if host == me {
                continue;
            }
            let stamp = view.syncers.get(host).copied();
            let proven = match stamp {
                Some(stamp) => !is_foreign(stamp, lease),
                None => lease.is_some(),
            };
            let (seen, since) = self.stamps.entry(host.clone()).or_insert((stamp, now));
            if *seen != stamp {
                (*seen, *since) = (stamp, now);
            }
            if proven || now.saturating_sub(*since) >= GO_TIMEOUT {
                look.dead.insert(host.clone());
            } else {
                look.go_stamp_ns = look.go_stamp_ns.max(stamp);
            }
        }
        look
    }
}

/// Jobs of the dead, each for the living one that has the fewest.
pub(super) fn takeovers(view: &ClusterView, look: &Look) -> Vec<Move> {
    let orphans = view.owners.iter().filter(|(_, owner)| look.dead.contains(*owner));
    let orphans: Vec<(&String, &String)> = orphans.collect();
    let targets = hand_out(view, &look.alive, orphans.len());
    let moves = orphans.into_iter().zip(targets);
    moves.map(|((job, from), to)| Move { job: job.clone(), from: from.clone(), to }).collect()
}

/// Who gets each of `count` jobs more: always one that has the fewest, by name among equals. Empty if nobody is there.
pub(super) fn hand_out(view: &ClusterView, to: &BTreeSet<String>, count: usize) -> Vec<String> {
    let mut loads = loads(view, to);
    let mut given = Vec::new();
    while given.len() < count {
        let Some((host, load)) = loads.iter_mut().min_by_key(|(_, load)| **load) else { break };
        *load += 1;
        given.push(host.clone());
    }
    given
}

/// Moves that level the syncers that live: from one that has at least two jobs more than another one. All of them come to the
/// same plan; each carries out what begins with itself.
pub(super) fn levelling(view: &ClusterView, look: &Look) -> Vec<Move> {
    let mut loads = loads(view, &look.settled);
    let mut jobs: BTreeMap<&str, Vec<&String>> = BTreeMap::new();
    for (job, owner) in &view.owners {
        jobs.entry(owner).or_default().push(job);
    }
    let mut moves = Vec::new();
    loop {
        let Some((to, least)) = loads.iter().min_by_key(|(_, load)| **load).map(|(host, load)| (host.clone(), *load))
        else {
            return moves;
        };
        let Some((from, most)) = loads.iter().max_by_key(|(_, load)| **load).map(|(host, load)| (host.clone(), *load))
        else {
            return moves;
        };
        let job = if most >= least + 2 { jobs.get_mut(from.as_str()).and_then(Vec::pop) } else { None };
        let Some(job) = job else { return moves };
        *loads.entry(from.clone()).or_default() -= 1;
        *loads.entry(to.clone()).or_default() += 1;
        moves.push(Move { job: job.clone(), from, to });
    }
}

/// How many jobs each of them has.
fn loads(view: &ClusterView, hosts: &BTreeSet<String>) -> BTreeMap<String, usize> {
    let mut loads: BTreeMap<String, usize> = hosts.iter().map(|host| (host.clone(), 0)).collect();
    for owner in view.owners.values() {
        if let Some(load) = loads.get_mut(owner) {
            *load += 1;
        }
    }
    loads
}

#[cfg(test)]
mod tests {
    use super::*;

    const ME: &str = "a:1";

    fn lease(epoch: i64, alive: bool, stamp_ns: i64) -> Lease {
        Lease { epoch, process: "p".to_owned(), remaining_ms: if alive { 1000 } else { -1 }, stamp_ns }
    }

    fn view(owners: &[(&str, &str)], syncers: &[(&str, i64)], leases: &[(&str, Lease)]) -> ClusterView {
        ClusterView {
            now_ms: 0,
            owners: owners.iter().map(|(job, owner)| (job.to_string(), owner.to_string())).collect(),
            syncers: syncers.iter().map(|(host, stamp)| (host.to_string(), *stamp)).collect(),
            leases: leases.iter().map(|(host, lease)| (host.to_string(), lease.clone())).collect(),
        }
    }

    fn dead(peers: &mut Peers, view: &ClusterView, seconds: u64) -> Vec<String> {
        peers.look(view, ME, Duration::from_secs(seconds)).dead.into_iter().collect()
    }

    fn moves(moves: &[Move]) -> Vec<(&str, &str, &str)> {
        moves.iter().map(|m| (m.job.as_str(), m.from.as_str(), m.to.as_str())).collect()
    }

    #[test]
    fn a_syncer_of_this_program_is_dead_with_its_lease() {
        let mut peers = Peers::default();
        let mine = (ME, lease(1, true, 5));
        for (stamp, written, expected) in [
            (Some(7), 7, vec!["b:1".to_owned()]),
            // It said good-bye.
            (Some(0), 0, vec!["b:1".to_owned()]),
            (None, 7, vec!["b:1".to_owned()]),
            // Somebody else wrote there since: a Go program of the same identity?
            (Some(8), 7, vec![]),
        ] {
            let rows: Vec<(&str, i64)> = stamp.iter().map(|stamp| ("b:1", *stamp)).collect();
            let leases = [mine.clone(), ("b:1", lease(1, false, written))];
            assert_eq!(dead(&mut peers, &view(&[("j", "b:1")], &rows, &leases), 0), expected, "{stamp:?}");
            let leases = [mine.clone(), ("b:1", lease(1, true, written))];
            assert!(dead(&mut peers, &view(&[("j", "b:1")], &rows, &leases), 100).is_empty(), "its lease is alive");
        }
    }

    #[test]
    fn a_go_program_is_dead_after_12_seconds_without_a_change_whatever_its_clock_says() {
        for offset in [0, 3_600_000_000_000, -3_600_000_000_000] {
            let mut peers = Peers::default();
            let stamped = |stamp: i64| view(&[("j", "g:1")], &[("g:1", offset + stamp)], &[(ME, lease(1, true, 5))]);
            assert!(dead(&mut peers, &stamped(1), 0).is_empty());
            assert!(dead(&mut peers, &stamped(1), 11).is_empty());
            assert!(dead(&mut peers, &stamped(2), 12).is_empty(), "it wrote");
            assert_eq!(peers.look(&stamped(2), ME, Duration::from_secs(13)).go_stamp_ns, Some(offset + 2));
            assert!(dead(&mut peers, &stamped(2), 23).is_empty());
            assert_eq!(dead(&mut peers, &stamped(2), 24), ["g:1"]);
        }
    }

    #[test]
    fn jobs_whose_owner_nobody_knows_are_taken_in_the_end() {
        let mut peers = Peers::default();
        let view = view(&[("j", "x:1"), ("k", "")], &[], &[(ME, lease(1, true, 5))]);
        assert!(dead(&mut peers, &view, 0).is_empty());
        assert_eq!(dead(&mut peers, &view, 12), ["", "x:1"]);
    }

    #[test]
    fn jobs_of_the_dead_go_to_those_who_have_the_fewest() {
        let owners =
            [("1", "a:1"), ("2", "a:1"), ("3", "b:1"), ("4", "d:1"), ("5", "d:1"), ("6", "d:1"), ("7", "go:1")];
        let leases = [
            ("a:1", lease(1, true, 5)),
            ("b:1", lease(1, true, 5)),
            ("c:1", lease(1, true, 5)),
            ("d:1", lease(1, false, 5)),
        ];
        let view = view(&owners, &[("d:1", 5), ("go:1", 9)], &leases);
        let look = Peers::default().look(&view, ME, Duration::ZERO);
        assert_eq!(
            moves(&takeovers(&view, &look)),
            [("4", "d:1", "c:1"), ("5", "d:1", "b:1"), ("6", "d:1", "c:1")],
            "the Go program lives, and gets none"
        );
        assert!(levelling(&view, &look).is_empty(), "nobody is settled yet");
        assert!(hand_out(&view, &BTreeSet::new(), 3).is_empty());
    }

    #[test]
    fn living_syncers_are_levelled_once_they_are_settled() {
        let owners: Vec<(String, &str)> = (0..7).map(|n| (format!("j{n}"), "a:1")).collect();
        let owners: Vec<(&str, &str)> = owners.iter().map(|(job, owner)| (job.as_str(), *owner)).collect();
        let leases = |epoch| [("a:1", lease(1, true, 5)), ("b:1", lease(epoch, true, 5)), ("c:1", lease(1, true, 5))];
        let mut peers = Peers::default();
        peers.look(&view(&owners, &[], &leases(1)), ME, Duration::ZERO);
        let view = view(&owners, &[], &leases(2));
        let look = peers.look(&view, ME, Duration::from_secs(3));
        assert_eq!(look.settled, BTreeSet::from(["a:1".to_owned(), "c:1".to_owned()]), "b has begun anew");
        let look = peers.look(&view, ME, Duration::from_secs(5));
        assert_eq!(
            moves(&levelling(&view, &look)),
            [("j6", "a:1", "b:1"), ("j5", "a:1", "c:1"), ("j4", "a:1", "b:1"), ("j3", "a:1", "c:1")]
        );
    }
}
