//! Differences that are no fault of the simulator: one file, one line each, with the reason.

use anyhow::{Context as _, Result, ensure};

use crate::{compare::Difference, recording::Step};

/// `script<TAB>subject<TAB>path<TAB>reason`: a script's name or its end (`*`: every script,
/// `2.1/*`: those of a folder), the beginning of a statement
/// or the name of a method, and the end of a difference's path (`*`: any).
const FILE: &str = include_str!("../excused.tsv");

#[derive(Debug)]
struct Excuse {
    script: &'static str,
    subject: &'static str,
    path: &'static str,
}

impl Excuse {
    fn is_of(&self, script: &str) -> bool {
        match self.script.strip_suffix('*') {
            Some(folder) => script.starts_with(folder),
            None => script.ends_with(self.script),
        }
    }
}

/// Parts of answers that are handed on as they are, unread.
const OPAQUE: [(&str, &str); 1] = [("getSnapshot", "/meta")];

/// All lines of the file.
#[derive(Debug)]
pub(crate) struct Excuses(Vec<Excuse>);

impl Excuses {
    pub(crate) fn read() -> Result<Self> {
        let lines = FILE.lines().filter(|line| !line.trim().is_empty() && !line.starts_with('#'));
        let excuses = lines.map(|line| {
            let mut fields = line.split('\t');
            let mut next = || fields.next().filter(|field| !field.is_empty());
            let (Some(script), Some(subject), Some(path), Some(_reason)) = (next(), next(), next(), next()) else {
                anyhow::bail!("not four fields: {line}");
            };
            ensure!(!is_read(subject, path), "the syncer reads what is excused here: {line}");
            Ok(Excuse { script, subject, path })
        });
        Ok(Self(excuses.collect::<Result<_>>().context("excused.tsv")?))
    }

    /// Whether every difference of a step is excused.
    pub(crate) fn cover(&self, script: &str, step: &Step, differences: &[Difference]) -> bool {
        differences.iter().all(|difference| {
            self.0.iter().any(|excuse| {
                excuse.is_of(script)
                    && starts_with(&step.subject(), excuse.subject)
                    && (excuse.path == "*" || difference.path.ends_with(excuse.path))
            })
        })
    }
}

fn starts_with(subject: &str, beginning: &str) -> bool {
    subject.get(..beginning.len()).is_some_and(|start| start.eq_ignore_ascii_case(beginning))
}

/// Whether crate `doris` parses this part of the answer.
fn is_read(subject: &str, path: &str) -> bool {
    let method = subject.split_whitespace().next().unwrap_or_default();
    if doris::rpc::METHODS.contains(&method) {
        return !OPAQUE.contains(&(method, path));
    }
    let column = path.rsplit('/').next().unwrap_or_default();
    doris::sql::PARSED_ROWS
        .iter()
        .any(|(statement, columns)| starts_with(subject, statement) && (path == "*" || columns.contains(&column)))
}
