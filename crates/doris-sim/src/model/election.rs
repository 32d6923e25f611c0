//! Who is master: elections, and what a new master does not know.
//!
//! Followers notice the death of the master after a moment; until then they name and ask the dead one. Then they choose
//! another one, which first has to open its journal: it is known as the master and refuses everything. All of that was
//! seen when a master of three was killed (1.6 s until the next one answered).

use super::{Answer, Model, Refusal, frontend::FrontendRole};

/// Ids are journaled in batches.
pub(super) const ID_BATCH: i64 = 1000;

/// How long the steps of an election take, from the death of the master on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ElectionTimes {
    /// Until connections to the dead master are given up.
    pub noticed_ms: i64,
    /// Until the next master is chosen.
    pub elected_ms: i64,
    /// Until it answers.
    pub ready_ms: i64,
}

impl Default for ElectionTimes {
    fn default() -> Self {
        Self { noticed_ms: 400, elected_ms: 1200, ready_ms: 1650 }
    }
}

/// The master is gone, and another one is not ready.
#[derive(Clone, Debug)]
pub(crate) struct Election {
    /// The former master.
    old: Option<usize>,
    since_ms: i64,
    /// Whoever it will be; `None`: too few followers live.
    next: Option<usize>,
}

/// What an FE knows of the master.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MasterView {
    /// It is the master itself.
    Itself,
    /// Another one is.
    Other(usize),
    /// That one is dead, which has not been noticed; a connection to it is being reset, or was reset before.
    Dead { master: usize, first: bool },
    /// Nobody is; this one was.
    Gone { former: Option<usize> },
    /// It was chosen itself, and is not ready.
    Becoming,
    /// That one was chosen, and is not ready.
    NotReady(usize),
}

impl Model {
    /// What an FE knows of the master.
    pub fn master_seen_by(&self, fe: usize) -> MasterView {
        let Some(election) = &self.election else {
            return match self.master {
                Some(master) if master == fe => MasterView::Itself,
                Some(master) if self.frontends.get(master).is_some_and(|fe| fe.alive) => MasterView::Other(master),
                Some(master) => MasterView::Dead { master, first: true },
                None => MasterView::Gone { former: None },
            };
        };
        let (times, passed) = (self.options.election, self.now_ms - election.since_ms);
        match (election.old, election.next) {
            (Some(master), _) if passed < times.noticed_ms => {
                MasterView::Dead { master, first: passed < times.noticed_ms / 2 }
            }
            (_, Some(next)) if passed >= times.elected_ms && next == fe => MasterView::Becoming,
            (_, Some(next)) if passed >= times.elected_ms => MasterView::NotReady(next),
            (former, _) => MasterView::Gone { former },
        }
    }

    /// Begins an election if the master does not live, or has no majority of the followers any more.
    pub(super) fn elect_if_needed(&mut self, died: Option<usize>) {
        let followers = || self.frontends.iter().enumerate().filter(|(_, fe)| fe.role == FrontendRole::Follower);
        let living: Vec<usize> = followers().filter(|(_, fe)| fe.alive).map(|(n, _)| n).collect();
        let quorum = living.len() * 2 > followers().count();
        let master_is_well =
            quorum && self.election.is_none() && self.master.is_some_and(|master| living.contains(&master));
        if master_is_well {
            return;
        }
        if self.master.is_none() && self.election.is_none() {
            // Somebody holds it open with `set_master(None)`.
            return;
        }
        let next = match &self.election {
            Some(Election { next: Some(next), .. }) if quorum && living.contains(next) => return,
            _ if quorum => self.draw_master(&living),
            _ => None,
        };
        let old =
            died.filter(|died| self.master == Some(*died)).or(self.master).or(self.election.take().and_then(|e| e.old));
        self.master = None;
        self.election = Some(Election { old, since_ms: self.now_ms, next });
    }

    fn draw_master(&mut self, living: &[usize]) -> Option<usize> {
        use rand::RngExt as _;
        match living {
            [] => None,
            [only] => Some(*only),
            many => many.get(self.rng.random_range(0..many.len())).copied(),
        }
    }

    /// When the running election ends. Its steps before are only looked at.
    pub(super) fn next_election_ms(&self) -> Option<i64> {
        let election = self.election.as_ref()?;
        let times = self.options.election;
        let steps = [times.noticed_ms, times.elected_ms, times.ready_ms];
        let at = |step: &i64| election.since_ms.saturating_add(*step);
        match election.next {
            Some(_) => steps.iter().map(at).find(|at| *at > self.now_ms).or_else(|| Some(at(&times.ready_ms))),
            None => None,
        }
    }

    /// The chosen one becomes master once it is ready.
    pub(super) fn finish_election(&mut self) {
        let Some(Election { next: Some(next), since_ms, .. }) = self.election else { return };
        if since_ms.saturating_add(self.options.election.ready_ms) <= self.now_ms {
            self.set_master(Some(next));
        }
    }

    /// Decides a running election: this FE will be the master.
    ///
    /// # Errors
    /// No election is going on, or the FE cannot be master.
    pub fn elect(&mut self, index: usize) -> Answer<()> {
        let fits = self.frontends.get(index).is_some_and(|fe| fe.alive && fe.role == FrontendRole::Follower);
        match &mut self.election {
            Some(election) if fits => {
                election.next = Some(index);
                Ok(())
            }
            _ => Err(Refusal::analysis(format!("frontend {index} cannot be elected"))),
        }
    }

    /// Makes another FE the master (`None`: an election goes on), or restarts the one that is. What was not journaled is
    /// gone: PREPARE transactions, binlog locks, status texts of jobs and their steps in between; ids jump to the end of
    /// their batch. The snapshots of another FE cannot be had from this one.
    pub fn set_master(&mut self, index: Option<usize>) {
        self.election = None;
        self.master = index.filter(|n| *n < self.frontends.len());
        for id in self.active_txns.clone() {
            self.lose_prepared(id);
        }
        // When something was published is not journaled (seen).
        self.txns.values_mut().filter(|txn| txn.state.is_final()).for_each(|txn| txn.published_ms = None);
        for store in self.binlogs.values_mut() {
            store.stream.locks.clear();
            store.tables.values_mut().for_each(|stream| stream.locks.clear());
        }
        if self.master.is_some() {
            self.publisher_fails = false;
            self.resume_jobs();
            self.resume_alter_jobs();
            self.ids.jump();
            self.next_txn += ID_BATCH - self.next_txn % ID_BATCH;
            self.journal();
            // A new master asks everybody at once.
            self.heartbeat();
        }
    }
}
