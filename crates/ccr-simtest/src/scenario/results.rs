//! The table of results, and what a run is held against.

use std::{collections::BTreeSet, time::Duration};

use serde_json::{Value, json};

use super::{Scenario, play::Played};

/// How all kinds of one scenario went.
#[derive(Clone, Debug)]
pub struct Result {
    pub name: String,
    pub played: Vec<Played>,
    pub took: Duration,
}

impl Result {
    pub fn new(scenario: &Scenario, played: Vec<Played>, took: Duration) -> Self {
        Self { name: scenario.name.clone(), played, took }
    }

    /// With every kind of job.
    pub fn passed(&self) -> bool {
        self.played.iter().all(|played| played.failure.is_none())
    }

    /// `db ok, table failed`.
    fn kinds(&self) -> String {
        let kind =
            |played: &Played| format!("{} {}", played.kind, if played.failure.is_none() { "ok" } else { "failed" });
        self.played.iter().map(kind).collect::<Vec<_>>().join(", ")
    }

    fn word(&self) -> &'static str {
        if self.passed() { "passed" } else { "failed" }
    }
}

/// The lines of the table: name, result, by kind, seconds.
pub fn table(results: &[Result]) -> String {
    let width = results.iter().map(|result| result.name.len()).max().unwrap_or_default();
    let mut text = String::new();
    for result in results {
        text += &format!(
            "{:width$}  {}  {:6.2} s  {}\n",
            result.name,
            result.word(),
            result.took.as_secs_f64(),
            result.kinds()
        );
    }
    text
}

/// `N passed, N failed` of one kind after the other.
pub fn summary(results: &[Result], took: Duration) -> Value {
    let passed = results.iter().filter(|result| result.passed()).count();
    json!({
        "scenarios": results.len(),
        "passed": passed,
        "failed": results.len() - passed,
        "seconds": (took.as_secs_f64() * 100.0).round() / 100.0,
        "results": results.iter().map(|result| json!({
            "name": result.name,
            "passed": result.passed(),
            "seconds": (result.took.as_secs_f64() * 1000.0).round() / 1000.0,
            "kinds": result.played.iter().map(|played| json!({
                "kind": played.kind.to_string(), "failure": played.failure,
            })).collect::<Vec<_>>(),
        })).collect::<Vec<_>>(),
    })
}

/// The file that later runs are held against.
pub fn kept(results: &[Result]) -> String {
    let passed = results.iter().filter(|result| result.passed()).count();
    let mut text = format!(
        "# Scenarios\n\nWhat `cargo xtask scenarios --keep` found: {passed} of {} pass. The command fails if one that passed fails. A scenario passes\n\
         when it does with each kind of job that it is written for.\n\n| scenario | result | kinds |\n|---|---|---|\n",
        results.len()
    );
    for result in results {
        text += &format!("| {} | {} | {} |\n", result.name, result.word(), result.kinds());
    }
    text
}

/// `name kind` of everything that passes by the file.
fn known(kept: &str) -> BTreeSet<String> {
    let mut known = BTreeSet::new();
    for line in kept.lines() {
        let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
        let [name, _, kinds] = cells.as_slice() else { continue };
        for kind in kinds.split(", ").filter_map(|kind| kind.strip_suffix(" ok")) {
            known.insert(format!("{name} {kind}"));
        }
    }
    known
}

/// What passes by the file and does not any more.
pub fn worse(results: &[Result], kept: &str) -> Vec<String> {
    let known = known(kept);
    let failed = |result: &Result| {
        let failed = result.played.iter().filter(|played| played.failure.is_some());
        failed.map(|played| format!("{} {}", result.name, played.kind)).collect::<Vec<_>>()
    };
    results.iter().flat_map(failed).filter(|name| known.contains(name)).collect()
}

#[cfg(test)]
mod tests {
    use super::{super::Kind, *};

    fn result(name: &str, kinds: &[(Kind, bool)]) -> Result {
        let played = kinds.iter().map(|(kind, ok)| Played { kind: *kind, failure: (!ok).then(|| "no".to_owned()) });
        Result { name: name.to_owned(), played: played.collect(), took: Duration::ZERO }
    }

    #[test]
    fn what_passed_may_not_fail() {
        let before = kept(&[result("a", &[(Kind::Db, false), (Kind::Table, true)]), result("b", &[(Kind::Db, true)])]);
        let now = [result("a", &[(Kind::Db, false), (Kind::Table, false)]), result("b", &[(Kind::Db, true)])];
        assert_eq!(worse(&now, &before), ["a table"]);
        let now = [result("a", &[(Kind::Db, true), (Kind::Table, true)]), result("c", &[(Kind::Db, false)])];
        assert!(worse(&now, &before).is_empty());
        assert_eq!(summary(&now, Duration::ZERO)["failed"], 1);
    }
}
