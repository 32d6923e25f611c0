//! Request bodies as Go's JSON decoder reads them: the first value counts, what follows is ignored; keys match in any case;
//! the last one of several wins; null leaves a field alone; no value is turned into another type.

use std::{collections::BTreeMap, fmt};

use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, SeqAccess, Visitor},
};
use serde_json::Number;

/// Why a body cannot be used: one sentence for the client, without the values found (they may be passwords).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct BadBody(pub(crate) String);

/// A value with its members in the order of the text.
#[derive(Clone, Debug, PartialEq)]
enum Value {
    Null,
    Bool(bool),
    Number(Number),
    String(String),
    Array(Vec<Value>),
    Object(Vec<(String, Value)>),
}

impl Value {
    fn kind(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "a bool",
            Self::Number(_) => "a number",
            Self::String(_) => "a string",
            Self::Array(_) => "an array",
            Self::Object(_) => "an object",
        }
    }
}

/// A JSON object of a request.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Object {
    /// Where it is, for messages: empty or `src.`.
    path: String,
    members: Vec<(String, Value)>,
}

impl Object {
    /// Reads the first value of a body; null is an object without members.
    pub(crate) fn read(body: &[u8]) -> Result<Self, BadBody> {
        if body.iter().all(u8::is_ascii_whitespace) {
            return Err(BadBody("the request body is empty: a JSON object is expected".to_owned()));
        }
        let first = serde_json::Deserializer::from_slice(body).into_iter::<Value>().next();
        match first {
            Some(Ok(Value::Object(members))) => Ok(Self { path: String::new(), members }),
            Some(Ok(Value::Null)) => Ok(Self::default()),
            Some(Ok(other)) => Err(BadBody(format!("the request body is {}: a JSON object is expected", other.kind()))),
            // Syntax errors name a place and no content.
            Some(Err(error)) => Err(BadBody(format!("the request body is not JSON: {error}"))),
            None => Err(BadBody("the request body is empty: a JSON object is expected".to_owned())),
        }
    }

    /// A string member; absent or null is empty.
    pub(crate) fn string(&self, key: &str) -> Result<String, BadBody> {
        self.last(key, "a string", |value| match value {
            Value::String(text) => Some(text.clone()),
            _ => None,
        })
        .map(Option::unwrap_or_default)
    }

    /// A boolean member; absent or null is false.
    pub(crate) fn bool(&self, key: &str) -> Result<bool, BadBody> {
        self.last(key, "a bool", |value| match value {
            Value::Bool(value) => Some(*value),
            _ => None,
        })
        .map(Option::unwrap_or_default)
    }

    /// An integer member; absent or null is 0.
    pub(crate) fn integer(&self, key: &str) -> Result<i64, BadBody> {
        self.last(key, "a 64-bit integer", |value| match value {
            Value::Number(number) => number.as_i64(),
            _ => None,
        })
        .map(Option::unwrap_or_default)
    }

    /// An object member; absent or null is empty.
    pub(crate) fn object(&self, key: &str) -> Result<Self, BadBody> {
        let path = format!("{}{key}.", self.path);
        let members = self.last(key, "an object", |value| match value {
            Value::Object(members) => Some(members.clone()),
            _ => None,
        })?;
        Ok(Self { path, members: members.unwrap_or_default() })
    }

    /// A member that is an array of objects; absent or null is `None`.
    pub(crate) fn objects(&self, key: &str) -> Result<Option<Vec<Self>>, BadBody> {
        let path = format!("{}{key}.", self.path);
        self.last(key, "an array of objects", |value| match value {
            Value::Array(items) => items
                .iter()
                .map(|item| match item {
                    Value::Object(members) => Some(Self { path: path.clone(), members: members.clone() }),
                    Value::Null => Some(Self { path: path.clone(), members: Vec::new() }),
                    _ => None,
                })
                .collect(),
            _ => None,
        })
    }

    /// A member that is an object of strings. Its keys are data: their case counts.
    pub(crate) fn strings(&self, key: &str) -> Result<BTreeMap<String, String>, BadBody> {
        self.last(key, "an object of strings", |value| match value {
            Value::Object(members) => members
                .iter()
                .map(|(key, value)| match value {
                    Value::String(text) => Some((key.clone(), text.clone())),
                    Value::Null => Some((key.clone(), String::new())),
                    _ => None,
                })
                .collect(),
            _ => None,
        })
        .map(Option::unwrap_or_default)
    }

    /// Any member as text; `None` where it is absent or null.
    pub(crate) fn text(&self, key: &str) -> Option<String> {
        let (_, value) = self.members.iter().rev().find(|(name, _)| name.eq_ignore_ascii_case(key))?;
        match value {
            Value::Null => None,
            Value::String(text) => Some(text.clone()),
            Value::Bool(value) => Some(value.to_string()),
            Value::Number(number) => Some(number.to_string()),
            Value::Array(_) | Value::Object(_) => Some(value.kind().to_owned()),
        }
    }

    fn last<T>(&self, key: &str, expected: &str, read: impl Fn(&Value) -> Option<T>) -> Result<Option<T>, BadBody> {
        let mut found = None;
        for (name, value) in &self.members {
            if *value == Value::Null || !name.eq_ignore_ascii_case(key) {
                continue;
            }
            found = Some(read(value).ok_or_else(|| {
                BadBody(format!("field {}{key} is {}: {expected} is expected", self.path, value.kind()))
            })?);
        }
        Ok(found)
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AnyValue)
    }
}

struct AnyValue;

impl<'de> Visitor<'de> for AnyValue {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Number::from_f64(value).map_or(Value::Null, Value::Number))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut array = Vec::new();
        while let Some(item) = items.next_element()? {
            array.push(item);
        }
        Ok(Value::Array(array))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut members = Vec::new();
        while let Some(entry) = entries.next_entry()? {
            members.push(entry);
        }
        Ok(Value::Object(members))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn read(body: &str) -> Object {
        Object::read(body.as_bytes()).unwrap()
    }

    #[test]
    fn bodies_are_read_as_go_reads_them() {
        for (body, name) in [
            (r#"{"name":"a"}"#, "a"),
            (r#" {"name":"a"} garbage"#, "a"),
            (r#"{"NAME":"a"}"#, "a"),
            (r#"{"name":"a","Name":"b"}"#, "b"),
            (r#"{"Name":"b","name":"a"}"#, "a"),
            (r#"{"name":"a","name":null}"#, "a"),
            (r#"{"name":"\u003ca\u00e4"}"#, "<aä"),
            (r#"{"names":"a","other":{"name":1}}"#, ""),
            ("null", ""),
            ("{}", ""),
        ] {
            assert_eq!(read(body).string("name").unwrap(), name, "{body}");
        }
        let object = read(r#"{"n":5,"b":true,"o":{"S":"x"},"m":{"K":"v","k":"w"},"l":[{"a":"1"},null]}"#);
        assert_eq!(object.integer("n"), Ok(5));
        assert_eq!(object.bool("b"), Ok(true));
        assert_eq!(object.object("o").unwrap().string("s").unwrap(), "x");
        assert_eq!(object.strings("m").unwrap().len(), 2);
        assert_eq!(object.objects("l").unwrap().unwrap().len(), 2);
        assert_eq!(object.objects("none").unwrap(), None);
        let texts = read(r#"{"s":"x","b":false,"n":1.5,"z":null,"o":{},"s2":"y","S2":null}"#);
        let texts = ["s", "b", "n", "z", "o", "s2", "none"].map(|key| texts.text(key));
        let expected = [Some("x"), Some("false"), Some("1.5"), None, Some("an object"), None, None];
        assert_eq!(texts, expected.map(|text| text.map(str::to_owned)));
    }

    #[test]
    fn what_is_wrong_with_a_body_is_said() {
        for (body, expected) in [
            ("", "the request body is empty: a JSON object is expected"),
            (" \n", "the request body is empty: a JSON object is expected"),
            ("[]", "the request body is an array: a JSON object is expected"),
            ("\"x\"", "the request body is a string: a JSON object is expected"),
            ("abc", "the request body is not JSON: expected value at line 1 column 1"),
            ("{\"a\":", "the request body is not JSON: EOF while parsing a value at line 1 column 5"),
        ] {
            assert_eq!(Object::read(body.as_bytes()).unwrap_err().0, expected, "{body}");
        }
        assert!(Object::read(&[b'"', 0xff, b'"']).unwrap_err().0.contains("not JSON"));
        let deep = "{\"a\":".repeat(100_000);
        assert!(Object::read(deep.as_bytes()).unwrap_err().0.contains("recursion limit"));
        let object =
            read(r#"{"s":1,"n":1.0,"big":9223372036854775808,"b":"true","o":[],"o2":{"p":5},"m":{"a":1},"l":[1]}"#);
        let messages = [
            object.string("s").unwrap_err(),
            object.integer("n").unwrap_err(),
            object.integer("big").unwrap_err(),
            object.bool("b").unwrap_err(),
            object.object("o").unwrap_err(),
            object.object("o2").unwrap().string("p").unwrap_err(),
            object.strings("m").unwrap_err(),
            object.objects("l").unwrap_err(),
        ];
        assert_eq!(
            messages.map(|m| m.0),
            [
                "field s is a number: a string is expected",
                "field n is a number: a 64-bit integer is expected",
                "field big is a number: a 64-bit integer is expected",
                "field b is a string: a bool is expected",
                "field o is an array: an object is expected",
                "field o2.p is a number: a string is expected",
                "field m is an object: an object of strings is expected",
                "field l is an array: an array of objects is expected",
            ]
        );
    }
}
