//! Types of columns in the FE's JSON.

use serde::{Deserialize, Serialize};

use super::{super::ColumnType, java_map::JavaMap};

/// The length of STRING and JSON.
const LONGEST: i32 = 2_147_483_643;
/// `ScalarType.MAX_HLL_LENGTH`.
const HLL_LENGTH: i32 = 16_385;
/// `ScalarType.DATETIME_PRECISION`.
const DATETIME_PRECISION: i32 = 18;

/// `org.apache.doris.catalog.Type`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "clazz")]
pub(crate) enum TypeJson {
    ScalarType {
        #[serde(rename = "type")]
        primitive: String,
        len: i32,
        precision: i32,
        scale: i32,
    },
    #[serde(rename_all = "camelCase")]
    ArrayType { item_type: Box<Self>, contains_null: bool },
    #[serde(rename_all = "camelCase")]
    MapType { key_type: Box<Self>, is_key_contains_null: bool, value_type: Box<Self>, is_value_contains_null: bool },
    #[serde(rename_all = "camelCase")]
    StructType { field_map: JavaMap<StructFieldJson>, fields: Vec<StructFieldJson> },
    /// Without the fields of its own: they are not modelled.
    VariantType {},
    /// Any other: not modelled.
    #[serde(other)]
    Unknown,
}

/// A field of a STRUCT.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct StructFieldJson {
    name: String,
    #[serde(rename = "type")]
    ty: TypeJson,
    #[serde(default)]
    comment: String,
    #[serde(default)]
    position: usize,
    contains_null: bool,
}

impl TypeJson {
    /// A type without further marks.
    pub(crate) fn scalar(primitive: &str) -> Self {
        Self::with(primitive, -1, 0, 0)
    }

    fn with(primitive: &str, len: i32, precision: i32, scale: i32) -> Self {
        Self::ScalarType { primitive: primitive.to_owned(), len, precision, scale }
    }

    pub(crate) fn of(ty: &ColumnType) -> Self {
        let primitive = ty.primitive_name();
        let length = |n: &u32| i32::try_from(*n).unwrap_or(i32::MAX);
        match ty {
            ColumnType::Char { length: n } | ColumnType::Varchar { length: n } => {
                Self::with(&primitive, length(n), 0, 0)
            }
            ColumnType::String | ColumnType::Json => Self::with(&primitive, LONGEST, 0, 0),
            ColumnType::DateTime { scale } => Self::with(&primitive, -1, DATETIME_PRECISION, i32::from(*scale)),
            ColumnType::Decimal { precision, scale } => {
                Self::with(&primitive, -1, i32::from(*precision), i32::from(*scale))
            }
            ColumnType::Other(text) => Self::of_text(text),
            _ => Self::scalar(&primitive),
        }
    }

    /// From the text of a type that is not modelled any further.
    fn of_text(text: &str) -> Self {
        let of = |text: &str| Box::new(crate::sql::parse_type(text.trim()).map_or(Self::Unknown, |ty| Self::of(&ty)));
        if let Some(item) = inside(text, "array<", '>') {
            return Self::ArrayType { item_type: of(item), contains_null: true };
        }
        if let Some((key, value)) = inside(text, "map<", '>').and_then(|pair| split_top(pair, ',')) {
            return Self::MapType {
                key_type: of(key),
                is_key_contains_null: true,
                value_type: of(value),
                is_value_contains_null: true,
            };
        }
        if let Some(mut rest) = inside(text, "struct<", '>') {
            let mut fields = Vec::new();
            while !rest.is_empty() {
                let (field, others) = split_top(rest, ',').unwrap_or((rest, ""));
                let (name, ty) = field.split_once(':').unwrap_or((field, ""));
                fields.push(StructFieldJson {
                    name: name.trim().to_owned(),
                    ty: *of(ty),
                    comment: String::new(),
                    position: fields.len(),
                    contains_null: true,
                });
                rest = others;
            }
            let field_map = JavaMap::of_strings(fields.iter().map(|field| (field.name.clone(), field.clone())));
            return Self::StructType { field_map, fields };
        }
        match text.split(['<', '(']).next().unwrap_or_default() {
            "variant" => Self::VariantType {},
            "hll" => Self::with("HLL", HLL_LENGTH, 0, 0),
            name => Self::scalar(&name.to_uppercase()),
        }
    }

    /// The text of SHOW CREATE TABLE.
    fn text(&self) -> String {
        match self {
            Self::ArrayType { item_type, .. } => format!("array<{}>", item_type.text()),
            Self::MapType { key_type, value_type, .. } => format!("map<{},{}>", key_type.text(), value_type.text()),
            Self::StructType { fields, .. } => {
                let fields: Vec<String> = fields.iter().map(|f| format!("{}:{}", f.name, f.ty.text())).collect();
                format!("struct<{}>", fields.join(","))
            }
            Self::VariantType {} => "variant".to_owned(),
            Self::Unknown => "unknown".to_owned(),
            Self::ScalarType { primitive, len, precision, scale } => match primitive.as_str() {
                "DECIMAL32" | "DECIMAL64" | "DECIMAL128" | "DECIMAL256" | "DECIMALV2" => {
                    format!("decimal({precision},{scale})")
                }
                "DATEV2" => "date".into(),
                "DATETIMEV2" if *scale == 0 => "datetime".into(),
                "DATETIMEV2" => format!("datetime({scale})"),
                "CHAR" => format!("char({len})"),
                "VARCHAR" => format!("varchar({len})"),
                "STRING" => "text".into(),
                "JSONB" => "json".into(),
                other => other.to_lowercase(),
            },
        }
    }

    /// The column type of this JSON.
    pub(crate) fn column_type(&self) -> ColumnType {
        let text = self.text();
        crate::sql::parse_type(&text).unwrap_or(ColumnType::Other(text))
    }
}

/// What stands between a beginning and the closing bracket.
fn inside<'a>(text: &'a str, beginning: &str, closing: char) -> Option<&'a str> {
    text.strip_prefix(beginning)?.strip_suffix(closing)
}

/// Splits at the first separator that is in no brackets.
fn split_top(text: &str, separator: char) -> Option<(&str, &str)> {
    let mut depth = 0_i32;
    let at = text.char_indices().find_map(|(at, c)| {
        match c {
            '<' | '(' => depth += 1,
            '>' | ')' => depth -= 1,
            _ => {}
        }
        (c == separator && depth == 0).then_some(at)
    })?;
    Some((&text[..at], &text[at + separator.len_utf8()..]))
}
