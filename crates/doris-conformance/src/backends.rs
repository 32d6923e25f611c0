//! Which simulated backend stands for which recorded one: requests name backends before any answer does.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::{
    document,
    recording::{Recording, What},
    world::World,
};

/// Cluster, recorded id and the simulator's id. Both are given in the order of their ids, if all of them were seen.
pub(crate) fn pairs(recording: &Recording, world: &World) -> Vec<(char, String, String)> {
    let mut seen: BTreeMap<char, BTreeSet<i64>> = BTreeMap::new();
    for step in &recording.steps {
        let ids = seen.entry(step.on.chars().next().unwrap_or('A')).or_default();
        match &step.what {
            What::Rpc { request, answer, .. } => {
                search(request, ids);
                // Documents of a snapshot that comes from another cluster are in requests only.
                search(answer, ids);
            }
            What::Sql { answer, .. } => {
                let columns = answer["columns"].as_array().map(Vec::as_slice).unwrap_or_default();
                let Some(at) = columns.iter().position(|column| column == "BackendId") else { continue };
                let rows = answer["rows"].as_array().map(Vec::as_slice).unwrap_or_default();
                ids.extend(rows.iter().filter_map(|row| row[at].as_str()?.parse::<i64>().ok()));
            }
            What::Load(_) | What::Watch(_) | What::Note => {}
        }
    }
    let mut pairs = Vec::new();
    for (letter, recorded) in seen {
        let Ok((cluster, _)) = world.cluster(&letter.to_string()).or_else(|_| world.cluster(&format!("{letter}1")))
        else {
            continue;
        };
        if recorded.len() == cluster.backends().len() {
            let both = recorded.iter().zip(cluster.backends());
            pairs.extend(both.map(|(recorded, actual)| (letter, recorded.to_string(), actual.to_string())));
        }
    }
    pairs
}

fn search(value: &Value, ids: &mut BTreeSet<i64>) {
    match value {
        Value::Object(fields) => {
            for (name, field) in fields {
                let number = field.as_i64().filter(|id| *id >= 10_000);
                match name.as_str() {
                    "backendId" | "backend_id" | "bid" => ids.extend(number),
                    "meta" | "job_info" => {}
                    _ => search(field, ids),
                }
            }
        }
        Value::Array(list) => list.iter().for_each(|entry| search(entry, ids)),
        Value::String(text) => {
            if let Some(inner) = document::in_text(text) {
                search(&inner, ids);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}
