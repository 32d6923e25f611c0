//! What happens on a day, all of it from one seed, before anything happens. Steps can be left out without changing what the
//! others do: each has its own randomness.

use ccr_engine::Rng as _;

use super::{desk::Model, mishap::Mishap};
use crate::{faults::FaultRates, host::SeededRng};

/// What a day is mostly about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, clap::ValueEnum)]
pub enum Profile {
    /// Rows, now and then a change, now and then a fault.
    Steady,
    /// Changes of tables all the time.
    DdlStorm,
    /// Tables and partitions are emptied, overwritten and replaced.
    SwapStorm,
    /// Frontends, backends and the syncer die.
    Failover,
    /// A cluster is away for a long time.
    LongOutage,
    /// Everything piles up while the jobs are paused.
    HugeBacklog,
}

impl Profile {
    pub const ALL: [Self; 6] =
        [Self::Steady, Self::DdlStorm, Self::SwapStorm, Self::Failover, Self::LongOutage, Self::HugeBacklog];

    /// The profile of a seed for which none was chosen.
    pub fn of_seed(seed: u64) -> Self {
        Self::ALL[(seed % Self::ALL.len() as u64) as usize]
    }

    /// As the command line has it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Steady => "steady",
            Self::DdlStorm => "ddl-storm",
            Self::SwapStorm => "swap-storm",
            Self::Failover => "failover",
            Self::LongOutage => "long-outage",
            Self::HugeBacklog => "huge-backlog",
        }
    }
}

/// One of the two clusters.
#[derive(Clone, Copy, Debug)]
pub struct ClusterShape {
    pub frontends: usize,
    pub backends: usize,
    /// Of each tablet.
    pub replicas: usize,
}

/// What is there when the day begins.
#[derive(Clone, Debug)]
pub struct Shape {
    pub source: ClusterShape,
    pub dest: ClusterShape,
    /// `2.1`, `3.0` or `4.1`, of both.
    pub version: &'static str,
    /// Each has a job.
    pub tables: Vec<TableShape>,
}

#[derive(Clone, Copy, Debug)]
pub struct TableShape {
    pub model: Model,
    pub buckets: u64,
}

/// What a step does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Rows of the source.
    Write(super::desk::Write),
    /// A change of a source table.
    Change(super::desk::Change),
    /// A request to a job.
    Order(Order),
    Mishap(Mishap),
}

/// Requests of an operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Order {
    Pause,
    Resume,
    FullSync,
    /// Deleted and created again.
    Anew,
}

/// One thing that happens.
#[derive(Clone, Copy, Debug)]
pub struct Step {
    /// Pause before it.
    pub gap_ms: u64,
    pub action: Action,
    /// Which of the tables it concerns.
    pub table: usize,
    /// Seed of everything else about it.
    pub roll: u64,
}

/// A whole day.
#[derive(Clone, Debug)]
pub struct Plan {
    pub seed: u64,
    pub profile: Profile,
    pub shape: Shape,
    pub rates: FaultRates,
    pub steps: Vec<Step>,
}

impl Plan {
    /// The day of a seed.
    pub fn new(seed: u64, profile: Profile) -> Self {
        let rng = SeededRng::new(seed, 2);
        let shape = shape(&rng);
        let day = Weights::of(profile);
        let quiet = profile == Profile::HugeBacklog;
        let scale = if rng.chance(100) { 0 } else { 1 };
        let rates = FaultRates {
            unreachable: scale * rng.below(10),
            lost_request: scale * rng.below(12),
            lost_reply: scale * rng.below(20),
            late: scale * rng.below(12),
            slow_reply: scale * rng.below(15),
            duplicate: scale * rng.below(8),
            hang: scale * rng.below(3),
        };
        let mut steps = Vec::new();
        let mut add = |gap_ms: u64, action: Action| {
            let table = rng.below(shape.tables.len() as u64) as usize;
            steps.push(Step { gap_ms, action, table, roll: rng.next_u64() });
        };
        if quiet {
            for _ in 0..4 {
                add(50, Action::Order(Order::Pause));
            }
        }
        let count = day.steps + rng.below(40);
        for at in 0..count {
            let gap = if quiet { rng.below(8) } else { rng.below(day.gap_ms) };
            let roll = rng.below(1000);
            let action = if roll < day.changes {
                Action::Change(pick(&rng, super::desk::Change::weights(profile)))
            } else if roll < day.changes + day.orders {
                Action::Order(pick(
                    &rng,
                    &[(Order::Pause, 4), (Order::Resume, 5), (Order::FullSync, 1), (Order::Anew, 1)],
                ))
            } else if roll < day.changes + day.orders + day.mishaps {
                Action::Mishap(pick(&rng, &Mishap::weights(profile)))
            } else {
                Action::Write(pick(&rng, super::desk::Write::weights(profile)))
            };
            // Nothing goes wrong before there is something to go wrong.
            let early = at < 4 && !matches!(action, Action::Write(_));
            add(gap, if early { Action::Write(super::desk::Write::Insert) } else { action });
        }
        Self { seed, profile, shape, rates, steps }
    }
}

/// Of a thousand steps.
struct Weights {
    steps: u64,
    gap_ms: u64,
    changes: u64,
    orders: u64,
    mishaps: u64,
}

impl Weights {
    fn of(profile: Profile) -> Self {
        let (steps, gap_ms, changes, orders, mishaps) = match profile {
            Profile::Steady => (240, 200, 50, 10, 50),
            Profile::DdlStorm => (260, 150, 200, 10, 50),
            Profile::SwapStorm => (260, 150, 120, 10, 50),
            Profile::Failover => (250, 250, 45, 8, 120),
            Profile::LongOutage => (240, 300, 50, 10, 60),
            Profile::HugeBacklog => (330, 10, 60, 0, 40),
        };
        Self { steps, gap_ms, changes, orders, mishaps }
    }
}

fn shape(rng: &SeededRng) -> Shape {
    let version = match rng.below(10) {
        0 => "2.1",
        1 => "3.0",
        _ => "4.1",
    };
    let cluster = || {
        let backends = pick(rng, &[(1, 3), (2, 4), (3, 3), (4, 1), (5, 1)]);
        let frontends = pick(rng, &[(1, 3), (2, 1), (3, 5), (4, 1), (5, 1)]);
        ClusterShape { frontends, backends, replicas: 1 + rng.below(backends.min(3) as u64) as usize }
    };
    let (mut source, mut dest) = (cluster(), cluster());
    // A restored table has as many replicas as the source's.
    source.replicas = source.replicas.min(dest.backends);
    dest.replicas = source.replicas;
    let tables = (0..pick(rng, &[(1, 5), (2, 3), (3, 1), (4, 1)]))
        .map(|_| TableShape {
            model: pick(rng, &[(Model::Duplicate, 4), (Model::Unique, 3), (Model::Aggregate, 2)]),
            buckets: 1 + rng.below(3),
        })
        .collect();
    Shape { source, dest, version, tables }
}

/// One of the choices, by their weights.
pub(super) fn pick<T: Copy>(rng: &SeededRng, choices: &[(T, u64)]) -> T {
    let mut roll = rng.below(choices.iter().map(|(_, weight)| weight).sum());
    for (choice, weight) in choices {
        if roll < *weight {
            return *choice;
        }
        roll -= weight;
    }
    choices[0].0
}

impl Plan {
    /// The same day with these steps alone. A step that stays happens at the time that it would have.
    pub fn only(&self, kept: &[usize]) -> Self {
        let mut steps = Vec::new();
        let mut gap_ms = 0;
        for (at, step) in self.steps.iter().enumerate() {
            gap_ms += step.gap_ms;
            if kept.contains(&at) {
                steps.push(Step { gap_ms, ..*step });
                gap_ms = 0;
            }
        }
        Self { steps, ..self.clone() }
    }
}
