//! Columns and their types as Doris serializes them in records (Gson): the words of the JSON in `fe_json`.

use super::{Column, ColumnDefault, ColumnType, KeysType};

impl Column {
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

impl ColumnType {
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

    /// The type in a `rawSql`: the planner's spelling.
    pub(crate) fn planner_text(&self) -> String {
        match self {
            Self::Decimal { precision, scale } => format!("DECIMALV3({precision}, {scale})"),
            Self::Date => "DATEV2".into(),
            Self::DateTime { scale } => format!("DATETIMEV2({scale})"),
            Self::String => "TEXT".into(),
            Self::Other(text) => complex_planner_text(text),
            other => other.to_string().to_uppercase(),
        }
    }
}

/// `array<int>` as `ARRAY<INT>`; the names of fields stay as they are.
fn complex_planner_text(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while !rest.is_empty() {
        let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
        let (word, tail) = rest.split_at(end);
        let is_name = tail.starts_with(':');
        match word {
            name if is_name => out.push_str(name),
            "date" => out.push_str("DATEV2"),
            "datetime" => out.push_str(if tail.starts_with('(') { "DATETIMEV2" } else { "DATETIMEV2(0)" }),
            "decimal" => out.push_str("DECIMALV3"),
            word => out.push_str(&word.to_uppercase()),
        }
        let mut tail = tail.chars();
        out.extend(tail.next());
        rest = tail.as_str();
    }
    out
}

/// Column.equals: what a change of a column is judged by.
pub(crate) fn same_column(a: &Column, b: &Column, keys: KeysType) -> bool {
    a.name.eq_ignore_ascii_case(&b.name)
        && a.ty == b.ty
        && a.aggregation_word(keys) == b.aggregation_word(keys)
        && a.is_implicit(keys) == b.is_implicit(keys)
        && (a.is_key, a.nullable, a.visible) == (b.is_key, b.nullable, b.visible)
        && a.auto_increment.is_some() == b.auto_increment.is_some()
        && a.default_text() == b.default_text()
        && a.real_default == b.real_default
        && a.comment == b.comment
}
