//! Columns, types and secondary indexes as Doris serializes them in records (Gson).

use serde_json::{Map, Value as Json, json};

use super::{Column, ColumnDefault, ColumnType, KeysType};

/// The length of STRING and JSON.
const LONGEST: i64 = 2_147_483_643;

impl Column {
    /// The column of an index of this model.
    pub(crate) fn data(&self, keys: KeysType) -> Json {
        let mut data = Map::new();
        let mut set = |key: &str, value: Json| {
            data.insert(key.to_owned(), value);
        };
        set("name", json!(self.name));
        set("type", self.ty.data());
        if let Some(word) = self.aggregation_word(keys) {
            set("aggregationType", json!(word));
        }
        set("isAggregationTypeImplicit", json!(self.is_implicit(keys)));
        set("isKey", json!(self.is_key));
        set("isAllowNull", json!(self.nullable));
        set("isAutoInc", json!(self.auto_increment.is_some()));
        let none = if self.copied { 0 } else { -1 };
        set("autoIncInitValue", json!(self.auto_increment.unwrap_or(none)));
        if let Some(text) = self.default_text() {
            set("defaultValue", json!(text));
        }
        if self.copied || !self.comment.is_empty() {
            set("comment", json!(self.comment));
        }
        if let Some(text) = &self.real_default {
            set("realDefaultValue", json!(text));
        }
        set("visible", json!(self.visible));
        if let ColumnDefault::Expression(text) = &self.default {
            let (default, on_update) = split_on_update(text);
            set("defaultValueExprDef", expression_data(default));
            set("hasOnUpdateDefaultValue", json!(on_update.is_some()));
            if let Some(on_update) = on_update {
                set("onUpdateDefaultValueExprDef", expression_data(on_update));
            }
        } else {
            set("hasOnUpdateDefaultValue", json!(false));
        }
        set("uniqueId", json!(self.unique_id));
        set("clusterKeyId", json!(-1));
        Json::Object(data)
    }

    /// How values are combined, in Doris's word; keys have none.
    pub(crate) fn aggregation_word(&self, keys: KeysType) -> Option<String> {
        match (self.is_key, self.aggregation, keys) {
            (true, ..) => None,
            (false, Some(aggregation), _) => Some(aggregation.to_string()),
            (false, None, KeysType::Unique { merge_on_write: false }) => Some("REPLACE".into()),
            (false, None, _) => Some("NONE".into()),
        }
    }

    /// `isAggregationTypeImplicit`: not of a merge-on-write table's columns as they were created (seen).
    pub(crate) fn is_implicit(&self, keys: KeysType) -> bool {
        if self.is_key || self.aggregation.is_some() {
            return false;
        }
        match keys {
            KeysType::Duplicate | KeysType::Unique { merge_on_write: false } => true,
            KeysType::Unique { merge_on_write: true } | KeysType::Aggregate => self.implicit_aggregation,
        }
    }

    /// `defaultValue`: the literal, or the expression.
    pub(crate) fn default_text(&self) -> Option<String> {
        match &self.default {
            ColumnDefault::None | ColumnDefault::Null => None,
            ColumnDefault::Literal { text, .. } => Some(text.clone()),
            ColumnDefault::Expression(text) => Some(split_on_update(text).0.to_owned()),
        }
    }
}

/// An expression default and what stands behind ON UPDATE.
pub(crate) fn split_on_update(expression: &str) -> (&str, Option<&str>) {
    match expression.split_once(" ON UPDATE ") {
        Some((default, on_update)) => (default, Some(on_update)),
        None => (expression, None),
    }
}

fn expression_data(expression: &str) -> Json {
    let (name, digits) = match expression.split_once('(') {
        Some((name, rest)) => (name, rest.trim_end_matches(')').parse::<i64>().ok()),
        None => (expression, None),
    };
    let name = match name {
        "CURRENT_TIMESTAMP" => "now".to_owned(),
        other => other.to_lowercase(),
    };
    match digits {
        Some(digits) => json!({ "exprName": name, "precision": digits }),
        None => json!({ "exprName": name }),
    }
}

impl ColumnType {
    /// `{"clazz":"ScalarType",...}`, nested for complex types.
    pub(crate) fn data(&self) -> Json {
        let scalar = |len: i64, precision: u32, scale: u32| {
            json!({
                "clazz": "ScalarType", "type": self.primitive_name(), "len": len, "precision": precision, "scale": scale,
            })
        };
        match self {
            Self::Char { length } | Self::Varchar { length } => scalar(i64::from(*length), 0, 0),
            Self::String | Self::Json => scalar(LONGEST, 0, 0),
            Self::DateTime { scale } => scalar(-1, 18, u32::from(*scale)),
            Self::Decimal { precision, scale } => scalar(-1, u32::from(*precision), u32::from(*scale)),
            Self::Other(text) => complex_data(text).unwrap_or_else(|| scalar(-1, 0, 0)),
            _ => scalar(-1, 0, 0),
        }
    }

    /// `PrimitiveType`.
    pub(crate) fn primitive_name(&self) -> String {
        match self {
            Self::Decimal { precision: 0..=9, .. } => "DECIMAL32".into(),
            Self::Decimal { precision: 10..=18, .. } => "DECIMAL64".into(),
            Self::Decimal { precision: 19..=38, .. } => "DECIMAL128".into(),
            Self::Decimal { .. } => "DECIMAL256".into(),
            Self::Date => "DATEV2".into(),
            Self::DateTime { .. } => "DATETIMEV2".into(),
            Self::Char { .. } => "CHAR".into(),
            Self::Varchar { .. } => "VARCHAR".into(),
            Self::String => "STRING".into(),
            Self::Json => "JSONB".into(),
            Self::Other(text) => text.split(['<', '(']).next().unwrap_or_default().to_uppercase(),
            other => other.to_string().to_uppercase(),
        }
    }
}

/// ARRAY, MAP and STRUCT, by their text.
fn complex_data(text: &str) -> Option<Json> {
    let (name, rest) = text.split_once('<')?;
    let parts = split_arguments(rest.strip_suffix('>')?);
    let ty = |text: &str| crate::sql::parse_type(text).ok().map(|ty| ty.data());
    match (name, parts.as_slice()) {
        ("array", [item]) => Some(json!({ "clazz": "ArrayType", "itemType": ty(item)?, "containsNull": true })),
        ("map", [key, value]) => Some(json!({
            "clazz": "MapType", "keyType": ty(key)?, "isKeyContainsNull": true, "valueType": ty(value)?,
            "isValueContainsNull": true,
        })),
        ("struct", fields) => {
            let mut list = Vec::new();
            let mut map = Map::new();
            for (position, field) in fields.iter().enumerate() {
                let (name, of) = field.split_once(':')?;
                let data = json!({
                    "name": name, "type": ty(of)?, "comment": "", "position": position, "containsNull": true,
                });
                map.insert(name.to_owned(), data.clone());
                list.push(data);
            }
            Some(json!({ "clazz": "StructType", "fieldMap": map, "fields": list }))
        }
        _ => None,
    }
}

/// The arguments between `<` and `>`, split at the commas of the outermost level.
fn split_arguments(text: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    let (mut depth, mut start) = (0_i32, 0);
    for (at, c) in text.char_indices() {
        match c {
            '<' | '(' => depth += 1,
            '>' | ')' => depth -= 1,
            ',' if depth == 0 => {
                parts.push(text[start..at].trim());
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(text[start..].trim());
    parts
}
