//! `ccr-sim run`.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::atomic::{AtomicU64, Ordering},
    time::Instant,
};

use ccr_simtest::day::{
    self, Outcome,
    mishap::Mishap,
    plan::{Plan, Profile},
    shrink::shrink,
};
use serde_json::{Value, json};

use super::on_threads;

/// Runs days from seeds. A day that fails is shown with its trace and the command that repeats it.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// How many seeds.
    #[arg(long, default_value_t = 500)]
    seeds: u64,
    /// One seed, with its trace.
    #[arg(long)]
    seed: Option<u64>,
    /// First of the seeds.
    #[arg(long, default_value_t = 1)]
    first: u64,
    /// So many seeds more, of a range that nobody chose; it is printed.
    #[arg(long, default_value_t = 0)]
    fresh: u64,
    /// What the days are mostly about; else each profile in turn.
    #[arg(long)]
    profile: Option<Profile>,
    /// Only these steps of the day of --seed.
    #[arg(long, value_delimiter = ',')]
    keep: Option<Vec<usize>>,
    /// Leave out steps of a day that fails, as long as it fails (so many days at most).
    #[arg(long, default_value_t = 0)]
    shrink: usize,
    /// Threads.
    #[arg(long, default_value_t = 2)]
    jobs: usize,
    /// The trace of --seed even if all is well.
    #[arg(long)]
    trace: bool,
    /// One JSON object on stdout instead of lines.
    #[arg(long)]
    json: bool,
}

/// How the day of a seed went.
struct Ran {
    plan: Plan,
    outcome: anyhow::Result<Outcome>,
}

impl Options {
    fn plan(&self, seed: u64) -> Plan {
        let plan = Plan::new(seed, self.profile.unwrap_or_else(|| Profile::of_seed(seed)));
        match &self.keep {
            Some(kept) => plan.only(kept),
            None => plan,
        }
    }
}

pub(crate) fn run(options: &Options) -> anyhow::Result<bool> {
    let begun = Instant::now();
    let mut seeds: Vec<u64> = match options.seed {
        Some(seed) => vec![seed],
        None => (options.first..options.first.saturating_add(options.seeds)).collect(),
    };
    if options.fresh > 0 && options.seed.is_none() {
        let first = fresh_range();
        eprintln!("ccr-sim: fresh seeds: --first {first} --seeds {}", options.fresh);
        seeds.extend(first..first + options.fresh);
    }
    let alone = options.seed.is_some();
    let done = AtomicU64::new(0);
    let work = |seed: &u64| {
        let plan = options.plan(*seed);
        let (outcome, trace) = day::run(&plan, alone);
        if alone && (outcome.is_err() || options.trace) && !options.json {
            for line in trace {
                println!("{line}");
            }
        }
        Ran { plan, outcome }
    };
    let say = |ran: &Ran| {
        let done = done.fetch_add(1, Ordering::Relaxed) + 1;
        if let Err(error) = &ran.outcome {
            eprintln!(
                "seed {} ({}) FAILED: {error:#}\n  again: {}",
                ran.plan.seed,
                ran.plan.profile.name(),
                again(&ran.plan, options)
            );
        } else if done.is_multiple_of(100) {
            eprintln!("ccr-sim: {done} days");
        }
    };
    let ran = on_threads(options.jobs, &seeds, work, say);
    if options.shrink > 0 {
        for ran in ran.iter().filter(|ran| ran.outcome.is_err()).take(3) {
            shrunk(ran, options);
        }
    }
    let summary = summary(&ran, begun.elapsed().as_secs_f64());
    if options.json {
        println!("{summary}");
    } else {
        report(&ran, &summary);
    }
    Ok(summary["failed"] == 0)
}

/// A range that differs from run to run; outside of a simulation only.
fn fresh_range() -> u64 {
    use std::hash::{BuildHasher as _, Hasher as _};
    1_000_000 + std::collections::hash_map::RandomState::new().build_hasher().finish() % 1_000_000_000
}

fn again(plan: &Plan, options: &Options) -> String {
    let keep = options.keep.as_ref().map(|kept| format!(" --keep {}", numbers(kept))).unwrap_or_default();
    format!("cargo xtask sim --seed {} --profile {}{keep}", plan.seed, plan.profile.name())
}

fn numbers(kept: &[usize]) -> String {
    kept.iter().map(ToString::to_string).collect::<Vec<_>>().join(",")
}

fn shrunk(ran: &Ran, options: &Options) {
    let Err(error) = &ran.outcome else { return };
    let (kept, days) = shrink(&ran.plan, &format!("{error:#}"), options.shrink);
    let (plan, name) = (&ran.plan, ran.plan.profile.name());
    eprintln!(
        "seed {}: {} of {} steps are enough ({days} days): cargo xtask sim --seed {} --profile {name} --keep {}",
        plan.seed,
        kept.len(),
        plan.steps.len(),
        plan.seed,
        numbers(&kept)
    );
}

fn sum<K: Ord + Clone>(total: &mut BTreeMap<K, u64>, counts: &BTreeMap<K, u64>) {
    for (key, count) in counts {
        *total.entry(key.clone()).or_default() += count;
    }
}

/// Least, median and most.
fn spread(mut numbers: Vec<u64>) -> Value {
    numbers.sort_unstable();
    let at = |part: usize| numbers.get((numbers.len().saturating_sub(1)) * part / 2).copied().unwrap_or_default();
    json!({"least": at(0), "median": at(1), "most": at(2)})
}

fn summary(ran: &[Ran], seconds: f64) -> Value {
    let good: Vec<&Outcome> = ran.iter().filter_map(|ran| ran.outcome.as_ref().ok()).collect();
    let (mut mishaps, mut changes) = (BTreeMap::new(), BTreeMap::new());
    let (mut retries, mut full_syncs) = (BTreeMap::new(), BTreeMap::new());
    let (mut coverage, mut crash_points) = (BTreeSet::new(), BTreeSet::new());
    for outcome in &good {
        sum(&mut mishaps, &outcome.mishaps);
        sum(&mut changes, &outcome.changes);
        sum(&mut retries, &outcome.retries);
        sum(&mut full_syncs, &outcome.full_syncs);
        coverage.extend(outcome.coverage.iter().cloned());
        crash_points.extend(outcome.crash_points.iter().copied());
    }
    let of = |count: fn(&Outcome) -> u64| spread(good.iter().map(|outcome| count(outcome)).collect());
    let never: Vec<&str> =
        Mishap::ALL.iter().map(|mishap| mishap.label()).filter(|label| !mishaps.contains_key(*label)).collect();
    json!({
        "seeds": ran.len(),
        "failed": ran.len() - good.len(),
        "seconds": (seconds * 100.0).round() / 100.0,
        "worlds_per_s": (ran.len() as f64 / seconds * 100.0).round() / 100.0,
        "fault_kinds": mishaps.len(),
        "faults": mishaps,
        "never_happened": never,
        "changes": changes,
        "transactions": of(|outcome| outcome.transactions),
        "changes_per_world": of(|outcome| outcome.changes.values().sum()),
        "faults_per_world": of(|outcome| outcome.mishaps.values().sum()),
        "kills": good.iter().map(|outcome| outcome.kills).sum::<u64>(),
        "refused": good.iter().map(|outcome| outcome.refused).sum::<u64>(),
        "looks": good.iter().map(|outcome| outcome.looks).sum::<u64>(),
        "phases_with_faults": coverage.len(),
        "coverage": coverage.iter().fold(BTreeMap::<&str, Vec<&str>>::new(), |mut phases, (phase, fault)| {
            phases.entry(phase).or_default().push(fault);
            phases
        }),
        "crash_points": crash_points,
        "retries": retries.iter().map(|(code, count)| (code.to_string(), *count)).collect::<BTreeMap<_, _>>(),
        "full_syncs": full_syncs.iter().map(|(cause, count)| (cause.label(), *count)).collect::<BTreeMap<_, _>>(),
        "failures": ran.iter().filter_map(|ran| {
            let error = ran.outcome.as_ref().err()?;
            Some(json!({"seed": ran.plan.seed, "profile": ran.plan.profile.name(), "why": format!("{error:#}")}))
        }).collect::<Vec<_>>(),
        "hash": format!("{:016x}", good.iter().fold(0u64, |all, outcome| all.rotate_left(7) ^ outcome.hash)),
    })
}

fn report(ran: &[Ran], summary: &Value) {
    for key in ["faults", "changes", "retries", "full_syncs", "crash_points", "never_happened"] {
        println!("{key}: {}", summary[key]);
    }
    if let Some(phases) = summary["coverage"].as_object() {
        for (phase, faults) in phases {
            println!("in phase {phase}: {} kinds of mishaps", faults.as_array().map_or(0, Vec::len));
        }
    }
    for key in ["transactions", "changes_per_world", "faults_per_world"] {
        println!("{key}: {}", summary[key]);
    }
    println!(
        "{} seeds, {} failed, {} s, {} worlds/s, {} kinds of faults, {} kills, hash {}",
        ran.len(),
        summary["failed"],
        summary["seconds"],
        summary["worlds_per_s"],
        summary["fault_kinds"],
        summary["kills"],
        summary["hash"].as_str().unwrap_or_default()
    );
}
