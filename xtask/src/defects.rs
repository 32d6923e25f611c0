//! `cargo xtask defects`: of each defect recorded of the Go program, the tests that show we do not have it.
//!
//! A test carries the tags of what it shows, at most five, in the last line of its doc comment:
//!
//! ```text
//! /// Defects: SVC-A1, SVC-A2.
//! #[test]
//! fn the_status_is_that_of_now() {
//! ```
//!
//! What cannot apply has a line `tag<TAB>reason` in `xtask/excused.tsv`.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use serde_json::json;

use crate::step::root;
use crate::{Command, USAGE};

pub(crate) const COMMAND: Command = Command {
    name: "defects",
    options: "[..]",
    about: "Recorded defects of the Go program with the tests that show we do not have them (--json, --defects FILE)",
    run,
};

/// The list of defects, beside the checkout.
const LIST: &str = "../shared/spec/defects.tsv";
const EXCUSED: &str = "xtask/excused.tsv";
const MARK: &str = "/// Defects: ";
const MOST_TAGS: usize = 5;

fn run(arguments: &[String]) -> ExitCode {
    let mut json = false;
    let mut list: Option<PathBuf> = None;
    let mut arguments = arguments.iter();
    while let Some(argument) = arguments.next() {
        match (argument.as_str(), &list) {
            ("--json", _) => json = true,
            ("--defects", None) if arguments.len() > 0 => list = arguments.next().map(PathBuf::from),
            _ => {
                eprintln!("xtask defects: expected --json or --defects FILE; run: cargo xtask help");
                return ExitCode::from(USAGE);
            }
        }
    }
    let asked = list.is_some();
    let list = list.unwrap_or_else(|| root().join(LIST));
    if !asked && !list.exists() {
        eprintln!("xtask defects: skipped: there is no list of defects at {}; name one with --defects", list.display());
        return ExitCode::SUCCESS;
    }
    let report = match Report::make(&list) {
        Ok(report) => report,
        Err(error) => {
            eprintln!("xtask defects: {error}");
            return ExitCode::FAILURE;
        }
    };
    if json {
        println!("{}", report.json());
    } else {
        print!("{}", report.text());
    }
    for wrong in &report.wrong {
        eprintln!("xtask defects: {wrong}");
    }
    if !report.missing().is_empty() {
        eprintln!("xtask defects: {} tags have neither a test nor a reason", report.missing().len());
    }
    if report.wrong.is_empty() && report.missing().is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// A test that carries tags.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Tagged {
    /// File and function: `crates/x/src/y.rs::z`.
    test: String,
    tags: Vec<String>,
}

#[derive(Debug, Default)]
struct Report {
    /// Tags with what they say in short, in the order of the list.
    tags: Vec<(String, String)>,
    tests: BTreeMap<String, Vec<String>>,
    excused: BTreeMap<String, String>,
    /// What is wrong with tests and reasons, one sentence each.
    wrong: Vec<String>,
}

impl Report {
    fn make(list: &Path) -> Result<Self, String> {
        let read = |path: &Path| fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()));
        let mut report = Self { tags: tags(&read(list)?), ..Self::default() };
        let mut files = Vec::new();
        for folder in ["crates", "xtask"] {
            sources(&root().join(folder), &mut files).map_err(|error| format!("{folder}: {error}"))?;
        }
        files.sort();
        for file in files {
            let name = file.strip_prefix(root()).unwrap_or(&file).display().to_string();
            let (tests, wrong) = tagged(&name, &read(&file)?);
            report.wrong.extend(wrong);
            report.add(tests);
        }
        report.excuse(&read(&root().join(EXCUSED))?);
        Ok(report)
    }

    fn add(&mut self, tests: Vec<Tagged>) {
        let known: BTreeSet<&str> = self.tags.iter().map(|(tag, _)| tag.as_str()).collect();
        for Tagged { test, tags } in tests {
            if tags.len() > MOST_TAGS {
                self.wrong.push(format!("{test} has {} tags; a test shows at most {MOST_TAGS} things", tags.len()));
            }
            for tag in tags {
                if known.contains(tag.as_str()) {
                    self.tests.entry(tag).or_default().push(test.clone());
                } else {
                    self.wrong.push(format!("{test} has the tag {tag}, which is not in the list"));
                }
            }
        }
    }

    fn excuse(&mut self, text: &str) {
        for line in text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
            let Some((tag, reason)) = line.split_once('\t').filter(|(_, reason)| !reason.trim().is_empty()) else {
                self.wrong.push(format!("{EXCUSED}: expected tag<TAB>reason in {line:?}"));
                continue;
            };
            if !self.tags.iter().any(|(known, _)| known == tag) {
                self.wrong.push(format!("{EXCUSED}: {tag} is not in the list"));
            } else if self.tests.contains_key(tag) {
                self.wrong.push(format!("{EXCUSED}: {tag} has a test: take its reason out"));
            } else if self.excused.insert(tag.to_owned(), reason.to_owned()).is_some() {
                self.wrong.push(format!("{EXCUSED}: {tag} is there twice"));
            }
        }
    }

    fn missing(&self) -> Vec<&str> {
        let tags = self.tags.iter().map(|(tag, _)| tag.as_str());
        tags.filter(|tag| !self.tests.contains_key(*tag) && !self.excused.contains_key(*tag)).collect()
    }

    fn text(&self) -> String {
        let mut text = String::new();
        for (tag, short) in &self.tags {
            let proof = match (self.tests.get(tag), self.excused.get(tag)) {
                (Some(tests), _) => tests.join("\n\t"),
                (None, Some(reason)) => format!("cannot apply: {reason}"),
                (None, None) => "MISSING".to_owned(),
            };
            text.push_str(&format!("{tag}: {short}\n\t{proof}\n"));
        }
        let Self { tags, tests, excused, .. } = self;
        text.push_str(&format!(
            "{} tags: {} by tests, {} cannot apply, {} missing\n",
            tags.len(),
            tests.len(),
            excused.len(),
            self.missing().len()
        ));
        text
    }

    fn json(&self) -> serde_json::Value {
        json!({"tags": self.tags.len(), "tested": self.tests, "excused": self.excused, "missing": self.missing()})
    }
}

/// Tags and what they say in short, of a table with a head: tag, document, in short.
fn tags(text: &str) -> Vec<(String, String)> {
    let lines = text.lines().skip(1).filter(|line| !line.is_empty());
    lines
        .map(|line| {
            let mut cells = line.split('\t');
            let tag = cells.next().unwrap_or_default().to_owned();
            (tag, cells.next_back().unwrap_or_default().to_owned())
        })
        .collect()
}

/// All Rust files below a folder.
fn sources(folder: &Path, found: &mut Vec<PathBuf>) -> std::io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            sources(&path, found)?;
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            found.push(path);
        }
    }
    Ok(())
}

/// Tests with tags in a file, and what is wrong with them.
fn tagged(file: &str, text: &str) -> (Vec<Tagged>, Vec<String>) {
    let (mut tests, mut wrong) = (Vec::new(), Vec::new());
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    for (index, line) in lines.iter().enumerate() {
        let Some(tags) = line.strip_prefix(MARK) else { continue };
        let place = format!("{file}:{}", index + 1);
        let tags = tags.strip_suffix('.').unwrap_or(tags).split(", ").map(str::to_owned).collect();
        // Attributes, one of them that of a test, then the function.
        let after = &lines[index + 1..];
        let attributes = after.iter().take_while(|line| line.starts_with("#[")).count();
        let is_test =
            after[..attributes].iter().any(|line| line.starts_with("#[test]") || line.starts_with("#[tokio::test"));
        let name = after.get(attributes).and_then(|line| {
            let line = line.strip_prefix("async ").unwrap_or(line);
            line.strip_prefix("fn ")?.split('(').next()
        });
        match name {
            Some(name) if is_test => tests.push(Tagged { test: format!("{file}::{name}"), tags }),
            _ => wrong.push(format!("{place}: tags stand directly above the attributes of a test")),
        }
    }
    (tests, wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIST: &str = "tag\tdocument\tin short\nA-1\ta.md\tfirst\nA-2\ta.md\tsecond\nB-1\tb.md\tthird\n";

    #[test]
    fn tags_are_found_above_tests_only() {
        let text = "/// Says.\n/// Defects: A-1, B-1.\n#[test]\nfn one() {}\n\n    /// Defects: A-2\n    #[tokio::test(flavor = \"x\")]\n    \
            #[allow(x)]\n    async fn two(a: b) {}\n/// Defects: A-1.\nfn no_test() {}\n/// Defects: A-1.\n#[inline]\nfn three() {}\n/// Defects: A-1.";
        let (tests, wrong) = tagged("f.rs", text);
        let expected = [("f.rs::one", vec!["A-1", "B-1"]), ("f.rs::two", vec!["A-2"])];
        assert_eq!(tests.len(), expected.len());
        for (found, (test, tags)) in tests.iter().zip(expected) {
            assert_eq!((found.test.as_str(), &found.tags), (test, &tags.into_iter().map(str::to_owned).collect()));
        }
        let places: Vec<&str> = wrong.iter().filter_map(|wrong| wrong.split(": ").next()).collect();
        assert_eq!(places, ["f.rs:10", "f.rs:12", "f.rs:15"]);
    }

    #[test]
    fn what_has_neither_test_nor_reason_is_missing() {
        let mut report = Report { tags: tags(LIST), ..Report::default() };
        assert_eq!(report.missing(), ["A-1", "A-2", "B-1"]);
        report.add(vec![Tagged { test: "t".to_owned(), tags: vec!["A-1".to_owned()] }]);
        report.excuse("# why\n\nA-2\tthere is no such thing\n");
        assert_eq!((report.missing(), report.wrong.len()), (vec!["B-1"], 0));
        let json = report.json();
        assert_eq!(json["tags"], 3);
        assert_eq!(json["tested"]["A-1"][0], "t");
        assert_eq!(json["excused"]["A-2"], "there is no such thing");
        assert_eq!(json["missing"][0], "B-1");
        assert!(report.text().ends_with("3 tags: 1 by tests, 1 cannot apply, 1 missing\n"), "{}", report.text());
    }

    #[test]
    fn what_is_wrong_with_tags_and_reasons_is_said() {
        let mut report = Report { tags: tags(LIST), ..Report::default() };
        let six = vec!["A-1".to_owned(); 6];
        report.add(vec![Tagged { test: "t".to_owned(), tags: six }]);
        report.add(vec![Tagged { test: "u".to_owned(), tags: vec!["A-9".to_owned()] }]);
        report.excuse("A-2 without a tab\nA-2\t\nA-9\tunknown\nA-1\ttested\nB-1\tonce\nB-1\ttwice\n");
        let said = report.wrong.join("\n");
        for expected in [
            "t has 6 tags",
            "u has the tag A-9",
            "\"A-2 without a tab\"",
            "A-9 is not in",
            "A-1 has a test",
            "B-1 is there twice",
        ] {
            assert!(said.contains(expected), "{expected} is missing in\n{said}");
        }
        assert_eq!(report.wrong.len(), 7, "{said}");
    }
}
