//! Ids of databases and tables, looked up ahead in a recording: a `CREATE` statement does not tell its own.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::{
    document,
    recording::{Recording, What},
};

/// Ids by cluster and name (`db`, `db.table`), in the order of their appearance.
#[derive(Debug, Default)]
pub(crate) struct Names(BTreeMap<(char, String), Vec<String>>);

impl Names {
    pub(crate) fn of(recording: &Recording) -> Self {
        let mut names = Self::default();
        let mut made = String::new();
        for step in &recording.steps {
            let letter = step.on.chars().next().unwrap_or('A');
            match &step.what {
                What::Rpc { request, answer, .. } => {
                    if let (Some(name), Some(id)) = (request["db"].as_str(), answer["db_id"].as_i64()) {
                        names.add(letter, name, &id.to_string());
                    }
                    names.search(letter, answer);
                }
                What::Sql { sql, answer } => {
                    let words: Vec<&str> = sql.split([' ', '`', ';']).filter(|word| !word.is_empty()).collect();
                    match &words[..] {
                        ["CREATE", "DATABASE", name] => made = (*name).to_owned(),
                        // The recorder looked up the id of what it had just made.
                        ["SHOW", "PROC", path] => {
                            let id = path.trim_matches('\'').strip_prefix("/dbs/").unwrap_or_default();
                            if !made.is_empty() && id.len() > 5 && id.bytes().all(|b| b.is_ascii_digit()) {
                                names.add(letter, &made, id);
                            }
                        }
                        _ => {}
                    }
                    let column = |name: &str| answer["columns"].as_array()?.iter().position(|column| column == name);
                    let (Some(id), Some(name)) = (column("DbId"), column("DbName")) else { continue };
                    for row in answer["rows"].as_array().map(Vec::as_slice).unwrap_or_default() {
                        if let (Some(id), Some(name)) = (row[id].as_str(), row[name].as_str()) {
                            names.add(letter, name, id);
                        }
                    }
                }
                What::Load(_) | What::Watch(_) | What::Note => {}
            }
        }
        names
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
                if let (Some(db), Some(table), Some(id)) =
                    (value["dbName"].as_str(), value["tableName"].as_str(), value["tableId"].as_i64())
                {
                    self.add(letter, &format!("{db}.{table}"), &id.to_string());
                }
                let meta = &value["db_meta"];
                if let (Some(name), Some(id)) = (meta["name"].as_str(), meta["id"].as_i64()) {
                    self.add(letter, name, &id.to_string());
                    for table in meta["tables"].as_array().map(Vec::as_slice).unwrap_or_default() {
                        if let (Some(table), Some(id)) = (table["name"].as_str(), table["id"].as_i64()) {
                            self.add(letter, &format!("{name}.{table}"), &id.to_string());
                        }
                    }
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
