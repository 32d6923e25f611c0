//! What a recording tells only later: which transactions were planned, and which databases are its own.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::{
    document,
    recording::{Recording, What},
};

/// Facts of one recording.
#[derive(Debug, Default)]
pub(crate) struct Ahead {
    /// Recorded ids of transactions whose records name indexes: a plan was asked for between begin and commit.
    planned: BTreeSet<(char, i64)>,
    /// Databases that the recording makes or that every cluster has.
    own: BTreeSet<String>,
}

/// Statements that list what all databases of a cluster hold, with the column that names the database.
const LISTS: &[(&str, &str)] = &[
    ("SHOW DATABASES", "Database"),
    ("SHOW PROC '/dbs'", "DbName"),
    ("SHOW PROC '/transactions'", "DbName"),
    ("SHOW PROC '/binlog'", "Name"),
];

impl Ahead {
    pub(crate) fn of(recording: &Recording) -> Self {
        let mut ahead = Self::default();
        ahead.own.extend(["information_schema", "mysql", "__internal_schema", "Total"].map(str::to_owned));
        for step in &recording.steps {
            match &step.what {
                What::Sql { sql, .. } => {
                    let words: Vec<&str> = sql.split_whitespace().collect();
                    let names_one = |word: &&str| word.eq_ignore_ascii_case("DATABASE");
                    if words.get(1).is_some_and(names_one) {
                        ahead.own.extend(words.iter().skip(2).map(|word| word.trim_matches('`').to_owned()));
                    }
                }
                What::Rpc { method, answer, .. } if method == "getBinlog" => {
                    let letter = step.on.chars().next().unwrap_or('A');
                    let records = answer["binlogs"].as_array().map(Vec::as_slice).unwrap_or_default();
                    let upserts = records.iter().filter_map(|record| document::in_text(record["data"].as_str()?));
                    ahead.planned.extend(upserts.filter_map(|data| Some((letter, planned(&data)?))));
                }
                What::Rpc { .. } | What::Load(_) | What::Watch(_) | What::Note => {}
            }
        }
        ahead
    }

    pub(crate) fn is_planned(&self, letter: char, txn: i64) -> bool {
        self.planned.contains(&(letter, txn))
    }

    /// A recorded answer without the rows of databases that other recordings left behind; the number of those rows.
    pub(crate) fn without_others(&self, sql: &str, answer: &Value) -> (Value, usize) {
        let list = LISTS.iter().find(|(statement, _)| sql.replace("/'", "'").eq_ignore_ascii_case(statement));
        let columns = answer["columns"].as_array().map(Vec::as_slice).unwrap_or_default();
        let at = list.and_then(|(_, name)| columns.iter().position(|column| column == name));
        let (Some(at), Some(rows)) = (at, answer["rows"].as_array()) else { return (answer.clone(), 0) };
        let is_own = |row: &&Value| {
            let name = row[at].as_str().unwrap_or_default();
            self.own.contains(name.split('.').next().unwrap_or_default())
        };
        let own: Vec<Value> = rows.iter().filter(is_own).cloned().collect();
        let others = rows.len() - own.len();
        (serde_json::json!({"columns": columns, "rows": own}), others)
    }
}

/// The transaction of an UPSERT whose tables name their indexes.
fn planned(data: &Value) -> Option<i64> {
    let tables = data["tableRecords"].as_object()?;
    let names_indexes = tables.values().any(|table| table["indexIds"].as_array().is_some_and(|ids| !ids.is_empty()));
    names_indexes.then(|| data["txnId"].as_i64()).flatten()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_transaction_whose_record_names_indexes_was_planned() {
        assert_eq!(planned(&json!({"txnId": 7, "tableRecords": {"1": {"indexIds": [2]}}})), Some(7));
        assert_eq!(planned(&json!({"txnId": 7, "tableRecords": {"1": {}}})), None);
    }

    #[test]
    fn rows_of_other_databases_are_left_out() {
        let ahead = Ahead { own: BTreeSet::from(["d".to_owned()]), ..Ahead::default() };
        let answer = json!({"columns": ["Id", "Name"], "rows": [["1", "d.t"], ["2", "other.t"]]});
        let (own, others) = ahead.without_others("SHOW PROC '/binlog'", &answer);
        assert_eq!((own["rows"].clone(), others), (json!([["1", "d.t"]]), 1));
    }
}
