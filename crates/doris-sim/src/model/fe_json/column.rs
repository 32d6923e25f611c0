//! Columns in the FE's JSON.

use serde::{Deserialize, Serialize};

use super::{
    super::{
        Aggregation, Column, ColumnDefault, ColumnType, KeysType, Value, coerce::coerce, column_data::split_on_update,
    },
    types::TypeJson,
};

/// `org.apache.doris.catalog.Column`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ColumnJson {
    pub(crate) name: String,
    #[serde(rename = "type")]
    pub(crate) ty: TypeJson,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    aggregation_type: Option<String>,
    #[serde(default)]
    is_aggregation_type_implicit: bool,
    pub(crate) is_key: bool,
    is_allow_null: bool,
    #[serde(default)]
    is_auto_inc: bool,
    #[serde(default)]
    auto_inc_init_value: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    default_value: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    comment: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    real_default_value: Option<String>,
    pub(crate) visible: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    default_value_expr_def: Option<ExprDefJson>,
    pub(crate) unique_id: i32,
    #[serde(default)]
    cluster_key_id: i32,
    #[serde(default)]
    has_on_update_default_value: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    on_update_default_value_expr_def: Option<ExprDefJson>,
}

/// `DefaultValueExprDef`: a default that is computed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ExprDefJson {
    expr_name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    precision: Option<i64>,
}

impl ColumnJson {
    /// A column of an index of this model.
    pub(crate) fn of(column: &Column, keys: KeysType) -> Self {
        let (expr, on_update) = match &column.default {
            ColumnDefault::Expression(text) => {
                let (default, on_update) = split_on_update(text);
                (Some(ExprDefJson::of(default)), on_update.map(ExprDefJson::of))
            }
            _ => (None, None),
        };
        let unset = if column.copied { 0 } else { -1 };
        Self {
            name: column.name.clone(),
            ty: TypeJson::of(&column.ty),
            aggregation_type: column.aggregation_word(keys),
            is_aggregation_type_implicit: column.is_implicit(keys),
            is_key: column.is_key,
            is_allow_null: column.nullable,
            is_auto_inc: column.auto_increment.is_some(),
            auto_inc_init_value: column.auto_increment.unwrap_or(unset),
            default_value: column.default_text(),
            comment: (column.copied || !column.comment.is_empty()).then(|| column.comment.clone()),
            real_default_value: column.real_default.clone(),
            visible: column.visible,
            default_value_expr_def: expr,
            unique_id: column.unique_id,
            cluster_key_id: column.cluster_key.unwrap_or(-1),
            has_on_update_default_value: on_update.is_some(),
            on_update_default_value_expr_def: on_update,
        }
    }

    /// As in an object that CREATE TABLE made: a column without comment has none, not an empty one (seen).
    pub(crate) fn without_empty_comment(mut self) -> Self {
        self.comment = self.comment.filter(|comment| !comment.is_empty());
        self
    }

    /// The column.
    pub(crate) fn column(&self) -> Column {
        let ty = self.ty.column_type();
        let default = match (&self.default_value, &self.default_value_expr_def) {
            (None, _) => ColumnDefault::None,
            (Some(text), Some(_)) => ColumnDefault::Expression(match &self.on_update_default_value_expr_def {
                Some(on_update) => format!("{text} ON UPDATE {}", on_update.text()),
                None => text.clone(),
            }),
            (Some(text), None) => ColumnDefault::Literal { text: text.clone(), value: typed(text, &ty) },
        };
        let written = self.aggregation_type.as_deref().filter(|_| !self.is_aggregation_type_implicit);
        Column {
            name: self.name.clone(),
            is_key: self.is_key,
            aggregation: written.and_then(|word| Aggregation::ALL.into_iter().find(|a| a.to_string() == word)),
            nullable: self.is_allow_null,
            auto_increment: self.is_auto_inc.then_some(self.auto_inc_init_value),
            default,
            comment: self.comment.clone().unwrap_or_default(),
            unique_id: self.unique_id,
            visible: self.visible,
            implicit_aggregation: self.is_aggregation_type_implicit,
            copied: !self.is_auto_inc && self.auto_inc_init_value == 0,
            real_default: self.real_default_value.clone(),
            ..Column::new("", ty)
        }
    }
}

/// A column of a view, by its name, comment and type.
pub(crate) fn view_column(((name, comment), ty): (&(String, String), &ColumnType)) -> ColumnJson {
    let column = Column { comment: comment.clone(), ..Column::new(name.clone(), ty.clone()) };
    ColumnJson { aggregation_type: None, ..ColumnJson::of(&column, KeysType::Aggregate) }
}

impl ExprDefJson {
    fn of(expression: &str) -> Self {
        let (name, precision) = match expression.split_once('(') {
            Some((name, rest)) => (name, rest.trim_end_matches(')').parse().ok()),
            None => (expression, None),
        };
        let expr_name = match name {
            "CURRENT_TIMESTAMP" => "now".to_owned(),
            other => other.to_lowercase(),
        };
        Self { expr_name, precision }
    }

    fn text(&self) -> String {
        let name = if self.expr_name == "now" { "CURRENT_TIMESTAMP".to_owned() } else { self.expr_name.to_uppercase() };
        self.precision.map_or(name.clone(), |digits| format!("{name}({digits})"))
    }
}

/// A value of this type from its text; NULL where the text is none.
pub(super) fn typed(text: &str, ty: &ColumnType) -> Value {
    coerce(&Value::Text(text.to_owned()), ty).unwrap_or(Value::Null)
}
