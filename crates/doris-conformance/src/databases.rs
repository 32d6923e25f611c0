//! Ids of databases, looked up ahead in a recording: `CREATE DATABASE` does not tell its own.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::{
    document,
    recording::{Recording, What},
};

/// Ids by cluster and name, in the order of their appearance.
#[derive(Debug, Default)]
pub(crate) struct Databases(BTreeMap<(char, String), Vec<String>>);

impl Databases {
    pub(crate) fn of(recording: &Recording) -> Self {
        let mut databases = Self::default();
        for step in &recording.steps {
            let letter = step.on.chars().next().unwrap_or('A');
            match &step.what {
                What::Rpc { request, answer, .. } => {
                    if let (Some(name), Some(id)) = (request["db"].as_str(), answer["db_id"].as_i64()) {
                        databases.add(letter, name, &id.to_string());
                    }
                    databases.search(letter, answer);
                }
                What::Sql { answer, .. } => {
                    let column = |name: &str| answer["columns"].as_array()?.iter().position(|column| column == name);
                    let (Some(id), Some(name)) = (column("DbId"), column("DbName")) else { continue };
                    for row in answer["rows"].as_array().map(Vec::as_slice).unwrap_or_default() {
                        if let (Some(id), Some(name)) = (row[id].as_str(), row[name].as_str()) {
                            databases.add(letter, name, id);
                        }
                    }
                }
                What::Load(_) | What::Watch(_) | What::Note => {}
            }
        }
        databases
    }

    /// The ids that a name had.
    pub(crate) fn ids(&self, letter: char, name: &str) -> &[String] {
        self.0.get(&(letter, name.to_owned())).map(Vec::as_slice).unwrap_or_default()
    }

    fn add(&mut self, letter: char, name: &str, id: &str) {
        let ids = self.0.entry((letter, name.to_owned())).or_default();
        if id != "0" && !ids.iter().any(|known| known == id) {
            ids.push(id.to_owned());
        }
    }

    fn search(&mut self, letter: char, value: &Value) {
        match value {
            Value::Object(fields) => {
                if let (Some(name), Some(id)) = (value["dbName"].as_str(), value["dbId"].as_i64()) {
                    self.add(letter, name, &id.to_string());
                }
                if let (Some(name), Some(id)) = (value["db_meta"]["name"].as_str(), value["db_meta"]["id"].as_i64()) {
                    self.add(letter, name, &id.to_string());
                }
                fields.values().for_each(|field| self.search(letter, field));
            }
            Value::Array(list) => list.iter().for_each(|entry| self.search(letter, entry)),
            Value::String(text) => {
                if let Some(inner) = document::in_text(text) {
                    self.search(letter, &inner);
                }
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }
}
