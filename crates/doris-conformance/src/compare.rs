//! Whether an answer of the simulator says the same as the recorded one.

use serde_json::Value;

use crate::{
    atoms::{Atom, atoms},
    binding::{Bindings, Kind},
    document,
    kinds::{Meaning, meaning, meaning_after},
};

/// Where two answers differ.
#[derive(Clone, Debug)]
pub(crate) struct Difference {
    /// Fields and positions from the top: `/db_meta/tables/0/name`; columns of a row by their names.
    pub(crate) path: String,
    pub(crate) recorded: String,
    pub(crate) actual: String,
}

/// Compares within one cluster's ids.
pub(crate) struct Comparison<'a> {
    pub(crate) bindings: &'a mut Bindings,
    pub(crate) cluster: char,
    pub(crate) differences: Vec<Difference>,
}

/// Times of seconds.
const SECONDS: std::ops::Range<u64> = 1_700_000_000..4_000_000_000;
/// Ids or times of milliseconds.
const WIDE: std::ops::Range<u64> = 1_000_000_000_000..100_000_000_000_000;

/// Whether a value stands for bytes: as base64, or as a text that begins with a length.
fn is_binary(value: &Value) -> bool {
    value.get("base64").is_some() || value.as_str().is_some_and(|text| text.starts_with('\0'))
}

/// Longer lists are compared in their order only.
const ANY_ORDER: usize = 200;

impl Comparison<'_> {
    /// All differences; empty if there are none.
    pub(crate) fn of(bindings: &mut Bindings, cluster: char, recorded: &Value, actual: &Value) -> Vec<Difference> {
        let mut comparison = Comparison { bindings, cluster, differences: Vec::new() };
        match (recorded["columns"].as_array(), actual["columns"].as_array()) {
            (Some(recorded_columns), Some(actual_columns)) => {
                comparison.result_set(recorded, recorded_columns, actual, actual_columns);
            }
            _ => comparison.value("", "", recorded, actual),
        }
        comparison.differences
    }

    fn differ(&mut self, path: &str, recorded: impl ToString, actual: impl ToString) {
        let path = path.to_owned();
        self.differences.push(Difference { path, recorded: recorded.to_string(), actual: actual.to_string() });
    }

    fn result_set(&mut self, recorded: &Value, recorded_columns: &[Value], actual: &Value, actual_columns: &[Value]) {
        if recorded_columns != actual_columns {
            let names = |columns: &[Value]| columns.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(", ");
            self.differ("/columns", names(recorded_columns), names(actual_columns));
            return;
        }
        let as_objects = |answer: &Value| -> Vec<Value> {
            let rows = answer["rows"].as_array().map(Vec::as_slice).unwrap_or_default();
            let named = |row: &Value| {
                let cells = row.as_array().map(Vec::as_slice).unwrap_or_default().iter();
                let names = recorded_columns.iter().map(|name| name.as_str().unwrap_or_default().to_owned());
                names.zip(cells.cloned()).collect::<serde_json::Map<_, _>>().into()
            };
            rows.iter().map(named).collect()
        };
        self.list("/rows", "", &as_objects(recorded), &as_objects(actual));
    }

    /// Compares two values; `field` names them.
    fn value(&mut self, path: &str, field: &str, recorded: &Value, actual: &Value) {
        if (is_binary(recorded) || is_binary(actual))
            && let (Some(r), Some(a)) = (document::of(recorded), document::of(actual))
        {
            return self.value(path, field, &r, &a);
        }
        match (recorded, actual) {
            _ if recorded == actual => self.equal(field, recorded),
            (Value::Object(r), Value::Object(a)) if !r.contains_key("base64") && !a.contains_key("base64") => {
                self.object(path, field, r, a)
            }
            (Value::Array(r), Value::Array(a)) => self.list(path, field, r, a),
            (Value::String(r), Value::String(a)) => self.text(path, field, r, a),
            (Value::Number(_), Value::Number(_)) => {
                let (r, a) = (recorded.to_string(), actual.to_string());
                if !self.numbers(field, "", &r, &a) {
                    self.differ(path, r, a);
                }
            }
            // The recorder's driver makes numbers of the texts of numeric columns.
            (Value::Number(r), Value::String(a)) if self.numbers(field, "", &r.to_string(), a) => {}
            _ => self.differ(path, recorded, actual),
        }
    }

    /// Equal values are bound, too: another value cannot stand for them.
    fn equal(&mut self, field: &str, value: &Value) {
        match value {
            Value::Number(number) => {
                if let Meaning::Bound(kind) = meaning(field) {
                    let number = number.to_string();
                    self.bindings.bind(self.cluster, kind, &number, &number);
                }
            }
            Value::Array(list) => list.iter().for_each(|value| self.equal(field, value)),
            Value::Object(map) => map.iter().for_each(|(field, value)| self.equal(field, value)),
            _ => {}
        }
    }

    fn object(
        &mut self,
        path: &str,
        field: &str,
        recorded: &serde_json::Map<String, Value>,
        actual: &serde_json::Map<String, Value>,
    ) {
        let is_number = |key: &String| key.bytes().all(|b| b.is_ascii_digit()) && !key.is_empty();
        if recorded.keys().all(is_number) && actual.keys().all(is_number) && recorded.len() == actual.len() {
            return self.id_map(path, field, recorded, actual);
        }
        for (key, r) in recorded {
            let below = format!("{path}/{key}");
            match actual.get(key) {
                Some(a) => self.value(&below, key, r, a),
                None => self.differ(&below, r, "(absent)"),
            }
        }
        for (key, a) in actual.iter().filter(|(key, _)| !recorded.contains_key(*key)) {
            self.differ(&format!("{path}/{key}"), "(absent)", a);
        }
    }

    /// A map by ids: which entry stands for which is known from the key, or else by the order of the keys.
    fn id_map(
        &mut self,
        path: &str,
        field: &str,
        recorded: &serde_json::Map<String, Value>,
        actual: &serde_json::Map<String, Value>,
    ) {
        let by_number = |map: &serde_json::Map<String, Value>| {
            let mut keys: Vec<String> = map.keys().cloned().collect();
            keys.sort_by_key(|key| key.parse::<u64>().unwrap_or(u64::MAX));
            keys
        };
        let mut left = by_number(actual);
        let mut pairs = Vec::new();
        let mut open = Vec::new();
        for r in by_number(recorded) {
            match left.iter().position(|a| self.bindings.known(self.cluster, Kind::Id, &r, a)) {
                Some(at) => pairs.push((r, left.remove(at))),
                None => open.push(r),
            }
        }
        pairs.extend(open.into_iter().zip(left));
        for (r, a) in pairs {
            let below = format!("{path}/{r}");
            if r != a && !self.numbers("id", "", &r, &a) {
                self.differ(&below, format!("key {r}"), format!("key {a}"));
            } else if let (Some(rv), Some(av)) = (recorded.get(&r), actual.get(&a)) {
                self.value(&below, field, rv, av);
            }
        }
    }

    /// A list, in its order or else in any.
    fn list(&mut self, path: &str, field: &str, recorded: &[Value], actual: &[Value]) {
        if recorded.len() != actual.len() {
            let texts = |list: &[Value]| {
                let text = crate::recording::short(&Value::from(list.to_vec()).to_string(), 1200);
                format!("{} entries: {text}", list.len())
            };
            return self.differ(path, texts(recorded), texts(actual));
        }
        let (mark, before) = (self.bindings.mark(), self.differences.len());
        self.in_order(path, field, recorded, actual);
        if self.differences.len() == before || recorded.len() > ANY_ORDER {
            return;
        }
        let in_order = self.differences.split_off(before);
        self.bindings.take_back(&mark);
        if self.in_any_order(field, recorded, actual) {
            self.bindings.hit("order of a list that a hash map gave");
        } else {
            self.differences.truncate(before);
            self.bindings.take_back(&mark);
            // Once more, for the sake of what is bound: later steps name it.
            self.in_order(path, field, recorded, actual);
            self.differences.truncate(before);
            self.differences.extend(in_order);
        }
    }

    fn in_order(&mut self, path: &str, field: &str, recorded: &[Value], actual: &[Value]) {
        for (at, (r, a)) in recorded.iter().zip(actual).enumerate() {
            self.value(&format!("{path}/{at}"), field, r, a);
        }
    }

    /// Finds for each recorded entry one that equals it.
    fn in_any_order(&mut self, field: &str, recorded: &[Value], actual: &[Value]) -> bool {
        let mut left: Vec<&Value> = actual.iter().collect();
        let before = self.differences.len();
        for r in recorded {
            let found = left.iter().position(|a| {
                let mark = self.bindings.mark();
                self.value("", field, r, a);
                let equal = self.differences.len() == before;
                if !equal {
                    self.differences.truncate(before);
                    self.bindings.take_back(&mark);
                }
                equal
            });
            match found {
                Some(at) => {
                    left.remove(at);
                }
                None => return false,
            }
        }
        true
    }

    fn text(&mut self, path: &str, field: &str, recorded: &str, actual: &str) {
        let document = |text: &str| document::in_text(text).or_else(|| document::in_bytes(text.as_bytes()));
        if let (Some(r), Some(a)) = (document(recorded), document(actual)) {
            self.bindings.hit("document in a text");
            return self.value(path, field, &r, &a);
        }
        let mark = self.bindings.mark();
        if self.same_text(field, recorded, actual) {
            return;
        }
        for other in orders_of_replicas(actual) {
            self.bindings.take_back(&mark);
            if self.same_text(field, recorded, &other) {
                self.bindings.hit("order of a list that a hash map gave");
                return;
            }
        }
        self.bindings.take_back(&mark);
        self.differ(path, recorded, actual);
    }

    fn same_text(&mut self, field: &str, recorded: &str, actual: &str) -> bool {
        match meaning(field) {
            Meaning::Bound(Kind::Host) => {
                return self.bindings.hit("hosts and ports")
                    && self.bindings.bind(self.cluster, Kind::Host, recorded, actual);
            }
            Meaning::Bound(Kind::Name) if !recorded.is_empty() && !actual.is_empty() => {
                return self.bindings.hit("made-up names and tokens")
                    && self.bindings.bind(self.cluster, Kind::Name, recorded, actual);
            }
            _ => {}
        }
        let (recorded, actual) = (atoms(recorded), atoms(actual));
        recorded.len() == actual.len()
            && recorded.iter().zip(&actual).enumerate().all(|(at, (r, a))| self.same_atom(field, &recorded[..at], r, a))
    }

    fn same_atom(&mut self, field: &str, before: &[Atom<'_>], recorded: &Atom<'_>, actual: &Atom<'_>) -> bool {
        match (recorded, actual) {
            _ if recorded == actual => true,
            (Atom::Number(r), Atom::Number(a)) => self.numbers(field, &words(before), r, a),
            (Atom::Time(r), Atom::Time(a)) => is_of_a_run(r) && is_of_a_run(a) && self.bindings.hit("points in time"),
            (Atom::JavaIdentity(_), Atom::JavaIdentity(_)) => self.bindings.hit("identities of Java objects"),
            (Atom::Address(r), Atom::Address(a)) => {
                self.bindings.hit("hosts and ports") && self.bindings.bind(self.cluster, Kind::Host, r, a)
            }
            (Atom::MadeUp(r), Atom::MadeUp(a)) => {
                self.bindings.hit("made-up names and tokens") && self.bindings.bind(self.cluster, Kind::Name, r, a)
            }
            _ => false,
        }
    }

    /// Two different numbers that may stand for each other, by their field or by the words before them.
    fn numbers(&mut self, field: &str, words: &str, recorded: &str, actual: &str) -> bool {
        if recorded == actual {
            return true;
        }
        let wide = |text: &str| text.parse().is_ok_and(|number: u64| WIDE.contains(&number));
        let both_wide = wide(recorded) && wide(actual);
        let seconds = |text: &str| text.parse().is_ok_and(|number: u64| SECONDS.contains(&number));
        let both_seconds = seconds(recorded) && seconds(actual);
        let real = |text: &str| text.parse::<i64>().is_ok_and(|number| number > 0);
        let by_field = meaning(field);
        let by_name = match by_field {
            // SHOW ALTER TABLE: version and hash of a schema (`3:366145957`).
            Meaning::Plain if field == "SchemaVersion" && words.ends_with(':') => Meaning::Bound(Kind::Hash),
            Meaning::Plain => meaning_after(words),
            by_field => by_field,
        };
        match by_name {
            _ if !real(recorded) || !real(actual) => false,
            Meaning::Bound(kind) if self.bindings.known(self.cluster, kind, recorded, actual) => true,
            Meaning::Bound(kind) => {
                let rule = match kind {
                    Kind::Id => "ids",
                    Kind::Txn => "transaction ids",
                    Kind::Seq => "commit seqs",
                    Kind::Hash => "hashes",
                    Kind::Name => "made-up names and tokens",
                    Kind::Host => "hosts and ports",
                };
                self.bindings.hit(rule) && self.bindings.bind(self.cluster, kind, recorded, actual)
            }
            Meaning::Counter => self.bindings.hit("positions that were looked at at some time"),
            Meaning::Time => (both_wide || both_seconds) && self.bindings.hit("points in time"),
            // In an address or a path: an id that is known as such.
            Meaning::Plain if recorded.len() >= 5 && self.bindings.known(self.cluster, Kind::Id, recorded, actual) => {
                self.bindings.hit("ids")
            }
            Meaning::Plain => {
                both_wide && self.bindings.hit("ids") && self.bindings.bind(self.cluster, Kind::Id, recorded, actual)
            }
        }
    }
}

/// A text with its lists of replicas (`{ [replicaId=..], [..] }`) in other orders: a hash set gave them. The FE names three
/// at most.
fn orders_of_replicas(text: &str) -> Vec<String> {
    const FIRST: &str = "[replicaId=";
    let Some(start) = text.rfind(&format!("{{ {FIRST}")).map(|at| at + 2) else { return Vec::new() };
    let Some(end) = text[start..].find(" }").map(|at| start + at) else { return Vec::new() };
    let replicas: Vec<&str> = text[start..end].split(", [").map(|part| part.trim_start_matches('[')).collect();
    let orders: &[&[usize]] = match replicas.len() {
        2 => &[&[1, 0]],
        3 => &[&[0, 2, 1], &[1, 0, 2], &[1, 2, 0], &[2, 0, 1], &[2, 1, 0]],
        _ => &[],
    };
    let written = |order: &&[usize]| {
        let list: Vec<String> =
            order.iter().filter_map(|at| replicas.get(*at)).map(|part| format!("[{part}")).collect();
        format!("{}{}{}", &text[..start], list.join(", "), &text[end..])
    };
    orders.iter().map(written).collect()
}

/// The last few pieces before a number.
fn words(before: &[Atom<'_>]) -> String {
    let from = before.len().saturating_sub(8);
    let text = |atom: &Atom<'_>| match atom {
        Atom::Literal(text) => (*text).to_owned(),
        Atom::Number(_) => String::from(" "),
        Atom::Time(_) | Atom::Address(_) | Atom::MadeUp(_) | Atom::JavaIdentity(_) => String::from(" . "),
    };
    before[from..].iter().map(text).collect()
}

/// Not a constant such as `9999-12-31 15:59:59`.
fn is_of_a_run(time: &str) -> bool {
    time.get(..4).and_then(|year| year.parse::<u32>().ok()).is_some_and(|year| (2020..2100).contains(&year))
}
