//! A recording: what was asked of real frontends, step by step, and what they answered.

use std::path::Path;

use anyhow::{Context as _, Result};
use serde_json::Value;

/// One file of recorded steps.
#[derive(Debug)]
pub(crate) struct Recording {
    /// As the report names it: the file below the folder of recordings, without its ending.
    pub(crate) name: String,
    /// Versions in words: `master …`, `2.1.7 …`, `A 2.1.7 …, B master …`.
    pub(crate) doris: String,
    pub(crate) seconds: f64,
    pub(crate) steps: Vec<Step>,
}

/// One step.
#[derive(Debug)]
pub(crate) struct Step {
    /// The frontend that was asked: a cluster, and a number where it has several frontends (`A`, `C2`).
    pub(crate) on: String,
    pub(crate) what: What,
    pub(crate) note: String,
    /// One of the distinct answers that were seen while polling.
    pub(crate) polled: bool,
}

#[derive(Debug)]
pub(crate) enum What {
    Sql {
        sql: String,
        answer: Value,
    },
    Rpc {
        method: String,
        request: Value,
        answer: Value,
    },
    /// One transaction over all tablets of some tables.
    Load(Load),
    /// Every frontend asked all the time while the master is killed and comes back; distinct answers only.
    Watch(Vec<Value>),
    /// Words about the steps around it.
    Note,
}

#[derive(Debug)]
pub(crate) struct Load {
    pub(crate) db: String,
    pub(crate) tables: Vec<String>,
    pub(crate) partition: Option<String>,
    pub(crate) label: String,
    pub(crate) txn_id: Value,
    /// Whether a plan was asked for: only then the record names the indexes.
    pub(crate) planned: bool,
}

impl Recording {
    pub(crate) fn read(path: &Path, name: String) -> Result<Self> {
        let text = std::fs::read_to_string(path).with_context(|| format!("read {}", path.display()))?;
        let file: Value = serde_json::from_str(&text).with_context(|| format!("parse {}", path.display()))?;
        let steps = file["steps"].as_array().with_context(|| format!("{}: no steps", path.display()))?;
        let steps = steps.iter().enumerate().map(|(at, step)| {
            Step::parse(step).with_context(|| format!("{}: step {at} is of no known kind", path.display()))
        });
        Ok(Self {
            name,
            doris: text_of(&file["doris"]),
            seconds: file["seconds"].as_f64().unwrap_or_default(),
            steps: steps.collect::<Result<_>>()?,
        })
    }
}

impl Step {
    fn parse(step: &Value) -> Option<Self> {
        let what = if let Some(sql) = step["sql"].as_str() {
            What::Sql { sql: sql.to_owned(), answer: step["answer"].clone() }
        } else if let Some(method) = step["rpc"].as_str() {
            What::Rpc { method: method.to_owned(), request: step["request"].clone(), answer: step["answer"].clone() }
        } else if let Some(load) = step.get("load") {
            What::Load(Load::parse(load)?)
        } else if let Some(watched) = step["watch"].as_array() {
            What::Watch(watched.clone())
        } else {
            step.get("note")?;
            What::Note
        };
        Some(Self {
            on: text_of(&step["on"]),
            what,
            note: text_of(&step["note"]),
            polled: step["polled"].as_bool().unwrap_or(false),
        })
    }

    /// What was asked, in one line.
    pub(crate) fn subject(&self) -> String {
        match &self.what {
            What::Sql { sql, .. } => sql.clone(),
            What::Rpc { method, request, .. } => format!("{method} {}", short(&request.to_string(), 160)),
            What::Load(load) => format!("load {} {:?}", load.db, load.tables),
            What::Watch(_) => "watch".to_owned(),
            What::Note => self.note.clone(),
        }
    }

    /// What was answered.
    pub(crate) fn answer(&self) -> Option<&Value> {
        match &self.what {
            What::Sql { answer, .. } | What::Rpc { answer, .. } => Some(answer),
            What::Load(_) | What::Watch(_) | What::Note => None,
        }
    }

    /// Whether asking again changes nothing.
    pub(crate) fn only_reads(&self) -> bool {
        match &self.what {
            What::Sql { sql, .. } => {
                let word = sql.split_whitespace().next().unwrap_or_default().to_ascii_uppercase();
                let second = sql.split_whitespace().nth(1).unwrap_or_default().to_ascii_uppercase();
                matches!(word.as_str(), "SHOW" | "DESC" | "DESCRIBE") || (word == "ADMIN" && second == "SHOW")
            }
            What::Rpc { method, .. } => {
                matches!(method.as_str(), "getBinlog" | "getBinlogLag" | "getMeta" | "getSnapshot" | "getBackendMeta")
            }
            What::Load(_) | What::Watch(_) | What::Note => false,
        }
    }
}

impl Load {
    fn parse(load: &Value) -> Option<Self> {
        let tables = load["tables"].as_array()?.iter().map(text_of).collect();
        Some(Self {
            db: load["db"].as_str()?.to_owned(),
            tables,
            partition: load["partition"].as_str().map(str::to_owned),
            label: load["label"].as_str()?.to_owned(),
            txn_id: load["txn_id"].clone(),
            planned: load["planned"].as_bool().unwrap_or(true),
        })
    }
}

pub(crate) fn text_of(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// The first `length` characters.
pub(crate) fn short(text: &str, length: usize) -> String {
    match text.char_indices().nth(length) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text.to_owned(),
    }
}
