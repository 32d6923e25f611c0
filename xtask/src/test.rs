//! `cargo xtask test`: what CI runs. Format, lints, every test of the workspace, the simulator against recordings where
//! there are any, and a closing line that counts.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::step::{Outcome, Output, Step};
use crate::{Command, check, conformance, only_flag, simulation, tools};

pub(crate) const COMMAND: Command =
    Command { name: "test", options: "[--json]", about: "Format, lints and all tests; ends with the counts", run };

/// A failure in one test program does not hide the results of the others.
const TEST: Step<'static> = Step { name: "test", arguments: &["test", "--workspace", "--no-fail-fast"] };

fn run(arguments: &[String]) -> ExitCode {
    let json = match only_flag("test", Some("--json"), arguments) {
        Ok(json) => json,
        Err(usage) => return usage,
    };
    let output = if json { Output::Stderr } else { Output::Stdout };
    let begun = Instant::now();
    let mut report = Report::default();

    let provided = tools::provide();
    if let Err(reason) = &provided {
        eprintln!("xtask test: {reason}");
    }
    report.add(Outcome { name: "tools", ok: provided.is_ok(), took: begun.elapsed() });
    if provided.is_ok() {
        tools::provide_for_tests();
        report.add(check::FORMAT.run(output, |_| {}));
        report.add(check::LINT.run(output, |_| {}));
        let mut counts = Counts::default();
        let outcome = TEST.run(output, |line| counts.add_line(line));
        report.counts = counts;
        report.add(outcome);
        report.add(conformance::REPLAY.run(output, |_| {}));
        report.add(simulation::PLAY.run(output, |_| {}));
    }

    let failed_steps = report.failed_steps();
    if !failed_steps.is_empty() {
        eprintln!("xtask test: failed: {}", failed_steps.join(", "));
    }
    if json {
        println!("{}", report.json(begun.elapsed()));
    } else {
        println!("{}", report.closing_line());
    }
    if failed_steps.is_empty() && report.counts.failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Sums over the `test result:` lines of test programs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Counts {
    passed: u64,
    failed: u64,
    ignored: u64,
}

impl Counts {
    /// Adds a line such as `test result: ok. 5 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.00s`;
    /// other lines count nothing.
    fn add_line(&mut self, line: &str) {
        let Some(result) = line.strip_prefix("test result: ") else { return };
        let Some((_, counts)) = result.split_once(". ") else { return };
        for count in counts.split("; ") {
            let Some((number, what)) = count.split_once(' ') else { continue };
            let sum = match what {
                "passed" => &mut self.passed,
                "failed" => &mut self.failed,
                "ignored" => &mut self.ignored,
                _ => continue,
            };
            *sum += number.parse::<u64>().unwrap_or_default();
        }
    }
}

#[derive(Debug, Default)]
struct Report {
    counts: Counts,
    steps: Vec<Outcome>,
}

impl Report {
    fn add(&mut self, outcome: Outcome) {
        self.steps.push(outcome);
    }

    fn failed_steps(&self) -> Vec<&'static str> {
        self.steps.iter().filter(|step| !step.ok).map(|step| step.name).collect()
    }

    /// Failed tests, and one for each step whose failure no failed test explains: code that is not formatted, a test program
    /// that did not compile or was killed. "0 failed" is never said of a failure.
    fn failed(&self) -> u64 {
        let unexplained =
            self.steps.iter().filter(|step| !step.ok && (step.name != TEST.name || self.counts.failed == 0));
        self.counts.failed + unexplained.map(|_| 1).sum::<u64>()
    }

    fn closing_line(&self) -> String {
        let Counts { passed, ignored, .. } = self.counts;
        format!("{passed} passed, {} failed, {ignored} skipped", self.failed())
    }

    fn json(&self, took: Duration) -> serde_json::Value {
        let steps: Vec<_> = self
            .steps
            .iter()
            .map(|step| json!({"name": step.name, "ok": step.ok, "seconds": seconds(step.took)}))
            .collect();
        json!({
            "passed": self.counts.passed,
            "failed": self.failed(),
            "ignored": self.counts.ignored,
            "seconds": seconds(took),
            "steps": steps,
        })
    }
}

/// To a hundredth.
fn seconds(took: Duration) -> f64 {
    (took.as_secs_f64() * 100.0).round() / 100.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(counts: Counts, steps: &[(&'static str, bool)]) -> Report {
        let took = Duration::from_millis(1234);
        Report { counts, steps: steps.iter().map(|&(name, ok)| Outcome { name, ok, took }).collect() }
    }

    #[test]
    fn results_are_summed() {
        let mut counts = Counts::default();
        for line in [
            "running 14 tests",
            "test result: ok. 13 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 5.12s",
            "test a::test ... ok",
            "test result: FAILED. 3 passed; 2 failed; 0 ignored; 0 measured; 7 filtered out; finished in 0.00s",
            "test result: ok. 0 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s",
            "  test result: ok. 100 passed; 100 failed; 100 ignored",
            "test result: ",
        ] {
            counts.add_line(line);
        }
        assert_eq!(counts, Counts { passed: 16, failed: 2, ignored: 1 });
    }

    #[test]
    fn a_failure_is_never_zero_failed() {
        let counts = |failed| Counts { passed: 7, failed, ignored: 1 };
        for (failed, steps, line) in [
            (0, &[("fmt", true), ("test", true)][..], "7 passed, 0 failed, 1 skipped"),
            (2, &[("fmt", true), ("test", false)], "7 passed, 2 failed, 1 skipped"),
            (0, &[("fmt", true), ("test", false)], "7 passed, 1 failed, 1 skipped"),
            (2, &[("fmt", false), ("clippy", false), ("test", false)], "7 passed, 4 failed, 1 skipped"),
        ] {
            assert_eq!(report(counts(failed), steps).closing_line(), line);
        }
    }

    #[test]
    fn the_json_report_has_the_steps() {
        let report = report(Counts { passed: 7, failed: 0, ignored: 1 }, &[("fmt", true), ("test", false)]);
        let expected = json!({
            "passed": 7, "failed": 1, "ignored": 1, "seconds": 2.0,
            "steps": [{"name": "fmt", "ok": true, "seconds": 1.23}, {"name": "test", "ok": false, "seconds": 1.23}],
        });
        assert_eq!(report.json(Duration::from_secs(2)), expected);
        assert_eq!(report.failed_steps(), ["test"]);
    }
}
