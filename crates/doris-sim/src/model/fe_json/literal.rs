//! Literals, and the keys that bound or list the values of a partition.

use serde::{Deserialize, Deserializer, Serialize, de};
use serde_json::value::RawValue;

use super::{
    super::{BoundValue, ColumnType, Value},
    column::typed,
    types::TypeJson,
};

/// What stands after the values of a key: it is not the default partition's.
const ORDINARY: &str = "[false,\"unused\"]";
/// As [`ORDINARY`], for the default partition of a LIST table.
const DEFAULT: &str = "[true,\"unused\"]";

/// `LiteralExpr` and its kinds.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct LiteralJson {
    clazz: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    v: Option<Box<RawValue>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    y: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    m: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    d: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    h: Option<u32>,
    #[serde(default, rename = "M", skip_serializing_if = "Option::is_none")]
    minute: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    s: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    ms: Option<u32>,
    #[serde(rename = "type")]
    ty: TypeJson,
    opcode: String,
    children: [(); 0],
}

impl LiteralJson {
    fn new(clazz: &str, ty: TypeJson) -> Self {
        Self {
            clazz: clazz.to_owned(),
            v: None,
            y: None,
            m: None,
            d: None,
            h: None,
            minute: None,
            s: None,
            ms: None,
            ty,
            opcode: "INVALID_OPCODE".into(),
            children: [],
        }
    }

    fn of(value: &Value, ty: &ColumnType) -> Self {
        let json = TypeJson::of(ty);
        let raw = |text: String| RawValue::from_string(text).ok();
        let number = |clazz: &str, json| Self { v: raw(value.to_string()), ..Self::new(clazz, json) };
        match value {
            Value::Null => Self::new("NullLiteral", json),
            Value::Bool(b) => Self { v: raw(b.to_string()), ..Self::new("BoolLiteral", json) },
            Value::Int(_) if *ty == ColumnType::LargeInt => number("LargeIntLiteral", json),
            Value::Int(_) => number("IntLiteral", json),
            Value::Decimal { .. } => number("DecimalLiteral", json),
            Value::Double(_) => number("FloatLiteral", json),
            Value::Text(text) => Self { v: quoted(text), ..Self::new("StringLiteral", json) },
            Value::Date(text) | Value::DateTime(text) => Self::of_date(text, json),
        }
    }

    fn of_date(text: &str, ty: TypeJson) -> Self {
        let mut parts = text.split(['-', ' ', ':', '.']);
        let mut next = || parts.next().and_then(|part| part.parse::<u32>().ok()).unwrap_or(0);
        let (y, m, d, h, minute, s) = (next(), next(), next(), next(), next(), next());
        let fraction = text.split_once('.').map_or("", |(_, fraction)| fraction);
        let ms = format!("{fraction:0<6}").parse().unwrap_or(0);
        Self {
            y: Some(y),
            m: Some(m),
            d: Some(d),
            h: Some(h),
            minute: Some(minute),
            s: Some(s),
            ms: Some(ms),
            ..Self::new("DateLiteral", ty)
        }
    }

    fn max_value() -> Self {
        Self::new("MaxLiteral", TypeJson::scalar("INVALID_TYPE"))
    }

    fn bound(&self, ty: &ColumnType) -> BoundValue {
        let text = || match self.v.as_ref().map(|raw| raw.get()) {
            Some(raw) => serde_json::from_str::<String>(raw).unwrap_or_else(|_| raw.to_owned()),
            None => String::new(),
        };
        BoundValue::Value(match self.clazz.as_str() {
            "MaxLiteral" => return BoundValue::MaxValue,
            "NullLiteral" => Value::Null,
            "StringLiteral" => Value::Text(text()),
            "DateLiteral" => typed(&self.date_text(), ty),
            _ => typed(&text(), ty),
        })
    }

    fn date_text(&self) -> String {
        let part = |n: Option<u32>| n.unwrap_or(0);
        let mut text = format!("{:04}-{:02}-{:02}", part(self.y), part(self.m), part(self.d));
        if !matches!(&self.ty, TypeJson::ScalarType { primitive, .. } if primitive == "DATEV2") {
            text += &format!(" {:02}:{:02}:{:02}", part(self.h), part(self.minute), part(self.s));
            if part(self.ms) != 0 {
                text += &format!(".{:06}", part(self.ms));
            }
        }
        text
    }
}

fn quoted(text: &str) -> Option<Box<RawValue>> {
    serde_json::value::to_raw_value(text).ok()
}

/// `PartitionKey`: pairs of type and value, then a mark.
#[derive(Clone, Debug, Serialize)]
#[serde(transparent)]
pub(crate) struct KeyJson(Vec<KeyElement>);

#[derive(Clone, Debug, Serialize)]
#[serde(untagged)]
enum KeyElement {
    Value(String, Box<LiteralJson>),
    Mark(String),
}

impl<'de> Deserialize<'de> for KeyJson {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = Vec::<Box<RawValue>>::deserialize(deserializer)?;
        let element = |raw: Box<RawValue>| match raw.get().starts_with('"') {
            true => serde_json::from_str(raw.get()).map(KeyElement::Mark),
            false => serde_json::from_str::<(String, LiteralJson)>(raw.get())
                .map(|(ty, literal)| KeyElement::Value(ty, Box::new(literal))),
        };
        let elements: Result<Vec<KeyElement>, _> = raw.into_iter().map(element).collect();
        elements.map(Self).map_err(de::Error::custom)
    }
}

impl KeyJson {
    fn of_literals(values: impl Iterator<Item = (String, LiteralJson)>, mark: &str) -> Self {
        let mut elements: Vec<KeyElement> =
            values.map(|(ty, literal)| KeyElement::Value(ty, Box::new(literal))).collect();
        elements.push(KeyElement::Mark(mark.to_owned()));
        Self(elements)
    }

    /// One bound of a range.
    pub(crate) fn of_bound(values: &[BoundValue], types: &[ColumnType]) -> Self {
        let literal = |value: &BoundValue, ty| match value {
            BoundValue::Value(value) => LiteralJson::of(value, ty),
            BoundValue::MaxValue => LiteralJson::max_value(),
        };
        Self::of_literals(values.iter().zip(types).map(|(value, ty)| (ty.range_name(), literal(value, ty))), ORDINARY)
    }

    /// One tuple of a list.
    pub(crate) fn of_tuple(values: &[Value], types: &[ColumnType]) -> Self {
        let pairs = values.iter().zip(types).map(|(value, ty)| (ty.range_name(), LiteralJson::of(value, ty)));
        Self::of_literals(pairs, ORDINARY)
    }

    /// The key of the default partition of a LIST table.
    pub(crate) fn of_default() -> Self {
        Self::of_literals(std::iter::empty(), DEFAULT)
    }

    pub(crate) fn is_default(&self) -> bool {
        matches!(self.0.last(), Some(KeyElement::Mark(mark)) if mark == DEFAULT)
    }

    /// The values, one per partition column.
    pub(crate) fn bounds(&self, types: &[ColumnType]) -> Vec<BoundValue> {
        let literals = self.0.iter().filter_map(|element| match element {
            KeyElement::Value(_, literal) => Some(literal),
            KeyElement::Mark(_) => None,
        });
        literals.zip(types).map(|(literal, ty)| literal.bound(ty)).collect()
    }
}

/// A range of keys: two bounds.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct RangeJson([BoundJson; 2]);

#[derive(Clone, Debug, Serialize, Deserialize)]
struct BoundJson {
    #[serde(rename = "type")]
    kind: String,
    value: KeyJson,
}

impl RangeJson {
    /// `[lower, upper)`.
    pub(crate) fn of(lower: &[BoundValue], upper: &[BoundValue], types: &[ColumnType]) -> Self {
        let bound = |kind: &str, values| BoundJson { kind: kind.to_owned(), value: KeyJson::of_bound(values, types) };
        Self([bound("CLOSED", lower), bound("OPEN", upper)])
    }

    /// What stands for the range of a partition that has none (ADD_PARTITION of a LIST table; seen).
    pub(crate) fn none() -> Self {
        let bound = || BoundJson { kind: "CLOSED".to_owned(), value: KeyJson::of_bound(&[], &[]) };
        Self([bound(), bound()])
    }

    pub(crate) fn lower(&self) -> &KeyJson {
        &self.0[0].value
    }

    pub(crate) fn upper(&self) -> &KeyJson {
        &self.0[1].value
    }
}
