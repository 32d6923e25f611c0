//! A recorded request as the simulator must be asked: with its own ids, positions and documents.

use serde_json::Value;

use crate::{
    atoms::{Atom, atoms},
    binding::{Bindings, Kind},
    document,
    kinds::{Meaning, meaning, meaning_after},
};

/// A request of a Thrift call. `documents` are recorded and actual answers that held documents, with
/// the cluster whose ids they have: another one may have the same numbers for something else.
pub(crate) fn request(
    bindings: &Bindings,
    cluster: char,
    documents: &[(char, Value, Value)],
    request: &Value,
) -> Value {
    let Value::Object(fields) = request else { return request.clone() };
    let translated = fields.iter().map(|(field, recorded)| {
        let is_document = matches!(field.as_str(), "meta" | "job_info");
        let known = documents.iter().rev().filter(|_| is_document);
        let same = known.clone().find(|(_, r, _)| r[field] == *recorded).map(|(.., a)| a[field].clone());
        // Of several, the one with the same name: all of a database have its id.
        let edited_of = |keys: &[&str]| {
            known.clone().find_map(|(from, r, a)| edit(bindings, *from, keys, &r[field], recorded, &a[field]))
        };
        let edited = || edited_of(&["name"]).or_else(|| edited_of(&["backup_time", "id"]));
        let value = same.or_else(edited).unwrap_or_else(|| value(bindings, cluster, field, recorded));
        (field.clone(), value)
    });
    Value::Object(translated.collect())
}

/// A document that was changed on its way: the same changes to the simulator's own.
///
/// `keys`: fields of which one must be the same for the documents to be of one origin.
fn edit(
    bindings: &Bindings,
    cluster: char,
    keys: &[&str],
    before: &Value,
    after: &Value,
    actual: &Value,
) -> Option<Value> {
    let parse = |value: &Value| serde_json::from_slice::<Value>(&document::bytes(value)?).ok();
    let (before, after, actual) = (parse(before)?, parse(after)?, parse(actual)?);
    let same = |key: &str| before.get(key).is_some() && before.get(key) == after.get(key);
    if !before.is_object() || !keys.iter().any(|key| same(key)) {
        return None;
    }
    Some(Value::String(patch(bindings, cluster, &before, &after, &actual).to_string()))
}

fn patch(bindings: &Bindings, cluster: char, before: &Value, after: &Value, actual: &Value) -> Value {
    match (before, after, actual) {
        _ if before == after => actual.clone(),
        (Value::Object(before), Value::Object(after), Value::Object(actual)) => {
            let name = |key: &str| bindings.actual(cluster, Kind::Id, key).unwrap_or(key).to_owned();
            let entries = after.iter().map(|(key, value)| {
                let own = name(key);
                let patched = match (before.get(key), actual.get(&own)) {
                    (Some(before), Some(actual)) => patch(bindings, cluster, before, value, actual),
                    _ => self::value(bindings, cluster, key, value),
                };
                (own, patched)
            });
            Value::Object(entries.collect())
        }
        (Value::Array(before), Value::Array(after), Value::Array(actual))
            if before.len() == after.len() && after.len() == actual.len() =>
        {
            let both = before.iter().zip(after).zip(actual);
            both.map(|((before, after), actual)| patch(bindings, cluster, before, after, actual)).collect()
        }
        _ => value(bindings, cluster, "", after),
    }
}

/// A value of a field.
pub(crate) fn value(bindings: &Bindings, cluster: char, field: &str, recorded: &Value) -> Value {
    match recorded {
        Value::Number(number) => {
            let number = number.to_string();
            let known = |kind| bindings.actual(cluster, kind, &number).and_then(|text| text.parse::<i64>().ok());
            let near = |kind| Some(bindings.near(cluster, kind, number.parse().ok()?));
            let actual = match meaning(field) {
                Meaning::Bound(Kind::Seq) => near(Kind::Seq),
                // Shorter ones are made up by the recorder: ids of nothing.
                Meaning::Bound(Kind::Id) if number.len() >= 5 => known(Kind::Id).or_else(|| near(Kind::Id)),
                Meaning::Bound(kind) => known(kind),
                Meaning::Time | Meaning::Counter | Meaning::Plain => None,
            };
            actual.map_or_else(|| recorded.clone(), Value::from)
        }
        Value::String(text) => match document::in_text(text) {
            Some(inner) => value(bindings, cluster, field, &inner).to_string().into(),
            None => self::text(bindings, cluster, text).into(),
        },
        Value::Array(list) => list.iter().map(|entry| value(bindings, cluster, field, entry)).collect(),
        Value::Object(map) => {
            let entries = map.iter().map(|(key, entry)| {
                let own = bindings.actual(cluster, Kind::Id, key).unwrap_or(key).to_owned();
                (own, value(bindings, cluster, key, entry))
            });
            Value::Object(entries.collect())
        }
        Value::Null | Value::Bool(_) => recorded.clone(),
    }
}

/// A text, a statement above all: ids and made-up names in it.
pub(crate) fn text(bindings: &Bindings, cluster: char, text: &str) -> String {
    let pieces = atoms(text);
    let mut out = String::with_capacity(text.len());
    for atom in &pieces {
        let piece = match atom {
            Atom::Number(number) => {
                let kind = match meaning_after(&out) {
                    Meaning::Bound(kind) => kind,
                    Meaning::Time | Meaning::Counter | Meaning::Plain => Kind::Id,
                };
                // `WHERE ID = 412` is of a transaction; an id of the catalog is long.
                let wide = number.len() >= 5;
                let order = if wide { [Kind::Id, kind, Kind::Txn] } else { [kind, Kind::Txn, Kind::Txn] };
                let known = order.into_iter().find_map(|kind| {
                    let short_plain = !wide && kind == Kind::Txn && !out.trim_end().ends_with(['=', '/']);
                    if short_plain { None } else { bindings.actual(cluster, kind, number) }
                });
                match known {
                    Some(known) => known.to_owned(),
                    None if wide && out.ends_with('/') => near_id(bindings, cluster, number),
                    None => (*number).to_owned(),
                }
            }
            Atom::MadeUp(name) => bindings.actual(cluster, Kind::Name, name).unwrap_or(name).to_owned(),
            Atom::Time(piece) | Atom::Address(piece) | Atom::JavaIdentity(piece) | Atom::Literal(piece) => {
                (*piece).to_owned()
            }
        };
        out.push_str(&piece);
    }
    out
}

/// An id in a path (`/dbs/1001/1004/partitions`) that no answer has shown.
fn near_id(bindings: &Bindings, cluster: char, number: &str) -> String {
    let near = number.parse().ok().map(|id| bindings.near(cluster, Kind::Id, id).to_string());
    near.unwrap_or_else(|| number.to_owned())
}
