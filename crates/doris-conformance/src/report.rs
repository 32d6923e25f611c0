//! What came out: a table for people, an object for programs.

use serde_json::{Value, json};

use crate::{
    binding::Hits,
    compare::Difference,
    excuse::Excuses,
    recording::{Recording, short},
    replay::{Outcome, Replayed},
};

/// The results of all scripts.
#[derive(Debug, Default)]
pub(crate) struct Report {
    scripts: Vec<Script>,
    hits: Hits,
}

#[derive(Debug, Default)]
struct Script {
    name: String,
    doris: String,
    equal: usize,
    skipped: usize,
    excused: Vec<Shown>,
    different: Vec<Shown>,
}

/// A step that is not equal.
#[derive(Debug)]
struct Shown {
    at: usize,
    on: String,
    subject: String,
    differences: Vec<Difference>,
}

impl Report {
    pub(crate) fn add(&mut self, recording: &Recording, replayed: Replayed, excuses: &Excuses) {
        let mut script = Script { name: recording.name.clone(), doris: recording.doris.clone(), ..Script::default() };
        for (at, (step, outcome)) in recording.steps.iter().zip(replayed.outcomes).enumerate() {
            match outcome {
                Outcome::Equal => script.equal += 1,
                Outcome::Skipped => script.skipped += 1,
                Outcome::NoStep => {}
                Outcome::Different(differences) => {
                    let excused = excuses.cover(&recording.name, step, &differences);
                    let shown = Shown { at, on: step.on.clone(), subject: step.subject(), differences };
                    if excused { script.excused.push(shown) } else { script.different.push(shown) }
                }
            }
        }
        for (rule, count) in replayed.hits {
            *self.hits.entry(rule).or_default() += count;
        }
        self.scripts.push(script);
    }

    /// Nothing is different.
    pub(crate) fn is_good(&self) -> bool {
        self.scripts.iter().all(|script| script.different.is_empty())
    }

    pub(crate) fn json(&self) -> Value {
        let sum = |count: fn(&Script) -> usize| self.scripts.iter().map(count).sum::<usize>();
        json!({
            "steps": sum(Script::steps),
            "equal": sum(|script| script.equal),
            "excused": sum(|script| script.excused.len()),
            "different": sum(|script| script.different.len()),
            "skipped": sum(|script| script.skipped),
            "scripts": self.scripts.iter().map(Script::json).collect::<Vec<_>>(),
            "rules": self.hits,
        })
    }

    pub(crate) fn print(&self, show: usize, excused: bool) {
        for script in &self.scripts {
            let also = if excused { script.excused.as_slice() } else { &[] };
            for shown in script.different.iter().chain(also).take(show) {
                println!("\n{} step {} on {}: {}", script.name, shown.at, shown.on, short(&shown.subject, 300));
                for Difference { path, recorded, actual } in shown.differences.iter().take(4) {
                    println!("  {path}\n    recorded {}\n    actual   {}", short(recorded, 1500), short(actual, 1500));
                }
                if shown.differences.len() > 4 {
                    println!("  and {} more", shown.differences.len() - 4);
                }
            }
        }
        println!("\n| script | steps | equal | excused | different | skipped |\n|---|---|---|---|---|---|");
        let mut total = Script { name: "all".to_owned(), ..Script::default() };
        let (mut excused, mut different) = (0, 0);
        for script in &self.scripts {
            script.print(script.excused.len(), script.different.len());
            total.equal += script.equal;
            total.skipped += script.skipped;
            excused += script.excused.len();
            different += script.different.len();
        }
        let steps = total.equal + total.skipped + excused + different;
        println!("| all | {steps} | {} | {excused} | {different} | {} |", total.equal, total.skipped);
        println!("\nrules by which two texts that differ were taken for the same:");
        for (rule, count) in &self.hits {
            println!("  {count:>8}  {rule}");
        }
    }
}

impl Script {
    fn steps(&self) -> usize {
        self.equal + self.skipped + self.excused.len() + self.different.len()
    }

    fn print(&self, excused: usize, different: usize) {
        let Self { name, equal, skipped, .. } = self;
        println!("| {name} | {} | {equal} | {excused} | {different} | {skipped} |", self.steps());
    }

    fn json(&self) -> Value {
        json!({
            "name": self.name,
            "doris": self.doris,
            "steps": self.steps(),
            "equal": self.equal,
            "excused": self.excused.len(),
            "different": self.different.len(),
            "skipped": self.skipped,
        })
    }
}
