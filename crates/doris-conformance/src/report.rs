//! What came out: a table for people, an object for programs.

use std::collections::BTreeMap;

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
                // How many answers a recorder met while it polled is a matter of timing.
                Outcome::Missed => {
                    let shown = Shown { at, on: step.on.clone(), subject: step.subject(), differences: Vec::new() };
                    script.excused.push(shown);
                }
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

    /// Scripts with more differences than are known, or with any if they are not known at all.
    pub(crate) fn worse_than(&self, known: &BTreeMap<&str, usize>) -> Vec<&str> {
        let allowed = |script: &Script| known.get(script.name.as_str()).copied().unwrap_or_default();
        let worse = self.scripts.iter().filter(|script| script.different.len() > allowed(script));
        worse.map(|script| script.name.as_str()).collect()
    }

    /// One row a script, and their sum.
    pub(crate) fn table(&self) -> String {
        let mut table =
            "| script | steps | equal | excused | different | skipped |\n|---|---|---|---|---|---|\n".to_owned();
        let mut sum = [0; 5];
        for script in &self.scripts {
            let row = [script.steps(), script.equal, script.excused.len(), script.different.len(), script.skipped];
            sum.iter_mut().zip(row).for_each(|(sum, cell)| *sum += cell);
            table += &line(&script.name, row);
        }
        table + &line("all", sum)
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
        println!("\n{}", self.table());
        println!("\nrules by which two texts that differ were taken for the same:");
        for (rule, count) in &self.hits {
            println!("  {count:>8}  {rule}");
        }
    }
}

fn line(name: &str, [steps, equal, excused, different, skipped]: [usize; 5]) -> String {
    format!("| {name} | {steps} | {equal} | {excused} | {different} | {skipped} |\n")
}

impl Script {
    fn steps(&self) -> usize {
        self.equal + self.skipped + self.excused.len() + self.different.len()
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
